"""From the sums of :mod:`smcore.validation.kernels.dependence` to variances of metrics, location by location.

The formulas, and what they rest on, are in ``docs/intervals.md``. In short: each metric is, to first order, a linear
plus a quadratic form of the deviations e of the pair from mean and annual cycle. A form of the two series splits into
two combinations p and q that are uncorrelated; of each, the variance, the correlation a·exp(−τ/T) and the factors
λ₁ = 1 + 2 Σ w_k ρ_k and λ₂ = 1 + 2 Σ w_k ρ_k² (w_k the share of pairs at lag k) are found from the sums.
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone
from smcore.validation.kernels.cycle import (
    CYCLE,
    FOURTH,
    LEFT_XX,
    LEFT_XY,
    LEFT_YY,
    MEAN_X,
    MEAN_Y,
    PARAMETERS,
    THIRD,
    TOTAL_XX,
    TOTAL_XY,
    TOTAL_YY,
    N,
    describe,
)
from smcore.validation.kernels.dependence import (
    FIRST_TIME,
    LAG_SUMS,
    LAGS,
    LAST_TIME,
    PARTS,
    POWERS,
    SCALE_SUMS,
    SCALES,
)

Array = NDArray[np.float64]
Tables = tuple[Array, Array]
Series = tuple[float, float, float, float, float, float]

BIAS, UBRMSD, RMSD, CORRELATION, MSE_VARIANCE, MSE_CORRELATION, SLOPE, NSE, KGE, MAE = range(10)
"""Codes of what :func:`finish` gives the variance of, each on the scale named there."""

VARIANCE, INDEPENDENT, FREEDOM, CORRECTION = range(4)
"""What :func:`finish` gives: the variance, what it would be for independent pairs, degrees of freedom, and (UBRMSD,
MSE_CORRELATION) expected over observed value of the mean square, since residuals of few effective pairs are too
small."""

_MIN_PAIRS: Final = 10
_MIN_LAGGED: Final = 10
_PURE: Final = 16.0
_LEAST_FREEDOM: Final = 0.5
_DUST: Final = 1e-13
_LAGS: Final = len(LAGS)
_SCALES: Final = len(SCALES)
_GRID: Final = 2 * _SCALES - 5
_TIMES: Final = SCALES[0] * 2.0 ** (0.5 * np.arange(_GRID))
_ROW: Final = 24
_DAILY: Final = np.append(np.exp(-LAGS[:, None] / _TIMES), np.zeros((_LAGS, _ROW - _GRID)), axis=1)
_WEIGHT: Final = np.array([1.0, 1.0, 1.0, 1.0, 1.5, 2.5])
_OMEGA: Final = 2 * math.pi / 365.25
_DAILY_WAVE: Final = 1 - np.cos(_OMEGA * LAGS[:, None] * [1.0, 2.0])
_BLOCK: Final = 64
_EXACT: Final = {"contract", "nsz"}

_SQUARES, _PLAIN, _INVERSE, _WITH_HALF, _SHARE, _MISFIT, _BY_LAG = (_ROW * (_LAGS + i) for i in range(7))
"""Where the table of :func:`_decay` holds, for each T of the fit: exp(−τ/T) of each lag, Σ N exp(−2τ/T), Σ N
exp(−τ/T), what the first is divided by, and work space of :func:`_fit`; then, for each lag, :data:`_WEIGHTED` …"""

_WEIGHTED, _WAVE, _WAVE_2, _HALF = (_BY_LAG + 8 * i for i in range(4))
"""… weight times number of pairs, 1 − cos of the angle of the yearly cycle, and of twice it, and half the mean square
of the differences. All in one flat array with constant distances, or loops over T would not be vectorised."""

_ROWS: Final = _BY_LAG // _ROW + 2
_SIZE: Final = _ROWS * _ROW


def departures(window: int) -> Array:
    """Autocovariance (T of the fit, lag in days) of noise of ρ(τ) = exp(−τ/T) less its mean over ``window`` days.

    The last row is what comes in addition where only a share δ of the days has a value, in units of (1 − δ)/δ: a value
    then weighs more in its own mean.
    """
    half, lags = window // 2, np.arange(3 * window)
    width = 2 * half + 1
    overlap = np.maximum(width - np.abs(np.arange(-width, width + 1)), 0) / width**2
    table = np.empty((_GRID + 1, len(lags)))
    for g, scale in enumerate(_TIMES):
        near = np.exp(-np.abs(lags[:, None] - np.arange(-half, half + 1)) / scale).mean(axis=1)
        both = np.exp(-np.abs(lags[:, None] - np.arange(-width, width + 1)) / scale) @ overlap
        table[g] = np.exp(-lags / scale) - 2 * near + both
    table[_GRID] = (np.maximum(1 - lags / width, 0) - 2 * (lags <= half)) / width
    return table


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def finish(sums: Array, wanted: Array, departures: Array, result: Array) -> None:
    """Variances (location, code, 4) of the ``wanted`` codes from ``sums`` (location, FIELDS); NaN where undefined.

    ``departures`` is :func:`departures` of a window where values are departures from a moving mean, else empty.
    """
    places = sums.shape[0]
    for block in numba.prange((places + _BLOCK - 1) // _BLOCK):
        table = np.empty(_SIZE)
        for place in range(block * _BLOCK, min((block + 1) * _BLOCK, places)):
            one(sums[place], wanted, departures, table, result[place])


@numba.njit(nogil=True, cache=True)
def one(line: Array, wanted: Array, departures: Array, table: Array, result: Array) -> None:
    """The same of one location: ``line`` (FIELDS,), ``result`` (code, 4); ``table`` is work space."""
    result[:] = np.nan
    count, lagged = 0.0, 0.0
    for part in range(PARTS):
        count += line[part * POWERS]
    for k in range(_LAGS):
        lagged += line[LAG_SUMS + 5 * k]
    if count < _MIN_PAIRS or lagged < _MIN_LAGGED:
        return
    about = describe(line)
    _decay(line, table)
    decay = (table, departures)
    difference = _series(1.0, -1.0, line, about, decay)
    for code in range(wanted.size):
        if wanted[code]:
            _variance(code, line, about, decay, difference, result[code])


@numba.njit(nogil=True, cache=True)
def _variance(code: int, line: Array, about: Array, decay: Tables, difference: Series, out: Array) -> None:
    n, b = about[N], about[MEAN_X] - about[MEAN_Y]
    vx, vy, vxy = about[TOTAL_XX] / n, about[TOTAL_YY] / n, about[TOTAL_XY] / n
    vd = vx + vy - 2 * vxy
    small = _DUST * (about[MEAN_X] ** 2 + about[MEAN_Y] ** 2)
    differ, vary = vd > small, vx > small and vy > small
    if code == BIAS and differ:
        _mean(n, difference, out)
    elif code == MAE and differ:
        _mean_absolute(n, b, vd, difference, out)
    elif code == UBRMSD and differ:
        _mean_square(difference, 1.0, -1.0, vd, about, out)
    elif code == MSE_CORRELATION and vary and vxy * vxy < vx * vy:
        gain = (vy / vx) ** 0.25
        series = _series(gain, -1 / gain, line, about, decay)
        _mean_square(series, gain, -1 / gain, 2 * math.sqrt(vx * vy) - 2 * vxy, about, out)
    elif (code == RMSD and differ) or (vary and differ and (code != KGE or about[MEAN_Y] != 0) and vxy * vxy < vx * vy):
        _form(code, line, about, decay, difference, out)


@numba.njit(nogil=True, cache=True)
def _gradient(code: int, vx: float, vy: float, vxy: float, mx: float, my: float) -> tuple[float, ...]:
    """First-order change of a statistic with the deviations e of (x, y): l·e + e'Ge; as (lx, ly, Gxx, Gyy, Gxy)."""
    sx, sy = math.sqrt(vx), math.sqrt(vy)
    b = mx - my
    m = vx + vy - 2 * vxy + b * b
    if code == RMSD:
        return 2 * b / m, -2 * b / m, 1 / m, 1 / m, -1 / m
    if code == NSE:
        return 2 * b / m, -2 * b / m, 1 / m, 1 / m - 1 / vy, -1 / m
    if code == SLOPE:
        return 0.0, 0.0, 0.0, -vxy / vy**2, 0.5 / vy
    if code == MSE_VARIANCE:
        return 0.0, 0.0, 0.5 / sx, -0.5 / sy, 0.0
    r = vxy / (sx * sy)
    if code == CORRELATION:
        f = 1 / (1 - r * r)
        return 0.0, 0.0, -0.5 * r * f / vx, -0.5 * r * f / vy, 0.5 * f / (sx * sy)
    # KGE = 1 − √((R − 1)² + (α − 1)² + (β − 1)²), α = σ_x/σ_y, β = x̄/ȳ
    dr, da, db = 1 - r, 1 - sx / sy, 1 - mx / my
    far = math.sqrt(dr * dr + da * da + db * db)
    dr, da, db = dr / far, da / far, db / far
    gxx = dr * (-0.5 * r / vx) + da * 0.5 / (sx * sy)
    gyy = dr * (-0.5 * r / vy) - da * 0.5 * sx / sy**3
    return db / my, -db * mx / my**2, gxx, gyy, dr * 0.5 / (sx * sy)


