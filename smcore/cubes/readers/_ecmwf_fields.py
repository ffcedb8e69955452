"""The fields of ERA5 and ERA5-Land that Loam knows: names, units, layers, and which are accumulated.

References
----------
ECMWF parameter database (short names, units, direction of fluxes: downward is positive, so evaporation is negative).
Muñoz-Sabater, J. et al. (2021), doi:10.5194/essd-13-4349-2021; Hersbach, H. et al. (2020), doi:10.1002/qj.3803.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from smcore import names

_MM_PER_M = 1000.0
_HOURS_PER_DAY = 24.0
_SECONDS_PER_HOUR = 3600.0


class EcmwfField(NamedTuple):
    """One field: our name, the unit it comes in, the factor to ours, and its name in a download request.

    ``accumulated``: the factor is for an amount in one hour. ``layer_m`` is that of soil layers.
    """

    name: str
    units: str
    factor: float
    request: str
    accumulated: bool = False
    layer_m: tuple[float, float] | None = None


_WATER = _MM_PER_M * _HOURS_PER_DAY  # m in an hour -> mm d-1
_ENERGY = 1.0 / _SECONDS_PER_HOUR  # J m-2 in an hour -> W m-2

FIELDS: Final[dict[str, EcmwfField]] = {
    "swvl1": EcmwfField(names.SM, "m**3 m**-3", 1.0, "volumetric_soil_water_layer_1", layer_m=(0.0, 0.07)),
    "swvl2": EcmwfField(names.SM, "m**3 m**-3", 1.0, "volumetric_soil_water_layer_2", layer_m=(0.07, 0.28)),
    "swvl3": EcmwfField(names.SM, "m**3 m**-3", 1.0, "volumetric_soil_water_layer_3", layer_m=(0.28, 1.0)),
    "swvl4": EcmwfField(names.SM, "m**3 m**-3", 1.0, "volumetric_soil_water_layer_4", layer_m=(1.0, 2.89)),
    "stl1": EcmwfField("soil_temperature", "K", 1.0, "soil_temperature_level_1", layer_m=(0.0, 0.07)),
    "skt": EcmwfField("skin_temperature", "K", 1.0, "skin_temperature"),
    "t2m": EcmwfField("air_temperature", "K", 1.0, "2m_temperature"),
    "d2m": EcmwfField("dewpoint", "K", 1.0, "2m_dewpoint_temperature"),
    "sp": EcmwfField("surface_pressure", "Pa", 1.0, "surface_pressure"),
    "u10": EcmwfField("wind_u", "m s**-1", 1.0, "10m_u_component_of_wind"),
    "v10": EcmwfField("wind_v", "m s**-1", 1.0, "10m_v_component_of_wind"),
    "fal": EcmwfField("albedo", "(0 - 1)", 1.0, "forecast_albedo"),
    "lai_lv": EcmwfField("lai_low", "m**2 m**-2", 1.0, "leaf_area_index_low_vegetation"),
    "lai_hv": EcmwfField("lai_high", "m**2 m**-2", 1.0, "leaf_area_index_high_vegetation"),
    "snowc": EcmwfField("snow_cover", "%", 0.01, "snow_cover"),
    "tp": EcmwfField("precipitation", "m", _WATER, "total_precipitation", True),
    "e": EcmwfField("evaporation", "m of water equivalent", -_WATER, "total_evaporation", True),
    "ssr": EcmwfField("net_shortwave", "J m**-2", _ENERGY, "surface_net_solar_radiation", True),
    "str": EcmwfField("net_longwave", "J m**-2", _ENERGY, "surface_net_thermal_radiation", True),
    "ssrd": EcmwfField("shortwave_down", "J m**-2", _ENERGY, "surface_solar_radiation_downwards", True),
    "strd": EcmwfField("longwave_down", "J m**-2", _ENERGY, "surface_thermal_radiation_downwards", True),
}
SOIL_WATER: Final = tuple(short for short, known in FIELDS.items() if known.name == names.SM)
_BY_REQUEST: Final = {known.request: short for short, known in FIELDS.items()} | {"evaporation": "e"}
_SPELLINGS: Final = {
    "0-1": "1",
    "dimensionless": "1",
    "kelvin": "k",
    "pascal": "pa",
    "m/s": "ms-1",
    "ofwaterequivalent": "",
}


def short_name(name: str) -> str | None:
    """Find the short name of a field called by its short name or by its name in a download request."""
    return name if name in FIELDS else _BY_REQUEST.get(name.lower().replace(" ", "_"))


def same_unit(one: str, other: str) -> bool:
    """Whether two spellings mean one unit."""
    return _spelled(one) == _spelled(other)


def _spelled(units: str) -> str:
    text = units.lower()
    for mark in (" ", "**", "^", "(", ")"):
        text = text.replace(mark, "")
    for long, short in _SPELLINGS.items():
        text = text.replace(long, short)
    return text
