"""The scores once more with every cell as one location: the sensors that stand in it are made into one series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from smcore.errors import Cancelled, MatchError, SmcoreError
from smcore.validation.analyses.base import Findings
from smcore.validation.matching.match import Match, MatchOptions, match
from smcore.validation.matching.places import STATIONS
from smcore.validation.matching.sample import Common
from smcore.validation.matching.tiles import Tile
from smcore.validation.runs.table import COLUMNS, score_table
from smcore.validation.score import Score, ScoreOptions, score
from smcore.validation.upscale import METHODS, NONE, Upscaled, upscale

TABLE: Final = "cells.csv"
"""Columns of ``metrics.csv``, and how many sensors and stations each cell has."""


@dataclass(frozen=True, eq=False)
class CellsPart:
    """What the first tile adds: a table and a record for each product, or what went wrong."""

    tables: tuple[pd.DataFrame, ...] = ()
    records: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class InCells:
    """Score products against the mean of the sensors of each cell: ``cells.csv``, beside the rows of the sensors.

    Cells are few, so all of them are done with the first tile.

    Parameters
    ----------
    matches, options
        As for the scores themselves; one side is stations.
    matching
        How the cells are paired, which is how the sensors were.
    method
        ``mean`` or ``weighted``, see :mod:`smcore.validation.upscale`.
    plain
        Leave the differences of level between sensors in.

    Raises
    ------
    MatchError
        If there is no such method, or no side is stations.
    """

    matches: tuple[Match, ...]
    options: ScoreOptions
    matching: MatchOptions
    method: str
    plain: bool = False

    def __post_init__(self) -> None:
        if self.method not in METHODS or self.method == NONE:
            raise MatchError(f"There is no upscaling {self.method!r}", hint=f"choose one of: {', '.join(METHODS)}")
        for matched in self.matches:
            if (matched.product.layout == STATIONS) == (matched.reference.layout == STATIONS):
                raise MatchError(
                    f"Upscaling needs stations against cells, and {matched.product.name} and {matched.reference.name} "
                    "are not",
                    hint="leave --upscale away",
                )

    def part(self, tile: Tile, common: Common) -> CellsPart | None:
        """Make and score the cells of all products, once."""
        if not len(tile.rows) or tile.rows[0] != 0:
            return None
        tables, records, notes = [], [], []
        for matched in self.matches:
            name = matched.product.name
            try:
                table, record = self._scored(matched)
            except Cancelled:
                raise
            except (SmcoreError, OSError, ValueError, ArithmeticError, KeyError) as error:
                notes.append(f"{name} could not be scored by cells: {' '.join(str(error).split())}")
                continue
            tables.append(table)
            records.append(record)
            notes.append(f"{name}: {record['said']}")
        return CellsPart(tuple(tables), tuple(records), tuple(notes))

    def finish(self, parts: Sequence[CellsPart | None], scores: Sequence[Score]) -> Findings:
        """Hand on what the first tile has found."""
        found = next((part for part in parts if part is not None), CellsPart())
        none = pd.DataFrame(columns=[*COLUMNS, "sensors", "stations"])
        table = pd.concat(found.tables, ignore_index=True) if found.tables else none
        return Findings({TABLE: table}, {"method": self.method, "products": list(found.records)}, found.notes)

    def _scored(self, matched: Match) -> tuple[pd.DataFrame, dict[str, Any]]:
        of_product = matched.product.layout == STATIONS
        stations, cells = (matched.product, matched.reference) if of_product else (matched.reference, matched.product)
        made = upscale(
            stations, cells, self.method, masks=matched.masks, plain=self.plain,
            max_distance_km=self.matching.max_distance_km, excluded=matched.excluded,
        )  # fmt: skip
        excluded = matched.excluded
        without = f"; {excluded.counted('sensors')} excluded" if excluded and excluded.used else ""
        sides = (made.side, cells) if of_product else (cells, made.side)
        found = score(match(*sides, self.matching), self.options.of(matched))
        return _counted(score_table([found]), made, found), {
            "product": matched.product.name,
            "cells": len(set(made.side.places.location.tolist())),
            "rows": len(made.members),
            "sensors": int(sum(map(len, made.members))),
            "stations": len(set(np.concatenate([stations.places.location[rows] for rows in made.members]).tolist())),
            "said": made.sentence + without,
        }


def _counted(table: pd.DataFrame, made: Upscaled, found: Score) -> pd.DataFrame:
    """Add the number of sensors and of stations to the rows of the cells."""
    for name in ("sensors", "stations"):
        numbers = dict(zip(found.matched.places.sensor.tolist(), made.side.dataset[name].values.tolist(), strict=True))
        table[name] = table["sensor"].map(numbers).astype("Int64")
    return table
