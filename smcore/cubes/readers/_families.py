"""Product families that come as time-series files, told by the variable that holds their soil moisture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from smcore import names
from smcore.cubes.readers import _flags, _smap
from smcore.grids import Grid, ease, regular

COPERNICUS: Final = "Copernicus licence: free use with attribution"
NASA: Final = "open (NASA)"
SMAP_CITATION: Final = "O'Neill et al., SMAP L3 Radiometer Global Daily 36 km EASE-Grid Soil Moisture, NASA NSIDC DAAC"
C3S_CITATION: Final = (
    "Dorigo et al. 2017, ESA CCI Soil Moisture for improved Earth system understanding; Gruber et al. 2019; "
    "Copernicus Climate Change Service (C3S)"
)
ERA5_CITATION: Final = "Hersbach et al. 2020, The ERA5 global reanalysis; Copernicus Climate Change Service (C3S)"
ERA5_LAND_CITATION: Final = "Muñoz-Sabater et al. 2021, ERA5-Land; Copernicus Climate Change Service (C3S)"
GLDAS_CITATION: Final = "Rodell et al. 2004, The Global Land Data Assimilation System; Beaudoing and Rodell, GLDAS Noah"

_ECMWF_LAYERS: Final = {"swvl1": (0.0, 0.07), "swvl2": (0.07, 0.28), "swvl3": (0.28, 1.0), "swvl4": (1.0, 2.89)}
_GLDAS_LAYER: Final = re.compile(r"SoilMoi(\d+)_(\d+)cm_inst")


@dataclass(frozen=True)
class Family:
    """What all files of one product share: how it is described, its grid, and its variables beside soil moisture."""

    key: str
    attrs: Mapping[str, Any]
    grid: tuple[str, float] | None  # ("M36", 0), or ("edge" or "centre", step [deg]) of a global regular grid
    others: Mapping[str, str]  # source name -> our name; same unit but for its spelling
    flags: Mapping[str, tuple[str, _flags.QualityBits]] = field(default_factory=dict)  # our name: source name, bits
    observed_at: str = ""

    def whole_grid(self) -> Grid | None:
        """Make the whole grid that the product's locations are cells of."""
        if self.grid is None:
            return None
        name, step = self.grid
        if name == "M36":
            return ease("M36")
        rows, columns = round(180 / step), round(360 / step)
        if name == "edge":  # cells begin at the poles
            return regular(90 - step / 2, -180 + step / 2, step, step, rows, columns)
        return regular(90.0, -180.0, step, step, rows + 1, columns)  # centres lie on the poles


def _described(title: str, kind: str, inputs: str, licence: str, citation: str, doi: str) -> dict[str, Any]:
    return {"title": title, "kind": kind, "inputs": inputs, "licence": licence, "citation": citation, "doi": doi}


