"""The figure of a tab: what is added, how it is put in order, what is drawn of it, and its files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_request import fetch
from tiny import Tiny

from app.figures import files as figure_files
from app.figures.panels import run_recipe
from app.figures.store import PREVIEW_DPI, panel_label, prepared, preview
from app.files.downloads import link
from app.page.cache import BoundedCache
from app.session import Session
from app.settings import Settings
from smcore.errors import Cancelled, ExportError, SmcoreError
from smcore.figures.papers import PAPERS, paper_recipe
from smcore.figures.recipe import Recipe, read_recipe


@pytest.fixture
def settings(tiny: Tiny, tmp_path: Path) -> Settings:
    own = tmp_path / "own.yml"
    return Settings(
        catalogs=(tiny.file, own), writable_catalog=own, jobs=tmp_path / "jobs", figures=tmp_path / "figures",
        runs=tmp_path / "runs",
    )  # fmt: skip


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The composer reads the data of a figure and draws nothing: for what is no question of the picture."""

    def read(recipe: Recipe, places: Any, cancelled: Any) -> tuple[bytes, str, str, str]:
        prepared(recipe, places, cancelled)
        return b"", "", "", ""

    monkeypatch.setattr("app.views.figures.composer.preview", read)
    monkeypatch.setattr("app.figures.store._READ", BoundedCache(2))


@pytest.fixture
def at(tiny: Tiny) -> dict[str, str]:
    """A link with a place, a mask and a range that are not the usual ones."""
    lat, lon = tiny.place
    return {"product": "coarse", "t": "2018-01-10", "at": f"{lat},{lon}", "range": "0.15,0.35", "cm": "batlow"}


def test_the_map_is_added_as_it_is_on_the_screen(open_tab: Callable[..., Session], at: dict[str, str]) -> None:
    tab = open_tab(**at)
    tab.figure_room.add("map")
    figures = tab.figure_room.figures
    (panel,) = figures.panels
    assert panel.kind == "map"
    assert panel.options["colours"] == "batlow"
    assert tuple(panel.options["colour_range"]) == (0.15, 0.35)
    (data,) = prepared(Recipe("panels", panels=(panel,)), figures.places()).data
    entry = tab.store.entry
    assert entry is not None
    assert data.field is not None
    assert np.array_equal(
        data.field["value"].values, tab.store.shown_field(entry, tab.store.step(entry)), equal_nan=True
    )
    assert [one.id for one in data.told.credits] == ["coarse"]
    assert data.told.synthetic


def test_a_map_that_is_zoomed_in_is_added_with_the_cells_in_view(
    open_tab: Callable[..., Session], at: dict[str, str], tiny: Tiny
) -> None:
    west, south, east, north = tiny.coarse.bbox
    view = (west + 1, south + 1, east - 1, north - 1)
    tab = open_tab(**at, view=",".join(map(str, view)))
    tab.figure_room.add("map")
    (data,) = prepared(tab.figure_room.figures.recipe, tab.figure_room.figures.places()).data
    shown = tab.map.extent()
    assert data.field["west"].values[0] <= shown[0] < data.field["west"].values[1]
    assert data.field["east"].values[-2] < shown[2] <= data.field["east"].values[-1]


def test_panels_are_put_in_order_taken_out_and_kept_over_a_reload(
    undrawn: None, open_tab: Callable[..., Session], at: dict[str, str]
) -> None:
    tab = open_tab(**at)
    for what in ("map", "series", "map"):
        tab.figure_room.add(what)
    tab.selection.place = "figures"
    assert [one.kind for one in tab.figure_room.figures.panels] == ["map", "series", "map"]
    tab.figure_room.act("up:1")
    tab.figure_room.act("remove:2")
    tab.figure_room.act("to:1>0")
    tab.figure_room.act("to:0>1")
    for nonsense in ("up:9", "to:0>x", "remove:", "", "nothing:1"):
        tab.figure_room.act(nonsense)
    figures = tab.figure_room.figures
    figures.change(preset="mdpi", columns=1.0, across=2, title="Two panels", dpi=600, projection="ease-2")
    again = open_tab(**at, figure=tab.selection.figure).figure_room.figures.recipe
    assert again == figures.recipe
    assert [one.kind for one in again.panels] == ["series", "map"]
    assert (again.preset, again.columns, again.grid, again.dpi) == ("mdpi", 1.0, (1, 2), 600)
    figures.remove(0)
    figures.remove(0)
    assert tab.selection.figure == ""
    assert figures.recent() == []


