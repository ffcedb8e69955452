"""The one boundary between a fault and the user: a sentence on the screen, the rest in the log."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import panel as pn

from smcore.errors import SmcoreError

log = logging.getLogger(__name__)


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
            notify(error.sentence)
        except Exception:
            log.exception("unexpected fault in %s", getattr(action, "__qualname__", action))
            notify("Something unexpected went wrong; it is in the server's log. Your selection is kept.")
        return None

    return run


def together(action: Callable[..., Any]) -> Callable[..., Any]:
    """Send all that follows from one act of the user as one message: the browser then repaints once."""

    @wraps(action)
    def run(*args: Any) -> Any:
        with pn.io.hold():
            return action(*args)

    return run


def told(action: Callable[[], Any]) -> Callable[[], Any]:
    """Tell the user of a mistake before it goes on: for callbacks that must give a value or raise."""

    @wraps(action)
    def run() -> Any:
        try:
            return action()
        except SmcoreError as error:
            notify(error.sentence)
            raise

    return run


def follow(owner: Any, names: list[str], action: Callable[[], Any]) -> None:
    """Run ``action`` whenever one of the parameters changes, once for changes that come together."""
    safe = guarded(action)
    owner.param.watch(lambda *_: safe(), names)
