"""The server: one page, on loopback, with the settings it was started with."""

from __future__ import annotations

import logging
from typing import Any

import panel as pn
import panel.reactive
from bokeh.settings import settings as bokeh_settings
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from app import downloads, tiles, uploads
from app.controls import ASSETS
from app.session import build
from app.settings import Settings
from app.slim import unswept

log = logging.getLogger(__name__)


class ClosedTabs(logging.Filter):
    """Leaves out of the log that a message found its tab closed: a user may close a tab at any moment."""

    SOURCES = ("asyncio", "bokeh.server.views.ws", "panel.io.document", "tornado.application")

    def filter(self, record: logging.LogRecord) -> bool:
        """False for what is nobody's fault."""
        fault = record.exc_info[1] if record.exc_info else None
        return not isinstance(fault, (WebSocketClosedError, StreamClosedError)) and not record.getMessage().startswith(
            "Failed sending message as connection was closed"
        )

    @classmethod
    def install(cls) -> None:
        """Listen where such faults are logged, once."""
        for name in cls.SOURCES:
            logger = logging.getLogger(name)
            if not any(isinstance(one, cls) for one in logger.filters):
                logger.addFilter(cls())


def start(settings: Settings, *, show: bool = False, threaded: bool = False) -> Any:
    """Serve the app; returns when the server stops, or at once with the server if ``threaded``."""
    pn.extension(notifications=True, sizing_mode=None)
    ClosedTabs.install()
    bokeh_settings.perform_document_validation = False  # a tenth of the time of a new tab; the tests of the page do it
    # A widget's event waits 50 ms by default before Python sees it: more than half of a frame's budget. Private in
    # Panel; tests/app/test_main.py fails if a new version drops it.
    panel.reactive.Syncable._debounce = settings.debounce_ms
    origins = [f"{host}:{settings.port}" for host in ("localhost", "127.0.0.1")]

    def page() -> Any:  # Panel tells a page's maker from a page by its being a plain function
        with unswept():
            return build(settings)

    return pn.serve(
        {"/": page},
        port=settings.port,
        address="127.0.0.1",
        websocket_origin=origins,
        static_dirs={"assets": str(ASSETS)},
        extra_patterns=[r for one in (tiles, uploads, downloads) for r in one.routes(settings, origins)],
        show=show,
        threaded=threaded,
        title="Loam",
        start=True,
        unused_session_lifetime_milliseconds=settings.unused_session_ms,
        check_unused_sessions_milliseconds=max(settings.unused_session_ms // 3, 1),
        verbose=False,
        admin=False,
    )
