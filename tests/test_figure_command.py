"""``loam figure``: pictures from recipes, and one sentence for what can't be drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from factories import catalogue, tiny_cube

from app import cli
from smcore.grids import ease


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of one small cube, and a recipe of a map of it."""
    folder = tmp_path_factory.mktemp("figure")
    cube = tiny_cube(ease("M36").cut(slice(80, 92), slice(200, 216)), count=2)
    catalogue(folder, {"cube": cube})
    data = {"source": "catalogue", "products": ["cube"], "time": "2018-01-01"}
    recipe = {"format": "loam-figure", "version": 1, "kind": "map", "data": data, "columns": 1, "dpi": 150}
    (folder / "map.json").write_text(json.dumps(recipe))
    return folder


def loam(world: Path, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = cli.main(["figure", "--catalog", str(world / "catalog.yml"), *(str(one) for one in arguments)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.mark.usefixtures("loam_home")
def test_a_recipe_is_drawn_by_the_extension_and_again_to_the_same_bytes(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = loam(world, capsys, world / "map.json", "--out", tmp_path / "map.png")
    assert status == 0
    assert str(tmp_path / "map.png") in out
    status, out, _ = loam(world, capsys, world / "map.json", "--out", tmp_path / "all", "--package", "--json")
    assert status == 0
    told = json.loads(out)
    assert told["kind"] == "map"
    assert (tmp_path / "all" / "figure.png").read_bytes() == (tmp_path / "map.png").read_bytes()
    for form, begins in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert (tmp_path / "all" / f"figure.{form}").read_bytes().startswith(begins)
    again = [str(tmp_path / "all" / "recipe.json"), "--out", str(tmp_path / "again.svg")]
    assert cli.main(["figure", *again]) == 0  # without a catalogue, from the file beside the recipe
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "all" / "figure.svg").read_bytes()


@pytest.mark.usefixtures("loam_home")
def test_what_can_t_be_drawn_is_one_sentence_and_leaves_nothing(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.loads((world / "map.json").read_text())
    newer, lost = tmp_path / "newer.json", tmp_path / "lost.json"
    newer.write_text(json.dumps(good | {"version": 99}))
    lost.write_text(json.dumps(good | {"kind": "taylor", "data": {"source": "run", "run": "gone"}}))
    out, there = tmp_path / "x.png", world / "there.png"
    there.touch()
    for arguments, said in (
        ((newer, "--out", out), "of version 99"),
        ((lost, "--out", out), "There is no such run (gone)"),
        ((tmp_path / "none.json", "--out", out), "The recipe can't be read"),
        ((world / "map.json", "--out", tmp_path / "x.tiff"), "png or svg or pdf, not 'tiff'"),
        ((world / "map.json", "--out", there), "Something is there already"),
        ((world / "map.json", "--out", out, "--dpi", "9"), "whole number from 150 to 600"),
        ((world / "map.json", "--out", out, "--preset", "nature"), "must be one of agu"),
        ((world / "map.json", "--out", tmp_path / "no" / "x.png"), "There is no such folder"),
    ):
        status, printed, err = loam(world, capsys, *arguments)
        assert (status, printed) == (2, "")
        assert err.startswith("loam: ")
        assert err.count("\n") == 1
        assert said in err
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".json") == ["home"] * (tmp_path / "home").exists()
