"""Time in a real browser: whose keys it listens to, and how it plays."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_keys_step_time_only_where_the_map_or_the_time_bar_has_the_focus_and_space_plays(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-10T12:00:00", speed="fast")
    grid = walk.served.fine
    walk.page.mouse.click(*walk.at(float(grid.lat[70]), float(grid.lon[100])))
    walk.wait("() => document.activeElement?.classList.contains('map')")
    walk.page.keyboard.press("ArrowRight")
    walk.wait_query("t", "2018-01-11")
    walk.page.keyboard.press("Shift+ArrowRight")
    walk.wait_query("t", "2018-02-11")

    lowest = walk.page.get_by_label("Lowest")
    lowest.focus()
    for key in ("ArrowLeft", "Shift+ArrowLeft"):
        walk.page.keyboard.press(key)
    walk.button("Dark").focus()
    walk.page.keyboard.press("ArrowLeft")
    walk.page.locator(".inspector").click()  # nothing there takes the focus
    walk.page.keyboard.press("ArrowLeft")
    walk.page.locator(".time").get_by_role("slider").focus()
    walk.page.keyboard.press("ArrowRight")
    walk.wait_query("t", "2018-02-12")  # all keys before were dead, or it would be another day

    walk.page.locator(".map").focus()
    walk.page.keyboard.press("Space")
    walk.button("Stop").wait_for()
    walk.wait_query("t", "2018-02-1[5-9]|2018-02-2")
    walk.wait("() => loam.model('film-painted').data.painted[0] >= 3")
    walk.page.keyboard.press("Space")
    walk.button("Play").wait_for()
    stopped = walk.wait_query("t", r"\d")
    walk.page.keyboard.press("ArrowRight")
    walk.wait("(old) => new URLSearchParams(location.search).get('t') !== old", stopped)
