"""Duplicate: another sensor of the collection has the very same values."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, Suspicion, mark, runs, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "duplicate"
SOURCE = "Ours: daily means that are equal to 1e-6 m³/m³ for a month or more while they vary."
LEAST_DAYS: Final = 30
EQUAL: Final = 1e-6
"""Rounding of float32 [m3 m-3]."""
LEAST_VALUES: Final = 10
"""Different values in the period: two dead sensors are no copies. Ours."""
JOIN_D: Final = 5
"""Days that may lie between equal ones. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that another sensor is needed."""
    return "" if len(evidence.others.sensor) else "there is no other sensor to compare with"


def find(evidence: Evidence) -> list[Suspicion]:
    """Periods in which another sensor has the same values."""
    own = evidence.daily.mean.astype(np.float32)
    others = evidence.others
    low = max(evidence.daily.first, others.first)
    high = min(evidence.daily.first + len(own), others.first + others.daily.shape[1])
    if high - low < LEAST_DAYS:
        return []
    mine = own[low - evidence.daily.first : high - evidence.daily.first]
    equal = np.abs(others.daily[:, low - others.first : high - others.first] - mine) <= EQUAL
    found = []
    for i in np.flatnonzero(equal.sum(axis=1) >= LEAST_DAYS):
        for first, last in runs(equal[i], join=JOIN_D):
            days = int(equal[i, first : last + 1].sum())
            if days < LEAST_DAYS or len(np.unique(mine[first : last + 1][equal[i, first : last + 1]])) < LEAST_VALUES:
                continue
            begin, end = (low + first) * DAY_S, (low + last + 1) * DAY_S - 1
            begin, end = max(begin, int(evidence.record.time[0])), min(end, int(evidence.record.time[-1]))
            sentence = f"{others.sensor[i]} has the same values on {days} days"
            found.append(mark("duplicate", begin, end, sentence, strength(days, LEAST_DAYS)))
    return found
