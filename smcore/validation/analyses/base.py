"""What every analysis is: a part for each tile of locations, wherever it is computed, and findings from all parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.validation.matching.match import Match
from smcore.validation.matching.sample import Common
from smcore.validation.matching.tiles import Tile
from smcore.validation.score import Score


@dataclass(frozen=True)
class Findings:
    """What an analysis adds to a run: tables by file name, plain values for ``run.json``, and sentences."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Analysis(Protocol):
    """A question asked of all products of a run."""

    def part(self, tile: Tile, common: Common) -> Any:
        """Compute what this tile adds: picklable, and the same whoever computes it."""
        ...

    def finish(self, parts: Sequence[Any], scores: Sequence[Score]) -> Findings:
        """Join the parts of all tiles, given in order of their locations."""
        ...


def location_columns(matched: Match, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Name and place of locations, as the first columns of a table have them."""
    places = matched.places.take(rows)
    named = {
        "location": places.location if len(places.location) else rows.astype(str),
        "sensor": places.sensor if len(places.sensor) else np.full(len(rows), ""),
    }
    return pd.DataFrame({**named, "lat": places.lat, "lon": places.lon})
