"""The bare image that the map is measured against: bokeh, one uint8 image, a slider, bytes in memory, nothing else.

python benchmarks/explore/bare.py PORT
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.events import RangesUpdate
from bokeh.layouts import column
from bokeh.models import ColumnDataSource, LinearColorMapper, PanTool, Range1d, Slider, WheelZoomTool
from bokeh.palettes import Viridis256
from bokeh.plotting import figure
from bokeh.server.server import Server

ROWS, COLUMNS, STEPS = 1624, 3856, 8
WIDTH, HEIGHT = 1100, 532
EDGE = 17_367_530.0
TOP = EDGE * ROWS / COLUMNS


def resident() -> list[np.ndarray]:
    """The codes of every step, as they would lie in memory."""
    y, x = np.arange(ROWS, dtype="f4")[:, None], np.arange(COLUMNS, dtype="f4")[None, :]
    return [(128 + 100 * np.sin(y / 97 + n) * np.cos(x / 131)).astype(np.uint8) for n in range(STEPS)]


def build(steps: list[np.ndarray], document: Any) -> None:
    """One tab."""
    wide = EDGE * 1.2
    plot = figure(
        x_range=Range1d(-wide, wide), y_range=Range1d(-wide * HEIGHT / WIDTH, wide * HEIGHT / WIDTH),
        width=WIDTH, height=HEIGHT, tools=[], toolbar_location=None, x_axis_location=None, y_axis_location=None,
        min_border=0, outline_line_color=None, lod_timeout=40, name="map", output_backend="canvas",
    )  # fmt: skip
    wheel = WheelZoomTool()
    plot.add_tools(PanTool(), wheel)
    plot.toolbar.active_scroll = wheel
    plot.grid.visible = False
    source = ColumnDataSource(name="front")
    slider = Slider(start=0, end=STEPS - 1, value=0, step=1, tags=["time-slider"])

    def draw() -> None:
        x0, x1, y0, y1 = plot.x_range.start, plot.x_range.end, plot.y_range.start, plot.y_range.end
        column_of = ((x0 + (np.arange(WIDTH) + 0.5) / WIDTH * (x1 - x0)) + EDGE) / (2 * EDGE) * COLUMNS
        row_of = ROWS - ((y0 + (np.arange(HEIGHT) + 0.5) / HEIGHT * (y1 - y0)) + TOP) / (2 * TOP) * ROWS
        rows = np.clip(row_of, 0, ROWS - 1).astype(np.intp)
        columns = np.clip(column_of, 0, COLUMNS - 1).astype(np.intp)
        image = steps[int(slider.value)].take(rows, 0).take(columns, 1)
        source.data = {"image": [image], "x": [x0], "y": [y0], "dw": [x1 - x0], "dh": [y1 - y0]}

    draw()
    mapper = LinearColorMapper(palette=Viridis256, low=0, high=255)
    plot.image("image", "x", "y", "dw", "dh", source=source, color_mapper=mapper)
    slider.on_change("value", lambda attr, old, new: draw())  # noqa: ARG005 — bokeh wants these three
    plot.on_event(RangesUpdate, lambda _: draw())
    document.add_root(column(plot, slider))


def main() -> None:
    """Serve it."""
    port = int(sys.argv[1])
    server = Server({"/": Application(FunctionHandler(partial(build, resident())))}, port=port, address="127.0.0.1")
    server.run_until_shutdown()


if __name__ == "__main__":
    main()
