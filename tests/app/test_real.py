"""``loam real``: every recipe points to files that are there and becomes a store that the dashboard shows."""

import json

import pytest

from app import cli
from app.commands.real import RECIPES
from smcore import kinds
from smcore.catalog import load_catalog
from smcore.cubes.open import open_entry
from smcore.cubes.sources import expand


def test_every_recipe_names_files_that_exist_and_a_kind_that_reads_them(realdata):
    known = {kind.id for kind in kinds.kinds()}
    for recipe in RECIPES:
        assert recipe.kind in known, recipe.id
        for source in recipe.sources:
            assert expand([realdata / source]), recipe.id


def test_recipes_have_ids_of_their_own():
    ids = [recipe.id for recipe in RECIPES]
    assert len(set(ids)) == len(ids)


def test_without_real_files_it_says_how_to_give_them(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("LOAM_REALDATA", raising=False)
    assert cli.main(["real", "--ingest-only"]) == 2
    assert "set LOAM_REALDATA" in capsys.readouterr().err
    assert cli.main(["real", "--realdata", str(tmp_path), "--ingest-only"]) == 2
    assert "no real files" in capsys.readouterr().err


@pytest.mark.slow
def test_all_real_files_become_stores_once(realdata, tmp_path, capsys):
    arguments = ["real", "--realdata", str(realdata), "--home", str(tmp_path / "real"), "--ingest-only", "--json"]
    assert cli.main(arguments) == 0
    said = json.loads(capsys.readouterr().out)["stores"]
    assert set(said) == {recipe.id for recipe in RECIPES}
    assert not [text for text in said.values() if text.startswith("left out")]
    for entry in load_catalog([tmp_path / "real" / "catalog.yml"]):
        assert not entry.synthetic
        assert entry.licence, entry.id
        assert open_entry(entry).fingerprint
    assert cli.main(arguments) == 0
    assert set(json.loads(capsys.readouterr().out)["stores"].values()) == {"there already"}
