"""From source files to a lazy cube: steps in order, one grid for all, one dask block for each step and variable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from smcore import names
from smcore.cubes.check import check_cube
from smcore.cubes.readers._axes import place
from smcore.cubes.readers._blocks import Index, read_stored
from smcore.cubes.sources import Skipped
from smcore.errors import GridMismatch, ReaderError
from smcore.grids import Grid

T = TypeVar("T")
MapLoader = Callable[[], NDArray[Any]]
_OFF_CENTRE = 0.05  # share of a cell that a stored centre may lie off ours; float32 degrees need 1e-4


@dataclass(frozen=True)
class Step:
    """One time step to be: its stamp, its overpass (empty where the product has none), how each variable is read."""

    time: np.datetime64
    loaders: Mapping[str, MapLoader]
    overpass: str = ""


@dataclass(frozen=True)
class Field:
    """What all steps of one variable share."""

    attrs: Mapping[str, Any]
    dtype: Any = np.float32
    encoding: Mapping[str, Any] = field(default_factory=dict)


def assemble(
    grid: Grid,
    steps: Iterable[Step],
    fields: Mapping[str, Field],
    attrs: Mapping[str, Any],
    statics: Mapping[str, xr.DataArray] | None = None,
) -> xr.Dataset:
    """Make the checked, lazy cube (time, y, x) of ``steps``; a variable that a step lacks is missing there.

    Raises
    ------
    CubeError
        If the result breaks the data model (two steps of one time, for example).
    """
    ordered = sorted(steps, key=lambda step: step.time)
    coords: dict[str, Any] = {
        names.TIME: np.array([step.time for step in ordered], dtype="datetime64[ns]"),
        names.LAT: (names.Y, grid.lat, {"units": "degrees_north", "standard_name": "latitude"}),
        names.LON: (names.X, grid.lon, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    if any(step.overpass for step in ordered):
        coords[names.OVERPASS] = (names.TIME, np.array([step.overpass or names.UNKNOWN for step in ordered]))
    variables: dict[str, Any] = {}
    for name, shared in fields.items():
        absent = partial(missing, grid.shape, shared.dtype)
        loaders = [step.loaders.get(name, absent) for step in ordered]
        data = _stack(name, loaders, grid.shape, shared.dtype)
        variables[name] = xr.Variable(names.CUBE_DIMS, data, dict(shared.attrs), dict(shared.encoding))
    cube = xr.Dataset(variables, coords=coords, attrs={**attrs, **grid.to_attrs()})
    return check_cube(cube.assign(dict(statics or {})))


def _stack(name: str, loaders: Sequence[MapLoader], shape: tuple[int, int], dtype: Any) -> da.Array:
    """Stack maps lazily, one block each; named at random, for hashing 30 000 loaders takes longer than the rest."""
    key = f"{name}-{uuid4().hex}"
    graph = {(key, i, 0, 0): (_as_step, load, shape, dtype) for i, load in enumerate(loaders)}
    chunks = ((1,) * len(loaders), (shape[0],), (shape[1],))
    return da.Array(graph, key, chunks, dtype=np.dtype(dtype))


def _as_step(load: MapLoader, shape: tuple[int, int], dtype: Any) -> NDArray[Any]:
    values = np.asarray(load(), dtype=dtype)
    if values.shape != shape:
        raise ReaderError(f"A step has the shape {values.shape}, not {shape}", code="bad_values")
    return values[np.newaxis]


def missing(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Make a map of missing values: NaN, NaT, or −1 for flags."""
    kind = np.dtype(dtype).kind
    if kind == "M":
        return np.full(shape, np.datetime64("NaT", "ns"), dtype=dtype)
    return np.full(shape, np.nan if kind == "f" else -1, dtype=dtype)


def read_map(
    path: Path, name: str, decode: Callable[[NDArray[Any]], NDArray[Any]], index: Index = (), flip: bool = False
) -> NDArray[Any]:
    """Read and decode one map of a NetCDF file; ``flip`` turns south-to-north rows round."""
    stored = read_stored(path, name, index)
    values = decode(stored.reshape(stored.shape[-2:]))
    return values[::-1] if flip else values


