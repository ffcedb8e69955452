"""What a run folder says of its locations besides numbers: land cover and the like, and how many records were lost.

Tables of strata are long (every metric of every level), so only the lines that are asked for are looked at.
"""

from __future__ import annotations

import csv
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.validation.runs.results import READING, RunResults

FIELDS: Final = ("land_cover", "climate")
"""Divisions of strata.csv that are facts of a location; others are in metrics.csv, or divide its days."""

_OWN: Final = "own"


def levels_of(results: RunResults, stratum: str) -> dict[str, str]:
    """Level of each subject in a division of ``strata.csv``, as ``cropland``; empty where the run has none."""
    file = results.folder / "strata.csv"
    if "strata.csv" not in results.record["files"] or not file.is_file() or not file.stat().st_size:
        return {}
    try:
        return _levels(file, stratum)
    except (OSError, ValueError, csv.Error):
        return {}


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


def _levels(file: Path, stratum: str) -> dict[str, str]:
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        header = next(csv.reader([text.readline().decode("utf-8")]))
        place = {name: header.index(name) for name in ("stratum", "level", "sample", "location", "sensor", "metric")}
        start = stratum.encode() + b","
        found: dict[str, str] = {}
        for line in _lines_of_n(text, start):
            row = next(csv.reader([line.decode("utf-8")]))
            if len(row) == len(header) and row[place["metric"]] == "n" and row[place["sample"]] == _OWN:
                location, sensor, level = (_unquoted(row[place[k]]) for k in ("location", "sensor", "level"))
                if not location.startswith("*"):
                    found.setdefault(sensor or location, level)
        return found


def _lines_of_n(text: mmap.mmap, start: bytes) -> Iterator[bytes]:
    """Lines that begin so and hold a number of pairs; the lines of a division follow each other."""
    end = text.find(b"\n" + start)
    while end >= 0:
        at = text.find(b",n,", end)
        if at < 0:
            return
        begin, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
        line = text[begin : end if end >= 0 else len(text)]
        if not line.startswith(start):
            return
        if b",own," in line:
            yield line


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
