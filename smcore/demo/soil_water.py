"""Bucket model: water in the top 5 cm of soil and in the root zone below, with snow and soil temperature.

It makes the truth of the demo world and, with other parameters, its biased land-surface model. Rain fills the top
layer, which drains above field capacity, dries by evaporation in proportion to its available water (so dry-downs are
exponential), and exchanges water with the root zone. No water is taken from or given to neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smcore.demo.noise import Values, octaves
from smcore.demo.terrain import Ground
from smcore.demo.weather import Day
from smcore.grids import Grid

FREEZING = np.float32(273.15)


@dataclass(frozen=True)
class Soil:
    """Parameters of the bucket, each (rows, columns) or a number.

    Water contents in m3 m-3, depths in mm, times in days.
    """

    residual: Values
    field_capacity: Values
    porosity: Values
    drainage_days: Values
    evaporation_share: Values
    interception: Values
    top_mm: float = 50.0
    root_mm: float = 450.0
    exchange_days: float = 19.0
    bypass: float = 0.14
    soil_heat_days: float = 3.5

    @classmethod
    def of_truth(cls, seed: int, grid: Grid, ground: Ground) -> Soil:
        """The truth's parameters: texture and vegetation set them, and hidden differences that no input tells."""
        hidden = [octaves(seed, f"truth/{k}", (1.5, 0.3, 0.05), (1.0, 0.7, 0.6)).at(grid.lat, grid.lon) for k in (0, 1)]
        spread = np.exp(0.10 * hidden[0] - 0.06 * hidden[1])
        drainage = np.clip(1.3 - 0.014 * ground.sand + 0.03 * (ground.clay - 20), 0.5, 3.0)
        return cls(
            residual=ground.wilting_point,
            field_capacity=np.clip(ground.field_capacity + 0.012 * hidden[0], 0.1, ground.porosity - 0.05),
            porosity=ground.porosity,
            drainage_days=(drainage * np.exp(0.2 * hidden[1] + 0.25 * ground.hollow)).astype(np.float32),
            evaporation_share=np.minimum((0.94 - 0.26 * ground.greenness) * spread, 0.97).astype(np.float32),
            interception=0.4 + 1.4 * ground.forest,
        )


@dataclass
class State:
    """What the bucket remembers: water contents of both layers [m3 m-3], snow [mm], soil temperature [K]."""

    top: Values
    root: Values
    snow: Values
    soil_temperature: Values

    @classmethod
    def start(cls, soil: Soil, ground: Ground, temperature: Values) -> State:
        """The same rule for every simulation: wetness follows the climate, no snow."""
        wetness = 0.25 + 0.6 * ground.greenness
        water = soil.residual + wetness * (soil.field_capacity - soil.residual)
        water = (water * np.ones_like(temperature)).astype(np.float32)
        return cls(water.copy(), water, np.zeros_like(temperature), temperature.astype(np.float32))

    @property
    def snow_cover(self) -> Values:
        """Share of ground under snow: full at 15 mm of water."""
        return np.minimum(self.snow / np.float32(15), 1)


@dataclass(frozen=True)
class Water:
    """What one day or step yields: mean top-layer and root-zone water [m3 m-3], evaporation [mm d-1]."""

    top: Values
    root: Values
    evaporation: Values


