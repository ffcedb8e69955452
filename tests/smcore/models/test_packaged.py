"""The checkpoints that travel with Loam: small, whole, synthetic, and listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from smcore.catalog import load_catalog
from smcore.figures.recipe import read_recipe
from smcore.inference.request import PACKAGED, resolve_model
from smcore.models.card import read_card
from smcore.models.weights import load_checkpoint

FOLDERS = sorted(path.parent for path in PACKAGED.glob("*/card.json"))
IMPORTANCE = "importance.json"
MODELS = PACKAGED.parent / "models.yml"


def test_there_is_a_packaged_model():
    assert [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_packaged_model_loads_and_says_that_it_is_synthetic(folder: Path):
    model, card = load_checkpoint(folder)
    assert card.model == folder.name
    assert card.synthetic
    assert all(record["id"].startswith("demo-") and record["synthetic"] for record in card.data)
    assert any("synthetic" in text for text in card.limits)
    assert card.weights_dtype == "float16"
    assert model.used


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_packaged_model_is_a_card_and_weights_and_perhaps_an_importance(folder: Path):
    assert {path.name for path in folder.iterdir()} - {IMPORTANCE} == {"card.json", "weights.safetensors"}


def test_the_packaged_importance_is_of_the_packaged_weights_on_a_year_they_never_saw():
    (folder,) = (folder for folder in FOLDERS if (folder / IMPORTANCE).is_file())
    told = read_recipe(folder / IMPORTANCE).data["told"]
    card = read_card(folder)
    assert [one["fingerprint"] for one in told["credits"] if one["role"] == "model"] == [card.weights_sha256]
    assert told["synthetic"]
    first = told["when"].split(" to ")[0]
    assert all(first > last for _, last in card.spans)


def test_the_packaged_models_take_15_megabytes_at_most():
    assert sum(path.stat().st_size for folder in FOLDERS for path in folder.iterdir()) <= 15 * 2**20


def test_the_packaged_catalogue_lists_every_checkpoint():
    catalog = load_catalog([MODELS])
    listed = {entry.location.resolve() for entry in catalog.having(layout="model")}
    assert listed == {folder.resolve() for folder in FOLDERS}
    for entry in catalog:
        assert entry.synthetic
        assert resolve_model(entry.id, catalog)[1] == read_card(entry.location)
