"""Two products on one grid: which cells and steps they share, their difference, and how well they agree there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.errors import GridMismatch
from smcore.grids import Grid, wrap_longitude

Ints = NDArray[np.int64]
_SAME_CELL_DEG = 4  # decimals: 11 m, far below any cell


def same_cells(one: Grid, other: Grid) -> bool:
    """Whether two grids are cuts of one: rows of an EASE grid grow higher polewards, so its name is what tells."""
    return one.name == other.name and bool(one.is_ease or np.allclose(one.step, other.step, rtol=1e-4))


def share_a_turn(one: Grid, other: Grid) -> bool:
    """Whether two cuts of a grid number their common longitudes alike: a cut across the dateline goes on past 180°."""
    raw = _shared(one.lon, other.lon)
    first, second = (np.round(wrap_longitude(grid.lon), _SAME_CELL_DEG) for grid in (one, other))
    turned = np.intersect1d(first, second)
    return len(turned) == (0 if raw is None else raw[0].stop - raw[0].start)


def common_cells(product: Grid, reference: Grid) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Rows and columns, in each of two cuts of one grid, of the cells that both have.

    Raises
    ------
    GridMismatch
        If they are on different grids, or share no cell.
    """
    if not same_cells(product, reference):
        raise GridMismatch(
            f"One is on the grid {named(product)}, the other on {named(reference)}",
            hint="they must be on one grid; Minus takes products on two",
        )
    if not share_a_turn(product, reference):
        raise GridMismatch(
            "One of them lies across the dateline", hint="subtract them with Minus, which goes by places"
        )
    rows, columns = _shared(product.lat, reference.lat), _shared(product.lon, reference.lon)
    if rows is None or columns is None:
        raise GridMismatch("The two share no cell", hint="choose results of windows that overlap")
    return (rows[0], columns[0]), (rows[1], columns[1])


def named(grid: Grid) -> str:
    """A grid as a reader knows it: its EASE name, or its step."""
    return grid.name if grid.is_ease else f"{grid.step[0]:.3g}°"


def _shared(one: ArrayLike, other: ArrayLike) -> tuple[slice, slice] | None:
    """The stretch of two axes with the same centres; None where there is none."""
    mine, theirs = (np.round(np.asarray(axis, np.float64), _SAME_CELL_DEG) for axis in (one, other))
    _, first, second = np.intersect1d(mine, theirs, return_indices=True)
    if not len(first):
        return None
    return slice(int(first.min()), int(first.max()) + 1), slice(int(second.min()), int(second.max()) + 1)


def matching_steps(product: ArrayLike, reference: ArrayLike) -> Ints:
    """For each time of the product, the reference's nearest: index (n,), −1 where none is nearer than half a step.

    Half a step of whichever has the shorter one, between a quarter of an hour and half a day.
    """
    one, other = (np.asarray(t, "datetime64[s]").astype(np.int64) for t in (product, reference))
    if not len(other):
        return np.full(len(one), -1, np.int64)
    after = np.clip(np.searchsorted(other, one), 0, len(other) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(other[before] - one) < np.abs(other[after] - one), before, after)
    steps = [int(np.median(np.diff(t))) for t in (one, other) if len(t) > 1]
    most = np.clip(min(steps, default=86_400) // 2, 900, 43_200)
    return np.where(np.abs(other[nearest] - one) <= most, nearest, -1).astype(np.int64)


@dataclass
class Agreement:
    """Sums over pairs (product, reference), from which R, bias and RMSD follow; float64, NaN in either is no pair."""

    n: int = 0
    _sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(5))

    def add(self, product: ArrayLike, reference: ArrayLike) -> None:
        """Take in the pairs of two arrays of one shape."""
        x, y = np.asarray(product, np.float64).ravel(), np.asarray(reference, np.float64).ravel()
        both = np.isfinite(x) & np.isfinite(y)
        x, y = x[both], y[both]
        self.n += len(x)
        self._sums += [x.sum(), y.sum(), x @ x, y @ y, x @ y]

    @property
    def bias(self) -> float:
        """Mean of product − reference."""
        return float((self._sums[0] - self._sums[1]) / self.n) if self.n else float("nan")

    @property
    def rmsd(self) -> float:
        """Root of the mean square of product − reference."""
        _, _, xx, yy, xy = self._sums
        return float(np.sqrt(max(xx + yy - 2 * xy, 0.0) / self.n)) if self.n else float("nan")

    @property
    def pearson_r(self) -> float:
        """Pearson's correlation over all pairs; NaN where one side does not vary."""
        x, y, xx, yy, xy = self._sums
        if self.n < 2:
            return float("nan")
        spread = np.array([xx - x * x / self.n, yy - y * y / self.n])
        small = 1e-12 * np.array([xx, yy])
        return float((xy - x * y / self.n) / np.sqrt(spread.prod())) if (spread > small).all() else float("nan")
