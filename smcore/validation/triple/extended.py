"""Extended collocation: errors of four data sets or more, some of whose errors may be correlated.

With more than three members there are several triplets, and pairs whose errors are correlated can be named and their
error covariance estimated (Gruber, A. et al. (2016b): Estimating error cross-correlations in soil moisture data sets
using extended collocation analysis. J. Geophys. Res. Atmos. 121, 1208–1219, doi:10.1002/2015JD024027). With σ_ab the
covariances of the data, the equations are

- signal of a = σ_ac σ_ad / σ_cd, for every triplet a, c, d without a named pair
- common signal of a named pair a, b = σ_ac σ_bd / σ_cd, for every c, d such that none of a–c, b–d, c–d is named
- variance of a = its signal + its error variance; σ_ab of a named pair = its common signal + its error covariance

Each row holds one signal, and errors stand in one row each, so that least squares over all rows is the mean of the
estimates of each signal; the errors are what remains. Gains to the first member are √(signal ratio) with the sign of
the covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
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
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Extended:
    """Result of extended collocation.

    Parameters
    ----------
    members
        Errors, SNR and R² of each member, (N, location) arrays.
    pairs
        Indices of the members whose errors were said to be correlated.
    error_covariance, error_correlation
        (pair, location), in units of both members and without; the correlation is NaN where it leaves [−1, 1] or a
        member has no error variance.
    correlation_bounds
        Lower and upper bound of the error correlation; None where no draws were asked for.
    """

    members: Collocated
    pairs: tuple[Pair, ...]
    error_covariance: Floats
    error_correlation: Floats
    correlation_bounds: tuple[Floats, Floats] | None


@dataclass(frozen=True)
class Design:
    """Which triplets tell each member's signal, and which quadruplets the common signal of each correlated pair."""

    triplets: tuple[tuple[Pair, ...], ...]
    pairs: tuple[Pair, ...]
    bridges: tuple[tuple[Pair, ...], ...]

    def signal(self, covariance: Floats) -> Floats:
        """Variance of the truth in each member's unit (N, …)."""
        with np.errstate(all="ignore"):
            return np.stack(
                [
                    np.mean([covariance[a, c] * covariance[a, d] / covariance[c, d] for c, d in others], axis=0)
                    for a, others in enumerate(self.triplets)
                ]
            )

    def common(self, covariance: Floats) -> Floats:
        """Covariance of each correlated pair that is due to the truth (pair, …)."""
        result = np.empty((len(self.pairs), *covariance.shape[2:]))
        with np.errstate(all="ignore"):
            for row, (a, b), others in zip(result, self.pairs, self.bridges, strict=True):
                row[:] = np.mean([covariance[a, c] * covariance[b, d] / covariance[c, d] for c, d in others], axis=0)
        return result


def design(names: Sequence[str], correlated: Sequence[tuple[str, str]] = ()) -> Design:
    """Lay out the equations for members of these names.

    Parameters
    ----------
    correlated
        Pairs of names whose errors may be correlated, in any order.

    Raises
    ------
    MatchError
        If a member belongs to no triplet of independent errors, or nothing tells the error covariance of a pair.
    """
    pairs = _indices(names, correlated)
    named = {frozenset(pair) for pair in pairs}

    def independent(*several: Pair) -> bool:
        return all(frozenset(pair) not in named for pair in several)

    triplets, bridges = [], []
    for a, name in enumerate(names):
        others = [i for i in range(len(names)) if i != a]
        triplets.append(tuple((c, d) for c, d in combinations(others, 2) if independent((a, c), (a, d), (c, d))))
        if not triplets[-1]:
            raise MatchError(
                f"{name} belongs to no triplet of data sets with independent errors",
                where=f"{len(names)} data sets, {len(pairs)} correlated pairs",
                hint="add an independent data set or name fewer pairs",
            )
    for a, b in pairs:
        others = [i for i in range(len(names)) if i not in (a, b)]
        bridges.append(tuple((c, d) for c, d in permutations(others, 2) if independent((a, c), (b, d), (c, d))))
        if not bridges[-1]:
            raise MatchError(
                f"Nothing tells how the errors of {names[a]} and {names[b]} are correlated",
                hint="two further data sets are needed whose errors depend neither on each other nor on theirs",
            )
    return Design(tuple(triplets), pairs, tuple(bridges))


