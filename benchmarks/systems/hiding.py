"""What a scene hides: one rule for the target of any model, so that all of them are kept from the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.training.splits import Split, location_parts
from smcore.validation.gaps.patterns import swath

from .scenes import BUFFER_DEG, FOLDS, HIDING_SEED, STRIP, SWATH_SHARE, VALUES_SHARE, Period, Scene

Bools = NDArray[np.bool_]
Days = NDArray[np.datetime64]
Floats = NDArray[Any]


def inside(time: Days, period: Period) -> Bools:
    """(T,) whether a step lies in a period."""
    day = time.astype("datetime64[D]")
    return np.asarray((day >= np.datetime64(period[0])) & (day <= np.datetime64(period[1])))


def near_strip(lat: Floats, lon: Floats) -> Bools:
    """Whether a place lies in the held-out strip or within the buffer: degrees of arc, along its parallel."""
    return np.asarray((lon - STRIP) * np.cos(np.radians(lat)) > -BUFFER_DEG)


def fold_cells(scene: Scene, fold: int, lat: Floats, lon: Floats) -> Bools:
    """(N,) the locations that a fold holds out; all of them where a scene has no folds."""
    if scene.hold not in ("pixels", "regions"):
        return np.ones(len(lat), bool)
    kind = "site" if scene.hold == "pixels" else "region"
    return np.asarray(location_parts(Split(kind, FOLDS, 0), lat, lon) == fold)


def hidden(scene: Scene, fold: int, time: Days, lat: Floats, lon: Floats, observed: Floats) -> Bools:
    """(T, N) the observations that nothing may be learnt from, and no model may look at.

    Parameters
    ----------
    time
        (T,) steps of the training and the test period.
    observed
        (T, N), NaN where there is nothing to hide.
    """
    test = inside(time, scene.test)
    result = np.zeros(observed.shape, bool)
    if scene.hold == "swath":
        result |= _swaths(time, observed, test, HIDING_SEED)
        if scene.calibration is not None:
            result |= _swaths(time, observed, inside(time, scene.calibration.test), HIDING_SEED + 1)
    elif scene.hold == "values":
        result = drawn(time, lat, lon) < VALUES_SHARE
    else:
        if scene.test[0] > scene.train[1]:  # else the scored days were trained on, elsewhere
            result[test] = True
        if scene.hold == "strip":
            result |= near_strip(lat, lon)
        elif scene.hold in ("pixels", "regions"):
            result |= fold_cells(scene, fold, lat, lon)
    return result


def drawn(time: Days, lat: Floats, lon: Floats) -> Floats:
    """(T, N) a number within [0, 1) for each day of each place: whoever asks, for however many places, gets the same.

    The last step of splitmix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195) over place, then day.
    """
    degrees = (np.rint((np.asarray(v, np.float64) + 360) * 1e3).astype(np.uint64) for v in (lat, lon))
    row, column = degrees
    place = _mixed(row * np.uint64(1_000_000) + column + np.uint64(HIDING_SEED))
    day = time.astype("datetime64[D]").astype(np.int64).astype(np.uint64)
    return np.asarray((_mixed(place[None] + day[:, None]) >> np.uint64(11)) / 2.0**53)


def _mixed(number: NDArray[np.uint64]) -> NDArray[np.uint64]:
    number = number + np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


def _swaths(time: Days, observed: Floats, steps: Bools, seed: int) -> Bools:
    result = np.zeros(observed.shape, bool)
    chosen = np.flatnonzero(steps)
    if len(chosen):
        days = time[chosen].astype("datetime64[D]")
        result[chosen] = swath(np.isfinite(observed[chosen]), days, share=SWATH_SHARE, seed=seed).mask
    return result


def trained(scene: Scene, fold: int, time: Days, lat: Floats, lon: Floats, observed: Floats) -> Bools:
    """(T, N) the observations that a model learns from."""
    kept = np.isfinite(observed) & ~hidden(scene, fold, time, lat, lon, observed)
    return np.asarray(kept & inside(time, scene.train)[:, None])
