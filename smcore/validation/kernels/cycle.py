"""Residuals of pairs about mean and annual cycle, from the sums of :mod:`smcore.validation.kernels.dependence`."""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.dependence import FIRST_TIME, LAST_TIME, OFFSETS

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
_BINOMIAL: Final = np.array([[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 2, 1, 0, 0], [1, 3, 3, 1, 0], [1, 4, 6, 4, 1.0]])
_PRODUCT: Final = np.array([[0, 2, 5, 9, 14], [1, 4, 8, 13, 0], [3, 7, 12, 0, 0], [6, 11, 0, 0, 0], [10, 0, 0, 0, 0]])


@numba.njit(nogil=True, cache=True)
def describe(line: Array) -> Array:
    """n, number of fitted parameters, means, total and residual sums of squares, cycle, third moments, cumulants."""
    about = np.zeros(_NUMBERS)
    n = line[0]
    mx, my = line[OFFSETS[1]] / n, line[OFFSETS[2]] / n
    about[N], about[MEAN_X], about[MEAN_Y] = n, mx, my
    about[TOTAL_XX] = max(line[OFFSETS[3]] - n * mx * mx, 0.0)
    about[TOTAL_XY] = line[OFFSETS[4]] - n * mx * my
    about[TOTAL_YY] = max(line[OFFSETS[5]] - n * my * my, 0.0)
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
    for i in range(size):
        right[i, 0] = line[OFFSETS[1] + i] - about[MEAN_X] * line[i]
        right[i, 1] = line[OFFSETS[2] + i] - about[MEAN_Y] * line[i]
        for j in range(i + 1):
            gram[i, j] = _product(line, i, j)
    used = _triangular(gram, size, about[N])
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
    about[PARAMETERS] = used


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


@numba.njit(nogil=True, cache=True)
def _product(line: Array, i: int, j: int) -> float:
    """Σ of the product of two of 1, cos θ, sin θ, cos 2θ, sin 2θ, by the sums of harmonics up to 4."""
    k, m = (i + 1) // 2, (j + 1) // 2
    sine_i, sine_j = i > 0 and i % 2 == 0, j > 0 and j % 2 == 0
    low, high = abs(k - m), k + m
    if sine_i == sine_j:
        sign = -1.0 if sine_i else 1.0
        return 0.5 * (_cosine(line, low) + sign * _cosine(line, high))  # type: ignore[no-any-return]
    # sin kθ cos mθ = ½ (sin (k + m)θ + sin (k − m)θ)
    turned = k - m if sine_i else m - k
    sine = 0.0 if turned == 0 else math.copysign(1.0, turned) * line[2 * low]
    return 0.5 * (line[2 * high] + sine)  # type: ignore[no-any-return]


@numba.njit(nogil=True, cache=True)
def _cosine(line: Array, k: int) -> float:
    return line[0] if k == 0 else line[2 * k - 1]  # type: ignore[no-any-return]


@numba.njit(nogil=True, cache=True)
def _residual_moments(line: Array, about: Array) -> Array:
    """Σ of xxx, xxy, xyy, yyy, xxxx … yyyy of the residuals: powers of the cycle times sums with harmonics."""
    wave = np.zeros((5, 5, 9), np.complex128)
    wave[0, 0, 0] = 1.0
    part = np.zeros((2, 3), np.complex128)
    for s in range(2):
        part[s, 0] = about[MEAN_X + s] + about[CYCLE + 5 * s]
        for k in range(1, 3):
            part[s, k] = 0.5 * complex(about[CYCLE + 5 * s + 2 * k - 1], -about[CYCLE + 5 * s + 2 * k])
    for i in range(5):
        for j in range(5 - i):
            if i > 0:
                _times(wave[i - 1, j], part[0], 2 * (i + j - 1), wave[i, j])
            elif j > 0:
                _times(wave[i, j - 1], part[1], 2 * (i + j - 1), wave[i, j])
    result = np.zeros(9)
    for at in range(9):
        degree = 3 if at < 4 else 4
        j = at if at < 4 else at - 4
        i = degree - j
        for a in range(i + 1):
            for b in range(j + 1):
                sign = -1.0 if (a + b) % 2 else 1.0
                weight = sign * _BINOMIAL[i, a] * _BINOMIAL[j, b]
                result[at] += weight * _sum_with(line, OFFSETS[_PRODUCT[i - a, j - b]], wave[a, b], 2 * (a + b))
    return result


@numba.njit(nogil=True, cache=True)
def _times(wave: Array, part: Array, order: int, out: Array) -> None:
    """Product of two real waves given by their coefficients of e^{ikθ}, k ≥ 0 (those of −k are the conjugates)."""
    for k in range(order + 3):
        value = complex(0.0, 0.0)
        for m in range(-2, 3):
            h = k - m
            if abs(h) <= order:
                left = wave[h] if h >= 0 else wave[-h].conjugate()
                right = part[m] if m >= 0 else part[-m].conjugate()
                value += left * right
        out[k] = value


@numba.njit(nogil=True, cache=True)
def _sum_with(line: Array, at: int, wave: Array, order: int) -> float:
    """Σ of a product of pairs times a wave, from the sums that begin at ``at``."""
    value = line[at] * wave[0].real
    for k in range(1, order + 1):
        value += 2 * (line[at + 2 * k - 1] * wave[k].real - line[at + 2 * k] * wave[k].imag)
    return value  # type: ignore[no-any-return]
