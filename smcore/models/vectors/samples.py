"""Samples for vector models: drawn from what may be seen, averaged over the members of a coarse cell, split inside.

A coarse target knows only the mean of its fine cells, so a vector model is trained on the mean of their rows and then
used on each fine cell (ours; exact for a linear model, an approximation for any other).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats, Inputs, Task
from smcore.models.series.features import Donors, YearFeatures, year_features
from smcore.models.vectors.tabular import Indices, Table
from smcore.progress import Cancel, Progress, check, never, quiet

_BLOCK: Final = 1_000_000  # location-steps that are looked at at once
_ROWS: Final = 200_000  # rows that are predicted at once
MOST_PLACES: Final = 20_000  # locations whose series are described for a training
MOST_DONORS: Final = 1_000  # locations that a model carries with it
_PERIOD_DAYS: Final = 10
_BLOCK_DEG: Final = 2.0
_HELD: Final = 0.15


@dataclass(frozen=True, eq=False)
class Samples:
    """R samples.

    Parameters
    ----------
    x
        (R, F) float32, NaN where something is missing.
    y
        (R,) float32 [m3 m-3].
    held
        (R,) bool: those kept from the fit, to know when to stop.
    """

    x: Floats
    y: Floats
    held: NDArray[np.bool_]


def draw(
    table: Table,
    task: Task,
    most: int,
    rng: np.random.Generator,
    *,
    cancelled: Cancel = never,
    progress: Progress = quiet,
) -> tuple[Samples, Donors | None]:
    """At most ``most`` samples, each drawn once, and the locations that lend series features to others.

    The held part is made of whole 10-day periods where the table knows the series (days are what such a model fills),
    else of whole 2° blocks of locations; 15 % of them.
    """
    if table.layout.series and task.locations > MOST_PLACES:
        task = task.at(np.sort(rng.choice(task.locations, MOST_PLACES, replace=False)))
    steps, targets = _pairs(task.target, most, rng)
    blocks = list(_target_blocks(task))
    described, donors = _described(table, task, blocks, rng, cancelled, progress)
    parts: list[Floats] = []
    for number, chosen in enumerate(blocks):
        check(cancelled)
        progress(number / len(blocks), "making samples")
        low, high = np.searchsorted(targets, (chosen[0], chosen[-1] + 1))
        if high > low:
            series = described[number] if described else None
            parts.append(_block_rows(table, task.at(chosen), steps[low:high], targets[low:high] - chosen[0], series))
    lat, lon = _centres(task)
    held = _held(task.inputs.time[steps], lat[targets], lon[targets], rng, by_time=table.layout.series)
    return Samples(np.concatenate(parts), task.target[steps, targets], held), donors


def _pairs(target: Floats, most: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Steps and target locations of the samples, location by location."""
    valid = np.flatnonzero(np.isfinite(target.T))
    if len(valid) > most:
        valid = np.sort(rng.choice(valid, most, replace=False))
    return valid % len(target), valid // len(target)


