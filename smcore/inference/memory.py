"""Memory that the layers of a network free and take again, thousands of times in a prediction.

By default the GNU allocator gives a block of some size back to the system when it is freed, and the next layer's result
is then faulted in page by page: half of the time of a network of many small layers (TsSMNet, 57 → 27 µs a row). While
something is predicted, freed memory stays with the process, and a few seconds longer, as the next window is often drawn
at once; then all of it is given back.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_TRIM, _MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_KEPT: Final = 512 * 2**20
_OWN: Final = 64 * 2**20
"""What the allocator itself goes up to: freed memory that it keeps."""
_LARGEST: Final = 32 * 2**20
"""The largest block that may come from kept memory: the allocator allows no more."""

LINGER: Final = 5.0
"""Seconds after a prediction for which it is kept."""

_lock = threading.Lock()
_predictions = 0
_end: threading.Timer | None = None


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory for the next layer; :data:`LINGER` after the last of several predictions it is given back."""
    global _predictions, _end
    with _lock:
        _predictions += 1
        if _end is not None:
            _end.cancel()
            _end = None
        if _predictions == 1:
            _set(_KEPT)
    try:
        yield
    finally:
        with _lock:
            _predictions -= 1
            last = _predictions == 0
        if last and not sys.is_finalizing():  # no thread begins any more then, and who waits for one waits forever
            _later()


def _later() -> None:
    """Give the memory back in a while, or at once where no thread can be had for that."""
    global _end
    end = threading.Timer(LINGER, _give_back)
    end.daemon = True
    try:
        end.start()
    except RuntimeError:
        _give_back()
        return
    with _lock:
        _end = end


def _give_back() -> None:
    with _lock:
        if _predictions == 0:
            _set(_OWN)
            _call("malloc_trim", 0)


def _set(kept: int) -> None:
    _call("mallopt", _MMAP, _LARGEST)
    _call("mallopt", _TRIM, kept)


def _call(name: str, *arguments: int) -> None:
    """Call a function of the allocator; of another one than GNU's, nothing is known and nothing done."""
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return
    function(*arguments)
