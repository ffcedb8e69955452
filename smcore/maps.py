"""A map view and the frame that fills it: a (y, x) field of a separable grid painted onto Web Mercator as uint8.

On EASE-Grid 2.0 and on regular latitude/longitude a screen column has one longitude and a screen row one latitude, so
one index per screen column and one per screen row describe the whole warp; a frame is then a gather. The codes leave
the colours to the browser: a change of colour map costs no new frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.grids import Grid

if TYPE_CHECKING:
    from collections.abc import Callable

MERCATOR_RADIUS_M = 6378137.0  # sphere of Web Mercator, EPSG:3857
LATITUDE_LIMIT = 85.0511287798

MISSING, BELOW, LOWEST, HIGHEST, ABOVE = 0, 1, 2, 254, 255
"""Codes of a frame: no value, below the range, the range's 253 shades, above the range."""

Codes = NDArray[np.uint8]


def mercator_x(longitude: ArrayLike) -> NDArray[np.float64]:
    """Web Mercator easting [m] of longitudes [deg]."""
    return MERCATOR_RADIUS_M * np.radians(np.asarray(longitude, np.float64))


def mercator_y(latitude: ArrayLike) -> NDArray[np.float64]:
    """Web Mercator northing [m] of latitudes [deg], cut at ±85.05°."""
    latitude = np.clip(np.asarray(latitude, np.float64), -LATITUDE_LIMIT, LATITUDE_LIMIT)
    return MERCATOR_RADIUS_M * np.log(np.tan(np.pi / 4 + np.radians(latitude) / 2))


def longitude_of(x: ArrayLike) -> NDArray[np.float64]:
    """Longitude [deg] of Web Mercator eastings [m], not wrapped."""
    return np.degrees(np.asarray(x, np.float64) / MERCATOR_RADIUS_M)


def latitude_of(y: ArrayLike) -> NDArray[np.float64]:
    """Latitude [deg] of Web Mercator northings [m]."""
    return np.degrees(2 * np.arctan(np.exp(np.asarray(y, np.float64) / MERCATOR_RADIUS_M)) - np.pi / 2)


