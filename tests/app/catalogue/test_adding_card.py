"""The card of own data: what is added is what was looked at, and what it says when something stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.catalogue import adding
from app.catalogue.adding import Wish
from app.commands.worker import run
from app.jobs import CANCELLED, DONE, FAILED, MAX_QUEUED, Queue
from app.page.language import speaking, tr
from app.session import Session
from app.settings import Settings
from app.views.catalogue.add_data import AddDataView
from smcore.catalog import load_catalog
from smcore.cubes.store import open_store


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with folders for own data."""
    (tmp_path / "data").mkdir()
    return replace(settings, uploads=tmp_path / "uploads", data_folders=(tmp_path / "data",))


@pytest.fixture
def tab(own: Settings) -> Callable[..., Session]:
    return lambda **query: Session(own, query)


def worked_off(queue: Queue) -> None:
    """Have the worker's code do what waits."""
    while (job := queue.claim()) is not None:
        run(queue, job)


def table(own: Settings, name: str, value: float) -> str:
    """A table with two columns that may be soil moisture."""
    rows = "".join(f"2020-01-01T0{hour}:00,{value},{value + 0.3:.2f},40,9,0.05\n" for hour in range(3))
    (own.data_folders[0] / name).write_text("time,sm,sm_raw,lat,lon,depth\n" + rows)
    return str(own.data_folders[0] / name)


def heard(card: AddDataView) -> None:
    worked_off(card.queue)
    card.hear()


def looking(session: Session, path: str) -> AddDataView:
    """The card of a session after a look at a path."""
    session.sheet.open_adding()
    card = session.sheet.add_data
    assert card is not None
    card.path.value = path
    card.look_at.clicks += 1
    heard(card)
    return card


def stored(own: Settings, name: str) -> list[float]:
    return open_store(own.stores / name).dataset()["sm"].values.ravel().round(3).tolist()


def added(session: Session, card: AddDataView, name: str) -> None:
    card.id.value = name
    card.add.clicks += 1
    worked_off(card.queue)
    session.line.look()


def test_what_is_added_is_what_the_preview_shows(tab: Callable[..., Session], own: Settings) -> None:
    session = tab(product="coarse")
    card = looking(session, table(own, "a.csv", 0.1))
    card.path.value_input = table(own, "b.csv", 0.2)  # typed, without Enter
    card.columns.choices["value"].value = "sm_raw"
    card.add.clicks += 1
    assert "still being looked at" in card.said.object
    heard(card)
    assert "0.400" in card.seen.object
    added(session, card, "a")
    assert stored(own, "a") == pytest.approx([0.4] * 3)


def test_a_choice_of_columns_or_a_citation_is_not_carried_to_the_next_table(
    tab: Callable[..., Session], own: Settings
) -> None:
    session = tab(product="coarse")
    card = looking(session, table(own, "a.csv", 0.1))
    card.columns.choices["value"].value = "sm_raw"
    card.citation.param.update(value="Of a, 2020", value_input="Of a, 2020")
    heard(card)
    looking(session, table(own, "b.csv", 0.2))
    assert "0.200" in card.seen.object
    assert card.columns.choices["value"].value == "sm"
    added(session, card, "b")
    assert stored(own, "b") == pytest.approx([0.2] * 3)
    assert "Of a" not in load_catalog([own.writable_catalog]).get("b").citation


def test_a_date_and_a_time_of_day_are_added_as_they_were_seen(tab: Callable[..., Session], own: Settings) -> None:
    path = own.data_folders[0] / "two.csv"
    rows = "".join(f"2020-01-01,{hour}:00,0.2,40,9,0.05\n" for hour in ("06", "12", "18"))
    path.write_text("date,time,sm,lat,lon,depth\n" + rows)
    session = tab(product="coarse")
    card = looking(session, str(path))
    assert "2020-01-01 06:00" in card.seen.object
    added(session, card, "two")
    hours = open_store(own.stores / "two").dataset()["time"].values.astype("datetime64[h]").astype(str)
    assert hours.tolist() == ["2020-01-01T06", "2020-01-01T12", "2020-01-01T18"]


