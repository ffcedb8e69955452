"""Confidence intervals of metrics whose pairs depend on each other in time, and the effective number of pairs.

The default, ``analytic``, asks how far the metric would be from its value for this window, with the noise averaged
out: mean and annual cycle count as given, what remains is noise with a correlation a·exp(−τ/T) that is fitted to all
pairs of pairs up to 8 days apart. So gaps, several pairs a day and missing consecutive days need no special treatment.
``iid`` takes pairs as independent, for comparison with tools that do. Formulas, limits and the simulated coverage are
in ``docs/intervals.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.uncertainty.dependence import State, column_sums, finish, row_sums
from smcore.validation.uncertainty.quantiles import chi_square, normal, student

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["analytic", "iid"]

TESTED_DAYS: Final = 450
"""Span of the pairs [days] from which on the coverage of the analytic intervals was shown to be the nominal one: 500
calendar days, of which the first and the last few may lack a pair."""

TESTED_PAIRS: Final = 20
"""Effective number of pairs below which an interval is marked as well."""

MIN_EFFECTIVE: Final = 5.0
"""Effective number of pairs below which there are no limits, as there is no test of two products (our choice)."""

_LEAST_FREEDOM: Final = 3.0
"""Degrees of freedom of χ² below which a mean square has no limits: the upper one would be 14 times the value at 3 and
grows without measure below."""

_KENDALL: Final = 0.437
"""Variance of artanh τ times n, Fieller et al. (1957, Biometrika 44, 470–481, doi:10.1093/biomet/44.3-4.470)."""

_KENDALL_OF_PYTESMO: Final = 0.431
_LEAST: Final = 10
_AT_ONCE: Final = 4096


@dataclass(frozen=True, eq=False)
class Bounds:
    """Limits of one metric, arrays (location,); NaN where they are not defined.

    ``n_eff`` is the number of independent pairs that would give an interval as wide. ``short`` marks locations whose
    pairs span less than :data:`TESTED_DAYS` or are worth fewer than :data:`TESTED_PAIRS`: coverage may be below the
    nominal one there.
    """

    lower: Floats
    upper: Floats
    n_eff: Floats
    short: NDArray[np.bool_]


def bounds(
    product: ArrayLike,
    reference: ArrayLike,
    time: ArrayLike,
    values: Mapping[str, ArrayLike],
    *,
    metrics: Sequence[str] | None = None,
    kind: Kind = "analytic",
    level: float = 0.95,
    window: int | None = None,
) -> dict[str, Bounds]:
    """Confidence intervals of metrics, location by location.

    Parameters
    ----------
    product, reference
        Pairs (location, pair); NaN where there is none.
    time
        Their times [µs, UTC] (location, pair); irregular ones, several a day and equal ones are allowed.
    values
        The metrics' values (location,) by name; NaN gives NaN limits.
    metrics
        Names of metrics; all of ``values`` by default.
    kind
        ``analytic`` or ``iid`` (the formulas of pytesmo, for its metrics only).
    level
        Nominal coverage.
    window
        Where values are departures from their mean over some days (anomalies «35d»): how many. Neighbours in time are
        then negatively correlated at distances that no exponential has.

    Returns
    -------
    Limits by name. They are NaN for metrics without a defended interval (n, event skill), for fewer than 10 pairs, if
    fewer than 10 pairs of pairs lie within 8.25 days (their dependence can't be judged), for constant series, and where
    ``n_eff``, which is then given all the same, is below :data:`MIN_EFFECTIVE`.

    Raises
    ------
    ValueError
        If shapes differ, ``kind`` is unknown or ``level`` is not between 0 and 1.
    """
    sums = row_sums(product, reference, time)
    return _bounds_of(sums, values, tuple(metrics or values), kind, level, window)


def bounds_aligned(
    product: ArrayLike,
    reference: ArrayLike,
    day: ArrayLike,
    values: Mapping[str, ArrayLike],
    *,
    metrics: Sequence[str] | None = None,
    kind: Kind = "analytic",
    level: float = 0.95,
    window: int | None = None,
) -> dict[str, Bounds]:
    """As :func:`bounds` for two cubes on one axis of days.

    Parameters
    ----------
    product, reference
        Arrays (time, location), NaN where missing; float32 is read as it is.
    day
        Day since 1970 of each row, ascending.

    Raises
    ------
    ValueError
        As :func:`bounds`, and if days do not ascend.
    """
    x, y = np.asarray(product), np.asarray(reference)
    names = tuple(metrics or values)
    parts = []
    for begin in range(0, max(x.shape[1], 1), _AT_ONCE):
        columns = slice(begin, begin + _AT_ONCE)
        sums = column_sums(x, y, day, columns)
        some = {name: np.asarray(values[name])[columns] for name in names}
        parts.append(_bounds_of(sums, some, names, kind, level, window))
    return {name: _joined([part[name] for part in parts]) for name in names}


def bounds_of_state(
    state: State,
    values: Mapping[str, ArrayLike],
    *,
    metrics: Sequence[str] | None = None,
    kind: Kind = "analytic",
    level: float = 0.95,
    window: int | None = None,
) -> dict[str, Bounds]:
    """As :func:`bounds_aligned`, from sums that were made piece by piece of the time."""
    return _bounds_of(finish(state), values, tuple(metrics or values), kind, level, window)


def _joined(parts: Sequence[Bounds]) -> Bounds:
    return Bounds(
        np.concatenate([part.lower for part in parts]),
        np.concatenate([part.upper for part in parts]),
        np.concatenate([part.n_eff for part in parts]),
        np.concatenate([part.short for part in parts]),
    )


def _bounds_of(
    sums: Floats,
    values: Mapping[str, ArrayLike],
    metrics: Sequence[str],
    kind: Kind,
    level: float,
    window: int | None,
) -> dict[str, Bounds]:
    if kind not in ("analytic", "iid"):
        raise ValueError(f"there is no interval {kind!r}; choose analytic or iid")
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1")
    given = {name: np.asarray(values[name], dtype=np.float64) for name in metrics}
    for name, value in given.items():
        if value.shape != (len(sums),):
            raise ValueError(f"{name} has shape {value.shape}, not one value for each of {len(sums)} locations")
    if kind == "iid":
        return {name: _independent(name, value, sums, level) for name, value in given.items()}
    n, variances = _counts(sums), _variances(sums, metrics, window)
    return {name: _analytic(name, value, n, sums, variances, level) for name, value in given.items()}


@dataclass(frozen=True, eq=False)
class _Spread:
    """What is known about the error of a statistic: arrays (location,)."""

    n: Floats
    variance: Floats
    independent: Floats
    freedom: Floats
    correction: Floats

    def half(self, level: float) -> Floats:
        """Half the width of a symmetric interval: a t quantile times the standard error."""
        return np.asarray(student(level, self.freedom) * np.sqrt(self.variance))

    @property
    def n_eff(self) -> Floats:
        """Number of independent pairs with the same variance."""
        known = self.variance > 0
        return np.asarray(np.where(known, self.n * self.independent / np.where(known, self.variance, 1.0), np.nan))


_Limits = tuple[Floats, Floats]
_Rule = Callable[[Floats, _Spread, Floats, float], _Limits]


def _symmetric(value: Floats, spread: _Spread, _sums: Floats, level: float) -> _Limits:
    half = spread.half(level)
    return value - half, value + half


def _no_more_than_one(value: Floats, spread: _Spread, sums: Floats, level: float) -> _Limits:
    lower, upper = _symmetric(value, spread, sums, level)
    return lower, np.minimum(upper, 1.0)


def _positive(value: Floats, spread: _Spread, sums: Floats, level: float) -> _Limits:
    lower, upper = _symmetric(value, spread, sums, level)
    return np.maximum(lower, 0.0), upper


def _root_mean_square(value: Floats, spread: _Spread, _sums: Floats, level: float) -> _Limits:
    lower, upper = _mean_square(value**2, spread, _sums, level)
    return np.sqrt(lower), np.sqrt(upper)


def _mean_square(value: Floats, spread: _Spread, _sums: Floats, level: float) -> _Limits:
    """As ν s²/χ², ν from the relative variance; what few effective pairs hide raises the upper limit only."""
    inflated = spread.variance * (student(level, spread.freedom) / normal(level)) ** 2
    freedom = np.divide(2.0, inflated, out=np.full(value.shape, np.nan), where=inflated > 0)
    freedom = np.where(freedom >= _LEAST_FREEDOM, freedom, np.nan)
    more = np.where(np.isfinite(spread.correction), spread.correction, 1.0)
    tail = (1 - level) / 2
    lower = value * np.minimum(more, 1.0) / chi_square(1 - tail, freedom)
    return lower, value * np.maximum(more, 1.0) / chi_square(tail, freedom)


def _correlation(factor: Callable[[Floats], Floats]) -> _Rule:
    """On the scale of artanh; ``factor`` of the variance of Pearson's."""

    def rule(value: Floats, spread: _Spread, _sums: Floats, level: float) -> _Limits:
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = np.arctanh(value)
            half = spread.half(level) * np.sqrt(factor(value))
        middle = np.where(np.isfinite(middle), middle, np.nan)
        return np.tanh(middle - half), np.tanh(middle + half)

    return rule


def _skill(value: Floats, spread: _Spread, _sums: Floats, level: float) -> _Limits:
    """On the scale of log(1 − value)."""
    half = spread.half(level)
    with np.errstate(over="ignore"):
        return 1 - (1 - value) * np.exp(half), 1 - (1 - value) * np.exp(-half)


def _square_of(signed: Callable[[Floats], Floats]) -> _Rule:
    """Square of a quantity with a symmetric interval: from 0 if that holds 0."""

    def rule(value: Floats, spread: _Spread, sums: Floats, level: float) -> _Limits:
        root = np.copysign(np.sqrt(np.maximum(value, 0.0)), signed(sums))
        low, high = _symmetric(root, spread, sums, level)
        smallest = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(low**2, high**2))
        return smallest + 0 * value, np.maximum(low**2, high**2)

    return rule


