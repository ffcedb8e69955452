"""The queue takes so many jobs and no more, also when many ask at one moment."""

from __future__ import annotations

import threading
from pathlib import Path

from app.jobs import MAX_QUEUED, QUEUED, Queue
from smcore.errors import SmcoreError


def test_many_at_once_do_not_get_more_places_than_there_are(tmp_path: Path) -> None:
    queue, refused, start = Queue(tmp_path / "jobs"), list[str](), threading.Barrier(2 * MAX_QUEUED)
    assert queue.recent() == []

    def ask() -> None:
        start.wait()
        try:
            queue.submit("predict", {})
        except SmcoreError as error:
            refused.append(error.sentence)

    askers = [threading.Thread(target=ask) for _ in range(2 * MAX_QUEUED)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(refused) == MAX_QUEUED
    assert [job.state for job in queue.recent(100)] == [QUEUED] * MAX_QUEUED
    assert sorted(job.number for job in queue.recent(100)) == list(range(1, MAX_QUEUED + 1))
