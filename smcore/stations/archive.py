"""The members of station archives: files, folders and zips, unpacked one by one so that a bad one costs no other."""

from __future__ import annotations

import glob
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smcore.cubes.sources import Skipped, safe_members, visible_files
from smcore.errors import ReaderError


@dataclass(frozen=True)
class Member:
    """One file to read, and what to call it to the user (``archive.zip!folder/file``)."""

    path: Path
    label: str


def members(paths: Sequence[Path], folder: Path, suffixes: Sequence[str]) -> tuple[list[Member], list[Skipped]]:
    """Files whose names end with one of ``suffixes``, from files, folders, globs and zips (also zips in folders).

    Zip members are unpacked below ``folder``. A damaged member is skipped with its reason; an archive with a member
    that points outside, or that swells beyond reason, is refused whole.

    Raises
    ------
    ReaderError
        ``not_found`` or ``bad_archive``.
    """
    found: list[Member] = []
    skipped: list[Skipped] = []
    for index, path in enumerate(_files(paths)):
        if zipfile.is_zipfile(path):
            found += _unpack(path, folder / str(index), suffixes, skipped)
        elif path.suffix.lower() == ".zip":
            raise ReaderError("The zip archive is damaged", code="bad_archive", where=str(path), hint="fetch it again")
        elif path.name.endswith(tuple(suffixes)):
            found.append(Member(path, str(path)))
    return found, skipped


def _files(paths: Sequence[Path]) -> list[Path]:
    """List the files of files, folders and globs, zips left packed."""
    files: list[Path] = []
    for path in paths:
        source = Path(path)
        matches = [source] if source.exists() else [Path(p) for p in sorted(glob.glob(str(source), recursive=True))]
        if not matches:
            raise ReaderError("There is no such file, folder or match", code="not_found", where=str(source))
        for match in matches:
            inside = visible_files(match) if match.is_dir() else [match]
            files += [p for p in inside if not p.name.startswith(".")]
    return files


def _unpack(path: Path, folder: Path, suffixes: Sequence[str], skipped: list[Skipped]) -> list[Member]:
    found: list[Member] = []
    with zipfile.ZipFile(path) as archive:
        for info in safe_members(archive, str(path)):
            if not info.filename.endswith(tuple(suffixes)):
                continue
            label = f"{path}!{info.filename}"
            try:
                found.append(Member(Path(archive.extract(info, folder)), label))
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
                skipped.append(Skipped(label, "bad_archive", f"The archive member is damaged: {error} ({label})"))
    return found


def nothing_read(kind: str, skipped: Sequence[Skipped], paths: Sequence[Path], hint: str) -> ReaderError:
    """Say why no file of a kind could be read: the first reason, or that there was no file of the kind at all."""
    if not skipped:
        where = ", ".join(str(path) for path in paths)
        return ReaderError(f"There is no {kind} file", code="wrong_kind", where=where, hint=hint)
    more = f" (and {len(skipped) - 1} more)" if len(skipped) > 1 else ""
    first = skipped[0]
    where = "" if first.path in first.reason else first.path
    return ReaderError(f"No {kind} file could be read{more}: {first.reason}", code=first.code, where=where)
