"""A run on the map: locations coloured by a metric and shaped by their status, or a raster of it for a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper

from app.page.boundary import follow
from app.page.colours import THEME, outside, palette, shades
from app.page.language import tr
from app.selection import Selection
from app.validation.metric_display import Scale
from app.validation.result_store import Marks, ResultStore
from app.views.map.canvas import MapView
from app.views.map.clicks import on_click
from smcore.errors import SmcoreError
from smcore.maps import fitted, mercator_x, mercator_y

SHAPES = {
    "ok": "circle", "too_few": "inverted_triangle", "no_overlap": "x", "out_of_grid": "cross", "failed": "asterisk",
    "constant_series": "dash", "unit_mismatch": "diamond", "none_recommended": "square", "negative_slope": "triangle",
    "negative_variance": "triangle", "better": "triangle", "worse": "inverted_triangle", "undecided": "circle",
    "seen": "square",
}  # fmt: skip
VERDICT_COLOURS = {
    "light": {"better": "#0072b2", "worse": "#d55e00", "undecided": "#b9c0c6", "too_few": "#5c666f", "seen": "#5c666f"},
    "dark": {"better": "#56b4e9", "worse": "#ff8c42", "undecided": "#6d767d", "too_few": "#9aa4ac", "seen": "#9aa4ac"},
}
REACH_PIXELS = 10.0
_NOTHING: dict[str, list[Any]] = {
    name: [] for name in ("x", "y", "fill", "edge", "shape", "size", "name", "text", "row")
}


class ScoreLayer:
    """The results of a run on the map of one session."""

    def __init__(self, selection: Selection, results: ResultStore, map_view: MapView) -> None:
        self.selection, self.results, self.map = selection, results, map_view
        self.points = ColumnDataSource(dict(_NOTHING), name="scores")
        plot = map_view.figure
        self.marks = plot.scatter(
            "x", "y", source=self.points, size="size", marker="shape", fill_color="fill", line_color="edge",
            line_width=1.1, level="overlay", nonselection_alpha=1.0,
        )  # fmt: skip
        self.mapper = LinearColorMapper(palette=list(palette("viridis")), low=0, high=255)
        map_view.scores_mark.glyph.color_mapper = self.mapper
        plot.add_tools(HoverTool(renderers=[self.marks], tooltips=[("", "@name"), ("", "@text")], attachment="above"))
        on_click(plot, self._tapped)
        shown = ["place", "run", "scored", "rival", "metric", "result", "theme"]
        follow(selection, shown, self.refresh)
        follow(selection, ["view"], self._paint)

    @property
    def _is_on(self) -> bool:
        return self.selection.place == "validate" and self.results.usable() is not None

    def refresh(self) -> None:
        """Bring the map to the chosen run; away from Validate it shows its layers again."""
        self.map.show_layers(not self._is_on)
        marks = self.results.marks() if self._is_on else None
        self.points.data = dict(_NOTHING) if marks is None else self._drawn(marks)
        self._paint()

    def _drawn(self, marks: Marks) -> dict[str, Any]:
        verdicts, theme = self.results.shows_verdicts, self.selection.theme
        if verdicts:
            fill = [VERDICT_COLOURS[theme].get(kind, "#888888") for kind in marks.kind]
        else:
            opened = self.results.usable()
            assert opened is not None  # there are marks
            fill = coloured(marks.value, self.results.scale(opened))
        hollow = ("too_few", "seen") if verdicts else ()
        there = [kind in ("ok", *VERDICT_COLOURS["light"]) and kind not in hollow for kind in marks.kind]
        muted = THEME[theme]["muted"]
        order = np.argsort(there, kind="stable")  # what has a value lies above what has none
        columns = {
            "x": mercator_x(marks.lon), "y": mercator_y(marks.lat),
            "fill": np.array([f if ok else "#00000000" for f, ok in zip(fill, there, strict=True)], object),
            "edge": np.array([THEME[theme]["text"] if ok else muted for ok in there], object),
            "shape": np.array([SHAPES.get(kind, "square") for kind in marks.kind], object),
            "size": np.where(there, 11, 9), "name": np.array(marks.name, object), "text": np.array(marks.text, object),
            "row": np.arange(len(there)),
        }  # fmt: skip
        return {name: column[order].tolist() for name, column in columns.items()}

    def _paint(self) -> None:
        """Paint the cells of a grid into the view."""
        opened = self.results.usable() if self._is_on else None
        frame = self.results.frame(self.map.view()) if opened is not None and opened.is_grid else None
        if frame is None or opened is None:
            self.map.show_scores(None)
            return
        scale = self.results.scale(opened)
        self.mapper.palette = list(palette(scale.colours))
        self.map.show_scores(frame, scale.low, scale.high, scale.units)

    def _tapped(self, event: Tap) -> None:
        if not self._is_on or not self.points.data["x"]:
            return
        x, y = np.asarray(self.points.data["x"], float), np.asarray(self.points.data["y"], float)
        view = self.map.view()
        far = np.hypot(x - event.x, y - event.y)
        reach = REACH_PIXELS * (view.x1 - view.x0) / max(view.width, 1)
        if np.nanmin(far) <= reach:
            self.results.open_location(int(self.points.data["row"][int(np.nanargmin(far))]))

    def fit(self) -> None:
        """Move the map to all locations of the run."""
        extent = self.results.extent()
        if extent is None:
            raise SmcoreError(
                tr("There is no run whose locations could be shown"), hint=tr("run one, or open an earlier one")
            )
        now = self.map.view()
        self.map.move_to(fitted(extent, now.width, now.height))


def coloured(values: np.ndarray, scale: Scale) -> list[str]:
    """Colours of values (n,) on a scale, those beyond it in the colours of its ends; clear where there is none."""
    colours = shades(scale.colours)
    below, above = outside(scale.colours)
    share = (np.asarray(values, float) - scale.low) / (scale.high - scale.low)
    found = []
    for s in share:
        if not np.isfinite(s):
            found.append("#00000000")
        elif s < 0 or s > 1:
            found.append(below if s < 0 else above)
        else:
            found.append(colours[min(int(s * len(colours)), len(colours) - 1)])
    return found
