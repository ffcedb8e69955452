"""Out of range: values that soil does not have: below zero, above 0.6, or above its porosity."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, Suspicion, clusters, mark, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "out of range"
SOURCE = (
    "The flags C01 (below 0), C02 (above 0.6 m³/m³) and C03 (above saturation) of Dorigo et al. (2013), "
    "doi:10.2136/vzj2012.0097. Ours: 0.03 m³/m³ beyond zero or porosity, which a sound sensor's noise and calibration "
    "reach."
)
HIGHEST: Final = 0.60
"""Dorigo et al. 2013 [m3 m-3]."""
LEEWAY: Final = 0.03
"""Ours [m3 m-3]."""
TOGETHER_DAYS: Final = 7.0
"""Values closer than this are told together [d]. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that a value is needed."""
    return "" if len(evidence.record) else "there is no value"


def find(evidence: Evidence) -> list[Suspicion]:
    """Values beyond the range, those of a week together."""
    value, time = evidence.record.value, evidence.record.time
    top, what = HIGHEST, ""
    if np.isfinite(evidence.porosity) and 0.1 < evidence.porosity + LEEWAY < HIGHEST:
        top, what = evidence.porosity + LEEWAY, f", its porosity {evidence.porosity:.2f}"
    beyond = np.maximum(-LEEWAY - value, value - top)
    at = np.flatnonzero(beyond > 0)
    found = []
    for first, last in clusters(time[at], TOGETHER_DAYS * DAY_S):
        some = at[first : last + 1]
        worst = int(some[np.argmax(beyond[some])])
        number = "a value" if len(some) == 1 else f"{len(some)} values, the furthest"
        sentence = f"{number} at {value[worst]:.3f} m³/m³, where soil has 0 to {top:.2f}{what}"
        found.append(
            mark("out-of-range", time[some[0]], time[some[-1]], sentence, strength(beyond[worst] + LEEWAY, LEEWAY))
        )
    return found
