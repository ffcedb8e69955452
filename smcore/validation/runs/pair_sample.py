"""The pairs behind a score, read once more for a picture: as they were scored, and of some locations where many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore.errors import SmcoreError
from smcore.validation.leakage import without_seen
from smcore.validation.score import Score
from smcore.validation.transforms import Transform

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairSample:
    """Finite pairs ``product`` and ``reference`` (pair,) of every ``stride``-th location; ``total`` were scored.

    ``units`` are those of product and reference.
    """

    product: Floats
    reference: Floats
    total: int
    stride: int
    units: tuple[str, str]


def pair_sample(score: Score, transform: Transform, *, most: int) -> PairSample:
    """Read the pairs of a score again, scaled and as anomalies where it was, without those seen in training.

    Parameters
    ----------
    most
        Number of pairs above which only every k-th location is read, k so that about so many are left.

    Notes
    -----
    A location that can't be read has no pairs here, as it has no score.
    """
    matched, guard = score.matched, score.guard
    total = int(score.pooled["n"].n) if "n" in score.pooled else int(score.n.sum())
    stride = max(1, -(-int(score.n.sum()) // most))
    found: list[tuple[Floats, Floats]] = []
    for tile in matched.block_rows():
        rows = tile[(tile % stride == 0) & ~guard.whole[tile] & (score.n[tile] > 0)]
        if not len(rows):
            continue
        try:
            pairs, _ = without_seen(matched.block(rows).pairs, rows, guard)
        except SmcoreError:
            continue
        product, reference, _ = transform.apply(pairs.product, pairs.reference, pairs.product_time)
        both = np.isfinite(product) & np.isfinite(reference)
        found.append((product[both], reference[both]))
    units = (matched.reference.units if transform.unifies_units else matched.product.units, matched.reference.units)
    product, reference = (
        np.concatenate([one[i] for one in found]).astype(np.float64) if found else np.empty(0) for i in (0, 1)
    )
    return PairSample(product, reference, total, stride, units)
