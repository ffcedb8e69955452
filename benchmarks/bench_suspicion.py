"""Rules of suspicion: their cost, their false alarms and hits on made-up sensors, and beside the flags of the ISMN.

Made-up sensors are those of the contract tests: healthy, or with one fault put in. Of real collections every value is
looked at, flagged or not, and marks are compared with events of the flags that come closest: records with the flag that
follow each other within a day. An event is met if a mark lies within a day of it, and a mark is met likewise. Neither
side is the truth.

    python benchmarks/bench_suspicion.py [--sensors 30] [--catalog F ID [ID …]] [--out benchmarks/results_suspicion.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from smcore.review.suspicion.base import DAY_S, Suspicion, clusters
from smcore.review.suspicion.evidence import Evidence
from smcore.review.suspicion.look import look, rule, rule_names
from smcore.review.suspicion.reading import Sensors
from smcore.stations.flags import MASKS
from tests.contracts.synthetic_sensors import clean
from tests.contracts.test_suspicion_rules import PLANTED

ROUNDS = 7
CLOSEST = {
    "spike": ("D06",),
    "step": ("D07",),
    "flat": ("D09",),
    "saturated": ("D10",),
    "frozen": ("D01", "D02"),
    "out-of-range": ("C01", "C02", "C03"),
}
SHARED = ("daily", "rain", "peers", "expected", "against_peers")


def costs() -> list[str]:
    """Processor time of each rule over five hourly years."""
    evidence = clean(1, years=5)
    look(evidence)  # the first look loads maps
    spent: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        fresh = replace(evidence)
        begin = time.process_time()
        for name in SHARED:
            getattr(fresh, name)
        spent.setdefault("means of days, sensors nearby (once)", []).append(time.process_time() - begin)
        for name in rule_names():
            begin = time.process_time()
            look(fresh, [name])
            spent.setdefault(name, []).append(time.process_time() - begin)
    total = sum(statistics.median(times) for times in spent.values())
    rows = [f"| {name} | {statistics.median(times) * 1e3:.1f} |" for name, times in spent.items()]
    return [
        f"## Cost\n\nA sensor with {len(evidence.record)} hourly records, five others, rain and temperature.\n",
        "| rule | ms |\n|---|---|", *rows, f"| all | {total * 1e3:.1f} |", "",
    ]  # fmt: skip


def made_up(count: int) -> list[str]:
    """False alarms on healthy sensors, and hits where a fault was put in."""
    alarms, suspected = Counter[str](), 0
    hits, besides = Counter[str](), Counter[str]()
    for seed in range(1000, 1000 + count):
        evidence = clean(seed)
        found = {mark.rule for mark in look(evidence)}
        alarms.update(found)
        suspected += bool(found)
        for name, (plant, _) in PLANTED.items():
            said = {mark.rule for mark in look(plant(evidence))}
            hits[name] += name in said
            besides[name] += bool(said - {name} - found)
    rows = [
        f"| {name} | {alarms[name]} of {count} | {hits[name]} of {count} | {besides[name]} |" for name in rule_names()
    ]
    return [
        f"## Made-up sensors\n\nTwo years of each; {suspected} of {count} healthy ones are suspected of anything.\n",
        "| rule | healthy sensors suspected | found where put in | … with another rule besides |\n|---|---|---|---|",
        *rows, "",
    ]  # fmt: skip


def beside_flags(file: Path, ids: list[str]) -> list[str]:
    """Marks beside the flags that come closest."""
    from smcore.catalog import load_catalog
    from smcore.cubes.open import open_entry

    catalog = load_catalog([file])
    lines = [
        "## Real sensors, beside the flags of the ISMN\n",
        "| collection | rule | flags | events of flags | of them marked | marks | of them flagged | can't be judged |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in ids:
        sensors = Sensors(open_entry(catalog.get(name)), None)
        total: Counter[tuple[str, str]] = Counter()
        for row in range(len(sensors)):
            compare(sensors, row, sensors.evidence(row), total)
        for one, codes in CLOSEST.items():
            numbers = " | ".join(str(total[one, what]) for what in ("events", "marked", "marks", "flagged", "lacking"))
            lines.append(f"| {name}, {len(sensors)} sensors | {one} | {' '.join(codes)} | {numbers} |")
    return [*lines, ""]


def compare(sensors: Sensors, row: int, evidence: Evidence, total: Counter[tuple[str, str]]) -> None:
    prepared = sensors.prepared
    flag, value = (np.asarray(prepared.read_series(name, row)) for name in ("flag", "sm"))
    time_s = np.asarray(prepared.time).astype("datetime64[s]").astype(np.int64)
    for name, codes in CLOSEST.items():
        bits = sum(MASKS[code] for code in codes)
        at = time_s[np.isfinite(value) & ((flag & bits) != 0)]
        events = [(int(at[a]), int(at[b])) for a, b in clusters(at, DAY_S)]
        lacking = bool(rule(name).lacking(evidence))
        marks = [] if lacking else [period(mark) for mark in rule(name).find(evidence)]
        total[name, "events"] += len(events)
        total[name, "marks"] += len(marks)
        total[name, "marked"] += sum(near(one, marks) for one in events)
        total[name, "flagged"] += sum(near(one, events) for one in marks)
        total[name, "lacking"] += lacking


def period(mark: Suspicion) -> tuple[int, int]:
    first, last = (int(np.datetime64(text, "s").astype(np.int64)) for text in (mark.start, mark.end))
    return first, last


def near(one: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(one[0] - DAY_S <= last and first - DAY_S <= one[1] for first, last in others)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensors", type=int, default=30)
    parser.add_argument("--catalog", nargs="+", default=[], help="a catalogue, and ids of station collections in it")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, numpy "
        f"{np.__version__}; one thread, processor time, median of {ROUNDS}; load {os.getloadavg()[0]:.1f} on "
        f"{os.cpu_count()} cores."
    )
    lines = ["# Suspicions", "", about, "", *costs(), *made_up(arguments.sensors)]
    if arguments.catalog:
        lines += beside_flags(Path(arguments.catalog[0]), arguments.catalog[1:])
    text = "\n".join(lines)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
