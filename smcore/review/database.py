"""The file of a review log: its tables, how it is opened, and what the faults of storage are called.

Each choice and its reason. *Append-only*: triggers refuse to change or remove a row, also by ``INSERT OR REPLACE``,
which removes rows without a word to the triggers that watch removals. *WAL*: readers and a writer do not wait for each
other. ``synchronous=FULL``: an event that was acknowledged is on the disk; it costs one flush for what a person does
once a second. *No connection stays open*: a tab or process that dies leaves nothing locked. *Made elsewhere, then
linked*: of two processes that make the log at once, one wins and neither sees half of it. *From elsewhere*: a log is
read only if its tables and triggers are exactly these, so that no view or trigger of somebody else's ever runs.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from smcore.errors import ReviewError

VERSION: Final = 1
_APPLICATION: Final = 0x4C6F616D  # "Loam", where the file command looks for it
_PATIENCE: Final = 10.0  # s that one writer waits for another
_LONGEST_VALUE: Final = 200_000  # characters of one cell
_LARGEST_FILE: Final = 256_000_000  # bytes
_RETRY_READING: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)

_APPEND_ONLY: Final = "BEGIN SELECT RAISE(ABORT, 'a review log is append-only'); END"
_EVENTS: Final = (
    "CREATE TABLE events (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL, "
    "time TEXT NOT NULL, reviewer TEXT NOT NULL, subject TEXT NOT NULL, action TEXT NOT NULL, payload TEXT NOT NULL, "
    "blind INTEGER NOT NULL, headline INTEGER NOT NULL, queue TEXT NOT NULL) STRICT"
)
_TABLES: Final = (
    "CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    _EVENTS,
    "CREATE INDEX by_subject ON events (subject)",
    *(
        f"CREATE TRIGGER {name} BEFORE {when} {_APPEND_ONLY}"
        for name, when in (
            ("about_no_update", "UPDATE ON about"),
            ("about_no_delete", "DELETE ON about"),
            ("about_no_replace", "INSERT ON about WHEN EXISTS (SELECT 1 FROM about WHERE key = NEW.key)"),
            ("events_no_update", "UPDATE ON events"),
            ("events_no_delete", "DELETE ON events"),
            (
                "events_no_replace",
                "INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id OR number = NEW.number)",
            ),
        )
    ),
)


def create(path: Path, run: str) -> None:
    """Make an empty log for a run where there is none."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as db:
            db.execute(f"PRAGMA application_id={_APPLICATION}")
            db.execute(f"PRAGMA user_version={VERSION}")
            for statement in _TABLES:
                db.execute(statement)
            db.execute("INSERT INTO about VALUES ('run', ?)", (run,))
            db.execute("PRAGMA journal_mode=WAL")
        with suppress(FileExistsError):  # another process was first: then its log is the one
            os.link(draft, path)
        _settle(path.parent)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a log for reading, wherever it lies.

    SQLite can't read a log with WAL where it may not write beside it. There the file and what is not yet in it (its
    ``-wal``) are copied: to ignore the latter would be to lose events.
    """
    if path.is_dir():
        raise ReviewError("This is a folder and no review log", where=path.name, hint="give the review.sqlite of a run")
    if path.stat().st_size > _LARGEST_FILE:
        raise ReviewError(f"The review log is larger than {_LARGEST_FILE // 1_000_000} MB", where=path.name)
    try:
        db = _connect(path, "ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _RETRY_READING:
            raise
    else:
        with closing(db):
            yield db
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        with closing(_connect(copy, "rw")) as db:
            yield db


@contextmanager
def writing(path: Path, run: str) -> Iterator[sqlite3.Connection]:
    """Hold the log alone for one transaction: all that is done in it is there afterwards, or nothing."""
    with closing(_connect(path, "rw")) as db:
        check_tables(db, path, run)
        db.execute("PRAGMA synchronous=FULL")
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


def check_tables(db: sqlite3.Connection, path: Path, run: str) -> None:
    """Refuse a file that is no log, of a newer version, changed, or of another run (raises ReviewError)."""
    if _own_run(db, path) != run:
        raise ReviewError(
            "The review log belongs to another run", where=path.name,
            hint="a run has the same data and options; only its exclusions may differ",
        )  # fmt: skip


def run_of(path: Path) -> str:
    """Identity of the run that a log belongs to (raises ReviewError where it is no log that can be read)."""
    with faults_of_storage(path), reading(path) as db:
        return _own_run(db, path)


def _own_run(db: sqlite3.Connection, path: Path) -> str:
    """Identity of the run, once the tables are known to be ours."""
    number = db.execute("PRAGMA user_version").fetchone()[0]
    if db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION or number < 1:
        raise ReviewError("This file is no review log", where=path.name, hint="give the review.sqlite of a run")
    if number > VERSION:
        raise ReviewError(
            f"The review log was written by a newer version of Loam (format {number}; this one reads {VERSION})",
            where=path.name, hint="update Loam",
        )  # fmt: skip
    found = {row[0] for row in db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    if found != set(_TABLES):
        raise ReviewError("The tables of the review log were changed", where=path.name, hint="use a copy that was not")
    own = db.execute("SELECT value FROM about WHERE key = 'run'").fetchone()
    return "" if own is None else str(own[0])


def is_partial(db: sqlite3.Connection) -> bool:
    """Whether a log has taken in what was left of a damaged one."""
    return db.execute("SELECT 1 FROM about WHERE key = 'partial'").fetchone() is not None


def mark_partial(db: sqlite3.Connection) -> None:
    """Let a log say for good that a part of the review was lost."""
    if not is_partial(db):
        db.execute("INSERT INTO about VALUES ('partial', 'yes')")


@contextmanager
def faults_of_storage(path: Path, meaning: str = "the review log can't be read") -> Iterator[None]:
    """Turn what SQLite and the file system say into one sentence; ``meaning`` is what follows from it."""
    try:
        yield
    except sqlite3.Error as error:
        raise _sentence(error, path, meaning) from error
    except OSError as error:
        raise ReviewError(f"The review log can't be used: {error.strerror or error}", where=path.name) from error


def is_writable(path: Path) -> bool:
    """Whether the log, or its folder where there is none yet, may be written to by this process."""
    return _may_write(path.parent) and (not path.exists() or _may_write(path))


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        db.execute("PRAGMA trusted_schema=OFF")
        db.execute("PRAGMA user_version").fetchone()  # only now is the file opened
    except BaseException:
        db.close()
        raise
    return db


def _settle(folder: Path) -> None:
    """Put the name of a new file on the disk, not only its content."""
    with suppress(OSError):  # not every file system lets a folder be flushed
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _sentence(error: sqlite3.Error, path: Path, meaning: str) -> ReviewError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    what, hint = _FAULTS.get(
        code, ("The review log can't be used: " + str(error).replace("{", "{{").replace("}", "}}"), "")
    )
    return ReviewError(what.format(meaning=meaning), where=path.name, hint=hint)


DAMAGED: Final = "The review log is damaged"
MEND: Final = "save what can be read with loam review export, move the file away, and import it again"
USE_COPY: Final = "nothing of it can be read: use a copy of it, or import review/review.json of a bundle of the run"
NO_PLACE: Final = "The review log can't be written: the file or its folder is read-only; copy the run elsewhere"
_NO_PLACE: Final = tuple(NO_PLACE.split("; "))
_FAULTS: Final = {
    sqlite3.SQLITE_FULL: ("The disk is full: {meaning}", "make room and do it again"),
    sqlite3.SQLITE_READONLY: _NO_PLACE,
    sqlite3.SQLITE_CANTOPEN: _NO_PLACE,
    sqlite3.SQLITE_PERM: _NO_PLACE,
    sqlite3.SQLITE_BUSY: ("The review log is held by another process", "try again in a moment"),
    sqlite3.SQLITE_LOCKED: ("The review log is held by another process", "try again in a moment"),
    sqlite3.SQLITE_IOERR: ("The disk reported an error: {meaning}", "look at the disk"),
    sqlite3.SQLITE_CORRUPT: (DAMAGED, USE_COPY),
    sqlite3.SQLITE_NOTADB: ("This file is no review log, or its beginning is damaged", USE_COPY),
    sqlite3.SQLITE_TOOBIG: (DAMAGED, USE_COPY),
}
