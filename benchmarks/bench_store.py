"""Time the prepared store: the right layout against the wrong one, tensorstore and zarr-python, and ingest itself.

Everything is synthetic. The machine does other things too: read medians, and ratios rather than milliseconds.

    python benchmarks/bench_store.py [--steps 3000] [--folder DIR] [--out benchmarks/results_store.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import zarr

from smcore import names
from smcore.cubes.chunks import ChunkArray
from smcore.cubes.prepared import PreparedCube
from smcore.cubes.sources import lazy_stack
from smcore.cubes.store import open_store, write
from smcore.grids import Grid, ease

ROWS, COLUMNS = 300, 700
ALL = slice(None)


@dataclass
class Row:
    """One line of the table: medians [ms] of the same read by different means; NaN where it was not run."""

    what: str
    ours: float
    packed: float
    tensorstore: float
    zarr: float
    wrong: float = float("nan")


def field(shape: tuple[int, int], step: int, base: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """A day of soil moisture on a grid of 1e-4 with the gaps of a swath."""
    values = base + 0.03 * np.float32(np.sin(step / 20)) + np.roll(noise, step * 37, axis=1)
    columns, rows = np.arange(shape[1])[None, :], np.arange(shape[0])[:, None]
    seen = (columns + rows // 3 + step * 230) % 700 < 400
    rounded = np.round(np.clip(values, 0.02, 0.6) * 1e4).astype(np.float32) / np.float32(1e4)
    return np.where(seen, rounded, np.float32(np.nan))


def cube(grid: Grid, steps: int) -> xr.Dataset:
    """A lazy synthetic cube, one dask chunk a step."""
    rng = np.random.default_rng(0)
    base = np.cumsum(np.cumsum(rng.normal(size=grid.shape), 0), 1)
    base = (base / np.abs(base).max() * 0.2 + 0.25).astype(np.float32)
    noise = rng.normal(scale=0.01, size=grid.shape).astype(np.float32)
    days = lazy_stack([partial(field, grid.shape, t, base, noise) for t in range(steps)], grid.shape, np.float32)
    return xr.Dataset(
        {"sm": (names.CUBE_DIMS, days, names.attributes("sm"))},
        {"time": pd.date_range("2010-01-01", periods=steps), "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        {"title": "Benchmark cube", "kind": "observed", "synthetic": 1, **grid.to_attrs()},
    )


def median_ms(read: Callable[[int], Any], runs: int) -> float:
    """Median of ``runs`` warm reads of different places; the first two are not counted."""
    taken = []
    for i in range(runs + 2):
        start = time.perf_counter()
        read(i)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[2:]) * 1e3


def by_tensorstore(path: Path) -> Any:
    """Open one array with tensorstore, or None where it is not installed."""
    try:
        import tensorstore
    except ImportError:
        return None
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    return tensorstore.open(spec, open=True, read=True).result()


def reads(store: PreparedCube, path: Path) -> Iterator[Row]:
    """Day map, pixel series and 10 × 10 box, each by all means; places differ from run to run."""
    maps, series = path / "maps-1" / "sm", path / "series-1" / "sm"
    steps = len(store.time)
    fast, slow = ChunkArray(maps), ChunkArray(series)
    others = {p: (by_tensorstore(p), zarr.open_array(str(p), mode="r")) for p in (maps, series)}

    def compare(what: str, right: Path, ours: Callable[[int], Any], at: Callable[[int], Any]) -> Row:
        own, other = (fast, slow) if right == maps else (slow, fast)
        tensor, plain = others[right]
        return Row(
            what,
            median_ms(ours, 60),
            median_ms(lambda i: own.read(*at(i)), 60),
            median_ms(lambda i: tensor[at(i)].read().result(), 60) if tensor is not None else float("nan"),
            median_ms(lambda i: plain[at(i)], 60),
            median_ms(lambda i: other.read(*at(i)), 3),
        )

    def day(i: int) -> tuple[slice, ...]:
        t = i * 37 % steps
        return slice(t, t + 1), slice(0, ROWS), slice(0, COLUMNS)

    def pixel(i: int) -> tuple[slice, ...]:
        r, c = i * 37 % ROWS, i * 101 % COLUMNS
        return slice(0, steps), slice(r, r + 1), slice(c, c + 1)

    def box(i: int) -> tuple[slice, ...]:
        r, c = i * 37 % (ROWS - 10), i * 101 % (COLUMNS - 10)
        return slice(0, steps), slice(r, r + 10), slice(c, c + 10)

    yield compare("day map", maps, lambda i: store.read_map("sm", day(i)[0].start), day)
    yield compare(
        "pixel series", series, lambda i: store.read_series("sm", pixel(i)[1].start, pixel(i)[2].start), pixel
    )
    yield compare("10 × 10 box, all days", series, lambda i: store.read_block("sm", *box(i)), box)


def big_maps(folder: Path) -> list[Row]:
    """Maps of the whole 9 km globe, tiled and sharded."""
    path = folder / "globe"
    write(cube(ease("M09"), 4), path, series=False)
    store = open_store(path)
    assert isinstance(store, PreparedCube)
    found = []
    for level, shape in enumerate(store.levels):
        name = path / ("maps-1/sm" if level == 0 else f"maps-1/level-{level}/sm")
        own, tensor, plain = ChunkArray(name), by_tensorstore(name), zarr.open_array(str(name), mode="r")
        found.append(
            Row(
                f"9 km globe, level {level} ({shape[1]} × {shape[0]})",
                median_ms(partial(lambda level, i: store.read_map("sm", i % 4, level), level), 12),
                median_ms(partial(lambda own, i: own.read(slice(i % 4, i % 4 + 1), ALL, ALL), own), 12),
                median_ms(partial(lambda t, i: t[i % 4].read().result(), tensor), 12) if tensor else float("nan"),
                median_ms(partial(lambda plain, i: plain[i % 4], plain), 12),
            )
        )
    return found


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""

    def cell(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.2f}" if value < 100 else f"{value:.0f}"

    heads = ("ours, float32", "ours, packed", "tensorstore, packed", "zarr-python, packed", "wrong layout")
    lines = [
        "| read (warm, median, ms) | " + " | ".join((*heads, "wrong ÷ right", "ours ÷ tensorstore, packed")) + " |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        times = " | ".join(cell(v) for v in (r.ours, r.packed, r.tensorstore, r.zarr, r.wrong))
        lines.append(f"| {r.what} | {times} | {cell(r.wrong / r.packed)} | {cell(r.packed / r.tensorstore)} |")
    return "\n".join(lines)


def report(folder: Path, steps: int) -> str:
    """Write the store, time it, and say all of it in Markdown."""
    path = folder / "store"
    days = cube(ease("M09").cut(slice(300, 300 + ROWS), slice(600, 600 + COLUMNS)), steps)
    marks: list[tuple[float, float]] = []
    start, cpu = time.perf_counter(), time.process_time()
    info = write(days, path, progress=lambda share, _: marks.append((share, time.perf_counter() - start)))
    total, cpu = time.perf_counter() - start, time.process_time() - cpu
    maps_done = max(t for share, t in marks if share <= 0.75)
    values = np.zeros((ROWS, COLUMNS), np.float32)
    making = median_ms(lambda i: field(values.shape, i, values, values), 20)
    store = open_store(path)
    assert isinstance(store, PreparedCube)
    opening = median_ms(lambda _: open_store(path), 10)
    rows = [*reads(store, path), *big_maps(folder)]
    raw = steps * ROWS * COLUMNS * 2 / 1e6
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, zarr {zarr.__version__}"
    )
    return f"""# Prepared store: {steps} × {ROWS} × {COLUMNS}, int16 (synthetic)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}; load average at the end {os.getloadavg()[0]:.1f}.

{table(rows)}

Ingest: {total:.0f} s in all ({cpu:.0f} s of processor time). Maps and overviews {maps_done:.0f} s
({maps_done / steps * 1e3:.1f} ms a step, of which {making:.1f} ms make the synthetic field), series
{total - maps_done:.0f} s: {raw / total:.0f} MB of raw int16 a second. On disk {info.size / 1e6:.0f} MB for {raw:.0f} MB
raw: maps, one overview with its valid share, and series. Opening the store takes {opening:.1f} ms.

«Ours, float32» is what the application calls: unpacked, NaN where missing. The other columns read the same array as it
is stored. Wrong layout: a day map read from the series, a series or box read from the maps, by our own reader; ratios
compare packed reads. Overviews (levels 1…) are stored as float32.
"""


def main() -> None:
    """Run and print, and keep the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        text = report(Path(folder), arguments.steps)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
