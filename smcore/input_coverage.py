"""How much of each input of a model is there in a window: what a prediction would refuse, seen before it is asked for.

The handshake of :mod:`smcore.inputs` stops at the first thing missing. Here nothing is refused: every input gets
the share of wanted steps on which it has a value, cell by cell, read by the same rules (a day needs half of its steps,
grids must nest, observations go by the quality rule), and the steps that its data set does not have at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore.errors import GridMismatch, SpecMismatch, WindowError
from smcore.grids import Grid
from smcore.inputs import (
    STEPS,
    Times,
    axis_of,
    blocks_within,
    check_alignment,
    may_be_predicted,
    offered,
    prediction_places,
    variable_of,
)
from smcore.models.spec import InputSpec, ModelSpec
from smcore.places import Places, inside
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.roles import Source, read_series, read_static
from smcore.window import Window

_BYTES = 128 * 2**20
Shares = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class InputCoverage:
    """One input in the window.

    Parameters
    ----------
    input
        What the model asks for.
    source
        Id of the data set that gives it; "" if none does.
    problem
        Why it can't be used at all; "" if it can.
    absent
        Runs of wanted steps on which no cell that is looked at has a value: first and last of each; of a map none.
    share
        (rows, columns) or (1, pixels): share of the wanted steps with a value; of a map whether it has one; NaN in
        cells that are not looked at, because they lie outside of the polygon.
    """

    input: InputSpec
    source: str
    problem: str
    absent: tuple[tuple[np.datetime64, np.datetime64], ...]
    absent_steps: int
    share: Shares

    @property
    def mean(self) -> float:
        """Mean share over the cells."""
        return _mean(self.share)

    @property
    def may_have_gaps(self) -> bool:
        """Whether the model fills or does without missing values: only observations may be missing."""
        return self.input.role == "observed"


@dataclass(frozen=True, eq=False)
class Coverage:
    """All inputs of a model in a window.

    Parameters
    ----------
    grid
        Of the shares; None for pixels.
    time
        The wanted steps.
    inputs
        In the model's order.
    complete
        Share of wanted steps on which a prediction may be given, by :func:`smcore.inputs.may_be_predicted`; NaN in
        cells that are not looked at.
    """

    grid: Grid | None
    time: Times
    inputs: tuple[InputCoverage, ...]
    complete: Shares

    @property
    def cells(self) -> int:
        """How many cells are looked at."""
        return int(np.isfinite(self.complete).sum())

    @property
    def mean(self) -> float:
        """Mean share over the cells."""
        return _mean(self.complete)


def _mean(share: Shares) -> float:
    counted = share[np.isfinite(share)]
    return float(counted.mean()) if counted.size else 0.0


def input_coverage(
    inputs: Sequence[InputSpec],
    step: str,
    sources: Sequence[Source],
    window: Window,
    *,
    area: Sequence[float] = (),
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Coverage:
    """Look at every input of a model in a window.

    Parameters
    ----------
    area
        Longitude, latitude, longitude … [deg] of a polygon: only cells whose centres lie in it are looked at.

    Raises
    ------
    WindowError
        If the window misses the data, or the polygon has no cell's centre inside.
    SpecMismatch
        If no data set at hand has any of the inputs.
    """
    spec = ModelSpec("", "", tuple(inputs), step=step)  # without a margin: only the window's own cells are looked at
    given, problems = _given(inputs, sources)
    if not given:
        raise SpecMismatch("No data set at hand has any of the inputs")
    places = prediction_places(spec, given, [i for i in inputs if i.name in given], window)
    for name, source in list(given.items()):
        try:
            check_alignment(places, source, name)
        except GridMismatch as error:
            problems[name] = error.what
    time = _wanted(inputs, step, given, window)
    usable = {i.name: given[i.name] for i in inputs if not problems.get(i.name)}
    kept = inside(places, area)
    kept = np.ones(places.shape, bool) if kept is None else kept
    shares, some, complete = _read(inputs, step, usable, places, kept, time, progress, cancelled)
    found = []
    for item in inputs:
        absent = ~some[item.name] if item.name in usable and item.role != "static" else np.zeros(len(time), bool)
        source_id = given[item.name].id if item.name in given else ""
        problem = problems.get(item.name, "")
        found.append(InputCoverage(item, source_id, problem, _runs(time, absent), int(absent.sum()), shares[item.name]))
    return Coverage(places.grid, time, tuple(found), complete)


def _given(inputs: Sequence[InputSpec], sources: Sequence[Source]) -> tuple[dict[str, Source], dict[str, str]]:
    """The data set of each input, and why those without one, or in another unit, can't be used."""
    at_hand = offered(sources)
    given, problems = {}, {}
    for item in inputs:
        units, source = at_hand.get((item.name, item.role), ("", None))
        if source is None:
            problems[item.name] = "no data set here has it"
            continue
        given[item.name] = source
        if units != item.units:
            problems[item.name] = f"it is in {units or 'no unit'}, not {item.units}"
    return given, problems


