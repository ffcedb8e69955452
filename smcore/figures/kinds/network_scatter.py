"""A product against stations, one scatter for each network, land cover or other group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from smcore.figures.data import Data
from smcore.figures.fields import Field
from smcore.figures.grouping import NETWORK, group_of
from smcore.figures.panel import Panel, with_unit
from smcore.figures.presets import Look
from smcore.figures.run_tables import chosen_product, found_pairs, only_own, opened_run, run_told, title_of
from smcore.figures.scatter import MOST_POINTS, count_bar, draw_lines, draw_pairs, same_counts
from smcore.figures.scatter_numbers import corner, write_corner
from smcore.figures.sources import RUN, Places
from smcore.figures.style import broken, clipped

TITLE = "Scatter by group"
ABOUT = "Pairs of a product with stations, a scatter with statistics for each network, land cover or climate."
TAKES = (RUN,)
OPTIONS: dict[str, Field] = {
    "most": Field("whole", 9, "groups shown at most, those with most pairs", low=1, high=30),
    "fit": Field("flag", True, "whether the line of least squares is drawn"),
    "across": Field("whole", None, "scatters side by side", low=1, high=6),
    "labels": Field("texts", (), "names of product and reference, in place of their titles"),
}
_SIDE_INCH, _MOST_INCH = 1.5, 3.2
_TITLE_LINES = 2
_BAR_INCH = 0.7  # of the colour bar of a density


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """All pairs of the run with the group of their station."""
    only_own(source)
    results = opened_run(source, places)
    product, stratum = chosen_product(results, source), source["stratum"] or NETWORK
    member = group_of(results, stratum)
    found, transform = found_pairs(results, product, places)
    parts = []
    for row, subject in enumerate(found.subjects):
        x, y, _ = found.scored(row, transform)
        if len(x):
            parts.append(pd.DataFrame({"group": member.get(subject, "not known"), "reference": y, "product": x}))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["group", "reference", "product"])
    told = run_told(results, product, methods=("ubrmsd",), quantity="soil moisture")
    names = [title_of(results, product), title_of(results, results.reference)]
    scored = results.pair_units(product)
    drawn = {"names": names, "units": list(scored), "by": stratum.replace("_", " ")}
    units = {"reference": scored[1], "product": scored[0]}
    return Data(replace(told, n=len(table), counted="pairs"), table, units=units, drawn=drawn)


def _groups(data: Data, options: Mapping[str, Any]) -> dict[str, Data]:
    """Groups with most pairs, each with its own statistics."""
    table = data.need("group", "reference", "product")
    count = table["group"].astype(str).value_counts(sort=True)
    found = {}
    for name in count.index[: options["most"]]:
        one = table[table["group"].astype(str) == name].reset_index(drop=True)
        drawn = {**data.drawn, "metrics": statistics(one)}
        found[str(name)] = Data(replace(data.told, n=len(one)), one, units=data.units, drawn=drawn)
    return found


def statistics(table: pd.DataFrame) -> dict[str, list[float]]:
    """R, bias and ubRMSD over all pairs of a group, by the definitions of :mod:`smcore.validation.metrics`."""
    from smcore.validation.metrics import bias, pearson_r, ubrmsd

    x, y = table["product"].to_numpy(float), table["reference"].to_numpy(float)
    found = {"pearson_r": pearson_r(x, y), "bias": bias(x, y), "ubrmsd": ubrmsd(x, y)}
    return {name: [float(value)] for name, value in found.items() if np.isfinite(value)}


def _grid(count: int, width: float, across: int | None) -> tuple[int, int]:
    """Rows and columns: squares that are not too small, and no column longer than a page."""
    columns = min(count, across or max(1, min(4, int(width / _SIDE_INCH))))
    return -(-count // columns), columns


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """Squares in rows."""
    rows, columns = _grid(len(_groups(data, options)), width, options["across"])
    side = min((width - 0.5 - _BAR_INCH) / columns, _MOST_INCH)
    return float(min(rows * (side + 0.15) + 0.5, look.most_inch))


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """One scatter a group on common axes."""
    groups = _groups(data, options)
    rows, columns = _grid(len(groups), panel.width, options["across"])
    places = panel.spec.subgridspec(rows, columns)
    shown = pd.concat([one.table for one in groups.values()])[["reference", "product"]].to_numpy(float)
    low, high = float(shown.min()), float(shown.max())
    pad = 0.05 * (high - low or 1.0)
    limits = (low - pad, high + pad)
    dense = max(len(one.table) for one in groups.values()) > MOST_POINTS
    axes: list[Any] = []
    drawn = []
    for i, (name, one) in enumerate(groups.items()):
        made = panel.made.add_subplot(places[i // columns, i % columns])
        drawn.append(draw_pairs(made, one, limits, density=dense))
        draw_lines(made, one, limits, fit=options["fit"])
        made.set(xlim=limits, ylim=limits, aspect="equal", anchor="N")
        made.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= len(groups))
        made.set_title(_entitled(name, panel, columns), fontsize=panel.look.preset.small_pt, pad=2.5)
        write_corner(made, one, limits, panel.look.preset.small_pt, panel.width / columns - 0.35)
        axes.append(made)
    _name(panel, axes, data, options, rows, columns)
    if dense:
        same_counts(drawn)
        count_bar(panel, axes[min(columns, len(axes)) - 1], drawn[0])
    panel.entitle_above(axes[0])
    panel.mark(axes[min(columns, len(axes)) - 1], data.told, raised=True)


def _entitled(name: str, panel: Panel, columns: int) -> str:
    """The name of a group in two lines at most."""
    room = panel.width / columns - 0.35
    lines = broken(clipped(name, 80), room, panel.look, small=True)
    if len(lines) > _TITLE_LINES:
        lines = [lines[0], lines[1][:-2].rstrip(" \\") + "…"]  # nor half of a dollar that was made harmless
    return "\n".join(lines)


def _name(panel: Panel, axes: list[Any], data: Data, options: Mapping[str, Any], rows: int, columns: int) -> None:
    """Names of product and reference, once each, at the middle of the outer axes."""
    named = [*options["labels"], *data.drawn["names"][len(options["labels"]) :]]
    units = data.drawn["units"]
    lowest = [one for i, one in enumerate(axes) if i + columns >= len(axes)]
    room = panel.width / columns - 0.2
    for one in lowest[:: max(columns, 1)] if columns == 1 else [lowest[len(lowest) // 2]]:
        one.set_xlabel("\n".join(broken(with_unit(str(named[1]), str(units[1])), room, panel.look)))
    axes[(rows // 2) * columns].set_ylabel("\n".join(broken(with_unit(str(named[0]), str(units[0])), room, panel.look)))


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The statistics of each group, and how many groups are left out."""
    groups = _groups(data, options)
    told = [f"{' '.join(name.split())}: {', '.join(corner(one))}" for name, one in groups.items()]
    left = data.table["group"].nunique() - len(groups)
    by = str(data.drawn.get("by", "group"))
    return (f"By {by}: {'; '.join(told)}", *([f"{left} groups with fewer pairs are left out"] if left > 0 else []))
