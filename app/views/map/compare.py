"""Maps of several products at once: one behind a divider, two side by side, four; they pan, zoom and step together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import panel as pn
from bokeh.events import MouseLeave, MouseMove, RangesUpdate
from bokeh.models import ColumnDataSource, CustomJS, LinearColorMapper, PanTool, WheelZoomTool
from bokeh.plotting import figure

from app.map.beside import Beside, Panel
from app.page import slim
from app.page.boundary import follow, guarded, together
from app.page.colours import THEME, palette
from app.page.controls import ASSETS, NO_RING, as_seen, esc, styled, text
from app.page.language import mark, tr
from app.page.titles import labelled
from app.selection import Selection
from app.store import Store
from app.views.map.canvas import MapView
from app.views.map.clicks import on_click
from app.views.map.coast import Coast
from app.views.series.controls import SMALL
from smcore.errors import SmcoreError
from smcore.figures.colours import REVERSED
from smcore.maps import View
from smcore.names import unit_label

MODES = {mark("one map"): "", mark("swipe"): "swipe", mark("side by side"): "side", mark("four maps"): "four"}
MOST = 3
_BLANK = np.zeros((1, 1), np.uint8)
_NOTHING = {"image": [_BLANK], "x": [0], "y": [0], "dw": [1], "dh": [1]}
_FAR = 1e9
_CUT = "max-width: 100%; box-sizing: border-box; overflow: hidden; text-overflow: ellipsis; white-space: nowrap"
_OVER = {"position": "absolute", "top": "8px", "z-index": "5"}


class CompareView:
    """The choice how many maps, and the maps beside the main one, each made when it is first needed."""

    def __init__(self, selection: Selection, store: Store, main: MapView) -> None:
        self.selection, self.store, self.main = selection, store, main
        self.beside = Beside(store)
        self.mapper = LinearColorMapper(palette=list(palette(_colours(selection))), low=0, high=255)
        self.mode = styled(
            slim.Select(
                label="",
                options={tr(label): mode for label, mode in MODES.items()},
                value=selection.compare,
                width=108,
                margin=0,
            )
        )
        self.mode.stylesheets = [*self.mode.stylesheets, SMALL]
        self.mode.description = tr("One map, or several products at once")
        self.swiped = _Picker(self, 0)
        self.swipe: _Swipe | None = None
        self.panels: list[_Panel] = []
        self.roots = [slim.Column(sizing_mode="stretch_both", margin=0) for _ in range(MOST)]
        self.name = text(margin=0)
        self.swiped.pane.visible = selection.compare == "swipe"
        self.bar = as_seen(slim.Row(margin=0, styles=_OVER | {"right": "10px"}), self.swiped.pane, self.mode)
        self.mode.param.watch(lambda e: setattr(selection, "compare", e.new), "value")
        # In one message: Panel sends a new figure at once, Bokeh a tick later what it hung on shared models before.
        follow(selection, ["compare", "beside", "product", "place"], together(self.refresh))
        follow(selection, ["colour_map", "reverse"], self._recoloured)
        follow(selection, ["theme"], self._theme)
        follow(store, ["catalog"], self.refresh)
        main.front.on_change("data", lambda attr, old, new: guarded(self.draw)())  # noqa: ARG005 — bokeh wants these
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The bar over the map's corner."""
        return self.bar

    def refresh(self) -> None:
        """Bring the maps to the selection."""
        mode = self.selection.compare
        self.mode.value = mode
        self.mode.visible = self.selection.place in ("explore", "infer")
        self.swiped.pane.visible = mode == "swipe"
        if mode == "swipe" and self.swipe is None:
            self.swipe = _Swipe(self.main, self.mapper)
            self._theme()
        wanted = MOST if mode == "four" else 1 if mode == "side" else 0
        while len(self.panels) < wanted:
            panel = _Panel(self, len(self.panels))
            self.roots[len(self.panels)][:] = [panel.pane]
            self.panels.append(panel)
        self.draw()

    def draw(self) -> None:
        """Paint the other products in the main map's view."""
        mode, view = self.selection.compare, self.main.view()
        self._tell()
        if self.swipe is not None and mode != "swipe":
            self.swipe.show(None)
        for place, entry in enumerate(self.beside.entries()):
            try:
                panel = self.beside.panel(entry, view)
            except SmcoreError as error:
                panel = self.beside.broken(entry, view, error)
            if mode == "swipe" and self.swipe is not None:
                self.swipe.show(panel)
                self.swiped.show(panel)
            elif place < len(self.panels):
                self.panels[place].show(panel)

    def _tell(self) -> None:
        """Name the product of the map itself, beside which others stand."""
        store, entry, said = self.store, self.store.entry, ""
        if entry is not None and self.selection.compare and self.selection.place in ("explore", "infer"):
            try:
                told = _told(store.when(entry), *store.colour_range(entry), store.units(entry))
                name = esc(store.marked(entry))
                said = f'<div class="chip" style="{_CUT}" title="{name}"><b>{name}</b><br>{told}</div>'
            except SmcoreError:  # its store is gone, which the rail says
                said = ""
        if said != self.name.object:
            self.name.object = said

    def choose(self, place: int, product: str) -> None:
        """Another product in one of the places."""
        self.beside.choose(place, product)

    def _recoloured(self) -> None:
        self.mapper.palette = list(palette(_colours(self.selection)))

    def _theme(self) -> None:
        for panel in self.panels:
            panel.theme()
        if self.swipe is not None:
            self.swipe.theme(THEME[self.selection.theme]["sea"])


