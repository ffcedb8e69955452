"""Series of products and stations at one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from smcore import notebook
from smcore.errors import RecipeError
from smcore.figures.backdrop import draw_behind
from smcore.figures.catalogued import checked_credit, chosen
from smcore.figures.colours import LINES, STATION
from smcore.figures.data import Data, Told, model_of, networks_of, once, place_text
from smcore.figures.fields import Field
from smcore.figures.legend import draw_legend, legend_inch
from smcore.figures.panel import Panel, axis_label, dated
from smcore.figures.presets import Look
from smcore.figures.series import Line, behind_of, draw_line, lines_of, series_data
from smcore.figures.sources import CATALOGUE, Places
from smcore.names import unit_label
from smcore.notebook.opening import answered_by
from smcore.titles import told_apart

TITLE = "Series"
ABOUT = "Products and sensors at one place over time, with marks of observed and filled values, bands, rain and frost."
TAKES = (CATALOGUE,)
OPTIONS: dict[str, Field] = {
    "value_range": Field("numbers", None, "lowest and highest value of the first axis", count=2),
    "height": Field("number", 1.7, "of the axes of each unit [inch]", low=0.8, high=6.0),
    "legend": Field("flag", True, "whether the legend is drawn"),
}
_LEAST_INCH = 0.45  # of ticks and label under the last axes


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Products at the place, and sensors of a collection; anomalies of all where that was asked."""
    entries = chosen(source, places, least=0)
    found: list[xr.DataArray] = []
    cited = [checked_credit(entry, "product", source, places) for entry in entries]
    cited += [model for entry in entries for model in model_of(entry)]
    if entries and source["point"] is None:
        raise RecipeError("Series of products need a place", hint="give data, point: latitude and longitude")
    if source["masks"] and not entries:
        raise RecipeError("Masks are of products, and the figure has none", hint="leave data, masks out")
    left_out = answered_by(entries, source["quality"], source["masks"])
    found += [
        notebook.read_series(one, *source["point"], variable=source["variable"], **masks)
        for one, masks in zip(entries, left_out, strict=True)
    ]
    if source["sensors"]:
        collection = places.entry(source["stations"])
        cited.append(checked_credit(collection, "reference", source, places))
        known = notebook.sensors(collection).set_index("sensor")["network"]
        cited += networks_of(cited[-1], (str(known[sensor]) for sensor in source["sensors"] if sensor in known))
        found += [notebook.read_sensor(collection, sensor) for sensor in source["sensors"]]
    if not found:
        raise RecipeError("The figure needs a product or a sensor", hint="name them in data, products or sensors")
    if source["treatment"]:
        found = [notebook.without_season(one, source["treatment"]) for one in found]
    first, last = source["first"] or None, source["last"] or None
    cut = [one.sel(time=slice(first, last)) for one in found]
    lat, lon = map(float, source["point"] or (found[0].attrs["lat"], found[0].attrs["lon"]))
    told = Told(
        title="Soil moisture" if len(cut) > 1 else str(cut[0].attrs["title"]), quantity=str(cut[0].attrs["long_name"]),
        units=str(cut[0].attrs["units"]), when=_period(cut), where=place_text(lat, lon, 3),
        filters=tuple(filter(None, (_left_out(cut),))), synthetic=any(one.attrs["synthetic"] for one in cut),
        credits=once(cited), methods=("climatology",) if source["treatment"] else (),
    )  # fmt: skip
    return series_data([_line(one, i) for i, one in enumerate(cut)], told, quantity=str(cut[0].attrs["long_name"]))


def _left_out(series: list[xr.DataArray]) -> str:
    """What is left out of the products; a sensor's title says its flag."""
    mine = [(str(one.attrs["title"]), str(one.attrs["caption"])) for one in series if one.attrs["kind"] != "stations"]
    return told_apart(mine)


