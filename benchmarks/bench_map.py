"""Time one map frame on the server: plan, read of the prepared store, paint; against a plain gather of bytes in memory.

Everything is synthetic. The machine does other things too: read medians, and ratios rather than milliseconds.

    python benchmarks/bench_map.py [--runs 40] [--folder DIR] [--out benchmarks/results_map.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smcore import names
from smcore.cubes.prepared import PreparedCube
from smcore.cubes.sources import lazy_stack
from smcore.cubes.store import open_store, write
from smcore.grids import Grid, ease
from smcore.maps import View, fitted, paint, plan

WIDTH, HEIGHT = 1100, 620  # the map of a 1720 × 940 window
LOW, HIGH = names.RANGE_M3M3
STEPS = 4


@dataclass
class Row:
    """Medians [ms] of one kind of frame."""

    what: str
    level: int
    plan: float
    read: float
    paint: float
    whole: float
    processor: float
    floor: float
    budget: float


def field(shape: tuple[int, int], step: int) -> np.ndarray:
    """A smooth synthetic day with gaps of a swath."""
    y, x = np.arange(shape[0], dtype="f4")[:, None], np.arange(shape[1], dtype="f4")[None, :]
    values = 0.25 + 0.15 * np.sin(y / 97 + step) * np.cos(x / 131)
    gap = (x + y / 3 + 230 * step) % 700 > 560
    return np.where(gap, np.float32(np.nan), np.round(values, 4)).astype(np.float32)


def prepared(folder: Path, grid: Grid, name: str) -> PreparedCube:
    """A prepared store of a few days on a grid, with its overviews."""
    days = lazy_stack([partial(field, grid.shape, step) for step in range(STEPS)], grid.shape, np.float32)
    cube = xr.Dataset(
        {"sm": (names.CUBE_DIMS, days, names.attributes("sm"))},
        {"time": pd.date_range("2020-01-01", periods=STEPS), "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        {"title": "Benchmark cube", "kind": "observed", "synthetic": 1, **grid.to_attrs()},
    )
    write(cube, folder / name, series=False)
    store = open_store(folder / name)
    assert isinstance(store, PreparedCube)
    return store


def median_ms(work: Callable[[int], Any], runs: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median of ``runs`` calls; the first three are not counted."""
    taken = []
    for i in range(runs + 3):
        start = clock()
        work(i)
        taken.append(clock() - start)
    return statistics.median(taken[3:]) * 1e3


def zoomed(whole: View, factor: float, i: int) -> View:
    """A view ``factor`` times as near, somewhere in the middle half of the whole one."""
    cx = whole.x0 + (0.35 + 0.03 * (i % 10)) * (whole.x1 - whole.x0)
    cy = whole.y0 + (0.40 + 0.02 * (i % 10)) * (whole.y1 - whole.y0)
    hx, hy = (whole.x1 - whole.x0) / factor / 2, (whole.y1 - whole.y0) / factor / 2
    return View(cx - hx, cx + hx, cy - hy, cy + hy, whole.width, whole.height)


def frames(store: PreparedCube, what: str, views: Callable[[int], View], budget: float, runs: int) -> Row:
    """Time frames: each of another step, and of another view where ``views`` gives one."""

    def read(i: int) -> np.ndarray:
        gather = plan(store.grid, views(i), len(store.levels))
        return np.asarray(store.read_map("sm", i % STEPS, gather.level, gather.rows, gather.columns))

    def frame(i: int) -> np.ndarray:
        gather = plan(store.grid, views(i), len(store.levels))
        values = np.asarray(store.read_map("sm", i % STEPS, gather.level, gather.rows, gather.columns))
        return paint(values, gather, LOW, HIGH)

    gather = plan(store.grid, views(0), len(store.levels))
    values = read(0)
    codes = np.nan_to_num(values * 500).astype(np.uint8)
    row, column = np.maximum(gather.row, 0), np.maximum(gather.column, 0)
    planning = median_ms(lambda i: plan(store.grid, views(i), len(store.levels)), runs)
    return Row(
        what,
        gather.level,
        planning,
        median_ms(read, runs) - planning,
        median_ms(lambda _: paint(values, gather, LOW, HIGH), runs),
        median_ms(frame, runs),
        median_ms(frame, runs, time.process_time),
        median_ms(lambda _: codes.take(row, 0).take(column, 1), runs),
        budget,
    )


def measure(folder: Path, runs: int) -> list[Row]:
    """All rows of the table."""
    conus = ease("M01")
    grids = {
        "36 km global": (ease("M36"), 6.0),
        "9 km global": (ease("M09"), 6.0),
        "1 km CONUS": (conus.cut(*conus.window(-125.0, 24.0, -66.0, 50.0)), 15.0),
    }
    rows = []
    for name, (grid, budget) in grids.items():
        store = prepared(folder, grid, name.replace(" ", "-"))
        west, south, east, north = grid.bbox
        whole = fitted((west, max(south, -60.0), east, min(north, 78.0)), WIDTH, HEIGHT, 0.0)
        size = f"{name} ({grid.shape[1]} × {grid.shape[0]})"
        rows.append(frames(store, f"{size}: next day, all in view", lambda _, v=whole: v, budget, runs))
        rows.append(frames(store, f"{size}: pan at 4 ×", lambda i, v=whole: zoomed(v, 4, i), budget, runs))
        rows.append(frames(store, f"{size}: pan at 16 ×", lambda i, v=whole: zoomed(v, 16, i), budget, runs))
    return rows


def report(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| frame | level | plan | read | paint | whole | processor | plain gather | budget | whole ÷ budget |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        times = " | ".join(f"{v:.2f}" for v in (r.plan, r.read, r.paint, r.whole, r.processor, r.floor))
        lines.append(f"| {r.what} | {r.level} | {times} | {r.budget:.0f} | {r.whole / r.budget:.2f} |")
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"
    )
    table = "\n".join(lines)
    return f"""# One map frame on the server (synthetic)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}; load average at the end {os.getloadavg()[0]:.1f}. Medians in ms of a
{WIDTH} × {HEIGHT} frame from prepared stores with overviews, files warm in the system's cache, nothing kept from
frame to frame by the app. «Processor» is the processor time of the whole frame, all threads: about what it takes on a
machine without other work. «Plain gather» indexes bytes that are in memory already: the least any such map could cost.

{table}
"""


def main() -> None:
    """Run and print, and keep the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
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
