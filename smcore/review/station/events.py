"""Wetting events and dry-downs of one record of soil moisture, by UTC days.

What counts as an event is ours, and the same for a station and a product: a rise by 0.02 m³/m³, by 5 % of the record's
range or by three times the noise of single values, whichever is most, and after it at least five days with four values
on which the record does not rise by half of that again. Gaps are explicit: five days without a value end an event, and
no value is filled in. Of a record that is noise alone, one value in twenty still begins an event: a product's events
that no station has («alone») are to be read with that in mind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore import names
from smcore.review.station.drydowns import LEAST_OBS, Fit, fit_drydown
from smcore.review.suspicion.base import Daily, Series

Floats = NDArray[np.float64]

LEAST_RISE: Final = 0.02
"""Ours [m3 m-3]: about half of the accuracy that SMAP is asked for."""
RANGE_SHARE: Final = 0.05
"""… and share of the range of the record (2nd to 98th percentile). Ours."""
NOISE_SHARE: Final = 3.0
"""… and times the noise of single values, which is large in retrievals. Ours."""
LEAST_DAYS: Final = 5.0
MOST_GAP_D: Final = 5
"""A longer pause between two values ends an event [d]. Ours."""


@dataclass(frozen=True)
class Wetting:
    """A rise: from the day ``start`` to the day ``peak`` (ISO, UTC), values before and at the peak, and its amplitude.

    ``resolution`` [d] is the longest pause between values during the rise: the timing is no better than that.
    """

    start: str
    peak: str
    before: float
    top: float
    resolution: float

    @property
    def amplitude(self) -> float:
        """How far it rose, in the unit of the record."""
        return self.top - self.before


@dataclass(frozen=True)
class Drydown:
    """A fall after a rise, from the day ``start`` to the day ``end`` (ISO, UTC), with its fit, if one could be made."""

    start: str
    end: str
    top: float
    bottom: float
    n: int
    fit: Fit | None

    @property
    def amplitude(self) -> float:
        """How far it fell, in the unit of the record."""
        return self.top - self.bottom

    @property
    def days(self) -> float:
        """Length [d]."""
        return _days(self.start, self.end)


@dataclass(frozen=True, eq=False)
class Events:
    """Events of a record.

    Attributes
    ----------
    units
        Of the record.
    daily
        The daily values that they were found in.
    wettings, drydowns
        In order of time.
    least_rise
        What counted as a rise, in the unit of the record.
    gaps : tuple of (first, last)
        Days without a value, where they are more than :data:`MOST_GAP_D` (ISO, inclusive).
    """

    units: str
    daily: Daily
    wettings: tuple[Wetting, ...]
    drydowns: tuple[Drydown, ...]
    least_rise: float
    gaps: tuple[tuple[str, str], ...]

    @property
    def median_tau(self) -> float:
        """Median e-folding time [d] of the dry-downs that tell theirs; NaN where none does."""
        taus = [one.fit.tau for one in self.drydowns if one.fit is not None and one.fit.is_bounded]
        return float(np.median(taus)) if taus else np.nan


def find_events(time: ArrayLike, value: ArrayLike, *, units: str = names.VOLUMETRIC) -> Events:
    """Find the wetting events and dry-downs of a record.

    Parameters
    ----------
    time : array (n,) datetime64
        UTC, any order.
    value : array (n,)
        NaN missing. Several values of a day are averaged where they are half of a full day or more.
    """
    daily = Series.of(time, value).daily()
    at = np.flatnonzero(np.isfinite(daily.mean))
    y = daily.mean[at]
    if len(y) < 3:
        return Events(units, daily, (), (), np.nan, ())
    least = max(RANGE_SHARE * float(np.subtract(*np.quantile(y, [0.98, 0.02]))), NOISE_SHARE * noise_of(y))
    if units == names.VOLUMETRIC:
        least = max(least, LEAST_RISE)
    apart = np.diff(at)
    gaps = tuple(
        (_iso(daily.first + int(at[i]) + 1), _iso(daily.first + int(at[i + 1]) - 1))
        for i in np.flatnonzero(apart > MOST_GAP_D)
    )
    wettings, drydowns = [], []
    if least > 0:
        for begin, peak in _rises(y, apart, least):
            pause = float(apart[begin:peak].max())
            first, top = daily.first + int(at[begin]), daily.first + int(at[peak])
            wettings.append(Wetting(_iso(first), _iso(top), float(y[begin]), float(y[peak]), pause))
            fall = _fall(daily.first + at, y, apart, peak, least)
            if fall is not None:
                drydowns.append(fall)
    return Events(units, daily, tuple(wettings), tuple(drydowns), least, gaps)


def noise_of(values: Floats) -> float:
    """Standard deviation of values about the line between their neighbours, by the median: rain hardly counts."""
    if len(values) < 3:
        return 0.0
    apart = values[1:-1] - (values[:-2] + values[2:]) / 2
    return float(1.4826 * np.median(np.abs(apart)) / np.sqrt(1.5))


def drydown_between(daily: Daily, first: int, last: int, days: NDArray[np.int64] | None = None) -> Fit | None:
    """Fit the values of a period (day numbers since 1970, inclusive), all of them or those of some ``days``."""
    wanted = np.arange(first, last + 1) if days is None else days[(days >= first) & (days <= last)]
    return fit_drydown(wanted - first, daily.on(first, last - first + 1)[wanted - first])


def _rises(y: Floats, apart: NDArray[np.int64], least: float) -> Iterator[tuple[int, int]]:
    """Index of the lowest value before and of the highest value of each rise by ``least`` or more."""
    half, start, peak = least / 2, 0, 0
    for i in range(1, len(y)):
        broken = apart[i - 1] > MOST_GAP_D
        if broken or y[i] < y[peak] - half or (peak == start and y[i] <= y[start]):
            if y[peak] - y[start] >= least:
                yield _begin(y, start, peak), peak
            start = peak = i
        elif y[i] > y[peak]:
            peak = i
    if y[peak] - y[start] >= least:
        yield _begin(y, start, peak), peak


def _begin(y: Floats, start: int, peak: int) -> int:
    """The last value before the rise: still weather, within a tenth of the rise, is not yet part of it."""
    low = y[start] + 0.1 * (y[peak] - y[start])
    return start + int(np.flatnonzero(y[start:peak] <= low)[-1])


def _fall(day: NDArray[np.int64], y: Floats, apart: NDArray[np.int64], peak: int, least: float) -> Drydown | None:
    """The dry-down after a peak, until a gap or until the record has risen again by half of an event."""
    lowest, last = peak, peak
    for i in range(peak + 1, len(y)):
        if apart[i - 1] > MOST_GAP_D or y[i] > y[lowest] + least / 2:
            break
        last = i
        lowest = i if y[i] <= y[lowest] else lowest
    last = min(last, len(y) - 1)
    n = last - peak + 1
    if n < LEAST_OBS or day[last] - day[peak] < LEAST_DAYS or y[peak] - y[lowest] < least:
        return None
    fit = fit_drydown(day[peak : last + 1] - day[peak], y[peak : last + 1])
    return Drydown(_iso(day[peak]), _iso(day[last]), float(y[peak]), float(y[lowest]), n, fit)


def _iso(day: int) -> str:
    return str(np.datetime64(int(day), "D"))


@lru_cache(maxsize=1 << 14)
def day_number(text: str) -> int:
    """Days since 1970 of an ISO day."""
    return int(np.datetime64(text, "D").astype(np.int64))


def _days(first: str, last: str) -> float:
    return float(day_number(last) - day_number(first))
