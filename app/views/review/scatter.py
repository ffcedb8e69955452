"""Scatter of every product at a station: points or their density, 1:1, a line through them, numbers in the corner."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Label, LinearColorMapper, Range1d, Title
from bokeh.models.glyphs import Image, Line, Scatter
from bokeh.plotting import figure
from numpy.typing import NDArray

from app.page.colours import LINES, THEME, shades
from app.page.controls import NO_RING, esc, text
from app.page.language import mark, tr
from app.review.page import Page, ScatterPanel
from app.validation.note_words import note_said
from app.views.map.glyphs import drawn
from app.views.review.page import corner
from smcore.names import unit_label

SIDE = 178
_OF_BINS = mark(
    "A density of bins: single pairs are not in the bundle, as a licence keeps them; bins with fewer than {n} pairs "
    "are left out, and the numbers are of all pairs."
)
_LINE = 24
"""Letters of a title's line."""
_TOLD = (0.7, 0.36)
"""Width and height that the numbers take, as shares of the plot."""
Floats = NDArray[np.float64]
_NO_IMAGE = np.full((1, 1), np.nan, "f4")


@dataclass
class _Plot:
    """The models of one scatter, used for one product after another."""

    figure: Any
    kept: ColumnDataSource
    out: ColumnDataSource
    image: ColumnDataSource
    line: ColumnDataSource
    spots: Any
    crosses: Any
    through: Any
    equal: Any
    told: Label
    title: Title
    mapper: LinearColorMapper
    look: tuple[str, str] = ("", "")


class ReviewScatter:
    """The scatters of one session, two in a row, made as they are first needed."""

    def __init__(self) -> None:
        self._plots: list[_Plot] = []
        self._shown: tuple[Any, ...] = ()
        self._range = Range1d(0, 0.5)  # of all axes of all scatters
        self.box = pn.FlexBox(margin=0, gap="4px")
        self.without = text("", visible=False)

    def show(self, page: Page, labels: dict[str, str], theme: str, *, with_numbers: bool) -> None:
        """Show the panels of a page under these names, in their order; nothing is sent that is there already."""
        wanted = (page, tuple(labels.items()), theme, with_numbers)
        if self._shown == wanted:
            return
        self._shown = wanted
        by_name = {panel.name: panel for panel in page.panels}
        there = {name: place for place, name in enumerate(labels) if name in by_name and not by_name[name].is_empty}
        shown = [(place, labels[name], by_name[name]) for name, place in there.items()]  # colours as in the series
        without = [label for name, label in labels.items() if name not in there]
        lines = [tr("no pairs: {names}", names=", ".join(without))] if without else []
        if with_numbers:  # what is done to a product's pairs would betray it
            lines += [f"{label}: {note_said(told)}" for _, label, panel in shown for told in panel.done]
        if page.least:
            lines.insert(0, tr(_OF_BINS, n=page.least))
        self.without.object = "".join(f'<div class="muted">{esc(line)}</div>' for line in lines)
        self.without.visible = bool(lines)
        while len(self._plots) < len(shown):
            self._plots.append(_made(self._range))
        self._range.update(start=page.limits[0], end=page.limits[1])
        for plot, (place, label, panel) in zip(self._plots, shown, strict=False):
            self._fill(plot, panel, page.limits, place, label, theme)
            plot.told.text = corner(panel.numbers) if with_numbers else ""
            if with_numbers:
                plot.told.update(**_free_corner(panel, page.limits))
        if len(self.box) < len(shown):
            self.box[:] = [pn.pane.Bokeh(plot.figure, margin=0) for plot in self._plots]
        for place, pane in enumerate(self.box):  # hidden, not taken out: bokeh would count all models of the tab anew
            pane.visible = place < len(shown)

    def clear(self) -> None:
        """Show none."""
        self._shown = ()
        for pane in self.box:
            pane.visible = False
        self.without.visible = False

    def _fill(
        self, plot: _Plot, panel: ScatterPanel, limits: tuple[float, float], place: int, label: str, theme: str
    ) -> None:
        kept = np.zeros_like(panel.out) if panel.raster is not None else ~panel.out
        for source, which in ((plot.kept, kept), (plot.out, panel.out)):
            x, y = panel.reference[which].astype("f4"), panel.product[which].astype("f4")
            if len(x) or len(source.data["x"]):
                source.data = {"x": x, "y": y}
        low, high = limits if panel.raster is None else (panel.raster.low, panel.raster.high)
        image = (
            _NO_IMAGE if panel.raster is None else np.where(panel.raster.count, panel.raster.count, np.nan).astype("f4")
        )
        plot.image.data = {"image": [image], "x": [low], "y": [low], "dw": [high - low], "dh": [high - low]}
        through = [panel.line[0] * end + panel.line[1] for end in limits] if panel.line else []
        plot.line.data = {"x": list(limits) if through else [], "y": through}
        plot.title.text = in_lines(label)
        plot.figure.xaxis.axis_label = f"{tr('station')} [{unit_label(panel.units[1])}]"
        plot.figure.yaxis.axis_label = f"[{unit_label(panel.units[0])}]"
        look = theme, LINES[theme][place % len(LINES[theme])]
        if plot.look != look:
            plot.look = look
            _themed(plot, *look)


