"""Station collections: (sensor, time) datasets built from one series per sensor, and the rules that they keep.

Every sensor is its own row, also where several hang at one depth of one station: nothing is averaged. Sensors share
the union of their time axes; where a sensor has no record, the value is NaN and the flag 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.check import REQUIRED_ATTRS
from smcore.errors import CubeError, ReaderError
from smcore.grids import wrap_longitude
from smcore.stations import flags

FLAG_OF: Final = {
    names.SM: names.FLAG,
    "soil_temperature": "soil_temperature_flag",
    "precipitation": "precipitation_flag",
    "air_temperature": "air_temperature_flag",
}
"""The variables of a station collection, and the flag variable of each."""

TEXT_COORDS: Final = ("network", "station", "instrument", "land_cover", "climate")
NUMBER_COORDS: Final = {
    "depth_from": ("m", "upper end of the sensor"),
    "depth_to": ("m", "lower end of the sensor"),
    "lat": ("degrees_north", "latitude"),
    "lon": ("degrees_east", "longitude"),
    "elevation": ("m", "elevation"),
}
SOIL: Final = ("porosity", "clay", "sand", "silt", "organic_carbon")
"""Soil of a sensor's layer, as coordinates, where its source states it."""


_MINUTE: Final = np.timedelta64(60, "s").astype("timedelta64[ns]")
_CENTURY_MINUTES: Final = 100 * 366 * 24 * 60


@dataclass(frozen=True)
class Record:
    """The values of one variable at one sensor.

    Attributes
    ----------
    time : ndarray (n,) datetime64
        UTC; any order, repeats allowed (the first counts).
    value : ndarray (n,)
        In the unit of ``names.VARIABLES``; NaN where missing.
    flag : ndarray (n,) int32
        Bits of :mod:`smcore.stations.flags`.
    """

    time: NDArray[np.datetime64]
    value: NDArray[Any]
    flag: NDArray[np.int32]


@dataclass(frozen=True)
class Series:
    """One sensor: where and what it is (depths [m], coordinates [deg], elevation [m] or NaN), and its records.

    Raises
    ------
    ReaderError
        If the place is none (see :func:`check_place`).
    """

    network: str
    station: str
    depth_from: float
    depth_to: float
    lat: float
    lon: float
    records: Mapping[str, Record]
    instrument: str = ""
    elevation: float = np.nan
    land_cover: str = ""
    climate: str = ""
    soil: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_place(self.lat, self.lon, self.depth_from, self.depth_to)

    @property
    def id(self) -> str:
        """Network, station, depths and instrument; unique within most sources."""
        depths = f"{self.depth_from:g}-{self.depth_to:g}"
        return "/".join((self.network, self.station, depths, self.instrument or "unknown"))


def check_place(lat: float, lon: float, depth_from: float, depth_to: float) -> None:
    """Refuse coordinates [deg] and depths [m] that no sensor can have.

    Raises
    ------
    ReaderError
        ``bad_values``, with the numbers.
    """
    if not (abs(lat) <= 90 and abs(lon) <= 360):
        raise ReaderError(f"{lat:g} {lon:g} are no latitude and longitude", code="bad_values")
    if not 0 <= depth_from <= depth_to:
        raise ReaderError(f"{depth_from:g} to {depth_to:g} m are no depths of a sensor", code="bad_values")


def build(series: Sequence[Series], attrs: Mapping[str, Any]) -> tuple[xr.Dataset, tuple[str, ...]]:
    """Put the series of many sensors on one time axis.

    Parameters
    ----------
    series
        At least one; each with at least one record.
    attrs
        Attributes of the dataset; ``title``, ``kind`` and ``synthetic`` must be among them.

    Returns
    -------
    collection : Dataset (sensor, time)
        Values float32, flags int32; rows ordered by network, station, depth and instrument.
    notes : tuple of str
        How many repeated times were left out, and which ids had to be made unique.
    """
    rows = sorted(series, key=lambda s: (s.network, s.station, s.depth_from, s.depth_to, s.instrument))
    firsts = [{name: _first_of_each_time(record) for name, record in row.records.items()} for row in rows]
    axis = _Axis.of([r.time for row in firsts for r, _, _ in row.values()])
    ids, renamed = _unique([row.id for row in rows])
    data = xr.Dataset(
        _variables([{name: found[0] for name, found in row.items()} for row in firsts], axis),
        coords={names.SENSOR: ids, names.TIME: axis.time, **_coordinates(rows)},
        attrs=dict(attrs),
    )
    notes = [
        f"{ids[i]}: {dropped} repeated times of {name}, {differing} with another value; the first of each is kept"
        for i, row in enumerate(firsts)
        for name, (_, dropped, differing) in row.items()
        if dropped
    ]
    notes += [f"{name} is there more than once; kept apart as {new}" for name, new in renamed]
    return check_collection(data), tuple(notes)


