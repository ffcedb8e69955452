"""Metrics of a product against a reference: pure functions over arrays, one function each.

Every function takes ``(product, reference, *, axis=-1)``: arrays of one shape, NaN where a value is missing, and
reduces ``axis`` (the pairs of one location), so that one call scores many locations. A pair counts only where both
values are finite; the mask is taken before any mean. Sums are float64. Variances and covariances divide by n
(``ddof = 0``), as in pytesmo, so that ``ubrmsd² = rmsd² − bias²`` holds exactly; Pearson's R does not depend on it.
Where a metric is not defined (no pair, a constant series) the result is NaN, never 0 or ±1.

A function becomes a metric by the line above it, which says what a table, a colour bar and a page of the manual need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
MetricFunction = Callable[..., Floats]

OF_DATA: Final = "data"
"""Unit of a metric that has the unit of the compared quantities."""


@dataclass(frozen=True)
class Metric:
    """What is known about a metric besides its number.

    Parameters
    ----------
    name
        Name of the function and of the column.
    label, symbol
        For tables and axes.
    unit
        ``1``, or :data:`OF_DATA` where it is that of the data.
    best
        Value of a perfect product; None where more is not better or worse.
    span
        Smallest and largest possible value.
    needs_same_unit
        Whether product and reference must be in one unit.
    needs_spread
        Whether both series must vary.
    """

    name: str
    label: str
    symbol: str
    unit: str
    best: float | None
    span: tuple[float, float]
    needs_same_unit: bool
    needs_spread: bool
    compute: MetricFunction

    def unit_for(self, data_unit: str) -> str:
        """Return the metric's unit for data in ``data_unit``."""
        return data_unit if self.unit == OF_DATA else self.unit

    @property
    def definition(self) -> str:
        """The docstring of its function: meaning, formula and source."""
        return (self.compute.__doc__ or "").strip()


_DUST: Final = 1e-12
"""Relative range below which a series is constant: far below the steps of float32, far above rounding of means."""

METRICS: dict[str, Metric] = {}
"""All metrics by name, in the order of their definition, which is the order of tables."""


def metric(
    label: str,
    *,
    symbol: str,
    unit: str,
    best: float | None,
    span: tuple[float, float],
    needs_spread: bool = False,
) -> Callable[[MetricFunction], MetricFunction]:
    """Declare the function below as a metric; one with the unit of the data needs one unit on both sides."""

    def register(function: MetricFunction) -> MetricFunction:
        name = function.__name__
        METRICS[name] = Metric(name, label, symbol, unit, best, span, unit == OF_DATA, needs_spread, function)
        return function

    return register


