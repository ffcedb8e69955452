"""Scores as tidy tables: one row for each location and metric, then all pairs pooled, then the median.

``lower`` and ``upper`` are the limits of the interval of the kind named in ``interval``, ``n_eff`` the effective number
of pairs; all three are empty where no interval is defended for the metric or the sample. ``seen`` says whether the
product was trained at or around the location (:mod:`smcore.validation.leakage`): what was seen is left out of
``*pooled*`` and ``*median*`` and counted in ``*pooled, with seen*`` and ``*median, with seen*``, which stand before.
``n`` is the sample that the value rests on: pairs for a location and for ``*pooled*``, locations for ``*median*``.
``n`` as a metric is given whatever the status; any other value only where ``status`` is ``ok``. The cells of cubes have
no rows (they are fields in ``metrics.nc``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import Status
from smcore.validation.estimates import Number
from smcore.validation.matching.excluding import EXCLUDED
from smcore.validation.matching.places import CUBE, STATIONS
from smcore.validation.metrics import METRICS
from smcore.validation.score import MEDIAN, POOLED, Score

COLUMNS = (
    "location", "sensor", "metric", "value", "lower", "upper", "n", "n_eff", "status",
    "product", "reference", "depth_from", "depth_to", "distance_km",
    "units", "network", "lat", "lon", "n_product", "n_reference", "recommended_share", "note", "seen", "interval",
)  # fmt: skip
SHORT = "short record: the interval may hold the truth less often than it says"
"""Note on an interval of less than 450 days or 20 independent pairs."""

CLUSTERS = "clusters"
"""Kind of the interval of a median: clusters of locations are resampled."""

POOLED_WITH_SEEN, MEDIAN_WITH_SEEN = "*pooled, with seen*", "*median, with seen*"

STEP_COLUMNS = (
    "time", "metric", "value", "lower", "upper", "n", "n_eff", "status", "product", "reference", "units",
)  # fmt: skip


def score_table(scores: Sequence[Score]) -> pd.DataFrame:
    """Lay out the scores of one or several products; the last rows are always pooled and median.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`; empty cells are NaN or ''.
    """
    parts = [_location_rows(score) for score in scores if score.matched.anchor.layout != CUBE]
    for score in scores:
        if score.with_seen is not None:
            labels = zip((POOLED_WITH_SEEN, MEDIAN_WITH_SEEN), score.with_seen, strict=True)
            parts += [_summary_rows(score, label, numbers) for label, numbers in labels]
    parts += [_summary_rows(score, POOLED, score.pooled) for score in scores]
    parts += [_summary_rows(score, MEDIAN, score.median) for score in scores]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def step_table(scores: Sequence[Score]) -> pd.DataFrame:
    """Lay out metrics over space: one row for each UTC day and metric, and all days pooled at the end.

    Returns
    -------
    DataFrame
        Columns :data:`STEP_COLUMNS`.
    """
    parts = []
    for score in scores:
        if score.days is not None:
            days = score.days.assign(units=score.days["metric"].map(lambda name, s=score: _units(s, name)))
            parts.append(days.assign(**_pair_names(score)))
    for score in scores:
        rows = [
            {
                "time": POOLED,
                "metric": m,
                "value": x.value,
                "n": x.n,
                "status": str(x.status),
                "units": _units(score, m),
            }
            for m, x in score.pooled.items()
        ]
        parts.append(pd.DataFrame(rows).assign(**_pair_names(score)))
    table = pd.concat(parts, ignore_index=True).assign(lower=np.nan, upper=np.nan, n_eff=np.nan)
    return table[list(STEP_COLUMNS)]


def none_recommended(score: Score, row: int | None = None) -> str:
    """Say that no retrieval is recommended: of one location, or of all of them."""
    side = "product" if score.matched.product.has_quality else "reference"
    if row is None:
        number = score.recommended(side)[1]
    else:
        number = int(score.counts[side]["values"][row] - score.counts[side]["dropped_overpass"][row])
    return f"no data: 0 of {number} retrievals are recommended"


def reason(score: Score, metric: str, row: int) -> str:
    """Say why a location has no value of ``metric``; empty where it has."""
    status = score.status[metric][row]
    if status == Status.OK:
        return ""
    if status == Status.FAILED:
        return score.errors.get(row, "the value is not finite")
    if status == Status.NONE_RECOMMENDED:
        return none_recommended(score, row)
    if status == Status.OUT_OF_GRID:
        km = score.matched.collocation.distance_km[row]
        return f"nearest location is {km:.1f} km away" if np.isfinite(km) else "its coordinates are unknown"
    if status == Status.TOO_FEW:
        excluded = _excluded(score, row)
        more = f"; {excluded} more are excluded" if excluded else ""
        return f"{score.n[row]} pairs, {score.min_obs} needed{more}"
    if status == Status.CONSTANT_SERIES:
        return "one of the series has one value only"
    if status == Status.UNIT_MISMATCH:
        return f"product in {score.matched.product.units}, reference in {score.matched.reference.units}"
    if score.guard.spans is not None and score.guard.location[row]:
        return "all its pairs are of days that the model was trained on"
    return _no_overlap(score, row)


def _no_overlap(score: Score, row: int) -> str:
    for side in ("product", "reference"):
        counts = {name: int(values[row]) for name, values in score.counts[side].items()}
        if not counts["values"]:
            return f"the {side} has no value here in the common period"
        if not counts["usable"]:
            lost = [f"{counts[k]} by {k.removeprefix('dropped_')}" for k in counts if k[:8] == "dropped_" and counts[k]]
            return f"none of {counts['values']} values of the {side} is usable: left out {', '.join(lost)}"
    excluded = _excluded(score, row)
    return f"its {excluded} pairs are excluded" if excluded else "no two usable records or days meet"


def _excluded(score: Score, row: int) -> int:
    """How many pairs of a location exclusions have taken."""
    return int(score.dropped[EXCLUDED][row]) if EXCLUDED in score.dropped else 0


def _location_rows(score: Score) -> pd.DataFrame:
    """One row for each location and metric, location by location."""
    places, metrics = score.matched.places, list(score.values)
    estimates, many = score.estimates, len(metrics)

    def each(values: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values, many)

    def by_metric(columns: dict[str, NDArray[Any]]) -> NDArray[Any]:
        return np.stack([columns[metric] for metric in metrics], axis=1).ravel()

    status = np.stack([score.status[metric] for metric in metrics], axis=1)
    notes = np.full(status.shape, "", object)
    for row, column in zip(*np.nonzero(status != Status.OK), strict=True):
        notes[row, column] = reason(score, metrics[column], int(row))
    notes[np.stack([estimates.short[metric] for metric in metrics], axis=1)] = SHORT
    lower = by_metric(estimates.lower)
    table = pd.DataFrame(
        {
            "location": each(places.location),
            "sensor": each(places.sensor),
            "metric": np.tile(np.array(metrics, object), len(places)),
            "value": by_metric(score.values),
            "lower": lower,
            "upper": by_metric(estimates.upper),
            "n": each(score.n),
            "n_eff": by_metric(estimates.n_eff),
            "status": status.astype(str).ravel(),
            "depth_from": each(places.depth_from),
            "depth_to": each(places.depth_to),
            "distance_km": each(score.matched.collocation.distance_km),
            "units": np.tile(np.array([_units(score, metric) for metric in metrics], object), len(places)),
            "network": each(places.network),
            "lat": each(places.lat),
            "lon": each(places.lon),
            "n_product": each(score.counts["product"]["usable"]),
            "n_reference": each(score.counts["reference"]["usable"]),
            "recommended_share": each(_recommended_share(score)),
            "note": notes.ravel(),
            "seen": each(score.seen),
            "interval": np.where(np.isfinite(lower), score.options.interval, ""),
        }
    )
    return _complete(table, score)


def _summary_rows(score: Score, label: str, numbers: dict[str, Number]) -> pd.DataFrame:
    rows = []
    matched = score.matched
    noun = "sensors" if matched.anchor.layout == STATIONS else "pixels"
    excluded = f"{matched.excluded.counted(noun)} excluded" if matched.excluded and matched.excluded.used else ""
    recommended, offered = score.recommended("product")
    share = recommended / offered if score.matched.product.has_quality and offered else np.nan
    for metric, number in numbers.items():
        row = {
            "location": label,
            "metric": metric,
            "value": number.value,
            "lower": number.lower,
            "upper": number.upper,
            "n": number.n,
            "n_eff": number.n_eff,
            "status": str(number.status),
            "interval": CLUSTERS if np.isfinite(number.lower) else "",
        }
        row["note"] = none_recommended(score) if number.status == Status.NONE_RECOMMENDED else excluded
        if label.startswith(POOLED[:-1]) and score.pool_stride > 1 and METRICS[metric].from_moments is None:
            row["note"] = "; ".join(filter(None, [f"of one pair in {score.pool_stride}", excluded]))
        rows.append(row | {"units": _units(score, metric), "recommended_share": share})
    return _complete(pd.DataFrame(rows), score)


def _complete(table: pd.DataFrame, score: Score) -> pd.DataFrame:
    """All columns in order."""
    table = table.assign(**_pair_names(score))
    for column in COLUMNS:
        if column not in table:
            table[column] = "" if column in ("sensor", "network", "seen", "interval") else np.nan
    return table[list(COLUMNS)]


def _pair_names(score: Score) -> dict[str, str]:
    return {"product": score.matched.product.name, "reference": score.matched.reference.name}


def _units(score: Score, metric: str) -> str:
    return METRICS[metric].unit_for(score.units)


def _recommended_share(score: Score) -> NDArray[np.float64]:
    counts = score.counts["product"]
    offered = counts["values"] - counts["dropped_overpass"]
    known = score.matched.product.has_quality & (offered > 0)
    share: NDArray[np.float64] = np.divide(
        counts["recommended"], offered, out=np.full(len(offered), np.nan), where=known
    )
    return share
