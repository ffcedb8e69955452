"""What a new user met: a link that was copied at once, and clicks that a busy page lost."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

BUSY = "() => setTimeout(() => { const since = performance.now(); while (performance.now() - since < 700); }, 0)"


@pytest.mark.slow
def test_a_link_copied_at_once_opens_the_same_view_and_a_click_counts_though_the_page_is_busy(walk: Any) -> None:
    walk.open(product="coarse")
    walk.wait_query("view", r"\d")
    walk.wait_query("t", "2018-")
    first = walk.view()
    walk.open(**walk.query())
    assert walk.view() == pytest.approx(first, rel=1e-4)

    grid = walk.served.coarse
    walk.page.mouse.move(*walk.at(float(grid.lat[10]), float(grid.lon[10])))
    walk.page.mouse.down()
    walk.page.evaluate(BUSY)
    walk.page.mouse.up()
    walk.wait_query("at", r"\d")
    assert walk.view() == pytest.approx(first, rel=1e-4)

    walk.page.mouse.down()
    x, y = walk.at(float(grid.lat[12]), float(grid.lon[14]))
    walk.page.mouse.move(x, y, steps=4)
    walk.page.mouse.up()
    walk.wait("(old) => Math.abs(loam.view()[0] - old) > 1000", first[0])
    panned = walk.view()
    walk.page.keyboard.press("Control+z")
    walk.wait("(old) => Math.abs(loam.view()[0] - old) > 1000", panned[0])
    assert walk.view() == pytest.approx(first, rel=1e-4)
