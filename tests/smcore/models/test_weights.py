"""A checkpoint that is damaged, foreign or dangerous is refused with one sentence."""

from __future__ import annotations

import json
import pickle
import zipfile

import numpy as np
import pytest

from smcore.errors import ModelError, WeightsError
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.card import ModelCard, read_card
from smcore.models.multiscale_lstm import Config, MultiscaleLstm
from smcore.models.spec import InputSpec
from smcore.models.weights import load_checkpoint, save_checkpoint

SPECS = (InputSpec("precipitation", "mm d-1", required=True),)


@pytest.fixture
def checkpoint(tmp_path):
    rng = np.random.default_rng(0)
    inputs = Inputs(
        np.datetime64("2020-01-01") + np.arange(40),
        rng.random((40, 3, 1)),
        np.empty((3, 0)),
        np.zeros(3),
        np.zeros(3),
        SPECS,
    )
    model = MultiscaleLstm(Config(hidden=4, epochs=1, most_steps=1))
    model.fit(TrainingData(Task(inputs, rng.random((40, 3)))), FitRun())
    save_checkpoint(tmp_path, model, ModelCard("multiscale_lstm", "Test", config="paper", synthetic=True))
    return tmp_path


def edit(folder, **changes):
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_statistics_survive_the_card_to_the_last_bit(checkpoint):
    model, card = load_checkpoint(checkpoint)
    text = card.settings["statistics"]["satellite"]["dynamic"]["mean"][0]
    assert model.statistics["satellite"].dynamic.mean[0] == text
    assert isinstance(text, float)


def test_a_missing_card_is_no_model(tmp_path):
    with pytest.raises(WeightsError, match="no model here"):
        load_checkpoint(tmp_path)


def test_missing_weights_are_said(checkpoint):
    (checkpoint / "weights.safetensors").unlink()
    with pytest.raises(WeightsError, match="weights are missing"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize("kind", ["pickle", "archive"])
def test_a_pickle_is_refused_before_anything_reads_it(checkpoint, kind):
    path = checkpoint / "weights.safetensors"
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"a": 1}))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data.pkl", pickle.dumps({"a": 1}))
    with pytest.raises(WeightsError, match="pickle"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize("first", [0x28, 0x80])
def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path, first):
    """Safetensors files begin with the length of their header, of any first byte."""
    import hashlib

    from safetensors.numpy import save

    from smcore.models.weights import read_weights

    content = next(
        text for length in range(1, 400) if (text := save({"x" * length: np.zeros(1, np.float32)}))[0] == first
    )
    (tmp_path / "w.safetensors").write_bytes(content)
    assert len(read_weights(tmp_path / "w.safetensors", hashlib.sha256(content).hexdigest())) == 1


def test_one_changed_byte_is_noticed(checkpoint):
    path = checkpoint / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="SHA-256"):
        load_checkpoint(checkpoint)


def test_truncated_weights_with_a_fitting_hash_are_still_refused(checkpoint):
    import hashlib

    path = checkpoint / "weights.safetensors"
    content = path.read_bytes()[:-50]
    path.write_bytes(content)
    edit(checkpoint, weights_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(WeightsError, match="can't be read"):
        load_checkpoint(checkpoint)


def test_weights_of_another_size_do_not_load(checkpoint):
    settings = read_card(checkpoint).settings
    edit(checkpoint, settings=settings | {"config": settings["config"] | {"hidden": 8}})
    with pytest.raises(WeightsError, match="not of a multiscale_lstm"):
        load_checkpoint(checkpoint)


def test_a_card_with_other_inputs_than_its_weights_is_refused(checkpoint):
    edit(checkpoint, inputs=[{"name": "clay", "units": "%"}])
    with pytest.raises(WeightsError, match="list of inputs"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"schema": 99}', '{"schema": 1, "model": "ridge"}'])
def test_a_card_that_is_none_is_refused(checkpoint, text):
    (checkpoint / "card.json").write_text(text)
    with pytest.raises(WeightsError, match="card"):
        load_checkpoint(checkpoint)


def test_unknown_and_wrongly_typed_fields_are_named(checkpoint):
    edit(checkpoint, surprise=1)
    with pytest.raises(WeightsError, match="surprise"):
        read_card(checkpoint)
    edit_free = json.loads((checkpoint / "card.json").read_text())
    del edit_free["surprise"]
    (checkpoint / "card.json").write_text(json.dumps(edit_free | {"stations": "all"}))
    with pytest.raises(WeightsError, match="stations"):
        read_card(checkpoint)


def test_a_model_that_this_version_does_not_have_is_named(checkpoint):
    edit(checkpoint, model="oracle")
    with pytest.raises(ModelError, match="no model 'oracle'"):
        load_checkpoint(checkpoint)


def test_statistics_that_are_no_numbers_are_refused(checkpoint):
    settings = read_card(checkpoint).settings
    settings["statistics"]["satellite"]["dynamic"]["mean"] = ["a"]
    edit(checkpoint, settings=settings)
    with pytest.raises(WeightsError, match="statistics"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda state: state.settings.pop("statistics"), "statistics is missing"),
        (lambda state: state.settings["config"].update(unheard_of=1), "their settings are of another model or version"),
        (lambda state: state.arrays.pop(next(iter(state.arrays))), "their arrays are of another network"),
    ],
)
def test_what_does_not_fit_is_said_in_words(checkpoint, spoil, reason):
    model = load_checkpoint(checkpoint)[0]
    state = model.save()
    spoil(state)
    with pytest.raises(WeightsError, match=reason):
        model.load(state)
