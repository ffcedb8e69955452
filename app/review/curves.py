"""The curves of a review: the products of the run and the sensors of the cell, without names where those are hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import numpy as np

from app.page.cache import BoundedCache
from app.page.language import mark
from app.review.store import ReviewStore, key_of
from app.store import Store
from app.validation.station_store import Series
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError

Bounds = tuple[float, float, float, float]
BESIDE: Final = (names.SOURCE, names.SM_UNCERTAINTY, names.QUALITY)
"""What a product may say of its values, which is read with them."""
_READ = BoundedCache(8)  # fewer stations than the caches of the store hold, also where a cell has many sensors


class ReviewCurves:
    """What the series drawer shows while a run is reviewed."""

    def __init__(self, review: ReviewStore, store: Store) -> None:
        self._review, self._store = review, store

    def series(self) -> list[Series] | None:
        """Products of the run in the order of the page, then the sensors of their cell; None without a review."""
        review, store = self._review, self._store
        if not review.is_on or not review.subject:
            return None
        by_name = {member.name: member.entry for member in review.members}
        labels, is_hidden = review.labels(review.subject), review.hides(review.subject)
        entries = {entry.id: entry for entry in by_name.values() if entry is not None}
        there = store.cells(entries.values())
        cells = {cell.entry.id: cell for cell in there}
        found: list[Series] = []
        for place, (name, label) in enumerate(labels.items()):
            entry = by_name[name]
            cell = cells.pop(entry.id, None) if entry is not None else None  # a product that is scaled twice, once
            if cell is not None:
                one = replace(store.curves.of_cell(cell, place), label=label)
                found.append(unnamed(one, place) if is_hidden else one)
        return [*found, *self._reference(cell.bounds for cell in there)]

    def why_none(self) -> str:
        """Why a station has no curve, where it has none."""
        held = [*(member.entry for member in self._review.members), self._review.reference]
        if any(entry is not None for entry in held):
            return mark("Neither a product of the run nor its reference has data at this station.")
        return mark("The series need the data of the run, which are not in the catalogue here.")

    def _reference(self, bounds: Iterable[Bounds]) -> list[Series]:
        """The chosen sensor and the others of the largest cell; of a set of pixels its own curve."""
        entry, store = self._review.reference, self._store
        if entry is None:
            return []
        if entry.layout == "stations":
            return store.stations.inside(_largest(bounds))
        own = [store.curves.of_cell(cell, -1) for cell in store.cells([entry])]
        return [replace(one, is_chosen=True, label=store.label(entry)) for one in own]

    # -- ahead of the reader -------------------------------------------------------------------------------------
    def ahead(self, subject: str) -> Callable[[], None]:
        """What reads the curves of a station into the caches of the store, for a thread that is ahead of the reader.

        A fault is left to the page that is asked for.
        """
        review, stations = self._review, self._store.stations
        one = review.table().loc[subject]
        lat, lon = float(str(one["lat"])), float(str(one["lon"]))
        entries = [member.entry for member in review.members if member.entry is not None]
        has_sensors = review.reference is not None and review.reference.layout == "stations"

        def read() -> None:
            found = [self._read_cell(entry, lat, lon) for entry in entries]
            if has_sensors:
                stations.read_ahead(_largest(bounds for bounds in found if bounds is not None), subject)
            _READ.put(key, True)

        key = self._key(subject)
        return read

    def is_read(self, subject: str) -> bool:
        """Whether the curves of a station were read a short while ago."""
        return _READ.peek(self._key(subject)) is not None

    def _key(self, subject: str) -> tuple[str, ...]:
        found = self._review.results
        return () if found is None else (*key_of(found), subject)

    def _read_cell(self, entry: CatalogEntry, lat: float, lon: float) -> Bounds | None:
        """Read the curve of a product at a place, and what it says of it; the edges of its cell."""
        store = self._store
        try:
            grid, there = store.grid(entry), store.opened(entry).variables
            row, column = (int(i) for i in grid.index(lat, lon))
            if row < 0:
                return None
            for variable in (entry.variable, *(name for name in BESIDE if name in there)):
                store.values(entry, row, column, variable)
        except SmcoreError:
            return None
        (west, east), (north, south) = grid.lon_edges[column : column + 2], grid.lat_edges[row : row + 2]
        return float(west), float(south), float(east), float(north)


def _largest(bounds: Iterable[Bounds]) -> Bounds | None:
    return max(bounds, key=lambda one: one[3] - one[1], default=None)


def unnamed(item: Series, place: int) -> Series:
    """A curve without what would betray its product: its marks, bands, flags, gaps and whether it is made up."""
    there = np.isfinite(item.value)
    return replace(
        item.during(there), entry_id=f"hidden-{place}", drawn="line", source=None, half_width=None, recommended=None,
        share=None, synthetic=False, made_of=(*item.made_of, "unnamed"),
    )  # fmt: skip
