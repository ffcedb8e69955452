"""Anomalies: what is left of a series when its season is taken away.

- ``35d``: θ′(t) = θ(t) − mean of all values at most 17.5 days from t, its own among them. The window needs values on
  :data:`MIN_DAYS` different UTC days, else there is no anomaly at t. At either end of a series the window is one-sided.
- ``climatology``: θ minus the climatology of its calendar day. The climatology is made in three steps: a moving mean
  over 5 days at each value; the mean of these by calendar day (366 of them: 29 February is one of its own, met in leap
  years only, and 1 March is the 61st in any year); a circular mean over 35 calendar days, across New Year. A calendar
  day has a climatology where its 35 days hold values on :data:`MIN_DAYS` calendar days and of :data:`MIN_YEARS`
  different years.
- ``standardised``: the climatology anomaly divided by its own root mean square over the 35 calendar days around.

Values count one each: several of a day, or of one instant, weigh as many. Gaps are left out and never filled. Product
and reference each have their own mean, over the days that both have (:func:`pair_anomalies`); over different days the
two means would differ by their sampling alone.

pytesmo 0.18 computes the same, with these differences: it asks for one value a window (``min_obs``) and for no number
of years; it smooths gaps too where they stand in the series as NaN; its ``calc_anomaly`` numbers the days of common
years one lower after February than ``calc_climatology`` does by default (``respect_leap_years`` True and False), so
that it takes off the climatology of the day before; and its standard deviation is that of the smoothed values of one
calendar day, not of 35.

References
----------
Gruber, A. et al. (2020): Validation practices for satellite soil moisture retrievals. Remote Sens. Environ. 244,
111806, doi:10.1016/j.rse.2020.111806 (anomalies of both kinds); the numbers of days and years needed are our choice.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import MatchError, Status
from smcore.validation.matching.times import DAY, to_datetime

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METHODS: Final = ("none", "35d", "climatology", "standardised")
WINDOW_DAYS: Final = 35
SMOOTH_DAYS: Final = 5
MIN_DAYS: Final = 8
"""Days with a value that a 35-day mean needs: of fewer, a value's own share in its mean exceeds an eighth."""

MIN_YEARS: Final = 3
"""Years that a climatology needs."""

VOID: Final = ("bias", "mse_bias", "kge")
"""Metrics of the mean, which anomalies do not have."""


def anomaly(
    values: Floats, time: Ints, *, method: str = "35d", min_days: int = MIN_DAYS, min_years: int = MIN_YEARS
) -> Floats:
    """Take the season out of each series by the rules at the top of this file.

    Parameters
    ----------
    values
        (location, pair), NaN where missing.
    time
        (location, pair), or (pair,) for all locations: int64 [µs, UTC], in any order.
    method
        One of :data:`METHODS`.

    Returns
    -------
    ndarray (location, pair) float64
        In the unit of ``values`` (``standardised``: none), NaN where missing or where too few values tell the season.

    Raises
    ------
    MatchError
        If the method is unknown.
    """
    check_method(method)
    values, time = np.asarray(values, np.float64), np.atleast_2d(np.asarray(time, np.int64))
    assert values.ndim == 2
    if method == "none":
        return values
    order = _order(values, time)
    if order is not None:
        clock = np.take_along_axis(np.broadcast_to(time, values.shape), order, axis=1)
        sorted_values = np.take_along_axis(values, order, axis=1)
        result = np.empty_like(values)
        np.put_along_axis(result, order, _departures(sorted_values, clock, method, min_days, min_years), axis=1)
        return result
    return _departures(values, time, method, min_days, min_years)


def climatology(
    values: Floats, time: Ints, *, min_days: int = MIN_DAYS, min_years: int = MIN_YEARS
) -> tuple[Floats, Floats]:
    """Mean and spread of each calendar day, (location, 366) each, for ``values`` and ``time`` as in :func:`anomaly`.

    The spread is the root mean square anomaly of the 35 calendar days around. NaN where too few values tell it.
    """
    from smcore.validation.kernels.anomalies import climatologies

    values, time = np.asarray(values, np.float64), np.atleast_2d(np.asarray(time, np.int64))
    order = _order(values, time)
    if order is not None:
        time = np.take_along_axis(np.broadcast_to(time, values.shape), order, axis=1)
        values = np.take_along_axis(values, order, axis=1)
    smooth = SMOOTH_DAYS * DAY // 2
    return climatologies(values, time, smooth=smooth, window=WINDOW_DAYS, min_doys=min_days, min_years=min_years)


