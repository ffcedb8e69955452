"""Files that a tab has had made and that are too large for a message: on the disk until newer ones push them out."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from smcore.errors import ExportError
from smcore.export import sizes
from smcore.home import home
from smcore.out_file import drafted
from smcore.progress import Cancel, check

SAVED: Final = "saved"
MOST_KEPT: Final = 8
"""Files (ours): a browser fetches its own at once."""
_ID: Final = re.compile(r"[0-9a-f]{12}")


def folder() -> Path:
    """Where they lie."""
    return home() / "cache" / SAVED


def keep(name: str, parts: Iterable[bytes], cancelled: Cancel) -> Path:
    """Write a file part by part, whole or not at all, and forget the oldest.

    Raises
    ------
    ExportError
        If the disk refuses, or the file grows beyond what an export may have.
    Cancelled
        If the user stopped it.
    """
    own, allowed, size = folder() / secrets.token_hex(6), sizes.quota(), 0
    try:
        own.mkdir(parents=True)
        with drafted(own / name) as draft, draft.open("wb") as out:
            for part in parts:
                check(cancelled)
                size += out.write(part)
                if size > allowed:
                    raise ExportError(
                        f"The file grew beyond the {sizes.human(allowed)} that an export may have",
                        where=sizes.QUOTA_VARIABLE, hint="save a picture, or export a window with Data out",
                    )  # fmt: skip
    except OSError as error:
        raise ExportError(f"The file can't be written: {error.strerror or error}", where=name) from error
    finally:
        if not (own / name).is_file():
            shutil.rmtree(own, ignore_errors=True)
    _forget(own)
    return own / name


def taken(file: Path) -> bytes:
    """What a file holds, which is kept no longer."""
    try:
        return file.read_bytes()
    finally:
        shutil.rmtree(file.parent, ignore_errors=True)


def kept_file(owner: str, name: str) -> Path | None:
    """The file that a browser asks for; None where there is none, or it was pushed out."""
    if not _ID.fullmatch(owner) or Path(name).name != name or name.startswith("."):
        return None
    file = folder() / owner / name
    try:
        return file if file.is_file() else None
    except OSError:  # a name that no file can have
        return None


def _forget(newest: Path) -> None:
    """Remove the oldest files, so that so many stay; what another thread writes just now counts as new."""
    others = sorted((one for one in folder().iterdir() if one != newest), key=_age, reverse=True)
    for one in others[MOST_KEPT - 1 :]:
        shutil.rmtree(one, ignore_errors=True)


def _age(one: Path) -> float:
    try:
        return one.stat().st_mtime
    except OSError:
        return 0.0
