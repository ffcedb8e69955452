"""The curves of a review: the products of the run and the sensors of the cell, without names where those are hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.review_store import ReviewStore
from app.station_store import Series
from app.store import Store


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
        cells = {cell.entry.id: cell for cell in store.cells(entries.values())}
        found: list[Series] = []
        for place, (name, label) in enumerate(labels.items()):
            entry = by_name[name]
            cell = cells.pop(entry.id, None) if entry is not None else None  # a product that is scaled twice, once
            if cell is not None:
                one = replace(store.curves.of_cell(cell, place), label=label)
                found.append(unnamed(one, place) if is_hidden else one)
        return [*found, *self._reference([cell.bounds for cell in store.cells(entries.values())])]

    def _reference(self, bounds: list[tuple[float, float, float, float]]) -> list[Series]:
        """The chosen sensor and the others of the largest cell; of a set of pixels its own curve."""
        entry, store = self._review.reference, self._store
        if entry is None:
            return []
        if entry.layout == "stations":
            largest = max(bounds, key=lambda one: one[3] - one[1], default=None)
            return store.stations.inside(largest)
        own = [store.curves.of_cell(cell, -1) for cell in store.cells([entry])]
        return [replace(one, is_chosen=True, label=store.label(entry)) for one in own]


def unnamed(item: Series, place: int) -> Series:
    """A curve without what would betray its product: its marks, bands, flags, gaps and whether it is made up."""
    there = np.isfinite(item.value)
    return replace(
        item.during(there), entry_id=f"hidden-{place}", drawn="line", source=None, half_width=None, recommended=None,
        share=None, synthetic=False, made_of=(*item.made_of, "unnamed"),
    )  # fmt: skip
