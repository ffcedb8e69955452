"""A Taylor diagram: amplitude and correlation of products over all locations, with centred difference as distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import RecipeError
from smcore.figures.colours import LINES
from smcore.figures.data import Data
from smcore.figures.fields import Field
from smcore.figures.legend import draw_legend, legend_inch
from smcore.figures.panel import FAINT, INK, Panel
from smcore.figures.presets import Look
from smcore.figures.run_tables import chosen_products, only_own, opened_run, run_told, title_of
from smcore.figures.sources import RUN, Places
from smcore.figures.style import plain
from smcore.names import unit_label

if TYPE_CHECKING:
    from smcore.validation.runs.results import RunResults

Floats = NDArray[np.float64]

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
_COMMON_REACH, _MOST_REACH = 4.0, 10.0
"""Ratio up to which the marks of locations widen the diagram, and up to which medians do (ours)."""
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Ratio and correlation of each product at each location, and at the median of both."""
    from smcore.validation.runs.pictured import taylor

    only_own(source)
    results = opened_run(source, places)
    products, tables = chosen_products(results, source), []
    for product in products:
        _check_units(results, product)
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


def _check_units(results: RunResults, product: str) -> None:
    """Refuse a product of another unit than the reference: a ratio of their deviations says nothing."""
    own, reference = results.pair_units(product)
    if own != reference:
        raise RecipeError(
            f"A Taylor diagram can't compare {title_of(results, product)[:60]} in {unit_label(own)} with a reference "
            f"in {unit_label(reference)}", where=results.folder.name,
            hint="name other products in data, or scale it to the reference in the run",
        )  # fmt: skip


def _titles(data: Data) -> list[tuple[str, str]]:
    pairs = data.need("product", "title", "kind", "ratio", "r")[["product", "title"]].astype(str).drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def _half(data: Data) -> bool:
    """Whether correlations below zero need the other quarter: a median's, or those of more than a few locations."""
    below, middle = data.table["r"] < 0, data.table["kind"] == "median"
    return bool((below & middle).any() or below.mean() > _FEW_BELOW)


def _reach(data: Data, options: Mapping[str, Any]) -> float:
    """Largest ratio shown, in halves: nearly all locations, and every median."""
    if options["reach"]:
        return float(options["reach"])
    table = data.table[np.isfinite(data.table["ratio"])]
    middle = table.loc[table["kind"] == "median", "ratio"].to_numpy(float)
    most = float(np.quantile(table["ratio"], 0.95)) if len(table) else 1.5
    widest = max([min(most, _COMMON_REACH), *middle])
    return float(np.clip(np.ceil(widest * 2) / 2, 1.5, _MOST_REACH))


def _step(reach: float) -> float:
    """Ratio from one arc to the next."""
    return 0.5 if reach <= _COMMON_REACH else 1.0


def _medians(table: pd.DataFrame) -> pd.DataFrame:
    """The medians that there are: a product without any number has none."""
    middle: pd.DataFrame = table[(table["kind"] == "median") & np.isfinite(table["ratio"]) & np.isfinite(table["r"])]
    return middle


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
    for radius in dict.fromkeys((*np.arange(_step(reach), reach - 1e-9, _step(reach)), 1.0, reach)):
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
    for size in np.arange(_step(reach), reach + 1, _step(reach)):
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
    """Points of one product that lie inside, and its median: hollow at the rim where it lies beyond."""
    colour, mark = LINES["light"][number % len(LINES["light"])], _MARKS[number % len(_MARKS)]
    look: dict[str, Any] = {"color": colour, "linestyle": "none", "marker": mark}
    if options["locations"]:
        few = table[(table["kind"] != "median") & (table["ratio"] <= reach) & (half | (table["r"] >= 0))]
        axes.plot(*_place(few, reach), markersize=2.4, alpha=0.4, markeredgewidth=0, **look)
    middle = _medians(table)
    if not len(middle):
        return
    beyond = bool((middle["ratio"] > reach).any())
    look |= {"markerfacecolor": "white", "markeredgecolor": colour} if beyond else {"markeredgecolor": "white"}
    axes.plot(
        *_place(middle, reach), markersize=7, markeredgewidth=1.2 if beyond else 0.7, zorder=5, clip_on=False,
        label=name, **look
    )  # fmt: skip


def _place(table: pd.DataFrame, reach: float) -> tuple[Floats, Floats]:
    """Where marks lie: at the angle of their correlation, and no farther out than the rim."""
    r, ratio = np.clip(table["r"].to_numpy(float), -1, 1), np.clip(table["ratio"].to_numpy(float), 0, reach)
    return ratio * r, ratio * np.sqrt(1 - r**2)


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The medians, and what the lines are."""
    table = data.need("product", "title", "kind", "ratio", "r")
    reach, middle = _reach(data, options), _medians(table)
    told = [f"{r.title}: ratio {r.ratio:.2f}, R {r.r:.2f}" for r in middle.itertuples()]
    rim = middle.loc[middle["ratio"] > reach, "title"].astype(str)
    empty = [title for product, title in _titles(data) if product not in set(middle["product"].astype(str))]
    far = (table["ratio"] > reach) | ((table["r"] < 0) & (not _half(data)))
    outside = int((far & (table["kind"] == "location")).sum())
    apart = f"{_step(reach):g} of the reference's standard deviation"
    said = (
        f"At the median {'; '.join(told)}" if told else "",
        f"The median of {', '.join(rim)} lies beyond the ratio {reach:g} and is a hollow mark at the rim"
        if len(rim) else "",
        f"{', '.join(empty)}: no location has both a slope and a correlation, so nothing is drawn" if empty else "",
        f"Dashed circles are of equal centred difference (RMS), {apart} apart",
        "Small marks are locations, large ones their median" if options["locations"] else "Marks are medians",
        f"{outside} marks of locations lie outside the diagram" if outside and options["locations"] else "",
    )  # fmt: skip
    return tuple(filter(None, said))
