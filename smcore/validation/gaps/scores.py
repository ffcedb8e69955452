"""Scores of refilled values against the hidden observations: by the age of the gap, season and land cover.

Only hidden values count. The age of a gap is the number of days since the last kept observation of the cell, natural
gaps included; ``nearest`` is the number of days to the nearest kept one on either side. Metrics are those of
:mod:`smcore.validation.metrics`, over all hidden values as one sample and as the median over cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import Status
from smcore.validation.gaps.intervals import METRICS, Blocks, median_bounds, pooled_bounds
from smcore.validation.matching.times import DAY
from smcore.validation.metrics import METRICS as DEFINED
from smcore.validation.strata.land_cover import igbp_name
from smcore.validation.strata.seasons import LABELS, SEASON, season_of

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ALL, GAP_AGE, NEAREST, LAND_COVER = "all", "gap_age", "nearest", "land_cover"
OWN, UNSEEN, COMMON = "own", "unseen", "common"
POOLED, MEDIAN = "*pooled*", "*median*"
_LAST_DAYS: Final = (1, 3, 7, 15, 35)
AGES: Final = ("1 d", "2–3 d", "4–7 d", "8–15 d", "16–35 d", ">35 d", "never")
"""Classes of the days since (or to) a kept observation; ``never`` where there is none."""

COLUMNS: Final = (
    "method", "sides", "learnt_from", "seen", "sample", "stratum", "level", "location", "metric", "value", "lower",
    "upper", "n", "locations", "hidden", "units", "status",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scene:
    """The hidden values, and what they are sorted by.

    Parameters
    ----------
    truth
        (k,) the hidden observations.
    day, cell
        (k,) where each lies.
    strata
        Name → (code (k,), labels); −1 belongs to no level.
    blocks
        For intervals.
    units
        Of the observations.
    """

    truth: Floats
    day: Ints
    cell: Ints
    strata: dict[str, tuple[Ints, tuple[str, ...]]]
    blocks: Blocks
    units: str


@dataclass(frozen=True)
class Rules:
    """What a number needs, and how its interval is made."""

    min_obs: int = 10
    level: float = 0.95
    seed: int = 0


def days_since_kept(kept: Bools) -> Ints:
    """Days (T, N) since the last kept observation, 0 on its own day; −1 where there was none before."""
    step = np.arange(len(kept))[:, None]
    last = np.maximum.accumulate(np.where(kept, step, -1), axis=0)
    return np.where(last < 0, -1, step - last).astype(np.int64)


def days_to_nearest_kept(kept: Bools) -> Ints:
    """Days (T, N) to the nearest kept observation before or after; −1 where a location has none."""
    before, after = days_since_kept(kept), days_since_kept(kept[::-1])[::-1]
    both = np.minimum(before, after)
    return np.where(both >= 0, both, np.maximum(before, after))


def age_class(days: Ints) -> Ints:
    """Position in :data:`AGES` of a number of days."""
    return np.where(days < 0, len(AGES) - 1, np.searchsorted(_LAST_DAYS, days, side="left")).astype(np.int64)


def make_scene(
    observed: NDArray[np.float32],
    hidden: Bools,
    days: NDArray[np.datetime64],
    blocks: Blocks,
    units: str,
    land_cover: NDArray[np.float32] | None = None,
) -> Scene:
    """Sort the hidden values of (T, N) by gap age, season and, where it is known (N,), land cover."""
    at = np.flatnonzero(hidden)
    day, cell = np.divmod(at, hidden.shape[1])
    kept = np.isfinite(observed) & ~hidden
    stamp = days.astype("datetime64[D]").astype(np.int64)[day] * DAY
    strata: dict[str, tuple[Ints, tuple[str, ...]]] = {
        ALL: (np.zeros(len(at), np.int64), ("all",)),
        GAP_AGE: (age_class(days_since_kept(kept).ravel()[at]), AGES),
        NEAREST: (age_class(days_to_nearest_kept(kept).ravel()[at]), AGES),
        SEASON: (season_of(stamp).astype(np.int64), LABELS[SEASON]),
    }
    if land_cover is not None:
        classes = {float(c): igbp_name(float(c)) for c in np.unique(land_cover[np.isfinite(land_cover)])}
        labels = tuple(dict.fromkeys(name for name in classes.values() if name))
        code = np.array([labels.index(classes[float(c)]) if classes.get(float(c)) else -1 for c in land_cover])
        if labels:
            strata[LAND_COVER] = (code.astype(np.int64)[cell], labels)
    return Scene(observed.ravel()[at].astype(np.float64), day, cell, strata, blocks, units)


def score_rows(
    scene: Scene, values: Floats, sample: Bools, rules: Rules, labels: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Rows of the table for one method and one sample of the hidden values.

    Parameters
    ----------
    values
        (k,) refilled, NaN where the method gave none.
    sample
        (k,) which hidden values belong to the sample.
    labels
        Columns that say which method and sample this is.
    """
    rows: list[dict[str, Any]] = []
    for stratum, (code, levels) in scene.strata.items():
        for number, level in enumerate(levels):
            inside = sample & (code == number)
            if inside.any():
                described = {**labels, "stratum": stratum, "level": level, "hidden": int(inside.sum())}
                chosen = np.flatnonzero(inside & np.isfinite(values))
                rows += _pooled(scene, values, chosen, rules, described)
                rows += _median(scene, values, chosen, rules, described, with_bounds=stratum == ALL)
    return rows


