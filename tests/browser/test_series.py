"""The series drawer in a real browser: its legend, its strip, and means over what is drawn on the map."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

SHOWN = "() => loam.figure('series')?.x_range.start > 1e12"


def place_of(walk: Any, row: int = 70, column: int = 100) -> tuple[float, float]:
    """A cell of the fine product."""
    grid = walk.served.fine
    return float(grid.lat[row]), float(grid.lon[column])


@pytest.mark.slow
def test_curves_are_hidden_by_their_names_and_the_period_is_drawn_in_the_strip(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-10")
    walk.page.mouse.click(*walk.at(*place_of(walk)))
    walk.wait(SHOWN)
    name = walk.page.locator(".drawer").get_by_role("button", name="Model 9 km")
    assert name.get_attribute("aria-pressed") == "true"
    name.press("Enter")
    walk.wait_query("hide", "^fine$")
    walk.page.locator('.drawer button[aria-pressed="false"]').first.wait_for()
    walk.page.locator(".drawer").get_by_role("button", name="Model 9 km").click()
    walk.wait("() => !new URLSearchParams(location.search).has('hide')")

    drawer = walk.page.locator(".drawer").bounding_box()
    assert drawer is not None
    left, width, y = drawer["x"] + 60, drawer["width"] - 64, drawer["y"] + drawer["height"] - 16
    before = walk.page.evaluate("loam.figure('series').x_range.start")
    walk.button("+").click()
    first = walk.wait_query("seen", "2018")
    walk.wait("(old) => loam.figure('series').x_range.start > old", before)
    walk.page.mouse.move(left + 0.5 * width, y)
    walk.page.mouse.down()
    walk.page.mouse.move(left + 0.6 * width, y, steps=6)
    walk.page.mouse.up()
    walk.wait("(old) => new URLSearchParams(location.search).get('seen') !== old", first)
    walk.wait(  # the address says where the drag has ended, not where it was on the way
        """() => { const shown = new URLSearchParams(location.search).get('seen').split(',')[0];
        return Math.abs(Date.parse(shown + 'Z') - loam.figure('series').x_range.start) < 60000; }"""
    )
    seen = walk.wait_query("seen", "2018")
    walk.page.reload()
    walk.wait(SHOWN)
    assert walk.query()["seen"] == seen
    walk.button("Reset").click()
    walk.wait("() => !new URLSearchParams(location.search).has('seen')")


def test_series_are_means_over_a_dragged_box_and_a_clicked_polygon(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-10", at="36.1,-104.3")
    walk.wait(SHOWN)
    view, at = walk.view(), walk.query()["at"]
    choice = walk.page.get_by_label("Series of")
    choice.select_option("box mean")
    walk.see("Drag a box on the map: the series are then means over it.")
    corners = [walk.at(*place_of(walk, row, column)) for row, column in ((40, 60), (100, 140), (100, 60))]
    walk.page.mouse.move(*corners[0])
    walk.page.mouse.down()
    walk.page.mouse.move(*corners[1], steps=5)
    walk.page.mouse.up()
    walk.wait_query("box", r"\d")
    walk.page.locator(".drawer").get_by_text("mean over the box").first.wait_for()
    walk.page.locator(".drawer").get_by_title("Model 9 km, mean of").wait_for()

    choice.select_option("polygon")
    walk.see("Click the corners of a polygon on the map and double-click the last one.")
    for corner in corners[:2]:
        walk.page.mouse.click(*corner)
    walk.page.mouse.dblclick(*corners[2])
    polygon = walk.wait_query("poly", r"\d")
    assert polygon.count(",") == 5
    walk.page.locator(".drawer").get_by_text("polygon of 3 corners").first.wait_for()
    assert walk.query()["at"] == at
    assert walk.view() == view
    choice.select_option("cell")
    walk.wait("() => !new URLSearchParams(location.search).has('area')")
    walk.page.mouse.click(*walk.at(*place_of(walk)))
    walk.wait("(old) => new URLSearchParams(location.search).get('at') !== old", at)


@pytest.mark.slow
def test_the_drawer_grows_by_its_edge_and_by_key_and_keeps_its_height(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-10", at="36.1,-104.3")
    walk.wait(SHOWN)
    height = "document.querySelector('.drawer').getBoundingClientRect().height"
    first, grip = walk.page.evaluate(height), walk.page.get_by_role("separator", name="Height of the series")
    grip.focus()
    walk.page.keyboard.press("ArrowUp")
    walk.wait(f"(old) => {height} > old", first)
    box = grip.bounding_box()
    assert box is not None
    walk.page.mouse.move(box["x"] + 200, box["y"] + 3)
    walk.page.mouse.down()
    walk.page.mouse.move(box["x"] + 200, box["y"] - 57, steps=3)
    walk.page.mouse.up()
    walk.wait(f"(old) => {height} > old + 60", first)
    grown = walk.page.evaluate(height)
    walk.page.reload()
    walk.wait(SHOWN)
    assert walk.page.evaluate(height) == grown
    assert walk.page.locator(".map").bounding_box()["height"] > 100
