"""From data sets in their roles to what can be learnt: targets, and the inputs of every place that belongs to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import CatalogError, ModelError, WindowError
from smcore.inputs import Plan, available, gather, handshake, places_of
from smcore.models.base import SITES, Floats, Inputs, ModelSpec, Task
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.roles import Source, cell_index, mean_of_steps, observations, read_series
from smcore.stations.select import select
from smcore.window import Window

_CHUNK = 4096  # locations read at once


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


def build(
    spec: ModelSpec,
    sources: Sequence[Source],
    window: Window,
    choice: Choice,
    *,
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

    Raises
    ------
    CatalogError, SpecMismatch, GridMismatch, WindowError
        If a role is not filled, an input is missing, or data do not meet.
    """
    target = observations(_one(sources, "target"), quality=choice.quality, overpass=choice.overpass)
    target = replace(target, roles=frozenset({"target"}))
    others = [replace(s, roles=s.roles - {"target"}) for s in sources if s.roles - {"target"}]
    used = spec.choose(available([target, *others]))
    inside = _period(window, target)
    plan = _with_target_cells(handshake(spec, used, [target, *others], inside), target, inside)
    progress(0.05, "reading targets")
    members, chosen = _members(plan, target)
    read = _Reader(plan, progress, cancelled)
    observed = read.targets(target, *chosen)
    valid = np.asarray(np.isfinite(observed).any(axis=0))
    if not valid.any():
        raise ModelError(
            "The target has no usable value in this window", where=target.id, hint="check box, dates and quality rule"
        )
    satellite, kept = read.task(members, observed, valid)
    stations = next((s for s in others if "stations" in s.roles), None)
    sites, sensors = read.sites(stations, choice) if stations is not None else (None, ())
    lat, lon = chosen[0][kept], chosen[1][kept]
    notes = [*plan.notes, *([] if stations is None else [f"{len(sensors)} sensors lie inside and have usable values"])]
    layer = str(target.data.attrs.get("layer_m", ""))
    everything = tuple(sources)
    return TrainingSet(satellite, sites, _cells(target, lat, lon), lat, lon, sensors, everything, layer, tuple(notes))


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


@dataclass(frozen=True)
class _Reader:
    plan: Plan
    progress: Progress
    cancelled: Cancel

    def targets(self, target: Source, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Floats:
        """(T, M) on the plan's time axis; NaN before the window."""
        plan = self.plan
        values = read_series(target, names.SM, lat, lon, plan.time, step=plan.spec.step, cancelled=self.cancelled)
        values[: plan.wanted.start] = np.nan
        values[plan.wanted.stop :] = np.nan
        return values

    def task(
        self, members: NDArray[np.int64], observed: Floats, valid: NDArray[np.bool_]
    ) -> tuple[Task, NDArray[np.int64]]:
        """The satellite task of the valid targets whose places have forcings, and which targets those are."""
        places = np.flatnonzero((members >= 0) & valid[np.maximum(members, 0)])
        parts = []
        for start in range(0, len(places), _CHUNK):
            check(self.cancelled)
            self.progress(0.1 + 0.8 * start / len(places), "reading inputs")
            chunk = places[start : start + _CHUNK]
            lat, lon = self.plan.places.lat[chunk], self.plan.places.lon[chunk]
            parts.append(gather(self.plan, lat, lon, cancelled=self.cancelled))
        inputs = _joined(parts)
        alive = np.isfinite(inputs.dynamic).all(axis=-1).any(axis=0) | (inputs.dynamic.shape[-1] == 0)
        if not alive.any():
            raise ModelError("No target cell has all of its forcings", hint="check that target and forcing overlap")
        inputs, group = inputs.at(np.flatnonzero(alive)), members[places[alive]]
        kept, member = np.unique(group, return_inverse=True)
        one_to_one = len(kept) == len(group)
        if one_to_one:
            order = np.argsort(group, kind="stable")
            return Task(inputs.at(order), observed[:, kept]), kept
        return Task(inputs, observed[:, kept], member.astype(np.int64)), kept

    def sites(self, stations: Source, choice: Choice) -> tuple[Task, tuple[str, ...]]:
        """The site task: each sensor a row, daily means, inputs of the cell that holds it."""
        data = select(stations.data, depth=choice.depth, flags=choice.flags)
        lat, lon = (np.asarray(data[n].values, np.float64) for n in (names.LAT, names.LON))
        inputs = gather(self.plan, lat, lon, task=SITES, cancelled=self.cancelled)
        series = data[[names.SM]].rename({names.SENSOR: names.LOCATION}).assign_attrs(data.attrs)
        observed = self.sensors(
            series.transpose(names.LOCATION, names.TIME)[names.SM].values, series[names.TIME].values
        )
        good = np.isfinite(observed).any(axis=0) & np.isfinite(inputs.dynamic).all(axis=-1).any(axis=0)
        if not good.any():
            raise ModelError(
                "No station has a usable value inside the forcing", where=stations.id, hint="check flags, depth and box"
            )
        chosen = np.flatnonzero(good)
        ids = tuple(str(name) for name in data[names.SENSOR].values[chosen])
        return Task(inputs.at(chosen), observed[:, chosen]), ids

    def sensors(self, values: Floats, time: NDArray[np.datetime64]) -> Floats:
        """Daily means of (N, steps) on the plan's days: (T, N)."""
        return mean_of_steps(np.asarray(values, np.float32).T, time, self.plan.time, self.plan.spec.step)


def _joined(parts: Sequence[Inputs]) -> Inputs:
    seen = [part.observed for part in parts if part.observed is not None]
    return replace(
        parts[0],
        dynamic=np.concatenate([part.dynamic for part in parts], axis=1),
        static=np.concatenate([part.static for part in parts]),
        lat=np.concatenate([part.lat for part in parts]),
        lon=np.concatenate([part.lon for part in parts]),
        observed=np.concatenate(seen, axis=1) if seen else None,
    )


def _cells(target: Source, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> dict[str, Any]:
    """Where the targets lie, for the card: rows and columns of the whole grid, or coordinates."""
    grid = target.grid
    if grid is None or not grid.is_ease:
        return {"lat": [round(float(v), 4) for v in lat], "lon": [round(float(v), 4) for v in lon]}
    row, column = grid.index(lat, lon)
    return {"grid": grid.name, "row": (row + grid.row0).tolist(), "col": (column + grid.col0).tolist()}
