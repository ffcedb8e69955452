"""A map of a product: one step, or an aggregate of days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smcore.figures.catalogued import read_map
from smcore.figures.data import Data
from smcore.figures.field_map import MAP_OPTIONS, draw_field, field_height, field_sentences
from smcore.figures.panel import Panel
from smcore.figures.presets import Look
from smcore.figures.sources import CATALOGUE, Places

TITLE = "Map"
ABOUT = "A product at one step, or its mean, extreme, percentile, anomaly or share of valid days over a period."
TAKES = (CATALOGUE,)
OPTIONS = MAP_OPTIONS
_COLOURS = "soil moisture"


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """One field of the first product."""
    return read_map(source, places)


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """As the projection makes it."""
    return field_height(data, width, look, projection)


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """The field with coast and colour bar; what can be too high or too low in the colours of differences."""
    both_ways = "anomaly" in data.told.quantity or data.told.quantity == "difference"
    draw_field(panel, data, options, "difference" if both_ways else _COLOURS)


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Median and spread over cells."""
    return field_sentences(data)
