"""Units as files spell them, brought to ours once: volumetric soil moisture, and the forcings' units."""

from __future__ import annotations

from typing import Final

from smcore import names
from smcore.errors import UnitsError

_VOLUMETRIC: Final = {
    "m3m-3", "m3/m3", "cm3/cm3", "cm3cm-3", "mm3/mm3", "mm-3m3", "m3.m-3", "v/v", "vol/vol", "m3m3-1",
}  # fmt: skip
_PERCENT: Final = {"%", "percent", "%sat", "percentsaturation", "degreeofsaturation"}
_WATER_COLUMN: Final = {"kgm-2": 1.0, "kg/m2": 1.0, "kg.m-2": 1.0, "mm": 1.0, "m": 1000.0}  # to kg m-2
_WATER_DENSITY = 1000.0  # kg m-3


def plain(units: str) -> str:
    """Drop the spellings of powers, spaces and case that differ between files: ``m**3 m**-3`` → ``m3m-3``."""
    return units.lower().replace("**", "").replace("^", "").replace("⁻", "-").replace(" ", "").replace("³", "3")


def soil_moisture(units: str, *, thickness_m: float | None = None, where: str = "") -> tuple[str, float]:
    """Find our unit of a soil-moisture field given in ``units``, and the factor that converts to it.

    Parameters
    ----------
    units
        As the file spells it.
    thickness_m
        Thickness [m] of the soil layer, needed for a water column (kg m-2, mm).

    Returns
    -------
    (units, factor)
        ``m3 m-3`` for volumetric fractions and water columns; ``%`` (of saturation) stays as it is.

    Raises
    ------
    UnitsError
        If the unit is unknown, or is a water column and no thickness is given.
    """
    spelled = plain(units)
    if spelled in _VOLUMETRIC:
        return names.VOLUMETRIC, 1.0
    if spelled in _PERCENT:
        return names.SATURATION, 1.0
    if spelled in _WATER_COLUMN:
        if not thickness_m:
            raise UnitsError(
                f"Soil moisture in {units} needs the thickness of its layer", where=where,
                hint="give the variable the attribute layer_m, such as '0 0.1'",
            )  # fmt: skip
        return names.VOLUMETRIC, _WATER_COLUMN[spelled] / (_WATER_DENSITY * thickness_m)
    raise UnitsError(
        f"The soil-moisture unit {units!r} is unknown", where=where, hint="known: m3 m-3, % (of saturation), kg m-2"
    )


_OTHER_UNITS: Final[dict[str, dict[str, float]]] = {
    # our unit, spelled plainly: other spellings and units, with the factor to ours
    "mmd-1": {"mmd-1": 1.0, "mm/day": 1.0, "mm/d": 1.0, "mmday-1": 1.0, "kgm-2s-1": 86400.0, "mms-1": 86400.0,
              "mm/s": 86400.0, "mmh-1": 24.0, "mm/h": 24.0, "mm/hr": 24.0, "kgm-2d-1": 1.0, "kgm-2h-1": 24.0,
              "kgm-2day-1": 1.0, "ms-1": 86_400_000.0},
    "k": {"k": 1.0, "kelvin": 1.0, "kelvins": 1.0},
    "pa": {"pa": 1.0, "hpa": 100.0, "mbar": 100.0, "kpa": 1000.0, "mb": 100.0},
    "wm-2": {"wm-2": 1.0, "w/m2": 1.0},
    "ms-1": {"ms-1": 1.0, "m/s": 1.0},
    "kgkg-1": {"kgkg-1": 1.0, "kg/kg": 1.0, "1": 1.0, "gkg-1": 1e-3, "g/kg": 1e-3},
    "1": {"1": 1.0, "-": 1.0, "(0-1)": 1.0, "fraction": 1.0, "dimensionless": 1.0, "%": 0.01, "percent": 0.01},
    "%": {"%": 1.0, "percent": 1.0, "1": 100.0, "fraction": 100.0},
    "m": {"m": 1.0, "meter": 1.0, "metre": 1.0, "meters": 1.0, "metres": 1.0, "km": 1000.0},
    "m2m-2": {"m2m-2": 1.0, "m2/m2": 1.0, "1": 1.0},
    "degree": {"degree": 1.0, "degrees": 1.0, "deg": 1.0},
    "kgm-2": {"kgm-2": 1.0, "kg/m2": 1.0},
    "mm": {"mm": 1.0, "cm": 10.0, "m": 1000.0},
    "kgdm-3": {"kgdm-3": 1.0, "gcm-3": 1.0, "g/cm3": 1.0, "kgm-3": 1e-3, "kg/m3": 1e-3},
    "gkg-1": {"gkg-1": 1.0, "g/kg": 1.0},
    "m3m-3": {"m3m-3": 1.0, "m3/m3": 1.0, "cm3cm-3": 1.0, "cm3/cm3": 1.0, "1": 1.0},
}  # fmt: skip


def convert(name: str, units: str, *, thickness_m: float | None = None, where: str = "") -> tuple[str, float]:
    """Find our unit of the variable ``name`` given in ``units``, and the factor that converts to it.

    Raises
    ------
    UnitsError
        If the unit is none that Loam converts.
    """
    if name in (names.SM, names.SM_UNCERTAINTY):
        return soil_moisture(units, thickness_m=thickness_m, where=where)
    ours = names.VARIABLES[name].units
    factor = _OTHER_UNITS.get(plain(ours), {}).get(plain(units))
    if factor is None:
        raise UnitsError(f"{name} is in {units!r}, not {ours}", where=where, hint=f"convert it to {ours}")
    return ours, factor
