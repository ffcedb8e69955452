"""Cumulative distributions of metrics over sites, one curve a product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from smcore.figures.colours import LINES
from smcore.figures.data import Data
from smcore.figures.fields import Field
from smcore.figures.legend import draw_legend, legend_inch
from smcore.figures.panel import Panel, with_unit
from smcore.figures.presets import Look
from smcore.figures.run_tables import chosen_metric, chosen_products, only_own, opened_run, run_told, scale, title_of
from smcore.figures.sources import RUN, Places
from smcore.figures.style import broken, plain
from smcore.names import unit_label

TITLE = "Distribution over sites"
ABOUT = "Share of sites below each value of R and RMSD, or of other metrics, one curve a product."
TAKES = (RUN,)
OPTIONS: dict[str, Field] = {
    "metrics": Field("texts", ("pearson_r", "rmsd"), "names of one to four metrics"),
    "height": Field("number", 1.9, "of the axes [inch]", low=0.8, high=5.0),
}
_DASHES = ("-", "--", "-.", ":")


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Values of the metrics at all sites that have one."""
    from smcore.validation.metrics import METRICS
    from smcore.validation.runs.pictured import values_of

    only_own(source)
    results = opened_run(source, places)
    products = chosen_products(results, source)
    tables, about, units = [], {}, {}
    for name in options["metrics"][:4]:
        metric = chosen_metric(results, source, name)
        units[metric] = scale(results, metric).units or "1"
        about[metric] = METRICS[metric].label
        for product in products:
            values = np.sort(values_of(results, product, metric))
            one = {"metric": metric, "product": product, "title": title_of(results, product), "value": values}
            tables.append(pd.DataFrame(one))
    table = pd.concat(tables, ignore_index=True)
    n = int(table.groupby(["metric", "product"]).size().max()) if len(table) else 0
    told = run_told(results, *products, methods=tuple(about), quantity=" and ".join(about.values()), units="")
    return Data(replace(told, n=n, counted=results.noun), table, drawn={"labels": about, "units": units})


def _titles(data: Data) -> list[tuple[str, str]]:
    pairs = data.need("metric", "product", "title", "value")[["product", "title"]].astype(str).drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """Axes side by side, or one below the other in a narrow column."""
    rows = _grid(data, width)[0]
    legend = legend_inch([plain(t) for _, t in _titles(data)], width, look)
    return float(min(rows * (options["height"] + 0.45) + legend, look.most_inch))


def _grid(data: Data, width: float) -> tuple[int, int]:
    count = data.table["metric"].nunique()
    columns = min(count, max(1, int(width / 1.6)))
    return -(-count // columns), columns


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """A step at every site."""
    titles, metrics = _titles(data), list(dict.fromkeys(data.table["metric"]))
    rows, columns = _grid(data, panel.width)
    under = legend_inch([plain(t) for _, t in titles], panel.width, panel.look)
    ratio = max(under * rows / max(panel.height - under, 0.3), 1e-3)
    places = panel.spec.subgridspec(rows + 1, columns, height_ratios=[*([1.0] * rows), ratio])
    axes: list[Any] = []
    for i, metric in enumerate(metrics):
        one = panel.made.add_subplot(places[i // columns, i % columns])
        for j, (product, title) in enumerate(titles):
            here = data.table[(data.table["metric"] == metric) & (data.table["product"] == product)]
            values = np.sort(here["value"].to_numpy(float))
            values = values[np.isfinite(values)]
            share = np.arange(1, len(values) + 1) / max(len(values), 1)
            look: dict[str, Any] = {"color": LINES["light"][j % len(LINES["light"])], "linestyle": _DASHES[j // 8 % 4]}
            one.step(np.repeat(values, 1), share, where="post", label=plain(title) if i == 0 else None, **look)
        label = with_unit(str(data.drawn["labels"][metric]), str(data.drawn["units"][metric]))
        one.set_xlabel("\n".join(broken(label, panel.width / columns - 0.5, panel.look)))
        one.set(ylim=(0, 1.0))
        one.grid(linewidth=0.3, alpha=0.6)
        if i % columns == 0:
            one.set_ylabel("share of sites")
        axes.append(one)
    panel.entitle(axes[0])
    panel.mark(axes[min(columns, len(axes)) - 1], data.told)
    draw_legend(panel, places[rows, :], axes)


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Medians, and the number of sites, of each product and metric."""
    told = []
    for (metric, _), one in data.table.groupby(["metric", "product"], sort=False):
        unit = unit_label(str(data.drawn["units"][metric]))
        spelt = f" {unit}" if unit not in ("", "1") else ""
        title, label = one["title"].iloc[0], data.drawn["labels"][metric]
        told.append(f"{title}: median {label} {one['value'].median():.3g}{spelt} at {len(one)} sites")
    return tuple(told)
