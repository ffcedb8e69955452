"""ERA5 and ERA5-Land files of the Copernicus Climate Data Store, both forms, as one lazy cube.

The old form has ``time``, packed int16 and longitudes from 0 to 360; the new one ``valid_time``, a scalar ``number``,
``expver`` as text for each step, and a second ``time`` of length one that belongs to the land mask. Fields of one
request may come in several files. Only stamps that some file has become steps: a gap stays a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.check import check_cube
from smcore.cubes.readers import _blocks
from smcore.cubes.readers._accumulation import Accumulation, hourly, since_midnight, usual_step
from smcore.cubes.readers._axes import FieldAxes, Placement, as_reader_error, place
from smcore.cubes.readers._ecmwf_fields import FIELDS, SOIL_WATER, same_unit, short_name
from smcore.cubes.readers._plan import Part, Plan
from smcore.cubes.readers._steps import is_synthetic, one_grid, plural
from smcore.cubes.sources import Reading, gather
from smcore.errors import GridMismatch, ReaderError
from smcore.grids import Grid

Times = NDArray[np.datetime64]
_TIME, _LAT, _LON = ("valid_time", "time"), ("latitude", "lat"), ("longitude", "lon")
_EXPVER = "expver"


@dataclass(frozen=True)
class Product:
    """What tells ERA5 and ERA5-Land apart."""

    kind: str
    step: float  # native spacing [deg]
    accumulation: Accumulation
    attrs: dict[str, Any]


@dataclass(frozen=True)
class _Stored:
    """One field of one file."""

    name: str
    decode: _blocks.Decoding
    axes: FieldAxes
    expver_axis: int | None
    packing: dict[str, Any]


@dataclass(frozen=True)
class _File:
    """The header of one file."""

    path: Path
    time: Times
    placement: Placement
    fields: dict[str, _Stored]  # by short name
    preliminary: NDArray[np.bool_]
    synthetic: int


def read(product: Product, paths: Sequence[Path], variable: str | None) -> Reading:
    """Read files of one product; see the reader modules ``era5`` and ``era5_land``."""
    wanted = _wanted(variable)
    good, skipped = gather(list(paths), partial(_inspect, product=product, wanted=wanted), product.kind)
    grid, same, others = one_grid(good, lambda file: file.placement.grid)
    files = [file for _, file in same]
    soil = next((short for short in wanted if any(short in file.fields for file in files)), None)
    if variable is not None and soil is None:
        raise ReaderError(f"No file holds {variable}", code="missing_variable", where=files[0].path.name)
    shorts = [s for s in FIELDS if any(s in f.fields for f in files) and (FIELDS[s].name != names.SM or s == soil)]
    plan = Plan.of([_part(file) for file in files], shorts, grid.shape)
    packing = {short: file.fields[short].packing for file in reversed(files) for short in file.fields}
    variables = {FIELDS[short].name: _variable(product, plan, short, packing[short]) for short in shorts}
    cube = check_cube(xr.Dataset(variables, plan.coordinates(grid), _attributes(product, grid, files, soil)))
    return Reading(cube, skipped + others, _notes(files, plan.time, shorts), tuple(file.path for file in files))


def _attributes(product: Product, grid: Grid, files: Sequence[_File], soil: str | None) -> dict[str, Any]:
    layer = FIELDS[soil].layer_m if soil else None
    what = "soil moisture" if soil else "forcing"
    return {
        **product.attrs,
        **grid.to_attrs(),
        "title": f"{product.attrs['product']} {what}, {grid.step[1]:g}°",
        "kind": "modelled" if soil else "forcing",
        "synthetic": max(file.synthetic for file in files),
        "time_support": names.INSTANT,
        **({"layer_m": f"{layer[0]:g} {layer[1]:g}"} if layer else {}),
    }


def _wanted(variable: str | None) -> tuple[str, ...]:
    if variable is None:
        return SOIL_WATER
    short = short_name(variable)
    if short not in SOIL_WATER:
        raise ReaderError(
            f"{variable} is no soil-water layer",
            code="missing_variable",
            hint=f"choose one of: {', '.join(SOIL_WATER)}",
        )
    return (short,)


def _inspect(path: Path, *, product: Product, wanted: Sequence[str]) -> _File:
    with _blocks.open_raw(path) as raw:
        time_name, lat, lon = (_axis(raw, choices, path) for choices in (_TIME, _LAT, _LON))
        found = {short: str(n) for n in raw.data_vars if (short := short_name(str(n))) is not None}
        useful = {s: n for s, n in found.items() if FIELDS[s].name != names.SM or s in wanted}
        if not useful:
            raise ReaderError(
                f"The file holds none of {', '.join(wanted)} and no known forcing", code="missing_variable",
                where=path.name,
            )  # fmt: skip
        try:
            placement = place(raw[lat].values, raw[lon].values, step=product.step)
            fields = {s: _stored(raw[n], s, (time_name, lat, lon), path) for s, n in useful.items()}
        except GridMismatch as error:
            raise as_reader_error(error, path.name) from error
        _check_spacing(product, placement, path)
        time = np.atleast_1d(_blocks.times_of(raw[time_name], where=path.name))
        if np.isnat(time).any():
            raise ReaderError("A step has no time", where=path.name)
        return _File(path, time, placement, fields, _preliminary(raw, len(time)), is_synthetic(raw.attrs))


def _axis(raw: xr.Dataset, choices: Sequence[str], path: Path) -> str:
    found = next((name for name in choices if name in raw.variables), None)
    if found is None:
        raise ReaderError(f"The file has no {' or '.join(choices)}", code="missing_variable", where=path.name)
    return found


def _stored(field: xr.DataArray, short: str, axes: tuple[str, str, str], path: Path) -> _Stored:
    known = FIELDS[short]
    units = str(field.attrs.get("units", known.units))
    if not same_unit(units, known.units):
        raise ReaderError(f"{field.name} is in {units!r}, not {known.units!r}", where=path.name)
    dims, sizes = [str(d) for d in field.dims], list(field.shape)
    versions = dims.index(_EXPVER) if _EXPVER in dims else None
    if versions is not None:  # final and preliminary values side by side: they are merged to one
        dims.pop(versions)
        sizes.pop(versions)
    packing = {} if known.accumulated or known.factor != 1.0 else _blocks.packing(field)
    decode = _blocks.decoding(field).then(known.factor)
    return _Stored(str(field.name), decode, FieldAxes.of(dims, sizes, *axes), versions, packing)


def _check_spacing(product: Product, placement: Placement, path: Path) -> None:
    """Refuse ERA5-Land given as ERA5 and the other way round: they accumulate by different rules."""
    spacing = min(placement.grid.step)
    is_land = spacing < 0.15
    if is_land != (product.step < 0.15):
        other = "era5-land" if is_land else "era5"
        raise ReaderError(
            f"Cells of {spacing:g}° are not those of {product.kind}", code="wrong_kind", where=path.name,
            hint=f"read it as {other}",
        )  # fmt: skip


def _preliminary(raw: xr.Dataset, steps: int) -> NDArray[np.bool_]:
    """Which steps are preliminary (ERA5T, experiment version 5), where the file says so for each step."""
    if _EXPVER not in raw.variables or raw[_EXPVER].shape != (steps,):
        return np.zeros(steps, bool)
    return np.array([str(value).strip().lstrip("0") == "5" for value in raw[_EXPVER].values])


def _part(file: _File) -> Part:
    fields = {short: partial(_steps, file, stored) for short, stored in file.fields.items()}
    return Part(file.time, fields, file.preliminary)


def _steps(file: _File, stored: _Stored, first: int, count: int) -> _blocks.Loader:
    index = list(stored.axes.index(slice(first, first + count)))
    if stored.expver_axis is not None:
        index.insert(stored.expver_axis, slice(None))
    return _blocks.loader(file.path, stored.name, partial(_arranged, stored, file.placement), tuple(index))


def _arranged(stored: _Stored, placement: Placement, values: NDArray[Any]) -> NDArray[np.float32]:
    numbers = stored.decode(values)
    if stored.expver_axis is not None:
        versions = np.moveaxis(numbers, stored.expver_axis, 0)
        numbers = versions[0]
        for later in versions[1:]:
            numbers = np.where(np.isnan(numbers), later, numbers)
    return placement(stored.axes(numbers))


def _variable(product: Product, plan: Plan, short: str, packing: dict[str, Any]) -> xr.Variable:
    known = FIELDS[short]
    attrs: dict[str, Any] = {**names.attributes(known.name), "source_name": short}
    if not known.accumulated:
        return xr.Variable(names.CUBE_DIMS, plan.field(short), attrs, packing)
    stretches, not_negative = plan.stretches(short), known.name == "precipitation"
    if product.accumulation == "hourly":
        loaders, hours = hourly(stretches, not_negative=not_negative), 1.0
    else:
        hours = usual_step(plan.time)
        loaders = since_midnight(stretches, hours, not_negative=not_negative)
    attrs["time_support"] = f"mean:{hours:g}:end"
    return xr.Variable(names.CUBE_DIMS, plan.lay(loaders), attrs)


def _notes(files: Sequence[_File], time: Times, shorts: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if len(time) > 2:
        steps = np.diff(time)
        gaps = int((steps > np.median(steps)).sum())
        if gaps:
            notes.append(f"{plural(gaps, 'gap')} between the blocks of steps; nothing is filled in")
    preliminary = sum(int(file.preliminary.sum()) for file in files)
    if preliminary:
        notes.append(f"{plural(preliminary, 'step')} preliminary (ERA5T, expver 5)")
    accumulated = [short for short in shorts if FIELDS[short].accumulated]
    if accumulated:
        notes.append(f"{', '.join(accumulated)}: accumulations turned to mean rates of the time before each stamp")
    return tuple(notes)
