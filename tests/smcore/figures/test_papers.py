"""The five papers' figures over one's own run: which panels, how they share the page, and from which data."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smcore.errors import RecipeError
from smcore.figures.kinds.network_scatter import _entitled
from smcore.figures.papers import PAPERS, paper_recipe
from smcore.figures.presets import look
from smcore.figures.recipe import FORMAT, VERSION, placed, recipe_of

IMPORTANCE = {
    "format": FORMAT, "version": VERSION, "kind": "importance", "options": {"label": "RMSD gained when shuffled"},
    "data": {"source": "embedded", "columns": {"feature": ["NDVI"], "importance": [0.1]}},
}  # fmt: skip


def given(*products: str) -> dict[str, Any]:
    return {
        "run": "aaaaaaaaaaaa", "product": products[0], "products": products, "mapped": products[:2],
        "time": "2019-07-01", "point": (40.0, -100.0), "stations": "nets", "sensor": "A/1", "importance": IMPORTANCE,
        "titles": {one: f"Title of {one}" for one in products},
    }  # fmt: skip


@pytest.mark.parametrize("products", [("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d")])
@pytest.mark.parametrize("paper", PAPERS)
def test_every_row_of_a_papers_figure_is_full_and_it_reads_back(paper: str, products: tuple[str, ...]) -> None:
    made = paper_recipe(paper, **given(*products))
    assert recipe_of(made.to_json()) == made
    if made.panels:
        rows, columns = made.grid
        filled = [0] * rows
        for row, _, span in placed([one.span for one in made.panels], columns):
            filled[row] += span
        assert filled == [columns] * rows


def test_what_the_papers_show_is_there() -> None:
    kinds = {name: [one.kind for one in paper_recipe(name, **given("a", "b")).panels] for name in PAPERS}
    assert kinds["smsnet"] == ["network-scatter"] * 2
    assert kinds["stsg-sm"] == ["map", "map", "series", "network-table"]
    assert kinds["pscnet"] == ["scatter", "scatter", *["metric-map"] * 3]
    assert kinds["tssmnet"] == ["importance", "network-table"]
    strata = [one.data["stratum"] for one in paper_recipe("smsnet", **given("a")).panels]
    assert strata == ["network", "land_cover"]
    maps = [one for one in paper_recipe("pscnet", **given("a", "b")).panels if one.kind == "metric-map"]
    assert [one.data["metric"] for one in maps] == ["pearson_r", "bias", "ubrmsd"]
    assert {one.title for one in maps} == {"Title of a"}
    lstm = paper_recipe("multiscale-lstm", **given("a", "b"))
    assert (lstm.kind, tuple(lstm.data["products"])) == ("cdf-sites", ())
    assert paper_recipe("tssmnet", **given("a")).panels[0].options["label"] == "RMSD gained when shuffled"


def test_a_series_has_the_products_that_can_be_drawn_at_the_point() -> None:
    series = paper_recipe("stsg-sm", **given("a", "b", "c"), drawn=("a", "c")).panels[2]
    assert series.data["products"] == ("a", "c")


def test_panels_share_rows_by_their_spans() -> None:
    assert placed([1, 1, 2], 2) == [(0, 0, 1), (0, 1, 1), (1, 0, 2)]
    assert placed([2, 1, 2, 9], 3) == [(0, 0, 2), (0, 2, 1), (1, 0, 2), (2, 0, 3)]
    part = {"version": VERSION, "kind": "importance", "data": IMPORTANCE["data"], "span": 2}
    block = {"format": FORMAT, "version": VERSION, "kind": "panels", "panels": [part, part], "grid": [1, 2]}
    with pytest.raises(RecipeError, match="2 panels have no room in 1 × 2"):
        recipe_of(block)
    assert recipe_of({**block, "grid": [2, 2]}).panels[0].span == 2


@pytest.mark.parametrize("name", ["a network of a name that goes on and on over lines", "x" * 70, "$a$ b_{c} " * 10])
def test_a_name_too_long_for_two_lines_ends_once_and_its_dollars_stay_text(name: str) -> None:
    panel: Any = SimpleNamespace(width=6.0, look=look("agu", 2.0))
    lines = _entitled(name, panel, 6).split("\n")
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert lines[1].count("…") == 1
    assert "".join(lines).count("\\") == "".join(lines).count("$") == "".join(lines).count("\\$")
    assert name.startswith(lines[0].replace("\\$", "$"))
