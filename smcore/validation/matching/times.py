"""Times of records: microseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.time_support import DAY, HOUR, Support

__all__ = ["DAY", "HOUR", "Support", "day_of", "microseconds", "to_datetime", "utc"]

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


def utc(time: NDArray[np.generic]) -> NDArray[np.datetime64]:
    """Dates in UTC as ``datetime64``; those without a zone are taken to be in UTC.

    Raises
    ------
    TypeError, ValueError
        If they are no dates of the Gregorian calendar.
    """
    if time.dtype.kind == "M":
        return time  # type: ignore[return-value]
    if time.dtype.kind != "O" or not all(isinstance(one, datetime) for one in time):
        raise TypeError(f"{time.ravel()[0]!r} is no date")
    zoned = pd.to_datetime(pd.Index(time), utc=True)
    return np.asarray(zoned.tz_localize(None).to_numpy("datetime64[ns]"))
