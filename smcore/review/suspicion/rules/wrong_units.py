"""Wrong units: per cent, tenfold, or degree of saturation in place of m3 m-3."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, Floats, Suspicion, mark, runs, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "wrong units"
SOURCE = (
    "Ours. Values above 0.6 m³/m³ are implausible after flag C02, above the porosity after flag C03 of Dorigo et al. "
    "(2013), doi:10.2136/vzj2012.0097."
)
MOST: Final = 1.0
"""No soil holds more water than its volume [m3 m-3]."""
PER_CENT: Final = 6.0
"""The wettest days of a record in per cent are above this; one that is ten times too large is below. Ours."""
SATURATED: Final = 0.80
"""No mineral soil holds so much [m3 m-3]; peat does, and then the mark is wrong. Ours."""
OVER_POROSITY: Final = 1.25
"""… or so much more than its porosity, where that is known. Ours."""
LEAST_SHARE: Final = 0.05
"""Part of the days that must be beyond. Ours."""
JOIN_D: Final = 60
SCALE: Final = 6.0
"""How many times more or less than the sensors nearby a record in m3 m-3 may be in the median. Ours."""
LEAST_PEERS: Final = 3


def lacking(evidence: Evidence) -> str:
    """Say that some days are needed."""
    return "" if np.isfinite(evidence.daily.mean).sum() >= 10 else "there are fewer than ten days"


def find(evidence: Evidence) -> list[Suspicion]:
    """Periods beyond what soil holds, and records many times those of the sensors nearby."""
    daily = evidence.daily.mean
    beyond = daily > MOST
    if beyond.any():
        return [one for low, high in runs(beyond, join=JOIN_D) if (one := _too_much(evidence, low, high)) is not None]
    saturated = _saturation(evidence)
    return saturated or _scaled(evidence)


def _too_much(evidence: Evidence, low: int, high: int) -> Suspicion | None:
    part = _known(evidence.daily.mean[low : high + 1])
    if high - low < 2 or (part > MOST).mean() < 0.5:
        return None  # a day or two are a fault, not a unit
    top, usual = float(np.quantile(part, 0.95)), float(np.median(part))
    unit = "per cent" if top > PER_CENT else "ten times too large, or per cent of very dry soil"
    sentence = f"values about {usual:.3g}, at most {part.max():.3g}, are no m³/m³: they look like {unit}"
    return _mark(evidence, low, high, sentence, strength(top, MOST))


def _saturation(evidence: Evidence) -> list[Suspicion]:
    """A record that goes up to where only a degree of saturation goes."""
    part = _known(evidence.daily.mean)
    limit = SATURATED
    if np.isfinite(evidence.porosity) and evidence.porosity > 0.2:
        limit = min(limit, OVER_POROSITY * evidence.porosity)
    limit = max(limit, 0.6)
    if (part > limit).mean() < LEAST_SHARE:
        return []
    porosity = f", porosity {evidence.porosity:.2f}" if np.isfinite(evidence.porosity) else ""
    sentence = (
        f"{(part > limit).mean():.0%} of the days are above {limit:.2f} m³/m³ (at most {part.max():.2f}{porosity}): it "
        "may be a degree of saturation, 0 to 1"
    )
    low, high = np.flatnonzero(np.isfinite(evidence.daily.mean))[[0, -1]]
    return [_mark(evidence, int(low), int(high), sentence, strength(float(np.quantile(part, 0.95)), limit))]


def _scaled(evidence: Evidence) -> list[Suspicion]:
    """A record that is a tenth or a hundredth of those nearby, or many times them."""
    peers = evidence.peers
    if len(peers) < LEAST_PEERS:
        return []
    own = float(np.median(_known(evidence.daily.mean)))
    medians = np.array([np.median(_known(one)) for one in peers])
    if own <= 0 or (medians <= 0).any():
        return []
    ratio = np.exp(np.abs(np.log(own / medians)))
    same_way = abs(np.sign(own - medians).sum()) == len(medians)
    if not same_way or ratio.min() < SCALE:
        return []
    sentence = f"its median {own:.3f} m³/m³ is {own / np.median(medians):.2g} times that of {len(peers)} sensors nearby"
    low, high = np.flatnonzero(np.isfinite(evidence.daily.mean))[[0, -1]]
    return [_mark(evidence, int(low), int(high), sentence, strength(float(ratio.min()), SCALE))]


def _known(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _mark(evidence: Evidence, low: int, high: int, sentence: str, power: float) -> Suspicion:
    begin, end = (evidence.daily.first + low) * DAY_S, (evidence.daily.first + high + 1) * DAY_S - 1
    first, last = int(evidence.record.time[0]), int(evidence.record.time[-1])
    return mark("wrong-units", max(begin, first), min(end, last), sentence, power)
