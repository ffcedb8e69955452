"""Bringing two data sets together in space and time, whatever their layouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore.errors import MatchError
from smcore.grids import Grid, distance_km, ease, regular
from smcore.stations.select import select
from smcore.validation.matching.collocate import collocate, nearest
from smcore.validation.matching.match import Match, MatchOptions, match, pairs_dataset
from smcore.validation.matching.sides import Masks, side
from smcore.validation.matching.times import HOUR

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 104), slice(200, 206))


def hours(start: str, count: int, step: int = 1) -> np.ndarray:
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(step, "h")


def paired(product: xr.Dataset, reference: xr.Dataset, **options: Any) -> Match:
    masks = Masks(**{k: options.pop(k) for k in ("flags", "quality", "overpass", "start", "end") if k in options})
    return match(side(product, "p"), side(reference, "r"), MatchOptions(masks, **options))


def all_pairs(matched: Match) -> tuple[np.ndarray, np.ndarray]:
    pairs = matched.block(np.arange(len(matched.places))).pairs
    return pairs.product, pairs.reference


def brute_nearest(lat: np.ndarray, lon: np.ndarray, at: tuple[float, float]) -> int:
    return int(np.argmin(distance_km(lat, lon, *at)))


@pytest.mark.parametrize(
    "at", [(10.0, 179.99), (10.0, -179.99), (-33.2, 180.0), (84.9, 33.0), (0.0, 0.0), (45.03, -100.4)]
)
@pytest.mark.parametrize("grid", [ease("M36"), regular(89.5, -179.5, 1, 1, 180, 360)], ids=["ease", "latlon"])
def test_the_nearest_cell_is_found_also_over_the_dateline(make_cube: Make, grid: Grid, at: tuple[float, float]) -> None:
    cube = make_cube(np.zeros((1, *grid.shape)), hours("2020-01-01", 1), grid)
    one = side(cube, "cube")
    index, km = nearest(one, np.array([at[0]]), np.array([at[1]]))
    expected = brute_nearest(one.places.lat, one.places.lon, at)
    assert km[0] == pytest.approx(distance_km(one.places.lat[expected], one.places.lon[expected], *at), abs=1e-9)
    assert int(index[0]) == expected or at[0] == 0.0


@pytest.mark.parametrize("at", [(89.99, 120.0), (-89.7, -3.0), (12.0, 179.99), (12.0, -179.99)])
def test_the_nearest_pixel_is_found_over_pole_and_dateline(make_pixels: Make, at: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    lat = np.concatenate([rng.uniform(-90, 90, 300), [89.2, 89.0, -89.4, 12.1, 11.0]])
    lon = np.concatenate([rng.uniform(-180, 180, 300), [-61.0, 119.0, 170.0, -179.9, 179.0]])
    one = side(make_pixels(np.zeros((305, 1)), hours("2020-01-01", 1), lat, lon), "pixels")
    index, km = nearest(one, np.array([at[0]]), np.array([at[1]]))
    expected = brute_nearest(lat, lon, at)
    assert index[0] == expected
    assert km[0] == pytest.approx(distance_km(lat[expected], lon[expected], *at), abs=1e-9)


def test_a_station_is_paired_with_the_cell_that_holds_it_and_the_distance_is_reported(
    make_cube: Make, make_stations: Make
) -> None:
    time = hours("2020-01-01", 48)
    values = np.arange(48)[:, None, None] + 100 * np.arange(24).reshape(4, 6)
    lat, lon = GRID.lat[1] + 0.05, GRID.lon[2] - 0.1
    matched = paired(make_cube(values, time), make_stations(np.arange(48), time, lat, lon))
    product, reference = all_pairs(matched)
    np.testing.assert_array_equal(product[0], np.arange(48) + 800)
    np.testing.assert_array_equal(reference[0], np.arange(48))
    km = distance_km(GRID.lat[1], GRID.lon[2], lat, lon)
    assert matched.collocation.distance_km[0] == pytest.approx(km, abs=1e-9)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("layouts", ["stations-cube", "cube-cube", "stations-pixels", "pixels-pixels", "pixels-cube"])
def test_every_combination_of_layouts_goes_one_way_and_swaps(
    layouts: str, swapped: bool, make_cube: Make, make_pixels: Make, make_stations: Make
) -> None:
    time = hours("2020-01-01", 30)
    lat, lon = np.repeat(GRID.lat, 6), np.tile(GRID.lon, 4)
    rng = np.random.default_rng(0)
    a, b = rng.random((24, 30)).astype("f4"), rng.random((24, 30)).astype("f4")

    def made(layout: str, values: np.ndarray) -> xr.Dataset:
        if layout == "cube":
            return make_cube(values.T.reshape(30, 4, 6), time)
        if layout == "pixels":
            return make_pixels(values, time, lat, lon, **ease("M36").to_attrs())
        return make_stations(values, time, lat, lon)

    first, second = layouts.split("-")
    data = [made(first, a), made(second, b)]
    matched = paired(*(data[::-1] if swapped else data), flags=None)
    product, reference = all_pairs(matched)
    np.testing.assert_array_equal(reference if swapped else product, a)
    np.testing.assert_array_equal(product if swapped else reference, b)
    np.testing.assert_allclose(matched.collocation.distance_km, 0, atol=1e-6)


def test_two_sensors_at_one_depth_stay_two_rows(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 24)
    up = np.arange(24) / 100
    stations = make_stations(
        [up, -up], time, GRID.lat[0], GRID.lon[0], depth=[(0.05, 0.05), (0.05, 0.05)], station=["A", "A"]
    )
    matched = paired(make_cube(up, time), stations)
    assert matched.places.location.tolist() == ["A", "A"]
    assert len(set(matched.places.sensor.tolist())) == 2
    _, reference = all_pairs(matched)
    np.testing.assert_allclose(reference, [up, -up], atol=1e-7)


def test_one_station_name_in_two_networks_gets_its_network_before_it(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 2)
    stations = make_stations(
        np.zeros((3, 2)), time, GRID.lat[0], GRID.lon[0], station=["A", "A", "B"], network=["X", "Y", "Y"]
    )
    assert paired(make_cube(np.zeros(2), time), stations).places.location.tolist() == ["X/A", "Y/A", "B"]


def smap_like(make_cube: Make, count: int = 10, **attrs: Any) -> xr.Dataset:
    """Two steps a day with nominal stamps, really observed 16:40 UTC and 04:30 UTC of the next day."""
    time = hours("2020-01-01T06:00", 2 * count, 12)
    cube = make_cube(np.arange(2 * count) / 100, time, kind="observed", time_is_nominal=1, **attrs)
    shift = np.where(np.arange(2 * count) % 2 == 0, 640, 630).astype("timedelta64[m]")
    seen = np.broadcast_to((time + shift)[:, None, None], cube["sm"].shape)
    cube["obs_time"] = (("time", "y", "x"), seen.copy())
    labels = np.where(np.arange(2 * count) % 2 == 0, "am", "pm")
    return cube.assign_coords(overpass=("time", labels))


def test_pairs_are_made_from_observation_times_not_from_nominal_steps(make_cube: Make, make_stations: Make) -> None:
    station = make_stations(np.arange(300.0), hours("2020-01-01", 300), GRID.lat[0], GRID.lon[0])
    matched = paired(smap_like(make_cube), station)
    data = pairs_dataset(matched)
    assert int(np.isfinite(data["product"]).sum()) == 20
    # 16:40 is nearest to 17:00 (record 17), 04:30 lies between two and takes 04:00 of the next day (record 28).
    assert data["reference"].values[0, :4].tolist() == [17, 28, 41, 52]
    assert str(data["product_time"].values[0, 0])[:16] == "2020-01-01T16:40"
    assert data["overpass"].values[0, :4].tolist() == ["am", "pm", "am", "pm"]


@pytest.mark.parametrize(("overpass", "expected"), [("am", [17, 41]), ("pm", [28, 52])])
def test_one_overpass_alone_can_be_asked_for(
    make_cube: Make, make_stations: Make, overpass: str, expected: list[int]
) -> None:
    station = make_stations(np.arange(300.0), hours("2020-01-01", 300), GRID.lat[0], GRID.lon[0])
    block = paired(smap_like(make_cube), station, overpass=overpass).block(np.array([0]))
    assert block.pairs.reference[0, :2].tolist() == expected
    assert block.product_counts["dropped_overpass"].tolist() == [10]
    assert block.product_counts["usable"].tolist() == [10]


def test_an_overpass_of_data_that_have_none_is_refused(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 24)
    with pytest.raises(MatchError, match="Neither p nor r has overpasses"):
        paired(make_cube(np.zeros(24), time), make_stations(np.zeros(24), time, 0, 0), overpass="am")


def test_a_time_window_without_observation_times_is_refused_with_the_way_out(
    make_cube: Make, make_stations: Make
) -> None:
    cube = smap_like(make_cube).drop_vars("obs_time")
    station = make_stations(np.arange(300.0), hours("2020-01-01", 300), GRID.lat[0], GRID.lon[0])
    with pytest.raises(MatchError, match=r"no obs_time.*use --daily"):
        paired(cube, station, time_window=HOUR)
    matched = paired(cube, station)
    assert matched.daily
    assert any("does not say when" in note for note in matched.notes)


def test_a_time_window_on_daily_means_is_refused(make_cube: Make, make_stations: Make) -> None:
    cube = make_cube(np.zeros(10), hours("2020-01-01", 10, 24), time_support="day-mean")
    station = make_stations(np.zeros(300), hours("2020-01-01", 300), GRID.lat[0], GRID.lon[0])
    with pytest.raises(MatchError, match="whole days"):
        paired(cube, station, time_window=HOUR)
    assert paired(cube, station).daily


def test_an_observed_map_with_one_stamp_has_no_observation_time(make_cube: Make, make_stations: Make) -> None:
    cube = make_cube(np.zeros(10), hours("2020-01-01", 10, 24), kind="observed")
    station = make_stations(np.zeros(300), hours("2020-01-01", 300), GRID.lat[0], GRID.lon[0])
    with pytest.raises(MatchError, match="obs_time"):
        paired(cube, station, time_window=HOUR)


def test_a_mean_of_three_hours_is_paired_by_its_middle(make_cube: Make, make_stations: Make) -> None:
    cube = make_cube(np.arange(8), hours("2020-01-01T03:00", 8, 3), time_support="mean:3:end")
    station = make_stations(np.arange(48.0), hours("2020-01-01", 48), GRID.lat[0], GRID.lon[0])
    _, reference = all_pairs(paired(cube, station))
    assert reference[0].tolist() == [1, 4, 7, 10, 13, 16, 19, 22]  # 01:30 takes the earlier of 01:00 and 02:00


def test_a_swath_product_against_a_daily_mean_keeps_both_overpasses(make_cube: Make) -> None:
    daily = make_cube(np.arange(12) + 0.5, hours("2020-01-01", 12, 24), time_support="day-mean")
    product, reference = all_pairs(paired(smap_like(make_cube), daily))
    # seen 16:40 of day 0 and 04:30 of day 1, 16:40 of day 1 …
    assert reference[0, :4].tolist() == [0.5, 1.5, 1.5, 2.5]
    assert product.shape == (24, 20)


def test_station_flags_keep_what_is_good_and_count_the_rest(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 8)
    flag = np.array([1, 1, 4, 5, 2, 0, 1, 1])  # G G D01 G+D01 U none G G
    cube, station = (
        make_cube(np.arange(8), time),
        make_stations(np.arange(8), time, GRID.lat[0], GRID.lon[0], flag=flag),
    )
    block = paired(cube, station).block(np.array([0]))
    assert block.pairs.reference[0].tolist() == [0, 1, 6, 7]
    assert block.reference_counts["dropped_flag"].tolist() == [4]
    assert paired(cube, station, flags=("G", "U")).block(np.array([0])).pairs.reference[0].tolist() == [0, 1, 4, 6, 7]
    assert paired(cube, station, flags=None).block(np.array([0])).pairs.count.tolist() == [8]


def test_a_sensor_without_any_flag_is_used_beside_one_with_flags(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 3)
    station = make_stations(np.ones((2, 3)), time, GRID.lat[0], GRID.lon[0], flag=np.array([[4, 1, 1], [0, 0, 0]]))
    assert paired(make_cube(np.arange(3), time), station).block(np.array([0, 1])).pairs.count.tolist() == [2, 3]


def test_sensors_are_chosen_by_depth_and_an_empty_choice_lists_what_there_is(
    make_cube: Make, make_stations: Make
) -> None:
    time = hours("2020-01-01", 3)
    station = make_stations(
        [[1, 1, 1], [2, 2, 2], [3, 3, 3]], time, GRID.lat[0], GRID.lon[0], depth=[(0, 0.05), (0.1, 0.1), (0.5, 0.5)]
    )
    cube = make_cube(np.arange(3), time)
    matched = paired(cube, station, depth=(0.05, 0.2))
    assert all_pairs(matched)[1].tolist() == [[2, 2, 2]]
    assert matched.places.depth_from.tolist() == [0.1]
    with pytest.raises(MatchError, match=r"no sensor within 0.60–1.00 m .it has 0.10 m, 0.50 m, 0–0.05 m."):
        paired(cube, station, depth=(0.6, 1.0))
    with pytest.raises(MatchError, match="no range"):
        paired(cube, station, depth=(0.3, 0.1))


def quality_cube(make_cube: Make, bits: list[int]) -> xr.Dataset:
    cube = make_cube(np.arange(len(bits)), hours("2020-01-01", len(bits)), kind="observed", time_is_nominal=0)
    attrs = {"recommended_bits": 1, "attempted_bits": 2}
    cube["quality"] = (
        ("time", "y", "x"),
        np.broadcast_to(np.array(bits, np.int32)[:, None, None], (len(bits), 4, 6)),
        attrs,
    )
    return cube


def test_quality_rules_keep_more_and_more(make_cube: Make, make_stations: Make) -> None:
    cube = quality_cube(make_cube, [0, 1, 2, 3, 8, -1])
    station = make_stations(np.arange(6), hours("2020-01-01", 6), GRID.lat[0], GRID.lon[0])
    kept = {
        rule: paired(cube, station, quality=rule).block(np.array([0])).pairs.product[0].tolist()
        for rule in ("recommended", "attempted", "all")
    }
    assert kept == {"recommended": [0, 2, 4], "attempted": [0, 1, 4], "all": [0, 1, 2, 3, 4, 5]}
    counts = paired(cube, station).block(np.array([0])).product_counts
    assert counts["recommended"].tolist() == [3]


def test_a_quality_rule_is_refused_for_retrievals_that_kept_no_flags(make_cube: Make, make_stations: Make) -> None:
    cube = make_cube(np.zeros(3), hours("2020-01-01", 3), kind="observed", time_is_nominal=0)
    station = make_stations(np.zeros(3), hours("2020-01-01", 3), GRID.lat[0], GRID.lon[0])
    with pytest.raises(MatchError, match="kept no quality flags"):
        paired(cube, station, quality="recommended")
    model = make_cube(np.zeros(3), hours("2020-01-01", 3))
    assert any("no quality flags" in note for note in paired(model, station, quality="recommended").notes)


def test_no_common_period_names_both(make_cube: Make, make_stations: Make) -> None:
    cube = make_cube(np.zeros(24), hours("2015-01-01", 24))
    station = make_stations(np.zeros(24), hours("2008-06-01", 24), GRID.lat[0], GRID.lon[0])
    with pytest.raises(MatchError, match=r"p \(2015-01-01 to 2015-01-01\) and r \(2008-06-01 to 2008-06-01\)"):
        paired(cube, station)
    late = make_stations(np.zeros(24), hours("2015-01-01", 24), GRID.lat[0], GRID.lon[0])
    with pytest.raises(MatchError, match="asked for 2016-01-01"):
        paired(cube, late, start="2016-01-01")


def test_no_common_place_names_both_and_how_far_they_are(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 24)
    station = make_stations(np.zeros(24), time, GRID.lat[0] + 3, GRID.lon[0])
    with pytest.raises(MatchError, match=r"closest is 3\d\d\.\d km away.*°N.*choose data of one place"):
        paired(make_cube(np.zeros(24), time), station)


def test_reach_is_half_the_cell_diagonal_and_can_be_widened(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 24)
    inside, outside = GRID.lon[0] - 0.17, GRID.lon[0] - 0.4  # the cell is 0.373° wide
    station = make_stations(np.zeros((2, 24)), time, GRID.lat[2], [inside, outside])
    cube = make_cube(np.zeros(24), time)
    assert paired(cube, station).collocation.found.tolist() == [True, False]
    assert paired(cube, station, max_distance_km=50).collocation.found.tolist() == [True, True]


def test_pixels_without_a_grid_reach_as_far_as_their_spacing(make_pixels: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 24)
    pixels = make_pixels(np.zeros((3, 24)), time, [0, 0, 0], [0, 0.25, 0.5])
    near, far = make_stations(np.zeros(24), time, 0.1, 0.3), make_stations(np.zeros(24), time, 0.3, 0.3)
    assert paired(pixels, near).collocation.found.all()
    with pytest.raises(MatchError, match="--max-distance"):
        paired(pixels, far)
    lone = make_pixels(np.zeros((1, 24)), time, 0, 0)
    with pytest.raises(MatchError, match="how large its cells are"):
        paired(lone, near)


def test_fine_cells_are_averaged_over_the_coarse_cell_where_half_are_there(make_cube: Make) -> None:
    coarse = ease("M36").cut(slice(100, 102), slice(200, 202))
    fine = ease("M09").cut(slice(400, 408), slice(800, 808))
    time = hours("2020-01-01", 3)
    rng = np.random.default_rng(0)
    values = rng.random((3, 8, 8)).astype("f4")
    values[0, :4, :2] = np.nan  # half of the first cell is left
    values[1, :4, :2], values[1, 0, 2] = np.nan, np.nan  # less than half
    expected = values.astype(float).reshape(3, 2, 4, 2, 4).transpose(1, 3, 0, 2, 4).reshape(4, 3, 16)
    product, reference = make_cube(values, time, fine), make_cube(np.arange(3), time, coarse)
    matched = paired(product, reference)
    assert any("area-weighted mean" in note for note in matched.notes)
    got, _ = all_pairs(matched)
    means = np.nanmean(expected, axis=2)
    assert got.shape == (4, 3)
    np.testing.assert_allclose(got[1:], means[1:], rtol=1e-12)
    np.testing.assert_allclose(got[0, :2], means[0, [0, 2]], rtol=1e-11)
    assert matched.block(np.array([0])).pairs.count.tolist() == [2]
    swapped, _ = all_pairs(paired(reference, product))
    assert swapped.shape == (4, 3)


def test_a_coarse_cell_that_the_fine_grid_hardly_covers_is_out_of_it(make_cube: Make) -> None:
    coarse = ease("M36").cut(slice(100, 101), slice(200, 203))
    fine = ease("M09").cut(slice(400, 404), slice(803, 810))  # a quarter, all and half of the three cells
    time = hours("2020-01-01", 3)
    matched = paired(make_cube(np.zeros((3, 4, 7)), time, fine), make_cube(np.zeros(3), time, coarse))
    assert matched.collocation.found.tolist() == [False, True, True]
    assert np.isnan(all_pairs(matched)[0]).all(axis=1).tolist() == [True, False, False]


def test_grids_of_about_one_size_meet_by_the_nearest_centre(make_cube: Make) -> None:
    time = hours("2020-01-01", 2)
    degrees = regular(28.0, 67.0, 0.1, 0.1, 5, 6)
    rows, columns = ease("M09").window(67.0, 27.6, 67.6, 28.05)
    nine = ease("M09").cut(rows, columns)
    values = np.arange(nine.shape[0] * nine.shape[1], dtype=float).reshape(1, *nine.shape).repeat(2, axis=0)
    matched = paired(make_cube(values, time, nine), make_cube(np.zeros(2), time, degrees))
    assert len(matched.places) == 30  # the coarser grid
    assert any("nearest centre" in note for note in matched.notes)
    lat, lon = np.repeat(nine.lat, nine.shape[1]), np.tile(nine.lon, nine.shape[0])
    for row in (0, 7, 29):
        expected = brute_nearest(lat, lon, (matched.places.lat[row], matched.places.lon[row]))
        assert matched.collocation.indices[row, 0] == expected


@pytest.mark.parametrize(("depth", "kept"), [((0, 0.05), [0.0508]), ((0, 0.1), [0.0508]), ((0, 0.6), [0.0508, 0.508])])
def test_a_sensor_at_two_inches_is_within_five_centimetres_as_for_a_selection_of_stations(
    make_cube: Make, make_stations: Make, depth: tuple[float, float], kept: list[float]
) -> None:
    time = hours("2020-01-01", 3)
    station = make_stations(
        [[1, 1, 1], [2, 2, 2]], time, GRID.lat[0], GRID.lon[0], depth=[(0.0508, 0.0508), (0.508, 0.508)]
    )
    matched = paired(make_cube(np.zeros(3), time), station, depth=depth)
    assert matched.places.depth_to.tolist() == kept == select(station, depth=depth)["depth_to"].values.tolist()


def test_days_that_are_not_those_of_utc_are_said(make_cube: Make, make_stations: Make) -> None:
    time = np.datetime64("2020-01-01", "ns") + np.arange(3) * np.timedelta64(1, "D")
    station = make_stations(np.zeros(3), time, GRID.lat[0], GRID.lon[0])
    station.attrs |= {"day_of": "local standard time", "time_support": "day-mean"}
    matched = paired(make_cube(np.zeros(3), time), station)
    assert "r has days of local standard time; they are paired with UTC days of the same date" in matched.notes


@pytest.mark.parametrize(
    ("layer", "depth", "note"),
    [
        ("0 0.05", (0.0, 0.1), "depth mismatch: product 0–0.05 m, reference 0–0.10 m"),
        ("0 0.05", (0.05, 0.05), None),
        ("0 0.05", (0.0, 0.05), None),
        ("0 0.05", (0.1, 0.1), "depth mismatch: product 0–0.05 m, reference 0.10 m"),
        ("", (0.05, 0.05), "depth unknown: product unknown, reference 0.05 m"),
    ],
)
def test_depths_that_differ_are_said(
    make_cube: Make, make_stations: Make, layer: str, depth: tuple[float, float], note: str | None
) -> None:
    time = hours("2020-01-01", 3)
    cube = make_cube(np.zeros(3), time, layer_m=layer)
    matched = paired(cube, make_stations(np.zeros(3), time, GRID.lat[0], GRID.lon[0], depth=[depth]))
    assert [text for text in matched.notes if text.startswith("depth")] == ([note] if note else [])


def test_a_shared_input_and_synthetic_data_are_said(make_cube: Make) -> None:
    time = hours("2020-01-01", 3)
    matched = paired(make_cube(np.zeros(3), time, inputs="smap era5"), make_cube(np.zeros(3), time, inputs="smap"))
    assert "not independent: p and r (both rest on smap); hide cells to test it" in matched.notes
    assert "synthetic: p and r" in matched.notes


def test_blocks_cover_every_location_once_in_whole_rows(make_cube: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    time = hours("2020-01-01", 10)
    rng = np.random.default_rng(0)
    a, b = (make_cube(rng.random((10, 4, 6)), time) for _ in range(2))
    whole = all_pairs(paired(a, b))
    monkeypatch.setattr("smcore.validation.matching.match._BLOCK_VALUES", 130)
    matched = paired(a, b)
    blocks = matched.block_rows()
    assert [len(rows) for rows in blocks] == [12, 12]
    parts = [matched.block(rows).pairs for rows in blocks]
    np.testing.assert_array_equal(np.concatenate([p.product for p in parts]), whole[0])
    np.testing.assert_array_equal(np.concatenate([p.reference for p in parts]), whole[1])


@pytest.mark.parametrize("start", ["soon", "2020-02-30"])
def test_a_day_that_is_none_is_refused(make_cube: Make, start: str) -> None:
    cube = make_cube(np.zeros(3), hours("2020-01-01", 3))
    with pytest.raises(MatchError, match="not a date"):
        paired(cube, cube, start=start)


def test_the_period_holds_for_observation_times_and_includes_its_last_day(make_cube: Make, make_stations: Make) -> None:
    station = make_stations(np.arange(300.0), hours("2020-01-01", 300), GRID.lat[0], GRID.lon[0])
    matched = paired(smap_like(make_cube), station, start="2020-01-02", end="2020-01-03")
    times = pairs_dataset(matched)["product_time"].values[0]
    assert [str(t)[:16] for t in times] == [
        "2020-01-02T04:30", "2020-01-02T16:40", "2020-01-03T04:30", "2020-01-03T16:40",
    ]  # fmt: skip


def test_data_without_soil_moisture_are_refused(make_cube: Make) -> None:
    with pytest.raises(MatchError, match="no soil moisture over time"):
        side(make_cube(np.zeros(3), hours("2020-01-01", 3)).rename(sm="clay"), "p")


def test_collocation_reads_only_what_is_near(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 5)
    station = make_stations(np.zeros((2, 5)), time, GRID.lat[[0, 3]], GRID.lon[[0, 5]])
    asked: list[np.ndarray] = []
    cube = side(make_cube(np.zeros(5), time), "p")
    read = cube.fetch

    def counting(variable: str, where: np.ndarray, steps: slice) -> np.ndarray:
        asked.append(where)
        return read(variable, where, steps)

    watched = side(make_cube(np.zeros(5), time), "p", fetch=counting)
    match(watched, side(station, "r")).block(np.array([0, 1]))
    assert [where.tolist() for where in asked] == [[0, 23]]
    assert collocate(side(station, "r"), watched).indices.tolist() == [[0], [23]]


def test_a_value_without_its_observation_time_waits_for_daily_pairing(make_cube: Make, make_stations: Make) -> None:
    cube = smap_like(make_cube)
    cube["obs_time"].values[3] = np.datetime64("NaT", "ns")
    station = make_stations(np.arange(300.0), hours("2020-01-01", 300), GRID.lat[0], GRID.lon[0])
    block = paired(cube, station).block(np.array([0]))
    assert block.pairs.count.tolist() == [19]
    assert block.product_counts["dropped_obs_time"].tolist() == [1]
    assert paired(cube, station, daily=True).block(np.array([0])).pairs.count.tolist() == [20]


@pytest.mark.parametrize("layout", ["cube", "pixels"])
def test_a_station_without_coordinates_is_out_of_grid_and_costs_no_other(
    layout: str, make_cube: Make, make_pixels: Make, make_stations: Make
) -> None:
    time = hours("2020-01-01", 3)
    lat, lon = GRID.lat[0], GRID.lon[0]
    product = (
        make_cube(np.zeros(3), time) if layout == "cube" else make_pixels(np.zeros((2, 3)), time, [lat, np.nan], lon)
    )
    stations = make_stations(np.zeros((2, 3)), time, [np.nan, lat], [lon, lon])
    matched = paired(product, stations, max_distance_km=20)
    assert matched.collocation.found.tolist() == [False, True]
    assert matched.places.text().startswith(f"{lat:.2f}")


def reconstructed(make_cube: Make, source: np.ndarray, time: np.ndarray, grid: Grid = GRID) -> xr.Dataset:
    """A gapless cube that says for each step where its values come from."""
    cube = make_cube(np.arange(len(time)), time, grid, kind="reconstructed")
    cube["source"] = (("time", "y", "x"), np.broadcast_to(source.reshape(len(time), -1, 1), cube["sm"].shape).copy())
    return cube


@pytest.mark.parametrize("swapped", [False, True])
def test_pairs_say_where_the_product_has_its_value_from(make_cube: Make, make_stations: Make, swapped: bool) -> None:
    time = hours("2020-01-01T12", 8, 24)
    cube = reconstructed(make_cube, np.array([3, 1, 2, 2, 1, 2, 0, 9], np.int8), time)
    station = make_stations(np.arange(8), time, GRID.lat[0], GRID.lon[0])
    matched = paired(station, cube) if swapped else paired(cube, station, start="2020-01-03")
    labels = matched.block(np.array([0])).pairs.labels
    if swapped:
        assert labels == {}
        return
    assert labels["source"].tolist() == [[2, 2, 1, 2, 0, 0]]
    assert labels["gap_age"].tolist() == [[1, 2, 0, 1, 2, 3]]


def test_a_gap_before_anything_was_observed_has_no_age(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01T12", 3, 24)
    cube = reconstructed(make_cube, np.array([3, 3, 1], np.int8), time)
    station = make_stations(np.arange(3), time, GRID.lat[0], GRID.lon[0])
    assert paired(cube, station).block(np.array([0])).pairs.labels["gap_age"].tolist() == [[-1, -1, 0]]


def test_a_mean_of_fine_cells_is_observed_only_where_all_its_cells_are(make_cube: Make) -> None:
    coarse = ease("M36").cut(slice(100, 101), slice(200, 201))
    fine = ease("M09").cut(slice(400, 404), slice(800, 804))
    time = hours("2020-01-01T12", 2, 24)
    product = reconstructed(make_cube, np.array([[1, 1, 1, 1], [1, 2, 1, 1]], np.int8), time, fine)
    pairs = paired(product, make_cube(np.arange(2), time, coarse)).block(np.array([0])).pairs
    assert pairs.labels["source"].tolist() == [[1, 2]]
    assert pairs.labels["gap_age"].tolist() == [[0, 1]]


def test_steps_in_any_order_are_paired_by_time(make_cube: Make, make_stations: Make) -> None:
    time, order = hours("2020-01-01", 30), np.random.default_rng(0).permutation(30)
    cube = make_cube(np.arange(30), time)
    station = make_stations(np.arange(30), time, GRID.lat[0], GRID.lon[0])
    for product, reference in ((cube.isel(time=order), station), (cube, station.isel(time=order))):
        x, y = all_pairs(paired(product, reference))
        assert x.tolist() == y.tolist() == [list(range(30))]
    with pytest.raises(MatchError, match="steps of p are not in order of time"):
        side(cube.isel(time=order), "p", fetch=side(cube, "p").fetch)


def test_of_two_records_at_one_time_the_first_is_paired_and_a_day_averages_both(
    make_cube: Make, make_stations: Make
) -> None:
    time = hours("2020-01-01", 8, 3)
    cube = make_cube(np.arange(8), time)
    twice = make_stations(np.repeat(np.arange(8), 2) + np.tile([0, 1], 8), np.repeat(time, 2), GRID.lat[0], GRID.lon[0])
    assert all_pairs(paired(cube, twice))[1].tolist() == [list(range(8))]
    assert all_pairs(paired(cube, twice, daily=True))[1].tolist() == [[4.0]]
    assert all_pairs(paired(twice, cube))[0].tolist() == [list(range(8))]
    assert all_pairs(paired(twice, cube, daily=True))[1].tolist() == [[3.5]]


def test_how_often_a_sensor_reports_is_reckoned_from_its_own_values(make_cube: Make, make_stations: Make) -> None:
    time, values = hours("2020-01-01", 48), np.full((3, 48), np.nan)
    values[0], values[1, ::6], values[2, [0, 6, 12]] = 1, 2, 3  # every hour, every six hours, and then no more
    cube = make_cube(np.zeros(2), hours("2020-01-01", 2, 24), time_support="day-mean")
    pairs = paired(cube, make_stations(values, time, GRID.lat[0], GRID.lon[0])).block(np.arange(3)).pairs
    assert pairs.count.tolist() == [2, 2, 1]
    values[0, 1::2] = np.nan  # two hours apart, and half of the second day gone
    values[0, 34:] = np.nan
    pairs = paired(cube, make_stations(values, time, GRID.lat[0], GRID.lon[0])).block(np.arange(3)).pairs
    assert pairs.count.tolist() == [1, 2, 1]


def test_times_with_a_zone_are_turned_into_utc(make_cube: Make, make_stations: Make) -> None:
    cube = make_cube(np.arange(8), hours("2020-01-01T06:00", 8))
    station = make_stations(np.arange(8), hours("2020-01-01", 8), GRID.lat[0], GRID.lon[0])
    local = pd.date_range("2020-01-01T00:00", periods=8, freq="h", tz="America/Chicago")  # UTC − 6 h
    zoned = station.assign_coords(time=np.array(local.to_pydatetime(), dtype=object))
    x, y = all_pairs(paired(cube, zoned))
    assert x.tolist() == y.tolist() == [list(range(8))]


def test_steps_without_a_date_are_refused(make_cube: Make) -> None:
    cube = make_cube(np.arange(3), hours("2020-01-01", 3))
    holes = cube["time"].values.copy()
    holes[1] = np.datetime64("NaT")
    with pytest.raises(MatchError, match="p has 1 steps without a time"):
        side(cube.assign_coords(time=holes), "p")
    for wrong in (np.arange(3), np.array(["a", "b", "c"], dtype=object)):
        with pytest.raises(MatchError, match="no dates of the usual calendar"):
            side(cube.assign_coords(time=wrong), "p")


def test_a_station_outside_the_grid_costs_no_other(make_cube: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 24)
    station = make_stations(np.ones((3, 24)), time, [GRID.lat[0], -45.0, GRID.lat[1]], GRID.lon[[0, 0, 1]])
    matched = paired(make_cube(np.arange(24), time), station)
    block = matched.block(np.arange(3))
    assert matched.collocation.found.tolist() == [True, False, True]
    assert block.pairs.count.tolist() == [24, 0, 24]
    assert block.product_counts["usable"].tolist() == [24, 0, 24]
