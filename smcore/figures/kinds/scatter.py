"""A product against a reference, pair by pair or as density, with the statistics in the corner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smcore import notebook
from smcore.errors import RecipeError
from smcore.figures.catalogued import checked_credit, chosen, masks_of
from smcore.figures.data import Data, Told, model_of, networks_of, once
from smcore.figures.fields import Field
from smcore.figures.panel import Panel
from smcore.figures.presets import Look
from smcore.figures.run_tables import (
    chosen_product,
    only_own,
    opened_run,
    pooled_metrics,
    run_pairs,
    run_told,
    title_of,
)
from smcore.figures.scatter import (
    MOST_POINTS,
    count_bar,
    density_data,
    draw_lines,
    draw_pairs,
    labels,
    left_out,
    limits_of,
    scatter_data,
    shown_pairs,
)
from smcore.figures.scatter_numbers import ROOMY_INCH, below, height_below, sentence, write_below, write_corner
from smcore.figures.sources import CATALOGUE, RUN, Places

TITLE = "Scatter"
ABOUT = "A product against a reference: all pairs of a run as density, or those of one sensor as points."
TAKES = (CATALOGUE, RUN)
OPTIONS: dict[str, Field] = {
    "density": Field("choice", "auto", "numbers of pairs in place of points", choices=("auto", "yes", "no")),
    "fit": Field("flag", True, "whether the line of least squares is drawn"),
    "limits": Field("numbers", None, "of both axes", count=2),
    "labels": Field("texts", (), "names of product and reference, in place of their titles"),
}
_SHOWN = ("pearson_r", "bias", "ubrmsd")
_SIDE = 0.62  # inches beside the square: ticks and label
_BAR = 0.62
_MOST_SQUARE = 3.6


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Pairs of a sensor with a product, or all of a run."""
    if source["source"] == RUN:
        return _of_run(source, places)
    product, *_ = chosen(source, places)
    if not source["stations"] or not source["sensors"]:
        raise RecipeError("A scatter needs a sensor", hint="name stations and sensors in data, or take a run")
    collection, sensor = places.entry(source["stations"]), source["sensors"][0]
    cited = (
        checked_credit(product, "product", source, places),
        *model_of(product),
        checked_credit(collection, "reference", source, places),
    )
    known = notebook.sensors(collection).set_index("sensor")["network"]
    cited += networks_of(cited[-1], [str(known[sensor])] if sensor in known else [])
    pairs = notebook.read_pairs(product, collection, sensor, **masks_of(source))
    told = Told(
        title=f"{pairs.names[0]} against {pairs.title}", quantity="soil moisture", units=pairs.units[1], where=sensor,
        when=_shared(product.period, collection.period), filters=pairs.notes,
        synthetic=pairs.synthetic, credits=once(cited), methods=("ubrmsd",),
    )  # fmt: skip
    metrics = {name: value for name, value in pairs.metrics.items() if name in _SHOWN}
    return scatter_data(
        pairs.product, pairs.reference, told, names=(pairs.names[0], pairs.title), units=pairs.units, metrics=metrics
    )


def _shared(one: tuple[str, str] | None, other: tuple[str, str] | None) -> str:
    """The days that two data sets have in common."""
    if one is None or other is None:
        return ""
    first, last = max(one[0], other[0])[:10], min(one[1], other[1])[:10]
    return f"{first} to {last}" if first <= last else ""


def _of_run(source: Mapping[str, Any], places: Places) -> Data:
    only_own(source)
    results = opened_run(source, places)
    product = chosen_product(results, source)
    told = run_told(results, product, methods=("ubrmsd",), quantity="soil moisture")
    metrics = pooled_metrics(results, product, _SHOWN)
    names = title_of(results, product), title_of(results, results.reference)
    kept = results.density(product)
    if kept is not None:
        return density_data(kept, told, names=names, metrics=metrics)
    found = run_pairs(results, product, places)
    return scatter_data(found.product, found.reference, told, names=names, units=found.units, metrics=metrics)


def _is_dense(data: Data, options: Mapping[str, Any]) -> bool:
    asked = options["density"]
    return "pairs" in data.table or asked == "yes" or (asked == "auto" and len(data.table) > MOST_POINTS)


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """A square with its labels, and statistics below a small one; a wide figure leaves room at its sides."""
    return _square(data, options, width) + 0.75 + height_below(_below(data, options, width, look), look)


def _square(data: Data, options: Mapping[str, Any], width: float) -> float:
    """Side of the axes [inch]."""
    return min(width - _SIDE - _BAR * _is_dense(data, options), _MOST_SQUARE)


def _below(data: Data, options: Mapping[str, Any], width: float, look: Look) -> list[str]:
    """Statistics under axes whose corners have no room for them, as wide as axes and colour bar."""
    side = _square(data, options, width)
    return [] if side >= ROOMY_INCH else below(data, look, side + _BAR * _is_dense(data, options))


def _limits(data: Data, options: Mapping[str, Any]) -> tuple[float, float]:
    low, high = options["limits"] or limits_of(data)
    if not low < high:
        raise RecipeError("The limits of the axes are empty", hint="give the lower one first")
    return float(low), float(high)


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """Pairs, lines, statistics."""
    axes = panel.axes()
    limits = _limits(data, options)
    dense = _is_dense(data, options)
    drawn = draw_pairs(axes, data, limits, density=dense)
    draw_lines(axes, data, limits, fit=options["fit"])
    axes.set(xlim=limits, ylim=limits, aspect="equal", anchor=panel.anchor)
    ticks = axes.get_xticks()
    inside = ticks[(ticks >= limits[0]) & (ticks <= limits[1])]
    axes.set(xticks=inside, yticks=inside)
    if options["labels"]:
        data = Data(data.told, data.table, None, data.units, {**data.drawn, "names": _named(data, options)})
    side, lines = _square(data, options, panel.width), _below(data, options, panel.width, panel.look)
    labels(panel, axes, data, min(panel.width, panel.height - height_below(lines, panel.look)) - 0.8)
    if lines:
        write_below(axes, lines, panel.look)
    else:
        write_corner(axes, data, limits, panel.look.preset.small_pt, side)
    if drawn is not None:
        count_bar(panel, axes, drawn)
    panel.mark(axes, data.told)


def _named(data: Data, options: Mapping[str, Any]) -> list[str]:
    own = [*options["labels"], *data.drawn["names"][len(options["labels"]) :]]
    return [str(one) for one in own[:2]]


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The statistics of the corner, and what the lines are."""
    told = [sentence(data)]
    if options["fit"]:
        solid = ", the solid one a fit of product on reference by least squares" if not left_out(data) else ""
        told.append(f"The dashed line is 1:1{solid}")
    total = data.told.n if data.told.n is not None else len(data.table)
    total -= left_out(data)
    shown = shown_pairs(data, _limits(data, options))
    if shown < total:
        by = ", counted by the middle of their bins" if "pairs" in data.table else ""
        told.append(f"{total - shown} of the {total} pairs lie outside the axes{by}; n and the statistics are of all")
    return tuple(told)
