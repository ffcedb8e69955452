"""What lies in a prepared store, file by file, so that two of them can be held against each other."""

from __future__ import annotations

import json
from pathlib import Path


def everything(store: Path) -> dict[str, object]:
    """Every file of a store by name; records without the moment that they were made in."""
    found: dict[str, object] = {}
    for file in sorted(store.rglob("*")):
        name = str(file.relative_to(store))
        if file.name in ("manifest.json", "zarr.json"):
            found[name] = timeless(json.loads(file.read_bytes()))
        elif file.is_file():
            found[name] = file.read_bytes()
    return found


def timeless(record: object) -> object:
    """A record without its moments, at any depth."""
    if isinstance(record, dict):
        return {key: timeless(value) for key, value in record.items() if key not in ("created", "plan")}
    return record
