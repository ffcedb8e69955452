"""Intervals for a sample of days × cells: both days and areas are drawn, since neighbours in either are alike.

Pooled numbers of a gap test come from values that depend on each other along time and over space. Blocks of days and
blocks of cells are drawn independently with replacement, and a value counts as often as its two blocks were drawn
together (pigeonhole bootstrap: Owen, A. B. (2007): Ann. Appl. Stat. 1, 386–411, doi:10.1214/07-AOAS122; it errs on the
wide side). As the moments of blocks add up, all draws are one product of matrices. The spread of the draws, on a scale
where it is about normal (Fisher's z for R, the logarithm for RMSD and ubRMSD), gives a t interval around the estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.grids import EARTH_RADIUS_KM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METRICS: Final = ("pearson_r", "bias", "rmsd", "ubrmsd")
DRAWS, MEDIAN_DRAWS = 500, 200
LEAST_BLOCKS: Final = 6
"""With fewer blocks of days there is no interval; with fewer areas they count as given, and only days are drawn."""
BLOCK_KM: Final = 300.0
_DAYS: Final = (10, 30)
_BLOCKS_WANTED: Final = 12
_MOST_ALIKE: Final = 3.0


@dataclass(frozen=True, eq=False)
class Blocks:
    """Which block of days and which area each day and location belongs to.

    Parameters
    ----------
    day
        (T,) number of the block, 0…
    area
        (N,) number of the area, 0…
    length
        Days of a block.
    """

    day: Ints
    area: Ints
    length: int


def blocks_of(days: int, lat: Floats, lon: Floats) -> Blocks:
    """Blocks of 10 to 30 days (a twelfth of the record), and areas of about 300 km × 300 km."""
    length = int(np.clip(days // _BLOCKS_WANTED, *_DAYS))
    height = np.degrees(BLOCK_KM / EARTH_RADIUS_KM)
    band = np.floor(lat / height)
    width = height / np.maximum(np.cos(np.radians((band + 0.5) * height)), 0.05)
    keys = np.stack([band, np.floor(lon / width)], axis=1)
    area = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    return Blocks(np.arange(days) // length, area.astype(np.int64), length)


def _sums(first: Ints, second: Ints, shape: tuple[int, int], product: Floats, reference: Floats) -> Floats:
    """Moments (first, second, 6) of values in two divisions: n, Σx, Σy, Σxx, Σyy, Σxy."""
    at = first * shape[1] + second
    columns = (np.ones_like(product), product, reference, product**2, reference**2, product * reference)
    sums = [np.bincount(at, weights=column, minlength=shape[0] * shape[1]) for column in columns]
    return np.asarray(np.stack(sums, axis=-1).reshape(*shape, 6), np.float64)


def scaled(sums: Floats) -> dict[str, Floats]:
    """Metrics of moments (…, 6) on the scale where draws are about normal.

    A common offset of product and reference changes none of them, so the sums may be of values less their mean.
    """
    n = np.where(sums[..., 0] > 1, sums[..., 0], np.nan)
    mean_x, mean_y = sums[..., 1] / n, sums[..., 2] / n
    xx, yy = sums[..., 3] / n - mean_x**2, sums[..., 4] / n - mean_y**2
    xy = sums[..., 5] / n - mean_x * mean_y
    bias = mean_x - mean_y
    ubrmsd = np.sqrt(np.maximum(xx + yy - 2 * xy, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = xy / np.sqrt(np.where((xx > 1e-14) & (yy > 1e-14), xx * yy, np.nan))
        z = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
        return {"pearson_r": z, "bias": bias, "rmsd": np.log(np.hypot(ubrmsd, bias)), "ubrmsd": np.log(ubrmsd)}


Transform = Callable[[float], Any]
_SCALES: Final[dict[str, tuple[Transform, Transform]]] = {
    "pearson_r": (np.arctanh, np.tanh),
    "bias": (np.asarray, np.asarray),
    "rmsd": (np.log, np.exp),
    "ubrmsd": (np.log, np.exp),
}
"""To the scale on which draws are about normal, and back."""


def pooled_bounds(
    product: Floats, reference: Floats, day: Ints, area: Ints, estimates: dict[str, float], *, seed: int, level: float
) -> dict[str, tuple[float, float]]:
    """Bounds of metrics over one pooled sample.

    Parameters
    ----------
    product, reference
        (k,) finite.
    day, area
        (k,) blocks that each value belongs to.
    estimates
        Of the sample, by metric; NaN gives no bounds.
    """
    day, area = (np.unique(blocks, return_inverse=True)[1].ravel() for blocks in (day, area))
    shape = int(day.max()) + 1 if len(day) else 0, int(area.max()) + 1 if len(area) else 0
    if shape[0] < LEAST_BLOCKS:
        return dict.fromkeys(METRICS, (np.nan, np.nan))
    shift = float(reference.mean())
    sums = _sums(day, area, shape, product - shift, reference - shift)
    by_day, by_area = _weights(shape, DRAWS, seed)
    drawn = np.einsum("dbk,db->dk", (by_day @ sums.reshape(shape[0], -1)).reshape(-1, shape[1], 6), by_area)
    draws = scaled(drawn)
    freedom, widen = _freedom(shape), _widening(sums)
    return {name: _interval(name, estimates[name], draws[name], freedom, level, widen) for name in METRICS}


def median_bounds(
    product: Floats,
    reference: Floats,
    day: Ints,
    cell: Ints,
    area: Ints,
    estimates: dict[str, float],
    *,
    seed: int,
    level: float,
) -> dict[str, tuple[float, float]]:
    """Bounds of medians over cells.

    Parameters
    ----------
    day
        (k,) blocks of days.
    cell
        (k,) which of the C cells of the median, 0…C−1.
    area
        (C,) the area of each cell.
    """
    day = np.unique(day, return_inverse=True)[1].ravel()
    area = np.unique(area, return_inverse=True)[1].ravel()
    shape = int(day.max()) + 1 if len(day) else 0, int(area.max()) + 1 if len(area) else 0
    if shape[0] < LEAST_BLOCKS:
        return dict.fromkeys(METRICS, (np.nan, np.nan))
    shift = float(reference.mean())
    sums = _sums(day, cell, (shape[0], len(area)), product - shift, reference - shift)
    by_day, by_area = _weights(shape, MEDIAN_DRAWS, seed)
    draws: dict[str, list[float]] = {name: [] for name in METRICS}
    for weights, areas in zip(by_day, by_area, strict=True):
        found = scaled(np.tensordot(weights, sums, axes=1))
        for name in METRICS:
            draws[name].append(_weighted_median(found[name], areas[area]))
    freedom = _freedom(shape)
    widen = _widening(sums.sum(axis=1, keepdims=True)) if shape[1] < LEAST_BLOCKS else 1.0
    return {name: _interval(name, estimates[name], np.array(draws[name]), freedom, level, widen) for name in METRICS}


def _weights(shape: tuple[int, int], draws: int, seed: int) -> tuple[Floats, Floats]:
    """How often each block is drawn: (draw, block of days), (draw, area)."""
    draw = np.random.default_rng(seed)
    by_day = draw.multinomial(shape[0], np.full(shape[0], 1 / shape[0]), size=draws).astype(np.float64)
    if shape[1] < LEAST_BLOCKS:
        return by_day, np.ones((draws, shape[1]))
    return by_day, draw.multinomial(shape[1], np.full(shape[1], 1 / shape[1]), size=draws).astype(np.float64)


def _freedom(shape: tuple[int, int]) -> int:
    return min(shape) - 1 if shape[1] >= LEAST_BLOCKS else shape[0] - 1


def _widening(sums: Floats) -> float:
    """Factor of the error where few areas leave only blocks of days (day, area, 6) to be drawn; 1 else.

    Blocks are few, and neighbours may be alike if errors remember for weeks: the variance grows by B/(B − 1) and by
    1 + 2 r, r the mean correlation of the neighbours' influence (leave one out) plus 1/B for what centring takes, as in
    :mod:`smcore.validation.uncertainty.block_draws`. Where areas are drawn too the interval is wide enough without.
    """
    blocks, areas = sums.shape[:2]
    if areas >= LEAST_BLOCKS:
        return 1.0
    by_day = sums.sum(axis=1)
    found = scaled(by_day.sum(axis=0) - by_day)
    influence = np.stack([found[name] - found[name].mean() for name in METRICS])
    power = (influence**2).sum(axis=1)
    lagged = (influence[:, 1:] * influence[:, :-1]).sum(axis=1)
    known = np.isfinite(power) & (power > 0)
    r = float((lagged[known] / power[known]).mean()) if known.any() else 0.0
    return float(np.sqrt(blocks / (blocks - 1) * np.clip(1 + 2 * (r + 1 / blocks), 1.0, _MOST_ALIKE)))


def _weighted_median(values: Floats, weights: Floats) -> float:
    kept = np.isfinite(values) & (weights > 0)
    if not kept.any():
        return float("nan")
    order = np.argsort(values[kept], kind="stable")
    sums = np.cumsum(weights[kept][order])
    return float(values[kept][order][np.searchsorted(sums, sums[-1] / 2)])


def _interval(
    name: str, estimate: float, draws: Floats, freedom: int, level: float, widen: float
) -> tuple[float, float]:
    """Bounds around an estimate by Student's t; NaN where a twentieth of the draws are undefined."""
    from scipy import stats

    with np.errstate(divide="ignore", invalid="ignore"):
        centre = float(_SCALES[name][0](estimate))
    good = draws[np.isfinite(draws)]
    if not np.isfinite(centre) or len(good) < 0.95 * len(draws):
        return float("nan"), float("nan")
    half = float(stats.t.ppf((1 + level) / 2, freedom) * good.std(ddof=1) * widen)
    back = _SCALES[name][1]
    return float(back(centre - half)), float(back(centre + half))
