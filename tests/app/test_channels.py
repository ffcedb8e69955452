"""The hidden inputs through which keys and clicks reach the server: none is lost, and none is done twice."""

from __future__ import annotations

from bokeh.document import Document

from app import shell


def test_keys_that_came_while_the_server_was_busy_are_all_done_in_their_order() -> None:
    done: list[str] = []
    channel = shell.key_channel({name: lambda name=name: done.append(name) for name in ("undo", "sign", "next")})
    channel.value = "undo 1"
    channel.value = "undo 1\nsign 2\nnext 3\nnext 4"  # 2 and 3 were overwritten before anybody had read them
    assert done == ["undo", "sign", "next", "next"]


def test_two_changes_that_panel_reads_as_one_lose_no_key() -> None:
    done: list[str] = []
    channel = shell.key_channel({name: lambda name=name: done.append(name) for name in ("review-u", "review-s")})
    model = channel.get_root(Document())
    for value in ("review-u 1", "review-u 1\nreview-s 2"):  # what the browser sends, two messages without a pause
        channel._events.update({"value": value})
    channel._change_event(model.document)
    assert done == ["review-u", "review-s"]


def test_an_unknown_or_malformed_act_is_passed_over_and_a_fault_of_one_spares_the_next() -> None:
    done: list[str] = []

    def fail() -> None:
        raise ValueError("made up")

    channel = shell.key_channel({"fail": fail, "next": lambda: done.append("next")})
    channel.value = "\nnext\nnext x\nwhat 1\nfail 2\nnext 3"
    assert done == ["next"]


def test_a_click_names_what_it_opens() -> None:
    opened: list[str] = []
    channel = shell.link_channel({"restore": opened.append})
    channel.value = "restore:a:b 1\nnothing:c 2\nrestore:d 3"
    assert opened == ["a:b", "d"]
