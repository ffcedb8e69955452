"""Areas that are typed: taken by the series and by Infer with the keyboard alone; bad text costs nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tiny import Tiny

from app import url
from app.session import Session


def test_a_typed_polygon_is_the_area_of_the_series_and_of_the_link(
    open_tab: Callable[..., Session], tiny: Tiny
) -> None:
    session = open_tab(product="coarse")
    typed = session.series.area.typed
    assert not typed.pane.visible
    session.selection.area = "polygon"
    assert typed.pane.visible
    west, south, east, north = (round(v, 2) for v in tiny.fine.bbox)
    typed.field.value = f"POLYGON (({west} {south}, {east} {south}, {east} {north}, {west} {south}))"
    assert session.selection.polygon == (west, south, east, south, east, north)
    assert not typed.pane.visible
    assert session.map.answers_taps
    assert "polygon of 3 corners" in session.series.legend.object
    assert "area=polygon" in url.write(session.selection)
    typed.field.value = f"{west} {south} {east} {north}"
    assert (session.selection.area, session.selection.box) == ("box", (west, south, east, north))


@pytest.mark.parametrize("text", ["34 -104 36 -102", "1 2 3", "<b>x</b>", "POINT (1 2)"])
def test_text_that_is_no_area_gets_a_sentence_and_leaves_the_old_area(
    open_tab: Callable[..., Session], text: str
) -> None:
    session = open_tab(product="coarse", area="box", box="-104,34,-102,36", place="infer")
    for field in (session.series.area.typed, session.infer.corners):
        field.field.value = text
        assert field.said.object.startswith('<div class="alert"')
        assert "<b>" not in field.said.object
        assert session.selection.box == (-104.0, 34.0, -102.0, 36.0)
        field.field.value = ""
        assert field.said.object == ""


def test_infer_takes_the_box_around_a_pasted_polygon_and_keeps_the_polygon(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse", place="infer")
    session.infer.corners.field.value = "-104 34, -102 34, -103 36.5"
    assert session.selection.box == (-104.0, 34.0, -102.0, 36.5)
    assert [side.value for side in session.infer.sides] == [-104.0, 34.0, -102.0, 36.5]
    assert session.selection.area == "polygon"
    assert session.selection.polygon == (-104.0, 34.0, -102.0, 34.0, -103.0, 36.5)
    assert len(session.areas.outline.data["x"]) == 3


def test_infer_and_the_series_take_the_same_box_over_the_dateline(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse", place="infer")
    for written in ("170 -20 190 -10", "POLYGON ((170 -20, 190 -20, 190 -10, 170 -10, 170 -20))"):
        session.selection.box = None
        session.infer.corners.field.value = written
        assert session.selection.box == (170.0, -20.0, -170.0, -10.0)
    west, _, east, _ = session.infer.sides
    west.value, east.value = 175.0, 185.0
    assert session.selection.box == (175.0, -20.0, -175.0, -10.0)


def test_the_box_around_a_pasted_polygon_holds_all_of_it_however_wide(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse", place="infer")
    session.infer.corners.field.value = "-170 -20, 0 -20, 170 -20, 0 30"
    assert session.selection.box == (-170.0, -20.0, 170.0, 30.0)
