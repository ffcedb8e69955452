"""Folds: what a model may see and what it is scored on. Held-out targets are gone before a model sees the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.base import SITES, Floats, Inputs, SoilMoistureModel, Task, TrainingData
from smcore.progress import Cancel, check
from smcore.training.datasets import TrainingSet
from smcore.training.splits import Split, held_out, location_parts
from smcore.window import Window

Bools = NDArray[np.bool_]
_BATCH = 40_000  # cell-steps predicted at once

TEST = "test"
SEEN = "test_seen_locations"
TRAINED = "train"


@dataclass(frozen=True, eq=False)
class Fold:
    """One model's share.

    Parameters
    ----------
    number
        From 0.
    data
        What it may see; its time axis begins with the history of the first training day.
    samples
        Name → (T, M) bool: the values that it is scored on, on the axes of the whole training set.
    train
        (T, M) bool: the values that it may see.
    site_train, site_test
        The same for the sites.
    """

    number: int
    data: TrainingData
    samples: dict[str, Bools]
    train: Bools
    site_train: Bools | None = None
    site_test: Bools | None = None


def make_folds(data: TrainingSet, split: Split, window: Window, test: tuple[str, str] | None) -> list[Fold]:
    """Cut a training set into folds.

    Parameters
    ----------
    window
        Its dates are the training period.
    test
        Days that are scored instead, never trained on: at held-out locations, and apart from them at those seen.
    """
    time = data.satellite.inputs.time
    trained, scored = _periods(data, window, test)
    site_lat, site_lon = (data.sites.inputs.lat, data.sites.inputs.lon) if data.sites else (np.empty(0), np.empty(0))
    lat, lon = np.concatenate([data.lat, site_lat]), np.concatenate([data.lon, site_lon])
    parts = location_parts(split, lat, lon) if split.by_location else np.zeros(len(lat), np.int64)
    cells = data.satellite.locations
    return [
        _fold(data, split, number, time, trained, scored, (parts[:cells], parts[cells:]))
        for number in range(split.folds)
    ]


def _periods(data: TrainingSet, window: Window, test: tuple[str, str] | None) -> tuple[Bools, Bools | None]:
    """Days trained on, from the first to the last with a target, and days scored (None: what is held out of those)."""
    time = data.satellite.inputs.time
    with_target = np.flatnonzero(np.isfinite(data.satellite.target).any(axis=1))
    trained = np.zeros(len(time), bool)
    trained[window.times(time)] = True
    trained[: with_target[0]], trained[with_target[-1] + 1 :] = False, False
    if test is None:
        return trained, None
    scored = np.zeros(len(time), bool)
    scored[Window(*test).times(time)] = True
    trained &= ~scored
    if not trained.any():
        raise ModelError("The test period takes all days", hint="leave some days for training with --start and --end")
    return trained, scored


def _fold(
    data: TrainingSet,
    split: Split,
    number: int,
    time: NDArray[np.datetime64],
    trained: Bools,
    scored: Bools | None,
    parts: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Fold:
    target = data.satellite.target
    hidden = _hidden(split, number, time, trained, parts[0], target.shape, 0)
    train = trained[:, None] & ~hidden & np.isfinite(target)
    samples = _samples(hidden, trained, scored, split)
    if not train.any():
        raise ModelError(f"Fold {number + 1} leaves nothing to train on", hint="use fewer folds or a longer period")
    satellite = _visible(data.satellite, train)
    sites, site_train, site_test = None, None, None
    if data.sites is not None:
        shape = data.sites.target.shape
        hidden_sites = _hidden(split, number, time, trained, parts[1], shape, 1)
        site_train = trained[:, None] & ~hidden_sites & np.isfinite(data.sites.target)
        site_test = next(iter(_samples(hidden_sites, trained, scored, split).values())) & np.isfinite(data.sites.target)
        sites = _visible(data.sites, site_train) if site_train.any() else None
    steps = slice(0, _last_day(train, site_train) + 1)  # all days before the first target are forcing only
    seen = TrainingData(_during(satellite, steps), None if sites is None else _during(sites, steps))
    return Fold(number, seen, samples, train, site_train, site_test)


def _hidden(
    split: Split,
    number: int,
    time: NDArray[np.datetime64],
    trained: Bools,
    part: NDArray[np.int64],
    shape: tuple[int, int],
    salt: int,
) -> Bools:
    """Held-out values; periods of a year count from the first training day."""
    if split.kind != "year":
        return held_out(split, number, time, part, shape, salt)
    hidden = np.zeros(shape, bool)
    inside = np.flatnonzero(trained)
    hidden[inside] = held_out(split, number, time[inside], part, (len(inside), shape[1]), salt)
    return hidden


def _samples(hidden: Bools, trained: Bools, scored: Bools | None, split: Split) -> dict[str, Bools]:
    if scored is None:
        if split.kind == "none":
            return {TRAINED: np.broadcast_to(trained[:, None], hidden.shape).copy()}
        return {TEST: trained[:, None] & hidden}
    if split.by_location:
        return {TEST: scored[:, None] & hidden, SEEN: scored[:, None] & ~hidden}
    return {TEST: np.broadcast_to(scored[:, None], hidden.shape).copy()}


def _visible(task: Task, train: Bools) -> Task:
    """The task with only what may be seen: other targets NaN, locations without any left out, observations alike."""
    shown = np.where(train, task.target, np.float32(np.nan))
    kept = replace(task, target=shown, inputs=_observing(task.inputs, shown, task))
    return kept.at(np.flatnonzero(train.any(axis=0)))


def _observing(inputs: Inputs, shown: Floats, task: Task) -> Inputs:
    if inputs.observed is None:
        return inputs
    if task.members is not None:
        raise ModelError("A model that sees the target needs it on the grid of the prediction")
    return replace(inputs, observed=shown)


def _last_day(*masks: Bools | None) -> int:
    return max(int(np.flatnonzero(mask.any(axis=1)).max(initial=0)) for mask in masks if mask is not None)


def _during(task: Task, steps: slice) -> Task:
    return replace(task, inputs=task.inputs.during(steps), target=task.target[steps])


def evaluate(
    model: SoilMoistureModel, data: TrainingSet, fold: Fold, device: str, cancelled: Cancel
) -> tuple[dict[str, Floats], Floats | None]:
    """Predict what a fold held out.

    Returns
    -------
    samples
        Name → (T, M), NaN outside the sample.
    sites
        (T, sensors), NaN outside the held-out values; None without sites.
    """
    wanted = np.any([mask.any(axis=0) for mask in fold.samples.values()], axis=0)
    whole = np.full(data.satellite.target.shape, np.nan, np.float32)
    task = replace(data.satellite, inputs=_seen_by(data.satellite, fold.train))
    for chosen in _batches(np.flatnonzero(wanted), task):
        check(cancelled)
        part = task.at(chosen)
        whole[:, chosen] = part.aggregate(model.predict(part.inputs, device=device)["sm"])
    found = {name: np.where(mask, whole, np.float32(np.nan)) for name, mask in fold.samples.items()}
    if data.sites is None or fold.site_test is None or not fold.site_test.any():
        return found, None
    sites = model.predict(replace(data.sites.inputs, task=SITES), device=device)["sm"]
    return found, np.where(fold.site_test, sites, np.float32(np.nan))


def _seen_by(task: Task, train: Bools) -> Inputs:
    """Inputs with the observations hidden that the fold holds out."""
    return _observing(task.inputs, np.where(train, task.target, np.float32(np.nan)), task)


def _batches(targets: NDArray[np.int64], task: Task) -> list[NDArray[np.int64]]:
    members = 1 if task.members is None else max(1, len(task.members) // task.locations)
    size = max(1, _BATCH // (len(task.inputs.time) * members))
    return [targets[start : start + size] for start in range(0, len(targets), size)]


def strata(data: TrainingSet) -> dict[str, Bools]:
    """Target locations with dense vegetation, and the others, where a static says so; nothing otherwise."""
    names = [i.name for i in data.satellite.inputs.specs if i.role == "static"]
    for name, limit in (("vegetation_density", 0.5), ("vegetation_water", 5.0)):
        if name in names:
            values = data.satellite.inputs.static[:, names.index(name)][None]
            dense = data.satellite.aggregate(values)[0] > limit
            if dense.any() and not dense.all():
                return {"dense_vegetation": dense, "other_vegetation": ~dense}
    return {}
