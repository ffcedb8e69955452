"""The neighbouring steps of the one on the map, read ahead so that the next one is there when it is asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import panel as pn

from app.map.combined_frames import is_costly
from app.page.background import is_closed
from app.page.boundary import guarded
from smcore.errors import SmcoreError
from smcore.maps import View

if TYPE_CHECKING:
    from app.store import Store

log = logging.getLogger(__name__)

NEIGHBOURS = (1, -1, 2, 3)
"""Steps from the one on the map, in the order in which they are read."""


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="loam-ahead")


class Prefetch:
    """Reads the neighbours of one tab's step into the store's cache; what is no longer wanted is not read."""

    def __init__(self, store: Store, view: Callable[[], View]) -> None:
        self._store, self._view = store, view
        self._stop = threading.Event()

    def on_frame(self, attr: str, old: Any, new: Any) -> None:  # noqa: ARG002 — bokeh wants these three
        """A frame was sent: its neighbours may be wanted next."""
        guarded(self.ask)()

    def ask(self) -> None:
        """Read the neighbours of the step that the map shows now, and forget those of the one before."""
        self._stop.set()
        entry, document = self._store.entry, pn.state.curdoc
        view = self._view()
        if entry is None or self._store.ranges.is_on or is_costly(self._store, view):
            return
        self._stop = stop = threading.Event()
        step, count = self._store.step(entry), len(self._store.times(entry))
        steps = [step + by for by in NEIGHBOURS if 0 <= step + by < count]
        if document is None or not document.session_context:
            read_ahead(self._store, entry, steps, view, stop.is_set)
        else:
            ended = lambda: stop.is_set() or is_closed(document)  # noqa: E731
            _thread().submit(read_ahead, self._store, entry, steps, view, ended)


def read_ahead(store: Store, entry: Any, steps: list[int], view: View, ended: Callable[[], bool]) -> None:
    """Read the field of each step for a view, until all are read or nobody wants them; a fault is the map's to tell."""
    try:
        gather = store.gather(entry, view)
        for step in steps:
            if ended() or gather.is_empty:
                return
            store.on_map(entry, step, gather)
    except SmcoreError as error:
        log.info("not read ahead: %s", error.sentence)
    except Exception:
        log.exception("not read ahead")
