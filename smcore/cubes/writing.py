"""Writing a cube into its store: begin, go on after a kill, append, publish, and leave nothing half done.

A new store grows in a sibling folder ``<name>.partial`` and gets its name when it is complete. An append writes new
steps beside the old ones and commits them all at once. A failure removes what was begun; a kill or a cancel leaves it,
and the same command goes on from there.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes import series
from smcore.cubes.chunks import ChunkArray
from smcore.cubes.job import Job, check_same_cube
from smcore.cubes.manifest import (
    MANIFEST,
    PENDING,
    Manifest,
    StoredVariable,
    hash_values,
    plain_attrs,
    telling_disk_errors,
)
from smcore.cubes.overviews import level_shapes
from smcore.cubes.packing import UnpackableError, plain, propose
from smcore.cubes.source_blocks import SourceBlocks
from smcore.cubes.sources import Skipped
from smcore.cubes.steps import MapsWriter, StepWriter, create_map_array, create_maps, step_hash
from smcore.errors import Cancelled, ReaderError, StoreError
from smcore.progress import Cancel, Progress, check, part

COMMIT_SECONDS = 1.0
"""How much work a kill may cost."""

CHEAP_SERIES = 2 * 2**30
"""Raw size up to which the series are rebuilt at the end of every append."""


def write_cube(job: Job, path: Path) -> None:
    """Write a new store at ``path``, which must be free."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        while not _try_to_write(job, partial):
            pass
        with telling_disk_errors(path):
            partial.rename(path)
    except (Cancelled, KeyboardInterrupt):
        raise  # kept, to go on from there
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _try_to_write(job: Job, partial: Path) -> bool:
    """Write everything; False if a packing broke and all has to be written again, wider."""
    manifest = _resume(job, partial) or _begin(job, partial)
    share = 0.75 if job.series else 1.0
    try:
        _write_steps(job, partial, manifest, part(job.progress, 0.0, share), known={})
    except UnpackableError as broken:
        job.unpacked.add(broken.variable)
        job.notes.append(f"{broken.variable} does not fit the packing of its first steps and is kept as float32")
        shutil.rmtree(partial)
        job.added, job.skipped = 0, [s for s in job.skipped if not s.path.startswith("step ")]
        return False
    with telling_disk_errors(partial):
        if job.series and manifest.time:
            report = part(job.progress, share, 1.0)
            _build_series(partial, manifest, memory=job.memory, progress=report, cancelled=job.cancelled)
        job.record_notes(manifest)
        _publish(partial, manifest)
    return True


def append_cube(job: Job, path: Path) -> None:
    """Add the steps of ``job`` to the store at ``path``; all of them become visible together.

    Raises
    ------
    StoreError
        If the cube is not the same product on the same grid, or a step is there already with other values.
    """
    committed = Manifest.load(path)
    check_same_cube(committed, job.dataset)
    pending = _resume(job, path, parent=committed.fingerprint)
    if pending is None:
        tidy(path, committed)
        pending = deepcopy(committed)
        pending.plan, pending.parent = job.plan(), committed.fingerprint
        pending.sources = [*committed.sources, *(s for s in job.sources if s not in committed.sources)]
    job.added = len(pending.time) - len(committed.time)
    try:
        _check_statics(job.dataset, committed)
        known = dict(zip(committed.time, committed.hashes, strict=True))
        while not _try_to_append(job, path, pending, known):
            pass
        if job.added:
            job.record_notes(pending)
            with telling_disk_errors(path):
                _publish(path, pending)
    except (Cancelled, KeyboardInterrupt):
        raise  # kept, to go on from there
    except BaseException:
        tidy(path, committed)
        raise
    if job.series and _is_rebuild_due(Manifest.load(path)):
        _rebuild_after_append(job, path)
    tidy(path, Manifest.load(path))


def _try_to_append(job: Job, path: Path, pending: Manifest, known: Mapping[int, str]) -> bool:
    try:
        _write_steps(job, path, pending, part(job.progress, 0.0, 0.75), known=known)
    except UnpackableError as broken:
        job.notes.append(f"{broken.variable} no longer fits its packing; the store keeps it as float32 from now on")
        with telling_disk_errors(path):
            _widen(path, pending, broken.variable, job.tile)
        return False
    return True


def _rebuild_after_append(job: Job, path: Path) -> None:
    """Rebuild the series; the steps are safe already, so a failure is only noted."""
    try:
        rebuild(path, memory=job.memory, progress=part(job.progress, 0.75, 1.0), cancelled=job.cancelled)
    except StoreError as error:
        job.notes.append(f"the new steps are in the store, but its series were not rebuilt: {error.sentence}")


