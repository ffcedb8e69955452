"""What lies where in a bundle, and which names a bundle may have.

A bundle is the folder of a run with more files in it, so whatever opens a run opens a bundle.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from smcore.errors import StoreError

FORM: Final = "loam bundle"
VERSION: Final = 1
HASHES: Final = "hashes.json"
"""Names, sizes and SHA-256 of all other files; written last, so that it says the others are there."""

README: Final = "README.txt"
REPORT: Final = "report.html"
CITATIONS: Final = "citations.bib"
CRATE: Final = "ro-crate-metadata.json"
PAIRS: Final = "pairs"
FIGURES: Final = "figures"
REVIEW: Final = "review"
"""Folder of the review as JSON and CSV, beside the log itself."""

MOST_FILES: Final = 20_000
MOST_BYTES: Final = 20_000_000_000
_LONGEST_LIST: Final = 16_000_000
_LONGEST_NAME: Final = 200
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def is_bundle(folder: Path) -> bool:
    """Whether a folder says that it is a bundle, of this version or another."""
    try:
        return str(_listed(folder / HASHES).get("format", "")).startswith(FORM)
    except StoreError:
        return False


def read_hashes(folder: Path) -> dict[str, Any]:
    """Read the list of a bundle's files; nothing in it is trusted.

    Returns
    -------
    dict
        ``format``, ``run`` (identity), ``loam``, and ``files``: name → ``sha256`` and ``bytes``.

    Raises
    ------
    StoreError
        If it is not there, damaged, of a newer format, too long, or names a file outside the folder.
    """
    where = folder.name
    found = _listed(folder / HASHES)
    form, _, number = str(found.get("format", "")).rpartition(" ")
    if form != FORM or not number.isdecimal():
        raise StoreError("The folder holds no bundle", where=where, hint="give a folder that loam bundle wrote")
    if int(number[:9]) > VERSION:
        raise StoreError(
            f"The bundle has the format {number[:9]}, this Loam reads {VERSION}", where=where, hint="update Loam"
        )
    files = found.get("files")
    if not isinstance(files, dict) or not isinstance(found.get("run"), str) or len(files) > MOST_FILES:
        raise StoreError("The list of the bundle's files is damaged", where=where, hint="use another copy")
    for name, about in files.items():
        _check_entry(name, about, where)
    if sum(about["bytes"] for about in files.values()) > MOST_BYTES:
        raise StoreError(f"The bundle is larger than {MOST_BYTES // 10**9} GB", where=where)
    return found


def is_safe_name(name: object) -> bool:
    """Whether a name of a file lies inside the folder on any system: plain letters, at most two folders deep."""
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        return False
    parts = name.split("/")
    return len(parts) <= 3 and all(_NAME.fullmatch(part) and part.strip(".") == part for part in parts)


def files_of(folder: Path) -> Iterator[Path]:
    """All that lies in a folder and is no folder itself; links are given as they are, never followed."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from files_of(path)
        else:
            yield path


def digest(file: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def _listed(file: Path) -> dict[str, Any]:
    try:
        if file.is_symlink():
            raise StoreError("The list of the bundle's files is a link", where=file.parent.name)
        with file.open("rb") as stream:
            raw = stream.read(_LONGEST_LIST + 1)
        found = json.loads(raw.decode("utf-8")) if len(raw) <= _LONGEST_LIST else None
    except FileNotFoundError as error:
        raise StoreError(
            "The folder holds no bundle", where=file.parent.name, hint="give a folder that loam bundle wrote"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError("The list of the bundle's files can't be read", where=file.parent.name) from error
    if not isinstance(found, dict):
        raise StoreError("The list of the bundle's files is damaged", where=file.parent.name, hint="use another copy")
    return found


def _check_entry(name: object, about: object, where: str) -> None:
    if not is_safe_name(name):
        shown = repr(name[:60]) if isinstance(name, str) else "no text"
        raise StoreError(f"The bundle names a file outside of it: {shown}", where=where, hint="do not use it")
    known = isinstance(about, dict) and set(about) == {"sha256", "bytes"}
    if not known or type(about["bytes"]) is not int or about["bytes"] < 0:  # type: ignore[index]
        raise StoreError("The list of the bundle's files is damaged", where=where, hint="use another copy")
    if not isinstance(about["sha256"], str) or not _DIGEST.fullmatch(about["sha256"]):  # type: ignore[index]
        raise StoreError("The list of the bundle's files is damaged", where=where, hint="use another copy")
