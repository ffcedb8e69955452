"""Biased land-surface models of the demo world: own forcing errors, own soil, own layer depths.

They run the bucket on weather as an analysis knows it. They never read the truth (tested).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smcore.demo import soil_water
from smcore.demo.noise import Field, Values
from smcore.demo.soil_water import Soil, State, Water
from smcore.demo.terrain import Ground
from smcore.demo.weather import Day
from smcore.grids import Grid


@dataclass(frozen=True)
class Design:
    """How a model differs from the truth: layer depths [mm], wetness offset, soil map error, pace of drying."""

    name: str
    top_mm: float
    root_mm: float
    offset: float
    soil_error: float
    drying: float


NOAH_LIKE = Design("noah", 100.0, 900.0, 0.035, 0.22, 1.25)
ERA5_LAND_LIKE = Design("era5land", 70.0, 210.0, 0.055, 0.16, 0.95)


def soil(design: Design, seed: int, grid: Grid, ground: Ground) -> Soil:
    """The model's soil parameters: a coarse soil map with errors, no organic matter, one vegetation."""
    error = Field(seed, f"{design.name}/soil", 1.6, 2.0).at(grid.lat, grid.lon)
    other = Field(seed, f"{design.name}/pace", 2.4, 2.8).at(grid.lat, grid.lon)
    residual = np.clip(0.045 + 0.0015 * ground.clay + 0.015 * error, 0.02, 0.16).astype(np.float32)
    span = 0.16 * np.exp(design.soil_error * other)
    field_capacity = (residual + design.offset + span).astype(np.float32)
    return Soil(
        residual=residual + np.float32(design.offset),
        field_capacity=field_capacity,
        porosity=np.maximum(field_capacity + 0.12, 0.43).astype(np.float32),
        drainage_days=(1.4 * np.exp(design.soil_error * error)).astype(np.float32),
        evaporation_share=(design.drying * (0.66 - 0.1 * ground.greenness)).astype(np.float32),
        interception=np.full(grid.shape, 0.6, np.float32),
        top_mm=design.top_mm,
        root_mm=design.root_mm,
        exchange_days=20.0,
        bypass=0.08,
    )


class LandModel:
    """One model on one grid, stepped day by day (or finer) over an analysis of the weather."""

    def __init__(self, design: Design, seed: int, grid: Grid, ground: Ground) -> None:
        self.ground, self.soil = ground, soil(design, seed, grid, ground)
        self.state: State | None = None

    def started(self, temperature: Values) -> State:
        """The state, made by the common rule at the first call."""
        if self.state is None:
            self.state = State.start(self.soil, self.ground, temperature)
        return self.state

    def day(self, weather: Day) -> Water:
        """Move on by one UTC day."""
        return soil_water.one_day(self.started(weather.temperature), self.soil, weather)
