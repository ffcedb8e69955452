"""Rank correlations in compiled loops: Spearman's rho and Kendall's tau-b, ties as they should be, gaps left out.

Values are sorted by their bits (radix sort: as unsigned integers, whose order is that of the numbers), over those bits
only in which the series differs; −0.0 is made 0.0 first, so that the two tie. Ranks are doubled and centred, hence
whole numbers, and their sums exact up to n = 2.9e6: equal data give equal results on every path.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone

Array = NDArray[Any]

_WIDTH: Final = 16
"""Locations of a cube gathered at once: a cache line of float32."""

_ROWS: Final = 16

WHOLE: Final = 2_900_000
"""Values up to which the sums of squares of doubled ranks, n³/3, fit into whole numbers of 64 bits."""

_DUST: Final = 1e-12
"""Relative range below which a series is constant, as for all metrics."""


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def correlate_columns(product: Array, reference: Array, unsigned: Array, is_kendall: bool, out: Array) -> None:
    """Rank correlations of time-major pairs (time, location) into ``out``; ``unsigned`` has the type of their bits."""
    days, places = product.shape
    for block in numba.prange((places + _WIDTH - 1) // _WIDTH):
        begin = block * _WIDTH
        size = min(_WIDTH, places - begin)
        x, y = np.empty((_WIDTH, days), product.dtype), np.empty((_WIDTH, days), reference.dtype)
        count = np.zeros(_WIDTH, np.int64)
        for day in range(days):
            for i in range(size):
                u, v = product[day, begin + i], reference[day, begin + i]
                x[i, count[i]], y[i, count[i]] = u, v
                count[i] += np.isfinite(u) & np.isfinite(v)
        for i in range(size):
            out[begin + i] = _correlate(x[i, : count[i]], y[i, : count[i]], unsigned, is_kendall)


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def correlate_rows(product: Array, reference: Array, unsigned: Array, is_kendall: bool, out: Array) -> None:
    """Rank correlations of location-major pairs (location, pair) into ``out``."""
    places, length = product.shape
    for block in numba.prange((places + _ROWS - 1) // _ROWS):
        x, y = np.empty(length, product.dtype), np.empty(length, reference.dtype)
        for place in range(block * _ROWS, min((block + 1) * _ROWS, places)):
            count = 0
            for i in range(length):
                u, v = product[place, i], reference[place, i]
                if np.isfinite(u) & np.isfinite(v):
                    x[count], y[count] = u, v
                    count += 1
            out[place] = _correlate(x[:count], y[:count], unsigned, is_kendall)


@numba.njit(nogil=True, cache=True)
def _correlate(x: Array, y: Array, unsigned: Array, is_kendall: bool) -> float:
    """Rank correlation of two series without gaps, which are changed; NaN where one is constant."""
    count = x.size
    key, spare_key = np.empty(count, unsigned.dtype), np.empty(count, unsigned.dtype)
    order, spare_order = np.empty(count, np.int32), np.empty(count, np.int32)
    rank = np.empty(count, np.int32)
    if _is_constant(x) or _is_constant(y):
        return np.nan
    y_bits, x_bits = _bits(y, unsigned), _bits(x, unsigned)
    for i in range(count):
        order[i] = i
    key, order, spare_key, spare_order = _sort(y_bits, key, order, spare_key, spare_order)
    if is_kendall:
        y_ties = _dense_ranks(key, order, rank)
        key, order, spare_key, spare_order = _sort(x_bits, key, order, spare_key, spare_order)
        return float(_kendall(key, order, rank, y_ties, spare_order))
    y_squares = _double_ranks(key, order, rank)
    for i in range(count):
        order[i] = i
    key, order, spare_key, spare_order = _sort(x_bits, key, order, spare_key, spare_order)
    return float(_spearman(key, order, rank, y_squares))


@numba.njit(nogil=True, cache=True)
def _is_constant(values: Array) -> bool:
    low, high = np.inf, -np.inf
    for value in values:
        low, high = min(low, np.float64(value)), max(high, np.float64(value))
    return not high - low > _DUST * max(abs(low), abs(high))


@numba.njit(nogil=True, cache=True)
def _bits(values: Array, unsigned: Array) -> Array:
    """The values as unsigned integers of the same order, in place."""
    for i in range(values.size):
        if values[i] == 0:
            values[i] = 0
    bits = values.view(unsigned.dtype)
    top = unsigned.dtype.type(8 * unsigned.itemsize - 1)
    sign = unsigned.dtype.type(1) << top
    for i in range(bits.size):
        bits[i] = ~bits[i] if bits[i] >> top else bits[i] | sign
    return bits


@numba.njit(nogil=True, cache=True)
def _sort(
    bits: Array, key: Array, order: Array, spare_key: Array, spare_order: Array
) -> tuple[Array, Array, Array, Array]:
    """Sort ``order`` by ``bits``, stable; return sorted bits and order, and what is left to be used again."""
    count = bits.size
    one = bits.dtype.type(1)
    differing = bits.dtype.type(0)
    for i in range(count):
        key[i] = bits[order[i]]
        differing |= bits[i] ^ bits[0]
    low = 0
    while differing and not (differing >> bits.dtype.type(low)) & one:
        low += 1
    high = low
    while high < 8 * bits.itemsize and differing >> bits.dtype.type(high):
        high += 1
    widest = 8 if count < 2000 else 11
    passes = max((high - low + widest - 1) // widest, 1)
    width = max((high - low + passes - 1) // passes, 1)
    last = (one << bits.dtype.type(width)) - one
    tally = np.zeros((passes, 1 << width), np.int32)
    for i in range(count):
        for k in range(passes):
            tally[k, (key[i] >> bits.dtype.type(low + k * width)) & last] += 1
    for k in range(passes):
        shift = bits.dtype.type(low + k * width)
        start = 0
        for digit in range(1 << width):
            start, tally[k, digit] = start + tally[k, digit], start
        for i in range(count):
            digit = (key[i] >> shift) & last
            to = tally[k, digit]
            tally[k, digit] = to + 1
            spare_key[to], spare_order[to] = key[i], order[i]
        key, order, spare_key, spare_order = spare_key, spare_order, key, order
    return key, order, spare_key, spare_order


@numba.njit(nogil=True, cache=True)
def _double_ranks(key: Array, order: Array, rank: Array) -> float:
    """Twice the average ranks less n + 1, at the place of each value; the sum of their squares."""
    count = key.size
    is_whole = count <= WHOLE
    squares, rounded = np.int64(0), 0.0
    i = 0
    while i < count:
        j = i
        while j + 1 < count and key[j + 1] == key[i]:
            j += 1
        double = i + j + 1 - count
        for k in range(i, j + 1):
            rank[order[k]] = double
        if is_whole:
            squares += double * double * (j + 1 - i)
        else:
            rounded += float(double) * double * (j + 1 - i)
        i = j + 1
    return float(squares) if is_whole else rounded


@numba.njit(nogil=True, cache=True)
def _spearman(key: Array, order: Array, y_rank: Array, y_squares: float) -> float:
    """Pearson's R of the ranks, those of x taken from the sorted values as they come."""
    count = key.size
    is_whole = count <= WHOLE
    squares, products = np.int64(0), np.int64(0)
    rounded_squares, rounded_products = 0.0, 0.0
    i = 0
    while i < count:
        j = i
        together = np.int64(y_rank[order[i]])
        while j + 1 < count and key[j + 1] == key[i]:
            j += 1
            together += y_rank[order[j]]
        double = i + j + 1 - count
        if is_whole:
            squares += double * double * (j + 1 - i)
            products += double * together
        else:
            rounded_squares += float(double) * double * (j + 1 - i)
            rounded_products += float(double) * together
        i = j + 1
    x_squares = float(squares) if is_whole else rounded_squares
    if x_squares == 0 or y_squares == 0:
        return np.nan
    both = float(products) if is_whole else rounded_products
    return max(-1.0, min(1.0, both / math.sqrt(x_squares * y_squares)))


