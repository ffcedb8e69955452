"""What can't be predicted is said in one sentence, and nothing is left behind."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from worlds import sources_for

from app.cli import main
from smcore.catalog import CatalogEntry, add_entry, load_catalog
from smcore.cubes.store import open_store, write
from smcore.errors import ModelError, SmcoreError, WindowError
from smcore.grids import ease, regular
from smcore.inference import PredictRequest, provenance, run_request, stitch
from smcore.inference.product import MERGED
from smcore.inference.tiles import predict_plan
from smcore.inputs import handshake
from smcore.models.base import FitRun
from smcore.models.card import CARD_FILE, ModelCard
from smcore.models.registry import build_model
from smcore.models.weights import WEIGHTS_FILE
from smcore.roles import Source
from smcore.window import Window

DATA = (("", "forcing"), ("", "static"))
DAYS = {"start": "2019-03-01", "end": "2019-03-04"}


@pytest.fixture(scope="module")
def ridge(small_catalog, tmp_path_factory):
    out = tmp_path_factory.mktemp("ridge") / "m"
    arguments = ["train", "ridge", "--data", "target", "forcing", "static", "--split", "site", "--out", str(out)]
    assert main([*arguments, "--catalog", str(small_catalog)]) == 0
    return out


def refused(request: PredictRequest, tmp_path: Path) -> str:
    """The one sentence of a refusal that leaves nothing."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SmcoreError) as caught:
        run_request(request)
    assert "\n" not in caught.value.sentence
    assert sorted(tmp_path.iterdir()) == before
    return caught.value.sentence


def damaged(ridge: Path, tmp_path: Path, change) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(ridge, folder)
    change(folder)
    return folder


def truncate(folder: Path) -> None:
    file = folder / WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:-8])


def as_pickle(folder: Path) -> None:
    (folder / WEIGHTS_FILE).write_bytes(pickle.dumps({"weights": [1.0]}))


def other_inputs(folder: Path) -> None:
    card = json.loads((folder / CARD_FILE).read_text())
    card["inputs"][0]["units"] = "m"
    (folder / CARD_FILE).write_text(json.dumps(card))


def other_model(folder: Path) -> None:
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**card, "model": "multiscale_lstm", "config": "paper"}))


def truncated_but_signed(folder: Path) -> None:
    """Truncated, and the card's hash made anew to fit."""
    import hashlib

    truncate(folder)
    card = json.loads((folder / CARD_FILE).read_text())
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    (folder / CARD_FILE).write_text(json.dumps({**card, "weights_sha256": digest}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (truncate, "another SHA-256"),
        (truncated_but_signed, "weights can't be read"),
        (as_pickle, "pickle or an archive, which could run code"),
        (other_inputs, "list of inputs is not that of its weights"),
        (other_model, "weights are not of a multiscale_lstm"),
    ],
)
def test_weights_that_are_not_what_they_should_be(ridge, small_catalog, tmp_path, change, words):
    model = damaged(ridge, tmp_path, change)
    request = PredictRequest(str(model), DATA, (str(small_catalog),), DAYS, "cpu", str(tmp_path / "p.zarr"))
    assert words in refused(request, tmp_path)


@pytest.mark.parametrize(
    ("data", "window", "words"),
    [
        ((("", "forcing"),), DAYS, "missing: clay"),
        (DATA, {"start": "2019-05-29", "end": "2019-06-02"}, "on 3 of 5 steps: 2019-05-31"),
        (DATA, {**DAYS, "west": 0.0, "south": 0.0, "east": 5.0, "north": 5.0}, "misses the data"),
    ],
)
def test_inputs_that_are_not_there(ridge, small_catalog, tmp_path, data, window, words):
    request = PredictRequest(str(ridge), data, (str(small_catalog),), window, "cpu", str(tmp_path / "p.zarr"))
    assert words in refused(request, tmp_path)


def test_a_window_of_sea_only_leaves_no_tiles(ridge, small_world, small_catalog, tmp_path):
    lat, lon = float(small_world.fine.lat[0]), float(small_world.fine.lon[0])
    sea = {**DAYS, "west": lon - 0.01, "south": lat - 0.01, "east": lon + 0.01, "north": lat + 0.01}
    request = PredictRequest(str(ridge), DATA, (str(small_catalog),), sea, "cpu", str(tmp_path / "p.zarr"))
    assert "No cell of the window has all inputs" in refused(request, tmp_path)


