"""Tiles of a rectangle: cut on a lattice that the whole grid shares, pasted back, and drawn at random for training.

A lattice begins at the grid's own corner, not at the rectangle's, so a cell lies in the same tiles whichever window is
read. A tile may reach beyond the rectangle; what lies outside is missing (NaN). Numpy only: fancy indices touch no more
of a memory-mapped array than the tiles themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.arrays import Floats, Inputs

Indices = NDArray[np.int64]
_DRAWS = 30  # candidates for each wanted crop before the best of them must do


@dataclass(frozen=True, eq=False)
class Rectangle:
    """Inputs seen as maps (views): ``dynamic`` (T, H, W, D), ``static`` (H, W, S), ``observed`` (T, H, W) or None."""

    dynamic: Floats
    static: Floats
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    observed: Floats | None = None


def rectangle(inputs: Inputs) -> Rectangle:
    """The maps of ``inputs``, without copying.

    Raises
    ------
    ModelError
        If the locations are no rectangle.
    """
    if inputs.shape is None:
        raise ModelError("A model that looks at neighbours needs the cells of a rectangle, not loose locations")
    steps, (height, width) = len(inputs.time), inputs.shape
    return Rectangle(
        inputs.dynamic.reshape(steps, height, width, inputs.dynamic.shape[-1]),
        inputs.static.reshape(height, width, inputs.static.shape[-1]),
        inputs.lat.reshape(height, width),
        inputs.lon.reshape(height, width),
        None if inputs.observed is None else inputs.observed.reshape(steps, height, width),
    )


def kept_of(inputs: Inputs) -> tuple[slice, slice]:
    """Rows and columns of a rectangle that an answer is wanted for."""
    assert inputs.shape is not None
    return inputs.kept or (slice(0, inputs.shape[0]), slice(0, inputs.shape[1]))


@dataclass(frozen=True, eq=False)
class Tiles:
    """K tiles of one size in a rectangle.

    Parameters
    ----------
    rows, columns
        (K,) first row and column inside the rectangle; negative, or too near its end, where a tile reaches outside.
    size
        Height and width of a tile.
    shape
        Height and width of the rectangle.
    wraps
        Whether the rectangle's last column is the neighbour of its first.
    """

    rows: Indices
    columns: Indices
    size: tuple[int, int]
    shape: tuple[int, int]
    wraps: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def pick(self, chosen: NDArray[Any]) -> Tiles:
        """These tiles only, by number (a number may come twice) or by mask."""
        return replace(self, rows=self.rows[chosen], columns=self.columns[chosen])

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(K,) whether no part of a tile lies outside the rectangle."""
        inside = (self.rows >= 0) & (self.rows + self.size[0] <= self.shape[0])
        if self.wraps:
            return inside
        return inside & (self.columns >= 0) & (self.columns + self.size[1] <= self.shape[1])

    def cells(self) -> tuple[Indices, NDArray[np.bool_]]:
        """(K, h, w) number of each cell, row by row (0 outside), and whether it lies inside the rectangle."""
        rows = self.rows[:, None, None] + np.arange(self.size[0])[:, None]
        columns = self.columns[:, None, None] + np.arange(self.size[1])
        if self.wraps:
            columns = columns % self.shape[1]
        inside = (rows >= 0) & (rows < self.shape[0]) & (columns >= 0) & (columns < self.shape[1])
        return np.where(inside, rows * self.shape[1] + columns, 0), inside


