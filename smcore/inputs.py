"""From data sets in their roles to the arrays that a model sees: handshake, alignment, completeness.

The handshake comes before any computing: it says which inputs or units are missing, on which days and in how many
cells. Grids must be the same, or coarser ones that the prediction's cells nest in; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import GridMismatch, SpecMismatch, WindowError
from smcore.grids import Grid, ratio
from smcore.models.base import SATELLITE, WHOLE_RECORD, Floats, Inputs, InputSpec, ModelSpec, Role
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.roles import Source, read_series, read_static
from smcore.window import Window

Times = NDArray[np.datetime64]
_STEP = {"1D": np.timedelta64(1, "D"), "3h": np.timedelta64(3, "h")}
_SHOWN = 4


@dataclass(frozen=True, eq=False)
class Places:
    """Where a prediction is made: the cells of a grid, row by row, or pixels.

    Parameters
    ----------
    lat, lon
        (N,) degrees.
    grid
        The cells' grid, cut to the window; None for pixels.
    pixels
        Coordinates of the pixels, to carry over to the result; None for cells.
    inner
        Rows and columns of ``grid`` that the window asked for; the rest is margin for patches and halos.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    grid: Grid | None = None
    pixels: xr.Dataset | None = None
    inner: tuple[slice, slice] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns); pixels are one row."""
        return self.grid.shape if self.grid is not None else (1, len(self.lat))


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be read for a prediction.

    Parameters
    ----------
    used
        The inputs, in the order of the weights.
    fields
        The source of each input by name; of the observations under ``sm``.
    places
        Where.
    time
        (T,) every step that is read, history and lookahead included.
    wanted
        The steps of ``time`` that the prediction is for.
    notes
        What the user should know.
    """

    spec: ModelSpec
    used: tuple[InputSpec, ...]
    fields: dict[str, Source]
    places: Places
    time: Times
    wanted: slice
    notes: tuple[str, ...] = ()

    @property
    def sources(self) -> list[Source]:
        """The data sets that are read, each once."""
        return list({source.id: source for source in self.fields.values()}.values())


def available(sources: Sequence[Source], inputs: Sequence[InputSpec]) -> dict[str, str]:
    """Name → unit of those ``inputs`` that the sources offer: with steps for a dynamic one, without for a static."""
    offers = _offers(sources)
    return {i.name: offers[i.name, i.role][0] for i in inputs if (i.name, i.role) in offers}


def _offers(sources: Sequence[Source]) -> dict[tuple[str, Role], tuple[str, Source]]:
    """(name, role) → unit and source of everything that the sources offer in their roles; the first one counts."""
    offers: dict[tuple[str, Role], tuple[str, Source]] = {}
    for source in sources:
        found: dict[tuple[str, Role], str] = {}
        if "forcing" in source.roles:
            series = source.units(dynamic=True).items()
            found |= {(n, "dynamic"): u for n, u in series if not n.startswith(names.SM)}
        if "static" in source.roles:
            found |= {(n, "static"): u for n, u in source.units(dynamic=False).items()}
        own = {"model_sm": ("model_sm", "dynamic"), "target": (names.SM, "observed")}
        for role in source.roles & own.keys() if names.SM in source.data else ():
            found[own[role]] = str(source.data[names.SM].attrs.get("units", ""))  # type: ignore[index]
        for offer, units in found.items():
            offers.setdefault(offer, (units, source))
    return offers


def handshake(
    spec: ModelSpec, used: Sequence[InputSpec], sources: Sequence[Source], window: Window, *, gaps: bool = False
) -> Plan:
    """Check that the sources give a trained model what it was trained with, and plan what to read.

    Parameters
    ----------
    gaps
        Leave out steps that a required input does not have, instead of refusing (training on seasons); without
        meaning for a model that reads the whole record.

    Raises
    ------
    SpecMismatch
        Naming the inputs that are missing or in another unit, or the days that an input does not have.
    GridMismatch
        If an input's grid is neither that of the prediction nor a coarser one of the same family.
    WindowError
        If the window misses the data.
    """
    fields = _fields(spec, used, sources)
    places = _places(spec, fields, used, window)
    for name, source in fields.items():
        _check_alignment(places, source, name)
    time, wanted = _steps(spec, used, fields, window, gaps and spec.history < WHOLE_RECORD)
    plan = Plan(spec, tuple(used), fields, places, time, wanted)
    return replace(plan, notes=_check_static(plan))


