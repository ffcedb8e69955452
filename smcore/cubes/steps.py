"""Steps of a cube on their way to disk: computed in source blocks, packed with proof, written to the maps layout."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.chunks import ChunkArray
from smcore.cubes.manifest import Manifest, StoredVariable, hash_values
from smcore.cubes.overviews import overviews
from smcore.cubes.packing import Packing, plain

Array = NDArray[Any]
SMALL_CHUNK = 256 * 2**10
"""Bytes up to which steps of a small grid share a chunk: it is still decoded in a tenth of a millisecond."""

MOST_STEPS = 64
SHARE = "_share"
"""Ending of the array that holds the valid share of an overview."""


def step_hash(values: Mapping[str, Array]) -> str:
    """Content hash of one step over all its variables."""
    whole = hashlib.sha256()
    for name in sorted(values):
        whole.update(name.encode() + b"\0" + hash_values(values[name]))
    return whole.hexdigest()[:32]


class StepWriter:
    """Puts steps into one array of maps, in slot order; chunks of several steps are held until they are full.

    A chunk that already holds committed steps is read first and replaced as a whole, with them in it.
    """

    def __init__(self, array: ChunkArray) -> None:
        self.array = array
        self._number = -1
        self._block: Array | None = None
        self._clean = True

    def put(self, slot: int, values: Array) -> None:
        """Take one step (y, x), as stored."""
        depth = self.array.outer[0]
        if depth == 1:
            self.array.write((slot, 0, 0), values[np.newaxis])
            return
        number, place = divmod(slot, depth)
        if self._block is None or number != self._number:
            self.flush()
            self._number, self._block = number, self._begin(number, place)
        self._block[place] = values
        self._clean = False

    def flush(self) -> None:
        """Write what is held."""
        if self._block is not None and not self._clean:
            self.array.write((self._number, 0, 0), self._block)
            self._clean = True

    def _begin(self, number: int, place: int) -> Array:
        depth, rows, columns = self.array.outer
        if not place:
            return np.full((depth, rows, columns), self.array.fill, self.array.dtype)
        steps = slice(number * depth, (number + 1) * depth)
        found = self.array.read(steps, slice(0, rows), slice(0, columns), beyond=True)
        return np.array(found)


class MapsWriter:
    """Writes steps (slots) of a cube into its maps layout; nothing is visible until the manifest says so."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.folder = root / manifest.maps
        self.manifest = manifest
        self._writers: dict[str, StepWriter] = {}

    def write(self, slot: int, stamp: np.datetime64, values: Mapping[str, Array]) -> None:
        """Pack, prove and write one step.

        Raises
        ------
        UnpackableError
            If a variable does not survive its packing; what was written of the step is then meaningless.
        """
        for name, one in values.items():
            variable = self.manifest.variables[name]
            self._put(variable.array, slot, variable.packing.encode_exactly(one, stamp, name))
            if has_overviews(variable) and len(self.manifest.levels) > 1:
                for level, (mean, share) in enumerate(overviews(one, len(self.manifest.levels) - 1), start=1):
                    self._put(f"level-{level}/{name}", slot, mean)
                    self._put(f"level-{level}/{name}{SHARE}", slot, share)

    def flush(self) -> None:
        """Write the chunks that are held; before a commit."""
        for writer in self._writers.values():
            writer.flush()

    def publish(self, steps: int) -> None:
        """Make ``steps`` slots part of the arrays, for readers that go by the Zarr metadata."""
        for path in array_paths(self.manifest):
            ChunkArray(self.folder / path).grow(steps)
        write_axis(self.folder, names.TIME, np.asarray(self.manifest.time, np.int64) // 10**9, TIME_ATTRS)

    def _put(self, path: str, slot: int, values: Array) -> None:
        if path not in self._writers:
            self._writers[path] = StepWriter(ChunkArray(self.folder / path))
        self._writers[path].put(slot, values)


TIME_ATTRS = {"units": "seconds since 1970-01-01", "calendar": "proleptic_gregorian", "standard_name": "time"}


def has_overviews(variable: StoredVariable) -> bool:
    """Overviews are kept of quantities with steps, not of flags, times or statics."""
    return len(variable.dims) == 3 and variable.packing.logical == "float32"


def array_paths(manifest: Manifest) -> Iterator[str]:
    """All arrays with a time axis in the maps folder, overviews included."""
    for name, variable in manifest.variables.items():
        if len(variable.dims) == 3:
            yield variable.array
            if has_overviews(variable):
                for level in range(1, len(manifest.levels)):
                    yield f"level-{level}/{name}"
                    yield f"level-{level}/{name}{SHARE}"


def create_maps(root: Path, manifest: Manifest, lat: Array, lon: Array, tile: int) -> None:
    """Make the empty arrays of the maps layout."""
    import zarr

    folder = root / manifest.maps
    zarr.create_group(str(folder), attributes=manifest.attrs)
    for name, variable in manifest.variables.items():
        create_map_array(folder / variable.array, variable, manifest.levels[0], tile)
        for level, shape in enumerate(manifest.levels[1:] if has_overviews(variable) else [], start=1):
            below = folder / f"level-{level}"
            if not below.exists():
                zarr.create_group(str(below))
            mean = StoredVariable(variable.dims, variable.attrs, plain("float32"), name)
            create_map_array(below / name, mean, shape, tile)
            share = StoredVariable(variable.dims, _share_attrs(name), Packing("uint8", "uint8"), name)
            create_map_array(below / f"{name}{SHARE}", share, shape, tile)
    write_axis(folder, names.LAT, lat, {"units": "degrees_north", "standard_name": "latitude"}, names.Y)
    write_axis(folder, names.LON, lon, {"units": "degrees_east", "standard_name": "longitude"}, names.X)


def create_map_array(path: Path, variable: StoredVariable, shape: tuple[int, int], tile: int) -> None:
    """Make one array of steps × tiles.

    A grid of more than one tile is sharded by step; a chunk of a very small grid holds several steps, which saves tens
    of thousands of tiny files.
    """
    chunk = min(tile, shape[0]), min(tile, shape[1])
    whole = -(-shape[0] // chunk[0]) * chunk[0], -(-shape[1] // chunk[1]) * chunk[1]
    depth = SMALL_CHUNK // (chunk[0] * chunk[1] * np.dtype(variable.packing.stored).itemsize) if whole == chunk else 1
    lead: tuple[int, ...] = (int(np.clip(depth, 1, MOST_STEPS)),) if len(variable.dims) == 3 else ()
    ChunkArray.create(
        path,
        (*(0 for _ in lead), *shape),
        variable.packing.stored,
        chunk=(*lead, *chunk),
        shard=(*lead, *whole) if whole != chunk else None,
        fill=variable.packing.fill_value,
        dims=variable.dims,
        attrs={**variable.attrs, **variable.packing.attrs(), "coordinates": "lat lon"},
    )


def write_axis(folder: Path, name: str, values: Array, attrs: Mapping[str, Any], dim: str = names.TIME) -> None:
    """Write a one-dimensional coordinate, replacing an older one."""
    import zarr

    zarr.create_array(
        store=str(folder / name),
        data=values,
        chunks=(max(len(values), 1),),
        dimension_names=[dim],
        attributes=dict(attrs),
        config={"write_empty_chunks": True},  # an axis of zeros alone, one column at Greenwich, is no missing one
        overwrite=True,
    )


def _share_attrs(name: str) -> dict[str, Any]:
    return {"units": "1", "long_name": f"valid share of the cells below, {name}", "scale_factor": 1.0 / 255.0}
