"""Bicubic interpolation of a coarse map, what any viewer can do: the least that a downscaling model must beat.

Cubic convolution with a = −1/2 (Keys, R. G. (1981): IEEE Trans. Acoust. Speech Signal Process. 29, 1153–1160,
doi:10.1109/TASSP.1981.1163711) in the coordinates of the coarse grid; a cell has a value where all sixteen coarse ones
around it have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .frames import Frame

Floats = NDArray[Any]


def kernel(distance: Floats) -> Floats:
    """Keys' weight at a distance in cells."""
    x = np.abs(distance)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def bicubic(values: Floats, row: Floats, column: Floats) -> Floats:
    """Interpolate maps.

    Parameters
    ----------
    values
        (D, R, C), NaN where missing.
    row, column
        (N,) positions in cells; 0 is the centre of the first one.

    Returns
    -------
    array (D, N) float32
        NaN where one of the sixteen values around is missing or outside.
    """
    top, left = np.floor(row).astype(np.int64) - 1, np.floor(column).astype(np.int64) - 1
    total = np.zeros((len(values), len(row)))
    for i in range(4):
        for j in range(4):
            r, c = top + i, left + j
            inside = (r >= 0) & (r < values.shape[1]) & (c >= 0) & (c < values.shape[2])
            weight = kernel(row - r) * kernel(column - c)
            part = values[:, np.clip(r, 0, values.shape[1] - 1), np.clip(c, 0, values.shape[2] - 1)] * weight
            total += np.where(inside, part, np.nan)
    return total.astype(np.float32)


def bicubic_on_frame(frame: Frame) -> Floats:
    """(T, N) the day's coarse map, interpolated to the scored cells."""
    coarse = frame.coarse
    assert coarse is not None
    rows, columns = np.unique(-coarse.lat), np.unique(coarse.lon)
    grid = np.full((len(coarse.days), len(rows), len(columns)), np.nan)
    grid[:, np.searchsorted(rows, -coarse.lat), np.searchsorted(columns, coarse.lon)] = coarse.values
    found = bicubic(grid, _position(rows, -frame.lat), _position(columns, frame.lon))
    steps = np.searchsorted(coarse.days, frame.time.astype("datetime64[D]").astype("datetime64[ns]"))
    return found[steps]


def _position(centres: Floats, wanted: Floats) -> Floats:
    """Position of coordinates among ascending centres, in cells; beyond the ends by the spacing there."""
    at = np.clip(np.searchsorted(centres, wanted) - 1, 0, len(centres) - 2)
    return at + (wanted - centres[at]) / (centres[at + 1] - centres[at])
