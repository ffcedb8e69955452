"""The Figures place and data out in a real browser: added, put in order, drawn, fetched, and there after a reload."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

COMPILING_MS = 240_000
"""The first run of a machine compiles its loops, here beside other tests."""


def fetched(walk: Any, link: Any) -> Path:
    """The file that a link gives."""
    with walk.page.expect_download() as caught:
        link.click()
    return Path(caught.value.path())


def test_what_the_screen_shows_is_added_to_a_figure_put_in_order_and_fetched(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-10", at="36.1,-104.3")
    walk.wait("() => loam.figure('series')?.x_range.start > 1e12")
    view = walk.view()
    for what in ("map", "series"):
        walk.page.locator(f'[data-open="figure:{what}"]').click()
        walk.see(f"Added to the figure as panel ({'a' if what == 'map' else 'b'})")
    walk.button("Figures").click()
    paper = walk.page.locator("img.paper")
    paper.wait_for()
    rows = walk.page.locator(".panel-row")
    assert rows.count() == 2
    assert "Model 9 km" in paper.get_attribute("alt")
    rows.nth(1).drag_to(rows.nth(0))
    walk.page.locator(".panel-row").first.get_by_text("Series").wait_for()
    figure = walk.query()["figure"]
    walk.button("Make the file").click()
    file = fetched(walk, walk.page.locator(".file a").first)
    assert file.read_bytes()[:4] == b"\x89PNG"
    walk.page.reload()
    walk.page.locator(".panel-row").first.get_by_text("Series").wait_for()
    assert walk.query()["figure"] == figure
    walk.button("Explore").click()
    walk.wait("() => loam.painted()")
    walk.wait("([w, h]) => loam.view()[4] === w && loam.view()[5] === h", view[4:])  # Figures has no rail
    walk.wait("(was) => loam.view().every((v, i) => Math.abs(v - was[i]) < 500)", view)  # m: six digits of a degree


@pytest.mark.slow
def test_data_are_exported_from_the_page_with_their_size_stated_first(walk: Any) -> None:
    walk.open(product="coarse", t="2018-01-10")
    walk.button("▸ Export data or a film").click()
    walk.see("31 steps")
    walk.button("Export").click()
    walk.wait_query("export", r"[0-9a-f]{12}")
    walk.see("Written, read again and compared with the source.")
    assert fetched(walk, walk.page.locator(".file a").first).read_bytes()[1:4] == b"HDF"
    walk.page.reload()
    walk.page.locator(".file a").first.wait_for()
    walk.page.get_by_label("Format").select_option(label="film, GIF")
    walk.see("31 frames")


@pytest.mark.slow
def test_the_papers_figures_are_two_clicks_from_a_run(walk: Any) -> None:
    """Figures, then the paper: from the results of a run, with nothing chosen before; a new figure each time."""
    walk.open(place="validate", product="coarse", stations="nets")
    walk.page.get_by_label("Model 9 km (synthetic)").check()
    walk.button("Run").click()
    walk.see(re.compile("^Done: "), ms=COMPILING_MS)
    figures: set[str] = set()
    new = "(old) => !old.includes(new URLSearchParams(location.search).get('figure') || '')"
    for paper, panels in (("SMSNet", 1), ("STSG-SM", 3), ("PSCNet", 5), ("TsSMNet", 2), ("multiscale LSTM", 1)):
        walk.button("Validate").click()
        walk.page.locator(".results").get_by_text("median of 4 sensors").first.wait_for()
        walk.button("Figures").click()
        walk.page.get_by_role("button", name=re.compile(f"^{paper} ")).click()
        walk.wait(new, ["", *figures])
        walk.page.locator(".panel-row").nth(panels - 1).wait_for()
        assert walk.page.locator(".panel-row").count() == panels
        walk.page.locator("img.paper").wait_for()
        walk.page.get_by_text("Drawing …").wait_for(state="hidden")
        assert walk.page.locator('.alert[role="alert"]').all_text_contents() == []
        figures.add(walk.query()["figure"])
    assert len(figures) == 5
