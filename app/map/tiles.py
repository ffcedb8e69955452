"""Tiles over HTTP: ``/tiles/PRODUCT/TIME/Z/X/Y.png`` and ``/tiles/PRODUCT.json``, from the dashboard's own server.

Reading and painting run in a few threads beside the server's loop, so that a map client that asks for forty tiles at
once holds up no session; what a client no longer waits for is dropped before it is begun.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from bokeh.server.views.auth_request_handler import AuthRequestHandler
from tornado.web import HTTPError, authenticated

from app.map.tile_store import LATEST, TileRefusal, TileStore, read_style, read_tile, read_time
from app.settings import Settings

log = logging.getLogger(__name__)

THREADS = 2
MOST_WAITING = 256
"""Requests that may wait for a thread; beyond it a client is told to come back."""
DAY_SECONDS = 86_400


class TileService:
    """What the handlers of one server share: the tiles, the threads, and from which addresses the server answers."""

    def __init__(self, settings: Settings, hosts: Sequence[str]) -> None:
        self.store = TileStore(settings.catalogs)
        self.hosts = frozenset(hosts)
        self.waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tiles")

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Have a thread do it.

        Raises
        ------
        TileRefusal
            If too much is waiting already.
        """
        if self.waiting >= MOST_WAITING:
            raise TileRefusal(503, "Too many tiles are asked for at once", "come back in a second")
        self.waiting += 1
        return self._threads.submit(work)


class _Handler(AuthRequestHandler):
    """One request: the sign-in of the dashboard, work off the loop, and sentences instead of tracebacks."""

    _work: Future[Any] | None = None

    def initialize(self, service: TileService) -> None:
        self.service = service

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.host not in self.service.hosts:  # a foreign name that was made to lead here (DNS rebinding)
            raise HTTPError(403)

    @property
    def options(self) -> dict[str, str]:
        """The options of the address, the last of each."""
        return {name: self.get_query_argument(name) for name in self.request.query_arguments}

    async def done(self, work: Callable[[], Any]) -> Any:
        """Wait for a thread to do it."""
        self._work = self.service.submit(work)
        try:
            return await asyncio.wrap_future(self._work)
        finally:
            self.service.waiting -= 1

    def on_connection_close(self) -> None:
        if self._work is not None:
            self._work.cancel()

    @authenticated
    async def get(self, path: str) -> None:
        try:
            await self.answer(path)
        except TileRefusal as error:
            self._say(error.status, error.sentence)
        except HTTPError:
            raise
        except asyncio.CancelledError:  # our own thread's work was dropped: there is nobody to tell
            if not (self._work and self._work.cancelled()):
                raise
        except Exception:
            log.exception("unexpected fault in a tile")
            self._say(500, "Something unexpected went wrong; it is in the server's log.")

    head = get

    async def answer(self, path: str) -> None:
        """Answer the request, or raise a :class:`TileRefusal`."""
        raise NotImplementedError

    def _say(self, status: int, sentence: str) -> None:
        self.clear()
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if status == 503:
            self.set_header("Retry-After", "1")
        self.finish(sentence + "\n")

    def write_error(self, status_code: int, **_: Any) -> None:
        self._say(
            status_code, "This address is answered for this machine only." if status_code == 403 else self._reason
        )

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")


class TileHandler(_Handler):
    """One tile as a PNG."""

    async def answer(self, path: str) -> None:
        """Send the picture, or that the client's own is still good."""
        options = self.options
        tile = read_tile(path, options)
        store = self.service.store
        found = await self.done(lambda: store.find(tile.product, tile.time, tile.style))
        # A store that changes gets another version: an address that names the version is good for ever.
        is_fixed = tile.time != LATEST and options.get("v") == found.version
        kept = f"max-age={DAY_SECONDS}, immutable" if is_fixed else "no-cache"
        self.set_header("Cache-Control", f"private, {kept}")
        self.set_header("Etag", f'"{found.tag(tile)}"')
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
            return
        picture = await self.done(lambda: store.picture(tile, found))
        self.set_header("Content-Type", "image/png")
        self.finish(picture)


class DescriptionHandler(_Handler):
    """The TileJSON of a product, at ``?time=``; the last step with values if none is given."""

    async def answer(self, path: str) -> None:
        """Send the description of the product called ``path``."""
        options = self.options
        time, style = read_time(options.get("time", LATEST)), read_style(options)
        base = f"{self.request.protocol}://{self.request.host}"
        store = self.service.store
        self.set_header("Cache-Control", "private, no-cache")
        self.finish(await self.done(lambda: store.describe(path, time, style, base)))


def routes(settings: Settings, hosts: Sequence[str]) -> list[tuple[str, type[_Handler], dict[str, Any]]]:
    """The addresses that a server on ``settings`` answers with tiles; ``hosts`` are its own names with the port."""
    shared = {"service": TileService(settings, hosts)}
    return [(r"/tiles/([^/]*)\.json", DescriptionHandler, shared), (r"/tiles/(.*)", TileHandler, shared)]
