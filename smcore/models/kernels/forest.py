"""A forest walked tree by tree: the nodes of one tree stay in the cache while a block of samples goes through it."""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone

Array = NDArray[Any]

_BLOCK: Final = 2048
_ABREAST: Final = 32


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def walk(x: Array, roots: Array, nodes: Array, numbers: Array, out: Array) -> None:
    """Mean over the trees for each row of ``x`` (R, F), into ``out`` (R,).

    ``nodes`` hold feature (−1: a leaf) and left child, the right one being the next; a sample whose feature is not
    above the node's number goes left. Sums are float64.
    """
    for block in numba.prange((len(x) + _BLOCK - 1) // _BLOCK):
        first, last = block * _BLOCK, min((block + 1) * _BLOCK, len(x))
        _walk_block(x[first:last], roots, nodes, numbers, out[first:last])


@numba.njit(nogil=True, cache=True)
def _walk_block(x: Array, roots: Array, nodes: Array, numbers: Array, out: Array) -> None:
    total = np.zeros(len(x))
    at = np.empty(_ABREAST, np.int64)
    for root in roots:
        for first in range(0, len(x), _ABREAST):
            count = min(_ABREAST, len(x) - first)
            _descend(x[first : first + count], root, nodes, numbers, at)
            for row in range(count):
                total[first + row] += numbers[at[row]]
    for row in range(len(x)):
        out[row] = total[row] / len(roots)


@numba.njit(nogil=True, cache=True)
def _descend(x: Array, root: int, nodes: Array, numbers: Array, at: Array) -> None:
    """Leaves of a few samples, which go down one step each in turn: their reads don't wait for each other."""
    at[:] = root
    moving = True
    while moving:
        moving = False
        for row in range(len(x)):
            feature = nodes[at[row], 0]
            inner = feature >= 0
            step = nodes[at[row], 1] + (x[row, feature if inner else 0] > numbers[at[row]])
            at[row] = step if inner else at[row]
            moving |= inner
