"""Daily cycle: the value goes up and down with the warmth of the day, as water in the soil does not."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.review.suspicion.base import DAY_S, Floats, Series, Suspicion, mark, runs, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "daily cycle"
SOURCE = (
    "Ours. That electromagnetic sensors leak temperature into their reading is well known; uptake by day makes soil "
    "driest in the afternoon, so that a highest value then is no water."
)
Complex = NDArray[np.complex128]
WINDOW_D: Final = 30
LEAST_DAYS: Final = 15
JOIN_D: Final = 60
"""Windows that begin no further apart are one period [d]. Ours."""
SHALLOW, DEEP = 0.010, 0.005
"""Least amplitude [m3 m-3] down to and below :data:`DEEP_M`. Ours."""
DEEP_M: Final = 0.15
STEADY: Final = 0.7
"""Least share of the mean daily amplitude that is always at the same hour. Ours."""
NEAR_H: Final = 4.0
"""How far the highest value may lie from that of the soil's temperature [h]. Ours."""
WARM: Final = (12.0, 20.0)
"""Local solar hours in which the highest value is suspect where no temperature is known. Ours."""
RAINY: Final = 0.03
"""A change between two records that is no daily cycle [m3 m-3]. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that a daily cycle needs hours."""
    return "" if evidence.is_hourly else "a daily cycle needs records of three hours or denser"


def find(evidence: Evidence) -> list[Suspicion]:
    """Periods of a month or more with a steady cycle in step with the warmth of the day."""
    first = int(evidence.record.time[0]) // DAY_S
    count = int(evidence.record.time[-1]) // DAY_S - first + 1
    if count < WINDOW_D:
        return []
    cycle = _cycles(evidence.record, first, count, most=RAINY)
    mean, size = _windows(cycle)
    amplitude = np.abs(mean)
    least = DEEP if evidence.depth > DEEP_M else SHALLOW
    with np.errstate(invalid="ignore"):
        steady = (amplitude >= least) & (amplitude >= STEADY * size)
    if not steady.any():
        return []
    heat = evidence.soil_temperature if len(evidence.soil_temperature) else evidence.air_temperature
    hour = _hour(mean)
    local = (hour + (evidence.lon / 15 if np.isfinite(evidence.lon) else 0.0)) % 24
    if len(heat):
        warm = _hour(_windows(_cycles(heat, first, count))[0])
        suspect = steady & (np.abs((hour - warm + 12) % 24 - 12) <= NEAR_H)
        why = "in step with the temperature"
    else:
        suspect = steady & (local >= WARM[0]) & (local <= WARM[1])
        why = "when soil dries"
    found = []
    for low, high in runs(suspect, join=JOIN_D):
        begin, end = (first + low) * DAY_S, (first + high + WINDOW_D) * DAY_S - 1
        strongest = low + int(np.nanargmax(np.where(suspect[low : high + 1], amplitude[low : high + 1], np.nan)))
        when = f"{local[strongest]:.0f} h local solar time"
        sentence = f"a daily cycle of ±{amplitude[strongest]:.3f} m³/m³, highest at {when}, {why}"
        found.append(mark("diurnal-leak", begin, end, sentence, strength(float(amplitude[strongest]), least)))
    return found


def _cycles(series: Series, first: int, count: int, most: float = np.inf) -> Complex:
    """First harmonic of each whole UTC day about the line between its neighbours' means, NaN where it can't be told."""
    per_day = int(np.clip(round(DAY_S / series.step), 2, 24)) if len(series) else 24
    inside = (series.time >= first * DAY_S) & (series.time < (first + count) * DAY_S)
    slot = (series.time[inside] - first * DAY_S) // (DAY_S // per_day)
    number = np.bincount(slot, minlength=count * per_day)
    total = np.bincount(slot, weights=series.value[inside], minlength=count * per_day)
    values = np.divide(total, number, out=np.full(count * per_day, np.nan), where=number > 0).reshape(count, per_day)
    mean = values.mean(axis=1)
    trend = np.full(count, np.nan)
    trend[1:-1] = (mean[2:] - mean[:-2]) / 2
    at = (np.arange(per_day) + 0.5) / per_day
    wave = np.exp(-2j * np.pi * at)
    # the harmonic of a line over the day is the same for every day: taken off once
    found = 2 / per_day * (values @ wave - trend * ((at - 0.5) @ wave))
    calm = np.abs(np.diff(values, axis=1)).max(axis=1) <= most
    return np.where(np.isfinite(found) & calm, found, np.nan)


def _windows(cycle: Complex) -> tuple[Complex, Floats]:
    """Mean harmonic, and mean size of the daily ones, of the 30 days from each day on; NaN with too few."""
    there = np.isfinite(cycle)
    filled = np.where(there, cycle, 0)

    def summed(values: NDArray[np.generic]) -> NDArray[np.complex128]:
        total = np.concatenate([[0], np.cumsum(values)])
        return np.asarray(total[WINDOW_D:] - total[:-WINDOW_D], np.complex128)

    n = summed(there).real
    some = n >= LEAST_DAYS
    nothing = np.full(len(n), np.nan, np.complex128)
    mean = np.divide(summed(filled), n, out=nothing.copy(), where=some)
    size = np.divide(summed(np.abs(filled)), n, out=nothing.copy(), where=some).real
    return mean, size


def _hour(harmonic: Complex) -> Floats:
    """UTC hour of the highest value."""
    return np.asarray(-np.angle(harmonic) / (2 * np.pi) * 24 % 24)
