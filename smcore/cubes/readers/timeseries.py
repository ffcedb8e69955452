"""pygeogrids time-series files: orthogonal and ragged arrays of one grid cell file, as pixel sets.

An orthogonal file has one time axis for all its locations. A ragged file is a list of observations, each with its
location and its own time, in any order; its observations are laid on steps of a day and overpass, the real time kept
as ``obs_time``. The product is told by the variables (see ``_families``).

References
----------
Eaton, B. et al.: NetCDF Climate and Forecast Metadata Conventions, chapter 9 (discrete sampling geometries).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import grids, names
from smcore.cubes.check import check_pixels
from smcore.cubes.readers import _blocks, _flags, _overpasses, _units
from smcore.cubes.readers._families import TARGETS, Family, c3s_inputs, family_of, layer_of
from smcore.cubes.readers._steps import is_synthetic, missing, plural
from smcore.cubes.sources import Reading, Skipped, gather
from smcore.errors import ReaderError, UnitsError

KIND: Final = "timeseries"
TITLE: Final = "Time-series cell files of pygeogrids (C3S, ERA5, ERA5-Land, GLDAS, SMAP)"
PATTERNS: Final = ("[0-9][0-9][0-9][0-9].nc",)
LAYOUT: Final = "pixels"
VARIABLES: Final = TARGETS

_UNDECLARED_FILL = -9999.0  # written without a _FillValue attribute by the C3S time-series tool
_DIMS = (names.LOCATION, names.TIME)


@dataclass(frozen=True)
class _Cell:
    """The header of one cell file; ``owner`` is None for an orthogonal file."""

    path: Path
    raw: xr.Dataset  # attributes of the variables; no data
    target: str
    family: Family
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    location: NDArray[np.int64]
    time: NDArray[np.datetime64]  # stamps: of each step, or of each observation
    owner: NDArray[np.int64] | None
    further: int


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read cell files of one product as a lazy pixel set.

    Parameters
    ----------
    paths
        Cell files; all that belong together, since a place may lie in either of two neighbouring files.
    variable
        Source variable to take as soil moisture (default: the first known one that the files hold).

    Returns
    -------
    Reading
        ``sm(location, time)`` [m3 m-3], where given ``sm_uncertainty``, ``quality``, ``obs_time`` and temperatures,
        NaN (NaT, −1) where there is no observation.

    Raises
    ------
    ReaderError
        If no file is a time-series file of a known product.
    """
    good, skipped = gather(list(paths), partial(_inspect, variable=variable), KIND)
    first = good[0][1]
    same = [cell for _, cell in good if (cell.family.key, cell.target) == (first.family.key, first.target)]
    others = tuple(
        Skipped(str(path), "wrong_kind", f"{path.name} holds {cell.target} of another product than {first.path.name}")
        for path, cell in good
        if cell not in same
    )
    return Reading(_assemble(same), skipped + others, _notes(same), tuple(cell.path for cell in same))


def _inspect(path: Path, *, variable: str | None) -> _Cell:
    with _blocks.open_raw(path) as raw:
        wanted = TARGETS if variable is None else (variable,)
        target = next((name for name in wanted if name in raw.data_vars and name in TARGETS), None)
        if target is None:
            raise ReaderError(
                f"The file holds no {variable or 'soil moisture of a known product'}", code="missing_variable",
                where=path.name, hint=f"known: {', '.join(TARGETS)}",
            )  # fmt: skip
        for name in ("lat", "lon", "time"):
            if name not in raw.variables:
                raise ReaderError(f"The file has no {name}", code="missing_variable", where=path.name)
        place = raw["lat"].dims[0]
        lat, lon = raw["lat"].values.astype(np.float64), grids.wrap_longitude(raw["lon"].values)
        location = raw["location_id"].values if "location_id" in raw else np.arange(len(lat))
        family = family_of(target, raw.attrs, _spacing(lon))
        _check_unit(raw[target], target, path.name)
        time, owner, further = _stamps(raw, str(place), target, path.name)
        header = xr.Dataset(attrs=raw.attrs)
        for name in ("time", target, *family.others, *(flag for flag, _ in family.flags.values()), family.observed_at):
            if name in raw.variables:
                header[name] = xr.Variable((), np.nan, raw[name].attrs)
    return _Cell(path, header, target, family, lat, lon, location.astype(np.int64), time, owner, further)


def _spacing(lon: NDArray[np.float64]) -> float:
    steps = np.diff(np.unique(lon))
    return float(steps.min()) if steps.size else np.inf


