"""Cube against cube in memory: n, R, bias, RMSD and ubRMSD of every cell, with and without intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from smcore.validation.metrics import METRICS
from smcore.validation.moments import moments
from smcore.validation.uncertainty.intervals import bounds_aligned
from validation.data import days, series
from validation.timing import MIB, Row, Timed, race, ratio, read_once, span

SHAPE = (300, 700)
COUNT = 1000
NAMES = ("n", "pearson_r", "bias", "rmsd", "ubrmsd")
WITH_LIMITS = NAMES[1:]
WIDTH = 2048


def metrics_of(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    sums = moments(x, y, axis=0)
    return {name: METRICS[name].from_moments(sums) for name in NAMES}


def with_intervals(x: np.ndarray, y: np.ndarray, day: np.ndarray) -> Any:
    values = metrics_of(x, y)
    return values, bounds_aligned(x, y, day, values, metrics=WITH_LIMITS)


def in_numpy_blocks(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Two passes over blocks of cells in float64."""
    places = x.shape[1]
    found = {name: np.empty(places) for name in NAMES}
    for begin in range(0, places, WIDTH):
        block = slice(begin, begin + WIDTH)
        a, b = x[:, block].astype(np.float64), y[:, block].astype(np.float64)
        both = np.isfinite(a) & np.isfinite(b)
        n = both.sum(axis=0)
        a, b = np.where(both, a, 0.0), np.where(both, b, 0.0)
        mean_a, mean_b = a.sum(axis=0) / n, b.sum(axis=0) / n
        a, b = np.where(both, a - mean_a, 0.0), np.where(both, b - mean_b, 0.0)
        s_ab, s_aa, s_bb = (a * b).sum(axis=0), (a * a).sum(axis=0), (b * b).sum(axis=0)
        ubrmsd = np.sqrt(((a - b) ** 2).sum(axis=0) / n)
        bias = mean_a - mean_b
        for name, values in zip(
            NAMES, (n, s_ab / np.sqrt(s_aa * s_bb), bias, np.hypot(ubrmsd, bias), ubrmsd), strict=True
        ):
            found[name][block] = values
    return found


def by_xskillscore(x: xr.DataArray, y: xr.DataArray) -> dict[str, np.ndarray]:
    import xskillscore

    calls = {"pearson_r": xskillscore.pearson_r, "rmsd": xskillscore.rmse, "bias": xskillscore.me}
    return {name: call(x, y, dim="time", skipna=True).values for name, call in calls.items()}


def by_scores(x: xr.DataArray, y: xr.DataArray) -> dict[str, np.ndarray]:
    from scores import continuous
    from scores.continuous.correlation import pearsonr

    calls = {"pearson_r": pearsonr, "rmsd": continuous.rmse, "bias": continuous.additive_bias}
    return {name: call(x, y, reduce_dims="time").values for name, call in calls.items()}


def in_memory(scale: float) -> list[Row]:
    shape = (max(8, int(SHAPE[0] * scale)), SHAPE[1])
    cubes = series(COUNT, shape, 2)
    x, y = (one.reshape(COUNT, -1) for one in cubes)
    a, b = (xr.DataArray(one, dims=("time", "y", "x")) for one in cubes)
    day = days(COUNT).astype("datetime64[D]").astype(np.int64)
    calls: dict[str, Callable[[], Any]] = {
        "floor": read_once(x, y),
        "metrics": lambda: metrics_of(x, y),
        "limits": lambda: with_intervals(x, y, day),
        "xskillscore": lambda: by_xskillscore(a, b),
        "scores": lambda: by_scores(a, b),
        "numpy": lambda: in_numpy_blocks(x, y),
    }
    few = x[:, :WIDTH].copy(), y[:, :WIDTH].copy()
    metrics_of(*few), with_intervals(*few, day)
    by_xskillscore(a[:, :2], b[:, :2]), by_scores(a[:, :2], b[:, :2])
    found = race(calls, rounds=3)
    check(found)
    what = f"n, R, bias, RMSD, ubRMSD, {COUNT} × {shape[0]} × {shape[1]} in memory"
    return [*speed(what, found), *size(what, found)]


def check(found: dict[str, Timed]) -> None:
    """The same numbers from all."""
    ours, plain = found["metrics"].result, found["numpy"].result
    for name in NAMES:
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-9, atol=1e-12)
        if name in found["xskillscore"].result:
            for peer in ("xskillscore", "scores"):
                np.testing.assert_allclose(ours[name], found[peer].result[name].ravel(), rtol=0, atol=1e-5)


def speed(what: str, found: dict[str, Timed]) -> list[Row]:
    seconds = {name: one.median for name, one in found.items()}
    ours, limits, floor = seconds["metrics"], seconds["limits"], seconds["floor"]
    peer = "xskillscore R + rmse + me"
    times: Any = {"unit": "× the read", "more": False}
    return [
        Row(what, "reading both once", span(ours), span(floor), ours / floor, goal=4, **times),
        ratio(what, peer, ours, seconds["xskillscore"], 100),
        ratio(what, "scores pearsonr + rmse + additive_bias", ours, seconds["scores"], 40),
        ratio(what, f"numpy, two passes in blocks of {WIDTH} cells", ours, seconds["numpy"], 20),
        ratio("the same with intervals of R, bias, RMSD, ubRMSD", peer, limits, seconds["xskillscore"], 30),
        Row(
            "the same with intervals", "reading both once", span(limits), span(floor), limits / floor,
            note="all lags and the variances of the metrics; 6× is asked for one lag", **times,
        ),
    ]  # fmt: skip


def size(what: str, found: dict[str, Timed]) -> list[Row]:
    """Extra memory: the peak of the process less what it had before."""
    each = {name: found[name].extra / MIB for name in ("metrics", "limits", "xskillscore", "scores")}
    theirs = f"{each['xskillscore']:.0f} (xskillscore), {each['scores']:.0f} (scores) MiB"
    return [
        Row(f"{label}: extra memory", "peers", f"{each[name]:.0f} MiB", theirs, each[name], "MiB", goal, more=False)
        for label, name, goal in ((what, "metrics", 64), ("the same with intervals", "limits", None))
    ]


def growth(scale: float) -> list[Row]:
    """Cost of a day at 3000 days and at 1000."""
    shape = (max(8, int(SHAPE[0] * scale)), SHAPE[1])
    x, y = (np.concatenate([one.reshape(COUNT, -1)] * 3) for one in series(COUNT, shape, 2))
    day = days(3 * COUNT).astype("datetime64[D]").astype(np.int64)
    with_intervals(x[:COUNT, :WIDTH].copy(), y[:COUNT, :WIDTH].copy(), day[:COUNT])
    found = race(
        {
            "short": lambda: metrics_of(x[:COUNT], y[:COUNT]),
            "long": lambda: metrics_of(x, y),
            "short limits": lambda: with_intervals(x[:COUNT], y[:COUNT], day[:COUNT]),
            "long limits": lambda: with_intervals(x, y, day),
        },
        rounds=5,
    )
    rows = []
    for label, suffix, goal in (("", "", 1.3), (" with intervals", " limits", None)):
        short, long = (found[name + suffix].median / count for name, count in (("short", COUNT), ("long", 3 * COUNT)))
        what = f"cost of a day at 3000 days{label}, cells {shape[0]} × {shape[1]}"
        rows.append(Row(what, "at 1000 days", span(long), span(short), long / short, "×", goal, more=False))
    return rows
