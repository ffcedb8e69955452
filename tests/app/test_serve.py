"""``loam serve``: on this machine only, on a free port, with a catalogue that can be used; else a sentence, exit 2."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from tiny import Tiny

from app import cli
from app.settings import Settings


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch, loam_home: Path) -> list[Settings]:
    """What the server would have been started with; no server is."""
    seen: list[Settings] = []
    monkeypatch.setattr("app.main.start", lambda settings, **_: seen.append(settings))
    monkeypatch.setattr("app.jobs.Supervisor._watch", lambda self: None)
    return seen


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.strip().splitlines()
    assert line.startswith("loam: ")
    assert "Traceback" not in err
    return line


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::", "example.org", "127.0.0.2", ""])
def test_an_address_that_others_can_reach_is_refused(
    tiny: Tiny, port: int, address: str, started: list[Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    status = cli.main(["serve", str(tiny.file), "--port", str(port), "--address", address, "--no-open"])
    assert status == 2
    assert "on this machine only" in sentence(capsys)
    assert started == []


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_loopback_is_served(tiny: Tiny, port: int, address: str, started: list[Settings]) -> None:
    assert cli.main(["serve", str(tiny.file), "--port", str(port), "--address", address, "--no-open"]) == 0
    (settings,) = started
    assert settings.port == port
    assert tiny.file in settings.catalogs
    assert settings.writable_catalog in settings.catalogs


def test_a_port_in_use_is_said_with_another_to_take(
    tiny: Tiny, started: list[Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["serve", str(tiny.file), "--port", str(port), "--no-open"]) == 2
    said = sentence(capsys)
    assert f"Port {port} can't be used" in said
    assert f"--port {port + 1}" in said
    assert started == []


@pytest.mark.parametrize("port", ["0", "70000", "-1", "http", ""])
def test_a_number_that_is_no_port_is_refused(tiny: Tiny, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", str(tiny.file), "--port", port, "--no-open"]) == 2
    sentence(capsys)


BROKEN = {
    "not yaml": ("data: [", "not valid safe YAML"),
    "a list": ("- 1", "not a mapping"),
    "intake 1": ("sources: {}", "intake 1 catalogue"),
    "no version": ("data: {}", "version: 2"),
    "python": ("version: 2\nx: !!python/object/apply:os.system ['true']", "not valid safe YAML"),
    "foreign reader": ("version: 2\ndata: {}\nentries: {a: {reader: 'os:system'}}", "'os:system'"),
    "expression": ("version: 2\nmetadata: {a: '{func(os:getcwd)}'}", "could run code"),
    "binary": ("\x00\x01", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_catalogue_is_named_with_its_file_before_a_browser_opens(
    tmp_path: Path, port: int, name: str, started: list[Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    text, expected = BROKEN[name]
    file = tmp_path / "broken.yml"
    file.write_text(text, encoding="utf-8")
    assert cli.main(["serve", str(file), "--port", str(port), "--no-open"]) == 2
    said = sentence(capsys)
    assert expected in said
    assert str(file) in said
    assert started == []


@pytest.mark.parametrize("what", ["missing.yml", "."])
def test_a_catalogue_that_is_no_file_is_said(
    tmp_path: Path, port: int, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["serve", str(tmp_path / what), "--port", str(port), "--no-open"]) == 2
    assert str(tmp_path) in sentence(capsys)


def test_an_error_can_be_had_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", str(tmp_path / "missing.yml"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"] in err


def test_without_arguments_the_home_is_opened_even_before_it_holds_anything(
    loam_home: Path, port: int, started: list[Settings]
) -> None:
    assert cli.main(["serve", "--port", str(port), "--no-open"]) == 0
    (settings,) = started
    assert settings.writable_catalog == loam_home / "catalog.yml"
    assert settings.jobs == loam_home / "jobs"