@metric("number of pairs", symbol="N", unit="1", best=None, span=(0, np.inf))
def n(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Count the pairs: positions where product and reference both have a finite value.

    References
    ----------
    Gruber, A. et al. (2020): Validation practices for satellite soil moisture retrievals. Remote Sens. Environ. 244,
    111806, doi:10.1016/j.rse.2020.111806 (the sample size belongs to every number).
    """
    _, _, both = _pairs(product, reference, axis)
    return np.asarray(both.sum(axis=-1), dtype=np.float64)


@metric("Pearson correlation", symbol="R", unit="1", best=1.0, span=(-1, 1), needs_spread=True)
def pearson_r(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Linear correlation: R = Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²), x the product and y the reference.

    Insensitive to bias and gain; NaN where a series is constant. Sums of centred values, so that no large mean
    cancels.

    References
    ----------
    Pearson, K. (1895): Note on regression and inheritance. Proc. R. Soc. Lond. 58, 240–242,
    doi:10.1098/rspl.1895.0041; Entekhabi, D. et al. (2010): J. Hydrometeorol. 11, 832–840,
    doi:10.1175/2010JHM1223.1, eq. 4.
    """
    return _correlation(*_pairs(product, reference, axis))


@metric("Spearman rank correlation", symbol="ρ", unit="1", best=1.0, span=(-1, 1), needs_spread=True)
def spearman_r(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Rank correlation: Pearson's R of the ranks, tied values taking the mean of their ranks; −0.0 ties with 0.0.

    The tie rule matters: products kept in steps of 0.01 have many, and ranks that break ties by position are off by
    several 0.001.

    References
    ----------
    Spearman, C. (1904): The proof and measurement of association between two things. Am. J. Psychol. 15, 72–101,
    doi:10.2307/1412159; Kendall, M. G. (1945): The treatment of ties in ranking problems. Biometrika 33, 239–251,
    doi:10.1093/biomet/33.3.239.
    """
    x, y, both = _pairs(product, reference, axis)
    return _correlation(average_ranks(x, both), average_ranks(y, both), both)


@metric("bias", symbol="bias", unit=OF_DATA, best=0.0, span=(-np.inf, np.inf))
def bias(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Mean difference, product minus reference: mean(x − y); positive where the product is wetter.

    References
    ----------
    Entekhabi, D. et al. (2010): Performance metrics for soil moisture retrievals and application requirements.
    J. Hydrometeorol. 11, 832–840, doi:10.1175/2010JHM1223.1, eq. 2.
    """
    x, y, both = _pairs(product, reference, axis)
    return _mean(x - y, both)


@metric("root-mean-square difference", symbol="RMSD", unit=OF_DATA, best=0.0, span=(0, np.inf))
def rmsd(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Root-mean-square difference: √mean((x − y)²); printed as RMSE where the reference is taken as truth.

    References
    ----------
    Entekhabi, D. et al. (2010): J. Hydrometeorol. 11, 832–840, doi:10.1175/2010JHM1223.1, eq. 1; the word
    *difference*: Gruber, A. et al. (2020): Remote Sens. Environ. 244, 111806, doi:10.1016/j.rse.2020.111806.
    """
    x, y, both = _pairs(product, reference, axis)
    return np.asarray(np.sqrt(_mean((x - y) ** 2, both)))


@metric("unbiased root-mean-square difference", symbol="ubRMSD", unit=OF_DATA, best=0.0, span=(0, np.inf))
def ubrmsd(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """RMSD after the bias is removed: √mean(((x − x̄) − (y − ȳ))²) = √(RMSD² − bias²); printed as ubRMSE.

    From centred differences, since the second form cancels where the bias is large. Not below s_y √(1 − R²): read it
    together with R.

    References
    ----------
    Entekhabi, D. et al. (2010): J. Hydrometeorol. 11, 832–840, doi:10.1175/2010JHM1223.1, eq. 3.
    """
    x, y, both = _pairs(product, reference, axis)
    return np.asarray(np.sqrt(_mean(_centred(x - y, both) ** 2, both)))


def is_constant(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> NDArray[np.bool_]:
    """Whether the product or the reference takes one value only over their pairs (True also for one pair or none)."""
    x, y, both = _pairs(product, reference, axis)
    return _flat(x, both) | _flat(y, both)


def average_ranks(values: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Ranks 1…n of the valid values along the last axis, ties sharing the mean of their ranks; 0 where not valid."""
    filled = np.where(valid, values, np.inf)
    order = np.argsort(filled, axis=-1, kind="stable")
    ascending = np.take_along_axis(filled, order, axis=-1)
    position = np.arange(values.shape[-1])
    begins = np.ones(values.shape, dtype=bool)
    begins[..., 1:] = ascending[..., 1:] != ascending[..., :-1]
    ends = np.ones(values.shape, dtype=bool)
    ends[..., :-1] = begins[..., 1:]
    first = np.maximum.accumulate(np.where(begins, position, 0), axis=-1)
    last = np.flip(np.minimum.accumulate(np.flip(np.where(ends, position, position.size), -1), axis=-1), -1)
    ranks = np.empty(values.shape, dtype=np.float64)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=-1)
    return np.where(valid, ranks, 0.0)


def _pairs(product: ArrayLike, reference: ArrayLike, axis: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Both as float64 with the pairs last, 0 where there is no pair, and where there is one."""
    x, y = np.broadcast_arrays(np.asarray(product, dtype=np.float64), np.asarray(reference, dtype=np.float64))
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    both = np.isfinite(x) & np.isfinite(y)
    return np.where(both, x, 0.0), np.where(both, y, 0.0), both


def _mean(values: Floats, valid: NDArray[np.bool_]) -> Floats:
    count = valid.sum(axis=-1)
    total = np.where(valid, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _centred(values: Floats, valid: NDArray[np.bool_]) -> Floats:
    return np.where(valid, values - np.expand_dims(np.nan_to_num(_mean(values, valid)), -1), 0.0)


def _flat(values: Floats, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """By the range, since centred sums of a constant series need not be 0; daily means of one value differ by dust."""
    low = np.where(valid, values, np.inf).min(axis=-1, initial=np.inf)
    high = np.where(valid, values, -np.inf).max(axis=-1, initial=-np.inf)
    some = low <= high
    size = np.where(some, np.maximum(np.abs(low), np.abs(high)), 0.0)
    return np.asarray(~some | (np.where(some, high, 0.0) - np.where(some, low, 0.0) <= _DUST * size))


def _correlation(x: Floats, y: Floats, both: NDArray[np.bool_]) -> Floats:
    dx, dy = _centred(x, both), _centred(y, both)
    scale = np.sqrt((dx * dx).sum(axis=-1)) * np.sqrt((dy * dy).sum(axis=-1))
    defined = ~(_flat(x, both) | _flat(y, both)) & (scale > 0)
    return np.where(defined, np.clip((dx * dy).sum(axis=-1) / np.where(defined, scale, 1.0), -1.0, 1.0), np.nan)