def _colours(selection: Selection) -> str:
    return selection.colour_map + (REVERSED if selection.reverse else "")


def _told(step: str, low: float, high: float, units: str) -> str:
    """A map's step and the range of its colours."""
    ends = tr("{low:g} to {high:g}", low=low, high=high)
    return esc(f"{step} · {ends} {unit_label(units)}" if units else step)


class _Picker:
    """Which product, and a line on its step."""

    def __init__(self, view: CompareView, place: int, **styles: str) -> None:
        self._view, self._place, self._busy = view, place, False
        self.product = styled(slim.Select(label="", width=190, margin=0))
        self.product.stylesheets = [*self.product.stylesheets, SMALL]
        self.product.description = tr("The product beside the one on the map")
        self.note = text(margin=(2, 0, 0, 0), sizing_mode=None, styles={"white-space": "nowrap"})
        self.pane = slim.Column(self.product, self.note, margin=(0, 8, 0, 0), width=190, styles=styles)
        self.product.param.watch(self._chose, "value")

    def _chose(self, event: Any) -> None:
        if not self._busy and event.new:
            together(guarded(lambda: self._view.choose(self._place, event.new)))()

    def show(self, panel: Panel) -> None:
        """Say what is shown."""
        self._busy = True
        try:
            self.product.options = labelled(self._view.beside.products)
            self.product.value = panel.entry.id
        finally:
            self._busy = False
        badge = f' <span class="badge">{tr("synthetic")}</span>' if panel.entry.synthetic else ""
        self.note.object = f'<span class="chip">{_told(panel.step, panel.low, panel.high, panel.units)}{badge}</span>'


class _Panel:
    """One map beside the main one; its ranges are the main one's."""

    def __init__(self, view: CompareView, place: int) -> None:
        self._view = view
        main = view.main.figure
        self.figure = plot = figure(
            x_range=main.x_range, y_range=main.y_range, sizing_mode="stretch_both", tools=[], toolbar_location=None,
            x_axis_location=None, y_axis_location=None, min_border=0, outline_line_color=None, stylesheets=[NO_RING],
            name=f"beside-{place + 1}", output_backend="canvas",
        )  # fmt: skip
        pan, wheel = PanTool(), WheelZoomTool()
        plot.add_tools(pan, wheel)
        plot.toolbar.active_drag, plot.toolbar.active_scroll = pan, wheel
        plot.grid.visible = False
        self.source = ColumnDataSource(dict(_NOTHING), name=f"beside-frame-{place + 1}")
        self.scale = ColumnDataSource({"low": [0.0], "high": [1.0], "units": [""]})
        image = plot.image("image", "x", "y", "dw", "dh", source=self.source, color_mapper=view.mapper, level="image")
        self.coast = Coast(plot)
        plot.quad("left", "right", "bottom", "top", source=view.main.cell, fill_alpha=0.0, line_width=1.6)
        self._listen(image)
        self.picker = _Picker(view, place, **_OVER, left="8px")
        self.pane = slim.Column(
            self.picker.pane, pn.pane.Bokeh(plot, sizing_mode="stretch_both", margin=0),
            sizing_mode="stretch_both", margin=0, styles={"position": "relative"},
        )  # fmt: skip
        self.theme()

    def _listen(self, image: Any) -> None:
        plot, main = self.figure, self._view.main
        plot.on_event(RangesUpdate, together(guarded(lambda _: main.moved())))
        on_click(plot, main.tapped)
        code = (ASSETS / "hover.js").read_text(encoding="utf-8")
        args = {"front": self.source, "scale": self.scale, "layer": image, "scores": self.source}
        cells = ColumnDataSource({"row": [[]], "column": [[]], "grid": [""]})
        nothing = {"swiped": ColumnDataSource(dict(_NOTHING)), "swiped_scale": self.scale, "cells": cells}
        nothing |= {"running": nothing["swiped"], "running_scale": self.scale}
        read = CustomJS(args=args | nothing | {"score_scale": self.scale}, code=code)
        plot.js_on_event(MouseMove, read)
        self.source.js_on_change("data", read)
        leave = "window.loamPointer = undefined; document.getElementById('readout')?.replaceChildren();"
        plot.js_on_event(MouseLeave, CustomJS(code=leave))

    def show(self, panel: Panel) -> None:
        """Draw a product."""
        self.scale.data = {"low": [panel.low], "high": [panel.high], "units": [unit_label(panel.units)]}
        self.source.data = _placed(panel.frame.codes, panel.frame.view)
        self.picker.show(panel)

    def theme(self) -> None:
        """Light or dark."""
        colours = THEME[self._view.selection.theme]
        self.figure.background_fill_color = self.figure.border_fill_color = colours["sea"]
        self.coast.colour(colours["coast"])


