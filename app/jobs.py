"""Long work as jobs in a process of its own: a small stored queue, a worker, and its supervisor.

The browser session only watches. Progress and cancel cross through SQLite (WAL), so a reload or a restart of the
server loses nothing, and a worker that dies costs its own job and no other.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from smcore.errors import SmcoreError

log = logging.getLogger(__name__)

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
STOPPED = "Stopped on request; nothing was kept."
ENDED = (DONE, FAILED, CANCELLED)
LIGHT = ("look", "check", "check-validate")
"""Kinds of a second or two, for which somebody waits before a page: they never wait for a long run."""
MAX_QUEUED = 20
KEPT_ENDED = 200
CLOCK_SECONDS = 300.0  # that the time of birth of a process may be off, as clocks are set and machines sleep

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, kind TEXT NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL,
  share REAL NOT NULL DEFAULT 0, doing TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
  cancel INTEGER NOT NULL DEFAULT 0, pid INTEGER, result TEXT NOT NULL DEFAULT '{}',
  asked TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')), started TEXT, ended TEXT);
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, number);
"""


@dataclass(frozen=True)
class Job:
    """One piece of long work, as it stands in the queue."""

    id: str
    number: int
    kind: str
    request: dict[str, Any]
    state: str
    share: float
    doing: str
    message: str
    cancel: bool
    pid: int | None
    result: dict[str, Any]
    asked: str
    started: str | None
    ended: str | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED


class Queue:
    """The stored queue in a folder; every process opens its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.folder / "queue.sqlite", timeout=30, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)
            yield connection
        finally:
            connection.close()

    def path(self, job_id: str) -> Path:
        """Where a job keeps its files."""
        return self.folder / job_id

    def submit(self, kind: str, request: dict[str, Any]) -> str:
        """Put a job at the end of the queue and return its id.

        Raises
        ------
        SmcoreError
            If the queue is full.
        """
        job_id = uuid.uuid4().hex[:12]
        with self._open() as db:  # counted and inserted in one statement: of two at once only one gets the last place
            taken = db.execute(
                "INSERT INTO jobs (id, number, kind, request, state) "
                "SELECT ?, (SELECT coalesce(max(number), 0) + 1 FROM jobs), ?, ?, ? "
                "WHERE (SELECT count(*) FROM jobs WHERE state = ?) < ?",
                (job_id, kind, json.dumps(request), QUEUED, QUEUED, MAX_QUEUED),
            ).rowcount
        if not taken:
            raise SmcoreError(f"{MAX_QUEUED} runs are waiting already", hint="wait for one to end, or cancel some")
        return job_id

    def get(self, job_id: str) -> Job | None:
        """A job as it stands now."""
        with self._open() as db:
            row = db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return _job(row) if row else None

    def recent(self, count: int = 10) -> list[Job]:
        """The last jobs, newest first."""
        with self._open() as db:
            rows = db.execute("SELECT * FROM jobs ORDER BY number DESC LIMIT ?", (count,)).fetchall()
        return [_job(row) for row in rows]

    def position(self, job: Job) -> int:
        """How many jobs will run before a queued one; a light one waits for those of its kind alone."""
        before = self._running() + [one for one in self.recent(KEPT_ENDED) if one.state == QUEUED]
        ahead = [one for one in before if one.number < job.number or one.state == RUNNING]
        return sum(job.kind not in LIGHT or one.kind in LIGHT for one in ahead)

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; a waiting one ends at once."""
        with self._open() as db:
            db.execute(
                "UPDATE jobs SET cancel = 1, state = CASE state WHEN ? THEN ? ELSE state END, "
                "message = CASE state WHEN ? THEN ? ELSE message END, "
                "ended = CASE state WHEN ? THEN strftime('%Y-%m-%dT%H:%M:%fZ') ELSE ended END "
                "WHERE id = ? AND state IN (?, ?)",
                (QUEUED, CANCELLED, QUEUED, STOPPED, QUEUED, job_id, QUEUED, RUNNING),
            )

    # -- for the worker ------------------------------------------------------------------------------------------
    def claim(self, *, light: bool = False) -> Job | None:
        """Take the oldest waiting job for this process, of the light kinds first, or ``light`` alone; None without."""
        wanted = f"kind IN ({', '.join('?' * len(LIGHT))})"
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            row = db.execute(
                f"SELECT * FROM jobs WHERE state = ? AND ({wanted} OR ?) ORDER BY {wanted} DESC, number LIMIT 1",  # noqa: S608
                (QUEUED, *LIGHT, not light, *LIGHT),
            ).fetchone()
            if row is not None:
                db.execute(
                    "UPDATE jobs SET state = ?, pid = ?, started = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE id = ?",
                    (RUNNING, os.getpid(), row["id"]),
                )
            db.execute("COMMIT")
        return self.get(row["id"]) if row is not None else None

    def keeps_light_waiting(self) -> bool:
        """Whether a light job waits while another runs."""
        with self._open() as db:
            found = db.execute(
                f"SELECT count(*) FROM jobs WHERE state = ? AND kind IN ({', '.join('?' * len(LIGHT))}) "  # noqa: S608
                "AND EXISTS (SELECT 1 FROM jobs WHERE state = ?)",
                (QUEUED, *LIGHT, RUNNING),
            ).fetchone()
        return bool(found[0])

    def report(self, job_id: str, share: float, doing: str) -> None:
        """Store how far a job is."""
        with self._open() as db:
            db.execute("UPDATE jobs SET share = ?, doing = ? WHERE id = ?", (share, doing, job_id))

    def is_cancelled(self, job_id: str) -> bool:
        """Whether the user asked a job to stop."""
        with self._open() as db:
            row = db.execute("SELECT cancel FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return bool(row and row["cancel"])

    def end(self, job_id: str, state: str, message: str = "", result: dict[str, Any] | None = None) -> None:
        """Store how a job ended."""
        with self._open() as db:
            db.execute(
                "UPDATE jobs SET state = ?, message = ?, result = ?, share = CASE ? WHEN 'done' THEN 1 ELSE share END, "
                "ended = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE id = ?",
                (state, message, json.dumps(result or {}), state, job_id),
            )
            forgotten = db.execute(
                "DELETE FROM jobs WHERE state IN (?, ?, ?) AND number <= (SELECT max(number) FROM jobs) - ? "
                "RETURNING id",
                (*ENDED, KEPT_ENDED),
            ).fetchall()
        for row in forgotten:
            shutil.rmtree(self.path(row["id"]), ignore_errors=True)

    def bury(self) -> list[str]:
        """Mark running jobs whose process is gone as failed; returns their ids.

        A job that ends while we look keeps its own end, and another process that has got the number of a worker long
        gone (after a restart of the machine) keeps no job running.
        """
        lost = [job for job in self._running() if job.pid is None or not was_alive(job.pid, job.started)]
        said = "The worker process ended before the run did; run it again."
        with self._open() as db:
            found = [
                db.execute(
                    "UPDATE jobs SET state = ?, message = ?, ended = strftime('%Y-%m-%dT%H:%M:%fZ') "
                    "WHERE id = ? AND state = ? RETURNING id",
                    (FAILED, said, job.id, RUNNING),
                ).fetchone()
                for job in lost
            ]
        return [row["id"] for row in found if row is not None]

    def _running(self) -> list[Job]:
        with self._open() as db:
            return [_job(row) for row in db.execute("SELECT * FROM jobs WHERE state = ?", (RUNNING,)).fetchall()]


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    return Job(
        **values
        | {
            "request": json.loads(values["request"]),
            "result": json.loads(values["result"]),
            "cancel": bool(values["cancel"]),
        }
    )


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def was_alive(pid: int, moment: str | None) -> bool:
    """Whether a process runs, and ran already at a moment (ISO, UTC)."""
    import psutil

    try:
        born = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return False
    asked = datetime.fromisoformat(moment).timestamp() if moment else born
    return is_alive(pid) and born <= asked + CLOCK_SECONDS


class Supervisor:
    """Keeps one worker process alive beside the server, as a context manager.

    A worker that dies is started again; its job is marked failed, and the next one runs. While it is busy, a second one
    does the light jobs that wait, and ends.
    """

    def __init__(self, folder: Path) -> None:
        self.queue = Queue(folder)
        self._stop = threading.Event()
        self._worker: subprocess.Popen[bytes] | None = None
        self._aside: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="loam-supervisor", daemon=True)

    def __enter__(self) -> Supervisor:
        self.queue.bury()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._end()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._stop.is_set():
            if self._worker is None or self._worker.poll() is not None:
                self.queue.bury()
                self._worker = self._started()
            if self._aside is not None and self._aside.poll() is not None:
                self._aside = None
                self.queue.bury()
            if self._aside is None and self.queue.keeps_light_waiting():
                self._aside = self._started("--light", "--once")
            self._stop.wait(1.0)
        self._end()

    def _started(self, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 — our own program with our own arguments
            [sys.executable, "-m", "app", "worker", str(self.queue.folder), "--parent", str(os.getpid()), *options],
            stdin=subprocess.DEVNULL,
        )

    def _end(self) -> None:
        for process in (self._worker, self._aside):
            if process is not None and process.poll() is None:
                process.terminate()