@dataclass(frozen=True)
class View:
    """What a screen shows: a Web Mercator box [m] and its size in pixels."""

    x0: float
    x1: float
    y0: float
    y1: float
    width: int
    height: int

    def widened(self, factor: float, shrink: int = 1) -> View:
        """The same centre, ``factor`` times the extent, in pixels ``shrink`` times as large."""
        cx, cy = (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
        hx, hy = factor * (self.x1 - self.x0) / 2, factor * (self.y1 - self.y0) / 2
        width, height = round(self.width * factor / shrink), round(self.height * factor / shrink)
        return View(cx - hx, cx + hx, cy - hy, cy + hy, max(width, 1), max(height, 1))

    @property
    def degrees_per_pixel(self) -> float:
        """Width of a pixel in degrees of longitude."""
        return float(longitude_of(self.x1 - self.x0)) / self.width


def fitted(bbox: tuple[float, float, float, float], width: int, height: int, margin: float = 0.05) -> View:
    """The view of a ``width`` × ``height`` screen that shows all of a west, south, east, north box [deg]."""
    west, south, east, north = bbox
    x0, x1 = mercator_x([west, east])
    y0, y1 = mercator_y([south, north])
    scale = max((x1 - x0) / width, (y1 - y0) / height) * (1 + 2 * margin)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return View(
        cx - scale * width / 2, cx + scale * width / 2, cy - scale * height / 2, cy + scale * height / 2, width, height
    )


@dataclass(frozen=True)
class Gather:
    """Which cells a view needs, and where they go.

    ``rows`` and ``columns`` are slices of the level's array to read; ``row`` (height,) and ``column`` (width,) index
    into what was read, −1 where a pixel is off the grid. Row 0 of a frame is its southern edge, as bokeh draws it.
    """

    level: int
    rows: slice
    columns: slice
    row: NDArray[np.int32]
    column: NDArray[np.int32]

    @property
    def is_empty(self) -> bool:
        """Whether no pixel of the view lies on the grid."""
        return self.rows.stop <= self.rows.start or self.columns.stop <= self.columns.start


def level_for(grid: Grid, view: View, levels: int) -> int:
    """The overview level (0 = full, each next one half as fine) whose cells are about one pixel wide."""
    cells_per_pixel = view.degrees_per_pixel / grid.step[1]
    return int(np.clip(np.floor(np.log2(max(cells_per_pixel, 1.0))), 0, max(levels - 1, 0)))


def plan(grid: Grid, view: View, levels: int = 1) -> Gather:
    """Find the level, the cells to read and the index of every screen row and column for one view of one grid."""
    level = level_for(grid, view, levels)
    side = 2**level
    dx, dy = (view.x1 - view.x0) / view.width, (view.y1 - view.y0) / view.height
    lon = longitude_of(view.x0 + dx * (np.arange(view.width) + 0.5))
    lat = latitude_of(view.y0 + dy * (np.arange(view.height) + 0.5))
    west = grid.lon_edges[0]
    column = np.searchsorted(grid.lon_edges, (lon - west) % 360.0 + west, side="right") - 1
    row = np.searchsorted(-grid.lat_edges, -lat, side="right") - 1
    rows, columns = grid.shape
    row = np.where((row < 0) | (row >= rows), -1, row // side)
    column = np.where((column < 0) | (column >= columns), -1, column // side)
    row_span, column_span = _span(row), _span(column)
    return Gather(
        level,
        row_span,
        column_span,
        np.where(row < 0, -1, row - row_span.start).astype(np.int32),
        np.where(column < 0, -1, column - column_span.start).astype(np.int32),
    )


def _span(index: NDArray[Any]) -> slice:
    inside = index[index >= 0]
    return slice(int(inside.min()), int(inside.max()) + 1) if len(inside) else slice(0, 0)


def paint(field: ArrayLike, gather: Gather, low: float, high: float) -> Codes:
    """Paint what was read, (rows, columns) float with NaN = missing, into a frame (height, width) of codes.

    Raises
    ------
    ValueError
        If ``low`` is not below ``high``.
    """
    if not low < high:
        raise ValueError(f"the colour range {low}…{high} is empty")
    out = np.zeros((len(gather.row), len(gather.column)), np.uint8)
    if not gather.is_empty:
        kernel = _kernel()
        kernel(np.ascontiguousarray(field, np.float32), gather.row, gather.column, float(low), float(high), out)
    return out


@cache
def _kernel() -> Callable[..., None]:
    """Compile the gather on first use: numba costs a second of start-up that not every command should pay."""
    import numba

    @numba.njit(nogil=True, cache=True)
    def gather(field, row, column, low, high, out):  # type: ignore[no-untyped-def]
        scale = 252.0 / (high - low)
        previous = -2
        for i in range(row.size):
            r = row[i]
            if r < 0:
                previous = r
                continue
            if r == previous:  # zoomed in, screen rows repeat
                out[i] = out[i - 1]
                continue
            previous = r
            for j in range(column.size):
                c = column[j]
                if c < 0:
                    continue
                value = field[r, c]
                if value != value:
                    continue
                if value < low:
                    out[i, j] = 1
                elif value > high:
                    out[i, j] = 255
                else:
                    out[i, j] = np.uint8(2 + (value - low) * scale + 0.5)

    return gather


def value_of(code: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """The value in the middle of a code's shade; NaN for missing, ±inf beyond the range."""
    code = np.asarray(code, np.float64)
    value = low + (code - LOWEST) * (high - low) / (HIGHEST - LOWEST)
    value = np.where(code == MISSING, np.nan, value)
    return np.where(code == BELOW, -np.inf, np.where(code == ABOVE, np.inf, value))
