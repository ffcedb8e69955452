"""Steps of several fields spread over several files: which file gives which step, in common blocks.

Only stamps that some file has become steps. Where two files have the same step of a field, the first given wins, but
a final value takes the place of a preliminary one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.readers._blocks import Loader, lazy
from smcore.cubes.readers._steps import missing
from smcore.grids import Grid

Times = NDArray[np.datetime64]
_BLOCK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Part:
    """What one file gives: its stamps, and for each field how to make the loader of ``count`` steps from ``first``."""

    time: Times
    fields: Mapping[str, Callable[[int, int], Loader]]
    preliminary: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Stretch:
    """Some steps side by side: how to load them all, or the last one, as (steps, y, x); and their stamps."""

    load: Loader
    last: Loader
    time: Times


@dataclass(frozen=True)
class Plan:
    """For each field and step, the part that has it (−1: none) and where; and the blocks common to all fields."""

    parts: Sequence[Part]
    time: Times
    shape: tuple[int, int]
    owner: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    place: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    blocks: list[slice] = field(default_factory=list)

    @classmethod
    def of(cls, parts: Sequence[Part], fields: Sequence[str], shape: tuple[int, int]) -> Plan:
        """Plan ``fields`` of all ``parts`` on maps of ``shape``."""
        time = np.unique(np.concatenate([part.time for part in parts]))
        plan = cls(parts, time, shape)
        for name in fields:
            plan.owner[name], plan.place[name] = _owners(parts, name, time)
        plan.blocks.extend(_common_blocks(plan))
        return plan

    def stretches(self, name: str, dtype: Any = np.float32) -> list[Stretch]:
        """One stretch for each block of a field."""
        return [
            Stretch(
                self._loader(name, steps.start, steps.stop - steps.start, dtype),
                self._loader(name, steps.stop - 1, 1, dtype),
                self.time[steps],
            )
            for steps in self.blocks
        ]

    def lay(self, loaders: Sequence[Loader], dtype: Any = np.float32) -> da.Array:
        """Lay one loader for each block end to end: (time, y, x)."""
        return lazy(loaders, [steps.stop - steps.start for steps in self.blocks], self.shape, dtype)

    def field(self, name: str, dtype: Any = np.float32) -> da.Array:
        """Lay a field as its files have it: (time, y, x)."""
        return self.lay([stretch.load for stretch in self.stretches(name, dtype)], dtype)

    def coordinates(self, grid: Grid) -> dict[str, Any]:
        """Make the coordinates of a cube of these steps on ``grid``."""
        return {
            names.TIME: self.time,
            names.LAT: (names.Y, grid.lat, {"units": "degrees_north", "standard_name": "latitude"}),
            names.LON: (names.X, grid.lon, {"units": "degrees_east", "standard_name": "longitude"}),
        }

    def _loader(self, name: str, step: int, count: int, dtype: Any) -> Loader:
        number = int(self.owner[name][step])
        if number < 0:
            return partial(missing, (count, *self.shape), dtype)
        return self.parts[number].fields[name](int(self.place[name][step]), count)


def _owners(parts: Sequence[Part], name: str, time: Times) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    owner, place = np.full(len(time), -1, np.int64), np.zeros(len(time), np.int64)
    replaceable = np.ones(len(time), bool)  # no value yet, or a preliminary one
    for number, part in enumerate(parts):
        if name not in part.fields:
            continue
        steps = np.searchsorted(time, part.time)
        preliminary = part.preliminary if part.preliminary is not None else np.zeros(len(steps), bool)
        better = replaceable[steps] & ((owner[steps] < 0) | ~preliminary)
        owner[steps[better]] = number
        place[steps[better]] = np.flatnonzero(better)
        replaceable[steps[better]] = preliminary[better]
    return owner, place


def _common_blocks(plan: Plan) -> list[slice]:
    """Cut the steps so that each block of each field lies in one file, side by side, and is not too large."""
    count = len(plan.time)
    begins = np.zeros(count, bool)
    begins[0] = True
    for name, owner in plan.owner.items():
        begins[1:] |= (np.diff(owner) != 0) | ((owner[1:] >= 0) & (np.diff(plan.place[name]) != 1))
    longest = max(1, _BLOCK_BYTES // (plan.shape[0] * plan.shape[1] * 4))
    edges = [*np.flatnonzero(begins).tolist(), count]
    return [
        slice(start, min(start + longest, stop))
        for first, stop in pairwise(edges)
        for start in range(first, stop, longest)
    ]
