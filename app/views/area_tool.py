"""Drawing a box or a polygon on the map, and showing the one that the series are means over."""

from __future__ import annotations

from typing import Any

from bokeh.events import SelectionGeometry
from bokeh.models import ColumnDataSource, PolySelectTool

from app.boundary import follow, guarded, notify, together
from app.selection import MOST_VERTICES, Selection
from app.store import Store
from app.views.map import MapView
from smcore.maps import latitude_of, longitude_of, mercator_x, mercator_y

COLOUR = "#d55e00"


class AreaTool:
    """The polygon tool of one session's map, and the outline of the area in use."""

    def __init__(self, selection: Selection, store: Store, view: MapView) -> None:
        self.selection, self.store, self.map = selection, store, view
        self.polygon_tool = PolySelectTool(persistent=False, renderers=[])
        plot = view.figure
        plot.add_tools(self.polygon_tool)
        plot.toolbar.active_tap = None
        self.outline = ColumnDataSource({"x": [], "y": []}, name="area")
        plot.patch(
            "x", "y", source=self.outline, fill_alpha=0.08, fill_color=COLOUR, line_color=COLOUR, line_dash="dashed",
            line_width=1.6, level="overlay",
        )  # fmt: skip
        plot.on_event(SelectionGeometry, together(guarded(self._drawn)))
        follow(selection, ["area", "box", "polygon"], self._mark)
        self._mark()

    def draw(self, what: str) -> None:
        """Let the next drag draw a box, or the next clicks a polygon; "" ends either."""
        self.map.draw_box(what == "box")
        self.map.answers_taps = what != "polygon"
        self.map.figure.toolbar.active_tap = self.polygon_tool if what == "polygon" else None

    def _drawn(self, event: Any) -> None:
        shape = event.geometry
        if not event.final or shape.get("type") != "poly":
            return
        self.draw("")
        corners = corners_of(shape["x"], shape["y"])
        if len(corners) < 3 or max(x for x, _ in corners) - min(x for x, _ in corners) >= 360:
            notify("A polygon needs three corners or more: click each, and double-click the last.")
            return
        if len(corners) > MOST_VERTICES:
            notify(f"Only the first {MOST_VERTICES} corners are used.", "warning")
        flat = tuple(value for corner in corners[:MOST_VERTICES] for value in corner)
        self.selection.param.update(polygon=flat, area="polygon")

    def _mark(self) -> None:
        area = self.store.curves.areas.area
        if area is None:
            self.outline.data = {"x": [], "y": []}
            return
        lon, lat = zip(*area.vertices, strict=True)
        self.outline.data = {"x": mercator_x(lon), "y": mercator_y(lat)}


def corners_of(x: list[float], y: list[float]) -> list[tuple[float, float]]:
    """Longitude and latitude [deg] of the clicked corners; a click repeated by the double-click counts once."""
    lon, lat = (values.round(3).tolist() for values in (longitude_of(x), latitude_of(y)))
    corners = list(zip(lon, lat, strict=True))
    return [corner for i, corner in enumerate(corners) if i == 0 or corner != corners[i - 1]]