def _line(one: xr.DataArray, position: int) -> Line:
    station = int(one.attrs.get("order", position)) < 0
    optional: dict[str, Any] = {
        name: np.asarray(one[name].values, float) for name in ("half_width", "source") if name in one.coords
    }  # fmt: skip
    return Line(
        str(one.attrs["title"]), one["time"].values, np.asarray(one.values, float), str(one.attrs["units"]),
        STATION["light"] if station else LINES["light"][position % len(LINES["light"])],
        one.attrs["kind"] == "observed", bool(one.attrs["synthetic"]), **optional,
    )  # fmt: skip


def _period(series: list[xr.DataArray]) -> str:
    times = [one["time"].values[np.isfinite(one.values)] for one in series]
    known = np.concatenate([t.astype("datetime64[D]") for t in times]) if times else np.empty(0, "datetime64[D]")
    return f"{known.min()} to {known.max()}" if len(known) else ""


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """Axes of each unit, and the legend under them."""
    lines = lines_of(data)
    units = len(dict.fromkeys(line.units for line in lines))
    high = units * options["height"] + _LEAST_INCH + legend_inch(_labels(data), width, look) * options["legend"]
    return float(min(high, look.most_inch))


def _labels(data: Data) -> list[str]:
    """About what the legend will say; bands and marks add entries of their own."""
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    for line in lines_of(data):
        draw_line(axes, replace(line, time=line.time[:400], value=line.value[:400], **_head(line)))
    behind = behind_of(data)
    return [*axes.get_legend_handles_labels()[1], *([behind.rain_label] if behind and len(behind.day) else [])]


def _head(line: Line) -> dict[str, Any]:
    arrays = {name: getattr(line, name) for name in ("half_width", "source", "recommended")}
    return {name: values[:400] for name, values in arrays.items() if values is not None}


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """Each unit on axes of its own, sharing the time."""
    lines = lines_of(data)
    units = list(dict.fromkeys(line.units for line in lines))
    under = legend_inch(_labels(data), panel.width, panel.look) if options["legend"] else 0.0
    places = panel.spec.subgridspec(
        len(units) + 1, 1, height_ratios=[*([1.0] * len(units)), _share(under, panel, len(units))]
    )
    axes: list[Any] = []
    for i, unit in enumerate(units):
        one = panel.made.add_subplot(places[i, 0], sharex=axes[0] if axes else None)
        for line in (line for line in lines if line.units == unit):
            draw_line(one, line)
        room = (panel.height - under - _LEAST_INCH) / len(units)
        one.set_ylabel(axis_label(panel, str(data.drawn.get("quantity", "")), unit, room))
        one.margins(y=0.05)
        one.tick_params(labelbottom=i == len(units) - 1)
        axes.append(one)
    if options["value_range"]:
        axes[0].set_ylim(*options["value_range"])
    behind = behind_of(data)
    if behind is not None:
        draw_behind(axes[0], behind)
    if "period" in data.drawn:
        axes[0].set_xlim(*(np.datetime64(moment, "ms") for moment in data.drawn["period"]))
    dated(axes[-1])
    panel.entitle(axes[0])
    panel.mark(axes[0], data.told)
    if options["legend"]:
        draw_legend(panel, places[len(units), 0], [one for one in panel.made.axes if one in (*axes, *_twins(axes))])


def _share(under: float, panel: Panel, units: int) -> float:
    """Height of the legend over that of one pair of axes."""
    each = max((panel.height - under - _LEAST_INCH) / units, 0.3)
    return max(under / each, 1e-3)


def _twins(axes: list[Any]) -> list[Any]:
    """Axes of rain, which hang on those of the first unit."""
    return [one for one in axes[0].get_shared_x_axes().get_siblings(axes[0]) if one not in axes]


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Mean, standard deviation and number of values of each series."""
    told = []
    for line in lines_of(data):
        known = line.value[np.isfinite(line.value)]
        unit = unit_label(line.units)
        if len(known):
            spread = f"mean {known.mean():.3g}, standard deviation {known.std():.2g} {unit}, {len(known)} values"
            told.append(f"{' '.join(line.label.split())}: {spread}")
    return tuple(told)
