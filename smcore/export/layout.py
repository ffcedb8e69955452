"""A window as CF lays it out: dimensions, coordinates with bounds, grid mapping, and the variables to be filled.

References
----------
Eaton, B. et al. (2023): NetCDF Climate and Forecast (CF) Metadata Conventions, version 1.11; sections 4 (coordinates),
5.6 and appendix F (grid mappings), 7 (cells), 3.5 (flags), 9 and H.2.1 (orthogonal time series).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import CubeError
from smcore.export import provenance
from smcore.export.geography import cube_coordinates, mapping
from smcore.export.source import Source
from smcore.time_support import HOUR, Support

Array = NDArray[Any]
EPOCH = "seconds since 1970-01-01 00:00:00"
_STAMPS = {"units": EPOCH, "calendar": "standard", "units_metadata": "leap_seconds: none"}
NO_TIME = np.iinfo(np.int64).min
_NOT_CF = re.compile(r"[^A-Za-z0-9_]")
_SERIES = "series"
_OF_LAYER = (names.SM, names.SM_UNCERTAINTY, "sm_merged")
_OVERPASSES = (names.UNKNOWN, names.AM, names.PM)


@dataclass(frozen=True)
class Field:
    """One variable of a file.

    Attributes
    ----------
    values
        What it holds; None for a variable that is filled block by block from ``variable`` of the source.
    fill
        What stands where there is no value; None where nothing can be missing.
    """

    name: str
    dims: tuple[str, ...]
    dtype: Any
    attrs: dict[str, Any]
    values: Array | None = None
    fill: Any = None
    variable: str = ""


@dataclass(frozen=True)
class Layout:
    """All of a file but the values of its large variables."""

    dims: dict[str, int]
    fields: list[Field]
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def filled(self) -> list[Field]:
        """The variables that come block by block."""
        return [one for one in self.fields if one.values is None]


def lay_out(source: Source) -> Layout:
    """The layout of a window of a cube (CF grid) or of a table (CF discrete sampling geometry)."""
    attrs = provenance.attributes(source)
    if source.is_cube:
        dims, fields, beside = cube_coordinates(source.grid)
        beside["grid_mapping"] = "crs"
        fields.append(Field("crs", (), np.int32, mapping(source.grid), np.array(0, np.int32)))
    else:
        dims, fields, beside = _table(source)
        attrs["featureType"] = "timeSeries"
    main = tuple(dims)
    if source.is_timed:
        fields += _time(source)
        dims = {names.TIME: len(source.time)} | dims
    layer = source.entry.layer_m
    if source.is_cube and layer and any(name in _OF_LAYER for name in source.variables):
        fields += _layer(layer)
    if any(one.name.endswith("_bnds") for one in fields):
        dims = dims | {"bnds": 2}
    fields += [_variable(source, name, main, beside) for name in source.variables]
    return Layout(dims, fields, attrs)


def cf_name(name: str) -> str:
    """A name of the kind that CF recommends: letters, digits and underscores, a letter first."""
    tidy = _NOT_CF.sub("_", name)
    return tidy if tidy[:1].isalpha() else f"v_{tidy}"


def encoded(values: Array) -> Array:
    """Values as files keep them: times as whole seconds since 1970, all else as it is."""
    if values.dtype.kind != "M":
        return values
    seconds = values.astype("datetime64[s]").astype(np.int64)
    return np.where(np.isnat(values), NO_TIME, seconds)


def _variable(source: Source, name: str, main: tuple[str, ...], beside: dict[str, str]) -> Field:
    stored = source.prepared.variable_attrs(name)
    first: tuple[slice, ...] = tuple(slice(0, 1) for _ in source.shape(steps=source.has_steps(name)))
    kind = source._raw(name, first).dtype
    timed = source.has_steps(name)
    dims = ((names.TIME, *main) if source.is_cube else (*main, names.TIME)) if timed else main
    attrs = {"long_name": name.replace("_", " ")} | _told(stored, source.variables, kind)
    if kind.kind == "M":
        attrs |= _STAMPS
    elif kind.kind in "iu":
        attrs.pop("units", None)
    if attrs.get("units") == "K":
        attrs["units_metadata"] = "temperature: on_scale"
    if timed and kind.kind == "f":
        attrs["cell_methods"] = _method(source, stored)
    if "coordinates" in beside or (source.entry.layer_m and name in _OF_LAYER and source.is_cube):
        depth = ["depth"] if source.is_cube and source.entry.layer_m and name in _OF_LAYER else []
        attrs["coordinates"] = " ".join([*filter(None, [beside.get("coordinates", "")]), *depth])
    if "grid_mapping" in beside:
        attrs["grid_mapping"] = beside["grid_mapping"]
    fill = {"f": np.nan, "i": -1, "M": NO_TIME}.get(kind.kind)
    dtype = np.dtype(np.int64) if kind.kind == "M" else kind.newbyteorder("=")
    return Field(cf_name(name), dims, dtype, attrs, None, fill, name)


def _told(stored: dict[str, Any], exported: tuple[str, ...], kind: np.dtype[Any]) -> dict[str, Any]:
    """Attributes of the store in the form that CF asks for; of what stands beside it only what is exported too."""
    attrs: dict[str, Any] = {}
    for key, value in stored.items():
        if key in ("flag_masks", "flag_values"):
            attrs[key] = np.asarray(value, kind)
        elif key == "ancillary_variables":
            there = [cf_name(one) for one in str(value).split() if one in exported]
            attrs |= {key: " ".join(there)} if there else {}
        elif isinstance(value, str):
            attrs |= {key: provenance.one_line(value)} if value.strip() else {}
        elif key not in ("_FillValue", "scale_factor", "add_offset", "coordinates", "grid_mapping"):
            attrs[key] = value
    if "flag_meanings" in attrs and not ("flag_masks" in attrs or "flag_values" in attrs):
        attrs.pop("flag_meanings")
    return attrs


def _support(source: Source, stored: dict[str, Any]) -> Support:
    text = stored.get("time_support") or source.entry.time_support or source.prepared.attrs.get("time_support", "")
    try:
        return Support.parse(str(text), source.entry.id)
    except CubeError:
        return Support(0.0)


def _method(source: Source, stored: dict[str, Any]) -> str:
    """What a value is over its time: CF's own words."""
    own, usual = _support(source, stored), _support(source, {})
    if own.is_instant:
        return "time: point"
    return "time: mean" if own == usual else f"time: mean (over {own.hours:g} hours from the stamp's {own.stamped})"


