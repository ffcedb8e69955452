"""Triple collocation: random errors of three data sets from their covariances alone, none of them taken as truth.

Each member i is a line of the truth with an error of its own, i = α_i + β_i Θ + ε_i; errors have mean 0, do not depend
on Θ and do not depend on each other. Then the covariances give each member's signal, σ²_X = signal + error:

- signal β_X² σ²_Θ = σ_XY σ_XZ / σ_YZ, cyclic; error variance σ²_εX = σ²_X − signal (Stoffelen 1998; Gruber 2016a)
- R² to the truth = signal / σ²_X (McColl et al. 2014, eq. 9); fractional mean square error = 1 − R²
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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import MatchError, Status
from smcore.validation.block_draws import BLOCK_DAYS, MAX_UNDEFINED, Spread, spread
from smcore.validation.comoments import Comoments, comoments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bounds = tuple[Floats, Floats]

MIN_OBS: Final = 100
"""Triplets that a number needs (Gruber et al. 2020, doi:10.1016/j.rse.2020.111806)."""

RECOMMENDED: Final = 300
"""Triplets below which numbers are given with a warning: their intervals are wide."""

QUANTITIES: Final = ("err_std", "err_std_scaled", "snr_db", "r2", "r", "fmse", "beta")
"""What there is of each member, with bounds; in the order of tables."""

_DECIBEL: Final = 10 / np.log(10)
_TILE: Final = 1024


@dataclass(frozen=True, eq=False)
class Triple:
    """Triple collocation of some locations; arrays (3, location) by member, the first being the reference of gains.

    Parameters
    ----------
    n
        (location,) number of triplets.
    err_std, err_std_scaled
        Standard deviation of the random error, in the member's own unit and in that of the reference.
    snr_db, r2, fmse
        Signal to noise [dB], R² to the truth, and 1 − R².
    r
        Correlation with the truth: √R² with the sign of the member's covariances, where the truth agrees with the
        majority (McColl et al. let the first member have the positive sign).
    beta
        Factor that brings a member's variations to the reference's; negative where they oppose each other.
    negative
        Whether the member's error variance or signal came out negative.
    status
        :class:`smcore.errors.Status` of each member and location.
    bounds
        By quantity the lower and upper bound, (3, location) each; empty where none were asked for.
    undefined_draws
        Bootstrap draws with a negative variance; beyond 5 % of ``draws`` there are no bounds.
    blocks
        (location,) number of blocks of days with a triplet.
    """

    n: Ints
    err_std: Floats
    err_std_scaled: Floats
    snr_db: Floats
    r2: Floats
    r: Floats
    fmse: Floats
    beta: Floats
    negative: Bools
    status: NDArray[np.object_]
    bounds: dict[str, Bounds] = field(default_factory=dict)
    undefined_draws: Ints | None = None
    blocks: Ints | None = None
    draws: int = 0

    def value(self, quantity: str) -> Floats:
        """One of :data:`QUANTITIES` (3, location)."""
        return np.asarray(getattr(self, quantity))


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
) -> Triple:
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
        Of the bootstrap over blocks of days (:mod:`smcore.validation.block_draws`); no draws, no bounds.

    Raises
    ------
    MatchError
        If there are not three members of one shape, or the options make no sense.
    """
    members, axis = _members(values), axis % 2
    _check(members, time, axis, draws, level, block_days)
    found = estimate(comoments(members, axis=axis), min_obs=min_obs)
    if not draws or time is None:
        return found
    parts = [
        spread(part, when, mean, _transformed, draws=draws, seed=seed, block_days=block_days)
        for part, when, mean in _tiles(members, time, axis)
    ]
    return _with_bounds(found, parts, level, draws)


