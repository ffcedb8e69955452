"""Coastlines on a map: a coarse line where the world is in view, a fine one near by. Every repaint draws them anew."""

from __future__ import annotations

from functools import cache

import numpy as np
from bokeh.models import CustomJS, Line
from bokeh.plotting import figure

from app.views.map.glyphs import drawn, source_on
from smcore.maps import mercator_x, mercator_y

FAR_METRES = 20_000
"""Beyond so many metres a pixel, the details of the fine line (62 000 points) are smaller than a pixel."""

DETAILS = ("110m", "50m")
_CHOOSE = f"""
const far = (x.end - x.start) / Math.max(plot.inner_width, 1) > {FAR_METRES};
if (coarse.visible !== far) {{ coarse.visible = far; fine.visible = !far; }}
"""


@cache
def _coast(resolution: str) -> dict[str, np.ndarray]:
    """Coastlines in Web Mercator [m], NaN between lines."""
    from smcore.geodata import coastlines

    lon, lat = coastlines(resolution)
    return {"x": mercator_x(lon).astype("f4"), "y": mercator_y(lat).astype("f4")}


class Coast:
    """The coast of one figure; the browser chooses the line that fits the zoom."""

    def __init__(self, plot: figure) -> None:
        self._marks = [
            drawn(plot, source_on(plot, _coast(of)), Line(x="x", y="y", line_width=0.8), level="glyph")
            for of in DETAILS
        ]
        coarse, fine = self._marks
        coarse.visible = False
        choose = CustomJS(args={"coarse": coarse, "fine": fine, "plot": plot, "x": plot.x_range}, code=_CHOOSE)
        plot.x_range.js_on_change("end", choose)
        plot.js_on_change("inner_width", choose)

    def colour(self, colour: str) -> None:
        """Draw in this colour."""
        for mark in self._marks:
            mark.glyph.line_color = colour
