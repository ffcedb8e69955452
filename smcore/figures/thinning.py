"""Which points of a long series a screen can show: the lowest and the highest of each pixel column, and the gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COLUMNS = 1600
"""As many columns as a wide screen gives a series."""


def thin(
    time: NDArray[np.datetime64],
    value: NDArray[np.floating],
    start: np.datetime64,
    end: np.datetime64,
    columns: int = COLUMNS,
) -> NDArray[np.intp]:
    """Indices of the points to draw of a series between two times, so that its picture stays the same.

    Parameters
    ----------
    time, value
        (n,) ascending times and values; NaN is a gap.
    columns
        Pixel columns; a series of at most four points a column is kept whole.

    Returns
    -------
    array
        Ascending indices: the extremes of each column, the first NaN of each gap, and one point beyond either end so
        that a line runs out of the picture.
    """
    first, last = np.searchsorted(time, [start, end])
    inside = np.arange(max(int(first) - 1, 0), min(int(last) + 2, len(time)))
    if len(inside) <= 4 * columns:
        return inside
    clock, v = time[inside].astype("datetime64[ms]").astype(np.float64), np.asarray(value, np.float64)[inside]
    column = np.minimum((clock - clock[0]) / (clock[-1] - clock[0]) * columns, columns - 1).astype(np.int64)
    missing = np.isnan(v)
    order = np.lexsort((v, column))
    order = order[~missing[order]]
    gaps = np.flatnonzero(missing & ~np.append(False, missing[:-1]))
    if not len(order):
        return inside[[0, -1]]
    begins = np.flatnonzero(np.diff(column[order], prepend=-1))
    lowest = order[begins]
    highest = order[np.append(begins[1:], len(order)) - 1]
    kept = np.unique(np.concatenate([[0], lowest, highest, gaps, [len(inside) - 1]]))
    return np.asarray(inside[kept])
