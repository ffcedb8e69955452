"""Sums over pairs that tell how pairs depend on each other in time; see the kernels of the same name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.times import DAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def row_sums(product: ArrayLike, reference: ArrayLike, time: ArrayLike) -> Floats:
    """Sums of pairs given location by location.

    Parameters
    ----------
    product, reference
        Arrays (location, pair); NaN or infinite where there is no pair.
    time
        Times [µs, UTC] (location, pair), any order; where there is no pair any number.

    Returns
    -------
    Array (location, :data:`smcore.validation.kernels.dependence.FIELDS`).

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    from smcore.validation.kernels.dependence import FIELDS, parts_of_year
    from smcore.validation.kernels.lattice import add_rows

    x, y = (np.ascontiguousarray(a, dtype=np.float64) for a in (product, reference))
    t = np.ascontiguousarray(time, dtype=np.int64)
    if x.ndim != 2 or x.shape != y.shape or x.shape != t.shape:
        raise ValueError(f"product {x.shape}, reference {y.shape} and time {t.shape} are no pairs (location, pair)")
    sums = np.zeros((len(x), FIELDS))
    both = np.isfinite(x) & np.isfinite(y)
    if not both.any():
        return sums
    x, y, t = _in_order(x, y, t, both)
    first, last = int(t[both].min() // DAY) - 1, int(t[both].max() // DAY) + 1
    add_rows(*map(_read_only, (x, y, t)), first, _read_only(parts_of_year(first, last)), sums)
    return sums


def _in_order(x: Floats, y: Floats, t: Ints, both: NDArray[np.bool_]) -> tuple[Floats, Floats, Ints]:
    """Sort rows whose pairs are not in order of time; pairs of one time keep theirs."""
    latest = np.maximum.accumulate(np.where(both, t, np.iinfo(np.int64).min), axis=1)
    jumbled = ((t < latest) & both).any(axis=1)
    if not jumbled.any():
        return x, y, t
    x, y, t = x.copy(), y.copy(), t.copy()
    for row in np.flatnonzero(jumbled):
        order = np.argsort(t[row], kind="stable")
        x[row], y[row], t[row] = x[row, order], y[row, order], t[row, order]
    both[:] = np.isfinite(x) & np.isfinite(y)
    return x, y, t


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view; always, since numba compiles once more for arrays that are not."""
    view = array.view()
    view.flags.writeable = False
    return view
