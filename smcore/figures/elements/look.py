"""What all elements have in common: options for each way of drawing, axes with units, titles, the coast.

HoloViews is imported inside the functions: who only lists figures does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import fill
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore.errors import SmcoreError
from smcore.figures.colours import outside, shades
from smcore.names import unit_label

WIDTH, HEIGHT = 640, 400  # pixels, in bokeh
INCHES = 6.4  # of matplotlib, at the same shape
SIZES = {"title": 10, "labels": 9, "ticks": 8, "legend": 8, "clabel": 9, "cticks": 8}  # points
COAST = "#444444"
CLEAR = "#00000000"
Options = dict[str, Any]
_HARMLESS = str.maketrans({"$": "¤", "{": "(", "}": ")"})


def plain(text: object) -> str:
    """Text from data for a title or label: one line, no mathtext of either backend, no format fields of HoloViews."""
    return " ".join(str(text).split()).translate(_HARMLESS)


def quantity(name: object, units: object) -> str:
    """An axis label: what is measured and its unit, as ``soil moisture [m³ m⁻³]``; no bracket without a unit."""
    unit = unit_label(str(units))
    return f"{plain(name)} [{unit}]" if unit not in ("", "1") else plain(name)


def dressed(element: Any, both: Mapping[str, Any], bokeh: Mapping[str, Any], matplotlib: Mapping[str, Any]) -> Any:
    """Give an element its options for those backends that are loaded, and for bokeh where none is."""
    import holoviews as hv

    if not hv.Store.loaded_backends():
        hv.extension("bokeh", logo=False)
    both = {"fontsize": SIZES} | dict(both) if both else both
    for backend, own in (("bokeh", bokeh), ("matplotlib", matplotlib)):
        if backend in hv.Store.loaded_backends():
            element = element.opts(**both, **own, backend=backend)
    return element


def seamless(plot: Any, _element: Any) -> None:
    """Paint the edge of each cell in its own colour: bokeh leaves light seams between them otherwise. A hook."""
    glyph = plot.handles["glyph"]
    glyph.update(line_color=glyph.fill_color, line_alpha=1.0, line_width=0.7)


def colouring(name: str, colour_range: tuple[float, float], label: str) -> tuple[Options, Options, Options]:
    """Options of what is coloured by value: for both backends, for bokeh alone and for matplotlib alone.

    Raises
    ------
    SmcoreError
        If there is no such colour map, or the range is empty.
    """
    try:
        colours, (below, above) = list(shades(name)), outside(name)
    except KeyError:
        raise SmcoreError(
            f"There is no colour map {name!r}", hint="soil moisture, viridis, cividis, batlow or grey"
        ) from None
    low, high = (float(v) for v in colour_range)
    if not low < high:
        raise SmcoreError(f"The colour range {low:g} to {high:g} is empty", hint="give the lowest value first")
    both = {
        "cmap": colours, "clim": (low, high), "clabel": label, "colorbar": True,
        "clipping_colors": {"min": below, "max": above, "NaN": CLEAR},
    }  # fmt: skip
    return both, {"hooks": [seamless], "tools": ["hover"]}, {"cbar_extend": "both"}


def coast(west: float, south: float, east: float, north: float) -> NDArray[np.float64]:
    """The coast in a box [deg], (n, 2) longitude and latitude, NaN where the pen lifts; ``east`` may go on past 180."""
    from smcore.geodata import coastlines

    lon, lat = coastlines("50m")
    pieces = []
    for turn in (-360.0, 0.0, 360.0):
        x = lon + turn
        inside = (x >= west - 1) & (x <= east + 1) & (lat >= south - 1) & (lat <= north + 1)
        kept = inside | np.append(inside[1:], False) | np.append(False, inside[:-1])  # lines run out of the picture
        if inside.any():
            line = np.column_stack([np.where(kept, x, np.nan), np.where(kept, lat, np.nan)])
            lifted = np.isnan(line[:, 0])
            pieces += [line[~(lifted & np.append(True, lifted[:-1]))], np.full((1, 2), np.nan)]
    return np.concatenate(pieces) if pieces else np.empty((0, 2))


def counted(n: int) -> str:
    """How many values a picture shows, in one piece that no line break tears."""
    return f"n = {n:,}".replace(",", " ").replace(" ", "\u00a0")


def wrapped(parts: Iterable[str], width: int = 74) -> str:
    """Parts of a title with commas, on as many lines as they need; empty parts are left out."""
    return fill(", ".join(part for part in parts if part), width)


def title_of(data: xr.DataArray, *more: str) -> str:
    """Product, time, what is left out of it, how many values, and that it is synthetic where it is."""
    attrs = data.attrs
    parts = [plain(attrs.get(name, "")) for name in ("title", "when", "caption")] + [plain(part) for part in more]
    is_told = any("synthetic" in part.lower() for part in parts)
    return wrapped(
        [
            *parts,
            counted(int(np.isfinite(data.values).sum())),
            "synthetic" if attrs.get("synthetic") and not is_told else "",
        ]
    )


def label_of(data: xr.DataArray) -> str:
    """The axis label of an array's values."""
    return quantity(data.attrs.get("long_name", data.name or "value"), data.attrs.get("units", ""))


def value_dimension(data: xr.DataArray) -> Any:
    """The value dimension of an array, with its unit."""
    import holoviews as hv

    units = unit_label(str(data.attrs.get("units", "")))
    return hv.Dimension(
        str(data.name or "value"), label=plain(data.attrs.get("long_name", data.name or "value")), unit=units
    )


def degrees(name: str) -> Any:
    """The dimension of longitude (``lon``) or latitude (``lat``)."""
    import holoviews as hv

    return hv.Dimension(name, label={"lon": "longitude", "lat": "latitude"}[name], unit="°")


def edges(data: xr.DataArray, dim: str) -> NDArray[np.float64]:
    """Edges (n + 1,) of the cells along ``lat`` or ``lon``: the given ones, else half-way between the centres."""
    centres = np.asarray(data[dim].values, np.float64)
    sides = {"lat": ("south", "north"), "lon": ("west", "east")}[dim]
    if all(side in data.coords for side in sides):
        lower, upper = (np.asarray(data[side].values, np.float64) for side in sides)
        return np.append(lower, upper[-1]) if lower[-1] >= lower[0] else np.append(upper, lower[-1])
    if len(centres) < 2:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    half = np.diff(centres) / 2
    return np.concatenate([[centres[0] - half[0]], centres[:-1] + half, [centres[-1] + half[-1]]])
