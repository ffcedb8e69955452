"""Finished files to the browser, streamed from the disk: ``GET /export/JOB/NAME``, also of ``/figure`` and ``/saved``.

The rules of :mod:`app.catalogue.uploads` hold the other way round: the host must be the server's own, and a browser
that says that another site's page asks is refused. The name of a job, a figure or a saved file is random, and only its
page knows it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from bokeh.server.views.auth_request_handler import AuthRequestHandler
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from app.figures.files import found_file
from app.files.exporting import file_of
from app.files.kept import SAVED, kept_file
from app.jobs import Queue
from app.settings import Settings

PORTION = 2**20
_ASKED = re.compile(r"/(export|figure|saved)/([0-9a-f]{12})/([^/]{1,400})")
_TYPES = {
    ".nc": "application/x-netcdf", ".csv": "text/csv", ".zip": "application/zip", ".tif": "image/tiff",
    ".gif": "image/gif", ".mp4": "video/mp4", ".png": "image/png", ".svg": "image/svg+xml", ".pdf": "application/pdf",
}  # fmt: skip


def link(owner: str, name: str, *, of: str = "export") -> str:
    """Where the file of a job (``export``), of a figure, or one that was ``saved`` is fetched."""
    return f"{of}/{owner}/{quote(name)}"


class DownloadHandler(AuthRequestHandler):
    """One finished file."""

    def initialize(self, settings: Settings, hosts: Sequence[str]) -> None:
        """Take what all requests share."""
        self.queue, self.hosts, self.figures = Queue(settings.jobs), hosts, settings.figures

    async def prepare(self) -> None:
        """Decide before anything is read."""
        await super().prepare()
        site = self.request.headers.get("Sec-Fetch-Site", "none")
        if self.request.host not in self.hosts or site not in ("same-origin", "none"):
            raise HTTPError(403)

    async def get(self) -> None:
        """Send the file portion by portion, as fast as the browser takes it."""
        asked = _ASKED.fullmatch(self.request.path)
        file = self._file(asked[1], asked[2], unquote(asked[3])) if asked else None
        if file is None:
            raise HTTPError(404)
        self.set_header("Content-Type", _TYPES.get(file.suffix, "application/octet-stream"))
        self.set_header("Content-Length", str(file.stat().st_size))
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(file.name)}")
        try:
            await self._send(file)
        except StreamClosedError:  # the browser has gone, or the user has stopped it
            return

    def _file(self, of: str, owner: str, name: str) -> Path | None:
        if of == SAVED:
            return kept_file(owner, name)
        found = file_of(self.queue, owner) if of == "export" else found_file(self.figures, owner, name)
        return found if found is not None and found.name == name else None

    async def _send(self, file: Path) -> None:
        with file.open("rb") as source:
            while portion := await asyncio.to_thread(source.read, PORTION):
                self.write(portion)
                await self.flush()

    def set_default_headers(self) -> None:
        """Nothing of this is to be kept or guessed at."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say it in a sentence."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        gone = "This file is not here any more: export it again."
        self.finish(gone if status_code == 404 else f"{status_code} {self._reason}")


def routes(settings: Settings, hosts: Sequence[str]) -> list[tuple[str, type[DownloadHandler], dict[str, Any]]]:
    """The address of finished files; ``hosts`` are the server's own names with the port."""
    shared = {"settings": settings, "hosts": frozenset(hosts)}
    return [(rf"/{of}/.*", DownloadHandler, shared) for of in ("export", "figure", SAVED)]
