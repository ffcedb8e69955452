"""Pairing of records in time: for each location one walk along both series.

Values are (location, step), missing where not finite; times are int64 (location, step), or (1, step) where all
locations share the axis. Of the two sides one leads: its records are gone through in order, and ``partner`` names the
step of the other side that belongs to each, −1 none; (1, step) where it is the same for all locations.

Each parallel loop only hands out rows to a plain function: compiling it that way takes a third of the time.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone

Array = NDArray[Any]

_ROWS: Final = 8
"""Locations that one thread takes at a time."""

_DAY: Final = 86_400_000_000
_NO_TIME: Final = -(2**63)
_FAR: Final = 2**62


@numba.njit(nogil=True, cache=True)
def _is_pair(x: float, y: float) -> bool:
    return (abs(x) < np.inf) & (abs(y) < np.inf)


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def find_nearest(
    own: Array, own_time: Array, other: Array, other_time: Array, window: int, partner: Array, far: Array, taken: Array
) -> None:
    """Give each own record the other's that it and that are each other's nearest, at most ``window`` apart.

    ``far`` counts own records without any within the window, ``taken`` those whose nearest has a nearer one.
    """
    for block in numba.prange((len(own) + _ROWS - 1) // _ROWS):
        rows = (block * _ROWS, min((block + 1) * _ROWS, len(own)))
        _nearest_rows(rows, own, own_time, other, other_time, window, partner, far, taken)


@numba.njit(nogil=True, cache=True)
def _nearest_rows(
    rows: tuple[int, int],
    own: Array,
    own_time: Array,
    other: Array,
    other_time: Array,
    window: int,
    partner: Array,
    far: Array,
    taken: Array,
) -> None:
    steps, others = own.shape[1], other.shape[1]
    step, line = np.empty(steps + 1, np.int32), np.empty(steps + 1, np.int64)
    other_step, other_line = np.empty(others + 1, np.int32), np.empty(others + 1, np.int64)
    to_other, to_own = np.empty(steps, np.int32), np.empty(others, np.int32)
    for i in range(rows[0], rows[1]):
        count = _line(own[i], own_time[i % len(own_time)], step, line)
        other_count = _line(other[i], other_time[i % len(other_time)], other_step, other_line)
        _closest(line, count, other_line, other_count, to_other)
        _closest(other_line, other_count, line, count, to_own)
        far[i], taken[i] = 0, 0
        for j in range(steps):
            partner[i, j] = -1
        for a in range(count):
            b = to_other[a]
            if other_count == 0 or abs(line[a] - other_line[b]) > window:
                far[i] += 1
            elif to_own[b] == a:
                partner[i, step[a]] = other_step[b]
            else:
                taken[i] += 1


@numba.njit(nogil=True, cache=True)
def _line(values: Array, time: Array, step: Array, line: Array) -> int:
    """Gather steps and times of the values in order of time, of one time in order of steps; how many there are."""
    count = 0
    is_sorted = True
    for j in range(values.size):
        step[count], line[count] = j, time[j]
        if abs(values[j]) < np.inf:
            is_sorted &= count == 0 or line[count - 1] <= time[j]
            count += 1
    if not is_sorted:
        order = _order(line[:count])
        steps, times = step[:count].copy(), line[:count].copy()
        for k in range(count):
            step[k], line[k] = steps[order[k]], times[order[k]]
    return count


@numba.njit(nogil=True, cache=True)
def _order(times: Array) -> Array:
    return np.argsort(times, kind="mergesort")


@numba.njit(nogil=True, cache=True)
def _closest(keys: Array, count: int, others: Array, other_count: int, found: Array) -> None:
    """Index of the nearest of ``others`` to each key: the earlier of two, the first of several at one time."""
    after, first = 0, 0
    if other_count == 0:
        return
    for a in range(count):
        while after < other_count and others[after] < keys[a]:
            if after == 0 or others[after] != others[after - 1]:
                first = after
            after += 1
        before = first if after > 0 else 0
        last = min(after, other_count - 1)
        found[a] = last if abs(others[last] - keys[a]) < abs(keys[a] - others[before]) else before


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def find_days(values: Array, time: Array, first: int, place: Array, partner: Array) -> None:
    """Give each record the place of its UTC day; ``place`` (day,) holds it for the days from ``first`` on, or −1."""
    for i in numba.prange(len(values)):
        _days_of_row(values[i], time[i], first, place, partner[i])


@numba.njit(nogil=True, cache=True)
def _days_of_row(values: Array, time: Array, first: int, place: Array, partner: Array) -> None:
    for j in range(values.size):
        day = time[j] // _DAY - first if abs(values[j]) < np.inf else -1
        partner[j] = place[day] if 0 <= day < place.size else -1


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def day_limits(values: Array, time: Array, first: Array, last: Array) -> None:
    """First and last UTC day with a value at each location; ``first`` > ``last`` where there is none."""
    for i in numba.prange(len(values)):
        first[i], last[i] = _limits_of_row(values[i], time[i % len(time)])


@numba.njit(nogil=True, cache=True)
def _limits_of_row(values: Array, time: Array) -> tuple[Any, Any]:
    low, high = np.int64(_FAR), np.int64(-_FAR)
    for j in range(values.size):
        if abs(values[j]) < np.inf:
            low, high = min(low, time[j]), max(high, time[j])
    return low // _DAY, high // _DAY


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def day_means(values: Array, time: Array, first: int, needed: Array, means: Array, last: Array, few: Array) -> None:
    """Average by UTC day from ``first`` on: ``means`` (location, day), NaN where a day has too few values.

    ``needed`` (location,) says how many it must have; ``last`` (location, day) is the step of the day's last value,
    −1 where there is none; ``few`` counts the days with values, but too few.
    """
    for block in numba.prange((len(values) + _ROWS - 1) // _ROWS):
        count, latest = np.empty(means.shape[1], np.int64), np.empty(means.shape[1], np.int64)
        for i in range(block * _ROWS, min((block + 1) * _ROWS, len(values))):
            few[i] = _means_of_row(values[i], time[i % len(time)], first, needed[i], means[i], last[i], count, latest)


@numba.njit(nogil=True, cache=True)
def _means_of_row(
    values: Array, time: Array, first: int, needed: int, means: Array, last: Array, count: Array, latest: Array
) -> int:
    for day in range(means.size):
        count[day], latest[day], means[day], last[day] = 0, _NO_TIME, 0.0, -1
    for j in range(values.size):
        if abs(values[j]) < np.inf:
            day = time[j] // _DAY - first
            count[day] += 1
            means[day] += values[j]
            if time[j] >= latest[day]:
                latest[day], last[day] = time[j], j
    few = 0
    for day in range(means.size):
        few += 0 < count[day] < needed
        means[day] = means[day] / count[day] if count[day] >= needed else np.nan
    return few


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def count_values(values: Array, count: Array) -> None:
    """Count the values of each location."""
    for i in numba.prange(len(values)):
        count[i] = _count_row(values[i])


@numba.njit(nogil=True, cache=True)
def _count_row(values: Array) -> int:
    count = 0
    for j in range(values.size):
        count += abs(values[j]) < np.inf
    return count


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def count_pairs(lead: Array, other: Array, step: Array, partner: Array, count: Array, used: Array) -> None:
    """Count the pairs of each location, and the different records of the other side among them if ``used`` has room.

    ``step`` (k,) names the steps of the lead that ``partner`` (1 or location, k) belongs to.
    """
    for block in numba.prange((len(lead) + _ROWS - 1) // _ROWS):
        seen = np.empty(other.shape[1], np.bool_)
        for i in range(block * _ROWS, min((block + 1) * _ROWS, len(lead))):
            row = partner[i % len(partner)]
            count[i] = _count_pairs(lead[i], other[i], step, row)
            if used.size:
                used[i] = _count_used(lead[i], other[i], step, row, seen)


@numba.njit(nogil=True, cache=True)
def _count_pairs(lead: Array, other: Array, step: Array, partner: Array) -> int:
    count = 0
    for k in range(step.size):
        count += (partner[k] >= 0) & _is_pair(lead[np.uint32(step[k])], other[np.uint32(max(partner[k], 0))])
    return count


@numba.njit(nogil=True, cache=True)
def _count_used(lead: Array, other: Array, step: Array, partner: Array, seen: Array) -> int:
    for b in range(seen.size):
        seen[b] = False
    count = 0
    for k in range(step.size):
        b = partner[k]
        if b >= 0 and not seen[b] and _is_pair(lead[step[k]], other[b]):
            seen[b] = True
            count += 1
    return count


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def lay_pairs(
    lead: tuple[Array, Array],
    other: tuple[Array, Array],
    match: tuple[Array, Array],
    by_other: bool,
    values: tuple[Array, Array],
    times: tuple[Array, Array],
    steps: tuple[Array, Array],
) -> None:
    """Write the pairs of each location into the front of its row, in order of time, with padding behind them.

    ``lead`` and ``other`` are (values, times), ``match`` (step, partner); ``values``, ``times`` and ``steps`` are
    written, lead first, as far as they have room. The order is by the lead's time, or by the other's if ``by_other``;
    of one time as in ``step``.
    """
    count = len(lead[0])
    step = match[0]
    for block in numba.prange((count + _ROWS - 1) // _ROWS):
        own, its = np.empty(step.size + 1, np.uint32), np.empty(step.size + 1, np.uint32)
        key = np.empty(step.size, np.int64)
        for i in range(block * _ROWS, min((block + 1) * _ROWS, count)):
            own_time, its_time = lead[1][i % len(lead[1])], other[1][i % len(other[1])]
            found = _keep(lead[0][i], other[0][i], step, match[1][i % len(match[1])], own, its)
            if by_other:
                _sort(own, its, found, its_time, its, key)
            else:
                _sort(own, its, found, own_time, own, key)
            _lay(lead[0][i], own, found, values[0][i], np.nan)
            _lay(other[0][i], its, found, values[1][i], np.nan)
            _lay(own_time, own, found, times[0][i], _NO_TIME)
            if times[1].size:
                _lay(its_time, its, found, times[1][i], _NO_TIME)
            if steps[0].size:
                _lay_steps(own, found, steps[0][i])
                _lay_steps(its, found, steps[1][i])


@numba.njit(nogil=True, cache=True)
def _keep(lead: Array, other: Array, step: Array, partner: Array, own: Array, its: Array) -> int:
    """Collect the steps that make a pair, without a branch: what comes of gaps can't be foretold."""
    count = 0
    for k in range(step.size):
        a, b = np.uint32(step[k]), np.uint32(max(partner[k], 0))
        own[count], its[count] = a, b
        count += (partner[k] >= 0) & _is_pair(lead[a], other[b])
    return count


