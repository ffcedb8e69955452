"""Sums over pairs from which their dependence in time is judged: one line of numbers a location, all of which add up.

The line (:data:`FIELDS` numbers) holds, for pairs (x, y) at times t:

- Σ xᵃ yᵇ · {1, cos kθ, sin kθ …} for a + b ≤ 4, where θ is the phase of the year, in steps of :data:`STEP_DAYS` days,
  so that the sums of a step are multiplied once; up to harmonic 8 − 2(a + b), which is what moments about a mean and
  two annual harmonics need (:mod:`smcore.validation.kernels.cycle`);
- for each lag: number of pairs of pairs, Σ of their distance [days], Σ(Δx)², Σ(Δy)², ΣΔxΔy;
- Σ over all pairs of pairs of exp(−|Δt|/T) for each time scale T of :data:`SCALES`, by a recursion along the time, so
  that any irregular times cost the same;
- first and last time [days].
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

STEP_DAYS: Final = 8
"""Length of a step of the phase of the year."""

LAGS: Final = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 8.0])
"""Lags in days (AM-only SMAP may have no consecutive days); the first is that of pairs within a day."""

REACH: Final = 0.25
"""Two pairs are at a lag if their distance differs from it by no more than this [days]; within a day: up to 0.75."""

SCALES: Final = np.exp(np.linspace(np.log(0.2), np.log(120.0), 16))
"""Time scales T [days] of exp(−Δt/T)."""

TICKS: Final = 96
"""Steps of the time in a day for exp(−Δt/T): 15 minutes."""

HARMONICS: Final = np.array([8, 6, 6, 4, 4, 4, 2, 2, 2, 2, 0, 0, 0, 0, 0])
"""Highest harmonic kept with each of 1, x, y, xx, xy, yy, xxx, xxy, xyy, yyy, xxxx … yyyy."""

OFFSETS: Final = np.concatenate([np.zeros(1, np.int64), np.cumsum(2 * HARMONICS + 1)])
"""Where the sums of each product begin."""

_POWERS: Final = len(HARMONICS)
LAG_SUMS: Final = int(OFFSETS[-1])
SCALE_SUMS: Final = LAG_SUMS + 5 * len(LAGS)
FIRST_TIME: Final = SCALE_SUMS + len(SCALES)
LAST_TIME: Final = FIRST_TIME + 1
FIELDS: Final = LAST_TIME + 1

_LAGS: Final = len(LAGS)
_SCALES: Final = len(SCALES)
_DAY: Final = 86_400_000_000
_TICK: Final = _DAY // TICKS
_LONG: Final = 128

_BY_DAYS: Final = np.exp(-np.arange(_LONG)[:, None] / SCALES)
_BY_TICKS: Final = np.exp(-np.arange(TICKS)[:, None] / TICKS / SCALES)


def phases(first: int, last: int) -> Array:
    """Cosine and sine of the harmonics of the year (step, 17) for the steps ``first`` … ``last`` since 1970."""
    angle = 2 * np.pi * (np.arange(first, last + 1) + 0.5) * STEP_DAYS / 365.25
    table = np.ones((len(angle), 17))
    for k in range(1, 9):
        table[:, 2 * k - 1], table[:, 2 * k] = np.cos(k * angle), np.sin(k * angle)
    return table


@numba.njit(parallel=True, nogil=True, cache=True)
def add_rows(product: Array, reference: Array, time: Array, table: Array, first_step: int, sums: Array) -> None:
    """Add location-major pairs (location, pair), in order of their time [µs], to ``sums`` (location, FIELDS).

    ``table`` holds :func:`phases` from ``first_step`` on. The rows of ``sums`` must be zero before.
    """
    places, length = product.shape
    for place in numba.prange(places):
        x, y, t = np.empty(length), np.empty(length), np.empty(length, np.int64)
        n = 0
        for i in range(length):
            u, v = product[place, i], reference[place, i]
            x[n], y[n], t[n] = u, v, time[place, i]
            n += 1 if abs(u - v) < np.inf else 0
        if n > 0:
            line = sums[place]
            line[FIRST_TIME], line[LAST_TIME] = t[0] / _DAY, t[n - 1] / _DAY
            _add_powers(x[:n], y[:n], t[:n], table, first_step, line)
            _add_lags(x[:n], y[:n], t[:n], line)
            _add_scales(t[:n], line)


@numba.njit(nogil=True, cache=True)
def _add_powers(x: Array, y: Array, t: Array, table: Array, first_step: int, line: Array) -> None:
    n = x.size
    i = 0
    while i < n:
        step = t[i] // (STEP_DAYS * _DAY)
        end = (step + 1) * (STEP_DAYS * _DAY)
        s = np.zeros(_POWERS)
        while i < n and t[i] < end:
            u, v = x[i], y[i]
            uu, uv, vv = u * u, u * v, v * v
            s[0] += 1.0
            s[1] += u
            s[2] += v
            s[3] += uu
            s[4] += uv
            s[5] += vv
            s[6] += uu * u
            s[7] += uu * v
            s[8] += u * vv
            s[9] += v * vv
            s[10] += uu * uu
            s[11] += uu * uv
            s[12] += uu * vv
            s[13] += uv * vv
            s[14] += vv * vv
            i += 1
        turn_to_year(s, table[step - first_step], line)


@numba.njit(nogil=True, cache=True)
def turn_to_year(s: Array, harmonics: Array, line: Array) -> None:
    """Add the sums of one step, times the harmonics of its phase."""
    at = 0
    for power in range(_POWERS):
        for k in range(2 * HARMONICS[power] + 1):
            line[at] += s[power] * harmonics[k]
            at += 1


@numba.njit(nogil=True, cache=True)
def _add_lags(x: Array, y: Array, t: Array, line: Array) -> None:
    n = x.size
    for k in range(_LAGS):
        nearest = np.int64((LAGS[k] - REACH) * _DAY) if k > 0 else 1
        farthest = np.int64((LAGS[k] + REACH) * _DAY) if k > 0 else np.int64((1.0 - REACH) * _DAY)
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
        line[at + 1] += distance / _DAY
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
        days, ticks = gap // TICKS, gap % TICKS
        if days >= _LONG:
            for g in range(_SCALES):
                s[g] = (s[g] + 1.0) * math.exp(-gap / TICKS / SCALES[g])
                total[g] += s[g]
        elif ticks == 0:
            by_days = _BY_DAYS[days]
            for g in range(_SCALES):
                s[g] = (s[g] + 1.0) * by_days[g]
                total[g] += s[g]
        else:
            by_days, by_ticks = _BY_DAYS[days], _BY_TICKS[ticks]
            for g in range(_SCALES):
                s[g] = (s[g] + 1.0) * (by_days[g] * by_ticks[g])
                total[g] += s[g]
    for g in range(_SCALES):
        line[SCALE_SUMS + g] += total[g]


@numba.njit(nogil=True, cache=True)
def _tick(time: int) -> int:
    return (time + _TICK // 2) // _TICK
