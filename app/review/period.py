"""Periods that are marked by a drag: whole days or hours, never finer than a hand on a screen can mean."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from app.page.language import tr

HOURS_BELOW: Final = np.timedelta64(10, "D")
"""A drag marks whole hours where less than this is shown, else whole days (our choice)."""

_SECOND: Final = np.timedelta64(1, "s")
_FIRST, _LAST = "T00:00:00", "T23:59:59"


def snapped(first: np.datetime64, last: np.datetime64, shown: np.timedelta64) -> tuple[str, str]:
    """First and last second, UTC, of the whole days or hours that a drag touches.

    Parameters
    ----------
    shown
        How long a period the series shows: below :data:`HOURS_BELOW` hours are marked.
    """
    unit: Literal["h", "D"] = "h" if shown < HOURS_BELOW else "D"
    begin, end = first.astype(f"datetime64[{unit}]"), last.astype(f"datetime64[{unit}]") + np.timedelta64(1, unit)
    return str(begin.astype("datetime64[s]")), str(end.astype("datetime64[s]") - _SECOND)


def period_text(start: str, end: str) -> str:
    """A period in words, both ends included: days alone where it is of whole days; an open end is «…»."""
    if not start and not end:
        return tr("the whole record")
    if (not start or start.endswith(_FIRST)) and (not end or end.endswith(_LAST)):
        return f"{start[:10] or '…'} – {end[:10] or '…'}"
    return f"{start.replace('T', ' ') or '…'} – {end.replace('T', ' ') or '…'}"