def extended(
    values: Sequence[NDArray[Any]] | NDArray[Any],
    time: Ints | None = None,
    *,
    names: Sequence[str],
    correlated: Sequence[tuple[str, str]] = (),
    axis: int = -1,
    min_obs: int = MIN_OBS,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    block_days: int = BLOCK_DAYS,
) -> Extended:
    """Extended collocation of many locations.

    Parameters
    ----------
    values
        N ≥ 3 arrays (location, pair), or (time, location) with ``axis=0``; NaN where missing.
    time, min_obs, draws, seed, level, block_days
        As :func:`smcore.validation.triple.collocation.collocate`.
    names, correlated
        As :func:`design`.

    Raises
    ------
    MatchError
        If shapes, names or options make no sense, or the data sets are too few for the correlated pairs.
    """
    how = Intervals(draws, seed, level, block_days)
    members, axis = members_of(values, time, axis)
    if len(members) != len(names):
        raise MatchError(f"There are {len(members)} data sets and {len(names)} names")
    layout = design(names, correlated)
    state = comoments(members, axis=axis)
    found = estimate(state, layout, min_obs=min_obs)
    numbers, half = bounded(found.members, members, time, axis, lambda one: _transformed(one, layout), how)
    if not draws or time is None:
        return found
    z = np.arctanh(found.error_correlation)
    return Extended(
        numbers, layout.pairs, found.error_covariance, found.error_correlation, (np.tanh(z - half), np.tanh(z + half))
    )


def estimate(state: Comoments, layout: Design, *, min_obs: int = MIN_OBS) -> Extended:
    """Extended collocation from moments, which may have been merged from pieces; without bounds."""
    covariance = state.covariance
    signal = layout.signal(covariance)
    found = from_signal(state, signal, _gain(covariance, signal), min_obs=min_obs)
    shared = _shared(covariance, layout)
    shared[:, np.isnan(found.err_std).all(axis=0)] = np.nan
    return Extended(found, layout.pairs, shared, _correlation(shared, found.err_std, layout.pairs), None)


def _indices(names: Sequence[str], correlated: Sequence[tuple[str, str]]) -> tuple[Pair, ...]:
    if len(set(names)) != len(names):
        raise MatchError("A data set is named twice", where=", ".join(names))
    found: dict[Pair, None] = {}
    for one, other in correlated:
        for name in (one, other):
            if name not in names:
                raise MatchError(f"{name} is none of the data sets", hint=f"choose from {', '.join(names)}")
        if one == other:
            raise MatchError(f"{one} can't be paired with itself")
        a, b = sorted((names.index(one), names.index(other)))
        found[a, b] = None
    return tuple(found)


def _gain(covariance: Floats, signal: Floats) -> Floats:
    with np.errstate(all="ignore"):
        gain = np.sqrt(signal[:1] / signal) * np.where(covariance[0] < 0, -1.0, 1.0)
    gain[0] = 1.0
    return gain


def _shared(covariance: Floats, layout: Design) -> Floats:
    """Error covariance of each correlated pair."""
    common = layout.common(covariance)
    return np.stack([covariance[pair] for pair in layout.pairs]) - common if layout.pairs else common


def _correlation(shared: Floats, err_std: Floats, pairs: Sequence[Pair]) -> Floats:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    with np.errstate(all="ignore"):
        r = shared / (err_std[first] * err_std[second])
    return np.where(np.abs(r) <= 1, r, np.nan)


def _transformed(covariance: Floats, layout: Design) -> Floats:
    signal = layout.signal(covariance)
    with np.errstate(all="ignore"):
        err_std = np.sqrt(np.einsum("ii...->i...", covariance) - signal)
        r = _correlation(_shared(covariance, layout), err_std, layout.pairs)
        return np.concatenate([transformed(covariance, signal, _gain(covariance, signal)), np.arctanh(r)])
