"""What a catalogue entry is called, and whether it must be told apart as a demonstration."""

from __future__ import annotations

from typing import Final

from smcore.catalog import CatalogEntry

DEMONSTRATION: Final = "SYNTHETIC-TRAINED"
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
