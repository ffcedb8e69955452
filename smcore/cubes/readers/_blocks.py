"""Lazy blocks of NetCDF variables: numbers are read when they are asked for, and no file stays open.

Decoding is done here and not by the NetCDF library, so that each missing value has one stated rule: a stored number
that equals a declared fill value, lies above the highest number that is not a flag, or is not finite, becomes NaN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dask.array as da
import netCDF4
import numpy as np
import xarray as xr
from dask.base import tokenize
from numpy.typing import ArrayLike, NDArray
from xarray.backends.locks import HDF5_LOCK, NETCDFC_LOCK, combine_locks

from smcore.cubes.sources import open_netcdf
from smcore.errors import ReaderError

# The NetCDF and HDF5 libraries are not thread-safe; xarray's own locks keep our reads apart from its reads too.
NETCDF_LOCK = combine_locks([NETCDFC_LOCK, HDF5_LOCK])
Index = tuple[slice, ...]
Loader = Callable[[], NDArray[Any]]

_NETCDF_FILL = 9.0e36  # the library's own default fill is 9.96921e36; no quantity here comes near
_MILLISECONDS = {
    "day": 86_400_000,
    "hour": 3_600_000,
    "hr": 3_600_000,
    "minute": 60_000,
    "min": 60_000,
    "second": 1_000,
    "sec": 1_000,
    "millisecond": 1,
    "d": 86_400_000,
    "h": 3_600_000,
    "s": 1_000,
}
_DATE = re.compile(
    r"(\d{1,4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?)?)?"
    r"\s*(?:Z|UTC|GMT|[+-]?00?(?::?00)?)?$"
)
_REAL_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")


@dataclass(frozen=True)
class Decoding:
    """How stored numbers become float32 in our unit: ``(stored * scale + offset)``, NaN where missing."""

    fills: tuple[float, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    highest: float | None = None

    def __call__(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Decode an array of any shape."""
        values = stored.astype(np.float64)
        missing = ~np.isfinite(values) | (np.abs(values) > _NETCDF_FILL)
        for fill in self.fills:
            missing |= values == fill
        if self.highest is not None:
            missing |= values > self.highest
        values *= self.scale
        values += self.offset
        values[missing] = np.nan
        return values.astype(np.float32)

    def then(self, factor: float) -> Decoding:
        """Multiply the result by ``factor`` too (a change of unit)."""
        return Decoding(self.fills, self.scale * factor, self.offset * factor, self.highest)


def decoding(variable: xr.DataArray, *fills: float) -> Decoding:
    """Take the decoding from the attributes of a raw ``variable``, with further ``fills`` that they forget."""
    declared = [
        value for key in ("_FillValue", "missing_value") for value in np.atleast_1d(variable.attrs.get(key, []))
    ]
    numbers = [float(value) for value in declared if isinstance(value, (int, float, np.number)) and np.isfinite(value)]
    return Decoding(
        tuple(dict.fromkeys([*numbers, *fills])),
        float(variable.attrs.get("scale_factor", 1.0)),
        float(variable.attrs.get("add_offset", 0.0)),
    )


def packing(variable: xr.DataArray) -> dict[str, Any]:
    """Keep what a store needs to pack a raw ``variable`` as its source did; empty where it was not packed."""
    if variable.dtype.kind not in "iu":
        return {}
    known = ("scale_factor", "add_offset", "_FillValue")
    return {"dtype": variable.dtype, **{key: variable.attrs[key] for key in known if key in variable.attrs}}


