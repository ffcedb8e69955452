"""Areas that are typed or pasted: what is read, and that all else is refused in a sentence."""

from __future__ import annotations

import pytest

from smcore.area_text import TypedArea, parse_area
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
