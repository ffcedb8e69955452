"""Sums of a block of locations over some days: powers, lags and scales, each in a pass of its own.

A segment of days stays in the cache while the passes go over it; all sums in one loop would no longer be vectorised.
All blocks are one-dimensional with constant distances: only then are the loops over neighbouring locations vectorised
with several days unrolled in them.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.dependence import BY_DAYS, LAG_SUMS, LAGS, PARTS, POWERS, SCALE_SUMS, SCALES

Array = NDArray[Any]

HALO: Final = 8
"""Days before the first that lags reach back to."""

WIDTH: Final = 64
"""Locations of a block."""

ROW: Final = WIDTH + 8
"""Distance of two days: not a power of two, or all days would share a few places in the cache."""

_LAGS: Final = len(LAGS)
_SCALES: Final = len(SCALES)
LANES: Final = 16
"""Scales with four of value zero, so that a loop over them fills whole vectors."""

SEGMENT: Final = 128
_WORDS: Final = SEGMENT // 64
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
    table = np.zeros((256, 3, LANES))
    table[:, 0, :_SCALES] = _BITS @ BY_DAYS[:8]
    table[:, 1, :_SCALES] = _BITS @ BY_DAYS[8:0:-1]
    for j in range(8):
        for i in range(j):
            table[:, 2, :_SCALES] += (_BITS[:, i] * _BITS[:, j])[:, None] * BY_DAYS[j - i]
    return table.ravel()


_BY_BYTE: Final = _by_byte()
_THROUGH: Final = np.append(BY_DAYS[8], np.zeros(LANES - _SCALES))


@numba.njit(nogil=True, cache=True)
def workspace() -> tuple[Array, Array, Array, Array, Array, Array]:
    """Values of some days and those before; sums of powers, of lags (with their number), of scales (to the end, pairs).

    And which days of a segment have a pair, 64 days a word, after those before.
    """
    u, v = np.full((HALO + SEGMENT) * ROW, np.nan), np.full((HALO + SEGMENT) * ROW, np.nan)
    sums, lags = np.zeros((PARTS, POWERS * WIDTH)), np.zeros((_LAGS, 4 * WIDTH))
    return u, v, sums, lags, np.zeros(WIDTH * 2 * LANES), np.zeros((_WORDS + 1, WIDTH), np.uint64)


@numba.njit(nogil=True, cache=True)
def add_segment(
    u: Array, v: Array, days: int, part_of: Array, sums: Array, lags: Array, scales: Array, words: Array
) -> None:
    """Add ``days`` days, which lie behind the HALO in ``u`` and ``v``; then their last HALO days come before them."""
    day = 0
    while day < days:
        run = 1
        while run < 4 and day + run < days and part_of[day + run] == part_of[day]:
            run += 1
        at, four = (HALO + day) * ROW, (HALO + day + 4) * ROW
        if run == 4:
            _add_four_days(u[at:four], v[at:four], sums[part_of[day]])
        else:
            for k in range(run):
                _add_day(u[at + k * ROW : four], v[at + k * ROW : four], sums[part_of[day]])
        day += run
    for row in range(HALO, HALO + days, 8):
        now = slice(row * ROW, (row + 8) * ROW)
        for k in range(1, _LAGS):
            then = slice((row - int(LAGS[k])) * ROW, (row + 8 - int(LAGS[k])) * ROW)
            _add_lag(u[now], v[now], u[then], v[then], lags[k])
    _set_words(u, words)
    for k in range(1, _LAGS):
        for word in range((days + 63) // 64):
            _count_lag(words[word + 1], words[word], np.uint64(LAGS[k]), lags[k, 3 * WIDTH :])
    _add_scales(words, days, scales)
    for h in range(HALO * ROW):
        u[h], v[h] = u[days * ROW + h], v[days * ROW + h]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_four_days(u: Array, v: Array, s: Array) -> None:
    """Low and high powers apart: more sums at once than registers would be slower."""
    w = WIDTH
    for i in range(w):
        n, x, y, xx, xy, yy = s[i], s[w + i], s[2 * w + i], s[3 * w + i], s[4 * w + i], s[5 * w + i]
        for k in range(4):
            a, b = u[k * ROW + i], v[k * ROW + i]
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
            a, b = u[k * ROW + i], v[k * ROW + i]
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
            at = k * ROW + i
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
            at = (HALO + 64 * word + 8 * byte) * ROW
            _set_byte(u[at : at + 8 * ROW], words[word + 1], 8 * byte, byte == 0)


@numba.njit(nogil=True, cache=True)
def _set_byte(u: Array, word: Array, shift: int, fresh: bool) -> None:
    for i in range(WIDTH):
        bits = np.uint64(0)
        for k in range(8):
            bits |= np.uint64(1 << k) if u[k * ROW + i] == u[k * ROW + i] else np.uint64(0)
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
                scales[2 * i * LANES + g] /= BY_DAYS[8 * chunks - days, g]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_byte(word: Array, shift: int, scales: Array, lanes: int) -> None:
    """A byte of days of each location against what was before.

    ``lanes`` is not written as the constant that it is: the loop would be unrolled instead of vectorised.
    """
    for i in range(WIDTH):
        at, to = np.int64((word[i] >> np.uint64(shift)) & _BYTE) * 3 * LANES, 2 * i * LANES
        for g in range(lanes):
            until = scales[to + g]
            scales[to + LANES + g] += until * _BY_BYTE[at + g] + _BY_BYTE[at + 2 * LANES + g]
            scales[to + g] = until * _THROUGH[g] + _BY_BYTE[at + LANES + g]


@numba.njit(nogil=True, cache=True)
def add_since(words: Array, days: int, weight: Array, since: Array) -> None:
    """Σ exp(−(t − begin)/T), from the last byte of the segment to its first, times the ``weight`` of its first day."""
    own = np.zeros(WIDTH * LANES)
    for chunk in range((days + 7) // 8 - 1, -1, -1):
        _add_byte_before(words[chunk // 8 + 1], 8 * (chunk % 8), own, own.size // WIDTH)
    for i in range(len(since)):
        for g in range(_SCALES):
            since[i, g] += weight[g] * own[i * LANES + g]
    for g in range(_SCALES):
        weight[g] *= BY_DAYS[days // 2, g] * BY_DAYS[days - days // 2, g]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_byte_before(word: Array, shift: int, own: Array, lanes: int) -> None:
    for i in range(WIDTH):
        at = np.int64((word[i] >> np.uint64(shift)) & _BYTE) * 3 * LANES
        for g in range(lanes):
            own[i * LANES + g] = own[i * LANES + g] * _THROUGH[g] + _BY_BYTE[at + g]


@numba.njit(nogil=True, cache=True)
def write(lines: Array, sums: Array, lags: Array, scales: Array) -> None:
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
            lines[i, SCALE_SUMS + g] += scales[(2 * i + 1) * LANES + g]
