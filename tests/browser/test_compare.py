"""Several products at once in a real browser: the divider cuts, and all maps move together."""

from __future__ import annotations

from typing import Any

import pytest

CODE_AT = """([name, lat, lon]) => {
  const d = loam.model(name).data, image = d.image[0], [rows, columns] = image.shape, R = 6378137;
  const x = R * lon * Math.PI / 180, y = R * Math.log(Math.tan(Math.PI / 4 + lat * Math.PI / 360));
  return image[Math.floor((y - d.y[0]) / d.dh[0] * rows) * columns + Math.floor((x - d.x[0]) / d.dw[0] * columns)];
}"""


def test_the_divider_shows_the_other_product_right_of_it(walk: Any) -> None:
    walk.open(product="coarse", maps="swipe", beside="fine")
    walk.wait("() => loam.model('swiped').data.dw[0] > 1")
    start = walk.page.evaluate("loam.model('swiped').data.x[0]")
    x0, x1, *_ = walk.view()
    assert abs((start - x0) / (x1 - x0) - 0.5) < 0.01
    moment = walk.wait_query("t", r"\d")
    handle = walk.page.get_by_role("slider", name="Divider between two maps")
    handle.focus()
    for _ in range(5):
        walk.page.keyboard.press("ArrowRight")
    walk.wait("(x) => loam.model('swiped').data.x[0] > x", start)
    assert walk.query()["t"] == moment, "the arrows moved the divider and no step"
    lat, lon = float(walk.served.fine.lat[70]), float(walk.served.fine.lon[100])
    across, down = walk.at(lat, lon)
    box = walk.page.locator(".map").bounding_box()
    walk.page.mouse.move(box["x"] + 3, down)
    handle.drag_to(walk.page.locator(".map"), target_position={"x": across - box["x"] - 40, "y": 200})
    walk.page.mouse.move(across, down)
    shown = "() => document.getElementById('readout').textContent.includes('m³ m⁻³')"
    walk.wait(shown)
    coarse = walk.served.coarse  # left of the divider the map's own product speaks, with its cell
    walk.page.mouse.move(*walk.at(float(coarse.lat[10]), float(coarse.lon[3])))
    walk.wait("() => /M36 row \\d+, column \\d+/.test(document.getElementById('readout').textContent)")
    walk.page.mouse.move(across, down)
    codes = [walk.page.evaluate(CODE_AT, [name, lat, lon]) for name in ("swiped", "swipe-frame")]
    assert codes[0] == codes[1] > 1, "the cut picture has the same value at the same place"


@pytest.mark.slow
def test_maps_chosen_one_way_after_the_other_are_drawn_without_a_fault(walk: Any) -> None:
    walk.open(product="coarse")
    choice = walk.page.locator(".compare select").last
    choice.select_option("side by side")
    walk.wait("() => loam.model('beside-frame-1')?.data.image[0].length > 1")
    choice.select_option("swipe")
    walk.wait("() => loam.model('swipe-cover')?.data.left.length === 1")
    x0, x1, *_ = walk.view()
    left = walk.page.evaluate("loam.model('swipe-cover').data.left[0]")
    assert abs((left - x0) / (x1 - x0) - 0.5) < 0.01


def test_four_maps_pan_together_and_one_click_chooses_the_cell_of_all(walk: Any) -> None:
    walk.open(product="coarse", maps="four")
    walk.wait("() => loam.model('beside-frame-1')?.data.image[0].length > 1")
    before = walk.view()
    box = walk.page.locator(".beside").first.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    walk.page.mouse.move(*middle)
    walk.page.mouse.down()
    walk.page.mouse.move(middle[0] + 60, middle[1], steps=4)
    walk.page.mouse.up()
    walk.wait("(x) => loam.view()[0] < x", before[0])
    walk.page.mouse.click(middle[0], middle[1] + 20)
    walk.wait_query("at", r"^-?\d")
    walk.page.get_by_label("one map").or_(walk.page.locator(".compare select").last).first.select_option("one map")
    walk.wait("() => !new URLSearchParams(location.search).has('maps')")
    walk.wait("(w) => loam.view()[4] > 1.5 * w", before[4])