def estimate(state: Comoments, *, min_obs: int = MIN_OBS) -> Triple:
    """Triple collocation from moments, which may have been merged from pieces; without bounds."""
    covariance = state.covariance
    with np.errstate(all="ignore"):
        variance = np.einsum("iik->ik", covariance)
        signal, beta = _signal(covariance), _gains(covariance)
        error = variance - signal
    status = _status(state, signal, error, min_obs)
    given = np.isin(status, [Status.OK, Status.NEGATIVE_VARIANCE])
    negative = given & ((error < 0) | (signal <= 0))
    ok = given & ~negative
    with np.errstate(all="ignore"):
        r2 = np.where(ok, signal / variance, np.nan)
        err_std = np.sqrt(np.where(ok, error, np.nan))
        beta = np.where(given & (signal > 0), beta, np.nan)
        snr = _DECIBEL * np.log(np.where(ok, signal / error, np.nan))
    return Triple(
        n=state.n.astype(np.int64),
        err_std=err_std,
        err_std_scaled=err_std * np.abs(beta),
        snr_db=snr,
        r2=r2,
        r=np.sqrt(r2) * _signs(covariance),
        fmse=1 - r2,
        beta=beta,
        negative=negative,
        status=status,
    )


def sentences(triple: Triple, names: Sequence[str]) -> list[str]:
    """What a reader must know of a result: negative variances, few triplets, intervals that could not be given."""
    judged = np.isin(triple.status, [Status.OK, Status.NEGATIVE_VARIANCE]).all(axis=0)
    total, found = int(judged.sum()), []
    failed = triple.negative.sum(axis=1)
    if failed.any():
        each = ", ".join(f"{name} {count}" for name, count in zip(names, failed, strict=True) if count)
        anywhere = int(triple.negative.any(axis=0).sum())
        found.append(f"negative variance at {anywhere} of {total} locations ({each}): no error is given there")
    few = int((judged & (triple.n < RECOMMENDED)).sum())
    if few:
        found.append(f"fewer than {RECOMMENDED} triplets at {few} of {total} locations: their numbers are uncertain")
    if triple.undefined_draws is not None:
        loose = int((judged & (triple.undefined_draws > MAX_UNDEFINED * triple.draws).any(axis=0)).sum())
        if loose:
            share = f"more than {MAX_UNDEFINED:.0%} of the draws"
            found.append(f"no interval at {loose} of {total} locations: {share} have a negative variance")
    return found


def _members(values: Sequence[NDArray[Any]] | NDArray[Any]) -> list[NDArray[Any]]:
    members = [np.asarray(member) for member in values]
    if len(members) != 3:
        raise MatchError(f"Triple collocation takes three data sets, not {len(members)}")
    if len({member.shape for member in members}) != 1 or members[0].ndim != 2:
        raise MatchError("The members of a triplet have different shapes", where=str([m.shape for m in members]))
    return members


def _check(
    members: Sequence[NDArray[Any]], time: Ints | None, axis: int, draws: int, level: float, block_days: int
) -> None:
    if draws < 0 or block_days < 1 or not 0 < level < 1:
        given = f"draws {draws}, level {level:g}, blocks of {block_days} days"
        raise MatchError("These intervals can't be computed", where=given, hint="level lies between 0 and 1")
    if time is not None and time.shape not in (members[0].shape, members[0].shape[axis : axis + 1]):
        raise MatchError("Times and values differ in shape", where=f"{time.shape} and {members[0].shape}")


def _tiles(members: Sequence[NDArray[Any]], time: Ints, axis: int) -> Iterator[tuple[list[NDArray[Any]], Ints, Floats]]:
    """Locations in pieces, series by series, so that a cube needs no second copy in the memory."""
    flat = [np.moveaxis(member, axis, -1) for member in members]
    times = np.broadcast_to(time if time.ndim == 1 else np.moveaxis(time, axis, -1), flat[0].shape)
    for start in range(0, len(times), _TILE):
        rows = slice(start, start + _TILE)
        part = [np.ascontiguousarray(member[rows]) for member in flat]
        yield part, np.ascontiguousarray(times[rows]), comoments(part).mean