@numba.njit(nogil=True, cache=True)
def _mean(n: float, series: Series, out: Array) -> None:
    out[VARIANCE] = series[0] * series[1] / n
    out[INDEPENDENT] = series[0] / n
    out[FREEDOM] = series[5]


@numba.njit(nogil=True, cache=True)
def _mean_absolute(n: float, b: float, vd: float, series: Series, out: Array) -> None:
    """|x − y| as if normal: a linear part, its coefficient E sign(x − y), and the rest, which depends as squares do."""
    s = math.sqrt(vd)
    sign = math.erf(b / s / math.sqrt(2.0))
    mean = s * math.sqrt(2 / math.pi) * math.exp(-0.5 * b * b / vd) + b * sign
    linear = sign * sign * series[0]
    rest = max(vd + b * b - mean * mean - linear, 0.0)
    out[VARIANCE] = (linear * series[1] + rest * series[2]) / n
    out[INDEPENDENT] = (linear + rest) / n
    out[FREEDOM] = series[5]


@numba.njit(nogil=True, cache=True)
def _mean_square(s: Series, a: float, c: float, value: float, about: Array, out: Array) -> None:
    """Relative variance of the centred mean square ``value`` of one series ``s`` = a·x + c·y."""
    n = about[N]
    excess = _fourth(a, c, a, c, about) / _residual(a, c, about) ** 2
    expected = s[3] + s[0]
    for column in range(2):
        l1, l2 = (s[1], s[2]) if column == 0 else (1.0, 1.0)
        out[column] = (4 * s[3] * s[0] * l1 + max(2 + excess, 0.5) * s[0] ** 2 * l2) / n / expected**2
    out[FREEDOM] = s[5]
    out[CORRECTION] = expected / value


