"""Synthetic soil moisture: a yearly cycle and weather with memory, each product with gaps of its own at random."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from smcore import names
from smcore.grids import Grid

MEMORY = 0.9
MISSING = 0.4
START = "2010-01-01"


def days(count: int) -> np.ndarray:
    return pd.date_range(START, periods=count).to_numpy("datetime64[ns]")


def series(count: int, shape: tuple[int, ...], sides: int, seed: int = 0) -> list[np.ndarray]:
    """Some float32 arrays (time, *shape) of one truth, each with errors and gaps of its own."""
    rng = np.random.default_rng(seed)
    found = [np.empty((count, *shape), np.float32) for _ in range(sides)]
    weather, fresh = rng.standard_normal(shape, np.float32), float(np.sqrt(1 - MEMORY**2))
    for day in range(count):
        weather = MEMORY * weather + fresh * rng.standard_normal(shape, np.float32)
        truth = 0.04 * weather + float(0.25 + 0.06 * np.sin(2 * np.pi * day / 365.25))
        for k, values in enumerate(found):
            values[day] = (1 - 0.1 * k) * truth + 0.02 * rng.standard_normal(shape, np.float32)
            values[day][rng.random(shape, np.float32) < MISSING] = np.nan
    return found


def cube(values: np.ndarray, grid: Grid, title: str) -> xr.Dataset:
    """A cube in the data model: days at midnight."""
    sm = (names.CUBE_DIMS, values, names.attributes(names.SM))
    coords = {"time": days(len(values)), "lat": ("y", grid.lat), "lon": ("x", grid.lon)}
    attrs = {"title": title, "kind": "modelled", "synthetic": 1, "layer_m": "0 0.05", "time_support": "instant"}
    return xr.Dataset({names.SM: sm}, coords, attrs | grid.to_attrs())


def pixels(values: np.ndarray, grid: Grid) -> xr.Dataset:
    """A set of pixels in the data model, the cells of a grid: ``values`` (location, time)."""
    coords = {
        "time": days(values.shape[1]),
        "location": np.arange(len(values)),
        "lat": ("location", np.repeat(grid.lat, grid.shape[1])),
        "lon": ("location", np.tile(grid.lon, grid.shape[0])),
    }
    attrs = {"title": "Pixels", "kind": "modelled", "synthetic": 1, "layer_m": "0 0.05", "time_support": "instant"}
    sm = (("location", "time"), values, names.attributes(names.SM))
    return xr.Dataset({names.SM: sm}, coords, attrs | grid.to_attrs())


def stations(values: np.ndarray, grid: Grid) -> xr.Dataset:
    """Stations in the data model, one in the middle of each cell: ``values`` (sensor, time)."""
    count = len(values)
    labels = [f"S{i}" for i in range(count)]
    coords = {
        "time": days(values.shape[1]),
        "sensor": labels,
        "network": ("sensor", ["NET"] * count),
        "station": ("sensor", labels),
        "lat": ("sensor", np.repeat(grid.lat, grid.shape[1])),
        "lon": ("sensor", np.tile(grid.lon, grid.shape[0])),
        "depth_from": ("sensor", np.full(count, 0.05)),
        "depth_to": ("sensor", np.full(count, 0.05)),
    }
    sm = (("sensor", "time"), values, names.attributes(names.SM))
    return xr.Dataset({names.SM: sm}, coords, {"title": "Stations", "kind": "stations", "synthetic": 1})
