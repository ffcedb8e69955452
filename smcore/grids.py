"""Grids: EASE-Grid 2.0 (M36, M25, M09, M03, M01) and regular latitude/longitude.

Both are separable: a row has one latitude and a column one longitude, so a grid is two axes. Rows run north to south,
longitudes lie in [−180, 180). A grid may be a cut of a larger one; ``row0`` and ``col0`` say where it begins there.

References
----------
Brodzik, M. J. et al. (2012, 2014): EASE-Grid 2.0, ISPRS Int. J. Geo-Inf. 1, 32–45, doi:10.3390/ijgi1010032, and the
correction doi:10.3390/ijgi3031154. Projection: Lambert cylindrical equal area on WGS 84, standard parallel 30°
(EPSG:6933); Snyder, J. P. (1987), USGS Prof. Paper 1395, equations 3-11, 3-12, 3-18 and 10-12 to 10-20.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.errors import GridMismatch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EARTH_RADIUS_KM = 6371.0088  # mean radius R1 of the WGS 84 ellipsoid (Moritz 2000)
SEMI_MAJOR_M = 6378137.0
_ECCENTRICITY = 0.0818191908426  # WGS 84
_PARALLEL = np.radians(30.0)

# columns, rows, cell [m]; M36, M09, M03 and M01 share one corner and nest exactly, M25 has its own extent.
EASE = {
    "M36": (964, 406, 36032.220840584),
    "M25": (1388, 584, 25025.2600000),
    "M09": (3856, 1624, 9008.055210146),
    "M03": (11568, 4872, 3002.685070049),
    "M01": (34704, 14616, 1000.895023350),
}
LATLON = "latlon"


def _scale() -> float:
    sin = np.sin(_PARALLEL)
    return float(np.cos(_PARALLEL) / np.sqrt(1 - (_ECCENTRICITY * sin) ** 2))


def _authalic_q(latitude: ArrayLike) -> Floats:
    """Snyder 1987 eq. 3-12."""
    sin = np.sin(np.radians(np.asarray(latitude, dtype=np.float64)))
    e = _ECCENTRICITY
    return (1 - e**2) * (sin / (1 - (e * sin) ** 2) - np.log((1 - e * sin) / (1 + e * sin)) / (2 * e))


_SCALE = _scale()
_Q_POLE = float(_authalic_q(90.0))


def ease_xy(latitude: ArrayLike, longitude: ArrayLike) -> tuple[Floats, Floats]:
    """Project degrees to EASE-Grid 2.0 metres (EPSG:6933): easting and northing."""
    x = SEMI_MAJOR_M * _SCALE * np.radians(np.asarray(longitude, dtype=np.float64))
    return x, SEMI_MAJOR_M * _authalic_q(latitude) / (2 * _SCALE)


def ease_latitude(northing: ArrayLike) -> Floats:
    """Latitude [deg] of EASE-Grid 2.0 northings [m]; the series of Snyder (1987) eq. 3-18, to 1e-9 deg."""
    ratio = np.clip(2 * _SCALE * np.asarray(northing, dtype=np.float64) / (SEMI_MAJOR_M * _Q_POLE), -1, 1)
    beta = np.arcsin(ratio)
    e2 = _ECCENTRICITY**2
    e4, e6 = e2**2, e2**3
    latitude = (
        beta
        + (e2 / 3 + 31 * e4 / 180 + 517 * e6 / 5040) * np.sin(2 * beta)
        + (23 * e4 / 360 + 251 * e6 / 3780) * np.sin(4 * beta)
        + 761 * e6 / 45360 * np.sin(6 * beta)
    )
    return np.asarray(np.degrees(latitude))


def ease_longitude(easting: ArrayLike) -> Floats:
    """Longitude [deg] of EASE-Grid 2.0 eastings [m]."""
    return np.asarray(np.degrees(np.asarray(easting, dtype=np.float64) / (SEMI_MAJOR_M * _SCALE)))


def wrap_longitude(longitude: ArrayLike) -> Floats:
    """Bring longitudes [deg] into [−180, 180)."""
    return (np.asarray(longitude, dtype=np.float64) + 180.0) % 360.0 - 180.0


def distance_km(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> Floats:
    """Great-circle distance [km] on the mean sphere (haversine form, exact for small distances)."""
    p1, p2 = np.radians(np.asarray(lat1, float)), np.radians(np.asarray(lat2, float))
    half = np.radians(np.asarray(lon2, float) - np.asarray(lon1, float)) / 2
    h = np.sin((p2 - p1) / 2) ** 2 + np.cos(p1) * np.cos(p2) * np.sin(half) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


@dataclass(frozen=True, eq=False)
class Grid:
    """Rows and columns of cells, whole or a cut.

    Parameters
    ----------
    name
        ``M36``, ``M25``, ``M09``, ``M03``, ``M01`` or ``latlon``.
    lat, lon
        Cell centres [deg]: (rows,) strictly descending, (columns,) strictly ascending. Across the dateline longitudes
        go on past 180.
    lat_edges, lon_edges
        Cell edges [deg]: (rows + 1,), (columns + 1,).
    row0, col0
        Index of the first row and column in the whole grid (0 for ``latlon``).
    """

    name: str
    lat: Floats
    lon: Floats
    lat_edges: Floats
    lon_edges: Floats
    row0: int = 0
    col0: int = 0
    _extra: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return len(self.lat), len(self.lon)

    @property
    def is_ease(self) -> bool:
        """Whether this is an EASE-Grid 2.0."""
        return self.name in EASE

    @property
    def step(self) -> tuple[float, float]:
        """Mean cell height and width [deg]."""
        rows, columns = self.shape
        height = (self.lat_edges[0] - self.lat_edges[-1]) / rows
        width = (self.lon_edges[-1] - self.lon_edges[0]) / columns
        if self.name == LATLON:
            # A row with its centre on a pole is cut in half there, so edges do not tell the step.
            height = (self.lat[0] - self.lat[-1]) / (rows - 1) if rows > 1 else height
            width = (self.lon[-1] - self.lon[0]) / (columns - 1) if columns > 1 else width
        return float(height), float(width)

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the outer edges [deg]."""
        return (
            float(self.lon_edges[0]),
            float(self.lat_edges[-1]),
            float(self.lon_edges[-1]),
            float(self.lat_edges[0]),
        )

    @property
    def is_global(self) -> bool:
        """Whether the columns go once around the Earth."""
        return bool(self.lon_edges[-1] - self.lon_edges[0] > 360.0 - 0.5 * self.step[1])

    def index(self, lat: ArrayLike, lon: ArrayLike) -> tuple[Ints, Ints]:
        """Row and column of the cell that holds each point; −1 for both where a point is outside.

        A point on an edge belongs to the cell south or east of it; the south edge and the east edge of the grid to
        its last row and column.
        """
        lat, lon = np.broadcast_arrays(np.asarray(lat, float), np.asarray(lon, float))
        row = np.searchsorted(-self.lat_edges, -lat, side="right") - 1
        row = np.where(lat == self.lat_edges[-1], len(self.lat) - 1, row)
        west = self.lon_edges[0]
        turned = (lon - west) % 360.0 + west
        column = np.searchsorted(self.lon_edges, turned, side="right") - 1
        at_east = np.isclose(turned, self.lon_edges[-1], rtol=0, atol=1e-12) | (lon == self.lon_edges[-1])
        column = np.where(at_east, len(self.lon) - 1, column)
        bad = (row < 0) | (row >= len(self.lat)) | (column < 0) | (column >= len(self.lon)) | ~np.isfinite(lat + lon)
        return np.where(bad, -1, row).astype(np.int64), np.where(bad, -1, column).astype(np.int64)

    def nearest(self, lat: ArrayLike, lon: ArrayLike) -> tuple[Ints, Ints, Floats]:
        """Row, column and distance [km] of the nearest cell centre by great circle, for points inside or near the grid.

        The nearest centre lies in the point's own cell or in one next to it (rows at high latitude are narrow, so the
        cell that holds a point need not have the nearest centre); of points thousands of km away it need not be found.
        """
        lat, lon = np.broadcast_arrays(np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float)))
        rows, columns = self.shape
        west = self.lon_edges[0]
        turned = (lon - west) % 360.0 + west
        row = np.clip(np.searchsorted(-self.lat_edges, -lat, side="right") - 1, 0, rows - 1)
        column = np.searchsorted(self.lon_edges, turned, side="right") - 1
        far_side = turned - self.lon_edges[-1] > west + 360.0 - turned  # outside: take the closer end
        column = np.where(column >= columns, np.where(far_side, 0, columns - 1), column)
        best = np.full(lat.shape, np.inf)
        best_row, best_column = row.copy(), column.copy()
        for dr in (-1, 0, 1):
            for dc in (-1, 0, 1):
                r = np.clip(row + dr, 0, rows - 1)
                c = (column + dc) % columns if self.is_global else np.clip(column + dc, 0, columns - 1)
                km = distance_km(lat, lon, self.lat[r], self.lon[c])
                closer = km < best
                best = np.where(closer, km, best)
                best_row, best_column = np.where(closer, r, best_row), np.where(closer, c, best_column)
        return best_row.astype(np.int64), best_column.astype(np.int64), best

    def cut(self, rows: slice, columns: slice) -> Grid:
        """The grid of ``rows`` and ``columns`` (plain slices, step 1)."""
        r0, r1, _ = rows.indices(len(self.lat))
        c0, c1, _ = columns.indices(len(self.lon))
        if r1 <= r0 or c1 <= c0:
            raise GridMismatch("A cut of a grid needs at least one row and one column", where=self.name)
        return Grid(
            self.name,
            self.lat[r0:r1],
            self.lon[c0:c1],
            self.lat_edges[r0 : r1 + 1],
            self.lon_edges[c0 : c1 + 1],
            self.row0 + r0,
            self.col0 + c0,
        )

    def around(self, rows: slice, columns: slice) -> Grid:
        """The grid of ``rows`` and ``columns``, which may be negative or go on past the seam of a whole circle.

        Longitudes then go on below −180 or past 180, each turn 360 further.
        """
        count = self.shape[1]
        if columns.start >= 0 and columns.stop <= count:
            return self.cut(rows, columns)
        part = self.cut(rows, slice(0, count))
        if not self.is_global or columns.stop <= columns.start:
            raise GridMismatch("Columns lie outside a grid that does not go around the Earth", where=self.name)
        turn, column = np.divmod(np.arange(columns.start, columns.stop), count)
        lon, west = self.lon[column] + 360.0 * turn, self.lon_edges[column] + 360.0 * turn
        east = self.lon_edges[column[-1] + 1] + 360.0 * turn[-1]
        col0 = self.col0 + columns.start
        return Grid(self.name, part.lat, lon, part.lat_edges, np.append(west, east), part.row0, col0)

    def window(self, west: float, south: float, east: float, north: float) -> tuple[slice, slice]:
        """Rows and columns of all cells that a box touches; empty slices where it misses the grid.

        The box must not cross the seam of the grid; :class:`smcore.window.Window` splits it there.
        """
        row = _touched(-self.lat_edges, -north, -south)
        column = _touched(self.lon_edges, west, east)
        return row, column

    def cell_area_km2(self) -> Floats:
        """Area [km²] of a cell of each row: (rows,), on the authalic sphere (Snyder 1987, eq. 3-12)."""
        width = np.radians(self.step[1])
        q = _authalic_q(self.lat_edges)
        return np.asarray(SEMI_MAJOR_M**2 * width * (q[:-1] - q[1:]) / 2 / 1e6)

    def half_diagonal_km(self, row: ArrayLike) -> Floats:
        """Half the diagonal [km] of the cells of ``row``: how far a point inside can be from the centre."""
        row = np.asarray(row)
        half_width = (self.lon_edges[1] - self.lon_edges[0]) / 2
        north, south = self.lat_edges[row], self.lat_edges[row + 1]
        lat = self.lat[row]
        return np.maximum(distance_km(lat, 0, north, half_width), distance_km(lat, 0, south, half_width))

    def same_as(self, other: Grid) -> bool:
        """Whether both have the same cells (within 1e-6 of a cell)."""
        if self.shape != other.shape:
            return False
        tolerance = 1e-6 * min(self.step)
        return bool(
            np.allclose(self.lat, other.lat, rtol=0, atol=tolerance)
            and np.allclose(self.lon, other.lon, rtol=0, atol=tolerance)
        )

    def to_attrs(self) -> dict[str, Any]:
        """Attributes from which :meth:`from_attrs` makes the same grid."""
        rows, columns = self.shape
        if self.is_ease:
            return {
                "grid_name": self.name,
                "grid_row0": self.row0,
                "grid_col0": self.col0,
                "grid_rows": rows,
                "grid_columns": columns,
            }
        height, width = self.step
        return {
            "grid_name": LATLON,
            "grid_north": float(self.lat[0]),
            "grid_west": float(self.lon[0]),
            "grid_step_lat": float(height),
            "grid_step_lon": float(width),
            "grid_rows": rows,
            "grid_columns": columns,
        }

    @staticmethod
    def from_attrs(attrs: Mapping[str, Any]) -> Grid:
        """Make the grid described by :meth:`to_attrs`."""
        try:
            name = str(attrs["grid_name"])
            rows, columns = int(attrs["grid_rows"]), int(attrs["grid_columns"])
            if name == LATLON:
                north, west = float(attrs["grid_north"]), float(attrs["grid_west"])
                return regular(north, west, float(attrs["grid_step_lat"]), float(attrs["grid_step_lon"]), rows, columns)
            row0, col0 = int(attrs["grid_row0"]), int(attrs["grid_col0"])
        except (KeyError, TypeError, ValueError) as error:
            raise GridMismatch(f"The grid description is incomplete: {error}") from error
        return ease(name).around(slice(row0, row0 + rows), slice(col0, col0 + columns))


