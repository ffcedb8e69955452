"""A table of medians by network, or by another stratum, and product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from smcore.errors import RecipeError
from smcore.figures.data import Data
from smcore.figures.fields import Field
from smcore.figures.grouping import NETWORK
from smcore.figures.panel import INK, Panel
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
from smcore.figures.style import clipped, plain, text_inches
from smcore.names import unit_label

TITLE = "Table by network"
ABOUT = "Number of sensors and median metrics of each product in each network, or other stratum, as a table."
TAKES = (RUN,)
OPTIONS: dict[str, Field] = {
    "metrics": Field("texts", ("pearson_r", "bias", "rmsd", "ubrmsd"), "names of metrics, one column each"),
    "most": Field("whole", 30, "rows at most", low=1, high=80),
}
_ALL = "all"
_ROW = 1.75  # heights of a letter
_SHORT_LETTERS, _NAME_LETTERS, _WHOLE_LETTERS = 22, 34, 80
_LOW = 0.6  # rows that a second line of the head adds


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Medians of the run's own strata, and over all."""
    from smcore.validation.metrics import METRICS
    from smcore.validation.runs.results import OWN
    from smcore.validation.score import MEDIAN

    results = opened_run(source, places)
    products, stratum = chosen_products(results, source), source["stratum"] or NETWORK
    sample = chosen_sample(results, source)
    metrics = [chosen_metric(results, source, name) for name in options["metrics"]]
    divided = stratum in results.stratum_names
    if not divided and stratum != NETWORK:  # stations of one network are not divided by it
        known = ", ".join(results.stratum_names) or "none: the run was not divided"
        raise RecipeError(f"The run has no stratum {stratum[:60]!r}", where=results.folder.name, hint=f"it has {known}")
    whole = (results.metrics if sample == OWN else results.common).assign(level=_ALL, sample=sample)
    table = pd.concat([results.strata[results.strata["stratum"] == stratum], whole]) if divided else whole
    table = table[(table["location"] == MEDIAN) & (table["sample"] == sample) & table["metric"].isin(metrics)]
    rows = []
    for (level, product), one in table[table["product"].isin(products)].groupby(["level", "product"], sort=False):
        by = one.set_index("metric")
        numbers = {m: float(by["value"].get(m, np.nan)) for m in metrics}
        count = pd.to_numeric(by["n"], errors="coerce").max()
        rows.append({"level": level, "product": title_of(results, str(product)), "n": count, **numbers})
    units = {name: scale(results, name).units or "1" for name in metrics}
    quantity = f"medians by {stratum.replace('_', ' ')}"
    told = run_told(results, *products, methods=metrics, sample=sample, quantity=quantity, units="")
    drawn = {"by": stratum.replace("_", " "), "symbols": {name: METRICS[name].symbol for name in metrics},
             "counted": results.noun}  # fmt: skip
    return Data(replace(told, counted=results.noun), pd.DataFrame(rows), units=units, drawn=drawn)


def _kept(data: Data, options: Mapping[str, Any]) -> pd.DataFrame:
    """Rows that are shown: those over all, under as many whole levels as there is room for beside them."""
    table, most = data.need("level", "product", "n"), int(options["most"])
    whole = (table["level"] == _ALL).to_numpy()
    rows = np.flatnonzero(whole)[:most]
    for level in table["level"][~whole].unique():
        own = np.flatnonzero(table["level"] == level)
        if len(rows) + len(own) > most:
            break
        rows = np.union1d(rows, own)
    return table.iloc[rows]


def _cells(data: Data, options: Mapping[str, Any], letters: int) -> list[list[str]]:
    """Head and rows as text; names of at most so many letters."""
    table = _kept(data, options)
    metrics = [name for name in table if name not in ("level", "product", "n")]
    symbols = data.drawn.get("symbols", {})
    head = [plain(data.drawn.get("by", "")), "product", "n"]
    head += [_head(str(symbols.get(name, name)), data.units.get(str(name), "")) for name in metrics]
    rows, before, short = [head], "", _told_apart(table["product"].astype(str).unique(), letters)
    for one in table.to_dict("records"):
        level = clipped(one["level"], letters) if one["level"] != before else ""
        before = one["level"]
        count = f"{one['n']:.0f}" if np.isfinite(one["n"]) else "–"
        product = short[" ".join(str(one["product"]).split())]
        rows.append([level, product, count, *(_number(one[name]) for name in metrics)])
    return rows


