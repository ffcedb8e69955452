"""How well a station can stand for its cell: what the cell is made of, who else measures in it, and its error.

Every part may be missing, and then says what would fill it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore import names
from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import SmcoreError
from smcore.grids import distance_km
from smcore.review.station.footprints import Footprint, grid_of
from smcore.review.suspicion.evidence import PEER_DEPTH_M, correlation
from smcore.review.suspicion.reading import Sensors
from smcore.validation.strata.land_cover import igbp_name, land_cover_name

if TYPE_CHECKING:
    from smcore.validation.runs.results import RunResults

Floats = NDArray[np.float64]

LEAST_CELLS: Final = 4
"""A map with fewer cells inside says nothing of what the cell is made of. Ours."""
LEAST_DAYS: Final = 30
"""Days that two sensors must share. Ours."""
LAND_COVER, RELIEF, SENSORS, TRIPLE = "land cover", "relief", "other sensors", "collocation error"


@dataclass(frozen=True)
class LandCover:
    """Classes inside the cell with their share of it (largest first), and where they are known from.

    ``at_station`` is the class of the station's own fine cell; ``own`` is what the station says of itself.
    """

    shares: tuple[tuple[str, float], ...]
    at_station: str
    own: str
    origin: str
    cells: int

    @property
    def sentence(self) -> str:
        """The share of the station's class."""
        share = dict(self.shares).get(self.at_station, 0.0)
        return f"the station stands in {self.at_station or 'an unknown class'}, {share:.0%} of the cell"


@dataclass(frozen=True)
class Relief:
    """Elevation inside the cell [m]: mean, standard deviation, lowest and highest, and that of the station."""

    mean: float
    std: float
    lowest: float
    highest: float
    station: float
    origin: str
    cells: int


@dataclass(frozen=True)
class OtherSensors:
    """Sensors of like depth in the cell besides this one.

    ``mean_r`` is the mean over them of the correlation of daily means with this sensor's, ``spread`` the mean over days
    of the standard deviation between all sensors with this one [m3 m-3], ``days`` how many days that is.
    """

    sensors: tuple[str, ...]
    stations: int
    mean_r: float
    spread: float
    days: int


@dataclass(frozen=True)
class TripleError:
    """Error of the station by triple collocation, with its interval: a row of the run's ``triple.csv``."""

    triplet: str
    err_std: float
    lower: float
    upper: float
    snr_db: float
    n: int
    units: str
    note: str


@dataclass(frozen=True)
class Representativeness:
    """What is known of a station's cell; ``missing`` says of each part that is not there what would fill it."""

    footprint: Footprint | None
    land_cover: LandCover | None = None
    relief: Relief | None = None
    sensors: OtherSensors | None = None
    triple: tuple[TripleError, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)


def representativeness(
    sensors: Sensors, row: int, cell: Footprint | None, catalog: Catalog, results: RunResults | None = None
) -> Representativeness:
    """Gather what is known of the cell that a sensor is compared with.

    Parameters
    ----------
    cell
        As :func:`smcore.review.station.footprints.footprint` gives it; None where the product has no grid.
    catalog
        Where maps of land cover and elevation are looked for: entries of the same world (made up or not), finer than
        the cell. Of several the finest counts.
    results
        The run, for its errors by triple collocation.
    """
    missing: dict[str, str] = {}
    land_cover, relief, beside = None, None, None
    if cell is None:
        told = "the product has no grid, so there is no cell to look into"
        missing |= dict.fromkeys((LAND_COVER, RELIEF, SENSORS), told)
    else:
        land_cover = _land_cover(sensors, row, cell, catalog, missing)
        relief = _relief(sensors, row, cell, catalog, missing)
        beside = _others(sensors, row, cell, missing)
    triple = _triple(results, str(sensors.ids[row]), missing)
    return Representativeness(cell, land_cover, relief, beside, triple, missing)


@dataclass(frozen=True, eq=False)
class _Inside:
    """Values of the cells of a map that lie in a footprint, with their areas [km²]; and of the station's own cell."""

    values: Floats
    area: Floats
    at_station: float
    origin: str


def _inside(sensors: Sensors, row: int, cell: Footprint, catalog: Catalog, variable: str) -> _Inside | None:
    """The finest map of a variable that has several cells in the footprint."""
    synthetic = sensors.synthetic
    lat, lon = (float(sensors.number(name)[row]) for name in (names.LAT, names.LON))
    best: _Inside | None = None
    for entry in catalog:
        if entry.layout != "cube" or entry.hidden or entry.synthetic != synthetic or variable not in entry.variables:
            continue
        with suppress(SmcoreError, OSError):  # a damaged map is no reason to show nothing of the others
            found = _read_inside(entry, variable, cell, lat, lon)
            if found is not None and (best is None or len(found.values) > len(best.values)):
                best = found
    return best


def _read_inside(entry: CatalogEntry, variable: str, cell: Footprint, lat: float, lon: float) -> _Inside | None:
    from smcore.cubes.open import open_entry

    opened: Any = open_entry(entry)
    grid = grid_of(opened)
    if grid is None or variable not in opened.statics:
        return None
    west, east, south, north = cell.lon[0], cell.lon[1], cell.lat[0], cell.lat[2]
    turned = (grid.lon - west) % 360.0
    rows = np.flatnonzero((grid.lat > south) & (grid.lat < north))
    columns = np.flatnonzero((turned > 0) & (turned < east - west))
    if len(rows) * len(columns) < LEAST_CELLS or columns[-1] - columns[0] >= 2 * len(columns):
        return None
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    values = np.asarray(opened.read_map(variable, rows=box[0], cols=box[1]), np.float64)
    area = np.broadcast_to(grid.cell_area_km2()[box[0], None], values.shape)
    known = np.isfinite(values)
    if known.sum() < LEAST_CELLS:
        return None
    r, c = (int(index) for index in grid.index(lat, lon))
    own = np.nan if r < 0 else float(opened.read_map(variable, rows=slice(r, r + 1), cols=slice(c, c + 1))[0, 0])
    return _Inside(values[known], np.asarray(area[known]), own, entry.title or entry.id)


