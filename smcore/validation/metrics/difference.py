"""How far product and reference lie apart, in the unit of the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.metrics.pairs import centred, mean_of, pairs_of, ratio
from smcore.validation.metrics.registry import OF_DATA, metric
from smcore.validation.moments import Moments

Floats = NDArray[np.float64]


def _bias(moments: Moments) -> Floats:
    return moments.mean_product - moments.mean_reference


def _rmsd(moments: Moments) -> Floats:
    return np.hypot(_bias(moments), _ubrmsd(moments))


def _ubrmsd(moments: Moments) -> Floats:
    # Clipped, since the difference of the sums may round to less than 0 where the series are nearly one.
    squares = np.maximum(moments.s_pp + moments.s_rr - 2 * moments.s_pr, 0.0)
    return np.sqrt(ratio(squares, moments.n, moments.n > 0))


@metric("bias", symbol="bias", unit=OF_DATA, best=0.0, span=(-np.inf, np.inf), from_moments=_bias)
def bias(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Mean difference, product minus reference: mean(x − y); positive where the product is wetter.

    References
    ----------
    Entekhabi, D. et al. (2010): Performance metrics for soil moisture retrievals and application requirements.
    J. Hydrometeorol. 11, 832–840, doi:10.1175/2010JHM1223.1, eq. 2.
    """
    x, y, both = pairs_of(product, reference, axis)
    return mean_of(x - y, both)


@metric("root-mean-square difference", symbol="RMSD", unit=OF_DATA, best=0.0, span=(0, np.inf), from_moments=_rmsd)
def rmsd(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Root-mean-square difference: √mean((x − y)²); printed as RMSE where the reference is taken as truth.

    References
    ----------
    Entekhabi, D. et al. (2010): J. Hydrometeorol. 11, 832–840, doi:10.1175/2010JHM1223.1, eq. 1; the word
    *difference*: Gruber, A. et al. (2020): Remote Sens. Environ. 244, 111806, doi:10.1016/j.rse.2020.111806.
    """
    x, y, both = pairs_of(product, reference, axis)
    return np.asarray(np.sqrt(mean_of((x - y) ** 2, both)))


@metric(
    "unbiased root-mean-square difference",
    symbol="ubRMSD",
    unit=OF_DATA,
    best=0.0,
    span=(0, np.inf),
    from_moments=_ubrmsd,
)
def ubrmsd(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """RMSD after the bias is removed: √mean(((x − x̄) − (y − ȳ))²) = √(RMSD² − bias²); printed as ubRMSE.

    From centred differences, since the second form cancels where the bias is large. Not below s_y √(1 − R²): read it
    together with R.

    References
    ----------
    Entekhabi, D. et al. (2010): J. Hydrometeorol. 11, 832–840, doi:10.1175/2010JHM1223.1, eq. 3.
    """
    x, y, both = pairs_of(product, reference, axis)
    return np.asarray(np.sqrt(mean_of(centred(x - y, both) ** 2, both)))


@metric("mean absolute difference", symbol="MAE", unit=OF_DATA, best=0.0, span=(0, np.inf))
def mae(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Mean absolute difference: mean(|x − y|); unlike RMSD, a few large differences do not rule it.

    References
    ----------
    Willmott, C. J. and Matsuura, K. (2005): Advantages of the mean absolute error (MAE) over the root mean square
    error (RMSE) in assessing average model performance. Clim. Res. 30, 79–82, doi:10.3354/cr030079.
    """
    x, y, both = pairs_of(product, reference, axis)
    return mean_of(np.abs(x - y), both)
