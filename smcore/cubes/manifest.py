"""The commit record of a prepared store, and the lock that keeps it to one writer.

``manifest.json`` says which steps exist; a reader sees nothing else. Work in progress is recorded in ``pending.json``
beside it, and becomes visible by one atomic rename. So a step is there whole or not at all, whatever kills the writer,
and a killed ingest goes on where its pending record ends.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.cubes.chunks import write_atomically
from smcore.cubes.codecs import read_json
from smcore.cubes.packing import Packing
from smcore.errors import StoreError

FORMAT = "loam-store"
VERSION = 1
MANIFEST = "manifest.json"
PENDING = "pending.json"
LAYOUTS = ("cube", "pixels", "stations")
_MEANING = ("kind", "synthetic", "layer_m", "time_support", "time_is_nominal", "product", "inputs")


@dataclass
class StoredVariable:
    """One variable of a store: its dimensions, attributes, packing and the folder of its array."""

    dims: tuple[str, ...]
    attrs: dict[str, Any]
    packing: Packing
    array: str


@dataclass
class Manifest:
    """What a store holds.

    ``time`` [ns since 1970], ``overpass`` and ``hashes`` are in the order of writing (slots); readers sort by time.
    ``maps``, ``series`` and ``table`` name the folders in use; ``series_steps`` is how many slots the series cover.
    """

    layout: str
    attrs: dict[str, Any]
    variables: dict[str, StoredVariable]
    plan: str = ""
    parent: str = ""
    maps: str = "maps-1"
    series: str = ""
    series_steps: int = 0
    table: str = ""
    levels: list[tuple[int, int]] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    overpass: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    statics: dict[str, str] = field(default_factory=dict)
    coords: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    fingerprint: str = ""

    def save(self, folder: Path, name: str) -> None:
        """Write the record atomically."""
        content = asdict(self)
        for key, variable in self.variables.items():
            content["variables"][key]["packing"] = variable.packing.to_json()
        text = json.dumps({"format": FORMAT, "version": VERSION, **content}, allow_nan=False)
        write_atomically(folder / name, text.encode())

    @staticmethod
    def load(folder: Path, name: str = MANIFEST) -> Manifest:
        """Read the record.

        Raises
        ------
        StoreError
            If it is no store, damaged, or of a later version than this program knows.
        """
        if not (folder / name).is_file():
            hint = "its ingest was not finished: run it again" if (folder / PENDING).is_file() else "check the path"
            raise StoreError("This is not a prepared store", where=str(folder), hint=hint)
        content = read_json(folder / name)
        if content.pop("format", None) != FORMAT:
            raise StoreError("This is not a prepared store of Loam", where=str(folder), hint="ingest the data first")
        version = content.pop("version", None)
        if version != VERSION:
            raise StoreError(
                f"The store has format version {version}, this program knows {VERSION}",
                where=str(folder),
                hint="install a newer Loam, or ingest the data again",
            )
        try:
            variables = {
                str(key): StoredVariable(
                    tuple(v["dims"]), dict(v["attrs"]), Packing.from_json(v["packing"]), str(v["array"])
                )
                for key, v in content.pop("variables").items()
            }
            content["levels"] = [(int(rows), int(columns)) for rows, columns in content["levels"]]
            manifest = Manifest(variables=variables, **content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(
                "The store's record is damaged", where=str(folder), hint="ingest the data again"
            ) from error
        manifest._check(folder)
        return manifest

    def _check(self, folder: Path) -> None:
        names = [*self.variables, *self.coords, self.maps, self.series, self.table]
        names += [variable.array for variable in self.variables.values()]
        plain = all("/" not in n and "\\" not in n and not n.startswith(".") for n in names)
        steps = len(self.time)
        even = len(self.hashes) == steps and len(self.overpass) in (0, steps) and 0 <= self.series_steps <= steps
        if self.layout not in LAYOUTS or not plain or (self.layout == "cube" and not even):
            raise StoreError("The store's record is damaged", where=str(folder), hint="ingest the data again")

    def times(self) -> NDArray[np.datetime64]:
        """Stamps in slot order."""
        return np.asarray(self.time, np.int64).astype("datetime64[ns]")

    def order(self) -> NDArray[np.int64]:
        """Slots in time order."""
        return np.argsort(np.asarray(self.time, np.int64), kind="stable")

    def seal(self) -> None:
        """Compute the content fingerprint.

        It covers what the numbers are (variables, units, grid, kind, steps and their hashes, in time order), not how
        they are described or came here: the same content ingested at once or by appending has the same fingerprint.
        """
        described = {k: [list(v.dims), v.attrs.get("units", ""), v.packing.logical] for k, v in self.variables.items()}
        steps: list[Any] = self.time
        if self.layout == "cube":
            steps = sorted(zip(self.time, self.overpass or [""] * len(self.time), self.hashes, strict=True))
        places = {name: coord["values"] for name, coord in self.coords.items()}
        self.fingerprint = digest([self.layout, meaning(self.attrs), described, self.statics, places, steps])


def meaning(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the attributes that say what the numbers are and on which grid; titles, licences and histories do not."""
    return {key: value for key, value in sorted(attrs.items()) if key in _MEANING or key.startswith("grid_")}


def digest(content: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def hash_values(values: NDArray[Any]) -> bytes:
    """SHA-256 of an array's numbers: one NaN, no negative zero, times to the second, whatever the packing."""
    if values.dtype.kind == "M":
        values = values.astype("datetime64[s]").astype(np.int64)
    elif values.dtype.kind == "f":
        values = values.astype(np.float32) + np.float32(0)
        values[np.isnan(values)] = np.nan
    else:
        values = values.astype(np.int64)
    return hashlib.sha256(np.ascontiguousarray(values).data).digest()


def plain_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as JSON values: numpy numbers and arrays become numbers and lists; what is not finite is left out."""
    found: dict[str, Any] = {}
    for key, value in attrs.items():
        if isinstance(value, (np.ndarray, np.generic)):
            value = value.tolist()
        listed = value if isinstance(value, (list, tuple)) else [value]
        if not all(isinstance(one, (str, int, float, bool)) for one in listed):
            value = str(value)
        elif not all(np.isfinite(one) for one in listed if isinstance(one, float)):
            continue
        found[str(key)] = list(value) if isinstance(value, tuple) else value
    return found


@contextmanager
def telling_disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a full or read-only disk into one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = "free some space and run it again" if full else "choose a folder that you may write to"
        raise StoreError(f"The store can't be written: {reason}", where=str(path), hint=hint) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the store ``path`` for one writer; the lock goes with the process, also when it is killed.

    Raises
    ------
    StoreError
        If another process is writing it, with that process's number.
    """
    file = path.with_name(f".{path.name}.lock")
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        if not _claim(handle):
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise StoreError(
                f"Another process (number {holder}) is writing this store", where=str(path), hint="wait for it to end"
            )
        if _same_file(handle, file):  # else the last holder removed it between our two calls
            break
        os.close(handle)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)


def _claim(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK):
            raise
        return False
    return True


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
