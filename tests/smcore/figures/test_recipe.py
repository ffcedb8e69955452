"""Recipes are checked to the last key, and what is wrong with one is told in a sentence."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from factories import catalogue, tiny_cube
from flagged import GRID, flagged

from smcore.catalog import load_catalog
from smcore.errors import MatchError, RecipeError
from smcore.figures.presets import COLUMNS, PRESETS, look
from smcore.figures.recipe import FORMAT, VERSION, kind_names, load_kind, options_of, read_recipe, recipe_of
from smcore.figures.sources import Places

MAP: dict[str, Any] = {
    "format": FORMAT, "version": VERSION, "kind": "map",
    "data": {"source": "catalogue", "products": ["cube"], "time": "2018-01-03"},
}  # fmt: skip


def panels(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    own = [{key: value for key, value in one.items() if key != "format"} for one in parts]
    return {"format": FORMAT, "version": VERSION, "kind": "panels", "panels": own, **more}


def test_a_recipe_written_and_read_is_the_same_recipe(tmp_path: Path) -> None:
    given = MAP | {
        "options": {"colours": "viridis", "colour_range": [0, 0.4]}, "preset": "ieee", "columns": 1.5, "dpi": 600,
        "projection": "robinson", "title": "Größe <b> $x$",
    }  # fmt: skip
    first = recipe_of(given)
    file = tmp_path / "recipe.json"
    file.write_text(first.text(), encoding="utf-8")
    assert read_recipe(file) == first
    assert read_recipe(file).to_json() == first.to_json()
    assert first.options["colour_range"] == (0.0, 0.4)
    both = recipe_of(panels(MAP, given, grid=[1, 2]))
    assert recipe_of(json.loads(both.text())) == both


WRONG = {
    "no recipe": ({"a": 1}, "no recipe of a figure"),
    "newer": (MAP | {"version": VERSION + 1}, "draw it with a newer Loam"),
    "no version": ({k: v for k, v in MAP.items() if k != "version"}, "version is missing"),
    "version true": (MAP | {"version": True}, "version is missing"),
    "kind": (MAP | {"kind": "pie"}, "no kind of figure 'pie'; choose one of"),
    "kind as path": (MAP | {"kind": "../os"}, "no kind of figure"),
    "key": (MAP | {"colour": 1}, "'colour' is no key of a recipe"),
    "preset": (MAP | {"preset": "nature"}, "must be one of agu"),
    "columns": (MAP | {"columns": 1.7}, "1, 1.5 or 2 columns"),
    "dpi": (MAP | {"dpi": 5000}, "whole number from 150 to 600"),
    "projection": (MAP | {"projection": "mercator"}, "must be one of"),
    "language": (MAP | {"language": "xx"}, "must be one of en"),
    "no data": ({k: v for k, v in MAP.items() if k != "data"}, "'data' is missing"),
    "source": (MAP | {"data": {"source": "web"}}, "where its data come from"),
    "source of another kind": (MAP | {"data": {"source": "run", "run": "x"}}, "where its data come from"),
    "key of source": (MAP | {"data": {"source": "catalogue", "url": "http://x"}}, "'url' is no key"),
    "window": (MAP | {"data": MAP["data"] | {"window": [1, 2]}}, "a list of 4 numbers"),
    "number": (MAP | {"data": MAP["data"] | {"percentile": 101}}, "a number from 0 to 100"),
    "boolean as number": (MAP | {"data": MAP["data"] | {"percentile": True}}, "a number from 0 to 100"),
    "long text": (MAP | {"title": "x" * 5000}, "at most 2000 letters"),
    "text with NUL": (MAP | {"title": "a\0b"}, "at most 2000 letters"),
    "option": (MAP | {"options": {"color": "red"}}, "'color' is no key"),
    "option's type": (MAP | {"options": {"coast": 1}}, "true or false"),
    "fingerprints": (MAP | {"data": MAP["data"] | {"fingerprints": {"cube": 3}}}, "must map texts to texts"),
    "hash": (MAP | {"data": {"source": "file", "file": "x.nc", "sha256": "abc"}}, "SHA-256"),
    "panels": (panels(), "1 to 24 panels"),
    "panels in panels": (panels(panels(MAP)), "a recipe of a single figure"),
    "grid": (panels(MAP, MAP, MAP, grid=[1, 2]), "no room in 1 × 2"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_recipe_is_told_in_a_sentence(case: str) -> None:
    block, said = WRONG[case]
    with pytest.raises(RecipeError) as error:
        recipe_of(block)
    assert said in error.value.sentence
    assert "\n" not in error.value.sentence


@pytest.mark.parametrize(
    ("text", "said"), [("{", "no JSON"), ('{"a": NaN}', "no JSON"), ("[" * 100_000, "no JSON"), ("\udcff", "no JSON")]
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "recipe.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RecipeError, match=said):
        read_recipe(file)
    with pytest.raises(RecipeError, match="can't be read"):
        read_recipe(tmp_path / "none.json")


@pytest.mark.parametrize("name", kind_names())
def test_every_kind_keeps_its_contract(name: str) -> None:
    kind = load_kind(name)
    assert kind.TITLE[0].isupper()
    assert kind.ABOUT.endswith(".")
    assert set(kind.TAKES) <= {"catalogue", "run"}
    for key, field in options_of(name).items():
        assert field.about, key
        assert field.read(field.default, key) == field.default, key


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_wider_with_each_column_and_has_letters_that_can_be_read(name: str) -> None:
    widths = [look(name, columns).width_inch for columns in COLUMNS]
    assert widths == sorted(widths)
    assert widths[-1] * 25.4 <= 190
    assert PRESETS[name].small_pt >= 6
    assert PRESETS[name].dpi >= 300
    assert PRESETS[name].ours


def test_a_font_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smcore.figures.presets._installed", lambda: frozenset({"STIXGeneral", "DejaVu Sans"}))
    assert look("ieee").font == "STIXGeneral"
    assert "Times New Roman or Times is not on this machine" in look("ieee").told()
    assert look("agu").font == "DejaVu Sans"
    monkeypatch.setattr("smcore.figures.presets._installed", lambda: frozenset({"Arial", "DejaVu Sans"}))
    assert look("agu").told() == ""
    assert look("agu", font="DejaVu Sans").font == "DejaVu Sans"  # as a recipe keeps it


def test_a_recipe_with_a_misspelt_mask_is_not_drawn_whole(tmp_path: Path) -> None:
    catalog = load_catalog([catalogue(tmp_path, {"seen": flagged(), "model": tiny_cube(GRID, 6)})])
    where = {"point": [float(GRID.lat[1]), float(GRID.lon[1])], "products": ["seen", "model"]}
    for masks, said in ((["frozen_groud"], "can't be masked by 'frozen_groud'.*frozen_ground"), (["open_water"], "")):
        for kind in ("series", "difference", "map", "hovmoller"):
            more = {"time": "2018-01-02"} if kind != "series" else {}
            source = {"source": "catalogue", "masks": masks, **where, **more}
            recipe = recipe_of({"format": FORMAT, "version": VERSION, "kind": kind, "data": source})
            read = partial(load_kind(kind).read, recipe.data, recipe.options, Places(catalog))
            if said:
                with pytest.raises(MatchError, match=said):
                    read()
            else:
                assert "open water" in "; ".join(read().told.filters)


def test_a_hovmoller_diagram_of_one_row_is_as_high_as_its_cells(tmp_path: Path) -> None:
    catalog = load_catalog([catalogue(tmp_path, {"seen": flagged()})])
    north, south = float(GRID.lat_edges[1]), float(GRID.lat_edges[2])
    middle = (north + south) / 2
    window = [float(GRID.lon_edges[0]), middle, float(GRID.lon_edges[-1]), middle]
    source = {"source": "catalogue", "products": ["seen"], "window": window}
    recipe = recipe_of({"format": FORMAT, "version": VERSION, "kind": "hovmoller", "data": source})
    field = load_kind("hovmoller").read(recipe.data, recipe.options, Places(catalog)).need_field()
    assert sorted([float(field["low"][0]), float(field["high"][0])]) == pytest.approx([south, north])
    assert field.sizes["position"] == 1
