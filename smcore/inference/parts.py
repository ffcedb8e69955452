"""Finished tiles of a prediction in files, so that a run that was killed goes on from there.

They lie in a hidden folder beside the result, named after what the result is made of, so that other weights, inputs,
windows or versions never meet them. A tile is a folder of plain arrays that gets its name when it is whole; who
computed it, and how often, leaves no trace. The product is put together from them step by step, whatever its size.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.cubes.chunks import write_atomically
from smcore.cubes.manifest import telling_disk_errors

ABOUT, RECORD = "about.json", "run.json"
_BLOCK = 64 * 2**20  # bytes of one variable that are put together at once


@dataclass(frozen=True)
class Parts:
    """The finished tiles of one product.

    Parameters
    ----------
    out
        Where the product will be.
    key
        Name of what it is made of (:func:`smcore.inference.request.cache_key`).
    """

    out: Path
    key: str

    @property
    def folder(self) -> Path:
        """Where the tiles lie."""
        return self.out.absolute().parent / f".{self.out.name}.parts-{self.key}"

    def record(self) -> dict[str, Any]:
        """What the run was begun with; empty if there is none."""
        return _read_json(self.folder / RECORD) or {}

    def about(self, number: int) -> dict[str, Any] | None:
        """What is to say of a finished tile; None if it is not there."""
        return _read_json(self.folder / str(number) / ABOUT)

    def put(
        self, number: int, fields: Mapping[str, NDArray[Any]], about: Mapping[str, Any], record: Mapping[str, Any]
    ) -> None:
        """Keep a tile; one that is there already stays.

        Raises
        ------
        StoreError
            If the disk is full or refuses; the tiles that are finished stay.
        """
        with telling_disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not (self.folder / RECORD).exists():
                write_atomically(self.folder / RECORD, json.dumps(dict(record)).encode())
            new = self.folder / f".{number}-{uuid.uuid4().hex}"
            try:
                new.mkdir()
                for name, values in fields.items():
                    np.save(new / f"{name}.npy", values, allow_pickle=False)
                (new / ABOUT).write_text(json.dumps(dict(about)), encoding="utf-8")
                if self.about(number) is None:
                    shutil.rmtree(self.folder / str(number), ignore_errors=True)
                    os.rename(new, self.folder / str(number))
            except OSError:
                if self.about(number) is None:  # else another process was first, with the same values
                    raise
            finally:
                shutil.rmtree(new, ignore_errors=True)

    def load(self, number: int, name: str) -> NDArray[Any] | None:
        """A field of a finished tile, mapped from its file; None if it is not there or damaged."""
        try:
            found: NDArray[Any] = np.load(self.folder / str(number) / f"{name}.npy", "r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return found

    def finished(self, shapes: Mapping[int, tuple[int, ...]], names: tuple[str, ...]) -> set[int]:
        """The tiles that are there with all of their fields in the shapes expected."""
        found = set()
        for number, shape in shapes.items():
            if self.about(number) is None:
                continue
            fields = [self.load(number, name) for name in names]
            if all(field is not None and field.shape == shape for field in fields):
                found.add(number)
        return found

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


class Assembled:
    """One field of the whole product, put together from its tiles when it is asked for; what dask needs to see of it.

    Parameters
    ----------
    places
        Number → rows and columns of the tile in the product; elsewhere it is missing, or 0 where it counts.
    """

    def __init__(
        self, parts: Parts, name: str, places: Mapping[int, tuple[slice, slice]], shape: tuple[int, int, int],
        dtype: Any,
    ) -> None:  # fmt: skip
        self.parts, self.name, self.places = parts, name, places
        self.shape, self.ndim, self.dtype = shape, 3, np.dtype(dtype)

    def __getitem__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        steps = index[0].indices(self.shape[0])
        missing = np.nan if self.dtype.kind == "f" else 0
        out = np.full((len(range(*steps)), *self.shape[1:]), missing, self.dtype)
        for number, (rows, columns) in self.places.items():
            values = self.parts.load(number, self.name)
            assert values is not None, "tiles are finished before they are put together"
            out[:, rows, columns] = values[slice(*steps)]
        return out[:, index[1], index[2]]

    def lazy(self) -> Any:
        """As a dask array in runs of steps, each with the whole grid."""
        import dask.array as da

        steps, rows, columns = self.shape
        each = int(np.clip(_BLOCK // (rows * columns * self.dtype.itemsize), 1, steps))
        name = f"{self.name}-{self.parts.key}-{uuid.uuid4().hex}"
        return da.from_array(self, chunks=(each, rows, columns), name=name, asarray=False, fancy=False)
