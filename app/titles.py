"""What catalogue entries are called in lists and legends, and the marks that they carry there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from smcore.catalog import CatalogEntry

DEMONSTRATION = "SYNTHETIC-TRAINED"
"""Mark of what weights of a made-up world gave on real data."""


def short_title(entry: CatalogEntry) -> str:
    """The title of an entry; a leading «…synthetic: » goes, since a mark beside it says so; a demonstration's stays."""
    if is_demonstration(entry):
        return entry.title if entry.title.startswith(DEMONSTRATION) else f"{DEMONSTRATION}: {entry.title}"
    head, colon, tail = entry.title.partition(": ")
    return tail if entry.synthetic and colon and head.lower().endswith("synthetic") else entry.title


def is_demonstration(entry: CatalogEntry) -> bool:
    """Whether weights of a made-up world gave it on real data."""
    return bool(entry.extra.get("demonstration_only")) or entry.title.startswith(DEMONSTRATION)


def labelled(entries: Sequence[CatalogEntry]) -> dict[str, str]:
    """Label → id for a choice; titles that repeat get the id beside them, synthetic ones say so."""
    titles = Counter(e.title for e in entries)

    def label(entry: CatalogEntry) -> str:
        title = f"{short_title(entry)} ({entry.id})" if titles[entry.title] > 1 else short_title(entry)
        return f"{title} (synthetic)" if entry.synthetic and not is_demonstration(entry) else title

    return {label(e): e.id for e in entries}