def test_missing_values_in_inputs_are_missing_in_the_product_and_nowhere_else(small_world):
    model = build_model("ridge")
    rng = np.random.default_rng(0)
    forcing = small_world.forcing.copy(deep=True)
    forcing["air_temperature"][70, 5, 5] = np.nan
    plain = small_world.sources("target", "forcing", "static")
    from smcore.training.datasets import Choice, build
    from smcore.training.folds import make_folds
    from smcore.training.splits import Split

    data = build(model.spec, plain, Window(), Choice())
    model.fit(make_folds(data, Split("site"), Window(), None)[0].data, FitRun(seed=int(rng.integers(9))))
    window = Window("2019-03-10", "2019-03-14")
    holed = [dataclasses.replace(s, data=forcing) if s.id == "forcing" else s for s in plain[1:]]
    products = []
    for sources in (plain[1:], holed):
        plan = handshake(model.spec, model.used, sources, window)
        products.append(stitch(predict_plan(model, plan), plan, ModelCard("ridge", "t", synthetic=True), window)["sm"])
    missing = np.isnan(products[1].values) & np.isfinite(products[0].values)
    assert np.argwhere(missing).tolist() == [[2, 5, 5]]
    others = np.ones(missing.shape, bool)
    others[:, 5, 5] = False
    np.testing.assert_array_equal(products[0].values[others], products[1].values[others])


def test_a_patch_model_predicts_one_cell_from_a_window_smaller_than_its_patch():
    model = build_model("coarse_pixel")
    fine, coarse = ease("M09").cut(slice(300, 324), slice(700, 732)), ease("M36").cut(slice(75, 81), slice(175, 183))
    sources = sources_for(model.spec, fine, 3, target_grid=coarse)
    if model.spec.needs_training:
        from contracts.test_models import make_data

        model.fit(make_data(model.spec), FitRun(seed=1))
    else:
        model.used = model.spec.inputs
    lat, lon = float(fine.lat[9]), float(fine.lon[14])
    box = Window("2019-06-01", "2019-06-03", lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)
    plan = handshake(model.spec, model.used, sources, box)
    found = stitch(predict_plan(model, plan), plan, ModelCard("coarse_pixel", "t", synthetic=True), box)["sm"].values
    expected = sources[-1].data["sm"].values[:, 2, 3]
    assert found.shape == (3, 1, 1)
    np.testing.assert_allclose(found[:, 0, 0], expected, atol=1e-6)


def test_other_grids_are_refused_in_a_sentence():
    model = build_model("ridge")
    here, there = regular(45.0, -100.0, 0.1, 0.1, 8, 9), regular(45.03, -100.0, 0.1, 0.1, 8, 9)
    forcing = sources_for(model.spec, here, 100)[0]
    static = sources_for(model.spec, there, 100)[1]
    with pytest.raises(SmcoreError, match="is on another regular grid than the prediction"):
        handshake(model.spec, model.spec.inputs, [forcing, static], Window())


def test_a_box_over_both_ends_of_data_that_do_not_go_around_is_refused():
    model = build_model("persistence")
    almost = regular(45.0, -179.0, 2.0, 2.0, 4, 178)
    sources = sources_for(model.spec, almost, 5)
    with pytest.raises(WindowError, match="do not go around the Earth"):
        handshake(model.spec, model.spec.inputs, sources, Window(west=170.0, east=-170.0))


# -- weights of a made-up world ----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def real_catalog(small_world, tmp_path_factory):
    """The same inputs, called real."""
    folder = tmp_path_factory.mktemp("real")
    file = folder / "catalog.yml"
    for name in ("target", "forcing", "static"):
        data = getattr(small_world, name).assign_attrs(synthetic=0)
        write(data, folder / f"{name}.zarr")
        kind = str(data.attrs["kind"])
        add_entry(file, CatalogEntry(name, f"Real {name}", kind, "cube", folder / f"{name}.zarr"))
    return file


def test_synthetic_weights_refuse_real_inputs(ridge, real_catalog, tmp_path):
    request = PredictRequest(str(ridge), DATA, (str(real_catalog),), DAYS, "cpu", str(tmp_path / "p.zarr"))
    sentence = refused(request, tmp_path)
    assert "trained on synthetic data and says nothing about the real world" in sentence
    assert "--demonstration-only" in sentence


def test_a_demonstration_says_so_in_title_attributes_and_catalogue(ridge, real_catalog, tmp_path, capsys):
    mine, out = tmp_path / "mine.yml", tmp_path / "p.zarr"
    arguments = ["predict", str(ridge), "--data", "forcing", "static", "--start", "2019-03-01", "--end", "2019-03-02",
                 "--demonstration-only", "--out", str(out), "--id", "shown", "--catalog", str(real_catalog),
                 "--catalog", str(mine)]  # fmt: skip
    assert main(arguments) == 0
    assert "SYNTHETIC-TRAINED" in capsys.readouterr().out
    attrs = open_store(out).attrs
    assert attrs["demonstration_only"] == 1
    assert attrs["title"].startswith("SYNTHETIC-TRAINED: ")
    assert attrs["product"].startswith("SYNTHETIC-TRAINED: ")
    entry = load_catalog([mine]).get("shown")
    assert entry.title.startswith("SYNTHETIC-TRAINED: ")
    assert entry.extra["demonstration_only"] is True
    assert entry.synthetic


