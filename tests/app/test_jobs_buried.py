"""A job whose process is gone is failed, and only that: not one that just ended, nor one of a process still there."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from app import jobs
from app.jobs import DONE, FAILED, RUNNING, Job, Queue


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "jobs")


def claimed(queue: Queue) -> Job:
    queue.submit("predict", {})
    job = queue.claim()
    assert job is not None
    return job


def state(queue: Queue, job: Job) -> str:
    found = queue.get(job.id)
    assert found is not None
    return found.state


def test_a_job_that_ends_while_the_dead_are_counted_keeps_its_end(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = claimed(queue)

    def worker_ends_now(pid: int, moment: str | None) -> bool:
        queue.end(job.id, DONE, result={"id": "run-1"})
        return False

    monkeypatch.setattr(jobs, "was_alive", worker_ends_now)
    assert queue.bury() == []
    assert state(queue, job) == DONE


def test_another_process_with_the_number_of_the_lost_worker_keeps_no_job_running(queue: Queue) -> None:
    job = claimed(queue)
    assert queue.bury() == []
    assert state(queue, job) == RUNNING
    with sqlite3.connect(queue.folder / "queue.sqlite") as db:  # claimed before this process was born
        db.execute("UPDATE jobs SET pid = ?, started = '2001-01-01T00:00:00.000Z'", (os.getpid(),))
    assert queue.bury() == [job.id]
    assert state(queue, job) == FAILED