def _mean_difference(sums: Floats) -> Floats:
    _, x, y, *_ = _moments(sums)
    return x - y


def _spread_difference(sums: Floats) -> Floats:
    _, _, _, xx, yy, _ = _moments(sums)
    return np.sqrt(xx) - np.sqrt(yy)


_RULES: Final[dict[str, tuple[str, _Rule]]] = {
    "bias": ("BIAS", _symmetric),
    "ubrmsd": ("UBRMSD", _root_mean_square),
    "rmsd": ("RMSD", _root_mean_square),
    "mae": ("MAE", _positive),
    "pearson_r": ("CORRELATION", _correlation(np.ones_like)),
    "spearman_r": ("CORRELATION", _correlation(lambda r: 1 + r**2 / 2)),
    "kendall_tau": ("CORRELATION", _correlation(lambda tau: np.full_like(tau, _KENDALL))),
    "mse_bias": ("BIAS", _square_of(_mean_difference)),
    "mse_variance": ("MSE_VARIANCE", _square_of(_spread_difference)),
    "mse_correlation": ("MSE_CORRELATION", _mean_square),
    "slope": ("SLOPE", _symmetric),
    "nse": ("NSE", _skill),
    "kge": ("KGE", _no_more_than_one),
}
"""Statistic whose variance is used, and how limits are made of it."""


