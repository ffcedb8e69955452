"""Products shown beside the one on the map, at the same moment, place and colours: what follows from ``beside``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.page.language import tr
from app.page.words import said_of
from app.selection import COMPARED
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError
from smcore.figures.colours import usual_range
from smcore.maps import View, paint, plan

if TYPE_CHECKING:
    from app.store import Frame, Store


@dataclass(frozen=True)
class Panel:
    """One product beside the map's own: its picture, the range that the colours mean, and which step it is."""

    entry: CatalogEntry
    frame: Frame
    low: float
    high: float
    units: str
    step: str


class Beside:
    """The other products of one session's comparison."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def count(self) -> int:
        """How many products stand beside the map's own."""
        return COMPARED[self._store.selection.compare]

    @property
    def products(self) -> tuple[CatalogEntry, ...]:
        """What can be shown: all products but the one on the map."""
        entry = self._store.entry
        return tuple(e for e in self._store.products if entry is None or e.id != entry.id)

    def entries(self) -> list[CatalogEntry]:
        """The chosen ones in order, those of the same unit first where none is chosen."""
        among = {e.id: e for e in self.products}
        named = dict.fromkeys(self._store.selection.beside.split(","))
        chosen = [among[one] for one in named if one in among]
        entry = self._store.entry
        units = self._store.own_units(entry) if entry else ""
        rest = sorted((e for e in among.values() if e not in chosen), key=lambda e: self._store.own_units(e) != units)
        return [*chosen, *rest][: self.count] if entry else []

    def choose(self, place: int, product: str) -> None:
        """Put a product into one of the places; the one that it was in takes the other's."""
        ids = [e.id for e in self.entries()]
        if product in ids:
            ids[ids.index(product)] = ids[place]
        ids[place] = product
        self._store.selection.beside = ",".join(ids)

    def panel(self, entry: CatalogEntry, view: View) -> Panel:
        """A product's step at the moment of the map, in the map's range where the units are the same.

        A product without a step within half a day of that moment is shown empty, and ``step`` says so.

        Raises
        ------
        SmcoreError
            If its store can't be read.
        """
        from app.store import Frame, centre, is_near, nearest_step

        store = self._store
        units, (low, high) = store.own_units(entry), self._range(entry)
        time, moment = store.times(entry) + centre(entry), store.moment()
        step = nearest_step(time, moment) if moment else store.step(entry)
        label = store.step_label(entry, step)
        blank = Frame(np.zeros((view.height, view.width), np.uint8), view)
        if not is_near(time[step], moment):
            return Panel(entry, blank, low, high, units, tr("no step then; nearest {label}", label=label))
        gather = plan(store.grid(entry), view, len(store.opened(entry).levels))
        if gather.is_empty:
            return Panel(entry, blank, low, high, units, label)
        field = store.field(entry, step, gather, entry.variable)
        return Panel(entry, Frame(paint(field, gather, low, high), view), low, high, units, label)

    def _range(self, entry: CatalogEntry) -> tuple[float, float]:
        """The map's own range where it shows the same quantity, so that equal colours are equal values."""
        store, main, units = self._store, self._store.entry, self._store.own_units(entry)
        aggregate = store.combines or store.ranges.is_on
        plain = main is not None and not aggregate and store.variable(main) == main.variable
        if plain and main is not None and store.own_units(main) == units:
            return store.colour_range(main)
        return usual_range(entry.variable, units, entry.colour_range)

    def broken(self, entry: CatalogEntry, view: View, error: SmcoreError) -> Panel:
        """What stands in the place of a product that can't be read: nothing, and why."""
        from app.store import Frame

        blank = Frame(np.zeros((view.height, view.width), np.uint8), view)
        return Panel(entry, blank, 0.0, 1.0, "", said_of(error))