def _signal(covariance: Floats) -> Floats:
    """Variance of the truth in each member's unit (3, …)."""
    xy, xz, yz = covariance[0, 1], covariance[0, 2], covariance[1, 2]
    return np.stack([xy * xz / yz, xy * yz / xz, xz * yz / xy])


def _gains(covariance: Floats) -> Floats:
    xy, xz, yz = covariance[0, 1], covariance[0, 2], covariance[1, 2]
    return np.stack([np.ones_like(xy), xz / yz, xy / yz])


def _signs(covariance: Floats) -> Floats:
    """−1 for the member that opposes the two others, else 1."""
    xy, xz, yz = (covariance[0, 1] < 0, covariance[0, 2] < 0, covariance[1, 2] < 0)
    return np.where(np.stack([xy & xz, xy & yz, xz & yz]), -1.0, 1.0)


def _status(state: Comoments, signal: Floats, error: Floats, min_obs: int) -> NDArray[np.object_]:
    status = np.full(signal.shape, Status.OK, dtype=object)
    status[(error < 0) | (signal <= 0)] = Status.NEGATIVE_VARIANCE
    status[~(np.isfinite(signal) & np.isfinite(error))] = Status.FAILED
    status[:, state.is_constant.any(axis=0)] = Status.CONSTANT_SERIES
    status[:, state.n < max(min_obs, 2)] = Status.TOO_FEW
    status[:, state.n == 0] = Status.NO_OVERLAP
    return status


def _transformed(covariance: Floats) -> Floats:
    """Logarithms of the error variances, of signal over noise, of the gains and of the scaled error variances.

    On these scales estimates are about normal, and no bound of theirs leaves what is possible.
    """
    with np.errstate(all="ignore"):
        signal = _signal(covariance)
        signal = np.where(signal > 0, signal, np.nan)
        error = np.log(np.einsum("ii...->i...", covariance) - signal)
        gain = np.log(np.abs(_gains(covariance)[1:])) + 0 * signal[1:]
        return np.concatenate([error, np.log(signal) - error, gain, error[1:] + 2 * gain])


def _with_bounds(found: Triple, parts: Sequence[Spread], level: float, draws: int) -> Triple:
    half = np.concatenate([part.half_width(level) for part in parts], axis=1)
    undefined = np.concatenate([part.undefined for part in parts], axis=1)
    certain = np.zeros((1, half.shape[1]))
    at = {"err_std": half[:3], "snr": half[3:6], "beta": np.concatenate([certain, half[6:8]])}
    scaled = np.concatenate([half[:1], half[8:10]])
    odds = 10 ** (found.snr_db / 10)
    low, high = (factor / (1 + factor) for factor in (odds * np.exp(-at["snr"]), odds * np.exp(at["snr"])))
    sign = np.where(found.r < 0, -1.0, 1.0)
    bounds: dict[str, Bounds] = {
        "err_std": _around(found.err_std, at["err_std"] / 2),
        "err_std_scaled": _around(found.err_std_scaled, scaled / 2),
        "snr_db": (found.snr_db - _DECIBEL * at["snr"], found.snr_db + _DECIBEL * at["snr"]),
        "r2": (low, high),
        "r": (np.fmin(sign * np.sqrt(low), sign * np.sqrt(high)), np.fmax(sign * np.sqrt(low), sign * np.sqrt(high))),
        "fmse": (1 - high, 1 - low),
        "beta": _around(found.beta, at["beta"]),
    }
    blocks = np.concatenate([part.blocks for part in parts])
    return replace(found, bounds=bounds, undefined_draws=undefined[:3], blocks=blocks, draws=draws)


def _around(value: Floats, half: Floats) -> Bounds:
    """Bounds of a value whose logarithm is known to ``half``."""
    one, other = value * np.exp(-half), value * np.exp(half)
    return np.minimum(one, other), np.maximum(one, other)
