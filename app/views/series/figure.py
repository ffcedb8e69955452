"""The plot of the series drawer: curves with their marks and bands, an overview strip, and the day on the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.events import SelectionGeometry
from bokeh.models import ColumnDataSource, HoverTool, LinearAxis, Range1d, RangeTool, Span
from bokeh.models.glyphs import Line, Patch, Scatter
from bokeh.plotting import figure

from app.page.background import Later
from app.page.colours import LINES, STATION, THEME
from app.page.controls import NO_RING
from app.page.date_ticks import date_ticks
from app.page.language import tr
from app.validation.station_store import DEEP_M, Series
from app.views.map.glyphs import drawn
from app.views.series.behind import Behind
from smcore import names
from smcore.figures.series import FEW, TOLD, is_told
from smcore.figures.thinning import COLUMNS, thin
from smcore.names import SATURATION, VOLUMETRIC, unit_label

BAND_OPACITY = 0.22
DASHES, MARKERS = ("solid", "dashed", "dotdash"), ("circle", "square", "triangle")
"""Of the first eight products at a place, the next eight, and so on: colours repeat then."""
STRIP_COLUMNS = 300
WIDTH = 1.4
STEP = 400
"""Pixels by which the width is rounded up that lines are thinned for: they need not be sent anew for a few more."""
_POINTS = ("size", "solid", "cross")


@dataclass(frozen=True)
class Drawn:
    """One curve on the figure: its line, its points and those not recommended, its band, and its strip.

    ``source`` is the line's and ``spots`` the points': what is not drawn holds nothing, for a browser makes an index of
    all that a source holds, seen or not.
    """

    source: ColumnDataSource
    spots: ColumnDataSource
    outline: ColumnDataSource
    coarse: ColumnDataSource
    points: Any
    crosses: Any
    line: Any
    band: Any
    strip: Any

    @property
    def data(self) -> dict[str, Any]:
        """What is drawn of the curve."""
        return dict(self.spots.data if self.has_points else self.source.data)

    @property
    def has_points(self) -> bool:
        """Whether single values are marked."""
        return bool(self.points.visible or self.crosses.visible)

    def show(self, item: Series | None) -> None:
        """Show what the curve has of these, or nothing; each mark is told once, as each change is an event."""
        is_there = item is not None
        self.strip.visible = is_there
        self.line.visible = item is not None and item.drawn == "line"
        self.band.visible = item is not None and item.half_width is not None
        self.crosses.visible = item is not None and item.drawn == "points" and item.recommended is not None
        self.points.visible = item is not None and (
            item.drawn == "points" or is_told(item.source) or bool(np.isfinite(item.value).sum() <= FEW)
        )

    def fill(self, item: Series, start: np.datetime64, end: np.datetime64, columns: int) -> None:
        """Send what a screen can show of the curve in a period, in the parts that are drawn."""
        most = 4 if self.has_points else 2
        shown = item.during(thin(item.time, item.value, start, end, columns, most))
        time = shown.time.astype("datetime64[ms]")
        held: dict[str, Any] = {"time": time, "value": shown.value.astype("f4")}
        beside = (("half", shown.half_width), ("share", shown.share))
        held |= {name: values.astype("f4") for name, values in beside if values is not None}
        if self.line.visible:  # one as dense as the screen is a pixel wide: more hides others, and is slow to paint
            is_wide = len(time) <= columns and (item.is_chosen or not item.is_station)
            self.line.glyph.line_width = WIDTH if is_wide else 1.0
        _put(self.source, held if self.line.visible else {name: [] for name in held})
        _put(self.spots, held | marks(shown) if self.has_points else {name: [] for name in (*held, *_POINTS)})
        x, y = outline(time, shown.value, shown.half_width) if shown.half_width is not None else ([], [])
        _put(self.outline, {"x": x, "y": y})


class SeriesFigure:
    """The figure and the strip of one session; ``ranged`` is called when the user has moved the period."""

    def __init__(self, ranged: Callable[[], None]) -> None:
        self.lines: dict[str, Drawn] = {}
        self._ranged, self._moving = ranged, False
        self._shown: dict[str, Series] = {}
        self._styles: dict[str, tuple[object, ...]] = {}
        self._kinds: dict[str, int] = {}
        self._strip_later = Later()
        self.figure = self._figure()
        self.behind = Behind(self.figure)
        self.strip = self._strip()
        self.now = Span(dimension="height", line_width=1, line_dash="dashed")
        self.figure.add_layout(self.now)
        for side in ("start", "end"):
            self.figure.x_range.on_change(side, self._moved)
        self._columns = COLUMNS
        self.figure.on_change("inner_width", self._sized)
        self.selected: Callable[[SelectionGeometry], None] = lambda _: None  # what a drag of a selecting tool does
        self.figure.on_event(SelectionGeometry, lambda event: self.selected(event))

    # -- building, once ------------------------------------------------------------------------------------------
    def _figure(self) -> figure:
        plot = figure(
            x_axis_type="datetime", x_range=Range1d(0, 1), y_range=Range1d(0, 0.5), sizing_mode="stretch_both",
            tools="xpan,xwheel_zoom", active_scroll="xwheel_zoom", toolbar_location=None, min_border=4,
            min_border_left=58, outline_line_color=None, name="series", stylesheets=[NO_RING], lod_timeout=40,
            lod_threshold=None,
        )  # fmt: skip
        plot.xaxis.formatter = date_ticks()
        self.percent = Range1d(0, 100)
        plot.extra_y_ranges = {"percent": self.percent}
        plot.add_layout(LinearAxis(y_range_name="percent", axis_label=tr("saturation [%]"), visible=False), "right")
        said = [("", "$name"), (tr("time"), "@time{%F %H:%M} UTC"), (tr("value"), "@value{0.000}")]
        told = (said, [*said, (tr("90 % band"), "± @half{0.000}")], [*said, (tr("share of its cells"), "@share{0 %}")])
        self.hovers = tuple(
            HoverTool(tooltips=lines, formatters={"@time": "datetime"}, mode="mouse", renderers=[]) for lines in told
        )
        plot.add_tools(*self.hovers)
        return plot

    def _strip(self) -> figure:
        """All of the period in small; the shaded part is what the plot above shows, and is dragged or drawn anew."""
        plot = figure(
            x_axis_type=None, y_axis_type=None, x_range=Range1d(0, 1), y_range=Range1d(-0.1, 1.1), height=26,
            sizing_mode="stretch_width", tools="", toolbar_location=None, min_border=0, min_border_left=58,
            min_border_right=4, outline_line_color=None, name="series-strip", stylesheets=[NO_RING],
        )  # fmt: skip
        self.tool = RangeTool(x_range=self.figure.x_range, start_gesture="pan")
        self.tool.overlay.update(fill_alpha=0.16, line_width=1, line_dash="solid")
        plot.add_tools(self.tool)
        plot.grid.visible = False
        plot.line([], [])  # a figure without any mark is warned of
        return plot

    def _drawn_for(self, item: Series) -> Drawn:
        source, coarse = (ColumnDataSource({"time": [], "value": []}) for _ in range(2))
        spots = ColumnDataSource({name: [] for name in ("time", "value", *_POINTS)})
        edge = ColumnDataSource({"x": [], "y": []})
        scale = {"y_range_name": "percent"} if item.units == SATURATION else {}
        plot = self.figure
        at: dict[str, Any] = {"x": "time", "y": "value"}
        band = drawn(plot, edge, Patch(fill_alpha=BAND_OPACITY, line_color=None), level="underlay", **scale)
        line = drawn(plot, source, Line(**at, line_width=WIDTH), **scale)
        points = drawn(plot, spots, Scatter(**at, size="size", fill_alpha="solid"), **scale)
        cross = Scatter(**at, size="cross", marker="x", fill_color=None, line_alpha=0.75)
        crosses = drawn(plot, spots, cross, **scale)
        strip = drawn(self.strip, coarse, Line(**at, line_width=1, line_alpha=0.8))
        return Drawn(source, spots, edge, coarse, points, crosses, line, band, strip)

    # -- what is shown -------------------------------------------------------------------------------------------
    def show(self, series: list[Series], theme: str) -> None:
        """Draw these curves and no others."""
        self._shown = dict(zip(slots(series), series, strict=True))
        for slot, item in self._shown.items():
            if slot not in self.lines:
                self.lines[slot] = self._drawn_for(item)
            self._colour(slot, item, theme)
        for slot, curve in self.lines.items():
            curve.show(self._shown.get(slot))
        self.fill()
        self._strip_later.start(self._fill_strip)
        self._hover_over()

    def _colour(self, slot: str, item: Series, theme: str) -> None:
        style = theme, item.name, item.order, item.is_chosen, item.depth_m
        if self._styles.get(slot) == style:
            return
        self._styles[slot], drawn = style, self.lines[slot]
        colour, lap = line_colour(item, theme), max(item.order, 0) // len(LINES[theme])
        for mark in (drawn.points, drawn.crosses, drawn.line, drawn.strip):
            mark.glyph.line_color = colour
            mark.name = item.name
        drawn.points.glyph.fill_color = drawn.band.glyph.fill_color = colour
        drawn.points.glyph.marker = MARKERS[lap % len(MARKERS)]
        glyph = drawn.line.glyph
        glyph.line_dash = DASHES[lap % len(DASHES)]
        glyph.line_alpha = 0.6 if item.is_station and not item.is_chosen else 1.0
        if item.is_station and item.depth_m >= DEEP_M:
            glyph.line_dash = "dashed"

    def fill(self) -> None:
        """Send the points that the screen can show in the period it shows; zooming in brings the others."""
        start, end = self.period()
        self.behind.fill(start, end)
        for slot, item in self._shown.items():
            self.lines[slot].fill(item, start, end, self._columns)

    def _sized(self, attr: str, old: int | None, new: int | None) -> None:  # noqa: ARG002 — bokeh wants these three
        """The browser says how wide the plot is: lines are thinned for that, and sent anew where it has grown."""
        before, self._columns = self._columns, -(-int(new or COLUMNS) // STEP) * STEP
        if self._columns > before and self._shown:
            self.fill()

    def _fill_strip(self) -> None:
        """The whole of each curve, coarse and stretched to the height of the strip."""
        for slot, item in self._shown.items():
            known = np.isfinite(item.value) if item.drawn == "points" else np.ones(len(item.value), bool)
            time, value = item.time[known], item.value[known].astype(np.float64)
            if not np.isfinite(value).any():
                _put(self.lines[slot].coarse, {"time": [], "value": []})
                continue
            keep = thin(time, value, time[0], time[-1], STRIP_COLUMNS, 2)
            low, high = np.nanmin(value), np.nanmax(value)
            scaled = (value[keep] - low) / (high - low or 1.0)
            _put(self.lines[slot].coarse, {"time": time[keep].astype("datetime64[ms]"), "value": scaled.astype("f4")})

    def _hover_over(self) -> None:
        """A pointer over a curve is told its band or the share of its cells where it has one."""
        for slot, item in self._shown.items():
            self._kinds[slot] = 2 if item.share is not None else 1 if item.half_width is not None else 0
        kinds: tuple[list[Any], ...] = ([], [], [])
        for slot, kind in self._kinds.items():  # those not shown too: what is not visible has no hover
            kinds[kind].extend((self.lines[slot].points, self.lines[slot].crosses, self.lines[slot].line))
        for hover, renderers in zip(self.hovers, kinds, strict=True):
            if hover.renderers != renderers:
                hover.renderers = renderers

    def label(self, quantity: str) -> None:
        """Say on the axes what the curves are."""
        self.figure.yaxis[0].axis_label = f"{tr(quantity)} [{unit_label(VOLUMETRIC)}]"
        self.figure.yaxis[1].axis_label = f"{tr('saturation') if quantity == 'soil moisture' else tr(quantity)} [%]"

    def scale(self, series: list[Series]) -> None:
        """Fit the value axes to all values of these curves, and show only the axes that one of them needs."""
        for units, scale in ((VOLUMETRIC, self.figure.y_range), (SATURATION, self.percent)):
            low, high = _extent([s for s in series if s.units == units])
            pad = 0.06 * (high - low or 1.0)
            scale.update(start=min(low - pad, 0.0) if 0 <= low < 0.1 else low - pad, end=high + pad)
        present = {s.units for s in series}
        self.figure.yaxis[0].visible = VOLUMETRIC in present or not present
        self.figure.yaxis[1].visible = SATURATION in present

    # -- the period ----------------------------------------------------------------------------------------------
    def period(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last moment that the plot shows."""
        ends = (self.figure.x_range.start, self.figure.x_range.end)
        start, end = (np.datetime64(int(v), "ms") for v in ends)
        return start, end

    def show_period(self, start: np.datetime64, end: np.datetime64) -> None:
        """Show a period, which is no act of the user."""
        self._moving = True
        self.figure.x_range.update(start=_ms(start), end=_ms(end))
        self._moving = False

    def show_whole(self, start: np.datetime64, end: np.datetime64) -> None:
        """Let the strip reach from one moment to another."""
        self.strip.x_range.update(start=_ms(start), end=_ms(end))

    def _moved(self, attr: str, old: float, new: float) -> None:  # noqa: ARG002 — bokeh wants these three
        if not self._moving:
            self._ranged()

    def theme(self, theme: str) -> None:
        """Take the colours of the page."""
        colours, plot = THEME[theme], self.figure
        self.behind.theme(theme)
        for one in (plot, self.strip):
            one.background_fill_color = one.border_fill_color = None
        plot.grid.grid_line_color = colours["grid"]
        for axis in (*plot.xaxis, *plot.yaxis):
            axis.axis_label_text_color = axis.major_label_text_color = colours["text"]
            axis.axis_line_color = axis.major_tick_line_color = colours["muted"]
            axis.axis_label_text_font_size = axis.major_label_text_font_size = "11px"
            axis.minor_tick_line_color, axis.axis_label_text_font_style = None, "normal"
        self.now.line_color = colours["muted"]
        self.tool.overlay.update(fill_color=colours["muted"], line_color=colours["muted"])


