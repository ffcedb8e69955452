"""Where the locations of a data set are: sensors, pixels or the cells of a cube."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import CubeError
from smcore.grids import Grid
from smcore.validation.matching.sphere import neighbour_distance_km

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STATIONS, PIXELS, CUBE = "stations", "pixels", "cube"


@dataclass(frozen=True, eq=False)
class Places:
    """Where the locations of a side are: arrays of one length, names empty for the cells of a cube.

    ``depth_from`` and ``depth_to`` in metres (NaN unknown); ``half_diagonal`` of the cell in km, NaN for points.
    """

    lat: Floats
    lon: Floats
    depth_from: Floats
    depth_to: Floats
    half_diagonal: Floats
    location: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype=str))
    sensor: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype=str))
    network: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype=str))

    def __len__(self) -> int:
        return len(self.lat)

    def take(self, where: Ints) -> Places:
        """Return the places of the given indices; names stay empty where there are none."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return Places(**{name: values[where] if len(values) else values for name, values in columns.items()})

    def text(self) -> str:
        """Describe the box around all locations, for a sentence."""
        if not len(self):
            return "nowhere"
        placed = np.isfinite(self.lat + self.lon)
        if not placed.any():
            return "unknown places"
        lat, lon = self.lat[placed], self.lon[placed]
        south, north, west, east = lat.min(), lat.max(), lon.min(), lon.max()
        if south == north and west == east:
            return f"{north:.2f} °N, {west:.2f} °E"
        return f"{south:.2f}…{north:.2f} °N, {west:.2f}…{east:.2f} °E"


def layout_of(data: xr.Dataset) -> str:
    """``stations``, ``pixels`` or ``cube``, by the dimensions."""
    dims = data[names.SM].dims
    return STATIONS if names.SENSOR in dims else PIXELS if names.LOCATION in dims else CUBE


def places_of(data: xr.Dataset, layout: str, grid: Grid | None, half_diagonal_km: float | None) -> Places:
    """Where the locations of ``data`` are; ``half_diagonal_km`` is that of a pixel set without a grid."""
    if layout == CUBE:
        return _cells(data, grid)
    dim = names.SENSOR if layout == STATIONS else names.LOCATION
    count = data.sizes[dim]
    lat, lon = (data[c].values.astype(np.float64) for c in (names.LAT, names.LON))
    half = np.full(count, np.nan if half_diagonal_km is None else half_diagonal_km)
    if layout == PIXELS and grid is not None:
        row = np.clip(grid.index(lat, lon)[0], 0, grid.shape[0] - 1)
        half = grid.half_diagonal_km(row)
    elif layout == PIXELS and half_diagonal_km is None:
        half = np.full(count, _spacing_half_diagonal(lat, lon))
    top, bottom = (_coordinate(data, name, count) for name in ("depth_from", "depth_to"))
    if layout == PIXELS:
        top, bottom = (np.full(count, depth) for depth in layer_of(data))
        index = data[names.LOCATION].values if names.LOCATION in data.coords else np.arange(count)
        labels = index.astype(str)
        blank = np.full(count, "")
        return Places(lat, lon, top, bottom, half, labels, blank, blank)
    network, station, sensor = (_labels(data, name, count) for name in ("network", "station", names.SENSOR))
    return Places(lat, lon, top, bottom, half, _unique_stations(network, station), sensor, network)


def _cells(data: xr.Dataset, grid: Grid | None) -> Places:
    lat, lon = (data[c].values.astype(np.float64) for c in (names.LAT, names.LON))
    rows, columns = len(lat), len(lon)
    half = np.full(rows, np.nan) if grid is None else grid.half_diagonal_km(np.arange(rows))
    top, bottom = layer_of(data)
    count = rows * columns
    return Places(
        np.repeat(lat, columns),
        np.tile((lon + 180.0) % 360.0 - 180.0, rows),
        np.full(count, top),
        np.full(count, bottom),
        np.repeat(half, columns),
    )


def layer_of(data: xr.Dataset) -> tuple[float, float]:
    """Depth range [m] that a product stands for, from ``layer_m``; NaN where it does not say.

    Raises
    ------
    CubeError
        If ``layer_m`` is not two numbers.
    """
    text = str(data.attrs.get("layer_m", "")).replace(",", " ").split()
    if not text:
        return np.nan, np.nan
    try:
        top, bottom = map(float, text)
    except ValueError as error:
        raise CubeError(f"layer_m = {data.attrs['layer_m']!r} is not two depths in metres") from error
    return top, bottom


def _spacing_half_diagonal(lat: Floats, lon: Floats) -> float:
    """Half the diagonal [km] of a square as wide as the median distance of nearest neighbours; NaN for one point."""
    return float(neighbour_distance_km(lat, lon) / np.sqrt(2.0))


def _unique_stations(network: NDArray[np.str_], station: NDArray[np.str_]) -> NDArray[np.str_]:
    """Station names, with the network before them where two networks use one name."""
    pairs = pd.DataFrame({"network": network, "station": station}).drop_duplicates()
    shared = set(pairs.loc[pairs["station"].duplicated(), "station"])
    named = [f"{n}/{s}" if s in shared else s for n, s in zip(network, station, strict=True)]
    return np.array(named, dtype=str)


def _labels(data: xr.Dataset, name: str, count: int) -> NDArray[np.str_]:
    return data[name].values.astype(str) if name in data.coords else np.full(count, "")


def _coordinate(data: xr.Dataset, name: str, count: int) -> Floats:
    return data[name].values.astype(np.float64) if name in data.coords else np.full(count, np.nan)
