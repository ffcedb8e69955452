"""What the rules look at: the record of a sensor, what was measured beside it, and the other stations."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.grids import distance_km
from smcore.review.suspicion.base import DAY_S, NOTHING, Bools, Daily, Floats, Ints, Series
from smcore.stations.quality import FROZEN_K

PEER_KM: Final = 100.0
"""Stations further away have other weather. Ours."""
PEER_DEPTH_M: Final = 0.06
"""Sensors that differ more in depth do not move together from day to day. Ours."""
MOST_PEERS: Final = 8
SWING_D: Final = 5
THAW_K: Final = 0.5
"""How far above 0 °C a thermometer may read where soil freezes [K]. Ours."""
LEAST_COMMON_DAYS: Final = 60
AGREED_R: Final = 0.2
"""Least mean correlation of the peers' daily changes with each other: else they tell nothing of the weather. Ours."""
MOST_SCALE: Final = 3.0
"""A peer whose swings are so many times larger or smaller is in other soil or weather. Ours."""
LEAST_R: Final = 0.4
"""Peers whose changes over five days follow the sensor's less than this are no measure of its level. Ours."""


@dataclass(frozen=True, eq=False)
class Companion:
    """Another sensor of the same station; depths [m]."""

    sensor: str
    depth_from: float
    depth_to: float
    record: Series

    @cached_property
    def daily(self) -> Daily:
        """Means of UTC days."""
        return self.record.daily()


@dataclass(frozen=True, eq=False)
class Others:
    """All other sensors of the collection, arrays (k,).

    ``daily`` (k, d) are daily means from the day ``first`` on, NaN missing; depths are the middles of the sensors'
    ranges [m], places in degrees.
    """

    sensor: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype=str))
    network: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype=str))
    station: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype=str))
    lat: Floats = field(default_factory=lambda: np.empty(0))
    lon: Floats = field(default_factory=lambda: np.empty(0))
    depth: Floats = field(default_factory=lambda: np.empty(0))
    first: int = 0
    daily: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def on(self, rows: Ints, first: int, count: int) -> Floats:
        """Daily means (row, day) of some of them over ``count`` days from ``first`` on, NaN outside."""
        result = np.full((len(rows), count), np.nan)
        low, high = max(first, self.first), min(first + count, self.first + self.daily.shape[1])
        if high > low and len(rows):
            result[:, low - first : high - first] = self.daily[rows, low - self.first : high - self.first]
        return result


