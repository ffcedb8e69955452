"""Every kind of source file that Loam reads, and a guess of the kind from the files at hand.

A guess goes by file names; where a name fits two kinds (ERA5 and ERA5-Land, two sorts of CSV) it looks into the file.
Files of more than one kind are refused, never sorted out unseen.
"""

from __future__ import annotations

import fnmatch
import glob
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from smcore import plugins
from smcore.cubes.sources import open_netcdf
from smcore.errors import ReaderError

CUBES: Final = "smcore.cubes.readers"
STATIONS: Final = "smcore.stations.readers"
_MOST_FILES: Final = 50_000
_MOST_OPENED: Final = 50
_ZARR: Final = ("zarr.json", ".zgroup", ".zmetadata")
_GENERAL: Final = re.compile(r"\*\.(csv|tsv|txt|nc4?|h5|zarr|parquet)$")
"""Patterns that say no more than the file format, which many kinds share; ``.stm`` or ``.tif`` do say the kind."""


@dataclass(frozen=True)
class Kind:
    """One kind: its id, what it is in words, what it becomes (cube, pixels, stations), and names its files have."""

    id: str
    title: str
    layout: str
    package: str
    patterns: tuple[str, ...]


class Guess(NamedTuple):
    """The kind that files seem to be, and by what."""

    kind: str
    why: str

    def __str__(self) -> str:
        """Give the kind alone, so that a guess may stand where a kind is asked for."""
        return self.kind


class _Match(NamedTuple):
    kind: str
    pattern: str
    path: Path | None  # None inside an archive
    name: str


@cache
def kinds() -> tuple[Kind, ...]:
    """List every kind, cubes and pixel sets first, by id."""
    return tuple(_describe(package, kind) for package in (CUBES, STATIONS) for kind in plugins.names(package))


def kind(name: str) -> Kind:
    """Look up one kind.

    Raises
    ------
    ReaderError
        If there is none of this name; the known ones are listed.
    """
    for known in kinds():
        if known.id == name.replace("_", "-"):
            return known
    raise ReaderError(f"There is no kind {name!r}", code="wrong_kind", hint=_choose())


def guess(paths: Iterable[str | Path]) -> Guess:
    """Tell which kind the files, folders, globs or zip archives are, and why.

    Returns
    -------
    Guess
        ``kind`` and ``why``; ``str`` of it is the kind.

    Raises
    ------
    ReaderError
        ``not_found`` if a path is missing; ``wrong_kind`` if no name fits, or if files of several kinds lie together.
    """
    given = [Path(path).expanduser() for path in paths]
    names = list(islice(_names(given), _MOST_FILES))
    where = ", ".join(str(path) for path in given[:3])
    matches = [match for name in names if (match := _match(*name)) is not None]
    if not matches:
        example = f", as {names[0][1]!r}" if names else ""
        raise ReaderError(f"No file has a name that is known{example}", code="wrong_kind", where=where, hint=_choose())
    looked = [_look_inside(match) for match in _strongest(matches)[:_MOST_OPENED]]
    found = {match.kind for match in looked}
    if len(found) > 1:
        firsts = {match.kind: match.name for match in reversed(looked)}
        listed = ", ".join(f"{name} ({firsts[name]})" for name in sorted(firsts))
        raise ReaderError(
            f"Files of {len(found)} kinds lie together: {listed}", code="wrong_kind", where=where,
            hint="give those of one kind",
        )  # fmt: skip
    named = kind(looked[0].kind)
    first = looked[0].name
    share = f"{len(_strongest(matches))} of {len(names)} files look" if len(names) > 1 else f"{first} looks"
    return Guess(named.id, f"{share} like {named.title}" + (f", first {first}" if len(names) > 1 else ""))


def _describe(package: str, name: str) -> Kind:
    module = plugins.load(package, name, ("KIND", "TITLE", "PATTERNS", "read"))
    layout = getattr(module, "LAYOUT", "stations" if package == STATIONS else "cube")
    return Kind(name, module.TITLE, layout, package, tuple(module.PATTERNS))


def _choose() -> str:
    return f"choose the kind yourself: {', '.join(known.id for known in kinds())}"


def _names(paths: Sequence[Path]) -> Iterator[tuple[Path | None, str]]:
    """Give each file's path (None inside a zip) and name; a Zarr folder counts as one file."""
    for path in paths:
        sources = [path] if path.exists() else [Path(p) for p in sorted(glob.glob(str(path), recursive=True))]
        if not sources:
            raise ReaderError("There is no such file, folder or match", code="not_found", where=str(path))
        for source in sources:
            yield from _inside(source)


def _inside(path: Path) -> Iterator[tuple[Path | None, str]]:
    if path.is_dir():
        if any((path / name).exists() for name in _ZARR):
            yield path, f"{path.name.removesuffix('.zarr')}.zarr"
            return
        for child in sorted(path.iterdir()):
            if not child.name.startswith("."):
                yield from _inside(child)
    elif path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from ((None, Path(m.filename).name) for m in archive.infolist() if not m.is_dir())
    else:
        yield path, path.name


def _match(path: Path | None, name: str) -> _Match | None:
    """Find the kind with the most particular pattern that a file name fits."""
    fitting = [
        _Match(known.id, pattern, path, name)
        for known in kinds()
        for pattern in known.patterns
        if fnmatch.fnmatchcase(name.lower(), pattern.lower())
    ]
    return max(fitting, key=lambda match: _particular(match.pattern), default=None)


def _particular(pattern: str) -> int:
    """Count the characters that a pattern fixes; a set of characters counts as one."""
    return len(re.sub(r"\[[^\]]*\]", "x", pattern).replace("*", "").replace("?", ""))


def _strongest(matches: Sequence[_Match]) -> list[_Match]:
    """Leave out files known by their format alone where others are known by more."""
    particular = [match for match in matches if not _GENERAL.match(match.pattern)]
    return particular or list(matches)


def _look_inside(match: _Match) -> _Match:
    look = _LOOKS.get(match.kind)
    return match if look is None or match.path is None else match._replace(kind=look(match.path, match.kind))


def _by_spacing(path: Path, kind: str) -> str:
    """Tell ERA5-Land (0.1 degree) from ERA5 by the spacing of its rows."""
    try:
        with open_netcdf(path) as data:
            name = next((name for name in ("latitude", "lat") if name in data.variables), "")
            rows = np.asarray(data[name].values) if name else np.empty(0)
    except ReaderError:
        return kind  # the reader will say what is wrong with the file
    if rows.ndim != 1 or len(rows) < 2:
        return kind
    return "era5-land" if float(np.abs(np.diff(rows)).min()) < 0.15 else "era5"


def _by_heading(path: Path, kind: str) -> str:
    """Tell USCRN tables and station lists from other CSV files by their first lines."""
    if path.suffix.lower() != ".csv":
        return kind
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = "".join(file.readline(4096) for _ in range(3)).lower()
    is_table = "wban" in head and "soil_moisture_5_daily" in head
    is_list = all(word in head for word in ("station", "network", "latitude", "longitude", "source"))
    return "uscrn" if is_table or is_list else "stations-csv"


_LOOKS: Final[dict[str, Callable[[Path, str], str]]] = {
    "era5": _by_spacing,
    "era5-land": _by_spacing,
    "uscrn": _by_heading,
    "stations-csv": _by_heading,
}
