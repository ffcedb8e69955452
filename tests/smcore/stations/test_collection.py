from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from smcore.errors import CubeError, ReaderError
from smcore.stations import flags
from smcore.stations.collection import Record, Series, build, check_collection

ATTRS = {"title": "made up", "kind": "stations", "synthetic": 1}
HOUR = np.timedelta64(1, "h")
START = np.datetime64("2020-01-01T00:00", "ns")


def record(hours: list[int], values: list[float], flag: str = "G") -> Record:
    time = START + np.array(hours) * HOUR
    return Record(time, np.array(values, dtype="f4"), np.full(len(hours), flags.MASKS[flag], dtype=np.int32))


def series(sm: Record, **names: Any) -> Series:
    fields: dict[str, Any] = {
        "network": "N",
        "station": "S",
        "depth_from": 0.0,
        "depth_to": 0.05,
        "lat": 10.0,
        "lon": 20.0,
        **names,
    }
    return Series(records={"sm": sm}, **fields)


def test_sensors_share_the_union_of_their_times_and_gaps_are_nan_without_a_flag() -> None:
    data, notes = build([series(record([0, 2], [0.1, 0.2])), series(record([1], [0.3]), station="T")], ATTRS)
    assert notes == ()
    assert data.sizes == {"sensor": 2, "time": 3}
    np.testing.assert_allclose(data["sm"].values, [[0.1, np.nan, 0.2], [np.nan, 0.3, np.nan]])
    assert data["flag"].values.tolist() == [[1, 0, 1], [0, 1, 0]]
    assert data["sm"].dtype == np.float32
    assert data["flag"].dtype == np.int32


@pytest.mark.parametrize("apart", [np.timedelta64(7, "s"), np.timedelta64(90, "m"), np.timedelta64(40_000, "D")])
def test_times_off_the_minute_and_spans_of_a_century_are_put_on_one_axis(apart: np.timedelta64) -> None:
    flag = np.ones(2, dtype=np.int32)
    early = Record(START - np.array([2, 1]) * apart, np.array([0.1, 0.2]), flag)
    late = Record(START - np.array([1, 0]) * apart, np.array([0.3, 0.4]), flag)
    data, _ = build([series(early), series(late, station="T")], ATTRS)
    assert (np.diff(data["time"].values) == apart).all()
    np.testing.assert_allclose(data["sm"].values, [[0.1, 0.2, np.nan], [np.nan, 0.3, 0.4]], rtol=1e-6)


def test_times_in_any_order_are_sorted_with_their_values() -> None:
    data, _ = build([series(record([2, 0, 1], [0.2, 0.0, 0.1]))], ATTRS)
    np.testing.assert_allclose(data["sm"].values, [[0.0, 0.1, 0.2]])


def test_repeats_that_agree_are_told_from_repeats_that_differ() -> None:
    nan = float("nan")
    data, notes = build([series(record([0, 0, 1, 1, 1], [0.1, 0.1, nan, nan, 0.9]))], ATTRS)
    np.testing.assert_allclose(data["sm"].values, [[0.1, nan]])
    assert "3 repeated times of sm, 1 with another value" in notes[0]


def test_equal_ids_are_made_unique_and_named() -> None:
    data, notes = build([series(record([0], [v])) for v in (0.1, 0.2, 0.3)], ATTRS)
    assert data["sensor"].values.tolist() == ["N/S/0-0.05/unknown", "N/S/0-0.05/unknown~2", "N/S/0-0.05/unknown~3"]
    assert len(notes) == 2


def test_longitudes_beyond_180_are_wrapped() -> None:
    data, _ = build([series(record([0], [0.1]), lon=200.0), series(record([0], [0.1]), lon=180.0)], ATTRS)
    assert data["lon"].values.tolist() == [-160.0, -180.0]