@numba.njit(nogil=True, cache=True)
def _eigenseries(code: int, about: Array) -> tuple[float, float, float, float]:
    """Two uncorrelated combinations x1·x + y1·y, x2·x + y2·y of unit residual variance without a mixed term in G."""
    n = about[N]
    _, _, gxx, gyy, gxy = _gradient(
        code, about[TOTAL_XX] / n, about[TOTAL_YY] / n, about[TOTAL_XY] / n, about[MEAN_X], about[MEAN_Y]
    )
    a = math.sqrt(max(about[LEFT_XX] / n, 0.0))
    c = about[LEFT_XY] / n / a if a > 0 else 0.0
    d = about[LEFT_YY] / n - c * c
    if a <= 0 or d <= _DUST * about[LEFT_YY] / n:
        return 0.0, 0.0, 0.0, 0.0
    d = math.sqrt(d)
    hxx, hyy, hxy = a * a * gxx + 2 * a * c * gxy + c * c * gyy, d * d * gyy, a * d * gxy + c * d * gyy
    turn = 0.5 * math.atan2(2 * hxy, hxx - hyy)
    co, si = math.cos(turn), math.sin(turn)
    return (co - c * si / d) / a, si / d, (-si - c * co / d) / a, co / d


@numba.njit(nogil=True, cache=True)
def _form(code: int, line: Array, about: Array, decay: Tables, difference: Series, out: Array) -> None:
    """Variance of the mean of l·e + e'Ge by two eigenseries; G again at moments with what residuals lost."""
    n = about[N]
    x1, y1, x2, y2 = _eigenseries(code, about)
    det = x1 * y2 - x2 * y1
    if det == 0:
        return
    p, q = _series(x1, y1, line, about, decay), _series(x2, y2, line, about, decay)
    xp, xq, yp, yq = y2 / det, -y1 / det, -x2 / det, x1 / det
    pp, qq = p[0] + p[3], q[0] + q[3]
    pq = (x1 * x2 * about[TOTAL_XX] + (x1 * y2 + x2 * y1) * about[TOTAL_XY] + y1 * y2 * about[TOTAL_YY]) / n
    vx, vy = xp * xp * pp + 2 * xp * xq * pq + xq * xq * qq, yp * yp * pp + 2 * yp * yq * pq + yq * yq * qq
    vxy = xp * yp * pp + (xp * yq + xq * yp) * pq + xq * yq * qq
    if vxy * vxy >= vx * vy:
        return
    lx, ly, gxx, gyy, gxy = _gradient(code, vx, vy, vxy, about[MEAN_X], about[MEAN_Y])
    gp = gxx * xp * xp + 2 * gxy * xp * yp + gyy * yp * yp
    gq = gxx * xq * xq + 2 * gxy * xq * yq + gyy * yq * yq
    linear = _linear(lx, ly, line, about, decay, difference)
    third = gp * _third(lx, ly, x1, y1, about) * math.sqrt(p[2]) + gq * _third(lx, ly, x2, y2, about) * math.sqrt(q[2])
    kp, kq = _fourth(x1, y1, x1, y1, about), _fourth(x2, y2, x2, y2, about)
    kpq = _fourth(x1, y1, x2, y2, about)
    for column in range(2):
        p1, p2, q1, q2, l1 = (p[1], p[2], q[1], q[2], linear[1]) if column == VARIANCE else (1.0, 1.0, 1.0, 1.0, 1.0)
        plain = linear[0] * l1
        plain += gp * gp * p[0] * (4 * p[3] * p1 + 2 * p[0] * p2) + gq * gq * q[0] * (4 * q[3] * q1 + 2 * q[0] * q2)
        extra = gp * gp * kp * p[0] ** 2 * p2 + gq * gq * kq * q[0] ** 2 * q2
        extra += 2 * gp * gq * kpq * p[0] * q[0] * math.sqrt(p2 * q2)
        extra += 2 * third * math.sqrt(l1) if column == VARIANCE else 2 * third
        out[column] = max(plain + extra, 0.25 * plain) / n
    weight = gp * gp + gq * gq
    out[FREEDOM] = max(n * weight / (gp * gp * p[2] + gq * gq * q[2]) - about[PARAMETERS], 2.0)


