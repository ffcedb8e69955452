"""A Taylor diagram: amplitude and correlation of products over all locations, with centred difference as distance."""

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
from smcore.figures.panel import FAINT, INK, Panel
from smcore.figures.presets import Look
from smcore.figures.run_tables import chosen_products, opened_run, run_told, title_of
from smcore.figures.sources import RUN, Places
from smcore.figures.style import plain

TITLE = "Taylor diagram"
ABOUT = "Standard deviation over that of the reference, and correlation, at every location and at the median."
TAKES = (RUN,)
OPTIONS: dict[str, Field] = {
    "locations": Field("flag", True, "whether every location is drawn, or the medians alone"),
    "reach": Field("number", None, "largest ratio of standard deviations shown", low=1.1, high=10.0),
}
_R_TICKS = (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.99)
_FEW_BELOW = 0.05
"""Share of locations with a correlation below zero that are left outside the diagram (ours)."""
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Ratio and correlation of each product at each location, and at the median of both."""
    from smcore.validation.runs.pictured import taylor

    results = opened_run(source, places)
    products, tables = chosen_products(results, source), []
    for product in products:
        found = taylor(results, product)
        if found is None:
            raise RecipeError("The run has no slope and correlation", where=results.folder.name, hint="compute both")
        about = {"product": product, "title": title_of(results, product)}
        known = np.isfinite(found.ratio) & np.isfinite(found.correlation)
        tables.append(
            pd.DataFrame(about | {"kind": "location", "ratio": found.ratio[known], "r": found.correlation[known]})
        )
        tables.append(pd.DataFrame([about | {"kind": "median", "ratio": found.median[0], "r": found.median[1]}]))
    table = pd.concat(tables, ignore_index=True)
    n = int((table["kind"] == "location").groupby(table["product"]).sum().max())
    told = run_told(results, *products, methods=("taylor",), quantity="Taylor diagram", units="1")
    return Data(replace(told, n=n, counted=results.noun), table, units={"ratio": "1", "r": "1"})


def _titles(data: Data) -> list[tuple[str, str]]:
    pairs = data.need("product", "title", "kind", "ratio", "r")[["product", "title"]].astype(str).drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def _half(data: Data) -> bool:
    """Whether correlations below zero need the other quarter: a median's, or those of more than a few locations."""
    below, middle = data.table["r"] < 0, data.table["kind"] == "median"
    return bool((below & middle).any() or below.mean() > _FEW_BELOW)


def _reach(data: Data, options: Mapping[str, Any]) -> float:
    """Largest ratio shown: nearly all locations, in halves."""
    ratio = data.table["ratio"].to_numpy(float)
    most = float(np.nanquantile(ratio, 0.95)) if np.isfinite(ratio).any() else 1.5
    return float(options["reach"] or np.clip(np.ceil(most * 2) / 2, 1.5, 4.0))


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """A quarter or half circle with its labels."""
    radius = min((width - 1.1) / 2, 2.6) if _half(data) else min(width - 0.9, 3.2)
    labels = [*(plain(title) for _, title in _titles(data)), "reference"]
    return float(radius + 0.75 + legend_inch(labels, width, look))


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """Angle is correlation, radius is amplitude, circles around the reference are the centred difference."""
    titles, reach = _titles(data), _reach(data, options)
    under = legend_inch([*(plain(t) for _, t in titles), "reference"], panel.width, panel.look)
    places = panel.spec.subgridspec(2, 1, height_ratios=[1.0, max(under / max(panel.height - under, 0.5), 1e-3)])
    axes = panel.made.add_subplot(places[0, 0])
    left = -reach if _half(data) else 0.0
    axes.set(xlim=(left, reach), ylim=(0, reach), aspect="equal", anchor=panel.anchor)
    _scales(axes, panel, reach, half=_half(data))
    for i, (product, title) in enumerate(titles):
        _product(axes, data.table[data.table["product"] == product], i, plain(title), reach, options, half=_half(data))
    axes.plot(1, 0, marker="*", markersize=9, color=INK, clip_on=False, zorder=6, label="reference", linestyle="none")
    panel.entitle(axes)
    panel.mark(axes, data.told)
    draw_legend(panel, places[1, 0], [axes])


