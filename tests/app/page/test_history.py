"""Undo, redo and saved views: nothing that was chosen is lost, and no file can do more than a link."""

from __future__ import annotations

import json

import pytest

from app import url
from app.page import saved_view
from app.page.history import MOST, History
from app.selection import Selection
from smcore.errors import SmcoreError


def test_a_step_back_and_forward_restores_everything_that_changed_together() -> None:
    chosen = Selection(product="a")
    history = History(chosen)
    chosen.param.update(product="b", minus="c")
    chosen.box = (1.0, 2.0, 3.0, 4.0)
    history.undo()
    assert (chosen.product, chosen.minus, chosen.box) == ("b", "c", None)
    history.undo()
    assert (chosen.product, chosen.minus) == ("a", "")
    assert not history.can_undo
    history.redo()
    history.redo()
    assert (chosen.product, chosen.minus, chosen.box) == ("b", "c", (1.0, 2.0, 3.0, 4.0))
    assert not history.can_redo


def test_panning_is_one_step_however_long_it_was() -> None:
    chosen = Selection()
    history = History(chosen)
    for west in range(5):
        chosen.view = (float(west), 0.0, 10.0, 10.0)
    chosen.product = "b"
    chosen.view = (7.0, 0.0, 10.0, 10.0)
    history.undo()
    assert chosen.view == (4.0, 0.0, 10.0, 10.0)
    history.undo()
    assert chosen.product == ""
    history.undo()
    assert chosen.view is None


def test_what_a_view_adjusts_after_a_step_back_is_no_step_of_its_own() -> None:
    chosen = Selection(product="a")
    waiting = []
    history = History(chosen, waiting.append)

    def settle() -> None:
        while waiting:
            waiting.pop(0)()

    chosen.param.watch(lambda event: setattr(chosen, "minus", ""), "product")
    chosen.param.update(product="b", minus="c")
    settle()
    chosen.product = "d"
    settle()
    history.undo()
    settle()
    assert chosen.product == "b"
    history.undo()
    settle()
    assert chosen.product == "a"
    assert not history.can_undo


def test_a_new_choice_forgets_the_steps_forward_and_old_steps_are_let_go() -> None:
    chosen = Selection()
    history = History(chosen)
    for number in range(MOST + 20):
        chosen.product = f"p{number}"
    for _ in range(MOST + 20):
        history.undo()
    assert chosen.product == "p19"
    chosen.product = "other"
    assert not history.can_redo


def test_work_that_is_watched_stays_watched() -> None:
    chosen = Selection(product="a")
    history = History(chosen)
    chosen.product = "b"
    chosen.param.update(job="j1", run="r1", theme="dark")
    history.undo()
    assert (chosen.product, chosen.job, chosen.run, chosen.theme) == ("a", "j1", "r1", "dark")


def test_a_saved_view_opens_as_it_was() -> None:
    chosen = Selection(product="smap-9", time="2019-06-01", box=(-104.0, 34.0, -102.0, 36.0), theme="dark")
    values = saved_view.load(saved_view.dump(url.write(chosen)))
    again = Selection(product="another", minus="x")
    again.param.update(**values)
    assert {n: v for n, v in again.param.values().items() if n != "name"} == {
        n: v for n, v in chosen.param.values().items() if n != "name"
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "no saved view"),
        (b"[]", "no saved view"),
        (b'{"query": "?v=1"}', "no saved view"),
        (b"[" * 19_000, "no saved view"),
        (json.dumps({saved_view.MARK: 2, "query": ""}).encode(), "newer|version 2"),
        (b" " * 30_000, "20 kB at most"),
    ],
)
def test_what_is_no_view_is_refused_in_a_sentence(content: bytes, reason: str) -> None:
    with pytest.raises(SmcoreError, match=reason):
        saved_view.load(content)


def test_a_hostile_view_leaves_the_defaults() -> None:
    query = "?v=1&p=<script>&product=../../etc/passwd&t=drop table&box=1,2,3&theme=light"
    record = {saved_view.MARK: 1, "query": query}
    values = saved_view.load(json.dumps(record).encode())
    assert values["product"] == ""
    assert values["time"] == ""
    assert values["box"] is None