def _target_blocks(task: Task) -> Iterator[Indices]:
    """Runs of target locations, few enough that their inputs can be copied."""
    members = 1 if task.members is None else max(1, len(task.members) // task.locations)
    size = max(1, _BLOCK // (len(task.inputs.time) * members))
    for start in range(0, task.locations, size):
        yield np.arange(start, min(start + size, task.locations))


def _described(
    table: Table,
    task: Task,
    blocks: list[Indices],
    rng: np.random.Generator,
    cancelled: Cancel,
    progress: Progress,
) -> tuple[list[YearFeatures], Donors | None]:
    """Series features of each block, filled from the donors among all of them."""
    if not table.layout.series:
        return [], None
    found, donors = [], []
    for number, chosen in enumerate(blocks):
        check(cancelled)
        progress(number / len(blocks), "describing series")
        part = task.inputs.at(chosen)
        assert part.observed is not None
        found.append(year_features(part.observed, part.time))
        donors.append(Donors.of(found[-1], part))
    joined = Donors.joined(donors)
    if len(joined.lat) > MOST_DONORS:
        joined = joined.at(np.sort(rng.choice(len(joined.lat), MOST_DONORS, replace=False)))
    return [joined.fill(f, task.inputs.at(chosen)) for f, chosen in zip(found, blocks, strict=True)], joined


def _block_rows(table: Table, task: Task, steps: Indices, targets: Indices, series: YearFeatures | None) -> Floats:
    """Rows of the samples of one block: (R, F); with members, the mean of theirs, missing values left out."""
    if task.members is None:
        return table.rows(task.inputs, steps, targets, series)
    order = np.argsort(task.members, kind="stable")
    starts = np.searchsorted(task.members[order], np.arange(task.locations + 1))
    number = (starts[1:] - starts[:-1])[targets]
    begin = np.concatenate([[0], np.cumsum(number)[:-1]])
    within = np.arange(int(number.sum())) - np.repeat(begin, number)
    places = order[np.repeat(starts[targets], number) + within]
    fine = table.rows(task.inputs, np.repeat(steps, number), places, series)
    valid = np.isfinite(fine)
    total = np.add.reduceat(np.where(valid, fine, 0.0).astype(np.float64), begin, axis=0)
    count = np.add.reduceat(valid.astype(np.int64), begin, axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _centres(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the target locations: those of one of their members."""
    if task.members is None:
        return task.inputs.lat, task.inputs.lon
    first = np.full(task.locations, -1, np.int64)
    inside = np.flatnonzero(task.members >= 0)
    first[task.members[inside]] = inside
    return task.inputs.lat[first], task.inputs.lon[first]


def _held(
    time: NDArray[np.datetime64],
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    by_time: bool,
) -> NDArray[np.bool_]:
    """About 15 % of the periods or blocks, and never all; single samples where there is but one."""
    blocks = np.floor(lat / _BLOCK_DEG).astype(np.int64) * 1000 + np.floor(lon / _BLOCK_DEG).astype(np.int64)
    periods = time.astype("datetime64[D]").astype(np.int64) // _PERIOD_DAYS
    for key in (periods, blocks) if by_time else (blocks, periods):
        groups, place = np.unique(key, return_inverse=True)
        if len(groups) > 3:
            chosen = rng.permutation(len(groups))[: max(1, round(_HELD * len(groups)))]
            return np.isin(place, chosen)
    return rng.permutation(len(time)) < round(_HELD * len(time))


def prediction_blocks(table: Table, inputs: Inputs, donors: Donors | None) -> Iterator[tuple[Indices, Floats]]:
    """Blocks of locations and the rows of all their wanted steps, step by step: (n,) and (steps · n, F)."""
    steps = np.arange(inputs.first, len(inputs.time))
    size = max(1, min(_ROWS // max(len(steps), 1), _BLOCK // max(len(inputs.time), 1)))
    for start in range(0, len(inputs.lat), size):
        places = np.arange(start, min(start + size, len(inputs.lat)))
        part = inputs.at(places)
        series = _series_of(table, part, donors)
        yield (
            places,
            table.rows(part, np.repeat(steps, len(places)), np.tile(np.arange(len(places)), len(steps)), series),
        )


def chosen_blocks(
    table: Table, inputs: Inputs, donors: Donors | None, wanted: NDArray[np.bool_]
) -> Iterator[tuple[Indices, Indices, Floats]]:
    """The rows that are wanted (T, N) only, in blocks: their steps (R,), their locations (R,), and (R, F)."""
    size = max(1, _BLOCK // max(len(inputs.time), 1))
    for start in range(0, len(inputs.lat), size):
        places = np.arange(start, min(start + size, len(inputs.lat)))
        steps, own = np.nonzero(wanted[:, places])
        if not len(steps):
            continue
        part = inputs.at(places)
        series = _series_of(table, part, donors)
        for first in range(0, len(steps), _ROWS):
            some = slice(first, first + _ROWS)
            yield steps[some], places[own[some]], table.rows(part, steps[some], own[some], series)


def _series_of(table: Table, inputs: Inputs, donors: Donors | None) -> YearFeatures | None:
    """Features of the locations' own series where the table has them, of donors where there are too few values."""
    if not table.layout.series:
        return None
    assert inputs.observed is not None
    series = year_features(inputs.observed, inputs.time)
    return series if donors is None else donors.fill(series, inputs)
