"""Boxes and polygons drawn on the map: which cells of a grid lie in them, and how much each of these counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore import names
from smcore.errors import WindowError
from smcore.grids import Grid
from smcore.maps import latitude_of, mercator_y

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_EDGE = 1e-9
"""A point so near to an edge [deg] is on it: 117.1 is not the same number in every file."""


@dataclass(frozen=True)
class Area:
    """A polygon whose edges are straight on a Web Mercator map; inside is told by the even-odd rule, edges are inside.

    Parameters
    ----------
    vertices
        Longitude and latitude [deg], three or more, less than 360° of longitude apart, or 360° for a belt around the
        Earth. Longitudes go on below −180 or past 180 where it crosses the dateline.

    Raises
    ------
    WindowError
        If they make no area.
    """

    vertices: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.vertices) < 3:
            raise WindowError("A polygon needs three corners", hint="draw it again")
        west, south, east, north = self.bounds
        if not (-90 <= south < north <= 90 and 0 < east - west <= 360):
            raise WindowError("The corners lie on one line, or beyond the Earth", hint="draw the area again")

    @staticmethod
    def box(west: float, south: float, east: float, north: float) -> Area:
        """The area between two parallels and two meridians; ``west >= east`` means that it crosses the dateline."""
        east += 360.0 if east <= west else 0.0
        return Area(((west, south), (east, south), (east, north), (west, north)))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north [deg]."""
        lon, lat = zip(*self.vertices, strict=True)
        return min(lon), min(lat), max(lon), max(lat)

    def contains(self, lat: ArrayLike, lon: ArrayLike) -> Bools:
        """Which points of the rows ``lat`` (rows,) and columns ``lon`` (columns,) [deg] lie inside: (rows, columns).

        A point on the edge lies inside, on whichever side: grids and boxes have round numbers both.
        """
        lat, lon = np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
        west = self.bounds[0]
        turned = (lon - west + _EDGE) % 360.0 - _EDGE + west
        x = np.array([v[0] for v in self.vertices])
        y = mercator_y([v[1] for v in self.vertices])
        x2, y2 = np.roll(x, -1), np.roll(y, -1)
        inside = np.zeros((len(lat), len(lon)), np.bool_)
        for row, (below, above) in enumerate(zip(mercator_y(lat - _EDGE), mercator_y(lat + _EDGE), strict=True)):
            cut, again = (y > below) != (y2 > below), (y > above) != (y2 > above)
            for at, crossed in ((below, cut), *(((above, again),) if (cut != again).any() else ())):
                rise = (at - y[crossed]) / (y2[crossed] - y[crossed])
                crossings = np.sort(x[crossed] + rise * (x2[crossed] - x[crossed]))
                for moved in (turned - _EDGE, turned + _EDGE):
                    inside[row] |= np.searchsorted(crossings, moved, side="right") % 2 == 1
        return inside

    def contains_points(self, lat: ArrayLike, lon: ArrayLike) -> Bools:
        """Which of the points (n,) [deg] lie inside: (n,)."""
        lat, lon = np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
        inside = np.zeros(len(lat), np.bool_)
        for one in np.unique(lat):
            same = np.flatnonzero(lat == one)
            inside[same] = self.contains(one, lon[same])[0]
        return inside


def polygon(numbers: Sequence[float]) -> Area | None:
    """The polygon of longitude, latitude, longitude … [deg]; None of nothing.

    Raises
    ------
    WindowError
        If a number stands alone, or they make no area.
    """
    if not len(numbers):
        return None
    if len(numbers) % 2:
        raise WindowError("A polygon is pairs of longitude and latitude", hint="give as many of the one as the other")
    return Area(tuple(zip(map(float, numbers[::2]), map(float, numbers[1::2]), strict=True)))


def crossing(vertices: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Longitude and latitude [deg] where two edges of a polygon cross; None where none do. That they touch is allowed.

    An edge against all later ones that are not its neighbours, by the side on which the ends of each lie of the other.
    """
    x, y = np.array([v[0] for v in vertices]), mercator_y([v[1] for v in vertices])
    x2, y2 = np.roll(x, -1), np.roll(y, -1)
    count = len(x)
    for one in range(count - 2):
        others = slice(one + 2, count - (one == 0))
        x3, y3, x4, y4 = x[others], y[others], x2[others], y2[others]
        wide, high = x2[one] - x[one], y2[one] - y[one]
        first, second = (wide * (v - y[one]) - high * (u - x[one]) for u, v in ((x3, y3), (x4, y4)))
        start, end = ((x4 - x3) * (v - y3) - (y4 - y3) * (u - x3) for u, v in ((x[one], y[one]), (x2[one], y2[one])))
        met = np.flatnonzero((first * second < 0) & (start * end < 0))
        if len(met):
            along = float(start[met[0]] / (start[met[0]] - end[met[0]]))
            return float(x[one] + along * wide), float(latitude_of(y[one] + along * high))
    return None


@dataclass(frozen=True)
class Covered:
    """The cells of a grid that an area takes in.

    Attributes
    ----------
    rows : slice
    columns : ndarray (columns,) int64
        Not always in one run: an area may cross the seam of a grid.
    weights : ndarray (rows, columns) float64
        Share of each cell in a mean, before missing values; 0 outside the area.
    """

    rows: slice
    columns: NDArray[np.int64]
    weights: Floats

    @property
    def count(self) -> int:
        """How many cells there are."""
        return int(np.count_nonzero(self.weights))


def covered(grid: Grid, area: Area) -> Covered | None:
    """Cells whose centres lie in the area; of an area between the centres, the cell around its middle. None if beside.

    A cell of an EASE grid weighs 1, one of a regular grid the cosine of its latitude.
    """
    west, south, east, north = area.bounds
    rows = np.flatnonzero((grid.lat >= south - _EDGE) & (grid.lat <= north + _EDGE))
    columns = np.flatnonzero((grid.lon - west + _EDGE) % 360.0 <= east - west + 2 * _EDGE)
    if len(rows) and len(columns):
        inside = area.contains(grid.lat[rows], grid.lon[columns])
        if inside.any():
            span, kept = slice(int(rows[0]), int(rows[-1]) + 1), inside.any(axis=0)
            return Covered(span, columns[kept], inside[:, kept] * weight_of(grid, grid.lat[rows])[:, None])
    row, column = (int(i) for i in grid.index((south + north) / 2, (west + east) / 2))
    return None if row < 0 else Covered(slice(row, row + 1), np.array([column]), np.ones((1, 1)))


def covered_pixels(coords: dict[str, Any], grid: Grid, area: Area) -> tuple[NDArray[np.int64], Floats]:
    """Locations of a pixel set that lie in the area, and the weight of each: (n,) indices, (n,)."""
    lat, lon = np.asarray(coords[names.LAT], float), np.asarray(coords[names.LON], float)
    found = np.flatnonzero(area.contains_points(lat, lon))
    return found, weight_of(grid, lat[found])


def weight_of(grid: Grid, lat: Floats) -> Floats:
    """Weight of a cell at each latitude: cells of an EASE grid are equal, those of a regular one narrow polewards."""
    return np.ones(len(lat)) if grid.is_ease else np.cos(np.radians(lat))
