"""Dates in file names."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from smcore.errors import ReaderError

_YEAR, _MONTH, _DAY = r"(?<!\d)((?:19|20)\d\d)", r"(0[1-9]|1[0-2])", r"(0[1-9]|[12]\d|3[01])"
_SEPARATOR = r"[-_.]?"
_CALENDAR: Final = _YEAR + _SEPARATOR + _MONTH + _SEPARATOR + _DAY
_HOUR: Final = re.compile(_CALENDAR + r"[T_\-]?([01]\d|2[0-3])[:\-_]?([0-5]\d)(?:[:\-_]?([0-5]\d))?(?!\d)")
_DATE: Final = re.compile(_CALENDAR + r"(?!\d)")
_DAY_OF_YEAR: Final = re.compile(_YEAR + _SEPARATOR + r"([0-3]\d\d)(?!\d)")


def date_of(name: str) -> tuple[np.datetime64, bool]:
    """Find the first date in a file name.

    Known forms, with ``-``, ``_``, ``.`` or nothing between the parts: year month day, with hour and minute or without;
    and year day-of-year.

    Returns
    -------
    (stamp, is_date)
        The stamp (UTC), and whether it is a whole day without an hour.

    Raises
    ------
    ReaderError
        ``wrong_kind``, if there is none.

    Examples
    --------
    >>> date_of("sm_20200131T0630.tif")
    (np.datetime64('2020-01-31T06:30:00.000000000'), False)
    >>> date_of("GSM3.A2020032.tif")
    (np.datetime64('2020-02-01T00:00:00.000000000'), True)
    """
    if match := _HOUR.search(name):
        year, month, day, hour, minute, second = match.groups(default="00")
        return _stamp(f"{year}-{month}-{day}T{hour}:{minute}:{second}", name), False
    if match := _DATE.search(name):
        return _stamp("-".join(match.groups()), name), True
    if (match := _DAY_OF_YEAR.search(name)) and 1 <= int(match[2]) <= 366:
        return _stamp(f"{match[1]}-01-01", name) + np.timedelta64(int(match[2]) - 1, "D"), True
    raise ReaderError(
        "The file name holds no date", code="wrong_kind", where=name, hint="name the files like sm_20200131.tif"
    )


def _stamp(text: str, name: str) -> np.datetime64:
    try:
        return np.datetime64(text, "ns")
    except ValueError as error:
        raise ReaderError(f"The date {text} in the file name does not exist", code="wrong_kind", where=name) from error
