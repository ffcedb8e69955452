"""Features that a hydrologist makes of forcings: antecedent means, memories, snow, buckets, climate.

All are causal once the memories are filled: a day sees itself and the past only. Soil moisture enters nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats

Series = NDArray[np.float64]

SPIN = 365
"""Steps of the beginning that are put in front once more, so that memories start filled; also the climate's basis."""

_STEFAN_BOLTZMANN = 5.670374419e-8  # W m-2 K-4
_PRESSURE = 95_000.0  # Pa, where there is none
_KEEP = (0.6, 0.8, 0.9, 0.96, 0.985)  # daily retention of the antecedent precipitation indices
_BUCKETS = (15.0, 40.0, 100.0, 250.0)  # mm
_LAND = {"forest": (1, 2, 3, 4, 5), "savanna": (8, 9), "open_shrub": (7, 16), "grass": (10,), "crop": (12, 14)}

_HARMLESS = {"air_temperature": 285.0, "surface_pressure": _PRESSURE}

FORCINGS = {
    "precipitation": "mm d-1",
    "air_temperature": "K",
    "longwave_down": "W m-2",
    "shortwave_down": "W m-2",
    "specific_humidity": "kg kg-1",
}
"""Without these the features can't be made; wind and surface pressure are used where they are."""


def antecedent_mean(values: Floats, steps: int) -> Floats:
    """Mean over the last ``steps`` steps, the present one included.

    Parameters
    ----------
    values
        (T, …), NaN where missing.

    Returns
    -------
    array
        (T, …); near the beginning the mean of what there is, NaN where there is nothing; float64 sums.
    """
    valid = np.isfinite(values)
    total = np.cumsum(np.where(valid, values, 0.0), axis=0, dtype=np.float64)
    number = np.cumsum(valid, axis=0, dtype=np.int64)
    if steps < len(values):
        total[steps:] -= total[:-steps].copy()
        number[steps:] -= number[:-steps].copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, total / number, np.nan).astype(np.float32)


def season(time: NDArray[np.datetime64], harmonics: int = 1) -> NDArray[np.float64]:
    """Sine and cosine of the day of year, (T, 2 · harmonics), with a year of 365.25 days."""
    day = (time - time.astype("datetime64[Y]")) / np.timedelta64(1, "D")
    angle = 2 * np.pi * np.asarray(day, np.float64)[:, None] * np.arange(1, harmonics + 1) / 365.25
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def dynamic_features(forcing: Mapping[str, Floats], warm: int) -> tuple[Floats, tuple[str, ...]]:
    """Features of every step, and of ``warm`` steps before the first.

    Parameters
    ----------
    forcing
        Name → (T, N) in the units of :data:`FORCINGS`, ``wind_u`` and ``wind_v`` [m s-1], ``surface_pressure`` [Pa].
    warm
        At most :data:`SPIN`.

    Returns
    -------
    array (warm + T, N, F), and the names of the features
        The steps in front are those of the repeated beginning; where there are fewer than ``warm``, the first of them
        stands for the rest.

    References
    ----------
    Potential evaporation: Priestley and Taylor (1972), Mon. Weather Rev. 100, 81–92. Saturation vapour pressure:
    Tetens' form in Allen et al. (1998), FAO 56, eq. 11. Antecedent precipitation index: Kohler and Linsley (1951).
    """
    spin = min(SPIN, len(next(iter(forcing.values()))))
    f = {name: _filled(name, np.concatenate([values[:spin], values])) for name, values in forcing.items()}
    air = _air(f)
    pack, liquid = snow(f["precipitation"], air["celsius"])
    warmth, demand, month, season_keep = f["air_temperature"], air["demand"], 1 - 1 / 30, 1 - 1 / 90
    found: dict[str, Series] = {
        "log_rain": np.log1p(f["precipitation"]),
        "log_liquid": np.log1p(liquid),
        "air_temperature": warmth,
        "specific_humidity": f["specific_humidity"] * 1e3,
        "longwave": f["longwave_down"],
        "shortwave": f["shortwave_down"],
        "deficit": np.maximum(air["deficit"], 0.0),
        "humidity": air["humidity"],
        "demand": demand,
        "log_snow": np.log1p(pack),
        "frozen": 1 / (1 + np.exp(air["celsius"] / 1.5)),
        "temperature_10": memory(warmth, 0.9),
        "temperature_30": memory(warmth, month),
        "frozen_10": 1 / (1 + np.exp(memory(air["celsius"], 0.9) / 1.5)),
        "demand_30": memory(demand, month),
        "deficit_10": memory(np.maximum(air["deficit"], 0.0), 0.9),
        "shortwave_30": memory(f["shortwave_down"], month),
        "balance_30": memory(liquid - demand, month),
        "balance_90": memory(liquid - demand, season_keep),
    }
    if "wind_u" in f and "wind_v" in f:
        found |= {"wind_u": f["wind_u"], "wind_v": f["wind_v"], "wind": np.hypot(f["wind_u"], f["wind_v"])}
    found |= {f"api_{keep}": np.log1p(5 * memory(liquid, keep)) for keep in _KEEP}
    found |= {f"bucket_{size:.0f}": bucket(liquid, demand, size) for size in _BUCKETS}
    stacked = np.stack(list(found.values()), axis=-1).astype(np.float32)
    if spin < warm:
        stacked = np.concatenate([np.repeat(stacked[:1], warm - spin, axis=0), stacked])
    return stacked[max(spin, warm) - warm :], tuple(found)


