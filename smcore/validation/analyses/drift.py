"""Is the skill stable: metrics in moving windows, and their slope over the years."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from smcore.validation.analyses.base import Findings, location_columns
from smcore.validation.match import Match
from smcore.validation.sample import Common
from smcore.validation.score import Score, ScoreOptions
from smcore.validation.stability import STEP_DAYS, rolling, stability_table, windows
from smcore.validation.tiles import Tile


@dataclass(frozen=True, eq=False)
class Stability:
    """Metrics of each product in moving windows of ``window_days``: ``stability.csv``."""

    matches: tuple[Match, ...]
    options: ScoreOptions
    window_days: int

    def part(self, tile: Tile, common: Common) -> list[pd.DataFrame]:
        """Score the windows of a tile's locations, each product on its own days."""
        tables = []
        for matched, block in zip(self.matches, tile.blocks, strict=True):
            time = block.pairs.product_time
            product, reference, _ = self.options.transform.apply(block.pairs.product, block.pairs.reference, time)
            first, last = matched.limits
            spans = windows(first, last - 1, window_days=self.window_days, step_days=min(STEP_DAYS, self.window_days))
            same = matched.same_units or self.options.transform.unifies_units
            metrics = ("bias", "ubrmsd", "pearson_r") if same else ("pearson_r",)
            tables.append(stability_table(rolling(product, reference, time, spans, metrics=metrics), tile.rows))
        return tables

    def finish(self, parts: Sequence[list[pd.DataFrame]], scores: Sequence[Score]) -> Findings:
        """Lay the tables of all products below each other."""
        tables = []
        for number, matched in enumerate(self.matches):
            table = pd.concat([part[number] for part in parts], ignore_index=True)
            named = location_columns(matched, table.pop("index").to_numpy(np.int64))
            table = pd.concat([named, table], axis=1)
            tables.append(table.assign(product=matched.product.name, reference=matched.reference.name))
        return Findings({"stability.csv": pd.concat(tables, ignore_index=True)}, {"window_days": self.window_days})
