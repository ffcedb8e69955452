"""The command ``loam demo``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import main
from smcore.demo import world
from smcore.demo.build import Built
from smcore.demo.world import Cut


def test_a_world_that_is_there_is_said_to_be_and_not_built_again(
    tiny: Built, tiny_cut: Cut, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(world, "DEFAULT", tiny_cut)
    before = (tiny.folder / "demo.json").stat().st_mtime_ns
    assert main(["demo", "--dir", str(tiny.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["built_now"] is False
    assert told["synthetic"] is True
    assert told["generator_version"] == world.VERSION
    assert (tiny.folder / "demo.json").stat().st_mtime_ns == before


def test_a_folder_with_other_things_ends_with_status_2_and_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["demo", "--dir", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert str(tmp_path) in told.err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_folder_ends_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert main(["demo", "--dir", str(file)]) == 2
    assert "file" in capsys.readouterr().err
