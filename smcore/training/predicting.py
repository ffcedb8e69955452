"""Predictions over a training set: loose locations batch by batch, rectangles tile by tile with their halo."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import SITES, Floats, Inputs
from smcore.models.base import SoilMoistureModel
from smcore.models.spec import WHOLE_RECORD, ModelSpec
from smcore.progress import Cancel, check, never
from smcore.training.datasets import TrainingSet
from smcore.training.folds import Fold, observing
from smcore.window import Tile, tiles

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
_BATCH = 400_000  # location-steps predicted at once
_TILE_BYTES = 256 * 2**20  # inputs of a tile


def predict_places(
    model: SoilMoistureModel,
    data: TrainingSet,
    fold: Fold,
    device: str = "cpu",
    cancelled: Cancel = never,
    *,
    visible: Bools | None = None,
    wanted: Bools | None = None,
) -> Floats:
    """What a model says of every place of a training set, before any mean over the places of a target.

    Parameters
    ----------
    visible
        (T, M) observations in sight of a model that reads them; None: those of the fold.
    wanted
        (T, M) target values that an answer is needed for; None: those that the fold is scored on.

    Returns
    -------
    array (T, N) float32
        [m3 m-3]; NaN away from what is wanted (whole runs of steps and whole tiles are answered).
    """
    if wanted is None:
        wanted = np.asarray(np.any(list(fold.samples.values()), axis=0))
    task = data.satellite
    inputs = observing(task, fold.visible if visible is None else visible)
    result = np.full((len(inputs.time), len(inputs.lat)), np.nan, np.float32)
    for days in _shortened(_runs(model.spec, np.flatnonzero(wanted.any(axis=1))), model.spec, inputs):
        span = _span(model.spec, days, len(inputs.time))
        seen = replace(inputs.during(span), first=max(days.start - span.start, 0))
        places = _places(task.members, np.asarray(wanted[days].any(axis=0)))
        for answered, kept, piece in _pieces(model.spec, seen, places):
            check(cancelled)
            said = model.predict(piece, device=device)["sm"]
            result[days, answered] = said[:, kept][seen.first : days.stop - span.start]
    return result


def _runs(spec: ModelSpec, wanted: Ints) -> list[slice]:
    """The wanted steps in runs that rest on steps of their own; all in one where each rests on the whole record."""
    if not len(wanted):
        return []
    apart = np.diff(wanted) > spec.history + spec.lookahead + 1
    if spec.history >= WHOLE_RECORD or spec.lookahead >= WHOLE_RECORD or spec.reference:
        apart[:] = False
    first = wanted[np.concatenate([[True], apart])]
    last = wanted[np.concatenate([apart, [True]])]
    return [slice(int(start), int(end) + 1) for start, end in zip(first, last, strict=True)]


def _shortened(runs: list[slice], spec: ModelSpec, inputs: Inputs) -> list[slice]:
    """Long runs over a rectangle in parts whose inputs fit the budget: tiles of less than it would each have a halo."""
    overlap = spec.history + spec.lookahead
    fitting = _TILE_BYTES // (4 * (inputs.dynamic.shape[-1] + 1) * len(inputs.lat)) - overlap
    if not spec.spatial or inputs.shape is None or spec.reference or fitting < 4 * max(1, overlap):
        return runs
    return [
        slice(start, min(start + fitting, run.stop)) for run in runs for start in range(run.start, run.stop, fitting)
    ]


def _span(spec: ModelSpec, days: slice, steps: int) -> slice:
    """The steps that the wanted ones rest on."""
    start = 0 if spec.history >= WHOLE_RECORD or spec.reference else max(0, days.start - spec.history)
    return slice(start, min(steps, days.stop + spec.lookahead))


def _places(members: Ints | None, targets: Bools) -> Ints:
    """Places of the wanted targets, those of one target together."""
    if members is None:
        return np.flatnonzero(targets)
    inside = np.flatnonzero((members >= 0) & targets[np.maximum(members, 0)])
    return inside[np.argsort(members[inside], kind="stable")]


def _pieces(spec: ModelSpec, inputs: Inputs, places: Ints) -> Iterator[tuple[Ints, Ints, Inputs]]:
    """Places answered for, where they are in the piece, and the inputs of the piece."""
    if not spec.spatial or inputs.shape is None:
        size = max(1, _BATCH // len(inputs.time))
        for start in range(0, len(places), size):
            chosen = places[start : start + size]
            yield chosen, np.arange(len(chosen)), inputs.at(chosen)
        return
    asked = np.zeros(inputs.shape, bool)
    asked.ravel()[places] = True
    for tile in tiles(inputs.shape, _side(spec, inputs), halo=spec.halo, anchor=inputs.origin):
        if asked[tile.inner_rows, tile.inner_columns].any():
            yield _tile(inputs, tile)


def _side(spec: ModelSpec, inputs: Inputs) -> int:
    """Cells along a tile: the patch times a power of two whose inputs fit the budget; 2^20 where all fit at once."""
    assert inputs.shape is not None
    size = 4 * len(inputs.time) * (inputs.dynamic.shape[-1] + 1)
    if size * len(inputs.lat) <= _TILE_BYTES:
        return spec.patch * 2**20
    side = math.isqrt(max(1, _TILE_BYTES // size)) - 2 * spec.halo
    return int(spec.patch * 2 ** max(0, math.floor(math.log2(max(1, side / spec.patch)) + 1e-9)))


def _tile(inputs: Inputs, tile: Tile) -> tuple[Ints, Ints, Inputs]:
    assert inputs.shape is not None
    index = np.arange(len(inputs.lat)).reshape(inputs.shape)
    read, inner = index[tile.rows, tile.columns], index[tile.inner_rows, tile.inner_columns].ravel()
    if read.shape == inputs.shape:
        return inner, inner, inputs
    origin = (inputs.origin[0] + tile.rows.start, inputs.origin[1] + tile.columns.start)
    piece = replace(inputs.at(read.ravel()), shape=read.shape, origin=origin)
    within = np.arange(read.size).reshape(read.shape)[tile.crop].ravel()
    return inner, within, piece


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
    whole = data.satellite.aggregate(predict_places(model, data, fold, device, cancelled))
    found = {name: np.where(mask, whole, np.float32(np.nan)) for name, mask in fold.samples.items()}
    if data.sites is None or fold.site_test is None or not fold.site_test.any():
        return found, None
    sites = model.predict(replace(data.sites.inputs, task=SITES), device=device)["sm"]
    return found, np.where(fold.site_test, sites, np.float32(np.nan))