def _variances(sums: Floats, metrics: Sequence[str], window: int | None) -> Floats:
    """Variances (location, code, 4) of the statistics that the metrics need."""
    from smcore.validation.kernels import uncertainty

    wanted = np.zeros(uncertainty.MAE + 1, dtype=np.bool_)
    for name in metrics:
        if name in _RULES:
            wanted[getattr(uncertainty, _RULES[name][0])] = True
    result = np.empty((len(sums), len(wanted), 4))
    table = uncertainty.departures(window) if window else np.empty((0, 0))
    uncertainty.finish(sums, wanted, table, result)
    return result


def _analytic(name: str, value: Floats, n: Floats, sums: Floats, variances: Floats, level: float) -> Bounds:
    from smcore.validation.kernels import uncertainty
    from smcore.validation.kernels.dependence import FIRST_TIME, LAST_TIME

    if name not in _RULES:
        return _none(len(value))
    statistic, rule = _RULES[name]
    spread = _Spread(n, *variances[:, getattr(uncertainty, statistic)].T)
    with np.errstate(invalid="ignore"):
        lower, upper = rule(value, spread, sums, level)
    n_eff = np.where(np.isfinite(value), spread.n_eff, np.nan)
    defined = np.isfinite(lower) & np.isfinite(upper) & (n_eff >= MIN_EFFECTIVE)
    days = sums[:, LAST_TIME] - sums[:, FIRST_TIME]
    short = defined & ((days < TESTED_DAYS) | (n_eff < TESTED_PAIRS))
    return Bounds(np.where(defined, lower, np.nan), np.where(defined, upper, np.nan), n_eff, short)


