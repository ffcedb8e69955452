"""What is left of a tab that was closed: its session at once, and its memory soon.

Bokeh keeps the session of a closed tab for a while in case that its page comes back. Ours never does: a page that lost
its socket loads anew (connection.js). A session is a ring of objects that Python finds when it looks for garbage, and
it looks late: it goes by how often it looked before, and not while a page is made.
"""

from __future__ import annotations

import ctypes
import gc
import time
from functools import cache
from typing import Any
from weakref import WeakSet

from bokeh.server.session import ServerSession
from tornado.ioloop import IOLoop

_MARK = "_loam_ends_at_once"
REST_S, LONG_S, SHARE, TRIES = 0.5, 5.0, 0.05, 3
"""How long after a tab was closed its memory is looked for at least and at most [s], which share of the server's time
that may take between these, and how often it is looked again for a tab that something still holds (ours)."""


def install() -> None:
    """End sessions so from now on; once is enough."""
    if not hasattr(ServerSession, _MARK):
        _end_at_once(ServerSession)
        setattr(ServerSession, _MARK, True)


def _end_at_once(kind: type[Any]) -> None:
    leave = kind.unsubscribe

    def left(self: Any, connection: Any) -> None:
        leave(self, connection)
        if not self.connection_count and not self.document.config.reconnect_session:
            self.request_expiration()

    kind.unsubscribe = left


class Sweep:
    """Looks for the memory of closed tabs, once for those that are closed within a short time."""

    def __init__(self) -> None:
        self._closed, self._waits, self._tries, self._took = WeakSet[Any](), False, 0, 0.0

    def closed(self, document: Any) -> None:
        """A tab was closed: look soon for what it held."""
        self._closed.add(document)
        self._tries = TRIES
        self._ask()

    def look(self) -> None:
        """Look now; again later if a closed tab is still held, as by what it had begun."""
        start = time.thread_time()
        gc.collect()
        _give_back()
        self._took, self._waits, self._tries = time.thread_time() - start, False, self._tries - 1
        if self._tries > 0 and len(self._closed):
            self._ask()

    def _ask(self) -> None:
        if not self._waits:
            self._waits = True
            IOLoop.current().call_later(min(max(REST_S, self._took / SHARE), LONG_S), self.look)


@cache
def _trim() -> Any:
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)  # the C library of most Linux has it, no other
    except (OSError, TypeError):  # where a process is not a library, as on Windows
        return None


def _give_back() -> None:
    """Let the system have the memory that is free: the C library would keep it."""
    trim = _trim()
    if trim is not None:
        trim(0)
