"""Open what a catalogue entry points to: one door for cubes, pixel sets and station collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smcore.catalog import CatalogEntry
from smcore.errors import CatalogError

if TYPE_CHECKING:
    from smcore.cubes.store import PreparedCube, PreparedPixels, PreparedStations


def open_entry(entry: CatalogEntry) -> PreparedCube | PreparedPixels | PreparedStations:
    """Open the prepared store of ``entry``, lazily.

    Raises
    ------
    CatalogError
        If the entry is a model, or its location does not exist.
    StoreError
        If the location holds no prepared store that can be trusted.
    """
    from smcore.cubes.store import open_store

    if entry.layout == "model":
        raise CatalogError(f"{entry.id!r} is a model, not data", hint="use it with: loam predict")
    if not entry.location.exists():
        raise CatalogError(
            f"The store of {entry.id!r} is gone", where=str(entry.location), hint="ingest it again, or mend the entry"
        )
    return open_store(entry.location)
