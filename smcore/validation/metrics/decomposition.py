"""What the mean square difference is made of: RMSD² = mse_bias + mse_variance + mse_correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.metrics.pairs import ratio, two_pass
from smcore.validation.metrics.registry import OF_DATA_SQUARED, metric
from smcore.validation.moments import Moments

Floats = NDArray[np.float64]


def _mse_bias(moments: Moments) -> Floats:
    return (moments.mean_product - moments.mean_reference) ** 2


def _mse_variance(moments: Moments) -> Floats:
    return ratio((np.sqrt(moments.s_pp) - np.sqrt(moments.s_rr)) ** 2, moments.n, moments.n > 0)


def _mse_correlation(moments: Moments) -> Floats:
    rest = 2 * np.maximum(np.sqrt(moments.s_pp) * np.sqrt(moments.s_rr) - moments.s_pr, 0.0)
    return ratio(rest, moments.n, moments.n > 0)


@metric(
    "mean square difference by bias",
    symbol="MSD_bias",
    unit=OF_DATA_SQUARED,
    best=0.0,
    span=(0, np.inf),
    from_moments=_mse_bias,
)
def mse_bias(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Part of the mean square difference that a shift of the product would remove: (x̄ − ȳ)².

    References
    ----------
    Gupta, H. V. et al. (2009): Decomposition of the mean squared error and NSE performance criteria. J. Hydrol. 377,
    80–91, doi:10.1016/j.jhydrol.2009.08.003, section 2.
    """
    return _mse_bias(two_pass(product, reference, axis))


@metric(
    "mean square difference by variance",
    symbol="MSD_var",
    unit=OF_DATA_SQUARED,
    best=0.0,
    span=(0, np.inf),
    from_moments=_mse_variance,
)
def mse_variance(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Part of the mean square difference that a product of the reference's variance would not have: (s_x − s_y)².

    References
    ----------
    Gupta, H. V. et al. (2009): J. Hydrol. 377, 80–91, doi:10.1016/j.jhydrol.2009.08.003, section 2.
    """
    return _mse_variance(two_pass(product, reference, axis))


@metric(
    "mean square difference by correlation",
    symbol="MSD_corr",
    unit=OF_DATA_SQUARED,
    best=0.0,
    span=(0, np.inf),
    from_moments=_mse_correlation,
)
def mse_correlation(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Part of the mean square difference that no shift and no gain removes: 2 s_x s_y (1 − R) = 2 (s_x s_y − s_xy).

    References
    ----------
    Gupta, H. V. et al. (2009): J. Hydrol. 377, 80–91, doi:10.1016/j.jhydrol.2009.08.003, section 2.
    """
    return _mse_correlation(two_pass(product, reference, axis))
