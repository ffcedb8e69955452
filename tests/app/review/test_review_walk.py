"""From station to station without a server: what waits for what, what is sent, and the change since an earlier run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny import Tiny

from app import url
from app.page.background import Later
from app.page.cache import BoundedCache
from app.review import curves as review_curves
from app.review import page as review_page
from app.session import Session
from app.settings import Settings
from app.views.review import room as review_room
from smcore.catalog import load_catalog
from smcore.review import queue
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.run import validate
from smcore.validation.transforms import Transform


@pytest.fixture(scope="module")
def made(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and before it one of other options, the same again but for an exclusion, and one of another product."""
    folder = tmp_path_factory.mktemp("walked")
    catalog = load_catalog([tiny.file])
    for name, product, options in (
        ("before", "fine", RunOptions(strata=("none",), transform=Transform(scaling="mean_std"))),
        (
            "again",
            "fine",
            RunOptions(
                strata=("none",),
                exclusions=(Exclusion("TEST/Station 1/0.00-0.05/probe", "2020-01-03", "2020-01-05", "drift"),),
            ),
        ),
        ("other", "coarse", RunOptions(strata=("none",))),
        ("now", "fine", RunOptions(strata=("none",))),
    ):
        write_run(validate((product,), "nets", catalog, options), folder / name)
    for day, name in enumerate(("before", "again", "other", "now")):
        os.utime(folder / name / "run.json", (86400.0 * (day + 1), 86400.0 * (day + 1)))
    return folder


@pytest.fixture
def desk(tiny: Tiny, made: Path, tmp_path: Path) -> Callable[..., Session]:
    """Open a tab on the desk of a copy of the runs."""
    runs = tmp_path / "runs"
    for file in made.glob("*/*"):
        (runs / file.parent.name).mkdir(parents=True, exist_ok=True)
        copy = runs / file.parent.name / file.name
        copy.write_bytes(file.read_bytes())
        os.utime(copy, (file.stat().st_mtime, file.stat().st_mtime))
    own = tmp_path / "own.yml"
    settings = Settings(catalogs=(tiny.file, own), writable_catalog=own, jobs=tmp_path / "jobs", runs=runs)
    return lambda **query: Session(settings, {"place": "stations", "run": "now", **query})


class Slow:
    """A background that ends when it is told to, in place of a thread."""

    def __init__(self, *_: Any) -> None:
        self.done: Callable[[Any], None] | None = None

    def start(self, work: Any, done: Any, **_: Any) -> None:
        self.done = done

    def stop(self) -> None:
        self.done = None


