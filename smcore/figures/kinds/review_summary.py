"""What a review came to: subjects by state and verdict, and the headline with none, blind and all exclusions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smcore.errors import RecipeError
from smcore.figures.colours import LINES
from smcore.figures.data import Data
from smcore.figures.fields import Field
from smcore.figures.legend import draw_legend, legend_inch
from smcore.figures.panel import Panel, with_unit
from smcore.figures.presets import Look
from smcore.figures.sources import Places
from smcore.figures.style import broken, clipped, plain
from smcore.names import unit_label

TITLE = "Review summary"
ABOUT = "Counts of states and verdicts of a review, and the headline with none, blind and all exclusions, per product."
TAKES = ()
OPTIONS: dict[str, Field] = {"metrics": Field("texts", (), "metrics of the headline that are shown; none: all")}
COLUMNS = ("section", "name", "value", "lower", "upper", "product", "exclusions", "units")
"""``section`` is ``state`` or ``verdict`` (``name``, count as ``value``), or ``headline`` (``name`` is a metric)."""
EXCLUSIONS = ("none", "blind", "all")
_MARKS = {"none": "o", "blind": "s", "all": "D"}
_BAR_INCH, _ROW_INCH, _NARROW_INCH = 0.19, 0.2, 4.5


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Nothing is read here: the table comes with the recipe, as a review's own module writes it."""
    raise RecipeError("A review summary comes from a table", hint="take it from the report of a review")