def _wanted(inputs: Sequence[InputSpec], step: str, given: dict[str, Source], window: Window) -> Times:
    length = STEPS[step]
    axes = [axis_of(given[i.name], step) for i in inputs if i.role != "static" and i.name in given]
    first = np.datetime64(window.start, "ns") if window.start else max((axis[0] for axis in axes), default=None)
    last = min((axis[-1] for axis in axes), default=None)
    if window.end:
        last = np.datetime64(window.end, "ns") + np.timedelta64(1, "D") - length
    if first is None or last is None or last < first:
        raise WindowError("There is no step to look at", hint="choose first and last day")
    return np.arange(first, last + length, length)


def _runs(time: Times, absent: NDArray[np.bool_]) -> tuple[tuple[np.datetime64, np.datetime64], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], absent, [False]]).astype(np.int8)))
    return tuple((time[a], time[b - 1]) for a, b in zip(edges[::2], edges[1::2], strict=True))


def _read(
    inputs: Sequence[InputSpec],
    step: str,
    usable: dict[str, Source],
    places: Places,
    kept: Bools,
    time: Times,
    progress: Progress,
    cancelled: Cancel,
) -> tuple[dict[str, Shares], dict[str, Bools], Shares]:
    """Share of steps with a value, of each input, on which steps any cell has one, and the share of all together.

    Block by block, so that nothing grows; only in the cells that are ``kept``.
    """
    shares = {name: np.full(places.shape, np.nan, np.float32) for name in ["", *(i.name for i in inputs)]}
    some = {i.name: np.zeros(len(time), bool) for i in inputs}
    parts: dict[str, list[Shares]] = {name: [] for name in shares}
    most = max(1, _BYTES // (5 * max(1, len(time))))
    done, all_of_them = 0, int(kept.sum()) * len(inputs)

    def look(item: InputSpec, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Bools:
        nonlocal done
        check(cancelled)
        progress(done / all_of_them, item.name)
        done += len(lat)
        there = _there(item, step, usable.get(item.name), lat, lon, time, cancelled)
        parts[item.name].append(np.atleast_2d(there).mean(axis=0).astype(np.float32))
        some[item.name] |= np.atleast_2d(there).any(axis=1)
        return there

    for lat, lon in blocks_within(places, kept, most):
        given = ((item.role, look(item, lat, lon)) for item in inputs)
        parts[""].append(may_be_predicted(given, (len(time), len(lat))).mean(axis=0).astype(np.float32))
    for name, found in parts.items():
        shares[name][kept] = np.concatenate(found)
    return shares, some, shares.pop("")


def _there(
    item: InputSpec,
    step: str,
    source: Source | None,
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    time: Times,
    cancelled: Cancel,
) -> Bools:
    """Where and when an input has a value: (T, N), of a map (N,)."""
    if source is None:
        return np.zeros(len(lat) if item.role == "static" else (len(time), len(lat)), bool)
    if item.role == "static":
        return np.isfinite(read_static(source, item.name, lat, lon))
    return np.isfinite(read_series(source, variable_of(item), lat, lon, time, step=step, cancelled=cancelled))