def tiles_on_lattice(
    shape: tuple[int, int],
    size: tuple[int, int],
    *,
    origin: tuple[int, int] = (0, 0),
    offset: tuple[int, int] = (0, 0),
    stride: tuple[int, int] | None = None,
    wraps: bool = False,
) -> Tiles:
    """Every tile that touches a rectangle, row by row, on a lattice anchored to the whole grid.

    Parameters
    ----------
    shape, origin, wraps
        Of the rectangle, as in :class:`smcore.models.arrays.Inputs`.
    size
        Height and width of a tile.
    offset
        Row and column, on the whole grid, of one tile's first cell.
    stride
        Distance of neighbouring tiles; None: the size, tiles side by side.

    Notes
    -----
    Round the globe the lattice closes only if the stride divides the number of columns (as 8 does on EASE 9 and 36 km);
    else the tiles at the seam overlap.
    """
    stride = size if stride is None else stride
    starts = []
    for axis in (0, 1):
        first, step = offset[axis] - origin[axis], stride[axis]
        around = wraps and axis == 1
        lowest = 0 if around else 1 - size[axis]
        start = first + -((first - lowest) // step) * step
        starts.append(np.arange(start, shape[axis], step, dtype=np.int64))
    rows, columns = np.meshgrid(*starts, indexing="ij")
    return Tiles(rows.ravel(), columns.ravel(), size, shape, wraps)


def cut(values: NDArray[Any], tiles: Tiles, steps: Indices | None = None) -> NDArray[Any]:
    """Tiles out of maps.

    Parameters
    ----------
    values
        (H, W, …) without ``steps``, else (T, H, W, …).
    steps
        (K,) or (K, L) the step or steps of each tile; −1 stands for a missing one.

    Returns
    -------
    numpy.ndarray
        (K, h, w, …), (K, h, w, …) or (K, L, h, w, …) copies; NaN (False, 0) outside the rectangle and at missing steps.
    """
    at = 0 if steps is None else 1
    area = values.shape[at] * values.shape[at + 1]  # said, not left open: there may be no channel at all
    flat = values.reshape(*values.shape[:at], area, *values.shape[at + 2 :])
    cells, inside = tiles.cells()
    if steps is None:
        result, present = flat[cells], inside
    else:
        if steps.ndim == 2:
            cells, inside = cells[:, None], inside[:, None]
        own = steps[..., None, None]
        result, present = flat[np.maximum(own, 0), cells], inside & (own >= 0)
    if not present.all():
        result[~np.broadcast_to(present, result.shape[: present.ndim])] = _nothing(result.dtype)
    return np.asarray(result)


def _nothing(dtype: np.dtype[Any]) -> Any:
    return np.nan if dtype.kind == "f" else dtype.type(0)


class Mosaic:
    """Weighted nan-mean of tiles pasted onto maps of (T, H, W); tiles may overlap, NaN add nothing."""

    def __init__(self, steps: int, shape: tuple[int, int]) -> None:
        self.shape = (steps, *shape)
        self._total = np.zeros(steps * shape[0] * shape[1], np.float32)
        self._weight = np.zeros_like(self._total)

    def paste(self, tiles: Tiles, values: Floats, steps: Indices, weight: Floats | None = None) -> None:
        """Add ``values`` (K, h, w) at ``steps`` (K,), each cell with ``weight`` (h, w), by default 1."""
        cells, inside = tiles.cells()
        index = steps[:, None, None] * (self.shape[1] * self.shape[2]) + cells
        good = inside & np.isfinite(values)
        share = np.broadcast_to(np.float32(1) if weight is None else weight.astype(np.float32), values.shape)[good]
        np.add.at(self._total, index[good], share * values[good])
        np.add.at(self._weight, index[good], share)

    def mean(self) -> Floats:
        """(T, H, W) float32, NaN where nothing was pasted."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self._weight > 0, self._total / self._weight, np.nan).reshape(self.shape)


def steps_before(time: NDArray[np.datetime64], count: int, step: np.timedelta64) -> Indices:
    """For each of T steps its own number and those of the ``count`` steps before it: (T, 1 + count), own one first.

    −1 where that time is not there, before the beginning or in a gap.
    """
    time = time.astype("datetime64[ns]")
    wanted = time[:, None] - np.arange(count + 1) * step.astype("timedelta64[ns]")
    found = np.searchsorted(time, wanted)
    return np.where(time[np.minimum(found, len(time) - 1)] == wanted, found, -1)


def draw_crops(
    valid: NDArray[np.bool_],
    size: tuple[int, int],
    count: int,
    rng: np.random.Generator,
    *,
    steps: Indices | None = None,
    least: float = 0.1,
) -> tuple[Tiles, Indices]:
    """Random crops that lie whole in the rectangle and hold enough valid targets.

    Parameters
    ----------
    valid
        (T, H, W) where there is a target.
    size
        Height and width of a crop; never more than the rectangle has.
    steps
        Steps to draw from; None: all.
    least
        Smallest share of valid cells. If too few crops have it, the fullest of those drawn stand in.

    Returns
    -------
    Tiles, numpy.ndarray
        At most ``count`` crops and the step of each; none of them is without a valid target.

    Raises
    ------
    ModelError
        If none of the crops drawn has any valid target.
    """
    size = (min(size[0], valid.shape[1]), min(size[1], valid.shape[2]))
    steps = np.arange(len(valid)) if steps is None else steps
    found: list[tuple[float, int, int, int]] = []
    enough = 0
    for share, step, row, column in _random_crops(valid, size, steps, rng, _DRAWS * count):
        if share > 0:
            found.append((min(share, least), step, row, column))
            enough += share >= least
        if enough == count:
            break
    if not found:
        raise ModelError("No crop of the training area holds a valid target", hint="check period, box and split")
    best = sorted(range(len(found)), key=lambda k: -found[k][0])[:count]  # stable: those with enough in drawn order
    chosen = np.array([found[k][1:] for k in best], np.int64)
    return Tiles(chosen[:, 1], chosen[:, 2], size, valid.shape[1:]), chosen[:, 0]


def _random_crops(
    valid: NDArray[np.bool_], size: tuple[int, int], steps: Indices, rng: np.random.Generator, count: int
) -> Iterator[tuple[float, int, int, int]]:
    """Share of valid cells, step, row and column of one random crop after the other."""
    for _ in range(count):
        step = int(steps[rng.integers(len(steps))])
        row, column = (int(rng.integers(have - want + 1)) for have, want in zip(valid.shape[1:], size, strict=True))
        yield float(valid[step, row : row + size[0], column : column + size[1]].mean()), step, row, column
