"""Strata: what divides locations and pairs, in levels that anybody can check by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore import plugins
from smcore.errors import MatchError
from smcore.grids import ease
from smcore.validation.matching.pairing import NO_TIME, Pairs
from smcore.validation.matching.sides import side
from smcore.validation.strata.land_cover import is_forest, land_cover_name
from smcore.validation.strata.levels import Levels, MissingStratum, cross, in_order, location_levels, pair_levels

Make = Callable[..., xr.Dataset]
TIME = np.datetime64("2020-01-01", "ns") + np.arange(24) * np.timedelta64(1, "h")


def pairs_at(dates: list[list[str]], **labels: Any) -> Pairs:
    """Pairs of the given dates, padded at the end."""
    width = max(map(len, dates))
    time = np.full((len(dates), width), NO_TIME)
    values = np.full((len(dates), width), np.nan)
    for i, row in enumerate(dates):
        time[i, : len(row)] = np.array(row, "datetime64[us]").astype(np.int64)
        values[i, : len(row)] = 0.2
    overpass = np.asarray(labels.pop("overpass", np.full(time.shape, -1)), np.int8)
    return Pairs(values, values, time, time, overpass, {}, {k: np.asarray(v, np.int16) for k, v in labels.items()})


def named(levels: Levels | MissingStratum) -> list[Any]:
    """The level of each location (or pair), None where there is none."""
    assert isinstance(levels, Levels)
    text = np.array([*levels.labels, None], dtype=object)[levels.codes]
    return list(text.tolist())


@pytest.fixture
def stations(make_stations: Make) -> xr.Dataset:
    data = make_stations(
        np.full((4, 24), 0.2), TIME, [34.0, 34.0, -20.0, 60.0], [-105.0, -105.0, 20.0, 10.0],
        depth=[(0.05, 0.05), (0, 0.05), (0.1, 0.1), (0.05, 0.05)], network=["B", "B", "A", ""],
    )  # fmt: skip
    return data.assign_coords(
        land_cover=("sensor", ["IGBP 4", "Tree cover, flooded", "Mosaic tree and shrub (>50%)", ""]),
        climate=("sensor", ["Cfb", "Cfb", "BSh", "unknown"]),
        elevation=("sensor", [500.0, 501.0, 2500.0, np.nan]),
        porosity=("sensor", [0.4, 0.41, 0.5, 0.6]),
        drainage=("sensor", [1.0, 2.0, 2.0, 3.0]),
    )


def test_stations_are_divided_by_what_they_state(stations: xr.Dataset) -> None:
    places = side(stations, "s").places
    by = lambda kind: named(location_levels(places, stations, kind))  # noqa: E731
    assert by("network") == ["B", "B", "A", None]
    assert by("depth") == ["0.05 m", "0–0.05 m", "0.10 m", "0.05 m"]
    assert by("climate") == ["Cfb", "Cfb", "BSh", None]
    assert by("land_cover") == [
        "deciduous broadleaf forest",
        "Tree cover, flooded",
        "Mosaic tree and shrub (>50%)",
        None,
    ]
    assert by("forest") == ["forest", "forest", "other", None]
    assert by("elevation") == ["≤500 m", "500–1000 m", ">2000 m", None]
    assert by("drainage") == ["1", "2", "2", "3"]
    assert by("porosity") == ["≤0.41 m3 m-3", "≤0.41 m3 m-3", "0.41–0.5 m3 m-3", ">0.5 m3 m-3"]
    depth = location_levels(places, stations, "depth")
    assert isinstance(depth, Levels)
    assert depth.labels == ("0–0.05 m", "0.05 m", "0.10 m")


def test_places_that_were_selected_or_reordered_keep_their_own_levels(stations: xr.Dataset) -> None:
    chosen = side(stations, "s").select(np.array([2, 0]))
    assert named(location_levels(chosen.places, stations, "climate")) == ["BSh", "Cfb"]


def test_a_static_field_of_another_data_set_is_looked_up_at_the_station(stations: xr.Dataset) -> None:
    grid = ease("M36").cut(slice(60, 160), slice(180, 220))
    row, column = grid.index(34.0, -105.0)
    cover = np.full(grid.shape, 10.0)
    cover[row, column] = 1.0
    water = np.full(grid.shape, 5.1)
    cube = xr.Dataset(
        {"land_cover": (("y", "x"), cover), "vegetation_water": (("y", "x"), water)},
        {"lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        {"title": "statics", **grid.to_attrs()},
    )
    bare = stations.drop_vars("land_cover")
    places = side(bare, "s").places
    levels = location_levels(places, bare, "land_cover", statics=[("empty", xr.Dataset()), ("lc", cube)])
    assert named(levels) == ["evergreen needleleaf forest"] * 2 + [None, None]
    assert isinstance(levels, Levels)
    assert levels.origin == "lc"
    assert named(location_levels(places, bare, "forest", statics=[("lc", cube)])) == ["forest", "forest", None, None]
    assert named(location_levels(places, bare, "vegetation_water", statics=[("lc", cube)]))[0] == ">5 kg m-2"
    own = location_levels(side(stations, "s").places, stations, "land_cover", statics=[("lc", cube)])
    assert named(own)[1] == "Tree cover, flooded"  # what a station says of itself goes first


def test_cells_of_a_cube_are_divided_by_its_own_static_fields(make_cube: Make) -> None:
    cube = make_cube(np.full(24, 0.2), TIME)
    cover = np.arange(24).reshape(4, 6) % 3 + 4.0
    cube["land_cover"] = (("y", "x"), cover)
    levels = named(location_levels(side(cube, "c").places, cube, "land_cover"))
    assert levels[:3] == ["deciduous broadleaf forest", "mixed forest", "closed shrubland"]


def test_what_is_missing_says_what_would_fill_it(stations: xr.Dataset) -> None:
    bare = stations.drop_vars(["land_cover", "network"])
    places = side(bare, "s").places
    told = location_levels(places, bare, "forest", statics=[("forcing", xr.Dataset())])
    assert isinstance(told, MissingStratum)
    assert told.sentence == (
        "no division by forest: 'land_cover' is known at none of 4 locations (looked in the data themselves, forcing); "
        "name a catalogue entry with a static field 'land_cover' that covers them, or stations that state it"
    )
    assert isinstance(location_levels(places, bare, "network"), MissingStratum)
    pairs = pairs_at([["2020-01-01"]])
    for kind in ("source", "gap_age", "overpass"):
        missing = pair_levels(pairs, kind)
        assert isinstance(missing, MissingStratum)
        assert missing.sentence.startswith(f"no division by {kind}: ")
    assert isinstance(pair_levels(pairs, "local_season"), MissingStratum)
    assert isinstance(pair_levels(pairs_at([[], []]), "month"), MissingStratum)
    with pytest.raises(MatchError, match=r"can't be divided by 'mood'.*season"):
        pair_levels(pairs, "mood")


def test_seasons_are_those_of_the_hemisphere() -> None:
    dates = [f"2019-{month:02d}-15" for month in range(1, 13)]
    pairs = pairs_at([dates, dates, dates[:2]])
    levels = named(pair_levels(pairs, "local_season", lat=[40.0, -40.0, np.nan]))
    north = ["winter"] * 2 + ["spring"] * 3 + ["summer"] * 3 + ["autumn"] * 3 + ["winter"]
    south = ["summer"] * 2 + ["autumn"] * 3 + ["winter"] * 3 + ["spring"] * 3 + ["summer"]
    assert levels == [north, south, [None] * 12]
    assert named(pair_levels(pairs, "season"))[2] == ["DJF"] * 2 + [None] * 10


def test_weeks_begin_on_monday_and_bear_its_date() -> None:
    pairs = pairs_at([["2019-12-29", "2019-12-30", "2020-01-05", "2020-01-06"], ["1969-12-28", "1970-01-01"]])
    assert named(pair_levels(pairs, "week")) == [
        ["2019-12-23", "2019-12-30", "2019-12-30", "2020-01-06"], ["1969-12-22", "1969-12-29", None, None],
    ]  # fmt: skip


def test_months_and_years_are_those_of_utc_and_before_1970_too() -> None:
    pairs = pairs_at([["1969-12-31T23:59:59", "1970-01-01", "2020-02-29T12:00"], ["2020-07-01"]])
    assert named(pair_levels(pairs, "month")) == [["Dec", "Jan", "Feb"], ["Jul", None, None]]
    assert named(pair_levels(pairs, "year")) == [["1969", "1970", "2020"], ["2020", None, None]]


def test_sources_ages_and_overpasses_come_with_the_pairs() -> None:
    dates = ["2020-01-01"] * 9
    age, source = [0, 1, 2, 3, 4, 8, 15, 16, -1], [1, 2, 2, 3, 3, 0, 2, 2, 1]
    pairs = pairs_at([dates], gap_age=[age], source=[source], overpass=[[0, 1, 2, 0, 0, 0, 0, 0, -1]])
    assert named(pair_levels(pairs, "gap_age"))[0] == [
        "0 d", "1 d", "2–3 d", "2–3 d", "4–7 d", "8–15 d", "8–15 d", ">15 d", None,
    ]  # fmt: skip
    observed, filled, predicted = "observed", "filled", "predicted"
    assert named(pair_levels(pairs, "source"))[0] == [
        observed, filled, filled, predicted, predicted, None, filled, filled, observed,
    ]  # fmt: skip
    assert named(pair_levels(pairs, "overpass"))[0] == ["am", "pm", "unknown", *["am"] * 5, None]


def test_crossed_levels_are_the_combinations_that_occur() -> None:
    network = Levels("network", ("A", "B"), np.array([0, 1, 1, -1], np.int16), "the stations")
    forest = Levels("forest", ("forest", "other"), np.array([1, 0, 1, 0], np.int16))
    both = cross(network, forest)
    assert (both.kind, both.labels) == ("network × forest", ("A × other", "B × forest", "B × other"))
    assert both.codes.tolist() == [0, 1, 2, -1]
    pairs = pairs_at([["2020-01-01", "2020-07-01"]] * 3 + [["2020-01-01"]])
    season = pair_levels(pairs, "local_season", lat=[10.0] * 4)
    assert isinstance(season, Levels)
    crossed = cross(network, season)
    assert named(crossed) == [
        ["A × winter", "A × summer"], ["B × winter", "B × summer"], ["B × winter", "B × summer"], [None, None],
    ]  # fmt: skip
    assert named(cross(season, network))[1] == ["winter × B", "summer × B"]
    assert named(cross(season, season))[3] == ["winter × winter", None]
    with pytest.raises(ValueError, match="not of the same locations"):
        cross(network, Levels("x", ("a",), np.zeros(3, np.int16)))


def test_levels_of_tiles_are_listed_in_their_own_order() -> None:
    assert in_order("local_season", ["summer", "winter", "summer"]) == ["winter", "summer"]
    assert in_order("gap_age", [">15 d", "0 d"]) == ["0 d", ">15 d"]
    assert in_order("year", ["2020", "2019"]) == ["2019", "2020"]
    assert in_order("network", ["b", "a"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "name", "forest"),
    [
        ("IGBP 5", "mixed forest", True),
        ("IGBP 8", "woody savanna", False),
        ("Tree cover, broadleaved, evergreen, Closed to open (>15%)", None, True),
        ("Mosaic natural vegetation (tree, shrub, herbaceous cover) (>50%) / cropland (<50%)", None, False),
        ("Cropland, rainfed", None, False),
        ("IGBP 44", "", False),
    ],
)
def test_forest_is_closed_forest(text: str, name: str | None, forest: bool) -> None:
    assert land_cover_name(text) == (text if name is None else name)
    assert is_forest(land_cover_name(text)) is forest


def read(kind: str, paths: list[Path]) -> xr.Dataset:
    package = "smcore.stations.readers" if kind == "ismn" else "smcore.cubes.readers"
    return plugins.load(package, kind).read(paths).dataset


def test_hawaii_is_divided_by_the_static_variables_of_its_stations(realdata: Path) -> None:
    data = read("ismn", sorted((realdata / "ismn_hawaii_ceop").glob("*.zip")))
    places = side(data, "hawaii").places
    levels = location_levels(places, data, "forest")
    found = dict(zip(places.location, named(levels), strict=True))
    stated = dict(zip(data["station"].values, data["land_cover"].values, strict=True))
    assert {name: level == "forest" for name, level in found.items()} == {
        name: str(stated[name]).startswith("Tree cover") for name in found
    }
    assert {"forest", "other"} == set(found.values())
    climate = location_levels(places, data, "climate")
    assert isinstance(climate, Levels)
    assert climate.labels == ("Af", "Am", "Aw")
    depth = location_levels(places, data, "depth")
    assert isinstance(depth, Levels)
    assert set(depth.labels) == {"0.0508 m", "0–0.17 m"}


def test_oznet_states_no_land_cover_and_the_answer_is_a_sentence(realdata: Path) -> None:
    data = read("ismn", sorted((realdata / "oznet_era5").glob("*.zip")))
    places = side(data, "oznet").places
    for kind in ("land_cover", "forest", "climate"):
        assert isinstance(location_levels(places, data, kind), MissingStratum)
    assert named(location_levels(places, data, "network")) == ["OZNET"] * 12
    assert set(named(location_levels(places, data, "elevation"))) == {"≤500 m"}


def test_conus_pixels_are_divided_by_their_own_statics(realdata: Path) -> None:
    data = read("pixels", [realdata / "hydrodl_conus" / "conusv4f1_pixels_A.nc"])
    places = side(data, "smap").places
    levels = location_levels(places, data, "land_cover")
    assert isinstance(levels, Levels)
    numbers = pd.Series(data["land_cover"].values)
    assert "woody savanna" in levels.labels
    assert (levels.codes == levels.labels.index("grassland")).sum() == (numbers == 10).sum()
    forest = named(location_levels(places, data, "forest"))
    assert forest.count("forest") == numbers.isin([1, 2, 3, 4, 5]).sum()
