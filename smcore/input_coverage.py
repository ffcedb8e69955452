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
    blocks,
    check_alignment,
    may_be_predicted,
    offered,
    prediction_places,
    variable_of,
)
from smcore.models.base import InputSpec, ModelSpec
from smcore.places import Places
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.roles import Source, read_series, read_static
from smcore.window import Window

_BYTES = 128 * 2**20
Shares = NDArray[np.float32]


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
        Runs of wanted steps that the data set does not have: first and last of each.
    share
        (rows, columns) or (1, pixels): share of the wanted steps with a value; of a map whether it has one.
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
        return float(self.share.mean()) if self.share.size else 0.0

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
        Share of wanted steps on which a prediction may be given, by :func:`smcore.inputs.may_be_predicted`.
    """

    grid: Grid | None
    time: Times
    inputs: tuple[InputCoverage, ...]
    complete: Shares


def input_coverage(
    inputs: Sequence[InputSpec],
    step: str,
    sources: Sequence[Source],
    window: Window,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Coverage:
    """Look at every input of a model in a window.

    Raises
    ------
    WindowError
        If the window misses the data.
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
    shares, complete = _read(inputs, step, usable, places, time, progress, cancelled)
    found = []
    for item in inputs:
        absent = _absent(item, step, usable.get(item.name), time)
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


def _absent(item: InputSpec, step: str, source: Source | None, time: Times) -> NDArray[np.bool_]:
    """Which wanted steps the data set of an input does not have at all."""
    if item.role == "static" or source is None:
        return np.zeros(len(time), bool)
    return ~np.isin(time, axis_of(source, step))


def _runs(time: Times, absent: NDArray[np.bool_]) -> tuple[tuple[np.datetime64, np.datetime64], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], absent, [False]]).astype(np.int8)))
    return tuple((time[a], time[b - 1]) for a, b in zip(edges[::2], edges[1::2], strict=True))


def _read(
    inputs: Sequence[InputSpec],
    step: str,
    usable: dict[str, Source],
    places: Places,
    time: Times,
    progress: Progress,
    cancelled: Cancel,
) -> tuple[dict[str, Shares], Shares]:
    """Share of steps with a value, of each input and of all together; block by block, so that nothing grows."""
    parts: dict[str, list[Shares]] = {i.name: [] for i in inputs}
    together: list[Shares] = []
    most = max(1, _BYTES // (5 * max(1, len(time))))
    done, all_of_them = 0, len(places) * len(inputs)

    def look(item: InputSpec, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
        nonlocal done
        check(cancelled)
        progress(done / all_of_them, item.name)
        done += len(lat)
        there = _there(item, step, usable.get(item.name), lat, lon, time, cancelled)
        parts[item.name].append(np.atleast_2d(there).mean(axis=0).astype(np.float32))
        return there

    for lat, lon in blocks(places, most):
        given = ((item.role, look(item, lat, lon)) for item in inputs)
        together.append(may_be_predicted(given, (len(time), len(lat))).mean(axis=0).astype(np.float32))
    shares = {name: np.concatenate(found).reshape(places.shape) for name, found in parts.items()}
    return shares, np.concatenate(together).reshape(places.shape)


def _there(
    item: InputSpec,
    step: str,
    source: Source | None,
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    time: Times,
    cancelled: Cancel,
) -> NDArray[np.bool_]:
    """Where and when an input has a value: (T, N), of a map (N,)."""
    if source is None:
        return np.zeros(len(lat) if item.role == "static" else (len(time), len(lat)), bool)
    if item.role == "static":
        return np.isfinite(read_static(source, item.name, lat, lon))
    return np.isfinite(read_series(source, variable_of(item), lat, lon, time, step=step, cancelled=cancelled))
