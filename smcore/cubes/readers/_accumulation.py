"""Accumulated amounts of ECMWF products turned to mean rates.

ERA5 gives the amount of the hour that ends at the stamp. ERA5-Land gives the amount since 00 UTC, so the stamp 00 has
the whole day before it (Muñoz-Sabater et al. 2021; ERA5-Land data documentation, ECMWF).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from smcore.cubes.readers._blocks import Loader
from smcore.cubes.readers._plan import Stretch

Accumulation = Literal["hourly", "since_midnight"]
Times = NDArray[np.datetime64]
_HOUR = np.timedelta64(1, "h")


def hourly(stretches: Sequence[Stretch], *, not_negative: bool) -> list[Loader]:
    """Make rates of ERA5: each amount is that of the one hour before its stamp already."""
    return [partial(_rate, one.load, None, None, 1.0, not_negative) for one in stretches]


def since_midnight(stretches: Sequence[Stretch], hours: float, *, not_negative: bool) -> list[Loader]:
    """Make rates of ERA5-Land: differences of the amounts since 00 UTC, over steps of ``hours``.

    A stamp whose step before it is missing has no rate (NaN), unless it is the first after 00 UTC.
    """
    loaders: list[Loader] = []
    before: Stretch | None = None
    for one in stretches:
        kinds = np.array([_kind(one.time[i], _previous(one, before, i), hours) for i in range(len(one.time))])
        previous = None if before is None or kinds[0] != _DIFFERENCE else before.last
        loaders.append(partial(_rate, one.load, previous, kinds, hours, not_negative))
        before = one
    return loaders


_WHOLE, _DIFFERENCE, _UNKNOWN = 0, 1, 2


def usual_step(time: Times) -> float:
    """Find the usual step [h] of a time axis; a single stamp counts as hourly."""
    if len(time) < 2:
        return 1.0
    steps, counts = np.unique(np.diff(time), return_counts=True)
    return float(steps[np.argmax(counts)] / _HOUR)


def _kind(stamp: np.datetime64, previous: np.datetime64 | None, hours: float) -> int:
    """Tell how the amount of the step before ``stamp`` is found: as it is, as a difference, or not at all."""
    since = float((stamp - stamp.astype("datetime64[D]")) / _HOUR) or 24.0
    if since == hours:
        return _WHOLE
    if previous is not None and float((stamp - previous) / _HOUR) == hours and since > hours:
        return _DIFFERENCE
    return _UNKNOWN


def _previous(one: Stretch, before: Stretch | None, step: int) -> np.datetime64 | None:
    if step > 0:
        return np.datetime64(one.time[step - 1])
    return None if before is None else np.datetime64(before.time[-1])


def _rate(
    load: Loader, previous: Loader | None, kinds: NDArray[np.int64] | None, hours: float, not_negative: bool
) -> NDArray[np.float32]:
    amount = load()
    if kinds is not None:
        before = previous() if previous is not None else np.full_like(amount[:1], np.nan)
        shifted = np.concatenate([before, amount[:-1]])
        kind = kinds[:, np.newaxis, np.newaxis]
        shifted = np.where(kind == _WHOLE, np.float32(0), np.where(kind == _DIFFERENCE, shifted, np.float32(np.nan)))
        amount = (amount - shifted) / np.float32(hours)
    # Packed accumulations differ by rounding; it can't rain a negative amount.
    return np.maximum(amount, 0) if not_negative else amount
