"""Upscaling: the sensors that stand in one cell of the product, made into one series of that cell.

A cell is no point, and a dense network counts once for each of its stations if every station is a row. So a run can
show both: the rows of the sensors, and a row for each cell and depth.

- ``mean``: every station has the same weight, its sensors at a depth share it.
- ``weighted``: a station's weight is the part of the cell that lies nearer to it than to any other station there
  (Thiessen or Voronoi areas), as at the core sites of SMAP (Colliander et al. 2017, Remote Sens. Environ. 191, 215–231,
  doi:10.1016/j.rse.2017.01.021).

Sensors differ in level, so a plain mean steps when one drops out. Unless the plain mean is asked for, the differences
of level are taken out first (ours): x(s, t) = a(t) + b(s) is fitted by least squares to all values of the cell, so that
b is known from the times that sensors share; a is the series, with the mean level of the sensors. Where sensors share
no time, b is from their own means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from smcore import names
from smcore.errors import MatchError
from smcore.grids import wrap_longitude
from smcore.validation.matching.collocate import collocate
from smcore.validation.matching.excluding import Excluded, mask
from smcore.validation.matching.places import CUBE, STATIONS
from smcore.validation.matching.sides import Masks, Side, side
from smcore.validation.matching.sphere import unit_vectors
from smcore.validation.matching.times import HOUR, to_datetime

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NONE, MEAN, WEIGHTED = "none", "mean", "weighted"
METHODS: Final = (NONE, MEAN, WEIGHTED)
_LATTICE: Final = 60
_READ_VALUES: Final = 8_000_000
_DEPTH_STEP_M: Final = 0.005
"""Sensors whose depths differ by less stand at one depth (2 inches are written 0.05 or 0.0508 m)."""
_KM_PER_DEGREE: Final = 111.195


@dataclass(frozen=True, eq=False)
class Upscaled:
    """Cells as if each were one sensor: a station side with a row for each cell and depth.

    ``members`` are, for each row, the rows of the sensors in the side that it was made from; ``sentence`` says how many
    sensors, stations and cells there are.
    """

    side: Side
    members: tuple[Ints, ...]
    sentence: str


def upscale(
    stations: Side,
    cells: Side,
    method: str,
    *,
    masks: Masks | None = None,
    plain: bool = False,
    max_distance_km: float | None = None,
    excluded: Excluded | None = None,
) -> Upscaled:
    """Average the sensors in each cell.

    Parameters
    ----------
    stations, cells
        The sensors, and the gridded side or pixel set that they are compared with.
    method
        ``mean`` or ``weighted``.
    masks
        Which values count; values that don't pass are missing here.
    plain
        Leave the differences of level between sensors in.
    max_distance_km
        As for matching.
    excluded
        Periods of the sensors that are left out: the other sensors of the cell stand for them.

    Raises
    ------
    MatchError
        If ``method`` is none, if ``stations`` are none or ``cells`` are, or if no sensor stands in a cell.
    """
    _check(stations, cells, method)
    index = collocate(stations, cells, max_distance_km=max_distance_km).indices[:, 0]
    members = _groups(stations, index)
    if not members:
        raise MatchError(f"No sensor of {stations.name} stands in a cell of {cells.name}", hint="see --max-distance")
    bins, stamp = _hours(stations.stamps)
    series = np.full((len(members), len(stamp)), np.nan, np.float32)
    steps = slice(0, len(stations.stamps))
    for batch in _batches(members, len(stations.stamps)):
        wanted = np.concatenate([members[i] for i in batch])
        records = stations.read(wanted, steps, masks or Masks(), stations.span)
        if excluded is not None:
            records, _ = mask(records, wanted, excluded)
        values = records.values.astype(np.float64)
        ends = np.cumsum([len(members[i]) for i in batch])
        for i, part in zip(batch, np.split(values, ends[:-1]), strict=True):
            weights = _weights(stations, cells, members[i], int(index[members[i][0]]), method)
            series[i] = combine(_binned(part, bins, len(stamp)), weights, plain=plain)
    data = _dataset(stations, cells, members, index, series, stamp).assign_attrs(upscale=method)
    return Upscaled(side(data, stations.name), members, _sentence(stations, cells, members, index, method, plain))


def combine(values: Floats, weights: Floats, *, plain: bool = False) -> Floats:
    """One series of several sensors.

    Parameters
    ----------
    values : (sensor, time)
        NaN where missing.
    weights : (sensor,)
        Positive; those of the sensors with a value are scaled to one at each time.
    plain
        The weighted mean of the values as they are.

    Returns
    -------
    (time,), NaN where no sensor has a value.
    """
    present = np.isfinite(values)
    shifted = np.where(present, values, 0.0)
    if not plain and len(values) > 1:
        shifted = np.where(present, shifted - _offsets(values, weights)[:, None], 0.0)
    total = weights @ present
    return np.asarray(np.divide(weights @ shifted, total, out=np.full(values.shape[1], np.nan), where=total > 0))


def _offsets(values: Floats, weights: Floats) -> Floats:
    """Level of each sensor against the others: b of x(s, t) = a(t) + b(s), weighted least squares with a eliminated."""
    present = np.isfinite(values).astype(np.float64)
    known = np.where(present > 0, values, 0.0)
    count = present.sum(axis=1)
    total = weights @ present
    share = np.divide(weights[:, None] * present, total, out=np.zeros_like(present), where=total > 0)
    together = present @ share.T
    residual = ((known - (share * known).sum(axis=0)) * present).sum(axis=1)
    offset = np.asarray(np.linalg.lstsq(np.diag(count) - together, residual, rcond=None)[0])
    mean = np.divide(known.sum(axis=1), count, out=np.zeros_like(count), where=count > 0)
    weight = np.where(count > 0, weights, 0.0)
    if not weight.any():
        return offset
    level = (weight @ mean) / weight.sum()
    for group in _sharing_times(together):
        if weight[group].any():
            offset[group] += weight[group] @ (mean - offset)[group] / weight[group].sum() - level
    return offset


def _sharing_times(together: Floats) -> list[Ints]:
    """Groups of sensors that are tied by common times, directly or through others."""
    number, label = connected_components(csr_array(together > 0), directed=False)
    return [np.flatnonzero(label == i) for i in range(number)]


def voronoi_weights(lat: Floats, lon: Floats, bounds: tuple[float, float, float, float]) -> Floats:
    """Share of a box (south, north, west, east [deg]) that lies nearest to each point.

    Counted on a lattice of 60 × 60 points of equal area. Sensors at one place share its part; one that no point of the
    lattice is nearest to counts as one point.
    """
    south, north, west, east = bounds
    middle = (np.arange(_LATTICE) + 0.5) / _LATTICE
    sines = np.sin(np.radians([south, north]))
    rows = np.degrees(np.arcsin(sines[0] + middle * (sines[1] - sines[0])))
    y, x = np.meshgrid(rows, west + middle * (east - west), indexing="ij")
    places, at = np.unique(np.stack([lat, lon], axis=1), axis=0, return_inverse=True)
    at = at.ravel()
    nearest = (unit_vectors(y.ravel(), x.ravel()) @ unit_vectors(places[:, 0], places[:, 1]).T).argmax(axis=1)
    share = np.maximum(np.bincount(nearest, minlength=len(places)), 1) / len(nearest)
    weights = share[at] / np.bincount(at)[at]
    return np.asarray(weights / weights.sum())


def _check(stations: Side, cells: Side, method: str) -> None:
    if method not in (MEAN, WEIGHTED):
        raise MatchError(f"There is no upscaling {method!r}", hint=f"choose one of: {', '.join(METHODS)}")
    if stations.layout != STATIONS or cells.layout == STATIONS:
        raise MatchError(
            f"Upscaling needs stations against cells, and these are {stations.name} ({stations.layout}) and "
            f"{cells.name} ({cells.layout})",
            hint="use --upscale none",
        )


def _groups(stations: Side, index: Ints) -> tuple[Ints, ...]:
    """Rows of the sensors of each cell and depth, in order of cells and then of depth."""
    inside = np.flatnonzero(index >= 0)
    if not len(inside):
        return ()
    top, bottom = (
        np.round(np.nan_to_num(depth[inside], nan=-1.0) / _DEPTH_STEP_M).astype(np.int64)
        for depth in (stations.places.depth_from, stations.places.depth_to)
    )
    keys = np.stack([index[inside], top, bottom], axis=1)
    found, group = np.unique(keys, axis=0, return_inverse=True)
    return tuple(inside[group.ravel() == i] for i in range(len(found)))


def _batches(members: tuple[Ints, ...], steps: int) -> list[Ints]:
    """Numbers of the cells that are read together."""
    size = np.cumsum([len(rows) for rows in members]) * max(steps, 1) // _READ_VALUES
    return [np.flatnonzero(size == part) for part in np.unique(size)]


def _hours(stamps: Ints) -> tuple[Ints | None, Ints]:
    """For records off the hour, the full hour that each is nearest to; and the time axis of the result [µs]."""
    if not (stamps % HOUR).any():
        return None, stamps
    hour = (stamps + HOUR // 2) // HOUR
    found, bins = np.unique(hour, return_inverse=True)
    return bins.ravel().astype(np.int64), found * HOUR


def _binned(values: Floats, bins: Ints | None, count: int) -> Floats:
    """Means of the values (sensor, step) of each hour."""
    if bins is None:
        return values
    starts = np.searchsorted(bins, np.arange(count))
    number = np.add.reduceat(np.isfinite(values).astype(np.int64), starts, axis=1)
    total = np.add.reduceat(np.nan_to_num(values), starts, axis=1)
    return np.asarray(np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0))


def _weights(stations: Side, cells: Side, rows: Ints, cell: int, method: str) -> Floats:
    places = stations.places.take(rows)
    if method == WEIGHTED and len(rows) > 1:
        lon = _near(places.lon, float(cells.places.lon[cell]))
        return voronoi_weights(places.lat, lon, _bounds(cells, cell))
    _, station, number = np.unique(places.location, return_inverse=True, return_counts=True)
    weights = 1.0 / number[station.ravel()]
    return np.asarray(weights / weights.sum())


def _near(lon: Floats, middle: float) -> Floats:
    return np.asarray(middle + wrap_longitude(lon - middle))


def _bounds(cells: Side, cell: int) -> tuple[float, float, float, float]:
    """South, north, west and east of a cell; of a pixel without a grid a square of its size."""
    lat, lon = float(cells.places.lat[cell]), float(cells.places.lon[cell])
    if cells.layout == CUBE and cells.grid is not None:
        row, column = divmod(cell, cells.grid.shape[1])
        north, south = cells.grid.lat_edges[row : row + 2]
        west, east = _near(cells.grid.lon_edges[column : column + 2], lon)
        return float(south), float(north), float(west), float(east)
    half = float(cells.places.half_diagonal[cell]) / np.sqrt(2) / _KM_PER_DEGREE
    half = half if np.isfinite(half) and half > 0 else 0.125
    wide = half / max(np.cos(np.radians(lat)), 0.05)
    return lat - half, lat + half, lon - wide, lon + wide


def cell_label(cells: Side, cell: int) -> str:
    """What a row of a cell is called: its row and column in the whole grid, or the pixel's name."""
    if cells.layout == CUBE and cells.grid is not None:
        row, column = divmod(cell, cells.grid.shape[1])
        return f"cell {row + cells.grid.row0},{column + cells.grid.col0}"
    return f"cell {cells.places.location[cell]}"


