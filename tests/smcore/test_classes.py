"""Flags and classes: what a number means, and which colour code it gets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smcore.classes import NO_FLAG, Classes, CodeBook, numbers_in, paint_codes, whole_numbers
from smcore.grids import ease
from smcore.maps import HIGHEST, LOWEST, MISSING, View, fitted, plan

FLAGS = Classes.of("quality", {"flag_masks": [1, 2, 8], "flag_meanings": "not_recommended wet frozen_ground"})


def test_bits_are_told_each_by_its_meaning() -> None:
    assert FLAGS is not None
    assert FLAGS.words == ("not recommended", "wet", "frozen ground")
    assert FLAGS.meanings(9) == ("not recommended", "frozen ground")
    assert FLAGS.meanings(0) == (NO_FLAG,)
    assert FLAGS.meanings(-1) == ()
    assert FLAGS.meanings(2 + 4 + 32) == ("wet", "bit 2", "bit 5"), "bits that nobody named are not hidden"


def test_classes_are_told_by_their_number_where_they_have_no_name() -> None:
    snow = Classes.of("surface", {"flag_values": np.array([0, 4]), "flag_meanings": "bare snow_or_ice"})
    assert snow is not None
    assert snow.meanings(4) == ("snow or ice",)
    assert snow.meanings(3) == ("class 3",)
    cover = Classes.of("land_cover", {"units": "1"})
    assert cover is not None
    assert cover.meanings(12) == ("cropland",)
    origin = Classes.of("source", {})
    assert origin is not None
    assert origin.meanings(2) == ("filled",)


def test_a_quantity_and_a_half_described_flag_have_no_classes() -> None:
    assert Classes.of("soil_temperature", {"units": "K"}) is None
    assert Classes.of("quality", {"flag_masks": [1, 2], "flag_meanings": "one"}) is None


def test_missing_pixels_become_minus_one() -> None:
    np.testing.assert_array_equal(whole_numbers(np.array([3.0, np.nan, 0.0], "f4")), [3, -1, 0])
    np.testing.assert_array_equal(whole_numbers(np.array([-7, 4], "i2")), [-1, 4])


@given(arrays(np.int64, (4, 5), elements=st.integers(-1, 2**20)))
def test_numbers_are_counted_as_one_would_by_hand(field: np.ndarray) -> None:
    expected = {int(n): int((field == n).sum()) for n in set(field.ravel().tolist()) if n >= 0}
    assert numbers_in(field) == expected


@given(st.lists(arrays(np.int64, (3, 4), elements=st.integers(-1, 40)), min_size=1, max_size=4))
def test_a_number_keeps_its_code_however_many_come_later(fields: list[np.ndarray]) -> None:
    book, seen = CodeBook(), dict[int, int]()
    for field in fields:
        for number, code in zip(field.ravel().tolist(), book.encode(field).ravel().tolist(), strict=True):
            if number < 0:
                assert code == MISSING
                continue
            assert seen.setdefault(number, code) == code
            assert book.numbers[code - LOWEST] == number


def test_what_finds_no_room_shares_the_last_code() -> None:
    book = CodeBook()
    codes = book.encode(np.arange(400)[None])[0]
    assert len(set(codes.tolist())) == HIGHEST - LOWEST + 1
    assert (codes[300:] == HIGHEST).all()
    assert book.encode(np.array([[5, 399, 1000]])).tolist() == [[codes[5], HIGHEST, HIGHEST]]


@pytest.mark.parametrize("zoom", [0.5, 3.0])
def test_codes_are_laid_on_the_screen_as_values_are(zoom: float) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    whole = fitted(grid.bbox, 60, 40)
    gather = plan(grid, View(whole.x0, whole.x0 + (whole.x1 - whole.x0) / zoom, whole.y0, whole.y1, 60, 40))
    codes = np.random.default_rng(1).integers(0, 255, (12, 16)).astype("u1")[gather.rows, gather.columns]
    painted = paint_codes(codes, gather)
    assert painted.shape == (40, 60)
    for i, r in enumerate(gather.row):
        for j, c in enumerate(gather.column):
            assert painted[i, j] == (codes[r, c] if r >= 0 and c >= 0 else MISSING)
