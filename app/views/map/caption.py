"""What an embedded map shows, in one line: products, step, masks, range with its colours, what is made up."""

from __future__ import annotations

import panel as pn

from app.page.boundary import follow
from app.page.controls import esc, text
from app.page.language import tr
from app.page.titles import DEMONSTRATION, is_demonstration
from app.page.words import said_of
from app.selection import Selection
from app.store import Store
from app.views.map.layers import ramp
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError


class CaptionView:
    """The line under a map that stands in another page; empty in Loam's own."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self.line = text(margin=0)
        shown = ["product", "time", "variable", "minus", "onto", "expression", "quality", "masks", "embed"]
        shown += ["colour_map", "colour_range", "reverse", "aggregate", "since", "until", "percentile", "least_days"]
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
            self.line.object = self._said(entry)
        except SmcoreError as error:
            self.line.object = f"<div class=muted>{esc(said_of(error))}</div>"

    def _said(self, entry: CatalogEntry) -> str:
        store = self.store
        low, high = store.colour_range(entry)
        bar = ramp(store.colours, low, high, store.units(entry))
        joint = tr(" minus ") if store.comparison.is_on else ", "
        products = joint.join(f"<b>{esc(store.label(one))}</b>{_badge(one)}" for one in (entry, *store.also_shown()))
        rule = store.ranges.rule() if store.ranges.is_on else ""
        about = filter(None, (store.shown(entry), store.when(entry), rule, store.masks.shown_caption()))
        return f'<div class="caption"><div>{" · ".join((products, *map(esc, about)))}</div><div>{bar}</div></div>'


def _badge(entry: CatalogEntry) -> str:
    made_up = DEMONSTRATION if is_demonstration(entry) else tr("synthetic") if entry.synthetic else ""
    return f' <span class="badge">{esc(made_up)}</span>' if made_up else ""