def _touched(edges: Floats, low: float, high: float) -> slice:
    first = int(np.searchsorted(edges, low, side="right")) - 1
    last = int(np.searchsorted(edges, high, side="left"))
    count = len(edges) - 1
    first, last = max(first, 0), min(max(last, first + 1), count)
    return slice(first, last) if first < count and high >= edges[0] else slice(0, 0)


@lru_cache
def ease(name: str) -> Grid:
    """The whole global EASE-Grid 2.0 called ``name`` (``M36``, ``M25``, ``M09``, ``M03`` or ``M01``)."""
    if name not in EASE:
        raise GridMismatch(f"There is no EASE-Grid 2.0 called {name!r}", hint=f"known: {', '.join(EASE)}")
    columns, rows, cell = EASE[name]
    # The corner is exactly half the extent from the origin, which is how the published corner arises.
    x_edges: Floats = (np.arange(columns + 1, dtype=np.float64) - columns / 2) * cell
    y_edges: Floats = (rows / 2 - np.arange(rows + 1, dtype=np.float64)) * cell
    lon_edges = ease_longitude(x_edges)
    lon_edges[0], lon_edges[-1] = -180.0, 180.0  # 2e-7 of a cell away, so that no longitude falls beside the grid
    return Grid(
        name,
        ease_latitude((y_edges[1:] + y_edges[:-1]) / 2),
        ease_longitude((x_edges[1:] + x_edges[:-1]) / 2),
        ease_latitude(y_edges),
        lon_edges,
    )


