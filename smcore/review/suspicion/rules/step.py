"""Step: the level changes from one hour or one day to the next, and stays."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, HOUR_S, Floats, Ints, Suspicion, clusters, iso, mark, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "step"
SOURCE = (
    "After the breaks D07 and D08 of Dorigo et al. (2013), doi:10.2136/vzj2012.0097, which ask for a change of 10 %. "
    "Ours: 0.05 m³/m³, that the new level stays, no frost, that a rise needs proof that it did not rain, and the "
    "comparison with sensors nearby, in the manner of homogeneity tests with a reference."
)
LEAST: Final = 0.05
"""Ours [m3 m-3]."""
SHARE: Final = 0.10
"""Of the value before (Dorigo et al. 2013)."""
STAYS: Final = 0.7
"""Part of the change that is still there later. Ours."""
DRY_MM: Final = 2.0
"""Less rain in the two days before is none. Ours [mm]."""
MOST_LOOKED: Final = 200
TOGETHER_D: Final = 7.0
"""Steps closer than this are told together [d]. Ours."""
SIDE_D: Final = 45
"""Days on either side whose means are compared with the sensors nearby. Ours."""
STAYS_LONG: Final = 0.6
"""Part of it that must still be there 45 to 90 days later: weather is not. Ours."""
YEARS, TIMES_USUAL = 2, 4.0
"""In longer records it must be so many times the usual change between such sides. Ours."""
TIMES_SPREAD: Final = 3.0
"""… and how many standard deviations of those days apart. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that a step needs hours or peers."""
    if evidence.is_hourly or len(evidence.peers) > 1:
        return ""
    return "steps need records of three hours or denser, or two sensors of like depth within 100 km"


def find(evidence: Evidence) -> list[Suspicion]:
    """Sudden changes that stay, and changes of level against the sensors nearby."""
    found = _sudden(evidence) if evidence.is_hourly else []
    for one in _against_peers(evidence):
        if not any(_apart(one, other) < 3 for other in found):
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def _apart(a: Suspicion, b: Suspicion) -> float:
    return abs(float((np.datetime64(a.start) - np.datetime64(b.start)) / np.timedelta64(1, "D")))


def _sudden(evidence: Evidence) -> list[Suspicion]:
    record = evidence.record
    change = np.diff(record.value)
    large = np.abs(change) >= np.maximum(LEAST, SHARE * np.abs(record.value[:-1]))
    at = np.flatnonzero(large & (np.diff(record.time) <= 3 * HOUR_S))
    at = at[~evidence.near_frost(record.time[at])]
    if len(at) > MOST_LOOKED:
        at = np.sort(at[np.argsort(-np.abs(change[at]))[:MOST_LOOKED]])
    told = {int(i): (_down if change[i] < 0 else _up)(evidence, int(i), change[i]) for i in at}
    steps = np.array([i for i, said in told.items() if said], dtype=np.int64)
    found = []
    for first, last in clusters(record.time[steps], TOGETHER_D * DAY_S):
        some = steps[first : last + 1]
        largest = int(some[np.argmax(np.abs(change[some]))])
        sentence = told[largest] if len(some) == 1 else f"{len(some)} steps; the largest {told[largest]}"
        begin, end = record.time[some[0]], record.time[some[-1] + 1]
        found.append(mark("step", begin, end, sentence, strength(abs(change[largest]), LEAST)))
    return found


def _level(evidence: Evidence, first_h: float, last_h: float, at: int) -> float:
    """Median from so many hours to so many hours after a record; NaN with fewer than four values."""
    when = int(evidence.record.time[at])
    values = evidence.record.between(when + first_h * HOUR_S, when + last_h * HOUR_S)
    return float(np.median(values)) if len(values) >= 4 else np.nan


def _down(evidence: Evidence, i: int, change: float) -> str:
    """A fall within hours that no soil drains; not at the end of a spike or a short peak."""
    before, after = _level(evidence, -24, 0, i), _level(evidence, 13, 37, i)
    if not (before - after >= STAYS * -change and abs(evidence.record.value[i] - before) <= -change / 3):
        return ""
    return f"falls by {-change:.3f} m³/m³ at once, from {before:.3f} to {after:.3f}, and stays there"


def _up(evidence: Evidence, i: int, change: float) -> str:
    """A rise that stays for days, where neither rain nor the sensors nearby know of any water."""
    before, after = _level(evidence, -24, 0, i), _level(evidence, 120, 240, i)
    if not after - before >= STAYS * change:
        return ""
    day = int(evidence.record.time[i]) // DAY_S - evidence.daily.first
    rain = evidence.rain[max(day - 1, 0) : day + 2]
    if len(rain) and np.isfinite(rain).all():
        why = f"with {rain.sum():.1f} mm of rain" if rain.sum() < DRY_MM else ""
    else:
        moved = np.nan if evidence.against_peers is None else _peers_rise(evidence.peers, day)
        why = f"while sensors nearby rise by {max(moved, 0):.3f}" if moved < 0.1 * change else ""
    return (
        f"rises by {change:.3f} m³/m³ at once, from {before:.3f} to {after:.3f}, and stays there, {why}" if why else ""
    )


def _peers_rise(peers: Floats, day: int) -> float:
    """The largest rise of any sensor nearby about a day; NaN where fewer than two tell."""
    if day < 2 or day + 2 >= peers.shape[1]:
        return np.nan
    rise = np.maximum(peers[:, day + 1], peers[:, day + 2]) - np.minimum(peers[:, day - 1], peers[:, day - 2])
    known = rise[np.isfinite(rise)]
    return float(known.max()) if len(known) > 1 else np.nan


def _against_peers(evidence: Evidence) -> list[Suspicion]:
    """Days at which the level against the sensors nearby changes for good."""
    gap = evidence.against_peers
    if gap is None or len(gap) < 2 * SIDE_D:
        return []
    days = np.arange(SIDE_D, len(gap) - SIDE_D + 1)
    mean = {width: _means(gap, days, width) for width in (SIDE_D, 5)}
    shift = mean[SIDE_D][1] - mean[SIDE_D][0]
    near = mean[5][1] - mean[5][0]
    spread = _spread(gap, days)
    size = np.abs(shift)
    with np.errstate(invalid="ignore"):
        good = (size >= LEAST) & (size >= TIMES_SPREAD * spread) & (near / shift >= STAYS)
        good &= (_later(gap, days) / shift >= STAYS_LONG) | ((size >= 2 * LEAST) & np.isnan(_later(gap, days)))
    if len(days) > YEARS * 365:  # where stations part ways all the time, a change says little
        good &= size >= TIMES_USUAL * np.nanmedian(size)
    score = np.where(good, size, 0.0)
    found = []
    while score.max(initial=0) > 0:
        best = int(np.argmax(score))
        when = (evidence.daily.first + int(days[best])) * DAY_S
        sentence = (
            f"its level against {len(evidence.peers)} sensors nearby changes by {shift[best]:+.3f} m³/m³ about "
            f"{iso(when)[:10]} ({SIDE_D} days before and after)"
        )
        found.append(mark("step", when - DAY_S, when + DAY_S - 1, sentence, strength(float(size[best]), LEAST)))
        score[max(best - SIDE_D, 0) : best + SIDE_D] = 0.0
    return found


def _means(gap: Floats, days: Ints, width: int) -> tuple[Floats, Floats]:
    """Means of the days before and from each day on, NaN with fewer than half of them."""
    there = np.isfinite(gap)
    total = np.concatenate([[0.0], np.cumsum(np.where(there, gap, 0.0))])
    count = np.concatenate([[0], np.cumsum(there)])

    def mean(first: Ints, last: Ints) -> Floats:
        n = count[last] - count[first]
        return np.asarray(np.divide(total[last] - total[first], n, out=np.full(len(n), np.nan), where=n > width / 2))

    return mean(days - width, days), mean(days, np.minimum(days + width, len(gap)))


def _later(gap: Floats, days: Ints) -> Floats:
    """Change between the 45 days that end 45 days before a day, and those that begin 45 days after it."""
    before, after = _means(gap, days, SIDE_D)
    result = np.full(len(days), np.nan)
    result[SIDE_D:-SIDE_D] = (after[2 * SIDE_D :] - before[: -2 * SIDE_D]) if len(days) > 2 * SIDE_D else np.nan
    return result


def _spread(gap: Floats, days: Ints) -> Floats:
    """Standard deviation within the two sides of each day."""
    (before, after), (before2, after2) = _means(gap, days, SIDE_D), _means(gap * gap, days, SIDE_D)
    return np.asarray(np.sqrt(np.maximum((before2 - before**2 + after2 - after**2) / 2, 0.0)))
