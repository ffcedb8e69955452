"""Rank correlations of many locations at once: the compiled form of what scipy computes one series at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.layout import lay_out

Floats = NDArray[np.float64]


def spearman(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Spearman's rho along ``axis``: Pearson's R of average ranks; NaN where a series is constant.

    Parameters
    ----------
    product, reference
        Arrays of one shape, NaN or infinite where a value is missing; numbers that are float32, of either type, sort in
        half the passes of others. See :func:`smcore.validation.moments.moments` for what is read without a copy.

    Raises
    ------
    ValueError
        If the shapes differ or ``axis`` is not one of them.
    """
    return _correlate(product, reference, axis, is_kendall=False)


def kendall(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Kendall's tau-b along ``axis``, in n log n; parameters and errors as of :func:`spearman`.

    References
    ----------
    Knight, W. R. (1966): A computer method for calculating Kendall's tau with ungrouped data. J. Am. Stat. Assoc. 61,
    436–439, doi:10.1080/01621459.1966.10480879.
    """
    return _correlate(product, reference, axis, is_kendall=True)


def _correlate(product: ArrayLike, reference: ArrayLike, axis: int, *, is_kendall: bool) -> Floats:
    from smcore.validation.kernels.ranks import correlate_columns, correlate_rows

    pairs = lay_out(product, reference, axis)
    out = np.full(int(np.prod(pairs.shape)), np.nan)
    if pairs.product.size:
        correlate = correlate_rows if pairs.by_location else correlate_columns
        unsigned = np.empty(0, np.uint32 if pairs.product.dtype == np.float32 else np.uint64)
        correlate(pairs.product, pairs.reference, unsigned, is_kendall, out)
    return out.reshape(pairs.shape)
