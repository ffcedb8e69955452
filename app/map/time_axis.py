"""The steps of the product on the map as a calendar: days, months, which days have steps, and how full each step is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.page.cache import BoundedCache
from app.page.language import tr
from smcore.availability import Availability, availability
from smcore.catalog import CatalogEntry
from smcore.progress import Cancel, Progress, check, never, quiet

if TYPE_CHECKING:
    from app.store import Store

_AVAILABLE = BoundedCache(64)
MOST_DAYS = 20_000  # of a calendar that names its days one by one


class TimeAxis:
    """The time axis of the product on the map, in one session."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def steps(self) -> np.ndarray:
        """Stamps of the product on the map (n,) datetime64[ns] UTC; none where there is no product."""
        entry = self._store.entry
        return self._store.times(entry) if entry else np.empty(0, "datetime64[ns]")

    @property
    def is_subdaily(self) -> bool:
        """Whether a day has several steps."""
        return len(self.steps) > 1 and bool(np.median(np.diff(self.steps)) < np.timedelta64(20, "h"))

    def days(self) -> list[date] | None:
        """The days that have a step; None where each day from the first to the last has one, or they are too many."""
        found = np.unique(self.steps.astype("datetime64[D]"))
        whole = len(found) and len(found) == int((found[-1] - found[0]) / np.timedelta64(1, "D")) + 1
        return None if whole or len(found) > MOST_DAYS else [day.item() for day in found]

    def on(self, day: date, step: int) -> int:
        """The step of a day nearest to the hour of ``step``; that of the next day with steps where it has none."""
        time = self.steps
        hour = time[step] - time[step].astype("datetime64[D]")
        first = int(np.clip(np.searchsorted(time, np.datetime64(day)), 0, len(time) - 1))
        return self._nearest(time[first].astype("datetime64[D]") + hour)

    def moved(self, step: int, *, steps: int = 0, days: int = 0, months: int = 0) -> int:
        """The step so many steps, days or months from one: the nearest there, but always at least one step away."""
        count, by = len(self.steps), steps or days or months
        if steps:
            return int(np.clip(step + steps, 0, count - 1))
        wanted = pd.Timestamp(self.steps[step]) + pd.DateOffset(days=days, months=months)
        found = self._nearest(wanted.to_datetime64())
        return int(np.clip(max(found, step + 1) if by > 0 else min(found, step - 1), 0, count - 1))

    def _nearest(self, moment: np.datetime64) -> int:
        time = self.steps
        after = int(np.clip(np.searchsorted(time, moment), 0, len(time) - 1))
        before = max(after - 1, 0)
        return before if abs(time[before] - moment) <= abs(time[after] - moment) else after

    # -- how full each step is -----------------------------------------------------------------------------------
    def known(self) -> Availability | None:
        """The share of valid cells by step, where it was read already."""
        entry = self._store.entry
        found: Availability | None = _AVAILABLE.peek(self._key(entry)) if entry else None
        return found

    def read(
        self,
        progress: Progress = quiet,
        cancelled: Cancel = never,
        told: Callable[[Availability], None] = lambda _: None,
    ) -> Availability:
        """Read it, and tell what is known so far; kept once per product and version."""
        entry = self._store.entry
        assert entry is not None
        key = self._key(entry)
        for found in availability(self._store.opened(entry), entry.variable):
            check(cancelled)
            told(found)
            progress(float(np.isfinite(found.share).mean()), "valid share")
        _AVAILABLE.put(key, found)
        return found

    def _key(self, entry: CatalogEntry) -> tuple[str, float]:
        return str(entry.location), self._store.version(entry)


def ticks(first: np.datetime64, last: np.datetime64, most: int = 11) -> list[tuple[pd.Timestamp, str]]:
    """Round moments between two, with their labels: as fine as leaves at most so many."""
    start, end = pd.Timestamp(first), pd.Timestamp(last)
    days, months = tr("%-d %b"), tr("%b %Y")
    for frequency, longest, label in (("D", 1, days), ("W-MON", 7, days), ("MS", 31, months), ("QS", 92, months)):
        if (end - start).days // longest > most:  # without making them all, to count them
            continue
        found = pd.date_range(start.normalize(), end, freq=frequency)
        found = found[found >= start]
        if len(found) <= most:
            return [(one, one.strftime(label)) for one in found]
    years = range(start.year + 1, end.year + 1)
    every = next(n for n in (1, 2, 5, 10, 20, 50, 100, 1000) if len(years) / n <= most)
    return [(pd.Timestamp(year, 1, 1), str(year)) for year in years if year % every == 0]
