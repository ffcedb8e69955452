"""What is asked of a range of days, and the map that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import WindowError

Times = NDArray[np.datetime64]

KINDS = ("mean", "min", "max", "percentile", "anomaly", "share")
LEAST_SHARE = 0.2
"""Default share of valid days below which a cell has no value."""


@dataclass(frozen=True)
class Range:
    """``kind`` over the days ``first`` … ``last``, both inclusive, ISO dates in UTC.

    ``percentile`` in 0…100; ``least`` is the share of valid days that a cell needs, 0…1.

    Raises
    ------
    WindowError
        If the days are in the wrong order, or a number is out of its range.
    """

    kind: str
    first: str
    last: str
    percentile: float = 50.0
    least: float = LEAST_SHARE

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise WindowError(f"There is no aggregate {self.kind!r}", hint=f"choose one of {', '.join(KINDS)}")
        if self.start > self.end:
            raise WindowError(f"The range begins on {self.first} and ends before it, on {self.last}")
        if not (0 <= self.percentile <= 100 and 0 <= self.least <= 1):
            raise WindowError("A percentile lies in 0…100 and a share in 0…1")

    @property
    def start(self) -> np.datetime64:
        """First day."""
        return np.datetime64(self.first, "D")

    @property
    def end(self) -> np.datetime64:
        """Last day."""
        return np.datetime64(self.last, "D")

    @property
    def days(self) -> int:
        """Number of days."""
        return int((self.end - self.start).astype(int)) + 1

    def steps(self, time: Times) -> NDArray[np.int64]:
        """Find the steps (n,) inside the range; ``time`` is the middle of what each stands for.

        Raises
        ------
        WindowError
            If there is none.
        """
        day = time.astype("datetime64[D]")
        found = np.flatnonzero((day >= self.start) & (day <= self.end))
        if not len(found):
            raise WindowError(
                f"There is no step from {self.first} to {self.last}",
                where=f"data from {day[0]} to {day[-1]}" if len(day) else "no data",
                hint="choose days inside the data",
            )
        return found


@dataclass(frozen=True)
class Aggregate:
    """A map of an aggregate.

    Attributes
    ----------
    value : ndarray (rows, columns) float32
        In the unit of the product, of ``share`` 0…1; NaN where missing.
    share : ndarray (rows, columns) float32, 0…1
        Valid days (of an anomaly: those with a climatology) over all days of the range.
    steps, days : int
        Steps that were read, and days of the range.
    """

    value: NDArray[Any]
    share: NDArray[Any]
    steps: int
    days: int

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return int(self.value.nbytes + self.share.nbytes)
