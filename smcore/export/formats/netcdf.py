"""NetCDF-4 after CF-1.11: a grid with its mapping, or time series at places; compressed, float32 as it is stored.

References
----------
Eaton, B. et al. (2023): NetCDF Climate and Forecast (CF) Metadata Conventions, version 1.11.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.export.layout import Field, Layout, encoded, lay_out
from smcore.export.proof import Count, prove
from smcore.export.source import Block, Source
from smcore.progress import Cancel, Progress, check

Array = NDArray[Any]

TITLE: Final = "NetCDF (CF-1.11)"
ENDING: Final = ".nc"
LAYOUTS: Final = ("cube", "pixels", "stations")
LEVEL: Final = 4
CHUNK_CELLS: Final = 2**18
"""Values of a chunk: a megabyte of float32."""
_SIDE: Final = 512
_SMALL: Final = 1000
_HEAD_BYTES: Final = 40_000
_CACHE: Final = (4 * 2**20, 521, 0.75)
"""Bytes, places and eagerness of HDF5's cache of chunks, a variable: blocks come once and in order, and need no more
than the few chunks that two of them share; the library's own 64 MB would fill up with chunks that nobody asks for."""


def chunk(source: Source, dims: tuple[int, ...]) -> tuple[int, ...]:
    """Lengths of a chunk of a variable: whole maps of some steps, or whole series of some places."""
    if not source.is_cube:
        last = min(dims[-1], CHUNK_CELLS)
        return (max(1, min(dims[0], CHUNK_CELLS // max(last, 1))), last)[-len(dims) :] if len(dims) > 1 else (last,)
    rows, columns = min(dims[-2], _SIDE), min(dims[-1], _SIDE)
    lead = (max(1, min(dims[0], CHUNK_CELLS // (rows * columns))),) if len(dims) > 2 else ()
    return (*lead, rows, columns)


def shuffled_size(values: Array) -> int:
    """Bytes of a block after the byte shuffle and deflation that the file has."""
    values = np.ascontiguousarray(values)
    if not values.size:
        return 0
    planes = values.view(np.uint8).reshape(values.size, values.dtype.itemsize).T
    return len(zlib.compress(np.ascontiguousarray(planes).tobytes(), LEVEL))


def sample(source: Source, block: Block) -> int:
    """Bytes that a block of all variables takes."""
    return sum(shuffled_size(encoded(source.read(name, block))) for name in source.variables if source.has_steps(name))


def fixed(source: Source) -> int:
    """Bytes that the head and what has no steps take."""
    cells = int(np.prod(source.shape(steps=False)))
    return _HEAD_BYTES + 12 * cells * sum(not source.has_steps(name) for name in source.variables) // 4


def write(source: Source, draft: Path, progress: Progress, cancelled: Cancel, count: Count) -> None:
    """Write the file; ``count`` sees every block."""
    import netCDF4

    layout = lay_out(source)
    with netCDF4.Dataset(draft, "w", format="NETCDF4") as file:
        for name, length in layout.dims.items():
            file.createDimension(name, length)
        file.setncatts(layout.attrs)
        made = {one.name: _create(file, one, layout, source) for one in layout.fields}
        for number, one in enumerate(layout.filled):
            variable = made[one.name]
            steps = source.has_steps(one.variable)
            blocks = list(source.blocks(steps=steps, multiple=variable.chunking()[0] if variable.ndim == 3 else 1))
            for done, block in enumerate(blocks):
                check(cancelled)
                variable[block] = encoded(count.add(source.read(one.variable, block)))
                progress((number + (done + 1) / len(blocks)) / len(layout.filled), f"writing {one.name}")


def _create(file: Any, one: Field, layout: Layout, source: Source) -> Any:
    if one.dtype is str:
        variable = file.createVariable(one.name, str, one.dims)
    elif one.values is not None:
        large = np.size(one.values) > _SMALL
        variable = file.createVariable(one.name, one.dtype, one.dims, zlib=large, complevel=LEVEL, shuffle=large)
    else:
        shape = tuple(layout.dims[dim] for dim in one.dims)
        variable = file.createVariable(
            one.name, one.dtype, one.dims, zlib=True, complevel=LEVEL, shuffle=True, fill_value=one.fill,
            chunksizes=chunk(source, shape),
        )  # fmt: skip
    variable.set_auto_maskandscale(False)
    if one.values is None:
        variable.set_var_chunk_cache(*_CACHE)
    variable.setncatts(one.attrs)
    if one.values is not None:
        variable[...] = one.values
    return variable


def verify(source: Source, draft: Path, progress: Progress, cancelled: Cancel) -> None:
    """Open the file and compare it with the source."""
    import netCDF4

    with netCDF4.Dataset(draft) as file:
        file.set_auto_maskandscale(False)
        for one in (layout := lay_out(source)).filled:
            file[one.name].set_var_chunk_cache(*_CACHE)
        prove(
            source, layout, lambda one, block: np.asarray(file[one.name][block]),
            lambda one: np.asarray(file[one.name][...]), progress, cancelled,
        )  # fmt: skip
