"""The map: a bokeh figure on Web Mercator, fed with uint8 frames; coast, stations, chosen cell on top.

The visible frame goes first. When the user rests, a coarser and wider frame follows beneath it, so that a pan shows
data at once. The old image stays until the new one is there, and of several requests only the last is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn
from bokeh.events import MouseLeave, MouseMove, RangesUpdate, SelectionGeometry, Tap
from bokeh.models import BoxSelectTool, ColumnDataSource, CustomJS, LinearColorMapper, PanTool, Range1d, WheelZoomTool
from bokeh.models.glyphs import Image, Quad, Scatter
from bokeh.plotting import figure

from app.inference.prediction import Preview
from app.map.combined_frames import is_costly
from app.page.boundary import at_the_end, follow, guarded, together
from app.page.colours import STATION, THEME, palette
from app.page.controls import ASSETS, NO_RING
from app.selection import Selection
from app.store import Frame, Store
from app.views.map.clicks import on_click
from app.views.map.coast import Coast
from app.views.map.glyphs import drawn, source_on
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError
from smcore.grids import wrap_longitude
from smcore.maps import View, fitted, latitude_of, longitude_of, mercator_x, mercator_y, paint, plan

WORLD = (-180.0, -60.0, 180.0, 78.0)
SNAP_PIXELS = 12
MARGIN, COARSER = 2.0, 2  # the frame beneath: twice the extent in pixels twice as large, so as many bytes
_BLANK = np.zeros((1, 1), np.uint8)
_NO_CELLS = np.empty(0, np.int32)


class MapView:
    """The map of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._asked = False
        self.answers_taps = True
        self._fitted = False
        self.instead: Callable[[], bool] = lambda: False  # draws something else than a step, and says whether it did
        self._size, self._known = (900, 560), set[str]()
        self.figure = self._figure()
        self._layers()
        self._hover()
        self._wire()
        self.pane = pn.pane.Bokeh(self.figure, sizing_mode="stretch_both", margin=0)

    def __panel__(self) -> pn.viewable.Viewable:
        """The figure."""
        return self.pane

    # -- building, once ------------------------------------------------------------------------------------------
    def _figure(self) -> figure:
        start = fitted(self.selection.view or self._home(), 900, 560)
        plot = figure(
            x_range=Range1d(start.x0, start.x1), y_range=Range1d(start.y0, start.y1), sizing_mode="stretch_both",
            tools=[], toolbar_location=None, x_axis_location=None, y_axis_location=None, min_border=0,
            outline_line_color=None, lod_timeout=40, stylesheets=[NO_RING], name="map", output_backend="canvas",
        )  # fmt: skip
        pan, wheel = PanTool(), WheelZoomTool()
        self.box_tool = BoxSelectTool(persistent=False, renderers=[])
        plot.add_tools(pan, wheel, self.box_tool)
        plot.toolbar.active_drag, plot.toolbar.active_scroll = pan, wheel
        self._pan = pan
        plot.grid.visible = False
        return plot

    def _home(self) -> tuple[float, float, float, float]:
        entry = self.store.entry
        if entry is None:
            return WORLD
        try:
            west, south, east, north = self.store.grid(entry).bbox
        except SmcoreError:
            return WORLD
        return (west, max(south, -60.0), east, min(north, 78.0))

    def _layers(self) -> None:
        plot = self.figure
        self.mapper = LinearColorMapper(palette=list(palette(self.store.colours)), low=0, high=255)
        place = {"image": [_BLANK], "x": [0], "y": [0], "dw": [1], "dh": [1]}
        self.back = ColumnDataSource(dict(place), name="back")
        below = drawn(plot, self.back, Image(color_mapper=self.mapper), level="image")  # the others share what it has
        self.front, self.running = source_on(plot, place, name="front"), source_on(plot, place, name="running")
        self.scores, self.swiped = source_on(plot, place, name="score-frame"), source_on(plot, place, name="swiped")
        above = [
            drawn(plot, one, Image(color_mapper=self.mapper), level="image")
            for one in (self.front, self.running, self.scores)
        ]
        *self._rasters, self.scores_mark = below, *above
        self.coast = Coast(plot)
        self.stations = source_on(plot, {"x": [], "y": [], "sensor": [], "name": []}, name="stations")
        triangle = Scatter(size=7, marker="triangle", fill_alpha=0.85, line_width=1)
        self.station_marks = drawn(plot, self.stations, triangle, level="overlay")
        self.cell = source_on(plot, {"left": [], "right": [], "bottom": [], "top": []}, name="cell")
        self.cell_mark = drawn(plot, self.cell, Quad(fill_alpha=0.0, line_width=1.6), level="overlay")
        self._colour_theme()
        self._faded()
        self._mark_cell()

    def _hover(self) -> None:
        """Longitude, latitude and value under the pointer, computed in the browser from the frame itself."""
        plot = self.figure
        self.scale = source_on(plot, {"low": [0.0], "high": [1.0], "units": [""], "labels": [[]]}, name="scale")
        self.score_scale = source_on(plot, {"low": [0.0], "high": [1.0], "units": [""]}, name="score-scale")
        self.cells = source_on(plot, {"row": [_NO_CELLS], "column": [_NO_CELLS], "grid": [""]}, name="cells")
        self.swiped_scale = source_on(plot, {"low": [0.0], "high": [1.0], "units": [""]}, name="swiped-scale")
        self.running_scale = source_on(plot, dict(self.score_scale.data), name="running-scale")
        code = (ASSETS / "hover.js").read_text(encoding="utf-8")
        layers = {"front": self.front, "scale": self.scale, "layer": self._rasters[1]}
        layers |= {"scores": self.scores, "score_scale": self.score_scale}
        layers |= {"running": self.running, "running_scale": self.running_scale}
        layers |= {"swiped": self.swiped, "swiped_scale": self.swiped_scale, "cells": self.cells}
        read = CustomJS(args=layers, code=code)
        self.figure.js_on_event(MouseMove, read)
        for source in (self.front, self.scores, self.swiped, self.running):
            source.js_on_change("data", read)
        leave = "window.loamPointer = undefined; document.getElementById('readout')?.replaceChildren();"
        self.figure.js_on_event(MouseLeave, CustomJS(code=leave))

    def _wire(self) -> None:
        plot, chosen = self.figure, self.selection
        plot.on_event(RangesUpdate, together(guarded(lambda _: self.moved())))
        on_click(plot, self.tapped)
        plot.on_event(SelectionGeometry, self._boxed)
        plot.on_change("inner_width", self._sized)
        plot.on_change("inner_height", self._sized)
        what = ["product", "variable", "minus", "onto", "expression", "quality", "masks"]
        follow(chosen, [*what, "time", "colour_range"], self.request)
        follow(chosen, ["colour_map", "product", "minus", "reverse", "flag", "theme", "expression"], self._recoloured)
        follow(chosen, ["opacity"], self._faded)
        follow(chosen, ["theme"], self._colour_theme)
        follow(chosen, ["point", "product"], self._mark_cell)
        follow(chosen, ["collection"], self.mark_stations)
        for anew in (self.request, self._mark_cell, self.mark_stations):
            follow(self.store, ["catalog"], anew)

    # -- what the user does --------------------------------------------------------------------------------------
    def tapped(self, event: Tap) -> None:
        """Take the clicked place, or the station there."""
        if not self.answers_taps:  # the click sets a corner of a polygon
            return
        sensor = self._station_near(event.x, event.y)
        place = float(latitude_of(event.y)), float((longitude_of(event.x) + 180.0) % 360.0 - 180.0)
        point = self.store.snapped(*place, reach_deg=SNAP_PIXELS * self.view().degrees_per_pixel)
        if sensor:
            self.selection.param.update(point=point, sensor=sensor)
        else:
            self.selection.point = point

    def _station_near(self, x: float, y: float, pixels: float = 9.0) -> str:
        xs, ys = np.asarray(self.stations.data["x"], float), np.asarray(self.stations.data["y"], float)
        if not len(xs):
            return ""
        far = np.hypot(xs - x, ys - y)
        reach = pixels * (self.figure.x_range.end - self.figure.x_range.start) / max(self._size[0], 1)
        return str(self.stations.data["sensor"][int(far.argmin())]) if far.min() <= reach else ""

    def _boxed(self, event: SelectionGeometry) -> None:
        shape = event.geometry
        if not event.final or shape.get("type") != "rect":
            return
        west, east = sorted(float(longitude_of(shape[k])) for k in ("x0", "x1"))
        south, north = sorted(float(latitude_of(shape[k])) for k in ("y0", "y1"))
        if east > west and north > south:
            whole = east - west >= 360
            west, east = (-180.0, 180.0) if whole else (float(v) for v in wrap_longitude([west, east]))
            self.selection.box = tuple(round(v, 3) for v in (west, south, east, north))
        self.draw_box(False)

    def draw_box(self, on: bool) -> None:
        """Let the next drag draw a box (or let it pan again)."""
        self.figure.toolbar.active_drag = self.box_tool if on else self._pan

    # -- frames --------------------------------------------------------------------------------------------------
    def view(self) -> View:
        """What the screen shows now."""
        x, y = self.figure.x_range, self.figure.y_range
        return View(x.start, x.end, y.start, y.end, *self._size)

    def _sized(self, attr: str, old: int, new: int) -> None:  # noqa: ARG002 — bokeh wants these three
        """Keep the scale equal in both directions when the window's shape changes; the centre stays."""
        width, height = self._size
        self._size = (int(new), height) if attr == "inner_width" else (width, int(new))
        self._known.add(attr)
        if len(self._known) < 2:  # the browser tells width and height one after the other
            return
        now = self.view()
        if not self._fitted:
            first = fitted(
                self.selection.view or self._home(), now.width, now.height, 0.0 if self.selection.view else 0.05
            )
            self._fitted = True
        else:
            centre, half = (now.y0 + now.y1) / 2, (now.x1 - now.x0) / now.width * now.height / 2
            first = View(now.x0, now.x1, centre - half, centre + half, now.width, now.height)
        self.figure.x_range.update(start=first.x0, end=first.x1)
        self.figure.y_range.update(start=first.y0, end=first.y1)
        self.request()

    def extent(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north that the screen shows [deg]; None where it shows more than the world."""
        view = self.view()
        west, east = longitude_of([view.x0, view.x1])
        south, north = latitude_of([view.y0, view.y1])
        if not -540 <= west < east <= 540:
            return None
        return round(float(west), 4), round(float(south), 4), round(float(east), 4), round(float(north), 4)

    def moved(self) -> None:
        """Keep what is shown now, and paint it."""
        self.selection.view = self.extent() or self.selection.view
        self.request()

    def request(self) -> None:
        """Ask for a new frame; requests that come before it is drawn join it."""
        if self._asked:
            return
        self._asked = True
        at_the_end(self.draw)

    def draw(self) -> None:
        """Paint the visible frame, and leave the wider one for when the user rests."""
        self._asked = False
        entry = self.store.entry
        if self.instead():
            return
        if entry is None:
            self._clear(self.front, self.back)
            self.cells.data = {"row": [_NO_CELLS], "column": [_NO_CELLS], "grid": [""]}
            return
        try:
            step, view = self.store.step(entry), self.view()
            frame = self.store.frame(entry, step, view)
        except SmcoreError:
            self._clear(self.front, self.back)  # another product's picture must not pass for this one
            raise
        self._explain()
        self._clear(self.back)  # it is of another step or view, and would show through the gaps of the new frame
        self._number(entry, view)
        self._show(self.front, frame)
        document = pn.state.curdoc
        if document is not None and document.session_context:
            document.add_timeout_callback(guarded(lambda: self._draw_back(step, view)), 250)

    def show_instead(self, frame: Frame | None) -> None:
        """Show a frame that is not a step's; None clears the map."""
        self._explain()
        if frame is None:
            self._clear(self.front, self.back)
            return
        self._clear(self.back)
        if self.store.entry is not None:
            self._number(self.store.entry, frame.view)
        self._show(self.front, frame)

    def _number(self, entry: CatalogEntry, view: View) -> None:
        """Tell the browser which row and column of the grid each screen row and column is, where it shows cells."""
        gather, grid = self.store.gather(entry, view), self.store.map_grid(entry)
        if gather.level or gather.is_empty:
            self.cells.data = {"row": [_NO_CELLS], "column": [_NO_CELLS], "grid": [""]}
            return
        row = np.where(gather.row < 0, -1, gather.row + gather.rows.start + grid.row0).astype(np.int32)
        column = np.where(gather.column < 0, -1, gather.column + gather.columns.start + grid.col0).astype(np.int32)
        self.cells.data = {"row": [row], "column": [column], "grid": [grid.name if grid.is_ease else ""]}

    def _draw_back(self, step: int, view: View) -> None:
        entry, wider = self.store.entry, view.widened(MARGIN, COARSER)
        if entry is None or self.store.ranges.is_on or is_costly(self.store, wider):
            return
        if view == self.view() and step == self.store.step(entry):
            frame = self.store.frame(entry, step, wider)
            height, width = frame.codes.shape
            top, left = -(-height // 4), -(-width // 4)
            frame.codes[top : height - top, left : width - left] = 0  # where the front frame lies, gaps included
            self._explain()
            self._show(self.back, frame)

    def _explain(self) -> None:
        """Tell the browser what the codes of the frame mean, and which colours those of flags and classes have."""
        entry = self.store.entry
        if entry is None:
            return
        low, high = self.store.colour_range(entry)
        labels = self.store.classes.labels(entry) if self.store.shows_classes(entry) else []
        told = {"low": [low], "high": [high], "units": [names.unit_label(self.store.units(entry))], "labels": [labels]}
        if told != self.scale.data:
            self.scale.data = told
        self._recoloured()

    @staticmethod
    def _clear(*sources: ColumnDataSource) -> None:
        for source in sources:
            if source.data["image"][0] is not _BLANK:
                source.data = {"image": [_BLANK], "x": [0], "y": [0], "dw": [1], "dh": [1]}

    @staticmethod
    def _show(source: ColumnDataSource, frame: Any) -> None:
        v = frame.view
        source.data = {"image": [frame.codes], "x": [v.x0], "y": [v.y0], "dw": [v.x1 - v.x0], "dh": [v.y1 - v.y0]}

    def show_running(self, preview: Preview | None, step: int = 0, *, shares: bool = False) -> None:
        """Draw the tiles that a run has finished so far, or shares, on top of the layer; None takes them away."""
        if preview is None:
            self._clear(self.running)
            return
        view, entry = self.view(), self.store.entry
        low, high = (0.0, 1.0) if shares else self.store.colour_range(entry) if entry else names.RANGE_M3M3
        told, units = ((0.0, 100.0), "%") if shares else ((low, high), names.unit_label(names.VOLUMETRIC))
        self.running_scale.data = {"low": [told[0]], "high": [told[1]], "units": [units]}
        gather = plan(preview.grid, view)
        field = preview.field[step, gather.rows, gather.columns]
        self._show(self.running, Frame(paint(field, gather, low, high), view))

    def show_layers(self, on: bool) -> None:
        """Show the product's layer and the stations, or leave the map to the results of a run."""
        for mark in (*self._rasters, self.station_marks):
            mark.visible = on

    def show_scores(self, frame: Frame | None, low: float = 0.0, high: float = 1.0, units: str = "") -> None:
        """Draw a metric over the cells of a grid; None takes it away."""
        if frame is None:
            self._clear(self.scores)
        else:
            self.score_scale.data = {"low": [low], "high": [high], "units": [names.unit_label(units)]}
            self._show(self.scores, frame)

    def move_to(self, view: View) -> None:
        """Show another part of the world, because the user asked for it."""
        self.turn_to(view)
        self.moved()

    def turn_to(self, view: View) -> None:
        """Show another part of the world that the selection names already."""
        self.figure.x_range.update(start=view.x0, end=view.x1)
        self.figure.y_range.update(start=view.y0, end=view.y1)
        self.request()

    # -- marks ---------------------------------------------------------------------------------------------------
    def _mark_cell(self) -> None:
        entry = self.store.entry
        cells = self.store.cells([entry]) if entry else []
        self.cell.data = _quad(cells[0].bounds if cells else None)

    def mark_stations(self) -> None:
        """Draw the stations of the chosen collection, one mark per station."""
        places = self.store.stations.places()
        self.stations.data = {
            "x": mercator_x(places["lon"].to_numpy()), "y": mercator_y(places["lat"].to_numpy()),
            "sensor": places["sensor"].to_list(), "name": places["station"].to_list(),
        }  # fmt: skip

    def _recoloured(self) -> None:
        entry = self.store.entry
        if entry is not None and self.store.shows_classes(entry):
            colours = list(self.store.classes.palette(entry))
        else:
            colours = list(palette(self.store.colours))
        if colours != self.mapper.palette:
            self.mapper.palette = colours

    def _faded(self) -> None:
        for mark in self._rasters:
            mark.glyph.global_alpha = self.selection.opacity / 100

    def _colour_theme(self) -> None:
        colours = THEME[self.selection.theme]
        self.figure.background_fill_color = self.figure.border_fill_color = colours["sea"]
        self.coast.colour(colours["coast"])
        mark = STATION[self.selection.theme]
        self.cell_mark.glyph.line_color = mark
        self.station_marks.glyph.line_color = colours["sea"]
        self.station_marks.glyph.fill_color = mark


def _quad(bounds: tuple[float, ...] | None) -> dict[str, list[float]]:
    if bounds is None:
        return {"left": [], "right": [], "bottom": [], "top": []}
    west, south, east, north = bounds
    east += 360.0 if east < west else 0.0  # over the dateline
    x, y = mercator_x([west, east]), mercator_y([south, north])
    return {"left": [x[0]], "right": [x[1]], "bottom": [y[0]], "top": [y[1]]}
