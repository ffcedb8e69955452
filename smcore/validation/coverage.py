"""Skill against coverage: what a stricter mask buys in agreement, and what it costs in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.score import ScoreOptions, score

if TYPE_CHECKING:
    from smcore.validation.matching.sides import Masks, Side

METRICS = ("pearson_r", "ubrmsd")


@dataclass(frozen=True)
class CoveragePoint:
    """One mask: its pairs, their share of those of the first mask (0…1), and medians over ``locations``.

    The locations are those whose metrics are ok under every mask, so that all points are about the same places; NaN
    where there is none.
    """

    label: str
    pairs: int
    share: float
    pearson_r: float
    ubrmsd: float
    locations: int


def skill_against_coverage(
    product: Side,
    reference: Side,
    masks: Mapping[str, Masks],
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> list[CoveragePoint]:
    """Score a product against a reference under several masks, the loosest first.

    Raises
    ------
    MatchError
        If the two do not meet, or a mask tests what neither has.
    Cancelled
        If the user asked to stop.
    """
    from smcore.validation.estimates import EstimateOptions

    options = ScoreOptions(EstimateOptions(interval="none", metrics=METRICS))
    found = []
    for i, (label, mask) in enumerate(masks.items()):
        check(cancelled)
        told = part(progress, i / len(masks), (i + 1) / len(masks))
        matched = match(product, reference, MatchOptions(mask))
        found.append((label, score(matched, options, progress=told, cancelled=cancelled)))
    ok = np.all([one.status[name].astype(str) == "ok" for _, one in found for name in METRICS], axis=0)
    most = max(int(found[0][1].n.sum()), 1)
    points = []
    for label, one in found:
        r, ubrmsd = (float(np.median(one.values[name][ok])) if ok.any() else float("nan") for name in METRICS)
        pairs = int(one.n.sum())
        points.append(CoveragePoint(label, pairs, pairs / most, r, ubrmsd, int(ok.sum())))
    return points
