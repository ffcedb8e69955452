"""SMAP-like radiometer products: where and when a swath passes, what it sees of the truth, with which error and flags.

The orbit is SMAP's: sun-synchronous, 117 revolutions in 8 days, ascending node at 18:00 local solar time, a swath of
1000 km (Entekhabi et al. 2010, doi:10.1109/JPROC.2010.2043918). The error model is ours, calibrated once to real
SMAP pixels (``docs/demo-world.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.demo.noise import Field, Floats, Values
from smcore.demo.terrain import Ground
from smcore.grids import Grid

REPEAT_DAYS, REVOLUTIONS = 8, 117
INCLINATION = np.radians(98.12)
SWATH_KM, DEGREE_KM = 1000.0 + 36.0, 111.195  # a cell counts that half a footprint reaches
PASSES = ("am", "pm")
FOOTPRINT_KM = 33.0  # full width at half maximum

FLAGS = {
    "not_recommended": 1,
    "not_attempted": 2,
    "not_successful": 4,
    "static_water": 16,
    "dense_vegetation": 64,
    "frozen_ground": 128,
    "snow": 256,
    "mountainous_terrain": 512,
}
FLAG_ATTRS: dict[str, Any] = {
    "flag_masks": list(FLAGS.values()),
    "flag_meanings": " ".join(FLAGS),
    "recommended_bits": FLAGS["not_recommended"],
    "attempted_bits": FLAGS["not_attempted"],
}
SKIN = 0.2
DENSE_KG_M2 = 5.0
"""Vegetation water above which SMAP does not recommend its retrieval."""


@dataclass(frozen=True)
class Swath:
    """What one pass of one day of the repeat cycle sees: hour of the UTC day (rows, columns), NaN beside the swath."""

    hour: Values

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Cells inside the swath."""
        return np.isfinite(self.hour)


def swaths(grid: Grid) -> dict[tuple[int, str], Swath]:
    """The swaths over `grid` for each day of the repeat cycle (day since 1970, modulo 8) and each pass.

    A cell that two revolutions of one UTC day see keeps the one closer to 06:00 or 18:00 local solar time, as the
    daily SMAP product does.
    """
    return {(day, name): _swath(grid, day, name) for day in range(REPEAT_DAYS) for name in PASSES}


def _swath(grid: Grid, day: int, name: str) -> Swath:
    period = REPEAT_DAYS / REVOLUTIONS
    lat = np.radians(grid.lat)
    argument = np.arcsin(np.clip(np.sin(lat) / np.sin(INCLINATION), -1, 1))
    argument = argument if name == "pm" else np.pi - argument
    turned = np.unwrap(np.arctan2(np.cos(INCLINATION) * np.sin(argument), np.cos(argument)))
    travelled = argument / (2 * np.pi) * period
    shift = np.degrees(turned) - 360 * travelled
    slope = np.gradient(np.radians(shift), lat) * np.cos(lat)
    reach = SWATH_KM / 2 / (DEGREE_KM * np.cos(lat)) * np.sqrt(1 + slope**2)
    best = np.full(grid.shape, np.inf)
    hour = np.full(grid.shape, np.nan, np.float32)
    for revolution in range(int((day - 1) / period), int((day + 1) / period) + 2):
        node_time = revolution * period
        node_lon = 360 * (0.75 - node_time % 1.0)
        time = node_time + travelled - day
        if not _comes_near(grid, node_lon + shift, reach, time):
            continue
        offset = (grid.lon[None, :] - (node_lon + shift)[:, None] + 180) % 360 - 180
        inside = (np.abs(offset) <= reach[:, None]) & ((time >= 0) & (time < 1))[:, None]
        local = (time[:, None] * 24 + grid.lon[None, :] / 15 - (6 if name == "am" else 18) + 12) % 24 - 12
        closer = inside & (np.abs(local) < best)
        best = np.where(closer, np.abs(local), best)
        hour = np.where(closer, (time * 24)[:, None], hour)
    return Swath(hour.astype(np.float32))


def _comes_near(grid: Grid, track: Floats, reach: Floats, time: Floats) -> bool:
    """Whether a revolution can see any cell of the grid on the day."""
    west, east = grid.lon[0], grid.lon[-1]
    away = np.abs((track - (west + east) / 2 + 180) % 360 - 180)
    return bool(((away < (east - west) / 2 + reach) & (time >= 0) & (time < 1)).any())


def footprint(values: Values, land: NDArray[np.bool_], cell_km: float) -> Values:
    """Gaussian mean over land of `FOOTPRINT_KM` full width at half maximum, on cells of `cell_km`; NaN off land.

    Runs over rows, then columns, term by term, so that a crop with its halo gives the same bits.
    """
    sigma = FOOTPRINT_KM / cell_km / 2.3548
    radius = max(1, int(np.ceil(3 * sigma)))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    total, weight = np.where(land, values, 0).astype(np.float64), land.astype(np.float64)
    for axis in (0, 1):
        total, weight = _blur(total, weights, axis), _blur(weight, weights, axis)
    return np.where(land, total / np.where(weight > 0, weight, 1), np.nan).astype(np.float32)


