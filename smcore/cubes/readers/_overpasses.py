"""Observations on steps: one morning and one evening step for each UTC day, and further steps for what is left."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore import names

HOURS: Final = {names.AM: np.timedelta64(6, "h"), names.PM: np.timedelta64(18, "h")}
"""Nominal UTC hour of a step; obs_time has the real one."""
_NOON = np.timedelta64(12, "h")
_MINUTE = np.timedelta64(1, "m")
_CODES: Final = {1: names.AM, 2: names.PM}


def stamps(
    time: NDArray[np.datetime64], place: NDArray[np.int64], code: NDArray[np.integer]
) -> tuple[NDArray[np.datetime64], int]:
    """Give each observation the stamp of its step.

    The first observation of a place, UTC day and overpass goes to 06:00 (am) or 18:00 (pm); every further one of that
    place and day, and every one of an unknown overpass, to 12:00, 12:01 and so on in the order of their times.

    Parameters
    ----------
    time, place, code
        (observations,): time, number of the place, overpass (1 = am, 2 = pm, else unknown), in any order.

    Returns
    -------
    (stamps, further)
        Stamps (observations,), and how many observations went to further steps.
    """
    day = time.astype("datetime64[D]")
    known = np.isin(code, list(_CODES))
    rank = _rank(place, day.astype(np.int64), np.where(known, code, 0), time.astype(np.int64))
    further = ~known | (rank > 0)
    result = day.astype("datetime64[ns]")
    for number, label in _CODES.items():
        result[(code == number) & ~further] += HOURS[label]
    order = _rank(place[further], day[further].astype(np.int64), time[further].astype(np.int64))
    result[further] += _NOON + order * _MINUTE
    return result, int(further.sum())


def labels(stamp: NDArray[np.datetime64]) -> NDArray[np.str_]:
    """Label steps stamped by :func:`stamps` ``am``, ``pm`` or ``unknown``."""
    hour = stamp - stamp.astype("datetime64[D]")
    return np.where(hour == HOURS[names.AM], names.AM, np.where(hour == HOURS[names.PM], names.PM, names.UNKNOWN))


def _rank(*keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count, from 0 and in the order of the last key, the entries that share all other keys."""
    count = len(keys[0])
    order = np.lexsort(keys[::-1])
    begins = np.zeros(count, bool)
    begins[:1] = True
    for key in keys[:-1]:
        begins[1:] |= np.diff(key[order]) != 0
    position = np.arange(count)
    first = np.maximum.accumulate(np.where(begins, position, 0))
    rank = np.empty(count, np.int64)
    rank[order] = position - first
    return rank
