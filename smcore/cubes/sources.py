"""Source files: finding them, opening them, and saying in one sentence why one can't be used.

Readers get a list of files and give back a :class:`Reading`. A file that can't be read becomes a :class:`Skipped`
with a code and never costs the others.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from smcore.cubes import classic
from smcore.errors import ReaderError

if TYPE_CHECKING:
    import dask.array as da
    import h5py
    import xarray as xr

MAX_MEMBERS = 200_000
MAX_UNPACKED = 50 * 2**30  # bytes
MAX_RATIO = 200  # unpacked to packed, above which an archive is taken for a bomb
_below: ContextVar[Path | None] = ContextVar("unpacking_below", default=None)
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Skipped:
    """A source file that was left out: its path, a stable code (see ``ReaderError``), and a sentence."""

    path: str
    code: str
    reason: str


@dataclass(frozen=True)
class Reading:
    """What a reader made of its files: a lazy dataset, what it left out, and what the user should know."""

    dataset: xr.Dataset
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[Path, ...] = field(default=(), repr=False)


def expand(sources: Iterable[str | os.PathLike[str]], *, unpack_to: Path | None = None) -> list[Path]:
    """All files that ``sources`` (files, folders, globs, zip archives) mean, sorted within each source.

    Zip archives are unpacked, checked, into ``unpack_to`` (default: below the folder of :func:`unpacking_below`, or
    else a temporary one removed when Python ends).
    A reader that takes archives whole (ISMN) gets its paths without this function.

    Raises
    ------
    ReaderError
        If a source does not exist or is empty, or an archive is unsafe.
    """
    files: list[Path] = []
    for source in sources:
        for path in _matches(str(source)):
            if path.is_dir():
                found = visible_files(path)
            elif zipfile.is_zipfile(path):
                found = unzip(path, unpack_to or _temporary_folder())
            else:
                found = [path]
            if not found:
                raise ReaderError("The folder holds no file", code="empty", where=str(path))
            files += found
    if not files:
        raise ReaderError("No source file was given", code="not_found")
    return files


def visible_files(folder: Path) -> list[Path]:
    """All files below a folder, sorted, without those that are hidden or lie in a hidden folder of it."""
    return sorted(
        path for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )  # fmt: skip


def _matches(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.exists():
        return [path]
    found = [Path(p) for p in sorted(glob.glob(str(path), recursive=True))]
    if not found:
        raise ReaderError(
            "There is no such file, folder or match", code="not_found", where=source, hint="check the path"
        )
    return found


@contextmanager
def unpacking_below(folder: Path) -> Iterator[None]:
    """Unpack archives below ``folder`` meanwhile, and remove it at the end: a server ends too late for that."""
    token = _below.set(folder)
    try:
        yield
    finally:
        _below.reset(token)
        shutil.rmtree(folder, ignore_errors=True)


def _temporary_folder() -> Path:
    import atexit

    below = _below.get()
    if below is not None:
        below.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=below))
    folder = Path(tempfile.mkdtemp(prefix="loam-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def safe_members(archive: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    """The file members of a zip archive, after checking that none escapes, links, or swells beyond reason.

    Raises
    ------
    ReaderError
        ``bad_archive`` with the offending member.
    """
    members = [m for m in archive.infolist() if not m.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise ReaderError(f"The archive holds {len(members)} files", code="bad_archive", where=where)
    for member in members:
        name = member.filename.replace("\\", "/")
        outside = name.startswith("/") or ":" in name.split("/")[0] or ".." in PurePosixPath(name).parts
        if outside or stat.S_ISLNK(member.external_attr >> 16):
            raise ReaderError(
                f"The archive member {name!r} points outside the archive",
                code="bad_archive",
                where=where,
                hint="do not trust this file; ask its provider for a clean one",
            )
    packed, unpacked = sum(m.compress_size for m in members), sum(m.file_size for m in members)
    if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(packed, 2**20):
        raise ReaderError(
            f"The archive would unpack to {unpacked / 2**30:.1f} GiB from {packed / 2**20:.1f} MiB",
            code="bad_archive",
            where=where,
            hint="unpack it yourself if you trust it, and give the folder",
        )
    return members


def unzip(path: Path, folder: Path) -> list[Path]:
    """Unpack a checked zip archive into ``folder`` and return its files, sorted.

    Raises
    ------
    ReaderError
        ``bad_archive``, if it is unsafe, damaged, locked with a password or packed in a way that Python does not know.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = safe_members(archive, str(path))
            return sorted(Path(archive.extract(member, folder)) for member in members)
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, OSError) as error:
        raise ReaderError(
            f"The zip archive can't be unpacked: {error}", code="bad_archive", where=str(path),
            hint="unpack it yourself and give the folder",
        ) from error  # fmt: skip


