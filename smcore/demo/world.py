"""The frame of the demo world: version, seed, domains and the cuts that can be built of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smcore.errors import SmcoreError
from smcore.grids import Grid, ease, ratio, regular

VERSION = "1.1.0"
"""Version of the generator, stored in every file. A change of any number that it makes is a new version."""

SEED = 2015
SPIN_UP_DAYS = 183
"""Each year is simulated from this many days before it, by the same rule in every cut; so cuts agree bit for bit."""

HALO = 2
"""M36 cells computed around the continental domain: the radiometer's footprint reaches over edges."""

FINE_HALO = 3
"""M36 cells around the regional domain: a footprint, and a ring where the fit to the coarse truth lacks neighbours."""

LOCAL_HALO = 9
"""M01 cells around the local domain: one 9 km cell, where the fit lacks neighbours."""

Days = NDArray[np.int64]


@dataclass(frozen=True)
class Box:
    """A rectangle of M36 cells, half open: rows and columns in the whole grid."""

    row0: int
    row1: int
    col0: int
    col1: int

    def grid(self, name: str, halo: int = 0, cells: int = 0) -> Grid:
        """The cells of EASE-Grid `name` inside the box, with `halo` M36 cells and `cells` of its own around."""
        side = ratio(name, "M36") if name != "M36" else 1
        ring = halo * side + cells
        rows = slice(self.row0 * side - ring, self.row1 * side + ring)
        return ease(name).cut(rows, slice(self.col0 * side - ring, self.col1 * side + ring))

    def holds(self, other: Box, margin: int = 0) -> bool:
        """Whether `other` lies inside, `margin` cells from the edge."""
        return (
            self.row0 + margin <= other.row0
            and other.row1 <= self.row1 - margin
            and self.col0 + margin <= other.col0
            and other.col1 <= self.col1 - margin
        )


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`, both included, as ISO dates."""

    start: str
    end: str

    @property
    def days(self) -> Days:
        """Days since 1970-01-01."""
        first, last = np.datetime64(self.start, "D").astype(np.int64), np.datetime64(self.end, "D").astype(np.int64)
        return np.arange(first, last + 1)

    def years(self) -> list[Period]:
        """The calendar years that it touches, each cut to the period."""
        first, last = int(self.start[:4]), int(self.end[:4])
        return [Period(max(self.start, f"{y}-01-01"), min(self.end, f"{y}-12-31")) for y in range(first, last + 1)]


@dataclass(frozen=True)
class Cut:
    """What to build of the world.

    Attributes
    ----------
    name
        ``default``, ``full`` or a test's own.
    continent, region, local
        Domains at 36, 9 and 1 km, each inside the one before.
    period
        Days of the 36 and 9 km domains.
    season
        Days of the 1 km domain.
    forcing_seasons
        Days of the 3-hourly domain, in ascending order.
    stations
        How many stations of each network at most.
    """

    name: str
    continent: Box
    region: Box
    local: Box
    period: Period
    season: Period
    forcing_seasons: tuple[Period, ...]
    stations: tuple[int, int, int]

    def __post_init__(self) -> None:
        if not (self.continent.holds(self.region) and self.region.holds(self.local)):
            raise SmcoreError("The domains of a cut of the demo world must lie in each other", where=self.name)

    @property
    def forcing_grid(self) -> Grid:
        """The 0.1° cells (centres at whole tenths, as in ERA5-Land) that lie wholly inside the regional domain."""
        west, south, east, north = self.region.grid("M09").bbox
        rows = slice(int(np.ceil((90 - north) * 10 + 0.5)), int(np.floor((90 - south) * 10 - 0.5)) + 1)
        columns = slice(int(np.ceil((west + 180) * 10 + 0.5)), int(np.floor((east + 180) * 10 - 0.5)) + 1)
        return _tenths(rows, columns)


def _tenths(rows: slice, columns: slice) -> Grid:
    """Cut of the global 0.1° grid, its centres rounded so that they do not depend on where the cut begins."""
    grid = regular(90.0, -180.0, 0.1, 0.1, 1801, 3600).cut(rows, columns)
    return replace(grid, lat=np.round(grid.lat, 1), lon=np.round(grid.lon, 1), row0=0, col0=0)


CONTINENT = Box(46, 126, 146, 306)  # 50.5 to 23.3° N, 125.5 to 65.7° W: 80 x 160 cells of 36 km
REGION = Box(74, 106, 206, 238)  # 39.4 to 28.5° N, 103.1 to 91.1° W: 128 x 128 cells of 9 km
LOCAL = Box(86, 94, 218, 226)  # 35.2 to 32.5° N, 98.6 to 95.6° W: 288 x 288 cells of 1 km
SEASON = ("05-01", "07-31")

FULL = Cut(
    "full",
    CONTINENT,
    REGION,
    LOCAL,
    Period("2016-01-01", "2019-12-31"),
    Period("2019-05-01", "2019-07-31"),
    (Period("2018-05-01", "2018-07-31"), Period("2019-05-01", "2019-07-31")),
    (60, 90, 90),
)
DEFAULT = replace(
    FULL,
    name="default",
    region=Box(82, 106, 214, 238),
    period=Period("2019-01-01", "2019-12-31"),
    season=Period("2019-05-01", "2019-05-31"),
    forcing_seasons=(Period("2019-05-01", "2019-05-31"),),
    stations=(14, 20, 20),
)


def season_start(day: int) -> int:
    """First day of simulation [days since 1970] of the 1 km and 3-hourly season that holds `day`: 1 April."""
    year = np.datetime64(day, "D").astype("datetime64[Y]")
    return int((year + np.timedelta64(3, "M")).astype("datetime64[D]").astype(np.int64))


def year_start(day: int) -> int:
    """First day of simulation [days since 1970] of the calendar year that holds `day`."""
    year = np.datetime64(day, "D").astype("datetime64[Y]").astype("datetime64[D]")
    return int(year.astype(np.int64)) - SPIN_UP_DAYS
