"""Own lines and points over the map: from a file, drawn above the raster, taken away again; never in the link."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource, HoverTool

from app.page import slim
from app.page.boundary import follow, guarded
from app.page.colours import THEME
from app.page.controls import button, esc, styled, text
from app.page.language import mark, tr
from app.page.words import said_of
from app.selection import Selection
from app.views.fold import Fold
from app.views.map.canvas import MapView
from smcore.errors import SmcoreError
from smcore.geojson import Overlay, read_geojson
from smcore.maps import fitted, mercator_x, mercator_y

_HINT = mark(
    "A GeoJSON file of at most 5 MB: lines, outlines and points in degrees. It stays in this tab and is in no link."
)
INK = {"light": "#c2185b", "dark": "#ff7fab"}
_NO_LINES: dict[str, Any] = {"x": [], "y": []}
_NO_POINTS: dict[str, Any] = {"x": [], "y": [], "name": []}


class OverlayCard:
    """The overlay of one session: the controls in the rail and the glyphs on the map, made when first needed."""

    def __init__(self, selection: Selection, map_view: MapView) -> None:
        self.selection, self.map = selection, map_view
        self.overlay: Overlay | None = None
        self.lines = ColumnDataSource(dict(_NO_LINES), name="own-lines")
        self.points = ColumnDataSource(dict(_NO_POINTS), name="own-points")
        self._marks: tuple[Any, ...] = ()
        self.file = styled(
            pn.widgets.FileInput(accept=".geojson,.json", sizing_mode="stretch_width", margin=(0, 0, 6, 0))
        )
        self.said = text()
        self.show = button(tr("Zoom to it"), guarded(lambda _: self._zoom()), width=92, visible=False)
        self.away = button(tr("Take away"), lambda _: self._clear(), width=92, visible=False)
        hint = text(f'<div class="muted">{tr(_HINT)}</div>')
        self.fold = Fold(
            tr("Own lines and points"), hint, self.file, self.said, slim.Row(self.show, self.away, margin=0)
        )
        self.file.param.watch(lambda event: guarded(self._take)(event.new), "value")
        follow(selection, ["theme"], self._colour)

    def __panel__(self) -> pn.viewable.Viewable:
        """The folded card."""
        return self.fold.__panel__()

    def _take(self, content: bytes | None) -> None:
        if not content:
            return
        try:
            overlay = read_geojson(content)
        except SmcoreError as error:
            self.said.object = f'<div class="alert">{esc(said_of(error))}</div>'
            return
        self._draw(overlay)
        name = str(self.file.filename or tr("own file"))[:60]
        found = tr("{features} features, {points} points", features=overlay.features, points=len(overlay.point_lon))
        self.said.object = f"<div>{esc(name)}: {found}</div>"
        self.fold.say(name)

    def _draw(self, overlay: Overlay) -> None:
        self.overlay = overlay
        self._glyphs()
        self.lines.data = {"x": mercator_x(overlay.line_lon), "y": mercator_y(overlay.line_lat)}
        self.points.data = {
            "x": mercator_x(overlay.point_lon), "y": mercator_y(overlay.point_lat),
            "name": [name or tr("no name") for name in overlay.point_names],
        }  # fmt: skip
        self.show.visible = self.away.visible = True

    def _glyphs(self) -> None:
        if self._marks:
            return
        plot = self.map.figure
        case = plot.line("x", "y", source=self.lines, line_width=3.4, level="overlay")
        line = plot.line("x", "y", source=self.lines, line_width=1.6, level="overlay")
        dots = plot.scatter("x", "y", source=self.points, size=8, marker="diamond", line_width=1.2, level="overlay")
        plot.add_tools(HoverTool(renderers=[dots], tooltips=[("", "@name")], attachment="above"))
        self._marks = case, line, dots
        self._colour()

    def _colour(self) -> None:
        if self._marks:
            case, line, dots = self._marks
            sea, ink = THEME[self.selection.theme]["sea"], INK[self.selection.theme]
            case.glyph.line_color, line.glyph.line_color = sea, ink
            dots.glyph.fill_color, dots.glyph.line_color = ink, sea

    def _zoom(self) -> None:
        if self.overlay is not None:
            now = self.map.view()
            west, south, east, north = self.overlay.bbox
            pad = max(0.05, 0.02 * max(east - west, north - south))
            box = west - pad, max(south - pad, -85.0), east + pad, min(north + pad, 85.0)
            self.map.move_to(fitted(box, now.width, now.height))

    def _clear(self) -> None:
        self.overlay = None
        self.lines.data, self.points.data = dict(_NO_LINES), dict(_NO_POINTS)
        self.said.object = ""
        self.show.visible = self.away.visible = False
        self.file.clear()
        self.fold.say("")
