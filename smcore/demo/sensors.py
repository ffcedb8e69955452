"""What the sensors of a station report: noise, frost, faults, gaps, and the quality flags that a network would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.demo.noise import Floats, Values, normal, uniform
from smcore.demo.sites import Site
from smcore.demo.stations import Points, at_depth
from smcore.demo.world import VERSION
from smcore.stations import flags

Bits = NDArray[np.int32]
FREEZING = 273.15
SHORT_RECORD = (np.datetime64("2019-05-15"), np.datetime64("2019-08-31"))


@dataclass(frozen=True)
class Sensor:
    """One sensor: its site, the depth it reports and the depth it hangs at [m], which of several, and its fault."""

    site: Site
    depth: float
    hangs_at: float
    copy: int
    fault: str

    @property
    def instrument(self) -> str:
        """Instrument and letter; two sensors at one depth are A and B."""
        return f"{self.site.network.instrument}-{'AB'[self.copy]}"

    @property
    def id(self) -> str:
        """Network, station, depths, instrument."""
        return f"{self.site.network.name}/{self.site.name}/{self.depth:.2f}-{self.depth:.2f}/{self.instrument}"

    @property
    def code(self) -> int:
        """Number that tells its noise from others'."""
        return self.site.number * 1000 + round(self.depth * 100) * 4 + self.copy


def of(site: Site) -> list[Sensor]:
    """The sensors of a station. A fault of the station sits in its 5 cm sensor, an exchange in the first and last."""
    depths = site.network.depths
    found = []
    for depth in depths:
        fault = site.fault if depth == depths[0] and site.fault != "disagrees" else ""
        if site.fault == "short":
            fault = "short"
        hangs_at = depth
        if site.fault == "swapped" and depth in (depths[0], depths[-1]):
            fault, hangs_at = "swapped", depths[-1] if depth == depths[0] else depths[0]
        found.append(Sensor(site, depth, hangs_at, 0, fault))
    if site.fault == "disagrees":
        found.append(Sensor(site, depths[0], depths[0], 1, "disagrees"))
    return found


@dataclass(frozen=True)
class Record:
    """Hourly series of one sensor: values (NaN missing) and flags; None where the sensor does not measure that."""

    sm: Values
    flag: Bits
    soil_temperature: Values
    soil_temperature_flag: Bits
    precipitation: Values | None = None
    precipitation_flag: Bits | None = None
    air_temperature: Values | None = None
    air_temperature_flag: Bits | None = None


def record(seed: int, sensor: Sensor, points: Points, column: int, keep: slice, porosity: float) -> Record:
    """What the sensor reports in the hours `keep`; its faults are set by the calendar, the same in every cut."""
    water, ground = (s[keep, 0].astype(np.float64) for s in at_depth(_one(points, column), sensor.hangs_at))
    time, air = points.time[keep], points.air_temperature[keep, column]
    hour = time.astype("datetime64[h]").astype(np.int64)
    noise = 0.003 * normal(seed, "sensor/noise", sensor.code, hour) + 0.0002 * (ground - 288)
    offset = 0.008 * float(normal(seed, "sensor/offset", sensor.code)[0])
    value = water + noise + offset
    value, masks = _fault(seed, sensor, time, value)
    frozen = ground < FREEZING
    value = np.where(frozen, 0.02 + 0.35 * value, value)
    value = np.round(np.clip(value, -0.02, 0.75), 3).astype(np.float64)
    missing = _missing(seed, sensor, time)
    masks = masks | _where(frozen, "D01") | _where(air < FREEZING, "D02")
    masks |= _where(value < 0, "C01") | _where(value > 0.6, "C02") | _where(value > porosity, "C03")
    flag = np.where(missing, flags.MASKS["M"], np.where(masks == 0, flags.MASKS["G"], masks)).astype(np.int32)
    sm = np.where(missing, np.nan, value).astype(np.float32)
    return _with_weather(sensor, sm, flag, ground, air, points.rain[keep, column], missing)


def _one(points: Points, column: int) -> Points:
    pick = slice(column, column + 1)
    return Points(
        points.time,
        points.water[:, pick],
        points.soil_temperature[:, pick],
        points.air_temperature[:, pick],
        points.rain[:, pick],
    )


def _with_weather(
    sensor: Sensor, sm: Values, flag: Bits, ground: Floats, air: Values, rain: Values, missing: NDArray[np.bool_]
) -> Record:
    """Add soil temperature, and at the topmost sensor rain [mm d-1] and air temperature."""
    good = np.where(missing, flags.MASKS["M"], flags.MASKS["G"]).astype(np.int32)
    heat = np.where(missing, np.nan, np.round(ground, 1)).astype(np.float32)
    if sensor.depth == sensor.site.network.depths[0] and sensor.copy == 0:
        wet = np.where(missing, np.nan, np.round(rain, 1) * 24).astype(np.float32)
        return Record(sm, flag, heat, good, wet, good, np.where(missing, np.nan, np.round(air, 1)), good)
    return Record(sm, flag, heat, good)


