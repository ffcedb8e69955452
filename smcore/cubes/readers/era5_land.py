"""ERA5-Land hourly fields (0.1°)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from smcore.cubes.readers import _ecmwf
from smcore.cubes.readers._ecmwf_fields import FIELDS, SOIL_WATER
from smcore.cubes.readers._families import ERA5_LAND
from smcore.cubes.sources import Reading

KIND: Final = "era5-land"
TITLE: Final = "ERA5-Land hourly fields (NetCDF of the Climate Data Store, old and new form)"
PATTERNS: Final = ("*era5*land*.nc", "*ERA5*Land*.nc", "*ERA5_LAND*.nc")
LAYOUT: Final = "cube"
VARIABLES: Final = (*SOIL_WATER, *(FIELDS[short].request for short in SOIL_WATER))

_PRODUCT: Final = _ecmwf.Product(KIND, 0.1, "since_midnight", dict(ERA5_LAND.attrs))


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read ERA5-Land files lazily as one cube.

    Parameters
    ----------
    paths
        NetCDF files of one area; fields and months may be spread over several.
    variable
        Soil-water layer to take as ``sm``, by its short or long name (default: the topmost that the files hold).

    Returns
    -------
    Reading
        ``sm(time, y, x)`` [m3 m-3] and the known forcings at the stamps that the files have; accumulated fields,
        which the product counts from 00 UTC, are mean rates of the step before the stamp. NaN where missing.

    Raises
    ------
    ReaderError
        If no file is an ERA5-Land file with a known field.
    """
    return _ecmwf.read(_PRODUCT, paths, variable)