def _put(source: ColumnDataSource, held: dict[str, Any]) -> None:
    """Give a source its columns; nothing is not sent twice."""
    if any(len(values) for values in (*held.values(), *source.data.values())) or held.keys() != source.data.keys():
        source.data = held


def _ms(moment: np.datetime64) -> float:
    return float(moment.astype("datetime64[ms]").astype(np.int64))


def slots(series: list[Series]) -> list[str]:
    """Where each curve is drawn: a product under its id, sensors one after another in places that are used again."""
    sensors = 0
    found = []
    for item in series:
        found.append(f"sensor {sensors}" if item.is_station else item.entry_id)
        sensors += item.is_station
    return found


def marks(item: Series) -> dict[str, np.ndarray]:
    """Size and fill of each point: observed ones are solid, filled ones hollow, predicted ones are not drawn.

    What the product does not recommend has a cross instead.
    """
    count = len(item.time)
    size, solid, cross = np.full(count, 4.0, "f4"), np.ones(count, "f4"), np.zeros(count, "f4")
    if item.source is not None:
        size = np.where(np.isin(item.source, TOLD), 4.0, 0.0).astype("f4")
        solid = (item.source == names.SOURCE_OBSERVED).astype("f4")
    if item.recommended is not None:
        size = np.where(item.recommended, size, 0.0).astype("f4")
        cross = np.where(item.recommended, 0.0, 5.0).astype("f4")
    return {"size": size, "solid": solid, "cross": cross}


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


def line_colour(item: Series, theme: str) -> str:
    """The colour of a product by its place in the catalogue among those here; stations are the theme's ink."""
    return STATION[theme] if item.is_station else LINES[theme][item.order % len(LINES[theme])]


def _extent(series: list[Series]) -> tuple[float, float]:
    values = np.concatenate([s.value[np.isfinite(s.value)] for s in series]) if series else np.empty(0)
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.5)
