"""From data sets in their roles to what can be learnt: targets, and the inputs of every place that belongs to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import CatalogError, ModelError, WindowError
from smcore.inputs import Plan, available, handshake
from smcore.models.arrays import Task
from smcore.models.spec import ModelSpec
from smcore.places import places_of
from smcore.progress import Cancel, Progress, never, quiet
from smcore.roles import Source, cell_index
from smcore.training.reading import Reader
from smcore.training.room import Room
from smcore.training.targets import read_targets
from smcore.window import Window


@dataclass(frozen=True)
class Choice:
    """Which observations count.

    Parameters
    ----------
    quality, overpass
        Rules for the satellite target; a daily target is the mean over the steps that are left of a day.
    flags
        Station flags that are kept; None keeps every value.
    depth
        Sensors wholly between these depths [m].
    """

    quality: str = "recommended"
    overpass: str = "am"
    flags: tuple[str, ...] | None = ("G",)
    depth: tuple[float, float] = (0.0, 0.1)


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Everything at hand, held-out values included; folds are cut from it.

    Parameters
    ----------
    satellite, sites
        Tasks on one time axis.
    cells
        ``{"grid", "row", "col"}`` or ``{"lat", "lon"}`` of the target locations.
    lat, lon
        (M,) of the target locations.
    sensors
        Ids of the sites.
    evening
        (T, M) which values an evening overpass gave; None for daily means.
    """

    satellite: Task
    sites: Task | None
    cells: dict[str, Any]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    sensors: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    layer_m: str = ""
    notes: tuple[str, ...] = field(default=())
    evening: NDArray[np.bool_] | None = None


def build(
    spec: ModelSpec,
    sources: Sequence[Source],
    window: Window,
    choice: Choice,
    *,
    room: Room | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> TrainingSet:
    """Read and align all that a model can be trained on.

    Parameters
    ----------
    sources
        One target at least; for a model with forcings, those too; stations if there are any.
    window
        Period (test days included) and box.
    room
        Where large inputs lie; None: in memory.

    Returns
    -------
    TrainingSet
        Loose locations that have a target and all forcings; for a model that looks at neighbours the whole rectangle
        of the window. Steps that a required input lacks are left out, unless the model reads the whole record.

    Raises
    ------
    CatalogError, SpecMismatch, GridMismatch, WindowError
        If a role is not filled, an input is missing, or data do not meet.
    """
    target = replace(_one(sources, "target"), roles=frozenset({"target"}))
    others = [replace(s, roles=s.roles - {"target"}) for s in sources if s.roles - {"target"}]
    used = spec.choose(available([target, *others], spec.inputs))
    inside = _period(window, target)
    patient = replace(spec, min_history=0)  # a step without its history teaches nothing, and does no harm
    plan = _with_target_cells(handshake(patient, used, [target, *others], inside, gaps=True), target, inside)
    progress(0.05, "reading targets")
    members, places = _members(plan, target)
    read = read_targets(plan, target, *places, quality=choice.quality, overpass=choice.overpass, cancelled=cancelled)
    valid = np.asarray(np.isfinite(read.values).any(axis=0))
    if not valid.any():
        raise ModelError(
            "The target has no usable value in this window", where=target.id, hint="check box, dates and quality rule"
        )
    reader = Reader(plan, room or Room(), progress, cancelled)
    satellite, kept = (reader.map if spec.spatial else reader.loose)(members, read.values, valid)
    lat, lon = places[0][kept], places[1][kept]
    if spec.spatial and satellite.members is None:
        lat, lon = plan.places.lat, plan.places.lon
    stations = next((s for s in others if "stations" in s.roles), None)
    sites, sensors, notes = _sites(reader, stations, choice)
    layer, evening = str(target.data.attrs.get("layer_m", "")), None if read.evening is None else read.evening[:, kept]
    cells, notes = _cells(target, lat, lon), (*plan.notes, *notes)
    return TrainingSet(satellite, sites, cells, lat, lon, sensors, tuple(sources), layer, notes, evening)


def _sites(
    reader: Reader, stations: Source | None, choice: Choice
) -> tuple[Task | None, tuple[str, ...], tuple[str, ...]]:
    """The site task, ids of its sensors, and notes; models that look at neighbours or at the target take none."""
    if stations is None:
        return None, (), ()
    spec = reader.plan.spec
    if spec.spatial or spec.sees_target or spec.step != "1D":
        return None, (), (f"{spec.id} does not learn from stations",)
    sites, sensors = reader.sites(stations, choice.depth, choice.flags)
    return sites, sensors, (f"{len(sensors)} sensors lie inside and have usable values",)


def _one(sources: Sequence[Source], role: str) -> Source:
    found = [s for s in sources if role in s.roles]
    if len(found) != 1:
        ids = ", ".join(s.id for s in found) or "none"
        raise CatalogError(
            f"Training needs exactly one {role}, and {ids} would be", hint=f"name it with --data {role}=ID"
        )
    return found[0]


def _period(window: Window, target: Source) -> Window:
    """The window, cut in time to where the target has data."""
    time = target.time
    steps = window.times(time)
    first, last = (str(time[i].astype("datetime64[D]")) for i in (steps.start, steps.stop - 1))
    return replace(window, start=first, end=last)


def _with_target_cells(plan: Plan, target: Source, window: Window) -> Plan:
    """Take the target's own cells as places where they are finer than the forcing's."""
    if plan.places.grid is None or target.grid is None or target.layout != "cube":
        return plan
    if target.grid.step[0] < 0.99 * plan.places.grid.step[0]:
        return replace(plan, places=places_of(plan.spec, target, window))
    return plan


def _members(plan: Plan, target: Source) -> tuple[NDArray[np.int64], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Which target location each place lies in (−1: none), and coordinates of the target locations."""
    row, column = cell_index(target, plan.places.lat, plan.places.lon)
    if target.layout == "cube":
        grid = target.grid
        assert grid is not None
        key = np.where(row < 0, -1, row * grid.shape[1] + column)
        present = np.unique(key[key >= 0])
        lat, lon = grid.lat[present // grid.shape[1]], grid.lon[present % grid.shape[1]]
    else:
        key = row
        present = np.unique(key[key >= 0])
        lat, lon = (np.asarray(target.data[n].values, np.float64)[present] for n in (names.LAT, names.LON))
    if not len(present):
        raise WindowError("Target and forcing do not lie in one place", where=target.id, hint="check the box")
    members = np.where(key >= 0, np.searchsorted(present, key), -1)
    return members.astype(np.int64), (lat, lon)


def _cells(target: Source, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> dict[str, Any]:
    """Where the targets lie, for the card: rows and columns of the whole grid, or coordinates."""
    grid = target.grid
    if grid is None or not grid.is_ease:
        return {"lat": [round(float(v), 4) for v in lat], "lon": [round(float(v), 4) for v in lon]}
    row, column = grid.index(lat, lon)
    return {"grid": grid.name, "row": (row + grid.row0).tolist(), "col": (column + grid.col0).tolist()}
