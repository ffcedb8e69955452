"""Time one map frame on the server: plan, read of the prepared store, paint; against a plain gather of bytes in memory.

Everything is synthetic. The machine does other things too: read medians, and ratios rather than milliseconds.

    python benchmarks/bench_map.py [--runs 40] [--folder DIR] [--out benchmarks/results_map.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from explore.timing import median_ms
from explore.world import prepared

from smcore import names
from smcore.cubes.prepared import PreparedCube
from smcore.grids import ease, regular
from smcore.maps import Gather, View, fitted, paint, plan

WIDTH, HEIGHT = 1100, 620  # the map of a 1720 × 940 window
LOW, HIGH = names.RANGE_M3M3
STEPS = 4
TOUCH, STEP, ZOOM, FINE = 60.0, 6.0, 4.0, 15.0  # budgets [ms]


@dataclass
class Row:
    """Medians [ms] of one kind of frame."""

    what: str
    level: int
    plan: float
    read: float
    paint: float
    touch: float
    processor: float
    resident: float
    floor: float
    budget: float
    kept: float


def zoomed(whole: View, factor: float, i: int) -> View:
    """A view ``factor`` times as near, somewhere in the middle half of the whole one."""
    cx = whole.x0 + (0.35 + 0.03 * (i % 10)) * (whole.x1 - whole.x0)
    cy = whole.y0 + (0.40 + 0.02 * (i % 10)) * (whole.y1 - whole.y0)
    hx, hy = (whole.x1 - whole.x0) / factor / 2, (whole.y1 - whole.y0) / factor / 2
    return View(cx - hx, cx + hx, cy - hy, cy + hy, whole.width, whole.height)


def frames(
    store: PreparedCube, what: str, views: Callable[[int], View], runs: int, budget: float, kept: float, steps: int
) -> Row:
    """Time frames: each of another step, and of another view where ``views`` gives one.

    A frame whose field is resident, as after reading ahead, is planned and painted; else it is read before.
    """

    def planned(i: int) -> Gather:
        return plan(store.grid, views(i), len(store.levels))

    def read(i: int, gather: Gather) -> np.ndarray:
        return np.asarray(store.read_map("sm", i % steps, gather.level, gather.rows, gather.columns))

    def frame(i: int) -> np.ndarray:
        gather = planned(i)
        return paint(read(i, gather), gather, LOW, HIGH)

    gather = planned(0)
    values = read(0, gather)
    codes = np.nan_to_num(values * 500).astype(np.uint8)
    row, column = np.maximum(gather.row, 0), np.maximum(gather.column, 0)
    return Row(
        what,
        gather.level,
        median_ms(planned, runs),
        median_ms(lambda i: read(i, gather), runs),
        median_ms(lambda _: paint(values, gather, LOW, HIGH), runs),
        median_ms(frame, runs),
        median_ms(frame, runs, time.process_time),
        median_ms(lambda _: paint(values, plan(store.grid, views(0), len(store.levels)), LOW, HIGH), runs),
        median_ms(lambda _: codes.take(row, 0).take(column, 1), runs),
        budget,
        kept,
    )


def measure(folder: Path, runs: int) -> list[Row]:
    """All rows of the table."""
    fine = ease("M01")
    grids = {
        "36 km global": (ease("M36"), STEPS),
        "9 km global": (ease("M09"), STEPS),
        "0.1° global": (regular(90.0, -180.0, 0.1, 0.1, 1800, 3600), STEPS),
        "1 km CONUS": (fine.cut(*fine.window(-125.0, 24.0, -66.0, 50.0)), STEPS),
        "1 km global": (fine, 2),
    }
    rows = []
    for name, (grid, steps) in grids.items():
        store = prepared(folder, grid, name.replace(" ", "-"), steps)
        west, south, east, north = grid.bbox
        whole = fitted((west, max(south, -60.0), east, min(north, 78.0)), WIDTH, HEIGHT, 0.0)
        size = f"{name} ({grid.shape[1]} × {grid.shape[0]})"
        touch, step, zoom = (FINE,) * 3 if name == "1 km global" else (TOUCH, STEP, ZOOM)
        rows.append(frames(store, f"{size}: next step, all in view", lambda _, v=whole: v, runs, touch, step, steps))
        for near in (4, 16, 64) if name == "1 km global" else (4, 16):
            views = partial(zoomed, whole, near)
            rows.append(frames(store, f"{size}: pan at {near} ×", views, runs, touch, zoom, steps))
    return rows


def report(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| frame | level | plan | read | paint | read anew | processor | budget | resident | budget | plain gather |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        anew = " | ".join(f"{v:.2f}" for v in (r.plan, r.read, r.paint, r.touch, r.processor))
        lines.append(
            f"| {r.what} | {r.level} | {anew} | {r.budget:.0f} | {r.resident:.2f} | {r.kept:.0f} | {r.floor:.2f} |"
        )
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"
    )
    table = "\n".join(lines)
    return f"""# One map frame on the server (synthetic)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}; load average at the end {os.getloadavg()[0]:.1f}. Medians in ms of a
{WIDTH} × {HEIGHT} frame from prepared stores with overviews, files warm in the system's cache. «Read anew» is a frame
of which nothing is kept: planned, read and decoded, painted; «processor» is its processor time, all threads. «Resident»
is one whose field is in memory, as after reading ahead: planned and painted. «Plain gather» indexes bytes that are in
memory already, with the plan at hand: the least that any such map could cost.

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
