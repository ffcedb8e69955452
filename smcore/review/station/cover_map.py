"""The land cover around a station as the finest map of the catalogue has it, for the picture of its cells."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import SmcoreError
from smcore.review.station.footprints import grid_of, standard_footprints

Floats = NDArray[np.float64]

VARIABLE: Final = "land_cover"
MARGIN: Final = 0.12
"""How much more than the largest cell is read, as a share of it; ours."""
LEAST_CELLS: Final = 4
"""Cells inside the 36 km cell that a map needs to say anything of what it is made of; ours."""
MOST_CELLS: Final = 6_400
"""Of a finer map one cell stands for k × k, that in their middle; ours."""


@dataclass(frozen=True, eq=False)
class CoverMap:
    """Classes of the cells around a station.

    Attributes
    ----------
    classes : ndarray of int16 (row, column)
        IGBP numbers, −1 where there is none; rows from north to south.
    lat_edges, lon_edges : ndarray (row + 1,), (column + 1,) [deg]
        Borders of the cells; longitudes ascend, beyond ±180 where the map does.
    origin, entry
        What the map is called, and its id in the catalogue.
    count
        How many cells the map itself has there.
    """

    classes: NDArray[np.int16]
    lat_edges: Floats
    lon_edges: Floats
    origin: str
    entry: str
    count: int


def cover_map(catalog: Catalog, lat: float, lon: float, *, synthetic: bool) -> CoverMap | None:
    """The land cover of the 36 km cell around a place [deg], and a little beyond.

    Parameters
    ----------
    catalog
        Where maps ``land_cover`` are looked for, of the same world (made up or not); the finest that has
        :data:`LEAST_CELLS` there counts.

    Returns
    -------
    CoverMap or None
        None where there is no such map.
    """
    cells = standard_footprints(lat, lon)
    if not cells:
        return None
    best: CoverMap | None = None
    for entry in catalog:
        is_other = entry.layout != "cube" or entry.hidden or entry.synthetic != synthetic
        if is_other or VARIABLE not in entry.variables:
            continue
        with suppress(SmcoreError, OSError):  # a damaged map is no reason to show nothing of the others
            found = _read(entry, cells[0].lat, cells[0].lon)
            if found is not None and (best is None or found.count > best.count):
                best = found
    return best


def _read(entry: CatalogEntry, lat: Floats, lon: Floats) -> CoverMap | None:
    from smcore.cubes.open import open_entry

    opened: Any = open_entry(entry)
    grid = grid_of(opened)
    if grid is None or VARIABLE not in opened.statics:
        return None
    south, north, west, east = lat[0], lat[2], lon[0], lon[1]
    wide, high = MARGIN * (east - west), MARGIN * (north - south)
    rows = np.flatnonzero((grid.lat_edges[:-1] > south - high) & (grid.lat_edges[1:] < north + high))
    middle = (west + east) / 2
    centre = middle + (grid.lon - middle + 180.0) % 360.0 - 180.0  # beside the station, not a turn away
    half = np.diff(grid.lon_edges) / 2
    columns = np.flatnonzero((centre + half > west - wide) & (centre - half < east + wide))
    inside = int(((grid.lat > south) & (grid.lat < north)).sum()) * int(((centre > west) & (centre < east)).sum())
    if inside < LEAST_CELLS or columns[-1] - columns[0] >= len(columns):  # torn at the map's border
        return None
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    values = np.asarray(opened.read_map(VARIABLE, rows=box[0], cols=box[1]), np.float64)
    if np.isfinite(values).sum() < LEAST_CELLS:
        return None
    whole = np.where(np.isfinite(values), values, -1).astype(np.int16)
    first = centre[columns[0]] - half[columns[0]]
    lon_edges = first + np.concatenate([[0.0], np.cumsum(2 * half[columns])])
    lat_edges = np.asarray(grid.lat_edges[box[0].start : box[0].stop + 1], np.float64)
    count, every = whole.size, int(np.ceil(np.sqrt(whole.size / MOST_CELLS)))
    if every > 1:
        whole = whole[np.ix_(*(_middles(length, every) for length in whole.shape))]
        lat_edges = np.append(lat_edges[:-1:every], lat_edges[-1])
        lon_edges = np.append(lon_edges[:-1:every], lon_edges[-1])
    return CoverMap(whole, lat_edges, lon_edges, entry.title or entry.id, entry.id, count)


def _middles(length: int, every: int) -> NDArray[np.intp]:
    """The middle one of each ``every`` rows or columns; the last may be fewer."""
    first = np.arange(0, length, every)
    return np.asarray((first + np.minimum(first + every, length)) // 2)
