"""The anomaly of a range: the mean over its steps of value − climatology of the calendar day.

The climatology is the product's own: the mean of all its values at most :data:`WINDOW` calendar days from that day
(across New Year; 29 February is a calendar day of its own, and 1 March the 61st in any year) in other years, which is
to say on days more than :data:`WINDOW` days outside the range. It needs :data:`MIN_VALUES` values, of :data:`MIN_YEARS`
different years; years are counted from the middle of the range, so that a winter is one and not two. Steps of a day are
not told apart by their hour.

The window is as wide as that of the climatology of :mod:`smcore.validation.anomalies` (after Gruber et al. 2020,
doi:10.1016/j.rse.2020.111806), which smooths twice and takes in the year that is looked at; this one leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.aggregates.request import Range, Times
from smcore.aggregates.states import DayCount, Shape
from smcore.errors import WindowError

Array = NDArray[Any]

WINDOW = 17
"""Calendar days on either side of one that its climatology takes in."""

MIN_VALUES, MIN_YEARS = 8, 3
BYTES_PER_CELL = 20 * (2 * WINDOW + 1) + 120
_CALENDAR, _YEAR_DAYS = 366, 365.2425


def calendar_day(days: Times) -> NDArray[np.int64]:
    """Number each day in a leap year's calendar, 0…365: 1 March is 60 in any year."""
    months = days.astype("datetime64[M]")
    month, day = months.astype(int) % 12, (days - months).astype(int)
    starts = np.cumsum([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    found: NDArray[np.int64] = starts[month] + day
    return found


class OtherYears:
    """The steps of other years, by calendar day.

    Raises
    ------
    WindowError
        If they are of too few years for any climatology.
    """

    def __init__(self, asked: Range, days: Times) -> None:
        margin = np.timedelta64(WINDOW, "D")
        outside = np.flatnonzero((days < asked.start - margin) | (days > asked.end + margin))
        slot = calendar_day(days[outside])
        wanted = calendar_day(np.arange(asked.start, asked.end + 1))
        around = np.unique((wanted[:, None] + np.arange(-WINDOW, WINDOW + 1)) % _CALENDAR)
        kept = np.isin(slot, around)
        self._slot, self._steps = slot[kept], outside[kept]
        middle = asked.start + (asked.end - asked.start) // 2
        years = np.rint((days[self._steps] - middle).astype(np.int64) / _YEAR_DAYS).astype(np.int64)
        self.years = len(np.unique(years))
        if self.years < MIN_YEARS:
            raise WindowError(
                f"An anomaly needs the same days of {MIN_YEARS} other years at least; this product has {self.years}",
                hint="choose the mean, or a product of more years",
            )
        self._bit = dict(zip(self._steps.tolist(), (years % 64).tolist(), strict=True))

    def steps(self, slot: int) -> list[tuple[int, np.uint64]]:
        """Give the steps of one calendar day, each with the bit of its year."""
        found: list[int] = self._steps[self._slot == slot].tolist()
        return [(step, np.uint64(1) << np.uint64(self._bit[step])) for step in found]


@dataclass
class _Slot:
    """Sums over the other years' steps of one calendar day."""

    total: Array
    count: Array
    years: Array


class Anomaly:
    """Sums of value − climatology; each calendar day of other years is read once, as the window comes to it."""

    def __init__(self, shape: Shape, others: OtherYears, read: Callable[[int], Array]) -> None:
        self._count, self._sum, self._n = DayCount(shape), np.zeros(shape), np.zeros(shape, np.int64)
        self._others, self._read, self._shape = others, read, shape
        self._slots: dict[int, _Slot] = {}
        self._day: np.datetime64 | None = None
        self._usual = np.full(shape, np.nan)

    def add(self, day: np.datetime64, values: Array) -> None:
        """Take in a step."""
        if day != self._day:
            self._day, self._usual = day, self._climatology(int(calendar_day(np.array([day]))[0]))
        departure = np.asarray(values, np.float64) - self._usual
        valid = np.isfinite(departure)
        self._count.add(day, valid)
        self._sum += np.where(valid, departure, 0.0)
        self._n += valid

    def result(self) -> Array:
        """Sum over number."""
        found: Array = np.divide(self._sum, self._n, out=np.full(self._shape, np.nan), where=self._n > 0)
        return found

    def valid_days(self) -> Array:
        """Give the number of days with a value and a climatology."""
        return self._count.total

    def _climatology(self, slot: int) -> Array:
        around = [(slot + by) % _CALENDAR for by in range(-WINDOW, WINDOW + 1)]
        self._slots = {one: self._slots.get(one) or self._summed(one) for one in around}
        total, count, years = np.zeros(self._shape), np.zeros(self._shape, np.int64), np.zeros(self._shape, np.uint64)
        for one in self._slots.values():
            total += one.total
            count += one.count
            years |= one.years
        enough = (count >= MIN_VALUES) & (np.bitwise_count(years) >= MIN_YEARS)
        usual: Array = np.divide(total, count, out=np.full(self._shape, np.nan), where=enough)
        return usual

    def _summed(self, slot: int) -> _Slot:
        one = _Slot(np.zeros(self._shape), np.zeros(self._shape, np.int32), np.zeros(self._shape, np.uint64))
        for step, bit in self._others.steps(slot):
            values = self._read(step)
            valid = np.isfinite(values)
            one.total += np.where(valid, values, 0.0)
            one.count += valid
            one.years |= np.where(valid, bit, np.uint64(0))
        return one
