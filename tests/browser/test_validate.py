"""Validate in a real browser: choose, run, look at table, map and sentence; reload; cancel."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.browser

COMPILING_MS = 240_000
"""The first run of a machine compiles its loops, here beside other tests."""
MARKS = "() => loam.model('scores')?.data.x.length"


def start(walk: Any) -> None:
    """Open Validate with both products ticked, and run."""
    walk.open(place="validate", product="coarse", stations="nets")
    walk.page.get_by_label("Model 9 km (synthetic)").check()
    walk.see(re.compile(r"Model 9 km: 4 of 4 locations"))
    run = walk.button("Run")
    run.click()
    walk.wait_query("run", r"\w")


def test_a_run_is_chosen_made_and_looked_at_and_a_reload_keeps_it(walk: Any) -> None:
    start(walk)
    walk.see(re.compile("^Done: "), ms=COMPILING_MS)
    walk.wait(f"() => ({MARKS})() === 4")
    results = walk.page.locator(".results")
    results.get_by_text("median of 4 sensors").first.wait_for()
    assert "Entekhabi" in (results.get_by_role("columnheader", name="ubRMSD").get_attribute("title") or "")
    before = walk.page.evaluate("Array.from(loam.model('scores').data.fill).join()")
    results.get_by_role("button", name="bias", exact=True).click()
    walk.wait_query("metric", "^bias$")
    walk.wait("(old) => Array.from(loam.model('scores').data.fill).join() !== old", before)
    walk.button("A against B").click()
    results.get_by_text(re.compile(r"same \S+ days")).first.wait_for()
    walk.wait("() => Array.from(loam.model('scores').data.text).every((t) => /pairs$/.test(t))")
    walk.wait_query("show", "^against$")
    link, view = walk.query(), walk.view()
    walk.page.reload()
    walk.wait(f"() => ({MARKS})() === 4")
    results.get_by_text(re.compile(r"same \S+ days")).first.wait_for()
    assert walk.query() == link
    walk.wait_view(view)
    for tab in ("Strata", "Taylor", "Scatter"):
        walk.button(tab).click()
        walk.wait("() => loam.canvases(document.querySelector('.results')).some((c) => c.width > 200)")
    walk.button("Locations").click()
    results.get_by_role("button", name=re.compile("Station 3")).first.click()
    walk.wait_query("place", "^stations$")
    walk.page.locator(".inspector h3").get_by_text("Gamma").wait_for()
    assert walk.page.evaluate("window.hacked") is None


@pytest.mark.slow
def test_a_run_that_is_cancelled_says_so_and_keeps_nothing(walk: Any) -> None:
    start(walk)
    walk.button("Cancel").click()
    walk.see("Stopped on request; nothing was kept.")
    walk.page.reload()
    walk.see("Stopped on request; nothing was kept.")
    assert walk.page.locator(".rail").get_by_text("Nothing is kept of this run").first.is_visible()
