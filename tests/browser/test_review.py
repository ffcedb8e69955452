"""The review of a run in a real browser: keys, blindness, a dragged period, another tab, twenty stations in a row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from smcore.catalog import load_catalog
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.replay import read_record
from smcore.validation.runs.run import validate

pytestmark = pytest.mark.browser

SHOWN = "(t) => loam.models().some((m) => m.text?.includes?.(t))"
STATES = "() => loam.model('review-stations')?.data.shape ?? []"


@pytest.fixture(scope="session")
def reviewed(served: Any) -> Path:
    """A run of the server's products against its stations, among those that it keeps."""
    out: Path = served.log.parent / "home" / "runs" / "reviewed"
    catalog = load_catalog([served.log.parent / "catalog.yml"])
    write_run(validate(("coarse", "fine"), "nets", catalog, RunOptions(strata=("none",))), out)
    return out


def log_of(run: Path) -> ReviewLog:
    return ReviewLog(run / REVIEW_LOG, run_identity(read_record(run)))


def begin(walk: Any, reviewer: str, **query: str) -> None:
    """Open the desk and go to the first station of its queue."""
    walk.open(place="stations", run="reviewed", reader=reviewer, **query)
    walk.page.locator(".of-queue").get_by_text("Review of run reviewed").wait_for()
    walk.page.keyboard.press("j")
    walk.wait_query("sensor", r"\w")


def drag(walk: Any) -> None:
    """Drag over the middle third of the series."""
    walk.wait("() => loam.figure('series')?.toolbar.active_drag?.type === 'BoxSelectTool'")
    box = walk.page.locator(".drawer").bounding_box()
    y = box["y"] + 0.6 * box["height"]
    walk.page.mouse.move(box["x"] + 0.4 * box["width"], y)
    walk.page.mouse.down()
    walk.page.mouse.move(box["x"] + 0.5 * box["width"], y, steps=3)
    walk.page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=3)
    walk.page.mouse.up()
    walk.wait_query("marked", r"^20\d\d-.*,20")


def test_a_station_is_judged_blind_signed_by_keys_and_a_period_excluded(walk: Any, reviewed: Path) -> None:
    begin(walk, "Ada")
    inspector = walk.page.locator(".inspector")
    inspector.get_by_text("names and numbers are shown once you have signed").wait_for()
    walk.page.locator(".drawer").get_by_text(re.compile("^Product [AB]$")).first.wait_for()
    assert walk.page.locator(".drawer").get_by_text("Observed-like").count() == 0
    drag(walk)
    walk.page.get_by_label("Reason of the exclusion").select_option(index=1)
    inspector.get_by_role("heading").first.click()
    walk.page.keyboard.press("x")
    inspector.get_by_text("take back").wait_for()
    walk.page.get_by_placeholder("a note; Enter keeps it").fill("1234s")  # keys are dead in a field
    walk.page.keyboard.press("Enter")
    inspector.get_by_text("«1234s»").first.wait_for()
    inspector.get_by_role("heading").first.click()
    walk.page.keyboard.press("2")
    walk.page.keyboard.press("s")
    inspector.get_by_text("Signed by Ada: 2").wait_for()
    inspector.get_by_text("Observed-like").first.wait_for()
    walk.wait(f"() => ({STATES})().includes('square')")
    events = log_of(reviewed).events()
    assert [event.action for event in events] == ["look", "exclude", "note", "verdict", "sign"]
    assert all(event.conditions.blind and not event.conditions.headline for event in events)
    assert walk.page.evaluate("window.hacked") is None


@pytest.mark.slow
def test_another_tab_sees_a_decision_within_a_moment_and_a_reload_keeps_the_name(
    walk: Any, reviewed: Path, context: Any
) -> None:
    begin(walk, "Bob")
    subject = walk.query()["sensor"]
    walk.page.keyboard.press("1")  # what another says is for who has said something
    log_of(reviewed).append("verdict", subject, "Eve", {"verdict": 5, "reasons": ["flat"]})
    log_of(reviewed).append("note", subject, "Eve", {"text": "<b>from elsewhere</b>"})
    walk.page.locator(".inspector").get_by_text("«<b>from elsewhere</b>»").first.wait_for()
    walk.page.reload()
    walk.wait("() => loam.painted()")
    assert walk.page.get_by_label("Reviewer").input_value() == "Bob"


@pytest.mark.slow
def test_twenty_stations_are_walked_by_keys(walk: Any, reviewed: Path) -> None:
    begin(walk, "Cy")
    before = walk.query()["sensor"]
    for _ in range(20):
        walk.page.keyboard.press("3")
        walk.page.keyboard.press("s")
        walk.page.locator(".inspector").get_by_text("Cy").first.wait_for()
        walk.page.keyboard.press("j")
        walk.wait("(old) => new URLSearchParams(location.search).get('sensor') !== old", before)
        before = walk.query()["sensor"]
    signed = {event.subject for event in log_of(reviewed).events() if event.action == "sign" and event.reviewer == "Cy"}
    assert len(signed) == 4