def test_the_preview_is_the_picture_with_its_caption_and_whom_to_cite(
    open_tab: Callable[..., Session], at: dict[str, str]
) -> None:
    tab = open_tab(**at, place="figures")
    assert "No panel is in the figure yet" in tab.figures.paper.object
    tab.figure_room.add("map")
    assert '<img class="paper" src="data:image/png;base64,' in tab.figures.paper.object
    assert "n = " in tab.figures.paper.object
    assert "(a)</b>" in tab.figures.list.object
    figures = tab.figure_room.figures
    raw, caption, alternative, references = preview(figures.recipe, figures.places())
    assert raw[:4] == b"\x89PNG"
    assert "Observed-like 36 km" in caption
    assert alternative
    assert references == "" or references.startswith("@")
    with pytest.raises(Cancelled):
        preview(figures.recipe, figures.places(), lambda: True)
    assert PREVIEW_DPI < 300


def test_text_from_data_is_text_in_the_composer(
    undrawn: None, open_tab: Callable[..., Session], at: dict[str, str]
) -> None:
    tab = open_tab(**at, place="figures")
    tab.figure_room.add("map")
    figures = tab.figure_room.figures
    (panel,) = figures.panels
    figures._write(replace(figures.recipe, panels=(replace(panel, title="<script>$x$</script>"),)))
    assert "<script>" not in tab.figures.list.object
    assert "&lt;script&gt;$x$" in tab.figures.list.object
    assert "<script>" in panel_label(figures.panels[0])


@pytest.mark.slow
def test_a_file_of_it_is_made_and_fetched_and_the_package_draws_itself_again(
    open_tab: Callable[..., Session], at: dict[str, str], tmp_path: Path
) -> None:
    tab = open_tab(**at, place="figures", figureas="package")
    tab.figure_room.add("map")
    tab.figures._make()
    figure = tab.selection.figure
    file = "map_Observed-like-36-km.zip"
    assert f'href="figure/{figure}/{file}"' in tab.figures.files.object
    answer = fetch(tab.settings, link(figure, file, of="figure"))
    assert answer.code == 200
    (tmp_path / "got.zip").write_bytes(answer.body)
    with zipfile.ZipFile(tmp_path / "got.zip") as archive:
        archive.extractall(tmp_path / "got")
    folder = tmp_path / "got" / file.removesuffix(".zip")
    assert {one.name for one in folder.iterdir()} >= {"recipe.json", "caption.txt", "alt.txt", "figure.png"}
    from smcore.figures.drawing import draw
    from smcore.figures.sources import Places

    again = draw(read_recipe(folder / "recipe.json"), Places(folder=folder))
    assert again == (folder / "figure.png").read_bytes()
    for other in ("figure.json", ".figure.zip", "..%2Ffigure.json"):
        assert fetch(tab.settings, f"figure/{figure}/{other}").code == 404


