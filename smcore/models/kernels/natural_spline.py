"""Natural cubic splines of many locations, each through its own knots: one tridiagonal system (Thomas) a location.

As scipy's ``CubicSpline(bc_type="natural")`` to 1e-6; straight beyond the outer knots, constant with a single one.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def interpolate(days: Doubles, values: NDArray[np.float32]) -> Doubles:
    """Values of the splines at all ``days``.

    Parameters
    ----------
    days
        (T,) ascending.
    values
        (N, T), NaN where there is no knot.

    Returns
    -------
    ndarray (N, T)
        NaN throughout for a location without any knot.
    """
    assert values.shape[1:] == days.shape
    return _interpolate(np.ascontiguousarray(days, np.float64), np.ascontiguousarray(values, np.float64))


@nb.njit(nogil=True, cache=True)
def _interpolate(days, values):  # type: ignore[no-untyped-def]
    rows, steps = values.shape
    result = np.full((rows, steps), np.nan)
    x, y, bend, upper = np.empty(steps), np.empty(steps), np.empty(steps), np.empty(steps)
    for row in range(rows):
        count = 0
        for step in range(steps):
            if np.isfinite(values[row, step]):
                x[count], y[count] = days[step], values[row, step]
                count += 1
        if count == 1:
            result[row] = y[0]
        elif count > 1:
            _bends(x, y, bend, upper, count)
            _evaluate(days, x, y, bend, count, result[row])
    return result


@nb.njit(nogil=True, cache=True)
def _bends(x, y, bend, upper, count):  # type: ignore[no-untyped-def]
    """Second derivatives at the knots, zero at both ends (de Boor 1978, chapter IV)."""
    bend[0], upper[0] = 0.0, 0.0
    for k in range(1, count - 1):
        left, right = x[k] - x[k - 1], x[k + 1] - x[k]
        jump = 6 * ((y[k + 1] - y[k]) / right - (y[k] - y[k - 1]) / left)
        pivot = 2 * (left + right) - left * upper[k - 1]
        upper[k] = right / pivot
        bend[k] = (jump - left * bend[k - 1]) / pivot
    bend[count - 1] = 0.0
    for k in range(count - 2, 0, -1):
        bend[k] -= upper[k] * bend[k + 1]


@nb.njit(nogil=True, cache=True)
def _evaluate(days, x, y, bend, count, result):  # type: ignore[no-untyped-def]
    k = 0
    for step in range(len(days)):
        day = days[step]
        while k < count - 2 and day > x[k + 1]:
            k += 1
        width = x[k + 1] - x[k]
        slope = (y[k + 1] - y[k]) / width
        if day < x[0]:
            result[step] = y[0] + (slope - width * bend[1] / 6) * (day - x[0])
        elif day > x[count - 1]:
            result[step] = y[count - 1] + (slope + width * bend[k] / 6) * (day - x[count - 1])
        else:
            a, b = (x[k + 1] - day) / width, (day - x[k]) / width
            cubic = (a * a * a - a) * bend[k] + (b * b * b - b) * bend[k + 1]
            result[step] = a * y[k] + b * y[k + 1] + cubic * width * width / 6