def one_grid(
    found: Sequence[tuple[Path, T]], grid_of: Callable[[T], Grid]
) -> tuple[Grid, list[tuple[Path, T]], tuple[Skipped, ...]]:
    """Split files into those on the grid of the first one and the others, skipped (``grid_mismatch``)."""
    grid = grid_of(found[0][1])
    same: list[tuple[Path, T]] = []
    other: list[Skipped] = []
    for path, one in found:
        if grid_of(one).name == grid.name and grid_of(one).same_as(grid):
            same.append((path, one))
        else:
            reason = f"{path.name} has other cells than {found[0][0].name}; give it a store of its own"
            other.append(Skipped(str(path), "grid_mismatch", reason))
    return grid, same, tuple(other)


def latest(
    found: Sequence[tuple[Path, T]], key: Callable[[T], Any], version: Callable[[Path], Any]
) -> tuple[list[tuple[Path, T]], tuple[Skipped, ...]]:
    """Keep the highest version where several files hold the same ``key``; the others are skipped (``superseded``)."""
    best: dict[Any, tuple[Path, T]] = {}
    old: list[Skipped] = []
    for path, one in sorted(found, key=lambda pair: (version(pair[0]), str(pair[0]))):
        if (known := best.get(key(one))) is not None:
            old.append(Skipped(str(known[0]), "superseded", f"{path.name} holds the same, made later"))
        best[key(one)] = (path, one)
    return list(best.values()), tuple(old)


def axes(lat: ArrayLike, lon: ArrayLike, where: str) -> tuple[Grid, bool]:
    """Find the grid of two stored axes, and whether its rows are stored from south to north.

    Raises
    ------
    ReaderError
        ``wrong_kind``, if they are no axes of a grid that Loam knows, or the columns do not begin in the west.
    """
    try:
        placement = place(lat, lon)
    except GridMismatch as error:
        raise ReaderError(error.what, code="wrong_kind", where=where, hint=error.hint) from error
    if placement.columns is not None:
        raise ReaderError("The columns do not run from -180 to 180", code="wrong_kind", where=where)
    return placement.grid, placement.flipped


def check_centres(
    grid: Grid, rows: NDArray[np.int64], columns: NDArray[np.int64], lat: ArrayLike, lon: ArrayLike, where: str
) -> None:
    """Refuse coordinates (``wrong_kind``) that lie off the centres of the cells they are given to."""
    height = -np.diff(grid.lat_edges)[rows]
    off_lat = np.abs(grid.lat[rows] - np.asarray(lat).ravel()) / height
    off_lon = np.abs(grid.lon[columns] - np.asarray(lon).ravel()) / grid.step[1]
    if max(off_lat.max(initial=0), off_lon.max(initial=0)) > _OFF_CENTRE:
        raise ReaderError(
            f"The coordinates are not cell centres of {grid.name}",
            code="wrong_kind",
            where=where,
            hint="check the kind",
        )


def stamp_in_name(path: Path, pattern: str) -> np.datetime64:
    """Find the time in a file name; groups of ``pattern`` are year, month, day and, if there, hour, minute and second.

    Raises
    ------
    ReaderError
        ``wrong_kind``, if the name holds no date.
    """
    match = re.search(pattern, path.name)
    if match is None:
        raise ReaderError(
            "The file name holds no date", code="wrong_kind", where=path.name, hint="keep the provider's file name"
        )
    parts = [*match.groups(), "00", "00", "00"][:6]
    try:
        return np.datetime64("{}-{}-{}T{}:{}:{}".format(*parts), "ns")
    except ValueError as error:
        raise ReaderError("The date in the file name does not exist", code="wrong_kind", where=path.name) from error


def is_synthetic(attrs: Mapping[str, Any]) -> int:
    """1 if a source file says that it is synthetic (attribute ``synthetic``), else 0."""
    return int(str(np.ravel(attrs.get("synthetic", 0))[0]).strip().lower() in ("1", "true", "yes"))


def plural(count: int, noun: str) -> str:
    """``1 cell``, ``2 cells``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
