"""Scores of a trained model on held-out data: medians over locations, with intervals over locations."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import Status
from smcore.models.arrays import Floats
from smcore.validation.gaps.intervals import blocks_of, pooled_bounds
from smcore.validation.gaps.scores import AGES, age_class
from smcore.validation.metrics import bias, n, pearson_r, rmsd, ubrmsd

LEAST_DAYS = 30
_DRAWS = 2000
COLUMNS = ("fold", "sample", "metric", "value", "lower", "upper", "locations", "pairs", "status")
METRICS = {"pearson_r": pearson_r, "ubrmsd": ubrmsd, "rmsd": rmsd, "bias": bias}

Table = dict[str, NDArray[np.float64]]


def location_scores(product: Floats, reference: Floats) -> Table:
    """Metrics of each location over its own valid days: arrays (M,) under ``n`` and the names of :data:`METRICS`.

    Parameters
    ----------
    product, reference
        (T, M) [m3 m-3], NaN where missing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"n": n(product, reference, axis=0)} | {
            name: function(product, reference, axis=0) for name, function in METRICS.items()
        }


def summary(table: Mapping[str, NDArray[np.float64]], *, fold: str, sample: str, seed: int = 0) -> list[dict[str, Any]]:
    """Median over locations of at least :data:`LEAST_DAYS` valid days, with 95 % bootstrap intervals over locations."""
    enough = table["n"] >= LEAST_DAYS
    rows = []
    for name in METRICS:
        values = table[name][enough & np.isfinite(table[name])]
        row: dict[str, Any] = {"fold": fold, "sample": sample, "metric": f"median_{name}"}
        row |= {"locations": len(values), "pairs": int(table["n"][enough].sum())}
        if not len(values):
            rows.append(row | {"value": None, "lower": None, "upper": None, "status": str(Status.TOO_FEW)})
            continue
        draws = np.random.default_rng(seed).integers(0, len(values), (_DRAWS, len(values)))
        lower, upper = np.quantile(np.median(values[draws], axis=1), [0.025, 0.975])
        figures = {"value": float(np.median(values)), "lower": float(lower), "upper": float(upper)}
        rows.append(row | {key: round(value, 5) for key, value in figures.items()} | {"status": str(Status.OK)})
    return rows


@dataclass(frozen=True, eq=False)
class Pairs:
    """Predictions and hidden observations (T, M), NaN outside a sample, where and when they lie, and gap ages [d]."""

    product: Floats
    reference: Floats
    time: NDArray[np.datetime64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    age: Floats


def gap_rows(pairs: Pairs, sample: str, seed: int = 0) -> list[dict[str, Any]]:
    """Metrics over all hidden values as one sample, whole and by the days since the last observation in sight.

    The few hidden values of a location give no metric of their own; intervals are over blocks of days and areas
    (:mod:`smcore.validation.gaps.intervals`).
    """
    step, location = np.nonzero(np.isfinite(pairs.product) & np.isfinite(pairs.reference))
    day = ((pairs.time - pairs.time[0]) // np.timedelta64(1, "D")).astype(np.int64)
    blocks = blocks_of(int(day[-1]) + 1, pairs.lat, pairs.lon)
    age = age_class(np.ceil(pairs.age[step, location]).astype(np.int64))
    rows = []
    for number, level in ((-1, ""), *enumerate(AGES)):
        at = np.flatnonzero((age == number) | (number < 0))
        if len(at) < LEAST_DAYS:
            continue
        product, reference = (v[step[at], location[at]].astype(np.float64) for v in (pairs.product, pairs.reference))
        numbers = {name: float(function(product, reference)) for name, function in METRICS.items()}
        bounds = pooled_bounds(product, reference, blocks.day[day[step[at]]], blocks.area[location[at]], numbers,
                               seed=seed, level=0.95)  # fmt: skip
        named = {"fold": "all", "sample": f"{sample}:gap {level}" if level else sample}
        counts = {"locations": len(np.unique(location[at])), "pairs": len(at), "status": str(Status.OK)}
        for name, value in numbers.items():
            figures = {"value": value, "lower": bounds[name][0], "upper": bounds[name][1]}
            plain = {key: round(float(v), 5) if np.isfinite(v) else None for key, v in figures.items()}
            rows.append(named | {"metric": f"pooled_{name}"} | plain | counts)
    return rows


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> str:
    """Text of a table; an empty field where there is no number."""
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if row.get(key) is None else row[key] for key in columns})
    return text.getvalue()
