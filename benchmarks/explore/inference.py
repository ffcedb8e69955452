"""From the click on Run to the first tile of the result on the map, on the demo world."""

from __future__ import annotations

import time

from playwright.sync_api import Browser

from explore.page import opened
from explore.timing import Row, median

MODELS = ("smsnet", "multiscale_lstm")
WEST, SOUTH, EAST, NORTH = -99.0, 29.0, -92.5, 35.5
_TOLD = "() => { const t = bench.named('running').properties.data.change; t.connect(() => { window.tiled = true; }); }"


def first_tiles(browser: Browser, url: str, runs: int) -> list[Row]:
    """Seconds to the first tile; each run asks for another window, as an answer that is kept comes at once."""
    rows = []
    for model in MODELS:
        taken = []
        for n in range(runs):
            box = ",".join(f"{v + 0.1 * n:g}" for v in (WEST, SOUTH, EAST, NORTH))
            page, _ = opened(browser, f"{url}?place=infer&product=demo-smap-9&model={model}&box={box}")
            page.wait_for_function("() => bench.models().some((m) => m.label === 'Run' && !m.disabled)", timeout=60_000)
            page.evaluate(_TOLD)
            run = page.get_by_role("button", name="Run", exact=True)
            start = time.perf_counter()
            run.click()
            page.wait_for_function("() => window.tiled", timeout=120_000, polling=20)
            taken.append(time.perf_counter() - start)
            cancel = page.get_by_role("button", name="Cancel", exact=True)
            if cancel.is_enabled():
                cancel.click()
            page.context.close()
        rows.append(Row(f"{model}: Run → first tile on the map", median(taken), "s", 2, runs=runs))
    return rows
