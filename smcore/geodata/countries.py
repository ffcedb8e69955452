"""In which country a place lies, and how far it is from land, by the shipped Natural Earth outlines."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from smcore.geodata.land import rasterise
from smcore.geodata.topology import Line, country_rings, land_rings

Floats = npt.NDArray[np.float64]

_KM_PER_DEGREE: Final = 111.195
"""Of the mean sphere."""


@functools.cache
def _edges() -> tuple[Floats, Floats, npt.NDArray[np.int64], tuple[str, ...]]:
    """Start and end points of all borders and coasts of countries, the country of each, and the names."""
    starts, ends, owner, names = [], [], [], []
    for i, (name, rings) in enumerate(country_rings().items()):
        names.append(name)
        for torn in rings:
            ring = np.column_stack([np.unwrap(torn[:, 0], period=360.0), torn[:, 1]])  # whole across the dateline
            starts.append(ring[:-1])
            ends.append(ring[1:])
            owner.append(np.full(len(ring) - 1, i))
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(owner), tuple(names)


def country_names() -> tuple[str, ...]:
    """Names of the countries, as Natural Earth writes them."""
    return _edges()[3]


@functools.lru_cache(maxsize=8192)
def country_at(lat: float, lon: float) -> str:
    """Country of a place [deg] at 1:110 million; '' at sea, or on what is too small for that scale.

    Borders are some ten kilometres coarse at that scale.
    """
    starts, ends, owner, names = _edges()
    crossed = sum(_crosses(starts, ends, lat, lon + turn).astype(np.int64) for turn in (-360.0, 0.0, 360.0))
    inside = np.bincount(owner, weights=crossed, minlength=len(names)) % 2 == 1
    found = np.flatnonzero(inside)
    return names[int(found[0])] if len(found) else ""


@functools.lru_cache(maxsize=8192)
def country_distance_km(name: str, lat: float, lon: float) -> float:
    """Distance [km] of a place outside a country to its outline, to about 1 %; inf for an unknown one."""
    starts, ends, owner, names = _edges()
    if name not in names:
        return float("inf")
    own = owner == names.index(name)
    return _least_km(starts[own], ends[own], lat, lon)


@functools.lru_cache(maxsize=8192)
def is_land(lat: float, lon: float) -> bool:
    """Whether a place [deg] lies on land at 1:50 million; lakes count as land."""
    return bool(rasterise(np.array([lat]), np.array([lon]))[0, 0])


@functools.lru_cache(maxsize=8192)
def coast_km(lat: float, lon: float) -> float:
    """Distance [km] to the nearest coast at 1:50 million, to about 1 %."""
    rings = land_rings("50m")
    starts, ends = np.concatenate([r[:-1] for r in rings]), np.concatenate([r[1:] for r in rings])
    return _least_km(starts, ends, lat, lon)


def _crosses(starts: Floats, ends: Floats, lat: float, lon: float) -> npt.NDArray[np.bool_]:
    """Which edges a ray to the east crosses (even-odd rule)."""
    spans = (starts[:, 1] > lat) != (ends[:, 1] > lat)
    rise = np.where(spans, ends[:, 1] - starts[:, 1], 1.0)
    at = starts[:, 0] + (lat - starts[:, 1]) / rise * (ends[:, 0] - starts[:, 0])
    return np.asarray(spans & (lon < at))


def _least_km(starts: Line, ends: Line, lat: float, lon: float) -> float:
    """Least distance to line segments, on a plane that touches the sphere at the place."""
    shrink = max(np.cos(np.radians(lat)), 1e-6)

    def plane(points: Line) -> tuple[Floats, Floats]:
        east = (points[:, 0] - lon + 180.0) % 360.0 - 180.0
        return east * shrink, points[:, 1] - lat

    (x0, y0), (x1, y1) = plane(starts), plane(ends)
    dx, dy = x1 - x0, y1 - y0
    length = dx * dx + dy * dy
    torn = np.abs(dx) > 180 * shrink  # the plane is cut on the far side of the Earth
    share = np.clip(np.divide(-(x0 * dx + y0 * dy), length, out=np.zeros_like(length), where=length > 0), 0, 1)
    away = np.hypot(x0 + share * dx, y0 + share * dy)
    return float(np.where(torn, np.inf, away).min() * _KM_PER_DEGREE)
