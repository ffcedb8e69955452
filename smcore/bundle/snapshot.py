"""The review log of a run as it is at one moment, also while somebody writes to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from smcore.errors import ReviewError
from smcore.review.database import faults_of_storage, reading
from smcore.review.events import Event
from smcore.review.exchange import save
from smcore.review.log import REVIEW_LOG, ReviewLog


def snapshot(log: Path, run: str, draft: Path) -> tuple[Event, ...]:
    """Copy a log through SQLite's own backup, and write it as JSON and CSV beside.

    Parameters
    ----------
    log
        The log.
    run
        Identity of its run.
    draft
        Folder to write ``review.sqlite``, ``review/review.json`` and ``review/review.csv`` into.

    Returns
    -------
    tuple
        The events of the copy.

    Raises
    ------
    ReviewError
        If the log is that of another run, damaged, or can't be read.
    """
    target = draft / REVIEW_LOG
    with faults_of_storage(log), reading(log) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    copied = ReviewLog(target, run)
    if copied.fault:
        raise ReviewError(copied.fault)
    events = copied.events()
    for suffix in ("-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    folder = draft / "review"
    folder.mkdir()
    for name in ("review.json", "review.csv"):
        save(events, run, folder / name, partial=copied.is_partial)
    return tuple(events)
