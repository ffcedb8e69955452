"""Work off the server's thread: told as it goes, superseded by newer work, ended with its tab, and never silent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from app.page import background
from app.page.background import Latest
from app.page.language import current, speaking
from smcore.errors import SmcoreError
from smcore.progress import Cancel, Progress, check

WAIT_SECONDS = 60


class Tab:
    """A document as a tab has it: callbacks wait for its turn."""

    def __init__(self) -> None:
        self.session_context = SimpleNamespace(destroyed=False)
        self.calls: list[Callable[[], None]] = []
        self.called = threading.Condition()

    def add_next_tick_callback(self, call: Callable[[], None]) -> None:
        with self.called:
            self.calls.append(call)
            self.called.notify_all()

    def turn(self, count: int) -> None:
        """Wait for so many callbacks and run them."""
        with self.called:
            assert self.called.wait_for(lambda: len(self.calls) >= count, WAIT_SECONDS)
            calls, self.calls = self.calls, []
        for call in calls:
            call()


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch) -> Tab:
    made = Tab()
    monkeypatch.setattr(background, "pn", SimpleNamespace(state=SimpleNamespace(curdoc=made)))
    monkeypatch.setattr(background, "EVERY_S", 0.0)
    return made


def test_work_tells_how_far_it_is_and_gives_its_result_in_the_turn_of_the_tab(tab: Tab) -> None:
    told, done = [], []

    def work(progress: Progress, cancelled: Cancel) -> int:
        progress(0.5, "half")
        return threading.get_ident()

    Latest().start(work, done.append, told=lambda share, what: told.append((share, what)))
    tab.turn(2)
    assert told == [(0.5, "half")]
    assert done != [threading.get_ident()]
    assert len(done) == 1


def test_newer_work_ends_older_work_and_drops_its_result(tab: Tab) -> None:
    latest, begun, go, finished, done = Latest(), threading.Event(), threading.Event(), threading.Event(), []
    ended: list[bool] = []

    def slow(progress: Progress, cancelled: Cancel) -> str:
        begun.set()
        go.wait(WAIT_SECONDS)
        ended.append(cancelled())
        finished.set()
        return "old"

    latest.start(slow, done.append)
    assert begun.wait(WAIT_SECONDS)
    latest.start(lambda *_: "new", done.append)
    go.set()
    tab.turn(1)
    latest.start(lambda *_: "newest", done.append)
    tab.turn(1)
    assert finished.wait(WAIT_SECONDS)
    assert ended == [True]
    assert done == ["new", "newest"]


def test_a_result_that_waits_for_its_turn_is_dropped_when_newer_work_begins(tab: Tab) -> None:
    latest, done = Latest(), []
    latest.start(lambda *_: "old", done.append)
    with tab.called:
        assert tab.called.wait_for(lambda: bool(tab.calls), WAIT_SECONDS)
    latest.stop()
    tab.turn(1)
    assert done == []


def test_work_of_a_closed_tab_ends(tab: Tab) -> None:
    closed, ended = threading.Event(), threading.Event()

    def work(progress: Progress, cancelled: Cancel) -> None:
        closed.wait(WAIT_SECONDS)
        try:
            check(cancelled)
        finally:
            ended.set()

    Latest().start(work, lambda _: None)
    tab.session_context.destroyed = True
    closed.set()
    assert ended.wait(WAIT_SECONDS)
    assert tab.calls == []


@pytest.mark.parametrize(
    ("error", "sentence"), [(SmcoreError("No such day"), "No such day"), (KeyError("x"), "unexpected")]
)
def test_work_that_fails_says_so(tab: Tab, error: Exception, sentence: str) -> None:
    failed: list[str] = []

    def work(progress: Progress, cancelled: Cancel) -> None:
        raise error

    Latest().start(work, lambda _: None, failed=lambda fault: failed.append(fault.sentence))
    tab.turn(1)
    assert sentence in failed[0]


def test_work_speaks_the_language_of_its_tab(tab: Tab) -> None:
    done: list[str] = []
    with speaking("zh"):
        Latest().start(lambda progress, cancelled: current(), done.append)
    tab.turn(1)
    assert done == ["zh"]
    assert current() == "en"
