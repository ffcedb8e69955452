"""Bootstrap intervals beside those of pytesmo: a thousand draws, four metrics."""

from __future__ import annotations

import numpy as np

from smcore.validation.matching.times import DAY
from smcore.validation.uncertainty.bootstrap import block_bounds
from validation.data import series
from validation.timing import Row, race, rate

DAYS = 3000
CELLS = 1024
OF_PEER = 4
NAMES = {"pearson_r": "pearson_r", "bias": "bias", "rmsd": "rmsd", "ubrmsd": "ubrmsd"}


def by_pytesmo(x: np.ndarray, y: np.ndarray) -> list[tuple[float, float, float]]:
    from pytesmo.metrics import pairwise
    from pytesmo.metrics.confidence_intervals import with_bootstrapped_ci

    found = []
    for a, b in zip(x, y, strict=True):
        both = np.isfinite(a) & np.isfinite(b)
        found += [with_bootstrapped_ci(getattr(pairwise, name), a[both], b[both]) for name in NAMES.values()]
    return found


def bootstrap(scale: float) -> list[Row]:
    x, y = (np.ascontiguousarray(one.T, np.float64) for one in series(DAYS, (max(128, int(CELLS * scale)),), 2))
    time = np.broadcast_to(np.arange(DAYS) * DAY, x.shape)
    block_bounds(x[:4], y[:4], time[:4], metrics=list(NAMES), seed=1)
    by_pytesmo(x[:1, :300], y[:1, :300])
    kinds = {
        "studentised, block length adapted (default)": {},
        "percentile, blocks of 30 days": {"kind": "percentile", "block": 30},
    }
    ours = {
        label: (lambda how=how: block_bounds(x, y, time, metrics=list(NAMES), seed=1, **how))
        for label, how in kinds.items()
    }
    found = race({**ours, "pytesmo": lambda: by_pytesmo(x[:OF_PEER], y[:OF_PEER])})
    theirs = OF_PEER / found["pytesmo"].median
    rows = []
    for label, goal in zip(kinds, (1000, None), strict=True):
        mine = len(x) / found[label].median
        what = f"1000 bootstrap draws of R, bias, RMSD, ubRMSD, {DAYS} days: {label}"
        beside = "pytesmo with_bootstrapped_ci, days as independent"
        rows.append(Row(what, beside, rate(mine, "cells"), rate(theirs, "cells"), mine / theirs, "×", goal))
    return rows
