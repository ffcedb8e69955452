"""Model cards: everything that a reader must know stands on them, and nothing from a card is markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny import make_systems

from app.catalogue.store import listed
from app.inference.model_choice import choices
from app.inference.systems import SYSTEMS, account_of, told
from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.store import Store
from app.views.infer.model_card import page
from smcore.models.input_sets import INPUT_SETS

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_systems(tmp_path_factory.mktemp("cards"))


def plain(html: str) -> str:
    """The words of a page, tags left out."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.fixture
def smsnet(world: Path) -> str:
    return page(next(c for c in choices(Store(Selection(), [world]).catalog) if c.model == "smsnet"))


@pytest.mark.parametrize(
    "said",
    [
        "trained on synthetic data", "2016-01-01 to 2018-12-31", "Cells 2 of the grid M36", "Stations 1 sensors",
        "blocks of neighbouring cells, tested on 2019-01-01 to 2019-12-31", "epochs 10 instead of 40", "cpu", "704 s",
        "held-out cells and days median R 0.888 0.877 to 0.894", "91.3% 89.0% to 93.0% 0.103", "season: DJF 87.1%",
        "Climatology's own band is 0.200 m³ m⁻³ wide and held in 88.0% of cases.",
        "land surface temperature K daily", "clay by weight % map", "it says nothing about the real world",
        "CC0-1.0", "Somebody (2022): A journal doi:10.1000/some", f"{'smsnet':0<64}",
    ],
)  # fmt: skip
def test_a_card_says(smsnet: str, said: str) -> None:
    assert said in plain(smsnet)


def test_the_doi_is_a_link_that_opens_apart(smsnet: str) -> None:
    assert '<a href="https://doi.org/10.1000/some" target="_blank" rel="noopener">doi:10.1000/some</a>' in smsnet


@pytest.mark.parametrize("model", sorted(SYSTEMS))
def test_what_is_published_and_what_is_ours_is_taken_from_the_models_own_file(model: str) -> None:
    account = " ".join(account_of(model))
    assert len(account) > 100
    assert "``" not in account
    assert ":mod:" not in account


def test_a_model_that_is_not_there_has_no_account() -> None:
    assert account_of("nothing_of_the_kind") == ()
    assert account_of("../secret") == ()


def test_text_of_a_card_is_never_markup(world: Path) -> None:
    one = choices(Store(Selection(), [world]).catalog)[0]
    assert one.card is not None
    card = replace(
        one.card, citation=SCRIPT, doi=SCRIPT, licence=SCRIPT, limits=[SCRIPT], weights_sha256=SCRIPT,
        period=(SCRIPT, ""),
        training={"departures": [SCRIPT], "device": SCRIPT, "seconds": 1.0}, split={"kind": SCRIPT},
        data=[{"id": SCRIPT, "role": SCRIPT, "title": SCRIPT}], cells={"grid": SCRIPT, "row": [], "col": []},
        uncertainty={"calibration": {"values": 1, "locations": 1, "from": SCRIPT}},
    )  # fmt: skip
    html = page(replace(one, card=card, title=SCRIPT))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_sheet_opens_the_card_of_a_model_of_a_product_and_the_catalogue(
    world: Path, tmp_path: Path, open_tab: Callable[..., Session]
) -> None:
    own = tmp_path / "own.yml"
    session = Session(Settings(catalogs=(world,), writable_catalog=own, jobs=tmp_path / "jobs"), {})
    session.sheet.open("drcgan-demo")
    assert "Weights of drcgan" in session.sheet.body.object
    first = session.sheet.channel.value
    session.sheet.open("drcgan-demo")
    assert session.sheet.channel.value != first, "the same card opens a second time too"
    session.sheet.open("catalogue")
    assert "Optical 1 km" in session.sheet.browser.list.object
    assert session.sheet.browser.models.object.count('data-open="sheet:') == len(choices(session.store.catalog))
    session.sheet.open("smap-9")
    assert "not in the catalogue any more" in session.sheet.body.object


def test_a_system_without_weights_says_what_its_paper_lists(open_tab: Callable[..., Session]) -> None:
    session = open_tab()
    session.sheet.open("pscnet")
    said = plain(session.sheet.body.object)
    assert "There are no weights at hand yet" in said
    assert all(f" {unit} " in said for unit in ("K", "mm d⁻¹", "3-hourly"))


def test_the_catalogue_leaves_hidden_entries_out(world: Path) -> None:
    entries = Store(Selection(), [world]).catalog.entries
    hidden = replace(entries[0], title="The truth", extra={"hidden": True})
    assert "The truth" not in [entry.title for entry in listed([hidden, *entries])]


def test_bands_are_told_as_a_span_and_units_as_printed() -> None:
    units = {i.name: i.units for i in INPUT_SETS["smsnet"].inputs if i.role == "dynamic"}
    assert told(units) == "lst [K], precipitation [mm d⁻¹], nbar 1–7"
    assert told(units, 1) == "lst [K] and 2 more"