def test_a_column_set_to_none_is_not_used(tab: Callable[..., Session], own: Settings) -> None:
    path = own.data_folders[0] / "flags.csv"
    rows = "".join(f"2020-01-01T0{hour}:00,0.2,40,9,0.05,D01,NETX\n" for hour in range(3))
    path.write_text("time,sm,lat,lon,depth,flag,network\n" + rows)
    session = tab(product="coarse")
    card = looking(session, str(path))
    for role in ("flag", "network"):
        card.columns.choices[role].value = ""
    heard(card)
    added(session, card, "plain")
    data = open_store(own.stores / "plain").dataset()
    assert data["network"].values.tolist() == ["own"]
    assert not data["flag"].values.any()
    card = looking(session, str(path))
    card.columns.choices["time"].value = ""
    heard(card)
    assert "No column says time" in card.said.object


def test_an_ingest_that_ends_leaves_the_next_one_that_is_being_prepared(
    tab: Callable[..., Session], own: Settings
) -> None:
    session = tab(product="coarse")
    card = looking(session, table(own, "a.csv", 0.1))
    card.id.value = "a"
    card.add.clicks += 1
    job = session.selection.adding
    worked_off(card.queue)
    looking(session, table(own, "b.csv", 0.2))
    card.title.value = "A careful title"
    session.line.look()
    assert (card.naming.visible, card.title.value, card.path.value[-5:]) == (True, "A careful title", "b.csv")
    ended = card.queue.get(job)
    assert ended is not None
    assert (ended.state, "a" in session.store.catalog) == (DONE, True)
    added(session, card, "b")
    assert (card.naming.visible, card.title.value, card.path.value) == (False, "", "")


@pytest.mark.parametrize("state", [DONE, CANCELLED, FAILED])
def test_a_link_that_names_a_run_of_another_kind_opens_the_page(
    tab: Callable[..., Session], own: Settings, state: str
) -> None:
    queue = Queue(own.jobs)
    job = queue.submit("predict", {"model": "smsnet", "window": {}})
    queue.end(job, state, result={"id": "fine", "cells": 9})
    session = tab(product="coarse", add=job)
    assert (session.selection.adding, session.line.state.object) == ("", "")


def test_a_full_queue_is_told_on_the_card_and_the_add_button_works_again(
    tab: Callable[..., Session], own: Settings
) -> None:
    session = tab(product="coarse")
    card = looking(session, table(own, "a.csv", 0.1))
    waiting = [card.queue.submit("predict", {}) for _ in range(MAX_QUEUED)]
    card.add.clicks += 1
    assert "are waiting already" in card.said.object
    assert (card.add.disabled, session.selection.adding) == (False, "")
    card.look_at.clicks += 1
    assert "are waiting already" in card.said.object
    assert not card.naming.visible
    for job in waiting:
        card.queue.cancel(job)
    card.look_at.clicks += 1
    heard(card)
    assert card.naming.visible
    assert not card.add.disabled


def test_how_far_an_ingest_is_and_why_it_failed_are_said_in_the_language_of_the_page(
    tab: Callable[..., Session], own: Settings
) -> None:
    queue = Queue(own.jobs)
    job = queue.submit(adding.INGEST, Wish.of(own, path="/x", id="mine").to_json())
    queue.claim()
    queue.report(job, 0.5, "looking at the source files")
    with speaking("zh"):
        session = tab(product="coarse", add=job)
        assert tr("looking at the source files") in session.line.state.object
        assert "looking" not in session.line.state.object
        queue.end(job, FAILED, "There is no entry 'mine'")
        session.line.look()
        assert "&#x27;mine&#x27;" in session.line.state.object
        assert "entry" not in session.line.state.object


def test_what_is_typed_or_looked_at_is_asked_about_before_a_change_of_language_drops_it(
    tab: Callable[..., Session], own: Settings
) -> None:
    """The page asks where a field with this tag has text (app.shell); what was added is not asked about any more."""
    session = tab()
    card = looking(session, table(own, "one.csv", 0.2))
    fields = (card.path, card.id, card.title, card.licence, card.citation, *card.columns.values.values())
    assert all("unsent" in field.tags for field in fields)
    assert "filled" in card.id.tags  # files that were sent have no path that was typed
    assert card.id.value == "one"
    card._start_over()
    assert not any(field.value_input for field in fields if field is not card.path)
    assert not card.id.value
