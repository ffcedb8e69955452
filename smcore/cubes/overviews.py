"""Overviews of a map: each level halves rows and columns, with the mean of the valid cells and their share.

Sums and counts go from level to level, so that every level is the exact mean over the base cells below it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 512
"""A map whose longer side has at most so many cells needs no (further) overview."""


def level_shapes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """(rows, columns) of the base and of each overview."""
    shapes = [shape]
    while max(shapes[-1]) > LONGEST:
        rows, columns = shapes[-1]
        shapes.append((-(-rows // 2), -(-columns // 2)))
    return shapes


def overviews(values: NDArray[Any], count: int) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """``count`` overviews of a map (y, x), NaN where missing.

    Returns
    -------
    list of (mean, share)
        The mean of the valid cells, in the unit of ``values``, NaN where there are none; and their share of all cells
        that exist there, in 1/255, rounded, but 0 only where there are none. At the far edges a block is narrower.
    """
    valid = np.isfinite(values)
    sums = np.where(valid, values, 0.0).astype(np.float64)
    valid_counts = valid.astype(np.float64)
    cells = (np.ones(values.shape[0]), np.ones(values.shape[1]))
    found = []
    for _ in range(count):
        sums, valid_counts = _halve(sums), _halve(valid_counts)
        cells = (_halve(cells[0][:, None])[:, 0], _halve(cells[1][None, :])[0])
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (sums / valid_counts).astype(np.float32)
        exact = 255.0 * valid_counts / (cells[0][:, None] * cells[1][None, :])
        share = np.maximum(np.rint(exact), valid_counts > 0)
        found.append((mean, share.astype(np.uint8)))
    return found


def _halve(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum blocks of 2 × 2; the last row or column of an odd number stays alone."""
    rows = values[0::2].copy()
    rows[: len(values) // 2] += values[1::2]
    both = rows[:, 0::2].copy()
    both[:, : values.shape[1] // 2] += rows[:, 1::2]
    return both
