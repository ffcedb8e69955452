"""Land masks: the shipped coastline rasterised by scan lines onto any grid with separable axes."""

from __future__ import annotations

import functools
from typing import Protocol

import numpy as np
import numpy.typing as npt

from smcore.geodata.topology import land_rings

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Axes(Protocol):
    """What a grid must offer here; `smcore.grids.Grid` does."""

    @property
    def lat(self) -> Floats:
        """Latitudes of the rows [degree]."""

    @property
    def lon(self) -> Floats:
        """Longitudes of the columns [degree]."""

    @property
    def lat_edges(self) -> Floats:
        """Edges of the rows, one more than rows."""

    @property
    def lon_edges(self) -> Floats:
        """Edges of the columns, one more than columns."""


@functools.cache
def _edges(resolution: str) -> tuple[Floats, Floats]:
    """Start and end points of all ring edges, the end unwrapped so that no edge spans over 180 degrees."""
    starts = np.concatenate([ring[:-1] for ring in land_rings(resolution)])
    ends = np.concatenate([ring[1:] for ring in land_rings(resolution)])
    ends = ends.copy()
    ends[:, 0] -= 360.0 * np.round((ends[:, 0] - starts[:, 0]) / 360.0)
    return starts, ends


def rasterise(lat: Floats, lon: Floats, resolution: str = "50m") -> Mask:
    """Which points of the lattice `lat` x `lon` lie on land.

    Even-odd rule along each parallel. Rings run over the dateline, so whether a parallel starts on land
    at 180 W is decided along that meridian, from the North Pole (sea) southwards.

    Parameters
    ----------
    lat : ndarray (rows,)
        Latitudes [degree], any order.
    lon : ndarray (columns,)
        Longitudes [degree] in [-180, 180], ascending.
    resolution : str
        "50m" or "110m".

    Returns
    -------
    ndarray of bool (rows, columns)
    """
    starts, ends = _edges(resolution)
    order = np.argsort(lat)
    rising = np.asarray(lat, dtype=np.float64)[order]
    low, high = np.minimum(starts[:, 1], ends[:, 1]), np.maximum(starts[:, 1], ends[:, 1])
    first, last = np.searchsorted(rising, low), np.searchsorted(rising, high)
    counts = last - first
    edge = np.repeat(np.arange(len(low)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    share = (rising[row] - starts[edge, 1]) / (ends[edge, 1] - starts[edge, 1])
    crossing = starts[edge, 0] + share * (ends[edge, 0] - starts[edge, 0])
    crossing = (crossing + 180.0) % 360.0 - 180.0
    toggles = np.zeros((len(rising), len(lon) + 1), dtype=np.int64)
    np.add.at(toggles, (row, np.searchsorted(lon, crossing)), 1)
    toggles[:, 0] += _dateline_parity(starts, ends, rising)
    inside = (np.cumsum(toggles[:, :-1], axis=1) % 2).astype(bool)
    mask = np.empty_like(inside)
    mask[order] = inside
    return mask


def _dateline_parity(starts: Floats, ends: Floats, lat: Floats) -> npt.NDArray[np.int64]:
    """Number of ring crossings of the dateline north of each latitude; 180 E counts as 180 W."""
    west = np.minimum(starts[:, 0], ends[:, 0])
    east = np.maximum(starts[:, 0], ends[:, 0])
    at = np.where(east >= 180.0, 180.0, -180.0)
    hit = (west < at) & (east >= at)
    share = (at[hit] - starts[hit, 0]) / (ends[hit, 0] - starts[hit, 0])
    crossing = np.sort(starts[hit, 1] + share * (ends[hit, 1] - starts[hit, 1]))
    return len(crossing) - np.searchsorted(crossing, lat)


def land_mask(grid: Axes, resolution: str = "50m") -> Mask:
    """Cells of `grid` whose centre lies on land, as bool (rows, columns). Lakes count as land."""
    return rasterise(grid.lat, grid.lon, resolution)


def land_fraction(grid: Axes, resolution: str = "50m", samples: int = 4) -> npt.NDArray[np.float32]:
    """Share of each cell of `grid` that is land, 0 to 1, from `samples` x `samples` points a cell.

    Returns
    -------
    ndarray of float32 (rows, columns)
    """
    lat, lon = _inner(grid.lat_edges, samples), _inner(grid.lon_edges, samples)
    fine = rasterise(lat, lon, resolution)
    rows, columns = len(grid.lat), len(grid.lon)
    share: npt.NDArray[np.float32] = fine.reshape(rows, samples, columns, samples).mean(axis=(1, 3), dtype=np.float32)
    return share


def _inner(edges: Floats, samples: int) -> Floats:
    offsets = (np.arange(samples) + 0.5) / samples
    inner: Floats = (edges[:-1, None] + np.diff(edges)[:, None] * offsets).ravel()
    return inner
