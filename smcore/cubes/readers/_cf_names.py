"""Which variables of a CF file are which of ours: by standard name, else by the names that are common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import xarray as xr

from smcore import names

SOIL_MOISTURE_NAMES: Final = (
    "volume_fraction_of_condensed_water_in_soil",
    "mass_content_of_water_in_soil_layer",
    "mass_content_of_water_in_soil",
    "moisture_content_of_soil_layer",
    "lwe_thickness_of_moisture_content_of_soil_layer",
    "soil_moisture_content",  # not a CF name, but in the wild
    "surface_soil_moisture",
)
_COMMON: Final = ("sm", "soil_moisture", "SoilMoisture", "soilmoisture", "ssm", "SM", "swvl1", "mrsos", "sm_surface")
_STANDARD: Final = {
    "air_temperature": "air_temperature",
    "dew_point_temperature": "dewpoint",
    "specific_humidity": "specific_humidity",
    "surface_air_pressure": "surface_pressure",
    "eastward_wind": "wind_u",
    "northward_wind": "wind_v",
    "surface_downwelling_shortwave_flux_in_air": "shortwave_down",
    "surface_downwelling_longwave_flux_in_air": "longwave_down",
    "surface_net_downward_shortwave_flux": "net_shortwave",
    "surface_net_downward_longwave_flux": "net_longwave",
    "soil_temperature": "soil_temperature",
    "surface_temperature": "skin_temperature",
    "lwe_precipitation_rate": "precipitation",
    "precipitation_flux": "precipitation",
    "lwe_water_evaporation_rate": "evaporation",
    "water_evapotranspiration_flux": "evaporation",
    "surface_albedo": "albedo",
    "normalized_difference_vegetation_index": "ndvi",
}
_LATITUDE: Final = ("lat", "latitude", "y", "nav_lat")
_LONGITUDE: Final = ("lon", "longitude", "x", "nav_lon")


def soil_moisture_in(raw: xr.Dataset) -> str | None:
    """Name the variable that is soil moisture; None if there is none."""
    for standard in SOIL_MOISTURE_NAMES:
        for name, variable in raw.data_vars.items():
            if variable.attrs.get("standard_name") == standard:
                return str(name)
    return next((name for name in _COMMON if name in raw.data_vars), None)


def ours(name: str, attrs: Mapping[str, Any]) -> str | None:
    """Find our name of a variable beside soil moisture: its own if it is in the vocabulary, else by standard name."""
    if name in names.VARIABLES and name != names.SM:
        return name
    return _STANDARD.get(str(attrs.get("standard_name", "")))


def axis_of(raw: xr.Dataset, which: str) -> str | None:
    """Name the coordinate that is the ``latitude``, ``longitude`` or ``time`` axis; projected axes count too."""
    letter = {"latitude": "Y", "longitude": "X", "time": "T"}[which]
    projected = {"latitude": "projection_y_coordinate", "longitude": "projection_x_coordinate"}.get(which, which)
    for wanted in (which, projected):
        for name, variable in raw.variables.items():
            if variable.attrs.get("standard_name") == wanted and _is_axis(raw, str(name), which):
                return str(name)
    for name, variable in raw.variables.items():
        units = str(variable.attrs.get("units", ""))
        by_unit = units == {"latitude": "degrees_north", "longitude": "degrees_east"}.get(which)
        if (by_unit or variable.attrs.get("axis") == letter) and _is_axis(raw, str(name), which):
            return str(name)
    usual = {"latitude": _LATITUDE, "longitude": _LONGITUDE, "time": ("time", "valid_time", "t")}[which]
    return next((name for name in usual if name in raw.variables and _is_axis(raw, name, which)), None)


def _is_axis(raw: xr.Dataset, name: str, which: str) -> bool:
    """Whether a variable has one axis (or none, if it is time) and is no description of cell edges."""
    variable = raw.variables[name]
    if which == "time":
        return variable.ndim <= 1 and " since " in str(variable.attrs.get("units", ""))
    return variable.ndim == 1 and np.issubdtype(variable.dtype, np.number)


def is_projected(variable: xr.DataArray) -> bool:
    """Whether an axis counts metres of a projection, not degrees."""
    units = str(variable.attrs.get("units", "")).lower()
    return units in ("m", "metre", "metres", "meter", "meters") or str(
        variable.attrs.get("standard_name", "")
    ).startswith("projection_")
