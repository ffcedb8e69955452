"""Box plots of a metric over locations, level by level of a stratum and product by product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from smcore.errors import RecipeError
from smcore.figures.colours import LINES
from smcore.figures.data import Data
from smcore.figures.fields import Field
from smcore.figures.legend import draw_legend, legend_inch
from smcore.figures.panel import Panel, axis_label
from smcore.figures.presets import Look
from smcore.figures.run_tables import (
    chosen_metric,
    chosen_products,
    chosen_sample,
    opened_run,
    run_told,
    scale,
    title_of,
)
from smcore.figures.sources import RUN, Places
from smcore.figures.style import clipped, plain
from smcore.names import unit_label

TITLE = "Box plots"
ABOUT = "Quantiles of a metric over locations, by network, depth, land cover, season … and product."
TAKES = (RUN,)
OPTIONS: dict[str, Field] = {
    "height": Field("number", 2.0, "of the axes [inch]", low=0.8, high=6.0),
    "value_range": Field("numbers", None, "lowest and highest value shown", count=2),
    "most": Field("whole", 16, "levels shown at most, those with most locations", low=1, high=60),
}
QUANTILES = ("q05", "q25", "q50", "q75", "q95")
_LETTERS = 22
_SPANS = (
    "Boxes span the 25th to the 75th percentile and whiskers the 5th to the 95th, over locations; the line is the "
    "median and the number in brackets that of "
)


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Quantiles of the stratum; undivided where none is named."""
    from smcore.validation.metrics import METRICS
    from smcore.validation.runs.pictured import ALL, boxes

    results = opened_run(source, places)
    products, metric = chosen_products(results, source), chosen_metric(results, source)
    stratum, sample = source["stratum"] or ALL, chosen_sample(results, source)
    if stratum != ALL and stratum not in results.stratum_names:
        known = ", ".join(results.stratum_names) or "none: the run was not divided"
        raise RecipeError(f"The run has no stratum {stratum[:60]!r}", where=results.folder.name, hint=f"it has {known}")
    rows = [
        {"product": one.product, "title": title_of(results, one.product), "level": one.level}
        | dict(zip(QUANTILES, one.quantiles, strict=True))
        | {"locations": one.locations, "pairs": one.pairs, "small": int(one.is_small)}
        for one in boxes(results, metric, stratum, sample) if one.product in products
    ]  # fmt: skip
    units = scale(results, metric).units or "1"
    told = run_told(results, *products, methods=(metric,), sample=sample, quantity=METRICS[metric].label, units=units)
    table = pd.DataFrame(rows, columns=["product", "title", "level", *QUANTILES, "locations", "pairs", "small"])
    drawn = {"stratum": stratum.replace("_", " "), "counted": results.noun}
    n = int(table.groupby("product")["locations"].sum().max()) if stratum == ALL else None
    return Data(replace(told, n=n, counted=results.noun), table, units=dict.fromkeys(QUANTILES, units), drawn=drawn)


def _levels(data: Data, most: int) -> list[str]:
    """Levels in order, those with most locations where there are too many."""
    table = data.need("product", "level", *QUANTILES, "locations")
    count = table.groupby("level", sort=False)["locations"].max()
    kept = set(count.sort_values(ascending=False, kind="stable").index[:most])
    return [str(level) for level in count.index if level in kept and count[level] > 0]


def _titles(data: Data) -> list[tuple[str, str]]:
    pairs = data.table[["product", "title"]].astype(str).drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """The axes, slanted names of levels, and the legend where there are several products."""
    titles = _titles(data)
    legend = legend_inch([plain(t) for _, t in titles], width, look) if len(titles) > 1 else 0.0
    names = [clipped(level, _LETTERS) for level in _levels(data, options["most"])]
    longest = max((len(name) for name in names), default=1)
    return float(min(options["height"] + legend + 0.35 + 0.055 * longest, look.most_inch))


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """Boxes from the 25th to the 75th percentile, whiskers to the 5th and 95th, the median in ink."""
    titles, levels = _titles(data), _levels(data, options["most"])
    if not levels:
        raise RecipeError("There is nothing to draw: no level has a location with a number", where=data.told.title[:80])
    labels = [plain(title) for _, title in titles]
    under = legend_inch(labels, panel.width, panel.look) if len(titles) > 1 else 0.0
    ratios = [1.0, max(under / max(panel.height - under, 0.3), 1e-3)]
    places = panel.spec.subgridspec(2, 1, height_ratios=ratios)
    axes = panel.made.add_subplot(places[0, 0])
    wide = 0.8 / len(titles)
    for i, (product, title) in enumerate(titles):
        mine = data.table[data.table["product"] == product].drop_duplicates("level").set_index("level")
        colour = LINES["light"][i % len(LINES["light"])]
        at = np.arange(len(levels)) - 0.4 + wide * (i + 0.5)
        _boxes(axes, [mine.loc[v] if v in mine.index else None for v in levels], at, wide * 0.82, colour)
        axes.plot([], [], "s", color=colour, label=plain(title), markersize=5)
    count = data.table.groupby("level", sort=False)["locations"].max()
    names = [f"{clipped(level, _LETTERS)} ({int(count[level])})" for level in levels]
    slant: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if len(levels) > 4 else {}
    axes.set_xticks(range(len(levels)), names, **slant)
    axes.set_xlim(-0.55, len(levels) - 0.45)
    if options["value_range"]:
        axes.set_ylim(*options["value_range"])
    axes.grid(axis="y", linewidth=0.3, alpha=0.6)
    axes.set_ylabel(axis_label(panel, data.told.quantity, data.told.units, options["height"]))
    panel.entitle(axes)
    panel.mark(axes, data.told)
    if len(titles) > 1:
        draw_legend(panel, places[1, 0], [axes])


def _boxes(axes: Any, rows: list[Any], at: np.ndarray, wide: float, colour: str) -> None:
    stats, where = [], []
    for row, x in zip(rows, at, strict=True):
        if row is None or not np.isfinite(row["q50"]):
            continue
        low, q1, med, q3, high = (
            float(row[name]) if np.isfinite(row[name]) else float(row["q50"]) for name in QUANTILES
        )
        stats.append({"whislo": low, "q1": q1, "med": med, "q3": q3, "whishi": high, "fliers": []})
        where.append(float(x))
    if stats:
        axes.bxp(
            stats, positions=where, widths=wide, showfliers=False, patch_artist=True, manage_ticks=False,
            boxprops={"facecolor": colour, "alpha": 0.55, "edgecolor": colour, "linewidth": 0.6},
            medianprops={"color": "#1b1b1b", "linewidth": 1.0}, whiskerprops={"color": colour, "linewidth": 0.7},
            capprops={"color": colour, "linewidth": 0.7},
        )  # fmt: skip


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """What boxes are, and the medians where there are few."""
    unit = unit_label(data.told.units) if data.told.units != "1" else ""
    counted = str(data.drawn.get("counted", "locations"))
    told = [_SPANS + counted]
    levels = _levels(data, options["most"])
    if len(levels) * len(_titles(data)) <= 8:
        for level in levels:
            mine = data.table[data.table["level"] == level]
            medians = ", ".join(f"{r.title} {r.q50:.3g}" for r in mine[mine["q50"].notna()].itertuples())
            told.append(f"Median of {level}: {medians} {unit}")
    left = data.table["level"].nunique() - len(levels)
    return (*told, *([f"{left} levels with fewer locations are left out"] if left > 0 else []))
