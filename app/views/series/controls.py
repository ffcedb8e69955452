"""The row of controls of the series drawer; each is a value of the selection, and a keyboard reaches it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn

from app.page import slim
from app.page.boundary import follow
from app.page.controls import as_seen, button, styled
from app.page.language import tr
from app.selection import Selection
from app.store import Store
from app.views.map.typed_area import AreaField
from smcore.area_text import TypedArea

SMALL = (
    ".bk-input { height: 28px !important; min-height: 28px !important; padding: 0 16px 0 7px !important; } "
    "select.bk-input:not([multiple]) { padding: 0 15px 0 7px !important; } "
    ".bk-input-group > label { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }"
)
SHORTEST = np.timedelta64(2, "D")


class PeriodButtons:
    """Earlier, later, closer, wider, all: each moves the period that the series show."""

    def __init__(self, selection: Selection, store: Store, period: Callable[[], tuple[np.datetime64, np.datetime64]]):
        self.selection, self.store, self._period = selection, store, period
        self.buttons = [
            self._button("◀", tr("Earlier: half of the period shown back"), -0.5, 1.0),
            self._button("▶", tr("Later: half of the period shown on"), 0.5, 1.0),
            self._button("+", tr("Closer: half of the period shown"), 0.0, 0.5),
            self._button("−", tr("Wider: twice the period shown"), 0.0, 2.0),
        ]
        self.reset = button(
            tr("Reset"), lambda _: self.all(), width=50, description=tr("The whole period of the product")
        )

    def __panel__(self) -> pn.viewable.Viewable:
        """The buttons."""
        return slim.Row(*self.buttons, self.reset, margin=(0, 0, 0, 2))

    def _button(self, label: str, said: str, by: float, scale: float) -> Any:
        return button(label, lambda _: self.move(by, scale), width=27, description=said)

    def move(self, by: float, scale: float) -> None:
        """Move the period by a share of its length, and scale it about its middle."""
        start, end = (t.astype("datetime64[s]").astype(np.int64) for t in self._period())
        middle, half = (start + end) / 2 + by * (end - start), max((end - start) / 2 * scale, _seconds(SHORTEST) / 2)
        self.selection.span = written(int(middle - half), int(middle + half))

    def all(self) -> None:
        """The period of the product on the map."""
        self.selection.span = ""


class BehindBoxes:
    """Whether rain and frozen soil are drawn behind the series."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.boxes = {
            name: styled(slim.Checkbox(label=label, value=not getattr(selection, name), margin=(6, 4, 0, 4)))
            for name, label in (("rain", tr("Rain")), ("frozen", tr("Frost")))
        }
        for name, box in self.boxes.items():
            box.param.watch(lambda event, name=name: setattr(selection, name, "" if event.new else "off"), "value")
        follow(selection, ["area", *self.boxes], self._show)
        self._show()

    def __panel__(self) -> pn.viewable.Viewable:
        """The boxes."""
        return slim.Row(*self.boxes.values(), margin=0)

    def _show(self) -> None:
        """They are of one cell, and so not offered for a mean."""
        for name, box in self.boxes.items():
            box.value, box.visible = not getattr(self.selection, name), not self.selection.area


class Choice:
    """A menu for one value of the selection, with a name that is read aloud and not shown."""

    def __init__(self, selection: Selection, name: str, label: str, options: dict[str, str], width: int) -> None:
        self.selection, self.name = selection, name
        self.widget = styled(
            slim.Select(label=label, options=options, value=getattr(selection, name), width=width, margin=(1, 2))
        )
        self.widget.stylesheets = [*self.widget.stylesheets, SMALL]
        self.widget.param.watch(lambda event: setattr(selection, name, event.new), "value")
        follow(selection, [name], lambda: setattr(self.widget, "value", getattr(selection, name)))

    def __panel__(self) -> pn.viewable.Viewable:
        """The menu."""
        return self.widget


class AreaControls:
    """What the series are of: a cell, or the mean of a box or polygon that is drawn on the map."""

    def __init__(self, selection: Selection, draw: Callable[[str], None]) -> None:
        self.selection, self._draw = selection, draw
        areas = {tr("cell"): "", tr("box mean"): "box", tr("polygon"): "polygon"}
        self.of = Choice(selection, "area", tr("Series of"), areas, 86)
        shares = {f"≥ {s or 50} %": s for s in ("10", "25", "", "75", "100")}
        self.least = Choice(selection, "least_share", tr("Share of its cells that a mean needs"), shares, 70)
        self.again = button(
            tr("Draw"), lambda _: self._begin(), width=46, description=tr("Draw the area on the map, or type it")
        )
        self.typed = AreaField(tr("Corners of the area [°]"), self._typed, visible=False)
        self.typed.field.stylesheets = [*self.typed.field.stylesheets, SMALL]
        self.typed.pane.margin = (0, 0, 2, 10)
        follow(selection, ["area"], self._show)
        follow(selection, ["box", "polygon"], self._drawn)
        self._show()

    def __panel__(self) -> pn.viewable.Viewable:
        """The controls."""
        return as_seen(slim.Row(margin=0), self.of.widget, self.again, self.least.widget)

    def _show(self) -> None:
        area = self.selection.area
        self.again.visible = self.least.widget.visible = bool(area)
        is_drawn = not area or getattr(self.selection, area) is not None
        self._draw("" if is_drawn else area)
        self.typed.pane.visible = not is_drawn

    def _begin(self) -> None:
        """Let the area be drawn anew, or typed."""
        self._draw(self.selection.area)
        self.typed.pane.visible = True

    def _drawn(self) -> None:
        """There is an area now: the field leaves its room to the plot."""
        if self.selection.area and getattr(self.selection, self.selection.area) is not None:
            self.typed.pane.visible = False

    def _typed(self, found: TypedArea) -> None:
        self._draw("")
        self.selection.param.update(**{"area": found.kind, found.kind: found.numbers})
        self.typed.pane.visible = False


def written(start: int, end: int) -> str:
    """A period as a link says it, from seconds since 1970, to the minute; "" where it leaves what a link may say."""
    first, last = (str(np.datetime64(t, "s").astype("datetime64[m]")) for t in (start, end))
    return f"{first},{last}" if first < last and first[:4] >= "1700" and last[:4] < "2200" else ""


def _seconds(span: np.timedelta64) -> int:
    return int(span.astype("timedelta64[s]").astype(np.int64))
