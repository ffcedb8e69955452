"""The server: one page, on loopback, with the settings it was started with."""

from __future__ import annotations

import logging
import sys
from typing import Any

import panel as pn
import panel.reactive
from bokeh.settings import settings as bokeh_settings

from app.catalogue import uploads
from app.files import downloads
from app.map import tiles
from app.page import closing, defaults, slim, sockets
from app.page.controls import ASSETS
from app.session import build
from app.settings import Settings

log = logging.getLogger(__name__)

SWITCH_S = 0.001
"""How long other threads may hold the interpreter while the server waits for it [s] (ours)."""

CHECKED_MS = 1000
"""How often the server lets go of the sessions of closed tabs, at least [ms] (ours)."""


def prepare(settings: Settings) -> None:
    """Panel and bokeh as this process uses them."""
    pn.extension(notifications=True, sizing_mode=None)
    for part in (sockets, closing, defaults, slim):
        part.install()
    bokeh_settings.perform_document_validation = False  # a tenth of the time of a new tab; the tests of the page do it
    # A widget's event waits 50 ms by default before Python sees it: more than half of a frame's budget. Private in
    # Panel; tests/app/test_main.py fails if a new version drops it.
    panel.reactive.Syncable._debounce = settings.debounce_ms
    # A thread that computes hands the interpreter back after 5 ms by default, and the server's asks for it at each of
    # the hundred frames of a message.
    sys.setswitchinterval(SWITCH_S)


def start(settings: Settings, *, show: bool = False, threaded: bool = False) -> Any:
    """Serve the app; returns when the server stops, or at once with the server if ``threaded``."""
    prepare(settings)
    origins = [f"{host}:{settings.port}" for host in ("localhost", "127.0.0.1")]
    sweep = closing.Sweep()

    def page() -> Any:  # Panel tells a page's maker from a page by its being a plain function
        pn.state.on_session_destroyed(lambda context: sweep.closed(context._document))
        with slim.unswept():
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
        check_unused_sessions_milliseconds=min(max(settings.unused_session_ms // 3, 1), CHECKED_MS),
        verbose=False,
        admin=False,
    )