def _fields(spec: ModelSpec, used: Sequence[InputSpec], sources: Sequence[Source]) -> dict[str, Source]:
    offers = _offers(sources)
    missing = [i for i in used if (i.name, i.role) not in offers]
    given = {i.name: offers[i.name, i.role] for i in used if (i.name, i.role) in offers}
    wrong = [i for i in used if i.name in given and given[i.name][0] != i.units]
    if missing or wrong:
        parts = [f"missing: {', '.join(f'{i.name} [{i.units}]' for i in missing)}"] if missing else []
        parts += [f"{i.name} is in {given[i.name][0] or 'no unit'}, not {i.units}" for i in wrong]
        raise SpecMismatch(
            f"{spec.id} was trained with inputs that are not at hand: {'; '.join(parts)}",
            where=", ".join(s.id for s in sources) or "no data",
            hint="name a data set that has them with --data",
        )
    return {name: source for name, (_, source) in given.items()}


def _places(spec: ModelSpec, fields: dict[str, Source], used: Sequence[InputSpec], window: Window) -> Places:
    """Predict on the finest grid among the inputs with steps."""
    dynamic = [fields[i.name] for i in used if i.role != "static"] or list(fields.values())
    return places_of(spec, min(dynamic, key=_cell_size), window)


def places_of(spec: ModelSpec, source: Source, window: Window) -> Places:
    """The cells or pixels of one data set inside the window, with the margin that the model needs.

    Raises
    ------
    WindowError
        If the window misses the data, or crosses the seam of the grid.
    """
    if source.layout == "pixels":
        return _pixel_places(source, window)
    grid = source.grid
    if grid is None:
        raise GridMismatch("A prediction needs inputs on a grid or pixels", where=source.id)
    rows, columns = window.cells(grid)
    if not (np.diff(columns) == 1).all():
        raise WindowError("A prediction can't cross the seam of the grid", hint="predict each side on its own")
    return _cell_places(grid, rows, slice(int(columns[0]), int(columns[-1]) + 1), spec)


def _cell_places(grid: Grid, rows: slice, columns: slice, spec: ModelSpec) -> Places:
    """The cells of the window and, for a model with patches, the margin that they need and the data have."""
    wide_rows = _margin(rows, grid.row0, grid.shape[0], spec)
    wide_columns = _margin(columns, grid.col0, grid.shape[1], spec)
    cells = grid.cut(wide_rows, wide_columns)
    lat, lon = np.meshgrid(cells.lat, cells.lon, indexing="ij")
    inner = tuple(
        slice(kept.start - wide.start, kept.stop - wide.start)
        for kept, wide in ((rows, wide_rows), (columns, wide_columns))
    )
    return Places(lat.ravel(), lon.ravel(), cells, inner=(inner[0], inner[1]))


def _margin(span: slice, anchor: int, count: int, spec: ModelSpec) -> slice:
    start, stop = span.start + anchor, span.stop + anchor
    start, stop = start // spec.patch * spec.patch, -(-stop // spec.patch) * spec.patch
    return slice(max(0, start - spec.halo - anchor), min(count, stop + spec.halo - anchor))


def _cell_size(source: Source) -> float:
    grid = source.grid
    return -1.0 if source.layout == "pixels" else (grid.step[0] if grid else 0.0)


def _pixel_places(source: Source, window: Window) -> Places:
    lat, lon = (np.asarray(source.data[n].values, np.float64) for n in (names.LAT, names.LON))
    inside = (lat >= window.south) & (lat <= window.north)
    if window.crosses_dateline:
        inside &= (lon >= window.west) | (lon <= window.east)
    else:
        inside &= (lon >= window.west) & (lon <= window.east)
    if not inside.any():
        raise WindowError("No pixel lies in the box", where=source.id, hint="draw it over the data")
    keep = [n for n in source.data.coords if source.data[n].dims == (names.LOCATION,)]
    pixels = source.data[keep].isel({names.LOCATION: np.flatnonzero(inside)}).assign_attrs(source.data.attrs)
    return Places(lat[inside], lon[inside], None, pixels)


def _check_alignment(places: Places, source: Source, name: str) -> None:
    grid = source.grid
    if places.pixels is not None and source.layout == "pixels":
        return  # matched pixel by pixel; one that is not there has no value
    own = places.grid.name if places.grid is not None else str(places.pixels.attrs.get("grid_name", ""))  # type: ignore[union-attr]
    if grid is None or not own:
        raise GridMismatch(f"{name} can't be laid on the prediction's places", where=source.id)
    if not grid.is_ease and places.grid is not None and not places.grid.is_ease:
        _check_regular(places.grid, grid, name, source.id)
        return
    try:
        ratio(own, grid.name)
    except GridMismatch:
        raise GridMismatch(
            f"{name} is on the grid {grid.name}, the prediction on {own}",
            where=source.id,
            hint="give inputs on one grid, or on a coarser one that it nests in",
        ) from None


