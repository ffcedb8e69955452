"""Residuals of pairs about mean and annual cycle, from the sums of :mod:`smcore.validation.kernels.dependence`."""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.dependence import FIRST_TIME, LAST_TIME, PARTS, POWERS

Array = NDArray[np.float64]

N, PARAMETERS, MEAN_X, MEAN_Y, TOTAL_XX, TOTAL_YY, TOTAL_XY, LEFT_XX, LEFT_YY, LEFT_XY = range(10)
"""Where :func:`describe` puts n, the number of fitted parameters, means, and total and residual sums of squares."""

CYCLE: Final = 10
"""Coefficients of 1, cos θ, sin θ, cos 2θ, sin 2θ: five of x, five of y."""

THIRD: Final = 20
"""Third moments xxx, xxy, xyy, yyy of the residuals."""

FOURTH: Final = 24
"""Fourth cumulants xxxx, xxxy, xxyy, xyyy, yyyy of the residuals."""

_NUMBERS: Final = 29
_YEAR_SPAN: Final = 330.0
_HALF_SPAN: Final = 165.0
_ANGLE: Final = 2 * np.pi * (np.arange(PARTS) + 0.5) / PARTS
_WAVES: Final = np.stack([np.ones(PARTS), np.cos(_ANGLE), np.sin(_ANGLE), np.cos(2 * _ANGLE), np.sin(2 * _ANGLE)])
_PRODUCTS: Final = _WAVES[:, None] * _WAVES
_EXACT: Final = {"contract", "nsz"}
_IN_ANY_ORDER: Final = {"contract", "nsz", "reassoc"}


@numba.njit(nogil=True, cache=True)
def describe(line: Array) -> Array:
    """n, number of fitted parameters, means, total and residual sums of squares, cycle, third moments, cumulants."""
    about = np.zeros(_NUMBERS)
    by_power = np.empty((POWERS + 9) * PARTS)
    for part in range(PARTS):
        for power in range(POWERS):
            by_power[power * PARTS + part] = line[part * POWERS + power]
    n, x, y = _total(by_power, 0), _total(by_power, 1), _total(by_power, 2)
    mx, my = x / n, y / n
    about[N], about[MEAN_X], about[MEAN_Y] = n, mx, my
    about[TOTAL_XX] = max(_total(by_power, 3) - n * mx * mx, 0.0)
    about[TOTAL_XY] = _total(by_power, 4) - n * mx * my
    about[TOTAL_YY] = max(_total(by_power, 5) - n * my * my, 0.0)
    _fit_cycle(by_power, line[LAST_TIME] - line[FIRST_TIME], about)
    _residual_moments(by_power, about)
    for k in range(4):
        about[THIRD + k] = _total(by_power, POWERS + k) / n
    xx, yy, xy = about[LEFT_XX] / n, about[LEFT_YY] / n, about[LEFT_XY] / n
    about[FOURTH] = _total(by_power, POWERS + 4) / n - 3 * xx * xx
    about[FOURTH + 1] = _total(by_power, POWERS + 5) / n - 3 * xx * xy
    about[FOURTH + 2] = _total(by_power, POWERS + 6) / n - xx * yy - 2 * xy * xy
    about[FOURTH + 3] = _total(by_power, POWERS + 7) / n - 3 * yy * xy
    about[FOURTH + 4] = _total(by_power, POWERS + 8) / n - 3 * yy * yy
    return about


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def _total(by_power: Array, power: int) -> float:
    """Sum over the parts of the year."""
    value = 0.0
    for part in range(PARTS):
        value += by_power[power * PARTS + part]
    return value


@numba.njit(fastmath=_IN_ANY_ORDER, nogil=True, cache=True)
def _along(by_power: Array, power: int, wave: Array) -> float:
    """Sum over the parts of the year times a ``wave``."""
    value = 0.0
    for part in range(PARTS):
        value += by_power[power * PARTS + part] * wave[part]
    return value


