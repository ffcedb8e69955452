"""A bounded cache shared by the sessions of one process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class BoundedCache:
    """The last results of costly reads, at most ``size`` of them, shared by all sessions of the process.

    ``most_bytes`` bounds the memory of the arrays among them as well; the last one is kept however large it is.
    """

    def __init__(self, size: int, most_bytes: int | None = None) -> None:
        self._size, self._most_bytes, self._bytes = size, most_bytes, 0
        self._items, self._lock = OrderedDict[Hashable, Any](), threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result kept under ``key``, or that of ``make``; two threads may both make it, and one is kept."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
        value = make()
        self.put(key, value)
        return value

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a result."""
        with self._lock:
            self._bytes += _bytes(value) - _bytes(self._items.pop(key, None))
            self._items[key] = value
            while len(self._items) > self._size or self._is_heavy():
                self._bytes -= _bytes(self._items.popitem(last=False)[1])

    def peek(self, key: Hashable) -> Any:
        """The result kept under ``key``; None where there is none."""
        with self._lock:
            return self._items.get(key)

    def _is_heavy(self) -> bool:
        return self._most_bytes is not None and self._bytes > self._most_bytes and len(self._items) > 1


def _bytes(value: Any) -> int:
    return int(getattr(value, "nbytes", 0))
