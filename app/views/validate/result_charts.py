"""The charts of a run, each a bokeh figure made once and filled anew: histogram, boxes, Taylor, density, stability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
from bokeh.models import (
    ColumnDataSource,
    FactorRange,
    HoverTool,
    Label,
    LinearColorMapper,
    Range1d,
)
from bokeh.plotting import figure

from app.page.colours import LINES, THEME, shades
from app.page.controls import NO_RING
from app.page.date_ticks import date_ticks
from app.page.language import tr
from app.validation.metric_display import Scale
from app.views.validate.score_layer import coloured
from smcore.validation.runs.pictured import Box, Histogram, Taylor
from smcore.validation.runs.results import Density

SOME_NEGATIVE = 0.1
MOST_DOTS = 1500  # of one product in a Taylor diagram; beyond, every k-th location is drawn
HEIGHT = 216  # of what the drawer leaves below its tabs and its line of words
_SMALL = {"toolbar_location": None, "outline_line_color": None, "stylesheets": [NO_RING]}


def themed(plot: figure, theme: str) -> None:
    """Give a figure the page's colours and type."""
    colours = THEME[theme]
    plot.background_fill_color = plot.border_fill_color = None
    plot.grid.grid_line_color = colours["grid"]
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.axis_label_text_color = axis.major_label_text_color = colours["text"]
        axis.axis_line_color = axis.major_tick_line_color = colours["muted"]
        axis.minor_tick_line_color, axis.axis_label_text_font_style = None, "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "11px"


class HistogramChart:
    """How many locations have which value, in the colours of the map."""

    def __init__(self) -> None:
        self.source = ColumnDataSource({"left": [], "right": [], "top": [], "fill": []}, name="histogram")
        self.plot = figure(width=274, height=130, tools="", x_range=Range1d(0, 1), y_range=Range1d(0, 1),
                           min_border=2, **_SMALL)  # fmt: skip
        self.bars = self.plot.quad(
            "left", "right", "top", 0, source=self.source, fill_color="fill", line_width=0.5, line_alpha=0.5
        )
        self.plot.add_tools(HoverTool(tooltips=[("", tr("@top from @left{0.000} to @right{0.000}"))], mode="vline"))
        self.plot.xgrid.visible = False
        self.pane = pn.pane.Bokeh(self.plot, margin=(4, 0, 0, 0), visible=False)

    def show(self, counted: Histogram, scale: Scale, name: str, noun: str, theme: str) -> None:
        """Draw the counts of a metric."""
        middle = (counted.edges[1:] + counted.edges[:-1]) / 2
        self.source.data = {
            "left": counted.edges[:-1], "right": counted.edges[1:], "top": counted.count,
            "fill": coloured(middle, scale),
        }  # fmt: skip
        self.plot.x_range.update(start=scale.low, end=scale.high)
        self.plot.y_range.update(start=0, end=max(int(counted.count.max(initial=0)), 1) * 1.05)
        self.plot.xaxis.axis_label = f"{name} [{scale.units}]" if scale.units else name
        self.plot.yaxis.axis_label = tr(noun)
        self.bars.glyph.line_color = THEME[theme]["text"]
        self.plot.xaxis.ticker.desired_num_ticks, self.plot.yaxis.ticker.desired_num_ticks = 5, 3
        themed(self.plot, theme)


