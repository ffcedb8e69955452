"""What is held back from the fit to calibrate the error band: places and days that are neither fitted nor scored.

The calibration resembles the test. Where locations are held out, a tenth of the other groups of locations is kept from
the fit (with a buffer: the locations that it hides anyway); where another period or other values of the same locations
are scored, every tenth stretch of days; where both, the held-back locations on the held-back days. OURS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore.grids import ease
from smcore.training.splits import Split

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Degrees = NDArray[np.float64]

SHARE = 0.1
_LEAST_GROUPS = 20  # of locations, to hold any back
_LEAST_STRETCHES = 20
_LONGEST = 10  # days of a stretch
_BLOCK_DEG = 2.0


@dataclass(frozen=True, eq=False)
class Holdback:
    """What no fit sees; None where it is no matter of that.

    Parameters
    ----------
    places
        (N,) locations of the targets, then of the sites.
    steps
        (T,) steps.
    values
        (T, M) single values of the targets.
    """

    places: Bools | None = None
    steps: Bools | None = None
    values: Bools | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is held back."""
        return self.places is None and self.steps is None and self.values is None

    def fitted(self, shape: tuple[int, int], which: slice) -> Bools:
        """Values (T, n) that a fit may still see, at some of the locations."""
        free = np.ones(shape, bool)
        if self.places is not None:
            free &= ~self.places[which]
        if self.steps is not None:
            free &= ~self.steps[:, None]
        if self.values is not None and self.values.shape == shape:
            free &= ~self.values
        return free

    def kept(self, shape: tuple[int, int], which: slice) -> Bools:
        """Values (T, n) that the band is calibrated on, at some of the locations."""
        held = np.ones(shape, bool)
        if self.places is not None:
            held &= self.places[which]
        if self.steps is not None:
            held &= self.steps[:, None]
        if self.values is not None:
            held &= self.values
        return held

    @property
    def about(self) -> str:
        """For the card."""
        named = {"locations": self.places, "days": self.steps, "values": self.values}
        return " and ".join(name for name, what in named.items() if what is not None) + " that no fit has seen"


def hold_places(split: Split, lat: Degrees, lon: Degrees, free: Bools, buffered: Bools, seed: int) -> Bools | None:
    """Locations (N,) to hold back; None where there are too few.

    Parameters
    ----------
    free
        (N,) locations that could be fitted.
    buffered
        (N,) locations that a buffer hides from the fit: taken instead where there are enough.
    """
    if _groups(split, lat, lon, buffered)[1] >= _LEAST_GROUPS // 4:
        return buffered
    keys, count = _groups(split, lat, lon, free)
    if count < _LEAST_GROUPS:
        return None
    draw = np.random.default_rng([split.seed, seed, 2])
    chosen = draw.permutation(np.unique(keys[free]))[: max(2, round(SHARE * count))]
    return np.asarray(free & np.isin(keys, chosen))


def _groups(split: Split, lat: Degrees, lon: Degrees, among: Bools) -> tuple[Ints, int]:
    """A key for each location, and how many there are ``among`` some: 36 km cells by site, else blocks of 2°."""
    if split.kind == "site":
        row, column = ease("M36").index(lat, lon)
        keys = row * 1000 + column
    else:
        keys = np.floor(lat / _BLOCK_DEG).astype(np.int64) * 1000 + np.floor(lon / _BLOCK_DEG).astype(np.int64)
    return keys, len(np.unique(keys[among]))


def hold_steps(time: NDArray[np.datetime64], trained: Bools, *, every: int = round(1 / SHARE)) -> Bools | None:
    """Steps (T,) of every tenth stretch of training days; None where the period is too short.

    Stretches have up to ten days, and a tenth of them come every hundred days: all seasons are met in a few years.
    """
    days = time.astype("datetime64[D]").astype(np.int64)
    present = np.unique(days[trained])
    length = min(_LONGEST, len(present) // _LEAST_STRETCHES)
    if length < 1:
        return None
    rank = np.searchsorted(present, days)
    return np.asarray(trained & (rank // length % every == every // 2))
