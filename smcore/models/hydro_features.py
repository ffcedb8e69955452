"""Features that a hydrologist makes of forcings: antecedent means. All causal: a day sees itself and the past only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smcore.models.base import Floats


def antecedent_mean(values: Floats, steps: int) -> Floats:
    """Mean over the last ``steps`` steps, the present one included.

    Parameters
    ----------
    values
        (T, …), NaN where missing.

    Returns
    -------
    array
        (T, …); near the beginning the mean of what there is, NaN where there is nothing; float64 sums.
    """
    valid = np.isfinite(values)
    total = np.cumsum(np.where(valid, values, 0.0), axis=0, dtype=np.float64)
    number = np.cumsum(valid, axis=0, dtype=np.int64)
    if steps < len(values):
        total[steps:] -= total[:-steps].copy()
        number[steps:] -= number[:-steps].copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, total / number, np.nan).astype(np.float32)


def season(time: NDArray[np.datetime64], harmonics: int = 1) -> NDArray[np.float64]:
    """Sine and cosine of the day of year, (T, 2 · harmonics), with a year of 365.25 days."""
    day = (time - time.astype("datetime64[Y]")) / np.timedelta64(1, "D")
    angle = 2 * np.pi * np.asarray(day, np.float64)[:, None] * np.arange(1, harmonics + 1) / 365.25
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
