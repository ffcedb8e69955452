"""Drawing a box or a polygon on the map, and showing those that the series and a prediction are of."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.events import DoubleTap
from bokeh.models import Line, Patch, Scatter

from app.inference.window_choice import polygon_of_box
from app.page.boundary import follow, guarded, notify, together
from app.page.language import tr
from app.selection import MOST_VERTICES, Selection
from app.store import Store
from app.views.map.canvas import MapView
from app.views.map.clicks import on_click
from app.views.map.glyphs import LateMarks
from smcore.areas import Area, polygon
from smcore.maps import latitude_of, longitude_of, mercator_x, mercator_y

COLOUR = "#d55e00"
Corner = tuple[float, float]


class AreaTool:
    """The drawing of areas on one session's map, and the outlines of those in use: of the series, and of a prediction.

    A box is dragged with the map's own tool; the corners of a polygon are clicked, the last one twice.
    """

    def __init__(self, selection: Selection, store: Store, view: MapView) -> None:
        self.selection, self.store, self.map = selection, store, view
        self._corners: list[Corner] | None = None
        plot = view.figure
        edge = {"line_color": COLOUR, "line_width": 1.6}
        inside = Patch(fill_alpha=0.08, fill_color=COLOUR, line_dash="dashed", **edge)
        self.outline = LateMarks(plot, inside, name="area")
        self.run = LateMarks(plot, inside.clone(), name="box")
        corner = Scatter(fill_color=COLOUR, line_color=None, size=6)
        self.path = LateMarks(plot, Line(**edge), corner, name="path")
        on_click(plot, self._clicked)
        plot.on_event(DoubleTap, together(guarded(self._finished)))
        follow(selection, ["area", "box", "polygon", "place"], self._mark)
        self._mark()

    def draw(self, what: str) -> None:
        """Let the next drag draw a box, or the next clicks a polygon; "" ends either."""
        self.map.draw_box(what == "box")
        self.map.answers_taps = what != "polygon"
        self._corners = [] if what == "polygon" else None
        self._mark()

    def _clicked(self, event: Any) -> bool:
        """Take a corner; says whether it is a new one, and not the one before clicked again."""
        if self._corners is None:
            return False
        corner = round(float(longitude_of(event.x)), 3), round(float(latitude_of(event.y)), 3)
        is_new = not self._corners or corner != self._corners[-1]
        if is_new:
            self._corners.append(corner)
            self._mark()
        return is_new

    def _finished(self, event: Any) -> None:
        """Close the polygon; two quick clicks in two places are two corners and end nothing."""
        corners = self._corners
        if corners is None or self._clicked(event):
            return
        lon = [corner[0] for corner in corners]
        if len(corners) < 3 or max(lon) - min(lon) >= 360:
            notify(tr("A polygon needs three corners or more: click each, and double-click the last."), "warning")
            return
        if len(corners) > MOST_VERTICES:
            notify(tr("Only the first {MOST_VERTICES} corners are used.", MOST_VERTICES=MOST_VERTICES), "warning")
        self.draw("")
        flat = tuple(value for corner in corners[:MOST_VERTICES] for value in corner)
        self.selection.param.update(polygon=flat, area="polygon")

    def _mark(self) -> None:
        area = self.store.curves.areas.area if self._corners is None else None
        self.outline.data = _xy(area.vertices if area else ())
        run = self._of_run()
        self.run.data = _xy(run.vertices if run is not None and run != area else ())
        self.path.data = _xy(self._corners or ())

    def _of_run(self) -> Area | None:
        """What the next prediction is of, on Infer: the polygon that the box goes around, or the box."""
        if self.selection.place != "infer" or self.selection.box is None:
            return None
        return polygon(polygon_of_box(self.selection)) or Area.box(*self.selection.box)


def _xy(corners: Any) -> dict[str, np.ndarray]:
    lon, lat = zip(*corners, strict=True) if len(corners) else ((), ())
    return {"x": mercator_x(lon), "y": mercator_y(lat)}
