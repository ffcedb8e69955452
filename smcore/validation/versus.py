"""Is A better than B: a paired test at each location, the false discovery rate over locations, and one sentence.

Both products are compared with one reference on the same pairs. The gain of A over B in a metric is how much nearer A
is to the metric's best value, so more than 0 is better for A whatever the metric. Its test is Student's t of the
difference of the two influences (:mod:`smcore.validation.uncertainty.influence`) with the variance of a series that
remembers (:mod:`smcore.validation.uncertainty.longrun`): errors that the products share cancel, gaps and
autocorrelation are allowed for.
We chose it by simulation over resampling: ``benchmarks/results_versus_size.md`` has size and power of both.

Over locations p becomes q by Benjamini, Y. and Hochberg, Y. (1995): Controlling the false discovery rate. J. R. Stat.
Soc. B 57, 289–300, doi:10.1111/j.2517-6161.1995.tb02031.x, which holds for locations that are positively dependent,
too (Benjamini, Y. and Yekutieli, D. (2001): Ann. Stat. 29, 1165–1188, doi:10.1214/aos/1013699998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import MatchError
from smcore.validation.metrics import METRICS
from smcore.validation.uncertainty.clusters import DRAWS, MedianBounds, clusters, median_bounds
from smcore.validation.uncertainty.influence import INFLUENCES, Centred, influences
from smcore.validation.uncertainty.longrun import MIN_EFFECTIVE, LongRun, long_run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Verdicts = NDArray[np.object_]

DEFAULT_METRICS: Final = ("ubrmsd", "pearson_r", "rmsd", "bias")
FDR: Final = 0.05
MIN_PAIRS: Final = 10

BETTER, WORSE, UNDECIDED, TOO_FEW = "better", "worse", "undecided", "too_few"

_PARAMETERS: Final = 3.0
"""What estimating the moments costs, in independent pairs (by simulation)."""

_PAIRS_A_DEGREE: Final = 4.0
"""Independent pairs for one degree of freedom of t: p far below 0.05 must hold, too, for many stations at once."""

_SAME: Final = 1e-12
"""Differences of influence below this share of the influence itself are rounding: the products are identical."""


@dataclass(frozen=True, eq=False)
class Difference:
    """One metric of A and of B at each location, arrays (location,).

    ``gain`` > 0 where A is nearer to the best value; ``lower`` and ``upper`` bound it, ``p`` is two-sided against no
    difference. All three are NaN where there are too few pairs or the metric is not defined; identical products have
    gain 0 and p 1. ``n_eff`` is the number of independent pairs that the gain rests on.
    """

    value_a: Floats
    value_b: Floats
    gain: Floats
    lower: Floats
    upper: Floats
    p: Floats
    n_eff: Floats


@dataclass(frozen=True, eq=False)
class Differences:
    """A against B at each location: ``metrics`` by name, on the same ``n`` (location,) pairs.

    ``amplitude_a`` and ``amplitude_b`` are the ratios of the standard deviations to that of the reference.
    """

    metrics: dict[str, Difference]
    n: Ints
    amplitude_a: Floats
    amplitude_b: Floats
    min_pairs: int
    level: float


@dataclass(frozen=True, eq=False)
class Judged:
    """One metric over all locations: ``q`` and ``verdict`` (location,), their counts, and the median gain."""

    q: Floats
    verdict: Verdicts
    better: int
    worse: int
    undecided: int
    too_few: int
    median: MedianBounds

    @property
    def improved(self) -> bool:
        """Whether A is better on the whole: by the interval of the median, or by verdicts where there is none."""
        if np.isfinite(self.median.lower):
            return self.median.lower > 0
        return self.better > self.worse


@dataclass(frozen=True, eq=False)
class Versus:
    """A against B: verdicts of all metrics, and the sentence about one of them.

    ``amplitudes`` are the medians over locations of the two ratios of standard deviations; ``days`` counts the common
    pairs of the locations that were judged.
    """

    judged: dict[str, Judged]
    groups: Ints
    amplitudes: tuple[float, float]
    days: int
    sentence: str


def paired(
    product_a: Floats,
    product_b: Floats,
    reference: Floats,
    time: Ints,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    min_pairs: int = MIN_PAIRS,
    level: float = 0.95,
) -> Differences:
    """Compare two products with one reference, location by location.

    Parameters
    ----------
    product_a, product_b, reference
        (location, pair) in one unit, NaN where missing; a pair counts where all three are finite.
    time
        (location, pair) in µs UTC, in any order.
    metrics
        Of :data:`smcore.validation.uncertainty.influence.INFLUENCES`, with a best value.
    min_pairs
        Locations with fewer pairs get no numbers.
    level
        Of the intervals of the gains, each on its own.

    Raises
    ------
    MatchError
        If shapes differ or a metric can't be compared.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in (product_a, product_b, reference)]
    _check(arrays, time, metrics, level)
    valid = np.isfinite(arrays[0]) & np.isfinite(arrays[1]) & np.isfinite(arrays[2])
    of_a, of_b = (influences(product, arrays[2], metrics, valid=valid) for product in arrays[:2])
    series, gains = [], []
    for name in metrics:
        gain, influence = _gain(_best(name), of_a[name], of_b[name])
        gains.append(gain)
        series.append(influence)
    n = np.asarray(valid.sum(axis=1), dtype=np.int64)
    spread = long_run(np.nan_to_num(np.stack(series), nan=0.0, posinf=0.0, neginf=0.0), time, valid)
    enough = (n >= min_pairs) & _varies(arrays, valid)
    result = {}
    for i, name in enumerate(metrics):
        same = _identical(of_a[name][1], of_b[name][1], gains[i])
        smooth = np.asarray(np.isfinite(series[i]).all(axis=1))
        known = [np.where(enough, numbers, np.nan) for numbers in (of_a[name][0], of_b[name][0], gains[i])]
        result[name] = _test((known[0], known[1]), known[2], spread, i, smooth, same, level)
    amplitude = [_amplitude(product, arrays[2], valid, enough) for product in arrays[:2]]
    return Differences(result, n, amplitude[0], amplitude[1], min_pairs, level)


