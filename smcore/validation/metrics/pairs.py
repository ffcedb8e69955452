"""What the definitions of metrics share: arrays of pairs, their means, and whether a series varies at all."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.moments import Moments

Floats = NDArray[np.float64]

DUST: Final = 1e-12
"""Relative range below which a series is constant: far below the steps of float32, far above rounding of means."""


def pairs_of(product: ArrayLike, reference: ArrayLike, axis: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Both as float64 with the pairs last, 0 where there is no pair, and where there is one."""
    x, y = np.broadcast_arrays(np.asarray(product, dtype=np.float64), np.asarray(reference, dtype=np.float64))
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    both = np.isfinite(x) & np.isfinite(y)
    return np.where(both, x, 0.0), np.where(both, y, 0.0), both


def mean_of(values: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Mean of the valid values along the last axis; NaN where there is none."""
    count = valid.sum(axis=-1)
    total = np.where(valid, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def centred(values: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Differences from the mean of the valid values; 0 where not valid."""
    return np.where(valid, values - np.expand_dims(np.nan_to_num(mean_of(values, valid)), -1), 0.0)


def two_pass(product: ArrayLike, reference: ArrayLike, axis: int) -> Moments:
    """The moments by their definition: means first, then sums of centred values."""
    x, y, both = pairs_of(product, reference, axis)
    dx, dy = centred(x, both), centred(y, both)
    sums = ((dx * dx).sum(axis=-1), (dy * dy).sum(axis=-1), (dx * dy).sum(axis=-1))
    return Moments(both.sum(axis=-1, dtype=np.float64), mean_of(x, both), mean_of(y, both), *sums)


def is_constant(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> NDArray[np.bool_]:
    """Whether the product or the reference takes one value only over their pairs (True also for one pair or none)."""
    x, y, both = pairs_of(product, reference, axis)
    return _flat(x, both) | _flat(y, both)


def correlation(x: Floats, y: Floats, both: NDArray[np.bool_]) -> Floats:
    """Pearson's R along the last axis; NaN where a series is constant."""
    dx, dy = centred(x, both), centred(y, both)
    scale = np.sqrt((dx * dx).sum(axis=-1)) * np.sqrt((dy * dy).sum(axis=-1))
    defined = ~(_flat(x, both) | _flat(y, both)) & (scale > 0)
    return np.where(defined, np.clip((dx * dy).sum(axis=-1) / np.where(defined, scale, 1.0), -1.0, 1.0), np.nan)


def ratio(above: Floats, below: Floats, defined: NDArray[np.bool_]) -> Floats:
    """``above / below`` where defined, NaN elsewhere."""
    usable = np.asarray(defined) & (np.asarray(below) != 0)
    return np.where(usable, above / np.where(usable, below, 1.0), np.nan)


def _flat(values: Floats, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """By the range, since centred sums of a constant series need not be 0; daily means of one value differ by dust."""
    low = np.where(valid, values, np.inf).min(axis=-1, initial=np.inf)
    high = np.where(valid, values, -np.inf).max(axis=-1, initial=-np.inf)
    some = low <= high
    size = np.where(some, np.maximum(np.abs(low), np.abs(high)), 0.0)
    return np.asarray(~some | (np.where(some, high, 0.0) - np.where(some, low, 0.0) <= DUST * size))
