"""Two cubes on one axis of days, scored as they are stored, step by step of whole maps: no series is taken apart.

The numbers are those of :func:`smcore.validation.score.score_block`, which serves wherever this does not apply: pairs
here have no times of their own, so nothing may depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import Status
from smcore.validation.estimates import (
    ANALYTIC,
    BOOTSTRAP,
    IID,
    NONE,
    Estimates,
    base_status,
    metric_status,
    put_limits,
    with_values,
)
from smcore.validation.leakage import Seen
from smcore.validation.matching.aligned import Aligned, aligned
from smcore.validation.matching.match import Match
from smcore.validation.matching.sides import COUNTS, Side
from smcore.validation.moments import Moments, moments
from smcore.validation.pooling import PoolPart, pool_offset, pool_stride
from smcore.validation.ranks import kendall, spearman
from smcore.validation.score import ScoreOptions, TileScore

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RANKS: Final[dict[str, Callable[..., Floats]]] = {"spearman_r": spearman, "kendall_tau": kendall}
_ALL: Final = ("values", "recommended", "usable")


@dataclass(frozen=True, eq=False)
class MapScores:
    """Scores tiles of a match of two cubes; made by :func:`map_scores`."""

    found: Aligned
    options: ScoreOptions

    def rows(self) -> list[Ints]:
        """All places in tiles, each of whole chunks of the stores."""
        return self.found.rows()

    def score(self, rows: Ints) -> TileScore:
        """Read and score a tile.

        Raises
        ------
        SmcoreError
            If a part of a store can't be read.
        """
        product, reference, day = self.found.block(rows)
        product, reference = (np.ascontiguousarray(one) for one in (product, reference))
        if product.dtype != reference.dtype:
            product, reference = product.astype(np.float64), reference.astype(np.float64)
        sums = moments(product, reference, axis=0)
        counts = {side: _counts(values) for side, values in (("product", product), ("reference", reference))}
        return TileScore(
            rows,
            self._estimates(rows, product, reference, day, sums),
            counts,
            self._dropped(counts["product"]["usable"] - sums.n.astype(np.int64)),
            {},
            {},
            sums,
            self._pool(rows, product, reference, day),
        )

    def _estimates(self, rows: Ints, product: Any, reference: Any, day: Ints, sums: Moments) -> Estimates:
        matched, options = self.found.matched, self.options.estimates
        count = sums.n.astype(np.int64)
        base = base_status(count, options.min_obs)
        base[~matched.collocation.found[rows]] = Status.OUT_OF_GRID
        result = Estimates(count)
        for name, metric in options.chosen.items():
            rank = RANKS.get(name)
            value = rank(product, reference, axis=0) if rank else metric.from_moments(sums)  # type: ignore[misc]
            result.status[name] = metric_status(metric, value, base, sums.is_constant, matched.same_units)
            usable = result.status[name] == Status.OK
            result.value[name] = value if name == "n" else np.where(usable, value, np.nan)
        self._limits(result, product, reference, day)
        return result

    def _limits(self, result: Estimates, product: Any, reference: Any, day: Ints) -> None:
        from smcore.validation.uncertainty.intervals import bounds_aligned

        options, wanted = self.options.estimates, with_values(result)
        found: Mapping[str, Any] = {}
        if wanted and options.interval != NONE:
            kind: Any = IID if options.interval == IID else ANALYTIC
            found = bounds_aligned(
                product, reference, day, result.value, metrics=wanted, kind=kind, level=options.level
            )
        put_limits(result, found)

    def _dropped(self, alone: Ints) -> dict[str, Ints]:
        """Records of the product without a partner, under the names of the pairing."""
        zero = np.zeros_like(alone)
        if self.found.matched.daily:
            return {"no_reference_day": alone, "day_with_too_few_records": zero}
        return {"no_record_in_window": alone, "record_used_by_a_nearer_one": zero}

    def _pool(self, rows: Ints, product: Any, reference: Any, day: Ints) -> PoolPart:
        """The same pairs that :func:`smcore.validation.pooling.pool_part` keeps, in the same order."""
        both = np.isfinite(product) & np.isfinite(reference)
        stride = pool_stride(self.found.matched)
        if stride > 1:
            start = pool_offset(rows, stride).astype(np.int32)
            both &= (np.cumsum(both, axis=0, dtype=np.int32) - 1 + start) % stride == 0
        location, step = np.nonzero(both.T)
        kept = step, location
        x, y = (one[kept].astype(np.float64) for one in (product, reference))
        return PoolPart(x, y, rows[location].astype(np.int32), day[step].astype(np.int32))


def map_scores(matched: Match, options: ScoreOptions, guard: Seen) -> MapScores | None:
    """See whether a match can be scored so; None where it can't.

    It can where both cubes have plain values: no overpasses, qualities, flags, observation times or origins, every step
    of the common period on either side, and where nothing needs the time of a pair: no transform, bootstrap or days
    that were seen in training.
    """
    estimates = options.estimates
    sums_do = all(name in RANKS or metric.from_moments is not None for name, metric in estimates.chosen.items())
    if not (sums_do and options.transform.changes_nothing) or estimates.interval == BOOTSTRAP:
        return None
    if guard.spans is not None or not all(map(_is_plain, (matched.product, matched.reference))):
        return None
    found = aligned(matched)
    if found is None or not all(_has_all(one.side, one.steps, matched) for one in (found.product, found.reference)):
        return None
    return MapScores(found, options)


def _is_plain(side: Side) -> bool:
    marks = (names.QUALITY, names.FLAG, names.OBS_TIME, names.SOURCE)
    return not (side.has_overpass or any(name in side.dataset for name in marks))


def _has_all(side: Side, steps: Ints, matched: Match) -> bool:
    """Whether the ``steps`` are all that the side has within the common period."""
    centre = side.stamps + side.support.centre
    inside = np.flatnonzero((centre >= matched.limits[0]) & (centre < matched.limits[1]))
    return np.array_equal(inside, steps)


def _counts(values: Any) -> dict[str, Ints]:
    """Counts of what was read: all of it is usable."""
    usable = np.isfinite(values).sum(axis=0)
    return {name: usable if name in _ALL else np.zeros_like(usable) for name in COUNTS}