class BoxChart:
    """Values over locations by stratum: box of the middle half, whiskers of nine tenths, one colour a product."""

    def __init__(self) -> None:
        names = "x low q1 middle q3 high fill alpha product level count pairs mark line"
        self._nothing: dict[str, list[Any]] = {name: [] for name in names.split()}
        self.source = ColumnDataSource(dict(self._nothing), name="boxes")
        self.plot = figure(
            x_range=FactorRange(),
            y_range=Range1d(0, 1),
            height=HEIGHT,
            sizing_mode="stretch_width",
            tools="",
            min_border=4,
            **_SMALL,
        )
        self.whiskers = [
            self.plot.segment("x", one, "x", other, source=self.source)
            for one, other in (("low", "q1"), ("q3", "high"))
        ]
        self.box = self.plot.vbar(
            "x", 0.62, "q3", "q1", source=self.source, fill_color="fill", fill_alpha="alpha", line_color="fill"
        )
        self.line = self.plot.vbar("x", 0.62, "middle", "middle", source=self.source, line_width=2, line_color="line")
        self.small = self.plot.text("x", "high", "mark", source=self.source, text_align="center",
                                    text_baseline="bottom", text_font_size="11px", y_offset=-3)  # fmt: skip
        tips = [("", "@product, @level"), (tr("median"), "@middle{0.000}"),
                (tr("half of them"), tr("@q1{0.000} to @q3{0.000}")), (tr("locations"), "@count"),
                (tr("pairs"), "@pairs{0 0}")]  # fmt: skip
        self.plot.add_tools(HoverTool(renderers=[self.box], tooltips=tips))
        self.plot.xgrid.visible = False
        self.pane = pn.pane.Bokeh(self.plot, sizing_mode="stretch_width", margin=0)

    def show(self, found: Sequence[Box], labels: dict[str, str], name: str, units: str, theme: str) -> None:
        """Draw the boxes of a stratum; small samples are pale and starred."""
        levels = list(dict.fromkeys(box.level for box in found))
        products = list(labels)
        factors = [(level, str(i + 1)) for level in levels for i in range(len(products))]
        data: dict[str, list[Any]] = {key: [] for key in self._nothing}
        for box in found:
            i = products.index(box.product)
            low, q1, middle, q3, high = box.quantiles
            if not np.isfinite(middle):  # one such box, and bokeh draws none; its place stays empty
                continue
            if not np.isfinite(q1):  # of a grid's levels only the median is known
                low = q1 = q3 = high = middle
            colour = LINES[theme][i % len(LINES[theme])]
            row = (
                (box.level, str(i + 1)), low, q1, middle, q3, high, colour,
                0.15 if box.is_small else 0.55, labels[box.product], box.level, box.locations, box.pairs,
                "*" if box.is_small else "", THEME[theme]["text"] if high > low else colour,
            )  # fmt: skip
            for key, value in zip(self._nothing, row, strict=True):
                data[key].append(value)
        self.source.data = dict(self._nothing)
        self.plot.x_range.factors = factors
        self.plot.x_range.range_padding = 0.02
        self.source.data = data
        known = [v for box in found for v in box.quantiles if np.isfinite(v)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        pad = 0.08 * (high - low or 1.0)
        self.plot.y_range.update(start=low - pad, end=high + 1.6 * pad)
        self.plot.yaxis.axis_label = f"{name} [{units}]" if units else name
        self._theme(theme, many=len(levels) > 5)

    def _theme(self, theme: str, *, many: bool) -> None:
        themed(self.plot, theme)
        colours, axis = THEME[theme], self.plot.xaxis[0]
        axis.major_label_text_font_size = "0px"
        axis.major_tick_line_color = None
        axis.group_text_color, axis.group_text_font_size = colours["text"], "11px"
        axis.group_text_font_style = "normal"
        axis.group_label_orientation = 0.45 if many else "horizontal"
        axis.separator_line_color = colours["grid"]
        for whisker in self.whiskers:
            whisker.glyph.line_color = colours["muted"]
        self.small.glyph.text_color = colours["text"]


class TaylorChart:
    """Amplitude as distance from the origin, R as angle, centred RMSD as distance from the reference on the axis."""

    def __init__(self) -> None:
        self.plot = figure(
            width=520, height=262, tools="", x_range=Range1d(-0.02, 2.0), y_range=Range1d(-0.02, 1.0), min_border=2,
            match_aspect=False, name="taylor", **_SMALL,
        )  # fmt: skip
        self.plot.grid.visible = False
        self.arcs = ColumnDataSource({"xs": [], "ys": []})
        self.rays = ColumnDataSource({"xs": [], "ys": []})
        self.rings = ColumnDataSource({"xs": [], "ys": []})
        self.words = ColumnDataSource({"x": [], "y": [], "text": []})
        self.points = ColumnDataSource({"x": [], "y": [], "fill": [], "name": [], "text": []}, name="taylor-points")
        self.medians = ColumnDataSource({"x": [], "y": [], "fill": [], "name": [], "text": []})
        self.lines = [
            self.plot.multi_line("xs", "ys", source=self.arcs, line_width=0.8),
            self.plot.multi_line("xs", "ys", source=self.rays, line_width=0.8, line_dash="dotted"),
            self.plot.multi_line("xs", "ys", source=self.rings, line_width=0.8, line_dash="dashed"),
        ]
        self.labels = self.plot.text("x", "y", "text", source=self.words, text_font_size="10px",
                                     text_align="center", text_baseline="middle")  # fmt: skip
        dots = self.plot.scatter("x", "y", source=self.points, size=5, fill_color="fill", line_color=None, alpha=0.6)
        self.middle = self.plot.scatter("x", "y", source=self.medians, size=14, marker="diamond", fill_color="fill")
        self.reference = self.plot.scatter([1.0], [0.0], size=11, marker="star")
        tips = [("", "@name"), ("", "@text")]
        self.plot.add_tools(HoverTool(renderers=[dots, self.middle], tooltips=tips, attachment="above"))
        self.pane = pn.pane.Bokeh(self.plot, margin=0)

    def show(self, found: dict[str, tuple[Taylor, Sequence[str], str]], theme: str) -> int:
        """Draw the points of each product: (points, names of the locations, label).

        Returns
        -------
        int
            How many locations are not drawn: beyond the axes, or left out of very many.

        The quarter of positive R is drawn, unless a tenth of the locations has a negative one.
        """
        ratios = np.concatenate([one.ratio[np.isfinite(one.ratio)] for one, _, _ in found.values()] or [np.empty(0)])
        every = np.concatenate([one.correlation for one, _, _ in found.values()] or [np.empty(0)])
        far = float(min(max(np.quantile(ratios, 0.95) if len(ratios) else 1.5, 1.25) * 1.05, 3.0))
        half = bool((every < 0).sum() > SOME_NEGATIVE * max(int(np.isfinite(every).sum()), 1))
        self._frame(far, -1.0 if half else 0.0)
        left = 0
        dots: dict[str, list[Any]] = {key: [] for key in self.points.data}
        middles: dict[str, list[Any]] = {key: [] for key in self.points.data}
        for i, (one, names, label) in enumerate(found.values()):
            colour = LINES[theme][i % len(LINES[theme])]
            stride = max(1, -(-len(one.ratio) // MOST_DOTS))
            rows = list(zip(one.ratio, one.correlation, one.centred, names, strict=True))[::stride]
            for ratio, r, centred, name in rows:
                if np.isfinite(ratio) and ratio <= far and (half or r >= 0):
                    _put(dots, ratio, r, centred, colour, f"{name}, {label}")
                    left -= 1
            left += int(np.isfinite(one.ratio).sum())
            if np.isfinite(one.median[0]):
                _put(middles, *one.median, colour, tr("median, {label}", label=label))
        self.points.data, self.medians.data = dots, middles
        self._theme(theme)
        return left

    def _frame(self, far: float, left: float) -> None:
        angle = np.linspace(0, np.pi if left < 0 else np.pi / 2, 91)
        steps = np.arange(0.5, far + 1e-9, 0.5)
        self.arcs.data = {
            "xs": [s * np.cos(angle) for s in (*steps, far)], "ys": [s * np.sin(angle) for s in (*steps, far)]
        }  # fmt: skip
        marks = [0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99]
        marks = [-m for m in (0.9, 0.6, 0.3) if left < 0] + marks
        at = np.arccos(marks)
        self.rays.data = {"xs": [[0, far * np.cos(a)] for a in at], "ys": [[0, far * np.sin(a)] for a in at]}
        full = np.linspace(0, np.pi, 91)
        rings = [(1 + d * np.cos(full), d * np.sin(full)) for d in np.arange(0.25, far, 0.25)]
        inside = [np.hypot(x, y) <= far for x, y in rings]
        least = 0.0 if left == 0 else -far
        inside = [keep & (x >= least) for keep, (x, _) in zip(inside, rings, strict=True)]
        self.rings.data = {
            "xs": [np.where(k, x, np.nan) for k, (x, _) in zip(inside, rings, strict=True)],
            "ys": [np.where(k, y, np.nan) for k, (_, y) in zip(inside, rings, strict=True)],
        }
        out = far * 1.06
        self.words.data = {
            "x": out * np.cos(at), "y": out * np.sin(at), "text": [f"{m:g}".replace("-", "−") for m in marks]
        }  # fmt: skip
        height = far * 1.14
        width = height * (1.0 if left == 0 else 2.0)
        self.plot.x_range.update(start=left * far * 1.14 - 0.03, end=far * 1.14)
        self.plot.y_range.update(start=-0.03 * far, end=height)
        self.plot.width = int(262 * (width / height)) + (30 if left == 0 else 20)

    def _theme(self, theme: str) -> None:
        themed(self.plot, theme)
        colours = THEME[theme]
        self.plot.yaxis.visible = False
        self.plot.xaxis.axis_label = tr("standard deviation of product over that of reference")
        for line in self.lines:
            line.glyph.line_color = colours["grid"]
        self.lines[2].glyph.line_color = colours["muted"]
        self.lines[2].glyph.line_alpha = 0.5
        self.labels.glyph.text_color = colours["muted"]
        self.middle.glyph.line_color = self.reference.glyph.line_color = colours["text"]
        self.reference.glyph.fill_color = colours["text"]


def _put(data: dict[str, list[Any]], ratio: float, r: float, centred: float, colour: str, name: str) -> None:
    text = tr("R {r:.3f}, ratio {ratio:.2f}, centred RMSD {centred:.2f}", r=r, ratio=ratio, centred=centred).replace(
        "-", "−"
    )
    values = (ratio * r, ratio * np.sqrt(max(1 - r * r, 0)), colour, name, text)
    for key, value in zip(data, values, strict=True):
        data[key].append(value)


class DensityChart:
    """Numbers of pairs of product and reference, the more the darker, with the statistics of all in the corner."""

    def __init__(self) -> None:
        self.source = ColumnDataSource({"image": [np.zeros((1, 1))], "x": [0], "y": [0], "d": [1]}, name="density")
        self.plot = figure(
            width=HEIGHT + 16,
            height=HEIGHT,
            tools="",
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            min_border=2,
            **_SMALL,
        )
        self.mapper = LinearColorMapper(palette=["#000000"], low=0, high=1)
        self.plot.image("image", "x", "y", "d", "d", source=self.source, color_mapper=self.mapper, level="image")
        self.line = self.plot.line([-1e4, 1e4], [-1e4, 1e4], line_dash="dashed", line_width=1)
        self.corner = Label(x=6, y=HEIGHT - 58, x_units="screen", y_units="screen", text="", text_font_size="11px",
                            text_baseline="top", background_fill_alpha=0.75)  # fmt: skip
        self.plot.add_layout(self.corner)
        self.pane = pn.pane.Bokeh(self.plot, margin=(0, 8, 0, 0))

    def show(self, one: Density, name: str, units: tuple[str, str], said: Sequence[str], theme: str) -> None:
        """Draw the pairs of one product; ``said`` are the lines in the corner."""
        count = one.count.astype(float)
        shown = np.where(count > 0, np.log1p(count), np.nan)
        side = one.high - one.low
        self.source.data = {"image": [shown], "x": [one.low], "y": [one.low], "d": [side]}
        colours = shades("viridis")
        self.mapper.palette = list(colours if theme == "dark" else colours[::-1])
        self.mapper.low, self.mapper.high = 0.4, float(np.log1p(count.max(initial=1)))
        self.mapper.nan_color = "#00000000"
        for axis_range in (self.plot.x_range, self.plot.y_range):
            axis_range.update(start=one.low, end=one.high)
        self.plot.xaxis.axis_label = f"{tr('reference')} [{units[1]}]" if units[1] else tr("reference")
        self.plot.yaxis.axis_label = f"{_cut(name)} [{units[0]}]" if units[0] else _cut(name)
        self.corner.text = "\n".join(said)
        themed(self.plot, theme)
        self.plot.grid.grid_line_color = None
        self.line.glyph.line_color = THEME[theme]["muted"]
        self.corner.text_color, self.corner.background_fill_color = THEME[theme]["text"], THEME[theme]["sea"]


def _cut(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


class StabilityChart:
    """A metric in moving windows through time, the median over locations, one line a product."""

    def __init__(self) -> None:
        self.plot = figure(
            x_axis_type="datetime", height=HEIGHT, sizing_mode="stretch_width", tools="", min_border=4, **_SMALL,
        )  # fmt: skip
        self.plot.xaxis.formatter = date_ticks()
        self.source = ColumnDataSource({"xs": [], "ys": [], "colour": []})
        self.dots = ColumnDataSource({"x": [], "y": [], "colour": [], "text": []}, name="stability")
        self.plot.multi_line("xs", "ys", source=self.source, line_color="colour", line_width=1.6)
        marks = self.plot.scatter("x", "y", source=self.dots, size=5, color="colour")
        self.plot.add_tools(HoverTool(renderers=[marks], tooltips=[("", "@text"), ("", "@y{0.000}")]))
        self.pane = pn.pane.Bokeh(self.plot, sizing_mode="stretch_width", margin=0)

    def show(self, table: pd.DataFrame, labels: dict[str, str], name: str, units: str, theme: str) -> None:
        """Draw the windows of a metric: rows with product, window_start, window_end, value and n."""
        lines: dict[str, list[Any]] = {"xs": [], "ys": [], "colour": []}
        dots: dict[str, list[Any]] = {"x": [], "y": [], "colour": [], "text": []}
        for i, (product, label) in enumerate(labels.items()):
            mine = table[(table["product"] == product) & table["value"].notna()]
            start, end = pd.to_datetime(mine["window_start"]), pd.to_datetime(mine["window_end"])
            middle, colour = (start + (end - start) / 2).to_numpy(), LINES[theme][i % len(LINES[theme])]
            lines["xs"].append(middle)
            lines["ys"].append(mine["value"].to_numpy(float))
            lines["colour"].append(colour)
            dots["x"].extend(middle)
            dots["y"].extend(mine["value"])
            dots["colour"].extend([colour] * len(mine))
            dots["text"].extend(
                tr("{label}, {first} to {last}, {n} locations", label=label, first=first, last=last, n=n)
                for first, last, n in zip(mine["window_start"], mine["window_end"], mine["n"], strict=True)
            )
        self.source.data, self.dots.data = lines, dots
        self.plot.yaxis.axis_label = f"{name} [{units}]" if units else name
        themed(self.plot, theme)
