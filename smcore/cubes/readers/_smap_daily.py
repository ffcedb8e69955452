"""Daily SMAP L3 granules: SPL3SMP (36 km) and SPL3SMP_E (9 km) differ in their grid only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from smcore import names
from smcore.cubes.readers import _smap
from smcore.cubes.readers._smap import Identity, Stored
from smcore.cubes.readers._steps import Step, assemble, latest, one_grid, stamp_in_name
from smcore.cubes.sources import Reading, gather, open_hdf5
from smcore.errors import ReaderError
from smcore.grids import Grid, ease

if TYPE_CHECKING:
    import h5py

GROUPS: Final = (  # group, suffix of its datasets, overpass; the first granules (2015) had one group, of the descending
    ("Soil_Moisture_Retrieval_Data_AM", "", names.AM),
    ("Soil_Moisture_Retrieval_Data_PM", "_pm", names.PM),
    ("Soil_Moisture_Retrieval_Data", "", names.AM),
)
VARIABLES: Final = (
    "soil_moisture",
    "soil_moisture_dca",
    "soil_moisture_scah",
    "soil_moisture_scav",
    "soil_moisture_option1",
    "soil_moisture_option2",
    "soil_moisture_option3",
)


@dataclass(frozen=True)
class Granule:
    """The header of one daily file."""

    date: np.datetime64
    grid: Grid
    loaders: Mapping[str, Mapping[str, Callable[[], Stored]]]
    identity: Identity
    valid_max: float | None
    polar: bool


def read_daily(
    paths: Sequence[Path], *, kind: str, grid_name: str, short_name: str, title: str, variable: str | None
) -> Reading:
    """Read daily L3 granules: two steps a day, am and pm, stamped nominally 06:00 and 18:00 UTC of their date."""
    moisture = variable or VARIABLES[0]
    inspect = partial(_inspect, moisture=moisture, grid_name=grid_name, short_name=short_name)
    found, skipped = gather(paths, inspect, kind)
    grid, found, foreign = one_grid(found, lambda granule: granule.grid)
    found, old = latest(found, lambda granule: granule.date, _smap.release)
    granules = [granule for _, granule in found]
    steps = [
        Step(granule.date + np.timedelta64(_smap.NOMINAL_HOUR[overpass], "h"), loaders, overpass)
        for granule in granules
        for overpass, loaders in granule.loaders.items()
    ]
    shared = _smap.fields(granules[0].valid_max)
    present = {name for step in steps for name in step.loaders}
    identities = [granule.identity for granule in granules]
    attrs = _smap.attributes(identities, title, time_is_nominal=1, source_variable=moisture)
    cube = assemble(grid, steps, {n: f for n, f in shared.items() if n in present}, attrs)
    notes = (*_smap.version_notes(identities), *_daily_notes(granules, moisture))
    return Reading(cube, (*skipped, *foreign, *old), notes, tuple(path for path, _ in found))


def _daily_notes(granules: Sequence[Granule], moisture: str) -> list[str]:
    notes = []
    if granules[0].valid_max is not None:
        notes.append(f"{moisture}: values above the file's valid_max {granules[0].valid_max:g} are kept")
    for overpass in (names.AM, names.PM):
        lacking = sum(overpass not in granule.loaders for granule in granules)
        if lacking:
            notes.append(f"{lacking} of {len(granules)} files have no {overpass} group with {moisture}")
    if any(granule.polar for granule in granules):
        notes.append("the polar-grid groups were left out")
    return notes


def _inspect(path: Path, *, moisture: str, grid_name: str, short_name: str) -> Granule:
    with open_hdf5(path) as file:
        groups = [group for group in GROUPS if group[0] in file]
        if not groups:
            raise ReaderError("The file has no soil-moisture retrieval group", code="wrong_kind", where=path.name)
        loaders: dict[str, Mapping[str, Callable[[], Stored]]] = {}
        grids: list[Grid] = []
        limit = None
        for group, suffix, overpass in groups:
            if f"{group}/{moisture}{suffix}" not in file:
                continue
            recipes = _smap.recipes(file, moisture, (group + "/{}" + suffix).format)
            loaders[overpass] = {name: partial(_smap.load, path, of, *sets) for name, (of, sets) in recipes.items()}
            grids.append(_grid(file, path, group, suffix, moisture, grid_name))
            limit = _smap.valid_max(file[f"{group}/{moisture}{suffix}"])
        if not grids:
            raise ReaderError(f"The file has no {moisture}", code="missing_variable", where=path.name)
        if any(not one.same_as(grids[0]) for one in grids):
            raise ReaderError("The AM and PM groups hold different cells", code="bad_values", where=path.name)
        return Granule(
            date=stamp_in_name(path, r"_(\d{4})(\d\d)(\d\d)_R\d+_\d+"),
            grid=grids[0],
            loaders=loaders,
            identity=_smap.identity(file, short_name),
            valid_max=limit,
            polar=any("Polar" in group for group in file),
        )


def _grid(file: h5py.File, path: Path, group: str, suffix: str, moisture: str, grid_name: str) -> Grid:
    """Find the cells of a group by row and column: its latitudes and longitudes are missing where nothing was seen."""
    whole = ease(grid_name)
    shape = _smap.require(file, f"{group}/{moisture}{suffix}", path).shape
    if shape == whole.shape:
        return whole
    if len(shape) != 2 or shape in [ease(other).shape for other in ("M36", "M09")]:
        raise ReaderError(f"The maps are {shape}, not {whole.shape} of {grid_name}", code="wrong_kind", where=path.name)
    starts = []
    for axis, what in enumerate(("row", "column")):
        stored, fill = _smap.values_of(file, f"{group}/EASE_{what}_index{suffix}", path)
        position = np.arange(shape[axis]).reshape((-1, 1) if axis == 0 else (1, -1))
        first = np.unique((stored.astype(np.int64) - position)[stored != fill])
        if len(first) != 1 or not 0 <= first[0] <= whole.shape[axis] - shape[axis]:
            raise ReaderError(f"The {what} indices are no part of {grid_name}", code="wrong_kind", where=path.name)
        starts.append(int(first[0]))
    return whole.cut(slice(starts[0], starts[0] + shape[0]), slice(starts[1], starts[1] + shape[1]))
