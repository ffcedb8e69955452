"""Time what a reviewer waits for: one exclusion → the headline of a whole run, the next station, and the queue.

Everything is synthetic: 200 stations × 5 products × 3000 days, two of the products with times of observation and gaps,
and a run of 1000 stations for the queue. Beside it: the run made anew, and the same medians and pooled numbers by plain
numpy and scipy, and by pandas groups, from pairs that are in memory already, without any interval.

    python benchmarks/bench_review.py [--stations 200] [--days 3000] [--runs 9] [--out benchmarks/results_review.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from smcore import ingest
from smcore.catalog import Catalog, load_catalog
from smcore.cubes import store
from smcore.grids import ease
from smcore.review.live import LivePairs
from smcore.review.queue import Queue
from smcore.validation.estimates import EstimateOptions
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.results import open_run
from smcore.validation.runs.run import validate

Floats = NDArray[np.float64]
GRID = ease("M36").cut(slice(90, 130), slice(150, 225))
PRODUCTS = tuple(f"p{i}" for i in range(5))
OPTIONS = RunOptions(strata=("none",))


def stations(rng: np.random.Generator, count: int, days: int, *, hourly: bool) -> tuple[xr.Dataset, Floats, Any]:
    """A collection of sensors in cells of the grid; the truth (day, station); and where they stand (rows, columns)."""
    row, column = np.divmod(rng.choice(GRID.shape[0] * GRID.shape[1], count, replace=False), GRID.shape[1])
    truth = 0.25 + 0.08 * np.sin(np.arange(days)[:, None] / 58 + rng.uniform(0, 0.5, count))
    truth += rng.normal(0, 0.02, truth.shape)
    steps = 24 if hourly else 1
    values = np.repeat(truth, steps, axis=0).T + rng.normal(0, 0.003, (count, days * steps))
    values[rng.random(values.shape) < 0.05] = np.nan
    time = np.datetime64("2010-01-01", "ns") + np.arange(days * steps) * np.timedelta64(24 // steps, "h")
    support = {} if hourly else {"time_support": "day-mean"}
    flag = {"flag_masks": np.array([1], np.int32), "flag_meanings": "G"}
    text = {
        name: ("sensor", [f"{name} {i % 7}" for i in range(count)]) for name in ("network", "land_cover", "climate")
    }
    data = xr.Dataset(
        {
            "sm": (("sensor", "time"), values.astype(np.float32), {"units": "m3 m-3", **support}),
            "flag": (("sensor", "time"), np.ones(values.shape, np.int32), flag),
        },
        {
            "time": time, "sensor": [f"NET/S{i}/0.05-0.05/p" for i in range(count)], **text,
            "station": ("sensor", [f"S{i}" for i in range(count)]),
            "lat": ("sensor", GRID.lat[row]), "lon": ("sensor", GRID.lon[column]),
            "depth_from": ("sensor", [0.05] * count), "depth_to": ("sensor", [0.05] * count),
        },
        {"title": "made up", "kind": "stations", "synthetic": 1},
    )  # fmt: skip
    return data, truth, (row, column)


def product(rng: np.random.Generator, truth: Floats, where: Any, *, seen: bool) -> xr.Dataset:
    """A cube that holds the truth with noise at the stations; ``seen`` gives it gaps and times of observation."""
    days = len(truth)
    field = np.full((days, *GRID.shape), np.nan, np.float32)
    field[:, *where] = truth + rng.normal(0, 0.03, truth.shape)
    time = np.datetime64("2010-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")
    about = {"title": "made up", "kind": "observed" if seen else "modelled", "synthetic": 1, "layer_m": "0 0.05"}
    cube = xr.Dataset(
        {"sm": (("time", "y", "x"), field, {"units": "m3 m-3"})},
        {"time": time, "lat": ("y", GRID.lat), "lon": ("x", GRID.lon)},
        {**about, **GRID.to_attrs(), **({} if seen else {"time_support": "day-mean"})},
    )
    if seen:
        cube["sm"] = cube["sm"].where(rng.random(field.shape) > 0.3)
        minutes = rng.integers(5 * 60, 7 * 60, field.shape).astype("timedelta64[m]")
        cube["obs_time"] = (("time", "y", "x"), (time[:, None, None] + minutes).astype("datetime64[ns]"))
    return cube


def catalogue(folder: Path, count: int, days: int, *, hourly: bool) -> Catalog:
    """Prepared stores of all of it."""
    rng = np.random.default_rng(0)
    net, truth, where = stations(rng, count, days, hourly=hourly)
    made = {name: product(rng, truth, where, seen=hourly and i < 2) for i, name in enumerate(PRODUCTS)}
    for name, data in {"net": net, **made}.items():
        store.write(data, folder / name)
        ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
    return load_catalog([folder / "catalog.yml"])


def median_ms(call: Callable[[int], Any], runs: int) -> tuple[float, float]:
    """Median processor and wall time of ``runs`` calls [ms]; the first is not counted, unless it is the only one."""
    cpu, wall = [], []
    for i in range(runs + 1):
        begun = time.process_time(), time.perf_counter()
        call(i)
        cpu.append(time.process_time() - begun[0])
        wall.append(time.perf_counter() - begun[1])
    return statistics.median(cpu[1:] or cpu) * 1e3, statistics.median(wall[1:] or wall) * 1e3


def pairs_of(live: LivePairs) -> dict[str, list[tuple[Floats, Floats]]]:
    """All pairs in memory, by product and station, for those that compute without Loam."""
    found: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in live.products}
    for subject in live.subjects:
        for name, one in live.pairs(subject).items():
            found[name].append((one.product, one.reference))
    return found


def by_numpy(pairs: Mapping[str, list[tuple[Floats, Floats]]]) -> dict[str, dict[str, float]]:
    """Medians over stations and pooled numbers of the five usual metrics; no interval, no grouping of stations."""
    result = {}
    for name, listed in pairs.items():
        single = np.array([_metrics(x, y) for x, y in listed])
        whole = _metrics(*(np.concatenate(side) for side in zip(*listed, strict=True)))
        result[name] = {"median": float(np.nanmedian(single[:, 0])), "pooled": whole[0]}
    return result


def _metrics(x: Floats, y: Floats) -> tuple[float, ...]:
    apart = x - y
    bias = apart.mean()
    rho = stats.spearmanr(x, y).statistic
    return np.corrcoef(x, y)[0, 1], rho, bias, float(np.sqrt((apart**2).mean())), float(apart.std())


def by_pandas(table: pd.DataFrame) -> pd.DataFrame:
    """The same by groups of a long table; Spearman's by ranks of the groups."""
    table = table.assign(d=table["x"] - table["y"], dd=(table["x"] - table["y"]) ** 2)
    groups = table.groupby(["product", "station"], sort=False)
    means = groups[["d", "dd"]].mean()
    r = groups[["x", "y"]].corr().iloc[0::2, -1].droplevel(-1)
    ranks = groups[["x", "y"]].rank()
    rho = ranks.groupby([table["product"], table["station"]], sort=False).corr().iloc[0::2, -1].droplevel(-1)
    whole = table.groupby("product", sort=False)
    pooled = whole[["x", "y"]].corr(method="spearman")
    return means.assign(r=r, rho=rho).groupby("product").median().assign(n=len(pooled))


