"""Zarr stores as folders: which folder is one, which store a file lies in, and its groups."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from smcore.cubes.codecs import check_store, read_json
from smcore.errors import ReaderError, StoreError

_MARKS: Final = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group or array."""
    return path.is_dir() and any((path / mark).is_file() for mark in _MARKS)


def root_of(path: Path) -> Path | None:
    """Find the Zarr store that ``path`` is, or lies in; None if it is in none."""
    found: Path | None = path if is_zarr(path) else None
    for folder in path.parents:
        if is_zarr(folder):
            found = folder
        elif found is not None or not (folder.name.isdigit() or folder.name == "c"):
            break  # chunks lie in folders named c, 0, 1, …; anything else without a mark is outside
    return found


def check(store: Path) -> None:
    """Refuse a store with codecs that Loam does not run, or with arrays of objects.

    Raises
    ------
    ReaderError
        ``bad_archive``, naming the array and the codec.
    """
    try:
        check_store(store, text=True)
    except StoreError as error:
        raise ReaderError(error.what, code="bad_archive", where=error.where, hint=error.hint) from error


def groups(store: Path) -> list[str]:
    """List the groups of a store, the root (an empty name) first."""
    found = [path.parent for mark in (".zgroup", "zarr.json") for path in store.rglob(mark)]
    names = {folder.relative_to(store).as_posix() for folder in found if not _is_array(folder)}
    return sorted({"" if name == "." else name for name in names} | {""})


def _is_array(folder: Path) -> bool:
    if (folder / ".zarray").is_file():
        return True
    return (folder / "zarr.json").is_file() and read_json(folder / "zarr.json").get("node_type") == "array"
