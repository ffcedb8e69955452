"""Collecting the fields of the demo world, packed as small integers, and handing them over as data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.demo.noise import Values
from smcore.demo.world import VERSION
from smcore.grids import Grid

MISSING = np.int16(-32768)
BLOCK = 64  # steps handed over at once


@dataclass(frozen=True)
class Pack:
    """Value = integer · scale + offset, as int16; `scale` is one over a whole number where the offset is 0."""

    scale: float
    offset: float = 0.0

    def encode(self, values: Values) -> NDArray[np.int16]:
        """Round to the packing; NaN becomes `MISSING`, values beyond the range its ends."""
        scaled = np.rint((values - np.float32(self.offset)) / np.float32(self.scale))
        return np.where(np.isfinite(scaled), np.clip(scaled, -32767, 32767), MISSING).astype(np.int16)

    def decode(self, stored: NDArray[np.int16]) -> Values:
        """The float32 that a store gets back from this integer."""
        divisor = round(1 / self.scale)
        if self.offset == 0 and divisor >= 1:
            values = stored.astype(np.float32) / np.float32(divisor)
        else:
            values = (stored * np.float64(self.scale) + self.offset).astype(np.float32)
        values[stored == MISSING] = np.nan
        return values

    @property
    def encoding(self) -> dict[str, Any]:
        """How xarray describes it."""
        return {
            "dtype": np.dtype("int16"),
            "scale_factor": self.scale,
            "add_offset": self.offset,
            "_FillValue": int(MISSING),
        }


_BY_UNIT = {
    names.VOLUMETRIC: Pack(1e-4),
    "mm d-1": Pack(1e-2),
    "K": Pack(0.02),
    "W m-2": Pack(0.1),
    "kg kg-1": Pack(1e-5),
    "Pa": Pack(2.0, 60_000.0),
    "m s-1": Pack(1e-2),
    "1": Pack(1e-3),
    "m2 m-2": Pack(1e-2),
    "kg m-2": Pack(1e-2),
    "m": Pack(1e-6),
    "J m-2": Pack(500.0),
}


def packing(units: str) -> Pack:
    """The packing of a time-varying quantity, by its unit; metres of water, that is."""
    return _BY_UNIT[units]


@dataclass
class Recorder:
    """Fields of one product on one grid, filled step by step.

    Attributes
    ----------
    grid
        Cells kept; what is put in may have `halo` cells more on every side.
    time
        Stamp of every step.
    units
        Name → unit of each variable.
    scratch
        Folder for arrays too large to keep in memory, or None.
    """

    grid: Grid
    time: NDArray[np.datetime64]
    units: Mapping[str, str]
    halo: int = 0
    scratch: Path | None = None
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._steps = {int(t): i for i, t in enumerate(self.time.astype("datetime64[m]").astype(np.int64))}
        for name in self.units:
            self.arrays[name] = self._empty(name, np.int16, MISSING)

    def _empty(self, name: str, kind: Any, fill: Any) -> NDArray[Any]:
        shape = (len(self.time), *self.grid.shape)
        if self.scratch is None:
            return np.full(shape, fill, kind)
        file = self.scratch / f"{name}-{id(self):x}.npy"
        array = np.lib.format.open_memmap(file, mode="w+", dtype=np.dtype(kind), shape=shape)
        if fill:
            array[:] = fill
        return array

    def step(self, time: np.datetime64) -> int | None:
        """Index of the step stamped `time`, None if it is not kept."""
        return self._steps.get(int(time.astype("datetime64[m]").astype(np.int64)))

    def put(self, time: np.datetime64, fields: Mapping[str, Values]) -> None:
        """Keep one step, if it is one of ours."""
        index = self.step(time)
        if index is not None:
            for name, values in fields.items():
                self.arrays[name][index] = packing(self.units[name]).encode(self._inner(values))

    def put_integers(self, time: np.datetime64, name: str, values: NDArray[Any], kind: Any = np.int16) -> None:
        """Keep one step of a variable that is integer by nature (flags, minutes)."""
        index = self.step(time)
        if index is not None:
            if name not in self.arrays:
                self.arrays[name] = self._empty(name, kind, -1)
            self.arrays[name][index] = self._inner(values)

    def _inner(self, values: NDArray[Any]) -> NDArray[Any]:
        h = self.halo
        return values[h : values.shape[0] - h, h : values.shape[1] - h] if h else values

    def variables(self) -> dict[str, xr.Variable]:
        """The quantities put in, lazily unpacked."""
        found = {}
        for name, units in self.units.items():
            pack = packing(units)
            lazy = _blocks(self.arrays[name]).map_blocks(pack.decode, dtype=np.float32, meta=np.empty(0, np.float32))
            found[name] = xr.Variable(names.CUBE_DIMS, lazy, describe(name, units), encoding=pack.encoding)
        return found

    def quality(self, attrs: Mapping[str, Any]) -> xr.Variable:
        """The quality flags put in as ``quality``."""
        return xr.Variable(names.CUBE_DIMS, _blocks(self.arrays[names.QUALITY]).astype(np.int32), dict(attrs))

    def obs_time(self) -> xr.Variable:
        """Times from the minutes of the UTC day put in as ``obs_time``, NaT where negative."""
        minutes = _blocks(self.arrays[names.OBS_TIME])
        days = self.time.astype("datetime64[D]").astype("datetime64[ns]")
        stamps = da.from_array(days[:, None, None], chunks=(BLOCK, 1, 1))
        times = da.map_blocks(_times, minutes, stamps, dtype="datetime64[ns]", meta=np.empty(0, "datetime64[ns]"))
        return xr.Variable(names.CUBE_DIMS, times, {"long_name": "time of observation, UTC"})


def _times(minutes: NDArray[np.int16], days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    times = days + minutes.astype("timedelta64[m]")
    return np.where(minutes < 0, np.datetime64("NaT", "ns"), times)


def _blocks(array: NDArray[Any]) -> da.Array:
    return da.from_array(array, chunks=(BLOCK, *array.shape[1:]), name=False)


def describe(name: str, units: str) -> dict[str, Any]:
    """Attributes of a variable of the demo world, said to be synthetic."""
    attrs: dict[str, Any] = names.attributes(name, units) if name in names.VARIABLES else {"units": units}
    return attrs | {"comment": "synthetic"}


def static(name: str, values: NDArray[Any], units: str | None = None) -> xr.Variable:
    """A static field (y, x)."""
    kind = np.int16 if np.asarray(values).dtype.kind in "iu" else np.float32
    return xr.Variable(
        (names.Y, names.X), np.asarray(values, kind), describe(name, units or names.VARIABLES[name].units)
    )


def dataset(
    grid: Grid,
    time: NDArray[np.datetime64] | None,
    variables: Mapping[str, xr.Variable],
    attrs: Mapping[str, Any],
    overpass: Sequence[str] = (),
) -> xr.Dataset:
    """A cube of the demo world with axes, grid, version and the word synthetic in its attributes."""
    coords: dict[str, Any] = {
        names.LAT: (names.Y, grid.lat, {"units": "degrees_north"}),
        names.LON: (names.X, grid.lon, {"units": "degrees_east"}),
    }
    if time is not None:
        coords[names.TIME] = time.astype("datetime64[ns]")
    if len(overpass):
        coords[names.OVERPASS] = (names.TIME, np.asarray(overpass))
    common = {"synthetic": 1, "generator_version": VERSION, "licence": "CC0-1.0", **grid.to_attrs()}
    return xr.Dataset(dict(variables), coords, {**common, **attrs})
