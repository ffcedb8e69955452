"""A file that is complete or not there: written under another name, given its own when it is proved, else removed."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smcore.errors import ExportError

QUOTA_VARIABLE = "LOAM_EXPORT_QUOTA"
QUOTA_BYTES = 4 * 10**9
"""Size that an export may have unless the variable says otherwise; ours."""
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def quota() -> int:
    """Bytes that an export may take: ``LOAM_EXPORT_QUOTA`` (``4GB``, ``500 MB``, a number of bytes), else 4 GB.

    Raises
    ------
    ExportError
        If the variable holds no size.
    """
    text = os.environ.get(QUOTA_VARIABLE, "")
    if not text.strip():
        return QUOTA_BYTES
    found = _SIZE.fullmatch(text)
    if not found:
        raise ExportError(f"{QUOTA_VARIABLE} is {text!r}, which is no size", hint="write it as 4GB or 500MB")
    number, power, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[power.lower()])


def human(size: float) -> str:
    """A size as people say it, in powers of 1000: ``1.2 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 99.5 or unit == "B" else f"{size:.2g} {unit}"


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def check_place(out: Path) -> None:
    """Refuse a place where something is already, or that has no folder.

    Raises
    ------
    ExportError
        Saying which.
    """
    if out.exists():
        raise ExportError("Something is there already", where=str(out), hint="remove it, or take another name")
    if not out.parent.is_dir():
        raise ExportError("There is no such folder", where=str(out.parent), hint="make it first, or check the path")


@contextmanager
def drafted(out: Path) -> Iterator[Path]:
    """Give a path to write to; what is there afterwards gets the name ``out``, or is removed after any fault.

    Raises
    ------
    ExportError
        If something is at ``out`` already, the disk is full or refuses, or the format's library fails.
    """
    check_place(out)
    draft = out.with_name(f".{out.stem}.{uuid.uuid4().hex[:8]}.partial{out.suffix}")
    try:
        yield draft
        check_place(out)  # another process may have been faster
        draft.rename(out)
    except (OSError, RuntimeError) as error:  # the netCDF library reports a refusing disk as the latter
        raise _failed(error, out) from error
    finally:
        remove(draft)


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _failed(error: Exception, out: Path) -> ExportError:
    """One sentence for what went wrong below us; a disk with less than a megabyte left is a full one."""
    full = getattr(error, "errno", None) in _FULL
    try:
        full = full or shutil.disk_usage(out.parent).free < 2**20
    except OSError:
        full = False
    if full:
        return ExportError("The disk is full", where=str(out), hint="nothing was kept; free some space or export less")
    reason = getattr(error, "strerror", None) or str(error)
    return ExportError(f"The file can't be written: {reason}", where=str(out), hint="nothing was kept")
