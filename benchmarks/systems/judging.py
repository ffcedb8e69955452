"""Scores with intervals, and whether one method is better than another.

Everything is a vector over the scored values of a scene. Intervals draw blocks of days and squares of 2° independently
(pigeonhole bootstrap, as in :mod:`smcore.validation.gaps.intervals`); with fewer than six squares only days are drawn,
with fewer than six blocks of days there is no interval.

The gain of A over B is the median over cells of 1 − RMSD_A / RMSD_B, on the values that both give. A is *better* where
the gain is at least :data:`LEAST_GAIN` and its interval lies above 0; that is the rule of every yes and no in the
report. The same gain in ubRMSD stands beside and decides nothing: it tells an error that comes and goes from a bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.validation.gaps.intervals import LEAST_BLOCKS, METRICS, median_bounds, pooled_bounds, scaled

Floats = NDArray[Any]
Ints = NDArray[np.int64]

LEAST_GAIN = 0.02
LEAST_VALUES = 10
SHORT_DAYS, LEAST_OF_SHORT = 60, 3
"""A record of fewer days has blocks of three days, or a sixth of it, and a cell needs fewer values."""
DRAWS = 500
LEVEL = 0.95
BLOCK_DEG = 2.0
DIGITS = 5
_RESIDUE = 1e-12  # of the sum of squares: what rounding leaves of a spread that is none


@dataclass(frozen=True, eq=False)
class Sample:
    """Which block of days and which cell each of k scored values belongs to.

    Parameters
    ----------
    block, cell
        (k,) numbers, 0…
    area
        (N,) the square of each cell, 0…
    least
        Values that a cell needs.
    """

    block: Ints
    cell: Ints
    area: Ints
    least: int = LEAST_VALUES

    def pick(self, chosen: NDArray[Any]) -> Sample:
        """Some of the values."""
        return Sample(self.block[chosen], self.cell[chosen], self.area, self.least)


def sample_of(day: Ints, cell: Ints, lat: Floats, lon: Floats) -> Sample:
    """Blocks of 10 to 30 days (a twelfth of the period) and squares of 2°.

    Parameters
    ----------
    day
        (k,) day of each value, from any origin.
    cell
        (k,) position in ``lat`` and ``lon``.
    """
    first, last = (int(day.min()), int(day.max())) if len(day) else (0, 0)
    days = last - first + 1
    short = days < SHORT_DAYS
    length = max(3, days // 6) if short else int(np.clip(days // 12, 10, 30))
    keys = np.stack([np.floor(lat / BLOCK_DEG), np.floor(lon / BLOCK_DEG)], axis=1)
    area = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    return Sample((day - first) // length, cell, area.astype(np.int64), LEAST_OF_SHORT if short else LEAST_VALUES)


@dataclass(frozen=True)
class Gain:
    """Of one method over another: the median over ``cells``, its bounds (None without an interval), values used.

    ``ub_gain`` and its bounds are the same in ubRMSD, None where that was not taken.
    """

    gain: float | None
    lower: float | None
    upper: float | None
    cells: int
    values: int
    ub_gain: float | None = None
    ub_lower: float | None = None
    ub_upper: float | None = None

    @property
    def better(self) -> bool:
        """Whether it is at least :data:`LEAST_GAIN`, with an interval above 0."""
        known = self.gain is not None and self.lower is not None
        return bool(known and self.gain >= LEAST_GAIN and self.lower > 0)  # type: ignore[operator]

    @property
    def worse(self) -> bool:
        """Whether the other one is, by the same measure."""
        known = self.gain is not None and self.upper is not None
        return bool(known and self.gain <= -LEAST_GAIN and self.upper < 0)  # type: ignore[operator]


def gain_of(a: Floats, b: Floats, reference: Floats, sample: Sample, *, seed: int = 0) -> Gain:
    """How much nearer A is to the reference than B, (k,) values each, NaN where there is none."""
    kept = np.isfinite(a) & np.isfinite(b) & np.isfinite(reference)
    cell, block = sample.cell[kept], sample.block[kept]
    count = np.bincount(cell, minlength=len(sample.area))
    enough = count >= sample.least
    if not enough.any():
        return Gain(None, None, None, 0, int(kept.sum()))
    inside = enough[cell]
    position = (np.cumsum(enough) - 1)[cell[inside]]
    truth = reference[kept][inside].astype(np.float64)
    number = np.unique(block[inside], return_inverse=True)[1].ravel()
    shape = int(number.max()) + 1, int(enough.sum())
    errors = [values[kept][inside] - truth for values in (a, b)]
    area = np.unique(sample.area[enough], return_inverse=True)[1].ravel()
    sums = _Sums.of(errors, number * shape[1] + position, shape)
    found = [
        _rounded(value)
        for relative in (sums.by_rmsd, sums.by_ubrmsd)
        for value in _with_bounds(relative, shape[0], area, seed)
    ]
    return Gain(*found[:3], shape[1], int(inside.sum()), *found[3:])


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of the errors of two methods by block of days and cell, (blocks, cells) each."""

    count: Floats
    errors: tuple[Floats, Floats]
    squares: tuple[Floats, Floats]

    @classmethod
    def of(cls, errors: list[Floats], at: Ints, shape: tuple[int, int]) -> _Sums:
        def sums(values: Floats | None) -> Floats:
            return np.bincount(at, values, shape[0] * shape[1]).reshape(shape)

        a, b = errors
        return cls(sums(None), (sums(a), sums(b)), (sums(a * a), sums(b * b)))

    def by_rmsd(self, days: Floats) -> Floats:
        """1 − RMSD_A / RMSD_B of each cell under weights (blocks,)."""
        a, b = (days @ squares for squares in self.squares)
        return _relative(a, b)

    def by_ubrmsd(self, days: Floats) -> Floats:
        """1 − ubRMSD_A / ubRMSD_B of each cell under weights (blocks,); NaN where fewer than two values were drawn."""
        count = days @ self.count
        spreads = []
        for errors, squares in zip(self.errors, self.squares, strict=True):
            whole = days @ squares
            spread = whole - (days @ errors) ** 2 / np.maximum(count, 1)
            spreads.append(np.where(spread > _RESIDUE * whole, spread, 0.0))
        return np.where((days > 0) @ self.count < 2, np.nan, _relative(*spreads))