@dataclass(frozen=True)
class TimeUnits:
    """A CF time unit such as ``days since 1858-11-17``, taken apart."""

    epoch: np.datetime64
    step_ms: int

    @classmethod
    def parse(cls, units: str, calendar: str = "standard", *, where: str = "") -> TimeUnits:
        """Read a CF unit string; calendars other than the real one are refused."""
        word, _, date = units.partition(" since ")
        step = _MILLISECONDS.get(word.strip().lower().rstrip("s") or word.strip(), 0)
        if not step or calendar.lower() not in _REAL_CALENDARS:
            raise ReaderError(f"The time unit {units!r} ({calendar} calendar) is not understood", where=where)
        match = _DATE.match(date.strip())
        if match is None:
            raise ReaderError(f"The time unit {units!r} names no date in UTC", where=where)
        year, month, day, hour, minute, second = (float(part or 0) for part in match.groups())
        try:
            start = np.datetime64(f"{int(year):04d}-{int(month):02d}-{int(day):02d}", "ms")
        except ValueError as error:
            raise ReaderError(f"The time unit {units!r} names no date", where=where) from error
        seconds = hour * 3600 + minute * 60 + second
        return cls(start + np.timedelta64(round(seconds * 1000), "ms"), step)

    def decode(self, values: ArrayLike) -> NDArray[np.datetime64]:
        """Make stored numbers times, to the millisecond, as datetime64[ns]; NaT where not finite."""
        numbers = np.asarray(values, dtype=np.float64)
        known = np.isfinite(numbers) & (np.abs(numbers) < _NETCDF_FILL)
        ms = np.rint(np.where(known, numbers, 0) * self.step_ms).astype("timedelta64[ms]")
        return np.where(known, self.epoch + ms, np.datetime64("NaT", "ms")).astype("datetime64[ns]")


def times_of(variable: xr.DataArray, *, where: str) -> NDArray[np.datetime64]:
    """Read all times of a raw time ``variable`` as datetime64[ns]; NaT where missing."""
    units, calendar = variable.attrs.get("units", ""), variable.attrs.get("calendar", "standard")
    return TimeUnits.parse(str(units), str(calendar), where=where).decode(variable.values)


def open_raw(path: Path, group: str | None = None) -> xr.Dataset:
    """Open a NetCDF file with its numbers and attributes as they are stored; errors as ``sources.open_netcdf``."""
    return open_netcdf(path, group, decode_cf=False, create_default_indexes=False)


def read_stored(path: Path, name: str, index: Index = ()) -> NDArray[Any]:
    """Read part of a variable as it is stored; ``name`` may hold groups (``group/variable``).

    Raises
    ------
    ReaderError
        If the file can't be read any more (``truncated``).
    """
    try:
        with NETCDF_LOCK, netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            return np.asarray(file[name][index or slice(None)])
    except (OSError, RuntimeError, IndexError) as error:
        raise ReaderError(f"{name} can't be read", code="truncated", where=path.name, hint=str(error)) from error


def load(path: Path, name: str, decode: Callable[[NDArray[Any]], NDArray[Any]], index: Index = ()) -> NDArray[Any]:
    """Read and decode part of a variable."""
    return decode(read_stored(path, name, index))


def loader(path: Path, name: str, decode: Callable[[NDArray[Any]], NDArray[Any]], index: Index = ()) -> Loader:
    """:func:`load` for later."""
    return partial(load, path, name, decode, index)


def where_retrieved(values: Loader, moisture: Loader) -> NDArray[Any]:
    """Load flags or times, and make them missing (−1, NaT) where there is no soil moisture."""
    found = values()
    found[np.isnan(moisture())] = np.datetime64("NaT") if found.dtype.kind == "M" else -1
    return found


def lazy(
    loaders: Sequence[Loader], lengths: Sequence[int], rest: Sequence[int], dtype: Any = np.float32, *, axis: int = 0
) -> da.Array:
    """Lay one lazy block for each loader end to end along ``axis``; ``rest`` are the other lengths."""
    name = f"block-{tokenize(*loaders)}"
    chunks: list[tuple[int, ...]] = [(int(n),) for n in rest]
    chunks.insert(axis, tuple(int(n) for n in lengths))
    ones = (0,) * len(rest)
    graph = {(name, *ones[:axis], i, *ones[axis:]): (one,) for i, one in enumerate(loaders)}
    return da.Array(graph, name, tuple(chunks), dtype=np.dtype(dtype))
