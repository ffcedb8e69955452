"""The queue of the desk: a click opens the station that was clicked, whatever became of the list meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hostile import HOSTILE, hostile_run

from app import shell
from app.review.queue import link_to
from app.session import Session
from app.settings import Settings


class Buttons(HTMLParser):
    """What a browser finds in ``data-open`` of the buttons of some markup, and all elements and attributes of it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.opens: list[str] = []
        self.seen: set[str] = set()
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(name for name, _ in attrs)}
        self.opens += [value for name, value in attrs if name == "data-open" and value]


def rows(tab: Session) -> Buttons:
    return Buttons(tab.room.list.stations.object)


def click(tab: Session, *opens: str) -> None:
    """Send what keys.js sends for clicks."""
    shell.link_channel(tab.room.links).value = "\n".join(f"{one} {i + 1}" for i, one in enumerate(opens))


def test_a_click_opens_the_clicked_station_though_another_reader_changes_the_list_before_it_arrives(
    desk: Callable[..., Session],
) -> None:
    ada, bob = desk(reader="Ada", blind="off", only="state=new"), desk(reader="Bob", blind="off")
    order, seen = ada.room.queue.order(), rows(ada).opens
    bob.room.review.choose(order[0])  # which is no new station any more: the others move up
    bob.room.keys()["review-1"]()
    ada.room.look()
    assert ada.room.queue.order() == order[1:]
    click(ada, seen[1])
    assert ada.room.review.subject == order[1]
    click(ada, seen[0])  # it has left the list, but it is the one that was clicked
    assert ada.room.review.subject == order[0]


def test_a_click_that_names_no_station_of_the_run_changes_nothing(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada", blind="off")
    tab.room.move(1)
    before = tab.room.review.subject
    click(tab, "station:1", "station:", "station:nothing", "station:%FF%00", "difference:1", "difference:1:nothing")
    assert tab.room.review.subject == before


def test_stations_with_hostile_names_are_opened_by_their_rows_and_nothing_of_them_is_markup(tmp_path: Path) -> None:
    file, _ = hostile_run(tmp_path / "runs")
    own = tmp_path / "own.yml"
    settings = Settings(catalogs=(file, own), writable_catalog=own, jobs=tmp_path / "jobs", runs=tmp_path / "runs")
    tab = Session(settings, {"place": "stations", "run": "run", "reader": "Ada"})
    assert tab.room.review.is_blind
    found = rows(tab)
    assert found.seen <= {"div", "button", "b", "span", "class", "type", "data-open", "aria-current", "title", "style"}
    assert len(found.opens) == len(HOSTILE)
    opened = []
    for one in found.opens:
        click(tab, one)
        opened.append(tab.room.review.subject)
    assert sorted(opened) == sorted(f"N/{name}/0.00-0.05/p" for name in HOSTILE)


@pytest.mark.parametrize("subject", ["a:b: 7", "two\nlines\u2028or three 4", "50 % of %41", "«é» 水分", "' \" < > &"])
def test_an_id_goes_to_the_page_and_back_whatever_it_has_in_it(
    desk: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, subject: str
) -> None:
    tab = desk()
    chosen: list[str] = []
    listed = pd.DataFrame(index=["a", subject, "50 % of A"])
    review: Any = tab.room.review
    monkeypatch.setattr(review, "table", lambda: listed)
    monkeypatch.setattr(review, "choose", chosen.append)
    click(tab, f"station:{link_to(subject)}", f"difference:3:{link_to(subject)}")
    assert chosen == [subject, subject]
