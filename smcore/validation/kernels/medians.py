"""Medians of draws in which each value counts as often as its group was drawn."""

from __future__ import annotations

from typing import Any

import numba
from numpy.typing import NDArray

Array = NDArray[Any]


@numba.njit(nogil=True, cache=True)
def drawn_medians(ascending: Array, member: Array, counts: Array, out: Array) -> None:
    """Median of each draw into ``out`` (draw,).

    ``ascending`` (k,) are the values in order, ``member`` (k,) their groups, ``counts`` (draw, group) how often each
    group was drawn; every group has a value. The walk ends in the middle, so the price is half of k a draw.
    """
    size = counts[0] * 0
    for group in member:
        size[group] += 1
    for draw in range(len(counts)):
        row = counts[draw]
        total = 0
        for group in range(len(size)):
            total += row[group] * size[group]
        place, below = 0, row[member[0]]
        while 2 * below < total:
            place += 1
            below += row[member[place]]
        low = ascending[place]
        while 2 * below <= total:
            place += 1
            below += row[member[place]]
        out[draw] = (low + ascending[place]) / 2
