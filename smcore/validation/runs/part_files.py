"""Finished parts of a run in files, so that a run that was stopped goes on from there.

They lie in a hidden folder beside the result, named after the hash of the request, so that another request, other data
or another version never meets them. A file is whole or not there.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smcore import plain
from smcore.cubes.chunks import write_atomically
from smcore.errors import ExportError
from smcore.validation.runs.plan import Part, Task

_KEY_LENGTH = 32


@dataclass(frozen=True)
class PartFiles:
    """Parts of one request beside the result folder ``out``.

    Parameters
    ----------
    out
        Where the result will be.
    key
        Hash of the request (:attr:`smcore.validation.runs.request.Request.key`).
    """

    out: Path
    key: str

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.out.absolute().parent / f".{self.out.name}.parts-{self.key[:_KEY_LENGTH]}"

    def get(self, number: int, task: Task) -> Part | None:
        """The part of a task; None if it is not there, damaged, or that of another piece of work."""
        try:
            found = plain.from_bytes(self._file(number).read_bytes())
        except (OSError, ValueError):
            return None
        fits = isinstance(found, Part) and found.task.matches == task.matches
        return found if fits and np.array_equal(found.task.rows, task.rows) else None

    def put(self, number: int, part: Part) -> None:
        """Keep the part of a task.

        Raises
        ------
        ExportError
            If it can't be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file(number), plain.to_bytes(part))
        except OSError as error:
            raise ExportError(
                f"A finished part can't be kept: {error.strerror or error}", where=str(self.folder),
                hint="make room, or leave --resume away",
            ) from error  # fmt: skip

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.npz"


def remove_parts(out: Path) -> None:
    """Remove the parts of every run into ``out``: its result is there."""
    for folder in out.absolute().parent.glob(f".{out.name}.parts-*"):
        shutil.rmtree(folder, ignore_errors=True)
