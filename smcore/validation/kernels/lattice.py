"""The sums of :mod:`smcore.validation.kernels.dependence` for pairs that keep to one a day, in blocks of locations.

A block of locations is laid on a lattice of days, some hundred days at a time, which stay in the cache while powers,
lags and scales are added up in passes of their own. All blocks are one-dimensional with constant distances: only then
are the loops over neighbouring locations vectorised with eight days unrolled in them.
"""

from __future__ import annotations

import math
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

_ROW: Final = WIDTH + 8
"""Distance of two days: not a power of two, or all days would share a few places in the cache."""

_LAGS: Final = len(LAGS)
_SCALES: Final = len(SCALES)
_LANES: Final = 16
"""Scales with four of value zero, so that a loop over them fills whole vectors."""

_SEGMENT: Final = 128
_WORDS: Final = _SEGMENT // 64
_ALIKE: Final = 3 * DAY // 24
_SPARSE: Final = 64
_EXACT: Final = {"contract", "nsz"}

_WORD: Final = np.uint64(64)
_ONES: Final = np.uint64(0x5555555555555555)
_TWOS: Final = np.uint64(0x3333333333333333)
_FOURS: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_BYTE: Final = np.uint64(255)
_SEVEN_BITS: Final = np.uint64(127)
_STEPS: Final = np.array([1, 2, 4, 8, 16, 32], np.uint64)

_BITS: Final = (np.arange(256)[:, None] >> np.arange(8)) & 1


def _by_byte() -> Array:
    """Of eight days with the bits of a byte: Σ exp(−k/T), Σ exp(−(8 − k)/T) and Σ_{i<j} exp(−(j − i)/T)."""
    table = np.zeros((256, 3, _LANES))
    table[:, 0, :_SCALES] = _BITS @ BY_DAYS[:8]
    table[:, 1, :_SCALES] = _BITS @ BY_DAYS[8:0:-1]
    for j in range(8):
        for i in range(j):
            table[:, 2, :_SCALES] += (_BITS[:, i] * _BITS[:, j])[:, None] * BY_DAYS[j - i]
    return table.ravel()


_BY_BYTE: Final = _by_byte()
_THROUGH: Final = np.append(BY_DAYS[8], np.zeros(_LANES - _SCALES))


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
        u, v, sums, lags, scales, words = _workspace()
        for i in range(size):
            for g in range(_SCALES):
                scales[i * 2 * _LANES + g] = state[0, begin + i, g]
            for h in range(HALO):
                u[h * _ROW + i], v[h * _ROW + i] = before[0, h, begin + i], before[1, h, begin + i]
        weight = np.ones(_LANES)
        for start in range(0, days, _SEGMENT):
            count = min(_SEGMENT, days - start)
            for k in range(count):
                row, at = row_of[start + k], (HALO + k) * _ROW
                if row >= 0:
                    here = slice(column + begin, column + begin + size)
                    _take(product[row, here], reference[row, here], u[at : at + size], v[at : at + size])
                else:
                    u[at : at + size], v[at : at + size] = np.nan, np.nan
            u[(HALO + count) * _ROW :], v[(HALO + count) * _ROW :] = np.nan, np.nan
            _stretch(u, count, size, first_day + start, lines[begin : begin + size])
            _add_segment(u, v, count, part_of[start : start + count], sums, lags, scales, words)
            _add_since(words, count, weight, state[1, begin : begin + size])
        _write(lines[begin : begin + size], sums, lags, scales)
        for i in range(size):
            for g in range(_SCALES):
                state[0, begin + i, g] = scales[i * 2 * _LANES + g]
            for h in range(HALO):
                before[0, h, begin + i], before[1, h, begin + i] = u[h * _ROW + i], v[h * _ROW + i]


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


@numba.njit(nogil=True, cache=True)
def _workspace() -> tuple[Array, Array, Array, Array, Array, Array]:
    """Values of some days and those before; sums of powers, of lags (with their number), of scales (to the end, pairs).

    And which days of a segment have a pair, 64 days a word, after those before.
    """
    u, v = np.full((HALO + _SEGMENT) * _ROW, np.nan), np.full((HALO + _SEGMENT) * _ROW, np.nan)
    sums, lags = np.zeros((PARTS, POWERS * WIDTH)), np.zeros((_LAGS, 4 * WIDTH))
    return u, v, sums, lags, np.zeros(WIDTH * 2 * _LANES), np.zeros((_WORDS + 1, WIDTH), np.uint64)


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
        while first <= last and np.isnan(u[(HALO + first) * _ROW + i]):
            first += 1
        while last > first and np.isnan(u[(HALO + last) * _ROW + i]):
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
    u, v, sums, lags, scales, words = _workspace()
    at = np.zeros(size, np.int64)
    for start in range(first, last + 1, _SEGMENT):
        days = min(_SEGMENT, last + 1 - start)
        u[HALO * _ROW :], v[HALO * _ROW :] = np.nan, np.nan
        for i in range(size):
            j = at[i]
            while j < length and day[i, j] < start + days:
                if day[i, j] >= 0:
                    to = (HALO + day[i, j] - start) * _ROW + i
                    u[to], v[to] = x[i, j], y[i, j]
                j += 1
            at[i] = j
        _add_segment(u, v, days, part_of[start - first_day : start - first_day + days], sums, lags, scales, words)
    _write(lines, sums, lags, scales)


