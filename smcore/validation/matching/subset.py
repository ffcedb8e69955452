"""Some of the pairs: those of a stratum, those that a model has not seen, packed to the front again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.validation.matching.pairing import NO_TIME, Pairs

Bools = NDArray[np.bool_]


def keep_pairs(pairs: Pairs, kept: Bools) -> Pairs:
    """The pairs where ``kept`` is True, in the same order, with padding behind them.

    Parameters
    ----------
    kept
        (location, pair); what is True in the padding stays padding.

    Raises
    ------
    ValueError
        If the shape is not that of the pairs.
    """
    if kept.shape != pairs.product.shape:
        raise ValueError(f"a mask of {kept.shape} does not fit pairs of {pairs.product.shape}")
    kept = kept & np.isfinite(pairs.product)
    count = kept.sum(axis=1)
    width = int(count.max(initial=0))
    order = np.argsort(~kept, axis=1, kind="stable")[:, :width]
    padding = np.arange(width) >= count[:, None]

    def packed(values: NDArray[Any], fill: float) -> NDArray[Any]:
        moved = np.take_along_axis(values, order, axis=1)
        moved[padding] = fill
        return moved

    return Pairs(
        product=packed(pairs.product, np.nan),
        reference=packed(pairs.reference, np.nan),
        product_time=packed(pairs.product_time, NO_TIME),
        reference_time=packed(pairs.reference_time, NO_TIME),
        overpass=packed(pairs.overpass, -1),
        dropped=dict(pairs.dropped),
        labels={name: packed(values, -1) for name, values in pairs.labels.items()},
    )


def take_locations(pairs: Pairs, rows: NDArray[np.int64]) -> Pairs:
    """The pairs of some locations."""
    return Pairs(
        product=pairs.product[rows],
        reference=pairs.reference[rows],
        product_time=pairs.product_time[rows],
        reference_time=pairs.reference_time[rows],
        overpass=pairs.overpass[rows],
        dropped={name: values[rows] for name, values in pairs.dropped.items()},
        labels={name: values[rows] for name, values in pairs.labels.items()},
    )
