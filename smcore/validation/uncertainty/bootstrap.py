"""Block bootstrap of metrics as a product of two matrices: no series is ever resampled.

A metric of moments needs n and five sums. They are added up in blocks of calendar days once; the sums of a draw are
the counts of its blocks times the blocks' sums, so a thousand draws of many locations are one matrix product. Blocks
keep what is near in time together (Künsch, H. R. (1989): The jackknife and the bootstrap for general stationary
observations. Ann. Stat. 17, 1217–1241, doi:10.1214/aos/1176347265). Four things make the intervals hold what they
promise with few independent pairs, where percentiles of 30-day blocks do not (``docs/intervals.md`` has the coverage):

- mean and annual cycle of the moments belong to the window: only what is left of them is drawn;
- blocks are as long as the series remembers (:mod:`smcore.validation.uncertainty.longrun`), see :func:`block_days`;
- draws are taken on a scale where the metric is about normal: artanh R, log RMSD, log (1 − NSE);
- *studentised* (default): each draw is divided by its own standard error (Hall, P. (1992): The Bootstrap and Edgeworth
  Expansion, doi:10.1007/978-1-4612-4384-7, ch. 3; blocks: Götze, F. and Künsch, H. R. (1996): Ann. Stat. 24,
  1914–1933, doi:10.1214/aos/1069362303), and its quantiles scale the long-run standard error, which unlike that of
  blocks does not lose the memory from one block to the next. *calibrated*: the shape of the draws with that standard
  error and Student's t. *percentile* is for comparison with other tools only: it is too narrow.

The draws of a location depend on the seed and on its number of blocks, so its interval is the same in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.errors import MatchError
from smcore.validation.uncertainty.estimators import ESTIMATORS, Sums
from smcore.validation.uncertainty.intervals import TESTED_DAYS, TESTED_PAIRS, Bounds
from smcore.validation.uncertainty.longrun import MIN_EFFECTIVE, LongRun, from_packed, pack, spans

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["studentised", "calibrated", "percentile"]
Seed = int | Sequence[int]

KINDS: Final = ("studentised", "calibrated", "percentile")
DRAWS: Final = 1000

MIN_BLOCKS: Final = 6
"""Fewer blocks with a pair give no interval (our choice)."""

LENGTHS: Final = np.array([5, 7, 10, 14, 20, 28, 40, 56, 80, 112, 160, 224])
"""Block lengths [days] that are chosen from; few, so that locations can be drawn together."""

_AT_ONCE: Final = 128
"""Locations drawn together: their moments and draws stay in the cache."""

_LEAST_OF_ERROR: Final = 0.05
"""A draw of nearly equal blocks has next to no error of its own; it counts as this share of the estimate's."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Some locations ready to be drawn: point estimates on the drawn scale, block sums and long-run errors."""

    names: tuple[str, ...]
    origin: Floats
    estimate: Floats
    gradient: Floats
    spread: LongRun
    span: Ints
    sums: Floats
    filled: Ints


