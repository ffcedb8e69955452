"""Sending files over HTTP: who may, what is taken, and what stays of a refusal."""

from __future__ import annotations

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

from app import uploads
from app.settings import Settings

CSV = b"time,sm\n2020-01-01,0.2\n"


def send(folder: Path, *files: tuple[str, bytes], token: str = "", host: str = "", most_mb: int = 1) -> list[Any]:
    """Send some files to a server of its own; its answers."""
    socket, port = bind_unused_port()
    settings = Settings(uploads=folder, max_upload_mb=most_mb)
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
