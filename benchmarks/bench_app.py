"""Time the app as a person feels it: first canvas, steps, zooms, clicks, stations, sessions, memory and bytes.

A server of its own on synthetic data, driven by a headless Chromium that renders in software. The machine does other
things too: read medians, and ratios rather than milliseconds.

    python benchmarks/bench_app.py [--runs 9] [--folder DIR] [--out benchmarks/results_app.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import panel as pn
import psutil
from bokeh.client.session import ClientSession
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

from factories import catalogue, tiny_cube, tiny_stations  # noqa: E402
from find_chromium import find  # noqa: E402

from app.session import Session  # noqa: E402
from app.settings import Settings  # noqa: E402
from smcore.grids import Grid, ease  # noqa: E402
from smcore.maps import mercator_x, mercator_y  # noqa: E402

DAYS, PRODUCTS, GLOBAL_DAYS = 3000, 5, 8
OPEN, CLOSED = 20, 40
FORGOTTEN_SECONDS = 40.0  # a closed tab is kept for a while, in case that it comes back
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]

# Milliseconds from an action to the frame after the change of a model reached the screen.
SCRIPT = """
window.bench = {
  models: () => Bokeh.documents.flatMap((d) => [...d._all_models.values()]),
  named: (name) => bench.models().find((m) => m.name === name && !m.children),
  figure: (name) => bench.models().find((m) => m.name === name && m.x_range),
  slider: () => bench.models().find((m) => m.tags?.includes("time-slider")),
  painted: (done) => requestAnimationFrame(() => setTimeout(done, 0)),
  until: (signals, act) => new Promise((done) => {
    let t0 = 0, over = false;
    const end = () => { if (!over) { over = true; bench.painted(() => done(performance.now() - t0)); } };
    signals().forEach((signal) => signal.connect(end));
    t0 = performance.now();
    act();
  }),
  step: () => bench.until(() => [bench.named("front").properties.data.change],
    () => { const s = bench.slider(); s.value = s.value >= s.end ? s.start : s.value + 1; }),
  bare: () => { const f = bench.named("front"); return new Promise((done) => {
    const t0 = performance.now();
    f.data = { ...f.data, image: [f.data.image[0].map((v) => v)].map((a) =>
      Object.assign(a, { shape: f.data.image[0].shape, dtype: "uint8", order: "little" })) };
    bench.painted(() => done(performance.now() - t0)); }); },
  wait: (signals) => { window.bench.answer = bench.until(signals, () => {}); },
};
"""


@dataclass
class Row:
    """One line of the table."""

    what: str
    value: float
    unit: str
    budget: float | None = None


@dataclass
class World:
    """The catalogue and its grids."""

    file: Path
    globe: Grid
    region: Grid


def make_world(folder: Path) -> World:
    """9 km global for the map, five products of 3000 days and four stations in a corner for the series."""
    globe, region = ease("M09"), ease("M09").cut(slice(300, 332), slice(800, 840))
    data = {"globe": tiny_cube(globe, count=GLOBAL_DAYS, gaps=0.3, kind="observed", title="9 km global")}
    data |= {f"p{n}": tiny_cube(region, count=DAYS, seed=n, title=f"Product {n}") for n in range(1, PRODUCTS)}
    data["nets"] = tiny_stations(region, count=DAYS, stations=4)
    return World(catalogue(folder, data), globe, region)


@contextmanager
def serving(world: World, folder: Path) -> Iterator[tuple[int, psutil.Process, float]]:
    """``loam serve`` on the world: its port, its process, and the seconds until it listened."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", str(world.file), "--port", str(port), "--no-open"],
        cwd=ROOT, env=os.environ | {"LOAM_HOME": str(folder / "home"), "LOAM_MAX_SESSIONS": "500"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None:
                sys.exit("the server did not start")
            time.sleep(0.05)
        yield port, psutil.Process(process.pid), time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(timeout=30)


def opened(browser: Browser, url: str) -> tuple[Page, float]:
    """A new tab in a fresh profile, and the seconds until its first frame was painted."""
    page = browser.new_context(viewport={"width": 1720, "height": 940}).new_page()
    page.add_init_script(SCRIPT)
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_function("() => window.Bokeh?.documents?.length && bench.named('front')?.data.image[0].length > 1")
    page.evaluate("() => new Promise(bench.painted)")
    return page, time.perf_counter() - start


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def acted(page: Page, signals: str, act: Callable[[], Any]) -> float:
    """Milliseconds from an act of the mouse or a key to the painted change of a model."""
    page.evaluate(f"() => bench.wait(() => [{signals}])")
    act()
    return float(page.evaluate("() => bench.answer"))


def processor(server: psutil.Process) -> tuple[float, float]:
    """Seconds of processor time so far, of the server and of all of the browser."""

    def of(process: psutil.Process) -> float:
        times = process.cpu_times()
        return times.user + times.system

    parts = [p for p in psutil.Process().children(recursive=True) if "chrom" in p.name().lower()]
    return of(server), sum(of(p) for p in parts)


@contextmanager
def watched(what: str, server: psutil.Process, count: int, rows: list[Row]) -> Iterator[None]:
    """Add rows of the processor time of each of ``count`` acts, which other work on the machine hardly changes."""
    before = processor(server)
    yield
    for name, start, end in zip(("server", "browser"), before, processor(server), strict=True):
        rows.append(Row(f"{what}: processor time of the {name}", (end - start) / count * 1e3, "ms"))


def first_canvases(browser: Browser, url: str, runs: int) -> tuple[list[Row], Page]:
    """The first visit of the process and later ones, each with an empty browser cache."""
    page, cold = opened(browser, url)
    page.context.close()
    warm = []
    for _ in range(runs):
        page, took = opened(browser, url)
        warm.append(took)
        if len(warm) < runs:
            page.context.close()
    return [
        Row("first canvas, first visit of the process", cold, "s", 6),
        Row("first canvas, later visits", median(warm), "s", 2),
    ], page


def screen(page: Page, lat: float, lon: float) -> tuple[float, float]:
    """Where a place lies on the screen."""
    x0, x1, y0, y1, width, height = page.evaluate(
        "() => { const p = bench.figure('map'); return [p.x_range.start, p.x_range.end, p.y_range.start, p.y_range.end,"
        " p.inner_width, p.inner_height]; }"
    )
    box = page.locator(".map").bounding_box()
    assert box is not None
    return (
        box["x"] + (float(mercator_x(lon)) - x0) / (x1 - x0) * width,
        box["y"] + (y1 - float(mercator_y(lat))) / (y1 - y0) * height,
    )


def interactions(page: Page, world: World, server: psutil.Process, runs: int) -> list[Row]:
    """Steps, zooms and clicks on the 9 km globe."""
    spent: list[Row] = []
    first = [float(page.evaluate("() => bench.step()")) for _ in range(GLOBAL_DAYS)][2:]
    count = GLOBAL_DAYS + runs
    with watched("time step", server, count, spent):
        kept = [float(page.evaluate("() => bench.step()")) for _ in range(count)]
    bare = [float(page.evaluate("() => bench.bare()")) for _ in range(runs)]
    page.wait_for_timeout(600)
    lat, lon = float(world.region.lat[16]), float(world.region.lon[20])
    page.mouse.move(*screen(page, lat, lon))
    front = "bench.named('front').properties.data.change"
    zooms = []
    for n in range(runs):
        zooms.append(acted(page, front, lambda n=n: page.mouse.wheel(0, -240 if n % 2 == 0 else 240)))
        page.wait_for_timeout(500)
    series = "...bench.models().filter((m) => m.data?.time && m.data?.value).map((m) => m.properties.data.change)"
    series += ", bench.figure('series').x_range.properties.start.change"
    clicks = []
    for n in range(runs):
        row, column = 4 + 3 * n % 24, 4 + 5 * n % 32
        x, y = screen(page, float(world.region.lat[row]), float(world.region.lon[column]))
        clicks.append(acted(page, series, lambda x=x, y=y: page.mouse.click(x, y)))
        page.wait_for_timeout(500)
    return [
        Row("time step → painted, day read from disk", median(first), "ms", 90),
        Row("time step → painted, day seen before", median(kept), "ms", 90),
        Row("the same bytes set in the browser → painted (floor)", median(bare), "ms"),
        Row("zoom by the wheel → painted", median(zooms), "ms", 150),
        Row(f"click → series painted, {PRODUCTS - 1} × {DAYS} days", median(clicks[1:]), "ms", 200),
        *spent,
    ]


def stations(browser: Browser, url: str, server: psutil.Process, runs: int) -> list[Row]:
    """Next station by its key: title, series, scatter."""
    page, _ = opened(browser, url + "?place=stations&product=p1&stations=nets")
    page.locator(".map").hover()
    page.keyboard.press("j")
    page.wait_for_function("() => bench.named('pairs')?.data.product?.length > 0")
    pairs, spent = "bench.named('pairs').properties.data.change", list[Row]()

    def walked(count: int) -> list[float]:
        taken = []
        for _ in range(count):
            page.wait_for_timeout(700)
            taken.append(acted(page, pairs, lambda: page.keyboard.press("j")))
        return taken

    walked(4)
    with watched("next station", server, runs, spent):
        taken = walked(runs)
    page.context.close()
    what = f"next station → scatter painted, {PRODUCTS - 1} × {DAYS} days and an hourly sensor, met before"
    return [Row(what, median(taken), "ms", 300), *spent]


def frame_bytes(browser: Browser, url: str, runs: int) -> list[Row]:
    """What the server sends for one time step: the visible frame, then the frame beneath it."""
    page = browser.new_context(viewport={"width": 1720, "height": 940}).new_page()
    page.add_init_script(SCRIPT)
    received: list[int] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: received.append(len(data))))
    page.goto(url)
    page.wait_for_function("() => window.Bokeh?.documents?.length && bench.named('front')?.data.image[0].length > 1")
    at_once, later = [], []
    for _ in range(runs):
        page.wait_for_timeout(900)
        received.clear()
        page.evaluate("() => bench.step()")
        page.wait_for_timeout(60)
        first = sum(received)
        page.wait_for_timeout(900)
        at_once.append(first / 1e6)
        later.append((sum(received) - first) / 1e6)
    page.context.close()
    return [
        Row("bytes of one time step, the visible frame", median(at_once), "MB", 1),
        Row("bytes that follow when idle, the margin", median(later), "MB", 1),
    ]