def _scales(axes: Any, panel: Panel, reach: float, *, half: bool) -> None:
    """Arcs of equal amplitude, rays of equal correlation, and circles of equal centred difference."""
    widest = np.pi if half else np.pi / 2
    arc, small = np.linspace(0, widest, 181), panel.look.preset.small_pt
    axes.spines["left"].set_visible(False)
    for radius in np.arange(0.5, reach + 1e-9, 0.5):
        edge, one = abs(radius - reach) < 1e-9, abs(radius - 1) < 1e-9
        look: dict[str, Any] = {"color": INK if edge or one else FAINT, "linewidth": 0.7 if edge or one else 0.35}
        axes.plot(radius * np.cos(arc), radius * np.sin(arc), linestyle=":" if one else "-", clip_on=False, **look)
    for r in (r for r in (*_R_TICKS, 1.0) if half or r >= 0):
        angle = np.arccos(r)
        x, y = reach * np.cos(angle), reach * np.sin(angle)
        axes.plot([0, x], [0, y], color=FAINT, linewidth=0.3)
        side = "left" if r > 0.15 else "right" if r < -0.15 else "center"
        label = f"{r:g}".replace("-", "−")
        axes.text(1.02 * x, 1.02 * y, label, ha=side, va="bottom" if r < 0.98 else "center", fontsize=small)
    turn = np.linspace(0, np.pi, 181)
    for size in np.arange(0.5, reach + 1, 0.5):
        x, y = 1 + size * np.cos(turn), size * np.sin(turn)
        inside = (np.hypot(x, y) <= reach) & (half | (x >= 0))
        axes.plot(
            np.where(inside, x, np.nan), np.where(inside, y, np.nan), color="#7fa7c9", linewidth=0.5, linestyle="--"
        )
    at = np.pi / 4
    away = reach * (1.12 if half else 1.14)
    axes.text(away * np.cos(at), away * np.sin(at), "correlation", ha="center", va="center", rotation=-45)
    ticks = np.arange(-np.floor(reach * 2) / 2 if half else 0, reach + 1e-9, 0.5 if reach <= 2 else 1.0)
    axes.set_xticks(ticks, [f"{abs(v):g}" for v in ticks])
    axes.set_yticks([])
    axes.set_xlabel("standard deviation / that of the reference")


def _product(
    axes: Any, table: pd.DataFrame, number: int, name: str, reach: float, options: Mapping[str, Any], *, half: bool
) -> None:
    """Points of one product, those that lie inside."""
    colour, mark = LINES["light"][number % len(LINES["light"])], _MARKS[number % len(_MARKS)]
    r, ratio = np.clip(table["r"].to_numpy(float), -1, 1), table["ratio"].to_numpy(float)
    x, y, middle = ratio * r, ratio * np.sqrt(1 - r**2), (table["kind"] == "median").to_numpy()
    inside = (ratio <= reach) & (ratio >= 0) & (half | (r >= 0))
    look: dict[str, Any] = {"color": colour, "linestyle": "none", "marker": mark}
    if options["locations"]:
        few = inside & ~middle
        axes.plot(x[few], y[few], markersize=2.4, alpha=0.4, markeredgewidth=0, **look)
    chosen = middle & inside
    axes.plot(
        x[chosen], y[chosen], markersize=7, markeredgecolor="white", markeredgewidth=0.7, zorder=5, label=name, **look
    )


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The medians, and what the lines are."""
    table = data.need("product", "title", "kind", "ratio", "r")
    told = [f"{r.title}: ratio {r.ratio:.2f}, R {r.r:.2f}" for r in table[table["kind"] == "median"].itertuples()]
    far = (table["ratio"] > _reach(data, options)) | ((table["r"] < 0) & (not _half(data)))
    outside = int((far & (table["kind"] == "location")).sum())
    lines = "Dashed circles are of equal centred difference (RMS), 0.5 of the reference's standard deviation apart"
    small = "Small marks are locations, large ones their median" if options["locations"] else "Marks are medians"
    beyond = (f"{outside} marks of locations lie outside the diagram",) if outside and options["locations"] else ()
    return (f"At the median {'; '.join(told)}", lines, small, *beyond)