SMAP: Final = Family(
    "smap",  # the files do not say of which version they are, so the DOI is that of the mission's paper
    _described("SMAP L3 passive soil moisture, 36 km", "observed", "smap", NASA, SMAP_CITATION, _smap.PAPER_DOI)
    | {"product": "SMAP SPL3SMP", "time_support": names.INSTANT, "time_is_nominal": 1},
    ("M36", 0.0),
    {
        "surface_temperature": "soil_temperature",
        "vegetation_water_content": "vegetation_water",
    },
    flags={
        names.QUALITY: ("retrieval_qual_flag", _flags.SMAP),
        "surface_flag": ("surface_flag", _flags.SMAP_SURFACE),
    },
)
C3S: Final = Family(
    "c3s",
    _described(
        "C3S soil moisture, combined, 0.25°", "observed", "c3s", COPERNICUS, C3S_CITATION, "10.24381/cds.d7782f18"
    )
    | {"product": "C3S SM combined", "time_support": names.INSTANT, "time_is_nominal": 1},
    ("edge", 0.25),
    {"sm_uncertainty": names.SM_UNCERTAINTY},
    flags={names.QUALITY: ("flag", _flags.C3S), "surface_flag": ("flag", _flags.C3S_ALL)},
    observed_at="t0",
)
ERA5: Final = Family(
    "era5",
    _described("ERA5 soil moisture, 0.25°", "modelled", "era5", COPERNICUS, ERA5_CITATION, "10.24381/cds.adbb2d47")
    | {"product": "ERA5", "time_support": names.INSTANT},
    ("centre", 0.25),
    {"stl1": "soil_temperature", "skt": "skin_temperature", "t2m": "air_temperature"},
)
ERA5_LAND: Final = Family(
    "era5-land",
    _described(
        "ERA5-Land soil moisture, 0.1°",
        "modelled",
        "era5-land era5",  # ERA5 drives it
        COPERNICUS,
        ERA5_LAND_CITATION,
        "10.24381/cds.e2161bac",
    )
    | {"product": "ERA5-Land", "time_support": names.INSTANT},
    ("centre", 0.1),
    ERA5.others,
)
GLDAS: Final = Family(
    "gldas",
    _described("GLDAS Noah soil moisture, 0.25°", "modelled", "gldas", NASA, GLDAS_CITATION, "10.5067/E7TYRXPJKWOQ")
    | {"product": "GLDAS-2.1 Noah", "time_support": names.INSTANT},
    ("edge", 0.25),
    {"SoilTMP0_10cm_inst": "soil_temperature"},
)
TARGETS: Final = (
    "soil_moisture", "sm", *_ECMWF_LAYERS,
    "SoilMoi0_10cm_inst", "SoilMoi10_40cm_inst", "SoilMoi40_100cm_inst", "SoilMoi100_200cm_inst",
)  # fmt: skip


_SENSORS: Final = {"ASCAT": "ascat", "AMSR": "amsr2", "SMOS": "smos", "MIRAS": "smos", "SMAP": "smap"}
_WITH_SMAP: Final = 202212  # from ESA CCI SM 7.1 on, which merges SMAP


def c3s_inputs(product: str, version: str, sensors: str = "") -> str:
    """Source families of a C3S or ESA CCI product, as words.

    Parameters
    ----------
    product
        Text with ``combined``, ``active`` or ``passive`` in it.
    version
        As in ``v202505``; older ones without ``sensors`` are not told to rest on SMAP.
    sensors
        The instruments that the file lists, if it does.

    Notes
    -----
    The combined product is brought to the climatology of GLDAS Noah before it is merged (Gruber et al. 2019,
    doi:10.5194/essd-11-717-2019), so it shares that too.
    """
    form = product.lower()
    found = [family for word, family in _SENSORS.items() if word in sensors.upper()]
    if not found:
        year = re.search(r"(?<!\d)(20\d{4})", version)
        found = ["ascat", "amsr2", "smos", *(["smap"] if year and int(year[1]) >= _WITH_SMAP else [])]
    if "active" in form and "combined" not in form:
        found = ["ascat"]
    elif "passive" in form and "combined" not in form:
        found = [family for family in found if family != "ascat"]
    return " ".join(dict.fromkeys(["c3s", *found, *(["gldas"] if "combined" in form else [])]))


def family_of(target: str, attrs: Mapping[str, Any], spacing: float) -> Family:
    """Find the family whose soil moisture is ``target``; ``spacing`` [deg] tells ERA5-Land from ERA5."""
    if target == "soil_moisture":
        return SMAP
    if target == "sm":
        return C3S
    if _GLDAS_LAYER.fullmatch(target):
        return GLDAS
    return ERA5_LAND if "land" in str(attrs.get("product", "")).lower() or spacing < 0.2 else ERA5


def layer_of(target: str) -> tuple[float, float]:
    """Depth [m] of the layer that ``target`` is the soil moisture of."""
    if target in _ECMWF_LAYERS:
        return _ECMWF_LAYERS[target]
    if match := _GLDAS_LAYER.fullmatch(target):
        return int(match[1]) / 100, int(match[2]) / 100
    return 0.0, 0.05
