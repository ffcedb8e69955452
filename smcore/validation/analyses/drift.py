"""Does the score hold through the years: metrics in moving windows at every location, and their Theil–Sen slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import MatchError, Status
from smcore.validation.analyses.base import Findings
from smcore.validation.leakage import Seen, without_seen
from smcore.validation.matching.match import Match, PairBlock
from smcore.validation.matching.places import CUBE
from smcore.validation.matching.sample import Common
from smcore.validation.matching.tiles import Tile
from smcore.validation.metrics import METRICS
from smcore.validation.score import MEDIAN, Score, ScoreOptions
from smcore.validation.stability import (
    MIN_OBS,
    SLOPE,
    WINDOW_DAYS,
    Rolling,
    rolling,
    stability_table,
    windows,
)

Ints = NDArray[np.int64]

TABLE: Final = "stability.csv"
COLUMNS: Final = (
    "location", "sensor", "metric", "window_start", "window_end", "value", "lower", "upper", "n", "status", "note",
    "product", "reference", "units", "lat", "lon", "seen",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stability:
    """Moving windows of every product at every location: ``stability.csv``.

    Parameters
    ----------
    matches, guards
        Of all products; they share their locations. Pairs that a model has seen are left out.
    options
        As for the scores; scaling and anomalies are those of the whole record.
    metrics
        What is followed through time.
    window_days, step_days
        Length of a window, and how far each is from the one before (None: a fifth of it). Windows that are no whole
        years carry the seasons into the slope.
    min_obs
        Pairs that a window needs.
    """

    matches: tuple[Match, ...]
    guards: tuple[Seen, ...]
    options: ScoreOptions
    metrics: tuple[str, ...] = ("bias", "ubrmsd", "pearson_r")
    window_days: int = WINDOW_DAYS
    step_days: int | None = None
    min_obs: int = MIN_OBS

    def __post_init__(self) -> None:
        unknown = [name for name in self.metrics if name not in METRICS]
        if unknown:
            raise MatchError(f"There is no metric {unknown[0]!r}", hint=f"choose from {', '.join(METRICS)}")
        windows(0, 0, window_days=self.window_days, step_days=self._step)

    @property
    def _step(self) -> int:
        return max(1, self.window_days // 5) if self.step_days is None else self.step_days

    def part(self, tile: Tile, common: Common) -> tuple[Rolling | None, ...]:
        """Values in the windows of a tile's locations; nothing for the cells of a cube."""
        return tuple(self._rolling(i, block) for i, block in enumerate(tile.blocks))

    def finish(self, parts: Sequence[tuple[Rolling | None, ...]], scores: Sequence[Score]) -> Findings:
        """Lay out windows and slopes, and the median over the locations that the model has not seen."""
        tables, notes = [], []
        for i, one in enumerate(scores):
            mine = [part[i] for part in parts]
            found = [part for part in mine if part is not None]
            name = one.matched.product.name
            if len(found) < len(mine) or not found:
                notes.append(f"stability of {name} is given at stations and pixels, not for the cells of a grid")
                continue
            whole = _joined(found)
            if not len(whole.start):
                notes.append(f"stability of {name}: the common period is shorter than {self.window_days} days")
            tables.append(_named(stability_table(whole, np.arange(len(one.n))), one))
            tables.append(_named(_medians(whole, ~one.guard.whole), one))
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
        record: dict[str, Any] = {
            "metrics": list(self.metrics), "window_days": self.window_days, "step_days": self._step,
            "min_obs": self.min_obs,
        }  # fmt: skip
        return Findings({TABLE: table}, record, tuple(notes))

    def _rolling(self, product: int, block: PairBlock) -> Rolling | None:
        matched = self.matches[product]
        if matched.anchor.layout == CUBE:
            return None
        guard = self.guards[product]
        pairs = block.pairs if guard.spans is None else without_seen(block.pairs, block.rows, guard)[0]
        x, y, _ = self.options.of(matched).transform.apply(pairs.product, pairs.reference, pairs.product_time)
        first, stop = matched.limits
        spans = windows(first, stop - 1, window_days=self.window_days, step_days=self._step)
        return rolling(x, y, pairs.product_time, spans, metrics=self._metrics(matched), min_obs=self.min_obs)

    def _metrics(self, matched: Match) -> list[str]:
        """The metrics that have a meaning for the units at hand."""
        same = matched.same_units or self.options.of(matched).transform.unifies_units
        return [name for name in self.metrics if same or not METRICS[name].needs_same_unit]


def _joined(parts: Sequence[Rolling]) -> Rolling:
    first = parts[0]
    values = {name: np.concatenate([part.values[name] for part in parts]) for name in first.values}
    return Rolling(first.start, first.end, values, np.concatenate([part.n for part in parts]), first.min_obs)


def _medians(found: Rolling, kept: NDArray[np.bool_]) -> pd.DataFrame:
    """Median over locations in each window, and the slope of those medians; n counts locations, then windows."""
    chosen = {name: values[kept] for name, values in found.values.items()}
    tables = []
    for name, values in chosen.items():
        known = np.isfinite(values)
        count = known.sum(axis=0)
        median = np.full(len(count), np.nan)
        some = count > 0
        median[some] = np.nanmedian(values[:, some], axis=0)
        one = Rolling(found.start, found.end, {name: median[None]}, count[None], 1)
        tables.append(stability_table(one, np.array([-1])))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["index", "metric"])


def _named(table: pd.DataFrame, score: Score) -> pd.DataFrame:
    """Put the names of locations and data sets in place of their numbers."""
    places, where = score.matched.places, table["index"].to_numpy(np.int64)
    summary = where < 0

    def column(values: NDArray[Any], blank: Any) -> NDArray[Any]:
        return np.where(summary, blank, values[where]) if len(values) else np.full(len(where), blank)

    units = {name: METRICS[name].unit_for(score.matched.reference.units) for name in METRICS}
    units |= {f"{name}{SLOPE}": f"{unit} decade-1".removeprefix("1 ") for name, unit in units.items()}
    table = table.assign(
        location=column(places.location.astype(object), MEDIAN),
        sensor=column(places.sensor.astype(object), ""),
        lat=column(places.lat, np.nan),
        lon=column(places.lon, np.nan),
        seen=column(score.seen.astype(object), ""),
        product=score.matched.product.name,
        reference=score.matched.reference.name,
        units=[units[name] for name in table["metric"]],
    )
    failed = np.isin(where, list(score.errors))
    table.loc[failed, "status"], table.loc[failed, "note"] = (
        str(Status.FAILED),
        [score.errors[int(row)] for row in where[failed]],
    )
    return table[list(COLUMNS)]
