"""Walk over all stations of a run in a browser, as a reviewer does by keys, and time what is waited for.

Everything is synthetic: 5 products × 3000 days against hourly sensors, three in each cell. A server of its own, a
headless Chromium that renders in software. First the next station alone, with a pause in which the one behind it is
made ready; then every station gets a verdict by its key (from 3 on with a reason), is signed and left, without a pause.

    python benchmarks/bench_review_walk.py [--stations 200] [--days 3000] [--runs 21] [--out FILE]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import xarray as xr
from bench_review import OPTIONS, PRODUCTS, product, stations
from explore.page import OPTIONS as CHROMIUM
from explore.timing import median, p95, processor
from explore.world import serving
from find_chromium import find
from playwright.sync_api import Page, sync_playwright

from smcore import ingest
from smcore.catalog import load_catalog
from smcore.cubes import store
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.output import write_run
from smcore.validation.runs.replay import read_record
from smcore.validation.runs.run import validate

WINDOW = {"width": 1440, "height": 900}
PER_CELL, APART_DEG, REST_MS = 3, 0.03, 3000
RUN, READER = "walked", "Walker"

# «Painted» is the first frame after the scatters have changed, which come in one message with the curves, the heading
# and the row of the verdict.
SCRIPT = """
(() => {
  const walk = window.walk = { key: 0, painted: 0, tasks: [], bytes: 0, armed: false };
  walk.models = () => Bokeh.documents.flatMap((d) => [...d._all_models.values()]);
  walk.scatters = () => walk.models().filter((m) => m.name === "review-scatter" && m.x_range && m.renderers);
  walk.sensor = () => new URLSearchParams(location.search).get("sensor") ?? "";
  walk.signed = () => walk.models().some((m) => m.text?.includes?.("\\u25a0 signed"));
  walk.arm = () => {
    if (walk.armed) return;
    walk.armed = true;
    for (const one of walk.scatters()) {
      const image = one.renderers.find((r) => r.glyph.type === "Image").data_source;
      image.properties.data.change.connect(() => {
        if (!walk.painted) requestAnimationFrame(() => setTimeout(() => { walk.painted = performance.now(); }, 0));
      });
    }
  };
  window.addEventListener("keydown", (event) => {
    if (event.key === "j") Object.assign(walk, { key: event.timeStamp, painted: 0, bytes: 0, tasks: [] });
  }, true);
  new PerformanceObserver((list) => list.getEntries().forEach((e) => walk.tasks.push(e.duration)))
    .observe({ type: "longtask" });
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => { walk.bytes += data.byteLength ?? data.length ?? 0; });
    }
  };
})();
"""


@dataclass
class Walk:
    """What was seen on the way; milliseconds, and of the whole walk seconds a station."""

    painted: list[float] = field(default_factory=list)
    blocked: list[float] = field(default_factory=list)
    sent_kb: list[float] = field(default_factory=list)
    processors: tuple[float, float] = (0.0, 0.0)
    each_s: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    memory: tuple[float, float] = (0.0, 0.0)
    heap: tuple[float, float] = (0.0, 0.0)
    parts: tuple[int, int] = (0, 0)
    signed: int = 0


def sensors(rng: np.random.Generator, count: int, days: int) -> tuple[xr.Dataset, Any, Any]:
    """Hourly sensors, :data:`PER_CELL` in each cell and a little apart; the truth, and where they stand."""
    net, truth, where = stations(rng, -(-count // PER_CELL), days, hourly=True)
    parts = []
    for k in range(PER_CELL):
        shift = APART_DEG * (k - (PER_CELL - 1) / 2)
        noise = rng.normal(0, 0.01, net["sm"].shape).astype(np.float32)
        named = {
            "sensor": [f"{one[:-1]}{k}" for one in net["sensor"].values.tolist()],
            "station": ("sensor", [f"{one}{'abc'[k]}" for one in net["station"].values.tolist()]),
            "lat": ("sensor", net["lat"].values + shift), "lon": ("sensor", net["lon"].values + shift),
        }  # fmt: skip
        parts.append(net.assign(sm=(net["sm"].dims, net["sm"].values + noise, net["sm"].attrs)).assign_coords(named))
    return xr.concat(parts, "sensor", combine_attrs="override", join="override"), truth, where


def make_run(folder: Path, count: int, days: int) -> tuple[Path, Path]:
    """The catalogue, and the run among those that the server keeps."""
    rng = np.random.default_rng(0)
    net, truth, where = sensors(rng, count, days)
    data = {"net": net} | {name: product(rng, truth, where, seen=i < 2) for i, name in enumerate(PRODUCTS)}
    file = folder / "catalog.yml"
    for name, one in data.items():
        store.write(one, folder / name)
        ingest.add_to_catalog(folder / name, name, file)
    run = folder / "home" / "runs" / RUN
    write_run(validate(PRODUCTS, "net", load_catalog([file]), OPTIONS), run)
    return file, run


def opened(browser: Any, port: int) -> Page:
    """The desk on its first station, with all pairs read."""
    page: Page = browser.new_context(viewport=WINDOW).new_page()
    page.add_init_script(SCRIPT)
    page.goto(f"http://127.0.0.1:{port}/?place=stations&run={RUN}&reader={READER}")
    page.locator(".of-queue").get_by_text(f"Review of run {RUN}").wait_for()
    page.keyboard.press("j")
    page.wait_for_function(f"() => walk.scatters().length >= {len(PRODUCTS)}", timeout=120_000)
    page.wait_for_timeout(2 * REST_MS)
    page.evaluate("walk.arm()")
    return page


def next_station(page: Page) -> dict[str, Any]:
    """Press j and wait until the next station is painted."""
    page.keyboard.press("j")
    page.wait_for_function("() => walk.painted > 0", polling=10, timeout=60_000)
    seen: dict[str, Any] = page.evaluate("({ ...walk, models: null, scatters: null })")
    return seen


def alone(page: Page, server: psutil.Process, runs: int, seen: Walk) -> None:
    """The next station, time after time, with the pause of somebody who looks."""
    before = processor(server)
    for _ in range(runs):
        one = next_station(page)
        page.wait_for_timeout(REST_MS)
        seen.painted.append(one["painted"] - one["key"])
        seen.blocked.append(sum(page.evaluate("walk.tasks")))
        seen.sent_kb.append(page.evaluate("walk.bytes") / 1e3)
    after = processor(server)
    seen.processors = ((after[0] - before[0]) / runs * 1e3, (after[1] - before[1]) / runs * 1e3)


def sign_all(page: Page, server: psutil.Process, count: int, seen: Walk) -> None:
    """Give every station a verdict and sign it, and go on at once."""
    state = "[performance.memory?.usedJSHeapSize ?? 0, walk.models().length]"
    start, memory = page.evaluate(state), server.memory_info().rss
    page.get_by_role("button", name="Reasons").first.click()
    page.locator('[data-open="reason:flat"]').first.wait_for()
    for i in range(count):
        begun = time.perf_counter()
        verdict = 1 + i % 5
        page.keyboard.press(str(verdict))
        if verdict > 2:
            page.locator('[data-open="reason:flat"]').first.click()
        page.keyboard.press("s")
        page.wait_for_function("() => walk.signed()", polling=10, timeout=60_000)
        here = page.evaluate("walk.sensor()")
        one = next_station(page)
        page.wait_for_function("(old) => walk.sensor() !== old", arg=here, polling=10)
        seen.opened.append(one["painted"] - one["key"])
        seen.each_s.append(time.perf_counter() - begun)
    end = page.evaluate(state)
    seen.heap, seen.parts = (start[0] / 1e6, end[0] / 1e6), (start[1], end[1])
    seen.memory = memory / 1e6, server.memory_info().rss / 1e6


def signed_in(run: Path) -> int:
    """Stations that the log has a signature of."""
    events = ReviewLog(run / REVIEW_LOG, run_identity(read_record(run))).events()
    return len({event.subject for event in events if event.action == "sign"})


def walked(folder: Path, count: int, days: int, runs: int) -> Walk:
    """Make the run, serve it and walk over it."""
    path, seen = find(), Walk()
    if path is None:
        sys.exit("No Chromium was found: run tools/find_chromium.py, or set LOAM_CHROMIUM.")
    file, run = make_run(folder, count, days)
    with serving(file, folder / "home") as (port, server, _), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=CHROMIUM)
        page = opened(browser, port)
        alone(page, server, runs, seen)
        sign_all(page, server, count, seen)
        browser.close()
    seen.signed = signed_in(run)
    return seen


def report(seen: Walk, count: int, days: int) -> str:
    """What was seen, as Markdown."""
    tenth = max(len(seen.opened) // 10, 1)
    first, last = median(seen.opened[:tenth]), median(seen.opened[-tenth:])
    rows = [
        ("next station → painted, made ready before", *_both(seen.painted, "ms"), "300 ms"),
        ("… long tasks of the page's thread, all that follows too", *_both(seen.blocked, "ms"), ""),
        ("… sent for it", *_both(seen.sent_kb, "kB"), ""),
        ("… processor time of the server, reading ahead too", f"{seen.processors[0]:.0f} ms", "", ""),
        ("… processor time of the browser", f"{seen.processors[1]:.0f} ms", "", ""),
        ("walk: verdict, reason, signature, next station", *_both(seen.each_s, "s"), ""),
        ("walk: next station → painted, no pause", *_both(seen.opened, "ms"), ""),
        ("… in the first and in the last tenth of the walk", f"{first:.0f} ms", f"{last:.0f} ms", ""),
        ("memory of the server, before and after", f"{seen.memory[0]:.0f} MB", f"{seen.memory[1]:.0f} MB", ""),
        ("heap of the page, before and after", f"{seen.heap[0]:.0f} MB", f"{seen.heap[1]:.0f} MB", ""),
        ("models of the page, before and after", f"{seen.parts[0]}", f"{seen.parts[1]}", ""),
        ("stations signed in the log", f"{seen.signed}", f"of {count}", f"{count}"),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, no GPU, headless Chromium with software rendering"
    load = f"{os.getloadavg()[0]:.1f} (anything above {os.cpu_count()} means that other work slowed this down)"
    what = f"{len(PRODUCTS)} products × {days} days, {PER_CELL} hourly sensors in each cell, blind"
    return f"""# A walk over {count} stations (synthetic)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, Python {platform.python_version()};
load average at the end {load}.
{what}, window {WINDOW["width"]} × {WINDOW["height"]}.

| what | median | 95th percentile, or after | asked |
|---|---|---|---|
{table}

«Painted» is the first frame after the scatters have their new data, which come in one message with curves, heading and
verdict; the map, the list, the strip and what lies below follow. «No pause» is faster than the next station can be made
ready.
"""


def _both(values: list[float], unit: str) -> tuple[str, str]:
    """Median and 95th percentile."""
    digits = 2 if unit == "s" else 0
    return f"{median(values):.{digits}f} {unit}", f"{p95(values):.{digits}f} {unit}"


def main() -> None:
    """Run and print, and keep the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("stations", 200), ("days", 3000), ("runs", 21)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(walked(Path(folder), given.stations, given.days, given.runs), given.stations, given.days)
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
