"""A folder that a figure's package may take: a new or empty one, or one that holds an earlier package and nothing else.

A package lists its files with their SHA-256, so that it can be told from a folder in which somebody works.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from smcore.errors import ExportError

LIST: Final = "files.json"
"""Names and SHA-256 of all other files of a package."""
_FORM: Final = "loam figure package 1"
_HINT: Final = "give a new folder"


def write_list(folder: Path) -> None:
    """List all files of a package that is else complete."""
    files = {one.name: _digest(one) for one in sorted(folder.iterdir())}
    text = json.dumps({"form": _FORM, "files": files}, indent=1, ensure_ascii=False)
    (folder / LIST).write_text(text + "\n", encoding="utf-8")


def check_folder(out: Path, *, overwrite: bool = False) -> None:
    """Refuse a place that a package may not take.

    Parameters
    ----------
    overwrite
        Whether an earlier package may be replaced, if all that lies there is as it was written.

    Raises
    ------
    ExportError
        If it is a file, a link, the working directory or a folder around it, or holds anything else.
    """
    if not os.path.lexists(out):
        return
    if out.is_symlink() or not out.is_dir():
        raise ExportError("Something is there already, and it is no folder", where=str(out), hint=_HINT)
    here, place = Path.cwd().resolve(), out.resolve()
    if place == here or place in here.parents:
        raise ExportError("A package never takes the place of the folder that you work in", where=str(out), hint=_HINT)
    if not any(out.iterdir()):
        return
    if other := _other(out):
        raise ExportError(f"There is something else already: {other}", where=str(out), hint=_HINT)
    if not overwrite:
        raise ExportError("A package is there already", where=str(out), hint=f"{_HINT}, or --overwrite")


@contextmanager
def cleared(out: Path, *, overwrite: bool) -> Iterator[None]:
    """Have the place free within: what lies there is set aside, put back after any fault, and else removed.

    Only files that the earlier package lists are ever removed.

    Raises
    ------
    ExportError
        As :func:`check_folder`.
    """
    check_folder(out, overwrite=overwrite)
    if not out.exists():
        yield
        return
    aside = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.old")
    out.rename(aside)
    try:
        check_folder(aside, overwrite=overwrite)  # somebody may have put a file there meanwhile
        yield
    except BaseException:
        aside.rename(out)
        raise
    for name in (*_listed(aside), LIST):
        (aside / name).unlink(missing_ok=True)
    with suppress(OSError):  # what came in between stays, beside the new package
        aside.rmdir()


def _other(folder: Path) -> str:
    """What in a folder is not of a package as it was written; '' where there is nothing."""
    listed = _listed(folder)
    for one in sorted(folder.iterdir()):
        if one.name == LIST and listed:
            continue
        if one.name not in listed or one.is_symlink() or not one.is_file():
            return one.name
        if _digest(one) != listed[one.name]:
            return f"{one.name}, changed since it was written"
    return ""


def _listed(folder: Path) -> dict[str, Any]:
    """The list of a package; empty where there is none."""
    try:
        found = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    files = found.get("files") if isinstance(found, dict) and found.get("form") == _FORM else None
    return files if isinstance(files, dict) and all(Path(name).name == name for name in files) else {}


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            found.update(piece)
    return found.hexdigest()
