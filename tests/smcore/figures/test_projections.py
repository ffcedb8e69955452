"""Every pixel of a map shows the cell that it lies in, in every projection, also across the dateline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from pyproj import Transformer

from smcore.errors import RecipeError
from smcore.figures.catalogued import cells_field
from smcore.figures.lookup import cells_under
from smcore.figures.mapping import codes
from smcore.figures.projections import NAMES, frame
from smcore.grids import ease, regular

EUROPE = (-12.0, 35.0, 33.0, 60.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_pixel_lies_where_the_projection_says(name: str) -> None:
    shown = frame(name, EUROPE)
    width, height = 401, 377
    lon, lat = shown.pixels(width, height)
    lon, lat = np.meshgrid(lon, lat) if shown.straight else (lon, lat)
    x, y = shown.forward(lon.ravel(), lat.ravel())
    left, right, bottom, top = shown.extent
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    expected_x = left + (right - left) * (column.ravel() + 0.5) / width
    expected_y = bottom + (top - bottom) * (row.ravel() + 0.5) / height
    known = np.isfinite(x)
    assert known.mean() > 0.95
    assert np.abs(x - expected_x)[known].max() < 0.1 * (right - left) / width
    assert np.abs(y - expected_y)[known].max() < 0.1 * (top - bottom) / height


@pytest.mark.parametrize(
    ("name", "box", "proj"),
    [
        ("lambert-equal-area", (-80.0, 40.0, 80.0, 90.0), "+proj=laea +lat_0=65 +lon_0=0 +datum=WGS84"),
        ("lambert-equal-area", (100.0, 50.0, 260.0, 90.0), "+proj=laea +lat_0=70 +lon_0=180 +datum=WGS84"),
        ("lambert-equal-area", (-60.0, -90.0, 60.0, -45.0), "+proj=laea +lat_0=-67.5 +lon_0=0 +datum=WGS84"),
        ("lambert-equal-area", (120.0, -30.0, 200.0, 30.0), "+proj=laea +lat_0=0 +lon_0=160 +datum=WGS84"),
        (
            "lambert-conformal", (-150.0, 30.0, -20.0, 88.0),
            f"+proj=lcc +lat_0=59 +lon_0=-85 +lat_1={30 + 58 / 6} +lat_2={88 - 58 / 6} +datum=WGS84",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("width", [120, 600])
def test_every_pixel_of_a_curved_map_is_where_proj_has_it_also_at_a_pole(
    name: str, box: tuple[float, float, float, float], proj: str, width: int
) -> None:
    shown = frame(name, box)
    height = max(2, round(width * shown.aspect))
    lon, lat = shown.pixels(width, height)
    left, right, bottom, top = shown.extent
    x = left + (right - left) * (np.arange(width) + 0.5) / width
    y = bottom + (top - bottom) * (np.arange(height) + 0.5) / height
    true_lon, true_lat = Transformer.from_crs(proj, "EPSG:4326", always_xy=True).transform(*np.meshgrid(x, y))
    # the angle on the sphere between both places, which is no larger for a longitude beside a pole
    apart = np.hypot((lat - true_lat), ((lon - true_lon + 180) % 360 - 180) * np.cos(np.radians(true_lat)))
    pixel = (right - left) / width / 111_000
    inside = (true_lat >= box[1]) & (true_lat <= box[3]) & ((true_lon - box[0]) % 360 <= box[2] - box[0])
    assert inside.mean() > 0.4
    assert apart[inside].max() < 0.1 * pixel


def test_ease_2_has_the_coordinates_of_the_grid_itself() -> None:
    """Rows of EASE-Grid 2.0 are evenly spaced in its own projection: 36 032.22 m in M36 (Brodzik et al., 2012)."""
    grid = ease("M36")
    shown = frame("ease-2", (-180.0, -80.0, 180.0, 80.0))
    x, y = shown.forward(grid.lon[:-1], np.zeros(len(grid.lon) - 1))
    np.testing.assert_allclose(np.diff(x), 36_032.22, rtol=1e-6)
    _, y = shown.forward(np.zeros(len(grid.lat)), grid.lat)
    np.testing.assert_allclose(np.diff(y), -36_032.22, rtol=1e-5)


def across_the_dateline() -> xr.Dataset:
    """Cells of 10° from 160 °E to 160 °W: 1, 2, 3, 4."""
    grid = regular(5.0, 165.0, 10.0, 10.0, 2, 4)
    return cells_field(np.array([[1, 2, 3, 4], [5, 6, 7, 8]], float), grid, "1", "number")


def test_a_field_across_the_dateline_is_found_on_both_sides() -> None:
    field = across_the_dateline()
    shown = frame("plate-carree", (150.0, -20.0, 210.0, 20.0))
    row, column = cells_under(shown, field, 6, 4)
    np.testing.assert_array_equal(column, [-1, 0, 1, 2, 3, -1])
    np.testing.assert_array_equal(row[:, 0], [-1, 1, 0, -1])
    shown = frame("robinson", (160.0, -10.0, 200.0, 10.0))
    lon, _ = shown.pixels(40, 20)
    assert np.nanmin(lon) > 159
    assert np.nanmax(lon) < 201


@pytest.mark.parametrize(
    ("name", "box"),
    [
        ("lambert-conformal", (-126.0, 22.0, -65.0, 51.0)), ("lambert-equal-area", (160.0, -50.0, 200.0, 10.0)),
        ("robinson", (-180.0, -90.0, 180.0, 90.0)), ("robinson", (-20.0, -40.0, 60.0, 40.0)),
        ("lambert-equal-area", (-30.0, 60.0, 30.0, 90.0)), ("ease-2", (-180.0, -85.0, 180.0, 85.0)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("cell", [0.1, "M36"])
def test_a_pixel_shows_the_cell_that_it_lies_in(name: str, box: tuple[float, ...], cell: Any) -> None:
    """Beside what the projection's inverse says of each pixel; only pixels on a border between cells may differ."""
    west, south, east, north = box
    counts = (round((north - south) / 0.1), round((east - west) / 0.1))
    grid = ease("M36") if cell == "M36" else regular(north - 0.05, west + 0.05, 0.1, 0.1, *counts)
    field = cells_field(np.ones(grid.shape, np.float32), grid, "1", "number")
    shown, width = frame(name, box), 420
    height = round(width * shown.aspect)
    row, column = (np.broadcast_to(one, (height, width)) for one in cells_under(shown, field, width, height))
    left, right, bottom, top = shown.extent
    x, y = np.meshgrid(
        left + (right - left) * (np.arange(width) + 0.5) / width,
        bottom + (top - bottom) * (np.arange(height) + 0.5) / height,
    )
    lon, lat = shown.inverse(x, y)
    lon = (lon - field["west"].values[0]) % 360 + field["west"].values[0]
    for found, place, low, high in ((row, lat, "south", "north"), (column, lon, "west", "east")):
        inside = (found >= 0) & np.isfinite(place)
        assert inside.mean() > 0.3
        below, above = field[low].values[found[inside]], field[high].values[found[inside]]
        off = np.maximum(np.maximum(below - place[inside], place[inside] - above), 0)
        assert (off == 0).mean() > 0.9
        assert off.max() < 0.15 * 360 / width


def test_codes_are_those_of_the_screen() -> None:
    values = np.array([np.nan, -0.1, 0.0, 0.25, 0.5, 0.6])
    np.testing.assert_array_equal(codes(values, 0.0, 0.5), [0, 1, 2, 128, 254, 255])


def test_a_projection_that_can_t_show_a_region_says_so() -> None:
    with pytest.raises(RecipeError, match="around the equator"):
        frame("lambert-conformal", (10, -5, 20, 5))
    with pytest.raises(RecipeError, match="for regions"):
        frame("lambert-equal-area", (-180, -90, 180, 90))
    with pytest.raises(RecipeError, match="window is empty"):
        frame("robinson", (10, 5, 10, 6))
