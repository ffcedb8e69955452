"""The data that the app is measured on (synthetic), and servers of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import xarray as xr

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

from factories import catalogue, tiny_cube, tiny_stations  # noqa: E402

from smcore import names  # noqa: E402
from smcore.cubes.prepared import PreparedCube  # noqa: E402
from smcore.cubes.sources import lazy_stack  # noqa: E402
from smcore.cubes.store import open_store, write  # noqa: E402
from smcore.grids import Grid, ease  # noqa: E402

DAYS, PRODUCTS, GLOBAL_DAYS = 3000, 5, 8
MAP = (1100, 532)
"""Pixels of the map in a window of 1720 × 940."""
WINDOW = {"width": 1720, "height": 940}


@dataclass
class World:
    """The catalogue and its grids."""

    file: Path
    globe: Grid
    region: Grid


def make_world(folder: Path) -> World:
    """9 km global for the map, five products of 3000 days and four stations in a corner for the series."""
    globe, region = ease("M09"), ease("M09").cut(slice(300, 332), slice(800, 840))
    data = {"globe": tiny_cube(globe, count=GLOBAL_DAYS, gaps=0.3, kind="observed", title="9 km global")}
    data |= {f"p{n}": tiny_cube(region, count=DAYS, seed=n, title=f"Product {n}") for n in range(1, PRODUCTS + 1)}
    data["nets"] = tiny_stations(region, count=DAYS, stations=4)
    return World(catalogue(folder, data), globe, region)


def day(shape: tuple[int, int], step: int) -> np.ndarray:
    """A smooth day [m3 m-3] with gaps of a swath."""
    y, x = np.arange(shape[0], dtype="f4")[:, None], np.arange(shape[1], dtype="f4")[None, :]
    values = 0.25 + 0.15 * np.sin(y / 97 + step) * np.cos(x / 131)
    gap = (x + y / 3 + 230 * step) % 700 > 560
    return np.where(gap, np.float32(np.nan), np.round(values, 4)).astype(np.float32)


def prepared(folder: Path, grid: Grid, name: str, steps: int) -> PreparedCube:
    """A prepared store of a few days on a grid, with its overviews."""
    days = lazy_stack([partial(day, grid.shape, step) for step in range(steps)], grid.shape, np.float32)
    cube = xr.Dataset(
        {"sm": (names.CUBE_DIMS, days, names.attributes("sm"))},
        {"time": pd.date_range("2020-01-01", periods=steps), "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        {"title": "Benchmark cube", "kind": "observed", "synthetic": 1, **grid.to_attrs()},
    )
    write(cube, folder / name, series=False)
    store = open_store(folder / name)
    assert isinstance(store, PreparedCube)
    return store


@contextmanager
def listening(command: list[str], port: int, **environment: str) -> Iterator[tuple[psutil.Process, float]]:
    """A server in a process of its own: the process, and the seconds until it listened."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=os.environ | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None:
                sys.exit(f"the server did not start: {' '.join(command)}")
            time.sleep(0.05)
        yield psutil.Process(process.pid), time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(file: Path, home: Path) -> Iterator[tuple[int, psutil.Process, float]]:
    """``loam serve`` on a catalogue: its port, its process, and the seconds until it listened."""
    port = free_port()
    command = ["-m", "app", "serve", str(file), "--port", str(port), "--no-open"]
    with listening(command, port, LOAM_HOME=str(home), LOAM_MAX_SESSIONS="500") as (process, seconds):
        yield port, process, seconds
