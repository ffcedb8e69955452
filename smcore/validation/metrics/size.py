"""The size of the sample, which belongs to every number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.metrics.pairs import pairs_of
from smcore.validation.metrics.registry import metric
from smcore.validation.moments import Moments

Floats = NDArray[np.float64]


def _n(moments: Moments) -> Floats:
    return moments.n


@metric("number of pairs", symbol="N", unit="1", best=None, span=(0, np.inf), from_moments=_n)
def n(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Count the pairs: positions where product and reference both have a finite value.

    References
    ----------
    Gruber, A. et al. (2020): Validation practices for satellite soil moisture retrievals. Remote Sens. Environ. 244,
    111806, doi:10.1016/j.rse.2020.111806 (the sample size belongs to every number).
    """
    _, _, both = pairs_of(product, reference, axis)
    return np.asarray(both.sum(axis=-1), dtype=np.float64)
