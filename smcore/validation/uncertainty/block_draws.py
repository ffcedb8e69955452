"""How uncertain a function of covariances is: bootstrap over blocks of days, as a product of two matrices.

The moments of a draw are its counts of blocks times the blocks' sums, so that a thousand draws of many locations cost
one matrix product and no series is ever resampled. Values near in time are alike: whole blocks of calendar days are
drawn (Künsch, H. R. (1989): The jackknife and the bootstrap for general stationary observations. Ann. Stat. 17,
1217–1241, doi:10.1214/aos/1176347265), blocks without a value not. Percentiles of draws are too narrow where blocks
are few, so the draws give a standard error on a scale where the estimate is about normal, and Student's t with one
degree of freedom less than there are blocks gives the interval (Hesterberg, T. C. (2015): What teachers should know
about the bootstrap. Am. Stat. 69, 371–386, doi:10.1080/00031305.2015.1089789). Neighbouring blocks that are alike
still widen it: the variance is multiplied by 1 + 2 r, r the correlation of neighbours' influence (leave one out), plus
1/B for what r loses by centring, and never by less than 1 or more than 3 (our choice).

A location's draws depend on the seed and on its number of blocks only, so its interval is the same in any tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Estimator = Callable[[Floats], Floats]
"""From covariances (N, N, …) to transformed estimates (quantity, …), NaN where one is not defined.

The first 2 N are two of each member, so that what is averaged over them does not depend on the members' order.
"""

BLOCK_DAYS: Final = 30
"""Default length of a block: beyond the memory of most retrieval errors, and a year still has a dozen."""

MIN_BLOCKS: Final = 6
"""Fewer blocks give no interval: with five degrees of freedom Student's t still is some use (our choice)."""

MAX_UNDEFINED: Final = 0.05
"""Share of draws without a defined estimate beyond which there is no interval (our choice)."""

_AT_ONCE: Final = 16
"""Locations drawn together: a thousand draws of their moments stay in the second-level cache."""

_LARGEST: Final = 3.0


@dataclass(frozen=True, eq=False)
class Spread:
    """What draws say: ``error`` (quantity, location) on the transformed scale, NaN where there is no interval.

    ``blocks`` (location,) is the number of blocks with a value, ``undefined`` (quantity, location) counts draws
    without a defined estimate.
    """

    error: Floats
    blocks: Ints
    undefined: Ints

    def half_width(self, level: float) -> Floats:
        """Half of the interval (quantity, location) at ``level``, by Student's t."""
        from scipy import stats

        quantile = stats.t.ppf((1 + level) / 2, np.maximum(self.blocks - 1, 1))
        return np.asarray(self.error * quantile)


def spread(
    members: Sequence[NDArray[Any]],
    time: Ints,
    mean: Floats,
    estimate: Estimator,
    *,
    draws: int,
    seed: int,
    block_days: int,
) -> Spread:
    """Draw blocks of days of N members (location, pair) and see how the estimate varies.

    Parameters
    ----------
    time
        (location, pair) [µs, UTC]; read only where every member is there.
    mean
        (N, location), about which sums are taken, so that nothing cancels.
    """
    from smcore.validation.kernels import triple as kernels

    sums, blocks = kernels.block_sums(members, time, block_days, mean)
    size = len(members)
    quantities = len(estimate(np.ones((size, size, 1))))
    error = np.full((quantities, len(blocks)), np.nan)
    undefined = np.zeros((quantities, len(blocks)), np.int64)
    weights = np.empty((0, 0))
    for count, rows in _alike(blocks):
        weights = weights if len(weights) == count else _counts(count, draws, seed)
        part = np.ascontiguousarray(sums[rows, :count])
        drawn = estimate(covariances(kernels.draw(part, weights), size))
        undefined[:, rows] = np.isnan(drawn).sum(axis=-1)
        part = np.ascontiguousarray(np.moveaxis(part, 2, 0))  # (sum, location, block)
        whole = part.sum(axis=-1, keepdims=True)
        variance = (
            _variance(drawn) * count / (count - 1) * _neighbours(estimate(covariances(whole - part, size))[: 2 * size])
        )
        error[:, rows] = np.where(undefined[:, rows] <= MAX_UNDEFINED * draws, np.sqrt(variance), np.nan)
    return Spread(error, blocks, undefined)


def covariances(sums: Floats, members: int) -> Floats:
    """Covariances (N, N, …), divided by n − 1, from sums (1 + N + N (N + 1) / 2, …) as the kernel orders them."""
    n, first = sums[0], sums[1 : members + 1]
    enough = n > 1
    scale = np.divide(1.0, n - 1, out=np.full(n.shape, np.nan), where=enough)
    mean = np.divide(first, n, out=np.zeros(first.shape), where=enough)
    result = np.empty((members, members, *n.shape))
    at = members + 1
    for a in range(members):
        for b in range(a, members):
            result[a, b] = (sums[at] - first[a] * mean[b]) * scale
            result[b, a] = result[a, b]
            at += 1
    return result


def _alike(blocks: Ints) -> Iterator[tuple[int, Ints]]:
    """Locations with one number of blocks, a few at a time."""
    for count in np.unique(blocks[blocks >= MIN_BLOCKS]):
        rows = np.flatnonzero(blocks == count)
        for start in range(0, len(rows), _AT_ONCE):
            yield int(count), rows[start : start + _AT_ONCE]


def _counts(blocks: int, draws: int, seed: int) -> Floats:
    """How often each block is in each draw (block, draw)."""
    drawn = np.random.default_rng([seed, blocks]).integers(blocks, size=(draws, blocks))
    place = drawn + blocks * np.arange(draws)[:, None]
    counts = np.bincount(place.ravel(), minlength=draws * blocks).reshape(draws, blocks)
    return np.ascontiguousarray(counts.T, dtype=np.float64)


def _variance(values: Floats) -> Floats:
    """Variance along the last axis, over what is defined."""
    there = np.isfinite(values)
    count = np.maximum(there.sum(axis=-1), 1)
    kept = np.where(there, values, 0.0)
    centred = np.where(there, kept - (kept.sum(axis=-1) / count)[..., None], 0.0)
    return np.asarray((centred * centred).sum(axis=-1) / np.maximum(count - 1, 1))


def _neighbours(left_out: Floats) -> Floats:
    """Factor (location,) of the variance for blocks that are alike; ``left_out`` (quantity, location, block)."""
    influence = left_out - left_out.mean(axis=-1, keepdims=True)
    power = (influence * influence).sum(axis=-1)
    lagged = (influence[..., 1:] * influence[..., :-1]).sum(axis=-1)
    defined = np.isfinite(power) & (power > 0)
    r = np.divide(lagged, power, out=np.zeros_like(power), where=defined).sum(axis=0) / np.maximum(defined.sum(0), 1)
    return np.asarray(np.clip(1 + 2 * (r + 1 / left_out.shape[-1]), 1.0, _LARGEST))
