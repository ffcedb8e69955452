"""Flat line: one and the same value for days, though the soil had reason to change."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, Suspicion, mark, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "flat line"
SOURCE = (
    "After the constant-value flag D09 of Dorigo et al. (2013), doi:10.2136/vzj2012.0097, which asks for 12 h and a "
    "drop before. Ours: the length by depth, and that rain or the sensors nearby shorten or lengthen it."
)
LEAST_DAYS: Final = 5.0
"""Shortest flat run at the surface [d]; dry soil read to 0.001 m3 m-3 rests for days. Ours."""
DAYS_PER_METRE: Final = 50.0
"""How much longer a deeper sensor may rest [d m-1]. Ours."""
GAP_DAYS: Final = 2.0
"""A longer pause between two records ends a run [d]. Ours."""
RAIN_MM: Final = 10.0
"""Rain that a sensor can't miss [mm in the run]. Ours."""
PEERS_MOVED: Final = 0.05
"""Change of the sensors nearby that a sensor can't miss [m3 m-3]. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that a run needs records."""
    return "" if len(evidence.record) > 2 else "there are fewer than three values"


def find(evidence: Evidence) -> list[Suspicion]:
    """Runs of one value that last longer than soil at this depth is likely to rest."""
    record = evidence.record
    changes = (np.diff(record.value) != 0) | (np.diff(record.time) > GAP_DAYS * DAY_S)
    first = np.append(0, np.flatnonzero(changes) + 1)
    last = np.append(first[1:], len(record)) - 1
    days = (record.time[last] - record.time[first]) / DAY_S
    depth = evidence.depth if np.isfinite(evidence.depth) else 0.05
    least = LEAST_DAYS + DAYS_PER_METRE * depth
    found = []
    for i in np.flatnonzero(days >= least / 2):
        begin, end = int(record.time[first[i]]), int(record.time[last[i]])
        factor, why = _reason(evidence, begin, end)
        if days[i] >= factor * least:
            value = record.value[first[i]]
            sentence = f"the value {value:.3f} m³/m³ does not change for {days[i]:.1f} days{why}"
            found.append(mark("flat", begin, end, sentence, strength(float(days[i]), factor * least)))
    return found


def _reason(evidence: Evidence, begin: int, end: int) -> tuple[float, str]:
    """Half the length where something happened that must have moved the sensor, twice it where all else was still."""
    low, high = begin // DAY_S - evidence.daily.first, end // DAY_S - evidence.daily.first + 1
    rain, peers = evidence.rain[low:high], evidence.peers[:, low:high]
    fell = float(np.nansum(rain)) if np.isfinite(rain).any() else np.nan
    held = peers[np.isfinite(peers).sum(axis=1) > 1]
    moved = float(np.median(np.nanmax(held, axis=1) - np.nanmin(held, axis=1))) if len(held) else np.nan
    if fell >= RAIN_MM:
        return 0.5, f", while {fell:.0f} mm of rain fell"
    if moved >= PEERS_MOVED:
        return 0.5, f", while sensors nearby changed by {moved:.3f} m³/m³"
    if np.isfinite(fell) or np.isfinite(moved):
        return 2.0, ", in still weather"
    return 1.0, ""
