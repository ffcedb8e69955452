"""A validation run on the map for a notebook: locations coloured by a metric, hollow where there is no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from smcore.errors import SmcoreError
from smcore.figures.elements.look import (
    CLEAR,
    COAST,
    INCHES,
    WIDTH,
    coast,
    colouring,
    degrees,
    dressed,
    plain,
    quantity,
)
from smcore.names import unit_label

_PAD = 0.05
_SMALLEST_DEG = 0.5


def metric_map_element(
    table: pd.DataFrame,
    *,
    label: str,
    units: str,
    colour_map: str,
    colour_range: tuple[float, float],
    title: str = "",
) -> Any:
    """Draw locations by the value of a metric.

    Parameters
    ----------
    table
        One row per location: ``lat``, ``lon`` [deg], ``value`` (NaN where there is none), ``status``, ``n``, and
        ``location`` or ``sensor`` as its name. :meth:`smcore.validation.runs.results.RunResults.locations` gives it.
    label, units
        Of the metric.

    Returns
    -------
    holoviews.Overlay
        The coast, ``Points`` with a value, and ``Points`` without one. Cells of a grid are drawn with
        :func:`~smcore.figures.elements.maps.map_element`.

    Raises
    ------
    SmcoreError
        If no location has a place.
    """
    import holoviews as hv

    placed = table[np.isfinite(table["lat"].to_numpy(float)) & np.isfinite(table["lon"].to_numpy(float))]
    if placed.empty:
        raise SmcoreError(
            "No location of this run has a place to draw", hint="cells of a grid are drawn by map_element"
        )
    rows = pd.DataFrame(
        {
            "lon": placed["lon"].to_numpy(float), "lat": placed["lat"].to_numpy(float),
            "value": placed["value"].to_numpy(float), "name": _names(placed),
            "n": placed["n"].to_numpy() if "n" in placed else 0,
            "status": placed["status"].astype(str).to_numpy() if "status" in placed else "ok",
        }
    )  # fmt: skip
    there = np.isfinite(rows["value"].to_numpy(float))
    both, _, pyplot = colouring(colour_map, colour_range, quantity(label, units))
    west, south, east, north = _around(rows)
    stretch = 1 / max(float(np.cos(np.radians((south + north) / 2))), 0.2)
    axes = {
        "xlabel": "longitude [°]", "ylabel": "latitude [°]", "xlim": (west, east), "ylim": (south, north),
        "data_aspect": stretch, "title": ", ".join(filter(None, (plain(title), f"{int(there.sum())} locations"))),
    }  # fmt: skip
    about, marked = ["name", "n", "status"], {"line_color": COAST, "tools": ["hover"]}
    value = hv.Dimension("value", label=plain(label), unit=unit_label(units))
    kdims = [degrees("lon"), degrees("lat")]
    size = {"frame_width": WIDTH - 160}
    line = dressed(
        hv.Path([coast(west, south, east, north)], kdims),
        {"color": COAST} | axes,
        {"line_width": 0.8} | size,
        {"linewidth": 0.6, "fig_inches": INCHES},
    )
    without = dressed(
        hv.Points(rows[~there], kdims, about), {"color": CLEAR}, marked | size | {"size": 8},
        {"edgecolors": COAST, "s": 30},
    )  # fmt: skip
    with_value = dressed(
        hv.Points(rows[there], kdims, [value, *about]), {"color": "value"} | both,
        marked | size | {"size": 9}, pyplot | {"edgecolors": COAST, "s": 40, "linewidth": 0.5},
    )  # fmt: skip
    return line * without * with_value


def _names(table: pd.DataFrame) -> list[str]:
    columns = [c for c in ("sensor", "location") if c in table]
    return (
        [plain(next((v for v in row if v), "")) for row in table[columns].astype(str).to_numpy()]
        if columns
        else [""] * len(table)
    )


def _around(rows: pd.DataFrame) -> tuple[float, float, float, float]:
    """West, south, east, north of all locations with a margin [deg]."""
    limits = []
    for column in ("lon", "lat"):
        low, high = float(rows[column].min()), float(rows[column].max())
        pad = max(_PAD * (high - low), _SMALLEST_DEG)
        limits.append((low - pad, high + pad))
    (west, east), (south, north) = limits
    return west, max(south, -90.0), east, min(north, 90.0)
