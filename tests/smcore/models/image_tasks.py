"""Small worlds of maps: fine cells whose wetness follows an input, seen through coarse cells or one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.spec import InputSpec

SPECS = (
    InputSpec("precipitation", "mm d-1", required=True),
    InputSpec("air_temperature", "K", required=True),
    InputSpec("clay", "%", "static"),
)
STEP = np.timedelta64(3, "h")


def make_inputs(
    shape: tuple[int, int],
    steps: int = 24,
    seed: int = 0,
    origin: tuple[int, int] = (0, 0),
    hours: int = 3,
    *,
    wavy: bool = False,
) -> Inputs:
    """Random maps; the first input is smooth in time, and rough in space or (``wavy``) in waves of ten cells."""
    rng = np.random.default_rng(seed)
    count = shape[0] * shape[1]
    rows, columns = np.divmod(np.arange(count), shape[1])
    waves = 5 + 4 * np.sin(0.63 * columns + rng.uniform(0, 6)) * np.cos(0.5 * rows + rng.uniform(0, 6))
    rain = (waves if wavy else rng.uniform(0, 10, count)) + np.cumsum(rng.normal(0, 0.2, (steps, count)), axis=0)
    return Inputs(
        time=np.datetime64("2019-06-01", "ns") + np.arange(steps) * np.timedelta64(hours, "h"),
        dynamic=np.stack([rain, rng.uniform(270, 300, (steps, count))], axis=-1),
        static=rng.uniform(5, 50, (count, 1)),
        lat=40 - 0.1 * rows,
        lon=-100 + 0.1 * columns,
        specs=SPECS,
        shape=shape,
        origin=origin,
    )


def window_of(inputs: Inputs, rows: slice, columns: slice) -> Inputs:
    """A part of the rectangle that knows its place on the grid."""
    import dataclasses

    assert inputs.shape is not None
    numbers = np.arange(len(inputs.lat)).reshape(inputs.shape)[rows, columns]
    part = inputs.at(numbers.ravel())
    first = (inputs.origin[0] + (rows.start or 0), inputs.origin[1] + (columns.start or 0))
    return dataclasses.replace(part, shape=numbers.shape, origin=first)


def wetness(inputs: Inputs) -> NDArray[np.float32]:
    """What there is to learn (T, N)."""
    return (0.1 + 0.02 * np.clip(inputs.dynamic[:, :, 0], 0, 15)).astype(np.float32)


def blocks(shape: tuple[int, int], side: int) -> NDArray[np.int64]:
    """Members of coarse cells of ``side`` × ``side`` fine ones."""
    rows, columns = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    return (rows // side * -(-shape[1] // side) + columns // side).astype(np.int64)


def coarse_task(inputs: Inputs, side: int = 4, hidden: float = 0.3, seed: int = 1) -> Task:
    """The mean wetness of coarse cells, some of it hidden."""
    assert inputs.shape is not None
    members = blocks(inputs.shape, side)
    empty = Task(inputs, np.full((len(inputs.time), members.max() + 1), np.nan), members)
    target = empty.aggregate(wetness(inputs))
    target[np.random.default_rng(seed).random(target.shape) < hidden] = np.nan
    return Task(inputs, target, members)


def coarse_data(shape: tuple[int, int] = (24, 24), **options: Any) -> TrainingData:
    """Training data of :func:`coarse_task`."""
    return TrainingData(coarse_task(make_inputs(shape, **options)))


class Memory:
    """Keeps the last state of a fit."""

    def __init__(self) -> None:
        self.kept: tuple[dict[str, Any], dict[str, Any]] | None = None

    def load(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return self.kept

    def save(self, arrays: Any, notes: Any) -> None:
        self.kept = {name: np.array(value) for name, value in arrays.items()}, dict(notes)
