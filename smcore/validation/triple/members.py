"""What collocation gives of each member once its signal is known: errors, SNR, R² to the truth, statuses, bounds.

Triple and extended collocation differ in how they find the signals; everything after that is here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import MatchError, Status
from smcore.validation.triple.comoments import Comoments, comoments
from smcore.validation.uncertainty.block_draws import MAX_UNDEFINED, Estimator, Spread, spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bounds = tuple[Floats, Floats]

MIN_OBS: Final = 100
"""Common values that a number needs (Gruber et al. 2020, doi:10.1016/j.rse.2020.111806)."""

RECOMMENDED: Final = 300
"""Common values below which numbers are given with a warning: their intervals are wide."""

QUANTITIES: Final = ("err_std", "err_std_scaled", "snr_db", "r2", "r", "fmse", "beta")
"""What there is of each member, with bounds; in the order of tables."""

_DECIBEL: Final = 10 / np.log(10)
_TILE: Final = 1024
_JUDGED: Final = (Status.OK, Status.NEGATIVE_VARIANCE)


@dataclass(frozen=True, eq=False)
class Collocated:
    """Collocation of N members at some locations; arrays (N, location), the first member being the reference of gains.

    Parameters
    ----------
    n
        (location,) number of times that all members have.
    err_std, err_std_scaled
        Standard deviation of the random error, in the member's own unit and in that of the reference.
    snr_db, r2, fmse
        Signal to noise [dB], R² to the truth, and 1 − R².
    r
        Correlation with the truth: √R² with the sign of the member's covariances, where the truth agrees with the
        majority (McColl et al. 2014 let the first member have the positive sign).
    beta
        Factor that brings a member's variations to the reference's; negative where they oppose each other.
    negative
        Whether the member's error variance or signal came out negative.
    status
        :class:`smcore.errors.Status` of each member and location.
    bounds
        By quantity the lower and upper bound, (N, location) each; empty where none were asked for.
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
        """One of :data:`QUANTITIES` (N, location)."""
        return np.asarray(getattr(self, quantity))


def members_of(
    values: Sequence[NDArray[Any]] | NDArray[Any], time: Ints | None, axis: int
) -> tuple[list[NDArray[Any]], int]:
    """Members as a list and the axis of time as 0 or 1.

    Raises
    ------
    MatchError
        If they or the times differ in shape.
    """
    members = [np.asarray(member) for member in values]
    shape, axis = members[0].shape, axis % 2
    if len({member.shape for member in members}) != 1 or len(shape) != 2:
        raise MatchError("The members differ in shape", where=", ".join(str(member.shape) for member in members))
    if time is not None and time.shape not in (shape, shape[axis : axis + 1]):
        raise MatchError("Times and values differ in shape", where=f"{time.shape} and {shape}")
    return members, axis


