"""SMAP 9 km soil moisture kept as a list of points for each day (cut from SPL3SMP_E by others), put back on M09.

Such files hold latitude, longitude and the value of each retrieval and nothing else: no time, overpass or flag. The
date comes from the file name. Where morning and evening points of a day were appended, a cell occurs twice; the first
value and the second are then steps of their own, both of overpass ``unknown``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.readers import _smap
from smcore.cubes.readers._blocks import open_raw, read_stored
from smcore.cubes.readers._points import occurrence, scatter
from smcore.cubes.readers._smap import Identity
from smcore.cubes.readers._steps import (
    Field,
    Step,
    assemble,
    check_centres,
    is_synthetic,
    missing,
    plural,
    stamp_in_name,
)
from smcore.cubes.sources import Reading, gather
from smcore.errors import ReaderError
from smcore.grids import Grid, ease

KIND = "smap-points"
TITLE = "SMAP L3 soil moisture, enhanced 9 km, points of each day"
PATTERNS = ("*_9km_smap_[12]*.nc", "*_[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9].nc")
LAYOUT = "cube"
VARIABLES = ("soil_moisture", "soil_moisture_dca")

_GRID = "M09"
_NOON = np.timedelta64(12, "h")
_VALID_MAX = 0.5  # of soil_moisture in SPL3SMP_E; these files have lost the attribute
_PLACE = ("latitude", "longitude")


@dataclass(frozen=True)
class Points:
    """The points of one file: its date, the M09 row and column of each, and which hold a value."""

    date: np.datetime64
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    valid: NDArray[np.bool_]
    above: int
    synthetic: int


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read point files; ``variable`` is ``soil_moisture`` (default) or ``soil_moisture_dca``.

    Returns
    -------
    Reading
        Cube (time, y, x) on the part of M09 that all points span: ``sm`` [m3 m-3]. A day's first values are stamped
        12:00 UTC (``time_is_nominal``), further values of a cell 12:01 and so on. There is no ``obs_time``.

    Raises
    ------
    ReaderError
        If no file is good.
    """
    moisture = variable or VARIABLES[0]
    found, skipped = gather(paths, partial(_inspect, moisture=moisture), KIND)
    grid = _span([points for _, points in found])
    days: dict[np.datetime64, list[tuple[Path, Points]]] = defaultdict(list)
    for path, points in found:
        days[points.date].append((path, points))
    steps = [step for date, files in days.items() for step in _steps(date, files, grid, moisture)]
    synthetic = max(points.synthetic for _, points in found)
    attrs = _smap.attributes(
        [Identity("SMAP SPL3SMP_E", "", synthetic)], TITLE, time_is_nominal=1, source_variable=moisture
    )
    cube = assemble(grid, steps, {names.SM: Field(names.attributes(names.SM))}, attrs)
    further = sum(int((_ranks(files)[1] > 0).sum()) for files in days.values())
    notes = _notes(moisture, sum(points.above for _, points in found), further)
    return Reading(cube, skipped, notes, tuple(path for path, _ in found))


def _notes(moisture: str, above: int, further: int) -> tuple[str, ...]:
    notes = ["the files hold no time, overpass or quality flag: stamps are nominal and pair by day only"]
    if further:
        notes.append(f"{plural(further, 'second observation')} of a cell on one day, kept as steps of overpass unknown")
    if above:
        notes.append(f"{moisture}: {plural(above, 'value')} above the product's valid_max {_VALID_MAX:g}, kept")
    return tuple(notes)


def _inspect(path: Path, *, moisture: str) -> Points:
    raw = open_raw(path)
    with raw:
        absent = [name for name in (*_PLACE, moisture) if name not in raw]
        if absent:
            raise ReaderError(f"The file has no {', '.join(absent)}", code="missing_variable", where=path.name)
        if any(raw[name].ndim != 1 for name in (*_PLACE, moisture)):
            raise ReaderError("The file is no list of points", code="wrong_kind", where=path.name)
        lat, lon = (raw[name].values.astype(np.float64) for name in _PLACE)
        values = _smap.decode_floats(raw[moisture].values, _smap.FLOAT_FILL)
        synthetic = is_synthetic(raw.attrs)
    if not len(lat):
        raise ReaderError("The file holds no point", code="empty", where=path.name)
    rows, columns = ease(_GRID).index(lat, lon)
    if (rows < 0).any():
        raise ReaderError(f"Points lie outside {_GRID}", code="wrong_kind", where=path.name)
    check_centres(ease(_GRID), rows, columns, lat, lon, path.name)
    date = stamp_in_name(path, r"(\d{4})-?(\d\d)-?(\d\d)(?!\d)")
    return Points(date, rows, columns, np.isfinite(values), int((values > _VALID_MAX).sum()), synthetic)


def _span(every: Sequence[Points]) -> Grid:
    rows, columns = ([getattr(points, name) for points in every] for name in ("rows", "columns"))
    first, last = min(r.min() for r in rows), max(r.max() for r in rows)
    west, east = min(c.min() for c in columns), max(c.max() for c in columns)
    return ease(_GRID).cut(slice(int(first), int(last) + 1), slice(int(west), int(east) + 1))


def _ranks(files: Sequence[tuple[Path, Points]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat M09 cell of each valid point of a day, and how many of the same cell come before it."""
    width = ease(_GRID).shape[1]
    cells = np.concatenate([(p.rows * width + p.columns)[p.valid] for _, p in files])
    return cells, occurrence(cells, np.ones(len(cells), bool))


def _steps(date: np.datetime64, files: Sequence[tuple[Path, Points]], grid: Grid, moisture: str) -> list[Step]:
    cells, rank = _ranks(files)
    width = ease(_GRID).shape[1]
    local = (cells // width - grid.row0) * grid.shape[1] + cells % width - grid.col0
    paths = tuple(path for path, _ in files)
    return [
        Step(
            date + _NOON + np.timedelta64(turn, "m"),
            {names.SM: partial(_load, paths, moisture, local, rank == turn, grid.shape)},
            names.UNKNOWN,
        )
        for turn in range(int(rank.max(initial=0)) + 1)
    ]


def _load(
    paths: Sequence[Path], moisture: str, cells: NDArray[np.int64], chosen: NDArray[Any], shape: tuple[int, int]
) -> NDArray[np.float32]:
    every = [_smap.decode_floats(read_stored(path, moisture), _smap.FLOAT_FILL) for path in paths]
    values = np.concatenate(every)
    return scatter(values[np.isfinite(values)], cells, chosen, missing(shape, np.float32))
