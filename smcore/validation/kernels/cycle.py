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
_WAVES: Final = np.stack([np.ones(PARTS), np.cos(_ANGLE), np.sin(_ANGLE), np.cos(2 * _ANGLE), np.sin(2 * _ANGLE)], 1)


@numba.njit(nogil=True, cache=True)
def describe(line: Array) -> Array:
    """n, number of fitted parameters, means, total and residual sums of squares, cycle, third moments, cumulants."""
    about = np.zeros(_NUMBERS)
    sums = np.zeros(6)
    for part in range(PARTS):
        for k in range(6):
            sums[k] += line[part * POWERS + k]
    n = sums[0]
    mx, my = sums[1] / n, sums[2] / n
    about[N], about[MEAN_X], about[MEAN_Y] = n, mx, my
    about[TOTAL_XX] = max(sums[3] - n * mx * mx, 0.0)
    about[TOTAL_XY] = sums[4] - n * mx * my
    about[TOTAL_YY] = max(sums[5] - n * my * my, 0.0)
    _fit_cycle(line, about)
    moments = _residual_moments(line, about)
    about[THIRD : THIRD + 4] = moments[0:4] / n
    xx, yy, xy = about[LEFT_XX] / n, about[LEFT_YY] / n, about[LEFT_XY] / n
    m = moments[4:9] / n
    about[FOURTH] = m[0] - 3 * xx * xx
    about[FOURTH + 1] = m[1] - 3 * xx * xy
    about[FOURTH + 2] = m[2] - xx * yy - 2 * xy * xy
    about[FOURTH + 3] = m[3] - 3 * yy * xy
    about[FOURTH + 4] = m[4] - 3 * yy * yy
    return about


@numba.njit(nogil=True, cache=True)
def _fit_cycle(line: Array, about: Array) -> None:
    """Least squares of x and y on mean and annual harmonics: two from 330 days on, one from 165, else none."""
    span = line[LAST_TIME] - line[FIRST_TIME]
    size = 5 if span >= _YEAR_SPAN else 3 if span >= _HALF_SPAN else 1
    gram, right = np.zeros((5, 5)), np.zeros((5, 2))
    for part in range(PARTS):
        at = part * POWERS
        count = line[at]
        x, y = line[at + 1] - about[MEAN_X] * count, line[at + 2] - about[MEAN_Y] * count
        for i in range(size):
            wave = _WAVES[part, i]
            right[i, 0] += wave * x
            right[i, 1] += wave * y
            for j in range(i + 1):
                gram[i, j] += wave * _WAVES[part, j] * count
    about[PARAMETERS] = _triangular(gram, size, about[N])
    half = np.zeros((5, 2))
    about[LEFT_XX], about[LEFT_YY], about[LEFT_XY] = about[TOTAL_XX], about[TOTAL_YY], about[TOTAL_XY]
    for i in range(size):
        if gram[i, i] > 0:
            for s in range(2):
                value = right[i, s]
                for j in range(i):
                    value -= gram[i, j] * half[j, s]
                half[i, s] = value / gram[i, i]
            about[LEFT_XX] -= half[i, 0] ** 2
            about[LEFT_YY] -= half[i, 1] ** 2
            about[LEFT_XY] -= half[i, 0] * half[i, 1]
    for i in range(size - 1, -1, -1):
        if gram[i, i] > 0:
            for s in range(2):
                value = half[i, s]
                for j in range(i + 1, size):
                    value -= gram[j, i] * about[CYCLE + 5 * s + j]
                about[CYCLE + 5 * s + i] = value / gram[i, i]


@numba.njit(nogil=True, cache=True)
def _residual_moments(line: Array, about: Array) -> Array:
    """Σ of xxx, xxy, xyy, yyy, xxxx … yyyy of the residuals: in each part of the year about its own value."""
    result = np.zeros(9)
    for part in range(PARTS):
        s = line[part * POWERS : (part + 1) * POWERS]
        n, x, y, xx, xy, yy = s[0], s[1], s[2], s[3], s[4], s[5]
        if n == 0:
            continue
        a, b = about[MEAN_X], about[MEAN_Y]
        for k in range(5):
            a += about[CYCLE + k] * _WAVES[part, k]
            b += about[CYCLE + 5 + k] * _WAVES[part, k]
        aa, ab, bb = a * a, a * b, b * b
        result[0] += s[6] - 3 * a * xx + 3 * aa * x - aa * a * n
        result[1] += s[7] - b * xx - 2 * a * xy + 2 * ab * x + aa * y - aa * b * n
        result[2] += s[8] - a * yy - 2 * b * xy + 2 * ab * y + bb * x - bb * a * n
        result[3] += s[9] - 3 * b * yy + 3 * bb * y - bb * b * n
        result[4] += s[10] - 4 * a * s[6] + 6 * aa * xx - 4 * aa * a * x + aa * aa * n
        result[5] += (
            s[11] - b * s[6] - 3 * a * s[7] + 3 * (ab * xx + aa * xy) - 3 * aa * b * x - aa * a * y + aa * ab * n
        )
        result[6] += s[12] - 2 * (b * s[7] + a * s[8]) + bb * xx + 4 * ab * xy + aa * yy - 2 * ab * (b * x + a * y)
        result[6] += ab * ab * n
        result[7] += (
            s[13] - a * s[9] - 3 * b * s[8] + 3 * (ab * yy + bb * xy) - 3 * bb * a * y - bb * b * x + bb * ab * n
        )
        result[8] += s[14] - 4 * b * s[9] + 6 * bb * yy - 4 * bb * b * y + bb * bb * n
    return result


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
