"""A walk through adding data: a table is sent, its columns are named, and its stations are on the map."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

FARM = "when,sm,lat,lon,cm\n" + "".join(f"2018-01-10T0{hour}:00,0.2{hour},40.1,-98.2,5\n" for hour in range(5))


@pytest.mark.slow
def test_a_sent_table_becomes_stations_after_its_depth_is_named(walk: Any) -> None:
    walk.open(product="coarse", t="2018-01-10")
    walk.button("+ Add data …").click()
    sheet = walk.page.get_by_role("dialog")
    with walk.page.expect_file_chooser() as chooser:
        sheet.get_by_label("Files to add").click()
    chooser.value.set_files({"name": "farm.csv", "mimeType": "text/csv", "buffer": FARM.encode()})
    sheet.get_by_text("No column says time, depth_from").wait_for()
    for role, heading in {"Time (UTC)": "when", "Depth from": "cm", "Depth to": "cm"}.items():
        sheet.get_by_label(role, exact=True).select_option(heading)
    sheet.get_by_text("Depths reach 5 and no unit is given").wait_for()
    unit = sheet.get_by_label("or a fixed value").and_(sheet.get_by_placeholder("m, cm"))
    unit.fill("cm")
    unit.press("Tab")
    sheet.get_by_text("First values").wait_for()
    assert sheet.get_by_label("Id (letters, digits, - _ .)").input_value() == "farm"
    sheet.get_by_role("button", name="Add to the catalogue").click()
    sheet.wait_for(state="hidden")
    walk.see("Its stations are on the map.", ms=30_000)
    walk.wait_query("stations", "^farm$")
