"""What a catalogue entry is called, and whether it must be told apart as a demonstration."""

from __future__ import annotations

from collections.abc import Iterable
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


def told_apart(captions: Iterable[tuple[str, str]]) -> str:
    """What is left out of several (product, caption) as one caption: with the products' names where they differ."""
    told = list(captions)
    different = {caption for _, caption in told}
    if len(different) <= 1:
        return "".join(different)
    return "; ".join(f"{product}: {caption}" for product, caption in told if caption)
