"""The 90 % band of a row's model, and how often it holds the observation and the truth.

Calibrated on values that nothing learns from: in fill, gaps hidden in the last year of training (days of no test); in
predict, the buffer around the held-out strip in that year (cells and days of no test).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.learning.band import OLDEST, Band, Traits, calibrate
from smcore.validation.gaps.scores import AGES, age_class
from smcore.validation.matching.times import DAY
from smcore.validation.strata.seasons import LABELS, SEASON, season_of

from .frames import Frame
from .judging import DRAWS, Sample

Floats = NDArray[Any]
_LEAST = 200
_GREEN = ("low vegetation", "middle vegetation", "high vegetation")
_QUARTERS = ("north-west", "north-east", "south-west", "south-east")


def traits(values: Floats, frame: Frame) -> Traits:
    """What the width may depend on."""
    age = None
    if frame.age is not None:
        age = np.where(frame.age < 0, OLDEST, frame.age).astype(np.float64)
    green = None if frame.vegetation is None else frame.vegetation[frame.cell]
    return Traits(values, frame.time[frame.step], age, green)


def band_of(values: Floats, frame: Frame, *, causal: bool) -> Band | None:
    """Calibrate on the values (k,) of a calibration frame; None where too few are given."""
    assert frame.smap is not None
    name = frame.scene.vegetation[1]
    try:
        return calibrate(frame.smap - values, traits(values, frame), frame.cell, vegetation=name, causal=causal)
    except ModelError:
        return None


def coverage(band: Band, values: Floats, frame: Frame) -> dict[str, Any]:
    """Share of observations and of the truth inside the band, its mean width, and the share by stratum."""
    assert frame.smap is not None
    half = band.half_widths(traits(values, frame))
    given = np.isfinite(half)
    seen = given & np.isfinite(frame.smap)
    inside = np.abs(frame.smap - values) <= half
    lower, upper = _interval(inside[seen], frame.sample.pick(seen))
    record: dict[str, Any] = {
        "smap": round(float(inside[seen].mean()), 4),
        "lower": lower,
        "upper": upper,
        "width": round(float(2 * half[given].mean(dtype=np.float64)), 5),
        "strata": {},
    }
    if frame.truth is not None:
        record["truth"] = round(float((np.abs(frame.truth - values) <= half)[given].mean()), 4)
    for code, labels in strata(frame):
        for number, label in enumerate(labels):
            chosen = seen & (code == number)
            if chosen.sum() >= _LEAST:
                record["strata"][label] = round(float(inside[chosen].mean()), 4)
    return record


def strata(frame: Frame) -> list[tuple[NDArray[np.int64], tuple[str, ...]]]:
    """Season, vegetation, gap age and quarter of the map of each scored value."""
    stamp = frame.time.astype("datetime64[D]").astype(np.int64)[frame.step] * DAY
    found: list[tuple[NDArray[np.int64], tuple[str, ...]]] = [(season_of(stamp).astype(np.int64), LABELS[SEASON])]
    if frame.vegetation is not None:
        green = frame.vegetation[frame.cell]
        low, high = np.nanquantile(green, [1 / 3, 2 / 3])
        code = np.where(np.isfinite(green), (green > low).astype(np.int64) + (green > high), -1)
        found.append((code, _GREEN))
    if frame.age is not None:
        found.append((age_class(frame.age), tuple(f"gap {age}" for age in AGES)))
    own = np.unique(frame.cell)
    south = frame.lat < np.median(frame.lat[own])
    east = frame.lon > np.median(frame.lon[own])
    found.append(((2 * south + east)[frame.cell].astype(np.int64), _QUARTERS))
    return found


def _interval(inside: NDArray[np.bool_], sample: Sample) -> tuple[float | None, float | None]:
    """95 % percentiles of the share over draws of blocks of days and of squares."""
    if not len(inside):
        return None, None
    block = np.unique(sample.block, return_inverse=True)[1].ravel()
    area = np.unique(sample.area[sample.cell], return_inverse=True)[1].ravel()
    shape = int(block.max()) + 1, int(area.max()) + 1
    at = block * shape[1] + area
    held, number = (np.bincount(at, w, shape[0] * shape[1]).reshape(shape) for w in (inside.astype(float), None))
    draw = np.random.default_rng(0)
    days, areas = (draw.multinomial(n, np.full(n, 1 / n), DRAWS).astype(float) for n in shape)
    share = ((days @ held) * areas).sum(axis=1) / np.maximum(((days @ number) * areas).sum(axis=1), 1)
    lower, upper = np.quantile(share, [0.025, 0.975])
    return round(float(lower), 4), round(float(upper), 4)
