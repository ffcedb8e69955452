"""The contract of a rule of suspicion, and what rules say.

A rule is a file of :mod:`smcore.review.suspicion.rules` with

- ``TITLE``: what is suspected, in a few words;
- ``SOURCE``: who has published the rule, and which of its thresholds are ours;
- ``lacking(evidence) -> str``: '' where the rule can be applied, else one sentence that says what it would need;
- ``find(evidence) -> list[Suspicion]``: marks in order of time; none where nothing is suspected.

A suspicion is no verdict: it says where to look and why. ``find`` is only called where nothing is lacking, and takes
some milliseconds for five hourly years.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOUR_S: Final = 3600
DAY_S: Final = 86_400
MOST: Final = 12
"""Marks of one rule at one sensor, the strongest; more would hide the curve. Ours."""


@dataclass(frozen=True)
class Suspicion:
    """One mark.

    Attributes
    ----------
    rule
        Id of the rule.
    start, end
        ISO times in UTC to seconds, both inclusive; '' where the mark is about the sensor and no period.
    sentence
        What was found, with its numbers and units; plain text.
    strength
        0.5 where the finding just meets its threshold, towards 1 the further it is beyond (:func:`strength`).
    """

    rule: str
    start: str
    end: str
    sentence: str
    strength: float


def strength(value: float, threshold: float) -> float:
    """How far a finding is beyond its threshold: 0.5 at it, 0.75 at its double, towards 1; both positive. Ours."""
    if not (np.isfinite(value) and value > 0):
        return 0.5
    return float(np.clip(1 - 0.5 * threshold / value, 0.5, 1.0))


def mark(rule: str, start: float, end: float, sentence: str, power: float) -> Suspicion:
    """A mark over a period [s since 1970, UTC]."""
    return Suspicion(rule, iso(start), iso(end), " ".join(sentence.split()), round(power, 3))


def about(rule: str, sentence: str, power: float) -> Suspicion:
    """A mark about the whole sensor."""
    return Suspicion(rule, "", "", " ".join(sentence.split()), round(power, 3))


def iso(seconds: float) -> str:
    """Time [s since 1970, UTC] as ISO text."""
    return str(np.datetime64(int(seconds), "s"))


def strongest(found: list[Suspicion]) -> list[Suspicion]:
    """The strongest :data:`MOST` marks, in order of time."""
    kept = sorted(found, key=lambda one: -one.strength)[:MOST]
    return sorted(kept, key=lambda one: (one.start, one.end))


def runs(flags: Bools, *, join: int = 0) -> Iterator[tuple[int, int]]:
    """First and last index of each run of True; runs with at most ``join`` False between them are one."""
    at = np.flatnonzero(flags)
    if not len(at):
        return
    breaks = np.flatnonzero(np.diff(at) > join + 1)
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, len(at) - 1)
    for first, last in zip(at[firsts], at[lasts], strict=True):
        yield int(first), int(last)


def clusters(times: Ints, apart: float) -> Iterator[tuple[int, int]]:
    """First and last index of events [s] that follow each other within ``apart`` seconds."""
    if not len(times):
        return
    breaks = np.flatnonzero(np.diff(times) > apart)
    yield from zip(np.append(0, breaks + 1).tolist(), np.append(breaks, len(times) - 1).tolist(), strict=True)


@dataclass(frozen=True, eq=False)
class Daily:
    """Means of UTC days without a gap in the axis: ``mean`` (d,) from the day ``first`` (days since 1970) on.

    NaN where a day has less than half of the records of a full day of the series.
    """

    first: int
    mean: Floats

    @property
    def days(self) -> Ints:
        """Day numbers since 1970."""
        return self.first + np.arange(len(self.mean))

    def on(self, first: int, count: int) -> Floats:
        """The means of ``count`` days from ``first`` on, NaN outside."""
        result = np.full(count, np.nan)
        low, high = max(first, self.first), min(first + count, self.first + len(self.mean))
        if high > low:
            result[low - first : high - first] = self.mean[low - self.first : high - self.first]
        return result


@dataclass(frozen=True, eq=False)
class Series:
    """A record without gaps marked: ``time`` (n,) int64 [s since 1970, UTC], ascending; ``value`` (n,) finite."""

    time: Ints
    value: Floats

    @staticmethod
    def of(time: ArrayLike, value: ArrayLike) -> Series:
        """From times (datetime64) and values in any order; missing values are left out, the first of a time counts."""
        seconds = np.asarray(time).astype("datetime64[s]").astype(np.int64)
        values = np.asarray(value, dtype=np.float64)
        there = np.isfinite(values)
        if not there.all():
            seconds, values = seconds[there], values[there]
        if len(seconds) > 1 and not (np.diff(seconds) > 0).all():
            seconds, at = np.unique(seconds, return_index=True)
            values = values[at]
        return Series(seconds, values)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def step(self) -> float:
        """Usual distance of two records [s]; a day where there are none."""
        return float(np.median(np.diff(self.time))) if len(self.time) > 1 else float(DAY_S)

    def daily(self) -> Daily:
        """Means of UTC days."""
        if not len(self.time):
            return Daily(0, np.empty(0))
        day = self.time // DAY_S
        first, count = int(day[0]), int(day[-1] - day[0]) + 1
        number = np.bincount(day - first, minlength=count)
        total = np.bincount(day - first, weights=self.value, minlength=count)
        needed = max(1, (round(DAY_S / max(self.step, 1.0)) + 1) // 2)
        mean = np.divide(total, number, out=np.full(count, np.nan), where=number >= needed)
        return Daily(first, mean)

    def at(self, times: Ints) -> Floats:
        """The values at ``times`` [s], NaN where there is none at that very time."""
        if not len(self.time):
            return np.full(len(times), np.nan)
        where = np.minimum(np.searchsorted(self.time, times), len(self.time) - 1)
        return np.where(self.time[where] == times, self.value[where], np.nan)

    def between(self, first: float, last: float) -> Floats:
        """Values of a period [s], both ends inclusive."""
        return self.value[np.searchsorted(self.time, first) : np.searchsorted(self.time, last, side="right")]


NOTHING: Final = Series(np.empty(0, np.int64), np.empty(0))
