"""Triple collocation: random errors of three data sets from their covariances alone, none of them taken as truth.

Each member i is a line of the truth with an error of its own, i = α_i + β_i Θ + ε_i; errors have mean 0, do not depend
on Θ and do not depend on each other. Then the covariances give each member's signal, σ²_X = signal + error:

- signal β_X² σ²_Θ = σ_XY σ_XZ / σ_YZ, cyclic; error variance σ²_εX = σ²_X − signal (Stoffelen 1998; Gruber 2016a)
- R² to the truth = signal / σ²_X (McColl et al. 2014); fractional mean square error = 1 − R²
- SNR = 10 log₁₀ (signal / σ²_εX) [dB]: 0 where error and signal are equal, +3 where the signal is twice the error
- gain to the reference X: β*_Y = σ_XZ / σ_YZ, β*_Z = σ_XY / σ_YZ; a member times its β* has the reference's units

Covariances divide by n − 1. A negative error variance, or covariances whose signs fit no common truth, is an estimate
that failed by chance or by a broken assumption: NaN with the status ``negative_variance``, never its absolute value.

Stoffelen, A. (1998): J. Geophys. Res. 103(C4), 7755–7766, doi:10.1029/97JC03180. Gruber, A. et al. (2016a): Recent
advances in (soil moisture) triple collocation analysis. Int. J. Appl. Earth Obs. Geoinf. 45, 200–211,
doi:10.1016/j.jag.2015.09.002. McColl, K. A. et al. (2014): Extended triple collocation. Geophys. Res. Lett. 41,
6229–6236, doi:10.1002/2014GL061322.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import MatchError
from smcore.validation.triple.comoments import Comoments, comoments
from smcore.validation.triple.members import (
    MIN_OBS,
    Collocated,
    Intervals,
    bounded,
    from_signal,
    members_of,
    transformed,
)
from smcore.validation.uncertainty.block_draws import BLOCK_DAYS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def collocate(
    values: Sequence[NDArray[Any]] | NDArray[Any],
    time: Ints | None = None,
    *,
    axis: int = -1,
    min_obs: int = MIN_OBS,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    block_days: int = BLOCK_DAYS,
) -> Collocated:
    """Triple collocation of many locations.

    Parameters
    ----------
    values
        Three arrays (location, pair), or (time, location) with ``axis=0``; NaN where missing. A triplet counts where
        all three are finite. Rescaling them beforehand is not needed and biases the errors.
    time
        [µs, UTC], of the shape of a member or of its time axis alone; needed for bounds.
    min_obs
        Fewer triplets give the status ``too_few``.
    draws, seed, level, block_days
        Of the bootstrap over blocks of days (:mod:`smcore.validation.uncertainty.block_draws`); no draws, no bounds.

    Raises
    ------
    MatchError
        If there are not three members of one shape, or the options make no sense.
    """
    how = Intervals(draws, seed, level, block_days)
    members, axis = members_of(values, time, axis)
    if len(members) != 3:
        raise MatchError(f"Triple collocation takes three data sets, not {len(members)}")
    found = estimate(comoments(members, axis=axis), min_obs=min_obs)
    return bounded(found, members, time, axis, _transformed, how)[0]


def estimate(state: Comoments, *, min_obs: int = MIN_OBS) -> Collocated:
    """Triple collocation from moments, which may have been merged from pieces; without bounds."""
    return from_signal(state, *_signal_and_gain(state.covariance), min_obs=min_obs)


def _signal_and_gain(covariance: Floats) -> tuple[Floats, Floats]:
    """Variance of the truth in each member's unit, and the factor to the first member's unit, (3, …) each."""
    xy, xz, yz = covariance[0, 1], covariance[0, 2], covariance[1, 2]
    with np.errstate(all="ignore"):
        signal = np.stack([xy * xz / yz, xy * yz / xz, xz * yz / xy])
        return signal, np.stack([np.ones_like(xy), xz / yz, xy / yz])


def _transformed(covariance: Floats) -> Floats:
    return transformed(covariance, *_signal_and_gain(covariance))