def compare(
    differences: Differences,
    lat: Floats,
    lon: Floats,
    *,
    names: tuple[str, str] = ("A", "B"),
    metric: str = "ubrmsd",
    unit: str = "m³ m⁻³",
    cell: Ints | None = None,
    fdr: float = FDR,
    seed: int = 0,
    draws: int = DRAWS,
    noun: str = "stations",
    sample: str = "days",
) -> Versus:
    """Judge all locations together.

    Parameters
    ----------
    lat, lon
        Degrees, (location,), for the groups of stations that are drawn for the interval of the median.
    names
        Of A and B in the sentence.
    metric, unit
        What the sentence is about, and the unit of the data.
    cell
        Number of the product's cell at each location, if known; one cell is one place.
    fdr
        Share of false verdicts that is accepted among the better and the worse.
    seed, draws
        For the interval of the median; the same in any process.
    noun, sample
        What a location is, and what a pair: days or, of hourly records, pairs.

    Raises
    ------
    MatchError
        If ``metric`` was not compared or the numbers of locations differ.
    """
    if metric not in differences.metrics:
        known = ", ".join(differences.metrics)
        raise MatchError(f"{metric} was not compared", hint=f"choose one of {known}")
    if not len(lat) == len(lon) == len(differences.n):
        raise MatchError(f"{len(lat)} latitudes and {len(lon)} longitudes for {len(differences.n)} locations")
    groups = clusters(lat, lon, cell=cell)
    judged = {
        name: _judge(difference, groups, fdr, seed, draws, differences.level)
        for name, difference in differences.metrics.items()
    }
    counted = judged[metric].verdict != TOO_FEW
    amplitudes = tuple(
        float(np.median(ratio[counted & np.isfinite(ratio)])) if (counted & np.isfinite(ratio)).any() else float("nan")
        for ratio in (differences.amplitude_a, differences.amplitude_b)
    )
    days = int(differences.n[counted].sum())
    sentence = _sentence(
        judged, metric, names, (amplitudes[0], amplitudes[1]), f"{_grouped(days)} {sample}", fdr, unit, noun
    )
    return Versus(judged, groups, (amplitudes[0], amplitudes[1]), days, sentence)


def adjusted(p: Floats) -> Floats:
    """Benjamini–Hochberg q: the smallest false discovery rate at which each test would count; NaN stays NaN.

    q of the i-th smallest of m is the least p_j m / j over j ≥ i, at most 1 (Benjamini and Hochberg 1995, eq. 1).
    """
    q = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def _check(arrays: Sequence[Floats], time: Ints, metrics: Sequence[str], level: float) -> None:
    shapes = [array.shape for array in arrays] + [time.shape]
    if len(set(shapes)) > 1 or time.ndim != 2:
        raise MatchError(f"Two products, reference and time have shapes {shapes}", hint="pair them on the same times")
    for name in metrics:
        if name not in INFLUENCES or METRICS[name].best is None:
            can = ", ".join(known for known in INFLUENCES if known in METRICS and METRICS[known].best is not None)
            raise MatchError(f"{name} can't be compared pair by pair", hint=f"choose of {can}")
    if not 0 < level < 1:
        raise MatchError(f"The level {level} is not between 0 and 1")


def _best(name: str) -> float:
    best = METRICS[name].best
    assert best is not None
    return best


