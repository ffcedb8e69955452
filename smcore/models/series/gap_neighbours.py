"""What lies on both sides of a gap: the last observation before a step, the next one after it, and how old they are.

The triples (observation, model on that same day, age) are the inputs of DrcGAN (Jiang et al. 2025,
doi:10.1016/j.jag.2025.104517) as far as its parts are known. Ours, where the paper is silent: an observation counts up
to 15 days and only where the model has a value too; where there is none, a seasonal curve stands in, with the age of 15
days. That curve is the location's own mean and two harmonics, drawn towards a pooled one that is fitted in training,
and is made anew for each month from what was observed before the month began. So a day's value rests on nothing later
than the next observation and is the same from any window that begins with the record. Observation and model get their
curves from the same pairs: with a curve on both sides the guess is the model plus its mean seasonal difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats
from smcore.models.hydro.features import season

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Times = NDArray[np.datetime64]

LIMIT = 15
"""Days that an observation counts."""

_HARMONICS = 2
_PRIOR = 10.0  # pairs that the pooled curve counts as


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Observations around some steps.

    Parameters
    ----------
    sm, model
        (K, T, N) [m3 m-3]: before, and with K = 2 after each step: the observation and the model of that day, NaN where
        there is none.
    age
        (K, T, N) [days], :data:`LIMIT` where there is none.
    """

    sm: Floats
    model: Floats
    age: Floats


def day_numbers(time: Times) -> Ints:
    """Days since 1970, (T,)."""
    return np.asarray(time.astype("datetime64[D]").astype(np.int64))


def neighbours(observed: Floats, model: Floats, time: Times, *, first: int = 0, causal: bool = False) -> Neighbours:
    """Find the nearest valid observation on either side of each step from ``first`` on, never that of the step itself.

    Parameters
    ----------
    observed, model
        (T, N) [m3 m-3], NaN where missing; an observation without a model value does not count.
    time
        (T,) ascending; steps may be missing, ages are days.
    causal
        Only look back (K = 1).
    """
    days, steps = day_numbers(time), len(time)
    shape = (1 if causal else 2, steps - first, *observed.shape[1:])
    nothing = np.full(shape, np.nan, np.float32)
    found = Neighbours(nothing, nothing.copy(), np.full(shape, LIMIT, np.float32))
    if steps == first:
        return found
    begin = int(np.searchsorted(days, days[first] - LIMIT))
    _carry(found, 0, observed, model, days, first, range(begin, steps))
    if not causal:
        _carry(found, 1, observed, model, days, first, range(steps - 1, first - 1, -1))
    return found


def _carry(found: Neighbours, side: int, observed: Floats, model: Floats, days: Ints, first: int, order: range) -> None:
    """Walk the steps once and carry the last valid pair along; each step is answered before it is looked at."""
    sm, noah = (np.full(observed.shape[1:], np.nan, np.float32) for _ in range(2))
    seen = np.full(observed.shape[1:], days[order[0]] - np.sign(order.step) * 2 * LIMIT, np.int32)
    for step in order:
        if step >= first:
            age = np.abs(days[step] - seen)
            fresh = age <= LIMIT
            np.copyto(found.sm[side, step - first], sm, where=fresh)
            np.copyto(found.model[side, step - first], noah, where=fresh)
            np.copyto(found.age[side, step - first], age, where=fresh, casting="unsafe")
        valid = np.isfinite(observed[step]) & np.isfinite(model[step])
        np.copyto(sm, observed[step], where=valid)
        np.copyto(noah, model[step], where=valid)
        np.copyto(seen, days[step], where=valid, casting="unsafe")


def basis(time: Times) -> Doubles:
    """One, and sine and cosine of one and two cycles a year: (T, 5)."""
    return np.concatenate([np.ones((len(time), 1)), season(time, _HARMONICS)], axis=1)


def pooled_curves(observed: Floats, model: Floats, time: Times) -> Doubles:
    """Fit the curves of observation and model on all pairs at once: (2, 5), float64; zeros without any pair."""
    curve = basis(time)
    valid = np.isfinite(observed) & np.isfinite(model)
    gram = curve.T @ (curve * valid.sum(axis=1)[:, None])
    total = [np.where(valid, values, 0.0).sum(axis=1, dtype=np.float64) for values in (observed, model)]
    moment = curve.T @ np.stack(total, axis=1)
    return np.asarray(np.linalg.solve(gram + 1e-9 * max(1, valid.sum()) * np.eye(len(gram)), moment).T)


