"""Outlines of the cells that stand for a station in products of different grids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import SmcoreError
from smcore.grids import Grid, distance_km, ease

Floats = NDArray[np.float64]

STANDARD: Final = {"M36": "36 km", "M09": "9 km", "M01": "1 km"}
"""Grids of the SMAP family and their usual names."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """One cell.

    Attributes
    ----------
    name, title
        Id of the grid or product, and what it is called.
    lon, lat : ndarray (5,) [deg]
        The outline, counter-clockwise from the south-west corner and closed; longitudes go on past ±180 where the cell
        does, so that the outline is never torn.
    row, col
        The cell in the grid that was given.
    distance_km
        From the station to the centre of the cell.
    holds
        Whether the station lies inside; the cell with the nearest centre need not hold it at high latitudes.
    """

    name: str
    title: str
    lon: Floats
    lat: Floats
    row: int
    col: int
    distance_km: float
    holds: bool


def footprint(grid: Grid, lat: float, lon: float, *, name: str = "", title: str = "") -> Footprint | None:
    """The cell of a grid that is paired with a place [deg]: that with the nearest centre, as in matching.

    Returns
    -------
    Footprint or None
        None where the place is not known, or lies beyond the grid by more than half a cell's diagonal.
    """
    if not np.isfinite(lat + lon):
        return None
    rows, columns, km = grid.nearest(lat, lon)
    row, column = int(rows[0]), int(columns[0])
    if float(km[0]) > float(grid.half_diagonal_km(row)) * 1.001:
        return None
    west, east = float(grid.lon_edges[column]), float(grid.lon_edges[column + 1])
    north, south = float(grid.lat_edges[row]), float(grid.lat_edges[row + 1])
    turns = 360.0 * round((lon - (west + east) / 2) / 360.0)  # beside the station, not a turn away
    west, east = west + turns, east + turns
    holds = bool(west <= lon <= east and south <= lat <= north)
    ring_lon = np.array([west, east, east, west, west])
    ring_lat = np.array([south, south, north, north, south])
    return Footprint(
        name or grid.name, title or name or grid.name, ring_lon, ring_lat, row, column, float(km[0]), holds
    )


def standard_footprints(lat: float, lon: float) -> tuple[Footprint, ...]:
    """The 36, 9 and 1 km cells of the EASE-Grid 2.0 at a place [deg], the largest first."""
    found = (footprint(ease(name), lat, lon, name=name, title=title) for name, title in STANDARD.items())
    return tuple(one for one in found if one is not None)


def footprints(lat: float, lon: float, products: Mapping[str, Any]) -> tuple[Footprint, ...]:
    """The cells of products at a place [deg], the largest first.

    Parameters
    ----------
    products
        Id → opened product (prepared cube or pixel set); those without a grid are left out.
    """
    found = []
    for name, opened in products.items():
        grid = grid_of(opened)
        one = None if grid is None else footprint(grid, lat, lon, name=name, title=_title(opened, name))
        if one is not None:
            found.append(one)
    return tuple(sorted(found, key=lambda one: -size_km(one)))


def size_km(one: Footprint) -> float:
    """Diagonal of a cell [km]."""
    return float(distance_km(one.lat[0], one.lon[0], one.lat[2], one.lon[2]))


def grid_of(opened: Any) -> Grid | None:
    """The grid of an opened product; None for stations and for pixels that lie on none."""
    try:
        found = getattr(opened, "grid", None)
    except SmcoreError:
        return None
    return found if isinstance(found, Grid) else None


def _title(opened: Any, name: str) -> str:
    return str(opened.attrs.get("title", "")) or name
