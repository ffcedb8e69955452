"""The data model in one place: what must hold for a cube or a pixel set before anything else looks at it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smcore import names
from smcore.errors import CubeError, GridMismatch
from smcore.grids import Grid

REQUIRED_ATTRS = ("title", "kind", "synthetic")


def check_cube(cube: xr.Dataset) -> xr.Dataset:
    """Return ``cube`` if it keeps the data model (see ``docs/conventions.md``).

    Raises
    ------
    CubeError
        Naming the first rule that is broken.
    """
    _check_attrs(cube)
    for dim in (names.Y, names.X):
        if dim not in cube.dims:
            raise CubeError(f"A cube needs the dimension {dim!r}", where=_title(cube))
    for name, variable in cube.data_vars.items():
        expected = tuple(d for d in names.CUBE_DIMS if d in variable.dims)
        if variable.dims != expected:
            raise CubeError(f"{name!r} has dimensions {variable.dims}, not (time, y, x) or (y, x)", where=_title(cube))
    _check_time(cube)
    _check_units(cube)
    lat, lon = cube["lat"].values, cube["lon"].values
    if lat.ndim != 1 or lon.ndim != 1:
        raise CubeError("Latitude and longitude must have one dimension each", where=_title(cube))
    if (np.diff(lat) >= 0).any():
        raise CubeError("Rows must run from north to south", where=_title(cube))
    if (np.diff(lon) <= 0).any() or lon[0] < -180 or lon[0] >= 180:
        raise CubeError("Longitudes must ascend and begin in −180…180", where=_title(cube))
    grid = Grid.from_attrs(cube.attrs)
    if grid.shape != (len(lat), len(lon)) or np.abs(grid.lat - lat).max() > 0.05 * grid.step[0]:
        raise GridMismatch("The grid attributes do not describe the axes", where=_title(cube))
    return cube


def check_pixels(pixels: xr.Dataset) -> xr.Dataset:
    """Return ``pixels`` if it keeps the data model of a pixel set: (location, time) with lat and lon."""
    _check_attrs(pixels)
    if names.LOCATION not in pixels.dims:
        raise CubeError("A pixel set needs the dimension 'location'", where=_title(pixels))
    for name, variable in pixels.data_vars.items():
        if variable.dims not in ((names.LOCATION, names.TIME), (names.LOCATION,)):
            raise CubeError(f"{name!r} has dimensions {variable.dims}, not (location, time)", where=_title(pixels))
    for name in (names.LAT, names.LON):
        if name not in pixels.coords or pixels[name].dims != (names.LOCATION,):
            raise CubeError(f"A pixel set needs {name!r} for each location", where=_title(pixels))
    _check_time(pixels)
    _check_units(pixels)
    if (pixels["lon"] < -180).any() or (pixels["lon"] >= 180).any():
        raise CubeError("Longitudes must lie in −180…180", where=_title(pixels))
    return pixels


def _check_attrs(data: xr.Dataset) -> None:
    missing = [name for name in REQUIRED_ATTRS if name not in data.attrs]
    if missing:
        raise CubeError(f"The attributes {', '.join(missing)} are missing", where=_title(data))
    if data.attrs["kind"] not in names.KINDS:
        raise CubeError(f"The kind {data.attrs['kind']!r} is unknown", hint=f"known: {', '.join(names.KINDS)}")


def _check_time(data: xr.Dataset) -> None:
    if names.TIME not in data.dims:
        return
    time = data[names.TIME].values
    if not np.issubdtype(time.dtype, np.datetime64):
        raise CubeError("The time axis does not hold dates", where=_title(data))
    if np.isnat(time).any() or (np.diff(time) <= np.timedelta64(0)).any():
        raise CubeError("Time must ascend without repeats", where=_title(data))


def _check_units(data: xr.Dataset) -> None:
    for name, variable in data.data_vars.items():
        if np.issubdtype(variable.dtype, np.floating) and "units" not in variable.attrs:
            raise CubeError(f"{name!r} has no unit", where=_title(data))


def _title(data: xr.Dataset) -> str:
    return str(data.attrs.get("title", "cube"))
