"""A review on the map and in the series: stations by their state, the cells around one, suspicions and exclusions."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.events import SelectionGeometry, Tap
from bokeh.models import BoxSelectTool, ColumnDataSource, HoverTool
from bokeh.models.glyphs import Patches, Quad

from app.page.background import Later
from app.page.boundary import follow, guarded, together
from app.page.colours import STATION, THEME
from app.page.language import tr
from app.review import page as review_page
from app.review.period import snapped
from app.review.queue import ReviewQueue
from app.review.store import ReviewStore
from app.review.words import rule_said, said
from app.selection import Selection
from app.views.map.canvas import MapView
from app.views.map.clicks import on_click
from app.views.map.glyphs import drawn
from app.views.review.queue import COLOURS, STATES
from app.views.series.drawer import SeriesView
from smcore.maps import mercator_x, mercator_y
from smcore.review import words
from smcore.review.station.footprints import standard_footprints
from smcore.review.suspicion.look import rule_title

SHAPES = {
    words.NEW: "circle", words.LOOKED: "circle", words.SIGNED: "square", words.DISPUTED: "diamond",
    words.ACCEPTED: "triangle",
}  # fmt: skip
REACH_PIXELS = 10.0
_NO_MARKS: dict[str, list[Any]] = {
    k: [] for k in ("x", "y", "shape", "fill", "edge", "size", "name", "said", "subject")
}
_NO_SPANS: dict[str, list[Any]] = {"left": [], "right": [], "name": [], "said": []}


class ReviewMap:
    """The stations of a review on the map of one session, and the outlines of the cells around the chosen one."""

    def __init__(self, selection: Selection, review: ReviewStore, queue: ReviewQueue, map_view: MapView) -> None:
        self.selection, self.review, self.queue, self.map = selection, review, queue, map_view
        plot = map_view.figure
        self.cells = ColumnDataSource({"xs": [], "ys": []}, name="review-cells")
        self.outlines = drawn(
            plot, self.cells, Patches(fill_alpha=0.0, line_width=1.4, line_dash="dashed"), level="overlay"
        )
        self.points = ColumnDataSource(dict(_NO_MARKS), name="review-stations")
        self.marks = plot.scatter(
            "x", "y", source=self.points, size="size", marker="shape", fill_color="fill", line_color="edge",
            line_width=1.4, level="overlay", nonselection_alpha=1.0,
        )  # fmt: skip
        plot.add_tools(HoverTool(renderers=[self.marks], tooltips=[("", "@name"), ("", "@said")], attachment="above"))
        on_click(plot, self._tapped)
        self._rest = Later()
        follow(selection, ["place", "run", "theme", "only", "reviewer", "blind"], self.refresh)
        follow(selection, ["sensor"], lambda: self._rest.start(self.refresh))

    def refresh(self) -> None:
        """Draw the stations that pass the filters, by their state; away from the desk nothing."""
        is_on = self.review.is_on
        if is_on:
            self.map.station_marks.visible = False
        elif self.points.data["x"]:
            self.map.station_marks.visible = self.selection.place != "validate"
        _put(self.points, self._drawn() if is_on else _NO_MARKS)
        self._outline(is_on)

    def _drawn(self) -> dict[str, list[Any]]:
        table, theme = self.review.table(), self.selection.theme
        order = [one for one in self.queue.order() if one in table.index]
        order = [
            one
            for one, is_there in zip(order, np.isfinite(table.loc[order, "lat"].to_numpy(float)), strict=True)
            if is_there
        ]
        review, subject = self.review.review, self.review.subject
        order.sort(key=lambda one: one == subject)  # the chosen one on top
        states = [review.of(one).state for one in order]
        lat, lon = table.loc[order, "lat"].to_numpy(float), table.loc[order, "lon"].to_numpy(float)
        colours, chosen = COLOURS[theme], [one == subject for one in order]
        return {
            "x": mercator_x(lon).tolist(), "y": mercator_y(lat).tolist(), "shape": [SHAPES[s] for s in states],
            "fill": ["#00000000" if s == words.NEW else colours[s] for s in states],
            "edge": [THEME[theme]["text"] if c else colours[s] for c, s in zip(chosen, states, strict=True)],
            "size": [15 if c else 10 for c in chosen], "name": [self.queue.name(one) for one in order],
            "said": [tr(STATES[s]) for s in states], "subject": order,
        }  # fmt: skip

    def _outline(self, is_on: bool) -> None:
        """The 36, 9 and 1 km cells that hold the chosen station."""
        subject = self.review.subject if is_on else ""
        found = []
        if subject:
            one = self.review.table().loc[subject]
            found = list(standard_footprints(float(str(one["lat"])), float(str(one["lon"]))))
        self.cells.data = {
            "xs": [mercator_x(cell.lon).tolist() for cell in found],
            "ys": [mercator_y(cell.lat).tolist() for cell in found],
        }  # fmt: skip
        self.outlines.glyph.line_color = STATION[self.selection.theme]

    def _tapped(self, event: Tap) -> None:
        x, y = np.asarray(self.points.data["x"], float), np.asarray(self.points.data["y"], float)
        if not self.review.is_on or not len(x):
            return
        view = self.map.view()
        far = np.hypot(x - event.x, y - event.y)
        if np.nanmin(far) <= REACH_PIXELS * (view.x1 - view.x0) / max(view.width, 1):
            self.review.choose(self.points.data["subject"][int(np.nanargmin(far))])


class ReviewMarks:
    """Suspicions, exclusions and the marked period in the series of one session; a drag marks a period."""

    def __init__(self, selection: Selection, review: ReviewStore, series: SeriesView) -> None:
        self.selection, self.review, self.series = selection, review, series
        self._is_made = False
        self.suspected = ColumnDataSource(dict(_NO_SPANS), name="suspicions")
        self.excluded = ColumnDataSource(dict(_NO_SPANS), name="excluded")
        self.pending = ColumnDataSource(dict(_NO_SPANS), name="marked")
        follow(selection, ["marked"], self.refresh)
        follow(selection, ["place", "run"], self.refresh)

    def _make(self) -> None:
        plot = self.series.chart.figure
        shade: dict[str, Any] = {"level": "underlay", "y_range_name": "whole"}
        drawn(plot, self.excluded, _quad(1, fill_color="#808080", fill_alpha=0.35, line_color="#808080"), **shade)
        drawn(plot, self.pending, _quad(1, fill_color="#d55e00", fill_alpha=0.2, line_color="#d55e00"), **shade)
        doubt = _quad(0.035, fill_color="#e69f00", fill_alpha=0.95, line_color="#b34700")
        marks = drawn(plot, self.suspected, doubt, y_range_name="whole", level="glyph")  # overlays leave the frame
        plot.add_tools(HoverTool(renderers=[marks], tooltips=[("", "@name"), ("", "@said")], attachment="above"))
        self.tool = BoxSelectTool(dimensions="width", persistent=False, renderers=[])
        plot.add_tools(self.tool)
        self._pan = plot.toolbar.active_drag
        self.series.chart.selected = together(guarded(self._dragged))
        self._is_made = True

    def refresh(self) -> None:
        """Draw what is known of the chosen station; away from the desk the series are as they were."""
        is_on = self.review.is_on and bool(self.review.subject)
        if not is_on and not self._is_made:
            return
        if not self._is_made:
            self._make()
        self.series.chart.figure.toolbar.active_drag = self.tool if is_on else self._pan
        subject = self.review.subject
        one = self.review.review.of(subject)
        periods = [(e.payload["start"], e.payload["end"], e.payload["reason"], "") for e in one.excluded.values()]
        _put(self.excluded, _spans(periods) if is_on else _NO_SPANS)
        marked = self.review.marked
        _put(self.pending, _spans([(*marked, "", "")]) if is_on and marked else _NO_SPANS)
        found = review_page.suspicions(self.review, subject) if is_on else ()
        _put(
            self.suspected,
            _spans([(s.start, s.end, rule_said(rule_title(s.rule)), said(s.sentence)) for s in found if s.start]),
        )

    def _dragged(self, event: SelectionGeometry) -> None:
        shape = event.geometry
        if not event.final or not self.review.is_on or shape.get("type") != "rect":
            return
        first, last = sorted(np.datetime64(int(shape[key]), "ms").astype("datetime64[s]") for key in ("x0", "x1"))
        if last > first:
            begin, end = self.series.chart.period()
            self.selection.marked = ",".join(snapped(first, last, end - begin))


def _put(source: ColumnDataSource, held: dict[str, list[Any]]) -> None:
    """Give a source its columns, unless it has them."""
    if source.data != held:
        source.data = dict(held)


def _quad(top: float, **look: Any) -> Quad:
    return Quad(left="left", right="right", bottom=0.0, top=top, **look)


def _spans(periods: list[tuple[str, str, str, str]]) -> dict[str, list[Any]]:
    """Columns of periods; an open end reaches as far as any record."""
    lowest, highest = "1700-01-01", "2200-01-01"
    return {
        "left": [np.datetime64(start or lowest, "ms").astype(float) for start, _, _, _ in periods],
        "right": [np.datetime64(end or highest, "ms").astype(float) for _, end, _, _ in periods],
        "name": [name for _, _, name, _ in periods], "said": [said for _, _, _, said in periods],
    }  # fmt: skip