@numba.njit(nogil=True, cache=True)
def _write(lines: Array, sums: Array, lags: Array, scales: Array) -> None:
    """Add the sums of a block to its lines; field by field, so that eight of them share a place in the cache."""
    for part in range(PARTS):
        for power in range(POWERS):
            for i in range(len(lines)):
                lines[i, part * POWERS + power] += sums[part, power * WIDTH + i]
    for k in range(1, _LAGS):
        at = LAG_SUMS + 5 * k
        for i in range(len(lines)):
            lines[i, at] += lags[k, 3 * WIDTH + i]
            lines[i, at + 1] += lags[k, 3 * WIDTH + i] * LAGS[k]
            for s in range(3):
                lines[i, at + 2 + s] += lags[k, s * WIDTH + i]
    for i in range(len(lines)):
        for g in range(_SCALES):
            lines[i, SCALE_SUMS + g] += scales[(2 * i + 1) * _LANES + g]


@numba.njit(nogil=True, cache=True)
def _add_segment(
    u: Array, v: Array, days: int, part_of: Array, sums: Array, lags: Array, scales: Array, words: Array
) -> None:
    """Add ``days`` days, which lie behind the HALO in ``u`` and ``v``; then their last HALO days come before them."""
    day = 0
    while day < days:
        run = 1
        while run < 4 and day + run < days and part_of[day + run] == part_of[day]:
            run += 1
        at, four = (HALO + day) * _ROW, (HALO + day + 4) * _ROW
        if run == 4:
            _add_four_days(u[at:four], v[at:four], sums[part_of[day]])
        else:
            for k in range(run):
                _add_day(u[at + k * _ROW : four], v[at + k * _ROW : four], sums[part_of[day]])
        day += run
    for row in range(HALO, HALO + days, 8):
        now = slice(row * _ROW, (row + 8) * _ROW)
        for k in range(1, _LAGS):
            then = slice((row - int(LAGS[k])) * _ROW, (row + 8 - int(LAGS[k])) * _ROW)
            _add_lag(u[now], v[now], u[then], v[then], lags[k])
    _set_words(u, words)
    for k in range(1, _LAGS):
        for word in range((days + 63) // 64):
            _count_lag(words[word + 1], words[word], np.uint64(LAGS[k]), lags[k, 3 * WIDTH :])
    _add_scales(words, days, scales)
    for h in range(HALO * _ROW):
        u[h], v[h] = u[days * _ROW + h], v[days * _ROW + h]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_four_days(u: Array, v: Array, s: Array) -> None:
    """Low and high powers apart: more sums at once than registers would be slower."""
    w = WIDTH
    for i in range(w):
        n, x, y, xx, xy, yy = s[i], s[w + i], s[2 * w + i], s[3 * w + i], s[4 * w + i], s[5 * w + i]
        for k in range(4):
            a, b = u[k * _ROW + i], v[k * _ROW + i]
            both = a == a
            a, b = a if both else 0.0, b if both else 0.0
            n += 1.0 if both else 0.0
            x += a
            y += b
            xx += a * a
            xy += a * b
            yy += b * b
        s[i], s[w + i], s[2 * w + i], s[3 * w + i], s[4 * w + i], s[5 * w + i] = n, x, y, xx, xy, yy
    for i in range(w):
        p, q, r, z = s[6 * w + i], s[7 * w + i], s[8 * w + i], s[9 * w + i]
        c, d, e, f, g = s[10 * w + i], s[11 * w + i], s[12 * w + i], s[13 * w + i], s[14 * w + i]
        for k in range(4):
            a, b = u[k * _ROW + i], v[k * _ROW + i]
            both = a == a
            a, b = a if both else 0.0, b if both else 0.0
            aa, ab, bb = a * a, a * b, b * b
            p += aa * a
            q += aa * b
            r += a * bb
            z += bb * b
            c += aa * aa
            d += aa * ab
            e += aa * bb
            f += ab * bb
            g += bb * bb
        s[6 * w + i], s[7 * w + i], s[8 * w + i], s[9 * w + i] = p, q, r, z
        s[10 * w + i], s[11 * w + i], s[12 * w + i], s[13 * w + i], s[14 * w + i] = c, d, e, f, g


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_day(u: Array, v: Array, s: Array) -> None:
    w = WIDTH
    for i in range(w):
        both = u[i] == u[i]
        a, b = u[i] if both else 0.0, v[i] if both else 0.0
        aa, ab, bb = a * a, a * b, b * b
        s[i] += 1.0 if both else 0.0
        s[w + i] += a
        s[2 * w + i] += b
        s[3 * w + i] += aa
        s[4 * w + i] += ab
        s[5 * w + i] += bb
        s[6 * w + i] += aa * a
        s[7 * w + i] += aa * b
        s[8 * w + i] += a * bb
        s[9 * w + i] += bb * b
        s[10 * w + i] += aa * aa
        s[11 * w + i] += aa * ab
        s[12 * w + i] += aa * bb
        s[13 * w + i] += ab * bb
        s[14 * w + i] += bb * bb


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_lag(u: Array, v: Array, u_before: Array, v_before: Array, lag: Array) -> None:
    """Differences between eight days and those a lag before."""
    w = WIDTH
    for i in range(w):
        xx, yy, xy = lag[i], lag[w + i], lag[2 * w + i]
        for k in range(8):
            at = k * _ROW + i
            a, b = u[at] - u_before[at], v[at] - v_before[at]
            both = a == a
            a, b = a if both else 0.0, b if both else 0.0
            xx += a * a
            yy += b * b
            xy += a * b
        lag[i], lag[w + i], lag[2 * w + i] = xx, yy, xy


@numba.njit(nogil=True, cache=True)
def _set_words(u: Array, words: Array) -> None:
    """Which days have a pair; the days before are the last bits of the first word."""
    _set_byte(u, words[0], 56, True)
    for word in range(_WORDS):
        for byte in range(8):
            at = (HALO + 64 * word + 8 * byte) * _ROW
            _set_byte(u[at : at + 8 * _ROW], words[word + 1], 8 * byte, byte == 0)


@numba.njit(nogil=True, cache=True)
def _set_byte(u: Array, word: Array, shift: int, fresh: bool) -> None:
    for i in range(WIDTH):
        bits = np.uint64(0)
        for k in range(8):
            bits |= np.uint64(1 << k) if u[k * _ROW + i] == u[k * _ROW + i] else np.uint64(0)
        word[i] = (np.uint64(0) if fresh else word[i]) | (bits << np.uint64(shift))


@numba.njit(nogil=True, cache=True)
def _count_lag(word: Array, before: Array, lag: Array, count: Array) -> None:
    """Add the number of days that have a pair and had one a ``lag`` before: bits set, by sums of neighbours.

    Without signs, since signed sums may not overflow.
    """
    for i in range(WIDTH):
        both = word[i] & ((word[i] << lag) | (before[i] >> (_WORD - lag)))
        twos = (both & _ONES) + ((both >> _STEPS[0]) & _ONES)
        fours = (twos & _TWOS) + ((twos >> _STEPS[1]) & _TWOS)
        eights = (fours + (fours >> _STEPS[2])) & _FOURS
        eights += eights >> _STEPS[3]
        eights += eights >> _STEPS[4]
        count[i] += np.float64(np.int32((eights + (eights >> _STEPS[5])) & _SEVEN_BITS))


@numba.njit(nogil=True, cache=True)
def _add_scales(words: Array, days: int, scales: Array) -> None:
    """Σ_{i<j} exp(−(t_j − t_i)/T) eight days at a time, from tables by which of them have a pair."""
    chunks = (days + 7) // 8
    lanes = scales.size // (2 * WIDTH)
    for chunk in range(chunks):
        _add_byte(words[chunk // 8 + 1], 8 * (chunk % 8), scales, lanes)
    if 8 * chunks != days:
        for i in range(WIDTH):
            for g in range(_SCALES):
                scales[2 * i * _LANES + g] /= BY_DAYS[8 * chunks - days, g]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_byte(word: Array, shift: int, scales: Array, lanes: int) -> None:
    """A byte of days of each location against what was before.

    ``lanes`` is not written as the constant that it is: the loop would be unrolled instead of vectorised.
    """
    for i in range(WIDTH):
        at, to = np.int64((word[i] >> np.uint64(shift)) & _BYTE) * 3 * _LANES, 2 * i * _LANES
        for g in range(lanes):
            until = scales[to + g]
            scales[to + _LANES + g] += until * _BY_BYTE[at + g] + _BY_BYTE[at + 2 * _LANES + g]
            scales[to + g] = until * _THROUGH[g] + _BY_BYTE[at + _LANES + g]


@numba.njit(nogil=True, cache=True)
def _add_since(words: Array, days: int, weight: Array, since: Array) -> None:
    """Σ exp(−(t − begin)/T), from the last byte of the segment to its first, times the ``weight`` of its first day."""
    own = np.zeros(WIDTH * _LANES)
    for chunk in range((days + 7) // 8 - 1, -1, -1):
        _add_byte_before(words[chunk // 8 + 1], 8 * (chunk % 8), own, own.size // WIDTH)
    for i in range(len(since)):
        for g in range(_SCALES):
            since[i, g] += weight[g] * own[i * _LANES + g]
    for g in range(_SCALES):
        weight[g] *= BY_DAYS[days // 2, g] * BY_DAYS[days - days // 2, g]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_byte_before(word: Array, shift: int, own: Array, lanes: int) -> None:
    for i in range(WIDTH):
        at = np.int64((word[i] >> np.uint64(shift)) & _BYTE) * 3 * _LANES
        for g in range(lanes):
            own[i * _LANES + g] = own[i * _LANES + g] * _THROUGH[g] + _BY_BYTE[at + g]
