"""What other sensors and analyses see: the input channels of the five systems, noisy and imperfectly related to truth.

Surface temperature and reflectance answer to the wetness of the soil, as they do in nature; rain and radiation come
from analyses with their own errors. All are gap-free; under cloud they are more wrong (gap-filled products are).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from smcore.demo import vegetation
from smcore.demo.analyses import GAUGES, REANALYSIS, SATELLITE_RAIN, STATION_ANALYSIS, Analysis
from smcore.demo.noise import Field, Values
from smcore.demo.recording import static
from smcore.demo.simulation import Scene
from smcore.demo.terrain import Ground
from smcore.demo.weather import Day
from smcore.grids import Grid

# MODIS bands 1 to 7: dry soil, share by which wet soil is darker, full vegetation, snow.
_SOIL = (0.22, 0.28, 0.11, 0.16, 0.33, 0.37, 0.31)
_DARKER = (0.33, 0.30, 0.30, 0.32, 0.42, 0.50, 0.56)
_LEAVES = (0.04, 0.40, 0.03, 0.07, 0.37, 0.20, 0.09)
_SNOW = (0.85, 0.80, 0.88, 0.87, 0.45, 0.12, 0.10)

OPTICAL_UNITS = {"lst": "K", "precipitation": "mm d-1", **{f"nbar_{b}": "1" for b in range(1, 8)}}
LAND_UNITS = {
    "lst_day": "K",
    "lst_night": "K",
    "ndvi": "1",
    "evi": "1",
    "albedo": "1",
    "evaporation": "mm d-1",
    "precipitation": "mm d-1",
    "air_temperature": "K",
    "shortwave_down": "W m-2",
    "wind_u": "m s-1",
    "wind_v": "m s-1",
}
FORCING_UNITS = {
    "precipitation": "mm d-1",
    "air_temperature": "K",
    "longwave_down": "W m-2",
    "shortwave_down": "W m-2",
    "specific_humidity": "kg kg-1",
    "surface_pressure": "Pa",
    "wind_u": "m s-1",
    "wind_v": "m s-1",
}


class Optics:
    """Surface temperature and reflectance on one grid."""

    def __init__(self, seed: int, grid: Grid, ground: Ground, fine: float) -> None:
        self.lat, self.lon, self.ground = grid.lat, grid.lon, ground
        self.heat = {k: Field(seed, f"optics/{k}", fine, fine, 0.3) for k in ("day", "night")}
        self.bright = Field(seed, "optics/bright", 2 * fine, 2 * fine).at(grid.lat, grid.lon)
        self.haze = [Field(seed, f"optics/haze/{k}", 4 * fine, 4 * fine, 4.0) for k in range(2)]
        self.wetness: Values | None = None

    def advance(self, scene: Scene) -> None:
        """Remember the wetness of the past days: reflectances are composites of many."""
        ground = self.ground
        span = ground.field_capacity - ground.wilting_point
        now = np.clip((np.nan_to_num(scene.top, nan=0.2) - ground.wilting_point) / span, 0, 1.3).astype(np.float32)
        self.wetness = now if self.wetness is None else self.wetness + np.float32(0.3) * (now - self.wetness)
        self.now = now

    def temperatures(self, scene: Scene) -> tuple[Values, Values]:
        """Land surface temperature by day and by night [K]."""
        weather, green = scene.weather, scene.green
        dry = 1 - np.minimum(self.now, 1)
        sun = weather.shortwave / np.float32(300)
        blur = 0.8 + 1.3 * weather.cloud
        rise = 3 + 15 * sun * (0.30 + 0.70 * dry) * (1 - 0.62 * green) * (1 - 0.7 * scene.snow_cover)
        fall = 3 + 5 * (1 - weather.cloud) * (0.5 + 0.5 * dry)
        day = weather.temperature + rise + blur * self.heat["day"].at(self.lat, self.lon, scene.day)
        night = weather.temperature - fall + blur * self.heat["night"].at(self.lat, self.lon, scene.day)
        return day.astype(np.float32), night.astype(np.float32)

    def reflectances(self, scene: Scene) -> list[Values]:
        """Nadir reflectance of MODIS bands 1 to 7."""
        assert self.wetness is not None
        green, snow = scene.green, scene.snow_cover * (1 - 0.5 * self.ground.forest)
        bright = (0.75 + 0.005 * self.ground.sand) * np.exp(0.07 * self.bright)
        haze = [field.at(self.lat, self.lon, scene.day) for field in self.haze]
        found = []
        for k in range(7):
            bare = _SOIL[k] * bright * (1 - _DARKER[k] * np.minimum(self.wetness, 1))
            value = (1 - green) * bare + green * np.float32(_LEAVES[k])
            value = value + snow * (_SNOW[k] - value)
            error = 0.006 * haze[0] + np.float32(0.004 * (k - 3) / 3) * haze[1]
            found.append(np.clip(value + error, 0.001, 1).astype(np.float32))
        return found


class OpticalInputs:
    """The dynamic channels of the reconstruction and downscaling system: LST, radar-gauge rain, seven reflectances."""

    def __init__(self, seed: int, grid: Grid, ground: Ground, fine: float) -> None:
        self.optics, self.gauges = Optics(seed, grid, ground, fine), Analysis(seed, "stage4", grid, GAUGES)
        self.evening: Values | None = None
        self.previous: Values | None = None

    def advance(self, scene: Scene) -> None:
        """Take one more day; every day of a simulation must come, or cuts that begin on other days would differ."""
        self.optics.advance(scene)
        self.previous, self.evening = self.evening, scene.weather.rain[1]

    def fields(self, scene: Scene) -> Mapping[str, Values]:
        """Channels of the day just taken; precipitation is the total of the 24 h that end at 12 UTC, as in Stage IV."""
        day, night = self.optics.temperatures(scene)
        total = self.gauges.rain(scene.day + 0.25, scene.weather.rain[0])
        if self.previous is not None:
            total = total + self.gauges.rain(scene.day - 0.25, self.previous)
        bands = {f"nbar_{k + 1}": band for k, band in enumerate(self.optics.reflectances(scene))}
        return {"lst": 0.55 * day + 0.45 * night, "precipitation": total, **bands}


class LandInputs:
    """The dynamic predictors of the series system, besides soil moisture itself."""

    def __init__(self, seed: int, grid: Grid, ground: Ground, fine: float) -> None:
        self.lat, self.lon, self.ground = grid.lat, grid.lon, ground
        self.optics = Optics(seed, grid, ground, fine)
        self.rain = Analysis(seed, "imerg", grid, SATELLITE_RAIN)
        self.air = Analysis(seed, "era5", grid, REANALYSIS)
        self.losses = Field(seed, "mod16", 1.0, 1.0, 8.0)

    def advance(self, scene: Scene) -> None:
        """Take one more day; every day of a simulation must come."""
        self.optics.advance(scene)

    def fields(self, scene: Scene) -> Mapping[str, Values]:
        """Predictors of the day just taken."""
        day, night = self.optics.temperatures(scene)
        red, near, blue, *_ = bands = self.optics.reflectances(scene)
        weather = self.air.of(scene.day, scene.weather)
        rain = scene.weather.rain
        evaporation = scene.evaporation * np.exp(0.25 * self.losses.at(self.lat, self.lon, scene.day))
        return {
            "lst_day": day,
            "lst_night": night,
            "ndvi": (near - red) / (near + red),
            "evi": 2.5 * (near - red) / (near + 6 * red - 7.5 * blue + 1),
            "albedo": 0.16 * red + 0.29 * near + 0.24 * blue + 0.12 * bands[3] + 0.11 * bands[4] + 0.08 * bands[6],
            "evaporation": evaporation,
            "precipitation": self.rain.rain(scene.day + 0.25, rain[0]) + self.rain.rain(scene.day + 0.75, rain[1]),
            "air_temperature": weather.temperature,
            "shortwave_down": weather.shortwave,
            "wind_u": weather.wind_u,
            "wind_v": weather.wind_v,
        }


class Forcing:
    """Daily near-surface forcing as a station analysis knows it."""

    def __init__(self, seed: int, grid: Grid) -> None:
        self.analysis = Analysis(seed, "nldas", grid, STATION_ANALYSIS)

    def fields(self, day: int, weather: Day) -> Mapping[str, Values]:
        """Forcings of one UTC day."""
        known = self.analysis.of(day, weather)
        return {
            "precipitation": known.rain[0] + known.rain[1],
            "air_temperature": known.temperature,
            "longwave_down": known.longwave,
            "shortwave_down": known.shortwave,
            "specific_humidity": known.specific_humidity,
            "surface_pressure": known.pressure,
            "wind_u": known.wind_u,
            "wind_v": known.wind_v,
        }


def _map_error(seed: int, grid: Grid, name: str) -> Values:
    return Field(seed, f"map/{name}", 0.8, 0.8).at(grid.lat, grid.lon)


def soil_map(seed: int, grid: Grid, ground: Ground) -> dict[str, Any]:
    """Soil as a world soil map has it: smooth errors, texture adding up to 100 %."""
    sand = np.clip(ground.sand + 5 * _map_error(seed, grid, "sand"), 3, 94)
    clay = np.clip(ground.clay + 4 * _map_error(seed, grid, "clay"), 3, 97 - sand)
    carbon = ground.organic_carbon * np.exp(0.2 * _map_error(seed, grid, "carbon"))
    return {
        "clay": clay,
        "gravel": ground.gravel,
        "bulk_density": ground.bulk_density * (1 + 0.03 * _map_error(seed, grid, "density")),
        "sand": sand,
        "silt": 100 - sand - clay,
        "organic_carbon": carbon,
    }


def statics(seed: int, grid: Grid, ground: Ground, wanted: tuple[str, ...]) -> dict[str, xr.Variable]:
    """Static channels as (y, x) variables; soil off land is NaN, as in the maps."""
    soil = {k: np.where(ground.land, v, np.nan) for k, v in soil_map(seed, grid, ground).items()}
    plant = vegetation.ndvi(0.55 * ground.greenness)
    values: dict[str, Any] = {
        **soil,
        "elevation": ground.elevation * ground.land,
        "slope": ground.slope * ground.land,
        "land_cover": ground.land_cover,
        "water_fraction": ground.water_fraction,
        "land_fraction": ground.land_fraction,
        "albedo": np.where(ground.land, 0.27 - 0.13 * ground.greenness, np.nan),
        "ndvi": np.where(ground.land, plant, np.nan),
        "porosity": np.where(ground.land, ground.porosity, np.nan),
        "water_capacity": np.where(ground.land, 1000 * (ground.field_capacity - ground.wilting_point), np.nan),
        "roughness": np.where(ground.land, np.clip(0.08 + 0.12 * ground.forest, 0, 1), np.nan),
        "vegetation_density": (ground.biomass > 5).astype(np.int16),
    }
    return {name: static(name, values[name]) for name in wanted}


OPTICAL_STATICS = (
    "elevation", "clay", "gravel", "bulk_density", "sand", "silt", "land_cover", "water_fraction",
)  # fmt: skip
LAND_STATICS = (
    "elevation", "slope", "sand", "clay", "silt", "bulk_density", "organic_carbon", "land_cover", "water_fraction",
)  # fmt: skip
FORCING_STATICS = (
    "albedo", "land_cover", "water_capacity", "ndvi", "bulk_density", "silt", "sand", "clay", "water_fraction",
)  # fmt: skip
HOURLY_STATICS = ("elevation", "slope", "sand", "clay", "land_cover", "water_fraction")
