"""How well the product does beside simple standards: the mean of the reference, its variability, its scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.metrics.pairs import DUST, pairs_of, ratio, two_pass
from smcore.validation.metrics.registry import metric
from smcore.validation.moments import Moments

Floats = NDArray[np.float64]


def _nse(moments: Moments) -> Floats:
    shift = moments.n * np.nan_to_num(moments.mean_product - moments.mean_reference) ** 2
    squares = np.maximum(moments.s_pp + moments.s_rr - 2 * moments.s_pr, 0.0) + shift
    return np.asarray(1 - ratio(squares, moments.s_rr, ~moments.reference_is_constant))


def _kge(moments: Moments) -> Floats:
    spread = np.sqrt(ratio(moments.s_rr, moments.n, moments.n > 0))
    # A mean of 0, as that of anomalies, is dust of rounding beside the spread.
    defined = ~moments.is_constant & (np.abs(np.nan_to_num(moments.mean_reference)) > DUST * np.nan_to_num(spread))
    r = ratio(moments.s_pr, np.sqrt(moments.s_pp) * np.sqrt(moments.s_rr), defined)
    gain = np.sqrt(ratio(moments.s_pp, moments.s_rr, defined))
    level = ratio(moments.mean_product, moments.mean_reference, defined)
    return np.asarray(1 - np.sqrt((r - 1) ** 2 + (gain - 1) ** 2 + (level - 1) ** 2))


def _slope(moments: Moments) -> Floats:
    return ratio(moments.s_pr, moments.s_rr, ~moments.reference_is_constant)


@metric(
    "Nash–Sutcliffe efficiency",
    symbol="NSE",
    unit="1",
    best=1.0,
    span=(-np.inf, 1),
    needs_same_unit=True,
    needs_spread=True,
    from_moments=_nse,
)
def nse(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Skill beside the mean of the reference: NSE = 1 − Σ(x − y)² / Σ(y − ȳ)²; 0 for a product that is ȳ each day.

    Called R² or coefficient of determination in some papers, which others use for R·R. NaN where the reference is
    constant.

    References
    ----------
    Nash, J. E. and Sutcliffe, J. V. (1970): River flow forecasting through conceptual models, part I. J. Hydrol. 10,
    282–290, doi:10.1016/0022-1694(70)90255-6.
    """
    x, y, both = pairs_of(product, reference, axis)
    moments = two_pass(product, reference, axis)
    squares = np.where(both, (x - y) ** 2, 0.0).sum(axis=-1)
    return np.asarray(1 - ratio(squares, moments.s_rr, ~moments.reference_is_constant))


@metric(
    "Kling–Gupta efficiency",
    symbol="KGE",
    unit="1",
    best=1.0,
    span=(-np.inf, 1),
    needs_same_unit=True,
    needs_spread=True,
    from_moments=_kge,
)
def kge(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Correlation, variability and level in one: KGE = 1 − √((R − 1)² + (s_x/s_y − 1)² + (x̄/ȳ − 1)²), as of 2009.

    NaN where a series is constant or the mean of the reference is 0; of no meaning for anomalies, whose mean is near 0.
    A product that is ȳ each day would have 1 − √2.

    References
    ----------
    Gupta, H. V. et al. (2009): J. Hydrol. 377, 80–91, doi:10.1016/j.jhydrol.2009.08.003, section 3.
    """
    return _kge(two_pass(product, reference, axis))


@metric(
    "slope of product on reference",
    symbol="slope",
    unit="1",
    best=1.0,
    span=(-np.inf, np.inf),
    needs_same_unit=True,
    needs_spread=True,
    from_moments=_slope,
)
def slope(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Least-squares slope of the product on the reference: Σ(x−x̄)(y−ȳ) / Σ(y−ȳ)² = R s_x/s_y.

    Below 1 where the product's swings are too small, and too where the reference has random errors: compare it between
    products, not with 1. NaN where the reference is constant.

    References
    ----------
    Yilmaz, M. T. and Crow, W. T. (2013): The optimality of potential rescaling approaches in land data assimilation.
    J. Hydrometeorol. 14, 650–660, doi:10.1175/JHM-D-12-052.1.
    """
    return _slope(two_pass(product, reference, axis))
