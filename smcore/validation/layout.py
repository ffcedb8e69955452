"""Pairs laid out for compiled loops: contiguous, of one type, time-major or location by location."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Layout:
    """Pairs of some locations as two read-only C-contiguous arrays, both float32 or both float64.

    ``by_location`` tells arrays (location, pair) from time-major ones (time, location); ``shape`` is that of the
    locations.
    """

    product: NDArray[Any]
    reference: NDArray[Any]
    by_location: bool
    shape: tuple[int, ...]


def lay_out(product: ArrayLike, reference: ArrayLike, axis: int) -> Layout:
    """Lay out pairs along ``axis`` without a copy where memory allows: see :func:`smcore.validation.moments.moments`.

    Raises
    ------
    ValueError
        If the shapes differ or ``axis`` is not one of them.
    """
    x, y = _numbers(product, reference)
    if x.shape != y.shape or not x.ndim:
        raise ValueError(f"product {x.shape} and reference {y.shape} are no pairs of one shape")
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"pairs of shape {x.shape} have no axis {axis}")
    shape = tuple(size for i, size in enumerate(x.shape) if i != axis % x.ndim)
    length, count = x.shape[axis], int(np.prod(shape))
    if axis % x.ndim == 0 and x.ndim > 1 and not _is_transposed(x, y):
        return Layout(_matrix(x, length, count), _matrix(y, length, count), by_location=False, shape=shape)
    x, y = (_matrix(np.moveaxis(a, axis, -1), count, length) for a in (x, y))
    return Layout(x, y, by_location=True, shape=shape)


def _numbers(product: ArrayLike, reference: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as float32 if both are, else as float64: two kinds of loops to compile and no third."""
    x, y = np.asarray(product), np.asarray(reference)
    single = all(array.dtype.kind == "f" and array.dtype.itemsize == 4 for array in (x, y))
    dtype = np.float32 if single else np.float64
    return x.astype(dtype, copy=False), y.astype(dtype, copy=False)


def _is_transposed(x: NDArray[Any], y: NDArray[Any]) -> bool:
    """Whether both lie location by location in memory, so that reading along rows needs no copy."""
    return x.ndim == 2 and x.T.flags.c_contiguous and y.T.flags.c_contiguous


def _matrix(array: NDArray[Any], *shape: int) -> NDArray[Any]:
    """A contiguous view; read-only always, since numba compiles once more for arrays that are not."""
    matrix = np.ascontiguousarray(array).reshape(shape).view()
    matrix.flags.writeable = False
    return matrix
