"""The catalogue browser: search and filters, an entry's card with the health of its data, and on the map with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from factories import catalogue, tiny_cube, tiny_stations
from flagged import GRID

from app.catalogue.store import fitting, grid_of, listed
from app.session import Session
from app.settings import Settings
from smcore.catalog import load_catalog
from smcore.cubes.store import open_store
from smcore.grids import ease, regular

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cubes on EASE grids, one of them with markup in its words, one on degrees, and stations."""
    cubes = {
        "swath-36": tiny_cube(GRID, 4, gaps=0.3, kind="observed", title="Morning swaths"),
        "fine-9": tiny_cube(ease("M09").cut(slice(324, 344), slice(804, 828)), 4, title=f"Model {SCRIPT}"),
        "degrees": tiny_cube(regular(36.0, -104.0, 0.1, 0.1, 6, 8), 4, title="Model on degrees"),
        "nets": tiny_stations(GRID, 4),
    }
    return catalogue(tmp_path_factory.mktemp("browsed"), cubes, citation=f"Somebody {SCRIPT}", doi="10.1/x")


@pytest.fixture
def tab(file: Path, tmp_path: Path) -> Callable[..., Session]:
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, query)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["swath-36", "fine-9", "degrees", "nets"]),
        ({"words": "MODEL"}, ["fine-9", "degrees"]),
        ({"words": "model degrees"}, ["degrees"]),
        ({"words": "swath-36"}, ["swath-36"]),
        ({"words": "cc0 2018"}, ["swath-36", "fine-9", "degrees", "nets"]),
        ({"words": "snow"}, []),
        ({"kind": "observed"}, ["swath-36"]),
        ({"kind": "modelled", "grid": "9 km (M09)"}, ["fine-9"]),
        ({"grid": "stations"}, ["nets"]),
    ],
)
def test_entries_are_found_by_words_kind_and_grid(file: Path, asked: dict[str, str], found: list[str]) -> None:
    entries = listed(load_catalog([file]))
    assert [e.id for e in fitting(entries, **asked)] == found


def test_grids_are_told_in_words(file: Path) -> None:
    catalog = load_catalog([file])
    told = [grid_of(catalog.get(i)) for i in ("swath-36", "fine-9", "degrees", "nets")]
    assert told == ["36 km (M36)", "9 km (M09)", "latitude × longitude", "stations"]


def test_typing_narrows_the_list_and_opening_it_again_shows_all(tab: Callable[..., Session]) -> None:
    session = tab()
    browser = session.sheet.browser
    assert not browser.body.visible
    session.sheet.open("catalogue")
    assert browser.body.visible
    assert "4 of 4 data sets" in browser.list.object
    browser.search.value_input = "degrees"
    assert "1 of 4 data sets" in browser.list.object
    browser.kind.value = "observed"
    assert "Nothing fits" in browser.list.object
    session.sheet.open("catalogue")
    assert "4 of 4 data sets" in browser.list.object


def test_a_card_says_what_the_catalogue_and_the_values_say(tab: Callable[..., Session], file: Path) -> None:
    session = tab()
    session.sheet.open("catalogue")
    session.sheet.open_entry("swath-36")
    prepared = open_store(file.parent / "swath-36")
    values = prepared.dataset()["sm"].values
    said = session.sheet.browser.card.object
    missing = 100 * (1 - np.isfinite(values).sum() / (4 * np.isfinite(values).any(axis=0).sum()))
    for part in (
        "Morning swaths", "observed", "36 km (M36)", "CC0", "0 to 5 cm", "2018-01-01 to 2018-01-04", "sm [m³ m⁻³]",
        f"{np.nanmin(values):.3f} to {np.nanmax(values):.3f} m³ m⁻³", f"{missing:.1f} %", prepared.fingerprint,
        "https://doi.org/10.1/x",
    ):  # fmt: skip
        assert part in said
    assert session.sheet.channel.value.startswith("swath-36 ")


def test_stations_have_a_card_and_cannot_be_shown_as_a_layer(tab: Callable[..., Session]) -> None:
    session = tab()
    session.sheet.open("catalogue")
    session.sheet.open_entry("nets")
    said = session.sheet.browser.card.object
    assert "3 of 3" in said
    assert "Show on the map" not in said


def test_words_of_a_catalogue_are_never_markup(tab: Callable[..., Session]) -> None:
    session = tab()
    session.sheet.open("catalogue")
    session.sheet.open_entry("fine-9")
    for part in (session.sheet.browser.card.object, session.sheet.browser.list.object):
        assert "<script" not in part
        assert "&lt;script&gt;" in part


def test_a_product_is_put_on_the_map_and_the_sheet_closes(tab: Callable[..., Session]) -> None:
    session = tab(product="swath-36")
    session.sheet.open("catalogue")
    session.sheet.show_on_map("degrees")
    assert session.selection.product == "degrees"
    assert session.sheet.channel.value.startswith("close ")


def test_a_store_that_is_gone_has_a_card_that_says_so(file: Path, tab: Callable[..., Session], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(file.parent, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "degrees")
    own = tmp_path / "own.yml"
    settings = Settings(catalogs=(tmp_path / "copy" / file.name,), writable_catalog=own, jobs=tmp_path / "jobs")
    session = Session(settings, {"product": "swath-36"})
    session.sheet.open("catalogue")
    session.sheet.open_entry("degrees")
    assert "Model on degrees" in session.sheet.browser.card.object
    assert "looking at the values" not in session.sheet.browser.card.object
