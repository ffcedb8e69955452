"""Sums over a series that remembers: seasonal cycle off, products of values some days apart, how gaps thin them out.

A location's pairs are laid on a line of days, several of one day added up, so that times need no order and gaps no
filling. A day without a pair holds 0, so that a sum of products over a lag is a plain dot product.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# No array here holds a NaN: what is no pair lies beyond the count. So sums may be reordered.
_REORDER: Final = {"contract", "nsz", "reassoc"}

_DEPENDENT: Final = 1e-4
"""Share of a harmonic's square that must be left after the ones before it; less is rounding on a short window."""


@numba.njit(parallel=True, nogil=True, cache=True)
def lag_sums(
    series: Array,
    day: Array,
    count: Array,
    harmonics: Array,
    lags: Array,
    memories: Array,
    own: Array,
    products: Array,
    pairs: Array,
    kernel: Array,
    rank: Array,
) -> None:
    """Take mean and harmonics off ``series`` (series, location, pair) in place, and add up what is left.

    ``own`` (series, location) takes the sums of squares, ``products`` (series, location, lag) those of products of
    pairs ``lags`` days apart (lag 0: two pairs of one day), ``pairs`` (location, lag) their numbers, ``kernel``
    (location, memory) the sum of φ^(distance in days) over all pairs of pairs of different days, ``rank`` (location,)
    the number of fitted coefficients.
    """
    for place in numba.prange(series.shape[1]):
        size = count[place]
        if size > 0:
            start = day[place, :size].min()
            span = day[place, :size].max() - start + 1
            weight = np.zeros(span)
            for i in range(size):
                weight[day[place, i] - start] += 1.0
            basis = _basis(weight, harmonics[place])
            rank[place] = basis.shape[0]
            _count_pairs(weight, lags, pairs[place])
            _decay(weight, memories, kernel[place])
            for s in range(series.shape[0]):
                line = np.zeros(span)
                own[s, place] = _residuals(series[s, place, :size], day[place, :size] - start, basis, line)
                for k in range(len(lags)):
                    products[s, place, k] = _dot(line[lags[k] :], line[: span - lags[k]])
                products[s, place, 0] -= own[s, place]


@numba.njit(nogil=True, cache=True)
def add_blocks(series: Array, day: Array, count: Array, start: Array, length: int, sums: Array) -> None:
    """Add ``series`` (series, location, pair) to ``sums`` (location, series + 1, block), the last one counting pairs.

    A block is ``length`` days; the first begins at ``start`` (location,).
    """
    kinds = series.shape[0]
    for place in range(series.shape[1]):
        for i in range(count[place]):
            block = (day[place, i] - start[place]) // length
            for s in range(kinds):
                sums[place, s, block] += series[s, place, i]
            sums[place, kinds, block] += 1.0


@numba.njit(nogil=True, cache=True, fastmath=_REORDER)
def _dot(a: Array, b: Array) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@numba.njit(nogil=True, cache=True, fastmath=_REORDER)
def _dot3(a: Array, b: Array, c: Array) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i] * c[i]
    return total


@numba.njit(nogil=True, cache=True)
def _basis(weight: Array, harmonics: int) -> Array:
    """Mean and harmonics of the year, orthonormal under ``weight`` (Gram–Schmidt, twice)."""
    span = len(weight)
    basis = np.zeros((2 * harmonics + 1, span))
    kept = 0
    for j in range(2 * harmonics + 1):
        rate = 2 * math.pi / 365.2425 * ((j + 1) // 2)
        shift = 0.0 if j % 2 == 0 else 0.5 * math.pi
        for t in range(span):
            basis[kept, t] = 1.0 if j == 0 else math.sin(rate * t + shift)
        before = _dot3(basis[kept], basis[kept], weight)
        for _ in range(2):
            for i in range(kept):
                part = _dot3(basis[i], basis[kept], weight)
                for t in range(span):
                    basis[kept, t] -= part * basis[i, t]
        after = _dot3(basis[kept], basis[kept], weight)
        if after > _DEPENDENT * before:
            basis[kept] /= math.sqrt(after)
            kept += 1
    return basis[:kept]


@numba.njit(nogil=True, cache=True)
def _residuals(values: Array, place: Array, basis: Array, line: Array) -> float:
    """Take the fit off ``values`` in place, add the rest to ``line``, and return its sum of squares."""
    for i in range(len(values)):
        line[place[i]] += values[i]
    fit = np.zeros(len(line))
    for j in range(basis.shape[0]):
        part = _dot(basis[j], line)
        for t in range(len(line)):
            fit[t] += part * basis[j, t]
    line[:] = 0.0
    total = 0.0
    for i in range(len(values)):
        values[i] -= fit[place[i]]
        line[place[i]] += values[i]
        total += values[i] * values[i]
    return total


@numba.njit(nogil=True, cache=True)
def _count_pairs(weight: Array, lags: Array, pairs: Array) -> None:
    for k in range(len(lags)):
        pairs[k] = _dot(weight[lags[k] :], weight[: len(weight) - lags[k]])
    pairs[0] -= weight.sum()


@numba.njit(nogil=True, cache=True)
def _decay(weight: Array, memories: Array, kernel: Array) -> None:
    """Σ over pairs of days s < t of n_s n_t φ^(t − s), for each φ, in one walk: what is remembered fades by φ a day."""
    held = np.zeros(len(memories))
    for t in range(len(weight)):
        if weight[t] > 0.0:
            for g in range(len(memories)):
                held[g] *= memories[g]
                kernel[g] += weight[t] * held[g]
                held[g] += weight[t]
        else:
            for g in range(len(memories)):
                held[g] *= memories[g]
