"""A box without drawing it: around points, also across the dateline, or what the map shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.inference.window_choice import around, box_around
from app.session import Session
from smcore.errors import WindowError


@pytest.mark.parametrize(
    ("lon", "west", "east"),
    [
        ([-104.0, -100.0, -98.0], -104.0, -98.0),
        ([178.0, -179.0, -175.0], 178.0, -175.0),
        ([10.0], 10.0, 10.0),
        ([0.0, 90.0, 180.0, 260.0], 0.0, -100.0),
    ],
)
def test_the_box_is_the_shortest_arc_that_holds_every_point(lon: list[float], west: float, east: float) -> None:
    box = around(np.linspace(10, 12, len(lon)), np.array(lon), 0.0)
    assert box[0] == pytest.approx(west, abs=2e-3)
    assert (box[2] - east) % 360 == pytest.approx(0.0, abs=2e-3)
    assert box[1] <= 10


def test_poles_and_the_whole_circle_are_kept_within_the_earth() -> None:
    assert around(np.array([89.95, -89.95]), np.arange(0.0, 360.0, 0.1)[:2], 0.2)[1::2] == (-90.0, 90.0)
    assert around(np.zeros(3600), np.arange(0.0, 360.0, 0.1), 0.2)[::2] == (-180.0, 180.0)


def test_infer_takes_the_box_around_stations_polygon_and_view(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer", product="coarse")
    session.infer.around.value = "stations"
    places = session.store.stations.places()
    west, south, east, north = session.selection.box
    assert west < places["lon"].min() < places["lon"].max() < east
    assert south < places["lat"].min() < places["lat"].max() < north
    assert session.infer.around.value == "", "ready for the next choice"
    session.selection.polygon = (-104.0, 34.0, -102.0, 34.0, -103.0, 36.0)
    session.infer.around.value = "polygon"
    assert session.selection.box == (-104.0, 34.0, -102.0, 36.0)
    session.selection.view = (-110.0, 30.0, -100.0, 40.0)
    session.infer.around.value = "view"
    assert session.selection.box == (-110.0, 30.0, -100.0, 40.0)


def test_nothing_to_go_around_is_said_and_the_box_stays(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer", product="coarse", box="-104,34,-102,36")
    with pytest.raises(WindowError, match="No polygon is drawn"):
        box_around("polygon", session.store)
    session.infer.around.value = "polygon"
    assert session.selection.box == (-104.0, 34.0, -102.0, 36.0)
