"""Reading the series of some locations from a dataset or a prepared cube, without reading much more than those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.validation.matching.places import CUBE, STATIONS
from smcore.validation.matching.reading import plain

Ints = NDArray[np.int64]
Fetch = Callable[[str, Ints, slice], NDArray[Any]]
"""``fetch(variable, locations, steps)``: values (location, step)."""


@runtime_checkable
class MapFetch(Protocol):
    """A fetch that can also read boxes of a cube without turning them into series."""

    def __call__(self, variable: str, where: Ints, steps: slice) -> NDArray[Any]:
        """Values (location, step)."""
        ...

    def maps(self, variable: str, steps: slice, rows: slice, columns: slice) -> NDArray[Any]:
        """Values (step, row, column) of a box."""
        ...

    def tile(self, variable: str) -> tuple[int, int]:
        """Rows and columns that are decoded together."""
        ...


class DatasetFetch:
    """Read from an xarray dataset: whole rows and columns around the asked cells where that is not wasteful."""

    def __init__(self, data: xr.Dataset, layout: str) -> None:
        self.data, self.layout = data, layout

    def __call__(self, variable: str, where: Ints, steps: slice) -> NDArray[Any]:
        """Values (location, step)."""
        array = self.data[variable].isel({names.TIME: steps})
        if self.layout != CUBE:
            dim = names.SENSOR if self.layout == STATIONS else names.LOCATION
            return np.asarray(array.transpose(dim, names.TIME).isel({dim: _run(where)}).values)
        rows, columns = np.divmod(where, array.sizes[names.X])
        box = _box(rows), _box(columns)
        if _is_dense(box, where) or isinstance(array.variable._data, np.ndarray):
            return series_of_cells(self.maps(variable, steps, *box), rows - box[0].start, columns - box[1].start)
        points = array.isel({names.Y: xr.DataArray(rows, dims="point"), names.X: xr.DataArray(columns, dims="point")})
        return np.asarray(points.transpose("point", names.TIME).values)

    def maps(self, variable: str, steps: slice, rows: slice, columns: slice) -> NDArray[Any]:
        """Values (step, row, column) of a box of a cube."""
        box = self.data[variable].isel({names.TIME: steps, names.Y: rows, names.X: columns})
        return np.asarray(box.transpose(names.TIME, names.Y, names.X).values)

    def tile(self, variable: str) -> tuple[int, int]:
        """Rows and columns that are decoded together."""
        chunks = self.data[variable].chunksizes
        return (max(chunks[names.Y]), max(chunks[names.X])) if chunks else (1, 1)


class CubeFetch:
    """Read from a prepared cube: a box where the cells lie together, else one series after the other."""

    def __init__(self, cube: Any) -> None:
        self.cube = cube

    def __call__(self, variable: str, where: Ints, steps: slice) -> NDArray[Any]:
        """Values (location, step)."""
        rows, columns = np.divmod(where, self.cube.grid.shape[1])
        box = _box(rows), _box(columns)
        if _is_dense(box, where):
            return series_of_cells(self.maps(variable, steps, *box), rows - box[0].start, columns - box[1].start)
        series = [self.cube.read_series(variable, int(r), int(c))[steps] for r, c in zip(rows, columns, strict=True)]
        return np.stack(series)

    def maps(self, variable: str, steps: slice, rows: slice, columns: slice) -> NDArray[Any]:
        """Values (step, row, column) of a box."""
        return np.asarray(self.cube.read_block(variable, steps, rows, columns))

    def tile(self, variable: str) -> tuple[int, int]:
        """Rows and columns that are decoded together where all steps are read."""
        return tuple(self.cube.series_chunk(variable))


def dataset_fetch(data: xr.Dataset, layout: str) -> DatasetFetch:
    """Read from an xarray dataset."""
    return DatasetFetch(data, layout)


def cube_fetch(cube: Any) -> CubeFetch:
    """Read from a prepared cube."""
    return CubeFetch(cube)


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
