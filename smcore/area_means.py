"""Means over an area for every step of a prepared cube or pixel set, read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.areas import Area, covered, covered_pixels
from smcore.errors import WindowError
from smcore.masks import Mask
from smcore.progress import Cancel, Progress, check, never, quiet

Floats = NDArray[np.float64]

BLOCK_VALUES = 2**21
"""Values that are read at once: a tenth of a second at most between two questions whether to stop."""

MOST_VALUES = 4_000_000_000
"""Values of a mean: minutes of reading, beyond which a smaller area is asked for."""


@dataclass(frozen=True)
class AreaMean:
    """Weighted mean of each step, and on how much of the area it rests.

    Attributes
    ----------
    value : ndarray (time,) float64
        NaN where no cell has a value.
    share : ndarray (time,) float64
        Weight of the cells with a value, as a part of the weight of those that ever have one: 0…1.
    cells : int
        Cells of the area that ever have a value; 0 where all of it is missing.
    """

    value: Floats
    share: Floats
    cells: int

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.value.nbytes + self.share.nbytes


def has_cells(prepared: Any, area: Area) -> bool:
    """Whether any cell or pixel of a product lies in the area."""
    if prepared.layout == "pixels":
        return bool(len(covered_pixels(prepared.coords, prepared.grid, area)[0]))
    return covered(prepared.grid, area) is not None


def area_mean(
    prepared: Any,
    variable: str,
    area: Area,
    *,
    mask: Mask | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> AreaMean:
    """Mean over the cells of an area, weighted by :func:`smcore.areas.weight_of`, missing ones left out.

    Parameters
    ----------
    prepared
        A prepared cube or pixel set.
    mask
        What is left out of each step before.

    Raises
    ------
    WindowError
        If the area holds no cell of the product, or too many values.
    Cancelled
        If it was asked to stop.
    """
    mask = mask or Mask()
    if prepared.layout == "pixels":
        return _pixel_mean(prepared, variable, area, mask)
    cells = covered(prepared.grid, area)
    steps = len(prepared.time)
    if cells is None:
        raise WindowError("No cell of the product lies in the area", hint="draw it over the product")
    if steps * cells.weights.size > MOST_VALUES:
        raise WindowError(
            f"The area holds {steps * cells.weights.size:.1e} values, more than can be averaged while one waits",
            hint="draw a smaller one",
        )
    total, weight = np.zeros(steps), np.zeros(steps)
    ever = np.zeros(cells.weights.shape, np.bool_)
    blocks = list(_blocks(prepared, variable, cells.rows, cells.columns))
    for number, (time, rows, columns) in enumerate(blocks):
        check(cancelled)
        progress(number / len(blocks), "means over the area")
        place = slice(rows.start - cells.rows.start, rows.stop - cells.rows.start), _within(cells.columns, columns)
        weights = cells.weights[place]
        if not weights.any():
            continue
        values = _read(prepared, variable, mask, time, rows, columns)
        _add(values, weights, total[time], weight[time])
        ever[place] |= (np.isfinite(values) & (weights > 0)).any(axis=0)
    return _finished(total, weight, float(cells.weights[ever].sum()), int(ever.sum()))


def _pixel_mean(prepared: Any, variable: str, area: Area, mask: Mask) -> AreaMean:
    found, weights = covered_pixels(prepared.coords, prepared.grid, area)
    if not len(found):
        raise WindowError("No pixel of the product lies in the area", hint="draw it around some")

    def read(name: str) -> NDArray[Any]:
        values = np.asarray(prepared.read_values(name))[found]
        return values.T if values.ndim == 2 else np.broadcast_to(values, (len(prepared.time), len(found)))

    values = mask.apply(read(variable), read)
    total, weight = np.zeros(len(values)), np.zeros(len(values))
    _add(values, weights, total, weight)
    ever = np.isfinite(values).any(axis=0)
    return _finished(total, weight, float(weights[ever].sum()), int(ever.sum()))


def _add(values: NDArray[Any], weights: Floats, total: Floats, weight: Floats) -> None:
    """Take values (time, …) into sums (time,), which are changed; cells of weight 0 and missing ones count nothing."""
    flat, each = values.reshape(len(values), -1), weights.ravel()
    kept = each > 0
    flat, each = flat[:, kept].astype(np.float64), each[kept]
    there = np.isfinite(flat)
    total += np.where(there, flat, 0.0) @ each
    weight += there @ each


def _finished(total: Floats, weight: Floats, whole: float, cells: int) -> AreaMean:
    value = np.full(len(total), np.nan)
    np.divide(total, weight, out=value, where=weight > 0)
    return AreaMean(value, weight / whole if whole else weight, cells)


def _read(prepared: Any, variable: str, mask: Mask, time: slice, rows: slice, columns: slice) -> NDArray[Any]:
    def read(name: str) -> NDArray[Any]:
        if name in prepared.statics:
            fixed = np.asarray(prepared.read_map(name, rows=rows, cols=columns))
            return np.broadcast_to(fixed, (time.stop - time.start, *fixed.shape))
        return np.asarray(prepared.read_block(name, time, rows, columns))

    return mask.apply(read(variable), read)


def _within(columns: NDArray[np.int64], wanted: slice) -> slice:
    """Where a run of columns stands among those of the area."""
    first = int(np.flatnonzero(columns == wanted.start)[0])
    return slice(first, first + wanted.stop - wanted.start)


def _blocks(
    prepared: Any, variable: str, rows: slice, columns: NDArray[np.int64]
) -> Iterator[tuple[slice, slice, slice]]:
    """Steps, rows and columns of boxes that follow the chunks of the store, and cover what is wanted once."""
    steps = len(prepared.time)
    high, wide = prepared.series_chunk(variable)
    long = max(1, min(steps, BLOCK_VALUES // (high * wide)))
    wide *= max(1, BLOCK_VALUES // (long * high * wide))
    high *= max(1, BLOCK_VALUES // (long * high * wide))
    for run in np.split(columns, np.flatnonzero(np.diff(columns) != 1) + 1):
        for r in _pieces(rows.start, rows.stop, high):
            for c in _pieces(int(run[0]), int(run[-1]) + 1, wide):
                for t in _pieces(0, steps, long):
                    yield t, r, c


def _pieces(start: int, stop: int, size: int) -> Iterator[slice]:
    """Cut a span at the multiples of ``size``."""
    while start < stop:
        end = min(stop, (start // size + 1) * size)
        yield slice(start, end)
        start = end
