"""Vegetation of the demo world: it greens with warmth and past rain, and never reads the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smcore.demo.noise import Values
from smcore.demo.terrain import Ground
from smcore.demo.weather import Day

WARMTH_DAYS, MOISTURE_DAYS = 18.0, 45.0


@dataclass
class Phenology:
    """Slowly varying drivers of greenness: warmth [K] and the ratio of rain to demand of the past weeks."""

    warmth: Values
    moisture: Values

    @classmethod
    def start(cls, ground: Ground, temperature: Values) -> Phenology:
        """The same rule for every simulation: today's warmth, the climate's moisture."""
        return cls(temperature.astype(np.float32), (0.2 + 0.6 * ground.greenness).astype(np.float32))

    def advance(self, weather: Day) -> None:
        """Move on by one day."""
        rain = weather.rain[0] + weather.rain[1]
        ratio = np.minimum(rain / (weather.demand + np.float32(0.5)), 4)
        self.warmth = self.warmth + np.float32(1 / WARMTH_DAYS) * (weather.temperature - self.warmth)
        self.moisture = self.moisture + np.float32(1 / MOISTURE_DAYS) * (ratio - self.moisture)

    def green(self, ground: Ground) -> Values:
        """Share of the ground that is green, 0 to 1."""
        warm = 1 / (1 + np.exp(-(self.warmth - np.float32(282.5)) / np.float32(2.8)))
        moist = 0.45 + 0.55 * np.clip(self.moisture / np.float32(0.7), 0, 1)
        evergreen = 0.35 * ground.forest
        share = ground.greenness * (evergreen + (1 - evergreen) * (0.12 + 0.88 * warm * moist))
        return np.clip(share, 0.01, 0.98).astype(np.float32)


def ndvi(green: Values) -> Values:
    """NDVI of ground of which `green` is green."""
    return 0.10 + 0.78 * green


def leaf_area(green: Values) -> Values:
    """Leaf area index [m2 m-2] by Beer's law with extinction 0.5 (Monsi & Saeki 1953)."""
    return -2 * np.log(1 - 0.95 * green)


def vegetation_water(ground: Ground, green: Values) -> Values:
    """Vegetation water content [kg m-2]: wood all year, leaves and crops with the season."""
    season = green / np.maximum(ground.greenness, np.float32(0.02))
    return (ground.biomass * (0.45 + 0.55 * np.minimum(season, 1))).astype(np.float32)
