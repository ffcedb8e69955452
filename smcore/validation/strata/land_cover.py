"""Names of land-cover classes, and which of them are forest: IGBP numbers, and what stations say of themselves."""

from __future__ import annotations

import re
from typing import Final

IGBP: Final = {
    0: "water",
    1: "evergreen needleleaf forest",
    2: "evergreen broadleaf forest",
    3: "deciduous needleleaf forest",
    4: "deciduous broadleaf forest",
    5: "mixed forest",
    6: "closed shrubland",
    7: "open shrubland",
    8: "woody savanna",
    9: "savanna",
    10: "grassland",
    11: "permanent wetland",
    12: "cropland",
    13: "urban",
    14: "cropland and natural mosaic",
    15: "snow and ice",
    16: "barren",
    17: "water",
}
"""Classes of the International Geosphere-Biosphere Programme as in MCD12 (Sulla-Menashe et al. 2019, Remote Sens.
Environ. 222, 183–194, doi:10.1016/j.rse.2018.12.013): MCD12C1 has water as 0, MCD12Q1 as 17."""

_NUMBER = re.compile(r"IGBP\s*(\d{1,2})", re.IGNORECASE)
_FOREST = re.compile(r"^tree cover\b|\bforest\b", re.IGNORECASE)


def igbp_name(number: float) -> str:
    """Name of an IGBP class; '' for what is none."""
    return IGBP.get(int(number), "") if float(number).is_integer() else ""


def land_cover_name(text: str) -> str:
    """What a table calls the class that a station states: names of ``IGBP 4``, any other text as it is."""
    found = _NUMBER.fullmatch(text.strip())
    return igbp_name(int(found[1])) if found else text.strip()


def is_forest(name: str) -> bool:
    """Whether a class is closed forest.

    That is classes 1 to 5 of IGBP, and of the CCI land cover that ISMN hands out all that begin with «Tree cover»;
    savannas, shrubs and mosaics are not.
    """
    return _FOREST.search(name) is not None