def in_process(world: World, folder: Path, runs: int) -> list[Row]:
    """Processor time of what the server does, in this process and without a browser: other work counts less."""
    settings = Settings(catalogs=(world.file,), writable_catalog=folder / "own.yml", jobs=folder / "jobs")
    tabs = []
    for _ in range(runs + 2):
        start = time.process_time()
        session = Session(settings, {"place": "stations", "product": "p1", "stations": "nets"})
        session.template()
        tabs.append(time.process_time() - start)
    walked = []
    for _ in range(4 + runs):
        start = time.process_time()
        session.store.stations.move(1)
        walked.append(time.process_time() - start)
    return [
        Row("processor time: a session and its page", median(tabs[2:]) * 1e3, "ms", 400),
        Row("processor time: next station, never met", median(walked[1:4]) * 1e3, "ms", 300),
        Row("processor time: next station, met before", median(walked[4:]) * 1e3, "ms", 300),
    ]


def answers(port: int, runs: int) -> Row:
    """The page over HTTP: session creation with all that the server adds."""
    taken = []
    for _ in range(runs + 2):
        start = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()
        taken.append(time.perf_counter() - start)
    return Row("session: the page over HTTP", median(taken[2:]) * 1e3, "ms", 400)


def memory(port: int, server: psutil.Process) -> list[Row]:
    """RSS of the server with tabs open, and after many were opened and closed."""

    def tab() -> ClientSession:
        session = ClientSession(websocket_url=f"ws://127.0.0.1:{port}/ws")
        session.connect()
        return session

    def megabytes() -> float:
        return server.memory_info().rss / 2**20

    def rounds(count: int) -> None:
        for _ in range(count):
            tab().close()
        time.sleep(FORGOTTEN_SECONDS)

    rounds(4)
    tabs = [tab() for _ in range(OPEN)]  # these take what the process has freed before
    before = megabytes()
    tabs += [tab() for _ in range(OPEN)]
    per = (megabytes() - before) / OPEN
    for one in tabs:
        one.close()
    time.sleep(FORGOTTEN_SECONDS)
    closed = megabytes()
    rounds(CLOSED)
    return [
        Row(f"memory of an open session, mean of {OPEN} more beside {OPEN}", per, "MB", 3),
        Row(f"RSS with no session open, after {2 * OPEN} were closed", closed, "MB"),
        Row(f"growth of RSS over {CLOSED} more opened and closed", megabytes() - closed, "MB", 0),
    ]


