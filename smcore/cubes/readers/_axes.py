"""Latitude and longitude axes as files have them, and how their fields are turned to ours.

Ours: rows from north to south, columns from west to east beginning in [−180, 180). Files run either way, count from
0 to 360, repeat the column at 360, cross the dateline, and keep the axes of a field in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.errors import GridMismatch, ReaderError
from smcore.grids import EASE, Grid, ease, regular, regular_from_axes, wrap_longitude

_OFF_CENTRE = 0.05  # share of a cell
_SAME_COLUMN = 1e-4  # deg; float32 degrees near 360 are good to 3e-5
_ROUNDED = 1e-5  # share of a step that decimals in a file may be off


@dataclass(frozen=True)
class Placement:
    """A grid, and where on it the rows and columns of a stored field belong."""

    grid: Grid
    flipped: bool
    columns: NDArray[np.int64] | None  # stored column of each of ours; None where they are the same

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Turn an array (…, stored rows, stored columns) to (…, y, x)."""
        if self.flipped:
            values = values[..., ::-1, :]
        return values if self.columns is None else values[..., self.columns]


def place(lat: ArrayLike, lon: ArrayLike, *, step: float | None = None) -> Placement:
    """Find the grid of two stored axes.

    Parameters
    ----------
    lat, lon
        Cell centres [deg], each ascending or descending; longitudes in any turn, across the dateline too.
    step
        Spacing [deg] to take where both axes have one value.

    Raises
    ------
    GridMismatch
        If an axis is neither evenly spaced nor that of an EASE-Grid 2.0.
    """
    lat, lon = np.asarray(lat, np.float64), np.asarray(lon, np.float64)
    if lat.ndim != 1 or lon.ndim != 1 or not np.isfinite(lat).all() or not np.isfinite(lon).all():
        raise GridMismatch("Latitude and longitude must be two one-dimensional axes without gaps")
    if not lat.size or not lon.size or np.abs(lat).max() > 90.001:
        raise GridMismatch("The latitudes do not lie in −90…90")
    flipped = len(lat) > 1 and lat[0] < lat[-1]
    rows = lat[::-1] if flipped else lat
    columns, west_to_east = _unrolled(lon)
    in_place = len(columns) == len(lon) and bool((columns == np.arange(len(lon))).all())
    return Placement(_grid(rows, west_to_east, step), bool(flipped), None if in_place else columns)


def as_reader_error(error: GridMismatch, where: str) -> ReaderError:
    """Turn a grid that Loam can't use into the reason why a file is left out."""
    return ReaderError(error.what, code="wrong_kind", where=where, hint=error.hint)


def _unrolled(lon: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Order stored columns from west to east, with their longitudes: begun after the widest gap, going on past 180."""
    turned = np.round(wrap_longitude(lon), 11)
    turned[turned >= 180.0] -= 360.0
    order = np.argsort(turned, kind="stable")
    values = turned[order]
    if len(values) == 1:
        return order, values
    keep = np.r_[True, np.diff(values) > _SAME_COLUMN]  # a column at both 0 and 360 is one column
    order, values = order[keep], values[keep]
    gaps = np.diff(np.r_[values, values[0] + 360.0])
    if gaps.max() < 1.5 * gaps.min():  # once around the Earth: begin at −180
        return order, values
    first = (int(np.argmax(gaps)) + 1) % len(values)
    return np.roll(order, -first), np.r_[values[first:], values[:first] + 360.0]


def _grid(lat: NDArray[np.float64], lon: NDArray[np.float64], step: float | None) -> Grid:
    if len(lat) == 1 and len(lon) == 1:
        if step is None:
            raise GridMismatch("A single cell does not tell the size of its grid's cells")
        return regular(float(lat[0]), float(lon[0]), step, step, 1, 1)
    for name in EASE:
        if (found := _ease_cut(name, lat, lon)) is not None:
            return found
    found = regular_from_axes(lat, lon)
    return _snapped(found)


def _snapped(grid: Grid) -> Grid:
    """Make steps such as 1/112° and centres at halves of a step exact, where a file has them rounded."""
    steps, origin = [], []
    for step, first in zip(grid.step, (float(grid.lat[0]), float(grid.lon[0])), strict=True):
        cells = round(1 / step)
        if not cells or abs(cells * step - 1) > _ROUNDED:
            return grid
        halves = round(first * 2 * cells)
        steps.append(1 / cells)
        origin.append(halves / (2 * cells) if abs(halves / (2 * cells) - first) < _ROUNDED * step else first)
    return regular(origin[0], origin[1], steps[0], steps[1], *grid.shape)


def _ease_cut(name: str, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Grid | None:
    """Find the cut of an EASE-Grid 2.0 with these centres, or None; rows of such a grid are never evenly spaced."""
    whole = ease(name)
    if len(lon) > 1 and abs((lon[-1] - lon[0]) / (len(lon) - 1) / whole.step[1] - 1) > _OFF_CENTRE:
        return None
    rows, _ = whole.index(lat, 0.0)
    _, columns = whole.index(0.0, lon)
    if (rows < 0).any() or (columns < 0).any() or (np.diff(rows) != 1).any() or (np.diff(columns) != 1).any():
        return None
    height = -np.diff(whole.lat_edges)[rows]
    off_lat = (np.abs(whole.lat[rows] - lat) / height).max()
    off_lon = np.abs(whole.lon[columns] - lon).max() / whole.step[1]
    if max(off_lat, off_lon) > _OFF_CENTRE:
        return None
    return whole.cut(slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))


@dataclass(frozen=True)
class FieldAxes:
    """Which axes of a stored field are time, latitude and longitude; all others have length one.

    ``time`` is None for a field without a time axis.
    """

    time: int | None
    lat: int
    lon: int
    count: int

    @classmethod
    def of(cls, dims: Sequence[str], sizes: Sequence[int], time: str, lat: str, lon: str) -> FieldAxes:
        """Find the axes by their names.

        Raises
        ------
        GridMismatch
            If latitude or longitude is not among them, or another axis is longer than one.
        """
        dims = list(dims)
        if lat not in dims or lon not in dims:
            raise GridMismatch(f"The field has the axes {', '.join(dims)}, without {lat} and {lon}")
        long = [dim for dim, size in zip(dims, sizes, strict=True) if dim not in (time, lat, lon) and size != 1]
        if long:
            raise GridMismatch(f"The field has a further axis {long[0]}", hint="give files of one level or member")
        return cls(dims.index(time) if time in dims else None, dims.index(lat), dims.index(lon), len(dims))

    def index(self, steps: slice) -> tuple[slice, ...]:
        """Make the index of the stored field that takes ``steps`` and all else."""
        return tuple(steps if axis == self.time else slice(None) for axis in range(self.count))

    def __call__(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Arrange a stored field as (time, lat, lon)."""
        kept = [axis for axis in (self.time, self.lat, self.lon) if axis is not None]
        others = [axis for axis in range(self.count) if axis not in kept]
        turned = stored.transpose([*others, *kept])
        shape = [stored.shape[axis] for axis in kept]
        return turned.reshape(shape if self.time is not None else [1, *shape])
