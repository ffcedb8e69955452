"""How full each step of a product is: the share of its cells with a value, read from the coarsest overview."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_STEPS = 1500
"""Steps that are read at most; of longer products every k-th is."""

BATCH = 64
_DENSE = 4  # steps apart up to which a run of steps is read in one go


@dataclass(frozen=True)
class Availability:
    """The share of a product's cells that have a value, by step.

    Attributes
    ----------
    steps : ndarray (n,) int
        Which steps were looked at; those between them were not.
    share : ndarray (n,) float64, 0…1
        Valid cells of a step over the cells that have a value at any of these steps, which leaves out the sea; NaN
        for steps that are not read yet. At an overview level the latter are counted where they were most in one step,
        so that a share may be a little too high where swaths cut overview cells, never too low.
    every : int
        1 where each step was looked at, k where each k-th was.
    """

    steps: NDArray[np.int64]
    share: NDArray[np.float64]
    every: int

    @property
    def is_whole(self) -> bool:
        """Whether all these steps are read."""
        return not np.isnan(self.share).any()


def availability(store: Any, variable: str, most: int = MOST_STEPS) -> Iterator[Availability]:
    """Read a product's steps, and say after each batch what is known so far; the last one is whole.

    Parameters
    ----------
    store
        A prepared cube or pixel set with steps.
    variable
        A quantity with steps.
    """
    every = max(1, -(-len(store.time) // most))
    steps = np.arange(0, len(store.time), every)
    cells = _cells(store)
    counts, fullest = np.full(len(steps), np.nan), np.zeros(cells.shape)
    for start in range(0, len(steps), BATCH):
        batch = slice(start, start + BATCH)
        valid = _valid(store, variable, steps[batch]) * cells
        counts[batch] = valid.sum(axis=tuple(range(1, valid.ndim)))
        fullest = np.maximum(fullest, valid.max(axis=0))
        ever = fullest.sum()
        yield Availability(steps, counts / ever if ever else np.where(np.isnan(counts), np.nan, 0.0), every)


def _cells(store: Any) -> NDArray[np.float64]:
    """Base cells below each cell of the coarsest level; one each for the places of a pixel set."""
    if store.layout == "pixels":
        return np.ones(len(store.coords["lat"]))
    side = 2 ** (len(store.levels) - 1)
    down, across = (
        np.minimum(side, whole - side * np.arange(-(-whole // side))).astype(np.float64) for whole in store.levels[0]
    )
    cells: NDArray[np.float64] = down[:, None] * across[None, :]
    return cells


def _valid(store: Any, variable: str, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Valid share of each cell of the coarsest level: (step, y, x), or (step, place) of a pixel set."""
    valid: Any
    if store.layout == "pixels":
        valid = np.isfinite(store.read_values(variable)[:, steps].T)
    elif level := len(store.levels) - 1:
        valid = np.stack([store.read_share(variable, int(step), level) for step in steps])
    elif len(steps) > 1 and steps[1] - steps[0] <= _DENSE:
        valid = np.isfinite(store.read_block(variable, slice(int(steps[0]), int(steps[-1]) + 1))[steps - steps[0]])
    else:
        valid = np.stack([np.isfinite(store.read_map(variable, int(step))) for step in steps])
    return np.asarray(valid, np.float64)
