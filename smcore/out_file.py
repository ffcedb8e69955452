"""The one rule for files that a user asks for: whole or not there, and never in the place of something else.

What is there already stays, unless its replacement is asked for; a file that belongs to a result, as the list of its
folder says, stays in any case: a number that was published is not overwritten by a slip of the hand.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from smcore.errors import ExportError

_LISTS: Final = ("run.json", "hashes.json", "files.json")
"""Records of a run, a bundle and a figure's package: each has the names of the files beside it under ``files``."""
_DEPTH: Final = 3  # folders of a bundle: figures/NAME/FILE
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ANOTHER: Final = "give another name"


def check_place(out: Path, *, endings: Collection[str] = (), overwrite: bool = False) -> None:
    """Refuse a place that a file may not take.

    Parameters
    ----------
    endings
        Those that its name may have, as ``.csv``; any where there are none.
    overwrite
        Whether a plain file that no result lists may be replaced.

    Raises
    ------
    ExportError
        Saying why.
    """
    if endings and out.suffix.lower() not in endings:
        raise ExportError(f"The file is to end in {' or '.join(endings)}", where=out.name or str(out), hint=_ANOTHER)
    if not out.parent.is_dir():
        raise ExportError("There is no such folder", where=str(out.parent), hint="make it first, or check the path")
    if not os.path.lexists(out):
        return
    if out.is_symlink() or not out.is_file():
        raise ExportError("Something is there already, and it is no plain file", where=str(out), hint=_ANOTHER)
    if owner := _owner(out):
        raise ExportError(f"The file is part of a result, as its {owner} says", where=str(out), hint=_ANOTHER)
    if not overwrite:
        raise ExportError("Something is there already", where=str(out), hint=f"{_ANOTHER}, or --overwrite")


@contextmanager
def drafted(out: Path, *, endings: Collection[str] = (), overwrite: bool = False) -> Iterator[Path]:
    """Give a path to write to; what is there afterwards gets the name ``out``, or is removed after any fault.

    Raises
    ------
    ExportError
        As :func:`check_place`, or if the disk is full or refuses, or the format's library fails.
    """
    check_place(out, endings=endings, overwrite=overwrite)
    draft = out.with_name(f".{out.stem[:60]}.{uuid.uuid4().hex[:8]}.partial{out.suffix}")
    try:
        yield draft
        check_place(out, endings=endings, overwrite=overwrite)  # another process may have been faster
        draft.replace(out)
    except (OSError, RuntimeError) as error:  # the netCDF library reports a refusing disk as the latter
        raise _failed(error, out) from error
    finally:
        remove(draft)


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there and the disk lets it go: one that is read-only says why elsewhere."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _owner(out: Path) -> str:
    """Name of the list that a file is in, or is; '' where it belongs to no result."""
    place = out.resolve()
    for folder in place.parents[:_DEPTH]:
        name = place.relative_to(folder).as_posix().casefold()  # some file systems take both cases for one
        for one in _LISTS:
            if not (folder / one).is_file():
                continue
            listed = _names(folder / one)
            if name == one or (listed is None and folder == place.parent) or name in (listed or ()):
                return one
    return ""


def _names(file: Path) -> frozenset[str] | None:
    """Names that a list has; None where it can't be read, so that nobody knows."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return frozenset(str(name).casefold() for name in found.get("files", ()))
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        return None


def _failed(error: Exception, out: Path) -> ExportError:
    """One sentence for what went wrong below us; a disk with less than a megabyte left is a full one."""
    full = getattr(error, "errno", None) in _FULL
    try:
        disk = shutil.disk_usage(out.parent)
        full = full or (disk.total > 0 and disk.free < 2**20)  # the system's own folders have no size at all
    except OSError:
        full = False
    if full:
        return ExportError("The disk is full", where=str(out), hint="nothing was kept; free some space or export less")
    reason = getattr(error, "strerror", None) or str(error)
    return ExportError(f"The file can't be written: {reason}", where=str(out), hint="nothing was kept")
