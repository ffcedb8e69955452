"""Places on a map: coloured by a value, hollow where there is none, or one mark for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from smcore.errors import RecipeError
from smcore.figures.data import Data
from smcore.figures.mapping import coast, start
from smcore.figures.panel import INK, Panel
from smcore.figures.presets import Look
from smcore.figures.projections import FLAT, Box, Frame, frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PAD, _SMALLEST_DEG = 0.06, 0.5
_WIDEST = 0.62  # of the height over the width, below which a map gets more of its surroundings


def placed(data: Data) -> pd.DataFrame:
    """The rows of a figure's data that have a place.

    Raises
    ------
    RecipeError
        If none has.
    """
    table = data.need("lat", "lon")
    known: pd.DataFrame = table[np.isfinite(table["lat"].to_numpy(float)) & np.isfinite(table["lon"].to_numpy(float))]
    if known.empty:
        raise RecipeError("There is nothing to draw: no location has a place", where=data.told.title[:80])
    return known


def around(table: pd.DataFrame) -> Box:
    """West, south, east, north of all places with a margin [deg]; over the dateline where that is the shorter way."""
    lat, lon = table["lat"].to_numpy(float), (table["lon"].to_numpy(float) + 180.0) % 360.0 - 180.0
    turned = lon % 360.0
    if np.ptp(turned) < np.ptp(lon):
        lon = turned
    west, east = _margin(float(lon.min()), float(lon.max()))
    south, north = _margin(float(lat.min()), float(lat.max()))
    if east - west >= 358.0:
        west, east = -180.0, 180.0
    high = (north - south) / max(east - west, 1e-9)
    if high < _WIDEST / 3:  # stations in a row along a parallel
        more = ((east - west) * _WIDEST / 3 - (north - south)) / 2
        south, north = south - more, north + more
    return west, max(south, -90.0), east, min(north, 90.0)


def _margin(low: float, high: float) -> tuple[float, float]:
    pad = max(_PAD * (high - low), _SMALLEST_DEG if high - low < 4 * _SMALLEST_DEG else 0.0)
    return low - pad, high + pad


def points_height(data: Data, width: float, look: Look, projection: str, below: float) -> float:
    """Height of a map of places with ``below`` inches under it."""
    shape = frame(projection or FLAT, around(placed(data))).aspect
    return float(np.clip((width - 0.45) * shape + 0.35 + below, 1.5, look.most_inch))


def start_points(panel: Panel, table: pd.DataFrame) -> tuple[Axes, Frame]:
    """A map around places, with land's coast."""
    axes, shown = start(panel, around(table))
    coast(axes, shown, panel)
    return axes, shown


def mark_size(count: int) -> float:
    """Area of a mark [pt²], smaller where there are many."""
    return float(np.clip(900.0 / max(count, 1), 5.0, 22.0))


def put(axes: Axes, shown: Frame, table: pd.DataFrame, **look: Any) -> Any:
    """Marks at the places of a table."""
    x, y = shown.forward(table["lon"].to_numpy(float), table["lat"].to_numpy(float))
    settings: dict[str, Any] = {"s": mark_size(len(table)), "linewidths": 0.35, "edgecolors": INK, "zorder": 4} | look
    return axes.scatter(x, y, **settings)
