"""Behind the curves of the series: rain that hangs from the top on an axis of its own, and shades over frozen soil."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, LinearAxis, Range1d

from app.page.language import tr
from app.series.backdrop import Frozen, Rain
from smcore.figures.backdrop import HANGS, nice
from smcore.figures.colours import FROZEN, RAIN
from smcore.figures.thinning import thin
from smcore.names import unit_label

COLUMNS = 700


class Behind:
    """Rain and frost of one figure."""

    def __init__(self, plot: Any) -> None:
        self._rain: Rain | None = None
        self.scale, whole = Range1d(30, 0), Range1d(0, 1)
        plot.extra_y_ranges = {**plot.extra_y_ranges, "rain": self.scale, "whole": whole}
        self.axis = LinearAxis(
            y_range_name="rain", axis_label=tr("rain [{value}]", value=unit_label("mm d-1")), visible=False
        )
        self.ticks = FixedTicker(ticks=[])  # one for all: a new one would have bokeh count all models of the tab anew
        self.axis.ticker = self.ticks
        plot.add_layout(self.axis, "right")
        self.bars = ColumnDataSource({"left": [], "right": [], "value": []}, name="rain")
        self.spans = ColumnDataSource({"left": [], "right": []}, name="frozen")
        self.frost = plot.quad(
            "left", "right", 0, 1, source=self.spans, y_range_name="whole", fill_alpha=0.22, line_color=None,
            level="underlay",
        )  # fmt: skip
        self.mark = plot.quad(
            "left", "right", 0, "value", source=self.bars, y_range_name="rain", fill_alpha=0.6, line_color=None,
            level="underlay",
        )  # fmt: skip
        self.hover = HoverTool(
            tooltips=[(tr("rain"), f"@value{{0.0}} {unit_label('mm d-1')}"), (tr("day (UTC)"), "@left{%F}")],
            formatters={"@left": "datetime"}, mode="mouse", renderers=[self.mark],
        )  # fmt: skip
        plot.add_tools(self.hover)

    def show(self, rain: Rain | None, frozen: Frozen | None) -> None:
        """Show these, or nothing where there is none."""
        self._rain = rain
        self.axis.visible = rain is not None
        if rain is not None:
            known = rain.value[np.isfinite(rain.value)]
            top = nice(float(known.max()) if len(known) else 1.0)
            self.scale.update(start=HANGS * top, end=0.0)
            self.ticks.ticks = [0.0, top / 2, top]
        self.spans.data = {
            "left": _times(frozen.start) if frozen else [], "right": _times(frozen.end) if frozen else [],
        }  # fmt: skip

    def fill(self, start: np.datetime64, end: np.datetime64) -> None:
        """Send the bars of a period, of many only the highest of each column of the screen."""
        if self._rain is None:
            self.bars.data = {"left": [], "right": [], "value": []}
            return
        day, value = self._rain.day, self._rain.value
        keep = thin(day.astype("datetime64[ms]"), value, start, end, COLUMNS)
        keep = keep[value[keep] > 0]
        self.bars.data = {
            "left": _times(day[keep]), "right": _times(day[keep] + np.timedelta64(1, "D")),
            "value": value[keep].astype("f4"),
        }  # fmt: skip

    def theme(self, theme: str) -> None:
        """Take the colours of the page."""
        self.mark.glyph.fill_color, self.frost.glyph.fill_color = RAIN[theme], FROZEN[theme]


def _times(moments: np.ndarray) -> np.ndarray:
    return moments.astype("datetime64[ms]")
