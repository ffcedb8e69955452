"""Reading the inputs of targets: loose locations some at a time, whole rectangles some steps at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import GridMismatch, ModelError
from smcore.inputs import Plan, gather
from smcore.models.arrays import SITES, Floats, Inputs, Task
from smcore.models.spec import InputSpec
from smcore.progress import Cancel, Progress, check
from smcore.roles import Source, mean_of_steps
from smcore.stations.select import select
from smcore.training.room import Room

_CHUNK = 4096  # locations read at once
_BYTES = 256 * 2**20  # of a rectangle read at once

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Reader:
    """Reads the inputs of a plan into a room; observations are left to the targets."""

    plan: Plan
    room: Room
    progress: Progress
    cancelled: Cancel

    def loose(self, members: Ints, observed: Floats, valid: Bools) -> tuple[Task, Ints]:
        """The task of the valid targets whose places have forcings, and which targets those are.

        Parameters
        ----------
        members
            (places,) the target that each lies in, −1 for none.
        observed, valid
            (T, M) observations, (M,) whether there is any.
        """
        places = np.flatnonzero((members >= 0) & valid[np.maximum(members, 0)])
        one_to_one = len(np.unique(members[places])) == len(places)
        if one_to_one:
            places = places[np.argsort(members[places], kind="stable")]
        inputs, alive = self._alive(places)
        if not alive.any():
            raise ModelError("No target cell has all of its forcings", hint="check that target and forcing overlap")
        group = members[places[alive]]
        kept, member = np.unique(group, return_inverse=True)
        if len(kept) == len(group):
            order = np.argsort(group, kind="stable")
            inputs = inputs if one_to_one else self.room.take(inputs, order)
            return self._task(inputs, observed[:, kept], None), kept
        return self._task(inputs, observed[:, kept], member.astype(np.int64)), kept

    def _alive(self, places: Ints) -> tuple[Inputs, Bools]:
        """Inputs of the places that have all forcings on some step, and which ones those are."""
        plan = _without_observed(self.plan)
        steps, channels = len(plan.time), len([i for i in plan.used if i.role == "dynamic"])
        dynamic = self.room.array(steps, len(places), channels)
        statics, alive, count = [], np.zeros(len(places), bool), 0
        for start in range(0, len(places), _CHUNK):
            check(self.cancelled)
            self.progress(0.1 + 0.8 * start / len(places), "reading inputs")
            chunk = places[start : start + _CHUNK]
            part = gather(plan, plan.places.lat[chunk], plan.places.lon[chunk], cancelled=self.cancelled)
            good = np.isfinite(part.dynamic).all(axis=-1).any(axis=0) | (channels == 0)
            alive[start : start + len(chunk)] = good
            dynamic[:, count : count + int(good.sum())] = part.dynamic if good.all() else part.dynamic[:, good]
            statics.append(part.static[good])
            count += int(good.sum())
        return self._inputs(dynamic[:, :count], np.concatenate(statics), places[alive]), alive

    def rectangle(self) -> Inputs:
        """The inputs of all places of the plan, row by row.

        Raises
        ------
        GridMismatch
            If the places are no rectangle.
        """
        plan, grid = _without_observed(self.plan), self.plan.places.grid
        if grid is None:
            raise GridMismatch(f"{plan.spec.id} looks at neighbours, and these data are loose pixels")
        lat, lon = plan.places.lat, plan.places.lon
        steps, count = len(plan.time), len(lat)
        timed = [i for i in plan.used if i.role == "dynamic"]
        dynamic = self.room.array(steps, count, len(timed))
        size = max(1, _BYTES // (4 * count * max(1, len(timed))))
        static: Floats = np.empty((count, 0), np.float32)
        for start in range(0, steps, size):
            check(self.cancelled)
            self.progress(0.1 + 0.8 * start / steps, "reading inputs")
            wanted = plan.time[start : start + size]
            part = gather(replace(plan, time=wanted, wanted=slice(0, len(wanted))), lat, lon, cancelled=self.cancelled)
            dynamic[start : start + size], static = part.dynamic, part.static
        inputs = self._inputs(dynamic, static, np.arange(count))
        return replace(inputs, shape=grid.shape, origin=(grid.row0, grid.col0), wraps=grid.is_global)

    def map(self, members: Ints, observed: Floats, valid: Bools) -> tuple[Task, Ints]:
        """The task over a whole rectangle: targets one to one, or coarse ones with the cells that each holds."""
        inputs = self.rectangle()
        count = np.bincount(members[members >= 0], minlength=observed.shape[1])
        if count.max() == 1:
            whole = np.full((len(inputs.time), len(inputs.lat)), np.nan, np.float32)
            inside = np.flatnonzero(members >= 0)
            whole[:, inside] = observed[:, members[inside]]
            whole[:, ~self._inner()] = np.nan
            return self._task(inputs, whole, None), np.where(members >= 0, members, 0)
        kept = np.flatnonzero(valid & (count >= 0.5 * np.median(count)) & self._owned(members, observed.shape[1]))
        if not len(kept):
            raise ModelError("No target cell lies wholly inside the window", hint="take a larger box")
        position = np.full(observed.shape[1], -1, np.int64)
        position[kept] = np.arange(len(kept))
        member = np.where(members >= 0, position[np.maximum(members, 0)], -1)
        return self._task(inputs, observed[:, kept], member), kept

    def _inner(self) -> Bools:
        """Places that the window asked for; the rest is margin, where nothing is learnt from."""
        places = self.plan.places
        inside = np.zeros(places.shape, bool)
        inside[places.inner or (slice(None), slice(None))] = True
        return inside.ravel()

    def _owned(self, members: Ints, count: int) -> Bools:
        """Coarse targets without a cell in the margin."""
        margin = members[~self._inner()]
        owned = np.ones(count, bool)
        owned[margin[margin >= 0]] = False
        return owned

    def _inputs(self, dynamic: Floats, static: Floats, places: Ints) -> Inputs:
        plan = _without_observed(self.plan)
        where = self.plan.places
        return Inputs(plan.time, dynamic, static, where.lat[places], where.lon[places], plan.used,
                      first=plan.wanted.start)  # fmt: skip

    def _task(self, inputs: Inputs, observed: Floats, members: Ints | None) -> Task:
        """With the observations as an input of a model that sees them; folds hide what it may not."""
        if self.plan.spec.sees_target:
            if members is not None:
                raise ModelError("A model that sees the target needs it on the grid of the prediction")
            inputs = replace(inputs, specs=self.plan.used, observed=observed)
        return Task(inputs, observed, members)

    def sites(
        self, stations: Source, depth: tuple[float, float], flags: tuple[str, ...] | None
    ) -> tuple[Task, tuple[str, ...]]:
        """The site task: each sensor a row, means of steps, inputs of the cell that holds it."""
        data = select(stations.data, depth=depth, flags=flags)
        lat, lon = (np.asarray(data[n].values, np.float64) for n in (names.LAT, names.LON))
        inputs = gather(self.plan, lat, lon, task=SITES, cancelled=self.cancelled)
        series = data[names.SM].transpose(names.SENSOR, names.TIME)
        observed = mean_of_steps(
            np.asarray(series.values, np.float32).T, series[names.TIME].values, self.plan.time, self.plan.spec.step
        )
        good = np.isfinite(observed).any(axis=0) & np.isfinite(inputs.dynamic).all(axis=-1).any(axis=0)
        if not good.any():
            raise ModelError(
                "No station has a usable value inside the forcing", where=stations.id, hint="check flags, depth and box"
            )
        chosen = np.flatnonzero(good)
        ids = tuple(str(name) for name in data[names.SENSOR].values[chosen])
        return Task(inputs.at(chosen), observed[:, chosen]), ids


def _without_observed(plan: Plan) -> Plan:
    used: tuple[InputSpec, ...] = tuple(i for i in plan.used if i.role != "observed")
    return replace(plan, used=used)
