"""Score a match: metrics of every location, of all pairs as one sample, and the median over locations.

A match is scored tile by tile of locations. What a tile adds is a :class:`TileScore`, which any process may compute;
:func:`assemble` joins them into a :class:`Score`. No location raises: what could not be computed carries a
:class:`smcore.errors.Status` in place of its number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import Status
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.validation.estimates import (
    NONE,
    EstimateOptions,
    Estimates,
    Number,
    Statuses,
    base_status,
    estimate,
    most_common,
    numbers_at,
)
from smcore.validation.leakage import PARTLY, SEEN, UNKNOWN, UNSEEN, Seen, seen, without_seen
from smcore.validation.matching.match import Match, PairBlock
from smcore.validation.matching.sides import COUNTS, OVERPASSES
from smcore.validation.matching.tiles import read_block
from smcore.validation.pooling import Pool, PoolPart, per_day, pool_part, pool_stride, pooled_numbers
from smcore.validation.transforms import Transform
from smcore.validation.uncertainty.clusters import clusters, median_bounds

if TYPE_CHECKING:
    from smcore.validation.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POOLED = "*pooled*"
MEDIAN = "*median*"
VARIANT = "@"
"""Stands in a product's name before the scaling that it alone has."""


@dataclass(frozen=True, eq=False)
class TileScore:
    """What one tile adds to a score: plain arrays over its locations ``rows``, so that it may cross processes.

    ``sums`` are the moments of each location (for samples of several locations), ``pool`` the pairs that are kept for
    what no sums can give (ranks), ``errors`` what went wrong at a location (by index into all locations).
    """

    rows: Ints
    estimates: Estimates
    counts: dict[str, dict[str, Ints]]
    dropped: dict[str, Ints]
    errors: dict[int, str]
    overpasses: dict[str, int]
    sums: Moments
    pool: PoolPart


@dataclass(frozen=True, eq=False)
class Score:
    """Metrics of one product against one reference.

    ``estimates`` hold one array (location,) for each metric. ``counts`` are what was read and left out on each side,
    ``dropped`` the usable records that found no partner, ``errors`` what went wrong at a location (by index).
    ``pooled`` takes all pairs as one sample, ``median`` is over the locations whose value is ok; its n counts those
    locations. Both leave out what the ``guard`` says was seen in training; ``with_seen`` holds pooled and median of
    all, where there is such. ``days`` holds the metrics over space of each day, if asked for; ``overpasses`` the number
    of pairs of each overpass.
    """

    matched: Match
    options: EstimateOptions
    estimates: Estimates
    counts: dict[str, dict[str, Ints]]
    dropped: dict[str, Ints]
    errors: dict[int, str]
    pooled: dict[str, Number]
    median: dict[str, Number]
    days: pd.DataFrame | None
    pool_stride: int
    overpasses: dict[str, int]
    guard: Seen
    with_seen: tuple[dict[str, Number], dict[str, Number]] | None = None
    transform: Transform = field(default_factory=Transform)

    @property
    def units(self) -> str:
        """Unit of what was compared: that of the reference, none for standardised anomalies."""
        return self.transform.units_after(self.matched.product.units, self.matched.reference.units)[1]

    @property
    def seen(self) -> NDArray[np.str_]:
        """What was seen of each location: yes (left out of the summaries), partly (those days are), no, unknown."""
        if not self.guard.is_known:
            return np.full(len(self.n), UNKNOWN)
        return np.where(self.guard.whole, SEEN, np.where(self.guard.location, PARTLY, UNSEEN))

    @property
    def n(self) -> Ints:
        """Number of pairs of each location."""
        return self.estimates.n

    @property
    def values(self) -> dict[str, Floats]:
        """Value of each metric at each location, NaN where missing."""
        return self.estimates.value

    @property
    def status(self) -> dict[str, Statuses]:
        """Why each value is there or not."""
        return self.estimates.status

    @property
    def min_obs(self) -> int:
        """Pairs that a number needs."""
        return self.options.min_obs

    def recommended(self, side: str) -> tuple[int, int]:
        """How many retrievals of ``side`` (product or reference) were recommended, and of how many.

        A cell that serves several sensors counts once.
        """
        counts = self.counts[side]
        once = np.arange(len(self.n))
        partners = self.matched.collocation.indices
        if (side == "product") != self.matched.product_is_anchor and partners.shape[1] == 1:
            once = np.unique(partners[:, 0], return_index=True)[1]
        offered = counts["values"] - counts["dropped_overpass"]
        return int(counts["recommended"][once].sum()), int(offered[once].sum())