def _relative(squares_a: Floats, squares_b: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(squares_b > 0, 1 - np.sqrt(squares_a / squares_b), np.where(squares_a > 0, -np.inf, 0.0))


def _with_bounds(
    relative: Callable[[Floats], Floats], blocks: int, area: Ints, seed: int
) -> tuple[float | None, float | None, float | None]:
    """The median over cells and its bounds, None where there are none."""
    values = relative(np.ones(blocks))
    middle = float(np.nanmedian(values)) if np.isfinite(values).any() else None
    return (middle, *_bounds(middle, relative, blocks, area, seed))


def _bounds(
    middle: float | None, relative: Callable[[Floats], Floats], blocks: int, area: Ints, seed: int
) -> tuple[float | None, float | None]:
    from scipy import stats

    areas = int(area.max()) + 1
    if middle is None or blocks < LEAST_BLOCKS:
        return None, None
    draw = np.random.default_rng(seed)
    by_day = draw.multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS).astype(np.float64)
    by_area = np.ones((DRAWS, areas))
    if areas >= LEAST_BLOCKS:
        by_area = draw.multinomial(areas, np.full(areas, 1 / areas), DRAWS).astype(np.float64)
    medians = np.array(
        [_weighted_median(relative(days), weights[area]) for days, weights in zip(by_day, by_area, strict=True)]
    )
    good = medians[np.isfinite(medians)]
    if len(good) < 0.95 * DRAWS:
        return None, None
    freedom = min(blocks, areas) - 1 if areas >= LEAST_BLOCKS else blocks - 1
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * good.std(ddof=1))
    return middle - half, middle + half


def _weighted_median(values: Floats, weights: Floats) -> float:
    kept = ~np.isnan(values) & (weights > 0)
    if not kept.any():
        return float("nan")
    order = np.argsort(values[kept], kind="stable")
    sums = np.cumsum(weights[kept][order])
    return float(values[kept][order][np.searchsorted(sums, sums[-1] / 2)])


def scores(product: Floats, reference: Floats, sample: Sample, *, bounds: bool = True) -> dict[str, Any]:
    """R, bias, RMSD and ubRMSD, pooled and as medians over cells with enough values.

    Returns
    -------
    dict
        ``n``, ``cells``, and ``pooled`` and ``median``: metric → [value, lower, upper], None where there is none.
    """
    kept = np.flatnonzero(np.isfinite(product) & np.isfinite(reference))
    count = np.bincount(sample.cell[kept], minlength=len(sample.area))
    enough = count >= sample.least
    record: dict[str, Any] = {"n": len(kept), "cells": int(enough.sum())}
    if len(kept) < LEAST_VALUES:
        return record
    x, y = product[kept].astype(np.float64), reference[kept].astype(np.float64)
    pooled = {name: float(value[0]) for name, value in metrics(x, y, np.zeros(len(kept), np.int64), 1).items()}
    part = sample.pick(kept)
    limits = dict.fromkeys(METRICS, (np.nan, np.nan))
    if bounds:
        limits = pooled_bounds(x, y, part.block, part.area[part.cell], pooled, seed=0, level=LEVEL)
    record["pooled"] = _listed(pooled, limits)
    if enough.any():
        record["median"] = _medians(x, y, part, enough, bounds=bounds)
    return record


def _medians(x: Floats, y: Floats, part: Sample, enough: NDArray[np.bool_], *, bounds: bool) -> dict[str, Any]:
    inside = enough[part.cell]
    cell = (np.cumsum(enough) - 1)[part.cell[inside]]
    x, y, block = x[inside], y[inside], part.block[inside]
    found = metrics(x, y, cell, int(enough.sum()))
    middle = {name: float(np.nanmedian(v)) if np.isfinite(v).any() else np.nan for name, v in found.items()}
    limits = dict.fromkeys(METRICS, (np.nan, np.nan))
    if bounds:
        limits = median_bounds(x, y, block, cell, part.area[enough], middle, seed=0, level=LEVEL)
    return _listed(middle, limits)


def metrics(product: Floats, reference: Floats, cell: Ints, count: int) -> dict[str, Floats]:
    """Metrics (count,) of finite (k,) values that belong to cells 0…count−1."""
    shift = float(reference.mean()) if len(reference) else 0.0
    x, y = product - shift, reference - shift
    columns = (np.ones_like(x), x, y, x * x, y * y, x * y)
    sums = np.stack([np.bincount(cell, column, count) for column in columns], axis=-1)
    found = scaled(sums)
    back = {"pearson_r": np.tanh, "rmsd": np.exp, "ubrmsd": np.exp}
    return {name: back.get(name, np.asarray)(found[name]) for name in METRICS}


def _listed(values: dict[str, float], limits: dict[str, tuple[float, float]]) -> dict[str, list[float | None]]:
    return {name: [_rounded(values[name]), *map(_rounded, limits[name])] for name in METRICS}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), DIGITS)
