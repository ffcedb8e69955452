"""Fields of one grid on the cells of another: the value of the cell that lies there, or the mean of those inside.

For grids whose rows have one latitude and whose columns one longitude each, which all grids here do: one index per row
and one per column say everything. Nothing is interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore.grids import Grid

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

LEAST_SHARE = 0.5
"""Share of a coarser cell whose finer cells must have values for it to get their mean. OURS."""


@dataclass(frozen=True, eq=False)
class Collocation:
    """How a window of a target grid is filled from a source grid.

    Parameters
    ----------
    rows, columns
        The rectangle of the source that is needed; empty where the two do not meet.
    row, column
        Where cells are taken: for each target row (column) that of the rectangle, −1 for none. Where means are made:
        for each row (column) of the rectangle that of the window, −1 for none.
    shape
        (rows, columns) of the target window.
    means
        Whether the source is the finer one.
    inside
        (rows, columns) share of each target cell's height and width that the source covers; only where means are made.
    """

    rows: slice
    columns: slice
    row: Ints
    column: Ints
    shape: tuple[int, int]
    means: bool
    inside: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the two share nothing."""
        return bool(self.rows.stop <= self.rows.start or self.columns.stop <= self.columns.start)

    @property
    def cells(self) -> int:
        """Source cells that have to be read."""
        return int(max(0, self.rows.stop - self.rows.start) * max(0, self.columns.stop - self.columns.start))

    def of(self, field: Floats) -> Floats:
        """The window's values.

        Parameters
        ----------
        field
            (rows, columns) of the source rectangle; NaN where missing.

        Returns
        -------
        array (shape) float32
            NaN where nothing lies there, or where fewer than :data:`LEAST_SHARE` of the cells inside have a value.
        """
        if self.is_empty:
            return np.full(self.shape, np.nan, np.float32)
        return self._mean(field) if self.means else self._taken(field)

    def _taken(self, field: Floats) -> Floats:
        result = field[np.maximum(self.row, 0)[:, None], np.maximum(self.column, 0)].astype(np.float32)
        result[self.row < 0] = np.nan
        result[:, self.column < 0] = np.nan
        return result

    def _mean(self, field: Floats) -> Floats:
        rows, columns = np.flatnonzero(self.row >= 0), np.flatnonzero(self.column >= 0)
        values = field[np.ix_(rows, columns)].ravel().astype(np.float64)
        target = (self.row[rows][:, None] * self.shape[1] + self.column[columns]).ravel()
        size, there = self.shape[0] * self.shape[1], np.isfinite(values)
        whole = np.bincount(target, minlength=size).astype(np.float64)
        if self.inside is not None:  # at the source's edge some of the cells inside are not there to be counted
            whole /= np.maximum(self.inside[0][:, None] * self.inside[1], 1e-9).ravel()
        count = np.bincount(target[there], minlength=size)
        total = np.bincount(target[there], values[there], minlength=size)
        enough = (count > 0) & (count >= LEAST_SHARE * whole - 1e-9)
        return np.where(enough, total / np.maximum(count, 1), np.nan).reshape(self.shape).astype(np.float32)


def collocation(source: Grid, target: Grid, rows: slice, columns: slice) -> Collocation:
    """How rows and columns of ``target`` are filled from ``source``: means where its cells are smaller, else taken."""
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    lat, lon = np.asarray(target.lat[rows]), np.asarray(target.lon[columns])
    if not is_finer(source, target):
        row, column = _rows(source, lat), _columns(source, lon)
        (first_row, row), (first_column, column) = _relative(row), _relative(column)
        return Collocation(first_row, first_column, row, column, shape, means=False)
    row, column = _rows(target, source.lat) - rows.start, _columns(target, source.lon) - columns.start
    needed_rows = _span((row >= 0) & (row < shape[0]))
    needed_columns = _span((column >= 0) & (column < shape[1]))
    row, column = row[needed_rows], column[needed_columns]
    row, column = np.where(row < shape[0], row, -1), np.where(column < shape[1], column, -1)
    inside = _covered(source, target, rows, columns)
    return Collocation(needed_rows, needed_columns, np.maximum(row, -1), np.maximum(column, -1), shape, True, inside)


def _covered(
    source: Grid, target: Grid, rows: slice, columns: slice
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of the height of some target rows, and of the width of some columns, that the source's edges enclose."""
    north, south = target.lat_edges[rows.start : rows.stop], target.lat_edges[rows.start + 1 : rows.stop + 1]
    west, east = target.lon_edges[columns.start : columns.stop], target.lon_edges[columns.start + 1 : columns.stop + 1]
    left, bottom, right, top = source.bbox
    high = np.clip(np.minimum(north, top) - np.maximum(south, bottom), 0.0, None) / (north - south)
    wide = sum(
        np.clip(np.minimum(east + turn, right) - np.maximum(west + turn, left), 0.0, None)
        for turn in (-360.0, 0.0, 360.0)
    ) / (east - west)
    return np.asarray(high), np.minimum(np.asarray(wide), 1.0)


def is_finer(one: Grid, other: Grid) -> bool:
    """Whether the cells of ``one`` are smaller, by their width in degrees of longitude."""
    return bool(one.step[1] < 0.999 * other.step[1])


def _rows(grid: Grid, lat: NDArray[np.float64]) -> Ints:
    """Row of the cell that each latitude lies in; −1 for none."""
    return np.asarray(grid.index(lat, np.full(len(lat), grid.lon[0]))[0], np.int64)


def _columns(grid: Grid, lon: NDArray[np.float64]) -> Ints:
    """Column of the cell that each longitude lies in; −1 for none."""
    return np.asarray(grid.index(np.full(len(lon), grid.lat[0]), lon)[1], np.int64)


def _span(wanted: NDArray[np.bool_]) -> slice:
    found = np.flatnonzero(wanted)
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def _relative(index: Ints) -> tuple[slice, Ints]:
    """The stretch that some indices need, and they within it."""
    found = index[index >= 0]
    if not len(found):
        return slice(0, 0), np.full(len(index), -1, np.int64)
    first = int(found.min())
    return slice(first, int(found.max()) + 1), np.where(index >= 0, index - first, -1)
