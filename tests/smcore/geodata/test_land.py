"""Coastline data and land masks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from smcore import geodata
from smcore.geodata.land import rasterise


def _global_axes(step: float) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(90 - step / 2, -90, -step), np.arange(-180 + step / 2, 180, step)


@pytest.mark.parametrize(
    ("place", "lat", "lon", "land"),
    [
        ("Kansas", 38.0, -98.0, True),
        ("mid Pacific", 0.0, -150.0, False),
        ("Chukotka west of the dateline", 67.0, 179.5, True),
        ("Chukotka east of the dateline", 67.0, -175.0, True),
        ("Bering Sea", 60.0, -179.0, False),
        ("Antarctica near the pole", -89.9, 10.0, True),
        ("North Pole", 89.9, 0.0, False),
    ],
)
@pytest.mark.parametrize("resolution", geodata.RESOLUTIONS)
def test_known_places_are_land_or_sea(place: str, lat: float, lon: float, land: bool, resolution: str) -> None:
    assert rasterise(np.array([lat]), np.array([lon]), resolution)[0, 0] == land, place


def test_land_covers_29_percent_of_the_globe() -> None:
    lat, lon = _global_axes(0.5)
    weight = np.cos(np.radians(lat))
    share = (rasterise(lat, lon).mean(axis=1) * weight).sum() / weight.sum()
    assert share == pytest.approx(0.29, abs=0.01)


def test_the_mask_of_a_part_equals_that_part_of_the_whole() -> None:
    lat, lon = _global_axes(1.0)
    whole = rasterise(lat, lon)
    assert np.array_equal(rasterise(lat[30:80], lon[200:300]), whole[30:80, 200:300])


def test_ascending_latitude_gives_the_same_mask_upside_down() -> None:
    lat, lon = _global_axes(1.0)
    assert np.array_equal(rasterise(lat[::-1], lon), rasterise(lat, lon)[::-1])


def test_land_fraction_lies_between_zero_and_one_and_is_partial_at_the_coast() -> None:
    edges_lat, edges_lon = np.arange(50.0, 19.0, -1.0), np.arange(-127.0, -59.0, 1.0)
    grid = SimpleNamespace(
        lat=(edges_lat[1:] + edges_lat[:-1]) / 2,
        lon=(edges_lon[1:] + edges_lon[:-1]) / 2,
        lat_edges=edges_lat,
        lon_edges=edges_lon,
    )
    fraction = geodata.land_fraction(grid)
    assert fraction.shape == (30, 67)
    assert fraction.min() == 0
    assert fraction.max() == 1
    assert ((fraction > 0) & (fraction < 1)).sum() > 30
    assert np.mean(geodata.land_mask(grid) == (fraction > 0.5)) > 0.95


def test_drawn_lines_never_run_across_the_map_at_the_dateline() -> None:
    for lon, lat in (geodata.coastlines("50m"), geodata.coastlines("110m"), geodata.borders()):
        assert lon.shape == lat.shape
        steps = np.abs(np.diff(lon))
        assert np.nanmax(steps) <= 180


def test_an_unknown_resolution_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="10m"):
        geodata.coastlines("10m")