def seasonal(values: Floats, time: Ints, *, min_days: int = MIN_DAYS, min_years: int = MIN_YEARS) -> Floats:
    """Give the climatology of each value's calendar day, (location, pair), also where the value itself is missing.

    Parameters
    ----------
    values, time
        As in :func:`anomaly`; where a value has an anomaly by ``climatology``, the two add up to it.
    """
    from smcore.validation.kernels.anomalies import calendar_days

    mean, _ = climatology(values, time, min_days=min_days, min_years=min_years)
    clock = np.broadcast_to(np.atleast_2d(np.asarray(time, np.int64)), np.shape(values))
    return np.take_along_axis(mean, calendar_days(clock), axis=1)


def pair_anomalies(
    product: Floats, reference: Floats, product_time: Ints, reference_time: Ints, *, method: str = "35d"
) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Anomalies of both sides of pairs, each from its own season on the days that both have.

    Parameters
    ----------
    product, reference
        (location, pair), NaN where missing.
    product_time, reference_time
        (location, pair) [µs, UTC].

    Returns
    -------
    product, reference : ndarray (location, pair)
        NaN where either has no anomaly.
    status : ndarray (location,)
        ``no_overlap`` without a pair, ``too_few`` where there are pairs and no anomaly, ``constant_series`` where one
        side is constant and so has none, else ``ok``.
    """
    from smcore.validation.metrics import is_constant

    check_method(method)
    both = np.isfinite(product) & np.isfinite(reference)
    x, y = np.where(both, product, np.nan), np.where(both, reference, np.nan)
    constant = is_constant(x, y)
    x, y = anomaly(x, product_time, method=method), anomaly(y, reference_time, method=method)
    left = np.isfinite(x) & np.isfinite(y)
    status = np.full(len(x), Status.OK, object)
    status[~left.any(axis=1)] = Status.TOO_FEW
    status[constant] = Status.CONSTANT_SERIES
    status[~both.any(axis=1)] = Status.NO_OVERLAP
    return np.where(left, x, np.nan), np.where(left, y, np.nan), status


def check_method(method: str, first: int | None = None, stop: int | None = None) -> None:
    """Check a method and, where the common days ``first`` to ``stop`` [µs] are given, that they are long enough.

    Raises
    ------
    MatchError
        If the method is unknown, or asks for more years than there are.
    """
    if method not in METHODS:
        raise MatchError(f"There are no anomalies {method!r}", where="--anomaly", hint=f"choose {', '.join(METHODS)}")
    if first is None or stop is None or method not in ("climatology", "standardised"):
        return
    seasons = _seasons(first, stop)
    if seasons < MIN_YEARS:
        raise MatchError(
            f"A climatology needs {MIN_YEARS} years of common days, and there are {_text(first)} to {_text(stop - 1)}",
            where=f"--anomaly {method}",
            hint="use --anomaly 35d",
        )


def anomaly_note(method: str) -> str:
    """Say in a sentence what was taken away, for tables; empty where nothing was."""
    if method == "none":
        return ""
    what = {
        "35d": f"of the mean over {WINDOW_DAYS} days ({MIN_DAYS} days or more with a pair)",
        "climatology": f"of the climatology of the calendar day ({MIN_YEARS} years or more)",
        "standardised": f"of the climatology of the calendar day ({MIN_YEARS} years or more), divided by their spread",
    }[method]
    return f"anomalies {what}, each side its own, on common days; {', '.join(VOID)} say nothing of them"


def _departures(values: Floats, time: Ints, method: str, min_days: int, min_years: int) -> Floats:
    """Anomalies of rows in order of time."""
    from smcore.validation.kernels.anomalies import departures, window_means

    if method == "35d":
        return values - window_means(values, time, WINDOW_DAYS * DAY // 2, min_days)
    mean, spread = climatology(values, time, min_days=min_days, min_years=min_years)
    return departures(values, time, mean, spread if method == "standardised" else None)


def _order(values: Floats, time: Ints) -> Ints | None:
    """The stable order of time of each row, None where the finite values of all rows are in order already."""
    known = np.where(np.isfinite(values), time, np.iinfo(np.int64).min)
    latest = np.maximum.accumulate(known, axis=1)
    if ((known == latest) | ~np.isfinite(values)).all():
        return None
    return np.argsort(np.broadcast_to(time, values.shape), axis=1, kind="stable")


def _seasons(first: int, stop: int) -> int:
    """How often the calendar day that occurs most often may occur between two instants."""
    return -(-(stop - first) // (366 * DAY))


def _text(time: int) -> str:
    return str(to_datetime(np.array([time]))[0])[:10]
