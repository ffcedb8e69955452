"""The prepared store: where data live once ingested, and the one door to write and open them.

A store is one Zarr v3 group in a folder::

    manifest.json       the commit record: what is visible, how it is packed, content hashes, source files
    maps-1/             one step × tiles, with overviews in level-1, level-2 …: day maps
    series-1/           all steps × a few cells: pixel series (rebuilt; newer steps are read from the maps meanwhile)
    table-1/            instead of both, for pixel sets and station collections

``docs/decisions/0011-prepared-store.md`` tells why, ``benchmarks/results_store.md`` how fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from smcore import names
from smcore.cubes import writing
from smcore.cubes.check import check_cube, check_pixels
from smcore.cubes.job import Job
from smcore.cubes.manifest import MANIFEST, Manifest, locked, telling_disk_errors
from smcore.cubes.prepared import PreparedCube
from smcore.cubes.sources import Reading, Skipped, sha256
from smcore.cubes.tables import PreparedPixels, PreparedStations, append_table, layout_of, write_table
from smcore.errors import StoreError
from smcore.progress import Cancel, Progress, never, part, quiet

__all__ = [
    "PreparedCube",
    "PreparedPixels",
    "PreparedStations",
    "StoreInfo",
    "append",
    "exists",
    "open_store",
    "rebuild_series",
    "write",
]


WORDS = {"cube": "cube", "pixels": "pixel set", "stations": "station collection"}


@dataclass(frozen=True)
class StoreInfo:
    """What a write or an append did.

    Attributes
    ----------
    layout
        ``cube``, ``pixels`` or ``stations``.
    steps, added, repeated
        Steps in the store now, new ones, and ones that were there already with the same values.
    cells
        Cells of the grid, pixels, or sensors.
    variables
        Name → unit.
    period
        First and last time, ISO; empty for statics.
    size
        Bytes on disk.
    fingerprint
        Identifies the content.
    notes, skipped
        What the user should know, and which sources were left out.
    """

    path: Path
    layout: str
    steps: int
    added: int
    repeated: int
    cells: int
    variables: dict[str, str]
    period: tuple[str, str] | tuple[()]
    size: int
    fingerprint: str
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def exists(path: Path | str) -> bool:
    """Whether a finished store is at ``path``."""
    return (Path(path) / MANIFEST).is_file()


def write(
    reading: Reading | xr.Dataset,
    path: Path | str,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
    tile: int = 512,
    series: bool = True,
    memory_mb: int = 512,
) -> StoreInfo:
    """Write a cube, pixel set or station collection as a new store.

    It grows in ``<path>.partial`` and gets its name when it is whole. After a kill or a cancel the same call goes on
    from there; after an error nothing stays.

    Parameters
    ----------
    reading
        A reader's result, or a dataset that keeps the data model. Floating-point numbers are kept as float32; packed
        as small integers where every value comes back bit for bit. ``obs_time`` is kept to the second.
    tile
        Largest side of a tile of the maps.
    series
        Also write the series layout.
    memory_mb
        Working memory of building the series.

    Raises
    ------
    StoreError
        If something is at ``path`` already, another process writes there, or the disk refuses.
    CubeError, ReaderError
        If the data break the data model, or no step of them can be read.
    Cancelled
        If the user stopped it.
    """
    path = Path(path)
    job = _job(reading, progress, cancelled, tile=tile, series=series, memory=memory_mb * 2**20)
    layout = _checked_layout(job.dataset)
    with _writing(path):
        if path.exists():
            raise StoreError("Something is there already", where=str(path), hint="append to it, or take another name")
        if layout == "cube":
            writing.write_cube(job, path)
        else:
            write_table(job, path, layout)
    return _info(job, path)


def append(
    reading: Reading | xr.Dataset,
    path: Path | str,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
    series: bool = True,
    memory_mb: int = 512,
) -> StoreInfo:
    """Add steps to a store; all become visible together, in any order of time.

    A step that is there already with the same values is passed over; with other values it is refused. The series
    layout is rebuilt where that is cheap (up to 2 GiB raw) or more than a quarter of the steps is missing from it;
    until then the newest steps of a series come from the maps.

    Raises
    ------
    StoreError
        If the data are another product, or a step is there with other values, or another process writes there.
    GridMismatch
        If the grid is another.
    """
    path = Path(path)
    committed = Manifest.load(path)
    job = _job(reading, progress, cancelled, tile=_tile_of(path, committed), series=series, memory=memory_mb * 2**20)
    layout = _checked_layout(job.dataset)
    if layout != committed.layout:
        raise StoreError(
            f"The store is a {WORDS[committed.layout]}, the new data are a {WORDS[layout]}", where=str(path)
        )
    with _writing(path):
        if layout == "cube":
            writing.append_cube(job, path)
        else:
            append_table(job, path, layout)
    return _info(job, path)


def rebuild_series(
    path: Path | str, *, progress: Progress = quiet, cancelled: Cancel = never, memory_mb: int = 512
) -> None:
    """Build the series layout of a cube anew, with all its steps; readers see the old one until it is whole."""
    path = Path(path)
    Manifest.load(path)
    with _writing(path):
        writing.rebuild(path, memory=memory_mb * 2**20, progress=progress, cancelled=cancelled)


def open_store(path: Path | str) -> PreparedCube | PreparedPixels | PreparedStations:
    """Open a prepared store for reading.

    Raises
    ------
    StoreError
        If it is no store of ours, damaged, of a later format, or asks for a codec that Loam does not run.
    """
    path = Path(path)
    layout = Manifest.load(path).layout
    if layout == "cube":
        return PreparedCube(path)
    return PreparedStations(path) if layout == "stations" else PreparedPixels(path)


class _writing:  # noqa: N801 - reads as a statement: with _writing(path)
    """Hold the store's lock, its folder made; errors of the disk told in a sentence."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = locked(path)

    def __enter__(self) -> None:
        with telling_disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.lock.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.lock.__exit__(*error)


