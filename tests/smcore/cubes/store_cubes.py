"""Synthetic cubes for the tests of the store: every kind of variable that a store keeps, chunked a step at a time."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from smcore import names
from smcore.grids import Grid, ease

GRID = ease("M36").cut(slice(100, 114), slice(200, 223))
FLAGS = {"flag_masks": np.array([1, 2, 4], "i4"), "flag_meanings": "not_recommended skipped failed"}


def decimals(shape: tuple[int, ...], seed: int = 0, *, gaps: float = 0.4) -> np.ndarray:
    """Soil moisture on a grid of 1e-4, as float32, with gaps."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.uniform(0.02, 0.6, shape), 4).astype("f4")
    values[rng.random(shape) < gaps] = np.nan
    return values


def observed(
    steps: int = 6, *, grid: Grid = GRID, seed: int = 0, start: str = "2020-01-01", **attrs: Any
) -> xr.Dataset:
    """A lazy cube with soil moisture, flags, observation times, overpasses and a static variable."""
    rng = np.random.default_rng(seed)
    shape = (steps, *grid.shape)
    sm = decimals(shape, seed)
    time = pd.date_range(start, periods=steps).to_numpy().astype("datetime64[ns]")
    late = rng.integers(0, 86_400, shape) * np.timedelta64(1, "s")
    missing = np.isnan(sm)
    variables = {
        "sm": (names.CUBE_DIMS, da.from_array(sm, chunks=(1, -1, -1)), names.attributes("sm")),
        "quality": (names.CUBE_DIMS, np.where(missing, -1, rng.integers(0, 8, shape)).astype("i4"), FLAGS),
        "obs_time": (names.CUBE_DIMS, np.where(missing, np.datetime64("NaT"), time[:, None, None] + late)),
        "elevation": (("y", "x"), rng.random(grid.shape).astype("f4"), names.attributes("elevation")),
    }
    coords = {
        "time": time,
        "lat": ("y", grid.lat),
        "lon": ("x", grid.lon),
        "overpass": ("time", np.array(["am", "pm"] * steps)[:steps]),
    }
    about = {"title": "Test cube", "kind": "observed", "synthetic": 1, "layer_m": "0 0.05", "product": "test"}
    return xr.Dataset(variables, coords, about | grid.to_attrs() | attrs)


def cube_of(values: np.ndarray, *, grid: Grid | None = None, start: str = "2020-01-01", **encoding: Any) -> xr.Dataset:
    """A cube of soil moisture alone from an array (time, y, x)."""
    grid = grid or ease("M36").cut(slice(100, 100 + values.shape[1]), slice(200, 200 + values.shape[2]))
    cube = xr.Dataset(
        {"sm": (names.CUBE_DIMS, values, names.attributes("sm"))},
        {"time": pd.date_range(start, periods=len(values)), "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        {"title": "Test cube", "kind": "observed", "synthetic": 1, **grid.to_attrs()},
    )
    cube["sm"].encoding.update(encoding)
    return cube
