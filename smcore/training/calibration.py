"""The error band of a trained model: calibrated on what was held back, its coverage measured on what is scored.

Any model of the contract gets one: it only takes predictions. Beside its width stands that of the same band around
climatology (mean and two harmonics), with the same observations in sight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats, Inputs, Task, TrainingData
from smcore.models.base import FitRun, SoilMoistureModel
from smcore.models.learning.band import (
    COVERAGE,
    LEAST,
    Band,
    Traits,
    calibrate,
    gap_age,
    vegetation_input,
    vegetation_of,
)
from smcore.models.registry import build_model
from smcore.progress import Cancel, never
from smcore.training.datasets import TrainingSet
from smcore.training.folds import TEST, Fold
from smcore.training.predicting import predict_places
from smcore.validation.gaps.intervals import blocks_of
from smcore.validation.gaps.scores import AGES, age_class
from smcore.validation.strata.seasons import LABELS, SEASON, season_of

Bools = NDArray[np.bool_]
_LEAST_VALUES = 50  # of a stratum, to say its coverage
_DRAWS = 500
_LEAST_BLOCKS = 6
_GREENNESS = ("low", "middle", "high")


def band_of(
    model: SoilMoistureModel,
    data: TrainingSet,
    fold: Fold,
    device: str = "cpu",
    cancelled: Cancel = never,
    *,
    seed: int = 0,
) -> Band | None:
    """The band from residuals on what the fold held back; None where it held nothing back, or too little is said.

    Parameters
    ----------
    model
        Fitted on ``fold.data``.
    """
    kept = fold.calibration
    if kept is None:
        return None
    said = data.satellite.aggregate(
        predict_places(model, data, fold, device, cancelled, visible=kept.visible, wanted=kept.values)
    )
    at = kept.values & np.isfinite(said)
    if at.sum() < LEAST:
        return None
    name, causal = vegetation_input(data.satellite.inputs.specs), model.spec.causal
    traits, location = traits_at(data, said, kept.visible, at, name, causal=causal)
    residual = data.satellite.target[at].astype(np.float64) - said[at]
    return calibrate(residual, traits, location, vegetation=name, causal=causal, seed=seed)


def traits_at(
    data: TrainingSet, said: Floats, visible: Bools, at: Bools, vegetation: str, *, causal: bool
) -> tuple[Traits, NDArray[np.int64]]:
    """What the width depends on at some target values (T, M), in order, and the location of each.

    Parameters
    ----------
    said
        (T, M) predictions [m3 m-3].
    visible
        (T, M) observations in sight.
    """
    step, location = np.nonzero(at)
    inputs = data.satellite.inputs
    age = None
    if inputs.observed is not None:
        sight = visible & np.isfinite(data.satellite.target)
        age = gap_age(sight, inputs.time, causal=causal)[step, location]
    green = vegetation_of(inputs, vegetation)
    if green is not None:
        mean = data.satellite.aggregate(np.atleast_2d(green))
        green = mean[0, location] if len(mean) == 1 else mean[step, location]
    return Traits(said[step, location], inputs.time[step], age, green), location.astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Sample:
    """Scored values (k,): whether the band holds them, its width, and what they are sorted by."""

    inside: Bools
    width: Floats
    strata: dict[str, tuple[NDArray[np.int64], tuple[str, ...]]]
    block: NDArray[np.int64]


def uncertainty(
    band: Band, model: SoilMoistureModel, data: TrainingSet, fold: Fold, found: dict[str, Floats], *, seed: int = 0
) -> dict[str, Any]:
    """What the card says of the band.

    Parameters
    ----------
    found
        Predictions (T, M) of each sample of the fold, NaN outside it.

    Returns
    -------
    dict
        The band, where it comes from, ``measured``: coverage with a 95 % interval and mean width of each sample, whole
        and by season, vegetation, gap age and quarter of the held-out area; ``climatology``: width and coverage.
    """
    assert fold.calibration is not None
    rows: list[dict[str, Any]] = []
    for sample, said in found.items():
        at = fold.samples[sample] & np.isfinite(said) & np.isfinite(data.satellite.target)
        if at.sum() >= _LEAST_VALUES:
            rows += _rows(sample, _sample(band, model, data, fold, said, at), seed)
    values = fold.calibration.values
    source = {"values": int(values.sum()), "locations": int(values.any(axis=0).sum()), "from": fold.calibration.about}
    return {**band.to_json(), "calibration": source, "measured": rows, "climatology": _climatology(data, fold)}


def _sample(band: Band, model: SoilMoistureModel, data: TrainingSet, fold: Fold, said: Floats, at: Bools) -> _Sample:
    traits, location = traits_at(data, said, fold.visible, at, band.vegetation, causal=model.spec.causal)
    half = band.half_widths(traits)
    inside = np.abs(data.satellite.target[at] - said[at]) <= half
    stamp = traits.time.astype("datetime64[us]").astype(np.int64)
    lat, lon = data.lat[location], data.lon[location]
    quarter = np.where(lat >= np.median(lat), 0, 2) + (lon > np.median(lon))
    strata: dict[str, tuple[NDArray[np.int64], tuple[str, ...]]] = {
        SEASON: (season_of(stamp).astype(np.int64), LABELS[SEASON]),
        "region": (quarter.astype(np.int64), ("north-west", "north-east", "south-west", "south-east")),
    }
    if traits.vegetation is not None and np.isfinite(traits.vegetation).any():
        low, high = np.nanquantile(traits.vegetation, [1 / 3, 2 / 3])
        third = (traits.vegetation > low).astype(np.int64) + (traits.vegetation > high)
        strata["vegetation"] = (np.where(np.isfinite(traits.vegetation), third, -1), _GREENNESS)
    if traits.age is not None:
        strata["gap_age"] = (age_class(np.ceil(traits.age).astype(np.int64)), AGES)
    days = (traits.time - traits.time.min()) // np.timedelta64(1, "D")
    blocks = blocks_of(int(days.max()) + 1, data.lat, data.lon)
    block = blocks.area[location] * (int(blocks.day.max()) + 1) + blocks.day[days.astype(np.int64)]
    return _Sample(inside, 2 * half, strata, block)


def _rows(sample: str, values: _Sample, seed: int) -> list[dict[str, Any]]:
    rows = []
    whole = np.zeros(len(values.inside), np.int64)
    for stratum, (code, levels) in {"all": (whole, ("all",)), **values.strata}.items():
        for number, level in enumerate(levels):
            at = code == number
            if at.sum() < _LEAST_VALUES:
                continue
            row = {"sample": sample, "stratum": stratum, "level": level, "values": int(at.sum())}
            row["coverage"] = round(float(values.inside[at].mean()), 4)
            row["mean_width"] = round(float(values.width[at].mean(dtype=np.float64)), 5)
            if stratum == "all":
                row["lower"], row["upper"] = _interval(values.inside[at], values.block[at], seed)
            rows.append(row)
    return rows


def _interval(inside: Bools, block: NDArray[np.int64], seed: int) -> tuple[float | None, float | None]:
    """95 % bootstrap interval of the coverage over blocks of days and areas."""
    block = np.unique(block, return_inverse=True)[1].ravel()
    held, number = np.bincount(block, inside.astype(np.float64)), np.bincount(block)
    if len(number) < _LEAST_BLOCKS:
        return None, None
    drawn = np.random.default_rng([seed, 4]).integers(0, len(number), (_DRAWS, len(number)))
    lower, upper = np.quantile(held[drawn].sum(axis=1) / number[drawn].sum(axis=1), [0.025, 0.975])
    return round(float(lower), 4), round(float(upper), 4)


def _climatology(data: TrainingSet, fold: Fold) -> dict[str, Any]:
    """Width and coverage of an even conformal band around the seasonal mean, from the same values."""
    kept = fold.calibration
    assert kept is not None
    model = build_model("climatology")
    model.fit(TrainingData(Task(_on_targets(model, data, fold.train), _shown(data, fold.train))), FitRun())
    target = data.satellite.target
    said = model.predict(_on_targets(model, data, kept.visible))["sm"]
    residual = np.sort(np.abs(target - said)[kept.values])
    if len(residual) < LEAST:
        return {}
    half = float(residual[min(len(residual), int(np.ceil((len(residual) + 1) * COVERAGE))) - 1])
    said = model.predict(_on_targets(model, data, fold.visible))["sm"]
    scored = fold.samples.get(TEST, next(iter(fold.samples.values()))) & np.isfinite(target)
    inside = np.abs(target - said)[scored] <= half
    coverage = round(float(inside.mean()), 4) if len(inside) else None
    return {"mean_width": round(2 * half, 5), "coverage": coverage}


def _shown(data: TrainingSet, visible: Bools) -> Floats:
    return np.where(visible, data.satellite.target, np.float32(np.nan))


def _on_targets(model: SoilMoistureModel, data: TrainingSet, visible: Bools) -> Inputs:
    """Inputs of a model that reads nothing but observations, at the target locations themselves."""
    time, count = data.satellite.inputs.time, len(data.lat)
    return Inputs(
        time,
        np.empty((len(time), count, 0), np.float32),
        np.empty((count, 0), np.float32),
        data.lat,
        data.lon,
        model.spec.inputs,
        observed=_shown(data, visible),
    )
