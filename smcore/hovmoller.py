"""Hovmöller diagrams: a product over time and one position, by latitude or along a great circle.

By latitude, a value is the mean of the valid cells in a band of latitude, each weighted by its area (cells of overviews
by the area of the valid cells below them), in float64; it is given where valid cells make up at least
:data:`LEAST_SHARE` of the area of the cells in the band that have a value in any of the steps. Along a line, a value is
that of the cell beneath each position. Gaps stay gaps: nothing is interpolated, in space or in time.

After E. Hovmöller (1949): The trough-and-ridge diagram. Tellus 1, 62–66, doi:10.1111/j.2153-3490.1949.tb01260.x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import WindowError
from smcore.grids import EARTH_RADIUS_KM, Grid
from smcore.progress import Cancel, Progress, check, never, quiet

Array = NDArray[Any]
Floats = NDArray[np.float64]

MOST_BANDS, MOST_POSITIONS = 180, 300
LEAST_SHARE = 0.1
"""Share of a band's usual area that has to be valid."""


@dataclass(frozen=True)
class Hovmoller:
    """Values over time and position.

    Attributes
    ----------
    time : ndarray (steps,) datetime64, UTC
    edges : ndarray (positions + 1,) float64, ascending
        Latitude [deg], or distance from the start of the line [km].
    value : ndarray (steps, positions) float32
        In the unit of the product, NaN where missing.
    share : ndarray (steps, positions) float32, 0…1
        By latitude the share of the usual area that is valid; along a line 1 where there is a value.
    """

    time: Array
    edges: Floats
    value: Array
    share: Array

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return int(self.value.nbytes + self.share.nbytes)


