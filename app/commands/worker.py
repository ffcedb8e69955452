"""``loam worker``: run the jobs of a queue, one after another; started by the server."""

from __future__ import annotations

import logging
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from app.catalogue import adding
from app.files import exporting
from app.inference import prediction
from app.jobs import CANCELLED, DONE, FAILED, STOPPED, Job, Queue, is_alive
from app.validation import request as validation
from smcore.errors import Cancelled, SmcoreError

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.15
REPORT_SECONDS = 0.1
CANCEL_SECONDS = 0.1


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of the queue.")],
    parent: Annotated[int, typer.Option(help="Stop when this process is gone.")] = 0,
    once: Annotated[bool, typer.Option("--once", help="Stop when the queue is empty.")] = False,
    light: Annotated[bool, typer.Option("--light", help="Only look-ups and checks, beside another worker.")] = False,
) -> None:
    """Run the waiting jobs of a queue until told to stop."""
    queue = Queue(folder)
    adding.sweep(queue)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit(0)))
    while not parent or is_alive(parent):
        job = queue.claim(light=light)
        if job is not None:
            run(queue, job)
        elif once:
            return
        else:
            time.sleep(IDLE_SECONDS)


def run(queue: Queue, job: Job) -> None:
    """Run one job to its end, whatever that is."""
    watch = _Watch(queue, job.id)
    try:
        result = _KINDS[job.kind](job.request, queue.path(job.id), watch.progress, watch.cancelled)
    except Cancelled:
        queue.end(job.id, CANCELLED, STOPPED)
    except SmcoreError as error:
        queue.end(job.id, FAILED, error.sentence)
    except SystemExit:
        queue.end(job.id, FAILED, "The server was stopped before the run ended; run it again.")
        raise
    except Exception as error:
        log.exception("job %s failed", job.id)
        queue.end(job.id, FAILED, f"Something unexpected went wrong ({type(error).__name__}); see the server's log.")
    else:
        queue.end(job.id, DONE, result=result)


class _Watch:
    """Progress and cancel of one job, throttled so that the queue is not written a thousand times a second."""

    def __init__(self, queue: Queue, job_id: str) -> None:
        self.queue, self.job_id = queue, job_id
        self._reported = self._asked = 0.0
        self._answer = False

    def progress(self, share: float, doing: str) -> None:
        """Store how far the job is."""
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS or share >= 1.0:
            self._reported = now
            self.queue.report(self.job_id, share, doing)

    def cancelled(self) -> bool:
        """Whether the user asked to stop."""
        now = time.monotonic()
        if not self._answer and now - self._asked >= CANCEL_SECONDS:
            self._asked = now
            self._answer = self.queue.is_cancelled(self.job_id)
        return self._answer


_KINDS = {
    "predict": prediction.run_job,
    "check": prediction.check_job,
    "validate": validation.run_job,
    "check-validate": validation.check_job,
    adding.LOOK: adding.look_job,
    adding.INGEST: adding.ingest_job,
    exporting.EXPORT: exporting.export_job,
}
