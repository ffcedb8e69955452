"""GLDAS-2.1 Noah, 0.25°, 3-hourly: soil moisture of a layer, and the forcing and states that the file holds.

Soil moisture is stored as kg m⁻² of a layer; divided by the layer's thickness and the density of water (1000 kg m⁻³)
it is m³ m⁻³. ``_inst`` variables are instants, ``_tavg`` ones means of the three hours before the stamp. The land mask
file (``GLDASp4_landmask_025d.nc4``), if it is among the sources, becomes ``water_fraction``.

References
----------
Rodell, M. et al. (2004): The Global Land Data Assimilation System, Bull. Am. Meteorol. Soc. 85, 381-394,
doi:10.1175/BAMS-85-3-381.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from smcore import names
from smcore.cubes.readers._blocks import Decoding, decoding, lazy, open_raw, times_of
from smcore.cubes.readers._steps import (
    Field,
    Step,
    assemble,
    axes,
    is_synthetic,
    latest,
    one_grid,
    read_map,
)
from smcore.cubes.sources import Reading, gather
from smcore.errors import ReaderError
from smcore.grids import Grid

KIND = "gldas"
TITLE = "GLDAS-2.1 Noah, 0.25°, 3-hourly"
PATTERNS = ("GLDAS_NOAH025_3H*.nc4", "GLDASp4_landmask_*.nc4")
LAYOUT = "cube"
VARIABLES = ("SoilMoi0_10cm_inst", "SoilMoi10_40cm_inst", "SoilMoi40_100cm_inst", "SoilMoi100_200cm_inst")

_LAYERS = dict(zip(VARIABLES, ((0.0, 0.1), (0.1, 0.4), (0.4, 1.0), (1.0, 2.0)), strict=True))
_WATER = 1000.0  # kg m-3
_DAY = 86400.0
_MEAN = "mean:3:end"
_MASK = "GLDAS_mask"
_PAPER = (
    "Rodell, M. et al. (2004): The Global Land Data Assimilation System, Bull. Am. Meteorol. Soc. 85, 381-394, "
    "doi:10.1175/BAMS-85-3-381; data: GLDAS_NOAH025_3H 2.1, NASA GES DISC, doi:10.5067/E7TYRXPJKWOQ"
)


class _Source(NamedTuple):
    ours: str
    factor: float = 1.0


_OTHERS = {
    "Rainf_f_tavg": _Source("precipitation", _DAY),
    "Tair_f_inst": _Source("air_temperature"),
    "LWdown_f_tavg": _Source("longwave_down"),
    "SWdown_f_tavg": _Source("shortwave_down"),
    "Qair_f_inst": _Source("specific_humidity"),
    "Psurf_f_inst": _Source("surface_pressure"),
    "SoilTMP0_10cm_inst": _Source("soil_temperature"),
    "AvgSurfT_inst": _Source("skin_temperature"),
    "Evap_tavg": _Source("evaporation", _DAY),
    "Albedo_inst": _Source("albedo", 0.01),
    "Swnet_tavg": _Source("net_shortwave"),
    "Lwnet_tavg": _Source("net_longwave"),
}
_ORDER = (names.SM, *(source.ours for source in _OTHERS.values()))


@dataclass(frozen=True)
class Slice:
    """The header of one file: its time, its grid, and how each variable of ours is decoded."""

    time: np.datetime64 | None  # None: the land mask
    grid: Grid
    flip: bool
    decodings: dict[str, tuple[str, Decoding]]
    synthetic: int


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read 3-hourly files; ``variable`` chooses the layer (default 0-10 cm).

    Returns
    -------
    Reading
        Cube (time, y, x): ``sm`` [m3 m-3], further variables where present, NaN over water and Antarctica.

    Raises
    ------
    ReaderError
        If no file is good, or the layer is unknown.
    """
    layer = variable or VARIABLES[0]
    if layer not in _LAYERS:
        raise ReaderError(f"There is no variable {layer!r}", where=KIND, hint=f"choose one of: {', '.join(VARIABLES)}")
    found, skipped = gather(paths, partial(_inspect, layer=layer), KIND)
    grid, found, foreign = one_grid(found, lambda one: one.grid)
    maps, old = latest([pair for pair in found if pair[1].time is not None], lambda one: one.time, str)
    if not maps:
        raise ReaderError("There is only a land mask, no soil moisture", code="empty", where=found[0][0].name)
    steps = [_step(path, one) for path, one in maps]
    present = [ours for ours in _ORDER if any(ours in step.loaders for step in steps)]
    masks = [(path, one) for path, one in found if one.time is None]
    statics = {"water_fraction": _water_fraction(*masks[0])} if masks else {}
    attrs = _attrs(layer, max(one.synthetic for _, one in maps))
    cube = assemble(grid, steps, {name: Field(_variable_attrs(name)) for name in present}, attrs, statics)
    sources = tuple(path for path, _ in (*maps, *masks[:1]))
    return Reading(cube, (*skipped, *foreign, *old), (), sources)


