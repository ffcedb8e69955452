"""The health of a prepared store: what its values span, how much is missing, and from when to when there are any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.progress import Cancel, Progress, check, never, quiet

MOST_VALUES = 20_000_000  # looked at; beyond it every k-th step, or row of a table, is taken
LEAST = 6


@dataclass(frozen=True)
class Health:
    """What a look at the values of one variable found.

    Attributes
    ----------
    low, high
        Least and greatest value, in the variable's unit; NaN where there is none.
    missing
        Share of values that are missing among the places that have any, 0…1; NaN where none has.
    places, filled
        Cells, pixels or sensors, and how many of them have a value at some step that was looked at.
    first, last
        First and last of the looked-at steps with any value; NaT where there is none.
    steps, every
        Steps of the store; one in ``every`` steps of a cube, or rows of a table, was looked at.
    fingerprint
        Identifies the content of the store.
    """

    variable: str
    units: str
    low: float
    high: float
    missing: float
    places: int
    filled: int
    first: np.datetime64
    last: np.datetime64
    steps: int
    every: int
    fingerprint: str


class _Look:
    """What is gathered while values are looked at."""

    def __init__(self, steps: int) -> None:
        self.low, self.high, self.valid = np.inf, -np.inf, 0
        self.has_values = np.zeros(steps, np.bool_)

    def take(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Take in some values; returns which of them are there."""
        there: NDArray[np.bool_] = np.isfinite(values)
        if there.any():
            self.low = min(self.low, float(np.min(values, where=there, initial=np.inf)))
            self.high = max(self.high, float(np.max(values, where=there, initial=-np.inf)))
            self.valid += int(there.sum())
        return there


def health(prepared: Any, variable: str, *, progress: Progress = quiet, cancelled: Cancel = never) -> Health:
    """Look at a variable of a prepared cube, pixel set or station collection.

    A long record is looked at step by step (a cube) or row by row (a table), evenly thinned to
    :data:`MOST_VALUES`, by an odd number, so that morning and evening steps take turns.

    Raises
    ------
    StoreError
        If there is no such variable.
    """
    if prepared.layout == "cube":
        return _of_cube(prepared, variable, progress, cancelled)
    return _of_table(prepared, variable, progress, cancelled)


def _of_cube(prepared: Any, variable: str, progress: Progress, cancelled: Cancel) -> Health:
    rows, columns = prepared.levels[0]
    steps = 1 if variable in prepared.statics else len(prepared.time)
    every = _thinned(steps, rows * columns)
    look, filled, taken = _Look(steps), np.zeros((rows, columns), np.bool_), range(0, steps, every)
    for number, step in enumerate(taken):
        check(cancelled)
        there = look.take(_as_numbers(prepared.read_map(variable, step)))
        filled |= there
        look.has_values[step] = there.any()
        progress(number / len(taken), "looking at the steps")
    return _told(prepared, variable, look, (rows * columns, int(filled.sum()), len(taken)), every)


def _of_table(prepared: Any, variable: str, progress: Progress, cancelled: Cancel) -> Health:
    count = len(prepared)
    if variable in prepared.statics:
        look = _Look(1)
        there = look.take(_as_numbers(prepared.read_values(variable)))
        look.has_values[:] = there.any()
        return _told(prepared, variable, look, (count, int(there.sum()), 1), 1)
    steps = len(prepared.time)
    every = _thinned(count, steps)
    look, filled, taken = _Look(steps), 0, range(0, count, every)
    for number, row in enumerate(taken):
        check(cancelled)
        there = look.take(_as_numbers(prepared.read_series(variable, row)))
        filled += bool(there.any())
        look.has_values |= there
        progress(number / len(taken), "looking at the rows")
    return _told(prepared, variable, look, (len(taken), filled, steps), every)


def _thinned(count: int, each: int) -> int:
    wanted = max(LEAST, MOST_VALUES // max(each, 1))
    return max(1, -(-count // wanted)) | 1


def _as_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Flags have −1, times NaT where there is nothing."""
    if values.dtype.kind == "M":
        return np.where(np.isnat(values), np.nan, values.astype(np.int64).astype(np.float64))
    return values if values.dtype.kind == "f" else np.where(values < 0, np.nan, values.astype(np.float64))


def _told(prepared: Any, variable: str, look: _Look, counts: tuple[int, int, int], every: int) -> Health:
    places, filled, steps = counts
    when = prepared.time[np.flatnonzero(look.has_values)] if len(prepared.time) == len(look.has_values) else []
    nothing = np.datetime64("NaT")
    return Health(
        variable, str(prepared.variables[variable]),
        look.low if look.valid else np.nan, look.high if look.valid else np.nan,
        1.0 - look.valid / (filled * steps) if filled else np.nan, places, filled,
        when[0] if len(when) else nothing, when[-1] if len(when) else nothing,
        len(prepared.time), every, str(prepared.fingerprint),
    )  # fmt: skip
