"""The drawer: the series of all products at the clicked place, with the chosen station, over the whole period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import panel as pn
from bokeh.events import RangesUpdate
from bokeh.models import ColumnDataSource, DatetimeTickFormatter, HoverTool, LinearAxis, Range1d, Span
from bokeh.plotting import figure

from app import saving
from app.boundary import follow, guarded
from app.colours import LINES, STATION, THEME
from app.controls import NO_RING, empty, esc, save_row, swatch, text
from app.selection import Selection
from app.station_store import Series
from app.store import Store
from app.titles import DEMONSTRATION
from smcore import names
from smcore.errors import SmcoreError
from smcore.figures.thinning import thin
from smcore.names import SATURATION, VOLUMETRIC, unit_label

FEW = 40  # values of which a line alone might show nothing
BAND_OPACITY = 0.22
_EMPTY: dict[str, Any] = {
    "time": np.empty(0, "datetime64[ms]"), "value": np.empty(0), "size": np.empty(0), "solid": np.empty(0),
    "half": np.empty(0),
}  # fmt: skip


_TOLD = (names.SOURCE_OBSERVED, names.SOURCE_FILLED)
"""Origins that have a mark of their own; what was predicted has its line alone."""


@dataclass(frozen=True)
class _Drawn:
    """One series on the figure: its points and line, and its band with the band's outline."""

    source: ColumnDataSource
    outline: ColumnDataSource
    points: Any
    line: Any
    band: Any


class SeriesView:
    """The series drawer of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._series: list[Series] = []
        self._lines: dict[str, _Drawn] = {}
        self.figure = self._figure()
        self.figure.on_event(RangesUpdate, lambda _: guarded(self._zoomed)())
        self.now = Span(dimension="height", line_width=1, line_dash="dashed")
        self.figure.add_layout(self.now)
        self.legend = text(
            "", margin=(2, 10, 0, 12), styles={"max-height": "58px", "overflow": "hidden auto", "font-size": "12px"}
        )
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
            pn.Row(self.legend, self.save, sizing_mode="stretch_width", margin=0, min_height=36),
            self.message, self.pane, sizing_mode="stretch_both", margin=0,
        )  # fmt: skip

    def _figure(self) -> figure:
        plot = figure(
            x_axis_type="datetime", x_range=Range1d(0, 1), y_range=Range1d(0, 0.5), sizing_mode="stretch_both",
            tools="xpan,xwheel_zoom,reset",
            active_scroll="xwheel_zoom", toolbar_location=None, min_border=4, outline_line_color=None, name="series",
            stylesheets=[NO_RING], lod_timeout=40, lod_threshold=None,
        )  # fmt: skip
        plot.xaxis.formatter = DatetimeTickFormatter(days="%d %b %Y", months="%b %Y", years="%Y", hours="%d %b %H:%M")
        self.percent = Range1d(0, 100)
        plot.extra_y_ranges = {"percent": self.percent}
        plot.add_layout(LinearAxis(y_range_name="percent", axis_label="saturation [%]", visible=False), "right")
        plot.yaxis[0].axis_label = f"soil moisture [{unit_label(VOLUMETRIC)}]"
        said = [("", "$name"), ("time", "@time{%F %H:%M}"), ("value", "@value{0.000}")]
        with_band = [*said, ("90 % band", "± @half{0.000}")]
        self.hovers = tuple(
            HoverTool(tooltips=lines, formatters={"@time": "datetime"}, mode="mouse", renderers=[])
            for lines in (said, with_band)
        )
        plot.add_tools(*self.hovers)
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
        keys = {_key(item) for item in series}
        for key, drawn in self._lines.items():
            if key not in keys:
                drawn.points.visible = drawn.line.visible = drawn.band.visible = False
        self._series = series
        self._scale(series)
        for position, item in enumerate(series):
            self._draw(item, line_colour(item, position, self.selection.theme))
        self._hover_over(series)
        self._mark_now()
        self.legend.object = _legend(series, self.selection.theme, self.store.place_label(), self.figure.x_range)
        self.message.visible, self.pane.visible, self.save.visible = False, True, True

    def _say(self, sentence: str) -> None:
        self.message.object = empty(sentence)
        self.legend.object = ""
        self.message.visible, self.pane.visible, self.save.visible = True, False, False

    def _draw(self, item: Series, colour: str) -> None:
        key = _key(item)
        if key not in self._lines:
            self._lines[key] = self._drawn_for(item)
        drawn = self._lines[key]
        glyphs = drawn.points.glyph, drawn.line.glyph, drawn.band.glyph
        glyphs[0].fill_color = glyphs[0].line_color = glyphs[1].line_color = glyphs[2].fill_color = colour
        self._fill(drawn, item)
        drawn.points.name = drawn.line.name = item.label
        told = item.source is not None and bool(np.isin(item.source, _TOLD).any())
        few = np.isfinite(item.value).sum() <= FEW
        drawn.points.visible, drawn.line.visible = item.drawn == "points" or told or bool(few), item.drawn == "line"
        drawn.band.visible = item.half_width is not None

    def _drawn_for(self, item: Series) -> _Drawn:
        source, outline = ColumnDataSource(dict(_EMPTY)), ColumnDataSource({"x": [], "y": []})
        scale = {"y_range_name": "percent"} if item.units == SATURATION else {}
        band = self.figure.patch(
            "x", "y", source=outline, fill_alpha=BAND_OPACITY, line_color=None, level="underlay", **scale
        )
        line = self.figure.line("time", "value", source=source, line_width=1.4, name=item.label, **scale)
        points = self.figure.scatter(
            "time", "value", source=source, size="size", fill_alpha="solid", name=item.label, **scale
        )
        return _Drawn(source, outline, points, line, band)

    def _fill(self, drawn: _Drawn, item: Series) -> None:
        """Send the points that the screen can show in the period it shows; zooming in brings the others."""
        start, end = (np.datetime64(int(v), "ms") for v in (self.figure.x_range.start, self.figure.x_range.end))
        shown = item.during(thin(item.time, item.value, start, end))
        time = shown.time.astype("datetime64[ms]")
        half = np.full(len(time), np.nan) if shown.half_width is None else shown.half_width
        drawn.source.data = {
            "time": time, "value": shown.value.astype("f4"), "half": half.astype("f4"),
            **_marks(shown.source, len(time)),
        }  # fmt: skip
        x, y = outline(time, shown.value, half)
        drawn.outline.data = {"x": x, "y": y}

    def _hover_over(self, series: list[Series]) -> None:
        """A pointer over a product with a band is also told how wide the band is."""
        for hover, has_band in zip(self.hovers, (False, True), strict=True):
            keys = [_key(s) for s in series if (s.half_width is not None) == has_band]
            hover.renderers = [mark for key in keys for mark in (self._lines[key].points, self._lines[key].line)]

    def _zoomed(self) -> None:
        for item in self._series:
            self._fill(self._lines[_key(item)], item)

    def _scale(self, series: list[Series]) -> None:
        """Show the period of the product on the map and all its values; zooming in time is the user's."""
        shown = [s for s in series if np.isfinite(s.value).any()] or series
        first, last = (shown[0].time[i].astype("datetime64[ms]").astype(float) for i in (0, -1))
        margin = 0.01 * (last - first) or 43_200_000.0
        self.figure.x_range.update(start=first - margin, end=last + margin)
        for units, scale in ((VOLUMETRIC, self.figure.y_range), (SATURATION, self.percent)):
            low, high = _extent([s for s in shown if s.units == units])
            pad = 0.06 * (high - low or 1.0)
            scale.update(start=min(low - pad, 0.0) if low < 0.1 else low - pad, end=high + pad)
        present = {s.units for s in shown}
        self.figure.yaxis[0].visible = VOLUMETRIC in present
        self.figure.yaxis[1].visible = SATURATION in present

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
        if self.pane.visible:
            self.refresh()


