"""Times of records: microseconds since 1970 in UTC."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smcore.time_support import DAY, HOUR, Support

__all__ = ["DAY", "HOUR", "Support", "day_of", "microseconds", "to_datetime"]

Ints = NDArray[np.int64]


def microseconds(time: NDArray[np.generic]) -> Ints:
    """``datetime64`` of any unit as microseconds since 1970."""
    return time.astype("datetime64[us]").astype(np.int64)


def day_of(time: Ints) -> Ints:
    """UTC day of ``time`` [µs], as days since 1970."""
    return np.floor_divide(time, DAY)


def to_datetime(time: Ints) -> NDArray[np.datetime64]:
    """Microseconds since 1970 as ``datetime64[ns]``."""
    return time.astype("datetime64[us]").astype("datetime64[ns]")
