"""Station records of the demo world: a point in a cell, hourly, at several depths, with faults and quality flags.

A point has its own soil and its own rain, so it differs from the mean of its cell as real stations do. Deeper sensors
follow the surface through an exponential filter (Wagner et al. 1999, doi:10.1016/S0034-4257(99)00036-X).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.demo import soil_water
from smcore.demo.noise import Floats, Values, normal, uniform
from smcore.demo.simulation import Domain, Scene
from smcore.demo.sites import Site, cells
from smcore.demo.soil_water import Soil, State

_DAILY = ("rain_am", "rain_pm", "temperature", "demand", "top", "soil_temperature", "cloud")
_FILTER_DAYS = {0.05: 0.0, 0.10: 2.0, 0.20: 6.0, 0.50: 18.0}


@dataclass
class Diary:
    """What happens in the cells of some sites, day by day from the start of a year's simulation.

    One is filled for each domain in which sites stand.
    """

    seed: int
    sites: list[Site]
    domain: Domain
    days: list[int] = field(default_factory=list)
    values: dict[str, list[Values]] = field(default_factory=lambda: {name: [] for name in _DAILY})

    def __post_init__(self) -> None:
        self.rows, self.columns = cells(self.sites, self.domain)

    def note(self, scene: Scene) -> None:
        """Write down one day."""
        weather = scene.weather
        today = {
            "rain_am": weather.rain[0],
            "rain_pm": weather.rain[1],
            "temperature": weather.temperature,
            "demand": weather.demand,
            "top": scene.top,
            "soil_temperature": scene.soil_temperature,
            "cloud": weather.cloud,
        }
        self.days.append(scene.day)
        for name, values in today.items():
            self.values[name].append(values[self.rows, self.columns])

    def soil(self) -> Soil:
        """The truth's soil parameters in the cells of the sites."""
        whole = Soil.of_truth(self.seed, self.domain.grid, self.domain.ground)
        return _at(whole, self.rows, self.columns)

    def ground(self, name: str) -> Values:
        """A static field in the cells of the sites."""
        found: Values = getattr(self.domain.ground, name)[self.rows, self.columns]
        return found