def in_lines(label: str) -> str:
    """A name in two lines, always: bokeh leaves an old title where the height changes; a long one keeps its end."""
    lines = textwrap.wrap(label, _LINE) or [""]
    if len(lines) > 2:
        lines = [lines[0], f"… {lines[-1]}"]
    return "\n".join(["\u00a0"] * (2 - len(lines)) + lines)


def _free_corner(panel: ScatterPanel, limits: tuple[float, float]) -> dict[str, Any]:
    """Where the numbers stand: at the upper left or the lower right, whichever hides fewer pairs."""
    low, high = limits
    x, y, n = _where(panel)
    half = 0.0 if panel.counted is None else 0.5 * panel.counted.step / (high - low)
    x, y = (x - low) / (high - low), (y - low) / (high - low)
    upper = (x - half < _TOLD[0]) & (y + half > 1 - _TOLD[1])
    lower = (x + half > 1 - _TOLD[0]) & (y - half < _TOLD[1])
    if n[upper].sum() <= n[lower].sum():
        return {"x": low, "y": high, "x_offset": 3, "y_offset": -3, "text_align": "left", "text_baseline": "top"}
    return {"x": high, "y": low, "x_offset": -3, "y_offset": 3, "text_align": "right", "text_baseline": "bottom"}


def _where(panel: ScatterPanel) -> tuple[Floats, Floats, Floats]:
    """Places of pairs, or the middles of bins where there are no pairs, and how many lie there."""
    bins = panel.counted
    if bins is None:
        return panel.reference, panel.product, np.ones(len(panel.product))
    row, column = (at.astype(np.float64) for at in np.nonzero(bins.count))
    middle = 0.5 * bins.step + bins.low
    return middle + bins.step * column, middle + bins.step * row, bins.count[bins.count > 0].astype(np.float64)


def _made(limits: Range1d) -> _Plot:
    plot = figure(
        width=SIDE, height=SIDE + 30, x_range=limits, y_range=limits, tools="", toolbar_location=None,
        outline_line_color=None, min_border=2, name="review-scatter", stylesheets=[NO_RING],
    )  # fmt: skip
    kept, out, line = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
    image = ColumnDataSource({"image": [_NO_IMAGE], "x": [0], "y": [0], "dw": [1], "dh": [1]})
    mapper = LinearColorMapper(palette=list(shades("viridis")), low=0, nan_color="#00000000")
    drawn(plot, image, Image(color_mapper=mapper), level="underlay")
    spots = drawn(plot, kept, Scatter(size=4, fill_alpha=0.5, line_alpha=0.5, line_width=0.5))
    crosses = drawn(plot, out, Scatter(size=4, marker="x", line_alpha=0.9, line_width=0.5))
    equal = plot.line([-10, 200], [-10, 200], line_dash="dashed", line_width=1)
    through = drawn(plot, line, Line(line_width=1.6))
    told = Label(x=0, y=0, text="", text_font_size="10px", text_line_height=1.1)
    title = Title(text=in_lines(""), text_font_size="11px", offset=0)
    plot.title = title
    plot.add_layout(told)
    plot.xaxis.ticker.desired_num_ticks = plot.yaxis.ticker.desired_num_ticks = 3
    return _Plot(plot, kept, out, image, line, spots, crosses, through, equal, told, title, mapper)


def _themed(plot: _Plot, theme: str, colour: str) -> None:
    ink = THEME[theme]
    plot.figure.background_fill_color = plot.figure.border_fill_color = None
    plot.figure.grid.grid_line_color = ink["grid"]
    plot.equal.glyph.line_color, plot.through.glyph.line_color = ink["muted"], ink["text"]
    plot.told.update(text_color=ink["text"], background_fill_color=ink["sea"], background_fill_alpha=0.85)
    plot.title.text_color = ink["text"]
    colours = list(shades("viridis"))
    plot.mapper.palette = colours if theme == "dark" else colours[::-1]  # the more pairs, the less like the page
    for axis in (*plot.figure.xaxis, *plot.figure.yaxis):
        axis.axis_label_text_color = axis.major_label_text_color = ink["text"]
        axis.axis_line_color = axis.major_tick_line_color = ink["muted"]
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "10px"
        axis.minor_tick_line_color, axis.axis_label_text_font_style = None, "normal"
    plot.spots.glyph.fill_color = plot.spots.glyph.line_color = colour
    plot.crosses.glyph.line_color = ink["muted"]
