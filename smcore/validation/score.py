"""Score a match: metrics of every location, of all pairs as one sample, and the median over locations.

No location raises: what could not be computed carries a :class:`smcore.errors.Status` in place of its number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import Cancelled, SmcoreError, Status
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.validation.match import Match, PairBlock
from smcore.validation.metrics import METRICS, is_constant
from smcore.validation.sides import COUNTS, OVERPASSES
from smcore.validation.times import DAY, day_of, to_datetime

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Statuses = NDArray[np.object_]

MIN_OBS = 10
"""Pairs that a number needs (as pytesmo; a correlation of fewer means little)."""

POOLED = "*pooled*"
MEDIAN = "*median*"
_POOL_LIMIT = 50_000_000


@dataclass(frozen=True)
class Number:
    """One value with its sample size and the reason if it is missing."""

    value: float
    n: int
    status: Status


@dataclass(frozen=True, eq=False)
class Score:
    """Metrics of one product against one reference.

    ``values`` and ``status`` hold one array (location,) for each metric; ``n`` is the number of pairs. ``counts`` are
    what was read and left out on each side, ``dropped`` the usable records that found no partner, ``errors`` what went
    wrong at a location (by index). ``pooled`` takes all pairs as one sample, ``median`` is over the locations whose
    value is ok; its n counts those locations. ``days`` holds the metrics over space of each day, if asked for;
    ``overpasses`` the number of pairs of each overpass.
    """

    matched: Match
    min_obs: int
    n: Ints
    values: dict[str, Floats]
    status: dict[str, Statuses]
    counts: dict[str, dict[str, Ints]]
    dropped: dict[str, Ints]
    errors: dict[int, str]
    pooled: dict[str, Number]
    median: dict[str, Number]
    days: pd.DataFrame | None
    pool_stride: int
    overpasses: dict[str, int]

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


def score(
    matched: Match,
    *,
    min_obs: int = MIN_OBS,
    per_day: bool = False,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Score:
    """Compute all metrics of ``matched``, block by block of locations.

    Parameters
    ----------
    min_obs
        Fewer pairs give the status ``too_few`` in place of a number.
    per_day
        Also score each UTC day over space.

    Raises
    ------
    Cancelled
        If the user asked to stop.
    """
    tally = _Tally(matched, min_obs, _Pool(with_days=per_day))
    blocks = matched.block_rows()
    for i, rows in enumerate(blocks):
        check(cancelled)
        progress(i / max(len(blocks), 1), f"{matched.product.name}: {rows[0]} of {len(matched.places)} locations")
        _add(tally, matched, rows)
    progress(1.0, f"{matched.product.name}: done")
    return tally.finish()


def score_pairs(
    product: Floats, reference: Floats, *, same_units: bool = True, min_obs: int = MIN_OBS
) -> dict[str, Number]:
    """All metrics of one sample of pairs: arrays (pair,), NaN where a value is missing."""
    product, reference = np.asarray(product, np.float64).ravel(), np.asarray(reference, np.float64).ravel()
    count = int((np.isfinite(product) & np.isfinite(reference)).sum())
    base = np.array([Status.NO_OVERLAP if not count else Status.TOO_FEW if count < min_obs else Status.OK], object)
    values, status = _metrics(product[None], reference[None], base, same_units)
    return {name: Number(float(values[name][0]), count, status[name][0]) for name in METRICS}


@dataclass(eq=False)
class _Pool:
    """All pairs as one sample; beyond the limit every second pair is dropped, and ``stride`` says so."""

    with_days: bool
    product: list[Floats] = field(default_factory=list)
    reference: list[Floats] = field(default_factory=list)
    days: list[Ints] = field(default_factory=list)
    held: int = 0
    stride: int = 1

    def add(self, block: PairBlock) -> None:
        valid = np.isfinite(block.pairs.product)
        self.product.append(block.pairs.product[valid][:: self.stride])
        self.reference.append(block.pairs.reference[valid][:: self.stride])
        if self.with_days:
            self.days.append(day_of(block.pairs.product_time[valid])[:: self.stride])
        self.held += len(self.product[-1])
        while self.held > _POOL_LIMIT:
            self.stride *= 2
            self.product = [part[::2] for part in self.product]
            self.reference = [part[::2] for part in self.reference]
            self.days = [part[::2] for part in self.days]
            self.held = sum(map(len, self.product))

    def sample(self) -> tuple[Floats, Floats, Ints]:
        none = np.empty(0)
        days = np.concatenate([np.empty(0, np.int64), *self.days])
        return np.concatenate([none, *self.product]), np.concatenate([none, *self.reference]), days


@dataclass(eq=False)
class _Tally:
    """What has been scored so far."""

    matched: Match
    min_obs: int
    pool: _Pool
    n: Ints = field(init=False)
    values: dict[str, Floats] = field(init=False)
    status: dict[str, Statuses] = field(init=False)
    counts: dict[str, dict[str, Ints]] = field(init=False)
    dropped: dict[str, Ints] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    overpasses: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        size = len(self.matched.places)
        self.n = np.zeros(size, np.int64)
        self.values = {name: np.full(size, np.nan) for name in METRICS}
        self.status = {name: np.full(size, Status.FAILED, object) for name in METRICS}
        self.counts = {s: {c: np.zeros(size, np.int64) for c in COUNTS} for s in ("product", "reference")}

    def add(self, block: PairBlock) -> None:
        rows, count = block.rows, block.pairs.count
        base = _base_status(self.matched, block, count, self.min_obs)
        values, status = _metrics(block.pairs.product, block.pairs.reference, base, self.matched.same_units)
        self.n[rows] = count
        for name in METRICS:
            self.values[name][rows], self.status[name][rows] = values[name], status[name]
        for side, counts in (("product", block.product_counts), ("reference", block.reference_counts)):
            for name in COUNTS:
                self.counts[side][name][rows] = counts[name]
        for reason, number in block.pairs.dropped.items():
            self.dropped.setdefault(reason, np.zeros(len(self.n), np.int64))[rows] = number
        codes, times = np.unique(block.pairs.overpass[block.pairs.overpass >= 0], return_counts=True)
        self.overpasses.update({OVERPASSES[code]: int(number) for code, number in zip(codes, times, strict=True)})
        self.pool.add(block)

    def finish(self) -> Score:
        product, reference, days = self.pool.sample()
        same = self.matched.same_units
        pooled = score_pairs(product, reference, same_units=same, min_obs=self.min_obs)
        if not len(product):
            usual = _most_common(self.status["n"])
            pooled = {name: Number(number.value, 0, usual) for name, number in pooled.items()}
        table = _per_day(product, reference, days, same, self.min_obs) if self.pool.with_days else None
        median = {name: _median(self.values[name], self.status[name]) for name in METRICS}
        return Score(
            self.matched,
            self.min_obs,
            self.n,
            self.values,
            self.status,
            self.counts,
            self.dropped,
            self.errors,
            pooled,
            median,
            table,
            self.pool.stride,
            dict(sorted(self.overpasses.items())),
        )


def _add(tally: _Tally, matched: Match, rows: Ints) -> None:
    """Score one block; if it fails, one location at a time, so that one bad location costs no other."""
    try:
        tally.add(matched.block(rows))
    except Cancelled:
        raise
    except (SmcoreError, OSError, ValueError, ArithmeticError, KeyError) as error:
        if len(rows) == 1:
            tally.errors[int(rows[0])] = " ".join(str(error).split()) or type(error).__name__
            return
        for row in rows:
            _add(tally, matched, rows[rows == row])


def _metrics(
    product: Floats, reference: Floats, base: Statuses, same_units: bool
) -> tuple[dict[str, Floats], dict[str, Statuses]]:
    """Values and statuses (location,) of every metric; only n is given where the sample is too small."""
    values: dict[str, Floats] = {}
    statuses: dict[str, Statuses] = {}
    constant = is_constant(product, reference)
    for name, metric in METRICS.items():
        value = metric.compute(product, reference)
        status = base.copy()
        usable = base == Status.OK
        if metric.needs_same_unit and not same_units:
            status[usable] = Status.UNIT_MISMATCH
        elif metric.needs_spread:
            status[usable & constant] = Status.CONSTANT_SERIES
        status[(status == Status.OK) & ~np.isfinite(value)] = Status.FAILED
        values[name] = value if name == "n" else np.where(status == Status.OK, value, np.nan)
        statuses[name] = status
    return values, statuses


def _base_status(matched: Match, block: PairBlock, count: Ints, min_obs: int) -> Statuses:
    status = np.full(len(count), Status.OK, object)
    status[count < min_obs] = Status.TOO_FEW
    status[count == 0] = Status.NO_OVERLAP
    if matched.masks.quality == "recommended":
        for side, counts in ((matched.product, block.product_counts), (matched.reference, block.reference_counts)):
            offered = counts["values"] - counts["dropped_overpass"]
            if side.has_quality:
                status[(count == 0) & (offered > 0) & (counts["recommended"] == 0)] = Status.NONE_RECOMMENDED
    status[~matched.collocation.found[block.rows]] = Status.OUT_OF_GRID
    return status


def _median(values: Floats, status: Statuses) -> Number:
    usable = (status == Status.OK) & np.isfinite(values)
    if usable.any():
        return Number(float(np.median(values[usable])), int(usable.sum()), Status.OK)
    return Number(float("nan"), 0, _most_common(status))


def _most_common(status: Statuses) -> Status:
    return Status(Counter(status.tolist()).most_common(1)[0][0]) if len(status) else Status.NO_OVERLAP


def _per_day(product: Floats, reference: Floats, days: Ints, same_units: bool, min_obs: int) -> pd.DataFrame:
    """Metrics over space of each UTC day, one row a day and metric."""
    order = np.argsort(days, kind="stable")
    found, starts = np.unique(days[order], return_index=True)
    rows: list[dict[str, object]] = []
    for day, part in zip(found, np.split(order, starts[1:]), strict=True):
        numbers = score_pairs(product[part], reference[part], same_units=same_units, min_obs=min_obs)
        label = str(to_datetime(np.array([day * DAY]))[0])[:10]
        rows += [
            {"time": label, "metric": name, "value": number.value, "n": number.n, "status": str(number.status)}
            for name, number in numbers.items()
        ]
    return pd.DataFrame(rows, columns=["time", "metric", "value", "n", "status"])
