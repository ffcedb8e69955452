"""One request to a server that has the routes of finished files alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port
from tornado.web import Application

from app.files import downloads
from app.settings import Settings


def fetch(settings: Settings, path: str, **headers: str) -> Any:
    """One request to a server of its own."""
    socket, port = bind_unused_port()
    app = Application(downloads.routes(settings, [f"127.0.0.1:{port}"]))
    app.auth_provider = SimpleNamespace(get_user=None, get_user_async=None)  # type: ignore[attr-defined]

    async def run() -> Any:
        server = HTTPServer(app)
        server.add_socket(socket)
        request = HTTPRequest(f"http://127.0.0.1:{port}/{path}", headers=headers, request_timeout=20)
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        server.stop()
        return answer

    return IOLoop(make_current=False).run_sync(run)