def _parts(data: Data, options: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    table = data.need("section", "name", "value")
    counts = {one: table[table["section"] == one] for one in ("state", "verdict")}
    found = table[table["section"] == "headline"]
    metrics = [m for m in dict.fromkeys(found["name"].astype(str)) if not options["metrics"] or m in options["metrics"]]
    return {**counts, "headline": found}, metrics[:4]


def _products(found: Any) -> list[str]:
    return list(dict.fromkeys(found["product"].astype(str))) if "product" in found else []


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """Bars of counts, rows of products, and the legend."""
    parts, metrics = _parts(data, options)
    high = _bars_inch(parts, width)
    if metrics:
        high += 0.75 + _ROW_INCH * max(len(_products(parts["headline"])), 1) * 1.6
    return float(np.clip(high + legend_inch(_labels(), width, look), 1.2, look.most_inch))


def _letters(width: float) -> int:
    """Of names beside the axes, half of which they may take at most."""
    return max(int(6.5 * width) if _stacked(width) else int(4.2 * width), 12)


def _stacked(width: float) -> bool:
    """Whether states and verdicts stand one below the other."""
    return width < _NARROW_INCH


def _labels() -> list[str]:
    return [_way(one) for one in EXCLUSIONS]


def _way(exclusions: str) -> str:
    return f"{'no' if exclusions == 'none' else exclusions} exclusions"


def _bars_inch(parts: Mapping[str, Any], width: float) -> float:
    """Height of the bars of states and verdicts."""
    each = [0.55 + _BAR_INCH * len(parts[one]) for one in ("state", "verdict") if len(parts[one])]
    return sum(each) if _stacked(width) else max(each, default=0.0)


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """Counts above, the headline below: a row a product, a mark for each way of excluding."""
    parts, metrics = _parts(data, options)
    counted = [one for one in ("state", "verdict") if len(parts[one])]
    bars = max(_bars_inch(parts, panel.width), 1e-3)
    under = legend_inch(_labels(), panel.width, panel.look) if metrics else 1e-3
    rows = max(panel.height - bars - under, 0.4) if metrics else 1e-3
    places = panel.spec.subgridspec(3, 1, height_ratios=[bars, rows, under])
    axes = []
    each = [len(parts[one]) + 2 for one in counted]
    stacked = _stacked(panel.width) and len(counted) > 1
    inner = {"nrows": 2, "ncols": 1, "height_ratios": each} if stacked else {"nrows": 1, "ncols": max(len(counted), 1)}
    across = places[0, 0].subgridspec(**inner)
    for i, one in enumerate(counted):
        axes.append(_bars(panel, panel.made.add_subplot(across[i, 0] if stacked else across[0, i]), parts[one], one))
    below = places[1, 0].subgridspec(1, max(len(metrics), 1))
    last = [_headline(panel, panel.made.add_subplot(below[0, i]), parts["headline"], m, i, len(metrics))
            for i, m in enumerate(metrics)]  # fmt: skip
    if not (axes or last):
        raise RecipeError("There is nothing to draw: the review has no counts and no headline")
    panel.entitle((axes or last)[0])
    panel.mark((axes or last)[-1], data.told)
    if last:
        draw_legend(panel, places[2, 0], last[:1])


def _bars(panel: Panel, axes: Any, table: Any, what: str) -> Any:
    names, values = [clipped(v, _letters(panel.width)) for v in table["name"]], table["value"].to_numpy(float)
    at = np.arange(len(names))[::-1]
    axes.barh(at, values, 0.7, color=LINES["light"][0 if what == "state" else 2], alpha=0.75)
    for y, value in zip(at, values, strict=True):
        axes.annotate(f"{value:.0f}", (value, y), (2, 0), textcoords="offset points", va="center", fontsize="small")
    axes.set_yticks(at, names)
    axes.tick_params(left=False)
    axes.set(xlabel=f"subjects by {what}", xlim=(0, max(float(values.max(initial=1)) * 1.15, 1)))
    axes.xaxis.get_major_locator().set_params(integer=True)
    return axes


def _headline(panel: Panel, axes: Any, found: Any, metric: str, column: int, columns: int) -> Any:
    table = found[found["name"].astype(str) == metric]
    products = _products(found)
    units = str(table["units"].iloc[0]) if "units" in table and len(table) else ""
    for j, way in enumerate(EXCLUSIONS):
        one = table[table["exclusions"] == way].drop_duplicates("product").set_index("product")
        at = [len(products) - 1 - i + 0.22 * (1 - j) for i, p in enumerate(products) if p in one.index]
        rows = one.loc[[p for p in products if p in one.index]]
        value = rows["value"].to_numpy(float)
        error = np.abs(np.stack([value - rows["lower"].to_numpy(float), rows["upper"].to_numpy(float) - value]))
        axes.errorbar(
            value, at, xerr=np.nan_to_num(error), fmt=_MARKS[way], color=LINES["light"][j], markersize=3.2,
            elinewidth=0.8, label=_way(way), capsize=0,
        )  # fmt: skip
    axes.set_yticks(
        range(len(products)),
        [clipped(p, _letters(panel.width)) for p in products[::-1]] if column == 0 else [""] * len(products),
    )
    axes.set_ylim(-0.6, len(products) - 0.4)
    axes.tick_params(left=False)
    axes.grid(axis="x", linewidth=0.3, alpha=0.6)
    axes.set_xlabel("\n".join(broken(with_unit(metric, units), panel.width / columns - 0.3, panel.look)))
    return axes


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Counts, and each headline with its interval."""
    parts, metrics = _parts(data, options)
    told = []
    for one in ("state", "verdict"):
        if len(parts[one]):
            listed = ", ".join(
                f"{r.name_} {int(r.value)}" for r in parts[one].rename(columns={"name": "name_"}).itertuples()
            )
            told.append(f"Subjects by {one}: {listed}")
    found = parts["headline"]
    for row in found[found["name"].isin(metrics)].rename(columns={"name": "metric"}).to_dict("records"):
        unit = unit_label(str(row.get("units", "")))
        spelt = f" {unit}" if unit not in ("", "1") else ""
        between = f" [{row['lower']:.3g}, {row['upper']:.3g}]" if np.isfinite(row["lower"]) else ""
        told.append(
            f"{row['product']}, {_way(str(row['exclusions']))}: {row['metric']} {row['value']:.3g}{between}{spelt}"
        )
    return tuple(plain(one).replace(r"\$", "$") for one in told)
