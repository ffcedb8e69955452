"""When two sides are compared: records within a window or UTC days, and the period that both have."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smcore.errors import MatchError
from smcore.validation.matching.sides import Masks, Side
from smcore.validation.matching.times import DAY, HOUR, microseconds

DEFAULT_WINDOW = HOUR


def time_rule(product: Side, reference: Side, time_window: int | None, *, daily: bool) -> tuple[int | None, str]:
    """Decide between records within a window [µs] and UTC days (None), and say the rule in words.

    Raises
    ------
    MatchError
        If a window is asked for where there are no times of observation, or both are asked for.
    """
    sides = (product, reference)
    days = "pairs: UTC days; a day of a series counts where it has half of its records or more"
    if any(side.has_overpass for side in sides):
        days += "; retrievals are not averaged, each is a pair of its own"
    for side in sides:
        if side.support.hours > 24:
            raise MatchError(f"{side.name} has means over {side.support.hours:g} h, longer than a day")
    if daily and time_window is not None:
        raise MatchError("--daily and --time-window exclude each other", hint="give one of them")
    means = [side.name for side in sides if side.support.is_daily]
    nominal = [side.name for side in sides if not side.exact_times and not side.support.is_daily]
    if time_window is not None and means:
        raise MatchError(
            f"{means[0]} has means of whole days, which have no time of day", where="--time-window", hint="use --daily"
        )
    if time_window is not None and nominal:
        raise MatchError(
            f"{nominal[0]} does not say when each value was observed (no obs_time; its steps are nominal)",
            where="--time-window",
            hint="use --daily",
        )
    if daily or means:
        return None, days
    if nominal:
        return None, f"{days}; by days since {nominal[0]} does not say when each value was observed"
    window = DEFAULT_WINDOW if time_window is None else time_window
    if not 0 <= window <= DAY:
        raise MatchError("The time window must lie between 0 and 24 h", where="--time-window", hint="use --daily")
    return window, f"pairs: records nearest to each other, at most {_window_text(window)} apart, each used once"


def common_period(product: Side, reference: Side, masks: Masks, window: int) -> tuple[int, int]:
    """Find the days that both have and that were asked for, a window more at either end where records are paired.

    Raises
    ------
    MatchError
        If there is none; both periods are named.
    """
    spans = [side.span for side in (product, reference) if len(side.stamps)]
    begin, stop = max((s[0] for s in spans), default=0), min((s[1] for s in spans), default=0)
    asked_first, asked_last = period_limits(masks.start, masks.end)
    first, last = max(begin - window, asked_first), min(stop + window, asked_last)
    asked = "" if masks.start is masks.end is None else f"; asked for {masks.start or '…'} to {masks.end or '…'}"
    if len(spans) < 2 or begin >= stop or first >= last:
        raise MatchError(
            f"{product.name} ({product.period}) and {reference.name} ({reference.period}) "
            f"do not overlap in time{asked}",
            hint="choose data of one period",
        )
    return first, last


def period_limits(start: str | None, end: str | None) -> tuple[int, int]:
    """First instant and the instant after the last [µs]; wide open where a day is None.

    Raises
    ------
    MatchError
        If a day can't be read or the end is before the start.
    """
    limits = np.iinfo(np.int64)
    first, last = (None if day is None else _day(day) for day in (start, end))
    if first is not None and last is not None and last < first:
        raise MatchError(f"The end {end} is before the start {start}", where="--start, --end")
    return limits.min if first is None else first, limits.max if last is None else last + DAY


def _day(text: str) -> int:
    try:
        stamp = pd.Timestamp(text)
    except (ValueError, TypeError) as error:
        raise MatchError(f"{text!r} is not a date", hint="write it as 2020-01-31") from error
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    return int(microseconds(np.array([stamp.normalize().to_datetime64()]))[0])


def _window_text(window: int) -> str:
    hours, rest = divmod(window, HOUR)
    return f"{hours} h" if not rest else f"{window / 60_000_000:g} min"