def curves_of(record: Any) -> Doubles:
    """Read pooled curves that were kept as a list on a card (raises TypeError or ValueError if they are none)."""
    curves = np.asarray(record, np.float64)
    if curves.shape != (2, 1 + 2 * _HARMONICS) or not np.isfinite(curves).all():
        raise ValueError("the seasonal curves are not two of five numbers")
    return curves


@dataclass(frozen=True, eq=False)
class _Sums:
    """Normal equations of each location: (N, 5, 5) and (N, 2, 5), of departures from the pooled curves."""

    gram: Doubles
    moment: Doubles
    pooled: Doubles

    def add(self, observed: Floats, model: Floats, curve: Doubles) -> None:
        """Take the pairs (t, N) of some steps."""
        valid = np.isfinite(observed) & np.isfinite(model)
        products = (curve[:, :, None] * curve[:, None, :]).reshape(len(curve), -1)
        self.gram[...] += (valid.T.astype(np.float64) @ products).reshape(self.gram.shape)
        for kind, values in enumerate((observed, model)):
            departure = np.where(valid, values - (curve @ self.pooled[kind])[:, None], 0.0)
            self.moment[:, kind] += departure.T @ curve

    def solve(self, locations: Ints) -> Doubles:
        """Curves (n, 2, 5) of some locations."""
        gram = self.gram[locations] + _PRIOR * np.eye(self.gram.shape[-1])
        own = np.linalg.solve(gram, self.moment[locations].transpose(0, 2, 1)).transpose(0, 2, 1)
        return np.asarray(own + self.pooled)


def months(time: Times) -> list[slice]:
    """The steps of each calendar month, in order."""
    number = time.astype("datetime64[M]").astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(time)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def monthly_curves(observed: Floats, model: Floats, time: Times, pooled: Doubles) -> Iterator[tuple[slice, _Sums]]:
    """For each month its steps, and the sums over all that was observed before it."""
    count, size = observed.shape[1], pooled.shape[1]
    sums = _Sums(np.zeros((count, size, size)), np.zeros((count, 2, size)), pooled)
    curve = basis(time)
    for steps in months(time):
        yield steps, sums
        sums.add(observed[steps], model[steps], curve[steps])


def all_curves(observed: Floats, model: Floats, time: Times, pooled: Doubles) -> Floats:
    """The curves of every month and location, (months, N, 2, 5) float32: a fraction 10/30 of one input's size."""
    everyone = np.arange(observed.shape[1])
    found = [sums.solve(everyone).astype(np.float32) for _, sums in monthly_curves(observed, model, time, pooled)]
    return np.stack(found)


def fill(found: Neighbours, observed: Floats, model: Floats, time: Times, pooled: Doubles) -> None:
    """Put the seasonal curves where :func:`neighbours` found nothing, in place.

    Parameters
    ----------
    observed, model
        (T, N), all steps that the neighbours were looked for in.
    pooled
        Of :func:`pooled_curves`.
    """
    curve, first = basis(time), len(time) - found.sm.shape[1]
    for steps, sums in monthly_curves(observed, model, time, pooled):
        wanted = slice(max(steps.start, first) - first, steps.stop - first)
        if wanted.stop <= wanted.start:
            continue
        missing = np.isnan(found.sm[:, wanted])
        locations = np.flatnonzero(missing.any(axis=(0, 1)))
        if not len(locations):
            continue
        own = sums.solve(locations) @ curve[first + wanted.start : first + wanted.stop].T
        for kind, values in enumerate((found.sm, found.model)):
            part = values[:, wanted][:, :, locations]
            values[:, wanted, locations] = np.where(missing[:, :, locations], own[:, kind].T[None], part)


def around(observed: Floats, model: Floats, time: Times, pooled: Doubles, *, first: int = 0,
           causal: bool = False) -> Neighbours:  # fmt: skip
    """:func:`neighbours` with every hole filled: finite throughout, also where nothing was ever observed."""
    found = neighbours(observed, model, time, first=first, causal=causal)
    fill(found, observed, model, time, pooled)
    return found


def guess(model: Floats, found: Neighbours) -> Floats:
    """The temporal-transfer guess B = Σ w (S + N − N'), w ∝ 1/(1 + age), (T, N) [m3 m-3], within 0.02 and 0.6.

    Parameters
    ----------
    model
        (T, N) N of the step itself; B is NaN where it is.
    found
        Of :func:`around`.
    """
    weight = 1 / (1 + found.age)
    moved = (weight * (found.sm + model - found.model)).sum(axis=0) / weight.sum(axis=0)
    return np.clip(moved, *GUESS_RANGE).astype(np.float32)


GUESS_RANGE = (0.02, 0.6)
"""Of the guess [m3 m-3] (proposed in our specification of the paper)."""