def measure(folder: Path, runs: int) -> list[Row]:
    """All rows of the table."""
    pn.extension(notifications=True)
    world = make_world(folder)
    path = find()
    if path is None:
        sys.exit("No Chromium was found: run tools/find_chromium.py, or set LOAM_CHROMIUM.")
    with serving(world, folder) as (port, server, listening):
        url = f"http://127.0.0.1:{port}/"
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=path, args=OPTIONS)
            rows, page = first_canvases(browser, url, max(runs // 2, 3))
            rows += interactions(page, world, server, runs)
            page.context.close()
            rows += stations(browser, url, server, runs)
            rows += frame_bytes(browser, url, max(runs // 2, 3))
            browser.close()
        rows += [answers(port, runs), *memory(port, server)]
    rows.insert(0, Row("loam serve, from its start until it listens", listening, "s"))
    return [*rows, *in_process(world, folder, runs)]


def report(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | median | budget | ratio |", "|---|---|---|---|"]
    for r in rows:
        budget = "" if r.budget is None else f"{r.budget:g} {r.unit}" if r.budget else "flat"
        ratio = f"{r.value / r.budget:.2f}" if r.budget else ""
        lines.append(f"| {r.what} | {r.value:.3g} {r.unit} | {budget} | {ratio} |")
    table = "\n".join(lines)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, no GPU, headless Chromium with software rendering"
    return f"""# The app as it is felt (synthetic data)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, Python {platform.python_version()};
load average at the end {os.getloadavg()[0]:.1f} (anything above {os.cpu_count()} means that other work slowed this
down). Server and browser share the cores. The window is 1720 × 940, the map shows 9 km global (3856 × 1624 cells).
Ratio: measured ÷ budget of the design; above 1 the budget is missed.

{table}

«Painted» is the frame after the browser got the change of the model, seen from inside the page: the act by mouse or key
is at the start of the clock or a little after it, so a few ms of input handling count too. Sessions for the memory rows
are opened over a websocket without a browser, and forgotten by the server before RSS is read again. Processor time is
summed over threads; it changes little with other work on the machine, and milliseconds of waiting change much.
"""


def main() -> None:
    """Run and print, and keep the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        text = report(measure(Path(folder), arguments.runs))
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