def _where(condition: NDArray[np.bool_], code: str) -> Bits:
    return np.where(condition, flags.MASKS[code], 0).astype(np.int32)


def _day_of_year(time: NDArray[np.datetime64]) -> tuple[NDArray[np.int64], Floats]:
    year = time.astype("datetime64[Y]")
    return year.astype(np.int64), (time - year.astype(time.dtype)).astype("timedelta64[h]").astype(np.float64) / 24


def _fault(seed: int, sensor: Sensor, time: NDArray[np.datetime64], value: Floats) -> tuple[Floats, Bits]:
    """The value with the sensor's fault, and the flags by which automatic control notices it (drift it does not)."""
    year, day = _day_of_year(time)
    begin = 60 + 60 * uniform(seed, "sensor/begin", sensor.code, year)
    masks = np.zeros(len(value), np.int32)
    if sensor.fault == "drift":
        value = value + 0.0009 * np.clip(day - begin, 0, None)
    elif sensor.fault == "stuck":
        begin = begin + 60  # out of the frost
        held = (day >= begin) & (day < begin + 35)
        stuck_at = 0.30 + 0.1 * uniform(seed, "sensor/stuck", sensor.code, year)
        value = np.where(held, stuck_at, value)
        masks |= _where(held & (day >= begin + 0.5), "D10")
    elif sensor.fault == "spikes":
        hour = time.astype("datetime64[h]").astype(np.int64)
        spike = uniform(seed, "sensor/spike", sensor.code, hour) < 0.004
        value = np.where(spike, value + 0.25, value)
        masks |= _where(spike, "D06")
    elif sensor.fault == "disagrees":
        value = 0.36 - 0.55 * value
    return value, masks


def _missing(seed: int, sensor: Sensor, time: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Hours without a record: outages of whole days, and all but one summer of a short record."""
    day = time.astype("datetime64[D]")
    gone = uniform(seed, "sensor/outage", sensor.site.number, day.astype(np.int64) // 5) < 0.03
    if sensor.fault == "short":
        gone |= (day < SHORT_RECORD[0]) | (day > SHORT_RECORD[1])
    return gone


def collection(
    sensors: Sequence[Sensor], records: Sequence[Sequence[Record]], time: NDArray[np.datetime64], info: dict[str, Any]
) -> xr.Dataset:
    """Put sensors on one time axis as a station collection.

    Parameters
    ----------
    records
        For each sensor its records in the order of time, together as long as `time`.
    info
        Coordinates known of each sensor: arrays by name.
    """
    order = sorted(range(len(sensors)), key=lambda i: sensors[i].id)
    dims = (names.SENSOR, names.TIME)
    data: dict[str, Any] = {}
    for name in ("sm", "soil_temperature", "precipitation", "air_temperature"):
        flag = names.FLAG if name == names.SM else f"{name}_flag"
        values, bits = np.full((len(order), len(time)), np.nan, np.float32), np.zeros((len(order), len(time)), np.int32)
        for row, i in enumerate(order):
            if getattr(records[i][0], name) is not None:
                values[row] = np.concatenate([getattr(r, name) for r in records[i]])
                bits[row] = np.concatenate([getattr(r, flag) for r in records[i]])
        attrs = names.attributes(name) | {"ancillary_variables": flag, "comment": "synthetic"}
        data[name] = (dims, values, attrs)
        data[flag] = (dims, bits, flags.attributes(f"quality flag of {name}"))
    return xr.Dataset(data, _coordinates([sensors[i] for i in order], order, time, info), _ATTRS)


_ATTRS = {
    "title": "Demo world, synthetic: three station networks",
    "kind": "stations",
    "synthetic": 1,
    "generator_version": VERSION,
    "licence": "CC0-1.0",
    "product": "demo stations",
    "time_support": names.INSTANT,
}


def _coordinates(
    sensors: Sequence[Sensor], order: list[int], time: NDArray[np.datetime64], info: dict[str, Any]
) -> dict[str, Any]:
    row = (names.SENSOR,)
    texts = {
        names.SENSOR: [s.id for s in sensors],
        "network": [s.site.network.name for s in sensors],
        "station": [s.site.name for s in sensors],
        "instrument": [s.instrument for s in sensors],
        "synthetic_fault": [s.fault for s in sensors],
    }
    numbers = {
        "depth_from": ([s.depth for s in sensors], "m"),
        "depth_to": ([s.depth for s in sensors], "m"),
        "lat": ([s.site.lat for s in sensors], "degrees_north"),
        "lon": ([s.site.lon for s in sensors], "degrees_east"),
    }
    coords: dict[str, Any] = {name: (row, values) for name, values in texts.items()}
    coords |= {name: (row, np.array(values), {"units": units}) for name, (values, units) in numbers.items()}
    for name, values in info.items():
        coords[name] = (row, np.asarray(values)[order])
    return coords | {names.TIME: time.astype("datetime64[ns]")}