def _blur(values: Floats, weights: Floats, axis: int) -> Floats:
    radius = len(weights) // 2
    padded = np.pad(values, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)])
    size = values.shape[axis]
    total = np.zeros_like(values)
    for k, w in enumerate(weights):
        part = [slice(None), slice(None)]
        part[axis] = slice(k, k + size)
        total += w * padded[tuple(part)]
    return total


@dataclass(frozen=True)
class Surface:
    """What the radiometer's error and flags depend on, each (rows, columns).

    Vegetation water [kg m-2], soil temperature [K] and snow cover of the day.
    """

    vegetation_water: Values
    soil_temperature: Values
    snow_cover: Values


class Radiometer:
    """Turns truth into retrievals on one grid."""

    def __init__(self, seed: int, grid: Grid, ground: Ground) -> None:
        self.grid, self.ground, self.swaths = grid, ground, swaths(grid)
        # White in time, as wide as the footprint: both products see the same radiometer noise.
        self.noise = {name: Field(seed, f"smap/noise/{name}", 0.3, 0.3, 0.1) for name in PASSES}
        self.slow = Field(seed, "smap/slow", 1.2, 1.5, 3.0)
        self.lasting = Field(seed, "smap/lasting", 1.5, 2.0, 24.0)
        self.fixed = Field(seed, "smap/fixed", 1.0, 1.2).at(grid.lat, grid.lon)
        self.gain = Field(seed, "smap/gain", 0.8, 1.0).at(grid.lat, grid.lon)

    def error(self, day: int, name: str, water: Values, surface: Surface) -> Values:
        """What is added to the truth [m3 m-3]: a wet bias and noise, both growing with vegetation, and a gain."""
        lat, lon = self.grid.lat, self.grid.lon
        dense = np.minimum(surface.vegetation_water / np.float32(DENSE_KG_M2), 2)
        later = 0.0 if name == "am" else 0.5
        noise = (0.015 + 0.012 * dense) * (1.0 if name == "am" else 1.15) * self.noise[name].at(lat, lon, day + later)
        slow = (0.006 + 0.007 * dense) * self.slow.at(lat, lon, day + later)
        slow = slow + (0.005 + 0.006 * dense) * self.lasting.at(lat, lon, day + later)
        bias = 0.006 + 0.052 * dense + 0.015 * self.fixed - (0.0 if name == "am" else 0.004)
        gain = (0.16 * self.gain - 0.20 * dense) * (water - 0.2)
        return (noise + slow + bias + gain).astype(np.float32)

    def observe(
        self, day: int, name: str, truth: tuple[Values, Values, Values], surface: Surface
    ) -> tuple[Values, NDArray[np.int32], Values]:
        """One pass of one UTC day.

        Parameters
        ----------
        truth
            Footprint means of the day before, the day and the day after [m3 m-3].

        Returns
        -------
        retrieval : ndarray (rows, columns)
            m3 m-3; NaN beside the swath and where no retrieval is attempted.
        quality : ndarray (rows, columns) int32
            Bits of `FLAGS`, -1 beside the swath and at sea.
        hour : ndarray (rows, columns)
            Hour of the UTC day of the observation, NaN beside the swath.
        """
        swath = self.swaths[day % REPEAT_DAYS, name]
        late = np.nan_to_num(swath.hour) / np.float32(24) - np.float32(0.5)
        water = truth[1] * (1 - np.abs(late)) + np.where(late > 0, truth[2], truth[0]) * np.abs(late)
        # L-band sees the topmost centimetres best: wetter than the layer after rain, drier later.
        water = water + np.float32(SKIN) * (truth[1] - truth[0])
        quality = self._quality(surface)
        value = np.clip(water + self.error(day, name, water, surface), 0.02, 0.65)
        frozen = (quality & FLAGS["frozen_ground"]) > 0
        value = np.where(frozen, np.maximum(value * np.float32(0.55), 0.02), value)  # ice looks like dry soil
        seen = swath.seen & self.ground.land
        attempted = seen & ((quality & FLAGS["not_attempted"]) == 0)
        return (
            np.where(attempted, value, np.nan).astype(np.float32),
            np.where(seen, quality, -1).astype(np.int32),
            np.where(seen, swath.hour, np.nan).astype(np.float32),
        )

    def _quality(self, surface: Surface) -> NDArray[np.int32]:
        water = self.ground.water_fraction
        raised = {
            "static_water": water > 0.05,
            "dense_vegetation": surface.vegetation_water > DENSE_KG_M2,
            "frozen_ground": surface.soil_temperature < 273.15,
            "snow": surface.snow_cover > 0.05,
            "mountainous_terrain": self.ground.slope > 3.0,
        }
        quality = np.zeros(self.ground.land.shape, np.int32)
        for name, where in raised.items():
            quality |= np.where(where, FLAGS[name] | FLAGS["not_recommended"], 0).astype(np.int32)
        impossible = (water > 0.5) | (surface.snow_cover > 0.5)
        return quality | np.where(impossible, FLAGS["not_attempted"], 0).astype(np.int32)