def static_features(static: Mapping[str, Floats], forcing: Mapping[str, Floats]) -> tuple[Floats, tuple[str, ...]]:
    """Statics, groups of land cover, and the climate of the location's own forcing: (N, F) and names.

    The climate is that of the first :data:`SPIN` steps, so that what comes later changes nothing.
    """
    found = {name: np.asarray(values, np.float64) for name, values in static.items() if name != "land_cover"}
    if "water_fraction" in found:
        found["water_fraction"] = np.log1p(20 * found["water_fraction"])
    if "land_cover" in static:
        found |= {f"is_{name}": np.isin(static["land_cover"], codes).astype(float) for name, codes in _LAND.items()}
    f = {name: _filled(name, values[:SPIN]) for name, values in forcing.items()}
    air = _air(f)
    rain, tiny = f["precipitation"], 1e-3
    wet, total = rain > 1, rain.mean(0) + tiny
    found |= {
        "climate_log_rain": np.log(total),
        "climate_temperature": f["air_temperature"].mean(0),
        "climate_range": f["air_temperature"].std(0),
        "climate_log_humidity": np.log(np.maximum(f["specific_humidity"].mean(0), 1e-5)),
        "climate_aridity": np.log(total / (air["demand"].mean(0) + tiny)),
        "climate_wet_days": wet.mean(0),
        "climate_deficit": air["deficit"].mean(0),
        "climate_intensity": np.log(np.maximum((rain * wet).sum(0) / np.maximum(wet.sum(0), 1), tiny)),
        "climate_frost_days": (air["celsius"] < 0).mean(0),
        "climate_warm_rain": (rain * (air["celsius"] > 10)).mean(0) / total,
        "climate_shortwave": f["shortwave_down"].mean(0),
    }
    return np.stack(list(found.values()), axis=-1).astype(np.float32), tuple(found)


def memory(values: Series, keep: float) -> Series:
    """Exponential memory along time: y_t = keep · y_(t−1) + (1 − keep) · x_t, beginning with y_0 = x_0."""
    from scipy.signal import lfilter

    result: Series = lfilter([1 - keep], [1, -keep], values, axis=0, zi=values[:1] * keep)[0]
    return result


def snow(rain: Series, celsius: Series) -> tuple[Series, Series]:
    """Degree-day snow: water in the pack [mm] and liquid reaching the ground [mm d-1], both (T, N).

    3 mm melt per degree and day; all snow below −1.5 °C, all rain above 1.5 °C (our choice within the usual ranges).
    """
    frozen = np.clip((1.5 - celsius) / 3.0, 0.0, 1.0)
    pack = np.zeros(rain.shape[1])
    stored, liquid = np.empty_like(rain), np.empty_like(rain)
    for step in range(len(rain)):
        pack = pack + rain[step] * frozen[step]
        melt = np.minimum(pack, 3.0 * np.maximum(celsius[step], 0.0))
        pack = pack - melt
        stored[step], liquid[step] = pack, rain[step] * (1 - frozen[step]) + melt
    return stored, liquid


def bucket(liquid: Series, demand: Series, size: float) -> Series:
    """Relative storage (T, N) of a leaky bucket of ``size`` mm.

    Evaporation falls with wetness below 0.6, drainage goes with its sixth power (our choice).
    """
    water = np.full(liquid.shape[1], 0.5 * size)
    wetness = np.empty_like(liquid)
    for step in range(len(liquid)):
        share = water / size
        water = water - demand[step] * np.minimum(1.0, share / 0.6) * share - 0.3 * size * share**6
        water = np.clip(water + liquid[step], 0.02 * size, size)
        wetness[step] = water / size
    return wetness


def _air(f: Mapping[str, Series]) -> dict[str, Series]:
    """Temperature [°C], vapour pressure deficit [kPa], relative humidity [1], potential evaporation [mm d-1]."""
    celsius = f["air_temperature"] - 273.15
    pressure = f["surface_pressure"] / 1000 if "surface_pressure" in f else _PRESSURE / 1000
    humidity = f["specific_humidity"]
    vapour = humidity * pressure / (0.622 + 0.378 * humidity)
    saturated = 0.6108 * np.exp(17.27 * celsius / (celsius + 237.3))
    slope = 4098 * saturated / (celsius + 237.3) ** 2
    radiation = 0.8 * f["shortwave_down"] + 0.97 * (f["longwave_down"] - _STEFAN_BOLTZMANN * f["air_temperature"] ** 4)
    demand = np.maximum(1.26 * slope / (slope + 0.063) * radiation * 0.0352, 0.0)  # W m-2 → mm d-1
    share = np.clip(vapour / saturated, 0.0, 1.2)
    return {"celsius": celsius, "deficit": saturated - vapour, "humidity": share, "demand": demand}


def _filled(name: str, values: Floats) -> Series:
    """Float64, with missing steps at the location's own mean; a location without any value gets a harmless one."""
    result = values.astype(np.float64)
    missing = ~np.isfinite(result)
    if missing.any():
        count = np.maximum((~missing).sum(0), 1)
        mean = np.where(missing, 0.0, result).sum(0) / count
        mean = np.where(missing.all(0), _HARMLESS.get(name, 0.0), mean)
        result = np.where(missing, mean, result)
    return result