@pytest.fixture
def served(desk: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> Session:
    """A desk that believes in its server, whose stations are never at hand until they are said to be."""
    tab = desk(reader="Ada", blind="off")
    tab.room.move(1)
    tab.room.review.load()(lambda *_: None, lambda: False)
    nothing = lambda *_: None  # noqa: E731
    document = SimpleNamespace(
        session_context=True, add_timeout_callback=nothing, add_periodic_callback=nothing,
        remove_periodic_callback=nothing,
    )  # fmt: skip
    monkeypatch.setattr(review_room, "pn", SimpleNamespace(state=SimpleNamespace(curdoc=document)))
    monkeypatch.setattr(tab.room, "_fetching", Slow())
    monkeypatch.setattr(type(tab.room), "_is_at_hand", lambda *_: False)
    return tab


def arrive(tab: Session) -> None:
    done = tab.room._fetching.done
    assert done is not None
    done(None)


def press(tab: Session, key: str) -> None:
    tab.room.keys()[f"review-{key}"]()


def signed(tab: Session) -> set[str]:
    return {event.subject for event in tab.room.review.review.events if event.action == "sign"}


def test_what_is_pressed_while_a_station_opens_is_done_there_and_not_on_the_one_before(served: Session) -> None:
    tab, order = served, served.room.queue.order()
    tab.room.move(1)
    assert "opening" in tab.room.desk.about.object
    assert tab.room.review.subject == order[0]
    press(tab, "1")
    press(tab, "s")
    assert not signed(tab)
    arrive(tab)
    assert tab.room.review.subject == order[1]
    assert signed(tab) == {order[1]}


def test_going_on_while_a_station_opens_passes_it_unless_something_was_pressed_for_it(served: Session) -> None:
    tab, order = served, served.room.queue.order()
    tab.room.move(1)
    tab.room.move(1)
    arrive(tab)
    assert tab.room.review.subject == order[2]
    tab.room.move(1)
    press(tab, "2")
    press(tab, "s")
    tab.room.move(-1)
    assert signed(tab) == {order[0]}, "behind the last comes the first"
    assert tab.room.review.subject == order[0]
    arrive(tab)
    assert tab.room.review.subject == order[2]


@pytest.mark.slow
def test_undo_on_another_station_then_sign_signs_there(served: Session) -> None:
    tab, order = served, served.room.queue.order()
    press(tab, "1")
    tab.room.move(1)
    arrive(tab)
    press(tab, "u")  # takes back the verdict on the first, and goes there
    press(tab, "4")
    press(tab, "s")
    assert "opening" in tab.room.desk.about.object
    arrive(tab)
    assert tab.room.review.subject == order[0]
    assert signed(tab) == {order[0]}
    assert tab.room.review.current.verdict == 4


@pytest.mark.slow
def test_a_station_that_opens_when_the_desk_was_left_changes_nothing(served: Session) -> None:
    tab, first = served, served.selection.sensor
    tab.room.move(1)
    press(tab, "1")
    tab.selection.place = "explore"
    assert tab.room._fetching.done is None  # nothing arrives any more
    assert tab.selection.sensor == first
    assert not [event for event in tab.room.review._events if event.action == "verdict"]


def test_what_was_pressed_for_a_station_lands_in_no_other_run_and_the_reader_is_told(
    served: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab, told = served, []
    monkeypatch.setattr(review_room, "notify", lambda sentence, _: told.append(sentence))
    tab.room.move(1)
    press(tab, "1")
    tab.selection.run = "before"  # which has the same stations
    assert "was not kept" in told[0]
    assert tab.room._fetching.done is None
    press(tab, "f")  # nothing waits any more
    tab.selection.run = "now"
    assert not [event for event in tab.room.review._events if event.action == "verdict"]
    assert len(told) == 1


def test_a_station_whose_pairs_are_not_at_hand_does_not_show_those_of_another(
    desk: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = desk(reader="Ada", blind="off")
    tab.room.move(1)
    shown = tab.room.desk
    assert any(pane.visible for pane in shown.scatter.box)
    assert shown.to_figure.visible
    monkeypatch.setattr(review_page, "page", lambda *_: None)
    tab.room.move(1)
    assert not any(pane.visible for pane in shown.scatter.box)
    assert not shown.to_figure.visible


def test_a_decision_that_changes_no_curve_draws_none_again_and_one_that_shows_names_does(
    desk: Callable[..., Session],
) -> None:
    tab, drawn = desk(reader="Ada", blind="on"), []
    tab.room.move(1)
    tab.series._draw = lambda: drawn.append(1)  # type: ignore[method-assign]
    press(tab, "1")
    press(tab, "f")
    assert not drawn
    press(tab, "s")
    assert len(drawn) == 1


def test_the_curves_and_the_page_that_were_read_ahead_are_those_that_are_shown(
    desk: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_curves, "_READ", BoundedCache(2))
    tab = desk(reader="Ada")
    tab.room.review.load()(lambda *_: None, lambda: False)
    subject = tab.room.queue.order()[1]
    assert not tab.room._curves.is_read(subject)
    tab.room._curves.ahead(subject)()
    made = review_page.page(tab.room.review, subject)
    assert tab.room._is_at_hand(subject)
    tab.room.review.choose(subject)
    assert review_page.page(tab.room.review, subject) is made
    assert {one.is_chosen for one in tab.store.curves.everything() if one.is_station} == {True}


def test_of_what_is_put_off_only_the_newest_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    later, waiting, done = Later(), list[Callable[[], None]](), list[str]()
    document = SimpleNamespace(session_context=True, add_timeout_callback=lambda call, ms: waiting.append(call))
    monkeypatch.setattr("app.page.background.pn.state", SimpleNamespace(curdoc=document, notifications=None))
    later.start(lambda: done.append("first"))
    later.start(lambda: done.append("second"))
    for call in waiting:
        call()
    assert done == ["second"]
    assert not later.waits


# -- the change since an earlier run -----------------------------------------------------------------------------------
def test_the_queue_is_sorted_by_the_change_since_the_newest_comparable_run_or_a_chosen_one(
    desk: Callable[..., Session],
) -> None:
    tab = desk(reader="Ada", blind="off", first="change")
    review = tab.room.review
    assert list(review.earlier_runs()) == ["other", "before"], "the same run again is none"
    assert review.earlier == "other"
    assert queue.CHANGE in tab.room.queue.criteria()
    assert tab.room.list.earlier.visible
    assert not tab.room.list.no_change.visible
    tab.room.list.earlier.value = "before"
    assert "since=before" in url.write(tab.selection)
    shown = tab.room.queue.ordered()
    assert review.results is not None
    runs = review.results.folder.parent
    now, then = (ubrmsd_of(runs / name / "metrics.csv") for name in ("now", "before"))
    apart = {one: abs(now[one] - then[one]) for one in now.index}
    assert min(apart.values()) > 0
    np.testing.assert_allclose(shown.values, sorted(apart.values(), reverse=True))
    assert [apart[one] for one in shown.subjects] == sorted(apart.values(), reverse=True)
    tab.selection.earlier = "again"  # not one that can be compared
    assert review.earlier == "other"


def ubrmsd_of(file: Path) -> pd.Series[float]:
    table = pd.read_csv(file)
    return table[(table["metric"] == "ubrmsd") & table["sensor"].notna()].set_index("sensor")["value"]


@pytest.mark.slow
def test_a_run_without_an_earlier_one_offers_no_order_by_change_and_says_why(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada", blind="off", run="before", first="change")
    assert tab.room.review.earlier_runs() == {}
    assert queue.CHANGE not in tab.room.queue.criteria()
    assert "no earlier run" in tab.room.list.no_change.object
    assert not tab.room.list.earlier.visible
