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

from smcore.validation.kernels.alone import alone

Array = NDArray[Any]

# No array here holds a NaN: what is no pair lies beyond the count. So sums may be reordered.
_REORDER: Final = {"contract", "nsz", "reassoc"}

_DEPENDENT: Final = 1e-4
"""Share of a harmonic's square that must be left after the ones before it; less is rounding on a short window."""


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def lag_sums(
    series: Array,
    day: Array,
    count: Array,
    first: int,
    cycle: Array,
    coefficients: Array,
    lags: Array,
    memories: Array,
    own: Array,
    products: Array,
    pairs: Array,
    kernel: Array,
    rank: Array,
) -> None:
    """Take mean and harmonics off ``series`` (series, location, pair) in place, and add up what is left.

    The first ``coefficients`` (location,) rows of ``cycle`` (row, day from the first one on) are fitted. The series
    before ``first`` are only freed of that, no products are made of them. ``own`` (series, location) takes the sums of
    squares, ``products`` (series, location, lag) those of products of pairs ``lags`` days apart (lag 0: two pairs of
    one day), ``pairs`` (location, lag) their numbers, ``kernel`` (location, memory) the sum of φ^(distance in days)
    over all pairs of pairs of different days, ``rank`` (location,) the number of fitted coefficients.
    """
    for place in numba.prange(series.shape[1]):
        size = count[place]
        if size > 0:
            start = day[place, :size].min()
            span = day[place, :size].max() - start + 1
            weight = np.zeros(span)
            for i in range(size):
                weight[day[place, i] - start] += 1.0
            at = day[place, :size] - start
            basis = _basis(at, cycle[: coefficients[place]])
            rank[place] = basis.shape[0]
            _count_pairs(weight, lags, pairs[place])
            _decay(weight, memories, kernel[place])
            for s in range(series.shape[0]):
                left = series[s, place, :size]
                for j in range(basis.shape[0]):
                    _subtract(left, basis[j], _dot(left, basis[j]))
                if s >= first:
                    line = np.zeros(span)
                    for i in range(size):
                        line[at[i]] += left[i]
                    square = _dot(left, left)
                    own[s - first, place] = square
                    for k in range(len(lags)):
                        products[s - first, place, k] = _dot(line[lags[k] :], line[: span - lags[k]])
                    products[s - first, place, 0] -= square


@numba.njit(nogil=True, cache=True)
def add_blocks(series: Array, day: Array, count: Array, length: Array, sums: Array, filled: Array) -> None:
    """Add ``series`` (series, location, pair) up in blocks of ``length`` (location,) days from the first pair on.

    ``sums`` (location, series + 1, block) takes the sums, the last of them the number of pairs, blocks without a pair
    left out; ``filled`` (location,) takes how many blocks have one.
    """
    kinds = series.shape[0]
    for place in range(series.shape[1]):
        size = count[place]
        if size > 0:
            start = day[place, :size].min()
            number = np.full((day[place, :size].max() - start) // length[place] + 1, -1)
            for i in range(size):
                number[(day[place, i] - start) // length[place]] = 0
            for b in range(len(number)):
                if number[b] == 0:
                    number[b] = filled[place]
                    filled[place] += 1
            for i in range(size):
                block = number[(day[place, i] - start) // length[place]]
                for s in range(kinds):
                    sums[place, s, block] += series[s, place, i]
                sums[place, kinds, block] += 1.0


@numba.njit(nogil=True, cache=True)
def errors_of_draws(change: Array, of_draws: Array, pairs: Array, least: Array) -> Array:
    """Standard error of each draw (location, draw), at least ``least`` (location,).

    ``of_draws`` (location, 3, draw) holds the draw's sums over blocks of influence I, I² and I m, m the pairs of a
    block, ``pairs`` (2, location, draw) those of m and m². A draw without the cycle need not be a set of moments (a
    variance below 0, a correlation beyond 1); where ``change`` is not finite for that reason it becomes its linear
    part, Σ I / Σ m.
    """
    result = np.empty(change.shape)
    for place in range(change.shape[0]):
        for d in range(change.shape[1]):
            n = pairs[0, place, d]
            mean = of_draws[place, 0, d] / n
            square = of_draws[place, 1, d] - 2 * mean * of_draws[place, 2, d] + mean * mean * pairs[1, place, d]
            result[place, d] = max(math.sqrt(max(square, 0.0)) / n, least[place])
            if not abs(change[place, d]) < np.inf:
                change[place, d] = mean
    return result


@numba.njit(nogil=True, cache=True, fastmath=_REORDER)
def _dot(a: Array, b: Array) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@numba.njit(nogil=True, cache=True, fastmath=_REORDER)
def _subtract(values: Array, row: Array, factor: float) -> None:
    for i in range(len(values)):
        values[i] -= factor * row[i]


@numba.njit(nogil=True, cache=True)
def _basis(at: Array, cycle: Array) -> Array:
    """The rows of ``cycle`` at the days of the pairs, made orthonormal (Gram–Schmidt, twice)."""
    basis = np.empty((len(cycle), len(at)))
    kept = 0
    for j in range(len(cycle)):
        for i in range(len(at)):
            basis[kept, i] = cycle[j, at[i]]
        before = _dot(basis[kept], basis[kept])
        for _ in range(2):
            for i in range(kept):
                _subtract(basis[kept], basis[i], _dot(basis[i], basis[kept]))
        after = _dot(basis[kept], basis[kept])
        if after > _DEPENDENT * before:
            basis[kept] /= math.sqrt(after)
            kept += 1
    return basis[:kept]


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
