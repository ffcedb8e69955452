"""Small synthetic data in the data model, for tests: cubes, pixel sets, stations, a catalogue of prepared stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smcore import names
from smcore.catalog import CatalogEntry, add_entry
from smcore.cubes.store import write
from smcore.grids import Grid, ease


def days(count: int, start: str = "2018-01-01") -> np.ndarray:
    return pd.date_range(start, periods=count, freq="D").to_numpy().astype("datetime64[ns]")


def field(grid: Grid, time: np.ndarray, seed: int) -> np.ndarray:
    """A smooth field with a seasonal cycle: (time, y, x)."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(np.linspace(0, 3, grid.shape[0]), np.linspace(0, 4, grid.shape[1]), indexing="ij")
    season = 0.06 * np.sin(2 * np.pi * np.arange(len(time)) / 60)[:, None, None]
    noise = rng.normal(0, 0.01, (len(time), *grid.shape))
    return (0.24 + 0.08 * np.sin(y + x) + season + noise).astype("f4")


def tiny_cube(
    grid: Grid | None = None, count: int = 40, *, seed: int = 1, gaps: float = 0.0, **attrs: Any
) -> xr.Dataset:
    """A cube in the data model; ``gaps`` is the share of values missing."""
    grid = grid or ease("M36").cut(slice(80, 92), slice(200, 216))
    time = days(count)
    values = field(grid, time, seed)
    if gaps:
        values[np.random.default_rng(seed + 99).random(values.shape) < gaps] = np.nan
    about = {
        "title": "Tiny cube", "kind": "modelled", "synthetic": 1, "layer_m": "0 0.05",
        "time_support": names.DAY_MEAN, "licence": "CC0", "product": "tiny", **grid.to_attrs(),
    }  # fmt: skip
    return xr.Dataset(
        {"sm": (names.CUBE_DIMS, values, names.attributes("sm"))},
        coords={"time": time, "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        attrs=about | attrs,
    )


def tiny_stations(grid: Grid | None = None, count: int = 40, *, stations: int = 3) -> xr.Dataset:
    """A station collection inside ``grid``: hourly, flag G, one sensor each."""
    from smcore.stations import flags

    grid = grid or ease("M36").cut(slice(80, 92), slice(200, 216))
    time = pd.date_range("2018-01-01", periods=count * 24, freq="h").to_numpy().astype("datetime64[ns]")
    cube = field(grid, days(count), 1)
    rows, columns = (
        np.linspace(1, grid.shape[0] - 2, stations).astype(int),
        np.linspace(1, grid.shape[1] - 2, stations).astype(int),
    )
    rng = np.random.default_rng(5)
    values = np.stack([np.repeat(cube[:, r, c], 24) for r, c in zip(rows, columns, strict=True)])
    values = (values + rng.normal(0, 0.02, values.shape)).astype("f4")
    label = [f"TEST/Station {i + 1}/0.00-0.05/probe" for i in range(stations)]
    text = lambda value: ("sensor", np.array([value] * stations, dtype=str))  # noqa: E731
    return xr.Dataset(
        {
            "sm": (("sensor", "time"), values, names.attributes("sm")),
            "flag": (("sensor", "time"), np.full(values.shape, flags.mask_of(("G",)), "i4"), flags.attributes()),
        },
        coords={
            "sensor": np.array(label), "time": time, "network": text("TEST"), "instrument": text("probe"),
            "station": ("sensor", np.array([f"Station {i + 1}" for i in range(stations)])),
            "depth_from": ("sensor", np.zeros(stations)), "depth_to": ("sensor", np.full(stations, 0.05)),
            "lat": ("sensor", grid.lat[rows]), "lon": ("sensor", grid.lon[columns]),
            "elevation": ("sensor", np.zeros(stations)), "land_cover": text(""), "climate": text(""),
        },
        attrs={
            "title": "Test stations", "kind": "stations", "synthetic": 1, "licence": "CC0",
            "time_support": names.INSTANT,
        },
    )  # fmt: skip


def catalogue(folder: Path, data: dict[str, xr.Dataset], **fields: Any) -> Path:
    """Write each dataset as a prepared store and catalogue it; returns the catalogue file."""
    file = folder / "catalog.yml"
    for entry_id, dataset in data.items():
        store = folder / entry_id
        info = write(dataset, store)
        attrs = dataset.attrs
        add_entry(
            file,
            CatalogEntry(
                id=entry_id, title=str(attrs["title"]), kind=str(attrs["kind"]), layout=info.layout, location=store,
                synthetic=bool(attrs["synthetic"]), variables=info.variables, period=info.period or None,
                grid=str(attrs.get("grid_name", "")), units=info.variables.get("sm", ""), layer_m=(0.0, 0.05),
                time_support=str(attrs.get("time_support", "")), licence="CC0",
                roles=_roles(info.layout, info.variables),
                **fields,
            ),
        )  # fmt: skip
    return file


def _roles(layout: str, variables: dict[str, str]) -> tuple[str, ...]:
    """What a data set is good for: without soil moisture it is no product."""
    if layout == "stations":
        return ("stations",)
    return ("product", "target") if "sm" in variables else ("forcing", "static")
