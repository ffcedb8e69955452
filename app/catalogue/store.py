"""The catalogue as it is browsed: which entries fit a search, a kind and a grid, and what their values are like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from app.page.cache import BoundedCache
from app.page.language import mark
from smcore.catalog import CatalogEntry
from smcore.grids import EASE
from smcore.health import Health, health
from smcore.progress import Cancel, Progress

if TYPE_CHECKING:
    from app.store import Store

_LOOKED = BoundedCache(256)


def grid_of(entry: CatalogEntry) -> str:
    """The grid of an entry in words: ``36 km (M36)``, ``regular``; stations and loose pixels have none."""
    if entry.layout == "stations":
        return "stations"
    if entry.grid in EASE:
        return f"{EASE[entry.grid][2] / 1000:.0f} km ({entry.grid})"
    return mark("latitude × longitude") if entry.grid else mark("no grid")


def listed(entries: Iterable[CatalogEntry]) -> list[CatalogEntry]:
    """The entries that a reader may browse: data, not models, and nothing hidden."""
    return [e for e in entries if not e.hidden and e.layout != "model"]


def fitting(entries: Sequence[CatalogEntry], words: str = "", kind: str = "", grid: str = "") -> list[CatalogEntry]:
    """Entries that have all of the words somewhere in what is said of them, and the kind and grid if one is given."""
    wanted = words.casefold().split()
    return [
        e for e in entries
        if (not kind or e.kind == kind) and (not grid or grid_of(e) == grid)
        and all(word in _said_of(e) for word in wanted)
    ]  # fmt: skip


def _said_of(entry: CatalogEntry) -> str:
    parts = (
        entry.id, entry.title, entry.kind, entry.layout, grid_of(entry), *entry.variables, entry.licence,
        entry.citation, entry.doi, entry.version, *(entry.period or ()), *entry.inputs,
        "synthetic" if entry.synthetic else "",
    )  # fmt: skip
    return " ".join(map(str, parts)).casefold()


class CatalogueStore:
    """What was found out about the values of entries."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, entry: CatalogEntry) -> Health | None:
        """What a look found before; None where nobody has looked."""
        found: Health | None = _LOOKED.peek(self._key(entry))
        return found

    def look(self, entry: CatalogEntry, progress: Progress, cancelled: Cancel) -> Health:
        """Look at the values of an entry's variable.

        Raises
        ------
        SmcoreError
            If its store can't be read, or the look is stopped.
        """
        found: Health = _LOOKED.get(
            self._key(entry),
            lambda: health(self._store.opened(entry), entry.variable, progress=progress, cancelled=cancelled),
        )
        return found

    def _key(self, entry: CatalogEntry) -> tuple[object, ...]:
        return str(entry.location), self._store.version(entry), entry.variable
