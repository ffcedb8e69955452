"""The page around the views in a real browser: steps back, saved views, and the map in another page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def test_what_was_chosen_is_undone_redone_saved_and_opened(walk: Any, tmp_path: Path) -> None:
    grid = walk.served.coarse
    walk.open(product="coarse")
    assert walk.button("↶").is_disabled()
    walk.page.mouse.click(*walk.at(float(grid.lat[10]), float(grid.lon[12])))
    chosen = walk.wait_query("at", r"^\d")
    with walk.page.expect_download() as saving:
        walk.page.get_by_text("Save view").first.click()
    file = tmp_path / "view.json"
    saving.value.save_as(file)
    walk.page.locator(".map").focus()
    walk.page.keyboard.press("Control+z")
    walk.wait("() => !new URLSearchParams(location.search).has('at')")
    walk.page.keyboard.press("Control+Shift+Z")
    assert walk.wait_query("at", r"^\d") == chosen
    walk.button("↶").click()
    walk.wait("() => !new URLSearchParams(location.search).has('at')")
    walk.page.locator(".tools input[type=file]").set_input_files(file)
    assert walk.wait_query("at", r"^\d") == chosen


def test_an_embedded_map_says_what_it_shows(walk: Any) -> None:
    walk.open(product="coarse", embed="1")
    walk.page.locator(".stage > .caption").get_by_text("Observed-like 36 km").wait_for()
    walk.page.locator(".stage > .caption").get_by_text(re.compile("m³ m⁻³")).first.wait_for()
    for part in (".bar", ".rail", ".inspector", ".drawer"):
        assert not walk.page.locator(part).is_visible()
    assert walk.wait_query("embed", "yes") == "yes"


def test_the_tour_walks_through_five_places_by_keyboard(walk: Any) -> None:
    walk.open(product="coarse")
    walk.button("Tour").click()
    for number, title in enumerate(("Layers", "Time", "Map", "Infer", "Validate and Stations"), 1):
        walk.page.locator(".tour h2").get_by_text(title, exact=True).wait_for()
        walk.see(f"{number} of 5")
        walk.page.keyboard.press("Enter")
    walk.page.locator(".tour").wait_for(state="hidden")
    walk.wait("() => document.activeElement.id === 'tour-start'")


def test_panels_fold_by_key_and_the_map_takes_their_room(walk: Any) -> None:
    walk.open(product="coarse")
    width = walk.view()[4]
    walk.page.locator(".map").focus()
    walk.page.keyboard.press("[")
    walk.page.locator(".rail").wait_for(state="hidden")
    walk.wait("(w) => loam.view()[4] >= w + 290", width)
    walk.page.get_by_role("button", name="Inspector: hide or show").click()
    walk.page.locator(".inspector").wait_for(state="hidden")
    walk.page.reload()
    walk.page.locator(".rail").wait_for(state="hidden")
    walk.page.keyboard.press("[")
    walk.page.locator(".rail").wait_for(state="visible")