def _land_cover(
    sensors: Sensors, row: int, cell: Footprint, catalog: Catalog, missing: dict[str, str]
) -> LandCover | None:
    own = land_cover_name(sensors.text("land_cover", row))
    found = _inside(sensors, row, cell, catalog, "land_cover")
    if found is None:
        missing[LAND_COVER] = _wanted("land_cover", "IGBP classes") + (f"; the station says «{own}»" if own else "")
        return None
    classes, at = np.unique(found.values, return_inverse=True)
    share = np.bincount(at, weights=found.area) / found.area.sum()
    order = np.argsort(-share, kind="stable")
    named = tuple((igbp_name(classes[i]) or f"class {classes[i]:g}", float(share[i])) for i in order)
    here = igbp_name(found.at_station) if np.isfinite(found.at_station) else ""
    return LandCover(named, here, own, found.origin, len(found.values))


def _relief(sensors: Sensors, row: int, cell: Footprint, catalog: Catalog, missing: dict[str, str]) -> Relief | None:
    found = _inside(sensors, row, cell, catalog, "elevation")
    if found is None:
        missing[RELIEF] = _wanted("elevation", "metres")
        return None
    mean = float(np.average(found.values, weights=found.area))
    std = float(np.sqrt(np.average((found.values - mean) ** 2, weights=found.area)))
    low, high = float(found.values.min()), float(found.values.max())
    return Relief(mean, std, low, high, float(sensors.number("elevation")[row]), found.origin, len(found.values))


def _wanted(variable: str, what: str) -> str:
    return (
        f"no catalogue entry has a map «{variable}» ({what}) with {LEAST_CELLS} cells or more inside this cell; ingest "
        "a finer one"
    )


def _others(sensors: Sensors, row: int, cell: Footprint, missing: dict[str, str]) -> OtherSensors | None:
    lat, lon = sensors.number(names.LAT), sensors.number(names.LON)
    depth = (sensors.number("depth_from") + sensors.number("depth_to")) / 2
    turned = (lon - cell.lon[0]) % 360.0
    inside = (lat >= cell.lat[0]) & (lat <= cell.lat[2]) & (turned <= cell.lon[1] - cell.lon[0])
    inside &= np.abs(depth - depth[row]) <= PEER_DEPTH_M
    inside[row] = False
    daily = sensors.daily[1]
    rows = [int(i) for i in np.flatnonzero(inside) if _common(daily[row], daily[i]) >= LEAST_DAYS]
    if not rows:
        nearest = _nearest(lat, lon, depth, row)
        missing[SENSORS] = f"no other sensor of like depth shares {LEAST_DAYS} days with it in this cell{nearest}"
        return None
    together = daily[[row, *rows]].astype(np.float64)
    days = np.isfinite(together[0]) & (np.isfinite(together).sum(axis=0) > 1)
    spread = float(np.nanstd(together[:, days], axis=0, ddof=1).mean())
    r = float(np.mean([correlation(together[0], one) for one in together[1:]]))
    pairs = {(sensors.text("network", i), sensors.text("station", i)) for i in rows}
    return OtherSensors(tuple(str(sensors.ids[i]) for i in rows), len(pairs), r, spread, int(days.sum()))


def _common(a: NDArray[Any], b: NDArray[Any]) -> int:
    return int((np.isfinite(a) & np.isfinite(b)).sum())


def _nearest(lat: Floats, lon: Floats, depth: Floats, row: int) -> str:
    like = np.abs(depth - depth[row]) <= PEER_DEPTH_M
    like[row] = False
    if not like.any():
        return ""
    away = float(distance_km(lat[row], lon[row], lat[like], lon[like]).min())
    return f"; the nearest of like depth is {away:.1f} km away"


def _triple(results: RunResults | None, sensor: str, missing: dict[str, str]) -> tuple[TripleError, ...]:
    table = None if results is None else results.triple
    if results is None or table is None or not len(table):
        missing[TRIPLE] = "the run has no triple collocation; it needs two products: loam validate --triple"
        return ()
    rows = table[(table["sensor"] == sensor) & (table["member"] == results.reference)]
    if not len(rows):
        missing[TRIPLE] = "triple.csv of the run has no row of this sensor"
        return ()
    return tuple(_triplet(str(name), group.set_index("metric")) for name, group in rows.groupby("triplet", sort=False))


def _triplet(name: str, by: pd.DataFrame) -> TripleError:
    """Rows of one triplet, by metric."""

    def number(metric: str, column: str) -> float:
        return float(by[column].to_numpy(np.float64)[by.index.get_loc(metric)])

    error = by.loc["err_std"]
    note = str(error["note"]) if error["status"] != "ok" else ""
    return TripleError(
        name, number("err_std", "value"), number("err_std", "lower"), number("err_std", "upper"),
        number("snr_db", "value"), int(number("err_std", "n")), str(error["units"]), note,
    )  # fmt: skip
