"""Sensor swap: of two sensors at different depths the deeper one is the livelier, and the first to rise."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, Floats, Suspicion, mark, runs, strength
from smcore.review.suspicion.evidence import Companion, Evidence, correlation

TITLE = "sensor swap"
SOURCE = "Ours: changes from day to day are larger and earlier near the surface, so that labels can be told exchanged."
BLOCK_D: Final = 60
LEAST_DAYS: Final = 40
APART_M: Final = 0.08
"""Sensors closer in depth than this [m] may behave alike. Ours."""
LIVELIER: Final = 1.5
"""How many times larger the daily changes of the deeper one must be. Ours."""
LEADS: Final = 0.05
"""… and how much better its changes must foretell the other's than the other way round. Ours."""
LEAST_BLOCKS: Final = 2
LEAST_CHANGE: Final = 0.002
"""A sensor whose changes are smaller [m3 m-3] tells nothing. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that a swap needs a second depth."""
    return (
        "" if any(_far(evidence, one) for one in evidence.companions) else "the station has no sensor at another depth"
    )


def find(evidence: Evidence) -> list[Suspicion]:
    """Periods in which the sensor and another of the station behave as if their depths were exchanged."""
    found = []
    for other in (one for one in evidence.companions if _far(evidence, one)):
        own = evidence.daily.mean
        beside = other.daily.on(evidence.daily.first, len(own))
        is_upper = evidence.depth < _depth(other)
        upper, lower = (own, beside) if is_upper else (beside, own)
        ratio = _blocks(upper, lower)
        for low, high in runs(ratio >= LIVELIER):
            if high - low + 1 < min(LEAST_BLOCKS, len(ratio)):
                continue
            begin = (evidence.daily.first + low * BLOCK_D) * DAY_S
            last = int(evidence.record.time[-1])
            end = last if high == len(ratio) - 1 else (evidence.daily.first + (high + 1) * BLOCK_D) * DAY_S - 1
            times = float(np.median(ratio[low : high + 1]))
            sentence = (
                f"it and {other.sensor} ({_depth(other):g} m) may be exchanged: the deeper one changes {times:.1f} "
                "times as much from day to day, and first"
            )
            found.append(
                mark("sensor-swap", max(begin, int(evidence.record.time[0])), end, sentence, strength(times, LIVELIER))
            )
    return found


def _depth(one: Companion) -> float:
    return (one.depth_from + one.depth_to) / 2


def _far(evidence: Evidence, one: Companion) -> bool:
    return abs(_depth(one) - evidence.depth) >= APART_M


def _blocks(upper: Floats, lower: Floats) -> Floats:
    """How much livelier the lower sensor is in each block of 60 days, 0 where it does not lead or can't be told."""
    count = max(len(upper) // BLOCK_D, 1)
    result = np.zeros(count)
    for i in range(count):
        part = slice(i * BLOCK_D, (i + 1) * BLOCK_D if i < count - 1 else len(upper))
        above, below = np.diff(upper[part]), np.diff(lower[part])
        both = np.isfinite(above) & np.isfinite(below)
        if both.sum() < LEAST_DAYS:
            continue
        deep, shallow = float(below[both].std()), float(above[both].std())
        leads = correlation(below[:-1], above[1:]) - correlation(above[:-1], below[1:])
        if deep >= LEAST_CHANGE and shallow > 0 and leads >= LEADS:
            result[i] = deep / shallow
    return result
