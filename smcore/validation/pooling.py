"""Samples of several locations: all pairs as one, and the pairs of each day over space.

What moments can give is exact however many pairs there are, since moments of locations merge. Ranks and quantiles can't
be merged: they come from the pairs themselves, of which at most :data:`POOL_LIMIT` are kept, evenly thinned, and
``pool_stride`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.validation.estimates import EstimateOptions, Number, base_status, estimate, metric_status, numbers_at
from smcore.validation.matching.match import Match
from smcore.validation.matching.times import DAY, day_of, to_datetime
from smcore.validation.metrics import Metric

if TYPE_CHECKING:
    from smcore.validation.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POOL_LIMIT = 2_000_000
"""Pairs that are kept for ranks: 48 MB, and as much again while they are joined."""

_GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True, eq=False)
class PoolPart:
    """Pairs kept of one tile: arrays (pair,); ``location`` is an index into all locations."""

    product: Floats
    reference: Floats
    location: NDArray[np.int32]
    day: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Pool:
    """All pairs that were kept, and the moments (location,) of all that there are."""

    sums: Moments
    pairs: PoolPart

    @staticmethod
    def of(parts: Sequence[Any], size: int) -> Pool:
        """Join the parts of all tiles; ``parts`` have ``rows``, ``sums`` and ``pool``."""
        from smcore.validation.moments import zero

        sums = zero(size)
        for part in parts:
            for name, values in vars(part.sums).items():
                getattr(sums, name)[part.rows] = values
        kinds = {"product": np.float64, "reference": np.float64, "location": np.int32, "day": np.int32}
        columns = {
            name: np.concatenate([np.empty(0, kind), *(getattr(part.pool, name) for part in parts)])
            for name, kind in kinds.items()
        }
        return Pool(sums, PoolPart(**columns))


def pool_stride(matched: Match) -> int:
    """Every how many-th pair of a location is kept: the same for every tile, whoever computes it."""
    steps = max(s.stop - s.start for s in matched.steps)
    return max(1, int(np.ceil(len(matched.places) * steps / POOL_LIMIT)))


def pool_offset(rows: Ints, stride: int) -> Ints:
    """Where the thinning of each location starts: another pair at each, or all would keep the same few days.

    Multiples of the golden ratio spread over 0 … ``stride`` − 1 evenly, however many locations there are.
    """
    return np.asarray((rows * _GOLDEN % 1.0 * stride).astype(np.int64))


def pool_part(matched: Match, rows: Ints, product: Floats, reference: Floats, time: Ints) -> PoolPart:
    """Keep the pairs of a tile, thinned within each location."""
    both = np.isfinite(product) & np.isfinite(reference)
    stride = pool_stride(matched)
    if stride > 1:
        both &= (np.cumsum(both, axis=1) - 1 + pool_offset(rows, stride)[:, None]) % stride == 0
    location = np.broadcast_to(rows.astype(np.int32)[:, None], both.shape)[both]
    return PoolPart(product[both], reference[both], location, day_of(time[both]).astype(np.int32))


def pooled_moments(sums: Moments, kept: NDArray[np.bool_]) -> Moments:
    """Moments of the pairs of all locations ``kept`` as one sample, (1,)."""
    from smcore.validation.moments import Moments, merge, zero

    chosen = Moments(**{name: np.asarray(values)[kept] for name, values in vars(sums).items()})
    while len(chosen.n) > 1:
        half = len(chosen.n) // 2
        first, second, rest = (
            Moments(**{name: values[part] for name, values in vars(chosen).items()})
            for part in (slice(0, half), slice(half, 2 * half), slice(2 * half, None))
        )
        joined = merge(first, second)
        chosen = Moments(**{name: np.concatenate([v, vars(rest)[name]]) for name, v in vars(joined).items()})
    return chosen if len(chosen.n) else zero(1)


def pooled_numbers(
    pool: Pool, kept: NDArray[np.bool_], options: EstimateOptions, *, same_units: bool
) -> dict[str, Number]:
    """Metrics of all pairs of the locations ``kept`` as one sample; without intervals, days and places depend."""
    chosen = kept[pool.pairs.location]
    product, reference = pool.pairs.product[chosen][None], pool.pairs.reference[chosen][None]
    return numbers_of_sample(
        pooled_moments(pool.sums, kept), lambda metric: metric.compute(product, reference), product.shape[1], options,
        same_units=same_units,
    )  # fmt: skip


def numbers_of_sample(
    sums: Moments, from_pairs: Callable[[Metric], Floats], count: int, options: EstimateOptions, *, same_units: bool
) -> dict[str, Number]:
    """Metrics of one sample.

    Parameters
    ----------
    sums
        Its moments, (1,).
    from_pairs
        Gives a metric, (1,), that moments do not suffice for, from pairs of which ``count`` are kept.
    """
    result = {}
    for name, metric in options.chosen.items():
        exact = metric.from_moments is not None
        value = metric.from_moments(sums) if metric.from_moments is not None else from_pairs(metric)
        size = int(sums.n[0]) if exact else count
        base = base_status(np.array([int(sums.n[0])]), options.min_obs)
        status = metric_status(metric, value, base, sums.is_constant, same_units)[0]
        shown = float(value[0]) if status == "ok" or name == "n" else float("nan")
        result[name] = Number(shown, size, status)
    return result


def per_day(pool: Pool, options: EstimateOptions, *, same_units: bool) -> pd.DataFrame:
    """Metrics over space of each UTC day, one row a day and metric."""
    days, place = np.unique(pool.pairs.day, return_inverse=True)
    order = np.argsort(place, kind="stable")
    count = np.bincount(place, minlength=len(days))
    column = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    rows: list[dict[str, object]] = []
    for start in range(0, len(days), 64):  # days vary in size: a few at a time keep the padding small
        part = slice(start, start + 64)
        chosen = (place[order] >= start) & (place[order] < start + 64)
        shape = (len(days[part]), int(count[part].max(initial=0)))
        x, y = np.full(shape, np.nan), np.full(shape, np.nan)
        at = place[order][chosen] - start, column[chosen]
        x[at], y[at] = pool.pairs.product[order][chosen], pool.pairs.reference[order][chosen]
        found = estimate(x, y, np.zeros(shape, np.int64), replace(options, interval="none"), same_units=same_units)
        for i, day in enumerate(days[part]):
            label = str(to_datetime(np.array([int(day) * DAY]))[0])[:10]
            rows += [
                {"time": label, "metric": name, "value": number.value, "n": number.n, "status": str(number.status)}
                for name, number in numbers_at(found, i).items()
            ]
    return pd.DataFrame(rows, columns=["time", "metric", "value", "n", "status"])
