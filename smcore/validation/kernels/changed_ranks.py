"""Ranks of a large sample of which a few values change: sorted once, then merged, never sorted again."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.ranks import WHOLE

Array = NDArray[Any]


@numba.njit(nogil=True, cache=True)
def replaced(
    values: Array, slots: Array, row_of: Array, changed: Array, fresh: tuple[Array, Array], out: tuple[Array, Array]
) -> int:
    """Take the values of changed rows out of a sorted sample and merge fresh ones in; return how many there are.

    ``values`` and ``slots`` (k,) are in order of the values, ``row_of`` (slot,) and ``changed`` (row,) say which of
    them go; ``fresh`` are values in order and their slots. ``out`` is long enough for all.
    """
    new_values, new_slots = fresh
    out_values, out_slots = out
    i, j, count = 0, 0, 0
    while True:
        while i < values.size and changed[row_of[slots[i]]]:
            i += 1
        if i == values.size and j == new_values.size:
            return count
        if j == new_values.size or (i < values.size and values[i] <= new_values[j]):
            out_values[count], out_slots[count] = values[i], slots[i]
            i += 1
        else:
            out_values[count], out_slots[count] = new_values[j], new_slots[j]
            j += 1
        count += 1


@numba.njit(nogil=True, cache=True)
def double_ranks(values: Array, slots: Array, rank: Array) -> None:
    """Twice the average ranks less n + 1 into the slots of the sorted values, 0 into all others."""
    count = values.size
    rank[:] = 0
    i = 0
    while i < count:
        j = i
        while j + 1 < count and values[j + 1] == values[i]:
            j += 1
        for k in range(i, j + 1):
            rank[slots[k]] = i + j + 1 - count
        i = j + 1


@numba.njit(nogil=True, cache=True)
def correlation_of_ranks(x: Array, y: Array) -> float:
    """Pearson's R of centred ranks; whole numbers, whose sums are exact up to :data:`WHOLE` of them, then rounded."""
    xx, yy, xy = _whole_sums(x, y) if x.size <= WHOLE else _rounded_sums(x, y)
    if xx == 0 or yy == 0:
        return np.nan
    return float(max(-1.0, min(1.0, xy / math.sqrt(xx * yy))))


@numba.njit(nogil=True, cache=True)
def _whole_sums(x: Array, y: Array) -> tuple[float, float, float]:
    xx, yy, xy = np.int64(0), np.int64(0), np.int64(0)
    for i in range(x.size):
        a, b = np.int64(x[i]), np.int64(y[i])
        xx += a * a
        yy += b * b
        xy += a * b
    return float(xx), float(yy), float(xy)


@numba.njit(nogil=True, cache=True)
def _rounded_sums(x: Array, y: Array) -> tuple[float, float, float]:
    xx, yy, xy = 0.0, 0.0, 0.0
    for i in range(x.size):
        a, b = float(x[i]), float(y[i])
        xx += a * a
        yy += b * b
        xy += a * b
    return xx, yy, xy
