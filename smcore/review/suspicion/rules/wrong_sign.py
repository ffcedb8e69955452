"""Wrong sign: the value falls when it rains, and rises where the sensors nearby fall."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, Floats, Suspicion, mark, runs, strength
from smcore.review.suspicion.evidence import Evidence, correlation

TITLE = "wrong sign"
SOURCE = "Ours: changes from day to day against those of sensors nearby and against rain."
BLOCK_D: Final = 120
LEAST_DAYS: Final = 50
WORST_R: Final = 0.3
"""How far the correlation of daily changes must be below zero. Ours."""
WET_MM: Final = 5.0
"""A day with more rain must wet the soil [mm]. Ours."""
LEAST_WET: Final = 8
SURE_T: Final = 3.0
"""How many standard errors the mean response to rain must be below zero. Ours."""
RAIN_DEPTH_M: Final = 0.20
"""Rain does not reach deeper within a day. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that a sign needs something to compare with."""
    if len(evidence.peers) or (len(evidence.precipitation) and evidence.depth <= RAIN_DEPTH_M):
        return ""
    return "the sign needs a sensor of like depth within 100 km, or rain at a sensor of 0.2 m or less"


def find(evidence: Evidence) -> list[Suspicion]:
    """Blocks of 120 days in which the sensor moves against its surroundings."""
    days = len(evidence.daily.mean)
    count = max(days // BLOCK_D, 1)
    edges = np.linspace(0, days, count + 1).astype(int)
    expected = evidence.agreed
    findings = [_of_block(evidence, expected, int(a), int(b)) for a, b in pairwise(edges)]
    found = []
    for low, high in runs(np.array([power > 0 for power, _ in findings])):
        power, sentence = max(findings[low : high + 1])
        begin = (evidence.daily.first + int(edges[low])) * DAY_S
        end = min((evidence.daily.first + int(edges[high + 1])) * DAY_S - 1, int(evidence.record.time[-1]))
        found.append(mark("wrong-sign", begin, end, sentence, power))
    return found


def _of_block(evidence: Evidence, expected: Floats | None, low: int, high: int) -> tuple[float, str]:
    """Strength and sentence of one block; 0 where nothing is wrong."""
    own = evidence.daily.mean[low:high]
    told, r = ("", 0.0) if expected is None else _against(own, expected[low:high], len(evidence.peers))
    if told and len(evidence.peers) > 1:
        return strength(-r, WORST_R), told
    wet, t = _to_rain(own, evidence.rain[low:high]) if evidence.depth <= RAIN_DEPTH_M else ("", 0.0)
    if wet:
        return strength(-t, SURE_T), wet
    return (strength(-r, WORST_R), told) if told else (0.0, "")


def _against(own: Floats, expected: Floats, peers: int) -> tuple[str, float]:
    if (np.isfinite(own) & np.isfinite(expected)).sum() < LEAST_DAYS:
        return "", 0.0
    r, level = correlation(np.diff(own), np.diff(expected)), correlation(own, expected)
    if r > -WORST_R or level > 0:
        return "", r
    nearby = "a sensor nearby" if peers == 1 else f"those of {peers} sensors nearby"
    return f"its daily changes run against {nearby} (R = {r:.2f}; levels {level:.2f})", r


def _to_rain(own: Floats, rain: Floats) -> tuple[str, float]:
    """Response from the day before to the day after wet days."""
    if len(own) < 3:
        return "", 0.0
    response = own[2:] - own[:-2]
    wet = response[(rain[1:-1] >= WET_MM) & np.isfinite(response)]
    if len(wet) < LEAST_WET or wet.std() == 0:
        return "", 0.0
    t = float(wet.mean() / (wet.std(ddof=1) / np.sqrt(len(wet))))
    if t > -SURE_T:
        return "", t
    return f"falls by {-wet.mean():.3f} m³/m³ over {len(wet)} days with {WET_MM:g} mm of rain or more", t
