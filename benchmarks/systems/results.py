"""Finished rows as tables ask for them: figures of a method over its seeds, gains over another, folds put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .judging import LEAST_GAIN, METRICS, Gain
from .plan import Row
from .rows import DONE, REFUSED
from .scenes import SCENES

Record = Mapping[str, Any]
_DRAWS = 2000
_LEAST_DAYS = 30


@dataclass(frozen=True)
class Figure:
    """A number with its interval; the median over seeds, with the widest of their intervals."""

    value: float
    lower: float | None
    upper: float | None
    seeds: int = 1

    def text(self, digits: int = 3, scale: float = 1.0, *, signed: bool = False) -> str:
        """As a table prints it."""
        form = f"{{:{'+' if signed else ''}.{digits}f}}"
        value = form.format(scale * self.value)
        if self.lower is None or self.upper is None:
            return f"{value} [no interval]"
        return f"{value} [{form.format(scale * self.lower)}, {form.format(scale * self.upper)}]"


@dataclass(frozen=True)
class Comparison:
    """A over B on the values that both give, over the seeds that were run.

    Better or worse only where every seed says so.
    """

    gains: tuple[Gain, ...]

    @property
    def better(self) -> bool:
        """By the bench's rule."""
        return bool(self.gains) and all(gain.better for gain in self.gains)

    @property
    def worse(self) -> bool:
        """By the same rule, the other way round."""
        return bool(self.gains) and all(gain.worse for gain in self.gains)

    @property
    def figure(self) -> Figure | None:
        """The gain, with its sign."""
        return _over_seeds([(g.gain, g.lower, g.upper) for g in self.gains if g.gain is not None])

    @property
    def unbiased(self) -> Figure | None:
        """The gain in ubRMSD; None where a seed lacks it."""
        if any(g.ub_gain is None for g in self.gains):
            return None
        return _over_seeds([(g.ub_gain, g.ub_lower, g.ub_upper) for g in self.gains])

    def text(self) -> str:
        """Gain in per cent and what it means."""
        if self.figure is None:
            return "not run"
        said = "better" if self.better else "worse" if self.worse else "not decided"
        return f"{self.figure.text(1, 100, signed=True)} %, {said}"


class Results:
    """Rows that are planned, and those that are done."""

    def __init__(self, planned: Sequence[Row], records: Mapping[str, Record]) -> None:
        self.planned, self.records = list(planned), records

    def rows(self, scene: str, model: str, config: str) -> list[Record]:
        """Finished rows of a method in a scene, by fold and seed."""
        wanted = [r for r in self.planned if (r.scene, r.model, r.config) == (scene, model, config)]
        found = (self.records.get(r.id) for r in sorted(wanted, key=lambda r: (r.fold, r.seed)))
        return [record for record in found if record is not None and record["status"] == DONE]

    def methods(self, scene: str) -> list[tuple[str, str]]:
        """Model and configuration of each method in a scene, in the order of the plan."""
        rows = (r for r in self.planned if r.scene == scene and r.role != REFUSED)
        return list(dict.fromkeys((r.model, r.config) for r in rows))

    def of_planned(self, row: Row) -> Record | None:
        """What became of a planned row."""
        return self.records.get(row.id)

    def score(
        self, scene: str, method: tuple[str, str], reference: str, metric: str, summary: str = "median"
    ) -> Figure | None:
        """A score over the seeds of a method; None where it was not run, or has none."""
        values = []
        for record in self.rows(scene, *method):
            found = record["scores"].get(reference, {}).get(summary, {}).get(metric)
            if found is not None and found[0] is not None:
                values.append(tuple(found))
        return _over_seeds(values)

    def against(self, scene: str, method: tuple[str, str], other: tuple[str, str]) -> Comparison:
        """Gains over another method, one for each seed that was run."""
        gains = []
        for record in self.rows(scene, *method):
            for name, gain in record["gains"].items():
                there = self.records.get(name, {}).get("row", {})
                if (there.get("model"), there.get("config")) == other:
                    gains.append(Gain(**gain))
        return Comparison(tuple(gains))

    def over_folds(self, scene: str, method: tuple[str, str]) -> dict[str, Figure] | None:
        """Medians over the locations of all folds, with bootstrap intervals over locations; None if a fold lacks."""
        records = self.rows(scene, *method)
        if len({record["row"]["fold"] for record in records}) < SCENES[scene].folds:
            return None
        tables = [record["locations"] for record in records]
        enough = np.concatenate([np.asarray(t["n"]) for t in tables]) >= _LEAST_DAYS
        found = {"locations": Figure(float(enough.sum()), None, None)}
        for metric in METRICS:
            values = np.concatenate([np.asarray(t[metric], np.float64) for t in tables])[enough]
            values = values[np.isfinite(values)]
            draw = np.random.default_rng(0).integers(0, len(values), (_DRAWS, len(values)))
            lower, upper = np.quantile(np.median(values[draw], axis=1), [0.025, 0.975])
            found[metric] = Figure(float(np.median(values)), float(lower), float(upper))
        return found

    def share_of_locations(self, scene: str, method: tuple[str, str], r: float, rmsd: float) -> float | None:
        """Share of locations with R above and RMSD below these; None if a fold lacks."""
        if self.over_folds(scene, method) is None:
            return None
        tables = [record["locations"] for record in self.rows(scene, *method)]
        pairs = [(a, b) for t in tables for a, b in zip(t["pearson_r"], t["rmsd"], strict=True)]
        good = [a is not None and b is not None and a > r and b < rmsd for a, b in pairs]
        return float(np.mean(good)) if good else None

    def seeds(self, scene: str, method: tuple[str, str]) -> int:
        """How many seeds were run."""
        return len({record["row"]["seed"] for record in self.rows(scene, *method)})


def _over_seeds(values: Sequence[tuple[Any, ...]]) -> Figure | None:
    if not values:
        return None
    bounds = [v for v in values if v[1] is not None and v[2] is not None]
    whole = len(bounds) == len(values)
    return Figure(
        float(np.median([v[0] for v in values])),
        min(float(v[1]) for v in bounds) if whole else None,
        max(float(v[2]) for v in bounds) if whole else None,
        len(values),
    )


def percent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.0f} %"


LEAST_PERCENT = percent(LEAST_GAIN)
