"""Small cubes, pixel sets and station collections in the data model; all of them made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smcore.grids import Grid, ease

GRID = ease("M36").cut(slice(100, 104), slice(200, 206))


def hours(start: str, count: int, step: int = 1) -> np.ndarray:
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(step, "h")


def days(start: str, count: int) -> np.ndarray:
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(1, "D")


@pytest.fixture(scope="session")
def make_cube() -> Callable[..., xr.Dataset]:
    def make(
        values: np.ndarray, time: np.ndarray, grid: Grid = GRID, *, units: str = "m3 m-3", **attrs: Any
    ) -> xr.Dataset:
        values = np.asarray(values, np.float32)
        if values.ndim == 1:
            values = np.broadcast_to(values[:, None, None], (len(time), *grid.shape))
        described = {
            "title": "made up",
            "kind": "modelled",
            "synthetic": 1,
            "time_support": "instant",
            "layer_m": "0 0.05",
        }
        return xr.Dataset(
            {"sm": (("time", "y", "x"), np.array(values), {"units": units})},
            {"time": time, "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
            {**described, **grid.to_attrs(), **attrs},
        )

    return make


@pytest.fixture(scope="session")
def make_pixels() -> Callable[..., xr.Dataset]:
    def make(values: np.ndarray, time: np.ndarray, lat: Any, lon: Any, **attrs: Any) -> xr.Dataset:
        described = {
            "title": "made up",
            "kind": "modelled",
            "synthetic": 1,
            "time_support": "instant",
            "layer_m": "0 0.05",
        }
        values = np.atleast_2d(np.asarray(values, np.float32))
        return xr.Dataset(
            {"sm": (("location", "time"), values, {"units": "m3 m-3"})},
            {
                "time": time,
                "location": np.arange(len(values)),
                "lat": ("location", np.broadcast_to(np.asarray(lat, float), len(values)).copy()),
                "lon": ("location", np.broadcast_to(np.asarray(lon, float), len(values)).copy()),
            },
            {**described, **attrs},
        )

    return make


@pytest.fixture(scope="session")
def make_stations() -> Callable[..., xr.Dataset]:
    def make(
        values: np.ndarray,
        time: np.ndarray,
        lat: Any,
        lon: Any,
        *,
        flag: np.ndarray | None = None,
        depth: Sequence[tuple[float, float]] | None = None,
        station: Sequence[str] | None = None,
        network: Sequence[str] | None = None,
    ) -> xr.Dataset:
        values = np.atleast_2d(np.asarray(values, np.float32))
        count = len(values)
        depth = depth or [(0.05, 0.05)] * count
        station = station or [f"S{i}" for i in range(count)]
        network = network or ["NET"] * count
        ids = [
            f"{n}/{s}/{a:g}-{b:g}/probe{i}"
            for i, (n, s, (a, b)) in enumerate(zip(network, station, depth, strict=True))
        ]
        data = {"sm": (("sensor", "time"), values, {"units": "m3 m-3"})}
        if flag is not None:
            attrs = {"flag_masks": np.array([1, 2, 4], np.int32), "flag_meanings": "G U D01"}
            data["flag"] = (("sensor", "time"), np.broadcast_to(flag, values.shape).astype(np.int32), attrs)
        return xr.Dataset(
            data,
            {
                "time": time,
                "sensor": ids,
                "network": ("sensor", list(network)),
                "station": ("sensor", list(station)),
                "lat": ("sensor", np.broadcast_to(np.asarray(lat, float), count).copy()),
                "lon": ("sensor", np.broadcast_to(np.asarray(lon, float), count).copy()),
                "depth_from": ("sensor", [a for a, _ in depth]),
                "depth_to": ("sensor", [b for _, b in depth]),
            },
            {"title": "made up", "kind": "stations", "synthetic": 1},
        )

    return make
