"""Countries and distances from land."""

from __future__ import annotations

import pytest

from smcore.geodata.countries import coast_km, country_at, country_distance_km, country_names, is_land
from smcore.grids import distance_km


@pytest.mark.parametrize(
    ("place", "lat", "lon", "country"),
    [
        ("Canberra", -35.3, 149.1, "Australia"),
        ("Vienna", 48.2, 16.37, "Austria"),
        ("Kumasi", 6.7, -1.6, "Ghana"),
        ("Hawaii", 19.7, -155.5, "United States of America"),
        ("Chukotka, west of the dateline", 67.0, 179.0, "Russia"),
        ("Chukotka, east of the dateline", 67.0, -175.0, "Russia"),
        ("Maseru, a country within another", -29.5, 28.2, "Lesotho"),
        ("Johannesburg, around it", -26.2, 28.0, "South Africa"),
        ("mid Pacific", 0.0, -150.0, ""),
    ],
)
def test_a_place_is_in_its_country(place: str, lat: float, lon: float, country: str) -> None:
    assert country_at(lat, lon) == country, place


def test_countries_have_the_names_of_natural_earth() -> None:
    assert len(country_names()) == 177
    assert {"Australia", "Ghana", "Fiji"} <= set(country_names())


def test_a_distance_to_a_country_is_that_to_its_outline() -> None:
    """Dover and Calais lie 41 km apart by great circle; the outlines are some kilometres coarse."""
    across = float(distance_km(51.13, 1.31, 50.95, 1.86))
    assert country_distance_km("France", 51.13, 1.31) == pytest.approx(across, abs=20)
    assert country_distance_km("Atlantis", 51.13, 1.31) == float("inf")


def test_the_sea_is_told_from_land_and_its_distance_to_the_coast() -> None:
    assert is_land(-35.3, 149.1)
    assert not is_land(0.0, 0.0)
    assert 550 < coast_km(0.0, 0.0) < 620  # to Ghana, about 5.3° along the meridian
    assert coast_km(51.12, 1.33) < 5
