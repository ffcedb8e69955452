"""Let one Python thread at a time into the parallel kernels.

Where numba finds neither TBB nor OpenMP it falls back on its own ``workqueue`` threads, and those end the process when
two Python threads enter a parallel loop at once, as they may in the app or under a threaded scheduler. With OpenMP two
such loops are safe but fight for the same cores. So each parallel kernel waits for the one before it; threads that
read and decode meanwhile go on.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
T = TypeVar("T")

_ONE = threading.RLock()


def alone(kernel: Callable[P, T]) -> Callable[P, T]:
    """Wrap a parallel kernel so that no other wrapped one runs at the same time; written above ``numba.njit``."""

    @functools.wraps(kernel)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with _ONE:
            return kernel(*args, **kwargs)

    return run


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Let the parallel kernels inside use this thread only: for one location, waking the others costs more than it."""
    number = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(number)


def threads() -> int:
    """How many threads the compiled loops may use: work beside them keeps to the same number."""
    return int(numba.get_num_threads())
