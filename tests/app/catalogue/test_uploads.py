"""Sending files over HTTP: who may, what is taken, and what stays of a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port
from tornado.web import Application

from app.catalogue import uploads
from app.jobs import FAILED, Queue
from app.settings import Settings

CSV = b"time,sm\n2020-01-01,0.2\n"


def send(folder: Path, *files: tuple[str, bytes], token: str = "", host: str = "", most_mb: int = 1) -> list[Any]:
    """Send some files to a server of its own; its answers."""
    socket, port = bind_unused_port()
    settings = Settings(uploads=folder, jobs=folder.parent / "jobs", max_upload_mb=most_mb)
    app = Application(uploads.routes(settings, [f"127.0.0.1:{port}"]))
    app.auth_provider = SimpleNamespace(get_user=None, get_user_async=None)  # type: ignore[attr-defined]

    async def run() -> list[Any]:
        server, answers = HTTPServer(app), []
        server.add_socket(socket)
        for path, body in files:
            headers = {"X-Loam-Tab": token, "Host": host or f"127.0.0.1:{port}"}
            request = HTTPRequest(f"http://127.0.0.1:{port}/upload/{path}", "POST", headers, body, request_timeout=20)
            answers.append(await AsyncHTTPClient().fetch(request, raise_error=False))
        server.stop()
        return answers

    answers: list[Any] = IOLoop(make_current=False).run_sync(run)
    return answers


@pytest.fixture
def token() -> str:
    return uploads.begin()


def kept(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)).partition("/")[2] for p in folder.rglob("*") if p.is_file())


def test_files_of_a_batch_are_kept_under_plain_names(tmp_path: Path, token: str) -> None:
    answers = send(tmp_path, ("1/a.csv", CSV), ("1/b%20%2F..%2Fc.CSV", CSV), token=token)
    assert [a.code for a in answers] == [200, 200]
    assert kept(tmp_path) == ["1/a.csv", "1/c.csv"]
    assert (tmp_path / token / "1" / "a.csv").read_bytes() == CSV


def test_no_file_of_a_batch_takes_the_place_of_another(tmp_path: Path, token: str) -> None:
    names = ["一月.csv", "二月.csv", "a b.csv", "a;b.csv", "a b.CSV", "月" * 100 + ".csv"]
    answers = send(tmp_path, *((f"1/{quote(name)}", CSV + name.encode()) for name in names), token=token)
    assert [a.code for a in answers] == [200] * 6
    long = "月" * 50 + ".csv"
    stored = dict(zip(("一月.csv", "二月.csv", "a_b.csv", "a_b(2).csv", "a_b(3).csv", long), names, strict=True))
    assert kept(tmp_path) == sorted(f"1/{name}" for name in stored)
    for name, sent in stored.items():
        assert (tmp_path / token / "1" / name).read_bytes() == CSV + sent.encode()


def test_nobody_but_an_open_tab_on_this_address_may_send(tmp_path: Path, token: str) -> None:
    assert send(tmp_path, ("1/a.csv", CSV), token="")[0].code == 403
    assert send(tmp_path, ("1/a.csv", CSV), token=token, host="evil.example:80")[0].code == 403
    assert kept(tmp_path) == []
    uploads.end(token, tmp_path, tmp_path / "jobs")
    assert send(tmp_path, ("1/a.csv", CSV), token=token)[0].code == 403
    assert not (tmp_path / token).exists()


def test_a_refusal_is_a_sentence_and_leaves_no_part(tmp_path: Path, token: str) -> None:
    refused = {
        "1/a.csv": (b"", "is empty"), "1/a.nc": (b"hello" * 100_000, "no nc file"), "1/b.exe": (b"MZ", "no kind of")
    }  # fmt: skip
    for path, (body, said) in refused.items():
        (answer,) = send(tmp_path, (path, body), token=token)
        assert answer.code == 400
        assert said in answer.body.decode()
    assert send(tmp_path, ("1/b.csv", CSV * 50_000), token=token)[0].code == 400  # refused before it is read
    assert kept(tmp_path) == []
    half = CSV * 25_000
    answers = send(tmp_path, ("2/a.csv", half), ("2/b.csv", half), token=token)
    assert [a.code for a in answers] == [200, 400]
    assert "More than 1 MB" in answers[1].body.decode()
    assert kept(tmp_path) == ["2/a.csv"]


def test_the_limit_counts_all_that_a_tab_has_sent_and_an_earlier_batch_makes_room(tmp_path: Path, token: str) -> None:
    folder, half = tmp_path / "uploads", CSV * 25_000
    queue = Queue(tmp_path / "jobs")
    send(folder, ("1/a.csv", CSV), ("2/a.csv", CSV), token=token)
    assert kept(folder) == ["1/a.csv", "2/a.csv"]  # what is looked at stays while the next is sent
    send(folder, ("3/a.csv", half), token=token)
    job = queue.submit("ingest", {"drop": f"{token}/3"})
    (answer,) = send(folder, ("4/b.csv", half), token=token)
    assert (answer.code, kept(folder)) == (400, ["3/a.csv"])  # a job reads it
    queue.end(job, FAILED)
    (answer,) = send(folder, ("4/b.csv", half), token=token)
    assert (answer.code, kept(folder)) == (200, ["4/b.csv"])


def test_later_batches_stay_when_an_earlier_one_is_taken(tmp_path: Path, token: str) -> None:
    folder = tmp_path / "uploads"
    send(folder, ("8/a.csv", CSV), ("9/a.csv", CSV), ("10/a.csv", CSV), token=token)
    uploads.keep_only(folder, f"{token}/9", tmp_path / "jobs")
    assert kept(folder) == ["10/a.csv", "9/a.csv"]


def test_nothing_is_kept_of_a_batch_that_is_stopped(tmp_path: Path, token: str) -> None:
    folder = tmp_path / "uploads"
    send(folder, ("1/a.csv", CSV), ("2/a.csv", CSV), token=token)
    socket, port = bind_unused_port()
    app = Application(uploads.routes(Settings(uploads=folder, jobs=tmp_path / "jobs"), [f"127.0.0.1:{port}"]))
    app.auth_provider = SimpleNamespace(get_user=None, get_user_async=None)  # type: ignore[attr-defined]

    async def until(done: Callable[[], bool]) -> None:
        for _ in range(1000):
            if done():
                return
            await asyncio.sleep(0.01)

    async def run() -> None:
        server = HTTPServer(app)
        server.add_socket(socket)
        _, out = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /upload/2/b.csv HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Loam-Tab: {token}\r\n"
        out.write(f"{head}Content-Length: 1000\r\n\r\n".encode() + CSV)
        await until(lambda: "2/b.csv.part" in kept(folder))
        assert kept(folder) == ["1/a.csv", "2/a.csv", "2/b.csv.part"]
        out.close()
        await until(lambda: "2/b.csv.part" not in kept(folder))
        server.stop()

    IOLoop(make_current=False).run_sync(run)
    assert kept(folder) == ["1/a.csv"]
