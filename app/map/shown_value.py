"""The number that the map shows at the clicked place: of a step or a range of days, a difference or a formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.map.combined_map import rectangle
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError

if TYPE_CHECKING:
    from app.store import Store


@dataclass(frozen=True)
class ShownValue:
    """What the map shows in one cell of its grid, where it is not a product's own value at a step.

    ``name`` says what it is, ``valid_days`` of ``days`` what a range rests on (0 of a step); ``is_known`` is False
    while a range is being computed.
    """

    name: str
    value: float
    units: str
    row: int
    column: int
    days: int = 0
    valid_days: int = 0
    is_known: bool = True


def shown_value(store: Store) -> ShownValue | None:
    """The number at the clicked place; None where the map shows a product's own value there, flags, or nothing."""
    entry, point = store.entry, store.selection.point
    if entry is None or point is None:
        return None
    try:
        if store.shows_classes(entry) or not _is_another(store, entry):
            return None
        row, column = (int(i) for i in store.map_grid(entry).index(*point))
    except SmcoreError:  # the store of the product on the map is gone, which the map says
        return None
    if row < 0:
        return None
    return _of_range(store, entry, row, column) if store.ranges.is_on else _of_step(store, entry, row, column)


def _is_another(store: Store, entry: CatalogEntry) -> bool:
    """Whether the map shows something else than the product's own variable at a step."""
    return store.combines or store.ranges.is_on or store.variable(entry) != entry.variable


def _of_step(store: Store, entry: CatalogEntry, row: int, column: int) -> ShownValue:
    field = store.on_map(entry, store.step(entry), rectangle(row, row + 1, column, column + 1))
    value = float(field[0, 0]) if field.size else np.nan
    return ShownValue(_name(store, entry), value, store.units(entry), row, column)


def _of_range(store: Store, entry: CatalogEntry, row: int, column: int) -> ShownValue | None:
    name, units = f"{_name(store, entry)}, {store.ranges.when()}", store.units(entry)
    if store.ranges.problem():
        return None
    found = store.ranges.at(entry, row, column)
    if found is None:
        return ShownValue(name, np.nan, units, row, column, is_known=False)
    return ShownValue(name, found.value, units, row, column, found.days, found.valid_days)


def _name(store: Store, entry: CatalogEntry) -> str:
    """What the map shows; of a difference, of which two."""
    other = store.comparison.other if store.comparison.is_on else None
    return f"{store.shown(entry)}: {store.label(entry)} − {store.label(other)}" if other else store.shown(entry)
