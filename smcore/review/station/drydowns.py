"""One dry-down: an exponential fitted to a falling record, and how well its time-scale is known.

The model is that of McColl et al. (2017): θ(t) = θ_w + Δθ exp(−t/τ) after a rise.

References
----------
McColl, K. A. et al. (2017): Global characterization of surface soil moisture drydowns, Geophys. Res. Lett. 44,
3682–3690, doi:10.1002/2017GL072819.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SHORTEST_D, LONGEST_D = 0.1, 200.0
"""Time-scales that are looked at [d]: beyond, a record of weeks is a step or a straight line. Ours."""
_GRID: Final = np.geomspace(SHORTEST_D, LONGEST_D, 241)
LEVEL: Final = 0.95
LEAST_OBS: Final = 4
"""Three numbers are fitted. Ours."""


@dataclass(frozen=True)
class Fit:
    """An exponential fitted to a dry-down.

    Attributes
    ----------
    tau, lower, upper
        e-folding time and its 95 % interval [d] by the likelihood's profile; an end of the interval that lies beyond
        what is looked at is 0 or inf. Residuals are taken to be independent, which makes the interval too narrow where
        records follow each other closely.
    amplitude, floor
        Δθ and θ_w, in the unit of the record. The floor is not below zero; a fit that is held there and does not see
        one e-folding has no upper end of its interval.
    rmse, r2
        Of the fit; the unit of the record, and 1.
    n
        Number of values.
    """

    tau: float
    lower: float
    upper: float
    amplitude: float
    floor: float
    rmse: float
    r2: float
    n: int

    @property
    def is_bounded(self) -> bool:
        """Whether the record tells τ at all: both ends of its interval are known."""
        return self.lower > 0 and bool(np.isfinite(self.upper))

    def curve(self, days: ArrayLike) -> Floats:
        """The fitted values at days after the beginning."""
        return np.asarray(self.floor + self.amplitude * np.exp(-np.asarray(days, dtype=np.float64) / self.tau))


def fit_drydown(days: ArrayLike, value: ArrayLike) -> Fit | None:
    """Fit an exponential that falls to a floor of zero or more.

    Parameters
    ----------
    days : array (n,)
        Days since the beginning, any spacing.
    value : array (n,)
        NaN is left out.

    Returns
    -------
    Fit or None
        None with fewer than :data:`LEAST_OBS` values, or where no falling exponential fits better than a constant.
    """
    t, y = (np.asarray(one, dtype=np.float64) for one in (days, value))
    there = np.isfinite(t) & np.isfinite(y)
    t, y = t[there], y[there]
    spread = float(((y - y.mean()) ** 2).sum()) if len(y) else 0.0
    if len(y) < LEAST_OBS or spread <= 1e-12 * float((y**2).sum()):
        return None
    misfit = _at(_GRID, t, y)[2]
    best = int(np.argmin(misfit))
    around = np.geomspace(_GRID[max(best - 1, 0)], _GRID[min(best + 1, len(_GRID) - 1)], 41)
    fine = _at(around, t, y)
    at = int(np.argmin(fine[2]))
    tau, least = float(around[at]), float(fine[2][at])
    if fine[0][at] <= 0 or least >= spread:
        return None
    lower, upper = _interval(misfit, least, len(y))
    if fine[1][at] == 0 and np.ptp(t) < tau:  # held by the bound of the floor, not by what was seen
        upper = np.inf
    return Fit(
        tau, min(lower, tau), max(upper, tau), float(fine[0][at]), float(fine[1][at]),
        float(np.sqrt(least / len(y))), 1 - least / spread, len(y),
    )  # fmt: skip


def _at(tau: Floats, t: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Best amplitude and floor for each τ, and the sum of squares that is left: (k,) each."""
    shape = np.exp(-t[None] / tau[:, None])
    mean = shape.mean(axis=1)
    centred = shape - mean[:, None]
    size = (centred**2).sum(axis=1)
    amplitude = np.divide(centred @ (y - y.mean()), size, out=np.zeros(len(tau)), where=size > 1e-12)
    floor = y.mean() - amplitude * mean
    below = floor < 0
    amplitude = np.where(below, (shape @ y) / (shape**2).sum(axis=1), amplitude)
    floor = np.where(below, 0.0, floor)
    return amplitude, floor, ((y - floor[:, None] - amplitude[:, None] * shape) ** 2).sum(axis=1)


def _interval(misfit: Floats, least: float, n: int) -> tuple[float, float]:
    """Where the sum of squares is not larger than chance makes it: profile of a fit of three numbers."""
    from scipy.special import fdtri

    if n <= 3:
        return 0.0, np.inf
    limit = max(least, 1e-12) * (1 + float(fdtri(1, n - 3, LEVEL)) / (n - 3))
    inside = np.flatnonzero(misfit <= limit)
    if not len(inside):
        return float(_GRID[int(np.argmin(misfit))]), float(_GRID[int(np.argmin(misfit))])
    first, last = int(inside[0]), int(inside[-1])
    return (
        0.0 if first == 0 else _crossing(misfit, first - 1, limit),
        np.inf if last == len(_GRID) - 1 else _crossing(misfit, last, limit),
    )


def _crossing(misfit: Floats, at: int, limit: float) -> float:
    """The τ between two of the grid at which the profile reaches the limit."""
    low, high = misfit[at], misfit[at + 1]
    share = 0.5 if low == high else float(np.clip((limit - low) / (high - low), 0, 1))
    return float(_GRID[at] * (_GRID[at + 1] / _GRID[at]) ** share)
