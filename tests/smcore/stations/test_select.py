from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from smcore.cubes.sources import Reading
from smcore.errors import SmcoreError, WindowError
from smcore.stations import flags
from smcore.stations.collection import Record, Series, build
from smcore.stations.select import filter_flags, select

PLACES = [
    ("SCAN", "Plain", 0.0508, 0.0508, 20.0, -155.6),
    ("SCAN", "Plain", 0.5, 0.5, 20.0, -155.6),
    ("COSMOS", "Sword", 0.0, 0.17, 19.8, -155.4),
    ("FIJI", "Suva", 0.05, 0.05, -18.0, 178.4),
]
TIME = np.datetime64("2020-01-01", "ns") + np.arange(5) * np.timedelta64(1, "h")


@pytest.fixture
def stations() -> xr.Dataset:
    masks, _ = flags.encode(["G", "U", "C02", "G,D05", ""])
    record = Record(TIME, np.arange(5, dtype="f4") / 10, masks)
    rows = [Series(n, s, a, b, lat, lon, {"sm": record}) for n, s, a, b, lat, lon in PLACES]
    return build(rows, {"title": "made up", "kind": "stations", "synthetic": 1})[0]


def names_of(data: xr.Dataset) -> list[str]:
    return [f"{n}/{d:g}" for n, d in zip(data["network"].values, data["depth_from"].values, strict=True)]


def test_a_depth_range_takes_sensors_wholly_within_it_to_a_millimetre(stations: xr.Dataset) -> None:
    assert names_of(select(stations, depth=(0, 0.05))) == ["FIJI/0.05", "SCAN/0.0508"]
    assert names_of(select(stations, depth=(0, 0.2))) == ["COSMOS/0", "FIJI/0.05", "SCAN/0.0508"]
    assert names_of(select(stations, depth=(0.05, 1))) == ["FIJI/0.05", "SCAN/0.0508", "SCAN/0.5"]


def test_networks_and_stations_are_chosen_by_name_in_any_case(stations: xr.Dataset) -> None:
    assert names_of(select(stations, networks="cosmos")) == ["COSMOS/0"]
    assert names_of(select(stations, networks=["COSMOS", "fiji"])) == ["COSMOS/0", "FIJI/0.05"]
    assert names_of(select(stations, stations=["plain"], depth=(0, 0.1))) == ["SCAN/0.0508"]


def test_a_box_may_cross_the_dateline(stations: xr.Dataset) -> None:
    assert names_of(select(stations, bbox=(-156, 19, -155, 21))) == ["COSMOS/0", "SCAN/0.0508", "SCAN/0.5"]
    assert names_of(select(stations, bbox=(170, -30, -170, 0))) == ["FIJI/0.05"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"depth": (2, 3)}, "None of 4 sensors lies within 2-3 m.*there are 0-0.17 m, 0.05-0.05 m"),
        ({"networks": ["OZNET"]}, "belongs to OZNET.*COSMOS, FIJI, SCAN"),
        ({"stations": ["Nowhere"]}, "stands at Nowhere.*Plain, Suva, Sword"),
        ({"bbox": (0, 0, 1, 1)}, "stands in the box 0 0 1 1.*span"),
        ({"networks": ["FIJI"], "bbox": (-156, 19, -155, 21)}, "None of 1 sensors stands in the box"),
        ({"depth": (0.5, 0.1)}, "upside down"),
    ],
)
def test_nothing_left_is_said_with_what_there_is(choice: dict[str, object], words: str, stations: xr.Dataset) -> None:
    with pytest.raises(WindowError, match=words):
        select(stations, **choice)  # type: ignore[arg-type]


def test_flags_filter_values_and_keep_the_flags(stations: xr.Dataset) -> None:
    good = select(stations, flags=("G",))
    assert np.isfinite(good["sm"].values[0]).tolist() == [True, False, False, False, False]
    xr.testing.assert_identical(good["flag"], stations["flag"])
    assert good.attrs["flags_allowed"] == "G"
    both = select(stations, flags=("G", "U"))
    assert np.isfinite(both["sm"].values[0]).tolist() == [True, True, False, False, False]
    assert np.isfinite(select(stations)["sm"].values).all()


def test_an_unknown_flag_is_refused(stations: xr.Dataset) -> None:
    with pytest.raises(SmcoreError, match="unknown"):
        filter_flags(stations, ["good"])


def test_old_downloads_without_g_have_values_only_if_u_is_asked_for(reading_of: Callable[[str], Reading]) -> None:
    data = reading_of("ismn_multinetwork").dataset
    assert int(select(data, flags=("G",))["sm"].notnull().sum()) == 0
    assert int(select(data, flags=("G", "U"))["sm"].notnull().sum()) == 114916  # the U of test_ismn_golden.FLAGS
