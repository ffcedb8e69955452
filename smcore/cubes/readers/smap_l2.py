"""SMAP L2 half orbits on the 36 km EASE-Grid 2.0 (SPL2SMP).

A file is a list of cells. Each half orbit becomes one step, stamped with its start (``time_is_nominal``; the exact
time of each cell is in ``obs_time``). Cells are placed by the file's row and column numbers, or by latitude and
longitude where it has none. Ascending half orbits pass in the evening, descending ones in the morning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.readers import _smap
from smcore.cubes.readers._points import occurrence, scatter
from smcore.cubes.readers._smap import Identity, Recipe, Stored
from smcore.cubes.readers._steps import Step, assemble, check_centres, latest, missing, plural, stamp_in_name
from smcore.cubes.sources import Reading, gather, open_hdf5
from smcore.errors import ReaderError
from smcore.grids import ease

if TYPE_CHECKING:
    import h5py

KIND = "smap-l2"
TITLE = "SMAP L2 soil moisture, 36 km, half orbits"
PATTERNS = ("SMAP_L2_SM_P_[0-9]*.h5",)
LAYOUT = "cube"
VARIABLES = (
    "soil_moisture",
    "soil_moisture_option1",
    "soil_moisture_option2",
    "soil_moisture_option3",
    "soil_moisture_dca",
    "soil_moisture_scah",
    "soil_moisture_scav",
)

_GROUP = "Soil_Moisture_Retrieval_Data"
_GRID = "M36"
_EVERY_OVERPASS = {"A": names.PM, "D": names.AM}


@dataclass(frozen=True)
class HalfOrbit:
    """What is read of a file beforehand: its place in time and how often a cell was seen."""

    start: np.datetime64
    overpass: str
    recipes: Mapping[str, Recipe]
    further: tuple[int, ...]  # number of cells seen a second, third … time
    above: int
    limit: float | None
    identity: Identity


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read half orbits; ``variable`` chooses a retrieval (default ``soil_moisture``, the product's baseline).

    Returns
    -------
    Reading
        Cube (time, y, x) on the whole M36 grid: ``sm`` [m3 m-3], ``quality`` and ``surface_flag`` (bits, −1 missing),
        ``obs_time`` (UTC). Further observations of a cell are a step of their own, ``overpass`` unknown.

    Raises
    ------
    ReaderError
        If no file is good.
    """
    moisture = variable or VARIABLES[0]
    found, skipped = gather(paths, partial(_inspect, moisture=moisture), KIND)
    found, old = latest(found, lambda orbit: orbit.start, _smap.release)
    steps = [step for path, orbit in found for step in _steps(path, orbit, moisture)]
    orbits = [orbit for _, orbit in found]
    present = {name for orbit in orbits for name in orbit.recipes}
    identities = [orbit.identity for orbit in orbits]
    shared = {name: field for name, field in _smap.fields(orbits[0].limit).items() if name in present}
    attrs = _smap.attributes(identities, TITLE, time_is_nominal=1, source_variable=moisture)
    cube = assemble(ease(_GRID), steps, shared, attrs)
    notes = (*_smap.version_notes(identities), *_notes(orbits, moisture))
    return Reading(cube, (*skipped, *old), notes, tuple(path for path, _ in found))


def _steps(path: Path, orbit: HalfOrbit, moisture: str) -> list[Step]:
    result = []
    for turn in range(1 + len(orbit.further)):
        loaders = {name: partial(_load, path, moisture, of, sets, turn) for name, (of, sets) in orbit.recipes.items()}
        stamp = orbit.start + np.timedelta64(turn, "m")
        result.append(Step(stamp, loaders, orbit.overpass if turn == 0 else names.UNKNOWN))
    return result


def _notes(orbits: Sequence[HalfOrbit], moisture: str) -> list[str]:
    notes = []
    above = sum(orbit.above for orbit in orbits)
    if above:
        notes.append(f"{moisture}: {plural(above, 'value')} above the file's valid_max {orbits[0].limit:g}, kept")
    further = sum(sum(orbit.further) for orbit in orbits)
    if further:
        notes.append(f"{plural(further, 'further observation')} of a cell, kept as steps of overpass unknown")
    return notes


def _inspect(path: Path, *, moisture: str) -> HalfOrbit:
    match = re.search(r"_([AD])_\d{8}T", path.name)
    with open_hdf5(path) as file:
        if _GROUP not in file or len(file[_GROUP].get("latitude", np.empty((0, 0))).shape) != 1:
            raise ReaderError("The file is no list of half-orbit cells", code="wrong_kind", where=path.name)
        dataset = _smap.require(file, _dataset(moisture), path)
        values = _smap.decode_floats(*_smap.values_of(file, _dataset(moisture), path))
        limit = _smap.valid_max(dataset)
        rank = occurrence(_cells(file, path), np.isfinite(values))[np.isfinite(values)]
        return HalfOrbit(
            start=stamp_in_name(path, r"_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)_R\d+"),
            overpass=_EVERY_OVERPASS[match[1]] if match else names.UNKNOWN,
            recipes=_smap.recipes(file, moisture, _dataset),
            further=tuple(int((rank == turn).sum()) for turn in range(1, int(rank.max(initial=0)) + 1)),
            above=int((values > limit).sum()) if limit is not None else 0,
            limit=limit,
            identity=_smap.identity(file, "SPL2SMP"),
        )


def _dataset(name: str) -> str:
    return f"{_GROUP}/{name}"


def _cells(file: h5py.File, path: Path) -> NDArray[np.int64]:
    """Flat M36 cell number of each observation: (n,)."""
    grid = ease(_GRID)
    rows_columns = []
    for axis, what in enumerate(("row", "column")):
        name = _dataset(f"EASE_{what}_index")
        if name not in file:
            return _cells_by_place(file, path)
        stored, fill = _smap.values_of(file, name, path)
        if (stored == fill).any() or stored.max(initial=0) >= grid.shape[axis]:
            raise ReaderError(f"{name} lies outside {_GRID}", code="wrong_kind", where=path.name)
        rows_columns.append(stored.astype(np.int64))
    return rows_columns[0] * grid.shape[1] + rows_columns[1]


def _cells_by_place(file: h5py.File, path: Path) -> NDArray[np.int64]:
    grid = ease(_GRID)
    lat = _smap.values_of(file, _dataset("latitude"), path)[0].astype(np.float64)
    lon = _smap.values_of(file, _dataset("longitude"), path)[0].astype(np.float64)
    rows, columns = grid.index(lat, lon)
    if (rows < 0).any():
        raise ReaderError(f"The coordinates lie outside {_GRID}", code="wrong_kind", where=path.name)
    check_centres(grid, rows, columns, lat, lon, path.name)
    return rows * grid.shape[1] + columns


def _load(path: Path, moisture: str, of: Callable[..., Stored], sets: tuple[str, ...], turn: int) -> Stored:
    """One variable of a half orbit as a map; ``turn`` counts further observations of the same cell."""
    with open_hdf5(path) as file:
        cells = _cells(file, path)
        valid = np.isfinite(_smap.moisture_of(file, _dataset(moisture), path))
        values = of(file, *sets, path)
    chosen = occurrence(cells, valid) == turn
    if turn:
        chosen &= valid
    return scatter(values, cells, chosen, missing(ease(_GRID).shape, values.dtype))
