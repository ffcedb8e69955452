"""Flags and classes of the products: what can be shown besides quantities, with which colours, and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.page.cache import BoundedCache
from app.page.language import mark, tr
from app.page.words import word
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.classes import NO_FLAG, Classes, CodeBook, numbers_in, paint_codes, whole_numbers
from smcore.figures.colours import CLASSES, NO_CLASS
from smcore.maps import HIGHEST, LOWEST, Codes, Gather
from smcore.names import VARIABLES, unit_label

if TYPE_CHECKING:
    from app.store import CellValue, Store

WORDS = {"": mark("soil moisture"), names.SM_UNCERTAINTY: mark("half-width of the 90 % band")}
SOURCES_OWN = mark("uncertainty as the source gives it")
"""Of ``sm_uncertainty`` of products whose makers mean something else than our band, mostly one standard deviation."""
FLAG_NAMES = {
    names.QUALITY: mark("quality flags"), "surface_flag": mark("surface flags"),
    names.SOURCE: mark("origin of the values"), "land_cover": mark("land cover"),
}  # fmt: skip
CHOSEN = "#d55e00"
"""A flag that is picked out."""
OTHER = "#ff00ff"
_BOOKS = BoundedCache(64)


@dataclass(frozen=True)
class Share:
    """One line of a legend of classes: its colour, its meaning, and its share of the step's cells, 0…1."""

    colour: str
    word: str
    share: float


class ClassStore:
    """The flags and classes of one session's products."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection

    def of(self, entry: CatalogEntry, variable: str = "") -> Classes | None:
        """Meanings of a product's variable, of the one on the map unless another is named; None for a quantity."""
        variable = variable or self._store.variable(entry)
        prepared = self._store.opened(entry)
        return Classes.of(variable, prepared.variable_attrs(variable)) if variable in prepared.variables else None

    def options(self, entry: CatalogEntry) -> dict[str, str]:
        """What of a product can be shown: words → variable; its own is ''."""
        found = {tr(WORDS[""]): ""}
        for name, units in self._store.variables(entry).items():
            if name in (entry.variable, names.OBS_TIME):
                continue
            told = name in WORDS or name in FLAG_NAMES or units in ("", "1")
            called = described(name, self._store.opened(entry))
            found[called if told else f"{called} [{unit_label(units)}]"] = name
        return found

    def flags(self, entry: CatalogEntry) -> tuple[str, ...]:
        """Flags of the variable on the map that can be picked out."""
        classes = self.of(entry)
        return tuple(word for _, word in classes.bits) if classes is not None else ()

    # -- on the map ----------------------------------------------------------------------------------------------
    def paint(self, entry: CatalogEntry, field: np.ndarray, gather: Gather) -> Codes:
        """A frame of codes, (height, width)."""
        return paint_codes(self._book(entry).encode(whole_numbers(field)), gather)

    def _book(self, entry: CatalogEntry) -> CodeBook:
        key = str(entry.location), self._store.version(entry), self._store.variable(entry)
        book: CodeBook = _BOOKS.get(key, CodeBook)
        return book

    def palette(self, entry: CatalogEntry) -> tuple[str, ...]:
        """The 256 colours of the codes given out so far."""
        colours = ["#00000000"] * 256
        for i, number in enumerate(self._book(entry).numbers):
            colours[LOWEST + i] = self.colour(entry, number)
        colours[HIGHEST] = OTHER
        return tuple(colours)

    def labels(self, entry: CatalogEntry) -> list[str]:
        """What the pointer says at each code."""
        classes = self.of(entry)
        told = [tr("no value")] * 256
        if classes is not None:
            for i, number in enumerate(self._book(entry).numbers):
                told[LOWEST + i] = _said(classes, number)
        told[HIGHEST] = tr("other")
        return told

    def colour(self, entry: CatalogEntry, number: int) -> str:
        """Colour of a number: that of its class, of the last flag set, or whether the chosen flag is set."""
        classes, theme = self.of(entry), str(self._selection.theme)
        if classes is None:
            return OTHER
        if not classes.bits:
            order = [n for n, _ in classes.values]
            return CLASSES[(order.index(number) if number in order else number) % len(CLASSES)]
        set_ = [i for i, (bit, _) in enumerate(classes.bits) if number & bit]
        chosen = self.chosen(entry)
        if chosen:
            return CHOSEN if chosen in (classes.bits[i][1] for i in set_) else NO_CLASS[theme]
        return CLASSES[set_[-1] % len(CLASSES)] if set_ else NO_CLASS[theme]

    def chosen(self, entry: CatalogEntry) -> str:
        """The flag that is picked out; "" where all are coloured."""
        wanted = str(self._selection.flag).replace("_", " ")
        return wanted if wanted in self.flags(entry) else ""

    def shares(self, entry: CatalogEntry, step: int) -> list[Share]:
        """The legend: each flag or class that the step has, with its share of the cells that say anything."""
        classes = self.of(entry)
        if classes is None:
            return []
        counts = numbers_in(whole_numbers(self._store.field(entry, step)))
        total = sum(counts.values()) or 1
        if not classes.bits:
            return [
                Share(self.colour(entry, n), _said(classes, n), count / total) for n, count in sorted(counts.items())
            ]
        chosen, theme = self.chosen(entry), str(self._selection.theme)
        lines = []
        for i, (bit, flag) in enumerate(classes.bits):
            colour = CLASSES[i % len(CLASSES)] if not chosen else CHOSEN if flag == chosen else NO_CLASS[theme]
            lines.append(Share(colour, word(flag), sum(c for n, c in counts.items() if n & bit) / total))
        return [Share(NO_CLASS[theme], tr(NO_FLAG), counts.get(0, 0) / total), *lines]

    def meanings(self, entry: CatalogEntry, numbers: np.ndarray) -> list[str]:
        """What each of some numbers (n,) of the variable on the map says."""
        classes = self.of(entry)
        told = {} if classes is None else {n: _said(classes, n) for n in set(numbers.astype(int).tolist())}
        return [told.get(int(number), "") for number in numbers]

    # -- at a place ----------------------------------------------------------------------------------------------
    def at(self, cell: CellValue) -> dict[str, str]:
        """What the flags and classes of a product say at a cell and its step: their name → meanings."""
        entry, prepared = cell.entry, self._store.opened(cell.entry)
        step, found = self._store.step(cell.entry), {}
        for variable in prepared.variables:
            classes = self.of(entry, variable)
            if classes is None:
                continue
            values = self._store.values(entry, cell.row, cell.column, variable)
            number = int(whole_numbers(values[step : step + 1])[0])
            found[described(variable, prepared)] = _said(classes, number) or tr("no retrieval")
        return found


def described(variable: str, prepared: Any) -> str:
    """A variable of a product in words."""
    if variable == names.SM_UNCERTAINTY and not names.has_band(prepared):
        return tr(SOURCES_OWN)
    known = WORDS.get(variable) or FLAG_NAMES.get(variable)
    return word(known or (VARIABLES[variable].long_name if variable in VARIABLES else variable))


def _said(classes: Classes, number: int) -> str:
    return ", ".join(map(word, classes.meanings(number)))
