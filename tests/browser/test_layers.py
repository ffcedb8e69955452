"""Walks through the rail in a browser: a formula, own lines, and the catalogue by keyboard."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

pytestmark = pytest.mark.browser

RING = [[-110.0, 30.0], [-90.0, 30.0], [-90.0, 45.0], [-110.0, 30.0]]
LINES = json.dumps({"type": "Polygon", "coordinates": [RING]}).encode()


def test_a_formula_and_own_lines_change_the_picture_and_go_again(walk: Any) -> None:
    walk.open(product="coarse", t="2018-01-10")
    plain = walk.page.evaluate("loam.pixels('.map')")
    rail = walk.page.locator(".rail")
    rail.get_by_role("button", name=re.compile("Combine")).click()
    field = rail.get_by_label("Formula (shown instead of the product)")
    field.fill("a - fine")
    field.press("Enter")
    walk.see(re.compile("One is on the grid M36, the other on M09"))
    field.fill("where(a > 0.25, a - 0.1)")
    field.press("Enter")
    walk.wait_query("formula", r"^where\(a > 0\.25")
    walk.see("where(a > 0.25, a - 0.1)")
    walk.wait("(before) => loam.pixels('.map') !== before", plain)
    rail.get_by_role("button", name=re.compile("Own lines")).click()
    drawn = walk.page.evaluate("loam.pixels('.map')")
    choose = rail.locator("input[type=file]")
    choose.focus()
    choose.set_input_files({"name": "mine.geojson", "mimeType": "application/json", "buffer": LINES})
    rail.get_by_text("mine.geojson: 1 features").wait_for()
    walk.wait("(before) => loam.pixels('.map') !== before", drawn)
    rail.get_by_text("Own lines").first.wait_for()
    choose.focus()  # the field was made anew
    choose.set_input_files({"name": "big.geojson", "mimeType": "application/json", "buffer": b" " * 5_000_001})
    assert "more than 5 MB" in choose.evaluate("one => one.validationMessage")
    assert choose.evaluate("one => one.files.length") == 0
    walk.button("Take away").click()
    walk.wait("() => loam.model('own-lines').data.x.length === 0")


def test_the_catalogue_is_searched_and_a_product_put_on_the_map_by_keyboard(walk: Any) -> None:
    walk.open(product="coarse", t="2018-01-10")
    walk.button("Catalogue").focus()
    walk.page.keyboard.press("Enter")
    sheet = walk.page.get_by_role("dialog")
    sheet.get_by_text("3 of 3 data sets").wait_for()
    sheet.get_by_label("Search").focus()
    walk.page.keyboard.type("9 km")
    sheet.get_by_text("1 of 3 data sets").wait_for()
    sheet.get_by_role("button", name="Model 9 km").focus()
    walk.page.keyboard.press("Enter")
    sheet.get_by_text("Fingerprint").wait_for()
    sheet.get_by_text("140 × 200").or_(sheet.get_by_text("28\u202f000 of 28\u202f000")).first.wait_for()
    sheet.get_by_role("button", name="Show on the map").focus()
    walk.page.keyboard.press("Enter")
    sheet.wait_for(state="hidden")
    walk.wait_query("product", "^fine$")
