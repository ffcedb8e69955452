"""CF NetCDF files and Zarr stores (v2, v3) on regular latitude/longitude or EASE-Grid 2.0 axes.

References
----------
Eaton, B. et al.: NetCDF Climate and Forecast (CF) Metadata Conventions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.check import check_cube
from smcore.cubes.readers import _blocks, _cf_fields
from smcore.cubes.readers._axes import Placement, as_reader_error, place
from smcore.cubes.readers._cf_fields import CfField
from smcore.cubes.readers._cf_files import Container, containers
from smcore.cubes.readers._cf_names import axis_of, is_projected, soil_moisture_in
from smcore.cubes.readers._cf_names import ours as known_name
from smcore.cubes.readers._plan import Part, Plan
from smcore.cubes.readers._steps import is_synthetic, one_grid
from smcore.cubes.sources import Reading, Skipped, gather
from smcore.errors import GridMismatch, ReaderError, UnitsError
from smcore.grids import ease_latitude, ease_longitude

KIND: Final = "cf"
TITLE: Final = "CF NetCDF or Zarr on regular latitude/longitude or EASE-Grid 2.0"
PATTERNS: Final = ("*.nc", "*.nc4", "*.zarr")
LAYOUT: Final = "cube"
VARIABLES: Final = ()

_ATTRS: Final = {
    "licence": ("licence", "license"),
    "citation": ("citation", "references"),
    "doi": ("doi",),
    "product": ("product", "short_name", "id"),
    "inputs": ("inputs",),
}


@dataclass(frozen=True)
class _File:
    """The header of one file or store."""

    container: Container
    group: str
    time: NDArray[np.datetime64]
    placement: Placement
    fields: dict[str, CfField]
    attrs: Mapping[str, Any]
    notes: tuple[str, ...]


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read CF files or stores lazily as one cube.

    Parameters
    ----------
    paths
        NetCDF files and Zarr stores of one area; steps and variables may be spread over several.
    variable
        Variable to take as ``sm``, with its group if it is in one (``group/name``). Default: the first with a
        soil-moisture standard name, else with a usual name, in the root or the first group that has one.

    Returns
    -------
    Reading
        ``sm(time, y, x)`` [m3 m-3, or % of saturation], further variables of our vocabulary that the source has, by
        name or standard name, in our units, and flags and times as integers and dates. NaN (−1, NaT) where missing.

    Raises
    ------
    ReaderError
        If no source can be used: no soil moisture, an unknown unit, other axes, or a codec that Loam does not run.
    """
    good, skipped = gather(containers(list(paths)), partial(_inspect, variable=variable), KIND)
    grid, same, others = one_grid(good, lambda file: file.placement.grid)
    files, unlike = _of_one_unit(same)
    fields: dict[str, CfField] = {}
    for file in files:
        fields = {**file.fields, **fields}
    moving = [name for name, field in fields.items() if not field.is_static]
    plan = Plan.of([_part(file) for file in files], moving, grid.shape)
    variables: dict[str, Any] = {
        name: xr.Variable(
            names.CUBE_DIMS, plan.field(name, fields[name].dtype), fields[name].attrs, fields[name].packing
        )
        for name in moving
    }
    variables |= {name: _static(files, name) for name, field in fields.items() if field.is_static}
    attrs = _attributes(files, plan.time, fields.get(names.SM)) | grid.to_attrs()
    cube = check_cube(xr.Dataset(variables, plan.coordinates(grid), attrs))
    notes = tuple(dict.fromkeys(note for file in files for note in file.notes)) + _support_note(files, attrs)
    if "kind" not in files[0].attrs:
        notes += (f"The files do not say what kind of product they are; taken as {attrs['kind']}",)
    return Reading(cube, skipped + others + unlike, notes, tuple(file.container.path for file in files))


def offered(paths: Sequence[Path]) -> tuple[str, ...]:
    """List what ``variable`` may be for the first source: names of its fields with steps, with their group."""
    found: list[str] = []
    for path in containers(list(paths))[:1]:
        container = Container.of(path)
        for group in container.groups():
            with container.header(group) as raw:
                fields = [str(name) for name, field in raw.data_vars.items() if field.ndim >= 2]
            found += [f"{group}/{name}" if group else name for name in fields]
    return tuple(found)


def _of_one_unit(found: Sequence[tuple[Path, _File]]) -> tuple[list[_File], tuple[Skipped, ...]]:
    """Keep the files whose soil moisture is in the unit of the first that has any."""
    units = [file.fields[names.SM].attrs["units"] for _, file in found if names.SM in file.fields]
    files, unlike = [], []
    for path, file in found:
        if names.SM in file.fields and file.fields[names.SM].attrs["units"] != units[0]:
            unlike.append(Skipped(str(path), "bad_values", f"The soil moisture of {path.name} is not in {units[0]}"))
        else:
            files.append(file)
    return files, tuple(unlike)


