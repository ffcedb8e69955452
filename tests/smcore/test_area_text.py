"""Areas that are typed or pasted: what is read, and that all else is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smcore.area_text import MOST_IN_FILE, TypedArea, box_of_polygon, corners_of, parse_area, read_area, wkt
from smcore.areas import Area
from smcore.errors import SmcoreError, WindowError

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


RING = [[-104.0, 34.0], [-102.0, 34.0], [-103.0, 36.5], [-104.0, 34.0]]
HOLE = [[-103.1, 34.5], [-102.9, 34.5], [-103.0, 35.0], [-103.1, 34.5]]


def shape(kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": kind, "coordinates": coordinates}


def collected(*shapes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": one} for one in shapes]}


@pytest.mark.parametrize(
    "document",
    [
        shape("Polygon", [RING]),
        shape("MultiPolygon", [[RING]]),
        collected(shape("Polygon", [[[*corner, 120.0] for corner in RING]])),
        {"type": "Feature", "geometry": {"type": "GeometryCollection", "geometries": [shape("Polygon", [RING])]}},
    ],
)
def test_the_one_polygon_of_a_file_is_what_its_corners_are_when_typed(document: Any, tmp_path: Path) -> None:
    file = tmp_path / "basin.geojson"
    file.write_text(json.dumps(document))
    assert read_area(str(file)) == read_area("-104 34, -102 34, -103 36.5") == TypedArea("polygon", CORNERS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "The file is no JSON"),
        ("{}", "no geometry 'None' in GeoJSON"),
        (json.dumps(collected()), "The file holds no polygon ({file}); it is empty"),
        (json.dumps(shape("Point", [1, 2])), "holds no polygon ({file}); it holds Point"),
        (json.dumps(shape("Polygon", [])), "The polygon has no corners"),
        (json.dumps(shape("Polygon", [RING[:2]])), "4 numbers make no area"),
        (
            json.dumps(shape("Polygon", [RING, HOLE])),
            "A polygon with holes can't be read ({file}); give its outer ring",
        ),
        (
            json.dumps(collected(shape("Polygon", [RING]), shape("Point", [1, 2]))),
            "Beside its polygon the file holds Po",
        ),
        (json.dumps(shape("MultiPolygon", [[RING], [HOLE]])), "2 polygons ({file}); give one; over the dateline"),
        (json.dumps(shape("Polygon", [[[0, 0], [1, 1], [1, 0], [0, 1]]])), "crosses itself near 0.5, 0.5"),
        (
            json.dumps(shape("Polygon", [[[170, 0], [-170, 0], [-170, 5], [170, 5]]])),
            "over the dateline go on past 180",
        ),
        (json.dumps(shape("Polygon", [[[0, i % 80] for i in range(MOST_IN_FILE + 1)]])), "5001 corners are too many"),
        (json.dumps(shape("Polygon", [RING]) | {"crs": {"name": "EPSG:32613"}}), "another system than degrees"),
    ],
)
def test_a_file_that_holds_no_one_polygon_is_refused_by_its_name(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "basin.json"
    file.write_text(content)
    with pytest.raises(SmcoreError) as refused:
        read_area(str(file))
    assert said.format(file=file) in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_file_that_is_not_there_is_called_that_and_other_text_is_read_as_corners() -> None:
    with pytest.raises(WindowError, match=r"There is no such file \(basin.GeoJSON\)"):
        read_area("basin.GeoJSON")
    with pytest.raises(WindowError, match="no POLYGON that can be read"):
        read_area("basin")
    assert read_area("170 -20 190 -10").kind == "box"
    with pytest.raises(WindowError, match="too long"):
        read_area("1 2, " * 2000)


def turns_left(a: Any, b: Any, c: Any) -> bool:
    return bool((b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0]))


def test_a_polygon_that_crosses_itself_is_told_from_one_that_does_not() -> None:
    """A quadrilateral crosses itself where the ends of each of two opposite edges lie on both sides of the other."""
    rng = np.random.default_rng(3)
    crossed = 0
    for corners in rng.uniform(-0.01, 0.01, (200, 4, 2)):  # so small, and at the equator, that a map is a plane
        a, b, c, d = corners
        pairs = [((a, b), (c, d)), ((b, c), (d, a))]
        expected = any(
            turns_left(p, q, r) != turns_left(p, q, s) and turns_left(r, s, p) != turns_left(r, s, q)
            for (p, q), (r, s) in pairs
        )
        text = ", ".join(f"{lon} {lat}" for lon, lat in corners)
        crossed += expected
        if expected:
            with pytest.raises(WindowError, match="crosses itself near"):
                parse_area(text)
        else:
            assert parse_area(text).kind == "polygon"
    assert 20 < crossed < 180
    parse_area("0 0, 2 0, 2 2, 1 0, 0 2")  # touches itself at one corner, and crosses nothing


def test_what_a_product_says_of_its_polygon_is_read_back_whatever_its_length() -> None:
    angle = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    numbers = tuple(np.stack([179 + 3 * np.cos(angle), 10 + 3 * np.sin(angle)], 1).ravel().tolist())
    assert corners_of(wkt(numbers)) == pytest.approx(numbers, abs=1e-7)
    assert box_of_polygon(numbers) == (176.0, 7.0, -178.0, 13.0)
    with pytest.raises(WindowError):
        corners_of("LINESTRING (0 0, 1 1)")