def regular(north: float, west: float, step_lat: float, step_lon: float, rows: int, columns: int) -> Grid:
    """A regular latitude/longitude grid from the centre of its north-west cell and its (positive) steps [deg]."""
    if step_lat <= 0 or step_lon <= 0 or rows < 1 or columns < 1:
        raise GridMismatch("A regular grid needs positive steps and at least one row and one column")
    down, right = np.arange(rows + 1, dtype=np.float64), np.arange(columns + 1, dtype=np.float64)
    lat_edges: Floats = np.clip(north + step_lat * (0.5 - down), -90.0, 90.0)
    lon_edges: Floats = west + step_lon * (right - 0.5)
    lat: Floats = north - step_lat * down[:-1]
    lon: Floats = west + step_lon * right[:-1]
    return Grid(LATLON, lat, lon, lat_edges, lon_edges)


def regular_from_axes(lat: ArrayLike, lon: ArrayLike) -> Grid:
    """A regular grid from its centre axes: latitudes descending, longitudes ascending, evenly spaced.

    An axis of one value takes the step of the other; a grid of one single cell can't be told and is refused. Spacing
    may deviate by 2 % of a step, which float32 axes in the wild need; the axes are then made exact.

    Raises
    ------
    GridMismatch
        If an axis runs the wrong way or is uneven.
    """
    lat, lon = np.asarray(lat, np.float64), np.asarray(lon, np.float64)
    if lat.ndim != 1 or lon.ndim != 1 or (len(lat) < 2 and len(lon) < 2):
        raise GridMismatch("A regular grid needs two one-dimensional axes, one of them with two values or more")
    height = _even_step(-lat, "latitude") if len(lat) > 1 else None
    width = _even_step(lon, "longitude") if len(lon) > 1 else None
    height, width = height or width, width or height
    assert height is not None
    assert width is not None
    north, west = _tidy(lat[0], _FLOAT32_DEGREES), _tidy(lon[0], _FLOAT32_DEGREES)
    height = _tidy(height, _FLOAT32_DEGREES / max(len(lat) - 1, 1))
    width = _tidy(width, _FLOAT32_DEGREES / max(len(lon) - 1, 1))
    return regular(north, west, height, width, len(lat), len(lon))


