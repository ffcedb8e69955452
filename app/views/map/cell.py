"""The inspector of Explore: every product's value at the clicked place and step, its cell and its distance."""

from __future__ import annotations

from typing import Any

import panel as pn

from app.map.shown_value import shown_value
from app.page import slim
from app.page.boundary import follow
from app.page.controls import Markup, empty, esc, number, table, text
from app.page.language import tr
from app.selection import Selection
from app.store import CellValue, Store
from smcore.names import unit_label


class CellView:
    """The value inspector of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self.body = text()
        self.awaits = False  # whether it says that the number of the map is being computed
        follow(selection, ["point", "time", "product", "variable", "quality", "masks"], self.refresh)
        follow(selection, ["minus", "onto", "expression"], self.refresh)
        follow(selection, ["aggregate", "since", "until", "percentile", "least_days"], self.refresh)
        follow(store, ["catalog"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The inspector."""
        return slim.Column(self.body, sizing_mode="stretch_width", margin=0)

    def refresh(self) -> None:
        """Show the values at the chosen place."""
        self.awaits = False
        if self.selection.point is None:
            self.body.object = empty(
                tr(
                    "Click on the map to see the value of every product there. "
                    "Arrow keys step through time, space plays, the wheel zooms."
                )
            )
            return
        cells = self.store.cells()
        if not cells:
            self.body.object = empty(tr("No product covers {place_label}.", place_label=self.store.place_label()))
            return
        rows = [
            (
                Markup(f"{esc(self.store.marked(c.entry))}<br><span class=muted>{esc(c.note or c.time)}</span>"),
                Markup(f"{number(c.value)}{_band(c)}<br><span class=muted>{esc(unit_label(c.units))}</span>"),
            )
            for c in cells
        ]
        self.body.object = (
            f"<h3>{esc(self.store.place_label())}</h3>{self._on_the_map()}"
            f"{table((tr('Product'), tr('Value')), rows, numeric=(1,))}{self._details(cells[0])}"
        )

    def _on_the_map(self) -> str:
        """What the map shows here, where that is not a product's value at a step: its number comes first."""
        shown = shown_value(self.store)
        if shown is None:
            return ""
        self.awaits = not shown.is_known
        said = f"{number(shown.value)} {unit_label(shown.units)}" if shown.is_known else tr("being computed")
        note = tr("{valid} of {n} days valid", valid=shown.valid_days, n=shown.days) if shown.days else ""
        value = Markup(f"<b>{esc(said)}</b><br><span class=muted>{esc(note)}</span>")
        return table((tr("On the map"), tr("Value")), [(shown.name, value)], numeric=(1,))

    def _details(self, cell: CellValue) -> str:
        """The cell of what the map shows: where it is in its grid, and the flags of its product."""
        entry, point = self.store.entry, self.selection.point
        if entry is None or point is None or cell.entry.id != entry.id:
            return ""
        grid = self.store.map_grid(entry)
        row, column = (int(i) for i in grid.index(*point))
        if row < 0:
            grid, row, column = self.store.grid(entry), cell.row, cell.column
        where: dict[str, Any] = {"row": row + grid.row0, "column": column + grid.col0, "name": grid.name}
        rows = [
            (tr("Cell"), tr("row {row}, column {column} of {name}", **where)),
            (tr("Centre"), f"{grid.lat[row]:.4f}°, {grid.lon[column]:.4f}°"),
        ]
        rows += [(name[:1].upper() + name[1:], said) for name, said in self.store.classes.at(cell).items()]
        body = "".join(f"<tr><th>{esc(name)}</th><td>{esc(value)}</td></tr>" for name, value in rows)
        return f"<h4>{esc(self.store.marked(cell.entry))}</h4><table>{body}</table>"


def _band(cell: CellValue) -> str:
    """Half of the 90 % band, where the product has one and the cell a value."""
    if cell.half_width != cell.half_width or cell.value != cell.value:
        return ""
    return f' <span title="{tr("half-width of the 90 % band")}">± {number(cell.half_width)}</span>'