def _check_unit(field: xr.DataArray, target: str, where: str) -> None:
    try:
        _factor(field.attrs, target)
    except UnitsError as error:
        raise ReaderError(error.what, where=where, hint=error.hint) from error


def _factor(attrs: dict[str, Any], target: str) -> float:
    top, bottom = layer_of(target)
    return _units.soil_moisture(str(attrs.get("units", "")), thickness_m=bottom - top)[1]


def _stamps(
    raw: xr.Dataset, place: str, target: str, where: str
) -> tuple[NDArray[np.datetime64], NDArray[np.int64] | None, int]:
    """Stamp of each step or observation, location of each observation (ragged files), and how many were further."""
    time = _blocks.times_of(raw["time"], where=where)
    if np.isnat(time).any():
        raise ReaderError("The time axis has gaps", where=where)
    overpass = str(raw.attrs.get("overpass", "")).lower()
    if raw[target].ndim == 2:
        if raw[target].dims != (place, "time"):
            raise ReaderError(f"{target} is not laid out as (locations, time)", code="wrong_kind", where=where)
        return time + _overpasses.HOURS.get(overpass, np.timedelta64(0)), None, 0
    owner = _owner(raw, place, where)
    if len(owner) != len(time) or (owner < 0).any() or (owner >= raw.sizes[place]).any():
        raise ReaderError("The observations do not name their locations", where=where)
    codes = raw["Overpass"].values if "Overpass" in raw else np.full(len(time), {"am": 1, "pm": 2}.get(overpass, 0))
    stamps, further = _overpasses.stamps(time, owner, codes)
    return stamps, owner, further


def _owner(raw: xr.Dataset, place: str, where: str) -> NDArray[np.int64]:
    """Location number of each observation: CF indexed ragged, or contiguous ragged arrays."""
    for name, candidate in raw.variables.items():
        if "instance_dimension" in candidate.attrs or name == "locationIndex":
            return np.asarray(candidate.values, np.int64)
        if "sample_dimension" in candidate.attrs or name == "row_size":
            return np.repeat(np.arange(raw.sizes[place]), np.asarray(candidate.values, np.int64))
    raise ReaderError("The file does not say which location an observation is of", code="wrong_kind", where=where)


def _assemble(cells: Sequence[_Cell]) -> xr.Dataset:
    time = np.unique(np.concatenate([cell.time for cell in cells]))
    family = cells[0].family
    location = np.concatenate([cell.location for cell in cells])
    if len(np.unique(location)) < len(location):
        location = np.arange(len(location))
    lat, lon = np.concatenate([c.lat for c in cells]), np.concatenate([c.lon for c in cells])
    coords: dict[str, Any] = {names.LOCATION: location, names.TIME: time}
    placed, grid_attrs = _on_grid(family, lat, lon)
    coords |= {name: (names.LOCATION, values) for name, values in placed.items()}
    if family.key == "smap":
        coords[names.OVERPASS] = (names.TIME, _overpasses.labels(time))
    dataset = xr.Dataset(_variables(cells, time), coords, _attributes(cells[0]) | grid_attrs)
    return check_pixels(dataset)


