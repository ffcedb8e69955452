"""Whatever a recipe's data hold, a figure is drawn or refused in a sentence: no kind has a traceback for anybody."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from smcore.errors import RecipeError, SmcoreError
from smcore.figures.caption import alternative, caption
from smcore.figures.drawing import picture, prepare
from smcore.figures.recipe import FORMAT, VERSION, kind_names, recipe_of
from smcore.figures.sources import Places

HOSTILE = "<script>$\\frac{%s}$=cmd()\u202e\x07"
BAD: dict[str, list[Any]] = {
    "texts": ["a", "b"], "nulls": [None, None], "none": [], "one row": [0.5], "part": [None, 0.3],
    "infinite": [float("inf"), float("-inf")], "huge": [10**30, 1], "wide": [-1e308, 1e308], "mixed": ["x", 1],
    "flags": [True, False], "long": ["x" * 300, "y" * 300], "hostile": [HOSTILE, "__class__"], "same": [0.2, 0.2],
    "no date": ["99999-99-99", "0000-00-00"], "not a number": [float("nan"), 1.0],
}  # fmt: skip
TIMES = ["2018-01-01T00:00:00", "2018-01-02T00:00:00"]
PLACES = {"lat": [40.0, 41.0], "lon": [-100.0, -99.0]}
GOOD: dict[str, dict[str, list[Any]]] = {
    "boxes": {name: [0.1, 0.2] for name in ("q05", "q25", "q50", "q75", "q95")}
    | {"product": ["p", "q"], "title": ["P", "Q"], "level": ["a", "a"], "locations": [3, 4], "pairs": [30, 40],
       "small": [False, False]},
    "cdf-sites": {"metric": ["rmsd", "rmsd"], "product": ["p", "p"], "title": ["P", "P"], "value": [0.1, 0.2]},
    "importance": {"feature": ["f", "g"], "importance": [0.1, 0.2], "group": ["a", "b"], "lower": [0, 0],
                   "upper": [1, 1]},
    "metric-map": PLACES | {"value": [0.1, 0.2]},
    "network-scatter": {"group": ["a", "b"], "reference": [0.1, 0.2], "product": [0.1, 0.3]},
    "network-table": {"level": ["a", "a"], "product": ["p", "q"], "n": [9, 8], "pearson_r": [0.5, 0.6]},
    "review-summary": {"section": ["state", "verdict"], "name": ["new", "1"], "value": [3, 4]},
    "scatter": {"reference": [0.1, 0.2], "product": [0.1, 0.3]},
    "series": {"series": [0, 0], "time": TIMES, "value": [0.1, 0.2]},
    "stations": PLACES | {"network": ["a", "b"]},
    "taylor": {"product": ["p", "p"], "title": ["P", "P"], "kind": ["pooled", "site"], "ratio": [1.1, 0.9],
               "r": [0.5, 0.6]},
}  # fmt: skip
PAIR = {"names": ["P", "R"], "units": ["m3 m-3", "m3 m-3"]}
DRAWN: dict[str, dict[str, Any]] = {
    "cdf-sites": {"labels": {"rmsd": "RMSD"}, "units": {"rmsd": "m3 m-3"}}, "scatter": PAIR, "network-scatter": PAIR,
    "series": {"lines": [{"label": "P", "units": "m3 m-3", "colour": "#000000", "observed": True, "synthetic": True}]},
}  # fmt: skip
FIELDS = ("difference", "hovmoller", "map")
"""Kinds that draw a map, which no recipe can hold in itself."""


def attempt(kind: str, columns: dict[str, Any], drawn: Any) -> str:
    """``drawn``, or the sentence; anything but an error of ours comes out."""
    data = {"source": "embedded", "columns": columns, "told": {"title": HOSTILE.replace("\x07", "")}, "drawn": drawn}
    try:
        recipe = recipe_of({"format": FORMAT, "version": VERSION, "kind": kind, "data": data})
        made = prepare(recipe, Places())
        picture(made, "svg")
        caption(made.parts)
        alternative(made.parts)
    except SmcoreError as error:
        return error.sentence
    return "drawn"


def spoilt(kind: str, chance: random.Random) -> tuple[dict[str, Any], Any]:
    """Good columns of a kind with one or all of them gone bad, cut to the same length."""
    good = GOOD.get(kind, {"value": [0.1, 0.2]})
    every = chance.random() < 0.3
    bad, which = chance.choice(sorted(BAD)), chance.choice(sorted(good))
    columns = {name: BAD[bad] if every or name == which else values for name, values in good.items()}
    rows = min(map(len, columns.values()))
    drawn = chance.choice(
        [*[DRAWN.get(kind, {})] * 6, {}, {"names": 3}, {"units": [1]}, [], "x", {"labels": None, "colours": HOSTILE}]
    )
    return {name: values[:rows] for name, values in columns.items()}, drawn


@pytest.mark.parametrize("count", [2, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", kind_names())
def test_no_data_of_a_recipe_end_in_a_traceback(kind: str, count: int) -> None:
    chance = random.Random(f"{kind} {count}")
    for _ in range(count):
        attempt(kind, *spoilt(kind, chance))


@pytest.mark.parametrize("kind", sorted(set(kind_names()) - set(FIELDS)))
def test_what_is_spoilt_would_have_been_drawn(kind: str) -> None:
    assert attempt(kind, GOOD[kind], DRAWN.get(kind, {})) == "drawn"


def test_what_is_no_time_is_said() -> None:
    for bad in ("texts", "huge", "mixed", "flags", "no date", "infinite"):
        columns = GOOD["series"] | {"time": BAD[bad]}
        assert "The column time holds no times" in attempt("series", columns, {}), bad


@pytest.mark.parametrize("kind", ["cdf-sites", "network-scatter", "scatter", "importance"])
def test_columns_of_nulls_are_nothing_to_draw(kind: str) -> None:
    columns = {name: [None, None] for name in GOOD[kind]}
    assert "There is nothing to draw" in attempt(kind, columns, {})


@pytest.mark.parametrize("name", ["x" * 300, "ö" * 200, "a\nb", ".."])
def test_names_that_no_file_can_have_are_of_no_file(tmp_path: Path, name: str) -> None:
    places = Places(folder=tmp_path, runs=tmp_path, anywhere=True)
    with pytest.raises(RecipeError, match="no such run"):
        places.run(name)
    with pytest.raises(RecipeError, match="data file"):
        places.beside(name)
