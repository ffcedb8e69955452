"""Timing calls side by side, the extra memory they need, and the time to read arrays once."""

from __future__ import annotations

import ctypes
import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np

MIB = 2**20
_SHORT = 0.4
_CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
_PIECES = 64


def choose_clock(name: str) -> None:
    """``wall``; or ``cpu``, which a busy machine spoils less and one thread makes comparable."""
    global clock
    clock = _CLOCKS[name]


clock = _CLOCKS["wall"]


@dataclass(frozen=True)
class Row:
    """One line: what, beside what, both as text, the figure and its goal (None where it is for the record).

    ``more`` tells whether the figure is to be at least the goal, or at most.
    """

    what: str
    beside: str
    ours: str
    theirs: str
    figure: float
    unit: str
    goal: float | None = None
    more: bool = True
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "pass" if (self.figure >= self.goal if self.more else self.figure <= self.goal) else "**miss**"


def store(rows: list[Row], path: Path) -> None:
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


@dataclass(frozen=True)
class Timed:
    """Seconds of each run, the largest extra memory of a run [bytes], and what the last run returned."""

    seconds: list[float]
    extra: float
    result: Any

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def race(calls: Mapping[str, Callable[[], Any]], rounds: int = 3) -> dict[str, Timed]:
    """Run all calls in turn, ``rounds`` times over; short ones several times a turn.

    So a noisy spell of the machine meets all of them. Nothing is run beforehand: compile first.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    extra, results = dict.fromkeys(calls, 0.0), dict.fromkeys(calls)
    for _ in range(rounds):
        for name, call in calls.items():
            begun, runs = time.perf_counter(), 0
            while not runs or (runs < 5 and time.perf_counter() - begun < _SHORT):
                results[name] = None
                taken, more, results[name] = _run(call)
                seconds[name].append(taken)
                extra[name] = max(extra[name], more)
                runs += 1
    return {name: Timed(seconds[name], extra[name], results[name]) for name in calls}


def _run(call: Callable[[], Any]) -> tuple[float, float, Any]:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _resident("VmRSS") if _reset_peak() else float("nan")
    start = clock()
    result = call()
    taken = clock() - start
    return taken, _resident("VmHWM") - before, result


def _reset_peak() -> bool:
    """Let the kernel count the peak of resident memory anew."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _resident(which: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(which):
            return float(line.split()[1]) * 1024
    return float("nan")


def read_once(*arrays: np.ndarray) -> Callable[[], float]:
    """The floor: add up all values of C-contiguous float arrays on all threads."""
    flat = [array.reshape(-1) for array in arrays]
    total = _reader()
    return lambda: sum(float(total(one)) for one in flat)


@cache
def _reader() -> Callable[[np.ndarray], float]:
    @numba.njit(fastmath=True, nogil=True)
    def total_of(values):  # type: ignore[no-untyped-def]
        total = values.dtype.type(0)
        for i in range(values.size):
            total += values[i]
        return total

    @numba.njit(parallel=True, nogil=True)
    def total(values):  # type: ignore[no-untyped-def]
        parts = np.zeros(_PIECES)
        step = (values.size + _PIECES - 1) // _PIECES
        for piece in numba.prange(_PIECES):
            parts[piece] = total_of(values[piece * step : (piece + 1) * step])
        return parts.sum()

    total(np.zeros(8, np.float32))
    total(np.zeros(8))
    return total


def span(seconds: float) -> str:
    """Seconds as text."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def rate(per_second: float, what: str) -> str:
    """So many a second, as text."""
    return f"{per_second:.2g} {what}/s" if per_second >= 1e4 else f"{per_second:.3g} {what}/s"


def ratio(what: str, beside: str, ours: float, theirs: float, goal: float | None, note: str = "") -> Row:
    """A row of how many times faster."""
    return Row(what, beside, span(ours), span(theirs), theirs / ours, "×", goal, note=note)
