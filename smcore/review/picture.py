"""What a picture of the pairs of one subject needs: a line through them, their density, and numbers of each season."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.validation.metrics import METRICS
from smcore.validation.strata.seasons import LABELS, LOCAL_SEASON, season_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DENSE: Final = 1500
"""Pairs from which on points would cover each other, and their density is shown instead. Ours."""
BINS: Final = 48
LEAST: Final = 10
"""Pairs that a number of a season needs, as in a run by default."""
SEASON_METRICS: Final = ("pearson_r", "bias", "ubrmsd")


@dataclass(frozen=True, eq=False)
class Raster:
    """Numbers of pairs in squares: ``count`` (row, column), row 0 lowest, over ``low`` … ``high`` on both axes."""

    count: NDArray[np.uint32]
    low: float
    high: float


@dataclass(frozen=True)
class Season:
    """One season: its name, number of pairs, and the value of each metric (NaN where there are too few pairs)."""

    name: str
    n: int
    values: dict[str, float]


def line_through(reference: Floats, product: Floats) -> tuple[float, float] | None:
    """Slope and intercept of the product on the reference by least squares; None where there is no line.

    The reference is taken as free of error, so its noise makes the slope smaller than it is.
    """
    there = np.isfinite(reference) & np.isfinite(product)
    x, y = reference[there], product[there]
    if len(x) < LEAST or np.ptp(x) == 0:
        return None
    centred = x - x.mean()
    slope = float(centred @ (y - y.mean()) / (centred @ centred))
    return slope, float(y.mean() - slope * x.mean())


def raster_of(reference: Floats, product: Floats, limits: tuple[float, float]) -> Raster:
    """Numbers of pairs in :data:`BINS` × :data:`BINS` squares between two limits; what lies beyond is not counted."""
    edges = np.linspace(*limits, BINS + 1)
    count, _, _ = np.histogram2d(product, reference, bins=(edges, edges))
    return Raster(count.astype(np.uint32), *limits)


def limits_of(arrays: Sequence[Floats]) -> tuple[float, float]:
    """Limits that hold all values with a margin of 5 %; 0 to 0.5 where there are none."""
    values = np.concatenate([one[np.isfinite(one)] for one in arrays]) if arrays else np.empty(0)
    if not len(values):
        return 0.0, 0.5
    low, high = float(values.min()), float(values.max())
    pad = 0.05 * ((high - low) or 1.0)
    return low - pad, high + pad


def in_seasons(
    reference: Floats, product: Floats, time: NDArray[np.int64], lat: float, *, same_units: bool = True
) -> tuple[Season, ...]:
    """Numbers of each local season that has pairs, in the order of the year.

    Parameters
    ----------
    reference, product : (pair,)
        Values, none missing.
    time : (pair,)
        µs since 1970, UTC.
    lat
        Latitude of the station [deg]: winter is the cold half year's on either hemisphere.
    same_units
        Whether differences have a meaning.
    """
    code = season_of(time, np.array(lat), kind=LOCAL_SEASON)
    found = []
    for number, name in enumerate(LABELS[LOCAL_SEASON]):
        here = code == number
        n = int(here.sum())
        if n:
            values = {metric: _value(metric, product[here], reference[here], same_units) for metric in SEASON_METRICS}
            found.append(Season(name, n, values))
    return tuple(found)


def _value(metric: str, product: Floats, reference: Floats, same_units: bool) -> float:
    about = METRICS[metric]
    if len(product) < LEAST or (about.needs_same_unit and not same_units):
        return float("nan")
    if about.needs_spread and (np.ptp(product) == 0 or np.ptp(reference) == 0):
        return float("nan")
    return float(about.compute(product, reference))