@dataclass(frozen=True)
class ScoreOptions:
    """How a match is scored.

    Parameters
    ----------
    estimates
        Metrics and intervals.
    transform
        Applied to the pairs of a tile before anything is computed: scaling and anomalies.
    per_day
        Also score each UTC day over space.
    """

    estimates: EstimateOptions = field(default_factory=EstimateOptions)
    transform: Transform = field(default_factory=Transform)
    per_day: bool = False

    def of(self, matched: Match) -> ScoreOptions:
        """The options of one product: ``ID@cdf`` asks for a scaling of its own."""
        scaling = matched.product.name.partition(VARIANT)[2]
        return replace(self, transform=replace(self.transform, scaling=scaling)) if scaling else self


def score(
    matched: Match,
    options: ScoreOptions | None = None,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Score:
    """Compute the metrics of ``matched``, tile by tile of locations.

    Parameters
    ----------
    options
        Metrics, intervals and transforms.

    Raises
    ------
    Cancelled
        If the user asked to stop.
    """
    options = options or ScoreOptions()
    guard = seen(matched.places, matched.product.dataset.attrs, name=matched.product.name)
    tiles = matched.block_rows()
    parts = []
    for i, rows in enumerate(tiles):
        check(cancelled)
        progress(i / max(len(tiles), 1), f"{matched.product.name}: {rows[0]} of {len(matched.places)} locations")
        block, errors = read_block(matched, rows)
        parts.append(score_guarded(matched, block, errors, options, guard))
    progress(1.0, f"{matched.product.name}: done")
    return assemble(matched, parts, options, guard)


def score_pairs(product: Floats, reference: Floats, *, same_units: bool = True, min_obs: int = 10) -> dict[str, Number]:
    """All metrics of one sample of pairs, without intervals: arrays (pair,), NaN where a value is missing."""
    one = np.asarray(product, np.float64).reshape(1, -1), np.asarray(reference, np.float64).reshape(1, -1)
    options = EstimateOptions(min_obs, interval="none")
    return numbers_at(estimate(*one, np.zeros(one[0].shape, np.int64), options, same_units=same_units), 0)


def score_guarded(
    matched: Match, block: PairBlock, errors: dict[int, str], options: ScoreOptions, guard: Seen
) -> tuple[TileScore, TileScore]:
    """Score a tile without the pairs that the product's model has seen, and with them (the same where there are none).

    A location of which nothing is unseen keeps all its pairs: it is marked and left out of the summaries instead.
    """
    everything = score_block(matched, block, errors, options)
    if guard.spans is None or not guard.location[block.rows].any():
        return everything, everything
    pairs, _ = without_seen(block.pairs, block.rows, guard)
    return score_block(matched, replace(block, pairs=pairs), errors, options), everything


def score_block(matched: Match, block: PairBlock, errors: dict[int, str], options: ScoreOptions) -> TileScore:
    """Score a tile that was read; locations in ``errors`` have failed."""
    from smcore.validation.moments import moments

    time = block.pairs.product_time
    product, reference, left = options.transform.apply(block.pairs.product, block.pairs.reference, time)
    count = (np.isfinite(product) & np.isfinite(reference)).sum(axis=1)
    base = _base_status(matched, block, count, options.estimates.min_obs)
    known = np.isin(base, (Status.OK, Status.TOO_FEW)) | ((base == Status.NO_OVERLAP) & (block.pairs.count > 0))
    base = np.where(known & (left != Status.OK), left, base)
    base[np.isin(block.rows, list(errors))] = Status.FAILED
    estimates = estimate(
        product,
        reference,
        time,
        options.estimates,
        same_units=matched.same_units or options.transform.unifies_units,
        base=base,
        window=options.transform.window,
    )
    codes, times = np.unique(block.pairs.overpass[block.pairs.overpass >= 0], return_counts=True)
    return TileScore(
        block.rows,
        estimates,
        {"product": block.product_counts, "reference": block.reference_counts},
        block.pairs.dropped,
        errors,
        {OVERPASSES[code]: int(number) for code, number in zip(codes, times, strict=True)},
        moments(product, reference, axis=-1),
        pool_part(matched, block.rows, product, reference, time),
    )


def assemble(matched: Match, parts: Sequence[tuple[TileScore, TileScore]], options: ScoreOptions, guard: Seen) -> Score:
    """Join the scores of all tiles, in whichever order they come: each without and with what was seen in training."""
    size = len(matched.places)
    parts = sorted(parts, key=lambda part: int(part[0].rows[0]) if len(part[0].rows) else -1)
    fair = [part[0] for part in parts]
    estimates = Estimates.failed(size, list(options.estimates.chosen))
    counts = {s: {c: np.zeros(size, np.int64) for c in COUNTS} for s in ("product", "reference")}
    dropped: dict[str, Ints] = {}
    errors: dict[int, str] = {}
    overpasses: Counter[str] = Counter()
    for part in fair:
        estimates.put(part.rows, part.estimates)
        for side, columns in part.counts.items():
            for name, values in columns.items():
                counts[side].setdefault(name, np.zeros(size, np.int64))[part.rows] = values
        for reason, values in part.dropped.items():
            dropped.setdefault(reason, np.zeros(size, np.int64))[part.rows] = values
        errors |= part.errors
        overpasses.update(part.overpasses)
    same_units = matched.same_units or options.transform.unifies_units
    pool = Pool.of(fair, size)
    pooled, median = _summaries(matched, estimates, pool, ~guard.whole, options)
    with_seen = None
    if guard.location.any():
        every = Estimates.failed(size, list(options.estimates.chosen))
        for _, part in parts:
            every.put(part.rows, part.estimates)
        whole = Pool.of([part[1] for part in parts], size)
        with_seen = _summaries(matched, every, whole, np.ones(size, bool), options)
    days = per_day(pool, options.estimates, same_units=same_units) if options.per_day else None
    return Score(
        matched, options.estimates, estimates, counts, dropped, errors, pooled, median, days, pool_stride(matched),
        dict(sorted(overpasses.items())), guard, with_seen, options.transform,
    )  # fmt: skip


def _summaries(
    matched: Match, estimates: Estimates, pool: Pool, kept: NDArray[np.bool_], options: ScoreOptions
) -> tuple[dict[str, Number], dict[str, Number]]:
    """Pooled and median over the locations ``kept``."""
    same_units = matched.same_units or options.transform.unifies_units
    groups = location_groups(matched, options.estimates)
    pooled = pooled_numbers(pool, kept, options.estimates, same_units=same_units)
    if not pooled["n"].n:
        usual = most_common(estimates.status["n"][kept])
        pooled = {name: Number(number.value, 0, usual) for name, number in pooled.items()}
    median = {
        name: median_number(values[kept], estimates.status[name][kept], groups[kept], options.estimates)
        for name, values in estimates.value.items()
    }
    return pooled, median


def location_groups(matched: Match, options: EstimateOptions) -> Ints:
    """Groups of locations that see the same weather; all in one where no interval of a median is wanted."""
    if options.interval == NONE:
        return np.zeros(len(matched.places), np.int64)
    cell = None if matched.product_is_anchor else matched.collocation.indices[:, 0]
    return clusters(matched.places.lat, matched.places.lon, cell=cell)


def _base_status(matched: Match, block: PairBlock, count: Ints, min_obs: int) -> Statuses:
    status = base_status(count, min_obs)
    if matched.masks.quality == "recommended":
        for side, counts in ((matched.product, block.product_counts), (matched.reference, block.reference_counts)):
            offered = counts["values"] - counts["dropped_overpass"]
            if side.has_quality:
                status[(count == 0) & (offered > 0) & (counts["recommended"] == 0)] = Status.NONE_RECOMMENDED
    status[~matched.collocation.found[block.rows]] = Status.OUT_OF_GRID
    return status


def median_number(values: Floats, status: Statuses, groups: Ints, options: EstimateOptions) -> Number:
    """Median over the locations whose value is ok, with the interval of a resampling of groups of locations."""
    usable = (status == Status.OK) & np.isfinite(values)
    if not usable.any():
        return Number(float("nan"), 0, most_common(status))
    found = median_bounds(values[usable], groups[usable], seed=options.seed, level=options.level)
    return Number(found.median, int(usable.sum()), Status.OK, found.lower, found.upper)