def _dry(state: State, soil: Soil, demand: Values, days: float) -> Values:
    """Let the soil drain, evaporate and exchange for `days`; returns the evaporation [mm]."""
    span = soil.field_capacity - soil.residual
    thawed = state.soil_temperature >= FREEZING
    need = demand * np.float32(days) * (1 - np.float32(0.85) * state.snow_cover)

    above = np.maximum(state.top - soil.field_capacity, 0)
    drained = above * (1 - np.exp(np.float32(-days) / soil.drainage_days)) * (0.35 + 0.65 * thawed)
    top = state.top - drained
    root = state.root + drained * np.float32(soil.top_mm / soil.root_mm)

    available = np.maximum(top - soil.residual, 0)
    loss = available * (1 - np.exp(-need * soil.evaporation_share / (np.float32(soil.top_mm) * span))) * thawed
    root_available = np.maximum(root - soil.residual, 0)
    taken = root_available * (1 - np.exp(-need * (1 - soil.evaporation_share) / (np.float32(soil.root_mm) * span)))
    top, root = top - loss, root - taken

    # Capillary rise and slow percolation pull both layers together; the thin layer moves most.
    pull = (root - top) * np.float32(1 - np.exp(-days / soil.exchange_days)) * thawed
    top = top + pull
    root = root - pull * np.float32(soil.top_mm / soil.root_mm)
    deep = np.maximum(root - soil.field_capacity, 0) * np.float32(1 - np.exp(-days / 6.0))
    state.top, state.root = top, root - deep
    return loss * np.float32(soil.top_mm) + taken * np.float32(soil.root_mm)


def _wet(state: State, soil: Soil, rain: Values, temperature: Values) -> None:
    """Add rain [mm] or snow; melt; what the top layer can't hold goes to the root zone, then runs off."""
    falls_as_snow = temperature < np.float32(273.65)
    melt = np.minimum(state.snow, np.maximum(temperature - np.float32(273.65), 0) * np.float32(1.6))
    state.snow = state.snow + np.where(falls_as_snow, rain, 0) - melt
    reaching = np.maximum(np.where(falls_as_snow, 0, rain) - soil.interception, 0) + melt
    to_top = reaching * np.float32(1 - soil.bypass)
    room = np.maximum(soil.porosity - state.top, 0) * np.float32(soil.top_mm)
    # Infiltration slows down as the layer fills: never more than the room, close to all of a small rain.
    stored = room * (1 - np.exp(-to_top / np.maximum(room, np.float32(0.1))))
    state.top = state.top + stored / np.float32(soil.top_mm)
    state.root = np.minimum(state.root + (reaching - stored) / np.float32(soil.root_mm), soil.porosity)


def _warm(state: State, soil: Soil, temperature: Values, days: float) -> None:
    """Soil temperature follows the air slowly, more slowly under snow."""
    rate = np.float32(1 - np.exp(-days / soil.soil_heat_days)) * (1 - np.float32(0.7) * state.snow_cover)
    state.soil_temperature = state.soil_temperature + rate * (temperature - state.soil_temperature)


def one_day(state: State, soil: Soil, weather: Day) -> Water:
    """Move on by one UTC day: rain of its halves falls at 06 and 18 UTC. Returns the means of the day."""
    half = (weather.temperature, weather.temperature)
    return steps(state, soil, weather.rain, half, (weather.demand, weather.demand), 1.0)


def steps(
    state: State,
    soil: Soil,
    rain: Sequence[Values],
    temperature: Sequence[Values],
    demand: Sequence[Values],
    days: float,
) -> Water:
    """Move on by `days` in equal steps; the rain [mm] of each falls in its middle. Returns means over the time.

    Parameters
    ----------
    rain, temperature, demand
        One field a step: rain [mm a step], air temperature [K], potential evaporation [mm d-1].
    """
    length = days / len(rain)
    evaporated = np.zeros_like(state.top)
    top_sum, root_sum = np.zeros_like(state.top), np.zeros_like(state.top)
    for water, air, need in zip(rain, temperature, demand, strict=True):
        _warm(state, soil, air, length)
        before = state.top, state.root
        evaporated += _dry(state, soil, need, length / 2)
        top_sum += before[0] + state.top
        root_sum += before[1] + state.root
        _wet(state, soil, water, air)
        before = state.top, state.root
        evaporated += _dry(state, soil, need, length / 2)
        top_sum += before[0] + state.top
        root_sum += before[1] + state.root
    parts = np.float32(4 * len(rain))
    return Water(top_sum / parts, root_sum / parts, evaporated / np.float32(days))
