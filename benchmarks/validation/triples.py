"""Triple collocation beside a bare loop of pytesmo's function and beside its validation framework; bootstrap too."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from smcore.validation.matching.times import DAY
from smcore.validation.triple.collocation import collocate
from validation.at_stations import Reader
from validation.data import series
from validation.timing import Row, race, rate

DAYS = 3000
PLACES = 1000
OF_FRAMEWORK = 60
OF_BOOTSTRAP = 5


def by_framework(members: list[np.ndarray], *, bounds: bool) -> dict[Any, np.ndarray]:
    from pytesmo.validation_framework.metric_calculators import TripleCollocationMetrics
    from pytesmo.validation_framework.temporal_matchers import make_combined_temporal_matcher
    from pytesmo.validation_framework.validation import Validation

    how = {"columns": ["sm"], "grids_compatible": True}
    framework = Validation(
        {f"d{k}": {"class": Reader(values), **how} for k, values in enumerate(members)},
        "d0",
        {(3, 3): TripleCollocationMetrics("d0", bootstrap_cis=bounds).calc_metrics},
        temporal_matcher=make_combined_temporal_matcher(pd.Timedelta(1, "h")),
        scaling=None,
    )
    numbers = np.arange(len(members[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = framework.calc(numbers, numbers * 1.0, numbers * 1.0, rename_cols=False, only_with_reference=True)
    return dict(next(iter(found.values())))


def by_loop(members: list[np.ndarray], *, bounds: bool) -> list[Any]:
    """Place by place: keep the days that all members have, and call pytesmo's function."""
    from pytesmo.metrics.confidence_intervals import tcol_metrics_with_bootstrapped_ci
    from pytesmo.metrics.tcol import tcol_metrics

    one: Callable[..., Any] = tcol_metrics_with_bootstrapped_ci if bounds else tcol_metrics
    found = []
    for triplet in zip(*members, strict=True):
        complete = np.isfinite(triplet[0]) & np.isfinite(triplet[1]) & np.isfinite(triplet[2])
        found.append(one(*(values[complete] for values in triplet)))
    return found


def triple_collocation(scale: float) -> list[Row]:
    count = max(OF_FRAMEWORK, int(PLACES * scale))
    by_day = [one.reshape(DAYS, -1) for one in series(DAYS, (count,), 3)]
    members = [np.ascontiguousarray(one.T, np.float64) for one in by_day]
    few = [one[:OF_FRAMEWORK] for one in members]
    fewer = [one[:OF_BOOTSTRAP] for one in members]
    time = np.arange(DAYS) * DAY
    collocate([one[:9] for one in members], time), collocate([one[:, :9] for one in by_day], axis=0)
    by_framework([one[:2] for one in members], bounds=False)
    found = race(
        {
            "series": lambda: collocate(members),
            "cube": lambda: collocate(by_day, axis=0),
            "bounds": lambda: collocate(members, time),
            "loop": lambda: by_loop(members, bounds=False),
            "framework": lambda: by_framework(few, bounds=False),
            "loop bounds": lambda: by_loop(fewer, bounds=True),
            "framework bounds": lambda: by_framework(fewer, bounds=True),
        }
    )
    check(found["series"].result, found["loop"].result)
    places = {"series": count, "cube": count, "bounds": count, "loop": count, "framework": OF_FRAMEWORK}
    speed = {name: places.get(name, OF_BOOTSTRAP) / one.median for name, one in found.items()}
    return [
        row(label, beside, speed[mine], speed[theirs], goal, note)
        for label, beside, mine, theirs, goal, note in (
            ("float64 series", "loop of pytesmo tcol_metrics", "series", "loop", 20, "equal to 1e-9"),
            ("float32 cube", "loop of pytesmo tcol_metrics", "cube", "loop", 20, ""),
            ("float64 series", "pytesmo Validation", "series", "framework", 500, f"{OF_FRAMEWORK} places, scaled"),
            ("1000 draws of blocks", "pytesmo, the bare function, days", "bounds", "loop bounds", None, ""),
            ("1000 draws of blocks", "pytesmo Validation, days", "bounds", "framework bounds", 200, ""),
        )
    ]


def row(label: str, beside: str, ours: float, theirs: float, goal: float | None, note: str) -> Row:
    what = f"triple collocation, {DAYS} days: {label}"
    return Row(what, beside, rate(ours, "places"), rate(theirs, "places"), ours / theirs, "×", goal, note=note)


def check(mine: Any, theirs: list[Any]) -> None:
    for i, (snr, err_std, beta) in enumerate(theirs):
        np.testing.assert_allclose(mine.err_std_scaled[:, i], err_std, rtol=1e-9)
        np.testing.assert_allclose(mine.beta[:, i], beta, rtol=1e-9)
        np.testing.assert_allclose(mine.snr_db[:, i], snr, rtol=0, atol=1e-8)
