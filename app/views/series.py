"""The drawer: the series of all products at the clicked place, with the chosen station, over the whole period."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, DatetimeTickFormatter, HoverTool, Range1d, Span
from bokeh.plotting import figure

from app import saving
from app.boundary import follow
from app.colours import LINES, STATION, THEME
from app.controls import empty, esc, save_row, text
from app.selection import Selection
from app.store import Series, Store
from app.views.layers import pretty_unit
from smcore import names
from smcore.errors import SmcoreError

_EMPTY = {"time": np.empty(0, "datetime64[ms]"), "value": np.empty(0)}


class SeriesView:
    """The series drawer of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._lines: dict[str, tuple[ColumnDataSource, Any, Any]] = {}
        self.figure = self._figure()
        self.now = Span(dimension="height", line_width=1, line_dash="dashed")
        self.figure.add_layout(self.now)
        self.legend = text("", margin=(2, 10, 0, 12))
        self.message = text(empty("Click on the map to see the series of every product at that place."))
        self.pane = pn.Column(
            pn.pane.Bokeh(self.figure, sizing_mode="stretch_both", margin=0), sizing_mode="stretch_both", margin=0,
            visible=False,
        )  # fmt: skip
        self.save = save_row(lambda kind: (f"series.{kind}", lambda: saving.series_file(self.store, kind)))
        self.save.visible = False
        follow(selection, ["point", "sensor", "collection"], self.refresh)
        follow(selection, ["time", "product"], self._mark_now)
        follow(selection, ["theme"], self._theme)
        follow(store, ["catalog"], self.refresh)
        self._theme()
        if selection.point or selection.sensor:
            self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The drawer: legend and save buttons above, figure below."""
        return pn.Column(
            pn.Row(self.legend, self.save, sizing_mode="stretch_width", margin=0, height=34),
            self.message, self.pane, sizing_mode="stretch_both", margin=0,
        )  # fmt: skip

    def _figure(self) -> figure:
        plot = figure(
            x_axis_type="datetime", x_range=Range1d(0, 1), y_range=Range1d(0, 0.5), sizing_mode="stretch_both", tools="xpan,xwheel_zoom,reset",
            active_scroll="xwheel_zoom", toolbar_location=None, min_border=4, outline_line_color=None, name="series",
            lod_timeout=40, lod_threshold=None,
        )  # fmt: skip
        plot.xaxis.formatter = DatetimeTickFormatter(days="%d %b %Y", months="%b %Y", years="%Y", hours="%d %b %H:%M")
        plot.add_tools(
            HoverTool(
                tooltips=[("", "$name"), ("time", "@time{%F %H:%M}"), ("value", "@value{0.000}")],
                formatters={"@time": "datetime"}, mode="mouse",
            )
        )  # fmt: skip
        return plot

    def refresh(self) -> None:
        """Draw what lies at the chosen place."""
        try:
            series = self.store.series()
        except SmcoreError as error:
            self._say(error.sentence)
            return
        if not series:
            chosen = self.selection.point
            self._say(
                "No product has data at this place: click inside a product's area."
                if chosen else "Click on the map to see the series of every product at that place."
            )  # fmt: skip
            return
        for source, points, line in self._lines.values():
            points.visible = line.visible = False
        for item in series:
            self._draw(item)
        self._scale(series)
        self._mark_now()
        self.legend.object = _legend(series, self.selection.theme, self.store.place_label())
        self.message.visible, self.pane.visible, self.save.visible = False, True, True

    def _say(self, sentence: str) -> None:
        self.message.object = empty(sentence)
        self.legend.object = ""
        self.message.visible, self.pane.visible, self.save.visible = True, False, False

    def _draw(self, item: Series) -> None:
        key = "station" if item.order < 0 else item.entry_id
        if key not in self._lines:
            source = ColumnDataSource(dict(_EMPTY))
            colour = line_colour(item, self.selection.theme)
            line = self.figure.line("time", "value", source=source, line_width=1.4, color=colour, name=item.label)
            points = self.figure.scatter("time", "value", source=source, size=4, color=colour, name=item.label)
            self._lines[key] = (source, points, line)
        source, points, line = self._lines[key]
        source.data = {"time": item.time.astype("datetime64[ms]"), "value": item.value.astype("f4"), **_hollow(item)}
        points.name = line.name = item.label
        points.visible, line.visible = item.drawn == "points", item.drawn == "line"

    def _scale(self, series: list[Series]) -> None:
        """Show the whole period and all values; zooming in time is the user's."""
        units = {s.units for s in series}
        shown = [s for s in series if s.units == series[0].units] or series
        values = np.concatenate([s.value[np.isfinite(s.value)] for s in shown] or [np.array([0.0, 0.5])])
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.5)
        pad = 0.06 * (high - low or 1.0)
        times = [t for s in series for t in (s.time[0], s.time[-1]) if len(s.time)]
        first, last = (t.astype("datetime64[ms]").astype(float) for t in (min(times), max(times)))
        margin = 0.01 * (last - first) or 43_200_000.0
        self.figure.x_range.update(start=first - margin, end=last + margin)
        self.figure.y_range.update(start=min(low - pad, 0.0) if low < 0.1 else low - pad, end=high + pad)
        self.figure.yaxis.axis_label = f"soil moisture [{' and '.join(pretty_unit(u) for u in sorted(units))}]"

    def _mark_now(self) -> None:
        entry = self.store.entry
        if entry is not None:
            self.now.location = self.store.times(entry)[self.store.step(entry)].astype("datetime64[ms]").astype(float)

    def _theme(self) -> None:
        colours, plot = THEME[self.selection.theme], self.figure
        plot.background_fill_color = plot.border_fill_color = None
        plot.grid.grid_line_color = colours["grid"]
        for axis in (*plot.xaxis, *plot.yaxis):
            axis.axis_label_text_color = axis.major_label_text_color = colours["text"]
            axis.axis_line_color = axis.major_tick_line_color = colours["muted"]
            axis.minor_tick_line_color, axis.axis_label_text_font_style = None, "normal"
        self.now.line_color = colours["muted"]
        if "station" in self._lines:
            _, points, line = self._lines["station"]
            for glyph in (points.glyph, line.glyph):
                glyph.line_color = STATION[self.selection.theme]


def line_colour(item: Series, theme: str) -> str:
    """The fixed colour of a product; stations are the theme's ink."""
    return STATION[theme] if item.order < 0 else LINES[item.order % len(LINES)]


def _hollow(item: Series) -> dict[str, np.ndarray]:
    """Whether each value was observed, for those products that say so."""
    return {} if item.source is None else {"observed": item.source == names.SOURCE_OBSERVED}


def _legend(series: list[Series], theme: str, place: str) -> str:
    shown = "".join(
        f'<span style="margin-right:14px;white-space:nowrap"><span class="swatch" style="background:{line_colour(s, theme)}">'
        f"</span>{esc(s.label)}{' <span class=badge>synthetic</span>' if s.synthetic else ''}</span>"
        for s in series
    )
    return f'<span class="muted" style="margin-right:14px">{esc(place)}</span>{shown}'
