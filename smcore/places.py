"""Where a prediction is made: cells of a grid with the margin that a model needs, or pixels.

Columns are counted on past the seam of a grid that closes the circle, so a window across the dateline is one run of
columns, and the margin of one that touches the seam lies on its other side. Nothing here grows with the window but its
two axes: the coordinates of all its cells are made only when they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.areas import polygon
from smcore.errors import GridMismatch, WindowError
from smcore.grids import LATLON, Grid, wrap_longitude
from smcore.models.spec import ModelSpec
from smcore.roles import Source
from smcore.window import Window

Degrees = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Places:
    """The cells of a grid, row by row, or pixels.

    Parameters
    ----------
    grid
        The cells' grid, cut to the window and its margin; longitudes go on past ±180°. None for pixels.
    pixels
        Coordinates of the pixels, to carry over to the result; None for cells.
    inner
        Rows and columns of ``grid`` that the window asked for; the rest is margin for patches and halos.
    first
        Row and column of the first cell of ``grid`` on the whole grid; the column may be negative or past the seam.
    circle
        Columns once around the Earth, where the data go around it; else 0.
    """

    grid: Grid | None = None
    pixels: xr.Dataset | None = None
    inner: tuple[slice, slice] | None = None
    first: tuple[int, int] = (0, 0)
    circle: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns); pixels are one row."""
        if self.grid is not None:
            return self.grid.shape
        assert self.pixels is not None
        return 1, int(self.pixels.sizes[names.LOCATION])

    @property
    def kept_shape(self) -> tuple[int, int]:
        """(rows, columns) without the margin."""
        if self.inner is None:
            return self.shape
        rows, columns = self.inner
        return rows.stop - rows.start, columns.stop - columns.start

    def __len__(self) -> int:
        rows, columns = self.shape
        return rows * columns

    @cached_property
    def lat(self) -> Degrees:
        """(N,) latitude of every place [deg]."""
        return self.points(slice(0, self.shape[0]), slice(0, self.shape[1]))[0]

    @cached_property
    def lon(self) -> Degrees:
        """(N,) longitude of every place [deg]."""
        return self.points(slice(0, self.shape[0]), slice(0, self.shape[1]))[1]

    def points(self, rows: slice, columns: slice) -> tuple[Degrees, Degrees]:
        """Latitude and longitude [deg, −180 to 180] of a rectangle of places, row by row."""
        if self.grid is None:
            assert self.pixels is not None
            lat, lon = (np.asarray(self.pixels[n].values, np.float64)[columns] for n in (names.LAT, names.LON))
            return lat, lon
        lat, lon = np.meshgrid(self.grid.lat[rows], wrap_longitude(self.grid.lon[columns]), indexing="ij")
        return lat.ravel(), lon.ravel()


def places_of(spec: ModelSpec, source: Source, window: Window) -> Places:
    """The cells or pixels of one data set inside the window, with the margin that the model needs and the data have.

    Raises
    ------
    WindowError
        If the window misses the data, or what it touches of them lies in two pieces.
    """
    if source.layout == "pixels":
        return _pixel_places(source, window)
    grid = source.grid
    if grid is None:
        raise GridMismatch("A prediction needs inputs on a grid or pixels", where=source.id)
    rows, columns = window.cells(grid)
    circle = grid.shape[1] if grid.is_global else 0
    steps = np.diff(columns) % circle if circle else np.diff(columns)
    if not (steps == 1).all():
        raise WindowError(
            "The data do not go around the Earth, and the box touches both their ends", where=source.id,
            hint="predict each side on its own",
        )  # fmt: skip
    first = int(columns[0])
    return _cell_places(grid, rows, slice(first, first + len(columns)), spec, circle)


def inside(places: Places, numbers: Sequence[float]) -> NDArray[np.bool_] | None:
    """Which of the places, margin apart, have their centre in a polygon: (rows, columns); None without one.

    Parameters
    ----------
    numbers
        Longitude, latitude, longitude … [deg] of its corners; empty: no polygon.

    Raises
    ------
    WindowError
        If none has.
    """
    area = polygon(numbers)
    if area is None:
        return None
    if places.grid is not None:
        cells = places.grid.cut(*places.inner) if places.inner else places.grid
        found = area.contains(cells.lat, cells.lon)
    else:
        lat, lon = places.points(slice(0, 1), slice(0, len(places)))
        found = area.contains_points(lat, lon)[None]
    if not found.any():
        raise WindowError(
            "The polygon has no cell's centre inside", hint="draw a larger one, or take the box around it"
        )
    return found


def _cell_places(grid: Grid, rows: slice, columns: slice, spec: ModelSpec, circle: int) -> Places:
    anchor = whole_grid_place(grid)
    if circle:
        anchor = (anchor[0], 0)  # the lattice begins where the data do
    down = margin(rows, anchor[0], spec)
    wide_rows = slice(max(0, down.start), min(grid.shape[0], down.stop))
    if circle:
        runs = [margin(run, -turn, spec) for turn, run in turns(columns, circle)]
        wide_columns = slice(min(run.start for run in runs), max(run.stop for run in runs))
    else:
        across = margin(columns, anchor[1], spec)
        wide_columns = slice(max(0, across.start), min(grid.shape[1], across.stop))
    kept = tuple(
        slice(inner.start - wide.start, inner.stop - wide.start)
        for inner, wide in ((rows, wide_rows), (columns, wide_columns))
    )
    return Places(
        grid=grid.around(wide_rows, wide_columns),
        inner=(kept[0], kept[1]),
        first=(anchor[0] + wide_rows.start, anchor[1] + wide_columns.start),
        circle=circle,
    )


def whole_grid_place(grid: Grid) -> tuple[int, int]:
    """Row and column of a grid's first cell on the whole grid; a regular one is counted from 90° N, 180° W."""
    if grid.name != LATLON:
        return grid.row0, grid.col0
    height, width = grid.step
    return round((90.0 - float(grid.lat[0])) / height - 0.25), round((float(grid.lon[0]) + 180.0) / width - 0.25)


def turns(columns: slice, circle: int) -> list[tuple[int, slice]]:
    """Cut a run of columns at the seam: (columns that the turns before it have, the part of the run)."""
    if not circle:
        return [(0, columns)]
    found, start = [], columns.start
    while start < columns.stop:
        turn = start // circle
        stop = min(columns.stop, (turn + 1) * circle)
        found.append((turn * circle, slice(start, stop)))
        start = stop
    return found


def margin(span: slice, anchor: int, spec: ModelSpec) -> slice:
    """Whole patches over ``span`` and the halo around them, on the lattice that begins at ``-anchor``."""
    start = (span.start + anchor) // spec.patch * spec.patch - anchor
    stop = -(-(span.stop + anchor) // spec.patch) * spec.patch - anchor
    return slice(start - spec.halo, stop + spec.halo)


def _pixel_places(source: Source, window: Window) -> Places:
    lat, lon = (np.asarray(source.data[n].values, np.float64) for n in (names.LAT, names.LON))
    inside = (lat >= window.south) & (lat <= window.north)
    if window.crosses_dateline:
        inside &= (lon >= window.west) | (lon <= window.east)
    else:
        inside &= (lon >= window.west) & (lon <= window.east)
    if not inside.any():
        raise WindowError("No pixel lies in the box", where=source.id, hint="draw it over the data")
    keep = [n for n in source.data.coords if source.data[n].dims == (names.LOCATION,)]
    pixels = source.data[keep].isel({names.LOCATION: np.flatnonzero(inside)}).assign_attrs(source.data.attrs)
    return Places(pixels=pixels)