def regular_through(lat: ArrayLike, lon: ArrayLike) -> Grid:
    """The smallest regular grid that has all of these points for centres, in whatever order they come.

    Raises
    ------
    GridMismatch
        If the points are no part of a regular grid of at most a million cells, or too few to tell.
    """
    lat, lon = np.asarray(lat, np.float64), np.asarray(lon, np.float64)
    rows, columns = np.unique(np.round(lat, 4)), np.unique(np.round(lon, 4))
    steps = [float(np.diff(axis).min()) for axis in (rows, columns) if len(axis) > 1]
    if not steps:
        raise GridMismatch("One place can't tell the grid that it belongs to")
    step = _tidy(min(steps), 2e-4)
    shape = [round((axis[-1] - axis[0]) / step) + 1 for axis in (rows, columns)]
    if shape[0] * shape[1] > 1_000_000:
        raise GridMismatch("The places do not lie on a regular grid")
    grid = regular(float(rows[-1]), float(columns[0]), step, step, shape[0], shape[1])
    row, column = np.rint((rows[-1] - lat) / step).astype(int), np.rint((lon - columns[0]) / step).astype(int)
    off = max(np.abs(grid.lat[row] - lat).max(), np.abs(grid.lon[column] - lon).max())
    if off > 0.05 * step:
        raise GridMismatch("The places do not lie on a regular grid")
    return grid


