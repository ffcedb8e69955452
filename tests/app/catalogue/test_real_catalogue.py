"""``loam real``: a store that an interrupted run did not come to catalogue is catalogued by the next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from factories import tiny_cube

from app import cli
from app.commands import real
from smcore.catalog import load_catalog
from smcore.cubes.store import write


def test_a_store_without_its_entry_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(real, "RECIPES", (real.Recipe("left", "gldas", ("none.nc",)),))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / real.MARKER).touch()
    write(tiny_cube(), tmp_path / "out" / "left")
    arguments = ["real", "--realdata", str(tmp_path / "in"), "--home", str(tmp_path / "out"), "--ingest-only", "--json"]
    assert cli.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["stores"] == {"left": "there already, catalogued now"}
    assert "left" in load_catalog([tmp_path / "out" / "catalog.yml"])
    assert cli.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["stores"] == {"left": "there already"}
