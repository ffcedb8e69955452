"""The series layout: all steps of a few neighbouring cells together, built from the maps in bounded memory."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smcore import names
from smcore.cubes.chunks import ChunkArray
from smcore.cubes.manifest import Manifest, StoredVariable
from smcore.cubes.steps import TIME_ATTRS, write_axis
from smcore.progress import Cancel, Progress, check

CHUNK_BYTES = 640 * 1024
"""Decoded size that one chunk of the series aims at: about a third of a millisecond."""

SIDE = 10
CHUNKS_IN_SHARD = 10


@dataclass(frozen=True)
class Pass:
    """One sweep over the maps: the cells of some whole shards, for all steps."""

    rows: slice
    columns: slice


def chunk_side(steps: int, itemsize: int) -> int:
    """Cells along one side of a series chunk: 10, or fewer where many steps make that too large to read quickly."""
    return int(np.clip(math.isqrt(CHUNK_BYTES // max(steps * itemsize, 1)), 1, SIDE))


def raw_bytes(manifest: Manifest) -> int:
    """Size of all series before compression."""
    rows, columns = manifest.levels[0]
    step = sum(np.dtype(v.packing.stored).itemsize for v in manifest.variables.values() if len(v.dims) == 3)
    return len(manifest.time) * rows * columns * step


def build(root: Path, manifest: Manifest, group: str, *, memory: int, progress: Progress, cancelled: Cancel) -> None:
    """Write the series of all steps of ``manifest`` into the new folder ``group``, replacing a half-built one.

    Parameters
    ----------
    memory
        Bytes of one sweep over the maps; at least one shard is held whatever is given.
    """
    import zarr

    folder = root / group
    shutil.rmtree(folder, ignore_errors=True)
    zarr.create_group(str(folder), attributes=manifest.attrs)
    with_steps = {name: v for name, v in manifest.variables.items() if len(v.dims) == 3}
    for number, (name, variable) in enumerate(with_steps.items()):
        source = ChunkArray(root / manifest.maps / variable.array)
        target = _create(folder / name, manifest, variable)
        sweeps = _passes(target, memory)
        for done, sweep in enumerate(sweeps):
            check(cancelled)
            progress((number + done / len(sweeps)) / len(with_steps), f"series of {name}")
            _sweep(source, target, sweep, cancelled)
    write_axis(folder, names.TIME, np.asarray(manifest.time, np.int64) // 10**9, TIME_ATTRS)
    progress(1.0, "series")


def _create(path: Path, manifest: Manifest, variable: StoredVariable) -> ChunkArray:
    steps, (rows, columns) = len(manifest.time), manifest.levels[0]
    side = chunk_side(steps, np.dtype(variable.packing.stored).itemsize)
    height, width = min(side, rows), min(side, columns)
    shard = (
        steps,
        height * min(CHUNKS_IN_SHARD, -(-rows // height)),
        width * min(CHUNKS_IN_SHARD, -(-columns // width)),
    )
    return ChunkArray.create(
        path,
        (steps, rows, columns),
        variable.packing.stored,
        chunk=(steps, height, width),
        shard=shard,
        fill=variable.packing.fill_value,
        dims=variable.dims,
        attrs={**variable.attrs, **variable.packing.attrs()},
    )


def _passes(target: ChunkArray, memory: int) -> list[Pass]:
    """Whole shards that fit ``memory`` together: as wide as possible first, then as high."""
    steps, rows, columns = target.shape
    _, high, wide = target.outer
    shard = steps * high * wide * target.dtype.itemsize
    across = int(np.clip(memory // shard, 1, -(-columns // wide)))
    down = int(np.clip(memory // (shard * across), 1, -(-rows // high)))
    return [
        Pass(slice(r, min(r + down * high, rows)), slice(c, min(c + across * wide, columns)))
        for r in range(0, rows, down * high)
        for c in range(0, columns, across * wide)
    ]


def _sweep(source: ChunkArray, target: ChunkArray, sweep: Pass, cancelled: Cancel) -> None:
    steps = target.shape[0]
    _, high, wide = target.outer
    rows, columns = sweep.rows, sweep.columns
    held = np.empty((steps, rows.stop - rows.start, columns.stop - columns.start), target.dtype)
    depth = source.outer[0]
    for slot in range(0, steps, depth):
        check(cancelled)
        some = slice(slot, min(slot + depth, steps))
        held[some] = source.read(some, rows, columns, beyond=True)
    for r in range(rows.start, rows.stop, high):
        for c in range(columns.start, columns.stop, wide):
            top, left = r - rows.start, c - columns.start
            target.write((0, r // high, c // wide), held[:, top : top + high, left : left + wide])
