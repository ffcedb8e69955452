"""A thousand stations from records in memory to metrics with intervals, beside pytesmo's validation framework."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from smcore.grids import Grid, ease
from smcore.validation.estimates import EstimateOptions, Estimates, estimate
from smcore.validation.matching.match import match
from smcore.validation.matching.sides import side
from validation.data import days, pixels, series, stations
from validation.timing import Row, race, rate

DAYS = 3000
SHAPE = (40, 25)
NAMES = ("n", "pearson_r", "bias", "rmsd", "ubrmsd")


class Reader:
    """What pytesmo asks for series by number."""

    def __init__(self, values: np.ndarray) -> None:
        from pygeogrids.grids import BasicGrid

        self.values, self.index = values, pd.DatetimeIndex(days(values.shape[1]))
        self.grid = BasicGrid(np.linspace(0, 90, len(values)), np.linspace(0, 60, len(values)))

    def read(self, number: int, *_: Any, **__: Any) -> pd.DataFrame:
        return pd.DataFrame({"sm": self.values[number]}, index=self.index).dropna()


def by_pytesmo(product: np.ndarray, reference: np.ndarray, *, ranks: bool) -> dict[str, np.ndarray]:
    from pytesmo.validation_framework.metric_calculators import PairwiseIntercomparisonMetrics
    from pytesmo.validation_framework.temporal_matchers import make_combined_temporal_matcher
    from pytesmo.validation_framework.validation import Validation

    metrics = PairwiseIntercomparisonMetrics(calc_spearman=ranks, calc_kendall=False, analytical_cis=True)
    readers = {"ref": Reader(reference), "product": Reader(product)}
    framework = Validation(
        {name: {"class": reader, "columns": ["sm"], "grids_compatible": True} for name, reader in readers.items()},
        "ref",
        {(2, 2): metrics.calc_metrics},
        temporal_matcher=make_combined_temporal_matcher(pd.Timedelta(1, "h")),
        scaling=None,
    )
    numbers = np.arange(len(product))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = framework.calc(numbers, numbers * 1.0, numbers * 1.0, rename_cols=False)
    return dict(next(iter(found.values())))


def ours(product: Any, reference: Any, *, ranks: bool) -> Estimates:
    """Both sides from datasets in memory: find cells, read, pair within an hour, metrics, intervals."""
    matched = match(side(product, "product"), side(reference, "stations"))
    options = EstimateOptions(metrics=(*NAMES, "spearman_r") if ranks else NAMES)
    found = Estimates.failed(len(matched.places), list(options.chosen))
    for rows in matched.block_rows():
        pairs = matched.block(rows).pairs
        found.put(rows, estimate(pairs.product, pairs.reference, pairs.product_time, options))
    return found


def grid_of(scale: float) -> Grid:
    return ease("M09").cut(slice(400, 400 + max(4, int(SHAPE[0] * scale))), slice(800, 800 + SHAPE[1]))


def station_run(scale: float) -> list[Row]:
    grid = grid_of(scale)
    x, y = (one.reshape(DAYS, -1).T.copy() for one in series(DAYS, grid.shape, 2))
    product, reference, count = pixels(x, grid), stations(y, grid), len(x)
    plain = x.astype(np.float64), y.astype(np.float64)
    rows = []
    for label, ranks, goal in (("R, bias, RMSD, ubRMSD", False, 300), ("the same and Spearman", True, 100)):
        ours(product, reference, ranks=ranks)
        by_pytesmo(plain[0][:2], plain[1][:2], ranks=ranks)
        found = race(
            {
                "ours": lambda ranks=ranks: ours(product, reference, ranks=ranks),
                "pytesmo": lambda ranks=ranks: by_pytesmo(*plain, ranks=ranks),
            }
        )
        check(found["ours"].result, found["pytesmo"].result)
        mine, theirs = (count / found[name].median for name in ("ours", "pytesmo"))
        what = f"{count} stations × {DAYS} days: read in memory, match, {label}, intervals"
        note = "n equal, R to 1e-6"
        beside = "pytesmo Validation"
        rows.append(
            Row(what, beside, rate(mine, "stations"), rate(theirs, "stations"), mine / theirs, "×", goal, note=note)
        )
    return rows


def check(mine: Estimates, theirs: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(mine.n, theirs["n_obs"])
    np.testing.assert_allclose(mine.value["pearson_r"], theirs["R"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.abs(mine.value["bias"]), np.abs(theirs["BIAS"]), rtol=0, atol=1e-6)
    np.testing.assert_allclose(mine.value["ubrmsd"], theirs["urmsd"], rtol=0, atol=1e-6)
    for name in NAMES[1:]:
        assert np.isfinite(mine.lower[name]).all(), name
