"""How uncertain the mean of a series is that remembers: autocorrelation, real gaps and the seasonal cycle.

A statistic is, to first order, a mean of its influence values (Hampel, F. R. (1974): The influence curve and its role
in robust estimation. J. Am. Stat. Assoc. 69, 383–393, doi:10.2307/2285666); see
:mod:`smcore.validation.uncertainty.influence`.
The variance of that mean over n pairs is

    V = C₀ / n · D,    D = 1 + (2 / n) Σ_{i<j} ρ(t_j − t_i),    n_eff = n / D

over all pairs of pairs as they lie in time, so gaps need no filling and no share of lags is guessed. ρ(τ) = a φ^τ, an
autoregressive part and a share 1 − a without memory, is fitted to the products at lags 0 (two pairs of one day), 1, 2,
3, 5 and 8 days, each weighted by its number. Before that the mean and the annual and semi-annual harmonics are taken
off: they belong to the window, they are not chance. Taking p coefficients off takes p V from the products at every
lag, which is put back (δ below). What a short window can't tell apart is settled in favour of plain decay:

- a penalty of 0.1 (1 − a)² φ / (1 − φ) in units of squared standard deviations of a correlation: without it a little
  long memory (a = 0.05, φ = 0.98) is found in white noise and makes intervals three times too wide;
- φ ≤ exp(−20 / span): memory longer than a twentieth of the window is not to be seen in it.

Memory need not fade steadily: a 35-day anomaly of a slow series swings back, and what is squared in an influence comes
again 10 to 18 days later. So what the correlations at lags of 9 to 20 days have over the fit is added to D: their sum
X where it is above 0, times X² / (X² + s²) with s² = (4 / n²) Σ N_k D its variance under the fit, which leaves out most
of what chance puts there.

The form of V with the lags as they occur is common (Bayley, G. V. and Hammersley, J. M. (1946): The effective number of
independent observations in an autocorrelated time series. Suppl. J. R. Stat. Soc. 8, 184–197, doi:10.2307/2983560);
the fit, the penalty and the correction are ours and rest on the simulations in ``benchmarks/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.validation.matching.times import day_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LAGS: Final = (0, 1, 2, 3, 5, 8)
"""Days; 8 is the repeat cycle of SMAP, which may have no two consecutive days in the morning."""

TAIL: Final = tuple(range(9, 21))
"""Days over which memory beyond the fit is looked for."""

TWO_HARMONICS_FROM: Final = 456
"""Days (a year and a quarter) from which the semi-annual harmonic is told from the annual one."""

MIN_EFFECTIVE: Final = 5.0
"""Fewer independent pairs give no interval and no test (our choice)."""

_MEMORIES: Final = 1 - np.geomspace(0.9, 0.02, 24)
_PENALTY: Final = 0.1
_SPAN_OF_MEMORY: Final = 20.0
_MOST_REMOVED: Final = 0.7


@dataclass(frozen=True, eq=False)
class LongRun:
    """Variances of the means of series: arrays (series, location), NaN where there are fewer than three pairs.

    ``variance`` is that of the mean, ``n_eff`` the number of independent pairs with the same, ``memory`` φ and
    ``share`` a of the fitted correlation a φ^days; ``n`` (location,) counts pairs.
    """

    n: Ints
    variance: Floats
    n_eff: Floats
    memory: Floats
    share: Floats

    @property
    def degrees(self) -> Floats:
        """Degrees of freedom of Student's t: n_eff / 2 − 2, at least 2 (by simulation, see ``benchmarks/``)."""
        return np.maximum(self.n_eff / 2 - 2, 2.0)

    def standard_error(self, parameters: float) -> Floats:
        """Standard error, enlarged by n_eff / (n_eff − parameters) as residuals are too small where few are left.

        This is the jackknife-like correction HC3 (MacKinnon, J. G. and White, H. (1985): J. Econometrics 29, 305–325,
        doi:10.1016/0304-4076(85)90158-7) with independent pairs in place of pairs; it is never more than threefold.
        """
        left = np.maximum(self.n_eff - parameters, self.n_eff / 3)
        return np.asarray(np.sqrt(self.variance) * self.n_eff / left)


