"""The sums of :mod:`smcore.validation.kernels.dependence` for pairs that keep to one a day, in blocks of locations.

A block of locations is laid on a lattice of days, some hundred days at a time, which stay in the cache while powers,
lags and scales are added up in passes of their own: all sums in one loop would no longer be vectorised.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone
from smcore.validation.kernels.dependence import (
    BY_DAYS,
    DAY,
    FIRST_TIME,
    LAG_SUMS,
    LAGS,
    LAST_TIME,
    PARTS,
    POWERS,
    SCALE_SUMS,
    SCALES,
    add_one_by_one,
)

Array = NDArray[Any]

HALO: Final = 8
"""Days before the first that lags reach back to."""

WIDTH: Final = 64
"""Locations of a block."""

_LAGS: Final = len(LAGS)
_SCALES: Final = len(SCALES)
_SEGMENT: Final = 256
_ALIKE: Final = 3 * DAY // 24
_SPARSE: Final = 64
_EXACT: Final = {"contract", "nsz"}

_BITS: Final = (np.arange(256)[:, None] >> np.arange(8)) & 1
_SINCE: Final = _BITS @ BY_DAYS[:8]
_UNTIL: Final = _BITS @ BY_DAYS[8:0:-1]
_INSIDE: Final = np.array(
    [[sum(b[i] * b[j] * row[j - i] for j in range(8) for i in range(j)) for row in BY_DAYS[:8].T] for b in _BITS]
)
"""Of eight days with the bits of a byte: Σ exp(−k/T), Σ exp(−(8 − k)/T), and Σ_{i<j} exp(−(j − i)/T)."""


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
        u, v, sums, lags, scales = _workspace()
        for i in range(size):
            scales[0, i], scales[1, i] = state[0, begin + i], state[1, begin + i]
        for h in range(HALO):
            for i in range(size):
                u[h, i], v[h, i] = before[0, h, begin + i], before[1, h, begin + i]
        weight = np.ones(_SCALES)
        for start in range(0, days, _SEGMENT):
            count = min(_SEGMENT, days - start)
            for k in range(count):
                row = row_of[start + k]
                if row >= 0:
                    _take(product[row], reference[row], column + begin, size, u[HALO + k], v[HALO + k])
                else:
                    u[HALO + k], v[HALO + k] = np.nan, np.nan
            _stretch(u[HALO : HALO + count], size, first_day + start, lines[begin : begin + size])
            _add_segment(u, v, count, part_of[start : start + count], sums, lags, scales, weight)
        for i in range(size):
            _write(lines[begin + i], sums[:, :, i], lags[:, :, i], scales[2, i])
            state[0, begin + i], state[1, begin + i] = scales[0, i], scales[1, i]
            for h in range(HALO):
                before[0, h, begin + i], before[1, h, begin + i] = u[h, i], v[h, i]


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
        x, y = np.empty((WIDTH, length)), np.empty((WIDTH, length))
        t, day = np.empty((WIDTH, length), np.int64), np.empty((WIDTH, length), np.int64)
        count = np.zeros(WIDTH, np.int64)
        lattice = np.zeros(WIDTH, np.bool_)
        for i in range(size):
            p = begin + i
            count[i] = _gather(product[p], reference[p], time[p], x[i], y[i], t[i])
            n = count[i]
            if n > 0:
                lines[p, FIRST_TIME], lines[p, LAST_TIME] = t[i, 0] / DAY, t[i, n - 1] / DAY
                lattice[i] = _days_of(t[i, :n], day[i])
                if not lattice[i]:
                    add_one_by_one(x[i, :n], y[i, :n], t[i, :n], first_day, part_of, lines[p])
        if lattice.any():
            _add_lattice(x, y, day, count, lattice, first_day, part_of, lines[begin : begin + size])


@numba.njit(nogil=True, cache=True)
def _workspace() -> tuple[Array, Array, Array, Array, Array]:
    """Values of some days and those before; sums of powers, of lags, of scales (to the end, from the begin, pairs)."""
    u, v = np.full((HALO + _SEGMENT, WIDTH), np.nan), np.full((HALO + _SEGMENT, WIDTH), np.nan)
    sums, lags = np.zeros((PARTS, POWERS, WIDTH)), np.zeros((_LAGS, 4, WIDTH))
    return u, v, sums, lags, np.zeros((3, WIDTH, _SCALES))


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _take(x: Array, y: Array, begin: int, size: int, u: Array, v: Array) -> None:
    for i in range(size):
        a, b = np.float64(x[begin + i]), np.float64(y[begin + i])
        both = abs(a - b) < np.inf
        u[i], v[i] = a if both else np.nan, b if both else np.nan


@numba.njit(nogil=True, cache=True)
def _stretch(u: Array, size: int, day: int, lines: Array) -> None:
    """Extend first and last time to the pairs of some days, of which ``day`` is the first."""
    for i in range(size):
        first, last = 0, len(u) - 1
        while first <= last and u[first, i] != u[first, i]:
            first += 1
        while last > first and u[last, i] != u[last, i]:
            last -= 1
        if first <= last:
            fresh = lines[i, LAST_TIME] == 0 and lines[i, FIRST_TIME] == 0
            lines[i, FIRST_TIME] = day + first if fresh else min(lines[i, FIRST_TIME], day + first)
            lines[i, LAST_TIME] = day + last if fresh else max(lines[i, LAST_TIME], day + last)


@numba.njit(nogil=True, cache=True)
def _gather(product: Array, reference: Array, time: Array, x: Array, y: Array, t: Array) -> int:
    """Close the gaps of one location; number of its pairs."""
    n = 0
    for i in range(product.size):
        a, b = product[i], reference[i]
        x[n], y[n], t[n] = a, b, time[i]
        n += 1 if abs(a - b) < np.inf else 0
        if n == x.size:
            break
    return n


@numba.njit(nogil=True, cache=True)
def _days_of(t: Array, day: Array) -> bool:
    """Days of pairs that keep to one a day; False if they do not, or are so rare that a lattice would cost more."""
    n = t.size
    clock = t[0] % DAY
    for i in range(n):
        day[i] = (t[i] - clock + DAY // 2) // DAY
        off = t[i] - clock - day[i] * DAY
        if abs(off) > _ALIKE or (i > 0 and day[i] == day[i - 1]):
            return False
    return bool(day[n - 1] - day[0] < _SPARSE * n)


@numba.njit(nogil=True, cache=True)
def _add_lattice(
    x: Array, y: Array, day: Array, count: Array, lattice: Array, first_day: int, part_of: Array, lines: Array
) -> None:
    """Add the locations of a block that have a lattice of days, segment by segment."""
    size = len(lines)
    first, last = day[0, 0], day[0, 0]
    fresh = True
    for i in range(size):
        if lattice[i]:
            first = day[i, 0] if fresh else min(first, day[i, 0])
            last = day[i, count[i] - 1] if fresh else max(last, day[i, count[i] - 1])
            fresh = False
    u, v, sums, lags, scales = _workspace()
    weight, at = np.ones(_SCALES), np.zeros(size, np.int64)
    for start in range(first, last + 1, _SEGMENT):
        days = min(_SEGMENT, last + 1 - start)
        u[HALO:], v[HALO:] = np.nan, np.nan
        for i in range(size):
            while lattice[i] and at[i] < count[i] and day[i, at[i]] < start + days:
                row = HALO + day[i, at[i]] - start
                u[row, i], v[row, i] = x[i, at[i]], y[i, at[i]]
                at[i] += 1
        parts = part_of[start - first_day : start - first_day + days]
        _add_segment(u, v, days, parts, sums, lags, scales, weight)
    for i in range(size):
        if lattice[i]:
            _write(lines[i], sums[:, :, i], lags[:, :, i], scales[2, i])


@numba.njit(nogil=True, cache=True)
def _write(line: Array, sums: Array, lags: Array, scales: Array) -> None:
    for part in range(PARTS):
        for power in range(POWERS):
            line[part * POWERS + power] += sums[part, power]
    for k in range(1, _LAGS):
        at = LAG_SUMS + 5 * k
        line[at] += lags[k, 0]
        line[at + 1] += lags[k, 0] * LAGS[k]
        for s in range(1, 4):
            line[at + 1 + s] += lags[k, s]
    for g in range(_SCALES):
        line[SCALE_SUMS + g] += scales[g]


@numba.njit(nogil=True, cache=True)
def _add_segment(
    u: Array, v: Array, days: int, part_of: Array, sums: Array, lags: Array, scales: Array, weight: Array
) -> None:
    """Add ``days`` days, which lie behind the HALO in ``u`` and ``v``; then their last HALO days come before them."""
    day = 0
    while day < days:
        run = 1
        while run < 4 and day + run < days and part_of[day + run] == part_of[day]:
            run += 1
        if run == 4:
            _add_four_days(u[HALO + day : HALO + day + 4], v[HALO + day : HALO + day + 4], sums[part_of[day]])
        else:
            for k in range(run):
                _add_day(u[HALO + day + k], v[HALO + day + k], sums[part_of[day]])
        day += run
    u[HALO + days :], v[HALO + days :] = np.nan, np.nan
    for row in range(HALO, HALO + days, 4):
        for k in range(1, _LAGS):
            before = row - int(LAGS[k])
            _add_lag(u[row : row + 4], v[row : row + 4], u[before : before + 4], v[before : before + 4], lags[k])
    _add_bits(u, days, scales, weight)
    for h in range(HALO):
        u[h], v[h] = u[days + h], v[days + h]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_four_days(u: Array, v: Array, sums: Array) -> None:
    """Low and high powers apart: more sums at once than registers would be slower."""
    for i in range(WIDTH):
        n, x, y, xx, xy, yy = sums[0, i], sums[1, i], sums[2, i], sums[3, i], sums[4, i], sums[5, i]
        for k in range(4):
            a, b = u[k, i], v[k, i]
            both = a == a
            a, b = a if both else 0.0, b if both else 0.0
            n += 1.0 if both else 0.0
            x += a
            y += b
            xx += a * a
            xy += a * b
            yy += b * b
        sums[0, i], sums[1, i], sums[2, i], sums[3, i], sums[4, i], sums[5, i] = n, x, y, xx, xy, yy
    for i in range(WIDTH):
        p, q, r, s = sums[6, i], sums[7, i], sums[8, i], sums[9, i]
        c, d, e, f, g = sums[10, i], sums[11, i], sums[12, i], sums[13, i], sums[14, i]
        for k in range(4):
            a, b = u[k, i], v[k, i]
            both = a == a
            a, b = a if both else 0.0, b if both else 0.0
            aa, ab, bb = a * a, a * b, b * b
            p += aa * a
            q += aa * b
            r += a * bb
            s += bb * b
            c += aa * aa
            d += aa * ab
            e += aa * bb
            f += ab * bb
            g += bb * bb
        sums[6, i], sums[7, i], sums[8, i], sums[9, i] = p, q, r, s
        sums[10, i], sums[11, i], sums[12, i], sums[13, i], sums[14, i] = c, d, e, f, g


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_day(u: Array, v: Array, sums: Array) -> None:
    for i in range(WIDTH):
        both = u[i] == u[i]
        a, b = u[i] if both else 0.0, v[i] if both else 0.0
        aa, ab, bb = a * a, a * b, b * b
        sums[0, i] += 1.0 if both else 0.0
        sums[1, i] += a
        sums[2, i] += b
        sums[3, i] += aa
        sums[4, i] += ab
        sums[5, i] += bb
        sums[6, i] += aa * a
        sums[7, i] += aa * b
        sums[8, i] += a * bb
        sums[9, i] += bb * b
        sums[10, i] += aa * aa
        sums[11, i] += aa * ab
        sums[12, i] += aa * bb
        sums[13, i] += ab * bb
        sums[14, i] += bb * bb


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_lag(u: Array, v: Array, u_before: Array, v_before: Array, lag: Array) -> None:
    """Four days and those a lag before (more at once are not vectorised)."""
    for i in range(WIDTH):
        n, xx, yy, xy = lag[0, i], lag[1, i], lag[2, i], lag[3, i]
        for k in range(4):
            a, b = u[k, i] - u_before[k, i], v[k, i] - v_before[k, i]
            both = a == a
            a, b = a if both else 0.0, b if both else 0.0
            n += 1.0 if both else 0.0
            xx += a * a
            yy += b * b
            xy += a * b
        lag[0, i], lag[1, i], lag[2, i], lag[3, i] = n, xx, yy, xy


@numba.njit(nogil=True, cache=True)
def _add_bits(u: Array, days: int, scales: Array, weight: Array) -> None:
    """Σ_{i<j} exp(−(t_j − t_i)/T) eight days at a time, from tables by which of them have a pair."""
    chunks = (days + 7) // 8
    bits = np.zeros((chunks, WIDTH), np.uint8)
    for chunk in range(chunks):
        for k in range(8):
            _set_bits(u[HALO + 8 * chunk + k], np.uint8(1 << k), bits[chunk])
    weights = np.empty((chunks + 1, _SCALES))
    weights[0] = weight
    for chunk in range(chunks):
        weights[chunk + 1] = weights[chunk] * BY_DAYS[8]
    for i in range(WIDTH):
        _add_bytes(bits[:, i], weights, scales[0, i], scales[1, i], scales[2, i])
        scales[0, i] /= BY_DAYS[8 * chunks - days]
    weight[:] = weights[chunks] / BY_DAYS[8 * chunks - days]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_bytes(bits: Array, weights: Array, until: Array, since: Array, total: Array) -> None:
    """One location: each byte of days against what was before."""
    for g in range(_SCALES):
        through, sum_until, sum_since, sum_total = BY_DAYS[8, g], until[g], since[g], total[g]
        for chunk in range(bits.size):
            byte = bits[chunk]
            sum_total += sum_until * _SINCE[byte, g] + _INSIDE[byte, g]
            sum_since += weights[chunk, g] * _SINCE[byte, g]
            sum_until = sum_until * through + _UNTIL[byte, g]
        until[g], since[g], total[g] = sum_until, sum_since, sum_total


@numba.njit(nogil=True, cache=True)
def _set_bits(values: Array, bit: int, bits: Array) -> None:
    for i in range(WIDTH):
        bits[i] |= bit if values[i] == values[i] else np.uint8(0)
