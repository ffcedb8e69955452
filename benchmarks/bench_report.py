"""Time the report of a run with 200 stations, its bundle, the opening of it, and a comparison of two.

Everything is synthetic: 200 stations × 5 products × 3000 days as in ``bench_review.py``, two of the products with times
of observation and gaps; every tenth station has a period excluded and a verdict in the review log.

    python benchmarks/bench_report.py [--stations 200] [--days 3000] [--out benchmarks/results_report.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench_review import PRODUCTS, catalogue

from smcore.bundle.compare import compare
from smcore.bundle.open import open_bundle
from smcore.bundle.write import write_bundle
from smcore.catalog import Catalog
from smcore.report.gather import gather
from smcore.report.page import report, station_report
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.results import RunResults, open_run
from smcore.validation.runs.run import validate

Row = tuple[str, float, float, str]


def timed(name: str, call: Callable[[], Any], told: Callable[[Any], str] = lambda _: "") -> tuple[Row, Any]:
    """Processor and wall time of one call [s], and what there is to say of its result."""
    begun = time.process_time(), time.perf_counter()
    result = call()
    row = (name, time.process_time() - begun[0], time.perf_counter() - begun[1], told(result))
    print(f"{row[0]}: {row[1]:.1f} s of processor, {row[2]:.1f} s {row[3]}", flush=True)
    return row, result


def reviewed(results: RunResults) -> None:
    """Exclude a month of every tenth station, and sign all of them."""
    log = ReviewLog(results.folder / REVIEW_LOG, run_identity(results.record))
    for i, subject in enumerate(dict.fromkeys(results.locations(PRODUCTS[0], "n")["sensor"])):
        log.append("look", subject, "Bench")
        period = {"start": "2012-06-01T00:00:00", "end": "2012-06-30T23:59:59", "reason": "step", "text": ""}
        kept = [log.append("exclude", subject, "Bench", period).id] if i % 10 == 0 else []
        log.append("sign", subject, "Bench", {"verdict": 2 if kept else 1, "reasons": [], "exclusions": kept})


def measure(folder: Path, catalog: Catalog) -> list[Row]:
    """All rows of the table, in the order in which they are needed."""
    row, run = timed(
        "the run itself", lambda: validate(PRODUCTS, "net", catalog, RunOptions(strata=("network", "season")))
    )
    write_run(run, folder / "run")
    results = open_run(folder / "run")
    reviewed(results)
    rows = [row]

    def whole(with_pictures: bool) -> Callable[[], str]:
        return lambda: report(gather(open_run(folder / "run"), catalog), with_pictures=with_pictures)

    size = lambda text: f"{len(text.encode()) / 1e6:.1f} MB"  # noqa: E731
    for name, pictures in (("report", True), ("report without the large pictures", False)):
        row, _ = timed(name, whole(pictures), size)
        rows.append(row)
    subject = str(results.locations(PRODUCTS[0], "n")["sensor"].iloc[0])
    row, _ = timed("report of one station", lambda: station_report(gather(results, catalog), subject), size)
    rows.append(row)
    written = lambda made: f"{sum(made.files.values()) / 1e6:.0f} MB in {len(made.files)} files"  # noqa: E731
    row, _ = timed("bundle", lambda: write_bundle(results, catalog, folder / "bundle", with_pairs=True), written)
    rows.append(row)
    row, bundle = timed("bundle opened: every hash checked", lambda: open_bundle(folder / "bundle"))
    rows.append(row)
    row, _ = timed("its pairs read", bundle.pairs, lambda all_: f"{sum(len(one.product) for one in all_):,} pairs")
    rows.append(row)
    row, _ = timed("compared with the run", lambda: compare(results, bundle.results), lambda found: found.sentences[0])
    rows.append(row)
    return rows


def table(rows: list[Row], stations: int, days: int) -> str:
    """The page of results."""
    made = f"Synthetic: {stations} stations × {len(PRODUCTS)} products × {days} days."
    machine = f"{platform.machine()}, {os.cpu_count()} processors seen, {datetime.now(UTC):%Y-%m-%d}; one thread."
    lines = ["# Report and bundle", "", f"{made} {machine}", "Where the machine was shared, read processor time.", ""]
    lines += ["| what | processor [s] | wall [s] | |", "|---|---|---|---|"]
    lines += [f"| {name} | {cpu:.1f} | {wall:.1f} | {told} |" for name, cpu, wall, told in rows]
    lines += [
        "",
        "Asked for: the report of 200 stations in 60 s at most, and 10 MB. Its large pictures are drawn one after",
    ]
    lines += ["the other, a station takes some tens of milliseconds."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make the world, measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--days", type=int, default=3000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalog = catalogue(folder, asked.stations, asked.days, hourly=False)
        text = table(measure(folder, catalog), asked.stations, asked.days)
    print(text)
    if asked.out is not None:
        asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