def _attrs(layer: str, synthetic: int) -> dict[str, Any]:
    top, bottom = _LAYERS[layer]
    return {
        "title": TITLE,
        "kind": "modelled",
        "synthetic": synthetic,
        "product": "GLDAS-2.1 Noah",
        "layer_m": f"{top:g} {bottom:g}",
        "time_support": names.INSTANT,
        "source_variable": layer,
        "licence": "NASA open data",
        "citation": _PAPER,
        "doi": "10.5067/E7TYRXPJKWOQ",
        "inputs": "gldas",
    }


def _variable_attrs(name: str) -> dict[str, str]:
    attrs = names.attributes(name)
    source = next((theirs for theirs, one in _OTHERS.items() if one.ours == name), "")
    return {**attrs, "time_support": _MEAN} if source.endswith("_tavg") else attrs


def _step(path: Path, one: Slice) -> Step:
    assert one.time is not None
    loaders = {
        ours: partial(read_map, path, theirs, decode, flip=one.flip) for ours, (theirs, decode) in one.decodings.items()
    }
    return Step(one.time, loaders)


def _inspect(path: Path, *, layer: str) -> Slice:
    with open_raw(path) as raw:
        if "lat" not in raw or "lon" not in raw or not any(n in raw for n in (*VARIABLES, *_OTHERS, _MASK)):
            raise ReaderError("The file holds no GLDAS Noah variable", code="wrong_kind", where=path.name)
        grid, flip = axes(raw["lat"].values, raw["lon"].values, path.name)
        is_mask = _MASK in raw
        if not is_mask and layer not in raw:
            raise ReaderError(f"The file has no {layer}", code="missing_variable", where=path.name)
        time = None if is_mask else _time(raw, path.name)
        return Slice(time, grid, flip, {} if is_mask else _decodings(raw, layer), is_synthetic(raw.attrs))


def _decodings(raw: xr.Dataset, layer: str) -> dict[str, tuple[str, Decoding]]:
    top, bottom = _LAYERS[layer]
    result = {names.SM: (layer, decoding(raw[layer]).then(1.0 / (_WATER * (bottom - top))))}
    for theirs, source in _OTHERS.items():
        if theirs in raw:
            result[source.ours] = (theirs, decoding(raw[theirs]).then(source.factor))
    return result


def _time(raw: xr.Dataset, where: str) -> np.datetime64:
    if "time" not in raw or raw["time"].size != 1:
        raise ReaderError("The file does not hold exactly one time", code="wrong_kind", where=where)
    time = times_of(raw["time"], where=where)[0]
    if np.isnat(time):
        raise ReaderError("The time of the file is missing", code="bad_values", where=where)
    return np.datetime64(time, "ns")


def _water_fraction(path: Path, one: Slice) -> xr.DataArray:
    with open_raw(path) as raw:
        decode = decoding(raw[_MASK])
    rows, columns = one.grid.shape
    land = lazy([partial(read_map, path, _MASK, decode, flip=one.flip)], [rows], [columns])
    return xr.DataArray(np.float32(1.0) - land, dims=(names.Y, names.X), attrs=names.attributes("water_fraction"))