def _job(reading: Reading | xr.Dataset, progress: Progress, cancelled: Cancel, **options: Any) -> Job:
    if isinstance(reading, xr.Dataset):
        return Job(reading, [], progress, cancelled, **options)
    progress(0.0, "checksums of the source files")
    sources = _describe(reading.sources)
    job = Job(reading.dataset, sources, part(progress, 0.02, 1.0), cancelled, **options)
    job.reader_notes += reading.notes
    job.skipped += reading.skipped
    return job


def _describe(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Name, size and SHA-256 of source files; no path, which would tell about the machine."""
    found = [one for file in files for one in (sorted(file.rglob("*")) if file.is_dir() else [file]) if one.is_file()]
    return [{"name": file.name, "bytes": file.stat().st_size, "sha256": sha256(file)} for file in found]


def _checked_layout(dataset: xr.Dataset) -> str:
    layout = layout_of(dataset)
    if layout == "cube":
        check_cube(dataset)
    elif layout == "pixels":
        check_pixels(dataset)
    if not dataset.data_vars:
        raise StoreError("There is no variable to keep", where=str(dataset.attrs.get("title", "")))
    return layout


def _tile_of(path: Path, manifest: Manifest) -> int:
    """Find the tile side that the store was written with."""
    if manifest.layout != "cube":
        return 512
    from smcore.cubes.chunks import ChunkArray

    first = next(iter(manifest.variables.values()))
    return max(ChunkArray(path / manifest.maps / first.array).chunk[-2:])


def _info(job: Job, path: Path) -> StoreInfo:
    manifest = Manifest.load(path)
    time = np.sort(manifest.times())
    cells = int(np.prod(manifest.levels[0])) if manifest.layout == "cube" else len(_rows(manifest))
    stored = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return StoreInfo(
        path=path,
        layout=manifest.layout,
        steps=len(time),
        added=job.added,
        repeated=job.repeated,
        cells=cells,
        variables={name: str(v.attrs.get("units", "")) for name, v in manifest.variables.items()},
        period=(str(time[0].astype("datetime64[s]")), str(time[-1].astype("datetime64[s]"))) if len(time) else (),
        size=stored,
        fingerprint=manifest.fingerprint,
        notes=(*job.reader_notes, *job.notes),
        skipped=tuple(job.skipped),
    )


def _rows(manifest: Manifest) -> list[Any]:
    dim = names.SENSOR if manifest.layout == "stations" else names.LOCATION
    return list(manifest.coords[dim]["values"])
