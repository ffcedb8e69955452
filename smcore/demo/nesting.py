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


def interpolate(coarse: Values, side: int) -> Values:
    """Bilinear course between the centres of coarse cells, on the fine cells of all but the outermost ring."""
    rows, columns = coarse.shape
    row, next_row, row_weight = _between(rows, side)
    column, next_column, column_weight = _between(columns, side)
    lines = coarse[row] * (1 - row_weight)[:, None] + coarse[next_row] * row_weight[:, None]
    return lines[:, column] * (1 - column_weight) + lines[:, next_column] * column_weight


def _between(count: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For each fine cell inside the outer ring: its coarse cell, the neighbour it leans to, and how far."""
    fine = np.arange((count - 2) * side)
    offset = (fine % side + 0.5) / side - 0.5
    own = fine // side + 1
    return own, np.where(offset < 0, own - 1, own + 1), np.abs(offset).astype(np.float32)


RAIN_RING, _ROUNDS = 3, 2
_DRY = np.float32(0.03)  # mm in half a day; keeps the logarithm finite


def refine_rain(coarse: Values, texture: Values, side: int) -> Values:
    """Rain with fine texture, smooth across coarse cells, whose mean over each coarse cell is the coarse rain.

    Logarithms are interpolated, so that rain fades out towards a dry cell. The levels between which the course runs
    are corrected twice by what the means came out as; a last factor makes them exact.

    Parameters
    ----------
    coarse : ndarray (rows + 6, columns + 6)
        Rain [mm] with `RAIN_RING` cells around those wanted.
    texture : ndarray ((rows + 4) * side, (columns + 4) * side)
        Positive factors with one ring less around.

    Returns
    -------
    ndarray (rows * side, columns * side)
    """
    level = coarse.copy()
    inside = coarse[1:-1, 1:-1]
    for number in range(_ROUNDS + 1):
        fine = np.maximum(np.exp(interpolate(np.log(level + _DRY), side)) - _DRY, 0) * texture
        mean = block_sum(fine, side) / side**2
        factor = (inside / np.maximum(mean, 1e-4)).astype(np.float32)
        if number < _ROUNDS:
            level[1:-1, 1:-1] *= np.clip(factor, 0.4, 2.5)
    fine = fine * spread(factor, side)
    # Where all has faded away in a wet cell, spread its rain evenly.
    lost = (mean <= 1e-4) & (inside > 0)
    fine = fine * spread(~lost, side) + spread(np.where(lost, inside, np.float32(0)), side)
    edge = (RAIN_RING - 1) * side
    return np.ascontiguousarray(fine[edge:-edge, edge:-edge])


def block_sum(fine: Values, side: int) -> Floats:
    """Sum over blocks of `side` x `side` cells, in a fixed order."""
    total = np.zeros((fine.shape[0] // side, fine.shape[1] // side))
    for i in range(side):
        for j in range(side):
            total += fine[i::side, j::side]
    return total


def fit_to_coarse(fine: Values, coarse: Values, land: Mask, low: Values, high: Values, side: int) -> Values:
    """Shift `fine` smoothly so that its mean over the land of each block is `coarse`, inside the bounds of every cell.

    What the means lack is interpolated between blocks, so that no edges show; a small last shift of each block makes
    them exact. Where a value would leave [low, high], the block's detail is shrunk towards the coarse value until all
    fit, which keeps the mean. Blocks whose coarse value is NaN (sea at the coarse grid) get the smooth shift only. The
    outermost ring of blocks lacks neighbours: what is kept must not depend on it.

    Parameters
    ----------
    fine, low, high : ndarray (rows, columns)
        Detailed field and its bounds; NaN outside land.
    coarse : ndarray (rows / side, columns / side)
        The mean wanted.
    """
    lacking = np.nan_to_num(coarse - mean_of_land(fine, land, side))
    smooth = np.clip(fine + interpolate(np.pad(lacking, 1, mode="edge"), side), low, high)
    mean = mean_of_land(smooth, land, side)
    known = np.isfinite(mean) & np.isfinite(coarse)
    target = spread(np.where(known, coarse, np.float32(0)), side).astype(np.float64)
    inside = land & spread(known, side)
    detail = np.where(inside, smooth - spread(np.where(known, mean, 0), side), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(detail > 0, (high - target) / detail, np.where(detail < 0, (low - target) / detail, 1.0))
    room = np.clip(np.where(inside, room, 1.0), 0.0, 1.0)
    shrink = np.ones(known.shape)
    for i in range(side):
        for j in range(side):
            shrink = np.minimum(shrink, room[i::side, j::side])
    fitted = target + detail * spread(shrink, side)
    return np.where(inside, fitted, smooth).astype(np.float32)


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
