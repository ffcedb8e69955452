"""A difference or a formula where the view has more cells than can be read at once: of means, or of every k-th cell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smcore.grids import Grid
from smcore.maps import Gather, View, plan

MOST_CELLS = 40_000_000
"""Read at once, of one product: at 1 km a continent, not the globe."""
BAND_CELLS = 8_000_000
TILE = 512
"""Side of a store's tiles: what begins and ends with them reads each once."""
LEAST_SHARE = 0.5
"""Of the cells below a mean that have to be there, as where a finer product is brought to coarser cells; ours."""


def rectangle(top: int, bottom: int, left: int, right: int, level: int = 0) -> Gather:
    """Which rows and columns to read, of a map that is not painted."""
    nowhere = np.empty(0, np.int32)
    return Gather(level, slice(top, bottom), slice(left, right), nowhere, nowhere)


def whole(grid: Grid) -> Gather:
    """All cells of a grid."""
    return rectangle(0, grid.shape[0], 0, grid.shape[1])


def base_cells(gather: Gather, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the grid itself that a gather's blocks lie over."""
    side = 2**gather.level
    rows, columns = (
        slice(span.start * side, min(span.stop * side, length))
        for span, length in zip((gather.rows, gather.columns), shape, strict=True)
    )
    return rows, columns


def planned(grid: Grid, view: View, levels: int) -> Gather:
    """The cells that a view needs; an overview of them where they are too many to be read at once."""
    cells = plan(grid, view)
    count = (cells.rows.stop - cells.rows.start) * (cells.columns.stop - cells.columns.start)
    return plan(grid, view, levels) if count > MOST_CELLS else cells


def sampled(exact: Callable[[Gather], np.ndarray], gather: Gather, shape: tuple[int, int]) -> np.ndarray:
    """Every k-th cell of a field, from the middle of each block of an overview: values as they are, of no mean.

    Parameters
    ----------
    exact
        The field on the cells of a rectangle, (rows, columns).
    gather
        Rows and columns of an overview level, of 2^level × 2^level cells each.
    shape
        Rows and columns of the whole grid.

    Returns
    -------
    ndarray (rows, columns)
        One value for each block of ``gather``. Read in bands of at most ``BAND_CELLS`` cells, if a row has no more.
    """
    side = 2**gather.level
    row, column = (
        np.minimum(np.arange(span.start, span.stop) * side + side // 2, length - 1)
        for span, length in zip((gather.rows, gather.columns), shape, strict=True)
    )
    width = int(column[-1] - column[0]) + 1
    count = max(1, BAND_CELLS // (width * side))
    parts = []
    for start in range(0, len(row), count):
        band = row[start : start + count]
        field = exact(rectangle(int(band[0]), int(band[-1]) + 1, int(column[0]), int(column[-1]) + 1))
        parts.append(field[np.ix_(band - band[0], column - column[0])])
    return np.concatenate(parts)


def aligned(first: slice, second: slice, side: int, lengths: tuple[int, int]) -> tuple[slice, int] | None:
    """Blocks of ``side`` cells wholly in what two products share along an axis, and how far on the second's lie.

    ``first`` and ``second`` are the shared cells in either's own count; ``lengths`` how many each has. None where the
    blocks of the two are not of the same cells.
    """
    shift = second.start - first.start
    if shift % side:
        return None
    ends = first.stop == lengths[0] and second.stop == lengths[1]  # the last block may then have fewer cells, in both
    stop = -(-first.stop // side) if ends else first.stop // side
    return slice(-(-first.start // side), stop), shift // side