def rebuild(path: Path, *, memory: int, progress: Progress, cancelled: Cancel) -> None:
    """Build the series layout anew over all steps of the store."""
    manifest = Manifest.load(path)
    if manifest.layout != "cube" or not manifest.time:
        return
    try:
        with telling_disk_errors(path):
            _build_series(path, manifest, memory=memory, progress=progress, cancelled=cancelled)
            manifest.save(path, MANIFEST)
    finally:
        tidy(path, Manifest.load(path))


def tidy(path: Path, manifest: Manifest) -> None:
    """Remove what the committed record does not name: pending work, old series, chunks of steps never committed."""
    (path / PENDING).unlink(missing_ok=True)
    for folder in path.iterdir():
        stale = folder.name.startswith(("series-", "table-", "maps-"))
        if folder.is_dir() and stale and folder.name not in (manifest.series, manifest.table, manifest.maps):
            shutil.rmtree(folder, ignore_errors=True)
    if manifest.layout != "cube":
        return
    kept = {variable.array for variable in manifest.variables.values()}
    for metadata in (path / manifest.maps).rglob("zarr.json"):
        folder = metadata.parent
        if "~" in folder.name and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        if folder.name not in (names.TIME, names.LAT, names.LON) and any(folder.glob("c.*.0.0")):
            ChunkArray(folder).remove_from(len(manifest.time))
    superseded = {name for name, variable in manifest.variables.items() if variable.array != name}
    for name in superseded:
        shutil.rmtree(path / manifest.maps / name, ignore_errors=True)


def _resume(job: Job, folder: Path, parent: str = "") -> Manifest | None:
    """Load the record of an interrupted run of the same job, if there is one."""
    if not (folder / PENDING).is_file():
        return None
    try:
        pending = Manifest.load(folder, PENDING)
    except StoreError:
        return None
    if pending.plan != job.plan() or pending.parent != parent:
        return None
    job.notes.append(f"went on after an interruption: {len(pending.time)} steps were there")
    return pending


def _begin(job: Job, partial: Path) -> Manifest:
    """Make an empty partial store: packings chosen, arrays made, statics written."""
    dataset = job.dataset
    with telling_disk_errors(partial):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    manifest = Manifest("cube", plain_attrs(dataset.attrs), _variables(job), plan=job.plan(), sources=job.sources)
    manifest.levels = level_shapes((dataset.sizes[names.Y], dataset.sizes[names.X]))
    with telling_disk_errors(partial):
        import zarr

        zarr.create_group(str(partial), attributes={"loam_store": 1, **manifest.attrs})
        lat, lon = (dataset[c].values.astype(np.float64) for c in (names.LAT, names.LON))
        create_maps(partial, manifest, lat, lon, job.tile)
    for name, values in _statics(dataset).items():
        variable = manifest.variables[name]
        with telling_disk_errors(partial):
            ChunkArray(partial / manifest.maps / variable.array).write((0, 0), variable.packing.encode(values))
        manifest.statics[name] = hash_values(values).hex()
    return manifest


def _variables(job: Job) -> dict[str, StoredVariable]:
    dataset = job.dataset
    sampled = SourceBlocks(dataset).samples() if len(job.stamps) else {}
    found = {}
    for key, variable in dataset.data_vars.items():
        name = str(key)
        if variable.dtype.kind not in "biufM":
            raise StoreError(f"{name!r} does not hold numbers", hint="a cube keeps numbers and times only")
        if variable.dims not in (names.CUBE_DIMS, names.CUBE_DIMS[1:]):
            raise StoreError(
                f"{name!r} has the dimensions {variable.dims}", hint="a cube keeps (time, y, x) and (y, x)"
            )
        packing = plain(variable.dtype)
        if name in sampled and name not in job.unpacked:
            packing = propose(name, variable.dtype, sampled[name], encoding=variable.encoding, attrs=variable.attrs)
        found[name] = StoredVariable(tuple(map(str, variable.dims)), plain_attrs(variable.attrs), packing, name)
    return found


def _statics(dataset: xr.Dataset) -> dict[str, NDArray[Any]]:
    fixed = [name for name, v in dataset.data_vars.items() if names.TIME not in v.dims]
    found = dataset[fixed].compute(scheduler="synchronous")
    return {str(name): found[name].values for name in fixed}


def _check_statics(dataset: xr.Dataset, committed: Manifest) -> None:
    for name, values in _statics(dataset).items():
        if hash_values(values).hex() != committed.statics.get(name):
            raise StoreError(f"{name!r} has other values in the store", hint="ingest the files into a new store")


