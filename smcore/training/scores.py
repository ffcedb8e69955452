"""Scores of a trained model on held-out data: medians over locations, with intervals over locations."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import Status
from smcore.models.base import Floats
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


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> str:
    """Text of a table; an empty field where there is no number."""
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if row.get(key) is None else row[key] for key in columns})
    return text.getvalue()
