"""Own lines and points: drawn over the map from a file, named, coloured by theme, and taken away again."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from app.session import Session
from app.views.map.overlay_card import INK
from smcore.maps import mercator_x, mercator_y

RING = [[-100.0, 30.0], [-90.0, 30.0], [-90.0, 40.0], [-100.0, 30.0]]
FILE = json.dumps({
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [RING]}},
        {"type": "Feature", "properties": {"name": "Gauge"}, "geometry": {"type": "Point", "coordinates": [-95, 35]}},
    ],
}).encode()  # fmt: skip


def test_a_file_is_drawn_above_the_raster_and_taken_away(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse")
    card, plot = session.overlay, session.map.figure
    before = len(plot.renderers)
    assert not card.away.visible
    card.file.param.update(filename="<i>mine.geojson", value=FILE)
    np.testing.assert_allclose(card.lines.data["x"], mercator_x([p[0] for p in RING]))
    np.testing.assert_allclose(card.lines.data["y"], mercator_y([p[1] for p in RING]))
    np.testing.assert_allclose(card.points.data["x"], mercator_x([-95]))
    assert card.points.data["name"] == ["Gauge"]
    assert len(plot.renderers) == before + 3
    assert "2 features, 1 points" in card.said.object
    assert "<i>" not in card.said.object
    session.selection.theme = "dark"
    assert card._marks[1].glyph.line_color == INK["dark"]
    card._clear()
    assert len(card.lines.data["x"]) == 0
    assert not card.away.visible
    card.file.value = FILE  # a second file uses the same glyphs
    assert len(plot.renderers) == before + 3


def test_a_file_that_cannot_be_drawn_says_why_and_leaves_what_is_there(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse")
    session.overlay.file.value = FILE
    session.overlay.file.value = b'{"type": "Point", "coordinates": [500000, 4200000]}'
    assert "beyond 360°" in session.overlay.said.object
    assert len(session.overlay.lines.data["x"]) == 4


def test_zooming_to_it_shows_all_of_it(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse")
    session.overlay.file.value = FILE
    session.overlay._zoom()
    view = session.map.view()
    assert view.x0 < mercator_x(-100) < mercator_x(-90) < view.x1
    assert view.y0 < mercator_y(30) < mercator_y(40) < view.y1
