"""A map of one product minus another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smcore.figures.catalogued import read_difference
from smcore.figures.data import FIELD, Data
from smcore.figures.field_map import MAP_OPTIONS, draw_field, field_height, field_sentences
from smcore.figures.panel import Panel
from smcore.figures.presets import Look
from smcore.figures.sources import CATALOGUE, Places

TITLE = "Difference"
ABOUT = "The first product minus the second at one step, on the coarser or the finer of their grids."
TAKES = (CATALOGUE,)
OPTIONS = MAP_OPTIONS


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """The difference of the first two products."""
    return read_difference(source, places)


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """As the projection makes it."""
    return field_height(data, width, look, projection)


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """The field in colours whose middle is no difference."""
    draw_field(panel, data, options, "difference")


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Median and spread, and where the first product has the higher values."""
    values = data.need_field()[FIELD].values
    known = values[np.isfinite(values)]
    share = 100 * float((known > 0).mean())
    return (*field_sentences(data), f"The first product is the higher one in {share:.0f} % of the cells")
