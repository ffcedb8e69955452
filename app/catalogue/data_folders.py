"""Which files of this machine may be named on the page: those below the allowed folders, and nothing hidden in them.

The server answers on this machine only, but to anybody on it: a path that is typed on the page is read with the rights
of whoever started the server. So paths are looked up below a short list of folders, links followed first.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from app.page.language import tr
from smcore.errors import ReaderError
from smcore.home import home

VARIABLE = "LOAM_DATA_FOLDERS"
_MAGIC = ("*", "?", "[")
_LONGEST = 1000
_MOST_LOOKED = 200_000


def data_folders() -> tuple[Path, ...]:
    """The folders in ``LOAM_DATA_FOLDERS``; without it the user's own, the one that Loam runs in, and Loam's."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return tuple(Path(one).expanduser() for one in named.split(os.pathsep) if one)
    real = [Path(os.environ["LOAM_REALDATA"])] if os.environ.get("LOAM_REALDATA") else []
    found = dict.fromkeys((Path.home(), Path.cwd(), home(), *real))
    return tuple(folder for folder in found if folder != Path(folder.anchor))


def find(text: str, folders: Sequence[Path]) -> list[Path]:
    """The files or folders that a path or a pattern means, if they may be read.

    Raises
    ------
    ReaderError
        If it is no whole path of this machine, lies outside of the folders, there is nothing, or the system refuses it.
    """
    try:
        return _found(_whole(text.strip().strip("\"'")), folders, text)
    except (OSError, RuntimeError) as error:  # no permission, too long a name; a link that leads to itself
        why = getattr(error, "strerror", None) or tr("a link leads to itself")
        raise ReaderError(
            tr("The path can't be looked up: {why}", why=why), code="not_found", where=text, hint=tr("check the path")
        ) from error


def _found(path: Path, folders: Sequence[Path], text: str) -> list[Path]:
    fixed = next((part for part in (path, *path.parents) if not any(mark in str(part) for mark in _MAGIC)), path)
    if not path.exists() or fixed == path:
        _check(fixed, folders, text)
    found = [path] if path.exists() else [Path(one) for one in sorted(glob.glob(str(path), recursive=True))]
    if not found:
        raise ReaderError(
            tr("There is no such file or folder"), code="not_found", where=text, hint=tr("check the path")
        )
    for one in found:
        _check(one, folders, text)
        if one.is_dir():
            _check_inside(one, folders, text)
    return found


def _check_inside(folder: Path, folders: Sequence[Path], text: str) -> None:
    """Follow the links in a folder, and refuse one that is too large to be looked through."""
    for number, inside in enumerate(folder.rglob("*")):
        if number >= _MOST_LOOKED:
            raise ReaderError(
                tr("The folder holds more than {most} files", most=_MOST_LOOKED), code="not_found", where=text,
                hint=tr("name a folder in it, or a part of its files with *"),
            )  # fmt: skip
        if inside.is_symlink():
            _check(inside, folders, text)


def _whole(text: str) -> Path:
    if not text:
        raise ReaderError(tr("No path is given"), code="not_found", hint=tr("type one, or choose a file"))
    if "://" in text:
        raise ReaderError(
            tr("This is an address, not a path"), code="not_found", where=text, hint=tr("download it first")
        )
    if len(text) > _LONGEST or not text.isprintable():
        raise ReaderError(tr("This is no path"), code="not_found", hint=tr("type the path of a file or a folder"))
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:  # ~somebody who is not known here
        raise ReaderError(tr("There is no such user"), code="not_found", where=text) from error
    if not path.is_absolute():
        raise ReaderError(
            tr("The path does not begin at the root"),
            code="not_found",
            where=text,
            hint=tr("write it as {home}", home=Path.home() / text),
        )
    return path


def _check(path: Path, folders: Sequence[Path], text: str) -> None:
    """Refuse what lies outside of all folders once links were followed, and what is hidden in them."""
    real = path.resolve()
    inside = [real.relative_to(one.resolve()) for one in folders if real.is_relative_to(one.resolve())]
    if not inside:
        raise ReaderError(
            tr("The path lies outside of the folders that Loam may read"), code="not_found", where=text,
            hint=tr(
                "they are {folders}; name others with {variable}, or send the file",
                folders=", ".join(map(str, folders)) or "–", variable=VARIABLE,
            ),
        )  # fmt: skip
    if all(any(part.startswith(".") for part in one.parts) for one in inside):
        raise ReaderError(
            tr("Hidden files are not read"), code="not_found", where=text, hint=tr("copy it elsewhere first")
        )
