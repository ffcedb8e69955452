"""What a tab's socket is told before it has its document, and what the log is told after the tab was closed."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from bokeh.document import Document
from bokeh.document.events import MessageSentEvent
from bokeh.models import TextInput
from bokeh.protocol import Protocol
from bokeh.server.connection import ServerConnection
from bokeh.server.session import ServerSession
from panel.io.state import set_curdoc
from tornado.ioloop import IOLoop
from tornado.websocket import WebSocketClosedError

from app.page import slim, sockets


class Connection:
    """A tab's end of the socket; keeps what it is sent."""

    def __init__(self, session: ServerSession) -> None:
        self.session, self.protocol, self.sent = session, Protocol(), []  # type: ignore[var-annotated]
        session.subscribe(self)  # type: ignore[arg-type]

    async def send_patch_document(self, event: Any) -> None:
        self.sent.append(event)

    async def pull(self) -> str:
        """Ask for the document, as a browser does."""
        asked = SimpleNamespace(header={"msgid": "1"})
        reply = await ServerSession.pull(asked, self)  # type: ignore[arg-type]
        return json.dumps(reply.content["doc"], default=repr)


@pytest.fixture(autouse=True)
def _installed() -> None:
    for _ in range(2):
        sockets.install()


async def _told() -> None:
    document, field = Document(), TextInput(value="first")
    document.add_root(field)
    session = ServerSession("one", document, io_loop=IOLoop.current())
    early = Connection(session)

    async def change(value: str) -> None:
        await session.with_document_locked(setattr, field, "value", value)

    await change("before it was asked for")
    assert not early.sent
    said = MessageSentEvent(document, "notice", {})
    await session.with_document_locked(document.callbacks.trigger_on_change, said)
    assert early.sent == [said]
    assert "before it was asked for" in await early.pull()
    await change("after")
    late = Connection(session)
    await change("last")
    assert [event.new for event in early.sent[1:]] == ["after", "last"]
    assert not late.sent
    assert '"last"' in await late.pull()


def test_a_tab_is_told_of_no_change_before_it_has_the_document_and_of_every_one_after() -> None:
    asyncio.run(_told())


async def _grown() -> None:
    document, box = Document(), slim.Column(slim.Text("there"))
    with set_curdoc(document):
        document.add_root(box.get_root(document))
    session = ServerSession("one", document, io_loop=IOLoop.current())
    tab = Connection(session)
    await tab.pull()  # its page is not drawn yet: it has not said that it is ready
    await session.with_document_locked(box.append, slim.Text("late"))
    for _ in range(10):  # what is changed beside the server's own thread is told at its next turn
        await asyncio.sleep(0)
    (told,) = (event for event in tab.sent if event.attr == "children")
    assert [one.text for one in told.new] == ["there", "late"]


def test_a_part_that_comes_while_the_page_is_drawn_reaches_it() -> None:
    asyncio.run(_grown())


def test_a_message_that_finds_its_tab_closed_is_no_fault_in_the_log_and_another_fault_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = [one for one in logging.getLogger("asyncio").filters if isinstance(one, sockets.ClosedTabs)]
    assert len(found) == 1

    async def write(fault: Exception) -> None:
        raise fault

    async def forget(fault: Exception) -> None:
        task = asyncio.ensure_future(write(fault))
        await asyncio.wait([task])
        del task
        gc.collect()  # of a failed task that nobody asks, asyncio tells here

    for fault in (WebSocketClosedError(), ValueError("a real one")):
        asyncio.run(forget(fault))
    connection = ServerConnection.__new__(ServerConnection)
    connection._session = None  # as bokeh leaves it when its socket was closed
    for ask in (lambda: connection.session, lambda: pytest.fail("another")):
        try:
            ask()
        except (AssertionError, pytest.fail.Exception):
            logging.getLogger("tornado.application").exception("Uncaught exception")
    logging.getLogger("bokeh.server.views.ws").warning("Failed sending message as connection was closed")
    told = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [str(one) for one in told] == ["a real one", "another"]
    assert "connection was closed" not in caplog.text
