"""Stations near each other see the same rain: groups of them, and the interval of a median over such groups.

Stations of one region share weather, retrieval errors and pixels, so the uncertainty of a median over stations comes
from how many regions there are. Groups are drawn with replacement in place of stations (the cluster bootstrap: Field,
C. A. and Welsh, A. H. (2007): Bootstrapping clustered data. J. R. Stat. Soc. B 69, 369–390,
doi:10.1111/j.1467-9868.2007.00593.x).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.grids import EARTH_RADIUS_KM
from smcore.validation.matching.sphere import unit_vectors

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DIAMETER_KM: Final = 400.0
"""Largest distance between two stations of a group: the QA practice of 400 km."""

MIN_CLUSTERS: Final = 6
"""Fewer groups give no interval of a median (our choice; ``benchmarks/results_versus_size.md`` has the coverage)."""

DRAWS: Final = 2000

_MOST_PLACES: Final = 3000


@dataclass(frozen=True)
class MedianBounds:
    """A median over locations with its interval (NaN below :data:`MIN_CLUSTERS` groups), and what it rests on."""

    median: float
    lower: float
    upper: float
    n: int
    clusters: int


def clusters(lat: Floats, lon: Floats, *, diameter_km: float = DIAMETER_KM, cell: Ints | None = None) -> Ints:
    """Number the group of each location.

    Complete linkage: no two places of a group are farther apart than ``diameter_km``. Single linkage would chain a
    whole continent into one group, one station a step. Beyond 3000 different places (pixels of a map) the groups are
    the cells of a fixed equal-area grid with that diagonal.

    Parameters
    ----------
    lat, lon
        Degrees, (location,); a location without coordinates is a group of its own.
    cell
        Number of the product's cell at each location; locations in one cell are always together.

    Returns
    -------
    Ints
        Group (location,), numbered from 0 in the order of first appearance.
    """
    lat, lon = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
    place = _places(lat, lon, cell)
    _, first, member = np.unique(place, return_index=True, return_inverse=True)
    known = np.isfinite(lat[first] + lon[first])
    group = np.arange(len(first)) + len(first)
    if known.sum() > _MOST_PLACES:
        group[known] = _boxes(lat[first][known], lon[first][known], diameter_km)
    elif known.sum() > 1:
        group[known] = _linked(unit_vectors(lat[first][known], lon[first][known]), diameter_km)
    return _in_order(group[member])


def median_bounds(values: Floats, groups: Ints, *, seed: int, draws: int = DRAWS, level: float = 0.95) -> MedianBounds:
    """Median of the finite ``values`` and its interval from draws of whole groups.

    Parameters
    ----------
    values, groups
        (location,); NaN values are left out, and groups that then are empty are not drawn.
    seed
        The same seed and groups give the same interval, in any process.

    Returns
    -------
    MedianBounds
        No interval (NaN) with fewer than :data:`MIN_CLUSTERS` groups.

    Raises
    ------
    ValueError
        If the shapes differ or ``level`` is not between 0 and 1.
    """
    if values.shape != groups.shape or values.ndim != 1 or not 0 < level < 1:
        raise ValueError(f"values {values.shape}, groups {groups.shape} and level {level} do not fit")
    kept = np.isfinite(values)
    group = np.unique(groups[kept], return_inverse=True)[1]
    number = int(group.max(initial=-1)) + 1
    median = float(np.median(values[kept])) if kept.any() else float("nan")
    if number < MIN_CLUSTERS:
        return MedianBounds(median, float("nan"), float("nan"), int(kept.sum()), number)
    drawn = _drawn_medians(values[kept], group, _draws(number, seed, draws))
    lower, upper = median + _widening(number, level) * (np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) - median)
    return MedianBounds(median, float(lower), float(upper), int(kept.sum()), number)


def _widening(number: int, level: float) -> float:
    """What a percentile interval lacks with few groups: Student's t over the normal, and (G / (G − 1))^½.

    Hesterberg, T. C. (2015): What teachers should know about the bootstrap. Am. Stat. 69, 371–386,
    doi:10.1080/00031305.2015.1089789.
    """
    from scipy.special import ndtri, stdtrit

    tail = (1 + level) / 2
    return float(stdtrit(number - 1, tail) / ndtri(tail) * np.sqrt(number / (number - 1)))


@lru_cache(maxsize=4)
def _draws(number: int, seed: int, draws: int) -> NDArray[np.int32]:
    """How often each of ``number`` groups is drawn, (draw, group): the same for every metric and product."""
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=draws)
    return np.asarray(drawn, np.int32)


def _drawn_medians(values: Floats, group: Ints, counts: NDArray[np.int32]) -> Floats:
    """Medians of draws, by how often each value counts: nothing is sorted again."""
    from smcore.validation.kernels.medians import drawn_medians

    order = np.argsort(values, kind="stable")
    result = np.empty(len(counts))
    drawn_medians(values[order], group[order], counts, result)
    return result


def _places(lat: Floats, lon: Floats, cell: Ints | None) -> Ints:
    """Number of the place of each location: its cell, or its coordinates; each location without any is one."""
    if cell is not None:
        return np.asarray(cell, dtype=np.int64)
    known = np.isfinite(lat + lon)
    place = np.arange(len(lat)) + len(lat)
    if known.any():
        place[known] = np.unique(np.stack([lat[known], lon[known]]), axis=1, return_inverse=True)[1].ravel()
    return place


def _linked(vectors: Floats, diameter_km: float) -> Ints:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    chord = 2 * np.sin(min(diameter_km / EARTH_RADIUS_KM, np.pi) / 2)
    tree = linkage(pdist(vectors), method="complete")
    return np.asarray(fcluster(tree, chord, criterion="distance"), dtype=np.int64)


def _boxes(lat: Floats, lon: Floats, diameter_km: float) -> Ints:
    """Cell of a grid of near squares with that diagonal: bands of latitude, each in parts of equal width."""
    side = np.degrees(diameter_km / np.sqrt(2) / EARTH_RADIUS_KM)
    band = np.floor((lat + 90) / side).astype(np.int64)
    nearest = np.minimum(np.abs(band * side - 90), np.abs((band + 1) * side - 90))
    nearest = np.where((band * side - 90) * ((band + 1) * side - 90) < 0, 0.0, nearest)
    parts = np.maximum(np.ceil(360 * np.cos(np.radians(nearest)) / side), 1).astype(np.int64)
    part = np.floor(np.mod(lon, 360) / 360 * parts).astype(np.int64)
    return np.asarray(band * 1_000_000 + part)


def _in_order(group: Ints) -> Ints:
    """Renumber groups from 0 in the order of first appearance."""
    _, first, member = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[member]
