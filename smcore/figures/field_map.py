"""A field of cells as a map: what the kinds map, difference and metric map draw alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smcore import names
from smcore.figures.colours import usual_range
from smcore.figures.data import FIELD, Data
from smcore.figures.fields import Field
from smcore.figures.mapping import box_of, coast, paint, start
from smcore.figures.panel import Panel, colour_bar, shading
from smcore.figures.presets import Look
from smcore.figures.projections import FLAT, frame

_MAPS = ("soil moisture", "batlow", "viridis", "cividis", "grey", "difference")
COLOURS = (*_MAPS, *(f"{name} reversed" for name in _MAPS))
MAP_OPTIONS: dict[str, Field] = {
    "colours": Field("choice", None, "colour map", choices=COLOURS),
    "colour_range": Field("numbers", None, "lowest and highest colour", count=2),
    "coast": Field("flag", True, "whether the coast is drawn"),
    "label": Field("text", "", "of the colour bar, in place of the quantity"),
}
_BAR_INCH, _TICKS_INCH, _UPRIGHT_INCH = 0.62, 0.35, 0.75
_LEVEL = 0.8  # of height over width, below which the colour bar lies under the map


def limits(data: Data, options: Mapping[str, Any]) -> tuple[float, float]:
    """The colour range: as asked, as the product has it, else the usual one of the unit."""
    asked = options["colour_range"] or data.drawn.get("colour_range")
    if asked and float(asked[0]) < float(asked[1]):
        return float(asked[0]), float(asked[1])
    return usual_range(str(data.drawn.get("variable", names.SM)), data.told.units)


def extend_of(values: np.ndarray, low: float, high: float) -> str:
    """Which ends of a colour bar have values beyond them."""
    below, above = bool((values < low).any()), bool((values > high).any())
    return {(True, True): "both", (True, False): "min", (False, True): "max", (False, False): "neither"}[below, above]


def field_height(data: Data, width: float, look: Look, projection: str, default: str = FLAT) -> float:
    """Height of a map that is ``width`` inches wide, with its colour bar [inch]."""
    shape = frame(projection or default, box_of(data.need_field())).aspect
    level = shape < _LEVEL
    inner = width - _TICKS_INCH - (0.0 if level else _UPRIGHT_INCH)
    high = inner * shape + _TICKS_INCH + (_BAR_INCH if level else 0.0)
    return float(np.clip(high, 1.4, look.most_inch))


def draw_field(panel: Panel, data: Data, options: Mapping[str, Any], colours: str, default: str = FLAT) -> Any:
    """Paint a field with coast, degrees and colour bar; the axes."""
    field, (low, high) = data.need_field(), limits(data, options)
    axes, shown = start(panel, box_of(field), default)
    beside = _TICKS_INCH + (0.0 if shown.aspect < _LEVEL else _UPRIGHT_INCH)  # no more pixels than the axes will have
    pixels = round(max(panel.width - beside, 0.5) * panel.look.dpi)
    paint(axes, shown, field, options["colours"] or colours, low, high, pixels)
    if options["coast"]:
        coast(axes, shown, panel)
    scale = shading(options["colours"] or colours, low, high)
    label = options["label"] or data.told.quantity
    ends = extend_of(field[FIELD].values, low, high)
    colour_bar(panel, axes, scale, label, data.told.units, level=shown.aspect < _LEVEL, extend=ends)
    panel.mark(axes, data.told)
    return axes


def field_sentences(data: Data) -> tuple[str, ...]:
    """Median and middle half of a field's cells."""
    values = data.need_field()[FIELD].values
    known = values[np.isfinite(values)]
    low, middle, high = (float(v) for v in np.quantile(known, (0.25, 0.5, 0.75)))
    unit = names.unit_label(data.told.units)
    spelt = f" {unit}" if unit not in ("", "1") else ""
    return (f"The median over cells is {middle:.3g}{spelt}, half of them lie between {low:.3g} and {high:.3g}{spelt}",)
