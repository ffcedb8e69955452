"""NASA Land Information System (LIS) history files on a regular latitude/longitude domain, such as Noah-MP.

Latitude and longitude are two-dimensional and missing outside the land mask; both axes are made whole from what is
there. Soil moisture has one map for each layer: ``SoilMoist_inst`` is the top one, ``SoilMoist_inst:1`` the next.

References
----------
Kumar, S. V. et al. (2006): Land information system, Environ. Modell. Softw. 21, 1402-1415,
doi:10.1016/j.envsoft.2005.07.004.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.readers._blocks import Decoding, decoding, open_raw, times_of
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

KIND = "lis"
TITLE = "NASA LIS land-surface model"
PATTERNS = ("LIS_HIST_*.nc",)
LAYOUT = "cube"
VARIABLES = tuple(f"SoilMoist_{support}{layer}" for support in ("inst", "tavg") for layer in ("", ":1", ":2", ":3"))

_THICKNESSES = "SOIL_LAYER_THICKNESSES"  # cm
_PAPER = (
    "Kumar, S. V. et al. (2006): Land information system, Environ. Modell. Softw. 21, 1402-1415, "
    "doi:10.1016/j.envsoft.2005.07.004"
)
_UNEVEN = 1e-3  # share of a cell that coordinates of one row may differ by


@dataclass(frozen=True)
class History:
    """The header of one file."""

    time: np.datetime64
    grid: Grid
    flip: bool
    decode: Decoding
    layer_m: str
    time_support: str
    synthetic: int


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read history files; ``variable`` chooses instant or mean, and the layer (default: instant, the top one).

    Returns
    -------
    Reading
        Cube (time, y, x): ``sm`` [m3 m-3], NaN outside the land mask.

    Raises
    ------
    ReaderError
        If no file is good, or the variable is unknown.
    """
    wanted = variable or VARIABLES[0]
    if wanted not in VARIABLES:
        raise ReaderError(f"There is no variable {wanted!r}", where=KIND, hint=f"choose one of: {', '.join(VARIABLES)}")
    name, _, number = wanted.partition(":")
    layer = int(number or 0)
    found, skipped = gather(paths, partial(_inspect, name=name, layer=layer), KIND)
    grid, found, foreign = one_grid(found, lambda one: one.grid)
    found, old = latest(found, lambda one: one.time, lambda path: path.name)
    steps = [
        Step(one.time, {names.SM: partial(read_map, path, name, one.decode, _index(layer), one.flip)})
        for path, one in found
    ]
    first = found[0][1]
    attrs = {
        "title": TITLE,
        "kind": "modelled",
        "synthetic": max(one.synthetic for _, one in found),
        "product": "NASA LIS",
        "layer_m": first.layer_m,
        "time_support": first.time_support,
        "source_variable": wanted,
        "licence": "as given by the provider",
        "citation": _PAPER,
        "doi": "10.1016/j.envsoft.2005.07.004",
        "inputs": "lis",
    }
    cube = assemble(grid, steps, {names.SM: Field(names.attributes(names.SM))}, attrs)
    return Reading(cube, (*skipped, *foreign, *old), (), tuple(path for path, _ in found))


def _index(layer: int) -> tuple[slice, ...]:
    return (slice(layer, layer + 1), slice(None), slice(None))


def _inspect(path: Path, *, name: str, layer: int) -> History:
    with open_raw(path) as raw:
        absent = [one for one in ("lat", "lon", "time", name) if one not in raw]
        if absent:
            there = [str(one) for one in raw.data_vars if str(one).startswith("SoilMoist")]
            hint = f"it has: {', '.join(there)}" if there else ""
            raise ReaderError(
                f"The file has no {', '.join(absent)}", code="missing_variable", where=path.name, hint=hint
            )
        if raw[name].ndim != 3 or raw["lat"].ndim != 2 or raw["time"].size != 1:
            raise ReaderError("The file is no LIS history of one time", code="wrong_kind", where=path.name)
        if layer >= raw[name].shape[0]:
            raise ReaderError(f"The file has no layer {layer} of {name}", code="missing_variable", where=path.name)
        grid, flip = _grid(raw, path.name)
        return History(
            time=np.datetime64(times_of(raw["time"], where=path.name)[0], "ns"),
            grid=grid,
            flip=flip,
            decode=decoding(raw[name]),
            layer_m=_layer(raw, layer, path.name),
            time_support=_support(raw, name),
            synthetic=is_synthetic(raw.attrs),
        )


def _support(raw: xr.Dataset, name: str) -> str:
    """``_tavg`` maps are means of the interval that ends at the stamp."""
    if name.endswith("_inst"):
        return names.INSTANT
    return f"mean:{int(raw['time'].attrs.get('time_increment', 86400)) / 3600:g}:end"


def _layer(raw: xr.Dataset, layer: int, where: str) -> str:
    """Top and bottom [m] of a layer from the thicknesses [cm], given as numbers or as text in brackets."""
    stored = raw.attrs.get(_THICKNESSES, "")
    text = stored if isinstance(stored, str) else " ".join(map(str, np.ravel(stored)))
    thicknesses = [float(number) for number in re.findall(r"\d+\.?\d*", text)]
    if layer >= len(thicknesses):
        raise ReaderError(f"The file does not say how thick layer {layer} is", code="missing_variable", where=where)
    edges = np.round(np.cumsum([0.0, *thicknesses]) / 100, 4)
    return f"{edges[layer]:g} {edges[layer + 1]:g}"


def _grid(raw: xr.Dataset, where: str) -> tuple[Grid, bool]:
    lat = _axis(decoding(raw["lat"])(raw["lat"].values), "latitude", where)
    lon = _axis(decoding(raw["lon"])(raw["lon"].values).T, "longitude", where)
    return axes(lat, lon, where)


def _axis(coordinates: NDArray[Any], what: str, where: str) -> NDArray[np.float64]:
    """One even axis from coordinates (n, m) that should not change along m; rows all missing are filled in.

    Raises
    ------
    ReaderError
        ``wrong_kind``, if the coordinates do change along m, are uneven, or fewer than two rows are known.
    """
    known = np.isfinite(coordinates).any(axis=1)
    if known.sum() < 2:
        raise ReaderError(f"Fewer than two values of {what} are known", code="wrong_kind", where=where)
    position = np.flatnonzero(known)
    values = np.nanmedian(coordinates[known].astype(np.float64), axis=1)
    step = (values[-1] - values[0]) / (position[-1] - position[0])
    axis: NDArray[np.float64] = values[0] + step * (np.arange(len(coordinates)) - position[0])
    off = np.nanmax(np.abs(coordinates[known] - axis[known, np.newaxis]))
    if step == 0 or off > _UNEVEN * abs(step):
        hint = "only regular latitude/longitude domains are read"
        raise ReaderError(f"The {what} is not even and separable", code="wrong_kind", where=where, hint=hint)
    return axis