def _write_steps(job: Job, root: Path, manifest: Manifest, progress: Progress, *, known: Mapping[int, str]) -> None:
    """Write the steps that the record does not have; refuse those that it has with other values."""
    stamps = job.stamps
    if not len(stamps):
        return
    source, writer = SourceBlocks(job.dataset), MapsWriter(root, manifest)
    done = set(manifest.time) - known.keys()
    saved = time.monotonic()
    for block in source.blocks:
        check(job.cancelled)
        wanted = [i for i in range(block.start, block.stop) if int(stamps[i].astype(np.int64)) not in done]
        values = _read(job, source, block) if wanted else {}
        for i in wanted if values else []:
            step = {name: one[i - block.start] for name, one in values.items()}
            if _is_repeated(job, stamps[i], step, known):
                continue
            with telling_disk_errors(root):
                _write_one(writer, len(manifest.time), stamps[i], step)
                _record(manifest, stamps[i], job.overpass_of(i), step_hash(step))
                job.added += 1
                if time.monotonic() - saved >= COMMIT_SECONDS:
                    writer.flush()
                    manifest.save(root, PENDING)
                    saved = time.monotonic()
        progress(block.stop / len(stamps), f"step {block.stop} of {len(stamps)}")
    if not manifest.time:
        first = job.skipped[-1]
        raise ReaderError(f"No step could be read: {first.reason}", code=first.code)
    with telling_disk_errors(root):
        writer.flush()
        manifest.save(root, PENDING)


def _write_one(writer: MapsWriter, slot: int, stamp: np.datetime64, step: Mapping[str, NDArray[Any]]) -> None:
    try:
        writer.write(slot, stamp, step)
    except UnpackableError:
        writer.flush()  # the steps before are in the record, and whoever widens the variable reads them
        raise


def _record(manifest: Manifest, stamp: np.datetime64, overpass: str, content: str) -> None:
    manifest.time.append(int(stamp.astype(np.int64)))
    manifest.hashes.append(content)
    if overpass or manifest.overpass:
        manifest.overpass.append(overpass)


def _read(job: Job, source: SourceBlocks, block: slice) -> dict[str, NDArray[Any]]:
    """Read a block; nothing (and a line in ``skipped``) where its source turns out to be damaged."""
    try:
        return source.read(block)
    except ReaderError as error:
        day = np.datetime_as_string(job.stamps[block.start], unit="m")
        job.skipped.append(Skipped(f"step {day}", error.code, error.sentence))
        return {}


def _is_repeated(job: Job, stamp: np.datetime64, step: Mapping[str, NDArray[Any]], known: Mapping[int, str]) -> bool:
    there = known.get(int(stamp.astype(np.int64)))
    if there is None:
        return False
    if there != step_hash(step):
        raise StoreError(
            f"The step {np.datetime_as_string(stamp, unit='m')} is in the store already, with other values",
            hint="ingest the new version into a new store",
        )
    job.repeated += 1
    return True


def _widen(root: Path, manifest: Manifest, name: str, tile: int) -> None:
    """Rewrite one packed variable as plain numbers, in an array of its own that the next commit puts in use."""
    old = manifest.variables[name]
    number = int(old.array.partition("~")[2] or 1) + 1
    new = StoredVariable(old.dims, old.attrs, plain(old.packing.logical), f"{name}~{number}")
    folder = root / manifest.maps
    shutil.rmtree(folder / new.array, ignore_errors=True)
    create_map_array(folder / new.array, new, manifest.levels[0], tile)
    source, target = ChunkArray(folder / old.array), StepWriter(ChunkArray(folder / new.array))
    rows, columns = (slice(0, n) for n in manifest.levels[0])
    for slot in range(len(manifest.time)):
        stored = source.read(slice(slot, slot + 1), rows, columns, beyond=True)
        target.put(slot, old.packing.decode(stored)[0])
    target.flush()
    manifest.variables[name] = new
    manifest.series, manifest.series_steps = "", 0
    manifest.save(root, PENDING)


def _is_rebuild_due(manifest: Manifest) -> bool:
    tail = len(manifest.time) - manifest.series_steps
    return tail > 0 and (series.raw_bytes(manifest) <= CHEAP_SERIES or tail > len(manifest.time) // 4)


def _build_series(root: Path, manifest: Manifest, *, memory: int, progress: Progress, cancelled: Cancel) -> None:
    used = [0, *(int(p.name[7:]) for p in root.glob("series-*") if p.name[7:].isdigit())]
    group = f"series-{max(used) + 1}" if (root / MANIFEST).exists() else "series-1"
    series.build(root, manifest, group, memory=memory, progress=progress, cancelled=cancelled)
    manifest.series, manifest.series_steps = group, len(manifest.time)


def _publish(root: Path, manifest: Manifest) -> None:
    """Commit: arrays grow, then the record gets its name."""
    manifest.seal()
    MapsWriter(root, manifest).publish(len(manifest.time))
    manifest.save(root, PENDING)
    (root / PENDING).replace(root / MANIFEST)
