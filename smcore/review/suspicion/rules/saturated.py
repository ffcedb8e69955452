"""Saturated plateau: the record rises to its top and stays there as if cut off."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import HOUR_S, Bools, Floats, Suspicion, mark, runs, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "saturated plateau"
SOURCE = (
    "The plateau flag D10 of Dorigo et al. (2013), doi:10.2136/vzj2012.0097: 12 h of a variance of at most 0.05 (vol. "
    "%)², a rise of 0.25 vol. % an hour before, a mean above 95 % of the highest value. Ours: a day of it, within "
    "0.010 m³/m³, after a rise by 0.02 m³/m³ within a day."
)
WINDOW_H: Final = 12
VARIANCE: Final = 0.05e-4
"""(m3 m-3)², of 12 h (Dorigo et al. 2013)."""
TOP_SHARE: Final = 0.95
RISE: Final = 0.0025
"""m3 m-3 in an hour (Dorigo et al. 2013)."""
HIGHEST: Final = 0.60
"""Values beyond are no measure of the highest (Dorigo et al. 2013, flag C02) [m3 m-3]."""
ENTERED: Final = 0.02
"""… and how far it rises within the 24 h before: the crest of a slow wave is no plateau [m3 m-3]. Ours."""
LEAST_H: Final = 24.0
"""Ours [h]."""
BAND: Final = 0.010
"""Ours [m3 m-3]."""
YEARS: Final = 2
"""Whose highest value counts (the ISMN's practice)."""
SPAN: Final = 0.10
"""A record that varies less has no plateau to speak of [m3 m-3]. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that plateaus are told by hours."""
    return "" if evidence.is_hourly else "plateaus can only be told in records of three hours or denser"


def find(evidence: Evidence) -> list[Suspicion]:
    """Plateaus at the top of the record."""
    record = evidence.record
    window = max(3, round(WINDOW_H * HOUR_S / record.step))
    usual = np.where((record.value >= 0) & (record.value <= HIGHEST), record.value, 0.0)
    if len(record) <= window or usual.max() - np.quantile(usual, 0.05) < SPAN:
        return []
    year = max(round(365 * 24 * HOUR_S / record.step), 1)
    top = _highest(usual, YEARS * year)
    top[:year] = np.maximum(top[:year], usual[:year].max())  # before there is a past, the first year counts
    high = (usual >= TOP_SHARE * top) & (top >= TOP_SHARE * SPAN)
    still = _still(record.value, window) & high
    found = []
    for first, last in runs(still):
        hours = float(record.time[last] - record.time[first]) / HOUR_S
        level = record.value[first : last + 1]
        gap = np.diff(record.time[first : last + 1]).max(initial=0) > 2 * WINDOW_H * HOUR_S
        if hours < LEAST_H or gap or np.ptp(level) > BAND or not _rises(record.value, first, window):
            continue
        sentence = (
            f"{hours:.0f} h between {level.min():.3f} and {level.max():.3f} m³/m³ after a rise; the highest of the two "
            f"years before is {top[last]:.3f}"
        )
        found.append(mark("saturated", record.time[first], record.time[last], sentence, strength(hours, LEAST_H)))
    return found


def _highest(value: Floats, count: int) -> Floats:
    """Highest of so many records up to each (n,)."""
    from scipy.ndimage import maximum_filter1d

    size = min(count, len(value))
    return np.asarray(maximum_filter1d(value, size, origin=(size - 1) // 2, mode="nearest"))


def _still(value: Floats, window: int) -> Bools:
    """Which records lie in any window of that many records whose variance is small."""
    centred = value - value.mean()
    total = np.concatenate([[0.0], np.cumsum(centred)])
    square = np.concatenate([[0.0], np.cumsum(centred * centred)])
    mean = (total[window:] - total[:-window]) / window
    variance = (square[window:] - square[:-window]) / window - mean * mean
    begins = np.concatenate([[0], np.cumsum(variance <= VARIANCE)])
    # record i lies in the windows that begin at i - window + 1 … i
    at = np.arange(len(value))
    last = len(begins) - 1
    return np.asarray(begins[np.minimum(at + 1, last)] > begins[np.clip(at - window + 1, 0, last)])


def _rises(value: Floats, first: int, window: int) -> bool:
    """Whether the plateau was come to at once, and is not the crest of a slow wave."""
    before, around = value[max(first - 2 * window, 0) : first], value[max(first - window, 0) : first + window + 1]
    level = float(np.median(value[first : first + window]))
    return bool(len(before) and np.diff(around).max() >= RISE and level - before.min() >= ENTERED)
