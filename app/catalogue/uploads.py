"""Files that a tab sends: by HTTP into a folder of its own, capped, sniffed, renamed, and gone with the tab.

A file is written as it comes, so that its size costs no memory; the websocket would have to hold all of it at once.
The folder of a tab is named by its token, which only its page knows, and by the process that serves it, so that what
a killed server left behind can be told and removed. The name of a file is kept as far as it is plain: readers take
dates from it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import unicodedata
import uuid
from collections.abc import Collection, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from bokeh.server.views.auth_request_handler import AuthRequestHandler
from tornado.web import HTTPError, stream_request_body

from app.jobs import ENDED, Queue, is_alive
from app.settings import Settings

log = logging.getLogger(__name__)

TEXT = "text"
CONTENT: dict[str, tuple[bytes, ...] | str] = {
    **dict.fromkeys((".nc", ".nc4", ".cdf"), (b"\x89HDF\r\n\x1a\n", b"CDF")),
    **dict.fromkeys((".h5", ".hdf5", ".he5"), (b"\x89HDF\r\n\x1a\n",)),
    ".zip": (b"PK\x03\x04", b"PK\x05\x06"),
    **dict.fromkeys((".tif", ".tiff"), (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")),
    ".parquet": (b"PAR1",),
    **dict.fromkeys((".csv", ".tsv", ".txt", ".stm"), TEXT),
}
"""Endings that are taken, and how such a file begins."""
MOST_FILES = 2000
_TOKEN = re.compile(r"(\d{1,10})-[0-9a-f]{32}")
_BATCH = re.compile(r"\d{1,6}")
_PART = ".part"
_live: set[str] = set()  # tokens of the open tabs of this process


def begin() -> str:
    """A token for a tab, which may send files until :func:`end`."""
    token = f"{os.getpid()}-{uuid.uuid4().hex}"
    _live.add(token)
    return token


def end(token: str, folder: Path, jobs: Path) -> None:
    """Remove what a closed tab has sent, unless a job still reads it: that one removes it."""
    _live.discard(token)
    if not any(drop.startswith(token) for drop in _in_use(jobs)):
        shutil.rmtree(folder / token, ignore_errors=True)


def sweep(folder: Path, jobs: Path) -> None:
    """Remove what servers that are gone left behind."""
    used = _in_use(jobs)
    for one in folder.iterdir() if folder.is_dir() else ():
        token = _TOKEN.fullmatch(one.name)
        if token and not is_alive(int(token[1])) and not any(drop.startswith(one.name) for drop in used):
            shutil.rmtree(one, ignore_errors=True)


def _in_use(jobs: Path) -> Collection[str]:
    return {str(job.request.get("drop", "")) for job in Queue(jobs).recent(50) if job.state not in ENDED} - {""}


def dropped(folder: Path, drop: str) -> Path:
    """The folder of a batch of files, named ``TOKEN/BATCH``.

    Raises
    ------
    ValueError
        If it is no such name.
    """
    token, _, batch = drop.partition("/")
    if not (_TOKEN.fullmatch(token) and _BATCH.fullmatch(batch)):
        raise ValueError(drop)
    return folder / token / batch


def keep_only(folder: Path, drop: str, jobs: Path) -> None:
    """Remove the earlier batches of a tab, as it works with its last one; those that a job reads stay for it."""
    batch, used = dropped(folder, drop), _in_use(jobs)
    for other in batch.parent.iterdir() if batch.parent.is_dir() else ():
        if int(other.name) < int(batch.name) and f"{batch.parent.name}/{other.name}" not in used:
            shutil.rmtree(other, ignore_errors=True)


def plain_name(name: str) -> str:
    """The name that a file gets here: its own without what means something to a file system or a shell."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    stem, dot, ending = re.sub(r"[^\w.()#\[\]-]", "_", last).rpartition(".")
    short = stem.lstrip(".").encode()[:150].decode(errors="ignore")  # file systems count bytes
    return f"{short or 'file'}{dot}{ending.lower()}"


def free_name(folder: Path, name: str) -> str:
    """A name that no file of a folder has: the one asked for, or that with a number."""
    path = Path(name)
    numbered = (f"{path.stem}({number}){path.suffix}" for number in count(2))
    taken = {one.name.removesuffix(_PART) for one in folder.iterdir()}
    return next(one for one in chain((name,), numbered) if one not in taken)


def wrong_content(name: str, head: bytes) -> str:
    """Say why a file can't be one of those that are read, by its ending and how it begins; empty if it can."""
    wanted = CONTENT.get(Path(name).suffix)
    if wanted is None:
        return f"{name} is no kind of file that Loam reads: it takes {' '.join(CONTENT)}"
    if isinstance(wanted, str):
        is_text = b"\x00" not in head[:4096] or head.startswith((b"\xff\xfe", b"\xfe\xff"))
        return "" if is_text else f"{name} is no text file, whatever its name says"
    return "" if head.startswith(wanted) else f"{name} is no {Path(name).suffix[1:]} file, whatever its name says"


def _has_room(tab: Path, length: int, most: int) -> bool:
    """Whether a tab may send so many bytes more, with all batches that it has here."""
    present = [one.stat().st_size for one in tab.glob("*/*")]
    return length + sum(present) <= most and len(present) < MOST_FILES


@stream_request_body
class UploadHandler(AuthRequestHandler):
    """One file of one tab: ``POST /upload/BATCH/NAME`` with the tab's token in a header."""

    def initialize(self, settings: Settings, hosts: Sequence[str]) -> None:
        """Take what all requests share."""
        self.served, self.hosts = settings, hosts
        self._refused, self._count = "", 0
        self._into, self._part = Path(), Path()
        self._out: BinaryIO | None = None

    async def prepare(self) -> None:
        """Decide before a byte of it is read."""
        await super().prepare()
        token = self.request.headers.get("X-Loam-Tab", "")
        if self.request.method != "POST" or self.request.host not in self.hosts or token not in _live:
            raise HTTPError(403)  # another site's page can't send the header, nor know the token
        batch, _, name = self.request.path.removeprefix("/upload/").partition("/")
        if not _BATCH.fullmatch(batch):
            raise HTTPError(404)
        drop = f"{token}/{batch}"
        folder = dropped(self.served.uploads, drop)
        length = int(self.request.headers.get("Content-Length", "0"))
        most = self.served.max_upload_mb * 2**20
        self.request.connection.set_max_body_size(most)
        if not _has_room(folder.parent, length, most):  # the last batch is kept for as long as it takes no room
            keep_only(self.served.uploads, drop, self.served.jobs)
        if not _has_room(folder.parent, length, most):
            self._refused = f"More than {self.served.max_upload_mb} MB can't be sent: type the path instead"
        elif not length:
            self._refused = f"{plain_name(unquote(name))} is empty"
        else:
            self._begin(folder, plain_name(unquote(name)), length)

    def _begin(self, folder: Path, name: str, length: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder).free < length + 2**26:
                self._refused = "The disk has no room for the file"
                return
            name = free_name(folder, name)
            self._into, self._part = folder / name, folder / f"{name}{_PART}"
            self._out = self._part.open("wb")
        except OSError as error:
            self._refused = f"The file can't be kept: {error.strerror}"

    def data_received(self, chunk: bytes) -> None:
        """Write as it comes; what follows after a refusal is passed over, so that the answer reaches the page."""
        if self._refused or self._out is None:
            return
        if not self._count:
            self._refused = wrong_content(self._into.name, chunk)
        self._count += len(chunk)
        try:
            self._out.write(chunk)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            self._refused = "The disk is full" if full else f"The file can't be kept: {error.strerror}"
        if self._refused:
            self._drop()

    def post(self) -> None:
        """Give the file its name, or say why it was refused."""
        if not self._refused and self._out is not None:
            self._out.close()
            self._part.replace(self._into)
            self._out = None
            self.finish({"name": self._into.name})
            return
        self.set_status(400)
        self.finish({"said": self._refused})

    def on_connection_close(self) -> None:
        """Leave nothing of a batch that was cut off or stopped: it is never told to the session."""
        if self._out is not None:
            self._drop()
            shutil.rmtree(self._into.parent, ignore_errors=True)

    def _drop(self) -> None:
        if self._out is not None:
            self._out.close()
            self._part.unlink(missing_ok=True)
            self._out = None

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say it as the page expects it."""
        self._drop()
        stale = "This tab may not send files any more: reload the page"
        self.finish({"said": stale if status_code == 403 else self._reason})

    def set_default_headers(self) -> None:
        """Nothing of this is to be kept or guessed at."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")


def routes(settings: Settings, hosts: Sequence[str]) -> list[tuple[str, type[UploadHandler], dict[str, Any]]]:
    """The address that tabs send files to; ``hosts`` are the server's own names with the port."""
    return [(r"/upload/.*", UploadHandler, {"settings": settings, "hosts": frozenset(hosts)})]
