"""Points on the sphere: unit vectors and the spacing of a set of points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from smcore.grids import EARTH_RADIUS_KM

Floats = NDArray[np.float64]


def unit_vectors(lat: Floats, lon: Floats) -> Floats:
    """Points [deg] on the unit sphere, (point, 3).

    The nearest chord is the nearest great circle, also over a pole and over the dateline.
    """
    phi, theta = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], axis=-1)


def neighbour_distance_km(lat: Floats, lon: Floats) -> float:
    """Median distance [km] from a point to its nearest other point; NaN where there is only one."""
    placed = np.isfinite(lat + lon)
    vectors = np.unique(unit_vectors(lat[placed], lon[placed]), axis=0)
    if len(vectors) < 2:
        return float("nan")
    chord = cKDTree(vectors).query(vectors, k=2)[0][:, 1]
    return float(np.median(2 * EARTH_RADIUS_KM * np.arcsin(np.clip(chord / 2, 0, 1))))