@numba.njit(nogil=True, cache=True)
def _linear(lx: float, ly: float, line: Array, about: Array, decay: Tables, difference: Series) -> Series:
    """The series of the linear part; a multiple of the ``difference`` needs no fit of its own."""
    if lx == -ly:
        noise, first, second, cycle, place, freedom = difference
        return lx * lx * noise, first, second, lx * lx * cycle, place, freedom
    return _series(lx, ly, line, about, decay)  # type: ignore[no-any-return]


@numba.njit(nogil=True, cache=True)
def _series(a: float, c: float, line: Array, about: Array, decay: Tables) -> Series:
    """Of a·x + c·y: noise variance, λ₁, λ₂, mean square of the cycle, place of T, degrees of freedom."""
    n, parameters, table = about[N], about[PARAMETERS], decay[0]
    residual = n * _residual(a, c, about)
    total = a * a * about[TOTAL_XX] + c * c * about[TOTAL_YY] + 2 * a * c * about[TOTAL_XY]
    wave, wave_2 = 0.0, 0.0
    for k in range(1, 3):
        wave += 0.5 * (a * about[CYCLE + k] + c * about[CYCLE + 5 + k]) ** 2
        wave_2 += 0.5 * (a * about[CYCLE + 2 + k] + c * about[CYCLE + 7 + k]) ** 2
    for k in range(_LAGS):
        at = LAG_SUMS + 5 * k
        count, value = line[at], 0.0
        if count > 0:
            square = a * a * line[at + 2] + c * c * line[at + 3] + 2 * a * c * line[at + 4]
            value = max(0.5 * square / count - wave * table[_WAVE + k] - wave_2 * table[_WAVE_2 + k], 0.0)
        table[_HALF + k] = value
    if decay[1].size > 0:
        half = table[_HALF : _HALF + _LAGS]
        noise, scale, first, second = _fit_departures(half, line, decay[1], n, residual)
    else:
        noise, scale, first, second = _fit(line, table, n, parameters, residual)
    cycle = max((total - residual - (parameters - 1) * first * noise) / n, 0.0)
    return noise, first, second, cycle, scale, max(n / second - parameters, 2.0)


