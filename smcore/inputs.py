"""From data sets in their roles to the arrays that a model sees: handshake, alignment, and where nothing is missing.

The handshake comes before any computing: it says which inputs or units are missing, on which days and in how many
cells. Grids must be the same, or coarser ones that the prediction's cells nest in; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import GridMismatch, SpecMismatch, WindowError
from smcore.grids import Grid, ratio
from smcore.models.arrays import SATELLITE, Inputs
from smcore.models.spec import WHOLE_RECORD, InputSpec, ModelSpec, Role
from smcore.places import Places, inside, places_of
from smcore.progress import Cancel, never
from smcore.roles import Points, Source, read_static
from smcore.window import Window

Times = NDArray[np.datetime64]
STEPS = {"1D": np.timedelta64(1, "D"), "3h": np.timedelta64(3, "h")}
_SHOWN = 4


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
    inside
        (rows, columns) the places, margin apart, that lie in the polygon asked for; None: all are asked for.
    """

    spec: ModelSpec
    used: tuple[InputSpec, ...]
    fields: dict[str, Source]
    places: Places
    time: Times
    wanted: slice
    notes: tuple[str, ...] = ()
    inside: NDArray[np.bool_] | None = None

    @property
    def sources(self) -> list[Source]:
        """The data sets that are read, each once."""
        return list({source.id: source for source in self.fields.values()}.values())


def available(sources: Sequence[Source], inputs: Sequence[InputSpec]) -> dict[str, str]:
    """Name → unit of those ``inputs`` that the sources offer: with steps for a dynamic one, without for a static."""
    offers = offered(sources)
    return {i.name: offers[i.name, i.role][0] for i in inputs if (i.name, i.role) in offers}


def offered(sources: Sequence[Source]) -> dict[tuple[str, Role], tuple[str, Source]]:
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
    spec: ModelSpec, used: Sequence[InputSpec], sources: Sequence[Source], window: Window, *, gaps: bool = False,
    area: Sequence[float] = (),
) -> Plan:  # fmt: skip
    """Check that the sources give a trained model what it was trained with, and plan what to read.

    Parameters
    ----------
    gaps
        Leave out steps that a required input does not have, instead of refusing (training on seasons); without
        meaning for a model that reads the whole record.
    area
        Longitude, latitude, longitude … [deg] of a polygon: only cells whose centres lie in it are asked for.

    Raises
    ------
    SpecMismatch
        Naming the inputs that are missing or in another unit, or the days that an input does not have.
    GridMismatch
        If an input's grid is neither that of the prediction nor a coarser one of the same family.
    WindowError
        If the window misses the data, or the polygon has no cell's centre inside.
    """
    fields = _fields(spec, used, sources)
    places = prediction_places(spec, fields, used, window)
    for name, source in fields.items():
        check_alignment(places, source, name)
    time, wanted = _steps(spec, used, fields, window, gaps and spec.history < WHOLE_RECORD)
    plan = Plan(spec, tuple(used), fields, places, time, wanted, inside=inside(places, area))
    return replace(plan, notes=_check_static(plan))


def _fields(spec: ModelSpec, used: Sequence[InputSpec], sources: Sequence[Source]) -> dict[str, Source]:
    offers = offered(sources)
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


def prediction_places(spec: ModelSpec, fields: dict[str, Source], used: Sequence[InputSpec], window: Window) -> Places:
    """Predict on the finest grid among the inputs with steps; without forcings, among all inputs."""
    forced = any(i.role == "dynamic" for i in used)
    timed = [fields[i.name] for i in used if i.role != "static"] if forced else list(fields.values())
    return places_of(spec, min(timed, key=_cell_size), window)


def _cell_size(source: Source) -> float:
    grid = source.grid
    return -1.0 if source.layout == "pixels" else (grid.step[0] if grid else 0.0)


def check_alignment(places: Places, source: Source, name: str) -> None:
    """Raise :class:`GridMismatch` unless an input's grid is that of the prediction, or a coarser one of its family."""
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
    step = STEPS[spec.step]
    axes = {i.name: axis_of(fields[i.name], spec.step) for i in timed}
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