@dataclass(frozen=True, eq=False)
class Evidence:
    """A sensor as the rules see it.

    Attributes
    ----------
    sensor, network, station
        Names.
    record
        Soil moisture [m3 m-3] as it is used: what flags leave out may be left out before.
    depth_from, depth_to, lat, lon
        Metres and degrees.
    country
        As the metadata have it; '' where they do not say.
    porosity
        Of its layer [m3 m-3]; NaN unknown.
    soil_temperature, air_temperature, precipitation
        Of the station [K, K, mm d-1]; empty where there is none.
    companions, others
        Other sensors of the station; all other sensors of the collection.
    """

    sensor: str
    record: Series
    lat: float = np.nan
    lon: float = np.nan
    depth_from: float = np.nan
    depth_to: float = np.nan
    network: str = ""
    station: str = ""
    country: str = ""
    porosity: float = np.nan
    soil_temperature: Series = NOTHING
    air_temperature: Series = NOTHING
    precipitation: Series = NOTHING
    companions: tuple[Companion, ...] = ()
    others: Others = field(default_factory=Others)

    @property
    def depth(self) -> float:
        """Middle of its range [m]."""
        return (self.depth_from + self.depth_to) / 2

    @cached_property
    def daily(self) -> Daily:
        """Means of UTC days."""
        return self.record.daily()

    @cached_property
    def rain(self) -> Floats:
        """Rain of the record's days [mm]; NaN where it was not measured."""
        return self.precipitation.daily().on(self.daily.first, len(self.daily.mean))

    @cached_property
    def is_hourly(self) -> bool:
        """Whether it has records within the day: every three hours or denser."""
        return len(self.record) > 2 and self.record.step <= 3 * 3600

    def near_frost(self, times: Ints) -> Bools:
        """At which times [s] the soil (or the air, if that alone is known) was near 0 °C or below within half a day.

        Freezing and thawing move the reading within the hour, and are no faults. False where nothing is known.
        """
        heat = self.soil_temperature if len(self.soil_temperature) else self.air_temperature
        cold = heat.time[heat.value <= FROZEN_K + THAW_K]
        first = np.searchsorted(cold, times - DAY_S // 2)
        return np.asarray(np.searchsorted(cold, times + DAY_S // 2, side="right") > first)

    @cached_property
    def elsewhere(self) -> Bools:
        """Which of the others belong to another station."""
        return np.asarray(~((self.others.network == self.network) & (self.others.station == self.station)))

    @cached_property
    def peers(self) -> Floats:
        """Daily means (peer, day) on the record's days of sensors at like depth, the closest first; no rows if none."""
        days = len(self.daily.mean)
        beside = [
            one.daily.on(self.daily.first, days)
            for one in self.companions
            if abs((one.depth_from + one.depth_to) / 2 - self.depth) <= PEER_DEPTH_M
        ]
        others = self.others
        away = distance_km(self.lat, self.lon, others.lat, others.lon) if len(others.sensor) else np.empty(0)
        fits = self.elsewhere & (away <= PEER_KM) & (np.abs(others.depth - self.depth) <= PEER_DEPTH_M)
        rows = np.flatnonzero(fits)
        rows = rows[np.argsort(away[rows], kind="stable")]
        found = np.vstack([*beside, others.on(rows, self.daily.first, days)]) if days else np.empty((0, 0))
        common = (np.isfinite(found) & np.isfinite(self.daily.mean)).sum(axis=1)
        same = np.nansum(np.abs(found - self.daily.mean), axis=1) == 0  # a copy of the record is no second opinion
        return np.asarray(found[(common >= LEAST_COMMON_DAYS) & ~same][:MOST_PEERS])

    @cached_property
    def expected(self) -> Floats | None:
        """Daily means that its peers lead one to expect (d,) [m3 m-3]; None with fewer than two peers.

        Each peer is brought to the sensor's median and to the size of its changes over five days, which a drift of the
        sensor does not alter; the median over two peers or more counts.
        """
        return expected_level(self.daily.mean, self.peers) if len(self.peers) > 1 else None

    @cached_property
    def agreed(self) -> Floats | None:
        """:attr:`expected`, or the one peer that there is (d,); None without a peer, or where peers do not agree."""
        if len(self.peers) < 2:
            return np.asarray(self.peers[0]) if len(self.peers) else None
        r = correlations(np.diff(self.peers, axis=1))
        return self.expected if len(r) and r.mean() >= AGREED_R else None

    @cached_property
    def against_peers(self) -> Floats | None:
        """The sensor's daily mean less :attr:`expected` (d,) [m3 m-3]; None where that does not follow the sensor."""
        if self.expected is None or correlation(swings(self.daily.mean), swings(self.expected)) < LEAST_R:
            return None
        return self.daily.mean - self.expected


def expected_level(own: Floats, peers: Floats) -> Floats:
    """Median over peers (k, d), each brought to the median and the swings of ``own`` (d,) on their common days."""
    scaled = np.full(peers.shape, np.nan)
    moves = swings(own)
    for i, peer in enumerate(peers):
        both = np.isfinite(peer) & np.isfinite(own)
        moved = swings(peer)
        shared = np.isfinite(moved) & np.isfinite(moves)
        if shared.sum() < 10:
            continue
        low, high = np.quantile(moved[shared], [0.1, 0.9])
        own_low, own_high = np.quantile(moves[shared], [0.1, 0.9])
        scale = (own_high - own_low) / (high - low) if high > low else 0.0
        if 1 / MOST_SCALE <= scale <= MOST_SCALE:
            scaled[i] = np.median(own[both]) + (peer - np.median(peer[both])) * scale
    return median_of(scaled)


def swings(daily: Floats) -> Floats:
    """Changes over five days (d - 5,)."""
    return np.asarray(daily[SWING_D:] - daily[:-SWING_D]) if len(daily) > SWING_D else np.empty(0)


def median_of(rows: Floats) -> Floats:
    """Median (d,) over those rows (k, d) that have a value, NaN where fewer than two have."""
    ordered = np.sort(rows, axis=0)  # NaN last
    number = np.isfinite(rows).sum(axis=0)
    at = np.arange(rows.shape[1])
    low, high = np.maximum((number - 1) // 2, 0), np.minimum(number // 2, len(rows) - 1)
    return np.where(number >= 2, (ordered[low, at] + ordered[high, at]) / 2, np.nan)


def correlations(rows: Floats) -> Floats:
    """Correlation of each two rows (k, d) over the days that both have, those that are known, one after another."""
    there = np.isfinite(rows)
    mean = np.where(there, rows, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    filled = np.where(there, rows - mean[:, None], 0.0)
    size = (filled * filled) @ there.T.astype(np.float64)  # of each row over the days that the other has too
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (filled @ filled.T) / np.sqrt(size * size.T)
    pairs = r[np.tril_indices(len(rows), -1)]
    return np.asarray(pairs[np.isfinite(pairs)])


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's r over common values; 0 where there are fewer than ten, or one does not vary."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 10:
        return 0.0
    x, y = a[both] - a[both].mean(), b[both] - b[both].mean()
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum() / size) if size > 0 else 0.0
