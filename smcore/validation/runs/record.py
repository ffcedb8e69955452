"""What a run records: options, data sets, counts and headline numbers as plain values for ``run.json``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import Status
from smcore.validation.estimates import Number
from smcore.validation.matching.excluding import COUNT, EXCLUDED
from smcore.validation.matching.match import Match
from smcore.validation.matching.places import STATIONS
from smcore.validation.matching.sides import Side
from smcore.validation.matching.times import HOUR
from smcore.validation.runs.table import none_recommended
from smcore.validation.score import Score
from smcore.validation.transforms import Transform

if TYPE_CHECKING:
    from smcore.validation.runs.plan import RunOptions


_MADE_BY: Final = ("model_id", "model_config", "weights_sha256", "input_data", "loam_version")
"""Attributes by which a product of ``loam predict`` says which model made it, and from what."""


def options_record(options: RunOptions) -> dict[str, Any]:
    """Put all options into plain values, as they stand in ``run.json``."""
    chosen, masks = options.match, options.match.masks
    return {
        "flags": list(masks.flags) if masks.flags is not None else "any",
        "quality": masks.quality,
        "masks": [rule.record() for rule in masks.rules],
        "overpass": masks.overpass,
        "start": masks.start,
        "end": masks.end,
        "depth_m": list(chosen.depth) if chosen.depth is not None else None,
        "time_window_hours": None if chosen.time_window is None else chosen.time_window / HOUR,
        "daily": chosen.daily,
        "max_distance_km": chosen.max_distance_km,
        "min_obs": options.estimates.min_obs,
        "metrics": list(options.estimates.metrics),
        "interval": options.estimates.interval,
        "level": options.estimates.level,
        "draws": options.estimates.draws,
        "seed": options.estimates.seed,
        "per_step": options.per_step,
        "triple": options.triple,
        "stability_days": options.stability,
        "strata": list(options.strata),
        "upscale": options.upscale,
        "scaling": options.transform.scaling,
        "scaling_period": None if options.transform.period is None else options.transform.period.text,
        "anomaly": options.transform.anomaly,
        "exclusions": [one.record() for one in options.exclusions],
    }


def result_record(scored: Score, transform: Transform) -> dict[str, Any]:
    """Put counts, notes and headline numbers of one product into plain values."""
    matched = scored.matched
    statuses = Counter(str(status) for status in scored.status["n"])
    result: dict[str, Any] = {
        "product": matched.product.name,
        "reference": matched.reference.name,
        "pairing": "daily" if matched.daily else f"nearest within {(matched.window or 0) / HOUR:g} h",
        "notes": [
            *_match_notes(matched, transform),
            *transform.notes,
            *sentences(scored),
            *filter(None, [scored.guard.sentence]),
        ],
        "locations": len(matched.places),
        "locations_by_status": dict(sorted(statuses.items())),
        "pairs": int(scored.n.sum()),
        "pairs_by_overpass": scored.overpasses,
        "counts": {
            side: {name: int(values.sum()) for name, values in counts.items() if name != "recommended"}
            for side, counts in scored.counts.items()
        },
        "dropped": {reason: int(values.sum()) for reason, values in sorted(scored.dropped.items())},
        "pooled": _numbers(scored.pooled),
        "median": _numbers(scored.median),
    }
    if scored.pool_stride > 1:
        result["pooled_of_every"] = scored.pool_stride
    for name, one in (("product", matched.product), ("reference", matched.reference)):
        if one.has_quality:
            recommended, offered = scored.recommended(name)
            result["counts"][name] |= {"retrievals": offered, "recommended": recommended}
    return result


def _match_notes(matched: Match, transform: Transform) -> list[str]:
    """What was said of the match, unless scaling has made it untrue."""
    return [note for note in matched.notes if not (transform.unifies_units and note.startswith("units differ"))]


def sentences(scored: Score) -> list[str]:
    """Say what was found in the data: which share of the retrievals is recommended, what exclusions have taken."""
    result = exclusion_sentences(scored)
    for name, one in (("product", scored.matched.product), ("reference", scored.matched.reference)):
        if one.has_quality and "recommended_bits" in one.dataset[names.QUALITY].attrs:
            recommended, offered = scored.recommended(name)
            share = f" ({recommended / offered:.0%})" if offered else ""
            result.append(f"{one.name}: {recommended} of {offered} retrievals are recommended{share}")
        bare = int((scored.counts[name]["unflagged"] > 0).sum())
        if bare:
            result.append(f"{one.name}: {bare} sensors carry no quality flag; all their values are used")
    if scored.overpasses:
        numbers = ", ".join(f"{number} {name}" for name, number in scored.overpasses.items())
        result.append(f"pairs by overpass: {numbers}")
    if (scored.status["n"] == Status.NONE_RECOMMENDED).all() and len(scored.n):
        result.append(none_recommended(scored))
    return result


def exclusion_sentences(scored: Score) -> list[str]:
    """Say what is excluded of the reference, with how many records and pairs are lost; nothing where nothing is."""
    matched = scored.matched
    if matched.excluded is None:
        return []
    nothing = np.zeros(0, np.int64)
    records, pairs = scored.counts["reference"].get(COUNT, nothing), scored.dropped.get(EXCLUDED, nothing)
    noun = "sensors" if matched.anchor.layout == STATIONS else "pixels"
    return matched.excluded.sentences(matched.reference.name, noun, int(records.sum()), int(pairs.sum()))


def describe(entry: CatalogEntry, one: Side, fingerprint: str) -> dict[str, Any]:
    """Say which data were used, down to the fingerprint of their content; of a model's product also who made it."""
    attrs = one.dataset.attrs
    made_by = {name: str(attrs[name]) for name in _MADE_BY if name in attrs}
    return {
        "id": entry.id,
        "name": one.name,
        "title": entry.title,
        "kind": entry.kind,
        "synthetic": bool(entry.synthetic),
        "layout": one.layout,
        "product": str(attrs.get("product", "")),
        "version": entry.version,
        "units": one.units,
        "layer_m": str(attrs.get("layer_m", "")) if one.layout != STATIONS else "of each sensor",
        "time_support": str(one.support),
        "period": one.period,
        "inputs": str(attrs.get("inputs", "")),
        "citation": entry.citation or str(attrs.get("citation", "")),
        "doi": entry.doi or str(attrs.get("doi", "")),
        "licence": entry.licence or str(attrs.get("licence", "")),
        "fingerprint": fingerprint,
        **({"made_by": made_by} if made_by else {}),
    }


def _numbers(numbers: dict[str, Number]) -> dict[str, dict[str, Any]]:
    return {
        name: {"value": None if np.isnan(x.value) else x.value, "n": x.n, "status": str(x.status)}
        for name, x in numbers.items()
    }
