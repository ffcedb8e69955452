"""Several sensors in a cell become one series: weights, sensors that drop out, and what the cell is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore import plugins
from smcore.errors import MatchError
from smcore.grids import ease
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.matching.sides import Masks, Side, side
from smcore.validation.score import score
from smcore.validation.upscale import Upscaled, combine, upscale, voronoi_weights

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 104), slice(200, 206))
TIME = np.datetime64("2020-01-01", "ns") + np.arange(48) * np.timedelta64(1, "h")


@pytest.fixture
def cube(make_cube: Make) -> Side:
    return side(make_cube(np.linspace(0.1, 0.3, 48), TIME), "cube")


def inside(row: int, column: int, down: float = 0.5, right: float = 0.5) -> tuple[float, float]:
    """A point of a cell, by the parts of its height and width from the north-west corner."""
    (north, south), (west, east) = GRID.lat_edges[row : row + 2], GRID.lon_edges[column : column + 2]
    return float(north + down * (south - north)), float(west + right * (east - west))


def series_of(result: Upscaled) -> np.ndarray:
    return np.asarray(result.side.dataset["sm"].values)


def test_sensors_of_one_level_are_averaged_and_a_gap_leaves_the_others() -> None:
    values = np.array([[0.1, 0.2, np.nan, np.nan], [0.3, np.nan, 0.4, np.nan]])
    plain = combine(values, np.array([0.5, 0.5]), plain=True)
    np.testing.assert_allclose(plain, [0.2, 0.2, 0.4, np.nan])
    np.testing.assert_allclose(combine(values, np.array([0.25, 0.75]), plain=True)[:3], [0.25, 0.2, 0.4])


def test_a_sensor_that_drops_out_makes_no_step() -> None:
    rng = np.random.default_rng(1)
    truth = 0.2 + 0.05 * np.sin(np.arange(1000) / 50) + rng.normal(0, 0.01, 1000)
    level = np.array([0.1, -0.04, 0.0])
    values = truth + level[:, None]
    values[0, 500:] = np.nan  # the wettest leaves for good, in a wet season
    values[1, :100] = np.nan
    adjusted = combine(values, np.full(3, 1 / 3))
    np.testing.assert_allclose(adjusted - truth, (adjusted - truth)[0], atol=1e-12)
    plain = combine(values, np.full(3, 1 / 3), plain=True)
    assert np.ptp(plain - truth) > 0.05


def test_the_fit_is_that_of_all_values_by_least_squares() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0.2, 0.05, (3, 40)) + np.array([0.0, 0.1, -0.1])[:, None]
    values[rng.random(values.shape) < 0.4] = np.nan
    weights = np.array([0.5, 0.3, 0.2])
    sensor, time = np.nonzero(np.isfinite(values))
    design = np.zeros((len(sensor), 3 + 40))
    design[np.arange(len(sensor)), sensor] = 1
    design[np.arange(len(sensor)), 3 + time] = 1
    root = np.sqrt(weights[sensor])[:, None]
    fit = np.linalg.lstsq(design * root, values[sensor, time] * root[:, 0], rcond=None)[0]
    some = np.isfinite(values).any(axis=0)
    found = combine(values, weights)
    np.testing.assert_array_equal(np.isfinite(found), some)
    expected = fit[3:][some]
    mean = np.array([np.nanmean(v) for v in values])
    level = weights @ (mean - fit[:3]) - 0.0  # the levels of the sensors are kept on the whole
    np.testing.assert_allclose(found[some], expected + weights @ mean - level, atol=1e-10)


def test_sensors_that_share_no_time_are_brought_to_one_mean() -> None:
    values = np.full((3, 30), np.nan)
    values[0, :10] = 0.1 + 0.01 * np.arange(10)
    values[1, 10:20] = 0.4 + 0.01 * np.arange(10)
    found = combine(values, np.full(3, 1 / 3))
    means = 0.145, 0.445
    np.testing.assert_allclose(found[:10], values[0, :10] - means[0] + np.mean(means))
    np.testing.assert_allclose(found[10:20], values[1, 10:20] - means[1] + np.mean(means))
    assert np.isnan(found[20:]).all()
    assert np.isnan(combine(np.full((2, 3), np.nan), np.array([0.5, 0.5]))).all()


def test_areas_are_those_of_the_nearest_station() -> None:
    box = (-0.5, 0.5, 10.0, 11.0)
    np.testing.assert_allclose(voronoi_weights(np.array([0.0, 0.0]), np.array([10.25, 10.75]), box), [0.5, 0.5])
    np.testing.assert_allclose(voronoi_weights(np.array([0.0, 0.0]), np.array([10.1, 10.3]), box), [0.2, 0.8])
    three = voronoi_weights(np.array([0.0, 0.0, 0.0]), np.array([10.25, 10.75, 10.75]), box)
    np.testing.assert_allclose(three, [0.5, 0.25, 0.25])  # two sensors at one place share its part
    far = voronoi_weights(np.array([0.0, 0.0]), np.array([10.5, 30.0]), box)
    assert 0 < far[1] < 0.001


def test_areas_against_a_count_by_hand() -> None:
    rng = np.random.default_rng(4)
    lat, lon = rng.uniform(59.0, 61.0, 4), rng.uniform(20.0, 23.0, 4)
    y, x = rng.uniform(59.0, 61.0, 40_000), rng.uniform(20.0, 23.0, 40_000)
    km = [np.hypot(y - a, (x - b) * np.cos(np.radians((y + a) / 2))) for a, b in zip(lat, lon, strict=True)]
    areas = np.cos(np.radians(y))
    nearest = np.argmin(km, axis=0)
    expected = [areas[nearest == i].sum() / areas.sum() for i in range(4)]
    np.testing.assert_allclose(voronoi_weights(lat, lon, (59.0, 61.0, 20.0, 23.0)), expected, atol=0.01)


def test_a_row_for_each_cell_and_depth_with_what_it_is_made_of(make_stations: Make, cube: Side) -> None:
    points = [inside(1, 2), inside(1, 2, 0.2), inside(1, 2, 0.2), inside(1, 2), inside(3, 4), (-60.0, 0.0)]
    lat, lon = map(list, zip(*points, strict=True))
    levels = np.array([0.1, 0.2, 0.4, 0.3, 0.25, 0.5])
    stations = side(
        make_stations(
            np.tile(levels[:, None], 48), TIME, lat, lon,
            depth=[(0.05, 0.05), (0.05, 0.05), (0.0508, 0.0508), (0.2, 0.2), (0.05, 0.05), (0.05, 0.05)],
            station=["a", "b", "b", "a", "c", "far"], network=["N", "M", "M", "N", "N", "N"],
        ), "net",
    )  # fmt: skip
    result = upscale(stations, cube, "mean")
    data = result.side.dataset
    assert data["station"].values.tolist() == ["cell 101,202", "cell 101,202", "cell 103,204"]
    assert data["network"].values.tolist() == ["M+N", "M+N", "N"]
    assert data["sensors"].values.tolist() == [3, 1, 1]
    assert data["stations"].values.tolist() == [2, 1, 1]
    assert [rows.tolist() for rows in result.members] == [[0, 1, 2], [3], [4]]
    np.testing.assert_allclose(data["depth_from"], [0.0503, 0.2, 0.05], atol=1e-4)
    np.testing.assert_allclose(series_of(result)[:, 0], [(0.1 + (0.2 + 0.4) / 2) / 2, 0.3, 0.25], rtol=1e-6)
    assert result.sentence == (
        "upscaled to 2 cells of cube from 5 sensors at 3 stations (1 of the cells hold several): stations weighted "
        "alike, differences of level between sensors taken out"
    )
    matched = match(cube, result.side)
    assert matched.collocation.found.all()
    np.testing.assert_allclose(matched.collocation.distance_km, 0, atol=1e-6)
    assert matched.places.location.tolist() == ["cell 101,202", "cell 101,202", "cell 103,204"]


def test_weights_by_area_differ_from_equal_ones(make_stations: Make, cube: Side) -> None:
    points = [inside(1, 2, right=0.1), inside(1, 2, right=0.3)]
    lat, lon = map(list, zip(*points, strict=True))
    stations = side(make_stations(np.array([[0.1], [0.2]]).repeat(48, 1), TIME, lat, lon), "net")
    np.testing.assert_allclose(series_of(upscale(stations, cube, "mean")), 0.15, rtol=1e-6)
    np.testing.assert_allclose(series_of(upscale(stations, cube, "weighted")), 0.2 * 0.1 + 0.8 * 0.2, rtol=1e-6)


def test_values_that_do_not_pass_the_masks_are_missing_in_the_mean(make_stations: Make, cube: Side) -> None:
    flag = np.ones((2, 48), int)
    flag[0, 10] = 4
    lat, lon = inside(1, 2)
    data = make_stations(np.array([[0.1], [0.3]]).repeat(48, 1), TIME, lat, lon, flag=flag, station=["a", "b"])
    stations = side(data, "net")
    found = series_of(upscale(stations, cube, "mean", plain=True))[0]
    assert found[9] == pytest.approx(0.2)
    assert found[10] == pytest.approx(0.3)
    assert series_of(upscale(stations, cube, "mean", masks=Masks(flags=None), plain=True))[0, 10] == pytest.approx(0.2)
    assert series_of(upscale(stations, cube, "mean"))[0, 10] == pytest.approx(0.2)


def test_records_off_the_hour_are_brought_to_it(make_stations: Make, cube: Side) -> None:
    time = np.datetime64("2020-01-01", "ns") + np.arange(96) * np.timedelta64(30, "m") + np.timedelta64(10, "m")
    values = np.full((2, 96), np.nan)
    values[0, ::2], values[1, 1::2] = 0.1, 0.3  # one at ten past, the other at forty past
    lat, lon = inside(1, 2)
    result = upscale(side(make_stations(values, time, lat, lon, station=["a", "b"]), "net"), cube, "mean", plain=True)
    hours = result.side.dataset["time"].values
    assert (hours.astype("datetime64[h]") == hours).all()
    np.testing.assert_allclose(series_of(result)[0, 1:-1], 0.2, rtol=1e-6)
    assert series_of(result)[0, 0] == pytest.approx(0.1)


def test_pixels_without_a_grid_are_cells_too(make_stations: Make, make_pixels: Make) -> None:
    pixels = side(make_pixels(np.full((2, 48), 0.2), TIME, [10.0, 10.5], [20.0, 20.0]), "px", half_diagonal_km=30.0)
    stations = side(make_stations(np.full((2, 48), 0.2), TIME, [10.0, 10.1], [20.0, 20.0], station=["a", "b"]), "net")
    result = upscale(stations, pixels, "weighted")
    assert result.side.places.location.tolist() == ["cell 0"]


def test_what_can_not_be_upscaled_is_told_in_a_sentence(make_stations: Make, make_cube: Make, cube: Side) -> None:
    lat, lon = inside(1, 2)
    stations = side(make_stations(np.full(48, 0.2), TIME, lat, lon), "net")
    with pytest.raises(MatchError, match="no upscaling 'median'"):
        upscale(stations, cube, "median")
    with pytest.raises(MatchError, match="needs stations against cells"):
        upscale(cube, stations, "mean")
    lost = side(make_stations(np.full((2, 48), 0.2), TIME, [-60.0, np.nan], [0.0, 0.0], station=["a", "b"]), "net")
    with pytest.raises(MatchError, match="No sensor of net stands in a cell of cube"):
        upscale(lost, cube, "mean")


def test_oznet_in_cells_of_era5_has_one_row_for_each_cell(realdata: Path) -> None:
    folder = realdata / "oznet_era5"
    read = lambda package, kind, path: plugins.load(package, kind).read([path]).dataset  # noqa: E731
    stations = side(read("smcore.stations.readers", "ismn", next(folder.glob("*.zip"))), "oznet")
    era5 = side(read("smcore.cubes.readers", "era5", next(folder.glob("*.nc"))), "era5")
    result = upscale(stations, era5, "mean")
    step = np.abs(np.diff(era5.dataset["lat"].values[:2]))[0]
    rows = {(round(float(a) / step), round(float(b) / step)) for a, b in zip(
        era5.places.lat[match(era5, stations).collocation.indices[:, 0]],
        era5.places.lon[match(era5, stations).collocation.indices[:, 0]], strict=True)}  # fmt: skip
    assert len(result.side.places) == len(rows)
    assert sum(len(members) for members in result.members) == 12
    found = score(match(era5, result.side, MatchOptions(daily=True)))
    assert len(found.n) == len(rows)
    assert (found.n > 50).all()
