"""A walk through a lost connection: the page says so, comes back as it was, and does not load itself for ever."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_cut_socket_is_told_and_the_view_comes_back_but_not_for_ever(walk: Any) -> None:
    sockets: list[Any] = []

    def through(socket: Any) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    walk.page.route_web_socket(re.compile(r"/ws\b"), through)
    walk.open(product="fine", t="2018-01-10")
    walk.page.keyboard.press("ArrowRight")
    walk.wait_query("t", "^2018-01-11")
    shown = walk.view()
    sockets[-1].close()
    walk.see(re.compile("connection to the server is lost"))
    assert walk.page.evaluate("document.getElementById('loam').inert")
    walk.see("Connected again: the view is as it was.")
    walk.wait("() => loam.painted()")
    walk.wait_query("t", "^2018-01-11")
    walk.wait_view(shown)
    walk.page.evaluate("sessionStorage.setItem('loam-reloads', JSON.stringify([1, 2, 3].map(() => Date.now())))")
    sockets[-1].close()
    walk.see(re.compile("does not stay connected"))
    walk.page.get_by_role("button", name="Reload", exact=True).click()
    walk.wait("() => loam.painted() && !document.getElementById('loam').inert")
