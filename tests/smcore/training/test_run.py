"""A run reads roles, hides what it holds out, scores it, and leaves all or nothing."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from smcore.errors import Cancelled, CatalogError, ModelError, SpecMismatch, StoreError, WindowError
from smcore.models import multiscale_lstm
from smcore.models.arrays import TrainingData
from smcore.models.weights import load_checkpoint
from smcore.training import run as run_module
from smcore.training.datasets import Choice, build
from smcore.training.folds import make_folds
from smcore.training.predicting import evaluate
from smcore.training.run import TrainRequest, train
from smcore.training.scores import location_scores, summary
from smcore.training.splits import Split
from smcore.window import Window

ALL = ("target", "forcing", "static", "stations")
QUICK = multiscale_lstm.Config(hidden=8, epochs=2, most_steps=3, batch=6)


@pytest.fixture(autouse=True)
def quick_demo(monkeypatch):
    """The demo configuration, shortened to a moment."""
    monkeypatch.setitem(multiscale_lstm.CONFIGS, "demo", QUICK)


def request(**changes):
    return TrainRequest(**({"model": "ridge", "split": Split("site"), "device": "cpu"} | changes))


def test_targets_find_their_fine_cells_and_sea_is_left_out(small_world):
    data = build(multiscale_lstm.SPEC, small_world.sources(*ALL), Window(), Choice())
    assert data.satellite.locations == 20
    assert len(data.satellite.inputs.lat) == 319  # one fine cell is sea
    assert np.bincount(data.satellite.members).tolist() == [15] + [16] * 19
    assert data.cells["grid"] == "M36"
    assert data.cells["row"][0] == 90
    assert data.cells["col"][:5] == [200, 201, 202, 203, 204]


def test_the_mean_of_fine_inputs_belongs_to_the_right_coarse_cell(small_world):
    data = build(multiscale_lstm.SPEC, small_world.sources(*ALL), Window(), Choice())
    fine = small_world.truth.reshape(len(small_world.truth), -1)
    lat, lon = np.meshgrid(small_world.fine.lat, small_world.fine.lon, indexing="ij")
    key = {(round(a, 6), round(b, 6)): i for i, (a, b) in enumerate(zip(lat.ravel(), lon.ravel(), strict=True))}
    inputs = data.satellite.inputs
    order = [key[round(a, 6), round(b, 6)] for a, b in zip(inputs.lat, inputs.lon, strict=True)]
    mean = data.satellite.aggregate(fine[:, order].astype(np.float32))
    valid = np.isfinite(data.satellite.target)
    assert np.abs(mean[valid] - data.satellite.target[valid]).std() < 0.012  # its noise is 0.01


def test_sites_are_daily_means_with_the_inputs_of_their_cell(small_world):
    data = build(multiscale_lstm.SPEC, small_world.sources(*ALL), Window(), Choice())
    assert data.sites is not None
    assert len(data.sensors) == 6
    hourly = small_world.stations["sm"].values[0].reshape(-1, 4)
    np.testing.assert_allclose(data.sites.target[:, 0], hourly.mean(1), rtol=1e-5)
    rain = small_world.forcing["precipitation"].values[:, 2, 3]
    at = next(i for i, s in enumerate(data.sensors) if "S0" in s)
    np.testing.assert_allclose(data.sites.inputs.series("precipitation")[:, at], rain, rtol=1e-6)


LEARNERS = {
    "multiscale_lstm-demo": ALL,
    "multiscale_lstm-best": ALL,
    "ridge": ALL[:3],
    "climatology": ALL[:1],
}


@pytest.mark.parametrize("learner", LEARNERS)
def test_statistics_and_predictions_do_not_know_a_held_out_target(small_world, rich_forcing, learner):
    """The leakage test: another value at a held-out cell changes nothing that a model learns or says."""
    name, _, config = learner.partition("-")
    split = Split("site", 4, seed=3)

    def outcome(change):
        target = small_world.target.copy(deep=True)
        sources = [s for s in small_world.sources(*ALL) if s.id in LEARNERS[learner]]
        model = shortened(run_module.build_model(name, config))
        if learner == "multiscale_lstm-best":
            sources = [dataclasses.replace(s, data=rich_forcing) if s.id == "forcing" else s for s in sources]
        for hidden in hidden_cells(model, sources, split):
            row, column = np.unravel_index(hidden, (4, 5))
            target["sm"].values[:, row, column] = change(target["sm"].values[:, row, column])
        sources = [dataclasses.replace(s, data=target) if s.id == "target" else s for s in sources]
        data = build(model.spec, sources, Window(), Choice())
        fold = make_folds(data, split, Window(), None)[1]
        model.fit(fold.data, run_module.FitRun(seed=1))
        state = model.save()
        said = [s for _, s in sorted(evaluate(model, data, fold, "cpu", lambda: False)[0].items())]
        return [*said, *[state.arrays[k] for k in sorted(state.arrays)]], json.dumps(state.settings)

    (before, settings), (after, changed_settings) = outcome(lambda x: x), outcome(lambda x: 0.5 - x)
    assert settings == changed_settings
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def shortened(model):
    if type(model).__name__ == "HydroEnsemble":
        members = tuple(dataclasses.replace(member, epochs=2) for member in model.config.members[2::2])
        model.config = dataclasses.replace(model.config, members=members, hidden=4, batch=5)
    return model


def hidden_cells(model, sources, split):
    data = build(model.spec, sources, Window(), Choice())
    fold = make_folds(data, split, Window(), None)[1]
    hidden = np.flatnonzero(fold.samples["test"].any(axis=0))
    assert len(hidden)
    return hidden


@pytest.fixture(scope="module")
def rich_forcing(small_world):
    """The forcing with radiation and humidity, which our own configuration needs."""
    rng = np.random.default_rng(5)
    rich = small_world.forcing.copy()
    for field, (units, low, high) in {
        "longwave_down": ("W m-2", 250, 400),
        "shortwave_down": ("W m-2", 50, 300),
        "specific_humidity": ("kg kg-1", 0.004, 0.012),
    }.items():
        values = rng.uniform(low, high, rich["precipitation"].shape).astype(np.float32)
        rich[field] = (rich["precipitation"].dims, values, {"units": units})
    return rich


class InterruptedFitError(Exception):
    pass


@pytest.mark.parametrize("config", ["demo", pytest.param("best", marks=pytest.mark.slow)])
def test_an_interrupted_fit_goes_on_from_its_checkpoint_and_ends_the_same(small_world, rich_forcing, tmp_path, config):
    sources = [dataclasses.replace(s, data=rich_forcing) if s.id == "forcing" else s for s in small_world.sources(*ALL)]
    model = shortened(run_module.build_model("multiscale_lstm", config))
    fold = make_folds(build(model.spec, sources, Window(), Choice()), Split("site"), Window(), None)[0]

    def fit(checkpoint, stop_after=0):
        fresh = shortened(run_module.build_model("multiscale_lstm", config))
        epochs = []

        def log(record):
            epochs.append(record["epoch"])

        class Stopping(run_module.FileCheckpoint):
            def save(self, arrays, notes):
                super().save(arrays, notes)
                if len(epochs) == stop_after:
                    raise InterruptedFitError

        keeper = Stopping(checkpoint) if stop_after else run_module.FileCheckpoint(checkpoint)
        fresh.fit(fold.data, run_module.FitRun(seed=3, log=log, checkpoint=keeper))
        return fresh.save().arrays, epochs

    straight, all_epochs = fit(tmp_path / "straight")
    stop = len(all_epochs) - 1  # in the best configuration: inside the second member
    with pytest.raises(InterruptedFitError):
        fit(tmp_path / "broken", stop)
    resumed, rest = fit(tmp_path / "broken")
    assert len(rest) == len(all_epochs) - stop
    for name, array in straight.items():
        np.testing.assert_array_equal(resumed[name], array, err_msg=name)


def test_held_out_days_are_hidden_from_models_that_see_the_target(small_world):
    from smcore.models.persistence import SPEC

    data = build(SPEC, small_world.sources("target"), Window(), Choice())
    fold = make_folds(data, Split("random", 3), Window(), None)[0]
    hidden = fold.samples["test"] & np.isfinite(data.satellite.target)
    assert fold.data.satellite.inputs.observed is not None
    assert hidden.any()
    assert np.isnan(fold.data.satellite.inputs.observed[hidden[: len(fold.data.satellite.target)]]).all()


def test_a_test_period_is_never_trained_on(small_world):
    data = build(multiscale_lstm.SPEC, small_world.sources(*ALL), Window(), Choice())
    fold = make_folds(data, Split("site", 4), Window("2019-01-01", "2019-04-30"), ("2019-04-01", "2019-05-30"))[0]
    assert isinstance(fold.data, TrainingData)
    assert str(fold.data.satellite.inputs.time[-1])[:10] == "2019-03-31"
    tested = data.satellite.inputs.time[fold.samples["test"].any(axis=1)]
    assert str(tested[0])[:10] == "2019-04-01"
    assert set(fold.samples) == {"test", "test_seen_locations"}


def test_the_last_year_is_the_last_with_targets(small_world):
    target = small_world.target.copy(deep=True)
    target["sm"].values[100:] = np.nan
    sources = [dataclasses.replace(s, data=target) if s.id == "target" else s for s in small_world.sources(*ALL[:3])]
    data = build(multiscale_lstm.SPEC, sources, Window(), Choice())
    fold = make_folds(data, Split("random"), Window(), None)[0]
    assert not fold.samples["test"][100:].any()
    assert len(fold.data.satellite.inputs.time) == 100


def test_a_run_writes_weights_card_scores_locations_and_log(small_world, tmp_path):
    out = tmp_path / "model"
    result = train(request(model="multiscale_lstm", config="demo"), small_world.sources(*ALL), out)
    assert sorted(p.name for p in out.iterdir()) == [
        "card.json", "locations.csv", "run.json", "scores.csv", "weights.safetensors"
    ]  # fmt: skip
    model, card = load_checkpoint(out)
    assert card.synthetic
    assert card.config == "demo"
    assert card.split["kind"] == "site"
    assert len(card.cells["row"]) == 16
    assert 0 < len(card.stations) <= 6
    assert card.period == ("2019-01-01", "2019-05-30")
    assert any("synthetic" in text for text in card.limits)
    assert any("surface_pressure" in text for text in card.limits)
    assert [i.name for i in model.used] == ["precipitation", "air_temperature", "clay"]
    with open(out / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["metric"] for r in rows} == {"median_pearson_r", "median_ubrmsd", "median_rmsd", "median_bias"}
    assert rows[0]["status"] == "ok"
    assert float(rows[0]["lower"]) <= float(rows[0]["value"]) <= float(rows[0]["upper"])
    assert result["models"] == ["."]
    log = json.loads((out / "run.json").read_text())
    assert [record["epoch"] for record in log["folds"][0]["log"]] == [1, 2]
    assert list(tmp_path.iterdir()) == [out]


def test_folds_write_a_model_each_and_pooled_scores_first(small_world, tmp_path):
    result = train(request(split=Split("site", 4)), small_world.sources(*ALL[:3]), tmp_path / "m")
    assert result["models"] == ["fold-1", "fold-2", "fold-3", "fold-4"]
    assert result["scores"][0]["fold"] == "all"
    assert result["scores"][0]["locations"] == 20
    assert {r["fold"] for r in result["scores"]} == {"all", "1", "2", "3", "4"}
    cells = [
        set(zip(*[load_checkpoint(tmp_path / "m" / f)[1].cells[k] for k in ("row", "col")], strict=True))
        for f in result["models"]
    ]
    assert set.union(*cells) == {(r, c) for r in range(90, 94) for c in range(200, 205)}
    assert set.intersection(*cells) == set()


def test_the_same_seed_gives_the_same_weights(small_world, tmp_path):
    hashes = []
    for name in ("a", "b"):
        train(request(model="multiscale_lstm", config="demo", seed=5), small_world.sources(*ALL), tmp_path / name)
        hashes.append(load_checkpoint(tmp_path / name)[1].weights_sha256)
    assert hashes[0] == hashes[1]


def test_ridge_learns_the_small_world(small_world, tmp_path):
    result = train(request(split=Split("site", 4)), small_world.sources(*ALL[:3]), tmp_path / "m")
    assert result["scores"][0]["value"] > 0.7


@pytest.mark.parametrize("name", ["persistence", "spline", "climatology"])
def test_models_that_see_the_target_are_scored_on_hidden_days(small_world, tmp_path, name):
    result = train(request(model=name, split=Split("random")), small_world.sources("target"), tmp_path / "m")
    row = result["scores"][0]
    assert row["sample"] == "test"
    assert row["status"] == "too_few" or row["value"] < 0.999


def test_an_existing_result_is_not_overwritten(small_world, tmp_path):
    (tmp_path / "m").mkdir()
    with pytest.raises(StoreError, match="there already"):
        train(request(), small_world.sources(*ALL[:3]), tmp_path / "m")


def test_a_failure_and_a_cancel_leave_nothing(small_world, tmp_path):
    with pytest.raises(SpecMismatch, match="missing precipitation"):
        train(request(), small_world.sources("target", "static"), tmp_path / "m")
    with pytest.raises(CatalogError, match="exactly one target"):
        train(request(), small_world.sources("forcing", "static"), tmp_path / "m")
    with pytest.raises(WindowError):
        train(request(window=Window("2030-01-01", "2030-02-01")), small_world.sources(*ALL[:3]), tmp_path / "m")
    with pytest.raises(ModelError, match="no configuration 'huge'"):
        train(request(config="huge"), small_world.sources(*ALL[:3]), tmp_path / "m")
    calls = {"n": 0}

    def soon():
        calls["n"] += 1
        return calls["n"] > 12

    with pytest.raises(Cancelled):
        train(
            request(model="multiscale_lstm", config="demo"), small_world.sources(*ALL), tmp_path / "m", cancelled=soon
        )
    assert list(tmp_path.iterdir()) == []


def test_progress_tells_the_epoch_and_never_runs_backwards(small_world, tmp_path):
    told = []
    train(
        request(model="multiscale_lstm", config="demo"),
        small_world.sources(*ALL),
        tmp_path / "m",
        progress=lambda share, what: told.append((share, what)),
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert any("epoch 2" in what for _, what in told)


KILLED = textwrap.dedent(
    """
    import importlib.util, os, signal, sys
    spec = importlib.util.spec_from_file_location("world", sys.argv[1])
    world_module = importlib.util.module_from_spec(spec)
    sys.modules["world"] = world_module
    spec.loader.exec_module(world_module)
    from pathlib import Path
    from smcore.models import multiscale_lstm
    from smcore.models.hydro import ensemble as hydro_ensemble
    from smcore.training import checkpoint
    from smcore.training.run import TrainRequest, train
    from smcore.training.splits import Split
    multiscale_lstm.CONFIGS["demo"] = multiscale_lstm.Config(hidden=8, epochs=4, most_steps=2, batch=4)
    out, kill_after = Path(sys.argv[2]), int(sys.argv[3])
    save, saved = checkpoint.FileCheckpoint.save, []
    def counted(self, arrays, notes):
        save(self, arrays, notes)
        saved.append(notes["epochs"])
        if kill_after and len(saved) == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
    checkpoint.FileCheckpoint.save = counted
    world = world_module.make_world(days=60)
    request = TrainRequest("multiscale_lstm", "demo", Split("site"), device="cpu", seed=2)
    train(request, world.sources("target", "forcing", "static"), out)
    print(saved)
    """
)


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was_and_ends_the_same(tmp_path):
    world_file = os.path.join(os.path.dirname(__file__), "..", "conftest.py")
    found = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # as the tests themselves find what they import

    def go(out, kill_after):
        command = [sys.executable, "-c", KILLED, world_file, str(out), str(kill_after)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=found)

    first = go(tmp_path / "resumed", 2)
    assert first.returncode == -signal.SIGKILL
    assert not (tmp_path / "resumed").exists()
    second = go(tmp_path / "resumed", 0)
    assert second.returncode == 0, second.stderr
    assert second.stdout.strip() == "[3, 4]"
    straight = go(tmp_path / "straight", 0)
    assert straight.returncode == 0, straight.stderr
    hashes = [load_checkpoint(tmp_path / name)[1].weights_sha256 for name in ("resumed", "straight")]
    assert hashes[0] == hashes[1]
    log = json.loads((tmp_path / "resumed" / "run.json").read_text())["folds"][0]["log"]
    assert [record["epoch"] for record in log] == [1, 2, 3, 4]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["resumed", "straight"]


def test_scores_are_medians_of_locations_with_thirty_days():
    rng = np.random.default_rng(0)
    reference = rng.random((100, 3)).astype(np.float32)
    product = reference + np.array([0.0, 0.1, 0.2], np.float32)
    product[40:, 2] = np.nan
    product[29:, 1] = np.nan
    table = location_scores(product, reference)
    assert table["n"].tolist() == [100, 29, 40]
    rows = {r["metric"]: r for r in summary(table, fold="all", sample="test")}
    assert rows["median_bias"]["value"] == pytest.approx(0.1, abs=1e-5)
    assert rows["median_bias"]["locations"] == 2
    nothing = summary({k: v[:0] for k, v in table.items()}, fold="all", sample="test")
    assert all(r["status"] == "too_few" and r["value"] is None for r in nothing)


def test_the_card_says_where_its_sensors_stand_and_on_which_days_it_trained(small_world, tmp_path):
    window = Window("2019-01-01", "2019-03-31")
    asked = request(model="multiscale_lstm", config="demo", split=Split("none"), window=window)
    train(asked, small_world.sources(*ALL), tmp_path / "out")
    card = load_checkpoint(tmp_path / "out")[1]
    known = dict(zip(small_world.stations["sensor"].values, small_world.stations["lat"].values, strict=True))
    assert len(card.stations) == 6
    assert card.station_places["lat"] == pytest.approx([known[name] for name in card.stations], abs=1e-5)
    assert card.spans == [["2019-01-01", "2019-03-31"]]
