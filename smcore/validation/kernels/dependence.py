"""Sums over pairs from which their dependence in time is judged: one line of numbers a location, all of which add up.

The line (:data:`FIELDS` numbers) holds, for pairs (x, y) at times t:

- for each of :data:`PARTS` parts of the year: Σ 1, x, y, xx, xy, yy, xxx … yyyy;
- for each lag: number of pairs of pairs, Σ of their distance [days], Σ(Δx)², Σ(Δy)², ΣΔxΔy;
- Σ over all pairs of pairs of exp(−|Δt|/T) for each time scale T of :data:`SCALES`;
- first and last time [days].

Here pairs at any times are added one by one; :mod:`smcore.validation.kernels.lattice` does the same, and faster, for
pairs that keep to one a day.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PARTS: Final = 24
"""Parts of the year: the yearly cycle is taken as constant within one."""

POWERS: Final = 15
"""1, x, y, xx, xy, yy, xxx, xxy, xyy, yyy, xxxx, xxxy, xxyy, xyyy, yyyy."""

LAGS: Final = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 8.0])
"""Lags in days (AM-only SMAP may have no consecutive days); the first is that of pairs within a day."""

REACH: Final = 0.25
"""Two pairs are at a lag if their distance differs from it by less than this [days]; within a day: up to 0.75."""

SCALES: Final = 0.125 * 2.0 ** np.arange(12)
"""Time scales T [days] of exp(−Δt/T), each twice the one before."""

LAG_SUMS: Final = PARTS * POWERS
SCALE_SUMS: Final = LAG_SUMS + 5 * len(LAGS)
FIRST_TIME: Final = SCALE_SUMS + len(SCALES)
LAST_TIME: Final = FIRST_TIME + 1
FIELDS: Final = LAST_TIME + 1

_LAGS: Final = len(LAGS)
_SCALES: Final = len(SCALES)
DAY: Final = 86_400_000_000
_TICKS: Final = 96
_TICK: Final = DAY // _TICKS
_LONG: Final = 128

BY_DAYS: Final = np.exp(-np.arange(_LONG)[:, None] / SCALES)
"""exp(−k/T) of whole days k."""

_BY_TICKS: Final = np.exp(-np.arange(_TICKS)[:, None] / _TICKS / SCALES)


def parts_of_year(first: int, last: int) -> Array:
    """Part of the year of each day ``first`` … ``last`` since 1970."""
    turn = (np.arange(first, last + 1) + 0.5) / 365.25
    return np.asarray(PARTS * (turn - np.floor(turn)), dtype=np.int64)


@numba.njit(nogil=True, cache=True)
def add_one_by_one(x: Array, y: Array, t: Array, first_day: int, part_of: Array, line: Array) -> None:
    """Add the pairs of one location, in order of their time [µs], to its ``line`` (FIELDS,).

    ``part_of`` are the parts of the year of the days from ``first_day`` on.
    """
    _add_powers(x, y, t, first_day, part_of, line)
    _add_lags(x, y, t, line)
    _add_scales(t, line)


@numba.njit(nogil=True, cache=True)
def _add_powers(x: Array, y: Array, t: Array, first_day: int, part_of: Array, line: Array) -> None:
    s = np.zeros(POWERS)
    part = part_of[t[0] // DAY - first_day]
    for i in range(x.size):
        now = part_of[t[i] // DAY - first_day]
        if now != part:
            line[part * POWERS : (part + 1) * POWERS] += s
            s[:] = 0.0
            part = now
        a, b = x[i], y[i]
        aa, ab, bb = a * a, a * b, b * b
        s[0] += 1.0
        s[1] += a
        s[2] += b
        s[3] += aa
        s[4] += ab
        s[5] += bb
        s[6] += aa * a
        s[7] += aa * b
        s[8] += a * bb
        s[9] += bb * b
        s[10] += aa * aa
        s[11] += aa * ab
        s[12] += aa * bb
        s[13] += ab * bb
        s[14] += bb * bb
    line[part * POWERS : (part + 1) * POWERS] += s


@numba.njit(nogil=True, cache=True)
def _add_lags(x: Array, y: Array, t: Array, line: Array) -> None:
    n = x.size
    for k in range(_LAGS):
        nearest = np.int64((LAGS[k] - REACH) * DAY) if k > 0 else 1
        farthest = np.int64((LAGS[k] + REACH) * DAY) if k > 0 else np.int64((1.0 - REACH) * DAY)
        count, distance, sxx, syy, sxy = 0, 0, 0.0, 0.0, 0.0
        j = 0
        for i in range(n):
            while j < n and t[j] - t[i] < nearest:
                j += 1
            if j == n:
                break
            apart = t[j] - t[i]
            if apart < farthest:
                u, v = x[j] - x[i], y[j] - y[i]
                count += 1
                distance += apart
                sxx += u * u
                syy += v * v
                sxy += u * v
        at = LAG_SUMS + 5 * k
        line[at] += count
        line[at + 1] += distance / DAY
        line[at + 2] += sxx
        line[at + 3] += syy
        line[at + 4] += sxy


@numba.njit(nogil=True, cache=True)
def _add_scales(t: Array, line: Array) -> None:
    """Σ_{i<j} exp(−(t_j − t_i)/T) by s_j = (s_{j−1} + 1) exp(−(t_j − t_{j−1})/T)."""
    s = np.zeros(_SCALES)
    total = np.zeros(_SCALES)
    before = _tick(t[0])
    for i in range(1, t.size):
        now = _tick(t[i])
        gap = now - before
        before = now
        days, ticks = gap // _TICKS, gap % _TICKS
        if days >= _LONG:
            for g in range(_SCALES):
                s[g] = (s[g] + 1.0) * math.exp(-gap / _TICKS / SCALES[g])
                total[g] += s[g]
        elif ticks == 0:
            by_days = BY_DAYS[days]
            for g in range(_SCALES):
                s[g] = (s[g] + 1.0) * by_days[g]
                total[g] += s[g]
        else:
            by_days, by_ticks = BY_DAYS[days], _BY_TICKS[ticks]
            for g in range(_SCALES):
                s[g] = (s[g] + 1.0) * (by_days[g] * by_ticks[g])
                total[g] += s[g]
    for g in range(_SCALES):
        line[SCALE_SUMS + g] += total[g]


@numba.njit(nogil=True, cache=True)
def _tick(time: int) -> int:
    return (time + _TICK // 2) // _TICK
