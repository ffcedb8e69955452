"""Steps of a cube on their way to disk: computed in source blocks, packed with proof, written to the maps layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.chunks import ChunkArray
from smcore.cubes.manifest import Manifest, StoredVariable, hash_values
from smcore.cubes.overviews import overviews
from smcore.cubes.packing import Packing, plain
from smcore.errors import ReaderError

Array = NDArray[Any]
SHARE = "_share"
"""Ending of the array that holds the valid share of an overview."""

_SAMPLES = 8


def timed(dataset: xr.Dataset) -> list[str]:
    """Names of the variables that have steps, in a fixed order."""
    return sorted(str(name) for name, v in dataset.data_vars.items() if names.TIME in v.dims)


def compute(dataset: xr.Dataset, variables: list[str], steps: slice) -> dict[str, Array]:
    """Read some steps of all ``variables`` in one pass over the source.

    Raises
    ------
    ReaderError
        If the source can't be read there; the system's own errors become ``truncated``.
    """
    try:
        found = dataset[variables].isel(time=steps).compute(scheduler="synchronous")
    except OSError as error:
        raise ReaderError(f"The source can't be read: {error}", code="truncated") from error
    return {name: found[name].values for name in variables}


def source_blocks(dataset: xr.Dataset, variables: list[str], budget: int) -> list[slice]:
    """Plan runs of steps to read together: the chunks of the coarsest variable, cut to ``budget`` bytes."""
    total = dataset.sizes[names.TIME]
    step_bytes = sum(dataset[v].dtype.itemsize * int(np.prod(dataset[v].shape[1:])) for v in variables)
    longest = max(1, budget // max(step_bytes, 1))
    chunked = [dataset[v].variable.chunksizes.get(names.TIME) for v in variables]
    lengths = max((c for c in chunked if c), key=max, default=(total,))
    blocks, start = [], 0
    for length in lengths:
        blocks += [slice(a, min(a + longest, start + length)) for a in range(start, start + length, longest)]
        start += length
    return blocks


def samples(dataset: xr.Dataset, variables: list[str]) -> dict[str, list[Array]]:
    """Read a few steps spread over the time axis, by which packings are proposed; unreadable ones are left out."""
    total = dataset.sizes[names.TIME]
    found: dict[str, list[Array]] = {name: [] for name in variables}
    for step in np.unique(np.linspace(0, total - 1, min(_SAMPLES, total)).astype(int)):
        try:
            values = compute(dataset, variables, slice(int(step), int(step) + 1))
        except ReaderError:
            continue
        for name in variables:
            found[name].append(values[name][0])
    return found


def step_hash(values: Mapping[str, Array]) -> str:
    """Content hash of one step over all its variables."""
    import hashlib

    whole = hashlib.sha256()
    for name in sorted(values):
        whole.update(name.encode() + b"\0" + hash_values(values[name]))
    return whole.hexdigest()[:32]


class MapsWriter:
    """Writes steps (slots) of a cube into its maps layout; nothing is visible until the manifest says so."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.folder = root / manifest.maps
        self.manifest = manifest
        self._arrays: dict[str, ChunkArray] = {}

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
            if has_overviews(variable):
                for level, (mean, share) in enumerate(overviews(one, len(self.manifest.levels) - 1), start=1):
                    self._put(f"level-{level}/{name}", slot, mean)
                    self._put(f"level-{level}/{name}{SHARE}", slot, share)

    def publish(self, steps: int) -> None:
        """Make ``steps`` slots part of the arrays, for readers that go by the Zarr metadata."""
        for path in array_paths(self.manifest):
            self._array(path).grow(steps)
        write_axis(self.folder, names.TIME, np.asarray(self.manifest.time, np.int64) // 10**9, TIME_ATTRS)

    def _put(self, path: str, slot: int, values: Array) -> None:
        self._array(path).write((slot, 0, 0), values[np.newaxis])

    def _array(self, path: str) -> ChunkArray:
        if path not in self._arrays:
            self._arrays[path] = ChunkArray(self.folder / path)
        return self._arrays[path]


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
    """Make one array of steps × tiles; a grid of more than one tile is sharded by step."""
    chunk = min(tile, shape[0]), min(tile, shape[1])
    whole = -(-shape[0] // chunk[0]) * chunk[0], -(-shape[1] // chunk[1]) * chunk[1]
    lead: tuple[int, ...] = (1,) if len(variable.dims) == 3 else ()
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
        overwrite=True,
    )


def _share_attrs(name: str) -> dict[str, Any]:
    return {"units": "1", "long_name": f"valid share of the cells below, {name}", "scale_factor": 1.0 / 255.0}
