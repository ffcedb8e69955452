"""Features of one series with gaps, compiled; names and definitions are in :mod:`smcore.models.series.features`.

A series is a row on a daily axis, NaN where nothing was observed. It is put in order outside, once, and every group of
days that is left out reuses that: what is left of an order is in order. Sums are float64; the order of additions
inside one sum is left to the compiler.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.models.kernels.values import absolute, add, centre, dot, extremes, histogram, shape, spread

Array = NDArray[Any]

LAGS: Final = (1, 3, 7, 30)
MOST_LAG: Final = 90
LEAST_PAIRS: Final = 10
SUPPORT: Final = 3
DRY_DAYS: Final = 7
_IN_ANY_ORDER: Final = {"contract", "nsz", "reassoc"}
_FLAT: Final = 0.05
_DUE: Final = 1 / math.e


@numba.njit(nogil=True, cache=True)
def describe(
    values: Array,
    ordered: Array,
    whose: Array,
    weights: Array,
    groups: Array,
    count: int,
    least: int,
    waves: Array,
    out: Array,
) -> None:
    """Fill ``out`` (N, K, F) for rows (N, W) and K = max(count, 1) groups.

    ``ordered`` are the rows in ascending order, missing values last, ``whose`` the groups of those days. Entry ``k``
    leaves out the days whose group is ``k`` (none if ``count`` is 0); NaN where fewer than ``least`` are left.
    """
    width = values.shape[1]
    kept = np.empty((8, width))
    days = np.empty(width, np.int64)
    for row in range(len(values)):
        for group in range(max(count, 1)):
            left_out = group if count else -1
            n, seen = _gather(ordered[row], whose[row % len(whose)], groups, left_out, kept[0])
            if n < least or n == 0:
                out[row, group] = np.nan
                continue
            _one(
                values[row], weights[row % len(weights)], groups, left_out, n, seen, waves, kept, days, out[row, group]
            )


@numba.njit(nogil=True, cache=True)
def _gather(ordered: Array, whose: Array, groups: Array, left_out: int, ascending: Array) -> tuple[int, int]:
    """Values that are left, ascending; their number, and that of the days that could have had one."""
    n = 0
    for place in range(len(ordered)):
        if not abs(ordered[place]) < np.inf:
            break
        if whose[place] != left_out:
            ascending[n] = ordered[place]
            n += 1
    seen = 0
    for group in groups:
        seen += group != left_out
    return n, seen


@numba.njit(nogil=True, cache=True)
def _one(
    values: Array, weights: Array, groups: Array, left_out: int, n: int, seen: int, waves: Array, kept: Array,
    days: Array, out: Array,
) -> None:  # fmt: skip
    """All features of one series; ``kept`` and ``days`` are room to work in."""
    ascending, series = kept[0, :n], kept[1, :n]
    weight, centred, present = kept[2, :n], kept[3], kept[4]
    at = 0
    for day in range(len(values)):
        here = (abs(values[day]) < np.inf) & (groups[day] != left_out)
        present[day] = here
        if here:
            series[at], weight[at], days[at] = values[day], weights[day], day
            at += 1
    mean = add(series) / n if ascending[-1] > ascending[0] else ascending[0]  # a flat series has no rounding noise
    for day in range(len(values)):
        centred[day] = values[day] - mean if present[day] else 0.0
    counts = histogram(ascending)
    centre(ascending, series, weight, mean, counts, out[0:7])
    spread(ascending, mean, kept[5], out[7:14])
    extremes(ascending, series, days, len(values), out[14:24])
    shape(ascending, series, mean, counts, out[24:29])
    _memory(centred, present, out[8] * n, out[29:34])
    _change(series, days, out[34:37])
    _trend(series, days, n, mean, out[8] * n, out[37:39])
    _season(centred, present, waves, n, out[39:42])
    out[42] = _dry_down(series, days)
    out[43] = _asymmetry(series)
    squares = dot(series, series)
    out[44] = math.sqrt(squares / n)
    out[45] = absolute(series, 0.0)
    out[46] = max(abs(ascending[0]), abs(ascending[-1]))
    out[47] = squares
    _quarters(series, days, len(values), squares, out[48:52])
    out[52] = _centroid(centred, present, waves, n)
    _counts(series, mean, out[53:59])
    out[59] = n / seen


@numba.njit(nogil=True, cache=True)
def _correlation(centred: Array, present: Array, lag: int, variance: float, whole: bool) -> float:
    width = len(centred)
    if lag >= width:
        return np.nan
    pairs = float(width - lag) if whole else dot(present[: width - lag], present[lag:])
    if pairs < LEAST_PAIRS or variance <= 0:
        return np.nan
    return dot(centred[: width - lag], centred[lag:]) / pairs / variance


@numba.njit(nogil=True, cache=True)
def _memory(centred: Array, present: Array, total: float, out: Array) -> None:
    """Autocorrelation at four lags, and the first lag at which it is down to 1/e (at most ``MOST_LAG``)."""
    n = add(present)
    variance, whole = total / n, n == len(present)
    crossing = 0
    for lag in range(1, MOST_LAG + 1):
        wanted = -1
        for i in range(len(LAGS)):
            if LAGS[i] == lag:
                wanted = i
        if crossing and wanted < 0:
            if lag > LAGS[-1]:
                break
            continue
        found = _correlation(centred, present, lag, variance, whole)
        if wanted >= 0:
            out[wanted] = found
        if not crossing and found <= _DUE:
            crossing = lag
    out[4] = np.nan if variance <= 0 else crossing if crossing else MOST_LAG


@numba.njit(nogil=True, cache=True)
def _change(series: Array, days: Array, out: Array) -> None:
    """Mean change, mean absolute change, mean second derivative between observations that follow each other."""
    n = len(series)
    if n < 3:
        out[:] = np.nan
        return
    out[0] = (series[-1] - series[0]) / (days[n - 1] - days[0])
    absolute, bend, before = 0.0, 0.0, 0.0
    for i in range(1, n):
        slope = (series[i] - series[i - 1]) / (days[i] - days[i - 1])
        absolute += abs(slope)
        if i > 1:
            bend += (slope - before) / (days[i] - days[i - 2])
        before = slope
    out[1], out[2] = absolute / (n - 1), bend / (n - 2)


@numba.njit(nogil=True, cache=True)
def _trend(series: Array, days: Array, n: int, mean: float, total: float, out: Array) -> None:
    middle = 0.0
    for i in range(n):
        middle += days[i]
    middle /= n
    across, along = 0.0, 0.0
    for i in range(n):
        across += (days[i] - middle) * (series[i] - mean)
        along += (days[i] - middle) ** 2
    out[0] = across / along if along > 0 else np.nan
    out[1] = across * across / along / total if along > 0 and total > 0 else np.nan


@numba.njit(nogil=True, cache=True)
def _season(centred: Array, present: Array, waves: Array, n: int, out: Array) -> None:
    """Amplitude of one wave a year fitted with a constant, and cosine and sine of its phase."""
    out[:] = np.nan
    width = len(present)
    cos, sin = waves[0, 0, :width], waves[1, 0, :width]
    mc, ms = dot(present, cos), dot(present, sin)
    c2, s2 = dot(present, waves[0, 1, :width]), dot(present, waves[1, 1, :width])
    cc, ss, cs = (n + c2) / 2 - mc * mc / n, (n - c2) / 2 - ms * ms / n, s2 / 2 - mc * ms / n
    det = cc * ss - cs * cs
    if det <= _FLAT * cc * ss:
        return
    xc, xs = dot(centred, cos), dot(centred, sin)
    a, b = (ss * xc - cs * xs) / det, (cc * xs - cs * xc) / det
    out[0] = math.hypot(a, b)
    if out[0] > 0:
        out[1], out[2] = a / out[0], b / out[0]


@numba.njit(nogil=True, cache=True)
def _dry_down(series: Array, days: Array) -> float:
    """Mean fall a day between observations at most ``DRY_DAYS`` apart, where it falls."""
    total, number = 0.0, 0
    for i in range(1, len(series)):
        apart = days[i] - days[i - 1]
        if series[i] < series[i - 1] and apart <= DRY_DAYS:
            total += (series[i - 1] - series[i]) / apart
            number += 1
    return total / number if number else np.nan


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def _asymmetry(series: Array) -> float:
    n = len(series)
    if n < 3:
        return np.nan
    total = 0.0
    for i in range(n - 2):
        total += series[i + 1] * (series[i + 2] * series[i + 2] - series[i] * series[i])
    return total / (n - 2)


@numba.njit(nogil=True, cache=True)
def _quarters(series: Array, days: Array, width: int, squares: float, out: Array) -> None:
    out[:] = 0.0
    quarter = 0
    for i in range(len(series)):
        while 4 * days[i] >= width * (quarter + 1):
            quarter += 1
        out[quarter] += series[i] * series[i]
    for part in range(4):
        out[part] = out[part] / squares if squares > 0 else np.nan


@numba.njit(nogil=True, cache=True)
def _centroid(centred: Array, present: Array, waves: Array, n: int) -> float:
    """Mean of the frequencies [cycles a year], weighted by Lomb-Scargle power in its form without a phase shift.

    After the last day, ``waves`` hold their sums over all days.
    """
    total, moment = 0.0, 0.0
    width = len(present)
    for k in range(waves.shape[1] // 2):
        c2, s2 = waves[0, 2 * k + 1, width], waves[1, 2 * k + 1, width]
        if n < width:
            c2, s2 = dot(present, waves[0, 2 * k + 1, :width]), dot(present, waves[1, 2 * k + 1, :width])
        cc, ss, cs = (n + c2) / 2, (n - c2) / 2, s2 / 2
        det = cc * ss - cs * cs
        if det > 1e-9 * n * n:
            xc, xs = dot(centred, waves[0, k, :width]), dot(centred, waves[1, k, :width])
            power = (ss * xc * xc + cc * xs * xs - 2 * cs * xc * xs) / det
            total += power
            moment += (k + 1) * power
    return moment / total if total > 0 else np.nan


@numba.njit(nogil=True, cache=True)
def _counts(series: Array, mean: float, out: Array) -> None:
    """Above, below, longest strike above and below the mean, peaks, crossings of the mean."""
    n = len(series)
    out[:] = 0.0
    above, below = 0, 0
    for i in range(n):
        high, low = series[i] > mean, series[i] < mean
        out[0] += high
        out[1] += low
        above, below = (above + 1) * high, (below + 1) * low
        out[2], out[3] = max(out[2], above), max(out[3], below)
        if i > 0:
            out[5] += high != (series[i - 1] > mean)
        if SUPPORT <= i < n - SUPPORT and _is_peak(series, i):
            out[4] += 1


@numba.njit(nogil=True, cache=True)
def _is_peak(series: Array, i: int) -> bool:
    higher = True
    for step in range(1, SUPPORT + 1):
        higher &= (series[i] > series[i - step]) & (series[i] > series[i + step])
    return higher