def from_signal(state: Comoments, signal: Floats, beta: Floats, *, min_obs: int = MIN_OBS) -> Collocated:
    """Every number of the members from moments and from their signals; without bounds.

    Parameters
    ----------
    signal
        (N, location) variance of the truth in each member's unit.
    beta
        (N, location) factor to the reference's unit.
    """
    covariance = state.covariance
    variance = np.einsum("iik->ik", covariance)
    error = variance - signal
    status = _status(state, signal, error, min_obs)
    given = np.isin(status, _JUDGED)
    negative = given & ((error < 0) | (signal <= 0))
    ok = given & ~negative
    with np.errstate(all="ignore"):
        r2 = np.where(ok, signal / variance, np.nan)
        err_std = np.sqrt(np.where(ok, error, np.nan))
        snr = _DECIBEL * np.log(np.where(ok, signal / error, np.nan))
    beta = np.where(given & (signal > 0), beta, np.nan)
    return Collocated(
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


@dataclass(frozen=True)
class Intervals:
    """How bounds are drawn (:mod:`smcore.validation.uncertainty.block_draws`); no draws, no bounds.

    Raises
    ------
    MatchError
        If the options make no sense.
    """

    draws: int
    seed: int
    level: float
    block_days: int

    def __post_init__(self) -> None:
        if self.draws < 0 or self.block_days < 1 or not 0 < self.level < 1:
            given = f"draws {self.draws}, level {self.level:g}, blocks of {self.block_days} days"
            raise MatchError("These intervals can't be computed", where=given, hint="level lies between 0 and 1")


def bounded(
    found: Collocated,
    members: Sequence[NDArray[Any]],
    time: Ints | None,
    axis: int,
    estimator: Estimator,
    how: Intervals,
) -> tuple[Collocated, Floats]:
    """Add bounds to ``found``.

    Parameters
    ----------
    estimator
        As :func:`transformed` orders it; it may give more quantities after those.

    Returns
    -------
    tuple
        The result, and half the width of the interval of the further quantities (quantity, location).
    """
    further = len(estimator(np.ones((len(members), len(members), 1)))) - (4 * len(members) - 2)
    if not how.draws or time is None or not len(found.n):
        return found, np.full((further, len(found.n)), np.nan)
    parts = [
        spread(part, when, mean, estimator, draws=how.draws, seed=how.seed, block_days=how.block_days)
        for part, when, mean in _tiles(members, time, axis)
    ]
    half = np.concatenate([part.half_width(how.level)[4 * len(members) - 2 :] for part in parts], axis=1)
    return _with_bounds(found, parts, how.level, how.draws), half


def transformed(covariance: Floats, signal: Floats, beta: Floats) -> Floats:
    """Logarithms of the error variances, of signal over noise, of the gains and of the scaled error variances.

    On these scales estimates are about normal, and no bound of theirs leaves what is possible. NaN where a variance is
    negative; the reference's own gain, always 1, is left out.
    """
    with np.errstate(all="ignore"):
        signal = np.where(signal > 0, signal, np.nan)
        error = np.log(np.einsum("ii...->i...", covariance) - signal)
        gain = np.log(np.abs(beta[1:])) + 0 * signal[1:]
        return np.concatenate([error, np.log(signal) - error, gain, error[1:] + 2 * gain])


def sentences(found: Collocated, names: Sequence[str]) -> list[str]:
    """What a reader must know of a result: negative variances, few values, intervals that could not be given."""
    judged = np.isin(found.status, _JUDGED).all(axis=0)
    total, said = int(judged.sum()), []
    failed = found.negative.sum(axis=1)
    if failed.any():
        each = ", ".join(f"{name} {count}" for name, count in zip(names, failed, strict=True) if count)
        anywhere = int(found.negative.any(axis=0).sum())
        said.append(f"negative variance at {anywhere} of {total} locations ({each}): no error is given there")
    few = int((judged & (found.n < RECOMMENDED)).sum())
    if few:
        said.append(
            f"fewer than {RECOMMENDED} common values at {few} of {total} locations: their numbers are uncertain"
        )
    if found.undefined_draws is not None:
        loose = int((judged & (found.undefined_draws > MAX_UNDEFINED * found.draws).any(axis=0)).sum())
        if loose:
            share = f"more than {MAX_UNDEFINED:.0%} of the draws"
            said.append(f"no interval at {loose} of {total} locations: {share} have a negative variance")
    return said


def _tiles(members: Sequence[NDArray[Any]], time: Ints, axis: int) -> Iterator[tuple[list[NDArray[Any]], Ints, Floats]]:
    """Locations in pieces, series by series, so that a cube needs no second copy in the memory."""
    flat = [np.moveaxis(member, axis, -1) for member in members]
    times = np.broadcast_to(time if time.ndim == 1 else np.moveaxis(time, axis, -1), flat[0].shape)
    for start in range(0, len(times), _TILE):
        rows = slice(start, start + _TILE)
        part = [np.ascontiguousarray(member[rows]) for member in flat]
        yield part, np.ascontiguousarray(times[rows]), comoments(part).mean


def _signs(covariance: Floats) -> Floats:
    """−1 for members that oppose the majority, else 1; the first counts as positive where halves oppose each other."""
    signs = np.where(covariance[0] < 0, -1.0, 1.0)
    return np.where(signs.sum(axis=0) < 0, -signs, signs)


def _status(state: Comoments, signal: Floats, error: Floats, min_obs: int) -> NDArray[np.object_]:
    status = np.full(signal.shape, Status.OK, dtype=object)
    status[(error < 0) | (signal <= 0)] = Status.NEGATIVE_VARIANCE
    status[~(np.isfinite(signal) & np.isfinite(error))] = Status.FAILED
    status[:, state.is_constant.any(axis=0)] = Status.CONSTANT_SERIES
    status[:, state.n < max(min_obs, 2)] = Status.TOO_FEW
    status[:, state.n == 0] = Status.NO_OVERLAP
    return status


def _with_bounds(found: Collocated, parts: Sequence[Spread], level: float, draws: int) -> Collocated:
    half = np.concatenate([part.half_width(level) for part in parts], axis=1)
    size, certain = len(found.err_std), np.zeros((1, half.shape[1]))
    error, snr, gain, scaled = np.split(half[: 4 * size - 2], [size, 2 * size, 3 * size - 1])
    odds = 10 ** (found.snr_db / 10)
    low, high = (factor / (1 + factor) for factor in (odds * np.exp(-snr), odds * np.exp(snr)))
    sign = np.where(found.r < 0, -1.0, 1.0)
    ends = sign * np.sqrt(low), sign * np.sqrt(high)
    bounds: dict[str, Bounds] = {
        "err_std": _around(found.err_std, error / 2),
        "err_std_scaled": _around(found.err_std_scaled, np.concatenate([error[:1], scaled]) / 2),
        "snr_db": (found.snr_db - _DECIBEL * snr, found.snr_db + _DECIBEL * snr),
        "r2": (low, high),
        "r": (np.minimum(*ends), np.maximum(*ends)),
        "fmse": (1 - high, 1 - low),
        "beta": _around(found.beta, np.concatenate([certain, gain])),
    }
    return replace(
        found,
        bounds=bounds,
        undefined_draws=np.concatenate([part.undefined for part in parts], axis=1)[:size],
        blocks=np.concatenate([part.blocks for part in parts]),
        draws=draws,
    )


def _around(value: Floats, half: Floats) -> Bounds:
    """Bounds of a value whose logarithm is known to ``half``."""
    one, other = value * np.exp(-half), value * np.exp(half)
    return np.minimum(one, other), np.maximum(one, other)