@dataclass(frozen=True)
class _Axis:
    """The union of many time axes, and where a time lies on it.

    Stations report at full minutes, so the union is marked in a table of minutes: ten times quicker than sorting all
    records of all sensors. Times off the minute, or a span beyond a century, are sorted.
    """

    time: NDArray[np.datetime64]
    first: np.datetime64
    position: NDArray[np.int32] | None  # of each minute after the first, on the union

    @classmethod
    def of(cls, times: Sequence[NDArray[np.datetime64]]) -> _Axis:
        first, last = min(t.min() for t in times), max(t.max() for t in times)
        whole = all((t == t.astype("datetime64[m]")).all() for t in times)
        span = int((last - first) / _MINUTE) + 1
        if not whole or span > _CENTURY_MINUTES:
            return cls(np.unique(np.concatenate(times)), first, None)
        marked = np.zeros(span, dtype=bool)
        for time in times:
            marked[(time - first) // _MINUTE] = True
        union = first + np.flatnonzero(marked) * _MINUTE
        return cls(union.astype("datetime64[ns]"), first, np.cumsum(marked, dtype=np.int32) - 1)

    def index(self, time: NDArray[np.datetime64]) -> NDArray[np.integer]:
        if self.position is None:
            return np.asarray(np.searchsorted(self.time, time))
        return np.asarray(self.position[(time - self.first) // _MINUTE])


def _first_of_each_time(record: Record) -> tuple[Record, int, int]:
    """Put a record in time order without repeats; also how many repeats there were, and how many of those differ."""
    time = record.time.astype("datetime64[ns]")
    if (np.diff(time) > np.timedelta64(0)).all():
        return Record(time, record.value, record.flag), 0, 0
    kept_time, first, inverse = np.unique(time, return_index=True, return_inverse=True)
    value = np.asarray(record.value)
    same = (value == value[first][inverse]) | (np.isnan(value) & np.isnan(value[first][inverse]))
    return Record(kept_time, value[first], record.flag[first]), len(time) - len(kept_time), int((~same).sum())


def _unique(ids: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    taken: set[str] = set()
    result, renamed = [], []
    for name in ids:
        new, count = name, 1
        while new in taken:
            count += 1
            new = f"{name}~{count}"
        if new != name:
            renamed.append((name, new))
        taken.add(new)
        result.append(new)
    return result, renamed


def _variables(rows: Sequence[Mapping[str, Record]], axis: _Axis) -> dict[str, xr.Variable]:
    shape = (len(rows), len(axis.time))
    present = [name for name in FLAG_OF if any(name in row for row in rows)]
    result: dict[str, xr.Variable] = {}
    for name in dict.fromkeys([names.SM, *present]):
        value = np.full(shape, np.nan, dtype=np.float32)
        flag = np.zeros(shape, dtype=np.int32)
        for i, row in enumerate(rows):
            if name in row:
                at = axis.index(row[name].time)
                value[i, at], flag[i, at] = row[name].value, row[name].flag
        dims = (names.SENSOR, names.TIME)
        result[name] = xr.Variable(dims, value, names.attributes(name) | {"ancillary_variables": FLAG_OF[name]})
        result[FLAG_OF[name]] = xr.Variable(dims, flag, flags.attributes(f"quality flag of {name}"))
    return result


def _coordinates(rows: Sequence[Series]) -> dict[str, xr.Variable]:
    dims = (names.SENSOR,)
    result = {name: xr.Variable(dims, [str(getattr(row, name)) for row in rows]) for name in TEXT_COORDS}
    for name, (units, long_name) in NUMBER_COORDS.items():
        values = np.array([getattr(row, name) for row in rows], dtype=np.float64)
        if name == names.LON:  # wrapped only where it must be: the sum would cost the last digit
            values = np.where((values >= -180) & (values < 180), values, wrap_longitude(values))
        result[name] = xr.Variable(dims, values, {"units": units, "long_name": long_name})
    for name in SOIL:
        if any(name in row.soil for row in rows):
            values = np.array([row.soil.get(name, np.nan) for row in rows], dtype=np.float64)
            result[name] = xr.Variable(dims, values, names.attributes(name))
    return result


def check_collection(data: xr.Dataset) -> xr.Dataset:
    """Return ``data`` if it keeps the data model of a station collection.

    Raises
    ------
    CubeError
        Naming the first rule that is broken, and the sensor where there is one.
    """
    title = str(data.attrs.get("title", "station collection"))
    missing = [name for name in REQUIRED_ATTRS if name not in data.attrs]
    if missing:
        raise CubeError(f"The attributes {', '.join(missing)} are missing", where=title)
    if names.SM not in data or data[names.SM].attrs.get("units") != names.VOLUMETRIC:
        raise CubeError(f"A station collection needs 'sm' in {names.VOLUMETRIC}", where=title)
    for name, variable in data.data_vars.items():
        if variable.dims != (names.SENSOR, names.TIME):
            raise CubeError(f"{name!r} has dimensions {variable.dims}, not (sensor, time)", where=title)
    for name in FLAG_OF:
        flag = FLAG_OF[name]
        if name in data and (flag not in data or not np.issubdtype(data[flag].dtype, np.integer)):
            raise CubeError(f"{name!r} has no integer flags called {flag!r}", where=title)
    _check_axes(data, title)
    return data


def _check_axes(data: xr.Dataset, title: str) -> None:
    for name in (names.SENSOR, names.TIME, *TEXT_COORDS, *NUMBER_COORDS):
        if name not in data.coords:
            raise CubeError(f"A station collection needs the coordinate {name!r}", where=title)
    time = data[names.TIME].values
    if not np.issubdtype(time.dtype, np.datetime64) or np.isnat(time).any():
        raise CubeError("The time axis does not hold dates", where=title)
    if (np.diff(time) <= np.timedelta64(0)).any():
        raise CubeError("Time must ascend without repeats", where=title)
    sensors = data[names.SENSOR].values
    if len(set(sensors.tolist())) != len(sensors):
        raise CubeError("Sensor ids must be unique", where=title)
    depth_from, depth_to = data["depth_from"].values, data["depth_to"].values
    lat, lon = data[names.LAT].values, data[names.LON].values
    rules = {
        "lies outside −90…90 degrees of latitude": np.abs(lat) <= 90,
        "lies outside −180…180 degrees of longitude": (lon >= -180) & (lon < 180),
        "has its lower end above its upper end": (depth_to >= depth_from) & (depth_from >= 0),
    }
    for rule, good in rules.items():
        if not good.all():  # NaN compares false, so a sensor without coordinates is named here too
            raise CubeError(f"The sensor {sensors[~good][0]} {rule}", where=title)