@numba.njit(nogil=True, cache=True)
def _dense_ranks(key: Array, order: Array, rank: Array) -> int:
    """Ranks without gaps, at the place of each value; how many couples of values are tied."""
    tied, since, dense = 0, 0, 0
    for i in range(key.size):
        if i and key[i] != key[i - 1]:
            dense += 1
            since = i
        tied += i - since
        rank[order[i]] = dense
    return tied


@numba.njit(nogil=True, cache=True)
def _kendall(key: Array, order: Array, y_rank: Array, y_ties: int, spare: Array) -> float:
    """Tau-b by Knight (1966): pairs in the order of x, and of y where x is tied; out of order in y are discordant."""
    count = key.size
    sequence = np.empty(count, np.int32)
    x_ties, both_ties, since, since_both = 0, 0, 0, 0
    for i in range(count):
        sequence[i] = y_rank[order[i]]
        if i and key[i] != key[i - 1]:
            since, since_both = i, i
        elif i and sequence[i] != sequence[i - 1]:
            since_both = i
        x_ties += i - since
        both_ties += i - since_both
    total = count * (count - 1) // 2
    excess = total - x_ties - y_ties + both_ties - 2 * _inversions(sequence, spare)
    if x_ties == total or y_ties == total:
        return np.nan
    return float(max(-1.0, min(1.0, excess / math.sqrt(float(total - x_ties) * float(total - y_ties)))))


@numba.njit(nogil=True, cache=True)
def _inversions(values: Array, spare: Array) -> int:
    """How many couples are out of order, by merge sort; ``values`` and ``spare`` are changed."""
    count, found = values.size, 0
    for start in range(0, count, 8):
        for i in range(start + 1, min(start + 8, count)):
            value, k = values[i], i
            while k > start and values[k - 1] > value:
                values[k] = values[k - 1]
                k -= 1
            values[k] = value
            found += i - k
    width = 8
    while width < count:
        for start in range(0, count, 2 * width):
            middle, stop = min(start + width, count), min(start + 2 * width, count)
            left, right = start, middle
            for to in range(start, stop):
                if right == stop or (left < middle and values[left] <= values[right]):
                    spare[to] = values[left]
                    left += 1
                else:
                    spare[to] = values[right]
                    right += 1
                    found += middle - left
        values, spare = spare, values
        width *= 2
    return found