def _time(source: Source) -> list[Field]:
    attrs = {"standard_name": "time", "long_name": "time (UTC)", **_STAMPS, "axis": "T"}
    support, stamps = _support(source, {}), encoded(source.time)
    if source.prepared.attrs.get("time_is_nominal"):
        attrs["comment"] = (
            "nominal time of the step; when each value was observed is in obs_time where that is exported"
        )
    fields = []
    if not support.is_instant:
        attrs["bounds"] = "time_bnds"
        span = round(support.hours * HOUR / 1e6)
        begin = stamps if support.stamped == "start" else stamps - span
        fields.append(Field("time_bnds", (names.TIME, "bnds"), np.int64, {}, np.stack([begin, begin + span], 1)))
    fields.insert(0, Field(names.TIME, (names.TIME,), np.int64, attrs, stamps))
    overpass = source.prepared.overpass
    if overpass is not None:
        codes = np.array([_OVERPASSES.index(o) if o in _OVERPASSES else 0 for o in overpass[source.times]], np.int8)
        meant = {"long_name": "overpass (local half of the day)", "flag_values": np.arange(3, dtype=np.int8)}
        fields.append(
            Field(names.OVERPASS, (names.TIME,), np.int8, meant | {"flag_meanings": " ".join(_OVERPASSES)}, codes)
        )
    return fields


def _depth(dims: tuple[str, ...], top: Array, bottom: Array) -> list[Field]:
    attrs = {"standard_name": "depth", "long_name": "depth below the surface", "units": "m", "positive": "down"}
    middle = (top + bottom) / 2
    return [
        Field("depth", dims, np.float64, {**attrs, "axis": "Z", "bounds": "depth_bnds"}, middle),
        Field("depth_bnds", (*dims, "bnds"), np.float64, {}, np.stack([top, bottom], axis=-1)),
    ]


def _layer(layer: tuple[float, float]) -> list[Field]:
    return _depth((), np.array(float(layer[0])), np.array(float(layer[1])))


def _table(source: Source) -> tuple[dict[str, int], list[Field], dict[str, str]]:
    """Coordinates of sensors or pixels, texts included; those without a value anywhere are left out."""
    table, rows = source.prepared, source.members
    id_name = names.SENSOR if table.layout == "stations" else names.LOCATION
    about = table.dataset().coords
    fields: list[Field] = []
    beside = [names.LAT, names.LON]
    dims = (_SERIES,)
    for name, values in table.coords.items():
        if len(about[name].dims) != 1 or about[name].dims[0] != id_name or name in ("depth_from", "depth_to"):
            continue
        chosen = values[rows]
        attrs = {k: provenance.one_line(v) if isinstance(v, str) else v for k, v in about[name].attrs.items()}
        attrs.setdefault("long_name", name.replace("_", " "))
        if name == id_name:
            texts = np.array([provenance.one_line(v) for v in chosen], object)
            named = {"cf_role": "timeseries_id", "long_name": f"id of the {id_name}"}
            fields.insert(0, Field(name, dims, str, named, texts))
        elif name in (names.LAT, names.LON):
            fields.append(Field(name, dims, np.float64, attrs | _DEGREES[name], chosen.astype(np.float64)))
        elif chosen.dtype.kind in "UO":
            fields.append(
                Field(cf_name(name), dims, str, attrs, np.array(list(map(provenance.one_line, chosen)), object))
            )
        else:
            known = names.attributes(name) if name in names.VARIABLES else {}
            fields.append(Field(cf_name(name), dims, chosen.dtype, attrs | known, chosen))
    if "depth_from" in table.coords and "depth_to" in table.coords:
        fields += _depth(dims, table.coords["depth_from"][rows], table.coords["depth_to"][rows])
        beside.append("depth")
    return {_SERIES: len(rows)}, fields, {"coordinates": " ".join([*beside, id_name])}


_DEGREES = {
    names.LAT: {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"},
    names.LON: {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"},
}
