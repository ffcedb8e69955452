"""A forest walked tree by tree: the nodes of one tree stay in the cache while a block of samples goes through it."""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone

Array = NDArray[Any]

_BLOCK: Final = 2048


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
    for root in roots:
        for row in range(len(x)):
            node = root
            while nodes[node, 0] >= 0:
                node = nodes[node, 1] + (x[row, nodes[node, 0]] > numbers[node])
            total[row] += numbers[node]
    for row in range(len(x)):
        out[row] = total[row] / len(roots)
