"""Packing: small integers only where nothing the source had is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from smcore.cubes.packing import Packing, UnpackableError, plain, propose
from smcore.errors import StoreError
from tests.smcore.cubes.store_cubes import decimals


def proposed(samples: list[np.ndarray], **encoding: object) -> Packing:
    return propose("sm", "float32", samples, encoding=encoding, attrs={})


@pytest.mark.parametrize(("step", "divisor"), [(1.0, 1), (0.1, 10), (0.01, 100), (0.001, 1000), (0.0001, 10_000)])
def test_decimal_numbers_are_found(step: float, divisor: int) -> None:
    values = (np.arange(-300, 300) / round(1 / step)).astype("f4")
    packing = proposed([values])
    assert (packing.stored, packing.how, packing.divisor) == ("int16", "divide", divisor)
    np.testing.assert_array_equal(packing.decode(packing.encode(values)), values)


def test_every_int16_decimal_is_exact() -> None:
    k = np.arange(-32_767, 32_768)
    for divisor in (10, 100, 1000, 10_000, 100_000):
        packing = Packing("int16", "float32", "divide", divisor=divisor, fill=-32_768)
        values = np.array([float(f"{i}e-{len(str(divisor)) - 1}") for i in k]).astype("f4")
        np.testing.assert_array_equal(packing.decode(packing.encode_exactly(values, None, "sm")), values)


def test_the_packing_of_the_source_is_kept() -> None:
    stored = np.arange(0, 201, dtype="u1")
    values = (stored * 0.5).astype("f4")
    packing = proposed([values], dtype="uint8", scale_factor=0.5, add_offset=0.0, _FillValue=255)
    assert (packing.stored, packing.fill) == ("uint8", 255)
    np.testing.assert_array_equal(packing.encode(values), stored)


def test_an_offset_of_the_source_is_kept() -> None:
    stored = np.arange(-32_000, 32_001, 7, dtype="i2")
    scale, offset = 1.234567e-5, 0.3821
    values = (stored * scale + offset).astype("f4")
    packing = proposed([values], dtype=np.dtype("int16"), scale_factor=scale, add_offset=offset, _FillValue=-32_767)
    assert packing.how == "scale"
    np.testing.assert_array_equal(packing.decode(packing.encode(values)), values)


def test_a_packing_that_no_longer_fits_is_not_believed() -> None:
    """A reader that changed the unit, but left the source's packing in the encoding."""
    values = np.random.default_rng(0).random(50).astype("f4")
    assert proposed([values], dtype="int16", scale_factor=0.01, _FillValue=-1) == plain("f4")


@pytest.mark.parametrize("odd", [np.float32(1 / 3), np.float32(np.inf), np.float32(4.0), np.float32(-3.2768)])
def test_one_value_off_the_grid_keeps_float32(odd: np.float32) -> None:
    values = decimals((4, 5), gaps=0.0)
    packing = proposed([values])
    assert packing.stored == "int16"
    values[2, 2] = odd
    with pytest.raises(UnpackableError):
        packing.encode_exactly(values, None, "sm")
    if odd != np.float32(4.0):  # which a coarser grid would not hold either, beside the others
        assert proposed([values]) == plain("f4")


def test_nothing_but_gaps_says_nothing_about_the_packing() -> None:
    assert proposed([np.full((3, 3), np.nan, "f4")]) == plain("f4")
    assert proposed([]) == plain("f4")


@settings(max_examples=60, deadline=None)
@given(values=arrays.arrays(np.float32, st.integers(1, 12), elements=st.floats(-1e4, 1e4, width=32) | st.just(np.nan)))
def test_whatever_is_proposed_gives_the_samples_back(values: np.ndarray) -> None:
    packing = proposed([values])
    np.testing.assert_array_equal(packing.decode(packing.encode_exactly(values, None, "sm")), values)


def test_flags_take_the_smallest_type_that_holds_them_all() -> None:
    few = propose("quality", "int32", [], encoding={}, attrs={"flag_masks": [1, 2, 64]})
    many = propose("quality", "int32", [], encoding={}, attrs={"flag_masks": [1, 128]})
    unknown = propose("quality", "int32", [], encoding={}, attrs={})
    assert (few.stored, many.stored, unknown.stored) == ("int8", "int16", "int32")
    assert few.logical == "int32"
    with pytest.raises(UnpackableError):
        few.encode_exactly(np.array([200], "i4"), None, "quality")


def test_a_packing_survives_its_record() -> None:
    packing = Packing("int16", "float32", "scale", scale=1.1, offset=0.3, fill=-5)
    assert Packing.from_json(packing.to_json()) == packing


@pytest.mark.parametrize(
    "change", [{"stored": "object"}, {"how": "eval"}, {"logical": "O"}, {"stored": "nonsense"}, {"more": 1}]
)
def test_a_foreign_packing_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(StoreError, match="packing of a variable is not understood"):
        Packing.from_json({**plain("f4").to_json(), **change})


def test_a_time_too_far_from_its_step_is_refused_not_lost() -> None:
    packing, stamp = plain("datetime64[ns]"), np.datetime64("2020-01-01", "ns")
    near = np.array([["1952-01-02", "2088-01-01"], ["NaT", "2020-01-01"]], "datetime64[ns]")
    assert np.array_equal(packing.decode(packing.encode(near, stamp), np.array([stamp, stamp])), near, equal_nan=True)
    with pytest.raises(StoreError, match="68 years"):
        packing.encode(np.array([["1900-01-01"]], "datetime64[ns]"), stamp)
