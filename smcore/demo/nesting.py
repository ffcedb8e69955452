"""Fine grids inside coarse ones: detail that leaves every coarse cell's mean as it is, and transfer between grids.

All sums run cell by cell in a fixed order, so that a crop gives the same bits as the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.demo.noise import Floats, Values
from smcore.grids import Grid

Mask = NDArray[np.bool_]


def spread(coarse: NDArray[Any], side: int) -> NDArray[Any]:
    """Repeat every coarse cell over its `side` x `side` fine cells; the last two axes are rows and columns."""
    return np.repeat(np.repeat(coarse, side, axis=-2), side, axis=-1)


def mean_of_land(fine: Values, land: Mask, side: int) -> Floats:
    """Mean over the land cells of each block of `side` x `side`: float64, NaN where a block has no land."""
    rows, columns = land.shape[0] // side, land.shape[1] // side
    total, count = np.zeros((rows, columns)), np.zeros((rows, columns))
    values = np.where(land, fine, 0).astype(np.float64)
    for i in range(side):
        for j in range(side):
            total += values[i::side, j::side]
            count += land[i::side, j::side]
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def keep_mean_of_positive(fine: Values, coarse: Values, side: int) -> Values:
    """Scale a field that is never negative so that the mean of each block is the coarse value.

    Where the fine field is zero all over a block that should not be, the coarse value is taken for each cell.
    """
    mean = mean_of_land(fine, np.ones(fine.shape, dtype=bool), side)
    dry = mean <= 1e-6
    factor = np.where(dry, 0, coarse / np.where(dry, 1, mean)).astype(np.float32)
    return fine * spread(factor, side) + spread(np.where(dry, coarse, np.float32(0)), side)


def fit_to_coarse(fine: Values, coarse: Values, land: Mask, low: Values, high: Values, side: int) -> Values:
    """Shift each block of `fine` so that its mean over land is `coarse`, inside the bounds of every cell.

    Where a shifted value would leave [low, high], the block's detail is shrunk towards the coarse value until all
    fit, which keeps the mean. Blocks whose coarse value is NaN (sea at the coarse grid) are left as they are.

    Parameters
    ----------
    fine, low, high : ndarray (rows, columns)
        Detailed field and its bounds; NaN outside land.
    coarse : ndarray (rows / side, columns / side)
        The mean wanted.
    """
    mean = mean_of_land(fine, land, side)
    known = np.isfinite(mean) & np.isfinite(coarse)
    target = spread(np.where(known, coarse, np.float32(0)), side).astype(np.float64)
    detail = fine - spread(np.where(known, mean, 0), side)
    inside = land & spread(known, side)
    detail = np.where(inside, detail, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(detail > 0, (high - target) / detail, np.where(detail < 0, (low - target) / detail, 1.0))
    room = np.clip(np.where(inside, room, 1.0), 0.0, 1.0)
    shrink = np.ones(known.shape)
    for i in range(side):
        for j in range(side):
            shrink = np.minimum(shrink, room[i::side, j::side])
    fitted = target + detail * spread(shrink, side)
    return np.where(inside, fitted, fine).astype(np.float32)


@dataclass(frozen=True)
class Transfer:
    """Area-weighted transfer between grids with separable axes; cells without a value don't count.

    Rows and columns are weighted by overlap in degrees of longitude and sine of latitude, hence by true area.
    """

    rows: tuple[NDArray[np.int64], Floats]
    columns: tuple[NDArray[np.int64], Floats]

    @classmethod
    def between(cls, source: Grid, target: Grid) -> Transfer:
        """Overlap weights from `source` cells to `target` cells."""
        south_up = np.sin(np.radians(source.lat_edges)), np.sin(np.radians(target.lat_edges))
        rows = _overlaps(-south_up[0], -south_up[1])
        return cls(rows, _overlaps(source.lon_edges, target.lon_edges))

    def apply(self, values: Values) -> Values:
        """Mean over the source cells under each target cell, NaN where none of them has a value."""
        total = np.zeros((len(self.rows[0]), len(self.columns[0])))
        weight = np.zeros_like(total)
        present = np.isfinite(values)
        filled = np.where(present, values, 0).astype(np.float64)
        for a in range(self.rows[0].shape[1]):
            for b in range(self.columns[0].shape[1]):
                row, column = self.rows[0][:, a], self.columns[0][:, b]
                part = self.rows[1][:, a][:, None] * self.columns[1][:, b][None, :]
                total += part * filled[row][:, column]
                weight += part * present[row][:, column]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(weight > 0, total / weight, np.nan).astype(np.float32)


def _overlaps(source: Floats, target: Floats) -> tuple[NDArray[np.int64], Floats]:
    """For each target interval the source intervals under it and the lengths of overlap; both edges ascend."""
    count = len(source) - 1
    first = np.clip(np.searchsorted(source, target[:-1], side="right") - 1, 0, count - 1)
    last = np.clip(np.searchsorted(source, target[1:], side="left") - 1, 0, count - 1)
    taps = first[:, None] + np.arange(int((last - first).max()) + 1)
    inside = taps <= last[:, None]
    taps = np.clip(taps, 0, count - 1)
    length = np.minimum(source[taps + 1], target[1:, None]) - np.maximum(source[taps], target[:-1, None])
    return taps, np.where(inside, np.clip(length, 0, None), 0.0)
