"""A sensor's record is read once, however many products ask for it, and nobody can spoil it for the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from smcore.review.remembered import RememberedFetch


def test_a_single_location_is_read_once_and_what_is_given_out_is_a_copy() -> None:
    asked: list[tuple[str, tuple[int, ...]]] = []

    def fetch(variable: str, where: Any, steps: slice) -> Any:
        asked.append((variable, tuple(where)))
        return np.array(where)[:, None] + np.arange(10.0)[steps]

    kept = RememberedFetch(fetch)
    first = kept("sm", np.array([3]), slice(2, 5))
    assert first.tolist() == [[5.0, 6.0, 7.0]]
    first[:] = np.nan
    assert kept("sm", np.array([3]), slice(2, 5)).tolist() == [[5.0, 6.0, 7.0]]
    assert kept("sm", np.array([3]), slice(0, 2)).tolist() == [[3.0, 4.0]]
    assert kept("flag", np.array([3]), slice(2, 5)).tolist() == [[5.0, 6.0, 7.0]]
    assert asked == [("sm", (3,)), ("sm", (3,)), ("flag", (3,))]


def test_many_locations_are_not_kept_and_of_single_ones_the_last() -> None:
    asked: list[int] = []

    def fetch(variable: str, where: Any, steps: slice) -> Any:
        asked.append(len(where))
        return np.zeros((len(where), 3))

    kept = RememberedFetch(fetch)
    for _ in range(2):
        kept("sm", np.arange(5), slice(None))
    assert asked == [5, 5]
    for place in (*range(40), 39, 0):
        kept("sm", np.array([place]), slice(None))
    assert len(asked) == 2 + 41, "the first of forty was read again, the last was not"
