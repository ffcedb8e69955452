"""A metric of a run on the map, over stations, pixels or cells, with its histogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from smcore.errors import RecipeError
from smcore.figures.catalogued import cells_field
from smcore.figures.data import FIELD, Data
from smcore.figures.field_map import MAP_OPTIONS, field_height, limits
from smcore.figures.fields import Field
from smcore.figures.histogram import INCH, draw_histogram
from smcore.figures.mapping import box_of, coast, paint, start
from smcore.figures.panel import INK, Panel, colour_bar, shading
from smcore.figures.points import mark_size, placed, points_height, put, start_points
from smcore.figures.presets import Look
from smcore.figures.projections import FLAT
from smcore.figures.run_tables import (
    chosen_metric,
    chosen_product,
    chosen_sample,
    only_own,
    opened_run,
    run_told,
    scale,
)
from smcore.figures.sources import RUN, Places
from smcore.names import unit_label

TITLE = "Metric map"
ABOUT = "A metric of a validation run at stations, pixels or cells, coloured, with its histogram and median."
TAKES = (RUN,)
OPTIONS: dict[str, Field] = {
    **MAP_OPTIONS,
    "histogram": Field("flag", True, "whether the histogram stands under the map"),
    "size": Field("number", None, "area of a mark [pt²]", low=1.0, high=200.0),
}
_KEPT = ("location", "sensor", "network", "lat", "lon", "value", "lower", "upper", "n", "status")


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """The metric of the first product at every location."""
    from smcore.validation.metrics import METRICS

    results = opened_run(source, places)
    product, metric = chosen_product(results, source), chosen_metric(results, source)
    shown, sample = scale(results, metric), chosen_sample(results, source)
    told = run_told(
        results, product, methods=(metric,), sample=sample, quantity=METRICS[metric].label, units=shown.units or "1"
    )
    drawn = {"colour_range": [shown.low, shown.high], "colours": shown.colours, "counted": results.noun}
    found = results.field(product, metric)
    if found is None:
        table = results.locations(product, metric, sample)
        table = table[[name for name in _KEPT if name in table]]
        n = int(np.isfinite(table["value"].to_numpy(float)).sum())
        units = {"value": told.units, "lower": told.units, "upper": told.units, "lat": "degree", "lon": "degree"}
        return Data(replace(told, n=n, counted=results.noun), table, units=units, drawn=drawn)
    only_own(source)
    field = cells_field(found.value, found.grid, told.units, told.quantity)
    n = int(np.isfinite(found.value).sum())
    return Data(replace(told, n=n, counted="cells"), field=field, units={FIELD: told.units}, drawn=drawn)


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """The map, and the histogram or colour bar under it."""
    below = INCH if options["histogram"] else 0.62
    if data.field is not None:
        return field_height(data, width, look, projection) + (INCH if options["histogram"] else 0.0)
    return points_height(data, width, look, projection, below)


def values_of(data: Data) -> np.ndarray:
    """Values of all locations, NaN where there is none."""
    if data.field is not None:
        return np.asarray(data.need_field()[FIELD].values, float).ravel()
    return data.need("lat", "lon", "value")["value"].to_numpy(float)


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """The map, and under it the distribution in the same colours."""
    low, high = limits(data, options)
    colours = options["colours"] or str(data.drawn.get("colours", "viridis"))
    values = values_of(data)
    if not np.isfinite(values).any():
        raise RecipeError("There is nothing to draw: no location has a number", where=data.told.title[:80])
    place, under = panel.spec, None
    if options["histogram"]:
        above = max(panel.height - INCH, 0.8)
        both = panel.spec.subgridspec(2, 1, height_ratios=[above, INCH - 0.45])
        place, under = both[0, 0], both[1, 0]
    upper = replace(panel, spec=place)
    axes = _cells(upper, data, options, colours) if data.field is not None else _points(upper, data, options, colours)
    label = options["label"] or data.told.quantity
    if under is None:
        colour_bar(panel, axes, shading(colours, low, high), label, data.told.units, level=True)
    else:
        counted = str(data.drawn.get("counted", "locations"))
        draw_histogram(panel, under, values, low, high, colours, label, data.told.units, counted)
    panel.mark(axes, data.told)


def _cells(panel: Panel, data: Data, options: Mapping[str, Any], colours: str) -> Any:
    field = data.need_field()
    axes, shown = start(panel, box_of(field), FLAT)
    paint(axes, shown, field, colours, *limits(data, options), round(panel.width * panel.look.dpi))
    if options["coast"]:
        coast(axes, shown, panel)
    return axes


def _points(panel: Panel, data: Data, options: Mapping[str, Any], colours: str) -> Any:
    table = placed(data)
    axes, shown = start_points(panel, table)
    size = options["size"] or mark_size(len(table))
    there = np.isfinite(table["value"].to_numpy(float))
    put(axes, shown, table[~there], s=size, facecolors="none", edgecolors=INK)
    scale = shading(colours, *limits(data, options))
    ordered = _extremes_last(table[there])
    put(axes, shown, ordered, s=size, c=scale.to_rgba(ordered["value"].to_numpy(float)))
    return axes


def _extremes_last(table: pd.DataFrame) -> pd.DataFrame:
    """Marks far from the middle on top, so that a crowd does not hide its outliers."""
    value = table["value"].to_numpy(float)
    return table.iloc[np.argsort(np.abs(value - np.median(value)) if len(value) else value, kind="stable")]


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Median and middle half over locations, and how many have no number."""
    values = values_of(data)
    known = values[np.isfinite(values)]
    low, middle, high = (float(v) for v in np.quantile(known, (0.25, 0.5, 0.75)))
    unit = unit_label(data.told.units)
    spelt = f" {unit}" if unit not in ("", "1") else ""
    counted = str(data.drawn.get("counted", "locations"))
    half = f"half of them lie between {low:.3g} and {high:.3g}{spelt}"
    told = [f"The median over {len(known)} {counted} is {middle:.3g}{spelt}, {half}"]
    if data.field is None and len(known) < len(values):
        told.append(f"{len(values) - len(known)} {counted} have no number and are hollow")
    return tuple(told)
