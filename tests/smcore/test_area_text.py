"""Areas that are typed or pasted: what is read, and that all else is refused in a sentence."""

from __future__ import annotations

import pytest

from smcore.area_text import TypedArea, parse_area
from smcore.areas import Area
from smcore.errors import WindowError

CORNERS = (-104.0, 34.0, -102.0, 34.0, -103.0, 36.5)


@pytest.mark.parametrize(
    "text",
    [
        "-104 34, -102 34, -103 36.5",
        "−104,34; −102,34; −103,36.5",
        "-104 34\n-102 34\n-103 36.5\n",
        "[[-104, 34], [-102, 34], [-103, 36.5], [-104, 34]]",
        "POLYGON ((-104 34, -102 34, -103 36.5, -104 34))",
        "  srid=4326; polygon((-104 34,-102 34,-1.03e2 36.5,-104 34))",
    ],
)
def test_pairs_and_wkt_are_the_same_polygon_closed_or_not(text: str) -> None:
    assert parse_area(text) == TypedArea("polygon", CORNERS)


def test_four_numbers_are_a_box_also_across_the_dateline() -> None:
    assert parse_area("-104 34 -102 36") == TypedArea("box", (-104.0, 34.0, -102.0, 36.0))
    assert parse_area("170, -20, -170, -10") == TypedArea("box", (170.0, -20.0, -170.0, -10.0))


def test_sides_past_the_dateline_are_the_same_box_and_more_than_the_earth_is_all_of_it() -> None:
    assert parse_area("170 -20 190 -10") == TypedArea("box", (170.0, -20.0, -170.0, -10.0))
    assert parse_area("350.1 0 10.2 5") == TypedArea("box", (-9.9, 0.0, 10.2, 5.0))
    assert parse_area("-200 0 200 10") == TypedArea("box", (-180.0, 0.0, 180.0, 10.0))
    assert parse_area("90 0 180 10") == TypedArea("box", (90.0, 0.0, 180.0, 10.0))


def test_a_polygon_goes_over_the_dateline_past_180_and_never_becomes_its_complement() -> None:
    found = parse_area("POLYGON ((170 -20, 190 -20, 190 -10, 170 -10, 170 -20))").numbers
    inside = Area(tuple(zip(found[::2], found[1::2], strict=True))).contains([-15.0], [175.0, -175.0, 0.0])
    assert inside.tolist() == [[True, True, False]]
    for text in ("POLYGON ((170 -20, -170 -20, -170 -10, 170 -10, 170 -20))", "170 -20, 0 -20, -170 -10"):
        with pytest.raises(WindowError, match="more than half around the Earth; over the dateline go on past 180"):
            parse_area(text)


def test_pairs_joined_by_commas_are_taken_where_they_can_be_no_decimals() -> None:
    closed = "-104,34 -102,34 -103,36 -104,34"
    assert parse_area(closed) == TypedArea("polygon", (-104.0, 34.0, -102.0, 34.0, -103.0, 36.0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "No corner is given; write four numbers"),
        ("   ", "No corner is given"),
        ("-104 34 -102", "3 numbers make no area"),
        ("1 2 3 4 5", "5 numbers make no area"),
        ("-104 34 west 36", "'west' is no number"),
        ("nan 1 2 3", "'nan' is no number of degrees|no POLYGON"),
        ("1 2 inf 3", "'inf' is no number of degrees"),
        ("34 -104 36 -102", "-104 is no latitude; write the longitude first"),
        ("-104 36 -102 34", "The box has no extent"),
        ("5 1 5 2", "The box has no extent"),
        ("POLYGON ((0 0 50, 9 0 50, 9 9 50, 0 0 50))", "'0 0 50' is no corner; .* no height"),
        ("POLYGON ((0,5 1,5 9,5 1,5 9,5 9,5))", "'0' is no corner"),
        ("10,5 20,5 12,5 22,5", "The commas may be decimal ones; write decimals with a point"),
        ("10,5; 34; 12,5; 36", "The commas may be decimal ones"),
        ("1,5 2,5 3,5 2,5 3,5 4,5", "The commas may be decimal ones"),
        ("200 1 -160 2", "The box has no extent"),
        ("400 1 410 2", "400 is no longitude"),
        ("0 0 1 1 2 2 0 95", "95 is no latitude"),
        ("0 0, 0 1, 0 2", "The corners lie on one line"),
        ("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))", "This is no POLYGON that can be read"),
        ("POINT (3 4)", "This is no POLYGON"),
        ("POLYGON ((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1))", "holes can't be read"),
        ("POLYGON ((0 0, 9 0", "This is no POLYGON"),
        ("<script>alert(1)</script>", "is no number"),
        (", ".join(f"{i} {i % 2}" for i in range(70)), "70 corners are too many; give 64 at most"),
        ("1 " * 4000, "The text is too long"),
    ],
)
def test_what_is_no_area_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(WindowError, match=said) as refused:
        parse_area(text)
    assert len(refused.value.sentence) < 200
