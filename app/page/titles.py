"""What catalogue entries are called in lists and legends, and the marks that they carry there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from app.page.language import tr
from smcore.catalog import CatalogEntry
from smcore.titles import DEMONSTRATION, is_demonstration, short_title

__all__ = ["DEMONSTRATION", "is_demonstration", "labelled", "short_title"]


def page_title(place: str, run: str, what: str) -> str:
    """What the browser calls the page: the place, or the run that is reviewed there, and what is chosen in it."""
    about = tr("review of {run}", run=run) if run and place == "stations" else tr(place.capitalize())
    return " · ".join(part for part in ("Loam", about, run if place == "validate" else what) if part)


def labelled(entries: Sequence[CatalogEntry]) -> dict[str, str]:
    """Label → id for a choice; titles that repeat get the id beside them, synthetic ones say so."""
    titles = Counter(e.title for e in entries)

    def label(entry: CatalogEntry) -> str:
        title = f"{short_title(entry)} ({entry.id})" if titles[entry.title] > 1 else short_title(entry)
        return title + tr(" (synthetic)") if entry.synthetic and not is_demonstration(entry) else title

    return {label(e): e.id for e in entries}
