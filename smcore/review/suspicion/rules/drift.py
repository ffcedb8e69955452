"""Drift: the level leaves that of the sensors nearby, or of its own other years, slowly and does not come back."""

from __future__ import annotations

from typing import Final

import numpy as np

from smcore.review.suspicion.base import DAY_S, Floats, Suspicion, mark, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "drift"
SOURCE = (
    "Ours: the longest straight trend of monthly medians against sensors nearby, or else against its own other years."
)
BLOCK_D: Final = 30
LEAST_PEERS, LEAST_OWN = 0.10, 0.12
"""Change over the trend [m3 m-3], against peers and against other years. Ours."""
BLOCKS_PEERS, BLOCKS_OWN = 6, 12
"""Shortest trend, in blocks of 30 days. Ours."""
STRAIGHT: Final = 0.90
"""Least share of the variance that the straight line explains. Ours."""
LARGEST_STEP: Final = 0.5
"""Part of the change that may fall between two blocks: more is a step. Ours."""
TIMES_USUAL: Final = 4.0
"""In records of :data:`YEARS` it must be so many times the usual change over the shortest trend. Ours."""
MOST_OF_IT: Final = 0.85
"""The shortest trend with this part of the largest change is the period that is marked. Ours."""
YEARS: Final = 3
"""Fewer years say nothing of what is usual in a month. Ours."""
BACK: Final = 0.5
"""A trend that is undone by this part within the next half year was the weather's. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that a drift needs something that does not drift."""
    if evidence.against_peers is not None or len(evidence.daily.mean) >= YEARS * 365:
        return ""
    return f"drift needs two sensors of like depth within 100 km that follow it, or {YEARS} years of its own"


def find(evidence: Evidence) -> list[Suspicion]:
    """The largest trend, if there is any."""
    gap = evidence.against_peers
    if gap is not None:
        y = _blocks(gap) if len(gap) < YEARS * 365 else _unusual(_blocks(gap))  # stations differ by season
        return _trend(evidence, y, LEAST_PEERS, BLOCKS_PEERS, f"{len(evidence.peers)} sensors nearby")
    return _trend(evidence, _unusual(_blocks(evidence.daily.mean)), LEAST_OWN, BLOCKS_OWN, "its own other years")


def _blocks(daily: Floats) -> Floats:
    """Medians of blocks of 30 days, NaN with fewer than ten values."""
    count = len(daily) // BLOCK_D
    rows = daily[: count * BLOCK_D].reshape(count, BLOCK_D)
    known = np.isfinite(rows).sum(axis=1) >= 10
    result = np.full(count, np.nan)
    result[known] = np.nanmedian(rows[known], axis=1)
    return result


def _unusual(blocks: Floats) -> Floats:
    """Blocks less the median of their time of year over all years; a block is a month within five days a year."""
    season = np.round(np.arange(len(blocks)) * BLOCK_D / 365.25 % 1 * 12).astype(int) % 12
    usual = np.array(
        [np.nanmedian(one) if np.isfinite(one := blocks[season == m]).any() else np.nan for m in range(12)]
    )
    return np.asarray(blocks - usual[season])


def _trend(evidence: Evidence, y: Floats, least: float, shortest: int, against: str) -> list[Suspicion]:
    if len(y) * BLOCK_D >= YEARS * 365 and np.isfinite(y).any():
        least = max(least, TIMES_USUAL * float(np.nanmedian(np.abs(y[shortest:] - y[:-shortest]))))
    trends: list[tuple[float, int, int]] = []
    for first in range(len(y) - shortest + 1):
        for last, change, straight in _lines(y, first, shortest):
            if straight >= STRAIGHT and abs(change) >= least:
                part = y[first : last + 1]
                steps = np.abs(np.diff(part[np.isfinite(part)]))
                if steps.max() <= LARGEST_STEP * abs(change) and not _comes_back(y, last, change):
                    trends.append((change, first, last))
    if not trends:
        return []
    largest = max(abs(change) for change, _, _ in trends)
    most = [one for one in trends if abs(one[0]) >= MOST_OF_IT * largest]
    change, first, last = min(most, key=lambda one: one[2] - one[1])
    begin = (evidence.daily.first + first * BLOCK_D) * DAY_S
    end = min((evidence.daily.first + (last + 1) * BLOCK_D) * DAY_S - 1, int(evidence.record.time[-1]))
    days = (last - first + 1) * BLOCK_D
    sentence = f"leaves {against} by {change:+.3f} m³/m³ over {days} days, along a straight line"
    return [mark("drift", begin, end, sentence, strength(abs(change), least))]


def _lines(y: Floats, first: int, shortest: int) -> list[tuple[int, float, float]]:
    """Straight lines from a block to every later one: its number, change along the line, explained share."""
    part = y[first:]
    there = np.isfinite(part)
    t, v = np.where(there, np.arange(len(part), dtype=np.float64), 0.0), np.where(there, part, 0.0)
    n, st, sv = np.cumsum(there), np.cumsum(t), np.cumsum(v)
    with np.errstate(invalid="ignore", divide="ignore"):
        stt, svv, stv = np.cumsum(t * t) - st * st / n, np.cumsum(v * v) - sv * sv / n, np.cumsum(t * v) - st * sv / n
        slope, share = stv / stt, stv * stv / (stt * svv)
    ends = [i for i in range(shortest - 1, len(part)) if there[i] and n[i] >= 0.7 * (i + 1)]
    return [(first + i, float(slope[i] * i), float(share[i])) for i in ends]


def _comes_back(y: Floats, last: int, change: float) -> bool:
    """Whether the next half year undoes the trend slowly, as weather does; a mended sensor comes back at once."""
    after = y[last : last + 7]
    after = after[np.isfinite(after)]
    if len(after) < 2:
        return False
    undone = (after[0] - after) * np.sign(change)
    at_once = -np.diff(after)[0] * np.sign(change) >= BACK * abs(change)
    return bool(undone.max() >= BACK * abs(change) and not at_once)
