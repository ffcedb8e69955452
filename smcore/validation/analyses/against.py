"""A against B: every two products of a run, on the same reference records at each location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.names import unit_label
from smcore.validation.analyses.base import Findings, location_columns
from smcore.validation.leakage import Seen
from smcore.validation.matching.match import Match
from smcore.validation.matching.places import CUBE, STATIONS
from smcore.validation.matching.sample import Common
from smcore.validation.matching.tiles import Tile
from smcore.validation.metrics import METRICS
from smcore.validation.score import Score, ScoreOptions
from smcore.validation.versus import DEFAULT_METRICS, Difference, Differences, Versus, compare, paired

SEEN = "seen"
"""Verdict at a location that one of the two was trained on: it is not judged."""

_NOUNS = {STATIONS: "sensors", CUBE: "cells"}


@dataclass(frozen=True, eq=False)
class AgainstEachOther:
    """Test every two products at each location and over all of them: ``versus.csv`` and one sentence for each two."""

    matches: tuple[Match, ...]
    guards: tuple[Seen, ...]
    options: ScoreOptions

    @property
    def two(self) -> list[tuple[int, int]]:
        """The products that are compared, in the order in which they were given."""
        return list(combinations(range(len(self.matches)), 2))

    def part(self, tile: Tile, common: Common) -> list[Differences]:
        """Compare at the locations of a tile, without the pairs that a model has seen."""
        seen = [guard.of_pairs(tile.rows, common.time) for guard in self.guards]
        return [self._paired(a, b, common, seen[a] | seen[b]) for a, b in self.two]

    def _paired(self, a: int, b: int, common: Common, seen: NDArray[np.bool_]) -> Differences:
        """Compare two products on pairs that neither was trained on; these alone are scaled and turned to anomalies."""
        x, y = (
            self.options.of(self.matches[i]).transform.apply(
                np.where(seen, np.nan, common.products[i]), np.where(seen, np.nan, common.reference), common.time
            )
            for i in (a, b)
        )
        return paired(
            x[0],
            y[0],
            x[1],
            common.time,
            metrics=self._metrics(a, b),
            min_pairs=self.options.estimates.min_obs,
            level=self.options.estimates.level,
        )

    def finish(self, parts: Sequence[list[Differences]], scores: Sequence[Score]) -> Findings:
        """Judge all locations together."""
        tables, record, sentences = [], [], []
        for number, (a, b) in enumerate(self.two):
            differences = joined([part[number] for part in parts])
            first, second = self.matches[a], self.matches[b]
            cell = None if first.product_is_anchor else first.collocation.indices[:, 0]
            metric = next(iter(differences.metrics))
            verdicts = compare(
                differences,
                first.places.lat,
                first.places.lon,
                names=(first.product.name, second.product.name),
                metric=metric,
                unit=unit_label(first.reference.units),
                cell=cell,
                seed=self.options.estimates.seed,
                noun=_NOUNS.get(first.anchor.layout, "pixels"),
                sample="days" if first.daily else "pairs",
            )
            whole = self.guards[a].whole | self.guards[b].whole
            if first.anchor.layout != CUBE:
                tables.append(_table(first, second, differences, verdicts, whole))
            record.append(_record(first, second, verdicts))
            sentences.append(verdicts.sentence + _left_out(int(whole.sum())))
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
        return Findings({"versus.csv": table}, {"comparisons": record}, tuple(sentences))

    def _metrics(self, a: int, b: int) -> tuple[str, ...]:
        """Metrics that mean something for both: without a common unit only the correlation does."""
        same = all(
            matched.same_units or self.options.of(matched).transform.unifies_units
            for matched in (self.matches[a], self.matches[b])
        )
        return tuple(name for name in DEFAULT_METRICS if same or not METRICS[name].needs_same_unit)


COLUMNS = (
    "a", "b", "reference", "location", "sensor", "lat", "lon", "metric", "value_a", "value_b", "gain", "lower",
    "upper", "p", "q", "verdict", "n", "n_eff",
)  # fmt: skip


def joined(parts: Sequence[Differences]) -> Differences:
    """Lay the locations of all tiles behind each other."""

    def column(values: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(values)

    metrics = {
        name: Difference(
            **{f.name: column([getattr(part.metrics[name], f.name) for part in parts]) for f in fields(Difference)}
        )
        for name in parts[0].metrics
    }
    return Differences(
        metrics,
        column([part.n for part in parts]),
        column([part.amplitude_a for part in parts]),
        column([part.amplitude_b for part in parts]),
        parts[0].min_pairs,
        parts[0].level,
    )


def _table(
    first: Match, second: Match, differences: Differences, verdicts: Versus, seen: NDArray[np.bool_]
) -> pd.DataFrame:
    rows = np.arange(len(differences.n))
    parts = []
    for name, one in differences.metrics.items():
        judged = verdicts.judged[name]
        numbers = {column: getattr(one, column) for column in ("value_a", "value_b", "gain", "lower", "upper", "p")}
        verdict = np.where(seen, SEEN, judged.verdict.astype(str))
        part = location_columns(first, rows).assign(
            a=first.product.name, b=second.product.name, reference=first.reference.name, metric=name, **numbers,
            q=judged.q, verdict=verdict, n=differences.n, n_eff=one.n_eff, index=rows,
        )  # fmt: skip
        parts.append(part)
    table = pd.concat(parts).sort_values("index", kind="stable", ignore_index=True)
    return table[list(COLUMNS)]


def _record(first: Match, second: Match, verdicts: Versus) -> dict[str, Any]:
    metrics = {
        name: {
            "better": judged.better,
            "worse": judged.worse,
            "undecided": judged.undecided,
            "too_few": judged.too_few,
            "median_gain": _plain(judged.median.median),
            "lower": _plain(judged.median.lower),
            "upper": _plain(judged.median.upper),
            "groups": judged.median.clusters,
        }
        for name, judged in verdicts.judged.items()
    }
    return {
        "a": first.product.name,
        "b": second.product.name,
        "reference": first.reference.name,
        "sentence": verdicts.sentence,
        "days": verdicts.days,
        "amplitudes": [_plain(ratio) for ratio in verdicts.amplitudes],
        "metrics": metrics,
    }


def _left_out(count: int) -> str:
    return f" ({count} left out: a model was trained there)" if count else ""


def _plain(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
