"""Spike: single records that jump away from both neighbours and back."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, Suspicion, clusters, mark, strength
from smcore.review.suspicion.evidence import Evidence
from smcore.stations.quality import SPIKE_LEAST, SPIKE_SHARE, spikes

TITLE = "spike"
SOURCE = (
    "After the first condition (a change of 15 %) of the spike flag D06 of Dorigo et al. (2013), "
    "doi:10.2136/vzj2012.0097. Ours: at least 0.02 m³/m³, the neighbours alike in place of its 25 h window, no frost."
)
TOGETHER_DAYS: Final = 7.0
"""Spikes closer than this are told together [d]. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that spikes are told by their neighbours within hours."""
    return "" if evidence.is_hourly else "spikes can only be told in records of three hours or denser"


def find(evidence: Evidence) -> list[Suspicion]:
    """Spikes, those of a week together."""
    record = evidence.record
    at = np.flatnonzero(spikes(record.value, record.time.astype("datetime64[s]")))
    at = at[~evidence.near_frost(record.time[at])]
    if not len(at):
        return []
    before, after = record.value[at - 1], record.value[at + 1]
    size = record.value[at] - (before + after) / 2
    needed = np.maximum(SPIKE_SHARE * np.abs(before + after) / 2, SPIKE_LEAST)
    found = []
    for first, last in clusters(record.time[at], TOGETHER_DAYS * DAY_S):
        some = slice(first, last + 1)
        largest = first + int(np.argmax(np.abs(size[some])))
        number = last - first + 1
        told = "a spike" if number == 1 else f"{number} spikes, the largest"
        sentence = f"{told} of {size[largest]:+.3f} m³/m³ between two like records"
        power = strength(float(np.abs(size[largest])), float(needed[largest]))
        found.append(mark("spike", record.time[at[first]], record.time[at[last]], sentence, power))
    return found