def open_netcdf(path: Path, group: str | None = None, **options: Any) -> xr.Dataset:
    """Open a NetCDF file lazily (no dask), or say why it can't be.

    Raises
    ------
    ReaderError
        ``not_found``, ``not_netcdf`` or ``truncated``.
    """
    import xarray as xr

    _check_present(path)
    _check_whole(path)
    options.setdefault("engine", "netcdf4")
    try:
        return xr.open_dataset(path, group=group, **options)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise _unreadable(path, "NetCDF") from error


def open_hdf5(path: Path) -> h5py.File:
    """Open an HDF5 file for reading, or say why it can't be (codes as :func:`open_netcdf`)."""
    import h5py

    _check_present(path)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise _unreadable(path, "HDF5") from error


def _check_present(path: Path) -> None:
    if not path.is_file():
        raise ReaderError("There is no such file", code="not_found", where=str(path), hint="check the path")


def _check_whole(path: Path) -> None:
    """Refuse a classic file that was cut short: the library would read zeros behind its end."""
    with path.open("rb") as file:
        classic_file = file.read(3) == classic.MAGIC
    if classic_file and not classic.is_complete(path):
        raise ReaderError("The NetCDF file is cut short", code="truncated", where=str(path), hint="download it again")


def _unreadable(path: Path, what: str) -> ReaderError:
    with path.open("rb") as file:
        head = file.read(8)
    if head[:8] == _HDF5_MAGIC or head[:3] == b"CDF":
        return ReaderError(
            f"The {what} file is cut short or damaged", code="truncated", where=str(path), hint="download it again"
        )
    return ReaderError(f"This is not a {what} file", code="not_netcdf", where=str(path), hint="check the file's kind")


def lazy_stack(
    loaders: Sequence[Callable[[], np.ndarray]], shape: tuple[int, ...], dtype: np.dtype[Any] | type
) -> da.Array:
    """Stack one array of ``shape`` per step, read when needed: (steps, *shape), one dask chunk a step."""
    import dask
    import dask.array as da

    blocks = [
        da.from_delayed(dask.delayed(_load_step, pure=False)(load, shape, dtype), shape=(1, *shape), dtype=dtype)
        for load in loaders
    ]
    return da.concatenate(blocks, axis=0)


def _load_step(load: Callable[[], np.ndarray], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    value = np.asarray(load(), dtype=dtype)
    if value.shape != shape:
        raise ReaderError(f"A step has the shape {value.shape}, not {shape}", code="bad_values")
    return value[np.newaxis]


def gather(
    paths: Sequence[Path], inspect: Callable[[Path], Any], kind: str
) -> tuple[list[tuple[Path, Any]], tuple[Skipped, ...]]:
    """Run ``inspect`` on every file; keep what it returns, and turn its :class:`ReaderError` into a :class:`Skipped`.

    Raises
    ------
    ReaderError
        If no file at all is good: the first reason, and how many failed.
    """
    good: list[tuple[Path, Any]] = []
    skipped: list[Skipped] = []
    for path in paths:
        try:
            good.append((path, inspect(path)))
        except ReaderError as error:
            skipped.append(Skipped(str(path), error.code, error.sentence))
    if not good:
        first = skipped[0]
        more = f" (and {len(skipped) - 1} more)" if len(skipped) > 1 else ""
        raise ReaderError(f"No file could be read as {kind}{more}: {first.reason}", code=first.code)
    return good, tuple(skipped)


def sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
