"""A small made-up world for training and prediction: coarse satellite cells, fine forcing, sites."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hostile import hostile_run

from smcore import names
from smcore.catalog import CatalogEntry, add_entry
from smcore.cubes.store import write
from smcore.grids import Grid, ease
from smcore.roles import Source
from smcore.stations import flags
from smcore.stations.collection import Record, Series, build

DAYS = 150
SEA = (0, 0)  # the fine cell without forcing


def day_axis(days: int = DAYS) -> np.ndarray:
    return np.datetime64("2019-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")


def cube_of(grid: Grid, fields: dict[str, np.ndarray], kind: str, days: int = DAYS) -> xr.Dataset:
    """A cube in the data model: fields with (time, y, x) or (y, x)."""
    variables = {}
    for name, values in fields.items():
        dims = names.CUBE_DIMS if values.ndim == 3 else (names.Y, names.X)
        variables[name] = (dims, values.astype(np.float32), names.attributes(name))
    coords = {names.LAT: (names.Y, grid.lat), names.LON: (names.X, grid.lon)}
    if any(v.ndim == 3 for v in fields.values()):
        coords[names.TIME] = day_axis(days)
    attrs = {"title": f"Test {kind}", "kind": kind, "synthetic": 1, "layer_m": "0 0.05", "inputs": kind}
    return xr.Dataset(variables, coords, attrs | {"time_support": names.DAY_MEAN} | grid.to_attrs())


@dataclass
class World:
    """Datasets of one small world."""

    coarse: Grid
    fine: Grid
    target: xr.Dataset
    forcing: xr.Dataset
    static: xr.Dataset
    stations: xr.Dataset
    truth: np.ndarray

    def sources(self, *wanted: str) -> list[Source]:
        """The datasets called ``wanted`` in the role of their name."""
        return [Source(name, frozenset({name}), getattr(self, name), f"print-of-{name}") for name in wanted]


@pytest.fixture(scope="session")
def small_world() -> World:
    """4 × 5 coarse cells of 4 × 4 fine ones, 150 days, one fine cell of sea."""
    return make_world()


def make_world(seed: int = 0, days: int = DAYS) -> World:
    rng = np.random.default_rng(seed)
    coarse = ease("M36").cut(slice(90, 94), slice(200, 205))
    fine = ease("M09").cut(slice(360, 376), slice(800, 820))
    shape = fine.shape
    storms = np.repeat(np.repeat(rng.random((days, 4, 5)) < 0.25, 4, axis=1), 4, axis=2)
    rain = np.where(storms, rng.gamma(1.0, 10.0, (days, *shape)), 0.0)
    warmth = 288 + 8 * np.sin(2 * np.pi * np.arange(days) / 365)[:, None, None] + rng.normal(0, 2, (days, *shape))
    clay = rng.uniform(5, 45, shape)
    truth = np.full((days, *shape), 0.2)
    for day in range(1, days):
        truth[day] = np.clip(truth[day - 1] * 0.93 + 0.004 * rain[day] + 0.0003 * clay, 0.03, 0.5)
    mean = truth.reshape(days, 4, 4, 5, 4).mean(axis=(2, 4))
    observed = mean + rng.normal(0, 0.01, mean.shape)
    observed[rng.random(observed.shape) < 0.4] = np.nan
    rain[:, SEA[0], SEA[1]], warmth[:, SEA[0], SEA[1]] = np.nan, np.nan
    forcing = cube_of(fine, {"precipitation": rain, "air_temperature": warmth}, "forcing", days)
    return World(
        coarse,
        fine,
        cube_of(coarse, {"sm": observed}, "observed", days),
        forcing,
        cube_of(fine, {"clay": clay}, "static"),
        station_set(fine, truth, rng),
        truth,
    )


def station_set(grid: Grid, truth: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    hours = (day_axis(len(truth))[:, None] + np.arange(0, 24, 6) * np.timedelta64(1, "h")).ravel()
    series = []
    for number, (row, column) in enumerate([(2, 3), (5, 9), (8, 14), (12, 17), (14, 2), (9, 6)]):
        values = np.repeat(truth[:, row, column], 4) + rng.normal(0, 0.005, len(hours))
        codes = np.full(len(hours), flags.mask_of(["G"]), np.int32)
        series.append(
            Series(
                "NET", f"S{number}", 0.0, 0.05, float(grid.lat[row]), float(grid.lon[column]),
                {"sm": Record(hours, values, codes)}, "probe",
            )
        )  # fmt: skip
    attrs = {"title": "Test stations", "kind": "stations", "synthetic": 1}
    return build(series, attrs)[0]


@pytest.fixture(scope="session")
def small_catalog(small_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same world as prepared stores with a catalogue."""
    folder = tmp_path_factory.mktemp("world")
    file = folder / "catalog.yml"
    for name in ("target", "forcing", "static", "stations"):
        write(getattr(small_world, name), folder / f"{name}.zarr")
        kind = str(getattr(small_world, name).attrs["kind"])
        layout = "stations" if name == "stations" else "cube"
        add_entry(file, CatalogEntry(name, f"Test {name}", kind, layout, folder / f"{name}.zarr", synthetic=True))
    return file


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Catalogue and folder of a run whose stations have hostile names; not to be written to."""
    return hostile_run(tmp_path_factory.mktemp("hostile"))
