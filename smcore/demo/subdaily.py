"""The 3-hourly domain at 0.1 degree: forcing in the form of ERA5-Land, and the 3-hourly truth.

Rain is that of the 9 km domain, spread over the hours by the passing systems. The truth is a 3-hourly bucket whose
daily mean is set to the 9 km truth, carried over by area.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.demo import soil_water, terrain, vegetation
from smcore.demo.analyses import REANALYSIS, Analysis
from smcore.demo.land_model import ERA5_LAND_LIKE, LandModel
from smcore.demo.nesting import Transfer
from smcore.demo.noise import Field, Floats, Values
from smcore.demo.simulation import Scene
from smcore.demo.vegetation import Phenology
from smcore.demo.weather import STEFAN_BOLTZMANN, Climate, Day, top_of_atmosphere
from smcore.demo.world import season_start
from smcore.grids import Grid

HOURS = 3
STEPS = 24 // HOURS
SECONDS = HOURS * 3600

UNITS: dict[str, str] = {
    "swvl1": names.VOLUMETRIC,
    "swvl2": names.VOLUMETRIC,
    "skin_temperature": "K",
    "air_temperature": "K",
    "soil_temperature": "K",
    "precipitation": "mm d-1",
    "evaporation": "mm d-1",
    "net_shortwave": "W m-2",
    "net_longwave": "W m-2",
    "albedo": "1",
    "lai_low": "m2 m-2",
    "lai_high": "m2 m-2",
    "snow_cover": "1",
    "wind_u": "m s-1",
    "wind_v": "m s-1",
    "surface_pressure": "Pa",
    "dewpoint": "K",
    "tp": "m",
    "e": "m",
    "ssr": "J m-2",
    "str": "J m-2",
}
PUBLISHED = {
    "skin_temperature": "skt",
    "air_temperature": "t2m",
    "soil_temperature": "stl1",
    "precipitation": "tp",
    "evaporation": "e",
    "net_shortwave": "ssr",
    "net_longwave": "str",
    "albedo": "fal",
    "lai_low": "lai_lv",
    "lai_high": "lai_hv",
    "snow_cover": "snowc",
    "wind_u": "u10",
    "wind_v": "v10",
    "surface_pressure": "sp",
    "dewpoint": "d2m",
}
"""Names in ERA5-Land of variables kept under our names; tp, e, ssr and str are there under both, in both units."""

AMOUNTS = {
    "tp": "total precipitation in the 3 hours",
    "e": "total evaporation in the 3 hours, upward negative, as ECMWF counts",
    "ssr": "net short-wave radiation over the 3 hours",
    "str": "net long-wave radiation over the 3 hours",
}


@dataclass(frozen=True)
class Hours:
    """The eight steps of one UTC day: stamps, truth [m3 m-3] and forcing fields of each."""

    stamps: NDArray[np.datetime64]
    truth: list[Values]
    fields: list[Mapping[str, Values]]


class Subdaily:
    """Steps the 0.1 degree domain through a season, fed with the scenes of the 9 km domain.

    Parameters
    ----------
    source
        Grid of those scenes, halo included; it must reach beyond `grid` on all sides.
    last
        Last day wanted; the season's simulation starts on 1 April of its year.
    """

    def __init__(self, seed: int, grid: Grid, source: Grid, last: int) -> None:
        self.grid, self.days = grid, range(season_start(last), last + 1)
        self.ground = terrain.ground(seed, grid)
        self.transfer = Transfer.between(source, grid)
        self.climate = Climate(seed, grid, self.ground)
        self.soil = soil_water.Soil.of_truth(seed, grid, self.ground)
        self.analysis = Analysis(seed, "era5land", grid, REANALYSIS)
        self.model = LandModel(ERA5_LAND_LIKE, seed, grid, self.ground)
        self.leaf_error = Field(seed, "era5land/lai", 2.0, 2.0).at(grid.lat, grid.lon)
        self.state: soil_water.State | None = None
        self.phenology: Phenology | None = None

    def advance(self, scene: Scene) -> Hours | None:
        """The eight steps of the scene's day; None outside the season."""
        if scene.day not in self.days:
            return None
        rain = [np.maximum(self.transfer.apply(r), 0) for r in scene.weather.rain]
        weather = self.climate.sky(scene.day, (rain[0], rain[1]))
        shares = self._shares(scene.day)
        truth = self._truth(scene, weather, shares)
        stamps = np.datetime64(scene.day, "D") + np.arange(STEPS) * np.timedelta64(HOURS, "h")
        return Hours(stamps, truth, self._forcing(scene.day, weather, shares))

    def _shares(self, day: int) -> list[Values]:
        """Share of each step in the rain of its half-day, by the intensity of the passing systems."""
        rates = [self.climate.rain_rate(day + (HOURS * k + 1.5) / 24) + np.float32(1e-4) for k in range(STEPS)]
        found: list[Values] = []
        for half in (rates[: STEPS // 2], rates[STEPS // 2 :]):
            total = half[0] + half[1] + half[2] + half[3]
            found += [rate / total for rate in half]
        return found

    def _cycle(self, day: int, weather: Day) -> tuple[list[Values], list[Values], list[Values]]:
        """Air temperature [K], sunshine [W m-2] and potential evaporation [mm d-1] of each step."""
        swing = 2.2 + 6.5 * (1 - weather.cloud)
        daylight = top_of_atmosphere(self.grid.lat, day + 0.5)[:, None]
        warmth: list[Values] = []
        sun: list[Values] = []
        for k in range(STEPS):
            local = (HOURS * k + 1.5) + self.grid.lon[None, :] / 15
            wave = np.cos(2 * np.pi * (local - 15) / 24)
            warmth.append((weather.temperature + swing * wave).astype(np.float32))
            height = _sun_height(self.grid.lat, local, day)
            sun.append((weather.shortwave * height * 1361 / np.maximum(daylight, 1)).astype(np.float32))
        mean = sum(sun) / np.float32(STEPS)
        fit = weather.shortwave / np.maximum(mean, 1)
        sun = [s * fit for s in sun]
        need: list[Values] = [weather.demand * (0.1 + 0.9 * s / np.maximum(weather.shortwave, 1)) for s in sun]
        return warmth, sun, need

    def _truth(self, scene: Scene, weather: Day, shares: list[Values]) -> list[Values]:
        ground, soil = self.ground, self.soil
        if self.state is None:
            self.state = soil_water.State.start(soil, ground, weather.temperature)
        warmth, _, need = self._cycle(scene.day, weather)
        steps = [
            soil_water.steps(self.state, soil, [s * weather.rain[k // 4]], [t], [n], HOURS / 24).top
            for k, (s, t, n) in enumerate(zip(shares, warmth, need, strict=True))
        ]
        return fit_day(steps, self.transfer.apply(scene.top), soil.residual * np.float32(0.8), soil.porosity)

    def _forcing(self, day: int, weather: Day, shares: list[Values]) -> list[Mapping[str, Values]]:
        known = self.analysis.of(day, weather)
        if self.phenology is None:
            self.phenology = Phenology.start(self.ground, known.temperature)
        self.phenology.advance(known)
        green = self.phenology.green(self.ground)
        warmth, sun, need = self._cycle(day, known)
        state = self.model.started(known.temperature)
        found = []
        for k in range(STEPS):
            rain = shares[k] * known.rain[k // 4]
            water = soil_water.steps(state, self.model.soil, [rain], [warmth[k]], [need[k]], HOURS / 24)
            found.append(self._step(known, green, warmth[k], sun[k], rain, water, state))
        return found

    def _step(
        self,
        known: Day,
        green: Values,
        warmth: Values,
        sun: Values,
        rain: Values,
        water: soil_water.Water,
        state: soil_water.State,
    ) -> Mapping[str, Values]:
        forest = self.ground.forest
        leaves = vegetation.leaf_area(green) * np.exp(0.15 * self.leaf_error)
        albedo = 0.24 - 0.10 * green + (0.45 - 0.2 * forest) * state.snow_cover
        skin = warmth + 0.014 * sun * (1 - 0.5 * green) - 1.2 * (1 - known.cloud)
        down = known.longwave * (warmth / known.temperature) ** 4
        net_short, net_long = (1 - albedo) * sun, 0.97 * (down - STEFAN_BOLTZMANN * skin**4)
        vapour = np.log(known.humidity * _vapour(known.temperature) / 611.2)
        amounts: dict[str, Any] = {
            "tp": rain / 1000,
            "e": -water.evaporation / STEPS / 1000,
            "ssr": net_short * SECONDS,
            "str": net_long * SECONDS,
        }
        return {
            "swvl1": water.top,
            "swvl2": water.root,
            "skin_temperature": skin,
            "air_temperature": warmth,
            "soil_temperature": state.soil_temperature + 0.25 * (warmth - known.temperature),
            "precipitation": rain * STEPS,
            "evaporation": water.evaporation,
            "net_shortwave": net_short,
            "net_longwave": net_long,
            "albedo": albedo,
            "lai_low": leaves * (1 - forest),
            "lai_high": leaves * forest * 1.4,
            "snow_cover": state.snow_cover,
            "wind_u": known.wind_u,
            "wind_v": known.wind_v,
            "surface_pressure": known.pressure,
            "dewpoint": 243.5 * vapour / (17.67 - vapour) + 273.15,
            **amounts,
        }

    def masked(self, values: Values) -> Values:
        """NaN off land, as ERA5-Land has it."""
        return np.where(self.ground.land, values, np.float32(np.nan))


def _vapour(temperature: Values) -> Values:
    celsius = temperature - 273.15
    return 611.2 * np.exp(17.67 * celsius / (celsius + 243.5))


def _sun_height(lat: Floats, local: Floats, day: int) -> Floats:
    """Sine of the sun's height, 0 by night, at `local` solar hours (1, columns): (rows, columns)."""
    declination = 0.4093 * np.sin(2 * np.pi * (day + 0.5 - 80) / 365.25)
    phi = np.radians(lat)[:, None]
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(np.pi * (local - 12) / 12)
    return np.maximum(sine, 0)


def fit_day(steps: list[Values], mean: Values, low: Values, high: Values) -> list[Values]:
    """Shift the steps of a day so that their mean is `mean`, their course shrunk where it would leave [low, high].

    NaN in `mean` gives NaN.
    """
    total = np.zeros(mean.shape)
    for step in steps:
        total += step
    centre = total / len(steps)
    shrink = np.ones(mean.shape)
    for step in steps:
        detail = step - centre
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(detail > 0, (high - mean) / detail, np.where(detail < 0, (low - mean) / detail, 1.0))
        shrink = np.minimum(shrink, np.clip(np.nan_to_num(room, nan=1.0), 0, 1))
    return [(mean + shrink * (step - centre)).astype(np.float32) for step in steps]