def _told_apart(names: Iterable[str], letters: int) -> dict[str, str]:
    """Names of so many letters: what is left out is in the middle, and nothing is where two would look alike."""
    found = {}
    for name in (" ".join(one.split()) for one in names):
        half = (letters - 1) // 2
        found[name] = name if len(name) <= letters else f"{name[:half].rstrip()}…{name[-half:].lstrip()}"
    alike = len(set(found.values())) < len(found)
    return {name: clipped(name if alike else one, _WHOLE_LETTERS) for name, one in found.items()}


def _head(symbol: str, units: str) -> str:
    unit = unit_label(units)
    return f"{plain(symbol)} [{unit}]" if unit not in ("", "1") else plain(symbol)


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−") if np.isfinite(value) else "–"


def _widths(cells: list[list[str]], look: Look) -> list[float]:
    """Inches of each column; heads may have two lines."""
    return [
        max(text_inches(line, look, small=True) for row in cells for line in row[i].split("\n")) + 0.14
        for i in range(len(cells[0]))
    ]


def _set(data: Data, options: Mapping[str, Any], room: float, look: Look) -> tuple[list[list[str]], bool]:
    """Cells as a width takes them, and whether the heads have two lines: units go below and names are cut for it."""
    for letters, low in ((_WHOLE_LETTERS, False), (_WHOLE_LETTERS, True), (_NAME_LETTERS, True)):
        cells = _cells(data, options, letters)
        if low:
            cells[0] = [one.replace(" [", "\n[") for one in cells[0]]
        if sum(_widths(cells, look)) <= room:
            return cells, low
    return [cells[0], *_cells(data, options, _SHORT_LETTERS)[1:]], True


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """A line a row."""
    cells, low = _set(data, options, width - 0.1, look)
    return float(min((len(cells) + 0.6 + _LOW * low) * _ROW * look.preset.small_pt / 72 + 0.25, look.most_inch))


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """Text in columns with rules above and below, as journals set tables; letters shrink where it would be too wide."""
    cells, low = _set(data, options, panel.width - 0.1, panel.look)
    widths, head = _widths(cells, panel.look), 1.0 + _LOW * low
    axes = panel.axes()
    axes.set_axis_off()
    panel.spread(axes)
    scale_ = min(1.0, (panel.width - 0.1) / sum(widths))
    size = panel.look.preset.small_pt * scale_
    ends = np.cumsum([0.0, *widths]) * scale_ / max(panel.width - 0.1, 0.1)
    lowest = -(head + len(cells) - 1.0)
    axes.set(xlim=(0, 1), ylim=(lowest, 0.2))
    for i, row in enumerate(cells):
        top = -(head + i - 1.0) if i else 0.0
        for j, text in enumerate(row):
            x, side = (ends[j], "left") if j < 2 else (ends[j + 1] - 0.01, "right")
            middle = top - (0.5 if i else head / 2)
            written = axes.text(x, middle, text, ha=side, va="center", fontsize=size, clip_on=False, linespacing=1.1)
            written.set_in_layout(False)  # it lies in the whole width of the panel
        if i and row[0] and i > 1:
            axes.plot([0, ends[-1]], [top, top], color=INK, linewidth=0.2)
    for y, thick in ((0.0, 0.9), (-head, 0.5), (lowest, 0.9)):
        axes.plot([0, ends[-1]], [y, y], color=INK, linewidth=thick, clip_on=False)
    panel.mark(axes, data.told)


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """What the numbers are."""
    counted = str(data.drawn.get("counted", "locations"))
    by, kept = str(data.drawn.get("by", "level")), _kept(data, options)
    told = [f"Numbers are medians over {counted}; n is the number of {counted} with a value"]
    levels, shown = (set(one["level"].astype(str)) - {_ALL} for one in (data.table, kept))
    if len(shown) < len(levels):
        noun = "networks" if by == NETWORK else f"levels of {by}"
        told.append(f"{len(levels) - len(shown)} of {len(levels)} {noun} are left out")
        if _ALL in set(kept["level"]):
            told[-1] += ", but not out of the numbers over all"
    missing = int((data.table["level"] == _ALL).sum() - (kept["level"] == _ALL).sum())
    return (*told, *([f"{missing} products are left out"] if missing else []))
