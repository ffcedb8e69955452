"""The tool that trains the packaged checkpoints: one recipe each, and nothing real or foreign ever ships."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from smcore.catalog import load_catalog
from smcore.errors import ExportError

ROOT = Path(__file__).resolve().parents[2]
LSTM = ROOT / "catalogs" / "checkpoints" / "multiscale_lstm"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spec = importlib.util.spec_from_file_location("train_checkpoints", ROOT / "tools" / "train_checkpoints.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CATALOGS", tmp_path / "catalogs")
    return module


def test_each_of_the_five_systems_has_a_recipe(tool):
    assert set(tool.RECIPES) == {"smsnet", "drcgan", "pscnet", "tssmnet", "multiscale_lstm"}


def test_a_shipped_checkpoint_is_listed_with_the_hash_of_its_weights(tool):
    card = tool.ship("multiscale_lstm", LSTM)
    entry = load_catalog([tool.CATALOGS / "models.yml"]).get("multiscale_lstm")
    assert entry.synthetic
    assert entry.extra["weights_sha256"] == card.weights_sha256
    assert {path.name for path in entry.location.iterdir()} == {"card.json", "weights.safetensors"}


def test_weights_of_another_model_or_of_real_data_do_not_ship(tool, tmp_path: Path):
    with pytest.raises(ExportError, match="no smsnet of the demo world"):
        tool.ship("smsnet", LSTM)
    real = shutil.copytree(LSTM, tmp_path / "real")
    card = json.loads((real / "card.json").read_text())
    card["data"][0]["synthetic"] = False
    (real / "card.json").write_text(json.dumps(card))
    with pytest.raises(ExportError, match="of the demo world alone"):
        tool.ship("multiscale_lstm", real)


def test_more_than_15_megabytes_do_not_ship(tool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tool, "MOST_BYTES", 1000)
    with pytest.raises(ExportError, match="MB together"):
        tool.ship("multiscale_lstm", LSTM)
    assert dataclasses.is_dataclass(tool.entry_of("multiscale_lstm", LSTM))
