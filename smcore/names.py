"""The vocabulary of Loam: dimensions, variables, units, kinds and flags. Constants only.

Names are the field's own; units are those that a reader converts to, once. Inside the library every cube, pixel set
and station collection speaks this vocabulary and no other.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

TIME: Final = "time"
Y: Final = "y"
X: Final = "x"
LOCATION: Final = "location"
SENSOR: Final = "sensor"
LAT: Final = "lat"
LON: Final = "lon"
CUBE_DIMS: Final = (TIME, Y, X)

SM: Final = "sm"
SM_UNCERTAINTY: Final = "sm_uncertainty"
QUALITY: Final = "quality"
SOURCE: Final = "source"
OBS_TIME: Final = "obs_time"
OVERPASS: Final = "overpass"
FLAG: Final = "flag"

VOLUMETRIC: Final = "m3 m-3"
SATURATION: Final = "%"

SOURCE_OBSERVED: Final = 1
SOURCE_FILLED: Final = 2
SOURCE_PREDICTED: Final = 3
SOURCE_MEANINGS: Final = {SOURCE_OBSERVED: "observed", SOURCE_FILLED: "filled", SOURCE_PREDICTED: "predicted"}

AM: Final = "am"
PM: Final = "pm"
UNKNOWN: Final = "unknown"

KINDS: Final = ("observed", "reconstructed", "downscaled", "modelled", "reference", "forcing", "static", "stations")
"""What a product is; ``synthetic`` is a flag apart from it."""

LAYOUTS: Final = ("cube", "pixels", "stations", "model")

INSTANT: Final = "instant"
DAY_MEAN: Final = "day-mean"
"""``time_support``: ``instant``, ``day-mean`` (stamp = 00:00 UTC of its day) or ``mean:<hours>:start|end``."""

RANGE_M3M3: Final = (0.0, 0.5)
"""Default colour range of volumetric soil moisture."""


class Variable(NamedTuple):
    """One quantity: the unit it is kept in, what it is called on an axis, and its CF standard name if it has one."""

    units: str
    long_name: str
    standard_name: str = ""


VARIABLES: Final[dict[str, Variable]] = {
    SM: Variable(VOLUMETRIC, "soil moisture", "volume_fraction_of_condensed_water_in_soil"),
    SM_UNCERTAINTY: Variable(VOLUMETRIC, "soil moisture uncertainty"),
    "precipitation": Variable("mm d-1", "precipitation", "lwe_precipitation_rate"),
    "air_temperature": Variable("K", "2 m air temperature", "air_temperature"),
    "longwave_down": Variable("W m-2", "downward long-wave radiation", "surface_downwelling_longwave_flux_in_air"),
    "shortwave_down": Variable("W m-2", "downward short-wave radiation", "surface_downwelling_shortwave_flux_in_air"),
    "specific_humidity": Variable("kg kg-1", "2 m specific humidity", "specific_humidity"),
    "surface_pressure": Variable("Pa", "surface pressure", "surface_air_pressure"),
    "wind_u": Variable("m s-1", "10 m eastward wind", "eastward_wind"),
    "wind_v": Variable("m s-1", "10 m northward wind", "northward_wind"),
    "soil_temperature": Variable("K", "soil temperature", "soil_temperature"),
    "skin_temperature": Variable("K", "skin temperature", "surface_temperature"),
    "lst": Variable("K", "land surface temperature", "surface_temperature"),
    "lst_day": Variable("K", "land surface temperature by day", "surface_temperature"),
    "lst_night": Variable("K", "land surface temperature by night", "surface_temperature"),
    "evaporation": Variable("mm d-1", "evaporation", "lwe_water_evaporation_rate"),
    "snow_cover": Variable("1", "snow-covered share", "surface_snow_area_fraction"),
    "albedo": Variable("1", "albedo", "surface_albedo"),
    "lai_low": Variable("m2 m-2", "leaf area index, low vegetation", "leaf_area_index"),
    "lai_high": Variable("m2 m-2", "leaf area index, high vegetation", "leaf_area_index"),
    "dewpoint": Variable("K", "2 m dew-point temperature", "dew_point_temperature"),
    "net_shortwave": Variable("W m-2", "net short-wave radiation", "surface_net_downward_shortwave_flux"),
    "net_longwave": Variable("W m-2", "net long-wave radiation", "surface_net_downward_longwave_flux"),
    "ndvi": Variable("1", "NDVI", "normalized_difference_vegetation_index"),
    "evi": Variable("1", "EVI"),
    **{f"nbar_{band}": Variable("1", f"nadir reflectance, MODIS band {band}") for band in range(1, 8)},
    "elevation": Variable("m", "elevation", "height_above_geopotential_datum"),
    "slope": Variable("degree", "terrain slope"),
    "clay": Variable("%", "clay by weight"),
    "sand": Variable("%", "sand by weight"),
    "silt": Variable("%", "silt by weight"),
    "gravel": Variable("%", "gravel by volume"),
    "bulk_density": Variable("kg dm-3", "soil bulk density"),
    "organic_carbon": Variable("g kg-1", "soil organic carbon"),
    "porosity": Variable(VOLUMETRIC, "soil porosity"),
    "water_capacity": Variable("mm", "available water capacity"),
    "land_cover": Variable("1", "IGBP land-cover class"),
    "water_fraction": Variable("1", "open-water share", "area_fraction"),
    "land_fraction": Variable("1", "land share", "land_area_fraction"),
    "frozen": Variable("1", "frozen-ground flag"),
    "swvl1": Variable(VOLUMETRIC, "ERA5-Land soil water, 0-7 cm", "volume_fraction_of_condensed_water_in_soil"),
    "swvl2": Variable(VOLUMETRIC, "ERA5-Land soil water, 7-28 cm", "volume_fraction_of_condensed_water_in_soil"),
    "vegetation_water": Variable("kg m-2", "vegetation water content"),
    "roughness": Variable("1", "surface roughness coefficient"),
    "vegetation_density": Variable("1", "dense-vegetation flag"),
}


def attributes(variable: str, units: str | None = None) -> dict[str, str]:
    """CF attributes of one variable of the vocabulary, with another unit where the source keeps its own."""
    known = VARIABLES[variable]
    result = {"units": units or known.units, "long_name": known.long_name}
    if known.standard_name and (units is None or units == known.units):
        result["standard_name"] = known.standard_name
    return result


def has_band(prepared: Any) -> bool:
    """Whether the ``sm_uncertainty`` of a prepared product is half of a 90 % band of ours, which says its ``coverage``.

    That of a source (C3S, SMOS DQX, noise of SSM) has a meaning of its own, mostly one standard deviation.
    """
    return SM_UNCERTAINTY in prepared.variables and bool(prepared.variable_attrs(SM_UNCERTAINTY).get("coverage"))


_EXPONENT = re.compile(r"(?<=[A-Za-z])-?\d+\b")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def unit_label(units: str) -> str:
    """A unit as it is printed: m³ m⁻³, m s⁻¹; a number that is no exponent stays."""
    return _EXPONENT.sub(lambda found: found[0].translate(_RAISED), units)