_FLOAT32_DEGREES = 2e-5  # rounding of a longitude near 180 stored as float32, both ends together


def _tidy(value: float, tolerance: float) -> float:
    """Take float32 dust off a decimal number: 0.100000381 → 0.1; a step such as 1/112 is left alone."""
    rounded = round(float(value), 4)
    return rounded if abs(rounded - value) <= tolerance else float(value)


def _even_step(axis: Floats, what: str) -> float:
    step = (axis[-1] - axis[0]) / (len(axis) - 1)
    if step <= 0:
        raise GridMismatch(f"The {what} axis runs the wrong way", hint="rows go north to south, columns west to east")
    if np.abs(np.diff(axis) - step).max() > 0.02 * step:
        raise GridMismatch(f"The {what} axis is not evenly spaced", hint="only regular and EASE-Grid 2.0 axes are read")
    return float(step)


def ratio(fine: str, coarse: str) -> int:
    """How many cells of ``fine`` go along one side of a cell of ``coarse`` (both of the nested family)."""
    nested = ("M36", "M09", "M03", "M01")
    if fine not in nested or coarse not in nested or EASE[fine][0] % EASE[coarse][0]:
        raise GridMismatch(f"{fine} does not nest in {coarse}")
    return EASE[fine][0] // EASE[coarse][0]


def parent(row: ArrayLike, column: ArrayLike, fine: str, coarse: str) -> tuple[Ints, Ints]:
    """Row and column in the whole ``coarse`` grid of cells of the whole ``fine`` grid."""
    side = ratio(fine, coarse)
    return np.asarray(row, np.int64) // side, np.asarray(column, np.int64) // side
