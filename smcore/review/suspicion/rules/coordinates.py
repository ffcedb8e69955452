"""Coordinates: at sea, at 0/0, exchanged, or in another country than the metadata or the network say."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from smcore.geodata.countries import coast_km, country_at, country_distance_km, country_names, is_land
from smcore.grids import distance_km, wrap_longitude
from smcore.review.suspicion.base import Floats, Suspicion, about, strength
from smcore.review.suspicion.evidence import Evidence

TITLE = "coordinates"
SOURCE = "Ours, on Natural Earth's coast at 1:50 million and countries at 1:110 million."
SEA_KM: Final = 10.0
"""How far off the coast a place must be: the map is some kilometres coarse, and leaves small islands out. Ours."""
BORDER_KM: Final = 50.0
"""… and how far off the country that it should be in. Ours."""
LEAST_STATIONS: Final = 4
MOST_SHARE: Final = 0.8
"""Part of the network's other stations that must be of one country. Ours."""
FAR_KM: Final = 500.0
"""How far from its network a place must be for another reading of its numbers to be tried. Ours."""
NEAR_SHARE: Final = 0.2
"""… and what part of that distance the other reading may leave. Ours."""


def lacking(evidence: Evidence) -> str:
    """Say that a place is needed."""
    return "" if np.isfinite(evidence.lat + evidence.lon) else "the sensor has no coordinates"


def find(evidence: Evidence) -> list[Suspicion]:
    """What is odd about the place; about the sensor, so without a period."""
    lat, lon = round(evidence.lat, 6), round(evidence.lon, 6)
    place = f"{lat:g} °N, {lon:g} °E"
    if abs(lat) < 0.01 and abs(lon) < 0.01:
        return [about("coordinates", f"{place} is what a missing place is often written as", 0.99)]
    there = _network(evidence)
    found = _misread(lat, lon, place, there)
    if not is_land(lat, lon):
        off = coast_km(lat, lon)
        if off > SEA_KM:
            found.append(
                about("coordinates", f"{place} lies in the sea, {off:.0f} km off the coast", strength(off, SEA_KM))
            )
            return found
    return found + _country(evidence, lat, lon, place, there)


def _network(evidence: Evidence) -> Floats:
    """Places (k, 2) of the other stations of the network, each once."""
    others = evidence.others
    same = evidence.elsewhere & (others.network == evidence.network)
    places = np.column_stack([others.lat[same], others.lon[same]])
    places = places[np.isfinite(places).all(axis=1)]
    return np.unique(places, axis=0) if len(places) else places


def _misread(lat: float, lon: float, place: str, there: Floats) -> list[Suspicion]:
    """Whether the place is far from its network, and another reading of the numbers is not."""
    if len(there) < LEAST_STATIONS:
        return []
    away = _median_km(lat, lon, there)
    if away < FAR_KM:
        return []
    readings = {
        "latitude and longitude exchanged": (lon, lat),
        "the other sign of the latitude": (-lat, lon),
        "the other sign of the longitude": (lat, -lon),
        "the other sign of both": (-lat, -lon),
    }
    left = {how: _median_km(*other, there) for how, other in readings.items() if abs(other[0]) <= 90}
    how = min(left, key=lambda one: left[one])
    if left[how] > NEAR_SHARE * away:
        return []
    said = f"{place} is {away:.0f} km from the other stations of its network; with {how} it would be {left[how]:.0f} km"
    return [about("coordinates", said, strength(away, FAR_KM))]


def _median_km(lat: float, lon: float, there: Floats) -> float:
    return float(np.median(distance_km(lat, float(wrap_longitude(lon)), there[:, 0], there[:, 1])))


def _country(evidence: Evidence, lat: float, lon: float, place: str, there: Floats) -> list[Suspicion]:
    here = country_at(lat, lon)
    if not here:
        return []
    expected, why = "", ""
    if evidence.country:
        known = {name.casefold(): name for name in country_names()}
        expected, why = known.get(evidence.country.strip().casefold(), ""), "its metadata say"
    if not expected and len(there) >= LEAST_STATIONS:
        counted = Counter(country_at(round(float(a), 6), round(float(b), 6)) for a, b in there)
        name, number = counted.most_common(1)[0]
        if name and number >= MOST_SHARE * len(there):
            expected, why = name, f"{number} of {len(there)} other stations of its network are in"
    if not expected or expected == here:
        return []
    off = country_distance_km(expected, lat, lon)
    if off < BORDER_KM:
        return []
    sentence = f"{place} lies in {here}, {off:.0f} km off {expected}, where {why.removesuffix(' in')}"
    sentence += " it stands" if "metadata" in why else ""
    return [about("coordinates", sentence, strength(off, BORDER_KM))]
