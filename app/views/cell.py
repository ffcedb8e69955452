"""The inspector of Explore: every product's value at the clicked place and step, its cell and its distance."""

from __future__ import annotations

import panel as pn

from app.boundary import follow
from app.controls import Markup, empty, esc, number, table, text
from app.selection import Selection
from app.store import Store
from app.views.layers import pretty_unit


class CellView:
    """The value inspector of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self.body = text()
        follow(selection, ["point", "time", "product"], self.refresh)
        follow(store, ["catalog"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The inspector."""
        return pn.Column(self.body, sizing_mode="stretch_width", margin=0)

    def refresh(self) -> None:
        """Show the values at the chosen place."""
        if self.selection.point is None:
            self.body.object = empty(
                "Click on the map to see the value of every product there. "
                "Arrow keys step through time, space plays, the wheel zooms."
            )
            return
        cells = self.store.cells()
        if not cells:
            self.body.object = empty(f"No product covers {self.store.place_label()}.")
            return
        rows = [
            (
                Markup(f"{esc(c.entry.title)}<br><span class=muted>{esc(c.time)}</span>"),
                Markup(f"{number(c.value)}<br><span class=muted>{pretty_unit(c.units)}</span>"),
            )
            for c in cells
        ]
        details = [
            (
                c.entry.title,
                f"row {c.row + self.store.grid(c.entry).row0}, column {c.column + self.store.grid(c.entry).col0}",
                f"{c.lat:.3f}, {c.lon:.3f}",
            )
            for c in cells
        ]
        self.body.object = (
            f"<h3>{esc(self.store.place_label())}</h3>{table(('Product', 'Value'), rows, numeric=(1,))}"
            f"<h4>Cells</h4>{table(('Product', 'Cell', 'Centre [°]'), details)}"
        )
