"""What one block of cells remembers while its steps come by, in the order of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, int]


class State(Protocol):
    """Takes in steps, gives the aggregate and the number of valid days, both (rows, columns)."""

    def add(self, day: np.datetime64, values: Array) -> None:
        """Take in a step of a day: values (rows, columns), NaN where missing."""

    def result(self) -> Array:
        """Give the aggregate, float64, NaN where there is none."""

    def valid_days(self) -> Array:
        """Give the number of valid days."""


class DayCount:
    """Counts the days with a value; a day of several steps counts once, by its fullest step."""

    def __init__(self, shape: Shape) -> None:
        self._day: np.datetime64 | None = None
        self._today, self._before = np.zeros(shape, np.float32), np.zeros(shape)

    def add(self, day: np.datetime64, valid: Array) -> None:
        """Take in where a step is valid, as bool or as a share 0…1."""
        if day != self._day:
            self._before += self._today
            self._today[:] = 0
            self._day = day
        np.maximum(self._today, valid, out=self._today)

    @property
    def total(self) -> Array:
        """Number of days."""
        return self._before + self._today


class Shares:
    """The share of valid days. Steps are valid shares (0…1) of the cells below, or values."""

    def __init__(self, shape: Shape, days: int, *, from_values: bool) -> None:
        self._count, self._days, self._from_values = DayCount(shape), days, from_values

    def add(self, day: np.datetime64, values: Array) -> None:
        """Take in a step."""
        self._count.add(day, np.isfinite(values) if self._from_values else np.nan_to_num(values))

    def result(self) -> Array:
        """Valid days over all days of the range."""
        return self._count.total / self._days

    def valid_days(self) -> Array:
        """Give the number of valid days."""
        return self._count.total


class Mean:
    """The mean of all valid steps, in float64."""

    def __init__(self, shape: Shape) -> None:
        self._count, self._sum, self._n = DayCount(shape), np.zeros(shape), np.zeros(shape, np.int64)

    def add(self, day: np.datetime64, values: Array) -> None:
        """Take in a step."""
        valid = np.isfinite(values)
        self._count.add(day, valid)
        self._sum += np.where(valid, values, 0.0)
        self._n += valid

    def result(self) -> Array:
        """Sum over number."""
        found: Array = np.divide(self._sum, self._n, out=np.full(self._sum.shape, np.nan), where=self._n > 0)
        return found

    def valid_days(self) -> Array:
        """Give the number of valid days."""
        return self._count.total


class Extreme:
    """The lowest (``numpy.fmin``) or highest (``numpy.fmax``) valid value."""

    def __init__(self, shape: Shape, choose: Callable[..., Array]) -> None:
        self._count, self._choose, self._found = DayCount(shape), choose, np.full(shape, np.nan)

    def add(self, day: np.datetime64, values: Array) -> None:
        """Take in a step."""
        valid = np.isfinite(values)
        self._count.add(day, valid)
        self._choose(self._found, np.where(valid, values, np.nan), out=self._found)

    def result(self) -> Array:
        """Give the lowest or highest value so far."""
        return self._found

    def valid_days(self) -> Array:
        """Give the number of valid days."""
        return self._count.total


class Percentile:
    """A percentile of all valid steps, linear between the two nearest ranks: it keeps every value."""

    def __init__(self, shape: Shape, steps: int, percentile: float) -> None:
        self._count, self._share, self._next = DayCount(shape), percentile / 100, 0
        self._values = np.full((steps, *shape), np.nan, np.float32)

    def add(self, day: np.datetime64, values: Array) -> None:
        """Take in a step."""
        valid = np.isfinite(values)
        self._count.add(day, valid)
        self._values[self._next] = np.where(valid, values, np.nan)
        self._next += 1

    def result(self) -> Array:
        """Sort and read off."""
        self._values.sort(axis=0)  # NaN comes last
        last = np.maximum(np.isfinite(self._values).sum(axis=0) - 1, 0)
        rank = self._share * last
        below = np.floor(rank).astype(np.int64)
        low, high = (
            np.take_along_axis(self._values, at[None], 0)[0].astype(np.float64)
            for at in (below, np.minimum(below + 1, last))
        )
        found: Array = low + (high - low) * (rank - below)
        return found

    def valid_days(self) -> Array:
        """Give the number of valid days."""
        return self._count.total
