"""Scaling of many series: moments and range of the pairs to fit on, CDF matching, and the maps themselves.

The rules of CDF matching are those of pytesmo 0.18 (``CDFMatching`` with ``minobs=20`` and
``linear_edge_scaling=True``), so that the two give the same numbers; :mod:`smcore.validation.scaling` states them.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def summarise(product: Floats, reference: Floats, fit: Bools | None) -> Floats:
    """Summarise the pairs of each row to fit on: the two-pass moments and the range.

    Returns
    -------
    ndarray (10, location)
        n, mean_x, mean_y, s_xx, s_yy, s_xy (centred sums), low_x, high_x, low_y, high_y; 0 or NaN without a pair.
    """
    assert product.shape == reference.shape
    assert fit is None or fit.shape == product.shape
    x, y = (np.ascontiguousarray(v, dtype=np.float64) for v in (product, reference))
    allowed = np.ones((1, 1), np.bool_) if fit is None else np.ascontiguousarray(fit)
    return _summarise(x, y, allowed, fit is not None).T  # type: ignore[no-any-return]


def ascending_pairs(product: Floats, reference: Floats, fit: Bools | None, most: int) -> tuple[Floats, Floats]:
    """Sort the values of the pairs to fit on, (location, ``most``) each, +inf to the right of the last."""
    assert product.shape == reference.shape
    x, y = (np.ascontiguousarray(v, dtype=np.float64) for v in (product, reference))
    allowed = np.ones((1, 1), np.bool_) if fit is None else np.ascontiguousarray(fit)
    left, right = _compact(x, y, allowed, fit is not None, most)
    left.sort(axis=1)
    right.sort(axis=1)
    return left, right


def line(values: Floats, slope: Floats, intercept: Floats) -> Floats:
    """``slope · value + intercept`` row by row, NaN where a value is not finite or a row has no line."""
    assert slope.shape == intercept.shape == values.shape[:1]
    return _line(np.ascontiguousarray(values, dtype=np.float64), slope, intercept)  # type: ignore[no-any-return]


def cdf_knots(
    product: Floats, reference: Floats, count: Ints, percentiles: Floats, bin_values: int
) -> tuple[Floats, Floats]:
    """Find the knots (location, percentile) of product and reference, NaN to the right of the last one used.

    Parameters
    ----------
    product, reference
        (location, value) float64, each row sorted upwards, its first ``count`` values valid.
    count
        (location,) how many values each row has; rows with fewer than two bins get no knots.
    percentiles
        (percentile,) ascending from 0 to 100.
    bin_values
        Values that the smallest bin needs; with fewer, bins of equal size take the place of ``percentiles``.
    """
    assert product.shape == reference.shape
    assert count.shape == product.shape[:1]
    x, y = (np.ascontiguousarray(v, dtype=np.float64) for v in (product, reference))
    return _cdf_knots(x, y, count.astype(np.int64), percentiles.astype(np.float64), bin_values)  # type: ignore[no-any-return]


def interpolate(values: Floats, x: Floats, y: Floats) -> Floats:
    """Map ``values`` (location, value) through the knots (x, y) of their row; straight on beyond the outer knots."""
    assert x.shape == y.shape
    assert len(values) == len(x)
    return _interpolate(np.ascontiguousarray(values, dtype=np.float64), x, y)  # type: ignore[no-any-return]


@nb.njit(cache=True)
def _summarise(product, reference, fit, limited):  # type: ignore[no-untyped-def]
    rows, size = product.shape
    out = np.zeros((rows, 10))
    for row in range(rows):
        count, total_x, total_y = 0, 0.0, 0.0
        low_x, high_x, low_y, high_y = np.inf, -np.inf, np.inf, -np.inf
        for i in range(size):
            x, y = product[row, i], reference[row, i]
            if np.isfinite(x) and np.isfinite(y) and (not limited or fit[row, i]):
                count += 1
                total_x += x
                total_y += y
                low_x, high_x = min(low_x, x), max(high_x, x)
                low_y, high_y = min(low_y, y), max(high_y, y)
        if count == 0:
            out[row, 1:] = np.nan
            continue
        mean_x, mean_y = total_x / count, total_y / count
        s_xx, s_yy, s_xy = 0.0, 0.0, 0.0
        for i in range(size):
            x, y = product[row, i] - mean_x, reference[row, i] - mean_y
            if np.isfinite(x) and np.isfinite(y) and (not limited or fit[row, i]):
                s_xx += x * x
                s_yy += y * y
                s_xy += x * y
        out[row] = np.array([count, mean_x, mean_y, s_xx, s_yy, s_xy, low_x, high_x, low_y, high_y])
    return out


@nb.njit(cache=True)
def _compact(product, reference, fit, limited, most):  # type: ignore[no-untyped-def]
    rows, size = product.shape
    left, right = np.full((rows, most), np.inf), np.full((rows, most), np.inf)
    for row in range(rows):
        k = 0
        for i in range(size):
            x, y = product[row, i], reference[row, i]
            if np.isfinite(x) and np.isfinite(y) and (not limited or fit[row, i]):
                left[row, k], right[row, k] = x, y
                k += 1
    return left, right


@nb.njit(cache=True)
def _line(values, slope, intercept):  # type: ignore[no-untyped-def]
    rows, size = values.shape
    result = np.full((rows, size), np.nan)
    for row in range(rows):
        a, b = slope[row], intercept[row]
        for i in range(size):
            if np.isfinite(values[row, i]):
                result[row, i] = a * values[row, i] + b
    return result


@nb.njit(cache=True)
def _percentile_values(data, percentiles):  # type: ignore[no-untyped-def]
    """Percentiles of sorted data at ranks (i − ½)/n; tied ones spread towards the next larger value."""
    size, wanted = len(data), len(percentiles)
    values = np.empty(wanted)
    for k in range(wanted):
        position = percentiles[k] / 100.0 * size - 0.5
        if position <= 0.0:
            values[k] = data[0]
        elif position >= size - 1:
            values[k] = data[size - 1]
        else:
            below = int(position)
            values[k] = data[below] + (position - below) * (data[below + 1] - data[below])
    _spread_ties(values, percentiles)
    return values


@nb.njit(cache=True)
def _spread_ties(values, percentiles):  # type: ignore[no-untyped-def]
    """Let a run of equal percentiles start at its value and rise linearly to the next; the last run ends at its own."""
    size = len(values)
    at = np.empty(size)
    level = np.empty(size)
    runs = 0
    for k in range(size):
        if k == 0 or values[k] != values[k - 1]:
            at[runs], level[runs] = percentiles[k], values[k]
            runs += 1
    if runs in (1, size):
        return
    at[runs - 1] = percentiles[size - 1]
    run = 0
    for k in range(size):
        while run < runs - 2 and percentiles[k] >= at[run + 1]:
            run += 1
        share = (percentiles[k] - at[run]) / (at[run + 1] - at[run])
        values[k] = level[run] + share * (level[run + 1] - level[run])


@nb.njit(cache=True)
def _edge_slope(x, y, x0, y0):  # type: ignore[no-untyped-def]
    """Slope of the regression through (x0, y0) of sorted tail values of y on those of x; NaN where there is none."""
    size = len(y)
    if size < 2 or len(x) == 0:
        return np.nan
    partner = x
    if len(x) != size:
        ranks = np.arange(size) / (size - 1) * 100.0
        partner = _percentile_values(x, ranks)
    across, along = 0.0, 0.0
    for i in range(size):
        u = partner[i] - x0
        across += u * (y[i] - y0)
        along += u * u
    return across / along if along > 0.0 else 0.0


@nb.njit(cache=True)
def _straighten_edges(x, y, x_knots, y_knots):  # type: ignore[no-untyped-def]
    """Replace the outermost reference percentiles, which hang on one value, by a regression over the tail."""
    last = len(x_knots) - 1
    a, b = x_knots[1], y_knots[1]
    low = _edge_slope(x[: np.searchsorted(x, a, side="right")], y[: np.searchsorted(y, b, side="right")], a, b)
    c, d = x_knots[last - 1], y_knots[last - 1]
    high = _edge_slope(x[np.searchsorted(x, c, side="left") :], y[np.searchsorted(y, d, side="left") :], c, d)
    if low == low:
        y_knots[0] = b + low * (x_knots[0] - a)
    if high == high:
        y_knots[last] = d + high * (x_knots[last] - c)


@nb.njit(cache=True)
def _cdf_knots(product, reference, count, percentiles, bin_values):  # type: ignore[no-untyped-def]
    rows, knots = len(product), len(percentiles)
    x_knots = np.full((rows, knots), np.nan)
    y_knots = np.full((rows, knots), np.nan)
    narrowest = np.diff(percentiles).min()
    for row in range(rows):
        size = count[row]
        wanted = percentiles
        if size * narrowest / 100.0 < bin_values:
            bins = min(size // bin_values, knots - 1)
            if bins < 2:
                continue
            wanted = np.arange(bins + 1) / bins * 100.0
        x, y = product[row, :size], reference[row, :size]
        at, to = _percentile_values(x, wanted), _percentile_values(y, wanted)
        _straighten_edges(x, y, at, to)
        x_knots[row, : len(wanted)] = at
        y_knots[row, : len(wanted)] = to
    return x_knots, y_knots


@nb.njit(cache=True)
def _interpolate(values, x_knots, y_knots):  # type: ignore[no-untyped-def]
    rows, size = values.shape
    knots = x_knots.shape[1]
    result = np.full((rows, size), np.nan)
    slope = np.empty(knots)
    for row in range(rows):
        used = 0
        while used < knots and x_knots[row, used] == x_knots[row, used]:
            used += 1
        if used < 2:
            continue
        for k in range(used - 1):
            slope[k] = (y_knots[row, k + 1] - y_knots[row, k]) / (x_knots[row, k + 1] - x_knots[row, k])
        for i in range(size):
            value = values[row, i]
            if np.isfinite(value):
                k = 0
                while k < used - 2 and value >= x_knots[row, k + 1]:
                    k += 1
                result[row, i] = y_knots[row, k] + (value - x_knots[row, k]) * slope[k]
    return result
