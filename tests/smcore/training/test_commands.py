"""loam train and loam predict from the command line, and how they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest

from app.cli import main
from app.commands.train import render as print_training
from smcore.catalog import load_catalog
from smcore.cubes.store import open_store
from smcore.inference import PredictRequest, run_request


@pytest.fixture(scope="module")
def ridge(small_catalog, tmp_path_factory):
    out = tmp_path_factory.mktemp("ridge") / "m"
    status = main(["train", "ridge", "--data", "target", "forcing", "static", "--split", "site", "--out", str(out),
                   "--catalog", str(small_catalog)])  # fmt: skip
    assert status == 0
    return out


def predict(ridge, catalog, out, *more):
    return main(
        ["predict", str(ridge), "--data", "forcing", "static", "--out", str(out), "--catalog", str(catalog), *more]
    )


def test_a_prediction_is_a_prepared_store_with_an_entry(ridge, small_catalog, tmp_path, capsys):
    catalog = tmp_path / "mine.yml"
    out = tmp_path / "sm.zarr"
    arguments = ["predict", str(ridge), "--data", "forcing=forcing", "static=static", "--start", "2019-03-01", "--end",
                 "2019-03-10", "--out", str(out), "--id", "ridge-9km", "--json",
                 "--catalog", str(small_catalog), "--catalog", str(catalog)]  # fmt: skip
    capsys.readouterr()
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["cells"] == 319
    assert result["synthetic"] is True
    entry = load_catalog([catalog]).get("ridge-9km")
    assert entry.kind == "downscaled"
    assert entry.synthetic
    assert entry.inputs
    assert entry.extra["model"] == "ridge"
    store = open_store(out)
    values = store.read_map("sm", 3)
    assert values.shape == (16, 20)
    assert np.isnan(values[0, 0])
    assert (store.read_map("source", 3) == 3).sum() == 319


def test_the_cache_gives_the_same_result_without_computing(ridge, small_catalog, tmp_path, monkeypatch):
    monkeypatch.setenv("LOAM_HOME", str(tmp_path))
    request = PredictRequest(
        str(ridge),
        (("", "forcing"), ("", "static")),
        (str(small_catalog),),
        {"start": "2019-03-01", "end": "2019-03-04"},
    )
    first = run_request(PredictRequest.from_json(json.loads(json.dumps(request.to_json()))))
    second = run_request(request)
    assert not first.cached
    assert second.cached
    assert (first.store, first.key, first.cells) == (second.store, second.key, second.cells)


def test_tiles_are_told_as_they_finish(ridge, small_catalog, tmp_path):
    window = {"start": "2019-03-01", "end": "2019-03-02"}
    data = (("", "forcing"), ("", "static"))
    request = PredictRequest(str(ridge), data, (str(small_catalog),), window, out=str(tmp_path / "p.zarr"))
    seen = []
    run_request(request, on_tile=lambda plan, tile: seen.append((plan.places.shape, tile.values["sm"].shape)))
    assert seen
    assert all(shape == (16, 20) for shape, _ in seen)
    assert sum(rows * columns for _, (_, rows, columns) in seen) == 320


def test_a_cancelled_prediction_leaves_nothing(ridge, small_catalog, tmp_path):
    from smcore.errors import Cancelled

    request = PredictRequest(
        str(ridge), (("", "forcing"), ("", "static")), (str(small_catalog),), out=str(tmp_path / "p.zarr")
    )
    with pytest.raises(Cancelled):
        run_request(request, cancelled=lambda: True)
    assert list(tmp_path.iterdir()) == []


BAD_PREDICTIONS = {
    "a window without inputs": (["--start", "2021-01-01", "--end", "2021-01-03"], "has no precipitation"),
    "an empty overlap": (["--bbox", "0", "0", "5", "5"], "misses the data"),
    "an unknown device": (["--device", "abacus"], "no device"),
    "a box upside down": (["--bbox", "-100", "40", "-90", "30"], "not below north"),
    "no date": (["--start", "soon"], "not a date"),
    "an id that is none": (["--id", "not an id", "--end", "2019-01-03"], "can't be an id"),
}


@pytest.mark.parametrize("case", BAD_PREDICTIONS)
def test_predict_refuses_with_one_sentence_and_leaves_nothing(ridge, small_catalog, tmp_path, capsys, case):
    more, words = BAD_PREDICTIONS[case]
    capsys.readouterr()
    assert predict(ridge, small_catalog, tmp_path / "p.zarr", *more) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


BAD_MODELS = {
    "nowhere": "There is no model",
    "ridge": "has no weights here",
}


def test_what_is_no_checkpoint_is_said_with_what_would_be(ridge, small_catalog, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, words in ((ridge / "weights.safetensors", "This is a file"), (empty, "no model card (card.json)")):
        capsys.readouterr()
        assert predict(path, small_catalog, tmp_path / "p.zarr") == 2
        said = capsys.readouterr().err
        assert words in said
        assert str(path) in said
        assert "loam train wrote" in said


def test_a_score_without_an_interval_is_printed(capsys):
    row = {"fold": "all", "sample": "test", "metric": "pooled_bias", "value": 0.01234, "locations": 1}
    missing = {"value": None, "lower": None, "upper": None}
    rows = [row | {"lower": 0.01, "upper": 0.02}, row | {"lower": None, "upper": None}, row | missing]
    print_training({"scores": rows, "bands": [], "notes": [], "out": "m", "seconds": 1.0})
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == "  — stands where no location has 30 held-out days; choose a longer period"
    printed = [line.split("pooled_bias")[-1].split() for line in lines[:3]]
    assert [" ".join(words) for words in printed] == [
        "0.0123 [0.0100, 0.0200] 1 locations", "0.0123 [—] 1 locations", "— 1 locations",
    ]  # fmt: skip


@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_model_that_is_not_there_is_said(small_catalog, tmp_path, capsys, name):
    assert predict(name, small_catalog, tmp_path / "p.zarr") == 2
    assert BAD_MODELS[name] in capsys.readouterr().err


BAD_TRAININGS = {
    "an unknown model": (["oracle", "--data", "target"], "no model 'oracle'"),
    "an unknown id": (["ridge", "--data", "targte"], "did you mean target"),
    "an unknown role": (["ridge", "--data", "goal=target"], "no role 'goal'"),
    "an unknown split": (["ridge", "--data", "target", "forcing", "--split", "lucky"], "no split 'lucky'"),
    "an unknown configuration": (["ridge", "--data", "target", "forcing", "--config", "big"], "no configuration 'big'"),
    "too many folds": (["ridge", "--data", "target", "forcing", "--split", "site", "--folds", "99"], "can't be cut"),
    "half a test period": (["ridge", "--data", "target", "forcing", "--test-start", "2019-05-01"], "--test-end"),
    "no forcing": (["ridge", "--data", "target"], "missing precipitation"),
    "a period without data": (["ridge", "--data", "target", "forcing", "--start", "2031-01-01"], "No step"),
}


@pytest.mark.parametrize("case", BAD_TRAININGS)
def test_train_refuses_with_one_sentence_and_leaves_nothing(small_catalog, tmp_path, capsys, case):
    arguments, words = BAD_TRAININGS[case]
    capsys.readouterr()
    assert main(["train", *arguments, "--out", str(tmp_path / "m"), "--catalog", str(small_catalog)]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_fold_folder_is_explained(small_catalog, tmp_path, capsys):
    out = tmp_path / "m"
    arguments = ["train", "ridge", "--data", "target", "forcing", "--split", "site", "--folds", "2", "--out", str(out)]
    assert main([*arguments, "--catalog", str(small_catalog)]) == 0
    capsys.readouterr()
    assert predict(out, small_catalog, tmp_path / "p.zarr") == 2
    assert "2 models here" in capsys.readouterr().err
