"""The Hovmöller diagram over the drawer: time to the right, latitude or distance upwards, in the colours of the map."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper, Range1d, Span
from bokeh.plotting import figure

from app.figures.pictures import Picture
from app.files.hovmoller_saving import hovmoller_parts, laid_out, section_picture
from app.files.names import section_name
from app.files.python_code import section_code
from app.map.combined_frames import Snapshot
from app.map.hovmoller_store import Section
from app.page import slim
from app.page.background import Latest
from app.page.boundary import follow, together
from app.page.colours import STATION, THEME, palette
from app.page.controls import NO_RING, button, esc, progress_bar, text
from app.page.date_ticks import date_ticks
from app.page.language import tr
from app.page.words import said_of
from app.selection import Selection
from app.store import Store
from app.views.copy_python import copy_python
from app.views.figures.link import figure_link
from app.views.map.canvas import MapView
from app.views.saving import Parts, SaveBar
from smcore.errors import ExportError, SmcoreError
from smcore.hovmoller import LEAST_SHARE, Hovmoller
from smcore.maps import Gather, paint
from smcore.names import unit_label


class HovmollerView:
    """The Hovmöller diagram of one session."""

    def __init__(self, selection: Selection, store: Store, on_map: MapView) -> None:
        self.selection, self.store, self.map = selection, store, on_map
        self._work = Latest()
        self._running: Hashable = None
        self._shown: tuple[Section, Hovmoller] | None = None
        self.figure: figure | None = None
        self.pane = slim.Column(sizing_mode="stretch_both", margin=0)
        what = ["hovmoller", "line", "box", "view", "product", "variable", "minus", "onto", "expression", "quality"]
        # in one message: Panel sends a new figure at once, and Bokeh, a tick later, what was changed in it
        follow(selection, [*what, "masks", "aggregate", "since", "until"], together(self.refresh))
        follow(selection, ["colour_map", "colour_range", "reverse"], self._draw)
        follow(selection, ["theme"], self._theme)
        follow(selection, ["time"], self._mark_now)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The diagram."""
        return self.pane

    # -- computing -----------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the diagram that is asked for, or begin to compute it."""
        entry = self.store.entry
        if not self.selection.hovmoller or entry is None:
            self._work.stop()
            self._running = self._shown = None
            return
        self._build()
        try:
            section = self.store.hovmoller.section(entry, self.map.view())
        except SmcoreError as error:
            self._failed(error)
            return
        if self._shown is not None and self._shown[0].key == section.key:
            return  # a pan of the map moves no line and no box
        found = self.store.hovmoller.known(section)
        if found is not None:
            self._work.stop()
            self._running, self._shown = None, (section, found)
            self._draw()
        elif section.key != self._running:
            self._running = section.key
            self._blank()
            self._say(tr("{title}: computing …", title=section.title), 0.0)
            self._work.start(
                section.work, lambda done: self._done(section, done), failed=self._failed,
                told=lambda share, what: self._say(f"{section.title}: {what}", share),
            )  # fmt: skip

    def _done(self, section: Section, found: Hovmoller) -> None:
        self._running = None
        self.store.hovmoller.keep(section, found)
        self.refresh()

    def _failed(self, error: SmcoreError) -> None:
        self._work.stop()
        self._running = None
        self._blank()
        self._say(said_of(error))

    def _close(self) -> None:
        self.selection.hovmoller = ""

    # -- drawing -------------------------------------------------------------------------------------------------
    def _build(self) -> None:
        """Make the figure when it is first asked for; a tab that never looks pays nothing."""
        if self.figure is not None:
            return
        self._parts()
        self.figure = plot = figure(
            x_axis_type="datetime", x_range=Range1d(0, 1), y_range=Range1d(0, 1), sizing_mode="stretch_both",
            tools="pan,xwheel_zoom,reset", active_scroll="xwheel_zoom", toolbar_location=None, min_border=4,
            outline_line_color=None, name="hovmoller", stylesheets=[NO_RING], lod_timeout=40,
        )  # fmt: skip
        plot.xaxis.formatter = date_ticks()
        plot.xaxis.axis_label = tr("time [UTC]")
        self.mapper = LinearColorMapper(palette=list(palette(self.store.colours)), low=0, high=255)
        self.source = ColumnDataSource(_nothing(), name="hovmoller-image")
        image = plot.image(
            "image", "x", "y", "dw", "dh", source=self.source, color_mapper=self.mapper, level="image"
        )  # fmt: skip
        self.hover = HoverTool(renderers=[image], formatters={"$x": "datetime"})
        plot.add_tools(self.hover)
        self.now = Span(dimension="height", line_width=1, line_dash="dashed")
        plot.add_layout(self.now)
        self._theme()
        ends = self.stop, self.saving.status, self.save, self.python, figure_link("hovmoller"), self.close
        bar = slim.Row(self.note, *ends, sizing_mode="stretch_width", margin=0, height=36)
        self.pane[:] = [bar, pn.pane.Bokeh(plot, sizing_mode="stretch_both", margin=0)]

    def _parts(self) -> None:
        """What stands over the figure."""
        self.note = text(margin=(4, 8, 0, 12))
        self.stop = button(tr("Stop"), lambda _: self._close(), width=58)
        self.close = button("✕", lambda _: self._close(), width=34, description=tr("Close the Hovmöller diagram"))
        self.saving = SaveBar(self._begin, width=46, reserved=False)
        self.save = self.saving.row
        self.python = copy_python(
            lambda: section_code(self.store, self.map.view(), self._colours(), self._colour_range())
        )

    def _draw(self) -> None:
        entry = self.store.entry
        if self._shown is None or self.figure is None or entry is None:
            return
        section, found = self._shown
        values, share, first, last = laid_out(section, found)
        rows, columns = values.shape
        everything = Gather(
            0, slice(0, rows), slice(0, columns), np.arange(rows, dtype=np.int32), np.arange(columns, dtype=np.int32)
        )
        units, (low, high) = self.store.step_units(entry), self._colour_range()
        start, end = (edge.astype("datetime64[ms]").astype(float) for edge in (first, last))
        bottom, top = float(found.edges[0]), float(found.edges[-1])
        self.mapper.palette = list(palette(self._colours()))
        self.source.data = {
            "image": [paint(values, everything, low, high)], "value": [values],
            "share": [np.rint(100 * share).astype(np.uint8)],
            "x": [start], "y": [bottom], "dw": [end - start], "dh": [top - bottom],
        }  # fmt: skip
        self.figure.x_range.update(start=start, end=end)
        self.figure.y_range.update(start=bottom, end=top)
        self.figure.yaxis.axis_label = tr(section.axis)
        self.hover.tooltips = [
            (tr("time"), "$x{%F %H:%M} UTC"), (tr(section.axis), "$y{0.00}"),
            (f"{tr('value')} [{unit_label(units)}]", "@value{0.000}"), (tr("valid"), "@share %"),
        ]  # fmt: skip
        self._mark_now()
        self._say(" · ".join(self._caption(section, low, high)))

    def _caption(self, section: Section, low: float, high: float) -> list[str]:
        """Of which products it is, then how it was made and what was left out."""
        entry = self.store.entry
        assert entry is not None
        units = unit_label(self.store.step_units(entry))
        parts = [
            self.store.hovmoller.about(entry),
            section.title,
            tr("{low:g} to {high:g}", low=low, high=high) + f" {units}",
        ]
        parts += (
            [tr("bands of which at least {share:.0%} is valid", share=LEAST_SHARE)]
            if self.selection.hovmoller != "line"
            else []
        )
        parts += [tr("one step in {every}", every=section.every)] if section.every > 1 else []
        parts += [tr("from means of {side} × {side} cells", side=2**section.level)] if section.level else []
        masked = self.store.masks.shown_caption()
        return [*parts, *([masked] if masked else [])]

    def _colour_range(self) -> tuple[float, float]:
        """The map's range where the map shows such values; else that of the steps."""
        entry = self.store.entry
        assert entry is not None
        same = self.selection.aggregate not in ("share", "anomaly")
        return self.store.colour_range(entry) if same else self.store.step_range(entry)

    def _colours(self) -> str:
        same = self.selection.aggregate not in ("share", "anomaly")
        return self.store.colours if same else self.selection.colour_map

    def _blank(self) -> None:
        self._shown = None
        if self.figure is not None and self.source.data["dw"] != [1]:
            self.source.data = _nothing()

    def _say(self, said: str, share: float | None = None) -> None:
        bar = f" {progress_bar(share)}" if share is not None else ""
        self.note.object = f'<div class="muted" role="status">{esc(said)}{bar}</div>'
        self.stop.visible = share is not None

    def _mark_now(self) -> None:
        moment = self.store.moment() if self.figure is not None and self._shown is not None else ""
        if moment:
            self.now.location = np.datetime64(moment, "ms").astype(float)

    def _theme(self) -> None:
        if self.figure is None:
            return
        colours = THEME[self.selection.theme]
        self.figure.background_fill_color = self.figure.border_fill_color = None
        self.now.line_color = STATION[self.selection.theme]
        for axis in self.figure.axis:
            axis.major_label_text_color = axis.axis_label_text_color = colours["text"]
            axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = colours["muted"]
            axis.axis_label_text_font_style = "normal"
        self.figure.grid.grid_line_color = None

    def _begin(self, kind: str) -> tuple[str, Parts]:
        """The diagram as a file, which says in English what it is."""
        still, named = Snapshot(self.store), self._named()
        return section_name(still), lambda *told: hovmoller_parts(still, kind, *named, *told)

    def picture(self) -> Picture:
        """The diagram as the data of a figure."""
        return section_picture(self.store, *self._named())

    def _named(self) -> tuple[tuple[Section, Hovmoller], str, tuple[float, float], list[str]]:
        """The diagram, its colours, its range, and what it says of itself in the language of now."""
        entry = self.store.entry
        if self._shown is None or entry is None:
            raise ExportError(tr("There is no Hovmöller diagram to save yet"))
        named, low_high = self.store.hovmoller.section(entry, self.map.view()), self._colour_range()
        if named.key != self._shown[0].key:  # the map was moved: that of its new view is still computed
            raise ExportError(tr("There is no Hovmöller diagram to save yet"))
        return (named, self._shown[1]), self._colours(), low_high, self._caption(named, *low_high)


def _nothing() -> dict[str, list[object]]:
    empty = np.zeros((1, 1), np.uint8)
    return {"image": [empty], "value": [empty], "share": [empty], "x": [0], "y": [0], "dw": [1], "dh": [1]}
