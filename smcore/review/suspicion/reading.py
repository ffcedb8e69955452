"""Evidence about the sensors of a prepared station collection, each record read once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import CubeError
from smcore.review.suspicion.base import NOTHING, Bools, Floats, Ints, Series
from smcore.review.suspicion.evidence import Companion, Evidence, Others
from smcore.stations import flags as quality_flags

USED: Final = ("G",)
"""Flags whose values are looked at unless others are named: those of a run's default."""


@dataclass(frozen=True, eq=False)
class Sensors:
    """The sensors of a collection with what their rules need of each other; keep it while the collection is reviewed.

    Parameters
    ----------
    prepared
        A prepared station collection (:class:`smcore.cubes.tables.PreparedStations`).
    flags
        Only values that carry none but these flags are looked at, as the run does; None looks at all.

    Raises
    ------
    CubeError
        If the data are no station collection.
    """

    prepared: Any
    flags: tuple[str, ...] | None = USED
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        if names.SENSOR not in getattr(self.prepared, "coords", {}):
            title = str(self.prepared.attrs.get("title", ""))
            raise CubeError("Suspicions and facts of a station need sensors, and these data have none", where=title)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def synthetic(self) -> bool:
        """Whether the collection is of a made-up world."""
        return bool(int(self.prepared.attrs.get("synthetic", 0)))

    @cached_property
    def ids(self) -> NDArray[np.str_]:
        """Ids of the sensors, (n,)."""
        return self._texts(names.SENSOR)

    def row(self, sensor: str) -> int | None:
        """Row of a sensor; None where there is none of that id."""
        found = np.flatnonzero(self.ids == sensor)
        return int(found[0]) if len(found) else None

    def series(self, row: int, variable: str = names.SM) -> Series:
        """The record of a sensor, soil moisture only where its flags are allowed; empty where there is none."""
        if variable not in self.prepared.variables:
            return NOTHING
        value = np.asarray(self.prepared.read_series(variable, row), dtype=np.float64)
        if variable == names.SM and self.flags is not None and names.FLAG in self.prepared.variables:
            flag = xr.DataArray(self.prepared.read_series(names.FLAG, row), dims=names.TIME)
            value = np.where(quality_flags.usable(flag, self.flags).values, value, np.nan)
        return Series.of(self._seconds, value)

    def evidence(self, row: int) -> Evidence:
        """All that is known about one sensor."""
        beside = self.of_station(row)
        companions = [
            Companion(str(self.ids[i]), self.number("depth_from")[i], self.number("depth_to")[i], self.series(i))
            for i in beside
            if i != row
        ]
        return Evidence(
            sensor=str(self.ids[row]),
            record=self.series(row),
            lat=float(self.number(names.LAT)[row]),
            lon=float(self.number(names.LON)[row]),
            depth_from=float(self.number("depth_from")[row]),
            depth_to=float(self.number("depth_to")[row]),
            network=str(self._texts("network")[row]),
            station=str(self._texts("station")[row]),
            country=str(self._texts("country")[row]),
            porosity=float(self.number("porosity")[row]),
            soil_temperature=self._weather("soil_temperature", row, beside),
            air_temperature=self._weather("air_temperature", row, beside),
            precipitation=self._weather("precipitation", row, beside),
            companions=tuple(one for one in companions if len(one.record)),
            others=self._others_of(row),
        )

    def of_station(self, row: int) -> list[int]:
        """Rows of the sensors of the same station, this one included, from the top down."""
        network, station = self._texts("network"), self._texts("station")
        rows = np.flatnonzero((network == network[row]) & (station == station[row]))
        return [int(i) for i in rows[np.argsort(self.number("depth_from")[rows], kind="stable")]]

    def number(self, name: str) -> Floats:
        """A coordinate of the sensors as numbers (n,), NaN where it is not kept."""
        held = self.prepared.coords.get(name)
        return np.full(len(self), np.nan) if held is None else np.asarray(held, dtype=np.float64)

    def text(self, name: str, row: int) -> str:
        """A coordinate of a sensor as text; '' where it is not kept."""
        return str(self._texts(name)[row])

    @cached_property
    def _seconds(self) -> Ints:
        return np.asarray(self.prepared.time).astype("datetime64[s]").astype(np.int64)

    @property
    def daily(self) -> tuple[int, NDArray[np.float32]]:
        """First day (days since 1970) and daily means of all sensors (sensor, day), NaN missing; read once."""
        with self._lock:
            return self._daily

    @cached_property
    def _daily(self) -> tuple[int, NDArray[np.float32]]:
        found = [self.series(row).daily() for row in range(len(self))]
        some = [one for one in found if len(one.mean)]
        if not some:
            return 0, np.empty((len(found), 0), np.float32)
        first = min(one.first for one in some)
        count = max(one.first + len(one.mean) for one in some) - first
        return first, np.stack([one.on(first, count) for one in found]).astype(np.float32)

    def _others_of(self, row: int) -> Others:
        first, daily = self.daily
        kept: Bools = np.arange(len(self)) != row
        depth = (self.number("depth_from") + self.number("depth_to")) / 2
        return Others(
            self.ids[kept], self._texts("network")[kept], self._texts("station")[kept],
            self.number(names.LAT)[kept], self.number(names.LON)[kept], depth[kept], first, daily[kept],
        )  # fmt: skip

    def _weather(self, variable: str, row: int, beside: Sequence[int]) -> Series:
        """A variable of the sensor itself, else of the sensor of its station that is closest in depth."""
        depth = self.number("depth_from")
        for i in sorted(beside, key=lambda i: abs(depth[i] - depth[row])):
            found = self.series(i, variable)
            if len(found):
                return found
        return NOTHING

    def _texts(self, name: str) -> NDArray[np.str_]:
        held = self.prepared.coords.get(name)
        count = len(self.prepared.coords[names.SENSOR])
        return np.full(count, "") if held is None else np.asarray(held).astype(str)
