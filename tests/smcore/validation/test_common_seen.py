"""Common days are the same days for every product, also where one of them was trained on some."""

from __future__ import annotations

import numpy as np

from smcore.validation.leakage import Seen, seen_by_any

ROWS = np.arange(3)
NOTHING = np.full(3, "")
TIME = np.tile(np.arange(10, dtype=np.int64), (3, 1))


def guard(location: list[bool], spans: list[list[int]] | None = None) -> Seen:
    return Seen(np.array(location), None if spans is None else np.array(spans), NOTHING)


def test_a_location_that_one_product_was_trained_at_is_no_test_of_the_others():
    both = seen_by_any((guard([False] * 3), guard([True, False, False])), 0)
    np.testing.assert_array_equal(both.whole, [True, False, False])


def test_days_that_one_product_was_trained_on_are_no_days_of_the_others():
    both = seen_by_any((guard([False] * 3), guard([True, False, False], [[2, 5]])), 0)
    assert not both.whole.any()
    expected = np.zeros((3, 10), bool)
    expected[0, 2:5] = True
    np.testing.assert_array_equal(both.of_pairs(ROWS, TIME), expected)


def test_places_and_days_of_several_products_add_up():
    both = seen_by_any((guard([True, False, False]), guard([False, True, False], [[0, 2], [8, 9]])), 1)
    np.testing.assert_array_equal(both.whole, [True, False, False])
    np.testing.assert_array_equal(both.of_pairs(ROWS, TIME).sum(axis=1), [0, 3, 0])


def test_where_nothing_was_seen_each_product_keeps_what_is_known_of_it():
    unknown = Seen(np.zeros(3, bool), None, NOTHING, is_known=False)
    known = guard([False] * 3)
    assert seen_by_any((unknown, known), 0) is unknown
    assert seen_by_any((unknown, known), 1) is known