def _on_grid(
    family: Family, lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Coordinates of the locations; with row and column where all are cell centres of the product's grid."""
    grid = family.whole_grid()
    if grid is None:
        return {"lat": lat, "lon": lon}, {}
    row, col = grid.index(lat, lon)
    if (row < 0).any() or np.abs(grid.lat[row] - lat).max() > 0.05 * grid.step[0]:
        return {"lat": lat, "lon": lon}, {}
    if not grid.is_ease:
        rows, cols = slice(int(row.min()), int(row.max()) + 1), slice(int(col.min()), int(col.max()) + 1)
        step = family.grid[1] if family.grid else grid.step[0]
        north, west = round(float(grid.lat[rows.start]), 6), round(float(grid.lon[cols.start]), 6)
        grid = grids.regular(north, west, step, step, rows.stop - rows.start, cols.stop - cols.start)
        row, col = row - rows.start, col - cols.start
    # The files keep float32 degrees; the cell centres are known better.
    return {"lat": grid.lat[row], "lon": grid.lon[col], "row": row, "col": col}, grid.to_attrs()


def _variables(cells: Sequence[_Cell], time: NDArray[np.datetime64]) -> dict[str, Any]:
    family, target = cells[0].family, cells[0].target
    found: dict[str, Any] = {names.SM: _field(cells, time, target, names.SM)}
    for source, name in family.others.items():
        if all(source in cell.raw for cell in cells):
            found[name] = _field(cells, time, source, name)
    for name, (source, bits) in family.flags.items():
        if all(source in cell.raw for cell in cells):
            load_of = partial(_quality if name == names.QUALITY else _surface, source, bits)
            data = _lazy(cells, time, load_of, np.int32)
            found[name] = xr.Variable(_DIMS, data, bits.attributes(f"{source} of the source"))
    clock = "time" if cells[0].owner is not None else family.observed_at
    if clock and all(clock in cell.raw for cell in cells):
        data = _lazy(cells, time, partial(_observed, clock), "datetime64[ns]")
        found[names.OBS_TIME] = xr.Variable(_DIMS, data, {"long_name": "time of observation (UTC)"})
    return found


def _field(cells: Sequence[_Cell], time: NDArray[np.datetime64], source: str, name: str) -> xr.Variable:
    data = _lazy(cells, time, partial(_numbers, source), np.float32)
    attrs: dict[str, Any] = {**names.attributes(name), "source_name": source}
    highest = cells[0].raw[source].attrs.get("valid_max")
    if name == names.SM and highest is not None:
        attrs["source_valid_max"] = round(float(highest), 6)
    return xr.Variable(_DIMS, data, attrs)


def _numbers(source: str, cell: _Cell) -> _blocks.Loader:
    decode = _blocks.decoding(cell.raw[source], _UNDECLARED_FILL)
    if source == cell.target:
        decode = decode.then(_factor(cell.raw[source].attrs, source))
    return _blocks.loader(cell.path, source, decode)


def _quality(source: str, bits: _flags.QualityBits, cell: _Cell) -> _blocks.Loader:
    flags = _blocks.loader(cell.path, source, bits)
    return partial(_blocks.where_retrieved, flags, _numbers(cell.target, cell))


def _surface(source: str, bits: _flags.QualityBits, cell: _Cell) -> _blocks.Loader:
    return _blocks.loader(cell.path, source, bits)


def _observed(source: str, cell: _Cell) -> _blocks.Loader:
    units = _blocks.TimeUnits.parse(str(cell.raw[source].attrs["units"]), where=cell.path.name)
    clock = _blocks.loader(cell.path, source, partial(_clock, units))
    return partial(_blocks.where_retrieved, clock, _numbers(cell.target, cell))


def _clock(units: _blocks.TimeUnits, stored: NDArray[Any]) -> NDArray[np.datetime64]:
    return units.decode(np.where(stored == _UNDECLARED_FILL, np.nan, stored))


def _lazy(
    cells: Sequence[_Cell], time: NDArray[np.datetime64], load_of: Callable[[_Cell], _blocks.Loader], dtype: Any
) -> Any:
    loaders = []
    for cell in cells:
        steps = np.searchsorted(time, cell.time)
        shape = (len(cell.location), len(time))
        loaders.append(partial(_scatter, load_of(cell), cell.owner, steps, shape, np.dtype(dtype)))
    return _blocks.lazy(loaders, [len(cell.location) for cell in cells], [len(time)], dtype)


def _scatter(
    load: _blocks.Loader,
    owner: NDArray[np.int64] | None,
    steps: NDArray[np.int64],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """Lay the values of a file on (location, time); what it does not hold is missing."""
    whole = missing(shape, dtype)
    whole[slice(None) if owner is None else owner, steps] = load()
    return whole


def _attributes(cell: _Cell) -> dict[str, Any]:
    top, bottom = layer_of(cell.target)
    attrs = {**cell.family.attrs, "synthetic": is_synthetic(cell.raw.attrs), "layer_m": f"{top:g} {bottom:g}"}
    version = str(cell.raw.attrs.get("version", ""))
    if version:
        attrs["product"] = f"{attrs['product']} {version}"
    if cell.family.key == "c3s":
        form = str(cell.raw.attrs.get("product", "combined"))
        attrs["inputs"] = c3s_inputs(form, version, str(cell.raw.attrs.get("sensor", "")))
    return attrs


def _notes(cells: Sequence[_Cell]) -> tuple[str, ...]:
    notes = []
    further = sum(cell.further for cell in cells)
    if further:
        notes.append(f"{plural(further, 'observation')} beyond the first of an overpass kept as 'unknown' steps")
    if cells[0].family.attrs.get("time_is_nominal"):
        notes.append("Steps are labelled nominally; the time of each observation is in obs_time where the file has it")
    highest = cells[0].raw[cells[0].target].attrs.get("valid_max")
    if highest is not None:
        notes.append(f"The source declares valid_max {highest:g}; values above it, if any, are kept")
    return tuple(notes)
