"""The catalogue of some files, read and checked once for all tabs, and anew when one was written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from app.page.cache import BoundedCache
from smcore.catalog import Catalog, CatalogEntry, load_catalog

_READ = BoundedCache(8)


def catalogue_of(files: Iterable[Path]) -> Catalog:
    """The entries of those files that there are; nobody changes a catalogue, so that all may look at one.

    Raises
    ------
    CatalogError
        Naming file, entry and field of the first thing that is wrong.
    """
    there = [file for file in files if file.exists()]
    stamps = [(file.resolve(), found.st_mtime_ns, found.st_size) for file in there for found in [file.stat()]]
    return _READ.get(tuple(stamps), lambda: load_catalog(there))


@lru_cache(8)
def layers(catalog: Catalog) -> tuple[CatalogEntry, ...]:
    """What of a catalogue can be shown as a layer: visible cubes and pixel sets with steps of soil moisture."""
    shown = (e for e in catalog if not e.hidden and e.layout in ("cube", "pixels"))  # asked for 100 times a step
    return tuple(e for e in shown if "product" in e.roles and e.period)


def changed(folder: Path) -> float:
    """When a store was last written [s since 1970], by its records; zero where there is none."""
    try:
        with os.scandir(folder) as found:  # asked for at every act
            records = [one.stat().st_mtime for one in found if one.name.endswith(".json")]
        return max([folder.stat().st_mtime, *records])
    except (OSError, ValueError):
        return 0.0
