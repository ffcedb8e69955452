"""Tasks done by several processes, here or on other machines: futures of Dask, and nothing else of it.

A task is a number; ``work(request, number)`` does it in any process, more than once if need be, always with the same
result. So a process that dies costs a repetition, and who did what leaves no trace in the result.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from smcore import __version__
from smcore.errors import SmcoreError
from smcore.progress import Cancel, Progress, check, never, quiet

Work = Callable[[str, int], Any]

ATTEMPTS: Final = 3
"""How often a task is tried before it has failed."""

_AHEAD: Final = 3
"""Tasks that wait or run for each process: enough that none is idle, few enough that results do not pile up."""

_LOOK_AFTER: Final = 0.2
_LOOK_UP_AFTER: Final = 1.0
_CONNECT_SECONDS: Final = 6
_BUSY = threading.Lock()


@dataclass(frozen=True)
class Workers:
    """Where the work is done.

    Parameters
    ----------
    scheduler
        Address of a running Dask scheduler, as ``tcp://host:8786``; its workers need the same stores at the same paths
        and the same version of Loam.
    count
        Processes to start on this machine where there is no scheduler; 0 and 1 mean none but this one.
    memory_limit
        Of each started process, as ``2GB``; beyond it, it is stopped and its task done again. None shares out what the
        machine has.

    Raises
    ------
    SmcoreError
        If they contradict each other.
    """

    scheduler: str | None = None
    count: int = 0
    memory_limit: str | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise SmcoreError(f"--workers {self.count} is no number of processes", hint="give 2 or more")
        if self.scheduler is not None and self.count:
            raise SmcoreError("--workers and --scheduler exclude each other", hint="the scheduler has its own workers")
        if self.memory_limit is None:
            return
        if self.count < 2:
            raise SmcoreError("--memory-limit limits processes, and none are started", hint="add --workers 2")
        from dask.utils import parse_bytes

        try:
            parse_bytes(self.memory_limit)
        except ValueError as error:
            raise SmcoreError(
                f"{self.memory_limit!r} is no amount of memory", where="--memory-limit", hint="write it as 2GB"
            ) from error

    @property
    def bytes_each(self) -> int | None:
        """The memory limit of each started process [bytes], where one was given."""
        if self.memory_limit is None:
            return None
        from dask.utils import parse_bytes

        return int(parse_bytes(self.memory_limit))

    @property
    def is_here(self) -> bool:
        """Whether this process does all of it."""
        return self.scheduler is None and self.count < 2


def compute(
    work: Work,
    request: str,
    tasks: Sequence[int],
    *,
    workers: Workers,
    failed: Callable[[int, str], Any],
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Iterator[tuple[int, Any]]:
    """Do the ``tasks``, and give each with its result as it is done, in any order.

    Parameters
    ----------
    work
        A function of a module that the workers have; it makes what it needs of the request once in a process.
    failed
        What stands for a task that has failed :data:`ATTEMPTS` times, made here of its number and of what went wrong.
    progress
        Told the number of processes, and what is waited for.

    Raises
    ------
    SmcoreError
        If there is no scheduler, or the request itself can't be met.
    Cancelled
        If the user asked to stop; within a second, whatever the workers are at.
    """
    with _client(workers) as client:
        if workers.scheduler is not None:
            _check_versions(client)
        yield from _Futures(client, work, request, failed, progress, cancelled).run(tasks)


class _Futures:
    """Few futures at a time, in flight until their results are here.

    A process that dies takes all tasks with it that waited for it. They are suspects: each is tried again when all
    others are done, alone, so that the one that ends processes costs no other.
    """

    def __init__(
        self, client: Any, work: Work, request: str, failed: Callable[[int, str], Any], progress: Progress,
        cancelled: Cancel,
    ) -> None:  # fmt: skip
        self._client, self._work, self._request, self._failed = client, work, request, failed
        self._progress, self._cancelled = progress, cancelled
        self._run = uuid.uuid4().hex[:12]
        self._attempts: Counter[int] = Counter()
        self._flying: dict[Any, int] = {}
        self._suspects: deque[int] = deque()
        self._landed: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._looked, self._found = -_LOOK_UP_AFTER, 0

    def run(self, tasks: Sequence[int]) -> Iterator[tuple[int, Any]]:
        waiting, total, done = deque(tasks), len(tasks), 0
        try:
            while waiting or self._suspects or self._flying:
                check(self._cancelled)
                while waiting and len(self._flying) < self._room():
                    self._submit(waiting.popleft())
                if self._suspects and not self._flying:
                    self._submit(self._suspects.popleft())
                future = self._next()
                if future is None:
                    continue
                task = self._flying.pop(future)
                for result in self._result(future, task, waiting):
                    done += 1
                    self._progress(done / total, f"{done} of {total} tiles, {self._processes()} processes")
                    yield task, result
        finally:
            self._client.cancel(list(self._flying), force=True)
            self._flying.clear()

    def _submit(self, task: int) -> None:
        self._attempts[task] += 1
        key = f"loam-{self._run}-{task}-{self._attempts[task]}"
        future = self._client.submit(_alone, self._work, self._request, task, key=key, pure=False)
        self._flying[future] = task
        future.add_done_callback(self._landed.put)

    def _next(self) -> Any:
        """A future that is done; None if none is after a moment."""
        try:
            return self._landed.get(timeout=_LOOK_AFTER)
        except queue.Empty:
            if not self._processes():
                self._progress(0.0, "waiting for workers")
            return None

    def _result(self, future: Any, task: int, waiting: deque[int]) -> Iterator[Any]:
        """The result of a task; what stands for it after the last attempt; nothing if it is tried again."""
        error = future.exception() if future.status == "error" else None
        if future.status == "finished":
            try:
                yield future.result(timeout=60)
                return
            except (OSError, TimeoutError) as lost:  # the worker went before it could hand it over
                error = lost
        if isinstance(error, SmcoreError):  # of the request itself, so every task would raise it
            raise error
        if self._attempts[task] < ATTEMPTS:
            (self._suspects if _is_killed(error) else waiting).append(task)
            return
        yield self._failed(task, _sentence(error))

    def _processes(self) -> int:
        """Number of processes, looked up now and then: it is a call of the scheduler."""
        now = time.monotonic()
        if now - self._looked > _LOOK_UP_AFTER:
            self._looked, self._found = now, len(self._client.nthreads())
        return self._found

    def _room(self) -> int:
        return max(2, _AHEAD * self._processes())


def _alone(work: Work, request: str, task: int) -> Any:
    """Do one task at a time in a process, however many threads it has: compiled loops have threads of their own."""
    with _BUSY:
        return work(request, task)


def _is_killed(error: BaseException | None) -> bool:
    return type(error).__name__ == "KilledWorker"


def _sentence(error: BaseException | None) -> str:
    if _is_killed(error):
        return f"the processes that worked on it were stopped, {ATTEMPTS} times; they may need more memory"
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _client(workers: Workers) -> Iterator[Any]:
    """A client of the scheduler, or of processes that are started for it; all is closed at the end."""
    from dask import config
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is told in sentences of our own
    with config.set({"distributed.scheduler.allowed-failures": 0}):  # attempts are counted here
        if workers.scheduler is not None:
            client = _connect(workers.scheduler)
            try:
                yield client
            finally:
                client.close(timeout=1)
            return
        cluster = _cluster(workers)
        try:
            with Client(cluster, set_as_default=False) as client:
                yield client
        except BaseException:
            _kill(cluster)
            raise
        finally:
            cluster.close(timeout=10)


def _connect(address: str) -> Any:
    from distributed import Client

    client: Any = Client.__new__(Client)
    try:
        client.__init__(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # what answers there may be anything
        client.status = "closed"  # or it would try to say good-bye, for long
        raise SmcoreError(
            "There is no scheduler at this address", where=f"--scheduler {address}",
            hint="start one with dask-scheduler and give the address that it prints, as tcp://host:8786",
        ) from error  # fmt: skip
    return client


def _cluster(workers: Workers) -> Any:
    """Processes on this machine, one thread each; together they use the cores that there are."""
    from distributed import LocalCluster

    threads = str(max(1, (os.cpu_count() or 1) // workers.count))
    return LocalCluster(
        n_workers=workers.count,
        threads_per_worker=1,
        processes=True,
        memory_limit=workers.memory_limit or "auto",
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
        silence_logs=logging.CRITICAL,
        env={"NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
    )


def _kill(cluster: Any) -> None:
    """End the processes at once: nobody waits for what they are at."""
    for nanny in list(cluster.workers.values()):
        process = getattr(getattr(nanny, "process", None), "process", None)
        if process is not None and process.is_alive():
            process.kill()


def _check_versions(client: Any) -> None:
    """Refuse workers with another version of Loam, or none."""
    try:
        found = set(client.run(_version).values())
    except Exception as error:  # whatever a foreign worker makes of our function
        raise SmcoreError("The workers of the scheduler can't run Loam", where=_sentence(error)) from error
    others = sorted(found - {__version__})
    if others:
        raise SmcoreError(f"A worker has Loam {others[0]}, and this is {__version__}", hint="install one version")


def _version() -> str:
    return __version__
