"""What hung where and when at a station: sensors, their periods and gaps, and what was changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.review.suspicion.base import DAY_S, Ints, Suspicion, iso
from smcore.review.suspicion.reading import Sensors
from smcore.stations.select import DEPTH_TOLERANCE_M

GAP_DAYS: Final = 1.0
"""Shorter pauses are no gap of the history [d]. Ours."""
SWAP: Final = "sensor-swap"
"""Id of the rule whose marks tell of exchanged sensors."""


@dataclass(frozen=True)
class Gap:
    """A pause: from the last record before it to the first after it (ISO, UTC)."""

    start: str
    end: str
    days: float


@dataclass(frozen=True)
class SensorPeriod:
    """One sensor of the station.

    Attributes
    ----------
    sensor, instrument
        Id, and the instrument as its metadata name it.
    depth_from, depth_to
        Metres.
    first, last
        Time of its first and last record (ISO, UTC); '' without records.
    records, used
        How many values there are, and how many of them carry only flags that are allowed.
    coverage
        Part of the steps between first and last that have a value (0…1; NaN without records).
    gaps
        Pauses longer than :data:`GAP_DAYS`, in order of time.
    """

    sensor: str
    instrument: str
    depth_from: float
    depth_to: float
    first: str
    last: str
    records: int
    used: int
    coverage: float
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class Change:
    """Something that changed: ``kind`` is ``replaced``, ``added``, ``ended`` or ``swap``; time in ISO, UTC."""

    time: str
    kind: str
    sentence: str


@dataclass(frozen=True)
class StationHistory:
    """All sensors of a station from the top down, and its changes in order of time."""

    network: str
    station: str
    sensors: tuple[SensorPeriod, ...]
    changes: tuple[Change, ...]


def station_history(sensors: Sensors, row: int, marks: Sequence[Suspicion] = ()) -> StationHistory:
    """The history of the station that a sensor belongs to.

    Parameters
    ----------
    sensors
        The collection.
    row
        Any sensor of the station.
    marks
        Suspicions about its sensors; those of the rule :data:`SWAP` become changes, said to be suspected.
    """
    whole = Sensors(sensors.prepared, None)
    periods = tuple(_period(whole, sensors, i) for i in sensors.of_station(row))
    changes = [*_replaced(periods), *_ends(periods)]
    changes += [Change(one.start, "swap", f"suspected: {one.sentence}") for one in marks if one.rule == SWAP]
    return StationHistory(
        sensors.text("network", row), sensors.text("station", row), periods, tuple(sorted(changes, key=_by_time))
    )


def _by_time(change: Change) -> tuple[str, str]:
    return change.time, change.kind


def _period(whole: Sensors, used: Sensors, row: int) -> SensorPeriod:
    record = whole.series(row)
    good = record if used.flags is None else used.series(row)
    top, bottom = (float(whole.number(name)[row]) for name in ("depth_from", "depth_to"))
    sensor, instrument = whole.text(names.SENSOR, row), whole.text("instrument", row)
    if not len(record):
        return SensorPeriod(sensor, instrument, top, bottom, "", "", 0, 0, np.nan, ())
    begin, end = record.time[0], record.time[-1]
    expected = float(end - begin) / max(record.step, 1.0) + 1
    return SensorPeriod(
        sensor, instrument, top, bottom, iso(begin), iso(end), len(record), len(good),
        float(min(len(record) / expected, 1.0)), gaps_of(record.time, record.step),
    )  # fmt: skip


def gaps_of(time: Ints, step: float) -> tuple[Gap, ...]:
    """Pauses of a record [s] longer than :data:`GAP_DAYS` and than three of its usual steps [s]."""
    apart = np.diff(time)
    at = np.flatnonzero(apart > max(GAP_DAYS * DAY_S, 3 * step))
    return tuple(Gap(iso(time[i]), iso(time[i + 1]), round(float(apart[i]) / DAY_S, 2)) for i in at)


def _replaced(periods: Sequence[SensorPeriod]) -> list[Change]:
    """Sensors of one depth that follow one another."""
    found = []
    for group in _by_depth(periods):
        for old, new in pairwise(sorted(group, key=lambda one: one.first)):
            if new.first > old.last:
                days = _days(old.last, new.first)
                said = f"{_depth(old)}: {old.instrument or 'a sensor'} ended on {old.last[:10]}"
                said += f", {new.instrument or 'another'} began {days:.0f} days later"
                found.append(Change(new.first, "replaced", said))
            elif new.first > old.first:
                said = f"{_depth(new)}: {new.instrument or 'a sensor'} was added beside {old.instrument or 'another'}"
                found.append(Change(new.first, "added", said))
    return found


def _ends(periods: Sequence[SensorPeriod]) -> list[Change]:
    """Depths that came later than the first, or ended before the last sensor of the station."""
    groups = _by_depth(periods)
    if len(groups) < 2:
        return []
    begins = [min(one.first for one in group) for group in groups]
    ends = [max(one.last for one in group) for group in groups]
    found = [
        Change(begin, "added", f"{_depth(group[0])}: first record, later than at other depths")
        for group, begin in zip(groups, begins, strict=True)
        if _days(min(begins), begin) > 30
    ]
    return found + [
        Change(end, "ended", f"{_depth(group[0])}: last record, while other depths go on")
        for group, end in zip(groups, ends, strict=True)
        if _days(end, max(ends)) > 30
    ]


def _by_depth(periods: Sequence[SensorPeriod]) -> list[list[SensorPeriod]]:
    groups: list[list[SensorPeriod]] = []
    for one in (period for period in periods if period.records):
        for group in groups:
            if _alike(group[0], one):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _alike(a: SensorPeriod, b: SensorPeriod) -> bool:
    limits: NDArray[np.float64] = np.abs([a.depth_from - b.depth_from, a.depth_to - b.depth_to])
    return bool((limits <= DEPTH_TOLERANCE_M).all())


def _depth(one: SensorPeriod) -> str:
    same = one.depth_from == one.depth_to
    return f"{one.depth_from:g} m" if same else f"{one.depth_from:g}–{one.depth_to:g} m"


def _days(first: str, last: str) -> float:
    return float((np.datetime64(last) - np.datetime64(first)) / np.timedelta64(1, "D"))
