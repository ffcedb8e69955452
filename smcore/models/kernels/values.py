"""Features of one series that rest on its values alone, or on their order: centre, spread, extremes, shape."""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BINS: Final = 10
TRIM: Final = 0.1
_IN_ANY_ORDER: Final = {"contract", "nsz", "reassoc"}


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def add(x: Array) -> float:
    """Σ x."""
    total = 0.0
    for i in range(len(x)):
        total += x[i]
    return total


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def dot(x: Array, y: Array) -> float:
    """Σ x y."""
    total = 0.0
    for i in range(len(x)):
        total += x[i] * y[i]
    return total


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def absolute(x: Array, about: float) -> float:
    """Σ |x − about|."""
    total = 0.0
    for i in range(len(x)):
        total += abs(x[i] - about)
    return total


@numba.njit(nogil=True, cache=True)
def _quantile(ascending: Array, share: float) -> float:
    """Linear between the two nearest."""
    place = share * (len(ascending) - 1)
    low = int(place)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (place - low) * (ascending[high] - ascending[low])


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def _means(series: Array, weight: Array) -> tuple[float, float, float, float]:
    """Σ w, Σ w/x, Σ w ln x, Σ w x² of positive values."""
    total, inverse, logs, squares = 0.0, 0.0, 0.0, 0.0
    for i in range(len(series)):
        total += weight[i]
        inverse += weight[i] / series[i]
        squares += weight[i] * series[i] * series[i]
    for i in range(len(series)):
        logs += weight[i] * math.log(series[i])
    return total, inverse, logs, squares


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def _weighted_square(series: Array, weight: Array) -> float:
    total = 0.0
    for i in range(len(series)):
        total += weight[i] * series[i] * series[i]
    return total


@numba.njit(nogil=True, cache=True)
def centre(ascending: Array, series: Array, weight: Array, mean: float, counts: Array, out: Array) -> None:
    """Mean, median, weighted means, trimmed mean, mode."""
    n = len(series)
    out[0], out[1] = mean, _quantile(ascending, 0.5)
    if ascending[0] > 0:
        total, inverse, logs, squares = _means(series, weight)
        out[2], out[3], out[4] = total / inverse, math.exp(logs / total), math.sqrt(squares / total)
    else:
        out[2], out[3] = np.nan, np.nan
        out[4] = math.sqrt(_weighted_square(series, weight) / add(weight))
    cut = int(TRIM * n)
    out[5] = add(ascending[cut : n - cut]) / (n - 2 * cut)
    out[6] = ascending[0] + (np.argmax(counts) + 0.5) * (ascending[-1] - ascending[0]) / BINS


@numba.njit(nogil=True, cache=True)
def histogram(ascending: Array) -> Array:
    """Numbers in ten equal bins from the smallest to the largest, the last one closed."""
    counts = np.zeros(BINS)
    low, span = ascending[0], ascending[-1] - ascending[0]
    scale = BINS / span if span > 0 else 0.0
    for i in range(len(ascending)):
        counts[min(int((ascending[i] - low) * scale), BINS - 1)] += 1
    return counts


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def _powers(x: Array, mean: float) -> tuple[float, float, float]:
    second, third, fourth = 0.0, 0.0, 0.0
    for i in range(len(x)):
        d = x[i] - mean
        square = d * d
        second += square
        third += square * d
        fourth += square * square
    return second, third, fourth


@numba.njit(nogil=True, cache=True)
def spread(ascending: Array, mean: float, room: Array, out: Array) -> None:
    """Deviations, range and quartiles; ``room`` is room to work in."""
    n = len(ascending)
    variance = _powers(ascending, mean)[0] / n
    out[0], out[1] = math.sqrt(variance), variance
    out[2] = out[0] / mean if mean != 0 else np.nan
    out[3] = ascending[-1] - ascending[0]
    out[4] = _quantile(ascending, 0.75) - _quantile(ascending, 0.25)
    out[5] = absolute(ascending, mean) / n
    out[6] = _median_from(ascending, _quantile(ascending, 0.5), room)


@numba.njit(nogil=True, cache=True)
def _median_from(ascending: Array, middle: float, room: Array) -> float:
    """Median of the distances from ``middle``: the nearest half, taken from the middle outwards."""
    n = len(ascending)
    right = np.searchsorted(ascending, middle)
    left = right - 1
    for taken in range(n // 2 + 1):
        below = middle - ascending[left] if left >= 0 else np.inf
        above = ascending[right] - middle if right < n else np.inf
        if below <= above:
            room[taken] = below
            left -= 1
        else:
            room[taken] = above
            right += 1
    return room[n // 2] if n % 2 else 0.5 * (room[n // 2 - 1] + room[n // 2])


@numba.njit(nogil=True, cache=True)
def extremes(ascending: Array, series: Array, days: Array, width: int, out: Array) -> None:
    """Extremes, quantiles, and where in the window the first maximum and minimum are."""
    out[0], out[1] = ascending[0], ascending[-1]
    out[2], out[3], out[4] = _quantile(ascending, 0.05), _quantile(ascending, 0.1), _quantile(ascending, 0.25)
    out[5], out[6], out[7] = _quantile(ascending, 0.75), _quantile(ascending, 0.9), _quantile(ascending, 0.95)
    out[8], out[9] = days[np.argmax(series)] / width, days[np.argmin(series)] / width


@numba.njit(nogil=True, cache=True)
def shape(ascending: Array, series: Array, mean: float, counts: Array, out: Array) -> None:
    """Skewness, kurtosis, entropy, share beyond one σ, whether σ is large."""
    n = len(series)
    second, third, fourth = _powers(series, mean)
    std = math.sqrt(second / n)
    flat = ascending[-1] == ascending[0]
    out[0] = np.nan if flat else third / n / std**3
    out[1] = np.nan if flat else fourth / n / std**4 - 3
    out[2] = 0.0
    for number in counts:
        if number > 0:
            out[2] -= number / n * math.log(number / n)
    beyond = 0
    for i in range(n):
        beyond += abs(series[i] - mean) > std
    out[3] = beyond / n
    out[4] = 1.0 if std > 0.25 * (ascending[-1] - ascending[0]) else 0.0
