"""How large an export is, and how large it may be."""

from __future__ import annotations

import os
import re
from pathlib import Path

from smcore.errors import ExportError

QUOTA_VARIABLE = "LOAM_EXPORT_QUOTA"
QUOTA_BYTES = 4 * 10**9
"""Size that an export may have unless the variable says otherwise; ours."""
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


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
