"""What a run folder says of its locations besides numbers: land cover and the like, and how many records were lost.

Tables of strata are long (every metric of every level), so only the lines that are asked for are looked at.
"""

from __future__ import annotations

import csv
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.validation.runs.results import READING, RunResults

FIELDS: Final = ("land_cover", "climate")
"""Divisions of strata.csv that are facts of a location; others are in metrics.csv, or divide its days."""

_OWN: Final = "own"
_PIECE: Final = 1 << 22
"""Bytes of a table that are looked through at once: many lines, little memory (ours)."""


def levels_of(results: RunResults, strata: Sequence[str]) -> dict[str, dict[str, str]]:
    """Level of each subject in divisions of ``strata.csv``, as ``cropland``; a division that the run lacks is empty."""
    nothing: dict[str, dict[str, str]] = {name: {} for name in strata}
    file = results.folder / "strata.csv"
    if "strata.csv" not in results.record["files"] or not file.is_file() or not file.stat().st_size:
        return nothing
    try:
        return _read_levels(file, strata)
    except (OSError, ValueError, csv.Error):
        return nothing


def lost_records(results: RunResults) -> pd.Series[float]:
    """Share of the reference's records that masks, flags and exclusions have left out, by subject; NaN where unknown.

    Of several products that of the first whose run of the location had any record: the reference is the same.
    """
    try:
        with READING:
            found = _counts(results.folder / "metrics.nc")
    except (OSError, KeyError, ValueError, IndexError):
        return pd.Series(dtype=float)
    return found[~found.index.duplicated()]


def _read_levels(file: Path, strata: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        header = next(csv.reader([text.readline().decode("utf-8")]))
        place = {name: header.index(name) for name in ("stratum", "level", "sample", "location", "sensor", "metric")}
        near = 0
        for stratum in strata:
            levels = found[stratum] = {}
            for begin, line in _lines_of_n(text, stratum.encode() + b",", near):
                row, near = _cells(line), begin
                if len(row) != len(header) or row[place["metric"]] != "n" or row[place["sample"]] != _OWN:
                    continue
                location, sensor, level = (_unquoted(row[place[k]]) for k in ("location", "sensor", "level"))
                if not location.startswith("*"):
                    levels.setdefault(sensor or location, level)
    return found


def _cells(line: bytes) -> list[str]:
    text = line.decode("utf-8")
    return next(csv.reader([text])) if '"' in text else text.split(",")


def _lines_of_n(text: mmap.mmap, start: bytes, near: int) -> Iterator[tuple[int, bytes]]:
    """Lines that begin so and hold a number of pairs, and where they begin; of several products' the first of a place.

    The lines of a division stand together. It is looked for behind ``near`` first, where the one before has ended.
    """
    at = text.find(b"\n" + start, near)
    at = text.find(b"\n" + start) if at < 0 and near else at
    known: set[bytes] = set()
    while at >= 0:
        piece = text[at : at + _PIECE]
        last = piece.rfind(b"\n") if at + _PIECE < len(text) else len(piece)
        for place in _numbers_of_pairs(piece):
            begin = piece.rfind(b"\n", 0, place) + 1
            before = piece[begin:place]
            if not before.startswith(start):
                return
            if begin <= last and before not in known:
                end = piece.find(b"\n", place)
                known.add(before)
                yield at + begin, piece[begin : end if end >= 0 else len(piece)]
        at = at + last if 0 < last < len(piece) else -1


def _numbers_of_pairs(piece: bytes) -> list[int]:
    """Where ``,n,`` stands: by the letter, for the commas of a table are many."""
    letters = np.frombuffer(piece, np.uint8)
    found = np.flatnonzero(letters == ord("n"))
    found = found[(found > 0) & (found < len(piece) - 1)]
    alone = (letters[found - 1] == ord(",")) & (letters[found + 1] == ord(","))
    places: list[int] = (found[alone] - 1).tolist()
    return places


def _counts(file: Path) -> pd.Series[float]:
    import netCDF4

    with netCDF4.Dataset(file) as opened:
        groups = [opened, *opened.groups.values()]
        parts = [_shares(group) for group in groups if "reference_values" in group.variables]
    return pd.concat(parts) if parts else pd.Series(dtype=float)


def _shares(group: Any) -> pd.Series[float]:
    sensor, location = (group.variables[name][:].astype(str) for name in ("sensor", "location"))
    offered, usable = (_number(group, f"reference_{name}") for name in ("values", "usable"))
    if offered.ndim == 2:  # (product, location): periods differ between products
        rows = np.arange(offered.shape[1])
        first = (offered > 0).argmax(axis=0)
        offered, usable = offered[first, rows], usable[first, rows]
    share = np.divide(offered - usable, offered, out=np.full(offered.shape, np.nan), where=offered > 0)
    return pd.Series(share, index=np.where(sensor != "", sensor, location))


def _number(group: Any, name: str) -> NDArray[np.float64]:
    """A count; where all are 0 the file has none."""
    if name not in group.variables:
        return np.zeros(group.variables["reference_values"].shape)
    return np.ma.filled(group.variables[name][:].astype(np.float64), 0.0)


def _unquoted(text: str) -> str:
    """Text as it was before it was kept from being a formula."""
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in "=+-@\t\r" else text
