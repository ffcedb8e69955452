"""Earlier runs that the one under review can be compared with: the same reference, before, with other data or options.

Only their records are looked at; the tables of the chosen one are read when a queue is sorted by the change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.page.cache import BoundedCache
from app.validation.result_store import ResultStore
from smcore.errors import SmcoreError
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.result_folder import RUN_FILE
from smcore.validation.runs.results import RunResults, open_run

_ABOUT = BoundedCache(256)
_OPENED = BoundedCache(2)


@dataclass(frozen=True)
class _About:
    """What of a run's record decides whether it can be compared."""

    identity: str
    reference: str
    products: frozenset[str]


def earlier_runs(store: ResultStore, now: RunResults, run: str) -> dict[str, str]:
    """Runs that ended before this one and can be compared with it, the newest first: id → the day it ended, UTC.

    They have the same reference and a product in common, or one product each, and are not the same run again.
    """
    mine, when = _about_record(now.record), _ended(now.folder)
    found = {}
    for one, _, ended in store.runs():
        there = _about(store.path(one))
        if one == run or ended >= when or there is None:
            continue
        is_alike = bool(mine.products & there.products) or len(mine.products) == len(there.products) == 1
        if is_alike and there.reference == mine.reference and there.identity != mine.identity:
            found[one] = f"{datetime.fromtimestamp(ended, UTC):%Y-%m-%d}"
    return found


def opened(store: ResultStore, run: str) -> RunResults | None:
    """An earlier run with its tables; None where it can't be opened."""
    folder = store.path(run)
    try:
        found: RunResults = _OPENED.get((str(folder), _ended(folder)), lambda: open_run(folder))
    except SmcoreError:
        return None
    return found


def _about(folder: Path) -> _About | None:
    file = folder / RUN_FILE
    try:
        return _ABOUT.get((str(file), _ended(folder)), lambda: _about_record(json.loads(file.read_text("utf-8"))))
    except (OSError, ValueError, KeyError, TypeError, SmcoreError):
        return None


def _about_record(record: dict[str, Any]) -> _About:
    names = frozenset(str(one["name"]) for one in record["products"])
    return _About(run_identity(record), str(record["reference"]["id"]), names)


def _ended(folder: Path) -> float:
    """When a run ended [s since 1970]; 0 where its record is gone."""
    try:
        return (folder / RUN_FILE).stat().st_mtime
    except OSError:
        return 0.0
