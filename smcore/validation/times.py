"""Times of records: microseconds since 1970 in UTC, and what span of time one record stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import MatchError

Ints = NDArray[np.int64]

HOUR = 3_600_000_000
DAY = 24 * HOUR


@dataclass(frozen=True)
class Support:
    """The span that a record stands for: ``hours`` long (0 = an instant), stamped at its ``start`` or ``end``."""

    hours: float
    stamped: str = "start"

    @staticmethod
    def parse(text: str, name: str) -> Support:
        """Read ``instant``, ``day-mean`` or ``mean:<hours>:start|end``.

        Raises
        ------
        MatchError
            If ``text`` is none of them.
        """
        if text == names.INSTANT:
            return Support(0.0)
        if text == names.DAY_MEAN:
            return Support(24.0)
        parts = text.split(":")
        try:
            if len(parts) != 3 or parts[0] != "mean" or parts[2] not in ("start", "end") or float(parts[1]) <= 0:
                raise ValueError(text)
            return Support(float(parts[1]), parts[2])
        except ValueError as error:
            raise MatchError(
                f"{name} has the unknown time support {text!r}",
                hint="it must be instant, day-mean or mean:<hours>:start|end",
            ) from error

    @property
    def is_instant(self) -> bool:
        """Whether a record is of one moment."""
        return self.hours == 0

    @property
    def is_daily(self) -> bool:
        """Whether a record stands for a day or more."""
        return self.hours >= 24

    @property
    def centre(self) -> int:
        """From the stamp to the middle of the span [µs]."""
        half = round(self.hours * HOUR / 2)
        return half if self.stamped == "start" else -half

    def __str__(self) -> str:
        if self.is_instant:
            return names.INSTANT
        return names.DAY_MEAN if self == Support(24.0) else f"mean over {self.hours:g} h"


def microseconds(time: NDArray[np.generic]) -> Ints:
    """``datetime64`` of any unit as microseconds since 1970."""
    return time.astype("datetime64[us]").astype(np.int64)


def day_of(time: Ints) -> Ints:
    """UTC day of ``time`` [µs], as days since 1970."""
    return np.floor_divide(time, DAY)


def to_datetime(time: Ints) -> NDArray[np.datetime64]:
    """Microseconds since 1970 as ``datetime64[ns]``."""
    return time.astype("datetime64[us]").astype("datetime64[ns]")
