"""Runs by several processes: equal to serial, flat in memory, quick to recover; beside ``xr.corr`` of Dask arrays.

Everything is synthetic. The peer computes one metric, R, on arrays whose chunks hold whole series, which is what suits
it best; ours is timed with R alone, and with all metrics of a map and their intervals. The same cluster serves both.

    python benchmarks/bench_distributed.py [--steps 2000 --rows 240 --columns 480] [--out FILE]
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smcore import ingest, names
from smcore.catalog import Catalog, load_catalog
from smcore.cubes.open import open_entry
from smcore.cubes.sources import lazy_stack
from smcore.cubes.store import write
from smcore.distributed import Workers, compute
from smcore.errors import Cancelled
from smcore.grids import Grid, ease
from smcore.validation.estimates import EstimateOptions
from smcore.validation.runs.plan import RunOptions, make_plan
from smcore.validation.runs.request import Request
from smcore.validation.runs.run import Run, finished, validate
from smcore.validation.runs.table import score_table
from smcore.validation.runs.work import all_parts

ALL = RunOptions()
ONE = RunOptions(estimates=EstimateOptions(interval="none", metrics=("pearson_r",)))
LINE = "| {} | {} | {} |"


@dataclass(frozen=True)
class Size:
    """Steps, rows and columns of a cube."""

    steps: int
    rows: int
    columns: int

    def __str__(self) -> str:
        return f"{self.steps} × {self.rows} × {self.columns}"

    @property
    def megabytes(self) -> float:
        """Both cubes of a pair as float32."""
        return 8e-6 * self.steps * self.rows * self.columns


def field(shape: tuple[int, int], seed: int, step: int) -> np.ndarray:
    """A day of soil moisture on a grid of 1e-4, about half of it missing."""
    shared, own = np.random.default_rng([9, step]), np.random.default_rng([seed, step])
    values = 0.25 + 0.1 * np.sin(step / 58) + 0.05 * (shared.random(shape) - 0.5) + 0.05 * (own.random(shape) - 0.5)
    return np.where(own.random(shape) < 0.5, np.nan, values.round(4)).astype(np.float32)


def pair(folder: Path, size: Size) -> Catalog:
    """Two prepared cubes; those of an earlier run are taken as they are."""
    place = folder / f"{size.steps}-{size.rows}-{size.columns}"
    grid: Grid = ease("M09").cut(slice(200, 200 + size.rows), slice(400, 400 + size.columns))
    for seed, name in enumerate(("product", "reference")):
        if (place / name / "manifest.json").exists():
            continue
        days = lazy_stack([partial(field, grid.shape, seed, t) for t in range(size.steps)], grid.shape, np.float32)
        data = xr.Dataset(
            {"sm": (names.CUBE_DIMS, days, names.attributes("sm"))},
            {"time": pd.date_range("2000-01-01", periods=size.steps), "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
            {"title": "made up", "kind": "modelled", "synthetic": 1, "time_support": "day-mean", **grid.to_attrs()},
        )
        write(data, place / name)
        ingest.add_to_catalog(place / name, name, place / "catalog.yml")
    return load_catalog([place / "catalog.yml"])


@contextmanager
def cluster(processes: int, limit: str) -> Iterator[Any]:
    """A fresh cluster, whose processes have done a small run: imports and compiled loops are not timed."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=processes, threads_per_worker=1, memory_limit=limit, host="127.0.0.1",
            dashboard_address="127.0.0.1:0", env={"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        ) as made,
        Client(made, set_as_default=False) as client,
        tempfile.TemporaryDirectory() as warm,
    ):  # fmt: skip
        small = pair(Path(warm), Size(400, 64, 64))
        for _ in range(processes):
            run(small, ALL, Workers(made.scheduler_address))
            corr(client, small)
        yield client


def run(catalog: Catalog, options: RunOptions, workers: Workers, **how: Any) -> tuple[Run, float, float]:
    """A run, the time until all parts were there, and that of joining them [s]."""
    plan = make_plan(["product"], "reference", catalog, options)
    request = Request.of(["product"], "reference", catalog, options, plan)
    begin = time.perf_counter()
    parts = all_parts(plan, request, workers=workers, **how)
    middle = time.perf_counter()
    return finished(plan, parts), middle - begin, time.perf_counter() - middle


def corr(client: Any, catalog: Catalog) -> tuple[np.ndarray, float]:
    """R of all cells by Dask arrays, and its time [s]."""
    stores: list[Any] = [open_entry(catalog.get(name)) for name in ("product", "reference")]
    product, reference = (one.dataset("series")["sm"] for one in stores)
    begin = time.perf_counter()
    found = client.compute(xr.corr(product, reference, dim="time").data, sync=True)
    return found, time.perf_counter() - begin