@numba.njit(nogil=True, cache=True)
def _fit_cycle(by_power: Array, span: float, about: Array) -> None:
    """Least squares of x and y on mean and annual harmonics: two from 330 days on, one from 165, else none."""
    size = 5 if span >= _YEAR_SPAN else 3 if span >= _HALF_SPAN else 1
    work = np.zeros((9, 5))
    gram, right, half = work[:5], work[5:7], work[7:]
    for i in range(size):
        share = _along(by_power, 0, _WAVES[i])
        right[0, i] = _along(by_power, 1, _WAVES[i]) - about[MEAN_X] * share
        right[1, i] = _along(by_power, 2, _WAVES[i]) - about[MEAN_Y] * share
        for j in range(i + 1):
            gram[i, j] = _along(by_power, 0, _PRODUCTS[i, j])
    about[PARAMETERS] = _triangular(gram, size, about[N])
    about[LEFT_XX], about[LEFT_YY], about[LEFT_XY] = about[TOTAL_XX], about[TOTAL_YY], about[TOTAL_XY]
    for i in range(size):
        if gram[i, i] > 0:
            for s in range(2):
                value = right[s, i]
                for j in range(i):
                    value -= gram[i, j] * half[s, j]
                half[s, i] = value / gram[i, i]
            about[LEFT_XX] -= half[0, i] ** 2
            about[LEFT_YY] -= half[1, i] ** 2
            about[LEFT_XY] -= half[0, i] * half[1, i]
    for i in range(size - 1, -1, -1):
        if gram[i, i] > 0:
            for s in range(2):
                value = half[s, i]
                for j in range(i + 1, size):
                    value -= gram[j, i] * about[CYCLE + 5 * s + j]
                about[CYCLE + 5 * s + i] = value / gram[i, i]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _residual_moments(q: Array, about: Array) -> None:
    """xxx, xxy, xyy, yyy, xxxx … yyyy of the residuals after the powers ``q``: in each part about its own value."""
    w = PARTS
    a0, a1, a2, a3, a4 = about[CYCLE], about[CYCLE + 1], about[CYCLE + 2], about[CYCLE + 3], about[CYCLE + 4]
    b0, b1, b2, b3, b4 = about[CYCLE + 5], about[CYCLE + 6], about[CYCLE + 7], about[CYCLE + 8], about[CYCLE + 9]
    a0, b0 = a0 + about[MEAN_X], b0 + about[MEAN_Y]
    for i in range(PARTS):
        c1, s1, c2, s2 = _WAVES[1, i], _WAVES[2, i], _WAVES[3, i], _WAVES[4, i]
        a = a0 + a1 * c1 + a2 * s1 + a3 * c2 + a4 * s2
        b = b0 + b1 * c1 + b2 * s1 + b3 * c2 + b4 * s2
        n, x, y, xx, xy, yy = q[i], q[w + i], q[2 * w + i], q[3 * w + i], q[4 * w + i], q[5 * w + i]
        xxx, xxy, xyy, yyy = q[6 * w + i], q[7 * w + i], q[8 * w + i], q[9 * w + i]
        aa, ab, bb = a * a, a * b, b * b
        q[15 * w + i] = xxx - 3 * a * xx + 3 * aa * x - aa * a * n
        q[16 * w + i] = xxy - b * xx - 2 * a * xy + 2 * ab * x + aa * y - aa * b * n
        q[17 * w + i] = xyy - a * yy - 2 * b * xy + 2 * ab * y + bb * x - bb * a * n
        q[18 * w + i] = yyy - 3 * b * yy + 3 * bb * y - bb * b * n
        q[19 * w + i] = q[10 * w + i] - 4 * a * xxx + 6 * aa * xx - 4 * aa * a * x + aa * aa * n
        value = q[11 * w + i] - b * xxx - 3 * a * xxy + 3 * (ab * xx + aa * xy)
        q[20 * w + i] = value - 3 * aa * b * x - aa * a * y + aa * ab * n
        value = q[12 * w + i] - 2 * (b * xxy + a * xyy) + bb * xx + 4 * ab * xy + aa * yy
        q[21 * w + i] = value - 2 * ab * (b * x + a * y) + ab * ab * n
        value = q[13 * w + i] - a * yyy - 3 * b * xyy + 3 * (ab * yy + bb * xy)
        q[22 * w + i] = value - 3 * bb * a * y - bb * b * x + bb * ab * n
        q[23 * w + i] = q[14 * w + i] - 4 * b * yyy + 6 * bb * yy - 4 * bb * b * y + bb * bb * n


@numba.njit(nogil=True, cache=True)
def _triangular(gram: Array, size: int, n: float) -> int:
    """Cholesky factor in place; a harmonic that the times do not tell from the others gets a zero and is left out."""
    used = 0
    for i in range(size):
        for j in range(i):
            value = gram[i, j]
            for k in range(j):
                value -= gram[i, k] * gram[j, k]
            gram[i, j] = value / gram[j, j] if gram[j, j] > 0 else 0.0
        value = gram[i, i]
        for k in range(i):
            value -= gram[i, k] ** 2
        gram[i, i] = math.sqrt(value) if value > 1e-6 * n else 0.0
        used += 1 if gram[i, i] > 0 else 0
    return used
