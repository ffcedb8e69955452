"""Cubes that are scored map by map have the numbers of cubes that are scored series by series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smcore import ingest
from smcore.catalog import Catalog, load_catalog
from smcore.cubes import store
from smcore.errors import Status
from smcore.grids import ease
from smcore.validation import pooling
from smcore.validation.estimates import EstimateOptions
from smcore.validation.matching import aligned as aligned_module
from smcore.validation.runs.plan import Plan, RunOptions, make_plan
from smcore.validation.runs.run import Run, finished, validate
from smcore.validation.transforms import Transform

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 112), slice(200, 217))
STEPS = 600


def days(start: str, count: int) -> np.ndarray:
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(1, "D")


def gappy(seed: int, steps: int = STEPS) -> np.ndarray:
    """A yearly cycle and noise that lasts, on 4 digits, so that values are equal now and then; one row is constant."""
    rng = np.random.default_rng(seed)
    values = 0.25 + 0.05 * np.sin(np.arange(steps) / 58)[:, None, None] + np.zeros((steps, *GRID.shape))
    noise = rng.normal(0, 0.03, values.shape)
    for step in range(1, steps):
        noise[step] = 0.8 * noise[step - 1] + 0.6 * noise[step]
    values = (values + noise).round(4)
    values[rng.random(values.shape) < 0.5] = np.nan
    values[:, 2] = 0.3
    values[:, 3, 4] = np.nan
    values[7:, 3, 5] = np.nan
    return values


def catalogue(folder: Path, **cubes: xr.Dataset) -> Catalog:
    for name, data in cubes.items():
        store.write(data, folder / name)
        ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
    return load_catalog([folder / "catalog.yml"])


@pytest.fixture
def two(tmp_path: Path, make_cube: Make, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Two daily cubes of nearly the same period, in tiles of few cells."""
    monkeypatch.setattr(aligned_module, "_TILE_BYTES", 4 * STEPS * 40)
    product = make_cube(gappy(1), days("2020-01-01", STEPS), GRID, time_support="day-mean")
    reference = make_cube(gappy(2, STEPS + 30), days("2020-01-11", STEPS + 30), GRID, time_support="day-mean")
    return catalogue(tmp_path, p=product, r=reference)


def by_maps_and_by_series(catalog: Catalog, options: RunOptions) -> tuple[Run, Run]:
    plan = make_plan(["p"], "r", catalog, options)
    assert plan.maps is not None
    assert len(plan.tasks()) > 1
    series = replace(plan, maps=None)
    first, second = (finished(one, [one.work(task) for task in one.tasks()]) for one in (plan, series))
    return first, second


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("interval", ["analytic", "iid", "none"])
def test_numbers_are_those_of_series(two: Catalog, interval: str, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if stride > 1:
        monkeypatch.setattr(pooling, "POOL_LIMIT", (STEPS + 30) * GRID.shape[0] * GRID.shape[1] // 3)
    metrics = ("pearson_r", "spearman_r", "bias", "rmsd", "ubrmsd", "nse", "kge", "slope", "kendall_tau")
    maps, series = by_maps_and_by_series(two, RunOptions(estimates=EstimateOptions(interval=interval, metrics=metrics)))
    (a,), (b,) = maps.scores, series.scores
    np.testing.assert_array_equal(a.n, b.n)
    for name in ("n", *metrics):
        assert a.status[name].tolist() == b.status[name].tolist(), name
        for mine, theirs in ((a.estimates, b.estimates),):
            for column in ("value", "lower", "upper", "n_eff"):
                got, want = getattr(mine, column)[name], getattr(theirs, column)[name]
                np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12, err_msg=f"{name} {column}")
        assert a.pooled[name].n == b.pooled[name].n
        assert a.pooled[name].value == pytest.approx(b.pooled[name].value, rel=1e-9, nan_ok=True)
        assert a.median[name].value == pytest.approx(b.median[name].value, rel=1e-9, nan_ok=True)
    assert Status.CONSTANT_SERIES in a.status["pearson_r"]
    assert a.status["bias"].reshape(GRID.shape)[3, 4] == Status.NO_OVERLAP
    assert a.status["bias"].reshape(GRID.shape)[3, 5] != Status.OK


def test_counts_and_the_record_are_those_of_series(two: Catalog) -> None:
    maps, series = by_maps_and_by_series(two, RunOptions(estimates=EstimateOptions(metrics=("bias",)), per_step=True))
    (a,), (b,) = maps.scores, series.scores
    for side in ("product", "reference"):
        assert list(a.counts[side]) == list(b.counts[side])
        for name, values in b.counts[side].items():
            np.testing.assert_array_equal(a.counts[side][name], values, err_msg=f"{side} {name}")
    assert list(a.dropped) == list(b.dropped)
    for name, values in b.dropped.items():
        np.testing.assert_array_equal(a.dropped[name], values, err_msg=name)
    for text in ("counts", "dropped", "pairs", "notes", "locations_by_status"):
        assert maps.record["results"][0][text] == series.record["results"][0][text]
    assert maps.record["analyses"] == series.record["analyses"]
    assert a.days is not None
    assert b.days is not None
    assert a.days["n"].tolist() == b.days["n"].tolist()
    np.testing.assert_allclose(a.days["value"], b.days["value"], rtol=1e-9, atol=1e-12)


def test_a_tile_that_cannot_be_read_as_maps_is_read_series_by_series(
    two: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, series = by_maps_and_by_series(two, RunOptions(estimates=EstimateOptions(metrics=("bias",))))

    def broken(self: Any, rows: np.ndarray) -> None:
        raise OSError("a chunk is damaged")

    monkeypatch.setattr(aligned_module.Aligned, "block", broken)
    found = validate(["p"], "r", two, RunOptions(estimates=EstimateOptions(metrics=("bias",))))
    np.testing.assert_array_equal(found.scores[0].values["bias"], series.scores[0].values["bias"])


def planned(catalog: Catalog, **options: Any) -> Plan:
    return make_plan(["p"], "r", catalog, RunOptions(**options))


def test_what_needs_single_pairs_goes_series_by_series(two: Catalog) -> None:
    assert planned(two).maps is not None
    assert planned(two, transform=Transform(scaling="mean_std")).maps is None
    assert planned(two, transform=Transform(anomaly="35d")).maps is None
    assert planned(two, strata=("season",)).maps is None
    assert planned(two, stability=100).maps is None
    assert planned(two, estimates=EstimateOptions(interval="bootstrap")).maps is None
    assert planned(two, estimates=EstimateOptions(metrics=("mae",))).maps is None


def test_days_that_one_cube_lacks_are_counted_series_by_series(tmp_path: Path, make_cube: Make) -> None:
    time = np.delete(days("2020-01-01", 40), [4, 5, 20])
    product = make_cube(gappy(1, 40), days("2020-01-01", 40), GRID, time_support="day-mean")
    reference = make_cube(gappy(2, 37), time, GRID, time_support="day-mean")
    assert planned(catalogue(tmp_path, p=product, r=reference)).maps is None