@numba.njit(nogil=True, cache=True)
def _fit_departures(half: Array, line: Array, table: Array, n: float, residual: float) -> tuple[float, ...]:
    """As :func:`_fit` for departures from a moving mean, whose ρ(τ) turns negative: that of exp(−τ/T) less the mean."""
    span = max(line[LAST_TIME] - line[FIRST_TIME], 1.0)
    noise, density, reach = residual / n, min(n / (span + 1), 1.0), table.shape[1]
    own = (1 - density) / density
    misfit, first, second = np.full(_GRID, np.inf), np.ones(_GRID), np.ones(_GRID)
    best = 0
    for g in range(_GRID):
        whole = table[g, 0] + own * table[_GRID, 0]
        if whole > 0.05:
            misfit[g] = 0.0
            for k in range(_LAGS):
                lag = int(LAGS[k])
                r = 1 - half[k] / noise - (table[g, lag] + own * table[_GRID, lag]) / whole
                misfit[g] += line[LAG_SUMS + 5 * k] * r * r if lag > 0 else 0.0
            for lag in range(1, min(reach, int(span))):
                r = (table[g, lag] + own * table[_GRID, lag]) / whole
                first[g] += 2 * density * (1 - lag / span) * r
                second[g] += 2 * density * (1 - lag / span) * r * r
        best = g if misfit[g] < misfit[best] else best
    return noise, float(best), max(first[best], 0.05), second[best]


@numba.njit(nogil=True, cache=True)
def _fit(line: Array, table: Array, n: float, parameters: float, residual: float) -> tuple[float, float, float, float]:
    """Noise variance s², place of T of ρ(τ) = a·exp(−τ/T), λ₁ and λ₂, by least squares over the lags.

    The residuals lost about ``parameters`` λ₁ s² to mean and harmonics, so s² and λ₁ are found in turns; half the mean
    square of differences at a lag, s² (1 − ρ), has lost nothing. A pull towards a = 1 worth ``_PURE`` pairs keeps
    chance in white noise from being read as a weak, long memory.
    """
    grid = table.size // _ROWS
    _sum_halves(table, grid)
    first, second, noise, place = 1.0, 1.0, 0.0, 0.0
    for _ in range(8):
        noise = residual / max(n - parameters * first, _LEAST_FREEDOM * n)
        _misfits(table, 1 / noise, grid)
        best = _least(table)
        misfit, share = _MISFIT + best, _SHARE + best
        place, a = float(best), table[share]
        if 0 < best < _GRID - 1:
            bend = table[misfit - 1] - 2 * table[misfit] + table[misfit + 1]
            off = 0.5 * (table[misfit - 1] - table[misfit + 1]) / bend if bend > 0 else 0.0
            place += off
            a += 0.5 * off * (table[share + 1] - table[share - 1])
            a = min(max(a + 0.5 * off * off * (table[share - 1] - 2 * table[share] + table[share + 1]), 0.0), 1.0)
        before = first
        first = 1 + 2 * a * _pairs_of_pairs(line, 0.5 * place) / n
        second = 1 + 2 * a * a * _pairs_of_pairs(line, 0.5 * place - 1) / n
        if abs(first - before) < 1e-3 * first:
            break
    return noise, place, first, second


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _sum_halves(table: Array, grid: int) -> None:
    """Σ N half exp(−τ/T).

    ``grid`` is not written as the constant that it is: loops would be unrolled instead of vectorised.
    """
    for g in range(grid):
        table[_WITH_HALF + g] = 0.0
    for k in range(_LAGS):
        value = table[_WEIGHTED + k] * table[_HALF + k]
        if value != 0:
            for g in range(grid):
                table[_WITH_HALF + g] += value * table[k * _ROW + g]


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _misfits(table: Array, inverse: float, grid: int) -> None:
    """The best a of each T, and how far off it is."""
    for g in range(grid):
        product = table[_PLAIN + g] - table[_WITH_HALF + g] * inverse
        share = (product + _PURE) * table[_INVERSE + g]
        share = share if share > 0.0 else 0.0
        share = share if share < 1.0 else 1.0
        table[_SHARE + g] = share
        table[_MISFIT + g] = share * (share * table[_SQUARES + g] - 2 * product) + _PURE * (1 - share) * (1 - share)


