"""Reading the series of some locations from a dataset or a prepared cube, without reading much more than those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.validation.places import CUBE, STATIONS

Ints = NDArray[np.int64]
Fetch = Callable[[str, Ints, slice], NDArray[np.generic]]
"""``fetch(variable, locations, steps)``: values (location, step)."""


def dataset_fetch(data: xr.Dataset, layout: str) -> Fetch:
    """Read from an xarray dataset: whole rows and columns around the asked cells where that is not wasteful."""

    def fetch(variable: str, where: Ints, steps: slice) -> NDArray[np.generic]:
        array = data[variable].isel({names.TIME: steps})
        if layout != CUBE:
            dim = names.SENSOR if layout == STATIONS else names.LOCATION
            return np.asarray(array.transpose(dim, names.TIME).isel({dim: where}).values)
        rows, columns = np.divmod(where, array.sizes[names.X])
        top, left = rows.min(initial=0), columns.min(initial=0)
        box = (slice(top, rows.max(initial=0) + 1), slice(left, columns.max(initial=0) + 1))
        if (box[0].stop - top) * (box[1].stop - left) <= 4 * where.size:
            cut = array.isel({names.Y: box[0], names.X: box[1]}).transpose(names.Y, names.X, names.TIME).values
            return np.asarray(cut[rows - top, columns - left])
        points = array.isel({names.Y: xr.DataArray(rows, dims="point"), names.X: xr.DataArray(columns, dims="point")})
        return np.asarray(points.transpose("point", names.TIME).values)

    return fetch


def cube_fetch(cube: Any) -> Fetch:
    """Read from a prepared cube: a box where the cells lie together, else one series after the other."""

    def fetch(variable: str, where: NDArray[np.int64], steps: slice) -> NDArray[np.generic]:
        rows, columns = np.divmod(where, cube.grid.shape[1])
        top, left = int(rows.min(initial=0)), int(columns.min(initial=0))
        high, wide = int(rows.max(initial=0)) + 1 - top, int(columns.max(initial=0)) + 1 - left
        if high * wide <= 4 * where.size:
            box = cube.read_block(variable, steps, slice(top, top + high), slice(left, left + wide))
            return np.ascontiguousarray(box[:, rows - top, columns - left].T)
        series = [cube.read_series(variable, int(r), int(c))[steps] for r, c in zip(rows, columns, strict=True)]
        return np.stack(series)

    return fetch