def by_latitude(
    read: Callable[[int], Array],
    time: Array,
    steps: Array,
    lat_edges: Floats,
    area: Array,
    *,
    read_share: Callable[[int], Array] | None = None,
    least: float = LEAST_SHARE,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Hovmoller:
    """Average a piece of a map by latitude, step by step.

    Parameters
    ----------
    read
        Gives the piece at a step, (rows, columns), NaN where missing, rows north to south.
    steps
        Which of the steps of ``time`` to read.
    lat_edges
        (rows + 1,) borders of its rows [deg], descending.
    area
        Of its cells, in any unit: (rows, columns), or (rows, 1) where columns are equally wide.
    read_share
        Gives the valid share (0…1) of the cells below each cell, where the piece is an overview.
    """
    edges, members = _bands(lat_edges)
    sums, weights = (np.zeros((len(steps), len(lat_edges) - 1)) for _ in range(2))
    fullest: Floats | None = None
    for number, step in enumerate(np.asarray(steps).tolist()):
        check(cancelled)
        progress(number / len(steps), f"step {number + 1} of {len(steps)}")
        values = np.asarray(read(step), np.float64)
        valid = np.isfinite(values)
        weight = area * valid * (np.asarray(read_share(step), np.float64) if read_share is not None else 1.0)
        sums[number] = (weight * np.where(valid, values, 0.0)).sum(axis=1)
        weights[number] = weight.sum(axis=1)
        fullest = weight if fullest is None else np.maximum(fullest, weight)
    usual = members @ fullest.sum(axis=1) if fullest is not None else np.zeros(len(members))
    total, weight = sums @ members.T, weights @ members.T
    share = np.divide(weight, usual, out=np.zeros_like(weight), where=usual > 0)
    kept = (share >= least) & (weight > 0)
    value = np.divide(total, weight, out=np.full(total.shape, np.nan), where=kept)
    return Hovmoller(time[steps], edges, value.astype(np.float32), share.astype(np.float32))


def _bands(lat_edges: Floats) -> tuple[Floats, Floats]:
    """Cut a range of latitudes into equal bands, south to north: borders, and which rows are in each (bands, rows).

    A row belongs to the band that its centre lies in; a band with no centre, which poleward rows leave, has the row
    that covers its middle.
    """
    rows = len(lat_edges) - 1
    edges = np.linspace(lat_edges[-1], lat_edges[0], min(rows, MOST_BANDS) + 1)
    centre = (lat_edges[:-1] + lat_edges[1:]) / 2
    band = np.clip(np.searchsorted(edges, centre, side="right") - 1, 0, len(edges) - 2)
    members = (band[None, :] == np.arange(len(edges) - 1)[:, None]).astype(np.float64)
    for empty in np.flatnonzero(members.sum(axis=1) == 0):
        middle = (edges[empty] + edges[empty + 1]) / 2
        members[empty, np.clip(np.searchsorted(-lat_edges, -middle) - 1, 0, rows - 1)] = 1.0
    return edges, members


def great_circle(start: tuple[float, float], end: tuple[float, float], count: int) -> tuple[Floats, Floats, float]:
    """Place ``count`` points at equal distances on the shortest way between two (latitude, longitude) [deg].

    Returns
    -------
    lat, lon : ndarray (count,) [deg]
    length : float [km]

    Raises
    ------
    WindowError
        If the two are one place, or opposite each other.
    """
    ends = [np.radians(place) for place in (start, end)]
    a, b = (np.array([np.cos(la) * np.cos(lo), np.cos(la) * np.sin(lo), np.sin(la)]) for la, lo in ends)
    angle = float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
    if not 1e-6 < angle < np.pi - 1e-6:
        raise WindowError("The line has no length, or its ends lie opposite each other", hint="choose two other places")
    share = np.linspace(0, 1, count)[:, None]
    points = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    lat, lon = np.arcsin(np.clip(points[:, 2], -1, 1)), np.arctan2(points[:, 1], points[:, 0])
    return np.degrees(lat), np.degrees(lon), angle * EARTH_RADIUS_KM


def along_line(
    read_series: Callable[[int, int], Array],
    time: Array,
    steps: Array,
    grid: Grid,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Hovmoller:
    """Follow a great circle between two (latitude, longitude) [deg] over the cells beneath it.

    Parameters
    ----------
    read_series
        Gives all steps of the cell (row, column): (time,), NaN where missing.

    Raises
    ------
    WindowError
        If the line has no length or misses the grid.
    """
    *_, length = great_circle(start, end, 2)
    side = float(np.sqrt(np.mean(grid.cell_area_km2())))
    count = int(np.clip(np.ceil(length / side), 2, MOST_POSITIONS))
    edges = np.linspace(0, length, count + 1)
    lat, lon, _ = great_circle(start, end, 2 * count + 1)
    rows, columns = grid.index(lat[1::2], lon[1::2])  # in the middle of each position
    inside = (rows >= 0) & (columns >= 0)
    if not inside.any():
        raise WindowError("The line misses the product", hint="draw it over the product")
    value = np.full((len(steps), count), np.nan, np.float32)
    known: dict[tuple[int, int], Array] = {}
    for position in np.flatnonzero(inside).tolist():
        check(cancelled)
        progress(position / count, f"cell {position + 1} of {count}")
        cell = int(rows[position]), int(columns[position])
        if cell not in known:
            known = {cell: np.asarray(read_series(*cell))[steps]}  # neighbouring positions may share a cell
        value[:, position] = known[cell]
    return Hovmoller(time[steps], edges, value, np.isfinite(value).astype(np.float32))


def raster(found: Hovmoller, most: int = 1500) -> tuple[Array, Array, np.datetime64, np.datetime64]:
    """Lay the steps on an even axis of time, for drawing: each in the column that it falls into, gaps left empty.

    Returns
    -------
    value, share : ndarray (positions, columns) float32
        The mean of the steps in a column; NaN, and 0, where none is.
    first, last : datetime64
        Borders of the axis.
    """
    time = found.time.astype("datetime64[s]").astype(np.int64)
    step = float(np.median(np.diff(time))) if len(time) > 1 else 86_400.0
    count = int(np.clip(round((time[-1] - time[0]) / step) + 1, 1, most))
    wide = step if count < most else (time[-1] - time[0] + step) / count
    column = np.clip(((time - time[0] + step / 2) / wide).astype(np.int64), 0, count - 1)
    laid = []
    for values in (found.value, found.share):
        valid = np.isfinite(values)
        total, number = np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1]))
        np.add.at(total, column, np.where(valid, values, 0.0))
        np.add.at(number, column, valid)
        laid.append(np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0).T.astype(np.float32))
    first = found.time[0] - np.timedelta64(round(step / 2), "s")
    return laid[0], np.nan_to_num(laid[1]), first, first + np.timedelta64(round(wide * count), "s")
