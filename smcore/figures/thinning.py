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
    most: int = 4,
) -> NDArray[np.intp]:
    """Indices of the points to draw of a series between two times, so that its picture stays the same.

    Parameters
    ----------
    time, value
        (n,) ascending times and values; NaN is a gap.
    columns
        Pixel columns.
    most
        A series of at most so many points a column is kept whole: 4 for one that is drawn with its points, 2 for a
        line, which looks the same from then on.

    Returns
    -------
    array
        Ascending indices: the extremes of each column, the first NaN of each gap, and one point beyond either end so
        that a line runs out of the picture.
    """
    first, last = np.searchsorted(time, [start, end])
    inside = np.arange(max(int(first) - 1, 0), min(int(last) + 2, len(time)))
    if len(inside) <= most * columns:
        return inside
    clock, v = time[inside].astype("datetime64[ms]").astype(np.float64), np.asarray(value, np.float64)[inside]
    column = np.minimum((clock - clock[0]) / (clock[-1] - clock[0]) * columns, columns - 1).astype(np.int64)
    missing = np.isnan(v)
    gaps = np.flatnonzero(missing & ~np.append(False, missing[:-1]))
    known = np.flatnonzero(~missing)
    if not len(known):
        return inside[[0, -1]]
    ends = _extremes(v[known], np.flatnonzero(np.diff(column[known], prepend=-1)))
    kept = np.unique(np.concatenate([[0], known[ends], gaps, [len(inside) - 1]]))
    return np.asarray(inside[kept])


def _extremes(v: NDArray[np.float64], begins: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the lowest and highest value of each run lie, which begin at ``begins``: first and last of equals."""
    count = np.diff(begins, append=len(v))
    low = np.flatnonzero(v == np.repeat(np.minimum.reduceat(v, begins), count))
    high = np.flatnonzero(v == np.repeat(np.maximum.reduceat(v, begins), count))
    first = low[np.searchsorted(low, begins)]
    last = high[np.searchsorted(high, begins + count, side="left") - 1]
    return np.concatenate([first, last])
