"""Tiny catalogues that the app's tests look at: an observed-like cube with gaps, a finer model in it, and stations; and
one with inputs of all five systems, with cards of weights that nobody trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from factories import catalogue, tiny_cube, tiny_stations

from smcore import names
from smcore.catalog import CatalogEntry, add_entry
from smcore.grids import Grid, ease, regular
from smcore.models.card import CARD_FILE, ModelCard
from smcore.models.input_sets import INPUT_SETS, OBSERVED
from smcore.models.spec import InputSpec


@dataclass(frozen=True)
class Tiny:
    """The catalogue's file and the grids of its two products."""

    file: Path
    coarse: Grid
    fine: Grid

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude of a cell that both products cover."""
        return float(self.fine.lat[20]), float(self.fine.lon[30])


def make_tiny(folder: Path) -> Tiny:
    """Write the products ``coarse`` and ``fine`` and the stations ``nets`` into a folder."""
    coarse = ease("M36").cut(slice(80, 92), slice(200, 216))
    fine = ease("M09").cut(slice(324, 364), slice(804, 852))
    data = {
        "coarse": tiny_cube(coarse, gaps=0.4, kind="observed", title="Observed-like 36 km"),
        "fine": tiny_cube(fine, seed=2, title="Model 9 km"),
        "nets": tiny_stations(fine),
    }
    return Tiny(catalogue(folder, data), coarse, fine)


TRAINED_ON = {
    "smsnet": {"forcing": "optical-9", "static": "optical-9", "target": "smap-9"},
    "drcgan": {"model_sm": "noah-36", "static": "noah-36", "target": "smap-36"},
    "pscnet": {"forcing": "land-3h", "static": "land-3h", "target": "smap-9"},
    "tssmnet": {"forcing": "land-9", "static": "land-9", "target": "smap-9"},
    "multiscale_lstm": {"forcing": "weather-36", "static": "weather-36", "target": "smap-36"},
}
"""What the weights of each system were trained on, by role."""


def make_systems(folder: Path, *, synthetic: bool = True, title: str = "") -> Path:
    """Write inputs for each of the five systems and a card for each; returns the catalogue.

    ``synthetic`` tells whether the data are made up; the weights always know a made-up world only.
    """
    m36 = ease("M36").cut(slice(80, 84), slice(200, 206))
    m09 = ease("M09").cut(slice(320, 336), slice(800, 824))
    m01 = ease("M01").cut(slice(2880, 2889), slice(7200, 7218))
    sets = {name: found.inputs for name, found in INPUT_SETS.items()}
    about = {"synthetic": int(synthetic)}
    data = {
        "smap-36": tiny_cube(m36, gaps=0.3, kind="observed", title="Observed 36 km", **about),
        "smap-9": tiny_cube(m09, gaps=0.3, kind="observed", title="Observed 9 km", **about),
        "noah-36": _given(tiny_cube(m36, title="Land model", **about), sets["drcgan"]),
        "optical-9": _given(_empty(m09, "Optical 9 km", **about), sets["smsnet"]),
        "optical-1": _given(_empty(m01, "Optical 1 km", count=5, **about), sets["smsnet"]),
        "land-9": _given(_empty(m09, "Land 9 km", **about), sets["tssmnet"]),
        "weather-36": _given(_empty(m36, "Weather 36 km", **about), sets["multiscale_lstm"]),
        "land-3h": _given(_three_hourly(**about), sets["pscnet"]),
    }
    file = catalogue(folder, data)
    for model, trained in TRAINED_ON.items():
        add_entry(file, _weights(folder, model, trained, title))
    return file


def _empty(grid: Grid, title: str, count: int = 40, **attrs: int) -> xr.Dataset:
    return tiny_cube(grid, count, kind="forcing", title=title, **attrs).drop_vars("sm")


def _three_hourly(**attrs: int) -> xr.Dataset:
    time = pd.date_range("2018-01-01", periods=24, freq="3h").to_numpy().astype("datetime64[ns]")
    grid = regular(36.0, -104.0, 0.1, 0.1, 6, 8)
    made = _empty(grid, "Land 3-hourly", count=24, **attrs)
    return made.assign_coords(time=time).assign_attrs(time_support=names.INSTANT)


def _given(cube: xr.Dataset, inputs: tuple[InputSpec, ...]) -> xr.Dataset:
    """The cube with every input of a system, all with the value 1."""
    shape = {"dynamic": ("time", "y", "x"), "static": ("y", "x")}
    sizes = {"time": len(cube["time"]), "y": len(cube["lat"]), "x": len(cube["lon"])}
    added = {
        i.name: (shape[i.role], np.ones([sizes[d] for d in shape[i.role]], "f4"), {"units": i.units})
        for i in inputs if i.name in names.VARIABLES
    }  # fmt: skip
    return cube.assign(added)


def _weights(folder: Path, model: str, trained: dict[str, str], title: str) -> CatalogEntry:
    """A card as a training run writes it, in a folder without weights, and its entry."""
    inputs = [i for i in INPUT_SETS[model].inputs if i.name in names.VARIABLES or i.name == "model_sm"]
    inputs += [OBSERVED] if model in ("drcgan", "tssmnet") else []
    card = ModelCard(
        model, title or f"Weights of {model}", "demo",
        inputs=[i.to_json() for i in inputs],
        data=[{"id": i, "role": role, "title": i} for role, i in trained.items()],
        period=("2016-01-01", "2018-12-31"), cells={"grid": "M36", "row": [80, 81], "col": [200, 201]},
        stations=["TEST/One/0.00-0.05/probe"],
        split={"kind": "block", "folds": 1, "fold": 1, "seed": 0, "test_period": ["2019-01-01", "2019-12-31"]},
        scores=[{"fold": "all", "sample": "test", "metric": "median_pearson_r", "locations": 2, "pairs": 700,
                 "value": 0.888, "lower": 0.877, "upper": 0.894, "status": "ok"}],
        training={"seconds": 704.2, "device": "cpu", "samples": 1460, "seed": 0,
                  "departures": ["epochs 10 instead of 40"]},
        uncertainty={
            "calibration": {"values": 900, "locations": 3, "from": "cells of the training blocks"},
            "measured": [{"sample": "test", "stratum": "all", "level": "all", "values": 700, "coverage": 0.913,
                          "mean_width": 0.1032, "lower": 0.89, "upper": 0.93},
                         {"sample": "test", "stratum": "season", "level": "DJF", "values": 200, "coverage": 0.871,
                          "mean_width": 0.09}],
            "climatology": {"mean_width": 0.2, "coverage": 0.88},
        },
        limits=["Trained on synthetic data: it says nothing about the real world."], licence="CC0-1.0",
        citation="Somebody (2022): A journal", doi="10.1000/some", synthetic=True, weights_sha256=f"{model:0<64}",
    )  # fmt: skip
    place = folder / f"weights-{model}"
    place.mkdir()
    (place / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return CatalogEntry(f"{model}-demo", card.title, "model", "model", place, synthetic=True)