def peak() -> float:
    """Highest resident memory of this process so far [MB]; ``ru_maxrss`` would begin with that of its parent."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) / 1e3


def address(client: Any) -> Workers:
    return Workers(client.scheduler.address)


def spilled(client: Any) -> int:
    """Bytes that workers hold on disk."""
    states = client.scheduler_info(n_workers=-1)["workers"].values()
    return int(sum(sum(state["metrics"].get("spilled_bytes", {}).values()) for state in states))


def sizes(folder: Path, base: Size, limit: str, lines: list[str]) -> None:
    """Time, memory and equality of the base, four times its area and four times its time."""
    grown = {
        "base": base,
        "area × 4": Size(base.steps, 2 * base.rows, 2 * base.columns),
        "time × 4": Size(4 * base.steps, base.rows, base.columns),
    }
    lines += ["| pair | float32 [MB] | work [s] | join [s] | highest worker peak [MB] | spilled | equal to serial |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, size in grown.items():
        catalog = pair(folder, size)
        with cluster(2, limit) as client:
            found, work, join = run(catalog, ALL, address(client))
            highest, disk = max(client.run(peak).values()), spilled(client)
        serial, _, _ = run(catalog, ALL, Workers())
        equal = score_table(found.scores).equals(score_table(serial.scores))
        lines.append(
            f"| {name}: {size} | {size.megabytes:.0f} | {work:.1f} | {join:.1f} | {highest:.0f} | {disk} | "
            f"{'to the last bit' if equal else 'NO'} |"
        )


def peers(folder: Path, base: Size, limit: str, repeats: int, lines: list[str]) -> None:
    """Ours and ``xr.corr`` in turn on one cluster."""
    catalog = pair(folder, base)
    times: dict[str, list[float]] = {"R": [], "all": [], "xr.corr": []}
    with cluster(2, limit) as client:
        for _ in range(repeats):
            found, work, join = run(catalog, ONE, address(client))
            times["R"].append(work + join)
            times["all"].append(sum(run(catalog, ALL, address(client))[1:]))
            theirs, seconds = corr(client, catalog)
            times["xr.corr"].append(seconds)
    ours = found.scores[0].values["pearson_r"].reshape(theirs.shape)
    medians = {name: statistics.median(values) for name, values in times.items()}
    lines += ["| what | median [s] | xr.corr takes |", "|---|---|---|"]
    lines += [
        LINE.format(name, f"{value:.2f}", f"{medians['xr.corr'] / value:.1f} ×") for name, value in medians.items()
    ]
    lines.append(f"\nR of both differs by {np.nanmax(np.abs(ours - theirs)):.1e} at most; {repeats} rounds.")


def killed(folder: Path, base: Size, limit: str, lines: list[str]) -> None:
    """One of two workers is killed when a third of the tiles is done."""
    catalog = pair(folder, base)
    with cluster(2, limit) as client:
        victims = list(client.run(os.getpid).values())

        def kill(share: float, _: str) -> None:
            if share > 1 / 3 and victims:
                with suppress(ProcessLookupError):
                    os.kill(victims[0], signal.SIGKILL)
                victims.clear()

        found, work, _ = run(catalog, ALL, address(client), progress=kill)
    serial, _, _ = run(catalog, ALL, Workers())
    equal = score_table(found.scores).equals(score_table(serial.scores))
    lines.append(f"One of two workers killed: {work:.1f} s, result {'equal' if equal else 'NOT equal'}.")


def growing(folder: Path, base: Size, limit: str, lines: list[str]) -> None:
    """One worker, then two."""
    catalog = pair(folder, base)
    found = {}
    for processes in (1, 2):
        with cluster(processes, limit) as client:
            found[processes] = statistics.median(run(catalog, ALL, address(client))[1] for _ in range(3))
    lines.append(f"One worker {found[1]:.1f} s, two {found[2]:.1f} s: {found[1] / found[2]:.2f} ×.")


def nothing(request: str, number: int) -> None:
    """A tile without work."""


def overhead(count: int, limit: str, lines: list[str]) -> None:
    """What a task costs that does nothing."""
    with cluster(2, limit) as client:
        begin = time.perf_counter()
        done = sum(1 for _ in compute(nothing, "", range(count), workers=address(client), failed=lambda *_: None))
        seconds = time.perf_counter() - begin
    lines.append(f"{done} empty tiles: {seconds:.1f} s, {1e3 * seconds / max(done, 1):.2f} ms each.")


def resumed(folder: Path, base: Size, lines: list[str]) -> None:
    """A run that was stopped in the middle, and the rest of it."""
    catalog, shares = pair(folder, base), [0.0]
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "run"
        how: dict[str, Any] = {"keep": out, "progress": lambda share, _: shares.append(share)}
        begin = time.perf_counter()
        with suppress(Cancelled):
            validate(["product"], "reference", catalog, ALL, cancelled=lambda: shares[-1] >= 0.5, **how)
        middle = time.perf_counter()
        found = validate(["product"], "reference", catalog, ALL, keep=out)
        end = time.perf_counter()
    equal = score_table(found.scores).equals(score_table(run(catalog, ALL, Workers())[0].scores))
    lines.append(
        f"Stopped in the middle after {middle - begin:.1f} s, the rest {end - middle:.1f} s, "
        f"result {'equal' if equal else 'NOT equal'}."
    )


def table(arguments: argparse.Namespace) -> str:
    """All measurements."""
    base = Size(arguments.steps, arguments.rows, arguments.columns)
    about = (
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; two workers of one "
        f"thread, {arguments.memory} each; synthetic pairs, half of the values missing.\n"
    )
    lines = ["# Several processes\n", about]
    folder = Path(arguments.folder or tempfile.mkdtemp())
    steps: list[Callable[[list[str]], None]] = [
        partial(sizes, folder, base, arguments.memory),
        partial(peers, folder, base, arguments.memory, arguments.repeats),
        partial(killed, folder, base, arguments.memory),
        partial(growing, folder, base, arguments.memory),
        partial(overhead, arguments.tasks, arguments.memory),
        partial(resumed, folder, base),
    ]
    for step in steps:
        found: list[str] = []
        step(found)
        print("\n".join(found), flush=True)
        lines += [*found, ""]
    return "\n".join(lines)


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("steps", 2000), ("rows", 240), ("columns", 480), ("repeats", 3), ("tasks", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--memory", default="700MB")
    parser.add_argument("--folder", help="where the cubes are made, and kept")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    text = table(arguments)
    if arguments.out:
        arguments.out.write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