def _pooled(
    scene: Scene, values: Floats, chosen: Ints, rules: Rules, described: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    product, reference = values[chosen], scene.truth[chosen]
    numbers, bounds = dict.fromkeys(METRICS, np.nan), dict.fromkeys(METRICS, (np.nan, np.nan))
    if len(chosen) >= rules.min_obs:
        numbers = {name: float(DEFINED[name].compute(product, reference)) for name in METRICS}
        areas = scene.blocks.area[scene.cell[chosen]]
        days = scene.blocks.day[scene.day[chosen]]
        bounds = pooled_bounds(product, reference, days, areas, numbers, seed=rules.seed, level=rules.level)
    cells = len(np.unique(scene.cell[chosen]))
    return _rows(POOLED, scene, numbers, bounds, len(chosen), cells, rules, described)


def _median(
    scene: Scene, values: Floats, chosen: Ints, rules: Rules, described: dict[str, Any], *, with_bounds: bool
) -> Iterator[dict[str, Any]]:
    """Medians over the cells with enough hidden values; intervals for the whole sample only."""
    cells, member, count = np.unique(scene.cell[chosen], return_inverse=True, return_counts=True)
    enough = count >= rules.min_obs
    kept = enough[member]
    position = np.cumsum(enough) - 1
    cell, chosen = position[member[kept]], chosen[kept]
    numbers, bounds = dict.fromkeys(METRICS, np.nan), dict.fromkeys(METRICS, (np.nan, np.nan))
    product, reference = values[chosen], scene.truth[chosen]
    if len(chosen):
        by_cell = _per_cell(product, reference, cell, int(enough.sum()))
        numbers = {name: _median_of(by_cell[name]) for name in METRICS}
        if with_bounds:
            areas, days = scene.blocks.area[cells[enough]], scene.blocks.day[scene.day[chosen]]
            options = {"seed": rules.seed, "level": rules.level}
            bounds = median_bounds(product, reference, days, cell, areas, numbers, **options)  # type: ignore[arg-type]
    return _rows(MEDIAN, scene, numbers, bounds, len(chosen), int(enough.sum()), rules, described)


def _median_of(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _per_cell(product: Floats, reference: Floats, cell: Ints, count: int) -> dict[str, Floats]:
    """Metrics (count,) of values that belong to cells 0…count−1."""
    order = np.argsort(cell, kind="stable")
    number = np.bincount(cell, minlength=count)
    column = np.arange(len(order)) - np.repeat(np.cumsum(number) - number, number)
    pairs = np.full((2, count, int(number.max())), np.nan)
    pairs[0, cell[order], column] = product[order]
    pairs[1, cell[order], column] = reference[order]
    return {name: DEFINED[name].compute(pairs[0], pairs[1]) for name in METRICS}


def _rows(
    location: str,
    scene: Scene,
    numbers: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
    n: int,
    cells: int,
    rules: Rules,
    described: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    for name in METRICS:
        value = numbers[name]
        status = Status.OK
        if np.isnan(value):
            few = n < rules.min_obs or not cells
            status = Status.NO_OVERLAP if n == 0 and location == POOLED else Status.TOO_FEW
            status = status if few else Status.CONSTANT_SERIES
        yield {
            **described,
            "location": location,
            "metric": name,
            "value": value,
            "lower": bounds[name][0],
            "upper": bounds[name][1],
            "n": n,
            "locations": cells,
            "units": DEFINED[name].unit_for(scene.units),
            "status": str(status),
        }


def table_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Lay rows out as ``gaps.csv`` has them."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS))
