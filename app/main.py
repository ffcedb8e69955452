"""The server: one page, on loopback, with the settings it was started with."""

from __future__ import annotations

import gc
import logging
import sys
from itertools import count
from typing import Any

import panel as pn
import panel.reactive
from bokeh.settings import settings as bokeh_settings
from tornado.ioloop import IOLoop

from app.catalogue import uploads
from app.files import downloads
from app.map import tiles
from app.page import sockets
from app.page.controls import ASSETS
from app.page.slim import unswept
from app.session import build
from app.settings import Settings

log = logging.getLogger(__name__)

SWITCH_S = 0.001
"""How long other threads may hold the interpreter while the server waits for it [s] (ours)."""

CLOSED_TABS, REST_S = 5, 0.5
"""After how many closed tabs their memory is looked for, and how long after the last of them [s] (ours). Python would
do so late: it counts by how often it looked, and it does not look while a page is made."""
_CLOSED = count(1)


def start(settings: Settings, *, show: bool = False, threaded: bool = False) -> Any:
    """Serve the app; returns when the server stops, or at once with the server if ``threaded``."""
    pn.extension(notifications=True, sizing_mode=None)
    sockets.install()
    bokeh_settings.perform_document_validation = False  # a tenth of the time of a new tab; the tests of the page do it
    # A widget's event waits 50 ms by default before Python sees it: more than half of a frame's budget. Private in
    # Panel; tests/app/test_main.py fails if a new version drops it.
    panel.reactive.Syncable._debounce = settings.debounce_ms
    # A thread that computes hands the interpreter back after 5 ms by default, and the server's asks for it at each of
    # the hundred frames of a message.
    sys.setswitchinterval(SWITCH_S)
    origins = [f"{host}:{settings.port}" for host in ("localhost", "127.0.0.1")]

    def page() -> Any:  # Panel tells a page's maker from a page by its being a plain function
        pn.state.on_session_destroyed(_tab_closed)
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


def _tab_closed(_: Any) -> None:
    """Look for the memory of closed tabs, once they are let go of."""
    if next(_CLOSED) % CLOSED_TABS == 0:
        IOLoop.current().call_later(REST_S, gc.collect)
