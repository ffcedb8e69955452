"""What happens to values between file and pairing: times, masks, counts, and the turn from maps to series.

Values are (location, step), float32 or float64, missing where not finite. Masks write NaN in place and return, location
by location, what is left.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone

Array = NDArray[Any]

_NO_TIME: Final = -(2**63)
_CELLS: Final = 16
"""Cells that are turned from maps into series together: a cache line of float32 on the way in."""


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def take_values(
    values: Array, time: Array, limits: tuple[int, int], kept: Array, out: Array, offered: Array, left: Array
) -> None:
    """Copy what lies within the limits at the steps ``kept``; ``offered`` counts what does at any step.

    ``time`` is (location, step), or (1, step) where all locations share it.
    """
    for i in numba.prange(len(values)):
        offered[i], left[i] = _take_row(values[i], time[i % len(time)], limits[0], limits[1], kept, out[i])


@numba.njit(nogil=True, cache=True)
def _take_row(values: Array, time: Array, low: int, high: int, kept: Array, out: Array) -> tuple[int, int]:
    offered, left = 0, 0
    for j in range(values.size):
        there = (abs(values[j]) < np.inf) & (time[j] >= low) & (time[j] < high)
        stays = there & kept[j]
        offered += there
        left += stays
        out[j] = values[j] if stays else np.nan
    return offered, left


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def mask_quality(values: Array, quality: Array, bits: tuple[int, int], recommended: Array, left: Array) -> None:
    """Keep retrievals (quality ≥ 0) with none of the second bits set; count those with none of the first.

    Negative bits stand for no rule: then nothing is masked, or everything is recommended.
    """
    for i in numba.prange(len(values)):
        recommended[i], left[i] = _quality_of_row(values[i], quality[i], bits[0], bits[1])


@numba.njit(nogil=True, cache=True)
def _quality_of_row(values: Array, quality: Array, advised: int, rule: int) -> tuple[int, int]:
    recommended, left = 0, 0
    for j in range(values.size):
        there = abs(values[j]) < np.inf
        recommended += there & ((advised < 0) | ((quality[j] >= 0) & ((quality[j] & advised) == 0)))
        stays = there & ((rule < 0) | ((quality[j] >= 0) & ((quality[j] & rule) == 0)))
        left += stays
        values[j] = values[j] if stays else np.nan
    return recommended, left


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def mask_flags(values: Array, flag: Array, allowed: int, unflagged: Array, left: Array) -> None:
    """Keep values with an allowed flag and no other; all of them where a location has no flag at all."""
    for i in numba.prange(len(values)):
        unflagged[i], left[i] = _flags_of_row(values[i], flag[i], allowed)


@numba.njit(nogil=True, cache=True)
def _flags_of_row(values: Array, flag: Array, allowed: int) -> tuple[int, int]:
    highest = 0
    for j in range(flag.size):
        highest = max(highest, flag[j])
    left = 0
    for j in range(values.size):
        good = (highest <= 0) | (((flag[j] & allowed) != 0) & ((flag[j] & ~allowed) == 0))
        stays = good & (abs(values[j]) < np.inf)
        left += stays
        values[j] = values[j] if stays else np.nan
    return highest <= 0, left


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def times_seen(observed: Array, nominal: Array, per_microsecond: int, out: Array) -> None:
    """Times in µs from observation times in ``per_microsecond`` units each, nominal (step,) where there is none."""
    for i in numba.prange(len(observed)):
        for j in range(nominal.size):
            seen = observed[i, j]
            out[i, j] = nominal[j] if seen == _NO_TIME else seen // per_microsecond


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def mask_unseen(values: Array, observed: Array, left: Array) -> None:
    """Keep values whose time of observation is known."""
    for i in numba.prange(len(values)):
        left[i] = _unseen_of_row(values[i], observed[i])


@numba.njit(nogil=True, cache=True)
def _unseen_of_row(values: Array, observed: Array) -> int:
    left = 0
    for j in range(values.size):
        stays = (abs(values[j]) < np.inf) & (observed[j] != _NO_TIME)
        left += stays
        values[j] = values[j] if stays else np.nan
    return left


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def median_steps(values: Array, time: Array, usual: int, out: Array) -> None:
    """Median distance in time of the values that follow one another, times that come twice taken once; NaN if none."""
    for i in numba.prange(len(values)):
        out[i] = _median_step(values[i], time[i % len(time)], usual)


@numba.njit(nogil=True, cache=True)
def _median_step(values: Array, time: Array, usual: int) -> float:
    steps = np.empty(values.size, np.int64)
    count, same, before = 0, 0, np.int64(_NO_TIME)
    for j in range(values.size):
        if abs(values[j]) < np.inf:
            if before != _NO_TIME and time[j] != before:
                steps[count] = time[j] - before
                same += steps[count] == usual
                count += 1
            before = time[j]
    if count == 0:
        return np.nan
    return float(usual) if 2 * same > count else float(np.median(steps[:count]))


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def gap_ages(source: Array, day: Array, origin: Array, age: Array) -> None:
    """Origin of each value, 0 for any unknown code, and days since the last step observed, −1 before any was.

    ``origin`` and ``age`` hold the last steps of ``source`` only.
    """
    for i in numba.prange(len(source)):
        _ages_of_row(source[i], day, origin[i], age[i])


@numba.njit(nogil=True, cache=True)
def _ages_of_row(source: Array, day: Array, origin: Array, age: Array) -> None:
    skipped = source.size - origin.size
    last = -1
    for j in range(source.size):
        last = j if source[j] == 1 else last
        if j >= skipped:
            origin[j - skipped] = source[j] if 1 <= source[j] <= 3 else 0
            age[j - skipped] = min(day[j] - day[last], 32767) if last >= 0 else -1


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def series_of_cells(maps: Array, rows: Array, columns: Array, out: Array) -> None:
    """Series (cell, step) of some cells of maps (step, row, column)."""
    steps = len(maps)
    for block in numba.prange((rows.size + _CELLS - 1) // _CELLS):
        first, stop = block * _CELLS, min((block + 1) * _CELLS, rows.size)
        for step in range(steps):
            for cell in range(first, stop):
                out[cell, step] = maps[step, rows[cell], columns[cell]]