def _gain(best: float, a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """How much nearer to the best value A is, and the influence of each pair on that."""
    far_a, far_b = a[0] - best, b[0] - best
    side_a, side_b = (np.where(far < 0, -1.0, 1.0)[:, None] for far in (far_a, far_b))
    return np.abs(far_b) - np.abs(far_a), side_b * b[1] - side_a * a[1]


def _varies(arrays: Sequence[Floats], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each of the three takes more than one value: a stuck sensor or product is not judged."""
    result = valid.any(axis=1)
    for values in arrays:
        low = np.where(valid, values, np.inf).min(axis=1, initial=np.inf)
        high = np.where(valid, values, -np.inf).max(axis=1, initial=-np.inf)
        with np.errstate(invalid="ignore"):
            result &= high - low > _SAME * np.maximum(np.abs(low), np.abs(high))
    return np.asarray(result)


def _identical(of_a: Floats, of_b: Floats, gain: Floats) -> NDArray[np.bool_]:
    largest = np.maximum(np.abs(of_a).max(axis=1, initial=0), np.abs(of_b).max(axis=1, initial=0))
    apart = np.abs(of_a - of_b).max(axis=1, initial=0)
    return np.asarray((apart <= _SAME * largest) & (np.abs(gain) <= _SAME * np.maximum(largest, _SAME)))


def _test(
    values: tuple[Floats, Floats],
    gain: Floats,
    spread: LongRun,
    row: int,
    smooth: NDArray[np.bool_],
    same: NDArray[np.bool_],
    level: float,
) -> Difference:
    """Student's t; no test where an influence is not finite (a perfect product has no slope of its RMSD)."""
    from scipy.special import stdtr, stdtrit

    n_eff = np.where(np.isfinite(gain), spread.n_eff[row], np.nan)
    degrees = np.maximum(n_eff / _PAIRS_A_DEGREE, 2.0)
    error = spread.standard_error(_PARAMETERS)[row]
    tested = smooth & np.isfinite(gain) & (n_eff >= MIN_EFFECTIVE) & (error > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(tested, 2 * stdtr(degrees, -np.abs(gain / error)), np.nan)
        half = np.where(tested, stdtrit(degrees, (1 + level) / 2) * error, np.nan)
    equal = same & np.isfinite(gain)
    p, half = np.where(equal, 1.0, p), np.where(equal, 0.0, half)
    return Difference(*values, gain, lower=gain - half, upper=gain + half, p=p, n_eff=n_eff)


def _amplitude(product: Floats, reference: Floats, valid: NDArray[np.bool_], enough: NDArray[np.bool_]) -> Floats:
    pairs = Centred(np.where(valid, product, 0.0), np.where(valid, reference, 0.0), valid)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (pairs.deviations[0] / pairs.deviations[1])[:, 0]
    return np.where(enough & np.isfinite(ratio), ratio, np.nan)


def _judge(difference: Difference, groups: Ints, fdr: float, seed: int, draws: int, level: float) -> Judged:
    q = adjusted(difference.p)
    verdict = np.full(q.shape, UNDECIDED, dtype=object)
    verdict[np.isnan(q)] = TOO_FEW
    verdict[(q <= fdr) & (difference.gain > 0)] = BETTER
    verdict[(q <= fdr) & (difference.gain < 0)] = WORSE
    better, worse, undecided, too_few = (int((verdict == kind).sum()) for kind in (BETTER, WORSE, UNDECIDED, TOO_FEW))
    gains = np.where(np.isnan(q), np.nan, difference.gain)
    median = median_bounds(gains, groups, seed=seed, draws=draws, level=level)
    return Judged(q, verdict, better, worse, undecided, too_few, median)


def _sentence(
    judged: dict[str, Judged],
    metric: str,
    names: tuple[str, str],
    amplitudes: tuple[float, float],
    days: str,
    fdr: float,
    unit: str,
    noun: str,
) -> str:
    """Counts and median gain, then what R and the amplitudes say about it."""
    result, known = judged[metric], METRICS[metric]
    tested = result.better + result.worse + result.undecided
    if not tested:
        return f"{names[0]} and {names[1]} can't be compared: none of {result.too_few} {noun} has enough common pairs"
    rest = f", {result.too_few} not judged" if result.too_few else ""
    text = (
        f"{names[0]} is better than {names[1]} at {result.better} of {tested} {noun}, worse at {result.worse}{rest} "
        f"(FDR {fdr * 100:g} %, {known.symbol}, same {days}); "
        f"median gain {_bounded(result.median, known.unit_for(unit), noun)}"
    )
    if metric != "pearson_r" and "pearson_r" in judged:
        text += f"; ΔR {_bounded(judged['pearson_r'].median, '1', noun)}"
    text += f"; standard deviation {amplitudes[0]:.2f} of the reference's against {amplitudes[1]:.2f}"
    smaller = amplitudes[0] < amplitudes[1]
    if metric in ("ubrmsd", "rmsd") and "pearson_r" in judged and result.improved and smaller:
        text += "" if judged["pearson_r"].improved else ": smaller amplitude, no more information"
    return text


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _bounded(median: MedianBounds, unit: str, noun: str) -> str:
    """A median with its interval, in steps of a quarter of the interval's width or less, and two decimals at least."""
    bounds = (median.median, median.lower, median.upper)
    known = np.isfinite(median.lower)
    width = median.upper - median.lower
    digits = int(np.clip(np.ceil(-np.log10(width / 4) - 1e-9), 2, 5)) if known and width > 0 else 3
    value, lower, upper = (f"{number:.{digits}f}".replace("-", "−") for number in bounds)
    text = value if unit == "1" else f"{value} {unit}"
    if known:
        return f"{text} [{lower}, {upper}]"
    groups = "1 group" if median.clusters == 1 else f"{median.clusters} groups"
    return f"{text} (no interval: {groups} of {noun})"
