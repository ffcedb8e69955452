"""The stored queue and its worker: order, cancel, limits, death of the worker, and what a restart finds."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import jobs
from app.commands import worker
from app.jobs import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Job, Queue, Supervisor, is_alive
from smcore.errors import SmcoreError

DEADLINE_SECONDS = 60


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "jobs")


def until(condition: Callable[[], Any]) -> Any:
    """Wait for a condition, and give what it gave; fail after a minute."""
    pause = threading.Event()
    for _ in range(DEADLINE_SECONDS * 50):
        found = condition()
        if found:
            return found
        pause.wait(0.02)
    pytest.fail("waited a minute for a condition that never held")


def job(queue: Queue, job_id: str) -> Job:
    found = queue.get(job_id)
    assert found is not None
    return found


def test_a_job_keeps_its_request_and_starts_queued(queue: Queue) -> None:
    request = {"model": "spline", "window": {"west": -1.5, "start": None}, "data": [["target", "näme ☂"]]}
    found = job(queue, queue.submit("predict", request))
    assert (found.kind, found.request, found.state, found.share) == ("predict", request, QUEUED, 0.0)
    assert not found.has_ended
    assert found.asked.endswith("Z")


def test_jobs_are_claimed_in_the_order_in_which_they_came(queue: Queue) -> None:
    ids = [queue.submit("predict", {"n": n}) for n in range(4)]
    assert [queue.position(job(queue, i)) for i in ids] == [0, 1, 2, 3]
    claimed = [queue.claim() for _ in range(4)]
    assert [c.id for c in claimed if c] == ids
    assert all(c.state == RUNNING and c.pid == os.getpid() and c.started for c in claimed if c)
    assert queue.claim() is None


def test_two_workers_never_claim_the_same_job(queue: Queue) -> None:
    ids = [queue.submit("predict", {}) for _ in range(12)]
    claimed: list[str] = []
    lock = threading.Lock()

    def take() -> None:
        own = Queue(queue.folder)
        while (found := own.claim()) is not None:
            with lock:
                claimed.append(found.id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(ids)


def test_a_waiting_job_that_is_cancelled_ends_at_once_and_is_never_claimed(queue: Queue) -> None:
    first, second = queue.submit("predict", {}), queue.submit("predict", {})
    queue.cancel(first)
    ended = job(queue, first)
    assert (ended.state, ended.message) == (CANCELLED, "Stopped on request; nothing was kept.")
    assert ended.ended
    claimed = queue.claim()
    assert claimed is not None
    assert claimed.id == second


def test_cancelling_what_has_ended_changes_nothing(queue: Queue) -> None:
    job_id = queue.submit("predict", {})
    queue.claim()
    queue.end(job_id, DONE, result={"id": "x"})
    queue.cancel(job_id)
    assert job(queue, job_id).state == DONE
    assert not job(queue, job_id).cancel
    queue.cancel("no-such-job")


def test_a_full_queue_refuses_with_a_sentence(queue: Queue) -> None:
    for _ in range(jobs.MAX_QUEUED):
        queue.submit("predict", {})
    with pytest.raises(SmcoreError, match="20 runs are waiting already; wait for one to end, or cancel some"):
        queue.submit("predict", {})
    queue.claim()
    queue.submit("predict", {})


def test_old_jobs_are_forgotten_with_their_files(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "KEPT_ENDED", 2)
    ids = []
    for _ in range(4):
        ids.append(queue.submit("predict", {}))
        queue.claim()
        queue.path(ids[-1]).mkdir()
        (queue.path(ids[-1]) / "preview.npy").write_bytes(b"x")
        queue.end(ids[-1], DONE)
    assert [found.id for found in queue.recent()] == [ids[3], ids[2]]
    assert [queue.path(i).exists() for i in ids] == [False, False, True, True]


def test_another_process_finds_the_queue_as_it_was_left(queue: Queue) -> None:
    done, waiting = queue.submit("predict", {"n": 1}), queue.submit("check", {"n": 2})
    queue.claim()
    queue.report(done, 0.4, "tile 2 of 5")
    queue.end(done, DONE, result={"id": "run-1", "notes": ["a", "b"]})
    again = Queue(queue.folder)
    assert job(again, done).result == {"id": "run-1", "notes": ["a", "b"]}
    assert job(again, done).share == 1.0
    assert job(again, waiting).request == {"n": 2}
    with sqlite3.connect(queue.folder / "queue.sqlite") as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.fixture
def run_as(monkeypatch: pytest.MonkeyPatch, queue: Queue) -> Callable[[Callable[..., Any]], Job]:
    """Run one job whose work is a function of the test."""

    def run(work: Callable[..., Any]) -> Job:
        monkeypatch.setitem(worker._KINDS, "predict", work)
        job_id = queue.submit("predict", {"asked": 1})
        claimed = queue.claim()
        assert claimed is not None
        worker.run(queue, claimed)
        return job(queue, job_id)

    return run


def test_a_job_that_ends_well_keeps_its_result(run_as: Callable[..., Job]) -> None:
    ended = run_as(lambda request, folder, progress, cancelled: {"echo": request["asked"]})
    assert (ended.state, ended.result, ended.share) == (DONE, {"echo": 1}, 1.0)


def test_a_users_mistake_ends_a_job_with_its_sentence(run_as: Callable[..., Job]) -> None:
    def work(*_: object) -> None:
        raise SmcoreError("The box holds no cell", hint="draw a larger one")

    ended = run_as(work)
    assert (ended.state, ended.message) == (FAILED, "The box holds no cell; draw a larger one")


def test_an_unexpected_fault_ends_a_job_without_a_traceback_on_the_screen(run_as: Callable[..., Job]) -> None:
    def work(*_: object) -> None:
        raise KeyError("secret/path")

    ended = run_as(work)
    assert ended.state == FAILED
    assert "KeyError" in ended.message
    assert "secret" not in ended.message


def test_a_running_job_learns_that_it_was_cancelled(queue: Queue, run_as: Callable[..., Job]) -> None:
    def work(request: object, folder: Path, progress: Any, cancelled: Callable[[], bool]) -> None:
        from smcore.errors import Cancelled

        progress(0.3, "tile 1")
        queue.cancel(queue.recent()[0].id)
        until(cancelled)
        raise Cancelled

    ended = run_as(work)
    assert (ended.state, ended.message) == (CANCELLED, "Stopped on request; nothing was kept.")
    assert ended.share == 0.3


def test_a_job_of_an_unknown_kind_fails_and_the_worker_goes_on(queue: Queue) -> None:
    job_id = queue.submit("format-disk", {})
    claimed = queue.claim()
    assert claimed is not None
    worker.run(queue, claimed)
    assert job(queue, job_id).state == FAILED


HANGING = """
import sys, time
from pathlib import Path
from app.jobs import Queue
queue = Queue(Path(sys.argv[1]))
job = queue.claim()
queue.report(job.id, 0.5, "half way")
print(job.id, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hanging(queue: Queue) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that has claimed the first job and never ends it."""
    queue.submit("predict", {})
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING, str(queue.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_a_running_job_of_a_live_process_is_not_buried(queue: Queue, hanging: subprocess.Popen[str]) -> None:
    assert hanging.stdout is not None
    job_id = hanging.stdout.readline().strip()
    assert queue.bury() == []
    assert job(queue, job_id).state == RUNNING
    assert job(queue, job_id).pid == hanging.pid


def test_a_killed_process_costs_its_own_job_and_the_next_one_runs(
    queue: Queue, hanging: subprocess.Popen[str], run_as: Callable[..., Job]
) -> None:
    assert hanging.stdout is not None
    job_id = hanging.stdout.readline().strip()
    hanging.send_signal(signal.SIGKILL)
    until(lambda: not is_alive(hanging.pid))
    assert queue.bury() == [job_id]
    buried = job(queue, job_id)
    assert (buried.state, buried.message) == (FAILED, "The worker process ended before the run did; run it again.")
    assert run_as(lambda *_: {}).state == DONE


def test_the_supervisor_replaces_a_killed_worker_and_the_waiting_job_gets_its_turn(queue: Queue) -> None:
    with Supervisor(queue.folder) as supervisor:
        first = until(lambda: supervisor._worker and is_alive(supervisor._worker.pid) and supervisor._worker.pid)
        os.kill(first, signal.SIGKILL)
        job_id = queue.submit("format-disk", {})
        ended = until(lambda: (found := queue.get(job_id)) and found.has_ended and found)
        assert ended.state == FAILED  # of its unknown kind: the new worker looked at it
        assert ended.pid != first
        last = ended.pid
    until(lambda: not is_alive(last))


def test_a_look_at_files_waits_for_no_long_run_and_a_light_worker_takes_nothing_else(queue: Queue) -> None:
    assert not queue.keeps_light_waiting()
    names = {queue.submit(kind, {}): kind for kind in ("predict", "ingest", "look", "check-validate")}
    assert not queue.keeps_light_waiting()  # the worker is free, and takes them itself
    claimed = [queue.claim(), queue.claim(light=True), queue.claim(light=True), queue.claim()]
    assert [names[one.id] if one else None for one in claimed] == ["look", "check-validate", None, "predict"]
    check, more = queue.get(queue.submit("check", {})), queue.get(queue.submit("predict", {}))
    assert queue.keeps_light_waiting()
    assert check is not None
    assert more is not None
    assert (queue.position(check), queue.position(more)) == (2, 5)


class Started:
    """A worker that runs until it is told to end."""

    def __init__(self, *options: str) -> None:
        self.options, self.ended = options, False

    def poll(self) -> int | None:
        return 0 if self.ended else None

    def terminate(self) -> None:
        self.ended = True


def test_the_supervisor_starts_a_second_worker_for_light_jobs_alone_and_one_at_a_time(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Started] = []
    monkeypatch.setattr(Supervisor, "_started", lambda _, *options: started.append(Started(*options)) or started[-1])
    queue.submit("predict", {})
    running = queue.claim()
    queue.submit("look", {})
    with Supervisor(queue.folder):
        until(lambda: len(started) == 2)
        assert [one.options for one in started] == [(), ("--light", "--once")]
        looked = queue.claim(light=True)
        assert running is not None
        assert looked is not None
        queue.end(looked.id, DONE)
        started[1].ended = True
        queue.submit("check", {})
        until(lambda: len(started) == 3)
    assert all(one.ended for one in started)
