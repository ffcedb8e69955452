"""What hangs behind the series: rain from a catalogued forcing, and the days on which the soil is frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.page.language import tr
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError
from smcore.stations.quality import frozen
from smcore.time_support import Support

if TYPE_CHECKING:
    from app.series.store import Span
    from app.store import Store

RAIN, FLAG, TEMPERATURE = "precipitation", "frozen", "soil_temperature"
RAIN_UNITS = "mm d-1"
HALF_OF_A_DAY = 0.5
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Rain:
    """Mean precipitation of days: ``day`` (n,) datetime64[D] in UTC, ``value`` (n,) [mm d-1], NaN where not known."""

    entry: CatalogEntry
    label: str
    day: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Frozen:
    """Spans in which the soil is frozen: ``start`` and ``end`` (n,) datetime64; ``source`` says by what."""

    entry: CatalogEntry
    source: str
    start: np.ndarray
    end: np.ndarray


class Backdrop:
    """Rain and frost at the chosen place of one session."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection

    def rain(self, period: Span | None) -> Rain | None:
        """Daily rain at the place, of the product that knows most days of the period, of several the finest."""
        if self._selection.rain == "off" or period is None:
            return None
        found = [e for e in self._having(RAIN) if e.variables[RAIN] == RAIN_UNITS and self._cell(e, RAIN) is not None]
        found = [e for e in found if self._days(e, period) > 0]
        if not found:
            return None
        entry = max(found, key=lambda e: (self._days(e, period), -self._store.grid(e).step[0], -self._order(e)))
        day, value = daily_mean(self._store.times(entry), self._read(entry, RAIN), hours(entry))
        return Rain(entry, self._store.label(entry), day, value)

    def frozen(self) -> Frozen | None:
        """Spans of frozen soil: by the flag of a product at the place, else by its soil temperature."""
        if self._selection.frozen == "off":
            return None
        for variable in (FLAG, TEMPERATURE):
            for entry in self._having(variable):
                if self._cell(entry, variable) is not None:
                    return self._spans(entry, variable)
        return None

    def _spans(self, entry: CatalogEntry, variable: str) -> Frozen:
        values = self._read(entry, variable)
        is_flag = variable == FLAG
        hit = values >= HALF_OF_A_DAY if is_flag else frozen(values)
        label = self._store.label(entry)
        source = (
            tr("frozen-ground flag of {label}", label=label)
            if is_flag
            else tr("soil at or below 0 °C in {label}", label=label)
        )
        return Frozen(entry, source, *runs(self._store.times(entry), hit, hours(entry)))

    # -- what can tell -------------------------------------------------------------------------------------------
    def _having(self, variable: str) -> list[CatalogEntry]:
        """Visible cubes and pixel sets that keep a variable over time, the product on the map first."""
        on_map = self._store.entry
        entries = [
            e
            for e in self._store.catalog
            if not e.hidden and e.layout in ("cube", "pixels") and e.period and variable in e.variables
        ]
        return sorted(entries, key=lambda e: on_map is None or e.id != on_map.id)

    def _order(self, entry: CatalogEntry) -> int:
        return [e.id for e in self._store.catalog].index(entry.id)

    def _cell(self, entry: CatalogEntry, variable: str) -> tuple[int, int] | None:
        """Row and column of the place, None where the store is gone or has nothing there that changes with time."""
        if self._selection.point is None:
            return None
        try:
            row, column = (int(i) for i in self._store.grid(entry).index(*self._selection.point))
            prepared = self._store.opened(entry)
            varies = variable in prepared.variables and variable not in prepared.statics
            gone = row < 0 or not varies or (entry.layout == "pixels" and prepared.at(row, column) is None)
        except SmcoreError:  # the inspector says what is wrong with a product; here another may know
            return None
        return None if gone else (row, column)

    def _read(self, entry: CatalogEntry, variable: str) -> np.ndarray:
        cell = self._cell(entry, variable)
        assert cell is not None
        return self._store.values(entry, *cell, variable)

    def _days(self, entry: CatalogEntry, period: Span) -> int:
        time = self._store.times(entry)
        inside = time[(time >= period[0]) & (time <= period[1])]
        return len(np.unique(inside.astype("datetime64[D]")))


def hours(entry: CatalogEntry) -> tuple[float, float]:
    """How long a step is [h] and where its middle lies after its stamp [h]; an instant of a daily product is a day."""
    support = Support.parse(entry.time_support or names.INSTANT, entry.id)
    return support.hours, support.centre / 3_600_000_000


def daily_mean(time: np.ndarray, rate: np.ndarray, step: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Mean rate of each UTC day, from steps whose middles lie in it; NaN where less than half of its steps are known.

    Parameters
    ----------
    time, rate
        (n,) ascending stamps, and values with NaN where missing.
    step
        Length of a step and how far after its stamp its middle lies [h].

    Returns
    -------
    day, mean
        (m,) datetime64[D] and the unit of ``rate``.
    """
    middle = time + np.timedelta64(round(step[1] * 3600), "s")
    day, place, count = np.unique(middle.astype("datetime64[D]"), return_inverse=True, return_counts=True)
    known = np.isfinite(rate)
    total = np.bincount(place, np.where(known, rate, 0.0).astype(np.float64), len(day))
    valid = np.bincount(place, known, len(day))
    usual = float(np.median(count)) if len(count) else 1.0
    enough = valid >= np.maximum(HALF_OF_A_DAY * usual, 1)
    return day, np.where(enough, total / np.maximum(valid, 1), np.nan)


def runs(time: np.ndarray, hit: np.ndarray, step: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of the stretches of steps that are hit; steps further apart than usual are no stretch."""
    if not hit.any():
        return time[:0], time[:0]
    usual = np.median(np.diff(time)) if len(time) > 1 else DAY
    length = np.timedelta64(round(step[0] * 3600), "s") if step[0] else np.timedelta64(usual)
    first = time + np.timedelta64(round(step[1] * 3600), "s") - length // 2
    at = np.flatnonzero(hit)
    breaks = np.flatnonzero(np.diff(first[at]) > 1.5 * usual)
    begins, ends = np.append(0, breaks + 1), np.append(breaks, len(at) - 1)
    return first[at[begins]], first[at[ends]] + length
