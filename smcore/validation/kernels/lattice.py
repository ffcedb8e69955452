"""The sums of :mod:`smcore.validation.kernels.dependence` for pairs that keep to one a day, in blocks of locations.

A block of locations is laid on a lattice of days, a segment of days at a time, which
:mod:`smcore.validation.kernels.segment` adds up.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone
from smcore.validation.kernels.dependence import DAY, FIRST_TIME, LAST_TIME, SCALES, add_one_by_one
from smcore.validation.kernels.segment import (
    HALO,
    LANES,
    ROW,
    SEGMENT,
    WIDTH,
    add_segment,
    add_since,
    workspace,
    write,
)

Array = NDArray[Any]

_SCALES: Final = len(SCALES)
_ALIKE: Final = 3 * DAY // 24
_SPARSE: Final = 64
_EXACT: Final = {"contract", "nsz"}


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def add_days(
    product: Array,
    reference: Array,
    column: int,
    row_of: Array,
    first_day: int,
    part_of: Array,
    before: Array,
    state: Array,
    lines: Array,
) -> None:
    """Add time-major pairs (row, location) of the days from ``first_day`` on to ``lines`` (location, FIELDS).

    The locations are those from ``column`` on.

    ``row_of`` (day,) is the row of each day, −1 where it has none, ``part_of`` (day,) its part of the year. ``before``
    (2, HALO, location) holds the days before; ``state`` (2, location, scale) Σ exp(−(end − t)/T) and
    Σ exp(−(t − begin)/T) of what is there already, with end the first of these days; both are brought up to date.
    """
    places, days = len(lines), row_of.size
    for block in numba.prange((places + WIDTH - 1) // WIDTH):
        begin = block * WIDTH
        size = min(WIDTH, places - begin)
        u, v, sums, lags, scales, words = workspace()
        for i in range(size):
            for g in range(_SCALES):
                scales[i * 2 * LANES + g] = state[0, begin + i, g]
            for h in range(HALO):
                u[h * ROW + i], v[h * ROW + i] = before[0, h, begin + i], before[1, h, begin + i]
        weight = np.ones(LANES)
        for start in range(0, days, SEGMENT):
            count = min(SEGMENT, days - start)
            for k in range(count):
                row, at = row_of[start + k], (HALO + k) * ROW
                if row >= 0:
                    here = slice(column + begin, column + begin + size)
                    _take(product[row, here], reference[row, here], u[at : at + size], v[at : at + size])
                else:
                    u[at : at + size], v[at : at + size] = np.nan, np.nan
            u[(HALO + count) * ROW :], v[(HALO + count) * ROW :] = np.nan, np.nan
            _stretch(u, count, size, first_day + start, lines[begin : begin + size])
            add_segment(u, v, count, part_of[start : start + count], sums, lags, scales, words)
            add_since(words, count, weight, state[1, begin : begin + size])
        write(lines[begin : begin + size], sums, lags, scales)
        for i in range(size):
            for g in range(_SCALES):
                state[0, begin + i, g] = scales[i * 2 * LANES + g]
            for h in range(HALO):
                before[0, h, begin + i], before[1, h, begin + i] = u[h * ROW + i], v[h * ROW + i]


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def add_rows(product: Array, reference: Array, time: Array, first_day: int, part_of: Array, lines: Array) -> None:
    """Add location-major pairs (location, pair), in order of their time [µs], to ``lines`` (location, FIELDS).

    The lines are zero before. ``part_of`` are the parts of the year of all days from ``first_day``, the one before the
    earliest pair, to the one after the last.
    """
    places, length = product.shape
    for block in numba.prange((places + WIDTH - 1) // WIDTH):
        begin = block * WIDTH
        size = min(WIDTH, places - begin)
        day = np.empty((WIDTH, length), np.int32)
        first, last, some = np.int64(0), np.int64(0), False
        for i in range(size):
            p = begin + i
            n, earliest, latest = _days_of(product[p], reference[p], time[p], day[i], lines[p])
            if n > 0 and latest - earliest < _SPARSE * n:
                first = min(first, earliest) if some else earliest
                last = max(last, latest) if some else latest
                some = True
            elif n != 0:
                day[i] = -1
                _add_off_lattice(product[p], reference[p], time[p], first_day, part_of, lines[p])
        if some:
            here = slice(begin, begin + size)
            _add_lattice(product[here], reference[here], day, first, last, first_day, part_of, lines[here])


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def survey(product: Array, reference: Array, time: Array, found: Array) -> None:
    """Of pairs (location, pair): their number, first and last time, and how many are earlier than the one before."""
    for place in numba.prange(len(found)):
        count, first, last, early, before = 0, np.int64(2**63 - 1), np.int64(-(2**63 - 1)), 0, np.int64(-(2**63 - 1))
        for j in range(time.shape[1]):
            if abs(product[place, j] - reference[place, j]) < np.inf:
                now = time[place, j]
                count += 1
                first, last = min(first, now), max(last, now)
                early += 1 if now < before else 0
                before = now
        found[place, 0], found[place, 1], found[place, 2], found[place, 3] = count, first, last, early


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _take(x: Array, y: Array, u: Array, v: Array) -> None:
    for i in range(x.size):
        a, b = np.float64(x[i]), np.float64(y[i])
        both = abs(a - b) < np.inf
        u[i], v[i] = a if both else np.nan, b if both else np.nan


@numba.njit(nogil=True, cache=True)
def _stretch(u: Array, days: int, size: int, day: int, lines: Array) -> None:
    """Extend first and last time to the pairs of some days, of which ``day`` is the first."""
    for i in range(size):
        first, last = 0, days - 1
        while first <= last and np.isnan(u[(HALO + first) * ROW + i]):
            first += 1
        while last > first and np.isnan(u[(HALO + last) * ROW + i]):
            last -= 1
        if first <= last:
            fresh = lines[i, LAST_TIME] == 0 and lines[i, FIRST_TIME] == 0
            lines[i, FIRST_TIME] = day + first if fresh else min(lines[i, FIRST_TIME], day + first)
            lines[i, LAST_TIME] = day + last if fresh else max(lines[i, LAST_TIME], day + last)


@numba.njit(nogil=True, cache=True)
def _days_of(x: Array, y: Array, t: Array, day: Array, line: Array) -> tuple[int, int, int]:
    """Number of pairs, first and last day of one location, and the ``day`` of each, −1 for none; times into ``line``.

    A number of −1 says that the pairs do not keep to one a day.
    """
    begin, end = 0, x.size - 1
    while begin <= end and not abs(x[begin] - y[begin]) < np.inf:
        begin += 1
    while end > begin and not abs(x[end] - y[end]) < np.inf:
        end -= 1
    day[:begin], day[end + 1 :] = -1, -1
    if begin > end:
        return 0, 0, 0
    line[FIRST_TIME], line[LAST_TIME] = t[begin] / DAY, t[end] / DAY
    clock = t[begin] % DAY
    regular = _nearest_days(x[begin : end + 1], y[begin : end + 1], t[begin : end + 1], clock, day[begin : end + 1])
    n, before = 0, np.int32(-1)
    for j in range(begin, end + 1):
        if day[j] >= 0:
            regular &= day[j] != before
            before = day[j]
            n += 1
    return (n if regular else -1), int(day[begin]), int(day[end])


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _nearest_days(x: Array, y: Array, t: Array, clock: int, day: Array) -> bool:
    """Days of the pairs; False if a time of day is far from the ``clock`` of the first. All in floats: no division."""
    off = 0
    for j in range(x.size):
        since = np.float64(t[j] - clock)
        nearest = math.floor(since * (1.0 / DAY) + 0.5)
        both = abs(x[j] - y[j]) < np.inf
        off += 1 if both and abs(since - nearest * DAY) > _ALIKE else 0
        day[j] = np.int32(nearest if both else -1.0)
    return off == 0


@numba.njit(nogil=True, cache=True)
def _add_off_lattice(x: Array, y: Array, t: Array, first_day: int, part_of: Array, line: Array) -> None:
    """Add one location whose pairs do not keep to one a day, or are so rare that a lattice would cost more."""
    n = 0
    u, v, s = np.empty(x.size), np.empty(x.size), np.empty(x.size, np.int64)
    for j in range(x.size):
        if abs(x[j] - y[j]) < np.inf:
            u[n], v[n], s[n] = x[j], y[j], t[j]
            n += 1
    add_one_by_one(u[:n], v[:n], s[:n], first_day, part_of, line)


@numba.njit(nogil=True, cache=True)
def _add_lattice(
    x: Array, y: Array, day: Array, first: int, last: int, first_day: int, part_of: Array, lines: Array
) -> None:
    """Add the locations of a block that have a lattice of days, segment by segment."""
    size, length = x.shape
    u, v, sums, lags, scales, words = workspace()
    at = np.zeros(size, np.int64)
    for start in range(first, last + 1, SEGMENT):
        days = min(SEGMENT, last + 1 - start)
        u[HALO * ROW :], v[HALO * ROW :] = np.nan, np.nan
        for i in range(size):
            j = at[i]
            while j < length and day[i, j] < start + days:
                if day[i, j] >= 0:
                    to = (HALO + day[i, j] - start) * ROW + i
                    u[to], v[to] = x[i, j], y[i, j]
                j += 1
            at[i] = j
        add_segment(u, v, days, part_of[start - first_day : start - first_day + days], sums, lags, scales, words)
    write(lines, sums, lags, scales)
