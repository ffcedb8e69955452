"""SMOS level-3 daily soil moisture of CATDS, on the 25 km EASE-Grid 2.0 (``SM_OPER_MIR_CLF31A/D``).

The files have no time axis: the day and the overpass come from the file name (A: ascending, about 06:00 local solar
time; D: descending, about 18:00), and the mean time of acquisition of each cell becomes ``obs_time``.

References
----------
Al Bitar, A. et al. (2017): The global SMOS Level 3 daily soil moisture and brightness temperature maps, Earth Syst.
Sci. Data 9, 293-315, doi:10.5194/essd-9-293-2017.
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
from smcore.cubes.readers._blocks import Decoding, decoding, open_raw, packing
from smcore.cubes.readers._steps import (
    Field,
    Step,
    assemble,
    axes,
    is_synthetic,
    latest,
    one_grid,
    read_map,
    stamp_in_name,
)
from smcore.cubes.sources import Reading, gather
from smcore.errors import ReaderError
from smcore.grids import Grid

KIND = "smos-l3"
TITLE = "SMOS L3 soil moisture, 25 km, daily"
PATTERNS = ("SM_OPER_MIR_CLF31[AD]_*.nc", "SM_RE*_MIR_CLF31[AD]_*.nc")
LAYOUT = "cube"
VARIABLES = ("Soil_Moisture",)

_DQX = ("Soil_Moisture_Dqx", "Soil_Moisture_DQX")
_DAYS, _SECONDS = "Mean_Acq_Time_Days", "Mean_Acq_Time_Seconds"
_GRID = "M25"
_EPOCH = np.datetime64("2000-01-01", "s")
_OVERPASS = {"A": (names.AM, 6), "D": (names.PM, 18)}  # the other way round than SMAP
_PAPER = (
    "Al Bitar, A. et al. (2017): The global SMOS Level 3 daily soil moisture and brightness temperature maps, "
    "Earth Syst. Sci. Data 9, 293-315, doi:10.5194/essd-9-293-2017"
)


@dataclass(frozen=True)
class Day:
    """The header of one file."""

    time: np.datetime64
    overpass: str
    grid: Grid
    flip: bool
    decodings: dict[str, tuple[str, Decoding]]
    times: tuple[Decoding, Decoding] | None
    encoding: dict[str, Any]
    synthetic: int


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read daily maps of one or both overpasses.

    Returns
    -------
    Reading
        Cube (time, y, x) on M25: ``sm`` [m3 m-3], ``sm_uncertainty`` (DQX) and ``obs_time`` where present; steps
        stamped nominally 06:00 (am) and 18:00 (pm) UTC.

    Raises
    ------
    ReaderError
        If no file is good.
    """
    moisture = variable or VARIABLES[0]
    found, skipped = gather(paths, partial(_inspect, moisture=moisture), KIND)
    grid, found, foreign = one_grid(found, lambda day: day.grid)
    found, old = latest(found, lambda day: day.time, lambda path: path.name)
    steps = [_step(path, day) for path, day in found]
    first = found[0][1]
    fields = {names.SM: Field(names.attributes(names.SM), encoding=first.encoding)}
    if any(names.SM_UNCERTAINTY in step.loaders for step in steps):
        fields[names.SM_UNCERTAINTY] = Field(names.attributes(names.SM_UNCERTAINTY))
    if any(names.OBS_TIME in step.loaders for step in steps):
        fields[names.OBS_TIME] = Field({"long_name": "time of observation (UTC)"}, "datetime64[ns]")
    cube = assemble(grid, steps, fields, _attrs(moisture, max(day.synthetic for _, day in found)))
    timeless = sum(day.times is None for _, day in found)
    notes = (f"{timeless} of {len(found)} files hold no time of acquisition",) if timeless else ()
    return Reading(cube, (*skipped, *foreign, *old), notes, tuple(path for path, _ in found))


def _attrs(moisture: str, synthetic: int) -> dict[str, Any]:
    return {
        "title": TITLE,
        "kind": "observed",
        "synthetic": synthetic,
        "product": "SMOS CATDS L3",
        "layer_m": "0 0.05",
        "time_support": names.INSTANT,
        "time_is_nominal": 1,
        "source_variable": moisture,
        "licence": "CATDS terms of use; cite the product",
        "citation": _PAPER,
        "doi": "10.5194/essd-9-293-2017",
        "inputs": "smos",
    }


def _step(path: Path, day: Day) -> Step:
    loaders: dict[str, Any] = {
        ours: partial(read_map, path, theirs, decode, flip=day.flip) for ours, (theirs, decode) in day.decodings.items()
    }
    if day.times is not None:
        loaders[names.OBS_TIME] = partial(_obs_time, path, day)
    return Step(day.time, loaders, day.overpass)


def _obs_time(path: Path, day: Day) -> NDArray[np.datetime64]:
    """Mean acquisition time of each retrieval, NaT where there is none."""
    assert day.times is not None
    whole = read_map(path, _DAYS, day.times[0], flip=day.flip).astype(np.float64)
    seconds = read_map(path, _SECONDS, day.times[1], flip=day.flip).astype(np.float64)
    theirs, decode = day.decodings[names.SM]
    known = np.isfinite(whole + seconds) & np.isfinite(read_map(path, theirs, decode, flip=day.flip))
    total = np.where(known, whole * 86400 + seconds, 0).astype("timedelta64[s]")
    return np.where(known, _EPOCH + total, np.datetime64("NaT", "s")).astype("datetime64[ns]")


def _inspect(path: Path, *, moisture: str) -> Day:
    match = re.search(r"_MIR_CLF3\w([AD])_(\d{8})T\d{6}_(\d{8})T\d{6}_", path.name)
    if match is None:
        raise ReaderError(
            "The file name is not that of a SMOS level-3 map",
            code="wrong_kind",
            where=path.name,
            hint="keep the provider's name: it holds the day and the overpass",
        )
    if match[2] != match[3]:
        raise ReaderError("The map is not of one day", code="wrong_kind", where=path.name, hint="use daily maps")
    overpass, hour = _OVERPASS[match[1]]
    day = stamp_in_name(path, r"_(\d{4})(\d\d)(\d\d)T\d{6}_")
    with open_raw(path) as raw:
        absent = [name for name in ("lat", "lon", moisture) if name not in raw]
        if absent:
            raise ReaderError(f"The file has no {', '.join(absent)}", code="missing_variable", where=path.name)
        grid, flip = axes(raw["lat"].values, raw["lon"].values, path.name)
        if grid.name != _GRID:
            raise ReaderError(f"The axes are not those of {_GRID}", code="wrong_kind", where=path.name)
        return Day(
            time=day + np.timedelta64(hour, "h"),
            overpass=overpass,
            grid=grid,
            flip=flip,
            decodings=_decodings(raw, moisture),
            times=(decoding(raw[_DAYS]), decoding(raw[_SECONDS])) if _DAYS in raw and _SECONDS in raw else None,
            encoding=packing(raw[moisture]),
            synthetic=is_synthetic(raw.attrs),
        )


def _decodings(raw: xr.Dataset, moisture: str) -> dict[str, tuple[str, Decoding]]:
    result = {names.SM: (moisture, decoding(raw[moisture]))}
    for name in _DQX:
        if name in raw:
            result[names.SM_UNCERTAINTY] = (name, decoding(raw[name]))
    return result
