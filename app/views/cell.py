"""The inspector of Explore: every product's value at the clicked place and step, its cell and its distance."""

from __future__ import annotations

import panel as pn

from app.boundary import follow
from app.class_store import described
from app.controls import Markup, empty, esc, number, table, text
from app.language import tr
from app.selection import Selection
from app.store import CellValue, Store
from smcore.names import unit_label


class CellView:
    """The value inspector of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self.body = text()
        follow(selection, ["point", "time", "product", "variable", "expression", "quality", "masks"], self.refresh)
        follow(selection, ["aggregate", "since", "until", "percentile", "least_days"], self.refresh)
        follow(store, ["catalog"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The inspector."""
        return pn.Column(self.body, sizing_mode="stretch_width", margin=0)

    def refresh(self) -> None:
        """Show the values at the chosen place."""
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
            f"<h3>{esc(self.store.place_label())}</h3>{table((tr('Product'), tr('Value')), rows, numeric=(1,))}"
            f"{self._details(cells[0])}"
        )

    def _details(self, cell: CellValue) -> str:
        """The cell of the product on the map: where it is in its grid, and its flags."""
        if self.store.entry is None or cell.entry.id != self.store.entry.id:
            return ""
        grid = self.store.grid(cell.entry)
        rows = [
            (
                tr("Cell"),
                tr(
                    "row {row}, column {column} of {name}",
                    row=cell.row + grid.row0,
                    column=cell.column + grid.col0,
                    name=grid.name,
                ),
            ),
            (tr("Centre"), f"{cell.lat:.4f}°, {cell.lon:.4f}°"),
        ]
        rows += [(name[:1].upper() + name[1:], said) for name, said in self.store.classes.at(cell).items()]
        rows[:0] = self._shown(cell)
        ranged = self.store.ranges.at(cell.entry, cell.row, cell.column)
        if ranged is not None:
            days = tr("{valid} of {n} days valid", valid=ranged.valid_days, n=ranged.days)
            said = f"{number(ranged.value)} {unit_label(ranged.units)}, {days}"
            rows.insert(0, (self.store.ranges.label(), said))
        body = "".join(f"<tr><th>{esc(name)}</th><td>{esc(value)}</td></tr>" for name, value in rows)
        return f"<h4>{esc(self.store.marked(cell.entry))}</h4><table>{body}</table>"

    def _shown(self, cell: CellValue) -> list[tuple[str, str]]:
        """What the map shows of the product there, if not its own soil moisture: a formula, or another variable."""
        store, point = self.store, self.selection.point
        step, variable = store.step(cell.entry), store.variable(cell.entry)
        if store.formula.is_on and point is not None:
            curve = store.formula.series(point[0], point[1], 0)
            return [(curve.label, f"{number(float(curve.value[step]))} {unit_label(curve.units)}")]
        if variable == cell.entry.variable or store.classes.of(cell.entry) is not None:
            return []
        value = float(store.values(cell.entry, cell.row, cell.column, variable)[step])
        return [(described(variable), f"{number(value)} {unit_label(store.variables(cell.entry)[variable])}")]


def _band(cell: CellValue) -> str:
    """Half of the 90 % band, where the product has one and the cell a value."""
    if cell.half_width != cell.half_width or cell.value != cell.value:
        return ""
    return f' <span title="{tr("half-width of the 90 % band")}">± {number(cell.half_width)}</span>'
