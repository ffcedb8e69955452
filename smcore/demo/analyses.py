"""The weather as forcing data sets know it: right in the main, wrong in amount, place and bias, each in its own way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from smcore.demo.noise import Field, Values
from smcore.demo.weather import Day
from smcore.grids import Grid


@dataclass(frozen=True)
class Skill:
    """How wrong an analysis is.

    Attributes
    ----------
    rain
        Spread of the logarithm of its rain error that changes from day to day.
    missed
        Share of the rain that it does not see at all.
    rain_bias
        Spread of the logarithm of its lasting rain error.
    trace
        Rain below this [mm a half-day] is not seen.
    false_rain
        Rain [mm a half-day] that it makes up where its error field is highest.
    temperature
        Spread [K] of the daily temperature error; its lasting bias is half of it.
    radiation
        Relative spread of the radiation error.
    size
        Size of the error's features [degree].
    """

    rain: float
    missed: float
    rain_bias: float
    trace: float
    false_rain: float
    temperature: float
    radiation: float
    size: float


GAUGES = Skill(0.35, 0.02, 0.06, 0.12, 0.0, 0.5, 0.04, 0.35)  # radar with gauges, as Stage IV
STATION_ANALYSIS = Skill(0.50, 0.05, 0.10, 0.1, 0.2, 0.7, 0.06, 0.9)  # as NLDAS-2
SATELLITE_RAIN = Skill(0.80, 0.12, 0.20, 0.3, 0.9, 1.0, 0.08, 0.5)  # as IMERG
REANALYSIS = Skill(0.85, 0.12, 0.18, 0.02, 1.4, 0.9, 0.08, 1.4)  # as ERA5-Land
GLOBAL_ANALYSIS = Skill(0.90, 0.14, 0.25, 0.02, 1.8, 1.2, 0.09, 2.0)  # as the forcing of GLDAS


def _quantile(share: float) -> float:
    """The value below which a standard normal falls with this chance."""
    return NormalDist().inv_cdf(share)


class Analysis:
    """One data set's view of the weather on one grid; it depends on the true weather, never on the truth in the soil.

    Parameters
    ----------
    name
        Tells the errors of data sets apart.
    """

    def __init__(self, seed: int, name: str, grid: Grid, skill: Skill) -> None:
        self.lat, self.lon, self.skill = grid.lat, grid.lon, skill
        size = skill.size
        self.wet = Field(seed, f"{name}/wet", size, size, 0.8, 4.0)
        self.lasting = Field(seed, f"{name}/lasting", 2 * size, 2 * size).at(grid.lat, grid.lon)
        self.blind = Field(seed, f"{name}/blind", 1.5 * size, 1.5 * size, 1.2, 4.0)
        self.heat = Field(seed, f"{name}/heat", 2.5 * size, 2.5 * size, 4.0)

    def rain(self, day: float, rain: Values) -> Values:
        """Its rain [mm] of the half-day centred on `day`."""
        skill = self.skill
        error = self.wet.at(self.lat, self.lon, day)
        factor = skill.rain * error - 0.5 * skill.rain**2 + skill.rain_bias * self.lasting
        seen = (rain > skill.trace) & (self.blind.at(self.lat, self.lon, day) > _quantile(skill.missed))
        amount = np.where(seen, rain, 0) * np.exp(factor)
        return (amount + skill.false_rain * np.maximum(error - 1.6, 0)).astype(np.float32)

    def of(self, day: int, weather: Day) -> Day:
        """Its view of one UTC day."""
        skill, lat, lon = self.skill, self.lat, self.lon
        heat = self.heat.at(lat, lon, day + 0.5)
        temperature = weather.temperature + np.float32(skill.temperature) * (heat + 0.5 * self.lasting)
        return replace(
            weather,
            rain=(self.rain(day + 0.25, weather.rain[0]), self.rain(day + 0.75, weather.rain[1])),
            temperature=temperature.astype(np.float32),
            shortwave=(weather.shortwave * (1 + skill.radiation * heat)).astype(np.float32),
            humidity=np.clip(weather.humidity * (1 - 0.5 * skill.radiation * heat), 0.08, 1).astype(np.float32),
        )