def test_real_weights_may_see_synthetic_inputs_and_synthetic_ones_their_own_world(small_world):
    sources = small_world.sources("forcing")
    assert not provenance.check_weights_may_see(ModelCard("m", "t"), sources, False)
    assert not provenance.check_weights_may_see(ModelCard("m", "t", synthetic=True), sources, False)
    real = [Source("r", frozenset({"forcing"}), small_world.forcing.assign_attrs(synthetic=0))]
    assert not provenance.check_weights_may_see(ModelCard("m", "t"), real, False)
    assert provenance.check_weights_may_see(ModelCard("m", "t", synthetic=True), real, True)
    with pytest.raises(ModelError):
        provenance.check_weights_may_see(ModelCard("m", "t", synthetic=True), [*sources, *real], False)


def test_a_merged_product_is_observed_where_valid_and_only_if_the_model_does_not_keep_it(
    small_catalog, tmp_path, monkeypatch
):
    from smcore.models import persistence

    window = {"start": "2019-03-01", "end": "2019-03-20"}
    request = PredictRequest("persistence", (("", "target"),), (str(small_catalog),), window, "cpu", merged=True)
    run_request(dataclasses.replace(request, out=str(tmp_path / "kept.zarr")))
    assert MERGED not in open_store(tmp_path / "kept.zarr").variables
    real = persistence.Persistence.predict

    def shifted(self, inputs, *, device="cpu"):
        return {"sm": real(self, inputs, device=device)["sm"] + np.float32(0.05)}

    monkeypatch.setattr(persistence.Persistence, "predict", shifted)
    run_request(dataclasses.replace(request, out=str(tmp_path / "shifted.zarr")))
    product = open_store(tmp_path / "shifted.zarr").dataset().load()
    observed = product["source"].values == 1
    merged, sm = product[MERGED].values, product["sm"].values
    np.testing.assert_allclose(merged[observed], sm[observed] - 0.05, atol=1e-6)
    np.testing.assert_array_equal(merged[~observed], sm[~observed])
    assert "the model's own value on observed days" in product["source"].attrs["comment"]
    assert observed.any()


def test_a_calibrated_band_holds_where_it_was_calibrated_and_not_in_a_demonstration(
    ridge, small_catalog, real_catalog, tmp_path
):
    from smcore.models.learning.band import Band

    flat = Band((), *(np.empty(0) for _ in range(4)), np.array([np.log(0.02)]), 1.5)
    folder = tmp_path / "m"
    shutil.copytree(ridge, folder)
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**card, "uncertainty": flat.to_json()}))
    request = PredictRequest(str(folder), DATA, (str(small_catalog),), DAYS, "cpu", str(tmp_path / "p.zarr"))
    run_request(request)
    store = open_store(tmp_path / "p.zarr")
    sm, half = store.read_map("sm", 1), store.read_map("sm_uncertainty", 1)
    np.testing.assert_array_equal(np.isfinite(half), np.isfinite(sm))
    np.testing.assert_allclose(half[np.isfinite(sm)], 0.03, rtol=1e-5)
    assert store.variable_attrs("sm_uncertainty")["coverage"] == 0.9
    shown = dataclasses.replace(
        request, catalogs=(str(real_catalog),), demonstration=True, out=str(tmp_path / "shown.zarr")
    )
    run_request(shown)
    assert "sm_uncertainty" not in open_store(tmp_path / "shown.zarr").variables


@pytest.mark.parametrize("grid", ["M36", "M09"])
def test_another_grid_than_that_of_the_training_target_is_said(ridge, small_catalog, tmp_path, grid):
    folder = tmp_path / "m"
    shutil.copytree(ridge, folder)
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**card, "cells": {**card["cells"], "grid": grid}}))
    request = PredictRequest(str(folder), DATA, (str(small_catalog),), DAYS, "cpu", str(tmp_path / "p.zarr"))
    said = [note for note in run_request(request).notes if "was trained against" in note]
    own = open_store(tmp_path / "p.zarr").attrs["grid_name"]
    assert said == ([] if grid == own else [f"ridge was trained against {grid} cells, and this is the grid {own}"])


def test_a_request_with_all_of_its_choices_comes_back_from_json():
    request = PredictRequest("m", DATA, demonstration=True, merged=True, precision="float32", compiled=True)
    assert PredictRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_a_spec_without_forcings_predicts_on_its_finest_grid():
    model = build_model("bicubic")
    fine, coarse = ease("M09").cut(slice(300, 324), slice(700, 732)), ease("M36").cut(slice(75, 81), slice(175, 183))
    plan = handshake(
        model.spec, model.spec.inputs, sources_for(model.spec, fine, 3, target_grid=coarse), Window("2019-06-01")
    )
    assert plan.places.grid.name == "M09"
