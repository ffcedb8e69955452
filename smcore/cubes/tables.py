"""Pixel sets and station collections on disk: one layout, rows of whole series, rewritten as a whole when they grow."""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.chunks import ChunkArray
from smcore.cubes.job import Job, check_same_meaning
from smcore.cubes.manifest import (
    MANIFEST,
    Manifest,
    StoredVariable,
    digest,
    hash_values,
    plain_attrs,
    telling_disk_errors,
)
from smcore.cubes.packing import Packing, plain
from smcore.cubes.writing import tidy
from smcore.errors import GridMismatch, ReaderError, StoreError
from smcore.grids import EASE, Grid, ease, regular_through
from smcore.progress import check

Array = NDArray[Any]

CHUNK_BYTES = 2**20
_KEPT_BYTES = 256 * 2**20


def row_dim(layout: str) -> str:
    """``location`` of a pixel set, ``sensor`` of a station collection."""
    return names.SENSOR if layout == "stations" else names.LOCATION


def layout_of(dataset: xr.Dataset) -> str:
    """``cube``, ``pixels`` or ``stations``, by the dimensions."""
    if names.SENSOR in dataset.dims:
        return "stations"
    return "pixels" if names.LOCATION in dataset.dims else "cube"


def write_table(job: Job, path: Path, layout: str) -> None:
    """Write a pixel set or station collection as a new store at ``path``."""
    partial = path.with_name(f"{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with telling_disk_errors(path):
            partial.mkdir(parents=True)
        _write(job, partial, "table-1", layout, job.dataset, job.sources)
        with telling_disk_errors(path):
            partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    job.added = len(job.stamps)


def append_table(job: Job, path: Path, layout: str) -> None:
    """Add the times of ``job`` to the table at ``path``; they become visible together.

    Raises
    ------
    StoreError
        If the rows are others, or a time is there already with other values.
    """
    committed = Manifest.load(path)
    check_same_meaning(committed, job.dataset)
    old, new = PreparedTable(path).dataset().load(), job.dataset.compute(scheduler="synchronous")
    dim = row_dim(layout)
    if not np.array_equal(old[dim].values, new[dim].values):
        raise StoreError(
            f"The new files hold other {'sensors' if dim == names.SENSOR else 'pixels'} than the store",
            where=str(path),
            hint="ingest old and new files together into a new store",
        )
    common = np.intersect1d(old[names.TIME].values, new[names.TIME].values)
    for name, variable in old.data_vars.items():
        span = {names.TIME: common} if names.TIME in variable.dims else {}
        if hash_values(old[name].sel(span).values) != hash_values(new[name].sel(span).values):
            raise StoreError(f"{name!r} has other values in the store", hint="ingest the files into a new store")
    fresh = new.sel({names.TIME: np.setdiff1d(new[names.TIME].values, common)})
    job.repeated, job.added = len(common), fresh.sizes[names.TIME]
    if not job.added:
        return
    timed = [name for name, v in old.data_vars.items() if names.TIME in v.dims]
    joined = old.drop_vars(timed).drop_dims(names.TIME, errors="ignore")
    joined = joined.merge(xr.concat([old[timed], fresh[timed]], names.TIME).sortby(names.TIME), compat="override")
    sources = [*committed.sources, *(s for s in job.sources if s not in committed.sources)]
    number = int(committed.table.partition("-")[2]) + 1
    try:
        _write(job, path, f"table-{number}", layout, joined.assign_attrs(old.attrs), sources)
    finally:
        tidy(path, Manifest.load(path))


def _write(job: Job, root: Path, group: str, layout: str, dataset: xr.Dataset, sources: list[dict[str, Any]]) -> None:
    """Write all arrays into the folder ``group`` and commit them."""
    import zarr

    manifest = Manifest(layout, plain_attrs(dataset.attrs), {}, maps="", table=group, sources=sources)
    if names.TIME in dataset.coords:
        manifest.time = dataset[names.TIME].values.astype("datetime64[ns]").astype(np.int64).tolist()
    manifest.coords = {str(k): _coord_to_json(v) for k, v in dataset.coords.items() if k != names.TIME}
    with telling_disk_errors(root):
        if not (root / "zarr.json").exists():
            zarr.create_group(str(root), attributes={"loam_store": 1, **manifest.attrs})
        zarr.create_group(str(root / group), attributes=manifest.attrs)
    for number, name in enumerate(sorted(map(str, dataset.data_vars))):
        check(job.cancelled)
        job.progress(number / len(dataset.data_vars), name)
        values = _computed(dataset[name])
        if values.dtype.kind not in "biufM":
            raise StoreError(f"{name!r} does not hold numbers", hint="texts belong into coordinates")
        variable = StoredVariable(
            tuple(map(str, dataset[name].dims)), plain_attrs(dataset[name].attrs), _packing(values.dtype), name
        )
        manifest.variables[name] = variable
        with telling_disk_errors(root):
            _write_rows(root / group / name, variable, values)
        manifest.statics[name] = hash_values(values).hex()
    job.record_notes(manifest)
    manifest.seal()
    with telling_disk_errors(root):
        manifest.save(root, MANIFEST)
    job.progress(1.0, "table")


def _computed(variable: xr.DataArray) -> Array:
    try:
        return np.asarray(variable.compute(scheduler="synchronous").values)
    except OSError as error:
        raise ReaderError(f"The source can't be read: {error}", code="truncated") from error


def _packing(kind: np.dtype[Any]) -> Packing:
    return Packing("int64", "datetime64[ns]", fill=int(np.iinfo(np.int64).min)) if kind.kind == "M" else plain(kind)


def _write_rows(path: Path, variable: StoredVariable, values: Array) -> None:
    stored = variable.packing.encode(values)
    row_bytes = stored[:1].nbytes or 1
    height = int(np.clip(CHUNK_BYTES // row_bytes, 1, max(len(stored), 1)))
    chunk = (height, *(max(n, 1) for n in stored.shape[1:]))
    attrs = {**variable.attrs, **variable.packing.attrs()}
    array = ChunkArray.create(
        path, stored.shape, stored.dtype, chunk=chunk, fill=variable.packing.fill_value, dims=variable.dims, attrs=attrs
    )
    if stored.size:
        for number, start in enumerate(range(0, len(stored), height)):
            array.write((number, *(0 for _ in stored.shape[1:])), stored[start : start + height])


def _coord_to_json(coord: xr.DataArray) -> dict[str, Any]:
    values, kind = coord.values, coord.dtype.kind
    listed: list[Any]
    if kind in "OUS":
        name, listed = "str", [str(v) for v in values.ravel()]
    elif kind == "M":
        name, listed = "datetime64[ns]", values.astype("datetime64[ns]").astype(np.int64).ravel().tolist()
    elif kind == "f":
        name, listed = coord.dtype.name, [float(v) if np.isfinite(v) else None for v in values.ravel()]
    elif kind in "biu":
        name, listed = coord.dtype.name, values.ravel().tolist()
    else:
        raise StoreError(f"The coordinate {coord.name!r} can't be kept", hint="use numbers, dates or texts")
    return {"dims": list(coord.dims), "dtype": name, "values": listed, "attrs": plain_attrs(coord.attrs)}


def _coord_from_json(content: dict[str, Any]) -> tuple[tuple[str, ...], Array, dict[str, Any]]:
    name, listed = str(content["dtype"]), content["values"]
    if name not in ("str", "datetime64[ns]") and np.dtype(name).kind not in "biuf":
        raise StoreError("A coordinate of the store is not understood", hint="ingest the data again")
    if name == "str":
        values = np.array([str(v) for v in listed], dtype=str)
    elif name == "datetime64[ns]":
        values = np.array(listed, np.int64).astype("datetime64[ns]")
    else:
        values = np.array([np.nan if v is None else v for v in listed], dtype=name)
    dims = tuple(str(d) for d in content["dims"])
    return dims, values if dims else values.reshape(()), dict(content["attrs"])


class PreparedTable:
    """A pixel set or station collection on disk, opened for reading. Threads may share it.

    Attributes
    ----------
    attrs, variables, fingerprint, sources, notes
        As in :class:`smcore.cubes.prepared.PreparedCube`.
    layout : str
        ``pixels`` or ``stations``.
    time : ndarray (time,) datetime64[ns]
    coords : dict
        Coordinates of the rows: name → array (n,); station texts included.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest = manifest = Manifest.load(path)
        self.layout = manifest.layout
        self.attrs: dict[str, Any] = dict(manifest.attrs)
        self.time = manifest.times()
        self.variables = {name: str(v.attrs.get("units", "")) for name, v in manifest.variables.items()}
        self._coords = {name: _coord_from_json(content) for name, content in manifest.coords.items()}
        self.coords = {name: values for name, (_, values, _) in self._coords.items()}
        overpass = self.coords.get(names.OVERPASS)
        self.overpass = None if overpass is None else overpass.astype(object)
        self.statics = tuple(name for name, v in manifest.variables.items() if names.TIME not in v.dims)
        self.fingerprint = manifest.fingerprint
        self.sources = list(manifest.sources)
        self.notes = list(manifest.notes)
        self._lock = threading.Lock()
        self._arrays = {
            v.array: ChunkArray(path / manifest.table / v.array) for v in manifest.variables.values()
        }  # refuses foreign codecs
        self._kept: OrderedDict[str, Array] = OrderedDict()

    def __len__(self) -> int:
        """Count the rows (pixels or sensors)."""
        return len(self.coords[row_dim(self.layout)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.attrs.get('title', '')!r}, {len(self)} rows, {len(self.time)} times)"

    def __reduce__(self) -> tuple[type[PreparedTable], tuple[Path]]:
        return type(self), (self.path,)

    def variable_attrs(self, variable: str) -> dict[str, Any]:
        """CF attributes of one variable."""
        return dict(self._variable(variable).attrs)

    def read_series(self, variable: str, index: int) -> Array:
        """All times of one row: (time,), in the variable's unit, NaN (NaT) where missing."""
        one = self._variable(variable)
        if one.dims[-1] != names.TIME:
            raise StoreError(f"{variable!r} has no steps", hint="take it from the dataset")
        if not 0 <= index < len(self):
            raise StoreError(f"There is no row {index} among {len(self)}", where=str(self.path))
        return one.packing.decode(self._array(one.array).read(slice(index, index + 1), slice(None))[0])

    def read_values(self, variable: str) -> Array:
        """Read a whole variable, (row, time) or (row,); the last ones read are kept in memory. Do not write into it."""
        with self._lock:
            found = self._kept.get(variable)
        if found is None:
            one = self._variable(variable)
            found = one.packing.decode(self._array(one.array).read(*(slice(None) for _ in one.dims)))
            found.flags.writeable = False
            with self._lock:
                self._kept[variable] = found
                while len(self._kept) > 1 and sum(v.nbytes for v in self._kept.values()) > _KEPT_BYTES:
                    self._kept.popitem(last=False)
        return found

    def dataset(self) -> xr.Dataset:
        """Give the whole table as a lazy, dask-backed dataset."""
        import dask.array as da

        found: dict[str, Any] = {}
        for name, one in self._manifest.variables.items():
            array = self._array(one.array)
            key = f"{name}-{digest([self.fingerprint, str(self.path)])[:32]}"
            lazily = da.from_array(
                _LazyRows(array, one.packing), chunks=array.chunk, name=key, asarray=False, fancy=False
            )
            found[name] = (one.dims, lazily, dict(one.attrs))
        coords: dict[str, Any] = dict(self._coords)
        if len(self.time):
            coords[names.TIME] = (names.TIME, self.time)
        return xr.Dataset(found, coords, self.attrs)

    def _variable(self, name: str) -> StoredVariable:
        try:
            return self._manifest.variables[name]
        except KeyError:
            known = ", ".join(self.variables)
            raise StoreError(f"There is no variable {name!r}", where=str(self.path), hint=f"known: {known}") from None

    def _array(self, name: str) -> ChunkArray:
        return self._arrays[name]


class _LazyRows:
    """What dask needs to see of one variable of a table."""

    def __init__(self, array: ChunkArray, packing: Packing) -> None:
        self.array, self.packing = array, packing
        self.shape, self.ndim = array.shape, len(array.shape)
        self.dtype = np.dtype(packing.logical)

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        first = index[0]
        whole = range(self.shape[0])[first if isinstance(first, slice) else slice(int(first), int(first) + 1)]
        low, high = (min(whole[0], whole[-1]), max(whole[0], whole[-1]) + 1) if len(whole) else (0, 0)
        stored = self.array.read(slice(low, high), *(slice(None) for _ in self.shape[1:]))
        rest = slice(None, None, whole.step) if isinstance(first, slice) else 0
        return self.packing.decode(stored)[(rest, *index[1:])]


class PreparedStations(PreparedTable):
    """A station collection: rows are sensors; ``coords`` hold network, station, depths, lat, lon."""


class PreparedPixels(PreparedTable):
    """A pixel set: rows are locations, drawn on the map as cells of their grid where they have one.

    Attributes
    ----------
    rows, cols
        Row and column of each location in ``grid``.
    """

    @cached_property
    def grid(self) -> Grid:
        """The cut of the pixels' grid that just holds them all; regular where no other is named.

        Raises
        ------
        StoreError
            If the pixels lie on no grid.
        """
        name = str(self.attrs.get("grid_name", ""))
        if "row" in self.coords and "col" in self.coords and name in EASE:
            row, col = self.coords["row"], self.coords["col"]
            return ease(name).cut(slice(int(row.min()), int(row.max()) + 1), slice(int(col.min()), int(col.max()) + 1))
        try:
            return regular_through(self.coords[names.LAT], self.coords[names.LON])
        except GridMismatch as error:
            raise StoreError(f"These pixels lie on no grid: {error.what}", where=str(self.path)) from error

    @property
    def is_gridded(self) -> bool:
        """Whether the pixels are cells of a grid."""
        try:
            return bool(self.grid)
        except StoreError:
            return False

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """The one level that a pixel set has: its cells."""
        return (self.grid.shape,)

    @cached_property
    def _cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.grid.index(self.coords[names.LAT], self.coords[names.LON])

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row of each location in ``grid``."""
        return self._cells[0]

    @property
    def cols(self) -> NDArray[np.int64]:
        """Column of each location in ``grid``."""
        return self._cells[1]

    def at(self, row: int, col: int) -> int | None:
        """Find the location in the cell (row, column) of ``grid``, if any."""
        found = np.flatnonzero((self.rows == row) & (self.cols == col))
        return int(found[0]) if len(found) else None

    def read_map(
        self, variable: str, step: int = 0, level: int = 0, rows: slice = slice(None), cols: slice = slice(None)
    ) -> Array:
        """One step as a map of cells: (y, x) float32, NaN where no pixel is."""
        if level:
            raise StoreError("A pixel set has no overviews", where=str(self.path))
        values = self.read_values(variable)
        if values.ndim == 2:
            if not 0 <= step < len(self.time):
                raise StoreError(f"There is no step {step} among {len(self.time)}", where=str(self.path))
            values = values[:, step]
        canvas = np.full(self.grid.shape, np.nan, np.float32)
        canvas[self.rows, self.cols] = values
        return canvas[rows, cols]