@numba.njit(nogil=True, cache=True)
def _sort(own: Array, its: Array, count: int, time: Array, step: Array, key: Array) -> None:
    """Bring pairs into the order of ``time`` at their ``step``, of one time as they are."""
    falls = 0
    for k in range(1, count):
        falls += time[step[k]] < time[step[k - 1]]
    if falls == 0:
        return
    for k in range(count):
        key[k] = time[step[k]]
    order, a, b = _order(key[:count]), own[:count].copy(), its[:count].copy()
    for k in range(count):
        own[k], its[k] = a[order[k]], b[order[k]]


@numba.njit(nogil=True, cache=True)
def _lay(source: Array, step: Array, count: int, row: Array, padding: float) -> None:
    for k in range(count):
        row[k] = source[step[k]]
    for k in range(count, row.size):
        row[k] = padding


@numba.njit(nogil=True, cache=True)
def _lay_steps(step: Array, count: int, row: Array) -> None:
    for k in range(count):
        row[k] = step[k]
    for k in range(count, row.size):
        row[k] = -1


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def take_labels(label: Array, last: Array, step: Array, out: Array) -> None:
    """Labels (location, step) of the pairs' steps, −1 in the padding; by way of ``last`` if that is not empty."""
    for i in numba.prange(len(step)):
        for k in range(step.shape[1]):
            at = step[i, k]
            if at >= 0 and last.size:
                at = last[i, at]
            out[i, k] = label[i, at] if at >= 0 else -1
