"""What follows from one act of the user is sent as one, and what can wait comes last."""

from __future__ import annotations

from app.page.boundary import at_the_end, together


def test_what_is_put_off_runs_after_all_else_of_the_act_and_before_the_act_is_over() -> None:
    said: list[str] = []

    def inner() -> None:
        at_the_end(lambda: said.append("frame"))
        said.append("inner")

    def outer() -> None:
        together(inner)()
        said.append("outer")

    together(outer)()
    assert said == ["inner", "outer", "frame"]


def test_without_an_act_nothing_is_put_off() -> None:
    said: list[str] = []
    at_the_end(lambda: said.append("frame"))
    assert said == ["frame"]


def test_a_fault_in_what_was_put_off_leaves_the_next_act_as_it_is() -> None:
    said: list[str] = []

    def broken() -> None:
        raise RuntimeError("no frame")

    together(lambda: at_the_end(broken))()
    together(lambda: at_the_end(lambda: said.append("frame")))()
    assert said == ["frame"]
