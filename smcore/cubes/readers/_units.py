"""Units as files spell them, brought to ours once: volumetric soil moisture, and the forcings' units."""

from __future__ import annotations

from typing import Final

from smcore import names
from smcore.errors import UnitsError

_VOLUMETRIC: Final = {
    "m3m-3", "m3/m3", "cm3/cm3", "cm3cm-3", "mm3/mm3", "mm-3m3", "m3.m-3", "v/v", "vol/vol", "m3m3-1", "1",
}  # fmt: skip
_PERCENT: Final = {"%", "percent", "%sat", "percentsaturation", "degreeofsaturation"}
_WATER_COLUMN: Final = {"kgm-2", "kg/m2", "mm", "kg.m-2"}
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
        return names.VOLUMETRIC, 1.0 / (_WATER_DENSITY * thickness_m)
    raise UnitsError(
        f"The soil-moisture unit {units!r} is unknown", where=where, hint="known: m3 m-3, % (of saturation), kg m-2"
    )