def _independent(name: str, value: Floats, sums: Floats, level: float) -> Bounds:
    """The formulas of pytesmo 0.18 (see ``docs/intervals.md`` on that of Kendall's τ)."""
    n, _, _, xx, yy, xy = _moments(sums)
    enough = n >= _LEAST
    few = np.where(enough, n, 10.0)
    z = normal(level)
    width = {"pearson_r": np.ones_like(value), "spearman_r": np.sqrt(1 + value**2 / 2),
             "kendall_tau": np.full_like(value, _KENDALL_OF_PYTESMO)}  # fmt: skip
    if name == "bias":
        half = student(level, few - 1) * np.sqrt(np.maximum(xx + yy - 2 * xy, 0) / (few - 1))
        lower, upper = value - half, value + half
    elif name == "ubrmsd":
        scale, tail = value**2 * few / (few - 1), (1 - level) / 2
        lower = np.sqrt(scale / chi_square(1 - tail, few - 1))
        upper = np.sqrt(scale / chi_square(tail, few - 1))
    elif name in width:
        inside = np.where(np.abs(value) < 1, value, np.nan)
        half = z * width[name] / np.sqrt(few - 3)
        lower, upper = np.tanh(np.arctanh(inside) - half), np.tanh(np.arctanh(inside) + half)
    else:
        return _none(len(value))
    defined = enough & np.isfinite(lower) & np.isfinite(upper) & (upper > lower)
    lower, upper, n_eff = (np.where(defined, part, np.nan) for part in (lower, upper, n))
    return Bounds(lower, upper, n_eff, np.zeros(len(value), bool))


def _none(locations: int) -> Bounds:
    nothing = np.full(locations, np.nan)
    return Bounds(nothing, nothing, nothing, np.zeros(locations, bool))


def _counts(sums: Floats) -> Floats:
    """Number of pairs."""
    from smcore.validation.kernels.dependence import LAG_SUMS, POWERS

    return np.asarray(sums[:, :LAG_SUMS:POWERS].sum(axis=1))


def _moments(sums: Floats) -> tuple[Floats, ...]:
    """n, means, and variances and covariance divided by n."""
    from smcore.validation.kernels.dependence import LAG_SUMS, PARTS, POWERS

    powers = sums[:, :LAG_SUMS].reshape(-1, PARTS, POWERS).sum(axis=1)
    n, x, y, xx, xy, yy = powers[:, :6].T
    count = np.where(n > 0, n, np.nan)
    x, y = x / count, y / count
    return n, x, y, np.maximum(xx / count - x * x, 0), np.maximum(yy / count - y * y, 0), xy / count - x * y