def test_a_panel_whose_data_were_changed_or_are_gone_is_named(
    undrawn: None, open_tab: Callable[..., Session], at: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = open_tab(**at, place="figures")
    tab.figure_room.add("map")
    tab.figure_room.add("series")
    home = tab.figure_room.figures.home
    assert home is not None
    for file in home.glob("panel-*.csv"):
        file.write_text("broken")
    monkeypatch.setattr("app.figures.store._READ", BoundedCache(2))
    again = open_tab(**at, place="figures", figure=home.name)
    assert "Panel (b)" in again.figures.told.object
    (home / "figure.json").write_text("{")
    broken = open_tab(**at, place="figures", figure=home.name)
    assert "damaged" in broken.figures.told.object
    unknown = open_tab(**at, place="figures", figure="0123456789ab")
    assert "No panel is in the figure yet" in unknown.figures.paper.object


def test_what_shows_nothing_can_not_be_added(open_tab: Callable[..., Session]) -> None:
    tab = open_tab(product="coarse")
    for what, said in (
        ("series", "no series"), ("scatter", "no pairs"), ("hovmoller", "no Hovmöller"), ("metric", "No run is open"),
        ("chart", "has no figure"), ("nonsense", "no panel"),
    ):  # fmt: skip
        with pytest.raises(SmcoreError, match=said):
            tab.figure_room.add(what)
    assert tab.figure_room.figures.recent() == []


def test_more_panels_than_a_figure_holds_are_refused(
    open_tab: Callable[..., Session], at: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = open_tab(**at)
    monkeypatch.setattr("app.figures.store.MOST_PANELS", 1)
    tab.figure_room.add("map")
    with pytest.raises(ExportError, match="A figure has 1 panels at most"):
        tab.figure_room.add("map")
    assert len(tab.figure_room.figures.panels) == 1


def test_a_tab_that_never_opens_figures_has_no_composer(open_tab: Callable[..., Session], at: dict[str, str]) -> None:
    tab = open_tab(**at)
    tab.figure_room.add("map")
    assert "view" not in vars(tab.figure_room)


def test_an_open_run_gives_its_kinds_of_figure(open_tab: Callable[..., Session], tmp_path: Path) -> None:
    tab = open_tab(product="coarse", place="figures")
    assert "run:taylor" not in tab.figures.what.options.values()
    run = tmp_path / "runs" / "run1"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({}))

    class Opened:
        folder = run

    class Results:
        opened = staticmethod(lambda: Opened)
        product = staticmethod(lambda _: "coarse")
        metric = staticmethod(lambda _: "bias")
        stratum = staticmethod(lambda _: "network")

    found: Any = Results()
    for kind in ("metric_map", "scatter", "boxes", "taylor", "cdf_sites", "network_scatter", "network_table"):
        made = run_recipe(found, kind)
        assert (made.kind.replace("-", "_"), made.data["run"]) == (kind, "run1")
    assert run_recipe(found, "boxes").data["stratum"] == "network"
    assert run_recipe(found, "metric-map").data["metric"] == "bias"
    assert figure_files.file_name(replace(made, title="=A <b>/.."), "pdf") == "A-b.pdf"


def test_a_papers_figure_says_what_it_lacks(open_tab: Callable[..., Session]) -> None:
    tab = open_tab(product="coarse", place="figures")
    said = tab.figures.papers.object
    assert said.count("open a run in Validate first") == len(PAPERS)
    assert "data-open" not in said
    with pytest.raises(ExportError, match=r"needs more than is there.*open a run"):
        tab.figures.act("paper:smsnet")
    assert tab.figure_room.figures.recipe is None


def test_panels_of_different_widths_are_moved_and_laid_out_anew_and_the_figure_stays_readable(
    open_tab: Callable[..., Session],
) -> None:
    figures = open_tab(product="coarse").figure_room.figures
    given = {
        "run": "aaaaaaaaaaaa", "product": "a", "products": ("a", "b"), "mapped": ("a", "b"), "time": "2019-07-01",
        "point": (40.0, -100.0), "stations": "nets", "sensor": "A/1",
    }  # fmt: skip
    figures.add_recipe(paper_recipe("stsg-sm", **given))
    figures.move(2, 1)  # the series between both maps: map, series, map, table each begin a row
    assert (figures.recipe.grid, [one.span for one in figures.recipe.panels]) == ((4, 2), [1, 2, 1, 2])
    figures.remove(1)
    assert (figures.recipe.grid, [one.span for one in figures.recipe.panels]) == ((2, 2), [1, 1, 2])
    figures.change(across=3)
    assert (figures.recipe.grid, [one.span for one in figures.recipe.panels]) == ((1, 3), [1, 1, 1])
    figures.begin()
    figures.add_recipe(paper_recipe("pscnet", **given))
    figures.change(across=2)
    assert (figures.recipe.grid, [one.span for one in figures.recipe.panels]) == ((3, 2), [1] * 5)
    figures.add_recipe(figures.panels[0])
    assert (figures.recipe.grid, len(figures.panels)) == ((), 6)


def test_nothing_leaves_a_blind_review_under_the_products_names(
    open_tab: Callable[..., Session], at: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = open_tab(**at)
    monkeypatch.setattr(type(tab.room), "hides_names", True)
    with pytest.raises(ExportError, match="The review is blind"):
        tab.figure_room.add("series")
    tab.room._drawn = True
    tab.room.settle()
    assert tab.series._named  # the code and the button of the figure: made with the first curves
    assert not any(part.visible for part in tab.series._named)
