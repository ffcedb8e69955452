"""The page in Chromium: first canvas, steps, zooms, play, clicks, next station and the bytes of a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psutil
from playwright.sync_api import Browser, Page

from explore.timing import Row, median, watched
from explore.world import DAYS, GLOBAL_DAYS, PRODUCTS, WINDOW, World
from smcore.maps import mercator_x, mercator_y

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
PLAYED_MS = 8000
READY = "() => window.Bokeh?.documents?.length && bench.named('front')?.data.image[0].length > 1"
FRONT = "bench.named('front').properties.data.change"

# Milliseconds from an action to the frame after the change of a model reached the screen.
SCRIPT = """
window.bench = {
  models: () => Bokeh.documents.flatMap((d) => [...d._all_models.values()]),
  named: (name) => bench.models().find((m) => m.name === name && !m.children),
  figure: (name) => bench.models().find((m) => m.name === name && m.x_range),
  slider: () => bench.models().find((m) => m.tags?.includes("time-slider")),
  painted: (done) => requestAnimationFrame(() => setTimeout(done, 0)),
  until: (signals, act) => new Promise((done, failed) => {
    let t0 = 0, over = false;
    setTimeout(() => failed(new Error("nothing was painted for 20 s")), 20000);
    const end = () => { if (!over) { over = true; bench.painted(() => done(performance.now() - t0)); } };
    signals().forEach((signal) => signal.connect(end));
    t0 = performance.now();
    act();
  }),
  step: () => bench.until(() => [bench.named("front").properties.data.change],
    () => { const s = bench.slider(); s.value = s.value >= s.end ? s.start : s.value + 1; }),
  wait: (signals) => { window.bench.answer = bench.until(signals, () => {}); },
  film: () => { window.bench.frames = [];
    bench.named("front").properties.data.change.connect(() => bench.painted(() =>
      window.bench.frames.push(performance.now()))); },
};
"""


def fresh(browser: Browser) -> Page:
    """A tab in a fresh profile."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.add_init_script(SCRIPT)
    return page


def opened(browser: Browser, url: str) -> tuple[Page, float]:
    """A new tab in a fresh profile, and the seconds until its first frame was painted."""
    page = fresh(browser)
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_function(READY)
    page.evaluate("() => new Promise(bench.painted)")
    return page, time.perf_counter() - start


def acted(page: Page, signals: str, act: Callable[[], Any]) -> float:
    """Milliseconds from an act of the mouse or a key to the painted change of a model."""
    page.evaluate(f"() => bench.wait(() => [{signals}])")
    act()
    return float(page.evaluate("() => bench.answer"))


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
        Row("first canvas, later visits", median(warm), "s", 2, runs=runs),
    ], page


def steps_and_zooms(page: Page, runs: int) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of steps whose day is read from disk, of steps seen before, and of zooms by the wheel."""
    first = [float(page.evaluate("() => bench.step()")) for _ in range(GLOBAL_DAYS)][2:]
    kept = []
    for _ in range(runs):
        kept.append(float(page.evaluate("() => bench.step()")))
        page.wait_for_timeout(400)  # the margin beneath is sent meanwhile
    box = page.locator(".map, .bk-Figure").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    zooms = []
    for n in range(runs):
        zooms.append(acted(page, FRONT, lambda n=n: page.mouse.wheel(0, -240 if n % 2 == 0 else 240)))
        page.wait_for_timeout(500)
    return first, kept, zooms


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


def clicks(browser: Browser, url: str, world: World, runs: int) -> list[Row]:
    """From a click on the map to the series of all products on the screen; the first click also makes the plot."""
    page, _ = opened(browser, url)
    series = "...bench.models().filter((m) => m.data?.time && m.data?.value).map((m) => m.properties.data.change)"
    series += ", bench.figure('series').x_range.properties.start.change"
    places = [(4 + 3 * n % 24, 4 + 5 * n % 32) for n in range(runs + 2)]
    corners = [screen(page, float(world.region.lat[row]), float(world.region.lon[column])) for row, column in places]
    start = time.perf_counter()
    page.mouse.click(*corners[0])
    page.wait_for_function("() => bench.figure('series')?.inner_width > 100", polling=10)
    page.evaluate("() => new Promise(bench.painted)")
    first = (time.perf_counter() - start) * 1e3
    page.wait_for_timeout(1000)
    taken = []
    for x, y in corners[1:]:
        taken.append(acted(page, series, lambda x=x, y=y: page.mouse.click(x, y)))
        page.wait_for_timeout(500)
    page.context.close()
    what = f"click → series painted, {PRODUCTS} × {DAYS} days"
    return [
        Row(what, median(taken[1:]), "ms", 200, runs=runs),
        Row("first click of a tab → series painted", first, "ms"),
    ]


def playing(browser: Browser, url: str) -> list[Row]:
    """Frames a second of a film at the highest speed, and how far the picture is behind the time bar at its end."""
    page, _ = opened(browser, url + "?speed=fast")
    for _ in range(GLOBAL_DAYS):
        page.evaluate("() => bench.step()")
    page.evaluate("() => bench.film()")
    page.locator(".map").hover()
    page.keyboard.press("Space")
    page.wait_for_timeout(PLAYED_MS)
    page.keyboard.press("Space")
    frames = page.evaluate("() => bench.frames")
    page.wait_for_timeout(1000)
    after = page.evaluate("() => bench.frames.length") - len(frames)
    page.context.close()
    rate = (len(frames) - 1) / (frames[-1] - frames[0]) * 1e3
    return [
        Row("play at the highest speed: frames painted a second (at least)", rate, "/s", 10, runs=len(frames)),
        Row("play: frames that still came after it was stopped", float(after), "frames"),
    ]


def interactions(page: Page, bare: Page, server: psutil.Process, runs: int) -> list[Row]:
    """Steps and zooms on the 9 km globe, and the same on the bare image."""
    spent: list[Row] = []
    theirs = steps_and_zooms(bare, runs)
    bare.context.close()
    first, kept, zooms = steps_and_zooms(page, runs)
    with watched("time step", server, runs, spent):
        for _ in range(runs):
            page.evaluate("() => bench.step()")
            page.wait_for_timeout(400)
    step, zoom = median(theirs[1]), median(theirs[2])
    return [
        Row("time step → painted, day read from disk", median(first), "ms", 90, step, len(first)),
        Row("time step → painted, day seen before", median(kept), "ms", 90, step, runs),
        Row("zoom by the wheel → painted", median(zooms), "ms", 150, zoom, runs),
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
    what = f"next station → scatter painted, {PRODUCTS} × {DAYS} days and an hourly sensor, met before"
    return [Row(what, median(taken), "ms", 300, runs=runs), *spent]


def frame_bytes(browser: Browser, url: str, runs: int) -> list[Row]:
    """What the server sends for one time step: the visible frame, then the frame beneath it."""
    page = fresh(browser)
    received: list[int] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: received.append(len(data))))
    page.goto(url)
    page.wait_for_function(READY)
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
        Row("bytes of one time step, the visible frame", median(at_once), "MB", 1, runs=runs),
        Row("bytes that follow when idle, the margin", median(later), "MB", 1, runs=runs),
    ]
