"""A review of real stations from the first key to the bundle on another machine: OzNet against ERA5, in the browser."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from app.commands.real import RECIPES
from smcore.bundle.write import write_bundle
from smcore.catalog import load_catalog
from smcore.ingest import Request, add_to_catalog, ingest
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.review.state import fold
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.results import open_run
from smcore.validation.runs.run import validate

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKING_MS = 60_000
STATIONS = 12
NUMBERS = re.compile(r"-?−?\d+\.\d{3,}")


@pytest.fixture
def reviewed(realdata: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Catalogue and home with a run of ERA5 against the twelve OzNet stations of 5 cm."""
    for recipe in RECIPES:
        if recipe.id in ("oznet", "era5-oznet"):
            sources = [str(realdata / name) for name in recipe.sources]
            ingest(Request(recipe.kind, sources, tmp_path / recipe.id, variable=recipe.variable))
            add_to_catalog(tmp_path / recipe.id, recipe.id, tmp_path / "catalog.yml")
    run = validate(("era5-oznet",), "oznet", load_catalog([tmp_path / "catalog.yml"]), RunOptions(strata=("none",)))
    write_run(run, tmp_path / "home" / "runs" / "oznet")
    return tmp_path / "catalog.yml", tmp_path / "home"


class Tab:
    """A tab on one server."""

    def __init__(self, page: Any, port: int) -> None:
        self.page, self.port = page, port
        self.inspector = page.locator(".inspector")

    def open(self, **query: str) -> None:
        self.page.goto(f"http://127.0.0.1:{self.port}/?{urlencode(query)}")
        self.page.wait_for_function("() => Boolean(window.loam?.model('front'))", timeout=LOOKING_MS)

    def wait(self, condition: str, argument: Any = None) -> None:
        self.page.wait_for_function(condition, arg=argument, timeout=LOOKING_MS)

    def next(self) -> str:
        """Press j and wait for another station."""
        chosen = "new URLSearchParams(location.search).get('sensor')"
        before = self.page.evaluate(chosen)
        self.page.keyboard.press("j")
        self.wait(f"(old) => {chosen} && {chosen} !== old", before)
        return str(self.page.evaluate(chosen))

    def judge(self, verdict: int, reviewer: str) -> None:
        self.page.keyboard.press(str(verdict))
        self.page.keyboard.press("s")
        self.inspector.get_by_text(f"Signed by {reviewer}: {verdict}").wait_for(timeout=LOOKING_MS)

    def exclude(self) -> None:
        """Drag over a part of the series, see the headline with it, give the reason, and exclude it."""
        self.wait("() => loam.figure('series')?.toolbar.active_drag?.type === 'BoxSelectTool'")
        box = self.page.locator(".drawer").bounding_box()
        y = box["y"] + 0.6 * box["height"]
        self.page.mouse.move(box["x"] + 0.4 * box["width"], y)
        self.page.mouse.down()
        for share in (0.5, 0.55):
            self.page.mouse.move(box["x"] + share * box["width"], y, steps=3)
        self.page.mouse.up()
        self.inspector.get_by_text("and as marked").wait_for(timeout=LOOKING_MS)
        self.page.get_by_label("Reason of the exclusion").select_option(label="the level jumps without rain")
        self.inspector.get_by_role("heading").first.click()
        self.page.keyboard.press("x")
        self.inspector.get_by_text("take back").wait_for(timeout=LOOKING_MS)

    def numbers(self, run: str, station: str) -> tuple[list[str], list[str]]:
        """The numbers of the run's summary, and of one station on the desk."""
        self.open(place="validate", run=run)
        table = self.page.locator(".results table").first
        table.wait_for(timeout=LOOKING_MS)
        summary = NUMBERS.findall(table.inner_text())
        self.open(place="stations", run=run, sensor=station, blind="off")
        own = self.inspector.locator("table").filter(has_text="Product").first
        own.wait_for(timeout=LOOKING_MS)
        return summary, NUMBERS.findall(own.inner_text())


def test_twelve_real_stations_are_reviewed_drawn_bundled_and_opened_elsewhere_with_the_same_numbers(
    reviewed: tuple[Path, Path], serving: Any, context: Any, tmp_path: Path
) -> None:
    catalog, home = reviewed
    run = home / "runs" / "oznet"
    with serving([catalog], home, tmp_path / "one.log") as port:
        tab = Tab(context.new_page(), port)
        tab.open(place="stations", run="oznet", reader="Ada")
        tab.page.locator(".of-queue").get_by_text("Review of run oznet").wait_for(timeout=LOOKING_MS)
        stations = []
        for place in range(STATIONS):
            stations.append(tab.next())
            if place == 2:
                tab.exclude()
            tab.judge(2 if place == 2 else 1, "Ada")
        assert len(set(stations)) == STATIONS
        tab.judge(4, "Ada")
        tab.page.keyboard.press("u")
        tab.inspector.get_by_text("Undone").wait_for(timeout=LOOKING_MS)
        second = Tab(context.new_page(), port)
        second.open(place="stations", run="oznet", reader="Bo", sensor=stations[0])
        second.inspector.get_by_text("Signed by Ada: 1").wait_for(timeout=LOOKING_MS)
        second.page.keyboard.press("a")
        second.inspector.get_by_text("Accepted by Bo").wait_for(timeout=LOOKING_MS)
        second.page.locator('[data-open="figure:pairs:0"]').click()
        second.page.get_by_text("Added to the figure as panel (a)").first.wait_for(timeout=LOOKING_MS)
        second.page.get_by_role("button", name="Figures", exact=True).first.click()
        second.page.locator("img.paper").wait_for(timeout=LOOKING_MS)
        second.page.get_by_role("button", name="Make the file", exact=True).first.click()
        with second.page.expect_download(timeout=LOOKING_MS) as caught:
            second.page.locator(".file a").first.click()
        assert Path(caught.value.path()).read_bytes()[:4] == b"\x89PNG"
        here = tab.numbers("oznet", stations[5])
    results = open_run(run)
    review = fold(ReviewLog(run / REVIEW_LOG, run_identity(results.record)).events())
    assert [review.of(one).state for one in stations[:2]] == ["accepted", "signed"]
    assert [one.reason for one in review.exclusions()] == ["step"]
    write_bundle(results, load_catalog([catalog]), tmp_path / "bundle", with_pairs=True, with_figures=False)
    shutil.copytree(tmp_path / "bundle", tmp_path / "elsewhere" / "copy")
    with serving([tmp_path / "elsewhere" / "copy"], tmp_path / "elsewhere" / "home", tmp_path / "two.log") as port:
        there = Tab(context.new_page(), port).numbers("bundle-1", stations[5])
    assert len(here[0]) > 10
    assert len(here[1]) == 9
    assert there == here
