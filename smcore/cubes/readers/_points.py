"""Lists of observations put on a grid: which step each one goes to, so that none is averaged or lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def occurrence(cells: NDArray[np.int64], valid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many observations of the same cell come before each one: (n,), valid ones first, else in file order."""
    order = np.lexsort((np.arange(len(cells)), ~valid, cells))
    ordered = cells[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(cells) else np.zeros(0, bool)
    start = np.maximum.accumulate(np.where(first, np.arange(len(cells)), 0))
    rank = np.empty(len(cells), np.int64)
    rank[order] = np.arange(len(cells)) - start
    return rank


def scatter(
    values: NDArray[Any], cells: NDArray[np.int64], chosen: NDArray[np.bool_], empty: NDArray[Any]
) -> NDArray[Any]:
    """Put the ``chosen`` values into the flat ``cells`` of a copy of the map ``empty``."""
    result = empty.copy()
    result.reshape(-1)[cells[chosen]] = values[chosen]
    return result
