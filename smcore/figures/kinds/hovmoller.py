"""A Hovmöller diagram: a product over time and latitude, or over time along a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from smcore import notebook
from smcore.figures.catalogued import checked_credit, chosen, masks_of
from smcore.figures.data import FIELD, Data, Told, place_text
from smcore.figures.field_map import MAP_OPTIONS, extend_of, field_sentences, limits
from smcore.figures.fields import Field
from smcore.figures.panel import Panel, axis_label, colour_bar, dated, shading
from smcore.figures.presets import Look
from smcore.figures.sources import CATALOGUE, Places
from smcore.hovmoller import Hovmoller, raster

TITLE = "Hovmöller diagram"
ABOUT = "A product over time to the right and latitude, or distance along a line, upwards."
TAKES = (CATALOGUE,)
OPTIONS: dict[str, Field] = {name: one for name, one in MAP_OPTIONS.items() if name != "coast"} | {
    "height": Field("number", 2.2, "of the diagram [inch]", low=0.8, high=8.0)
}
_COLUMNS = 1_500
_AXES = {"lat": ("latitude", "° N"), "distance": ("distance", "km")}


def section_data(found: Hovmoller, told: Told, *, axis: str, units: str, drawn: Mapping[str, Any]) -> Data:
    """Values (step, position) as a figure's data.

    Parameters
    ----------
    axis, units
        What the positions are, and their unit.
    """
    middle = (found.edges[:-1] + found.edges[1:]) / 2
    coords = {
        "time": found.time.astype("datetime64[ns]"),
        "position": ("position", middle, {"units": units, "long_name": axis}),
        "low": ("position", found.edges[:-1]), "high": ("position", found.edges[1:]),
    }  # fmt: skip
    about = {"units": told.units, "long_name": told.quantity}
    field = xr.Dataset({FIELD: (("time", "position"), np.asarray(found.value), about)}, coords)
    return Data(told, field=field, units={FIELD: told.units}, drawn={**drawn, "axis": axis, "axis_units": units})


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Means by latitude over the window, or values along the line, of every step of the period."""
    entry, *_ = chosen(source, places)
    credit = checked_credit(entry, "product", source, places)
    line = source["line"]
    ends = None if line is None else ((line[0], line[1]), (line[2], line[3]))
    found = notebook.read_section(
        entry, source["first"], source["last"], line=ends, window=None if ends else source["window"], **masks_of(source)
    )
    about, values = found.attrs, np.asarray(found.values)
    place = "lat" if ends is None else "distance"
    told = Told(
        title=str(about["title"]), quantity=str(about["long_name"]), units=str(about["units"]), when=str(about["when"]),
        where="" if ends is None else " to ".join(place_text(lat, lon) for lat, lon in ends),
        n=int(np.isfinite(values).sum()), counted="values", filters=tuple(filter(None, (str(about["caption"]),))),
        synthetic=bool(about["synthetic"]), credits=(credit,),
    )  # fmt: skip
    edges = np.append(found["low"].values, found["high"].values[-1])
    laid = Hovmoller(found["time"].values, edges, values, np.isfinite(values).astype(np.float32))
    drawn = {"colour_range": list(about["colour_range"])} if about.get("colour_range") else {}
    return section_data(laid, told, axis=_AXES[place][0], units=_AXES[place][1], drawn=drawn)


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """The diagram with its dates."""
    return float(min(options["height"] + 0.45, look.most_inch))


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """Steps on an even axis of time, gaps left empty."""
    field = data.need_field()
    order = np.argsort(field["low"].values, kind="stable")
    edges = np.append(field["low"].values[order], field["high"].values[order][-1])
    values = np.asarray(field[FIELD].transpose("time", "position").values)[:, order]
    whole = Hovmoller(field["time"].values, edges, values, np.isfinite(values).astype(np.float32))
    laid, _, first, last = raster(whole, _COLUMNS)
    low, high = limits(data, options)
    colours = options["colours"] or str(data.drawn.get("colours", "soil moisture"))
    scale, axes = shading(colours, low, high), panel.axes()
    start, end = (float(t.astype("datetime64[ms]").astype(np.int64)) / 86_400_000.0 for t in (first, last))
    axes.imshow(
        laid, cmap=scale.cmap, vmin=low, vmax=high, origin="lower", aspect="auto", interpolation="none",
        extent=(start, end, edges[0], edges[-1]),
    )  # fmt: skip
    axes.xaxis_date()
    dated(axes)
    room = panel.height - 0.6
    axes.set_ylabel(axis_label(panel, str(data.drawn.get("axis", "")), str(data.drawn.get("axis_units", "")), room))
    label = options["label"] or data.told.quantity
    colour_bar(panel, axes, scale, label, data.told.units, level=False, extend=extend_of(values, low, high))
    panel.mark(axes, data.told)


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Median and spread of the values."""
    return tuple(one.replace("over cells", "of the values") for one in field_sentences(data))
