"""A box for a prediction without drawing it: around the stations, around the drawn polygon, or what the map shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.page.language import tr
from app.selection import Selection
from app.store import Store
from smcore.area_text import box_of_polygon, rounded_outwards
from smcore.errors import WindowError
from smcore.grids import wrap_longitude

STATIONS, POLYGON, VIEW = "stations", "polygon", "view"
MARGIN = 0.2  # degrees around points, so that each lies well inside
Box = tuple[float, float, float, float]


def box_around(what: str, store: Store, shown: Sequence[float] | None = None) -> Box:
    """West, south, east, north [deg], rounded outwards; west is the greater one where the box crosses the dateline.

    ``shown`` is what the map shows before anyone has moved it.

    Raises
    ------
    WindowError
        If there is nothing that it could go around.
    """
    chosen = store.selection
    if what == STATIONS:
        places = store.stations.places()
        if not len(places):
            raise WindowError(tr("There are no stations on the map"), hint=tr("choose a collection under Layers"))
        return around(places["lat"].to_numpy(), places["lon"].to_numpy())
    if what == POLYGON:
        if chosen.polygon is None:
            raise WindowError(tr("No polygon is drawn"), hint=tr("draw one with the series: polygon instead of cell"))
        return box_of_polygon(chosen.polygon)
    view = chosen.view or shown
    if view is None:
        raise WindowError(tr("The map is not shown yet"), hint=tr("draw a box, or type its sides"))
    west, south, east, north = view
    whole = east - west >= 360
    west, east = (-180.0, 180.0) if whole else (float(v) for v in wrap_longitude([west, east]))
    return rounded_outwards(west, max(south, -90.0), east, min(north, 90.0))


def polygon_of_box(chosen: Selection) -> tuple[float, ...]:
    """The corners of the drawn polygon where the chosen box is the one around it; else none: the box is meant."""
    if chosen.polygon is None or chosen.box is None or tuple(chosen.box) != box_of_polygon(chosen.polygon):
        return ()
    return tuple(float(number) for number in chosen.polygon)


def around(lat: np.ndarray, lon: np.ndarray, margin: float = MARGIN) -> Box:
    """The smallest box around points [deg]: of all arcs that hold every longitude, the shortest."""
    turned = np.unique(np.asarray(lon, np.float64) % 360.0)
    gaps = np.diff(np.append(turned, turned[0] + 360.0))
    first = (int(gaps.argmax()) + 1) % len(turned)
    west, wide = turned[first], 360.0 - gaps.max()
    if wide + 2 * margin >= 360:
        west, east = -180.0, 180.0
    else:
        west, east = (float(v) for v in wrap_longitude([west - margin, west + wide + margin]))
    return rounded_outwards(west, max(float(lat.min()) - margin, -90.0), east, min(float(lat.max()) + margin, 90.0))
