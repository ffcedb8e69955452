"""Zarr v3: the same arrays and attributes as the NetCDF file, in a folder of chunks that xarray opens lazily."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.export.formats import netcdf
from smcore.export.layout import Field, Layout, encoded, lay_out
from smcore.export.proof import Count, prove
from smcore.export.source import Block, Source
from smcore.progress import Cancel, Progress, check

Array = NDArray[Any]

TITLE: Final = "Zarr (v3, CF attributes)"
ENDING: Final = ".zarr"
LAYOUTS: Final = ("cube", "pixels", "stations")


def sample(source: Source, block: Block) -> int:
    """Bytes that a block takes, as measured for NetCDF: shuffle and deflation there, shuffle and Zstandard here."""
    return netcdf.sample(source, block)


def fixed(source: Source) -> int:
    """Bytes that the head and what has no steps take."""
    return netcdf.fixed(source)


def write(source: Source, draft: Path, progress: Progress, cancelled: Cancel, count: Count) -> None:
    """Write the folder; ``count`` sees every block."""
    import zarr

    layout = lay_out(source)
    root = zarr.create_group(str(draft), attributes=_plain(layout.attrs))
    made = {one.name: _create(root, one, layout, source) for one in layout.fields}
    for number, one in enumerate(layout.filled):
        array = made[one.name]
        blocks = list(source.blocks(steps=source.has_steps(one.variable), multiple=array.chunks[0]))
        for done, block in enumerate(blocks):
            check(cancelled)
            array[block] = encoded(count.add(source.read(one.variable, block)))
            progress((number + (done + 1) / len(blocks)) / len(layout.filled), f"writing {one.name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # consolidated metadata are no part of the specification of v3 yet
        zarr.consolidate_metadata(str(draft))


def _create(root: Any, one: Field, layout: Layout, source: Source) -> Any:
    from zarr.codecs import BloscCodec

    shape = tuple(layout.dims[dim] for dim in one.dims)
    attrs = _plain(one.attrs)
    if one.values is not None:
        values = np.asarray(one.values)
        if one.dtype is str:
            values = values.astype(np.dtypes.StringDType())
        array = root.create_array(
            one.name, shape=shape, dtype=values.dtype, chunks=tuple(max(n, 1) for n in shape) or "auto",
            dimension_names=one.dims, attributes=attrs,
        )  # fmt: skip
        array[...] = values
        return array
    if one.fill is not None:  # what xarray decodes by; the fill value of v3 only says what an unwritten chunk holds
        attrs["_FillValue"] = "AAAAAAAA+H8=" if one.dtype.kind == "f" else int(one.fill)
    return root.create_array(
        one.name, shape=shape, dtype=one.dtype, chunks=netcdf.chunk(source, shape), dimension_names=one.dims,
        fill_value=one.fill if one.fill is not None else 0, attributes=attrs,
        compressors=BloscCodec(cname="zstd", clevel=3, shuffle="shuffle", typesize=one.dtype.itemsize),
    )  # fmt: skip


def _plain(attrs: dict[str, Any]) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, (np.ndarray, np.generic)) else v for k, v in attrs.items()}


def verify(source: Source, draft: Path, progress: Progress, cancelled: Cancel) -> None:
    """Open the folder and compare it with the source."""
    import zarr

    root: Any = zarr.open_group(str(draft), mode="r")
    prove(
        source, lay_out(source), lambda one, block: np.asarray(root[one.name][block]),
        lambda one: np.asarray(root[one.name][...]), progress, cancelled,
    )  # fmt: skip
