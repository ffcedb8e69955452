"""Moving means and climatologies of many irregular series, each value touched a fixed number of times.

Series come as rows in order of time; NaN is a gap. The rules are stated in :mod:`smcore.validation.anomalies`.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DOYS = 366
"""Calendar days of a year, 29 February among them, so that 1 March is the 61st in any year."""

_DAY = 86_400_000_000  # microseconds
_FIRST_MONTH_DAYS = np.array([0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335])


def window_means(values: Floats, time: Ints, reach: int, min_days: int) -> Floats:
    """Mean over all values of the row at most ``reach`` [µs] away in time, at each value.

    Parameters
    ----------
    values
        (location, value) float64, NaN where missing.
    time
        (location, value), or (1, value) shared by all locations: int64 [µs], not falling over the finite values.
    min_days
        UTC days with a value that the window needs; NaN below, and where the value is missing.
    """
    values, time = _checked(values, time)
    return _window_means(values, time, reach, min_days)  # type: ignore[no-any-return]


def climatologies(
    values: Floats, time: Ints, *, smooth: int, window: int, min_doys: int, min_years: int
) -> tuple[Floats, Floats]:
    """Mean and spread of every calendar day, (location, 366) each, NaN where too little is known.

    Parameters
    ----------
    values, time
        As in :func:`window_means`.
    smooth
        Half width [µs] of the moving mean over the values before they are averaged by calendar day.
    window
        Width in calendar days, odd, of the circular mean over them.
    min_doys, min_years
        Calendar days and different years with a value that this window needs.
    """
    values, time = _checked(values, time)
    assert window % 2 == 1
    smoothed = _window_means(values, time, smooth, 1)
    calendar = _calendar(values, time)
    return _climatologies(values, smoothed, time, *calendar, window // 2, min_doys, min_years)  # type: ignore[no-any-return]


def departures(values: Floats, time: Ints, mean: Floats, spread: Floats | None) -> Floats:
    """Values minus the ``mean`` (location, 366) of their calendar day, divided by their ``spread`` where one is given.

    NaN where the value or its mean is, or where the spread is not above 0.
    """
    values, time = _checked(values, time)
    assert mean.shape == (len(values), DOYS)
    assert spread is None or spread.shape == mean.shape
    first, _, doys = _calendar(values, time)
    scales = np.ones((1, DOYS)) if spread is None else np.ascontiguousarray(spread)
    return _departures(values, time, np.ascontiguousarray(mean), scales, first, doys)  # type: ignore[no-any-return]


def calendar_days(time: Ints) -> Ints:
    """Calendar day, 0…365 with 29 February among them, of each time [µs]; of any shape."""
    days = time // _DAY
    if not days.size:
        return np.zeros(days.shape, np.int64)
    first = int(days.min())
    _, doys = _years_and_doys(first, int(days.max()) - first + 1)
    return np.asarray(doys[days - first], np.int64)


def _checked(values: Floats, time: Ints) -> tuple[Floats, Ints]:
    assert values.ndim == time.ndim == 2
    assert time.shape in (values.shape, (1, values.shape[1]))
    return np.ascontiguousarray(values, dtype=np.float64), np.ascontiguousarray(time, dtype=np.int64)


def _calendar(values: Floats, time: Ints) -> tuple[int, Ints, Ints]:
    """Year and calendar day of all days between the first and the last finite value, and the first one."""
    first, last = _day_range(values, time)
    years, doys = _years_and_doys(first, max(last - first + 1, 0))
    return int(first), years, doys


@nb.njit(cache=True)
def _day(time):  # type: ignore[no-untyped-def]
    return time // _DAY


@nb.njit(cache=True)
def _year_and_doy(day):  # type: ignore[no-untyped-def]
    """Civil year and calendar day (0…365) of a day since 1970, after H. Hinnant, chrono-compatible date algorithms."""
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    since_march = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * since_march + 2) // 153
    of_month = since_march - (153 * month + 2) // 5
    month = month + 2 if month < 10 else month - 10
    year = year_of_era + era * 400 + (1 if month < 2 else 0)
    return year, _FIRST_MONTH_DAYS[month] + of_month


@nb.njit(cache=True)
def _years_and_doys(first, count):  # type: ignore[no-untyped-def]
    years, doys = np.empty(count, np.int64), np.empty(count, np.int64)
    for i in range(count):
        years[i], doys[i] = _year_and_doy(first + i)
    return years, doys


@nb.njit(cache=True)
def _day_range(values, time):  # type: ignore[no-untyped-def]
    first, last = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    for row in range(len(values)):
        clock = time[row if len(time) > 1 else 0]
        for i in range(values.shape[1]):
            if np.isfinite(values[row, i]):
                first, last = min(first, clock[i]), max(last, clock[i])
    return _day(first), _day(last) if last > first else _day(first)


@nb.njit(cache=True)
def _means_of_row(values, time, reach, min_days, out):  # type: ignore[no-untyped-def]
    """Window means of one gapless row, from running sums of differences to its first value."""
    size = len(values)
    total = np.zeros(size + 1)
    days = np.zeros(size + 1, np.int64)
    for i in range(size):
        total[i + 1] = total[i] + (values[i] - values[0])
        days[i + 1] = days[i] + (1 if i == 0 or _day(time[i]) != _day(time[i - 1]) else 0)
    first, stop = 0, 0
    for i in range(size):
        while time[i] - time[first] > reach:
            first += 1
        while stop < size and time[stop] - time[i] <= reach:
            stop += 1
        if days[stop] - days[first + 1] + 1 >= min_days:
            out[i] = values[0] + (total[stop] - total[first]) / (stop - first)
        else:
            out[i] = np.nan


@nb.njit(cache=True)
def _gather(values, at):  # type: ignore[no-untyped-def]
    """Positions of the finite values of a row, put into ``at``; their number."""
    count = 0
    for i in range(len(values)):
        if np.isfinite(values[i]):
            at[count] = i
            count += 1
    return count


@nb.njit(cache=True)
def _window_means(values, time, reach, min_days):  # type: ignore[no-untyped-def]
    rows, size = values.shape
    result = np.full((rows, size), np.nan)
    at = np.empty(size, np.int64)
    for row in range(rows):
        clock = time[row if len(time) > 1 else 0]
        count = _gather(values[row], at)
        where = at[:count]
        means = np.empty(count)
        _means_of_row(values[row][where], clock[where], reach, min_days, means)
        for k in range(count):
            result[row, where[k]] = means[k]
    return result


@nb.njit(cache=True)
def _circular(sums, counts, half):  # type: ignore[no-untyped-def]
    """Sums and counts (366,) over a circular window of 2 · half + 1 calendar days."""
    total, number = np.empty(DOYS), np.empty(DOYS)
    a, b = 0.0, 0.0
    for d in range(-half, half + 1):
        a += sums[d % DOYS]
        b += counts[d % DOYS]
    for d in range(DOYS):
        total[d], number[d] = a, b
        a += sums[(d + half + 1) % DOYS] - sums[(d - half) % DOYS]
        b += counts[(d + half + 1) % DOYS] - counts[(d - half) % DOYS]
    return total, number


@nb.njit(cache=True)
def _years_seen(seen, half):  # type: ignore[no-untyped-def]
    """In how many years (of ``seen``: year · 366 + calendar day) the window around each calendar day has a value."""
    span = len(seen)
    before = np.zeros(span + 1, np.int64)
    for i in range(span):
        before[i + 1] = before[i] + seen[i]
    years = np.zeros(DOYS, np.int64)
    # A window around New Year is one winter, not two years: count windows on the line, also those just beyond it.
    for centre in range(-half, span + half):
        first, stop = max(centre - half, 0), min(centre + half + 1, span)
        if before[stop] > before[first]:
            years[centre % DOYS] += 1
    return years


@nb.njit(cache=True)
def _climatology_of_row(values, smoothed, year, doy, half, min_doys, min_years, mean, spread):  # type: ignore[no-untyped-def]
    count = len(values)
    first_year = year.min()
    seen = np.zeros((year.max() - first_year + 1) * DOYS, np.int64)
    sums, counts = np.zeros(DOYS), np.zeros(DOYS)
    origin = smoothed[0]
    for i in range(count):
        seen[(year[i] - first_year) * DOYS + doy[i]] = 1
        sums[doy[i]] += smoothed[i] - origin
        counts[doy[i]] += 1.0
    known = np.zeros(DOYS)
    for d in range(DOYS):
        if counts[d] > 0:
            sums[d] = sums[d] / counts[d]
            known[d] = 1.0
    total, number = _circular(sums, known, half)
    years = _years_seen(seen, half)
    for d in range(DOYS):
        if number[d] >= min_doys and years[d] >= min_years:
            mean[d] = origin + total[d] / number[d]
    squares, counts = np.zeros(DOYS), np.zeros(DOYS)
    for i in range(count):
        departure = values[i] - mean[doy[i]]
        if departure == departure:
            squares[doy[i]] += departure * departure
            counts[doy[i]] += 1.0
    total, number = _circular(squares, counts, half)
    for d in range(DOYS):
        if mean[d] == mean[d] and number[d] > 1:
            spread[d] = np.sqrt(max(total[d], 0.0) / number[d])


@nb.njit(cache=True)
def _climatologies(values, smoothed, time, first, years, doys, half, min_doys, min_years):  # type: ignore[no-untyped-def]
    rows, size = values.shape
    mean, spread = np.full((rows, DOYS), np.nan), np.full((rows, DOYS), np.nan)
    at = np.empty(size, np.int64)
    year, doy = np.empty(size, np.int64), np.empty(size, np.int64)
    for row in range(rows):
        clock = time[row if len(time) > 1 else 0]
        count = _gather(values[row], at)
        if count == 0:
            continue
        where = at[:count]
        for k in range(count):
            day = _day(clock[where[k]]) - first
            year[k], doy[k] = years[day], doys[day]
        _climatology_of_row(
            values[row][where], smoothed[row][where], year[:count], doy[:count], half, min_doys, min_years,
            mean[row], spread[row],
        )  # fmt: skip
    return mean, spread


@nb.njit(cache=True)
def _departures(values, time, mean, spread, first, doys):  # type: ignore[no-untyped-def]
    rows, size = values.shape
    result = np.full((rows, size), np.nan)
    for row in range(rows):
        clock, scale = time[row if len(time) > 1 else 0], spread[row if len(spread) > 1 else 0]
        for i in range(size):
            if np.isfinite(values[row, i]):
                doy = doys[_day(clock[i]) - first]
                if scale[doy] > 0.0:
                    result[row, i] = (values[row, i] - mean[row, doy]) / scale[doy]
    return result
