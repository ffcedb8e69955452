"""Which Hovmöller diagram is open, in the rail, and the drawing of its line on the map."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.models import Line, Scatter

from app.page import slim
from app.page.boundary import follow
from app.page.controls import button, styled, text
from app.page.language import mark, tr
from app.selection import Selection
from app.store import Store
from app.views.fold import Fold
from app.views.map.canvas import MapView
from app.views.map.clicks import on_click
from app.views.map.glyphs import LateMarks
from smcore.maps import latitude_of, longitude_of, mercator_x, mercator_y

ALONG = {
    mark("none"): "", mark("latitude, over the view"): "view", mark("latitude, over the box"): "box",
    mark("a line"): "line",
}  # fmt: skip
ENDS = (mark("From latitude [°]"), mark("From longitude [°]"), mark("To latitude [°]"), mark("To longitude [°]"))
COLOUR = "#d55e00"


def _along() -> dict[str, str]:
    return {tr(label): along for label, along in ALONG.items()}


class HovmollerCard:
    """The controls of the Hovmöller diagram of one session."""

    def __init__(self, selection: Selection, store: Store, on_map: MapView) -> None:
        self.selection, self.store, self.map = selection, store, on_map
        self._start: tuple[float, float] | None = None
        self._is_drawing = self._busy = False
        self.along = styled(
            slim.Select(label=tr("Along"), options=_along(), sizing_mode="stretch_width", margin=(0, 0, 6, 0))
        )
        self.draw = button(tr("Draw a line"), lambda _: self.begin(), margin=(0, 0, 6, 0))
        self.hint = text()
        self.ends = [
            styled(slim.FloatInput(label=tr(label), step=0.5, width=126, margin=(0, 6, 6, 0))) for label in ENDS
        ]
        self.of_line = slim.Column(
            self.draw, self.hint, slim.Row(*self.ends[:2], margin=0), slim.Row(*self.ends[2:], margin=0), margin=0,
        )  # fmt: skip
        self.fold = Fold(tr("Hovmöller"), self.along, self.of_line, is_open=bool(selection.hovmoller))
        plot = on_map.figure
        end = Scatter(fill_color=COLOUR, line_color=None, size=3)
        self.path = LateMarks(plot, Line(line_color=COLOUR, line_width=2), end, name="line")
        on_click(plot, self._tapped, in_turn=True)
        self.along.param.watch(lambda e: self._chose(e.new), "value")
        for widget in self.ends:
            follow(widget, ["value"], self._typed)
        follow(selection, ["hovmoller", "line"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The card."""
        return self.fold.__panel__()

    def refresh(self) -> None:
        """Bring card and map to the selection."""
        self._busy = True
        try:
            chosen = self.selection
            self.along.value = chosen.hovmoller
            self.of_line.visible = chosen.hovmoller == "line"
            for widget, value in zip(self.ends, chosen.line or (None,) * 4, strict=True):
                widget.value = value
            said = next(label for label, along in _along().items() if along == chosen.hovmoller)
            self.fold.say(said if chosen.hovmoller else "")
            if chosen.hovmoller != "line":
                self._end()
            self._mark()
        finally:
            self._busy = False

    def begin(self) -> None:
        """Let the next two clicks on the map be the ends of the line; pressed again, let them be clicks as before."""
        if self._is_drawing:
            self._end()
        else:
            self._is_drawing, self._start, self.map.answers_taps = True, None, False
            self._say(tr("Click where the line begins."))

    def _end(self) -> None:
        if self._is_drawing:
            self._is_drawing, self._start, self.map.answers_taps = False, None, True
        self._say("")

    def _say(self, hint: str) -> None:
        self.hint.object = f'<span class="muted" role="status">{hint}</span>' if hint else ""
        self.draw.label = tr("Draw no line") if self._is_drawing else tr("Draw a line")

    def _tapped(self, event: Any) -> None:
        if not self._is_drawing:
            return
        place = round(float(latitude_of(event.y)), 3), round((float(longitude_of(event.x)) + 180) % 360 - 180, 3)
        if self._start == place:  # clicked twice in quick turn: a line has two ends
            return
        if self._start is None:
            self._start = place
            self._say(tr("Click where it ends."))
            self._mark()
            return
        line = (*self._start, *place)
        self._end()
        self.selection.line = line

    def _chose(self, along: str) -> None:
        if self._busy:
            return
        self.selection.hovmoller = along
        if along == "line" and self.selection.line is None and not self._is_drawing:
            self.begin()

    def _typed(self) -> None:
        values = [widget.value for widget in self.ends]
        if self._busy or any(value is None for value in values):
            return
        if all(-90 <= lat <= 90 for lat in values[::2]) and all(-540 <= lon <= 540 for lon in values[1::2]):
            self.selection.line = tuple(float(value) for value in values)

    def _mark(self) -> None:
        """Draw the line, or the end that it has so far, on the map."""
        if self.selection.hovmoller != "line":
            places: Any = ((), ())
        elif self._start is not None:
            places = (self._start[0],), (self._start[1],)
        else:
            places = self.store.hovmoller.way()
        lat, lon = places
        self.path.data = {"x": mercator_x(lon), "y": mercator_y(lat)}
