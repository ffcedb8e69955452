"""The one boundary between a fault and the user: a sentence on the screen, the rest in the log."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

import panel as pn

from app.page.language import tr
from app.page.words import said_of
from smcore.errors import SmcoreError

log = logging.getLogger(__name__)
T = TypeVar("T")


def notify(sentence: str, kind: str = "error") -> None:
    """Show a sentence to this session's user."""
    notifications = pn.state.notifications
    if notifications is not None:
        text = html.escape(sentence, quote=False)  # the notice is HTML, and a sentence may hold names from data
        getattr(notifications, kind)(text, duration=8000 if kind == "error" else 3000)
    else:
        log.info("%s", sentence)


def guarded(action: Callable[..., Any]) -> Callable[..., Any]:
    """The one boundary: a user's mistake becomes its sentence; anything else is logged and said to be unexpected."""

    @wraps(action)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return action(*args, **kwargs)
        except SmcoreError as error:
            notify(said_of(error))
        except Exception:
            log.exception("unexpected fault in %s", getattr(action, "__qualname__", action))
            notify(tr("Something unexpected went wrong; it is in the server's log. Your selection is kept."))
        return None

    return run


class _Act:
    """An act of the user that is under way, and what was put off to its end."""

    def __init__(self) -> None:
        self.is_over = False
        self.waiting: list[Callable[[], Any]] = []
        self.known: dict[Hashable, Any] = {}

    def end(self) -> None:
        while self.waiting:
            guarded(self.waiting.pop(0))()
        self.is_over = True


_ACT: ContextVar[_Act | None] = ContextVar("act", default=None)


def _under_way() -> _Act | None:
    act = _ACT.get()
    return None if act is None or act.is_over else act  # what an act scheduled for later runs in a copy of its context


def together(action: Callable[..., Any]) -> Callable[..., Any]:
    """Send all that follows from one act of the user as one message: the browser then repaints once."""

    @wraps(action)
    def run(*args: Any) -> Any:
        if _under_way() is not None:
            return action(*args)
        with pn.io.hold():
            act = _Act()
            token = _ACT.set(act)
            try:
                return action(*args)
            finally:
                act.end()
                _ACT.reset(token)

    return run


def at_the_end(action: Callable[[], Any]) -> None:
    """Do it when all else that follows from the user's act was done, in the same message; without one, a tick later."""
    act, document = _under_way(), pn.state.curdoc
    if act is not None:
        act.waiting.append(action)
    elif document is not None and document.session_context:
        document.add_next_tick_callback(guarded(action))
    else:
        guarded(action)()


def once_an_act(key: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, asked once while an act of the user is under way: files are looked at once for all views."""
    act = _under_way()
    if act is None:
        return make()
    if key not in act.known:
        act.known[key] = make()
    found: T = act.known[key]
    return found


def told(action: Callable[[], Any]) -> Callable[[], Any]:
    """Tell the user of a mistake before it goes on: for callbacks that must give a value or raise."""

    @wraps(action)
    def run() -> Any:
        try:
            return action()
        except SmcoreError as error:
            notify(said_of(error))
            raise

    return run


def follow(owner: Any, names: list[str], action: Callable[[], Any]) -> None:
    """Run ``action`` whenever one of the parameters changes, once for changes that come together."""
    safe = guarded(action)
    owner.param.watch(lambda *_: safe(), names)
