"""Importance of a trained model's features on days that it never saw: read as in training, rows as in prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.inference.devices import choose_device
from smcore.models.base import SoilMoistureModel
from smcore.models.card import ModelCard
from smcore.models.vectors.importance import (
    Importance,
    features_of,
    grouped,
    held_out_rows,
    permutation_importance,
)
from smcore.models.vectors.model import VectorModel
from smcore.progress import Cancel, Progress, never, part, quiet
from smcore.roles import Source
from smcore.training.datasets import Choice, build
from smcore.window import Window

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """What is computed.

    Parameters
    ----------
    window
        Period and box; a period without bounds is the longest stretch of the target's days outside the training.
    samples, repeats, seed
        Rows at most, shuffles of each feature, and what both are drawn with.
    by_group
        Whether whole groups of features are shuffled.
    quality, overpass
        Which observations count.
    """

    window: Window
    samples: int = 4000
    repeats: int = 5
    seed: int = 0
    by_group: bool = False
    quality: str = "recommended"
    overpass: str = "both"
    device: str = "auto"


def importance_of(
    model: SoilMoistureModel, card: ModelCard, sources: Sequence[Source], asked: Asked, *, progress: Progress = quiet,
    cancelled: Cancel = never,
) -> tuple[Importance, str]:  # fmt: skip
    """Importance of a trained model's features, and the period of the samples.

    Raises
    ------
    SmcoreError
        If the model has no feature vectors, an input is missing, or nothing is held out.
    """
    if not isinstance(model, VectorModel):
        raise ModelError(
            f"{model.spec.id} has no vector of features to shuffle",
            hint="models with one: tssmnet, autoresnet, transformer, random_forest, gradient_boosting",
        )
    window = _unseen(card, sources, asked.window)
    data = build(
        replace(model.spec, inputs=model.used), sources, window, Choice(asked.quality, asked.overpass),
        progress=part(progress, 0.0, 0.3), cancelled=cancelled,
    )  # fmt: skip
    task = data.satellite
    lacking = [one.name for one in model.used if one not in task.inputs.specs]
    if lacking:
        raise ModelError(
            f"{model.spec.id} was trained with {', '.join(lacking)}, and no data set here has it",
            hint="name one with --data",
        )
    rng = np.random.default_rng(asked.seed)
    x, y, places = held_out_rows(model, task, outside(card, task.inputs.time), asked.samples, rng)
    features = features_of(model.table)
    table, rmsd = permutation_importance(
        model, x, y, grouped(features) if asked.by_group else features, repeats=asked.repeats, rng=rng,
        device=choose_device(asked.device), progress=part(progress, 0.3, 1.0), cancelled=cancelled,
    )  # fmt: skip
    time = task.inputs.time.astype("datetime64[D]")
    return Importance(table, rmsd, len(y), places), f"{time[task.inputs.first]} to {time[-1]}"


def outside(card: ModelCard, time: NDArray[np.datetime64]) -> Bools:
    """Which moments lie on days that the model was not trained on."""
    days = time.astype("datetime64[D]")
    free = np.ones(len(days), bool)
    for first, last in card.spans:
        free &= (days < np.datetime64(first, "D")) | (days > np.datetime64(last, "D"))
    return free


def _unseen(card: ModelCard, sources: Sequence[Source], window: Window) -> Window:
    """The window; where it has no period, the longest stretch of the target's days that no fit has seen."""
    target = next((one for one in sources if "target" in one.roles), None)
    if window.start or window.end or target is None:
        return window
    days = np.unique(target.time.astype("datetime64[D]"))
    free = outside(card, days)
    if not free.any():
        raise ModelError("The model was trained on all days of the target", hint="name a target with other days")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(np.int8), [0]])))
    first, stop = max(zip(edges[::2], edges[1::2], strict=True), key=lambda ends: int(ends[1] - ends[0]))
    return replace(window, start=str(days[first]), end=str(days[stop - 1]))