def _extent(series: list[Series]) -> tuple[float, float]:
    values = np.concatenate([s.value[np.isfinite(s.value)] for s in series]) if series else np.empty(0)
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.5)


def outline(time: np.ndarray, value: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edge of a band of value ± half: one closed shape for each stretch without a gap, NaN between them."""
    there = np.isfinite(value) & np.isfinite(half)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    gap = np.array([np.datetime64("NaT", "ms")]), np.array([np.nan])
    xs, ys = [time[:0].astype("datetime64[ms]")], [np.empty(0)]
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        t, v, h = time[start:stop], value[start:stop].astype(float), half[start:stop].astype(float)
        xs += [t, t[::-1], gap[0]]
        ys += [v + h, (v - h)[::-1], gap[1]]
    return np.concatenate(xs), np.concatenate(ys)


def _marks(source: np.ndarray | None, count: int) -> dict[str, np.ndarray]:
    """Size and fill of each point: observed ones are solid, filled ones hollow, predicted ones are not drawn."""
    if source is None:
        return {"size": np.full(count, 4.0, "f4"), "solid": np.ones(count, "f4")}
    return {
        "size": np.where(np.isin(source, _TOLD), 4.0, 0.0).astype("f4"),
        "solid": (source == names.SOURCE_OBSERVED).astype("f4"),
    }


def line_colour(item: Series, position: int, theme: str) -> str:
    """The colour of the product at a position among those at this place; stations are the theme's ink."""
    return STATION[theme] if item.order < 0 else LINES[theme][position % len(LINES[theme])]


def shortened(label: str, most: int = 30) -> str:
    """A label that fits a legend; the whole one is shown on hovering."""
    return label if len(label) <= most else label[: most - 1].rstrip() + "…"


def _key(item: Series) -> str:
    return "station" if item.order < 0 else item.entry_id


def _legend(series: list[Series], theme: str, place: str, period: Range1d) -> str:
    """Name what is drawn in the period shown, the station first; one mark where all of it is synthetic."""
    badge = '<span class="badge">synthetic</span> '
    drawn = [(i, s) for i, s in enumerate(series) if _is_drawn(s, period)]
    alike = bool(drawn) and all(s.synthetic for _, s in drawn)
    keys = [
        f'<span class="key" title="{esc(s.label)}">{swatch(line_colour(s, i, theme))}{esc(shortened(s.label))}'
        f"{'' if alike or not s.synthetic or s.label.startswith(DEMONSTRATION) else ' ' + badge}</span>"
        for i, s in sorted(drawn, key=lambda pair: pair[1].order >= 0)
    ]
    told = any(s.source is not None and np.isin(s.source, _TOLD).any() for _, s in drawn)
    notes = ["● observed, ○ filled"] if told else []
    notes += ["shaded: 90 % band"] if any(s.half_width is not None for _, s in drawn) else []
    keys += [f'<span class="muted key">{note}</span>' for note in notes]
    return f'{badge if alike else ""}<span class="muted key">{esc(place)}</span>{"".join(keys)}'


def _is_drawn(item: Series, period: Range1d) -> bool:
    time = item.time.astype("datetime64[ms]").astype(float)
    return bool((np.isfinite(item.value) & (time >= period.start) & (time <= period.end)).any())