def _dataset(
    stations: Side, cells: Side, members: tuple[Ints, ...], index: Ints, series: NDArray[np.float32], stamp: Ints
) -> xr.Dataset:
    """Lay the series of the cells out as a station collection."""
    places = stations.places
    where = [int(index[rows[0]]) for rows in members]
    label = [cell_label(cells, cell) for cell in where]
    top, bottom = ([float(depth[rows].mean()) for rows in members] for depth in (places.depth_from, places.depth_to))
    ids = [f"{text}/{a:.3g}-{b:.3g}" for text, a, b in zip(label, top, bottom, strict=True)]
    dim = names.SENSOR
    coords: dict[str, object] = {
        dim: ids,
        names.TIME: to_datetime(stamp),
        "station": (dim, label),
        "network": (dim, ["+".join(sorted(set(places.network[index == cell].tolist()))) for cell in where]),
        names.LAT: (dim, cells.places.lat[where]),
        names.LON: (dim, cells.places.lon[where]),
        "depth_from": (dim, top),
        "depth_to": (dim, bottom),
        "sensors": (dim, [len(rows) for rows in members]),
        "stations": (dim, [len(set(places.location[rows].tolist())) for rows in members]),
    }
    for name in ("land_cover", "climate"):
        texts = _of_sensors(stations, name)
        if texts is not None:
            coords[name] = (dim, [texts[rows[0]] if len(set(texts[rows].tolist())) == 1 else "" for rows in members])
    attrs = stations.dataset[names.SM].attrs
    return xr.Dataset({names.SM: ((dim, names.TIME), series, attrs)}, coords, dict(stations.dataset.attrs))


def _of_sensors(stations: Side, name: str) -> NDArray[np.str_] | None:
    data = stations.dataset
    if name not in data.coords or data[name].dims != (names.SENSOR,):
        return None
    place = {sensor: i for i, sensor in enumerate(data[names.SENSOR].values.astype(str).tolist())}
    return np.asarray(data[name].values.astype(str)[[place[sensor] for sensor in stations.places.sensor.tolist()]])


def _sentence(stations: Side, cells: Side, members: tuple[Ints, ...], index: Ints, method: str, plain: bool) -> str:
    used = np.concatenate(members)
    number = len(set(stations.places.location[used].tolist()))
    in_cells = [len(set(stations.places.location[index == cell].tolist())) for cell in np.unique(index[used])]
    several = sum(count > 1 for count in in_cells)
    weights = "areas nearest to each station as weights" if method == WEIGHTED else "stations weighted alike"
    level = "levels of the sensors left as they are" if plain else "differences of level between sensors taken out"
    return (
        f"upscaled to {len(in_cells)} cells of {cells.name} from {len(used)} sensors at {number} stations "
        f"({several} of the cells hold several): {weights}, {level}"
    )
