"""A server in a process of its own, a Chromium, and a page that fails a test when it logs an error."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest
from factories import catalogue, tiny_cube, tiny_stations
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from smcore.grids import Grid, ease
from smcore.maps import mercator_x, mercator_y

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
DAYS = 60
LOOKING_MS = 30_000

HELPERS = """
window.loam = {
  models: () => (window.Bokeh?.documents ?? []).flatMap((d) => [...d._all_models.values()]),
  model: (name) => window.loam.models().find((m) => m.name === name && !m.children),
  figure: (name) => window.loam.models().find((m) => m.name === name && m.x_range),
  canvases: (root) => [...root.querySelectorAll("*")].flatMap((e) =>
    [...(e.tagName === "CANVAS" ? [e] : []), ...(e.shadowRoot ? window.loam.canvases(e.shadowRoot) : [])]),
  pixels: (selector) => {
    const all = window.loam.canvases(document.querySelector(selector));
    return all.map((c) => c.width && c.height ? c.toDataURL() : "").join("|");
  },
  view: () => {
    const p = window.loam.figure("map");
    return [p.x_range.start, p.x_range.end, p.y_range.start, p.y_range.end, p.inner_width, p.inner_height];
  },
  focused: (one = document.activeElement) =>
    one?.shadowRoot?.activeElement ? window.loam.focused(one.shadowRoot.activeElement) : one,
  painted: () => {
    const m = window.loam.model("front");
    return m ? m.data.image[0].length > 1 || window.loam.veiled() : false;
  },
  veiled: () => window.loam.models().some((m) => m.text?.includes?.("no product on the map until signed")),
};
"""


@dataclass
class Served:
    """The running server: its address, its catalogues, the grids of its products, and its log."""

    port: int
    second: Path
    coarse: Grid
    fine: Grid
    log: Path

    def url(self, **query: str) -> str:
        """The address of a view."""
        return f"http://127.0.0.1:{self.port}/" + (f"?{urlencode(query)}" if query else "")


def _catalogue(folder: Path) -> tuple[Path, Grid, Grid]:
    coarse = ease("M36").cut(slice(70, 95), slice(190, 225))
    fine = ease("M09").cut(slice(300, 440), slice(790, 990))
    nets = tiny_stations(fine, count=DAYS, stations=4)
    names = np.array(["Alpha", HOSTILE, "Gamma, [deep]", "Δelta"])
    nets = nets.assign_coords(station=("sensor", names))
    data = {
        "coarse": tiny_cube(coarse, count=DAYS, gaps=0.4, kind="observed", title="Observed-like 36 km"),
        "fine": tiny_cube(fine, count=DAYS, seed=2, title="Model 9 km"),
        "nets": nets,
    }
    return catalogue(folder, data), coarse, fine


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``loam serve`` on a tiny catalogue, in a process of its own."""
    folder = tmp_path_factory.mktemp("served")
    file, coarse, fine = _catalogue(folder)
    second = folder / "second.yml"
    second.write_text("version: 2\n", encoding="utf-8")
    with started([file, second], folder / "home", folder / "server.log") as port:
        yield Served(port, second, coarse, fine, folder / "server.log")


@contextmanager
def started(arguments: list[Path], home: Path, log: Path) -> Iterator[int]:
    """``loam serve`` on some catalogues or bundles, in a process of its own; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", *map(str, arguments), "--port", str(port), "--no-open"],
            cwd=ROOT, env=os.environ | {"LOAM_HOME": str(home)}, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _until_listening(process, port, log)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def serving() -> Callable[[list[Path], Path, Path], AbstractContextManager[int]]:
    """Start a server of one's own: what it serves, its home, its log."""
    return started


def _until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    pause = threading.Event()
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"the server stopped: {log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            pause.wait(0.1)
        else:
            return
    pytest.fail(f"the server did not listen within a minute: {log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium that ``make test`` brought."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from find_chromium import find
    finally:
        sys.path.pop(0)
    path = find()
    if path is None:
        pytest.skip("no Chromium was found: make test brings one")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=options)
        yield running
        running.close()


class Walk:
    """One tab, driven as a person would; waiting is always for something that shows."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page, self.served = page, served

    def open(self, **query: str) -> None:
        """Go to a view and wait until its map is painted."""
        self.page.goto(self.served.url(**query))
        self.wait("() => loam.painted()")

    def wait(self, condition: str, argument: Any = None) -> None:
        """Wait for a JavaScript condition."""
        self.page.wait_for_function(condition, arg=argument, timeout=LOOKING_MS)

    def query(self) -> dict[str, str]:
        """What the address bar says."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.page.url).query).items()}

    def wait_query(self, key: str, pattern: str) -> str:
        """Wait until a key of the address matches; gives its value."""
        self.wait("([k, p]) => new RegExp(p).test(new URLSearchParams(location.search).get(k) ?? '')", [key, pattern])
        return self.query()[key]

    def see(self, text: str | re.Pattern[str], *, ms: int = LOOKING_MS) -> None:
        """Wait until a text shows."""
        self.page.get_by_text(text).locator("visible=true").first.wait_for(timeout=ms)

    def button(self, name: str) -> Any:
        """A button by its label."""
        return self.page.get_by_role("button", name=name, exact=True).first

    def view(self) -> list[float]:
        """Ranges and size of the map."""
        return list(self.page.evaluate("loam.view()"))

    def wait_view(self, view: list[float]) -> None:
        """Wait until the map shows this again: a page that opens fits its view once it knows how large its map is."""
        self.wait("(old) => loam.view().every((now, i) => Math.abs(now - old[i]) <= 1e-4 * Math.abs(old[i]))", view)

    def at(self, lat: float, lon: float) -> tuple[float, float]:
        """Where a place lies on the screen."""
        x0, x1, y0, y1, width, height = self.view()
        box = self.page.locator(".map").bounding_box()
        assert box is not None
        across, down = (float(mercator_x(lon)) - x0) / (x1 - x0), (y1 - float(mercator_y(lat))) / (y1 - y0)
        return box["x"] + across * width, box["y"] + down * height


@pytest.fixture
def locale() -> str:
    """The language that the browser asks for."""
    return "en-US"


@pytest.fixture
def context(browser: Browser, locale: str) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    made = browser.new_context(viewport={"width": 1280, "height": 800}, locale=locale)
    made.add_init_script(HELPERS)
    yield made
    made.close()


def faults(log: str) -> int:
    """How many tracebacks a log has."""
    return log.count("Traceback")


@pytest.fixture
def walk(context: BrowserContext, served: Served) -> Iterator[Walk]:
    """A new tab; an error on its console fails the test."""
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    before = faults(served.log.read_text())
    yield Walk(page, served)
    assert errors == []
    assert faults(served.log.read_text()) == before, served.log.read_text()[-3000:]


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition of this process."""

    def wait(condition: Callable[[], bool]) -> None:
        pause = threading.Event()
        for _ in range(1200):
            if condition():
                return
            pause.wait(0.05)
        pytest.fail("waited a minute for a condition that never held")

    return wait
