"""Fields of one CF file: what each is in our vocabulary, how it is decoded, and where its axes are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.readers import _blocks, _units
from smcore.cubes.readers._axes import FieldAxes
from smcore.cubes.readers._cf_names import ours
from smcore.errors import GridMismatch, UnitsError

_FLAGS: Final = (names.QUALITY, "surface_flag", names.SOURCE)
_FLAG_ATTRS: Final = ("long_name", "flag_masks", "flag_values", "flag_meanings", "recommended_bits", "attempted_bits")
_CELSIUS: Final = ("degc", "c", "celsius", "°c", "degreecelsius", "degreescelsius", "degree_celsius", "deg_c")
_ZERO_CELSIUS = 273.15
_CENTIMETRES: Final = ("cm", "centimeter", "centimeters", "centimetre", "centimetres")


@dataclass(frozen=True)
class CfField:
    """One variable of a file."""

    name: str
    axes: FieldAxes
    decode: Callable[[NDArray[Any]], NDArray[Any]]
    attrs: dict[str, Any]
    dtype: Any = np.float32
    packing: dict[str, Any] = field(default_factory=dict)
    is_static: bool = False
    layer_m: str = ""
    cell_methods: str = ""


def fields_of(
    raw: xr.Dataset, target: str, dims: tuple[str, str, str], where: str
) -> tuple[dict[str, CfField], tuple[str, ...]]:
    """Describe the soil moisture ``target`` and all other variables that Loam knows.

    Parameters
    ----------
    raw
        The undecoded group.
    target
        Name of its soil moisture; empty if it has none.
    dims
        Names of the time (empty: none), latitude and longitude dimensions.
    where
        File name, for messages.

    Returns
    -------
    (fields, notes)
        Fields by our names, and what was left out.

    Raises
    ------
    UnitsError, GridMismatch
        If the soil moisture itself can't be used.
    """
    found = {names.SM: _moisture(raw, target, dims, where)} if target else {}
    notes = _valid_max_note(raw[target]) if target else []
    for source, variable in raw.data_vars.items():
        name = str(source)
        if name == target or not {dims[1], dims[2]} <= {str(dim) for dim in variable.dims}:
            continue
        try:
            known = _other(name, variable, dims, found.get(names.SM))
        except (UnitsError, GridMismatch) as error:
            notes.append(f"{name} is left out: {error.what}")
            continue
        if known is not None:
            found.setdefault(known[0], known[1])
    return found, tuple(notes)


def _axes(variable: xr.DataArray, dims: tuple[str, str, str]) -> FieldAxes:
    return FieldAxes.of([str(dim) for dim in variable.dims], variable.shape, *dims)


def _moisture(raw: xr.Dataset, target: str, dims: tuple[str, str, str], where: str) -> CfField:
    variable = raw[target]
    layer = _layer(raw, variable)
    thickness = layer[1] - layer[0] if layer else None
    standard = str(variable.attrs.get("standard_name", ""))
    spelled = str(variable.attrs.get("units", ""))
    if standard.startswith("volume_fraction") and _units.plain(spelled) in ("%", "percent"):
        units, factor = names.VOLUMETRIC, 0.01
    elif standard.startswith("volume_fraction") and _units.plain(spelled) in ("1", ""):
        units, factor = names.VOLUMETRIC, 1.0
    else:
        units, factor = _units.soil_moisture(spelled, thickness_m=thickness, where=where)
    packing = _blocks.packing(variable) if factor == 1.0 else {}
    # Stored numbers that the file calls flags are no soil moisture.
    flags = [float(value) for value in np.atleast_1d(variable.attrs.get("flag_values", []))]
    attrs: dict[str, Any] = {**names.attributes(names.SM, units), "source_name": target}
    if "valid_max" in variable.attrs:
        attrs["source_valid_max"] = float(np.ravel(variable.attrs["valid_max"])[0])
    axes = _axes(variable, dims)
    if axes.time is None and dims[0]:
        raise GridMismatch(f"{target} has no time axis")
    return CfField(
        target, axes, _blocks.decoding(variable, *flags).then(factor), attrs, packing=packing,
        layer_m=f"{layer[0]:g} {layer[1]:g}" if layer else "",
        cell_methods=str(variable.attrs.get("cell_methods", "")),
    )  # fmt: skip


def _valid_max_note(variable: xr.DataArray) -> list[str]:
    highest = variable.attrs.get("valid_max")
    if highest is None:
        return []
    return [f"The source declares valid_max {float(np.ravel(highest)[0]):g}; values above it, if any, are kept"]


def _other(
    name: str, variable: xr.DataArray, dims: tuple[str, str, str], moisture: CfField | None
) -> tuple[str, CfField] | None:
    """Our name and description of a variable beside the soil moisture; None if it is none of ours."""
    units = str(variable.attrs.get("units", ""))
    if name in _FLAGS and variable.dtype.kind in "iu":
        attrs = {key: variable.attrs[key] for key in _FLAG_ATTRS if key in variable.attrs}
        fills = _blocks.decoding(variable).fills
        return name, CfField(name, _axes(variable, dims), partial(_flags, fills), attrs, np.int32)
    if name == names.OBS_TIME and " since " in units:
        clock = _blocks.TimeUnits.parse(units, str(variable.attrs.get("calendar", "standard")), where=name)
        decode = partial(_clock, clock, _blocks.decoding(variable))
        attrs = {"long_name": "time of observation (UTC)"}
        return name, CfField(name, _axes(variable, dims), decode, attrs, "datetime64[ns]")
    known = ours(name, variable.attrs)
    if known is None or variable.dtype.kind not in "fiu":
        return None
    decode_numbers = _blocks.decoding(variable)
    if names.VARIABLES[known].units == "K" and _units.plain(units) in _CELSIUS:
        ours_units, factor = "K", 1.0
        decode_numbers = replace(decode_numbers, offset=decode_numbers.offset + _ZERO_CELSIUS)
    else:
        ours_units, factor = _units.convert(known, units)
    if known == names.SM_UNCERTAINTY and moisture is not None and ours_units != moisture.attrs["units"]:
        raise UnitsError(f"it is in {units!r}, the soil moisture in {moisture.attrs['units']!r}")
    axes = _axes(variable, dims)
    attrs = {**names.attributes(known, ours_units), "source_name": name}
    packing = _blocks.packing(variable) if factor == 1.0 and ours_units == units else {}
    return known, CfField(
        name, axes, decode_numbers.then(factor), attrs, packing=packing, is_static=axes.time is None,
        cell_methods=str(variable.attrs.get("cell_methods", "")),
    )  # fmt: skip


def _flags(fills: tuple[float, ...], stored: NDArray[Any]) -> NDArray[np.int32]:
    flags = stored.astype(np.int64)
    flags[np.isin(flags, np.asarray(fills))] = -1
    return flags.astype(np.int32)


def _clock(units: _blocks.TimeUnits, decode: _blocks.Decoding, stored: NDArray[Any]) -> NDArray[np.datetime64]:
    values = stored.astype(np.float64)
    values[np.isin(values, np.asarray(decode.fills)) | (stored == np.iinfo(np.int64).min)] = np.nan
    return units.decode(values * decode.scale + decode.offset)


def _layer(raw: xr.Dataset, variable: xr.DataArray) -> tuple[float, float] | None:
    """Depth [m] of the soil layer: the attribute layer_m, or the edges of the one depth that the file has."""
    text = str(variable.attrs.get("layer_m", raw.attrs.get("layer_m", ""))).split()
    if len(text) == 2:
        return float(text[0]), float(text[1])
    for axis in raw.variables.values():
        if axis.attrs.get("standard_name") != "depth" or axis.size != 1:
            continue
        edges = raw.variables.get(axis.attrs.get("bounds", ""))
        if edges is not None and edges.size == 2:
            per_metre = 100.0 if str(axis.attrs.get("units", "m")).lower() in _CENTIMETRES else 1.0
            low, high = sorted(abs(float(edge)) / per_metre for edge in np.ravel(edges.values))
            return low, high
    return None
