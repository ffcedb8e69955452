"""One sentence over a map that shows nothing, or not what was asked for: why."""

from __future__ import annotations

from typing import Any

import panel as pn

from app.page.boundary import follow
from app.page.controls import esc, text
from app.page.language import tr
from app.selection import Selection
from app.store import Store
from app.views.map.canvas import MapView
from smcore.errors import SmcoreError
from smcore.maps import MISSING


class MapNote:
    """The note of one session's map; empty where the map shows what was asked for."""

    def __init__(self, selection: Selection, store: Store, on_map: MapView) -> None:
        self.selection, self.store, self.map = selection, store, on_map
        self.note = text("", margin=0, sizing_mode=None)
        follow(selection, ["place", "minus", "expression", "product", "time", "aggregate"], self.refresh)
        follow(store, ["catalog"], self.refresh)
        on_map.front.on_change("data", self._drawn)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The sentence, over the map."""
        return self.note

    def _drawn(self, attr: str, old: Any, new: Any) -> None:  # noqa: ARG002 — bokeh wants these three
        self.refresh()

    def refresh(self) -> None:
        """Say why the map shows nothing, or nothing of what was asked for."""
        said = self._sentence() if self.selection.place != "validate" else ""
        shown = f'<div class="chip" role="status">{esc(said)}</div>' if said else ""
        if shown != self.note.object:
            self.note.object = shown

    def _sentence(self) -> str:
        store = self.store
        if store.veiled:
            return tr("Blind: no product on the map until signed.")
        if store.entry is None:
            return ""
        try:
            refused = store.formula.refusal() if self.selection.expression else ""
            if refused:
                return tr("The formula can't be shown: {reason}", reason=refused)
            return store.comparison.emptiness() or self._nothing_seen() or self._not_all()
        except SmcoreError:  # the store of a product is gone, which the rail of layers says
            return ""

    def _not_all(self) -> str:
        """That a difference or a formula is of means or of some cells, where the view has too many of them."""
        store = self.store
        level = store.gather(store.entry, self.map.view()).level if store.combines and store.entry is not None else 0
        if not level:
            return ""
        if store.comparison.is_on and store.comparison.is_of_means(level):
            return tr("A difference of means of {side} × {side} cells; zoom in for that of the cells.", side=2**level)
        return tr("One cell in {side} × {side} is shown; zoom in for all.", side=2**level)

    def _nothing_seen(self) -> str:
        """Whether no pixel of the frame has a value; a map that was not painted yet tells nothing."""
        codes = self.map.front.data["image"][0]
        if self.store.ranges.is_on or codes.size <= 1 or (codes != MISSING).any():
            return ""
        return tr("No cell in view has a value at this step.")