@numba.njit(nogil=True, cache=True)
def _least(table: Array) -> int:
    """Place of the first of the least misfits: in two steps, since the least alone is found faster than its place."""
    least = table[_MISFIT]
    for g in range(1, _GRID):
        least = table[_MISFIT + g] if table[_MISFIT + g] < least else least
    for g in range(_GRID):
        if table[_MISFIT + g] == least:
            return g
    return 0


@numba.njit(nogil=True, cache=True)
def _pairs_of_pairs(line: Array, place: float) -> float:
    """Σ_{i<j} exp(−(t_j − t_i)/T), T = 2^place times the first scale: a cubic through four; below them at most ∝ T."""
    if place <= 0:
        return line[SCALE_SUMS] * 2.0**place  # type: ignore[no-any-return]
    g = min(max(int(place) - 1, 0), _SCALES - 4)
    f = place - g
    a, b, c, d = line[SCALE_SUMS + g], line[SCALE_SUMS + g + 1], line[SCALE_SUMS + g + 2], line[SCALE_SUMS + g + 3]
    value = -a * (f - 1) * (f - 2) * (f - 3) / 6 + b * f * (f - 2) * (f - 3) / 2
    return max(value - c * f * (f - 1) * (f - 3) / 2 + d * f * (f - 1) * (f - 2) / 6, 0.0)  # type: ignore[no-any-return]


@numba.njit(nogil=True, cache=True)
def _decay(line: Array, table: Array) -> None:
    """Fill the table of what all series share: exp(−τ/T) at the mean distance τ of each lag, and what is made of it."""
    table[:] = 0.0
    for k in range(_LAGS):
        count, distance = line[LAG_SUMS + 5 * k], line[LAG_SUMS + 5 * k + 1]
        if count > 0:
            table[_WEIGHTED + k] = _WEIGHT[k] * count
            if distance == count * LAGS[k]:
                table[k * _ROW : (k + 1) * _ROW] = _DAILY[k]
                table[_WAVE + k], table[_WAVE_2 + k] = _DAILY_WAVE[k]
            else:
                angle = _OMEGA * distance / count
                table[_WAVE + k], table[_WAVE_2 + k] = 1 - math.cos(angle), 1 - math.cos(2 * angle)
                for g in range(_GRID):
                    table[k * _ROW + g] = math.exp(-distance / count / _TIMES[g])
    for k in range(_LAGS):
        weight = table[_WEIGHTED + k]
        for g in range(_ROW if weight > 0 else 0):
            table[_SQUARES + g] += weight * table[k * _ROW + g] * table[k * _ROW + g]
            table[_PLAIN + g] += weight * table[k * _ROW + g]
    for g in range(_ROW):
        table[_INVERSE + g] = 1 / (table[_SQUARES + g] + _PURE)


@numba.njit(nogil=True, cache=True)
def _residual(a: float, c: float, about: Array) -> float:
    """Mean square of a·x + c·y about mean and annual harmonics."""
    return max(a * a * about[LEFT_XX] + c * c * about[LEFT_YY] + 2 * a * c * about[LEFT_XY], 1e-300) / about[N]  # type: ignore[no-any-return]


@numba.njit(nogil=True, cache=True)
def _third(lx: float, ly: float, a: float, c: float, about: Array) -> float:
    """E (lx·x + ly·y)(a·x + c·y)² of the residuals."""
    m = about[THIRD : THIRD + 4]
    return lx * (a * a * m[0] + 2 * a * c * m[1] + c * c * m[2]) + ly * (a * a * m[1] + 2 * a * c * m[2] + c * c * m[3])  # type: ignore[no-any-return]


@numba.njit(nogil=True, cache=True)
def _fourth(a: float, b: float, c: float, d: float, about: Array) -> float:
    """Fourth cumulant of p, p, q, q for p = a·x + b·y, q = c·x + d·y of the residuals."""
    k = about[FOURTH : FOURTH + 5]
    value = a * a * c * c * k[0] + 2 * (a * a * c * d + a * b * c * c) * k[1]
    value += (a * a * d * d + b * b * c * c + 4 * a * b * c * d) * k[2]
    return value + 2 * (a * b * d * d + b * b * c * d) * k[3] + b * b * d * d * k[4]  # type: ignore[no-any-return]
