"""Sentences that belong beside every number of a match: units, depths, masks, independence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.validation.leakage import INDEPENDENT, LEARNT, UNKNOWN, independence
from smcore.validation.matching.places import STATIONS
from smcore.validation.matching.sides import Masks, Side

Ints = NDArray[np.int64]


_DEPTH_TOLERANCE_M = 0.005
"""Sensors at 2 inches (0.0508 m) count as at 0.05 m (our choice)."""


def notes_on(product: Side, reference: Side, *, product_is_anchor: bool, at: Ints, masks: Masks) -> list[str]:
    """Say what a reader of the result must know.

    Parameters
    ----------
    at
        For each location of the anchor side, the index of its partner in the other side; −1 none.
    """
    return [
        *_unit_notes(product, reference),
        *_depth_notes(product, reference, product_is_anchor, at),
        *_day_notes(product, reference),
        *_mask_notes(product, reference, masks),
        *_independence_notes(product, reference),
        *_synthetic_notes(product, reference),
    ]


def _unit_notes(product: Side, reference: Side) -> list[str]:
    if product.units == reference.units:
        return []
    units = f"product {product.units or 'unknown'}, reference {reference.units or 'unknown'}"
    return [f"units differ: {units}; bias, rmsd and ubrmsd are not given (unit_mismatch), correlations are"]


def _depth_notes(product: Side, reference: Side, product_is_anchor: bool, indices: Ints) -> list[str]:
    """One sentence for each pair of depth ranges that do not fit, with how many locations it concerns."""
    found = np.flatnonzero(indices >= 0)
    other = indices[found]
    at = (found, other) if product_is_anchor else (other, found)
    ranges = np.stack(
        [
            product.places.depth_from[at[0]],
            product.places.depth_to[at[0]],
            reference.places.depth_from[at[1]],
            reference.places.depth_to[at[1]],
        ],
        axis=1,
    )
    distinct, counts = np.unique(np.nan_to_num(ranges, nan=-1.0), axis=0, return_counts=True)
    what = "sensors" if STATIONS in (product.layout, reference.layout) else "locations"
    notes = []
    for (a, b, c, d), count in zip(np.where(distinct < 0, np.nan, distinct), counts, strict=True):
        if not _same_depth(a, b, c, d):
            word = "depth mismatch" if np.isfinite([a, b, c, d]).all() else "depth unknown"
            where = f" ({count} of {len(found)} {what})" if len(distinct) > 1 else ""
            notes.append(f"{word}: product {range_text(a, b)}, reference {range_text(c, d)}{where}")
    return notes


def _same_depth(a: float, b: float, c: float, d: float) -> bool:
    """Equal ranges, or a sensor at one depth inside the other's layer."""
    if not np.isfinite([a, b, c, d]).all():
        return False
    near = _DEPTH_TOLERANCE_M
    point_inside = (c == d and a - near <= c <= b + near) or (a == b and c - near <= a <= d + near)
    return bool(point_inside or (abs(a - c) <= near and abs(b - d) <= near))


def _day_notes(product: Side, reference: Side) -> list[str]:
    """Days that are not those of UTC are paired as if they were: off by the time zone."""
    days = {side.name: str(side.dataset.attrs.get("day_of", "")) for side in (product, reference)}
    return [
        f"{name} has days of {whose}; they are paired with UTC days of the same date"
        for name, whose in days.items()
        if whose
    ]


def _mask_notes(product: Side, reference: Side, masks: Masks) -> list[str]:
    notes = []
    for side in (product, reference):
        if masks.quality != "all" and not side.has_quality and side.layout != STATIONS:
            notes.append(f"{side.name} has no quality flags: --quality {masks.quality} leaves it as it is")
        if names.OBS_TIME not in side.dataset and not side.exact_times:
            notes.append(f"{side.name} has nominal steps: its days are those that its source names")
    return notes


def _independence_notes(product: Side, reference: Side) -> list[str]:
    """Say what ties the two; that nothing is known only of a product that learnt from something."""
    attrs = product.dataset.attrs
    found = independence(
        attrs,
        reference.dataset.attrs,
        product_id=product.name,
        reference_id=reference.name,
        unseen=True,  # a run leaves out what was trained on
    )
    known = found.status not in (INDEPENDENT, UNKNOWN) or str(attrs.get("kind", "")) in LEARNT
    return [found.sentence] if found.sentence and known else []


def _synthetic_notes(product: Side, reference: Side) -> list[str]:
    made = [side.name for side in (product, reference) if int(side.dataset.attrs.get("synthetic", 0))]
    return [f"synthetic: {' and '.join(dict.fromkeys(made))}"] if made else []


def range_text(top: float, bottom: float) -> str:
    """Write a depth range in metres."""
    if not (np.isfinite(top) and np.isfinite(bottom)):
        return "unknown"
    upper, lower = _depth_text(top), _depth_text(bottom)
    return f"{upper} m" if top == bottom else f"{upper}–{lower} m"


def _depth_text(depth: float) -> str:
    return "0" if depth == 0 else f"{depth:.2f}" if abs(depth - round(depth, 2)) < 1e-6 else f"{depth:g}"
