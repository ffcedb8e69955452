"""The catalogue of some files, read and checked once for all tabs, and anew when one was written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from app.page.cache import BoundedCache
from smcore.catalog import Catalog, load_catalog

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


def changed(folder: Path) -> float:
    """When a store was last written [s since 1970], by its records; zero where there is none."""
    try:
        with os.scandir(folder) as found:  # asked for at every act
            records = [one.stat().st_mtime for one in found if one.name.endswith(".json")]
        return max([folder.stat().st_mtime, *records])
    except (OSError, ValueError):
        return 0.0
