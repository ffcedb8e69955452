"""Moments of pairs in one reading: time-major for cubes, location-major for lists of pairs.

Both kernels add what they read to a state (6, location): n, the two means, and the centred sums s_pp, s_rr, s_pr.
Within a call sums are float64 of differences from the location's first pair. That value belongs to the sample, so its
square distance from the mean is at most s_pp, and centring at the end loses no more than a factor n + 1 of the
rounding of a two-pass computation, whatever the level of the data; for a constant series every difference and with it
s_pp is exactly 0. States are joined by Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983): Algorithms for computing
the sample variance. Am. Stat. 37, 242–247, doi:10.1080/00031305.1983.10483115, eq. 2.1.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone

Array = NDArray[Any]

_WIDTH: Final = 4096
"""Locations of a block of a cube: rows long enough for streaming, six sums a location that stay in the L2 cache."""

_ROWS: Final = 64
"""Locations of a block of lists of pairs."""

_DAYS: Final = 4
"""Days read at once: sums are fetched and stored once for them, which is what the time goes to (8 do not vectorise)."""

# No nnan and ninf: a gap is a NaN, and what is infinite is no pair.
_EXACT: Final = {"contract", "nsz"}
_REORDER: Final = {"contract", "nsz", "reassoc"}


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def add_columns(product: Array, reference: Array, state: Array) -> None:
    """Add time-major pairs (time, location) to ``state`` (6, location)."""
    days, places = product.shape
    whole = days - days % _DAYS
    for block in numba.prange((places + _WIDTH - 1) // _WIDTH):
        begin = block * _WIDTH
        size = min(_WIDTH, places - begin)
        sums = np.zeros((6, _WIDTH))
        origin = np.full((2, _WIDTH), np.nan)
        missing = size
        for day in range(0, whole, _DAYS):
            missing = _add_days(product, reference, day, begin, size, origin[0], origin[1], sums, missing)
        if whole < days:
            x = np.full((_DAYS, size), np.nan, product.dtype)
            y = np.full((_DAYS, size), np.nan, reference.dtype)
            x[: days - whole] = product[whole:, begin : begin + size]
            y[: days - whole] = reference[whole:, begin : begin + size]
            _add_days(x, y, 0, 0, size, origin[0], origin[1], sums, missing)
        for i in range(size):
            _join(state, begin + i, origin[0, i], origin[1, i], sums[:, i])


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def add_rows(product: Array, reference: Array, state: Array) -> None:
    """Add location-major pairs (location, pair) to ``state`` (6, location)."""
    places, length = product.shape
    for block in numba.prange((places + _ROWS - 1) // _ROWS):
        for place in range(block * _ROWS, min((block + 1) * _ROWS, places)):
            x, y = product[place], reference[place]
            first = 0
            while first < length and not abs(np.float64(x[first]) - np.float64(y[first])) < np.inf:
                first += 1
            if first < length:
                origin_x, origin_y = np.float64(x[first]), np.float64(y[first])
                _join(state, place, origin_x, origin_y, _row_sums(x[first:], y[first:], origin_x, origin_y))


@numba.njit(nogil=True, cache=True)
def _add_days(
    x: Array, y: Array, day: int, begin: int, size: int, origin_x: Array, origin_y: Array, sums: Array, missing: int
) -> int:
    """Add some days of a block, of which ``missing`` locations have no pair yet; how many have none then."""
    if missing > 0:
        _find_origins(x, y, day, begin, size, origin_x, origin_y)
        missing = 0
        for i in range(size):
            missing += np.isnan(origin_x[i])
    if missing < size:
        _add_pairs(x, y, day, begin, size, origin_x, origin_y, sums)
    return missing


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _find_origins(x: Array, y: Array, day: int, begin: int, size: int, origin_x: Array, origin_y: Array) -> None:
    """Take the first pair of each location that has none yet; selections only, since a branch is not vectorised."""
    for i in range(size):
        p = begin + i
        first_x, first_y = origin_x[i], origin_y[i]
        for k in range(_DAYS):
            u, v = np.float64(x[day + k, p]), np.float64(y[day + k, p])
            both = abs(u - v) < np.inf
            pair_x, pair_y = u if both else np.nan, v if both else np.nan
            first_x = pair_x if first_x != first_x else first_x
            first_y = pair_y if first_y != first_y else first_y
        origin_x[i], origin_y[i] = first_x, first_y


@numba.njit(fastmath=_EXACT, nogil=True, cache=True)
def _add_pairs(
    x: Array, y: Array, day: int, begin: int, size: int, origin_x: Array, origin_y: Array, sums: Array
) -> None:
    """Add to the sums; before a location's first pair its origin is NaN, so nothing is added."""
    for i in range(size):
        p = begin + i
        ox, oy = origin_x[i], origin_y[i]
        count, sx, sy, sxx, syy, sxy = sums[0, i], sums[1, i], sums[2, i], sums[3, i], sums[4, i], sums[5, i]
        for k in range(_DAYS):
            u, v = np.float64(x[day + k, p]) - ox, np.float64(y[day + k, p]) - oy
            both = abs(u - v) < np.inf
            u, v = u if both else 0.0, v if both else 0.0
            count += 1.0 if both else 0.0
            sx += u
            sy += v
            sxx += u * u
            syy += v * v
            sxy += u * v
        sums[0, i], sums[1, i], sums[2, i], sums[3, i], sums[4, i], sums[5, i] = count, sx, sy, sxx, syy, sxy


@numba.njit(fastmath=_REORDER, nogil=True, cache=True)
def _row_sums(x: Array, y: Array, origin_x: float, origin_y: float) -> tuple[float, ...]:
    count, sx, sy, sxx, syy, sxy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        dx, dy = np.float64(x[i]) - origin_x, np.float64(y[i]) - origin_y
        both = abs(dx - dy) < np.inf
        u, v = dx if both else 0.0, dy if both else 0.0
        count += 1.0 if both else 0.0
        sx += u
        sy += v
        sxx += u * u
        syy += v * v
        sxy += u * v
    return count, sx, sy, sxx, syy, sxy


@numba.njit(nogil=True, cache=True)
def _join(state: Array, place: int, origin_x: float, origin_y: float, sums: Any) -> None:
    """Centre the sums of differences from the origin and join them to the state of ``place``."""
    count = sums[0]
    if count == 0:
        return
    mean_x, mean_y = sums[1] / count, sums[2] / count
    s_xx = max(sums[3] - sums[1] * mean_x, 0.0)
    s_yy = max(sums[4] - sums[2] * mean_y, 0.0)
    s_xy = sums[5] - sums[1] * mean_y
    before = state[0, place]
    after = before + count
    state[0, place] = after
    if before == 0:
        state[1, place], state[2, place] = origin_x + mean_x, origin_y + mean_y
        state[3, place], state[4, place], state[5, place] = s_xx, s_yy, s_xy
        return
    dx, dy = origin_x + mean_x - state[1, place], origin_y + mean_y - state[2, place]
    weight = before * (count / after)
    state[1, place] += dx * (count / after)
    state[2, place] += dy * (count / after)
    state[3, place] += s_xx + dx * dx * weight
    state[4, place] += s_yy + dy * dy * weight
    state[5, place] += s_xy + dx * dy * weight