def _inspect(path: Path, *, variable: str | None) -> _File:
    container = Container.of(path)
    group, target = _find(container, variable)
    with container.header(group) as raw:
        axes = {which: axis_of(raw, which) for which in ("time", "latitude", "longitude")}
        absent = [which for which, name in axes.items() if name is None]
        if absent:
            raise ReaderError(
                f"The file has no {' and no '.join(absent)} axis", code="missing_variable", where=path.name,
                hint="only files with one-dimensional axes are read as cf",
            )  # fmt: skip
        time, lat, lon = (str(axes[which]) for which in ("time", "latitude", "longitude"))
        dims = (str(raw[time].dims[0]) if raw[time].ndim else "", str(raw[lat].dims[0]), str(raw[lon].dims[0]))
        try:
            placement = place(_degrees(raw[lat], ease_latitude), _degrees(raw[lon], ease_longitude))
            fields, notes = _cf_fields.fields_of(raw, target, dims, path.name)
        except GridMismatch as error:
            raise as_reader_error(error, path.name) from error
        except UnitsError as error:
            raise ReaderError(error.what, where=path.name, hint=error.hint) from error
        stamps = np.atleast_1d(_blocks.times_of(raw[time], where=path.name))
        if not len(stamps) or np.isnat(stamps).any():
            raise ReaderError("A step has no time", where=path.name)
        return _File(container, group, stamps, placement, fields, dict(raw.attrs), notes)


def _find(container: Container, variable: str | None) -> tuple[str, str]:
    """Find the group, and the name of its soil moisture (empty in a file of forcings or statics only)."""
    if variable is not None and "/" in variable.strip("/"):
        group, _, name = variable.strip("/").rpartition("/")
        if group not in container.groups():
            raise ReaderError(f"There is no group {group}", code="missing_variable", where=container.path.name)
        candidates = [group]
    else:
        name, candidates = (variable or "").strip("/"), container.groups()
    for group in candidates:
        with container.header(group) as raw:
            found = name if name in raw.data_vars else None if name else soil_moisture_in(raw)
        if found:
            return group, found
    for group in candidates if variable is None else []:
        with container.header(group) as raw:
            if any(known_name(str(other), field.attrs) for other, field in raw.data_vars.items()):
                return group, ""
    raise ReaderError(
        f"There is no variable {variable}" if variable else "No variable is soil moisture", code="missing_variable",
        where=container.path.name, hint="name the variable with --variable",
    )  # fmt: skip


def _degrees(axis: xr.DataArray, unproject: Any) -> NDArray[np.float64]:
    """Centres of an axis [deg]; metres are taken as EASE-Grid 2.0 (its cells are checked when it is placed)."""
    values = np.asarray(axis.values, np.float64)
    return np.asarray(unproject(values)) if is_projected(axis) else values


def _part(file: _File) -> Part:
    fields = {name: partial(_steps, file, field) for name, field in file.fields.items() if not field.is_static}
    return Part(file.time, fields)


def _steps(file: _File, field: CfField, first: int, count: int) -> _blocks.Loader:
    index = field.axes.index(slice(first, first + count))
    return file.container.loader(file.group, field.name, partial(_arranged, field, file.placement), index)


def _arranged(field: CfField, placement: Placement, stored: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(placement(field.axes(field.decode(stored))))


def _static(files: Sequence[_File], name: str) -> xr.Variable:
    file = next(file for file in files if name in file.fields)
    field = file.fields[name]
    data = _blocks.lazy([_steps(file, field, 0, 1)], [1], file.placement.grid.shape, field.dtype)[0]
    return xr.Variable((names.Y, names.X), data, field.attrs)


def _attributes(files: Sequence[_File], time: NDArray[np.datetime64], moisture: CfField | None) -> dict[str, Any]:
    source = files[0].attrs
    found = {
        ours: str(source[theirs])
        for ours, choices in _ATTRS.items()
        for theirs in reversed(choices)
        if theirs in source
    }
    default = "observed" if moisture else "forcing"
    kind = str(source.get("kind", default))
    layer = {"layer_m": moisture.layer_m} if moisture and moisture.layer_m else {}
    return {
        "title": str(source.get("title", files[0].container.path.stem)),
        "licence": "not stated",
        "citation": "not stated",
        **found,
        **layer,
        "kind": kind if kind in names.KINDS else default,
        "synthetic": max(is_synthetic(file.attrs) for file in files),
        "time_support": str(source.get("time_support", _support(files, time))),
    }


def _support(files: Sequence[_File], time: NDArray[np.datetime64]) -> str:
    """``day-mean`` for one step a day, stamped at midnight, unless the file says that it is of that moment."""
    midnight = bool((time == time.astype("datetime64[D]")).all())
    return names.DAY_MEAN if midnight and all("time: mean" in m or not m for m in _methods(files)) else names.INSTANT


def _methods(files: Sequence[_File]) -> list[str]:
    """``cell_methods`` of all quantities with steps; empty texts where a file has none."""
    return [
        field.cell_methods
        for file in files
        for field in file.fields.values()
        if field.dtype is np.float32 and not field.is_static
    ]


def _support_note(files: Sequence[_File], attrs: Mapping[str, Any]) -> tuple[str, ...]:
    told = "time_support" in files[0].attrs or all(_methods(files))
    if told or attrs["time_support"] != names.DAY_MEAN:
        return ()
    return ("One step a day at 00:00 and no cell_methods: taken for means of that UTC day",)
