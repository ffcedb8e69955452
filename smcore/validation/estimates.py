"""Numbers with their intervals: every metric of some samples of pairs, with limits, effective size and status.

One path for stations, pixels and cells, for whole samples and for strata of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from smcore.errors import MatchError, Status
from smcore.validation.metrics import METRICS, Metric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Statuses = NDArray[np.object_]

MIN_OBS = 10
"""Pairs that a number needs (as pytesmo; a correlation of fewer means little)."""

ANALYTIC, IID, BOOTSTRAP, NONE = "analytic", "iid", "bootstrap", "none"
INTERVALS = (ANALYTIC, IID, BOOTSTRAP, NONE)


@dataclass(frozen=True)
class EstimateOptions:
    """How numbers and their intervals are computed.

    Parameters
    ----------
    min_obs
        Fewer pairs give the status ``too_few`` in place of a number.
    interval
        ``analytic`` with the effective sample size, ``iid`` (days taken as independent, for comparison),
        ``bootstrap`` (blocks of days) or ``none``.
    level
        Nominal coverage of the intervals.
    draws, seed
        Of the bootstrap.
    metrics
        Names of :data:`~smcore.validation.metrics.METRICS`; empty means all.
    """

    min_obs: int = MIN_OBS
    interval: str = ANALYTIC
    level: float = 0.95
    draws: int = 1000
    seed: int = 0
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.min_obs < 2:
            raise MatchError(f"--min-obs {self.min_obs} is too few", hint="a metric needs two pairs or more")
        if self.interval not in INTERVALS:
            raise MatchError(f"There is no interval {self.interval!r}", hint=f"choose {', '.join(INTERVALS)}")
        if not 0.5 <= self.level < 1:
            raise MatchError(f"--level {self.level:g} is no level of confidence", hint="give a number such as 0.95")
        unknown = sorted(set(self.metrics) - set(METRICS))
        if unknown:
            raise MatchError(f"There is no metric {unknown[0]!r}", hint=f"choose from {', '.join(METRICS)}")

    @property
    def chosen(self) -> dict[str, Metric]:
        """The metrics to compute, in the order of tables."""
        return {name: metric for name, metric in METRICS.items() if not self.metrics or name in (*self.metrics, "n")}


@dataclass(frozen=True)
class Number:
    """One value with its limits, sample size and the reason if it is missing."""

    value: float
    n: int
    status: Status
    lower: float = float("nan")
    upper: float = float("nan")
    n_eff: float = float("nan")


class Limits(Protocol):
    """What is used of the limits of a metric: arrays (location,)."""

    @property
    def lower(self) -> Floats:
        """Lower limit."""
        ...

    @property
    def upper(self) -> Floats:
        """Upper limit."""
        ...

    @property
    def n_eff(self) -> Floats:
        """Effective number of pairs."""
        ...

    @property
    def short(self) -> Bools:
        """Whether the coverage may be below the nominal one."""
        ...


@dataclass(frozen=True, eq=False)
class Estimates:
    """Metrics of some locations.

    ``n`` (location,) is the number of pairs; the dictionaries hold one array (location,) for each metric. A value and
    its limits are NaN wherever its status is not ``ok``; limits and ``n_eff`` are NaN too where no interval is
    defended for the metric or the sample. ``short`` marks intervals of records too short for their coverage to be
    warranted (:mod:`smcore.validation.uncertainty.intervals`).
    """

    n: Ints
    value: dict[str, Floats] = field(default_factory=dict)
    lower: dict[str, Floats] = field(default_factory=dict)
    upper: dict[str, Floats] = field(default_factory=dict)
    n_eff: dict[str, Floats] = field(default_factory=dict)
    short: dict[str, Bools] = field(default_factory=dict)
    status: dict[str, Statuses] = field(default_factory=dict)

    @staticmethod
    def failed(size: int, metrics: Sequence[str]) -> Estimates:
        """All of ``size`` locations failed, until :meth:`put` says otherwise."""
        value, lower, upper, n_eff = ({name: np.full(size, np.nan) for name in metrics} for _ in range(4))
        status = {name: np.full(size, Status.FAILED, object) for name in metrics}
        short = {name: np.zeros(size, bool) for name in metrics}
        return Estimates(np.zeros(size, np.int64), value, lower, upper, n_eff, short, status)

    def take(self, rows: Ints) -> Estimates:
        """The estimates of some of the locations."""
        value, lower, upper, n_eff, short, status = (
            {name: values[rows] for name, values in one.items()} for one in self._columns()
        )
        return Estimates(self.n[rows], value, lower, upper, n_eff, short, status)

    def put(self, rows: Ints, other: Estimates) -> None:
        """Write the estimates of the locations ``rows`` into their places."""
        self.n[rows] = other.n
        for mine, theirs in zip(self._columns(), other._columns(), strict=True):
            for name, values in theirs.items():
                mine[name][rows] = values

    def _columns(self) -> tuple[dict[str, NDArray[Any]], ...]:
        return (self.value, self.lower, self.upper, self.n_eff, self.short, self.status)


def estimate(
    product: Floats,
    reference: Floats,
    time: Ints,
    options: EstimateOptions | None = None,
    *,
    same_units: bool = True,
    base: Statuses | None = None,
    window: int | None = None,
) -> Estimates:
    """Compute the metrics of each location with their intervals.

    Parameters
    ----------
    product, reference
        Arrays (location, pair), NaN where there is no pair, in order of time.
    time
        Times of the pairs [µs, UTC], the same shape; they carry the gaps.
    same_units
        Whether differences have a meaning.
    base
        Status of each location before any metric is looked at; by the number of pairs when left out.
    window
        Days of the moving mean that the series depart from; None where they are no such anomalies.
    """
    from smcore.validation.moments import moments

    options = options or EstimateOptions()
    sums = moments(product, reference, axis=-1)
    count = sums.n.astype(np.int64)
    base = base_status(count, options.min_obs) if base is None else base
    result = Estimates(count)
    for name, metric in options.chosen.items():
        value = metric.from_moments(sums) if metric.from_moments is not None else metric.compute(product, reference)
        result.status[name] = metric_status(metric, value, base, sums.is_constant, same_units)
        usable = result.status[name] == Status.OK
        result.value[name] = value if name == "n" else np.where(usable, value, np.nan)
    _limits(result, (product, reference, time), options, window)
    return result


def base_status(count: Ints, min_obs: int) -> Statuses:
    """``no_overlap``, ``too_few`` or ``ok`` by the number of pairs."""
    status = np.full(len(count), Status.OK, object)
    status[count < min_obs] = Status.TOO_FEW
    status[count == 0] = Status.NO_OVERLAP
    return status


def metric_status(
    metric: Metric, value: Floats, base: Statuses, constant: NDArray[np.bool_], same_units: bool
) -> Statuses:
    """Say, location by location, whether the value of a metric may be given."""
    status = base.copy()
    usable = base == Status.OK
    if metric.needs_same_unit and not same_units:
        status[usable] = Status.UNIT_MISMATCH
    elif metric.needs_spread:
        status[usable & constant & ~np.isfinite(value)] = Status.CONSTANT_SERIES
    status[(status == Status.OK) & ~np.isfinite(value)] = Status.FAILED
    return status


def _limits(
    result: Estimates, pairs: tuple[Floats, Floats, Ints], options: EstimateOptions, window: int | None
) -> None:
    """Fill in the limits where there is a value."""
    wanted = with_values(result)
    found: Mapping[str, Limits] = {}
    if wanted and options.interval in (ANALYTIC, IID):
        from smcore.validation.uncertainty.intervals import bounds

        kind: Literal["analytic", "iid"] = "iid" if options.interval == IID else "analytic"
        found = bounds(*pairs, result.value, metrics=wanted, kind=kind, level=options.level, window=window)
    elif wanted and options.interval == BOOTSTRAP:
        from smcore.validation.uncertainty.bootstrap import block_bounds

        found = block_bounds(*pairs, metrics=wanted, draws=options.draws, level=options.level, seed=options.seed)
    put_limits(result, found)


def with_values(result: Estimates) -> list[str]:
    """The metrics that have a value anywhere, which is where limits have a meaning."""
    return [name for name in result.value if name != "n" and (result.status[name] == Status.OK).any()]


def put_limits(result: Estimates, found: Mapping[str, Limits]) -> None:
    """Fill in limits by metric where there is a value; NaN for metrics that have none."""
    empty = np.full(len(result.n), np.nan)
    for name in result.value:
        usable = result.status[name] == Status.OK
        limits = found.get(name)
        for column, kept in ((result.lower, "lower"), (result.upper, "upper"), (result.n_eff, "n_eff")):
            column[name] = empty.copy() if limits is None else np.where(usable, getattr(limits, kept), np.nan)
        short = np.zeros(len(result.n), bool) if limits is None else limits.short
        result.short[name] = short & usable & np.isfinite(result.lower[name])


def numbers_at(estimates: Estimates, row: int) -> dict[str, Number]:
    """All metrics of one location."""
    return {
        name: Number(
            float(values[row]),
            int(estimates.n[row]),
            estimates.status[name][row],
            float(estimates.lower[name][row]),
            float(estimates.upper[name][row]),
            float(estimates.n_eff[name][row]),
        )
        for name, values in estimates.value.items()
    }


def most_common(status: Statuses) -> Status:
    """The status that most locations have."""
    return Status(Counter(status.tolist()).most_common(1)[0][0]) if len(status) else Status.NO_OVERLAP
