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

    walk.page.get_by_role("button", name="Colours").click()
    walk.page.get_by_label("Lowest").focus()
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
    assert walk.query()["t"] != stopped


@pytest.mark.slow
def test_a_range_of_days_and_a_hovmoller_diagram_are_drawn_and_survive_a_reload(walk: Any) -> None:
    walk.open(product="coarse", t="2018-01-10T12:00:00")
    step = walk.page.evaluate("loam.pixels('.map')")
    box = walk.page.locator(".map").bounding_box()
    walk.page.locator(".time").get_by_role("combobox").first.select_option("mean")
    walk.wait_query("over", "^mean$")
    assert walk.wait_query("since", r"\d") == "2018-01-01"
    walk.see("mean, 2018-01-01 … 2018-01-31 UTC")
    walk.wait("(old) => loam.painted() && loam.pixels('.map') !== old", step)
    mean = walk.page.evaluate("loam.pixels('.map')")
    walk.page.locator(".map").focus()
    walk.page.keyboard.press("ArrowRight")
    walk.see("mean, 2018-02-01 … 2018-02-28 UTC")
    walk.wait("(old) => loam.painted() && loam.pixels('.map') !== old", mean)
    assert walk.page.locator(".map").bounding_box() == box
    walk.wait_query("since", "^2018-02-01$")  # the address follows a moment after the map
    walk.page.reload()
    walk.wait("() => loam.painted()")
    walk.see("mean, 2018-02-01 … 2018-02-28 UTC")

    walk.page.get_by_role("button", name="Hovmöller").click()
    walk.page.get_by_label("Along").select_option("a line")
    walk.see("Click where the line begins.")
    grid = walk.served.coarse
    walk.page.mouse.click(*walk.at(float(grid.lat[5]), float(grid.lon[5])))
    walk.see("Click where it ends.")
    walk.page.mouse.click(*walk.at(float(grid.lat[15]), float(grid.lon[25])))
    walk.wait_query("line", r"\d")
    walk.wait("() => loam.model('hovmoller-image')?.data.value[0].length > 100")
    walk.wait("() => loam.canvases(document.querySelector('.section')).some((c) => c.width > 300)")
    assert walk.query().get("at") is None
    walk.button("✕").click()
    walk.page.locator(".section").wait_for(state="hidden")
