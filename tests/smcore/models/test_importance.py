"""Importance by shuffling: what a known model rests on, as much as theory says, on unseen days only."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import catalogue, tiny_cube

from smcore.catalog import load_catalog
from smcore.errors import ModelError
from smcore.grids import ease
from smcore.models import tssmnet
from smcore.models.arrays import Inputs, Task
from smcore.models.card import ModelCard
from smcore.models.learning.normalise import Statistics
from smcore.models.registry import build_model
from smcore.models.vectors.importance import features_of, grouped, held_out_rows, permutation_importance
from smcore.models.vectors.model import VectorModel
from smcore.models.vectors.tabular import LAYOUTS, Table
from smcore.roles import open_sources
from smcore.training.importance import Asked, importance_of, outside
from smcore.window import Window

NAMES = Table(LAYOUTS["tssmnet"], tssmnet.SPEC.inputs).names


class Linear(VectorModel):
    """Says w · row; nothing is learned or scaled."""

    scaled = False

    def __init__(self, weights: dict[str, float], inputs: tuple[Any, ...]) -> None:
        super().__init__(tssmnet.build("no_series").spec, tssmnet.CONFIGS["no_series"])
        self.used = inputs
        self.weights = np.array([weights.get(name, 0.0) for name in self.table.names], np.float32)
        self.target = Statistics(("sm",), np.zeros(1), np.ones(1))

    def _estimate(self, x: Any, device: str) -> Any:
        return np.nan_to_num(x) @ self.weights

    def _learn(self, samples: Any, run: Any) -> None: ...
    def _arrays(self) -> Any: ...
    def _restore(self, arrays: Any) -> None: ...


def test_the_rmsd_gains_what_theory_says_of_a_linear_model() -> None:
    """y = w·x without error: shuffling one of independent columns gives an RMSD of √2 · |w| · σ."""
    rng = np.random.default_rng(1)
    specs = tuple(one for one in tssmnet.SPEC.inputs if one.role != "observed")
    model = Linear({"ndvi": 0.2, "sand": -0.1, "season_sin": 0.05, "season_cos": 0.05}, specs)
    x = rng.uniform(0.2, 0.8, (20_000, len(model.table.names))).astype(np.float32)
    x[:, model.table.names.index("sand")] -= 0.4  # so that no estimate leaves 0 to 1
    y = model.estimate(x)
    assert (y > 0).all()
    features = features_of(model.table)
    table, rmsd = permutation_importance(model, x, y, features, repeats=3, rng=rng)
    found = table.set_index("feature")
    spread = np.sqrt(2) * 0.6 / np.sqrt(12)
    assert rmsd == 0
    assert found.loc["NDVI", "importance"] == pytest.approx(0.2 * spread, rel=0.03)
    assert found.loc["sand", "importance"] == pytest.approx(0.1 * spread, rel=0.03)
    assert found.loc["season", "importance"] == pytest.approx(np.hypot(0.05, 0.05) * spread, rel=0.03)
    assert (found.drop(["NDVI", "sand", "season"])[["importance", "lower", "upper"]] == 0).all(axis=None)
    assert (table["lower"] <= table["importance"]).all()
    assert (table["importance"] <= table["upper"]).all()


def test_each_column_is_in_one_feature_and_names_tell_them_apart() -> None:
    features = features_of(Table(LAYOUTS["tssmnet"], tssmnet.SPEC.inputs))
    for split in (features, grouped(features)):
        assert sorted(column for one in split for column in one.columns) == list(range(len(NAMES)))
        assert len({one.name for one in split}) == len(split)
    named = {one.name: one for one in features}
    assert len(named["land cover"].columns) == 6
    assert [NAMES[column] for column in named["season"].columns] == ["season_sin", "season_cos"]
    assert {"autocorrelation, 7 d", "5 % quantile", "precipitation, 30 days", "weighted harmonic mean"} <= set(named)
    assert named["slope"].group == "land and place"
    assert named["slope of the series"].group == "series: temporal dynamics"
    assert {one.group for one in features} >= {"value of the day", "days before", "season and hour"}


def test_rows_are_of_unseen_days_with_an_observation() -> None:
    rng = np.random.default_rng(0)
    specs = tuple(one for one in tssmnet.SPEC.inputs if one.role != "observed")
    count = len([one for one in specs if one.role == "dynamic"])
    days, places = 60, 12
    dynamic = np.broadcast_to(np.arange(days, dtype=np.float32)[:, None, None], (days, places, count)).copy()
    statics = np.ones((places, len(specs) - count), np.float32)
    time = np.datetime64("2018-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")
    inputs = Inputs(time, dynamic, statics, np.linspace(30, 40, places), np.linspace(-100, -90, places), specs)
    target = np.where(rng.random((days, places)) < 0.5, np.arange(days)[:, None] / 100, np.nan).astype(np.float32)
    card = ModelCard("m", "M", spans=[["2018-01-01", "2018-01-30"]])
    unseen = outside(card, time)
    x, y, _ = held_out_rows(Linear({}, specs), Task(inputs, target), unseen, 10**6, rng)
    assert unseen.sum() == 30
    assert len(y) == np.isfinite(target[30:]).sum()
    np.testing.assert_allclose(x[:, 0] / 100, y)
    assert y.min() >= 0.30
    with pytest.raises(ModelError, match=r"Only \d+ observations are there that the model was not trained on"):
        held_out_rows(Linear({}, specs), Task(inputs, target), unseen & (time > time[-5]), 10**6, rng)


def test_a_model_without_feature_vectors_and_one_that_saw_all_days_are_told(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 84), slice(200, 204))
    catalog = load_catalog([catalogue(tmp_path, {"seen": tiny_cube(grid, count=10, kind="observed")})])
    sources = open_sources(catalog, [("target", "seen")])
    spline = build_model("spline")
    with pytest.raises(ModelError, match="spline has no vector of features"):
        importance_of(spline, ModelCard("spline", ""), sources, Asked(Window()))
    card = ModelCard("m", "M", spans=[["2018-01-01", "2018-12-31"]])
    model = Linear({}, dataclasses.replace(tssmnet.build("no_series").spec).inputs)
    with pytest.raises(ModelError, match="trained on all days of the target"):
        importance_of(model, card, sources, Asked(Window()))