def long_run(series: Floats, time: Ints, valid: NDArray[np.bool_]) -> LongRun:
    """Variance of the mean of ``series`` over the pairs of each location.

    Parameters
    ----------
    series
        (series, location, pair); the values where ``valid`` must be finite. Not changed.
    time
        (location, pair) in µs UTC, in any order; only its UTC day is used.
    valid
        (location, pair): where there is a pair.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    if series.ndim != 3 or series.shape[1:] != time.shape or time.shape != valid.shape:
        raise ValueError(f"series {series.shape}, time {time.shape} and valid {valid.shape} do not fit")
    packed, day, count = pack(series, time, valid)
    return from_packed(packed, day, count)


def pack(series: Floats, time: Ints, valid: NDArray[np.bool_]) -> tuple[Floats, Ints, Ints]:
    """Series and UTC days with the pairs of each location first, 0 after them, and how many there are: a copy."""
    count = np.asarray(valid.sum(axis=1), dtype=np.int64)
    width = int(count.max(initial=0))
    inside = np.arange(width) < count[:, None]
    if np.array_equal(valid[:, :width], inside):
        kept = np.where(inside, series[:, :, :width], 0.0)
        return kept, day_of(np.where(inside, time[:, :width], 0)), count
    packed, day = np.zeros((len(series), *inside.shape)), np.zeros(inside.shape, dtype=np.int64)
    day[inside] = day_of(time[valid])
    for source, target in zip(series, packed, strict=True):
        target[inside] = source[valid]
    return packed, day, count


def from_packed(series: Floats, day: Ints, count: Ints, *, first: int = 0) -> LongRun:
    """As :func:`long_run` for what :func:`pack` returns.

    All ``series`` are left with the mean and harmonics taken off; the result is about those from ``first`` on.
    """
    from smcore.validation.kernels import longrun as kernel

    kinds, places = len(series) - first, series.shape[1]
    lags = np.array(LAGS + TAIL)
    own, products = np.zeros((kinds, places)), np.zeros((kinds, places, len(lags)))
    pairs, decay = np.zeros((places, len(lags))), np.zeros((places, len(_MEMORIES)))
    rank, span = np.zeros(places, dtype=np.int64), spans(day, count)
    coefficients = np.where(span >= TWO_HARMONICS_FROM, 5, 3)
    cycle = _cycle(int(span.max(initial=1)))
    kernel.lag_sums(series, day, count, first, cycle, coefficients, lags, _MEMORIES, own, products, pairs, decay, rank)
    return _fit(own, products, pairs, decay, rank, count, span)


@lru_cache(maxsize=4)
def _cycle(days: int) -> Floats:
    """A constant, cosine and sine of the year and of half of it, (5, day)."""
    angle = 2 * np.pi / 365.2425 * np.arange(days)
    return np.stack([np.ones(days), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])


def spans(day: Ints, count: Ints) -> Ints:
    """Days from the first to the last pair of each location, both included."""
    inside = np.arange(day.shape[1]) < count[:, None]
    first = np.where(inside, day, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max)
    last = np.where(inside, day, np.iinfo(np.int64).min).max(axis=1, initial=np.iinfo(np.int64).min)
    return np.where(count > 0, last - np.where(count > 0, first, 0) + 1, 0)


def _fit(own: Floats, products: Floats, pairs: Floats, decay: Floats, rank: Ints, count: Ints, span: Ints) -> LongRun:
    """Fit a φ^τ over a grid of φ, a by least squares; arrays are (series, location, memory, lag)."""
    n = np.maximum(count, 1).astype(np.float64)
    usable = (count >= 3) & (count > rank)
    removed = (rank / n)[:, None, None]
    excess = (pairs[:, :1] + 2 * decay) / n[:, None]
    powers = _MEMORIES[:, None] ** np.array(LAGS)
    scale = pairs * (own / n)[..., None]
    every_rho = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    rho, tail = every_rho[:, :, None, : len(LAGS)], every_rho[..., len(LAGS) :]
    target = rho + removed * (1 - rho)
    factor = powers - removed * excess[..., None] * (1 - rho)
    weight = pairs[:, None, : len(LAGS)]
    penalty = _PENALTY * _MEMORIES / (1 - _MEMORIES)
    top = (weight * target * factor).sum(axis=-1) + penalty
    share = np.clip(top / ((weight * factor**2).sum(axis=-1) + penalty), 0, 1)
    misfit = (weight * (target - share[..., None] * factor) ** 2).sum(axis=-1) + penalty * (1 - share) ** 2
    inflation = 1 + share * excess
    lost = removed[..., 0] * inflation
    allowed = (lost <= _MOST_REMOVED) & (np.exp(-_SPAN_OF_MEMORY / np.maximum(span, 1))[:, None] >= _MEMORIES)
    allowed[..., 0] = True
    best = np.argmin(np.where(allowed, misfit, np.inf), axis=-1)[..., None]
    share, inflation, lost = (np.take_along_axis(field, best, axis=-1)[..., 0] for field in (share, inflation, lost))
    memory, lost = _MEMORIES[best[..., 0]], np.minimum(lost, _MOST_REMOVED)
    further = inflation + _beyond(tail, pairs[:, len(LAGS) :], n, memory, share, inflation, lost)
    variance = own / n / (1 - lost) * further / n
    fields = (variance, n / further, memory, share)
    return LongRun(count, *(np.where(usable, field, np.nan) for field in fields))


def _beyond(
    rho: Floats, pairs: Floats, n: Floats, memory: Floats, share: Floats, inflation: Floats, lost: Floats
) -> Floats:
    """What the correlations at the lags of the tail add to D over the fit, shrunk by its own uncertainty."""
    fitted = share[..., None] * memory[..., None] ** np.array(TAIL)
    seen = rho * (1 - lost[..., None]) + lost[..., None]
    sum_over = (2 * pairs / n[:, None] * np.where(pairs > 0, seen - fitted, 0.0)).sum(axis=-1)
    noise = 4 * pairs.sum(axis=-1) / n**2 * inflation
    above = np.maximum(sum_over, 0.0)
    return np.asarray(above**3 / np.maximum(above**2 + noise, 1e-300))
