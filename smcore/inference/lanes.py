"""Calls of a model side by side, each in a thread of its own.

On CUDA one call is copied there while another is computed. On a processor, a network that goes through time step by
step makes thousands of small products, and sharing each of them among the threads costs a meeting of all threads a
step: on a busy machine, where one of them is always late, seven times the time. There each lane computes calls of its
own with one thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from smcore.inference.precision import networks_of
from smcore.models.base import SoilMoistureModel

Submit = Callable[..., Future[Any]]

_lock = threading.Lock()
_single: tuple[int, ThreadPoolExecutor] | None = None


def goes_through_time(model: SoilMoistureModel) -> bool:
    """Whether one of its networks is a recurrence over the series of single cells."""
    from torch import nn

    if model.spec.spatial:
        return False
    parts = (part for network in networks_of(model) for part in network.modules())
    return any(isinstance(part, nn.RNNBase | nn.RNNCellBase) for part in parts)


def lanes_of(model: SoilMoistureModel, device: str) -> int:
    """How many calls of a model are worth being at work together: threads for a recurrence, else 1; 2 on CUDA."""
    import torch

    if device == "cuda":
        return 2
    return torch.get_num_threads() if goes_through_time(model) else 1


@contextmanager
def side_by_side(lanes: int, device: str) -> Iterator[Submit]:
    """Give what begins a call; at the end, calls that nobody waited for are dropped, or waited for."""
    begun: list[Future[Any]] = []

    def remembered(submit: Submit, *work: Any) -> Future[Any]:
        begun[:] = [future for future in begun if not future.done()]
        begun.append(submit(*work))
        return begun[-1]

    if lanes == 1:
        yield _now
        return
    if device == "cuda":
        with ThreadPoolExecutor(lanes, initializer=_own_stream) as pool:
            yield pool.submit
        return
    own = _threads(lanes)
    try:
        yield lambda *work: remembered(own.submit, *work)
    finally:
        for future in begun:
            future.cancel()
        wait(begun)


def _threads(count: int) -> ThreadPoolExecutor:
    """Threads for which torch works alone; made once, and shared by all predictions of the process.

    torch has no way to say how many threads *one* thread may use: what is set in it holds for threads to come as well.
    So all of them begin together, and the number that held before is put back at once.
    """
    global _single

    with _lock:
        if _single is None or _single[0] < count:  # who uses a smaller one goes on with it
            _single = count, _new_threads(count)
        return _single[1]


def _new_threads(count: int) -> ThreadPoolExecutor:
    import torch

    before = torch.get_num_threads()
    everyone = threading.Barrier(count + 1)
    pool = ThreadPoolExecutor(count, thread_name_prefix="lane")
    try:
        for _ in range(count):
            pool.submit(_alone, everyone)
        everyone.wait()
    except BaseException:  # no more threads can be had: those that began must not wait for the others
        everyone.abort()
        pool.shutdown(wait=False)
        raise
    finally:
        torch.set_num_threads(before)
    return pool


def _forget() -> None:
    """In a forked process, where no thread of these is left."""
    global _lock, _single
    _lock, _single = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _alone(everyone: threading.Barrier) -> None:
    import torch

    torch.get_num_threads()  # takes the number that holds for all; left undone, that would be done after the next line
    torch.set_num_threads(1)
    everyone.wait()


def _now(work: Any, *arguments: Any) -> Future[Any]:
    """Do the work here and now."""
    future: Future[Any] = Future()
    try:
        future.set_result(work(*arguments))
    except (MemoryError, RuntimeError) as error:
        future.set_exception(error)
    return future


def _own_stream() -> None:
    """Give this thread a stream of its own, so that its copies run beside the computing of others."""
    import torch

    torch.cuda.set_stream(torch.cuda.Stream())  # type: ignore[no-untyped-call]
