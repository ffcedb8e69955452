"""A deep link to each place, opened, left in the middle and reloaded: no fault in the page or in the server's log."""

from __future__ import annotations

from typing import Any

import pytest

from smcore.catalog import load_catalog
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.run import validate

TIMES = 5
LINKS: dict[str, dict[str, str]] = {
    "explore": {"product": "coarse", "minus": "fine", "compare": "swipe", "hovmoller": "view"},
    "infer": {"product": "coarse", "box": "-101,33,-99,35", "from": "2018-01-10", "to": "2018-01-20"},
    "validate": {"run": "often", "reader": "Ada"},
    "stations": {"product": "fine", "stations": "nets"},
    "desk": {"run": "often", "reader": "Ada"},
    "figures": {"product": "coarse"},
}


@pytest.fixture(scope="module")
def often(served: Any) -> str:
    """A run of the server's products against its stations, among those that it keeps."""
    catalog = load_catalog([served.log.parent / "catalog.yml"])
    out = served.log.parent / "home" / "runs" / "often"
    write_run(validate(("coarse", "fine"), "nets", catalog, RunOptions(strata=("none",))), out)
    return out.name


@pytest.mark.slow
@pytest.mark.parametrize("place", LINKS)
def test_a_deep_link_is_reloaded_again_and_again_without_a_fault(walk: Any, place: str, often: str) -> None:
    grid = walk.served.coarse
    at = f"{float(grid.lat[10]):.3f},{float(grid.lon[12]):.3f}"
    link = {"place": "stations" if place == "desk" else place, "at": at, **LINKS[place]}
    for turn in range(TIMES):
        walk.page.goto(walk.served.url(**link), wait_until="commit" if turn % 2 else "load")
    walk.wait("() => window.loam?.painted()")
    for turn in range(TIMES):
        # a reload, which playwright refuses in the middle of a load
        walk.page.goto(walk.page.url, wait_until="commit" if turn % 2 else "load")
    walk.wait("() => window.loam?.painted()")
    assert walk.query()["place"] == link["place"]
