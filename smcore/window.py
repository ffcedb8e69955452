"""Windows: the piece of space and time that a user chose, and the tiles that long work is cut into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from smcore.errors import WindowError
from smcore.grids import Grid

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Window:
    """A box in degrees and a span of days; ``None`` leaves a side open.

    Parameters
    ----------
    start, end
        First and last day, both inclusive, ISO dates in UTC.
    west, south, east, north
        Box [deg]; ``west > east`` means that it crosses the dateline.
    """

    start: str | None = None
    end: str | None = None
    west: float = -180.0
    south: float = -90.0
    east: float = 180.0
    north: float = 90.0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("west", self.west, -180, 180),
            ("east", self.east, -180, 180),
            ("south", self.south, -90, 90),
            ("north", self.north, -90, 90),
        ):
            if not (np.isfinite(value) and low <= value <= high):
                raise WindowError(f"{name} = {value} is not between {low} and {high} degrees", where="window")
        if self.south >= self.north:
            raise WindowError(f"South {self.south} is not below north {self.north}", where="window")
        if self.west == self.east:
            raise WindowError(f"West and east are both {self.west}", where="window")
        first, last = self._day(self.start, "start"), self._day(self.end, "end")
        if first is not None and last is not None and first > last:
            raise WindowError(f"The start {self.start} is after the end {self.end}", where="window")

    @staticmethod
    def _day(text: str | None, what: str) -> pd.Timestamp | None:
        if text is None:
            return None
        try:
            return pd.Timestamp(text).normalize()
        except (ValueError, TypeError) as error:
            raise WindowError(f"The {what} {text!r} is not a date", hint="write it as 2020-01-31") from error

    @property
    def crosses_dateline(self) -> bool:
        """Whether the box goes over ±180°."""
        return self.west > self.east

    def times(self, time: np.ndarray) -> slice:
        """The steps of an ascending ``time`` axis inside the span, the whole last day included."""
        first, last = self._day(self.start, "start"), self._day(self.end, "end")
        begin = 0 if first is None else int(np.searchsorted(time, first.to_datetime64(), side="left"))
        stop = len(time)
        if last is not None:
            stop = int(np.searchsorted(time, (last + pd.Timedelta(days=1)).to_datetime64(), side="left"))
        if stop <= begin:
            raise WindowError(
                f"No step between {self.start or 'the beginning'} and {self.end or 'the end'}",
                where=f"data from {_date(time, 0)} to {_date(time, -1)}",
                hint="choose dates inside the data",
            )
        return slice(begin, stop)

    def cells(self, grid: Grid) -> tuple[slice, np.ndarray]:
        """Rows (slice) and columns (indices, in west-to-east order, also over the dateline) that the box touches."""
        rows, columns = slice(0, 0), np.empty(0, np.int64)
        boxes = [(self.west, 180.0), (-180.0, self.east)] if self.crosses_dateline else [(self.west, self.east)]
        for west, east in boxes:
            for turn in (0.0, 360.0):  # a grid cut across the dateline has longitudes past 180
                some_rows, some_columns = grid.window(west + turn, self.south, east + turn, self.north)
                found = np.arange(some_columns.start, some_columns.stop)
                rows = some_rows if some_rows.stop > some_rows.start else rows
                columns = np.concatenate([columns, found[~np.isin(found, columns)]])
        if rows.stop <= rows.start or not len(columns):
            w, s, e, n = (round(v, 2) for v in grid.bbox)
            raise WindowError(
                f"The box {self.west}…{self.east} °E, {self.south}…{self.north} °N misses the data",
                where=f"data cover {w}…{e} °E, {s}…{n} °N",
                hint="draw it over the data",
            )
        return rows, columns


def _date(time: np.ndarray, index: int) -> str:
    return str(time[index].astype("datetime64[D]")) if len(time) else "nowhere"


def cut(cube: xr.Dataset, window: Window) -> xr.Dataset:
    """The part of a cube inside ``window``, still lazy; longitudes go on past 180 where it crosses the dateline.

    A part that crosses the seam of its grid is no cut of it, and so carries no description of a grid.

    Raises
    ------
    WindowError
        If the window and the cube do not meet.
    """
    grid = Grid.from_attrs(cube.attrs)
    rows, columns = window.cells(grid)
    result = cube.isel(y=rows, x=columns)
    if "time" in cube.dims:
        result = result.isel(time=window.times(cube["time"].values))
    lon = grid.lon[columns].copy()
    lon[1:] += 360.0 * np.cumsum(np.diff(lon) < 0)
    result = result.assign_coords(lon=("x", lon, dict(cube["lon"].attrs)))
    result.attrs = {key: value for key, value in cube.attrs.items() if not str(key).startswith("grid_")}
    if (np.diff(columns) == 1).all():
        result.attrs.update(grid.cut(rows, slice(int(columns[0]), int(columns[-1]) + 1)).to_attrs())
    return result


@dataclass(frozen=True)
class Tile:
    """One piece of a (rows, columns) array.

    ``rows`` and ``columns`` are what to read, halo included; ``inner_rows`` and ``inner_columns`` what of the result
    to keep, as slices into the whole array; ``crop`` the same as slices into the tile.
    """

    rows: slice
    columns: slice
    inner_rows: slice
    inner_columns: slice

    @property
    def crop(self) -> tuple[slice, slice]:
        """The kept part, in coordinates of the tile."""
        top, left = self.inner_rows.start - self.rows.start, self.inner_columns.start - self.columns.start
        return (
            slice(top, top + self.inner_rows.stop - self.inner_rows.start),
            slice(left, left + self.inner_columns.stop - self.inner_columns.start),
        )


def tiles(shape: tuple[int, int], size: int, *, halo: int = 0, anchor: tuple[int, int] = (0, 0)) -> Iterator[Tile]:
    """Cover a (rows, columns) array with tiles of at most ``size``, read with ``halo`` more cells on each side.

    ``anchor`` is the array's place in the whole grid: tile borders lie on multiples of ``size`` of the whole grid, so
    that any window gives the same tiles over the same cells.
    """
    if size < 1 or halo < 0:
        raise WindowError(f"Tiles of {size} cells with a halo of {halo} can't cover an array")
    for rows in _spans(shape[0], size, anchor[0]):
        for columns in _spans(shape[1], size, anchor[1]):
            yield Tile(_widen(rows, halo, shape[0]), _widen(columns, halo, shape[1]), rows, columns)


def _spans(count: int, size: int, anchor: int) -> Iterator[slice]:
    start = 0
    while start < count:
        stop = min(count, ((start + anchor) // size + 1) * size - anchor)
        yield slice(start, stop)
        start = stop


def _widen(span: slice, halo: int, count: int) -> slice:
    return slice(max(0, span.start - halo), min(count, span.stop + halo))
