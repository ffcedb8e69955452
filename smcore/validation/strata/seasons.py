"""Seasons and months of pairs, as strata.

Three divisions of the year, all in UTC: ``season``, the meteorological ones by their months (DJF … SON) wherever the
location lies; ``local_season``, which calls the cold half year's three months winter in either hemisphere; ``month``.
Within the tropics a local winter is a name for three months and no more.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.errors import MatchError

Ints = NDArray[np.int64]

SEASON, LOCAL_SEASON, MONTH = "season", "local_season", "month"
LABELS: Final[dict[str, tuple[str, ...]]] = {
    SEASON: ("DJF", "MAM", "JJA", "SON"),
    LOCAL_SEASON: ("winter", "spring", "summer", "autumn"),
    MONTH: ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
"""The names of the codes 0, 1, … of each division."""

NONE: Final = -1
"""Code of padding, and of a local season where the latitude is unknown."""


def season_of(time: Ints, lat: ArrayLike | None = None, *, kind: str = SEASON) -> NDArray[np.int8]:
    """Return the code of each time in ``LABELS[kind]``, −1 where there is none.

    Parameters
    ----------
    time
        (location, pair) or any other shape: int64 [µs, UTC], ``NO_TIME`` (NaT) for padding.
    lat
        (location,) latitudes [degrees north]; needed for ``local_season``. The equator counts as north.
    kind
        ``season``, ``local_season`` or ``month``.

    Raises
    ------
    MatchError
        If there is no such division.
    """
    if kind not in LABELS:
        raise MatchError(f"There are no seasons {kind!r}", hint=f"choose {', '.join(LABELS)}")
    time = np.asarray(time, np.int64)
    stamp = time.view("datetime64[us]") if time.flags.c_contiguous else time.astype("datetime64[us]")
    padding = np.isnat(stamp)
    month = np.mod(stamp.astype("datetime64[M]").astype(np.int64), 12)
    code = month if kind == MONTH else np.mod(month + 1, 12) // 3
    if kind == LOCAL_SEASON:
        assert lat is not None, "a local season needs latitudes"
        places = np.asarray(lat, np.float64)
        places = places.reshape(places.shape + (1,) * (time.ndim - places.ndim))
        code = np.where(places < 0, (code + 2) % 4, code)
        padding = padding | ~np.isfinite(places)
    return np.where(padding, NONE, code).astype(np.int8)
