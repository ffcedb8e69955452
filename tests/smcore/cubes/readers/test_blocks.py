"""Stored numbers to ours: fills, scales, CF times, lazy blocks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore.cubes.readers._blocks import Decoding, TimeUnits, decoding, lazy, load, packing
from smcore.errors import ReaderError


def raw(values: list[float], dtype: str = "f4", **attrs: object) -> xr.DataArray:
    return xr.DataArray(np.array(values, dtype), dims="x", attrs=attrs)


def test_declared_and_undeclared_fills_become_nan() -> None:
    variable = raw([-9999, 0.3, -32767, 9.96921e36, np.inf], _FillValue=np.float32(-9999), missing_value=-32767)
    np.testing.assert_allclose(decoding(variable)(variable.values), [np.nan, 0.3, np.nan, np.nan, np.nan])
    assert np.isnan(decoding(variable, 0.5)(np.array([0.5]))).all()


def test_packed_numbers_are_unpacked_in_double_precision() -> None:
    variable = raw([-32767, -100, 200], "i2", scale_factor=1.5e-5, add_offset=0.372, _FillValue=np.int16(-32767))
    got = decoding(variable)(variable.values)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[1:], np.float32([0.372 - 0.0015, 0.372 + 0.003]))
    assert np.isnan(got[0])
    assert packing(variable)["scale_factor"] == 1.5e-5
    assert packing(raw([0.1])) == {}


def test_numbers_above_the_highest_are_flags() -> None:
    np.testing.assert_array_equal(
        Decoding((255.0,), 0.5, 0.0, 200.0)(np.array([0, 200, 201, 251, 255], np.uint8)),
        [0, 100, np.nan, np.nan, np.nan],
    )


@pytest.mark.parametrize(
    ("units", "number", "expected"),
    [
        ("hours since 1900-01-01 00:00:0.0", 964248, "2010-01-01T00:00"),
        ("days since 1858-11-17 00:00:00", 57754.125, "2017-01-01T03:00"),
        ("seconds since 2000-01-01 12:00:00", 481178377.5, "2015-04-01T16:39:37.500"),
        ("days since 1970-01-01T12:00:00", 17317.5, "2017-06-01T00:00"),
        ("days since 1970-01-01 00:00:00 UTC", 16071, "2014-01-01T00:00"),
        ("minutes since 2018-1-1 0:0:0Z", 90, "2018-01-01T01:30"),
    ],
)
def test_times_of_every_form_in_the_files_are_read(units: str, number: float, expected: str) -> None:
    got = TimeUnits.parse(units).decode([number, np.nan])
    assert got[0] == np.datetime64(expected, "ns")
    assert np.isnat(got[1])


@pytest.mark.parametrize(
    ("units", "calendar"),
    [
        ("days since 2000-01-01", "noleap"),
        ("fortnights since 2000-01-01", "standard"),
        ("days since yesterday", "standard"),
        ("days since 2000-02-30", "standard"),
        ("days since 2000-01-01 00:00 +05:00", "standard"),
        ("", "standard"),
    ],
)
def test_times_that_can_not_be_dated_are_refused(units: str, calendar: str) -> None:
    with pytest.raises(ReaderError, match=r"file\.nc"):
        TimeUnits.parse(units, calendar, where="file.nc")


def test_blocks_are_loaded_one_by_one_when_asked_for() -> None:
    asked: list[int] = []

    def give(number: int) -> np.ndarray:
        asked.append(number)
        return np.full((2, 3), number, np.float32)

    array = lazy([partial(give, number) for number in range(4)], [2] * 4, [3])
    assert array.shape == (8, 3)
    assert asked == []
    assert array[4:6].compute().tolist() == [[2, 2, 2]] * 2
    assert asked == [2]


def test_a_file_that_vanished_after_reading_its_header_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReaderError) as error:
        load(tmp_path / "gone.nc", "sm", Decoding())
    assert error.value.code == "truncated"
