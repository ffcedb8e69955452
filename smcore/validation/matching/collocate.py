"""Collocation in space: which locations of the other side stand for each location of the anchor side.

The anchor is the side that results are given for: stations before pixels before cubes, and of two grids the coarser.
The other side is looked up by the nearest centre along the great circle, or, where its cells are much smaller than
those of the anchor grid, by the area-weighted mean of the cells whose centres lie inside the anchor cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from smcore.errors import MatchError
from smcore.grids import Grid, distance_km
from smcore.validation.matching.places import CUBE, PIXELS, STATIONS
from smcore.validation.matching.sides import Side
from smcore.validation.matching.sphere import unit_vectors

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AREA_MEAN_FROM = 4.0
"""Ratio of cell areas from which the finer grid is averaged (our choice: below it, a cell holds one or two centres)."""

_LEAST_COVERED = 0.5 - 1e-9
"""Share of a coarse cell that finer cells must cover: at the rim of a region a few of them do not stand for it."""


@dataclass(frozen=True, eq=False)
class Collocation:
    """For each location of the anchor: indices into the other side (location, k), −1 none, and their weights.

    ``distance_km`` (location,) from centre to centre of the nearest, also where that is out of reach; ``method`` says
    in words how the sides were brought together.
    """

    indices: Ints
    weights: Floats
    distance_km: Floats
    method: str

    @property
    def found(self) -> NDArray[np.bool_]:
        """Where the other side has a location within reach."""
        return self.indices[:, 0] >= 0


def anchor_is_product(product: Side, reference: Side) -> bool:
    """Whether results are given at the locations of the product (else at those of the reference)."""
    order = {STATIONS: 0, PIXELS: 1, CUBE: 2}
    mine, other = order[product.layout], order[reference.layout]
    if mine != other:
        return mine < other
    if mine == order[STATIONS] or product.grid is None or reference.grid is None:
        return False
    return cell_area(product.grid) > cell_area(reference.grid) * 1.01


def collocate(anchor: Side, other: Side, *, max_distance_km: float | None = None) -> Collocation:
    """Find what stands for each location of ``anchor`` in ``other``.

    Parameters
    ----------
    max_distance_km
        Reach; None takes half the diagonal of the cell that is looked up.

    Raises
    ------
    MatchError
        If neither side has cells and no distance is given.
    """
    if anchor.grid is not None and other.grid is not None and anchor.layout == other.layout == CUBE:
        if anchor.grid.same_as(other.grid):
            every = np.arange(len(anchor.places), dtype=np.int64)[:, None]
            zero = np.zeros(len(anchor.places))
            return Collocation(every, np.ones(every.shape), zero, "same grid, cell by cell")
        if max_distance_km is None and cell_area(anchor.grid) >= AREA_MEAN_FROM * cell_area(other.grid):
            return _area_mean(anchor, other.grid)
    index, km = nearest(other, anchor.places.lat, anchor.places.lon)
    reach = _reach(anchor, other, index) if max_distance_km is None else np.full(len(km), max_distance_km)
    within = km <= reach * (1 + 1e-9)
    index = np.where(within, index, -1)
    limit = "half the cell's diagonal" if max_distance_km is None else f"{max_distance_km:g} km"
    method = f"nearest centre of {other.name} along the great circle, at most {limit} away"
    return Collocation(index[:, None], np.ones((len(index), 1)), km, method)


def nearest(side: Side, lat: Floats, lon: Floats) -> tuple[Ints, Floats]:
    """Find the nearest location of ``side`` to each point, and the great-circle distance [km]; inf without a place."""
    if side.layout == CUBE and side.grid is not None:
        rows, columns, km = side.grid.nearest(lat, lon)
        return rows * side.grid.shape[1] + columns, km
    places = side.places
    placed, known = np.flatnonzero(np.isfinite(places.lat + places.lon)), np.isfinite(lat + lon)
    index, km = np.zeros(len(lat), dtype=np.int64), np.full(len(lat), np.inf)
    if len(placed) and known.any():
        tree = cKDTree(unit_vectors(places.lat[placed], places.lon[placed]))
        index[known] = placed[tree.query(unit_vectors(lat[known], lon[known]))[1]]
        km[known] = distance_km(lat[known], lon[known], places.lat[index[known]], places.lon[index[known]])
    return index, km


def cell_area(grid: Grid) -> float:
    """Mean area of the cells of a grid [km²]."""
    return float(grid.cell_area_km2().mean())


def _reach(anchor: Side, other: Side, index: Ints) -> Floats:
    reach = other.places.half_diagonal[index]
    reach = np.where(np.isfinite(reach), reach, anchor.places.half_diagonal)
    if not np.isfinite(reach).all():
        raise MatchError(
            f"Neither {anchor.name} nor {other.name} says how large its cells are",
            hint="say how far apart two locations may be, as --max-distance 25",
        )
    return reach


def _area_mean(anchor: Side, fine: Grid) -> Collocation:
    """Fine cells by the anchor cell that holds their centre, weighted by their area."""
    assert anchor.grid is not None
    lat, lon = np.repeat(fine.lat, fine.shape[1]), np.tile(fine.lon, fine.shape[0])
    row, column = anchor.grid.index(lat, lon)
    inside = np.flatnonzero(row >= 0)
    cell = row[inside] * anchor.grid.shape[1] + column[inside]
    order = np.argsort(cell, kind="stable")
    inside, cell = inside[order], cell[order]
    counts = np.bincount(cell, minlength=len(anchor.places))
    place = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    indices = np.full((len(counts), max(int(counts.max(initial=0)), 1)), -1, dtype=np.int64)
    weights = np.zeros(indices.shape)
    indices[cell, place] = inside
    weights[cell, place] = np.repeat(fine.cell_area_km2(), fine.shape[1])[inside]
    total = weights.sum(axis=1, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    whole = np.repeat(anchor.grid.cell_area_km2(), anchor.grid.shape[1])
    covered = total[:, 0] >= _LEAST_COVERED * whole
    indices[~covered] = -1
    method = (
        "area-weighted mean of the finer cells whose centres lie in the coarser cell, where half or more of it is "
        "covered and half or more of those are valid"
    )
    return Collocation(indices, weights, np.where(covered, 0.0, np.nan), method)
