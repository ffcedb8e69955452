"""Importance of features or inputs as bars, from a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from smcore.errors import RecipeError
from smcore.figures.colours import CLASSES
from smcore.figures.data import Data
from smcore.figures.fields import Field
from smcore.figures.legend import draw_legend, legend_inch
from smcore.figures.panel import Panel, axis_label
from smcore.figures.presets import Look
from smcore.figures.sources import Places
from smcore.figures.style import clipped, plain, text_inches

TITLE = "Importance"
ABOUT = "Importance of features from a table with columns feature, importance, and perhaps lower, upper and group."
TAKES = ()
OPTIONS: dict[str, Field] = {
    "most": Field("whole", 25, "features shown at most, the most important ones", low=1, high=80),
    "label": Field("text", "importance", "of the axis"),
    "sorted": Field("flag", True, "whether the most important one is on top, or the table's order is kept"),
}
_ROW_INCH = 0.165
_AROUND_INCH = 0.55  # ticks and label of the axis, title


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Nothing is read here: the table comes with the recipe."""
    raise RecipeError("Importance is drawn from a table", hint="embed columns feature and importance, or name a CSV")


def _rows(data: Data, options: Mapping[str, Any]) -> pd.DataFrame:
    table = data.need("feature", "importance")
    table = table[np.isfinite(table["importance"].to_numpy(float))]
    if table.empty:
        raise RecipeError("There is nothing to draw: no feature has an importance")
    ordered = table.sort_values("importance", ascending=False, kind="stable")
    kept: pd.DataFrame = ordered.head(options["most"])
    return kept if options["sorted"] else table[table.index.isin(kept.index)]


def _groups(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["group"].astype(str))) if "group" in table else []


def _names(rows: pd.DataFrame, width: float) -> list[str]:
    """Features as they stand beside the axis, of which they leave room."""
    return [clipped(name, max(int(7 * width), 12)) for name in rows["feature"]]


def _left(rows: pd.DataFrame, width: float, look: Look) -> float:
    return max(text_inches(name, look, small=True) for name in _names(rows, width)) + 0.4


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """A row a feature."""
    rows = _rows(data, options)
    legend = legend_inch([plain(g) for g in _groups(rows)], width, look, _left(rows, width, look))
    return float(np.clip(_AROUND_INCH + _ROW_INCH * len(rows) + legend, 1.0, look.most_inch))


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """Bars with their intervals, coloured by group."""
    rows = _rows(data, options)
    groups = _groups(rows)
    left = _left(rows, panel.width, panel.look)
    under = legend_inch([plain(g) for g in groups], panel.width, panel.look, left)
    rest = max(panel.height - _AROUND_INCH - under, 0.4)  # ratios are those of plots without what is around them
    places = panel.spec.subgridspec(2, 1, height_ratios=[rest, max(under, 1e-3)])
    axes: Any = panel.made.add_subplot(places[0, 0])
    at, value = np.arange(len(rows))[::-1], rows["importance"].to_numpy(float)
    member = rows["group"].astype(str).to_numpy() if groups else np.full(len(rows), "")
    for i, group in enumerate(groups or [""]):
        mine = member == group
        label = {"label": f" {plain(group)}" if group.startswith("_") else plain(group)} if groups else {}
        axes.barh(
            at[mine], value[mine], 0.72, color=CLASSES[i % len(CLASSES)] if groups else "#0072b2", alpha=0.85, **label
        )
    if {"lower", "upper"} <= set(rows):
        error = np.abs(np.stack([value - rows["lower"].to_numpy(float), rows["upper"].to_numpy(float) - value]))
        axes.errorbar(value, at, xerr=np.nan_to_num(error), fmt="none", ecolor="#1b1b1b", elinewidth=0.6)
    axes.set_yticks(at, _names(rows, panel.width))
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.tick_params(left=False)
    axes.axvline(0, color="#1b1b1b", linewidth=0.6)
    axes.set_xlabel(axis_label(panel, options["label"], data.units.get("importance", ""), panel.width - left - 0.2))
    axes.grid(axis="x", linewidth=0.3, alpha=0.6)
    panel.entitle(axes)
    panel.mark(axes, data.told)
    if groups:
        draw_legend(panel, places[1, 0], [axes], left)


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The first three, and how many are left out."""
    rows, whole = _rows(data, options), data.table
    first = ", ".join(f"{r.feature} ({r.importance:.3g})" for r in rows.nlargest(3, "importance").itertuples())
    left = len(whole) - len(rows)
    return (f"The most important of {len(whole)} features are {first}", *([f"{left} are left out"] if left else []))
