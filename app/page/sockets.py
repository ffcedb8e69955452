"""What a tab's socket is told, and when: nothing before the tab has its document, nothing in the log once it is closed.

Bokeh sends changes to a tab from the moment that its socket opens, before it has asked for the document. The browser
keeps them and applies them to the document that it gets, which has them already, and may not have the models any more
that they are about: «reference p1234 isn't known», and the page stands still. Panel errs the other way: until the page
is drawn it forgets what a row or column is given, as if the document were still to be sent, which it was a moment
before; the same sentence follows. What is changed here is private in both; tests/app/page/test_sockets.py fails if a
new version drops it.
"""

from __future__ import annotations

import logging
from typing import Any

from bokeh.document.events import DocumentPatchedEvent, MessageSentEvent
from bokeh.server.connection import ServerConnection
from bokeh.server.session import ServerSession
from panel.io.state import state
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from app.page.defaults import forget

_MARK = "_loam_has_document"


def install() -> None:
    """Serve as said above, from the next session on; once is enough."""
    if not hasattr(ServerSession, _MARK):
        _hold_back(ServerSession)
        setattr(ServerSession, _MARK, True)
    ClosedTabs.install()


def _hold_back(kind: type[Any]) -> None:
    tell, pull = kind._document_patched, kind.pull.__func__

    def told(self: Any, event: DocumentPatchedEvent) -> None:
        everyone = self._subscribed_connections
        if not isinstance(event, MessageSentEvent):  # a message is no state: no document has it
            self._subscribed_connections = {one for one in everyone if hasattr(one, _MARK)}
        try:
            tell(self, event)
        finally:
            self._subscribed_connections = everyone

    async def pulled(cls: type[Any], message: Any, connection: Any) -> Any:
        reply = await pull(cls, message, connection)
        setattr(connection, _MARK, True)
        forget(connection.session.document.models)
        state._connected[connection.session.document] = True  # from now on, what is held is sent and not forgotten
        return reply

    kind._document_patched, kind.pull = told, classmethod(pulled)


class ClosedTabs(logging.Filter):
    """Leaves out of the log that a message found its tab closed: a user may close a tab at any moment."""

    SOURCES = ("asyncio", "bokeh.server.views.ws", "panel.io.document", "tornado.application")

    def filter(self, record: logging.LogRecord) -> bool:
        """False for what is nobody's fault."""
        fault = record.exc_info[1] if record.exc_info else None
        is_of_closed = isinstance(fault, (WebSocketClosedError, StreamClosedError)) or _is_closed_twice(fault)
        return not is_of_closed and not record.getMessage().startswith(
            "Failed sending message as connection was closed"
        )

    @classmethod
    def install(cls) -> None:
        """Listen where such faults are logged, once."""
        for name in cls.SOURCES:
            logger = logging.getLogger(name)
            if not any(isinstance(one, cls) for one in logger.filters):
                logger.addFilter(cls())


def _is_closed_twice(fault: BaseException | None) -> bool:
    """Whether bokeh was told twice that a socket was closed, as when a tab leaves while its socket opens."""
    at = fault.__traceback__ if isinstance(fault, AssertionError) else None
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and at.tb_frame.f_globals.get("__name__") == ServerConnection.__module__