def block_bounds(
    product: ArrayLike,
    reference: ArrayLike,
    time: ArrayLike,
    *,
    metrics: Sequence[str],
    seed: Seed,
    draws: int = DRAWS,
    block: int | None = None,
    kind: Kind = "studentised",
    level: float = 0.95,
) -> dict[str, Bounds]:
    """Bootstrap intervals of metrics, location by location.

    Parameters
    ----------
    product, reference
        Pairs (location, pair); NaN where there is none.
    time
        Their times [µs, UTC] (location, pair), in any order; only UTC days are used.
    metrics
        Names of metrics; those that are no function of moments (ranks, events, absolute errors) are left out of the
        result.
    seed
        One or several numbers; the same ones give the same intervals.
    draws
        Resamples.
    block
        Length of the blocks [days]; adapted to each location if left out.
    kind
        ``studentised``, ``calibrated`` or, for comparison, ``percentile``.
    level
        Nominal coverage.

    Returns
    -------
    dict
        :class:`smcore.validation.uncertainty.intervals.Bounds` by metric; limits are NaN where the metric is not
        defined, there are fewer than :data:`MIN_BLOCKS` blocks or fewer than five independent pairs.

    Raises
    ------
    MatchError
        If shapes, kind, level, draws or block make no sense.
    """
    x, y = np.asarray(product, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    times = np.asarray(time, dtype=np.int64)
    _check(x, y, times, kind, level, draws, block)
    names = tuple(name for name in metrics if name in ESTIMATORS)
    limits = np.full((3, len(names), len(x)), np.nan)
    short = np.ones((len(names), len(x)), dtype=bool)
    counts = cache(partial(draw_counts, draws=draws, seed=seed))

    def some(begin: int) -> None:
        rows = slice(begin, begin + _AT_ONCE)
        prepared = _prepare(x[rows], y[rows], times[rows], names, block)
        limits[:, :, rows] = _limits(prepared, counts, kind, level)
        n_eff = prepared.spread.n_eff
        short[:, rows] = ~((prepared.span >= TESTED_DAYS) & (n_eff >= TESTED_PAIRS))

    from smcore.validation.kernels.alone import threads

    pieces = range(0, len(x) if names else 0, _AT_ONCE)
    with ThreadPoolExecutor(max_workers=threads()) as pool:  # products and quantiles let other threads run
        list(pool.map(some, pieces))
    return {name: Bounds(limits[0, i], limits[1, i], limits[2, i], short[i]) for i, name in enumerate(names)}


def block_days(spread: LongRun, span: Ints) -> Ints:
    """Length of the blocks [days] of each location: 5 + 2 τ, between a sixtieth and an eighth of the span.

    τ = (D − 1) · span / n, the days over which a correlation adds up (10 for φ = 0.9 of daily values without a nugget,
    counted on both sides), is that of the metric that remembers longest. A longer block has less of the dependence
    between blocks left, a shorter one gives more blocks; with the long-run error in place the choice matters little.
    """
    inflation = np.nan_to_num(spread.n / spread.n_eff, nan=1.0)
    memory = ((inflation - 1) * span / np.maximum(spread.n, 1)).max(axis=0)
    wanted = np.clip(np.maximum(5 + 2 * memory, span / 60), LENGTHS[0], np.maximum(span / 8, LENGTHS[0]))
    return np.asarray(LENGTHS[np.searchsorted(LENGTHS, wanted, side="right") - 1])


def draw_counts(blocks: int, draws: int, seed: Seed) -> Floats:
    """How often each of ``blocks`` blocks is in each draw, (block, draw); the same for the same seed."""
    numbers = [seed] if isinstance(seed, int) else list(seed)
    picked = np.random.default_rng([*numbers, blocks]).integers(blocks, size=(draws, blocks))
    picked += np.arange(draws)[:, None] * blocks
    counts = np.bincount(picked.ravel(), minlength=draws * blocks).reshape(draws, blocks)
    return np.ascontiguousarray(counts.T, dtype=np.float64)


def _check(x: Floats, y: Floats, time: Ints, kind: str, level: float, draws: int, block: int | None) -> None:
    if x.ndim != 2 or not x.shape == y.shape == time.shape:
        raise MatchError(f"Product, reference and time have shapes {x.shape}, {y.shape} and {time.shape}")
    if kind not in KINDS:
        raise MatchError(f"There is no bootstrap {kind!r}", hint=f"choose {', '.join(KINDS)}")
    if not 0 < level < 1:
        raise MatchError(f"The level {level} is not between 0 and 1")
    if draws * (1 - level) < 10:
        raise MatchError(f"{draws} draws are too few for the level {level}", hint="each tail needs five of them")
    if block is not None and block < 1:
        raise MatchError(f"A block of {block} days is too short", hint="a block has a day or more")


def _prepare(x: Floats, y: Floats, time: Ints, names: tuple[str, ...], block: int | None) -> _Prepared:
    """Moments of each pair, their influence on the metrics, the memory of that, and block sums."""
    from smcore.validation.kernels import longrun as kernel

    valid = np.isfinite(x) & np.isfinite(y)
    (u, v), day, count = pack(np.stack([x, y]), time, valid)
    n = np.maximum(count, 1).astype(np.float64)
    origin = np.stack([u.sum(axis=1), v.sum(axis=1)]) / n
    inside = np.arange(u.shape[1]) < count[:, None]
    u, v = (np.where(inside, part - mean[:, None], 0.0) for part, mean in zip((u, v), origin, strict=True))
    series = np.empty((5 + len(names), *u.shape))
    for row, (a, b) in enumerate(((u, None), (v, None), (u, u), (v, v), (u, v))):
        series[row] = a if b is None else a * b
    totals = series[:5].sum(axis=2)
    estimate, gradient = _linearise(names, totals / n, origin)
    influence = np.matmul(gradient.transpose(2, 0, 1), series[:5].transpose(1, 0, 2))
    series[5:] = np.nan_to_num(influence.transpose(1, 0, 2), nan=0.0, posinf=0.0, neginf=0.0)
    spread, span = from_packed(series, day, count, first=5), spans(day, count)
    length = block_days(spread, span) if block is None else np.full(len(count), block)
    sums = np.zeros((len(count), 6, int((-(-span // length)).max(initial=1)) + 7))
    filled = np.zeros(len(count), dtype=np.int64)
    kernel.add_blocks(series[:5], day, count, length, sums, filled)
    sums[:, :5] += sums[:, 5:] * (totals / n).T[:, :, None]
    return _Prepared(names, origin, estimate, gradient, spread, span, sums, filled)


def _linearise(names: tuple[str, ...], means: Floats, origin: Floats) -> tuple[Floats, Floats]:
    """Estimates (metric, location) and their derivatives by the five mean moments (metric, moment, location).

    Central differences of 1e-5 of a moment's own size are exact to about 1e-9; there is none along a constant series.
    """
    s_x, s_y = np.sqrt(means[2]), np.sqrt(means[3])
    steps = 1e-5 * np.stack([s_x, s_y, means[2], means[3], s_x * s_y])
    estimate = np.empty((len(names), means.shape[1]))
    gradient = np.empty((len(names), 5, means.shape[1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        for i, name in enumerate(names):
            of_sums = ESTIMATORS[name].of_sums
            estimate[i] = of_sums(_sums(means, origin))
            for j in range(5):
                up, down = means.copy(), means.copy()
                up[j] += steps[j]
                down[j] -= steps[j]
                change = of_sums(_sums(up, origin)) - of_sums(_sums(down, origin))
                gradient[i, j] = np.where(steps[j] > 0, change / (2 * steps[j]), 0.0)
    return estimate, gradient


def _sums(means: Floats, origin: Floats) -> Sums:
    return Sums(means[0], means[1], means[2], means[3], means[4], origin[0], origin[1])


def _groups(filled: Ints) -> Iterator[tuple[int, Ints]]:
    """Locations with one number of blocks are drawn together; up to seven empty ones are added for fewer groups."""
    padded = -(-filled // 8) * 8
    for blocks in np.unique(padded[filled >= MIN_BLOCKS]):
        yield int(blocks), np.flatnonzero((padded == blocks) & (filled >= MIN_BLOCKS))


def _limits(prepared: _Prepared, draw: Callable[[int], Floats], kind: str, level: float) -> Floats:
    """Lower and upper limit and n_eff, (3, metric, location)."""
    result = np.full((3, len(prepared.names), len(prepared.filled)), np.nan)
    for blocks, rows in _groups(prepared.filled):
        counts = draw(blocks)
        sums_of_blocks = prepared.sums[rows, :, :blocks].transpose(1, 0, 2)
        drawn = np.concatenate([sums_of_blocks, sums_of_blocks[5:] ** 2]) @ counts
        n = drawn[5]
        sums = _sums(drawn[:5] / n, prepared.origin[:, rows, None])
        for i, name in enumerate(prepared.names):
            with np.errstate(divide="ignore", invalid="ignore"):
                change = ESTIMATORS[name].of_sums(sums) - prepared.estimate[i, rows, None]
                lower, upper = _interval(prepared, i, rows, blocks, counts, drawn[5:], change, kind, level)
            found = prepared.estimate[i, rows] + np.stack([lower, upper])
            result[:2, i, rows] = ESTIMATORS[name].back(*found)
            result[2, i, rows] = prepared.spread.n_eff[i, rows]
    few = ~(prepared.spread.n_eff >= MIN_EFFECTIVE)
    result[:2, few] = np.nan
    return result


def _interval(
    prepared: _Prepared,
    i: int,
    rows: Ints,
    blocks: int,
    counts: Floats,
    pairs_drawn: Floats,
    change: Floats,
    kind: str,
    level: float,
) -> tuple[Floats, Floats]:
    """Distances of the limits from the estimate, on the drawn scale.

    ``pairs_drawn`` (2, location, draw) holds the sums over a draw's blocks of their pairs and of their squares.
    """
    from smcore.validation.kernels import longrun as kernel

    influence, pairs = _block_influence(prepared, i, rows, blocks)
    of_blocks = np.stack([influence, influence**2, influence * pairs], axis=1)
    of_draws = (of_blocks.reshape(-1, blocks) @ counts).reshape(len(rows), 3, -1)
    error = np.sqrt((influence**2).sum(axis=1)) / pairs.sum(axis=1)
    own = kernel.errors_of_draws(change, of_draws, pairs_drawn, _LEAST_OF_ERROR * error)
    if kind == "percentile":
        return _quantiles(change, level)
    if kind == "calibrated":
        return _calibrated(change, prepared.spread, i, rows, ESTIMATORS[prepared.names[i]].parameters, level)
    change /= own
    low, high = _quantiles(change, level)
    scale = prepared.spread.standard_error(0.0)[i, rows]
    return -high * scale, -low * scale


def _block_influence(prepared: _Prepared, i: int, rows: Ints, blocks: int) -> tuple[Floats, Floats]:
    """Sum over each block of the influence on a metric, and number of pairs, (location, block)."""
    sums = prepared.sums[rows, :, :blocks]
    centre = sums[:, :5].sum(axis=2) / sums[:, 5].sum(axis=1)[:, None]
    own = sums[:, :5] - centre[:, :, None] * sums[:, 5:]
    return np.einsum("jp,pjb->pb", prepared.gradient[i][:, rows], own), sums[:, 5]


def _calibrated(
    change: Floats, spread: LongRun, i: int, rows: Ints, parameters: float, level: float
) -> tuple[Floats, Floats]:
    """Quantiles of the draws, mirrored and without their shift, with the long-run error and Student's t."""
    from scipy.special import ndtri, stdtrit

    shift, deviation = change.mean(axis=1), change.std(axis=1)
    low, high = _quantiles(change, level)
    tail = (1 + level) / 2
    wider = stdtrit(spread.degrees[i, rows], tail) / ndtri(tail)
    scale = spread.standard_error(parameters)[i, rows] * wider / deviation
    return -(high - shift) * scale - shift, -(low - shift) * scale - shift


def _quantiles(drawn: Floats, level: float) -> tuple[Floats, Floats]:
    """The two order statistics that leave (1 − level) / 2 of the draws on either side, by partition.

    One partition after the other: with two places at once numpy does not use its vector code.
    """
    count = drawn.shape[1]
    low = max(int(np.floor((count + 1) * (1 - level) / 2)) - 1, 0)
    parted = np.partition(drawn, low, axis=1)
    lower = parted[:, low].copy()
    rest = parted[:, low + 1 :]
    rest.partition(count - 2 - 2 * low, axis=1)
    undefined = np.isnan(lower + parted[:, count - 1 - low])
    return np.where(undefined, np.nan, lower), np.where(undefined, np.nan, parted[:, count - 1 - low])
