"""What an embedded map shows, in one line: product, step, range with its colours, and whether it is made up."""

from __future__ import annotations

import panel as pn

from app.boundary import follow
from app.controls import esc, text
from app.selection import Selection
from app.store import Store
from app.titles import DEMONSTRATION, is_demonstration
from app.views.layers import ramp
from smcore.errors import SmcoreError


class CaptionView:
    """The line under a map that stands in another page; empty in Loam's own."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self.line = text(margin=0)
        shown = [
            "product",
            "time",
            "variable",
            "minus",
            "colour_map",
            "colour_range",
            "reverse",
            "embed",
            "aggregate",
            "since",
            "until",
            "percentile",
        ]
        follow(selection, shown, self.refresh)
        follow(store, ["catalog"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The line."""
        return self.line

    def refresh(self) -> None:
        """Say what the map shows now."""
        entry = self.store.entry if self.selection.embed else None
        if entry is None:
            self.line.object = ""
            return
        try:
            when = self.store.when(entry)
        except SmcoreError as error:
            self.line.object = f"<div class=muted>{esc(error.sentence)}</div>"
            return
        mark = DEMONSTRATION if is_demonstration(entry) else "synthetic" if entry.synthetic else ""
        badge = f' <span class="badge">{esc(mark)}</span>' if mark else ""
        low, high = self.store.colour_range(entry)
        bar = ramp(self.store.colours, low, high, self.store.units(entry))
        what = f"<b>{esc(self.store.label(entry))}</b>{badge} · {esc(self.store.shown(entry))} · {esc(when)}"
        self.line.object = f'<div class="caption"><div>{what}</div><div>{bar}</div></div>'
