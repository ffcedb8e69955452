"""Reading a prepared cube: the layout that answers fastest is picked for the caller."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.chunks import ChunkArray
from smcore.cubes.codecs import MissingPartError
from smcore.cubes.manifest import Manifest, StoredVariable, digest
from smcore.cubes.overviews import overviews
from smcore.cubes.steps import SHARE, array_paths, has_overviews
from smcore.errors import StoreError
from smcore.grids import Grid

Array = NDArray[Any]
T = TypeVar("T")
ALL = slice(None)

DASK_BYTES = 32 * 2**20
"""Decoded size of one block of :meth:`PreparedCube.dataset`."""

_KEPT_SERIES = 16
"""Decoded series chunks kept: neighbouring pixels are asked for one after another."""


class PreparedCube:
    """A cube on disk, opened for reading; made by :func:`smcore.cubes.store.open_store`. Threads may share it.

    It shows the steps that were committed when it was opened. ``step`` always counts in time order.

    Attributes
    ----------
    attrs : dict
        Attributes of the cube (title, kind, synthetic, layer_m, time_support, grid …).
    grid : Grid
    time : ndarray (time,) datetime64[ns], ascending; empty for a cube of statics.
    overpass : ndarray (time,) of str, or None
    lat, lon : ndarray (rows,), (columns,) [deg], north to south and west to east
    variables : dict
        Name → unit of every variable, statics included.
    statics : tuple
        Names of those without steps.
    levels : tuple of (rows, columns)
        The base map and its overviews.
    fingerprint : str
        Identifies the content, however it was ingested.
    sources : list of dict
        Name, size and SHA-256 of the source files.
    notes : list of str
    """

    layout = "cube"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._adopt(Manifest.load(path))
        manifest = self._manifest
        self.attrs: dict[str, Any] = dict(manifest.attrs)
        self.grid = Grid.from_attrs(manifest.attrs)
        self._slots = manifest.order()
        self.time = manifest.times()[self._slots]
        self.overpass = np.array(manifest.overpass, dtype=object)[self._slots] if manifest.overpass else None
        self.variables = {name: str(v.attrs.get("units", "")) for name, v in manifest.variables.items()}
        self.statics = tuple(name for name, v in manifest.variables.items() if len(v.dims) == 2)
        self.levels = tuple(manifest.levels)
        self.fingerprint = manifest.fingerprint
        self.sources = list(manifest.sources)
        self.notes = list(manifest.notes)
        self._check_arrays()

    def __repr__(self) -> str:
        return f"PreparedCube({self.attrs.get('title', '')!r}, {len(self.time)} steps, {self.levels[0]})"

    def __reduce__(self) -> tuple[type[PreparedCube], tuple[Path]]:
        return PreparedCube, (self.path,)

    def variable_attrs(self, variable: str) -> dict[str, Any]:
        """CF attributes of one variable."""
        return dict(self._variable(variable).attrs)

    def read_map(self, variable: str, step: int = 0, level: int = 0, rows: slice = ALL, cols: slice = ALL) -> Array:
        """One step, or a static variable whatever the step: (y, x), in the variable's unit.

        Parameters
        ----------
        level
            0 for the cells themselves, 1… for overviews (see ``levels``); ``rows`` and ``cols`` count in that level.

        Returns
        -------
        ndarray (rows, columns)
            float32, NaN where missing; integers for flags (−1 none); datetime64[ns] for times, NaT where missing.

        Raises
        ------
        StoreError
            If there is no such variable, step or level.
        """
        one = self._variable(variable)
        if not 0 <= level < len(self.levels):
            raise StoreError(f"There is no overview level {level}", where=str(self.attrs.get("title", "")))
        if level and (len(one.dims) == 2 or not has_overviews(one)):
            return self._improvised(variable, step, level)[rows, cols]
        if len(one.dims) == 2:
            return self._retrying(lambda: self._decode_static(variable, rows, cols))
        slot = self._slot(step)
        name = f"level-{level}/{variable}" if level else ""
        return self._retrying(lambda: self._decode_map(variable, slot, rows, cols, name))

    def read_share(self, variable: str, step: int, level: int, rows: slice = ALL, cols: slice = ALL) -> Array:
        """Read the valid share (0…1, float32) of the cells below each overview cell of one step."""
        if level == 0 or not has_overviews(self._variable(variable)):
            values = self.read_map(variable, step)
            share = np.isfinite(values).astype(np.float32) if level == 0 else overviews(values, level)[-1][1] / 255
            return np.asarray(share, np.float32)[rows, cols]
        slot = self._slot(step)
        name = f"level-{level}/{variable}{SHARE}"
        raw = self._retrying(lambda: self._maps(name).read(slice(slot, slot + 1), rows, cols, beyond=True)[0])
        return np.asarray(raw, np.float32) / np.float32(255)

    def read_series(self, variable: str, row: int, col: int) -> Array:
        """All steps of one cell, in time order: (time,), in the variable's unit, NaN where missing."""
        rows, columns = self.levels[0]
        if not (0 <= row < rows and 0 <= col < columns):
            raise StoreError(f"There is no cell ({row}, {col}) in a grid of {rows} × {columns}")
        return self.read_block(variable, ALL, slice(row, row + 1), slice(col, col + 1))[:, 0, 0]

    def read_block(self, variable: str, time: slice = ALL, rows: slice = ALL, cols: slice = ALL) -> Array:
        """Read a box of steps and cells: (time, y, x), values as :meth:`read_map` gives them; slices of step 1.

        The layout that has less to decode is read; steps newer than the series layout always come from the maps.
        """
        one = self._variable(variable)
        if len(one.dims) == 2:
            raise StoreError(f"{variable!r} has no steps", hint="read it as a map")
        lengths = len(self.time), *self.levels[0]
        steps, rows, cols = (_span(s, n) for s, n in zip((time, rows, cols), lengths, strict=True))
        return self._retrying(lambda: self._decode_block(variable, steps, rows, cols))

    def series_chunk(self, variable: str) -> tuple[int, int]:
        """Rows and columns whose series are decoded together; those of a map's tile where no series are kept."""
        one = self._variable(variable)
        array = self._series_array(variable) if self._manifest.series and len(one.dims) == 3 else self._maps(one.array)
        rows, columns = array.chunk[-2:]
        return rows, columns

    def dataset(self, layout: str = "maps") -> xr.Dataset:
        """Give the whole cube as a lazy dataset (dims time, y, x), dask-backed.

        Parameters
        ----------
        layout
            ``maps``: blocks of few steps and the whole grid. ``series``: blocks of all steps and few cells, for work
            along time.
        """
        import dask.array as da

        found: dict[str, Any] = {}
        for name, one in self._manifest.variables.items():
            lazy = _Lazy(self, name)
            chunks = self._dask_chunks(one, layout)
            key = f"{name}-{layout}-{digest([self.fingerprint, str(self.path)])[:32]}"
            lazily = da.from_array(lazy, chunks=chunks, name=key, asarray=False, fancy=False)
            found[name] = (one.dims, lazily, dict(one.attrs))
        coords: dict[str, Any] = {
            names.LAT: (names.Y, self.lat, {"units": "degrees_north", "standard_name": "latitude"}),
            names.LON: (names.X, self.lon, {"units": "degrees_east", "standard_name": "longitude"}),
        }
        if len(self.time):
            coords[names.TIME] = (names.TIME, self.time)
            if self.overpass is not None:
                coords[names.OVERPASS] = (names.TIME, self.overpass.astype(str))
        return xr.Dataset(found, coords, self.attrs)

    def _check_arrays(self) -> None:
        """Open every array of the record, which refuses foreign codecs, and hold each against the record."""
        base = self.levels[0]
        for one in self._manifest.variables.values():
            self._maps(one.array).expect(one.packing.stored, (None,) * (len(one.dims) - 2) + base)
        for path in array_paths(self._manifest):
            level = int(path.partition("/")[0].removeprefix("level-")) if "/" in path else 0
            self._maps(path).expect("uint8" if path.endswith(SHARE) else None, (None, *self.levels[level]))
        for name in self.variables if self._manifest.series else ():
            if name not in self.statics:
                self._series_array(name).expect(self._variable(name).packing.stored, (None, *base))
        self.lat, self.lon = (self._maps(name).read(ALL) for name in (names.LAT, names.LON))
        if (len(self.lat), len(self.lon)) != base or self.grid.shape != base:
            raise StoreError("The axes do not fit the maps", where=str(self.path), hint="ingest the data again")

    def _adopt(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._arrays: dict[str, ChunkArray] = {}
        self._recent: OrderedDict[tuple[str, tuple[int, int]], Array] = OrderedDict()

    def _retrying(self, read: Callable[[], T]) -> T:
        """Read; if a writer replaced a layout meanwhile, adopt the new record and read again."""
        used = self._manifest
        try:
            return read()
        except MissingPartError:
            if self._manifest is used:  # else another thread has just done it
                manifest = Manifest.load(self.path)
                if _places(manifest) == _places(used):
                    raise
                with self._lock:
                    self._adopt(manifest)
            return read()

    def _variable(self, name: str) -> StoredVariable:
        try:
            return self._manifest.variables[name]
        except KeyError:
            known = ", ".join(self.variables)
            raise StoreError(f"There is no variable {name!r}", where=str(self.path), hint=f"known: {known}") from None

    def _slot(self, step: int) -> int:
        if not 0 <= step < len(self.time):
            raise StoreError(f"There is no step {step} among {len(self.time)}", where=str(self.path))
        return int(self._slots[step])

    def _array(self, path: str) -> ChunkArray:
        array = self._arrays.get(path)
        if array is None:
            array = self._arrays.setdefault(path, ChunkArray(self.path / path))
        return array

    def _maps(self, name: str) -> ChunkArray:
        return self._array(f"{self._manifest.maps}/{name}")

    def _decode_static(self, variable: str, rows: slice, cols: slice) -> Array:
        one = self._manifest.variables[variable]
        values: Array = one.packing.decode(self._maps(one.array).read(rows, cols))
        return values

    def _decode_map(self, variable: str, slot: int, rows: slice, cols: slice, level: str) -> Array:
        one = self._manifest.variables[variable]
        stored = self._maps(level or one.array).read(slice(slot, slot + 1), rows, cols, beyond=True)
        if level:
            return np.asarray(stored[0])
        stamp = np.asarray(self._manifest.time[slot], np.int64).astype("datetime64[ns]")
        decoded: Array = one.packing.decode(stored, stamp)[0]
        return decoded

    def _improvised(self, variable: str, step: int, level: int) -> Array:
        """Make an overview that is not stored: the mean for quantities, the north-west cell for flags and times."""
        values = self.read_map(variable, step)
        if values.dtype.kind == "f":
            return overviews(values, level)[-1][0]
        return values[:: 2**level, :: 2**level]

    def _decode_block(self, variable: str, steps: slice, rows: slice, cols: slice) -> Array:
        one, slots = self._manifest.variables[variable], self._slots[steps]
        shape = rows.stop - rows.start, cols.stop - cols.start
        covered = np.zeros(len(slots), bool)
        if self._is_series_faster(variable, slots, rows, cols):
            covered = slots < self._manifest.series_steps
            if covered.all():
                return self._unpack_series(variable, steps, rows, cols)
        stored = np.empty((len(slots), *shape), one.packing.stored)
        if covered.any():
            stored[covered] = self._series(variable, rows, cols)[_run(slots[covered])]
        maps = self._maps(one.array)
        for places in _runs(np.flatnonzero(~covered), slots):
            some = slice(int(slots[places[0]]), int(slots[places[-1]]) + 1)
            stored[places] = maps.read(some, rows, cols, beyond=True)
        return one.packing.decode(stored, self.time[steps])

    def _unpack_series(self, variable: str, steps: slice, rows: slice, cols: slice) -> Array:
        """Unpack the series chunk by chunk while each is in the processor's cache."""
        one, slots, array = self._manifest.variables[variable], _run(self._slots[steps]), self._series_array(variable)
        high, wide = array.chunk[1:]
        if rows.stop <= (rows.start // high + 1) * high and cols.stop <= (cols.start // wide + 1) * wide:
            series = self._series(variable, rows, cols)[slots]
            kept = series.copy() if one.packing.how == "plain" else series  # no caller may write into a kept chunk
            return one.packing.decode(kept, self.time[steps])
        shape = len(self._slots[steps]), rows.stop - rows.start, cols.stop - cols.start
        out = np.empty(shape, one.packing.logical)
        for (_, *box), piece in array.pieces(ALL, rows, cols):
            out[:, box[0], box[1]] = one.packing.decode(piece[slots], self.time[steps])
        return out

    def _is_series_faster(self, variable: str, slots: NDArray[np.int64], rows: slice, cols: slice) -> bool:
        """Whether the series layout has less to decode; a chunk counts as 16 KiB more, for finding it."""
        if not self._manifest.series:
            return False
        costs = []
        for array, each in (
            (self._series_array(variable), 1),
            (self._maps(self._variable(variable).array), len(slots)),
        ):
            chunks, size = array.chunks_touched((1, rows.stop - rows.start, cols.stop - cols.start))
            costs.append(each * (size + chunks * 16_384))
        return costs[0] <= costs[1]

    def _series_array(self, variable: str) -> ChunkArray:
        return self._array(f"{self._manifest.series}/{variable}")

    def _series(self, variable: str, rows: slice, cols: slice) -> Array:
        """Read stored numbers (slot, y, x) of the series layout; boxes inside one chunk come from the recent chunks."""
        array = self._series_array(variable)
        _, high, wide = array.chunk
        r, c = rows.start // high, cols.start // wide
        if rows.stop > (r + 1) * high or cols.stop > (c + 1) * wide:
            return array.read(ALL, rows, cols)
        key = f"{self._manifest.series}/{variable}", (r, c)
        with self._lock:
            chunk = self._recent.get(key)
        if chunk is None:
            chunk = array.read(ALL, slice(r * high, (r + 1) * high), slice(c * wide, (c + 1) * wide))
            with self._lock:
                self._recent[key] = chunk
                while len(self._recent) > _KEPT_SERIES:
                    self._recent.popitem(last=False)
        top, left = r * high, c * wide
        return chunk[:, rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]

    def _dask_chunks(self, one: StoredVariable, layout: str) -> tuple[int, ...]:
        rows, columns = self.levels[0]
        if len(one.dims) == 2:
            return rows, columns
        itemsize = np.dtype(one.packing.logical).itemsize
        if layout == "maps" or not self._manifest.series:
            return max(1, min(len(self.time), DASK_BYTES // (rows * columns * itemsize))), rows, columns
        side = max(10, int((DASK_BYTES / (len(self.time) * itemsize)) ** 0.5) // 10 * 10)
        return len(self.time), min(side, rows), min(side, columns)


def _span(wanted: slice, length: int) -> slice:
    """Resolve a slice of step 1 to its ends, empty where they cross."""
    start, stop, _ = wanted.indices(length)
    return slice(start, max(start, stop))


def _places(manifest: Manifest) -> tuple[object, ...]:
    """Tell where a record says that the arrays are."""
    return manifest.maps, manifest.series, {name: v.array for name, v in manifest.variables.items()}


class _Lazy:
    """What dask needs to see of one variable."""

    def __init__(self, cube: PreparedCube, variable: str) -> None:
        self.cube, self.variable = cube, variable
        one = cube._manifest.variables[variable]
        lead = (len(cube.time),) if len(one.dims) == 3 else ()
        self.shape = (*lead, *cube.levels[0])
        self.dtype = np.dtype(one.packing.logical)
        self.ndim = len(self.shape)

    def __getitem__(self, index: tuple[slice | int, ...]) -> Array:
        spans, rest = [], []
        for one, length in zip(index, self.shape, strict=True):  # dask may ask for single numbers and strides
            whole = range(length)[one if isinstance(one, slice) else slice(int(one), int(one) + 1)]
            ends = (min(whole[0], whole[-1]), max(whole[0], whole[-1]) + 1) if len(whole) else (0, 0)
            spans.append(slice(*ends))
            rest.append(slice(None, None, whole.step) if isinstance(one, slice) else 0)
        block = (
            self.cube.read_map(self.variable, 0, 0, *spans)
            if self.ndim == 2
            else self.cube.read_block(self.variable, *spans)
        )
        return block[tuple(rest)]


def _runs(places: NDArray[np.intp], slots: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Cut ``places`` into runs whose slots follow one another, which one read answers."""
    if not len(places):
        return []
    breaks = np.flatnonzero((np.diff(slots[places]) != 1) | (np.diff(places) != 1)) + 1
    return np.split(places, breaks)


def _run(slots: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Make a slice where the slots run on without a gap, which numpy reads without copying."""
    if len(slots) and slots[-1] - slots[0] == len(slots) - 1 and (np.diff(slots) == 1).all():
        return slice(int(slots[0]), int(slots[-1]) + 1)
    return slots
