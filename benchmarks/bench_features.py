"""Features of soil-moisture series: all of ours beside tsfresh's ten minimal ones and, if it is installed, catch22.

Series of AR(1) noise on a yearly wave, 1000 days; one thread; processor time, so that a busy machine spoils little; the
median of several rounds, in which the sides take turns. tsfresh and catch22 know no gaps, so the rows with gaps have
nobody beside them. Values that both sides have are compared before anything is timed.

    python benchmarks/bench_features.py [--series 1000] [--rounds 5] [--out benchmarks/results_features.md]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import numpy as np
from scipy.signal import lfilter

from smcore.models.series.features import GROUPS, NAMES, day_groups, describe

DAYS, GOAL, MISSING = 1000, 4.0, 0.6
SAME = {
    "mean": "mean",
    "median": "median",
    "standard_deviation": "std",
    "variance": "variance",
    "root_mean_square": "rms",
    "maximum": "max",
    "minimum": "min",
    "absolute_maximum": "abs_max",
}


def make(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = lfilter([1], [1, -0.9], rng.normal(0, 0.02, (count, DAYS)))
    wave = 0.07 * np.sin(2 * np.pi * (np.arange(DAYS) / 365.25 + rng.random((count, 1))))
    return np.clip(0.25 + wave + noise, 0.02, 0.6)


def tsfresh_minimal(values: np.ndarray) -> Callable[[], Any]:
    import pandas as pd
    from tsfresh.feature_extraction.extraction import extract_features
    from tsfresh.feature_extraction.settings import MinimalFCParameters

    count = len(values)
    columns = {"id": np.repeat(np.arange(count), DAYS), "time": np.tile(np.arange(DAYS), count), "x": values.ravel()}
    frame = pd.DataFrame(columns)

    def run() -> Any:
        return extract_features(
            frame,
            column_id="id",
            column_sort="time",
            default_fc_parameters=MinimalFCParameters(),
            n_jobs=0,
            disable_progressbar=True,
        )

    found, own = run(), describe(values)[:, 0]
    for theirs, ours in SAME.items():
        np.testing.assert_allclose(own[:, NAMES.index(ours)], found[f"x__{theirs}"], rtol=1e-9, err_msg=theirs)
    return run


def catch22(values: np.ndarray) -> Callable[[], Any]:
    import pycatch22

    rows = [list(row) for row in values]
    return lambda: [pycatch22.catch22_all(row) for row in rows]


def rate(count: int, seconds: list[float]) -> float:
    return count / statistics.median(seconds)


def timed(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            found[name].append(time.process_time() - start)
    return found


def rows(count: int, rounds: int) -> list[str]:
    values = make(count)
    gaps = np.where(np.random.default_rng(1).random(values.shape) < MISSING, np.nan, values)
    groups = day_groups(np.datetime64("2019-01-01") + np.arange(365))
    calls: dict[str, Callable[[], Any]] = {
        "ours": lambda: describe(values),
        "gaps": lambda: describe(gaps),
        "year": lambda: describe(gaps[:, :365], groups=groups),
    }
    numbers = {"tsfresh": 10, "catch22": 22}
    for name, maker in (("tsfresh", tsfresh_minimal), ("catch22", catch22)):
        try:
            calls[name] = maker(values)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    seconds = timed(calls, rounds)
    own = rate(count, seconds["ours"])
    lines = [f"| {len(NAMES)} features, {DAYS} days, no gaps | {own:.0f} | – | – | |"]
    for name, number in numbers.items():
        if name in seconds:
            other = rate(count, seconds[name])
            text = f"≥ {GOAL:g} times" if name == "tsfresh" else "–"
            verdict = ("pass" if own >= GOAL * other else "**miss**") if name == "tsfresh" else ""
            label = f"{name}{' minimal' if name == 'tsfresh' else ''}, {number} features, the same series"
            lines.append(f"| {label} | {other:.0f} | {own / other:.1f} | {text} | {verdict} |")
    lines.append(
        f"| {len(NAMES)} features, {MISSING:.0%} of the days missing | {rate(count, seconds['gaps']):.0f} | | | |"
    )
    year = rate(count * GROUPS, seconds["year"])
    lines.append(
        f"| {len(NAMES)} features of a year of those, {GROUPS} times without a group of days | {year:.0f} | | | |"
    )
    return lines


def versions() -> str:
    known = []
    for name in ("numpy", "numba", "tsfresh", "pycatch22"):
        try:
            known.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            known.append(f"{name} not installed")
    return ", ".join(known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    head = "| what | series a second | ours, times | asked | |\n|---|---|---|---|---|"
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, {versions()}; one "
        f"thread, processor time, median of {arguments.rounds} rounds over {arguments.series} series; load "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )
    text = "\n".join(["# Features of series", "", about, "", head, *rows(arguments.series, arguments.rounds), ""])
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