def rows_of_live(catalog: Catalog, folder: Path, runs: int) -> Iterator[tuple[str, float, float]]:
    """What a reviewer waits for, and what it is compared with."""
    write_run(validate(PRODUCTS, "net", catalog, OPTIONS), folder)
    held: list[LivePairs] = []
    taken = median_ms(lambda _: held.append(LivePairs.of(open_run(folder), catalog)), 0)
    yield "open: read and score all pairs, once", *taken
    live = held[0]
    subjects = live.subjects
    before = tuple(Exclusion(one, "2013-01-01", "2013-06-30", "drift") for one in subjects[: len(subjects) // 4])

    def one_more(year: int, listed: tuple[Exclusion, ...] = (), metrics: Any = None) -> Callable[[int], Any]:
        """Exclude a spring of another station each time, beside what is excluded already."""

        def call(i: int) -> Any:
            last = Exclusion(subjects[-1 - i % len(subjects)], f"{year}-01-01", f"{year}-03-31", "flat")
            return live.headline((*listed, last), metrics)

        return call

    yield "one exclusion → headline (6 metrics)", *median_ms(one_more(2011), runs)
    live.headline(before)
    yield f"the same after {len(before)} exclusions", *median_ms(one_more(2012, before), runs)
    yield "the same at the desk: the station looked at, 3 metrics", *median_ms(dragged(live, before), runs)
    every = live.metrics
    yield f"the same, all {len(every)} metrics", *median_ms(one_more(2013, before, every), runs)
    yield "next station: pairs of 5 products", *median_ms(lambda i: live.pairs(subjects[3 * i % len(subjects)]), runs)
    yield "its numbers with intervals", *median_ms(lambda i: live.station(subjects[3 * i % len(subjects)]), runs)
    anew = replace(OPTIONS, exclusions=before)
    yield "beside: the run made anew", *median_ms(lambda _: validate(PRODUCTS, "net", catalog, anew), 0)
    yield from rows_beside(pairs_of(live))


def dragged(live: LivePairs, before: tuple[Exclusion, ...]) -> Callable[[int], Any]:
    """Another period of the station that the desk shows, whose pairs have been read."""
    subject = live.subjects[0]
    live.pairs(subject)

    def call(i: int) -> Any:
        last = Exclusion(subject, f"2015-01-{1 + i % 28:02}", "2015-03-31", "flat")
        return live.headline((*before, last), ("pearson_r", "bias", "ubrmsd"))

    return call


def rows_beside(pairs: Mapping[str, list[tuple[Floats, Floats]]]) -> Iterator[tuple[str, float, float]]:
    """What others take for less, from pairs that are in memory."""
    yield "beside: numpy and scipy, all anew, no intervals", *median_ms(lambda _: by_numpy(pairs), 1)
    table = pd.concat(
        [
            pd.DataFrame({"product": name, "station": i, "x": x, "y": y})
            for name, listed in pairs.items()
            for i, (x, y) in enumerate(listed)
        ]
    )
    yield "beside: pandas groups, all anew, no intervals", *median_ms(lambda _: by_pandas(table), 1)


def rows_of_queue(folder: Path, runs: int) -> Iterator[tuple[str, float, float]]:
    """A queue of a thousand stations, opened from its files."""
    catalog = catalogue(folder, 1000, 60, hourly=False)
    options = RunOptions(estimates=EstimateOptions(interval="none"))
    write_run(validate(PRODUCTS, "net", catalog, options), folder / "run")

    def opened(_: int) -> Any:
        results = replace(open_run(folder / "run"))
        return Queue.of(results).order()

    yield "open the run, its queue, first order", *median_ms(opened, runs)
    results = open_run(folder / "run")
    results.metrics  # noqa: B018 — as the page of results has read it
    yield "the queue of an open run, first order", *median_ms(lambda _: Queue.of(results).order(), runs)
    queue = Queue.of(results)
    queue.available()
    names = list(queue.available())
    yield "another order", *median_ms(lambda i: queue.order(names[i % len(names)]), 4 * runs)

    def floor(_: int) -> Any:
        table = pd.read_csv(folder / "run" / "metrics.csv")
        wide = table.pivot_table(index="sensor", columns=["product", "metric"], values="value", sort=False)
        return wide.sort_values(("p0", "ubrmsd"), ascending=False)

    yield "beside: pandas read_csv, pivot_table, sort_values", *median_ms(floor, runs)


def main() -> None:
    """Make the data, time everything, print and write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, usual in (("stations", 200), ("days", 3000), ("runs", 9)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        f"# Review: {given.stations} stations × {len(PRODUCTS)} products × {given.days} days (synthetic)",
        "",
        f"{stamp}, Python {platform.python_version()}; medians of {given.runs} runs, «beside» once.",
    ]
    with tempfile.TemporaryDirectory() as temporary:
        for hourly in (True, False):
            folder = Path(temporary) / ("hourly" if hourly else "daily")
            folder.mkdir()
            catalog = catalogue(folder, given.stations, given.days, hourly=hourly)
            what = "Hourly sensors; two products by times of observation, three by days" if hourly else "Daily sensors"
            lines += _table(what, rows_of_live(catalog, folder / "run", given.runs))
        folder = Path(temporary) / "queue"
        folder.mkdir()
        lines += _table("Queue of 1000 stations × 5 products", rows_of_queue(folder, given.runs))
    lines += [f"Load average at the end {os.getloadavg()[0]:.1f}.", "", _NOTE]
    text = "\n".join(lines) + "\n"
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")


_NOTE = """«Beside» computes all stations again after one exclusion, from pairs in memory: numpy and scipy station by
station, pandas by groups; five metrics, medians and pooled numbers. Neither has an interval or groups of stations,
which the headline has. Hourly sensors have so many steps that every eighth pair is kept for the pooled ranks, as in
a run; with daily ones all of them are ranked. Processor time is what a busy machine spoils less."""


def _table(what: str, rows: Iterator[tuple[str, float, float]]) -> list[str]:
    lines = ["", f"## {what}", "", "| what | processor [ms] | wall [ms] |", "|---|---|---|"]
    for name, cpu, wall in rows:
        lines.append(f"| {name} | {cpu:.3g} | {wall:.3g} |" if cpu < 1000 else f"| {name} | {cpu:.0f} | {wall:.0f} |")
        print(lines[-1], flush=True)
    return [*lines, ""]


if __name__ == "__main__":
    main()