def _at(soil: Soil, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Soil:
    picked = {
        f.name: getattr(soil, f.name)[rows, columns]
        for f in fields(Soil)
        if isinstance(getattr(soil, f.name), np.ndarray)
    }
    return replace(soil, **picked)


@dataclass(frozen=True)
class Points:
    """Hourly state at the points of some sites: (hours, sites) each, and the stamps."""

    time: NDArray[np.datetime64]
    water: Values
    soil_temperature: Values
    air_temperature: Values
    rain: Values


def hourly(diary: Diary) -> Points:
    """Run the bucket hour by hour at the points, and tie it to the truth of their cells day by day."""
    seed, codes = diary.seed, np.array([_code(s) for s in diary.sites])
    daily = {name: np.stack(values) for name, values in diary.values.items()}
    cell_soil = diary.soil()
    soil = _point_soil(seed, codes, cell_soil)
    start = daily["top"][0]
    point, cell = _state(start, daily["temperature"][0]), _state(start, daily["temperature"][0])
    water, rain_of, cell_water = [], [], []
    for index, day in enumerate(diary.days):
        now = {name: values[index] for name, values in daily.items()}
        cell_water.append(_cell_day(cell, cell_soil, now))
        for hour, share in enumerate(_hour_shares(seed, codes, day)):
            rain = share * now["rain_am" if hour < 12 else "rain_pm"] * _point_rain(seed, codes, day, hour // 12)
            step = soil_water.steps(point, soil, [rain], [now["temperature"]], [now["demand"]], 1 / 24)
            water.append(step.top)
            rain_of.append(rain)
    hours = np.arange(len(diary.days) * 24)
    time = np.datetime64(diary.days[0], "D").astype("datetime64[h]") + hours
    gap = daily["top"] - np.stack(cell_water)
    tied = np.stack(water) + _between_days(gap, len(hours))
    level = 0.035 * normal(seed, "point/level", codes)
    gain = np.exp(0.2 * normal(seed, "point/gain", codes))
    mean = (cell_soil.residual + cell_soil.field_capacity) / 2
    tied = np.clip(mean + gain * (tied - mean) + level, 0.01, soil.porosity)
    air, ground = _temperatures(diary, daily, hours)
    return Points(time, tied.astype(np.float32), ground, air, np.stack(rain_of).astype(np.float32))


def _code(site: Site) -> int:
    return site.number * 10 + ("SYN-DENSE", "SYN-REGION", "SYN-SPARSE").index(site.network.name)


def _state(top: Values, temperature: Values) -> State:
    return State(top.copy(), top.copy(), np.zeros_like(top), temperature.copy())


def _cell_day(state: State, soil: Soil, now: Mapping[str, Values]) -> Values:
    pair = (now["temperature"], now["temperature"]), (now["demand"], now["demand"])
    return soil_water.steps(state, soil, (now["rain_am"], now["rain_pm"]), *pair, 1.0).top


def _point_soil(seed: int, codes: NDArray[np.int64], soil: Soil) -> Soil:
    """Soil of the point: that of the cell, changed as soils change within kilometres."""
    first, second, third = (normal(seed, f"point/soil/{k}", codes) for k in range(3))
    span = (soil.field_capacity - soil.residual) * np.exp(0.22 * first)
    residual = np.clip(soil.residual + 0.015 * second, 0.005, 0.3)
    return replace(
        soil,
        residual=residual,
        field_capacity=residual + span,
        porosity=np.maximum(soil.porosity, residual + span + 0.05),
        drainage_days=soil.drainage_days * np.exp(0.35 * third),
        evaporation_share=soil.evaporation_share * np.exp(0.2 * third),
    )


def _point_rain(seed: int, codes: NDArray[np.int64], day: int, half: int) -> Floats:
    """Ratio of the point's rain to its cell's: showers miss gauges."""
    return np.exp(0.75 * normal(seed, "point/rain", codes, day, half) - 0.28)


def _hour_shares(seed: int, codes: NDArray[np.int64], day: int) -> Floats:
    """Share of each hour in the rain of its half-day: (24, sites)."""
    draws = uniform(seed, "point/hour", np.arange(24)[:, None], codes[None, :], day) ** 6
    halves = draws.reshape(2, 12, -1)
    return np.asarray((halves / halves.sum(axis=1, keepdims=True)).reshape(24, -1))


def _between_days(values: Values, hours: int) -> Floats:
    """Daily values, taken at 12 UTC, as straight lines from day to day: (hours, sites)."""
    position = np.clip((np.arange(hours) + 0.5) / 24 - 0.5, 0, len(values) - 1)
    low = np.minimum(position.astype(int), max(len(values) - 2, 0))
    share = (position - low)[:, None]
    high = np.minimum(low + 1, len(values) - 1)
    return np.asarray(values[low] * (1 - share) + values[high] * share)


def _temperatures(diary: Diary, daily: Mapping[str, Values], hours: NDArray[np.int64]) -> tuple[Values, Values]:
    local = hours[:, None] % 24 + 0.5 + np.array([s.lon for s in diary.sites])[None, :] / 15
    swing = _between_days(2.5 + 6.5 * (1 - daily["cloud"]), len(hours))
    air = _between_days(daily["temperature"], len(hours)) + swing * np.cos(2 * np.pi * (local - 15) / 24)
    ground = _between_days(daily["soil_temperature"], len(hours))
    ground = ground + 0.45 * swing * np.cos(2 * np.pi * (local - 17) / 24)
    return air.astype(np.float32), ground.astype(np.float32)


def at_depth(points: Points, depth: float) -> tuple[Values, Values]:
    """Water content and soil temperature at a depth [m]: the surface, smoothed and delayed."""
    days = _FILTER_DAYS[depth]
    if not days:
        return points.water, points.soil_temperature
    water = _smooth(points.water, days)
    damped = _smooth(points.soil_temperature, days * 0.8)
    return (0.04 + 0.9 * water).astype(np.float32), damped


def _smooth(values: Values, days: float) -> Values:
    from scipy.signal import lfilter

    keep = np.exp(-1 / (24 * days))
    start = values[:1] * keep
    filtered: Any = lfilter([1 - keep], [1, -keep], values.astype(np.float64), axis=0, zi=start.astype(np.float64))[0]
    return np.asarray(filtered, np.float32)