def test_further_variables_and_soil_appear_only_where_some_sensor_has_them() -> None:
    with_rain = Series(
        "N", "A", 0, 0.1, 1, 2, {"sm": record([0], [0.1]), "precipitation": record([1], [3.0])}, soil={"clay": 20.0}
    )
    data, _ = build([with_rain, series(record([0], [0.2]))], ATTRS)
    np.testing.assert_allclose(data["precipitation"].values, [[np.nan, 3.0], [np.nan, np.nan]])
    assert data["precipitation"].attrs["units"] == "mm d-1"
    assert "soil_temperature" not in data
    np.testing.assert_allclose(data["clay"].values, [20.0, np.nan])


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 40), st.floats(0, 1, width=32)), min_size=1, max_size=20),
        min_size=1,
        max_size=5,
    )
)
def test_every_first_record_of_every_sensor_is_found_again(sensors: list[list[tuple[int, float]]]) -> None:
    rows = [series(record([h for h, _ in s], [v for _, v in s]), station=f"S{i}") for i, s in enumerate(sensors)]
    data, _ = build(rows, ATTRS)
    for i, s in enumerate(sensors):
        first: dict[int, float] = {}
        for hour, value in s:
            first.setdefault(hour, value)
        row = data["sm"].values[i]
        at = {int((t - START) / HOUR): v for t, v in zip(data["time"].values, row, strict=True) if np.isfinite(v)}
        assert at == {hour: np.float32(value) for hour, value in first.items()}


@pytest.mark.parametrize(
    "place",
    [{"lat": 90.1}, {"lon": float("nan")}, {"depth_from": 0.2}, {"depth_from": -0.1}, {"depth_to": float("nan")}],
)
def test_a_sensor_can_not_be_made_where_none_can_be(place: dict[str, float]) -> None:
    with pytest.raises(ReaderError, match="are no"):
        series(record([0], [0.1]), **place)


@pytest.fixture
def good() -> xr.Dataset:
    return build([series(record([0, 1], [0.1, 0.2])), series(record([1], [0.3]), station="T")], ATTRS)[0]


def swap_time(data: xr.Dataset) -> xr.Dataset:
    return data.isel(time=[1, 0])


BROKEN: dict[str, tuple[Callable[[xr.Dataset], xr.Dataset], str]] = {
    "no title": (lambda d: d.assign_attrs({}).drop_attrs(deep=False), "attributes title"),
    "no sm": (lambda d: d.drop_vars("sm"), "needs 'sm'"),
    "percent": (lambda d: d.assign(sm=d["sm"].assign_attrs(units="%")), "needs 'sm' in m3 m-3"),
    "turned": (lambda d: d.transpose("time", "sensor"), r"not \(sensor, time\)"),
    "no flag": (lambda d: d.drop_vars("flag"), "no integer flags"),
    "float flag": (lambda d: d.assign(flag=d["flag"].astype(float)), "no integer flags"),
    "no station": (lambda d: d.drop_vars("station"), "coordinate 'station'"),
    "time backwards": (swap_time, "Time must ascend"),
    "time as numbers": (lambda d: d.assign_coords(time=[0, 1]), "does not hold dates"),
    "same id": (lambda d: d.assign_coords(sensor=["a", "a"]), "unique"),
    "north of the pole": (lambda d: d.assign_coords(lat=("sensor", [0.0, 91.0])), "N/T.* latitude"),
    "no latitude": (lambda d: d.assign_coords(lat=("sensor", [0.0, np.nan])), "N/T.* latitude"),
    "lon 180": (lambda d: d.assign_coords(lon=("sensor", [180.0, 0.0])), "N/S.* longitude"),
    "upside down": (lambda d: d.assign_coords(depth_to=("sensor", [-0.1, 0.05])), "N/S.* lower end"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_broken_rule_is_named(case: str, good: xr.Dataset) -> None:
    breaking, words = BROKEN[case]
    with pytest.raises(CubeError, match=words):
        check_collection(breaking(good))


def test_a_good_collection_passes_unchanged(good: xr.Dataset) -> None:
    xr.testing.assert_identical(check_collection(good), good)
