"""Work of a tab that takes longer than a moment: off the server's thread, the latest request only, told as it goes.

A run of a model is not such work: it is a job in a process of its own (:mod:`app.jobs`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import panel as pn

from app.page.boundary import guarded, together
from app.page.language import current, tr, within
from smcore.errors import Cancelled, SmcoreError
from smcore.progress import Cancel, Progress, quiet

log = logging.getLogger(__name__)

THREADS = 2
EVERY_S = 0.15
"""Seconds between two messages of progress at least."""

PAINTED_MS = 150
"""How long a browser is given to paint what an act has changed, before more is sent (ours)."""

Work = Callable[[Progress, Cancel], Any]


@cache
def _threads(lane: str = "") -> ThreadPoolExecutor:
    """The threads of all tabs; what takes minutes has a lane of one thread, that no picture waits for it."""
    return ThreadPoolExecutor(1 if lane else THREADS, thread_name_prefix=f"loam-{lane or 'background'}")


class Latest:
    """One piece of work of one tab at a time: a newer one ends an older one, whose result is then dropped.

    Without a document (in a test or a script) the work is done at once, in the calling thread.

    Parameters
    ----------
    lane
        Of work that may take minutes: one piece of a lane runs at a time, of all tabs, and holds up no other work.
    """

    def __init__(self, lane: str = "") -> None:
        self._stop, self._lane = threading.Event(), lane

    def start(
        self,
        work: Work,
        done: Callable[[Any], None],
        *,
        told: Callable[[float, str], None] = quiet,
        failed: Callable[[SmcoreError], None] | None = None,
    ) -> None:
        """Begin; ``told``, ``done`` and ``failed`` are called under the document's lock, and never after a newer start.

        Parameters
        ----------
        failed
            Is given the error of work that fails; without it the error goes the way of any callback's.
        """
        self.stop()
        self._stop = stop = threading.Event()
        document = pn.state.curdoc
        if document is None or not document.session_context:
            _run(work, stop, lambda call: call(), done, told, failed)
            return

        def deliver(call: Callable[[], None]) -> None:
            if not is_closed(document):
                document.add_next_tick_callback(guarded(lambda: None if stop.is_set() else call()))

        def ended() -> bool:
            return stop.is_set() or is_closed(document)

        _threads(self._lane).submit(within, current(), _run, work, stop, deliver, done, told, failed, ended)

    def stop(self) -> None:
        """End what is under way, without a result."""
        self._stop.set()


class Later:
    """What follows an act but need not be in its message: once the browser has painted, and the newest only.

    Without a document (in a test or a script) it is done at once.
    """

    def __init__(self) -> None:
        self._waiting: Callable[[], None] | None = None

    def start(self, action: Callable[[], None], *, ms: int = PAINTED_MS) -> None:
        """Do it ``ms`` milliseconds from now, under the document's lock; what still waits of before is forgotten."""
        document = pn.state.curdoc
        if document is None or not document.session_context:
            self._waiting = None
            action()
            return
        self._waiting = action

        def go() -> None:
            if self._waiting is action:
                self.now()

        document.add_timeout_callback(guarded(together(go)), ms)

    def now(self) -> None:
        """Do at once what waits, if anything does."""
        action, self._waiting = self._waiting, None
        if action is not None:
            action()

    def stop(self) -> None:
        """Forget what waits."""
        self._waiting = None

    @property
    def waits(self) -> bool:
        """Whether something is still to be done."""
        return self._waiting is not None


def is_closed(document: Any) -> bool:
    """Whether the tab of a document is gone."""
    context = document.session_context
    return context is None or bool(getattr(context, "destroyed", False))


def _run(
    work: Work,
    stop: threading.Event,
    deliver: Callable[[Callable[[], None]], None],
    done: Callable[[Any], None],
    told: Callable[[float, str], None],
    failed: Callable[[SmcoreError], None] | None,
    ended: Cancel | None = None,
) -> None:
    last = 0.0

    def progress(share: float, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY_S:
            last = now
            deliver(lambda: told(share, what))

    ended = ended or stop.is_set
    try:
        result = work(progress, ended)
    except Cancelled:
        return
    except SmcoreError as error:
        fault = error
        deliver(lambda: (failed or _raise)(fault))
    except Exception:
        log.exception("unexpected fault in the background")
        deliver(
            lambda: (failed or _raise)(SmcoreError(tr("Something unexpected went wrong; it is in the server's log")))
        )
    else:
        if not ended():
            deliver(lambda: done(result))


def _raise(error: SmcoreError) -> None:
    raise error
