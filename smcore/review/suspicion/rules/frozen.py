"""Frozen soil: the sensor sees the liquid water only, and reads too little."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, HOUR_S, Suspicion, mark, strength
from smcore.review.suspicion.evidence import Evidence
from smcore.stations.quality import FROZEN_K

TITLE = "frozen soil"
SOURCE = (
    "Temperatures below 0 °C, as the flags D01 (soil) and D02 (air) of Dorigo et al. (2013), "
    "doi:10.2136/vzj2012.0097. Ours: a day of it at least, and for air that the mean of the day counts."
)
LEAST_HOURS: Final = 24.0
"""Shorter frost is not worth a mark [h]. Ours."""
THAW_DAYS: Final = 3.0
"""Frosts closer than this are one [d]. Ours."""
AIR_DAYS: Final = 3.0
"""How long air must be below 0 °C on the mean of the day before the soil is thought to be frozen [d]. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that temperature is needed."""
    if len(evidence.soil_temperature) or len(evidence.air_temperature):
        return ""
    return "the station has no soil or air temperature"


def find(evidence: Evidence) -> list[Suspicion]:
    """Periods with records while the soil, or for days the air, was below 0 °C."""
    record = evidence.record
    heat = evidence.soil_temperature.at(record.time)
    if np.isfinite(heat).any():
        cold, what, least = heat <= FROZEN_K, "the soil", LEAST_HOURS
    else:
        daily = evidence.air_temperature.daily()
        heat = daily.on(evidence.daily.first, len(evidence.daily.mean))[record.time // DAY_S - evidence.daily.first]
        cold, what, least = heat <= FROZEN_K, "the air", AIR_DAYS * 24
    at = np.flatnonzero(cold)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(record.time[at]) > THAW_DAYS * DAY_S)
    found = []
    for first, last in zip(np.append(0, breaks + 1), np.append(breaks, len(at) - 1), strict=True):
        hours = (last - first + 1) * record.step / HOUR_S
        if hours < least:
            continue
        coldest = float(heat[at[first : last + 1]].min()) - 273.15
        sentence = f"{what} is at or below 0 °C in {hours:.0f} h of records (down to {coldest:.1f} °C): ice is not seen"
        found.append(mark("frozen", record.time[at[first]], record.time[at[last]], sentence, strength(hours, least)))
    return found
