"""Whether product and reference go up and down together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.metrics.pairs import correlation, pairs_of, ratio
from smcore.validation.metrics.registry import metric
from smcore.validation.moments import Moments
from smcore.validation.ranks import kendall, spearman

Floats = NDArray[np.float64]


def _pearson_r(moments: Moments) -> Floats:
    scale = np.sqrt(moments.s_pp) * np.sqrt(moments.s_rr)
    return np.clip(ratio(moments.s_pr, scale, ~moments.is_constant), -1.0, 1.0)


@metric(
    "Pearson correlation",
    symbol="R",
    unit="1",
    best=1.0,
    span=(-1, 1),
    needs_spread=True,
    from_moments=_pearson_r,
)
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
    return correlation(*pairs_of(product, reference, axis))


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
    return spearman(*np.broadcast_arrays(product, reference), axis=axis)


@metric("Kendall rank correlation", symbol="τ", unit="1", best=1.0, span=(-1, 1), needs_spread=True)
def kendall_tau(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Concordance: of all couples of pairs, the share in one order less the share in opposite order, tau-b.

    τ = (C − D) / √((T − T_x)(T − T_y)) with C couples in one order, D in opposite order, T = n(n − 1)/2, T_x and T_y of
    them tied in one series. About two thirds of ρ for moderate correlations.

    References
    ----------
    Kendall, M. G. (1938): A new measure of rank correlation. Biometrika 30, 81–93, doi:10.1093/biomet/30.1-2.81;
    Kendall, M. G. (1945): Biometrika 33, 239–251, doi:10.1093/biomet/33.3.239 (ties).
    """
    return kendall(*np.broadcast_arrays(product, reference), axis=axis)


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