def _check_regular(wanted: Grid, given: Grid, name: str, where: str) -> None:
    steps = np.abs(np.array(wanted.step) - given.step).max()
    offset = (np.array([wanted.lat[0] - given.lat[0], wanted.lon[0] - given.lon[0]])) / np.array(wanted.step)
    if steps > 1e-6 or np.abs(offset - np.rint(offset)).max() > 1e-3:
        raise GridMismatch(f"{name} is on another regular grid than the prediction", where=where)


def _steps(
    spec: ModelSpec, used: Sequence[InputSpec], fields: dict[str, Source], window: Window, gaps: bool
) -> tuple[Times, slice]:
    """The steps to read, and which of them are wanted; refuses wanted days that a forcing lacks, or leaves them out."""
    timed = [i for i in used if i.role != "static"]
    step = _STEP[spec.step]
    axes = {i.name: _axis(fields[i.name], spec.step) for i in timed}
    first = max(axis[0] for axis in axes.values())
    last = min(axis[-1] for axis in axes.values())
    start = np.datetime64(window.start, "ns") if window.start else first
    end = np.datetime64(window.end, "ns") + np.timedelta64(1, "D") - step if window.end else last
    wanted = np.arange(start, end + step, step)
    if not len(wanted):
        raise WindowError("The inputs have no day in common", where=_periods(axes))
    forced = [i for i in timed if i.role == "dynamic"]
    needed = [i for i in forced if i.required or not gaps]
    if gaps:
        kept = wanted[_there(wanted, [axes[i.name] for i in needed])]
        wanted = kept if len(kept) else wanted
        start, end = wanted[0], wanted[-1]
    _check_days(spec, needed, axes, wanted, fields)
    reach = min(spec.history, max(0, int((start - first) // step)))
    before = np.arange(start - reach * step, start, step)
    holes = np.flatnonzero(~_there(before, [axes[i.name] for i in forced]))
    if len(holes):  # history counts only as far back as it is whole
        before = before[holes[-1] + 1 :]
    if len(before) < spec.min_history:
        raise SpecMismatch(
            f"{spec.id} needs {spec.min_history} steps before {_day(start)}, and {len(before)} are there",
            where=_periods(axes),
            hint="choose a later start",
        )
    ahead = min(spec.lookahead, max(0, int((last - end) // step)))
    after = end + np.arange(1, ahead + 1) * step
    return np.concatenate([before, wanted, after]), slice(len(before), len(before) + len(wanted))


def _there(wanted: Times, axes: Sequence[Times]) -> NDArray[np.bool_]:
    """Which wanted steps every axis has."""
    there = np.ones(len(wanted), bool)
    for axis in axes:
        there &= np.isin(wanted, axis)
    return there


def _axis(source: Source, step: str) -> Times:
    time = source.centres() if step == "1D" else source.time
    if not len(time):
        raise SpecMismatch("A data set with steps is needed, and this one has none", where=source.id)
    unit = "datetime64[D]" if step == "1D" else "datetime64[ns]"
    return np.unique(time.astype(unit)).astype("datetime64[ns]")


def _check_days(
    spec: ModelSpec, forced: Sequence[InputSpec], axes: dict[str, Times], wanted: Times, fields: dict[str, Source]
) -> None:
    missing = {i: wanted[~np.isin(wanted, axes[i.name])] for i in forced}
    missing = {i: days for i, days in missing.items() if len(days)}
    if not missing:
        return
    worst = max(missing, key=lambda i: len(missing[i]))
    days = missing[worst]
    listed = ", ".join(_day(d) for d in days[:_SHOWN]) + (" …" if len(days) > _SHOWN else "")
    others = f" (and {len(missing) - 1} more inputs)" if len(missing) > 1 else ""
    raise SpecMismatch(
        f"{spec.id} has no {worst.name} [{worst.units}]{others} on {len(days)} of {len(wanted)} steps: {listed}",
        where=f"{fields[worst.name].id}: {_day(axes[worst.name][0])} to {_day(axes[worst.name][-1])}",
        hint="choose dates inside the forcing",
    )


def _day(time: np.datetime64) -> str:
    return str(time.astype("datetime64[D]"))


def _periods(axes: dict[str, Times]) -> str:
    return "; ".join(f"{name}: {_day(axis[0])} to {_day(axis[-1])}" for name, axis in list(axes.items())[:_SHOWN])


def _check_static(plan: Plan) -> tuple[str, ...]:
    """Notes on cells without statics; refuses if no cell has any of a static input."""
    lacking: dict[int, list[str]] = {}
    for item in (i for i in plan.used if i.role == "static"):
        values = read_static(plan.fields[item.name], item.name, plan.places.lat, plan.places.lon)
        number = int((~np.isfinite(values)).sum())
        if number == len(values):
            raise SpecMismatch(
                f"{plan.spec.id} needs {item.name} [{item.units}], and no cell of the window has it",
                where=plan.fields[item.name].id,
            )
        if number:
            lacking.setdefault(number, []).append(item.name)
    cells = len(plan.places.lat)
    return tuple(
        f"{', '.join(missing)}: missing in {number} of {cells} cells; the training mean stands in unless all are"
        for number, missing in lacking.items()
    )


def gather(plan: Plan, lat: NDArray[np.float64], lon: NDArray[np.float64], *, task: str = SATELLITE,
           shape: tuple[int, int] | None = None, cancelled: Cancel = never) -> Inputs:  # fmt: skip
    """Read a plan's inputs at points (some of its places, or sites): :class:`Inputs` over all its steps."""
    columns: dict[str, list[Floats]] = {"dynamic": [], "static": [], "observed": []}
    for item in plan.used:
        source = plan.fields[item.name]
        if item.role == "static":
            columns["static"].append(read_static(source, item.name, lat, lon))
        else:
            variable = names.SM if item.name in ("model_sm", names.SM) else item.name
            series = read_series(source, variable, lat, lon, plan.time, step=plan.spec.step, cancelled=cancelled)
            columns[item.role].append(series)
    return Inputs(
        time=plan.time,
        dynamic=_stack(columns["dynamic"], (len(plan.time), len(lat))),
        static=_stack(columns["static"], (len(lat),)),
        lat=lat,
        lon=lon,
        specs=plan.used,
        observed=columns["observed"][0] if columns["observed"] else None,
        shape=shape,
        task=task,
        first=plan.wanted.start,
    )


def _stack(columns: list[Floats], shape: tuple[int, ...]) -> Floats:
    return np.stack(columns, axis=-1) if columns else np.empty((*shape, 0), np.float32)


def usable_days(inputs: Inputs, wanted: slice) -> NDArray[np.bool_]:
    """Where a prediction may be given: every forcing of the day is there, and a static where there are any: (T, N)."""
    steps = np.isfinite(inputs.dynamic[wanted]).all(axis=-1)
    if inputs.static.shape[1]:
        steps &= np.isfinite(inputs.static).any(axis=-1)
    return np.asarray(steps)


def completeness(plan: Plan, *, progress: Progress = quiet, cancelled: Cancel = never) -> xr.Dataset:
    """How complete the inputs are over the window.

    Returns
    -------
    Dataset
        ``missing_<input>`` (y, x) or (location): wanted steps without a value, and ``complete``: the share of wanted
        steps on which every forcing is there.
    """
    timed = [i for i in plan.used if i.role == "dynamic"]
    count = plan.wanted.stop - plan.wanted.start
    whole = np.ones((count, len(plan.places.lat)), bool)
    found: dict[str, NDArray[np.generic]] = {}
    for index, item in enumerate(timed):
        check(cancelled)
        progress(index / max(1, len(timed)), item.name)
        source, wanted = plan.fields[item.name], plan.time[plan.wanted]
        lat, lon = plan.places.lat, plan.places.lon
        values = read_series(source, item.name, lat, lon, wanted, step=plan.spec.step, cancelled=cancelled)
        valid = np.isfinite(values)
        found[f"missing_{item.name}"] = (~valid).sum(axis=0).astype(np.int32)
        whole &= valid
    found["complete"] = whole.mean(axis=0).astype(np.float32)
    if plan.places.grid is None:
        return xr.Dataset({n: (names.LOCATION, v) for n, v in found.items()})
    grid = plan.places.grid
    coords = {names.LAT: (names.Y, grid.lat), names.LON: (names.X, grid.lon)}
    fields = {n: ((names.Y, names.X), v.reshape(grid.shape)) for n, v in found.items()}
    return xr.Dataset(fields, coords, grid.to_attrs())
