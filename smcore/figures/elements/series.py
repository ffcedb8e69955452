"""Series for a notebook: products and stations at a place, observed values as points, gaps as gaps, bands as shades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from smcore.errors import SmcoreError
from smcore.figures.colours import LINES, STATION
from smcore.figures.elements.look import INCHES, WIDTH, counted, dressed, plain, quantity, value_dimension, wrapped

_BELOW = {
    "legend_position": "bottom", "fig_inches": (INCHES * 1.3, 3.2), "aspect": 2.6,
    "legend_opts": {"bbox_to_anchor": (0.0, -0.22), "loc": "upper left", "mode": None, "frameon": False},
}  # fmt: skip
"""Under the axis, where matplotlib's own place for it would cover the label."""
TIME = "time"
BAND = "half_width"


def series_element(
    series: Sequence[xr.DataArray],
    *,
    title: str = "",
    period: tuple[str, str] | None = None,
    colours: Sequence[str] | None = None,
) -> Any:
    """Draw series (time,), NaN in gaps; those of one unit share an axis, another unit has a panel of its own.

    Parameters
    ----------
    series
        Each with ``title``, ``units``, ``kind`` (``observed`` ones are points, the others lines), ``synthetic`` and
        ``order`` (its place in the colours; −1 for a station) in its attributes, and its 90 % band in a coordinate
        ``half_width`` (time,), where it has one.
    period
        First and last moment shown, ISO in UTC; None: all.
    colours
        One for each series; None: those of the dashboard.

    Returns
    -------
    holoviews.Overlay or holoviews.Layout
        ``Scatter``, ``Curve`` and ``Spread``; a layout of overlays, one below the other, where there are several units.

    Raises
    ------
    SmcoreError
        If there is no series.
    """
    import holoviews as hv

    if not series:
        raise SmcoreError("There is no series to draw", hint="choose another place or period")
    shown = [
        one.sel(time=slice(np.datetime64(period[0]), np.datetime64(period[1]))) if period else one for one in series
    ]
    painted = list(colours) if colours is not None else [_colour(one, i) for i, one in enumerate(series)]
    units = list(dict.fromkeys(str(one.attrs.get("units", "")) for one in shown))
    n = sum(int(np.isfinite(one.values).sum()) for one in shown)
    headline = wrapped([plain(title), counted(n)])
    panels: list[Any] = []
    for unit in units:
        alike = [pair for pair in zip(shown, painted, strict=True) if str(pair[0].attrs.get("units", "")) == unit]
        parts = [part for one, colour in alike for part in _parts(one, colour)]
        quantities = dict.fromkeys(str(one.attrs.get("long_name", "soil moisture")) for one, _ in alike)
        axes = {
            "xlabel": "time [UTC]", "ylabel": quantity(" / ".join(quantities), unit), "show_legend": True,
            "title": headline if not panels else "",
        }  # fmt: skip
        bokeh = {"legend_position": "bottom", "frame_width": WIDTH, "frame_height": 220}
        panels.append(dressed(hv.Overlay(parts), axes | {"legend_cols": 1}, bokeh, _BELOW))
    return panels[0] if len(panels) == 1 else hv.Layout(panels).cols(1)


def _parts(one: xr.DataArray, colour: str) -> list[Any]:
    """The elements of one series: its band beneath, then its line, or its points where it was observed."""
    import holoviews as hv

    time = one[TIME].values.astype("datetime64[ns]")
    value = np.asarray(one.values, np.float64)
    label, vdim = series_label(one), value_dimension(one)
    kdim = hv.Dimension(TIME, unit="UTC")
    drawn = []
    if BAND in one.coords and np.isfinite(one[BAND].values).any():
        half = np.asarray(one[BAND].values, np.float64)
        band = hv.Spread(
            (time, value, half), kdim, [vdim, hv.Dimension(BAND, unit=vdim.unit)], label=f"90 % band of {label}"
        )
        drawn.append(dressed(band, {"color": colour, "alpha": 0.2}, {"line_alpha": 0}, {"linewidth": 0}))
    if one.attrs.get("kind") == "observed":
        points = hv.Scatter((time, value), kdim, vdim, label=label)
        drawn.append(dressed(points, {"color": colour}, {"size": 4, "tools": ["hover"]}, {"s": 6}))
    else:
        line = hv.Curve((time, value), kdim, vdim, label=label)
        drawn.append(dressed(line, {"color": colour}, {"line_width": 1.4, "tools": ["hover"]}, {"linewidth": 1.1}))
    return drawn


def series_label(one: xr.DataArray) -> str:
    """What a legend calls a series; matplotlib leaves out what begins with an underscore, so it gets a space."""
    told = plain(", ".join(str(one.attrs[k]) for k in ("title", "caption") if one.attrs.get(k))) or "series"
    marked = told if not one.attrs.get("synthetic") or "synthetic" in told.lower() else f"{told} (synthetic)"
    return f" {marked}" if marked.startswith("_") else marked


def _colour(one: xr.DataArray, position: int) -> str:
    order = int(one.attrs.get("order", position))
    return STATION["light"] if order < 0 else LINES["light"][order % len(LINES["light"])]
