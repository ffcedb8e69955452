"""Rows of the table, and the clocks behind them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil


@dataclass
class Row:
    """One line of the table; ``beside`` is the same act on a bare image in the same run."""

    what: str
    value: float
    unit: str
    budget: float | None = None
    beside: float | None = None
    runs: int = 1


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def p95(values: list[float]) -> float:
    """The value that one in twenty exceeds."""
    return float(np.percentile(values, 95))


def median_ms(work: Callable[[int], Any], runs: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median of ``runs`` calls [ms]; the first three are not counted."""
    taken = []
    for i in range(runs + 3):
        start = clock()
        work(i)
        taken.append(clock() - start)
    return median(taken[3:]) * 1e3


def processor(server: psutil.Process) -> tuple[float, float]:
    """Seconds of processor time so far, of the server and of all of the browser."""

    def of(process: psutil.Process) -> float:
        times = process.cpu_times()
        return times.user + times.system

    parts = [p for p in psutil.Process().children(recursive=True) if "chrom" in p.name().lower()]
    return of(server), sum(of(p) for p in parts)


@contextmanager
def watched(what: str, server: psutil.Process, count: int, rows: list[Row]) -> Iterator[None]:
    """Add rows of the processor time of each of ``count`` acts, which other work on the machine hardly changes."""
    before = processor(server)
    yield
    for name, start, end in zip(("server", "browser"), before, processor(server), strict=True):
        rows.append(Row(f"{what}: processor time of the {name}", (end - start) / count * 1e3, "ms", runs=count))