class _Swipe:
    """Another product over the right part of the main map; the browser cuts it at the divider."""

    def __init__(self, main: MapView, mapper: LinearColorMapper) -> None:
        self._plot, self._mapper, self._sea = main.figure, mapper, THEME["light"]["sea"]
        self.whole = ColumnDataSource(dict(_NOTHING), name="swipe-frame")
        self.cover = ColumnDataSource({"left": [], "right": [], "bottom": [], "top": []}, name="swipe-cover")
        self.shown, self.scale = main.swiped, main.swiped_scale
        self._cover_mark: Any = None

    def _hang(self) -> None:
        """Add the marks to the map, once what they show is there: what changes while the browser makes them is lost."""
        plot = self._plot
        self._cover_mark = plot.quad(
            "left", "right", "bottom", "top", source=self.cover, line_color=None, fill_alpha=1.0, level="image",
            fill_color=self._sea,
        )  # fmt: skip
        plot.image("image", "x", "y", "dw", "dh", source=self.shown, color_mapper=self._mapper, level="image")
        share = ColumnDataSource({"share": [0.5]}, name="swipe-share")
        code = (ASSETS / "swipe.js").read_text(encoding="utf-8")
        args = {"whole": self.whole, "shown": self.shown, "cover": self.cover, "share": share, "x_range": plot.x_range}
        cut = CustomJS(args=args, code=code)
        for source in (self.whole, share):
            source.js_on_change("data", cut)
        plot.x_range.js_on_change("start", cut)
        plot.x_range.js_on_change("end", cut)
        plot.tags = [*plot.tags, share, self.whole]  # what no glyph draws must be in the document all the same

    def show(self, panel: Panel | None) -> None:
        """Draw a product; None takes it away."""
        if panel is None:
            self.whole.data = dict(_NOTHING)
            return
        self.scale.data = {"low": [panel.low], "high": [panel.high], "units": [unit_label(panel.units)]}
        if self._cover_mark is None:
            self._halve(panel)
        self.whole.data = _placed(panel.frame.codes, panel.frame.view)
        if self._cover_mark is None:
            self._hang()

    def _halve(self, panel: Panel) -> None:
        """The first picture, cut in the middle; the browser cuts all others."""
        codes, view = panel.frame.codes, panel.frame.view
        first = codes.shape[1] // 2
        middle = view.x0 + (view.x1 - view.x0) * first / codes.shape[1]
        self.shown.data = _placed(np.ascontiguousarray(codes[:, first:]), replace(view, x0=middle))
        self.cover.data = {"left": [middle], "right": [_FAR], "bottom": [-_FAR], "top": [_FAR]}

    def theme(self, sea: str) -> None:
        """Cover the map's own product with the colour of the sea."""
        self._sea = sea
        if self._cover_mark is not None:
            self._cover_mark.glyph.fill_color = sea


def _placed(codes: np.ndarray, view: View) -> dict[str, list[Any]]:
    """A frame where it lies."""
    return {"image": [codes], "x": [view.x0], "y": [view.y0], "dw": [view.x1 - view.x0], "dh": [view.y1 - view.y0]}
