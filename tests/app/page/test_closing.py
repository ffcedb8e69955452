"""A closed tab ends at once, and its memory is looked for soon, rarely, and again where something still holds it."""

from __future__ import annotations

import gc
import time
from types import SimpleNamespace
from typing import Any

import pytest
from bokeh.document import Document
from bokeh.server.connection import ServerConnection
from bokeh.server.session import ServerSession
from tornado.ioloop import IOLoop

from app.page import closing


class Ring:
    """A tab: an object that holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Any]]:
    """What a loop is asked to call later, and after how long."""
    found: list[tuple[float, Any]] = []
    loop = SimpleNamespace(call_later=lambda after, action: found.append((after, action)))
    monkeypatch.setattr(IOLoop, "current", lambda: loop)
    return found


def test_tabs_that_close_together_are_looked_for_once(asked: list[Any]) -> None:
    sweep = closing.Sweep()
    gc.disable()
    try:
        for _ in range(7):
            sweep.closed(Ring())
        assert (len(sweep._closed), [after for after, _ in asked]) == (7, [closing.REST_S])
        asked.pop()[1]()
    finally:
        gc.enable()
    assert (len(sweep._closed), asked) == (0, [])


def test_a_tab_that_something_holds_is_looked_for_again_but_not_for_ever(asked: list[Any]) -> None:
    sweep, held = closing.Sweep(), Ring()
    sweep.closed(held)
    looks = 0
    while asked:
        looks += 1
        asked.pop()[1]()
    assert (looks, len(sweep._closed)) == (closing.TRIES, 1)
    del held
    sweep.closed(Ring())
    asked.pop()[1]()
    assert (len(sweep._closed), asked) == (0, [])


def test_looking_takes_a_small_share_of_the_time(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.1, 20.0, 29.0])
    monkeypatch.setattr(time, "thread_time", lambda: next(clock))
    sweep, rests = closing.Sweep(), []
    for _ in range(3):
        sweep.closed(Ring())
        rests.append(asked[0][0])
        if len(rests) < 3:
            asked.pop()[1]()
    assert rests == pytest.approx([closing.REST_S, 0.1 / closing.SHARE, closing.LONG_S])


def test_the_session_of_a_closed_tab_is_let_go_of_and_that_of_an_open_one_is_not() -> None:
    closing.install()
    for reconnects in (False, True):
        document = Document()
        document.config.reconnect_session = reconnects
        session = ServerSession("one", document, io_loop=None, token="")
        one, other = (ServerConnection(None, None, None, session) for _ in range(2))
        session.subscribe(one)
        session.subscribe(other)
        session.unsubscribe(one)
        assert not session.expiration_requested
        session.unsubscribe(other)
        assert session.expiration_requested is not reconnects