def axis_of(source: Source, step: str) -> Times:
    """The steps of a data set as a model counts them: days that it has anything of, or stamps.

    Raises
    ------
    SpecMismatch
        If it has none.
    """
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
    """Notes on cells without statics, the margin not counted; refuses if no cell has any of a static input."""
    lacking: dict[int, list[str]] = {}
    kept = np.ones(plan.places.kept_shape, bool) if plan.inside is None else plan.inside
    cells, where = int(kept.sum()), "window" if plan.inside is None else "polygon"
    for item in (i for i in plan.used if i.role == "static"):
        source = plan.fields[item.name]
        number = sum(
            int((~np.isfinite(read_static(source, item.name, lat, lon))).sum())
            for lat, lon in blocks_within(plan.places, kept)
        )
        if number == cells:
            raise SpecMismatch(
                f"{plan.spec.id} needs {item.name} [{item.units}], and no cell of the {where} has it",
                where=plan.fields[item.name].id, hint="choose a place on land that has it",
            )  # fmt: skip
        if number:
            lacking.setdefault(number, []).append(item.name)
    return tuple(
        f"{', '.join(missing)}: missing in {number} of {cells} cells; the training mean stands in unless all are"
        for number, missing in lacking.items()
    )


def blocks(
    places: Places, most: int = 1_000_000, *, inner: bool = False
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Coordinates of the places (``inner``: without the margin) in runs of whole rows, so that none grows with them."""
    whole = slice(0, places.shape[0]), slice(0, places.shape[1])
    rows, columns = (places.inner or whole) if inner else whole
    height = max(1, most // (columns.stop - columns.start))
    for top in range(rows.start, rows.stop, height):
        yield places.points(slice(top, min(rows.stop, top + height)), columns)


def blocks_within(
    places: Places, kept: NDArray[np.bool_], most: int = 1_000_000
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Of the blocks without the margin, the places that ``kept`` (rows, columns) holds; a block without any is left."""
    chosen, at = kept.ravel(), 0
    for lat, lon in blocks(places, most, inner=True):
        here, at = chosen[at : at + len(lat)], at + len(lat)
        if here.any():
            yield lat[here], lon[here]


def gather(
    plan: Plan,
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    *,
    task: str = SATELLITE,
    shape: tuple[int, int] | None = None,
    origin: tuple[int, int] = (0, 0),
    kept: tuple[slice, slice] | None = None,
    steps: slice | None = None,
    first: int | None = None,
    cancelled: Cancel = never,
) -> Inputs:
    """Read a plan's inputs at points (some of its places, or sites).

    Parameters
    ----------
    shape, origin
        Where the points are a rectangle of cells: its shape, and the place of its first cell on the whole grid.
    kept
        Rows and columns of that rectangle that an answer is wanted for (None: all).
    steps, first
        Which of the plan's steps to read (None: all), and the first of those that an answer is wanted for.
    """
    time = plan.time[steps or slice(None)]
    dynamic, static = (tuple(i for i in plan.used if i.role == role) for role in ("dynamic", "static"))
    series = np.empty((len(time), len(lat), len(dynamic)), np.float32)
    fixed = np.empty((len(lat), len(static)), np.float32)
    observed = next((np.empty((len(time), len(lat)), np.float32) for i in plan.used if i.role == "observed"), None)
    into = {i.name: series[..., k] for k, i in enumerate(dynamic)}
    into |= {i.name: fixed[:, k] for k, i in enumerate(static)}
    if observed is not None:
        into[names.SM] = observed
    for source in {id(one): one for one in plan.fields.values()}.values():
        at = Points(source, lat, lon)
        for item in (i for i in plan.used if plan.fields[i.name] is source):
            if item.role == "static":
                at.static(item.name, into[item.name])
            else:
                at.series(variable_of(item), time, plan.spec.step, into[item.name], cancelled)
    start = plan.wanted.start if first is None else first
    return Inputs(time, series, fixed, lat, lon, plan.used, observed, shape, origin, task=task, first=start, kept=kept)


def variable_of(item: InputSpec) -> str:
    """What an input is called in its source."""
    return names.SM if item.name in ("model_sm", names.SM) else item.name


def may_be_predicted(given: Iterable[tuple[str, NDArray[np.bool_]]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a prediction may be given: every input with steps is there, and a map if the model reads any: (T, N).

    Parameters
    ----------
    given
        Role of each input, and where it has a value: (T, N), of a map (N,). Observations may be missing.
    shape
        (T, N).
    """
    whole, some = np.ones(shape, bool), None
    for role, there in given:
        if role == "dynamic":
            whole &= there
        elif role == "static":
            some = there if some is None else some | there
    if some is not None:
        whole &= some
    return whole


def usable_days(inputs: Inputs, wanted: slice) -> NDArray[np.bool_]:
    """Where a prediction may be given, by the rule of :func:`may_be_predicted`: (T, N)."""
    series, maps = inputs.dynamic[wanted], inputs.static
    timed = (("dynamic", np.isfinite(series[..., channel])) for channel in range(series.shape[-1]))
    fixed = (("static", np.isfinite(maps[:, channel])) for channel in range(maps.shape[-1]))
    return may_be_predicted(chain(timed, fixed), series.shape[:2])
