"""Time the app as a person feels it: canvas, steps, zooms, film, clicks, runs, stations, sessions, memory and bytes.

A server of its own on synthetic data, driven by a headless Chromium that renders in software, and beside it a server of
a bare bokeh image. The machine does other things too: read medians, and ratios rather than milliseconds.

    python benchmarks/bench_app.py [GROUP…] [--runs 21] [--demo CATALOG] [--out benchmarks/results_app.md]

Groups: page, stations, bytes, runs (needs the demo world: ``loam demo``, then ``--demo``), sessions, process.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import panel as pn
from bokeh.document import Document
from explore import inference, page, sessions
from explore.timing import Row, median
from explore.world import World, free_port, listening, make_world, serving
from find_chromium import find
from panel.io.state import set_curdoc
from playwright.sync_api import Browser, sync_playwright

from app.main import prepare
from app.page.slim import unswept
from app.session import Session
from app.settings import Settings

GROUPS = ("page", "stations", "bytes", "runs", "sessions", "process")
FEW = 3


def in_process(world: World, folder: Path, runs: int) -> list[Row]:
    """Processor time of what the server does, in this process and without a browser: other work counts less."""
    settings = Settings(catalogs=(world.file,), writable_catalog=folder / "own.yml", jobs=folder / "jobs")
    prepare(settings)
    tabs = []
    for _ in range(runs + 2):
        start, document = time.process_time(), Document()
        with set_curdoc(document), unswept():  # as the server makes it
            session = Session(settings, {"place": "stations", "product": "p1", "stations": "nets"})
            session.template().server_doc(document, location=False)
        tabs.append(time.process_time() - start)
    walked = []
    for _ in range(4 + runs):
        start = time.process_time()
        session.store.stations.move(1)
        walked.append(time.process_time() - start)
    return [
        Row("processor time: a session and its page", median(tabs[2:]) * 1e3, "ms", 400, runs=runs),
        Row("processor time: next station, never met", median(walked[1:4]) * 1e3, "ms", 300, runs=3),
        Row("processor time: next station, met before", median(walked[4:]) * 1e3, "ms", 300, runs=runs),
    ]


def in_browser(browser: Browser, world: World, folder: Path, groups: list[str], runs: int) -> list[Row]:
    """The rows of one page, on a server of its own and beside the bare image."""
    rows: list[Row] = []
    with serving(world.file, folder / "home") as (port, server, seconds):
        url = f"http://127.0.0.1:{port}/"
        if "page" in groups:
            rows.append(Row("loam serve, from its start until it listens", seconds, "s"))
            canvases, opened = page.first_canvases(browser, url, max(runs // 3, FEW))
            beside = free_port()
            with listening(["benchmarks/explore/bare.py", str(beside)], beside, BOKEH_RESOURCES="server"):
                bare, _ = page.opened(browser, f"http://127.0.0.1:{beside}/")
                rows += canvases + page.interactions(opened, bare, server, runs)
            opened.context.close()
            rows += page.clicks(browser, url, world, runs) + page.playing(browser, url)
        if "stations" in groups:
            rows += page.stations(browser, url, server, runs)
        if "bytes" in groups:
            rows += page.frame_bytes(browser, url, max(runs // 3, FEW))
    return rows


def of_sessions(world: World, folder: Path, runs: int) -> list[Row]:
    """The rows of many tabs; Chromium is started anew, as these are driven without waiting for one another."""
    chromium = find()
    assert chromium is not None
    with serving(world.file, folder / "home") as (port, server, _):
        # Pages that nobody opens, as the last rows make them, end a while later: no other row may meet that.
        rows = sessions.memory(port, server) + sessions.at_once(port, chromium, page.OPTIONS, page.SCRIPT, page.READY)
        return [*rows, sessions.answers(port, runs)]


def measure(folder: Path, groups: list[str], runs: int, demo: Path | None) -> list[Row]:
    """All rows of the table."""
    pn.extension(notifications=True)
    world = make_world(folder)
    path = find()
    if path is None:
        sys.exit("No Chromium was found: run tools/find_chromium.py, or set LOAM_CHROMIUM.")
    rows: list[Row] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=page.OPTIONS)
        rows += in_browser(browser, world, folder, groups, runs)
        if "runs" in groups and demo is not None:
            with serving(demo, folder / "demo") as (port, _, _):
                rows += inference.first_tiles(browser, f"http://127.0.0.1:{port}/", FEW)
        browser.close()
    rows += of_sessions(world, folder, runs) if "sessions" in groups else []
    return rows + (in_process(world, folder, runs) if "process" in groups else [])


def report(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | median | of | budget | ÷ budget | bare image | ÷ bare |", "|---|---|---|---|---|---|---|"]
    for r in rows:
        budget = "" if r.budget is None else f"{r.budget:g} {r.unit}"
        ratio = f"{r.value / r.budget:.2f}" if r.budget else ""
        bare = "" if r.beside is None else f"{r.beside:.3g} {r.unit}"
        beside = f"{r.value / r.beside:.2f}" if r.beside else ""
        lines.append(f"| {r.what} | {r.value:.3g} {r.unit} | {r.runs} | {budget} | {ratio} | {bare} | {beside} |")
    table = "\n".join(lines)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, no GPU, headless Chromium with software rendering"
    return f"""# The app as it is felt (synthetic data)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, Python {platform.python_version()};
load average at the end {os.getloadavg()[0]:.1f} (anything above {os.cpu_count()} means that other work slowed this
down). Server and browser share the cores. The window is 1720 × 940, the map shows 9 km global (3856 × 1624 cells).
Ratios: measured ÷ budget of the design, above 1 the budget is missed (a rate should be above 1); measured ÷ the same
act on a bare bokeh image of as many pixels, whose bytes lie in memory and whose page has nothing else
([explore/bare.py](explore/bare.py)).

{table}

«Painted» is the frame after the browser got the change of the model, seen from inside the page: the act by mouse or key
is at the start of the clock or a little after it, so a few ms of input handling count too. «First tile» is seen from
outside, to 20 ms. Sessions for the memory rows, and all but one of those that step together, are opened over a
websocket without a browser. Processor time is summed over threads; it changes less with other work on the machine than
milliseconds of waiting do.
"""


def main() -> None:
    """Run and print, and keep the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--demo", type=Path, help="catalogue of the demo world")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - set(GROUPS):
        parser.error(f"no group {', '.join(sorted(unknown))}: choose of {', '.join(GROUPS)}")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        text = report(measure(Path(folder), arguments.groups or list(GROUPS), arguments.runs, arguments.demo))
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
