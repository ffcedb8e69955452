"""Reading the series of some locations from a dataset or a prepared cube, without reading much more than those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.validation.places import CUBE, STATIONS
from smcore.validation.reading import plain

Ints = NDArray[np.int64]
Fetch = Callable[[str, Ints, slice], NDArray[np.generic]]
"""``fetch(variable, locations, steps)``: values (location, step)."""


def dataset_fetch(data: xr.Dataset, layout: str) -> Fetch:
    """Read from an xarray dataset: whole rows and columns around the asked cells where that is not wasteful."""

    def fetch(variable: str, where: Ints, steps: slice) -> NDArray[np.generic]:
        array = data[variable].isel({names.TIME: steps})
        if layout != CUBE:
            dim = names.SENSOR if layout == STATIONS else names.LOCATION
            return np.asarray(array.transpose(dim, names.TIME).isel({dim: _run(where)}).values)
        rows, columns = np.divmod(where, array.sizes[names.X])
        box = _box(rows), _box(columns)
        if _is_dense(box, where) or isinstance(array.variable._data, np.ndarray):
            cut = array.isel({names.Y: box[0], names.X: box[1]}).transpose(names.TIME, names.Y, names.X).values
            return series_of_cells(cut, rows - box[0].start, columns - box[1].start)
        points = array.isel({names.Y: xr.DataArray(rows, dims="point"), names.X: xr.DataArray(columns, dims="point")})
        return np.asarray(points.transpose("point", names.TIME).values)

    return fetch


def cube_fetch(cube: Any) -> Fetch:
    """Read from a prepared cube: a box where the cells lie together, else one series after the other."""

    def fetch(variable: str, where: NDArray[np.int64], steps: slice) -> NDArray[np.generic]:
        rows, columns = np.divmod(where, cube.grid.shape[1])
        box = _box(rows), _box(columns)
        if _is_dense(box, where):
            maps = cube.read_block(variable, steps, *box)
            return series_of_cells(maps, rows - box[0].start, columns - box[1].start)
        series = [cube.read_series(variable, int(r), int(c))[steps] for r, c in zip(rows, columns, strict=True)]
        return np.stack(series)

    return fetch


def series_of_cells(maps: NDArray[Any], rows: Ints, columns: Ints) -> NDArray[Any]:
    """Series (cell, step) of the cells at ``rows`` and ``columns`` of maps (step, row, column) of any type."""
    from smcore.validation.kernels.reading import series_of_cells as turn

    maps = np.ascontiguousarray(maps)
    bits = np.dtype(f"i{maps.dtype.itemsize}")  # only moved, so that one loop for each width serves all types
    out = np.empty((len(rows), len(maps)), bits)
    turn(plain(maps.view(bits)), rows, columns, out)
    return out.view(maps.dtype)


def _box(index: Ints) -> slice:
    """From the lowest to the highest index."""
    first = int(index.min(initial=np.iinfo(np.int64).max)) if index.size else 0
    return slice(first, int(index.max(initial=-1)) + 1)


def _is_dense(box: tuple[slice, slice], where: Ints) -> bool:
    """Whether reading the whole box is not wasteful."""
    return bool((box[0].stop - box[0].start) * (box[1].stop - box[1].start) <= 4 * where.size)


def _run(where: Ints) -> slice | Ints:
    """Make a slice of indices that follow one another, which is read without a copy."""
    if where.size and where[-1] - where[0] == where.size - 1 and (np.diff(where) == 1).all():
        return slice(int(where[0]), int(where[-1]) + 1)
    return where
