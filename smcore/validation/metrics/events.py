"""Whether the product finds the driest and the wettest days of the reference.

A day is dry in a series if its value is not above the 20th percentile of the values of the pairs, wet if it is not
below the 80th: each series by its own percentile, so that bias and gain do not count. Linear percentiles lie between
order statistics, so the rule is exact without computing one: dry are the values up to the one of rank 1 + ⌊(n − 1)/5⌋,
wet those from the one of rank n − ⌊(n − 1)/5⌋ on. Both series then have about n/5 events, so that the share of false
alarms is about 1 − POD and says nothing new.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.metrics.pairs import is_constant, pairs_of, ratio
from smcore.validation.metrics.registry import metric

Floats = NDArray[np.float64]
Table = tuple[Floats, Floats, Floats, Floats]


@metric("dry days found", symbol="POD_dry", unit="1", best=1.0, span=(0, 1), needs_spread=True)
def pod_dry(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Probability of detection of dry days: share of the reference's driest fifth that is in the product's own.

    0.2 by chance. NaN where a series is constant.

    References
    ----------
    Jolliffe, I. T. and Stephenson, D. B. (2011): Forecast verification, 2nd edition, doi:10.1002/9781119960003,
    chapter 3 (hit rate).
    """
    return _detected(_events(product, reference, axis, wet=False))


@metric("wet days found", symbol="POD_wet", unit="1", best=1.0, span=(0, 1), needs_spread=True)
def pod_wet(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Probability of detection of wet days: share of the reference's wettest fifth that is in the product's own.

    0.2 by chance. NaN where a series is constant.

    References
    ----------
    Jolliffe, I. T. and Stephenson, D. B. (2011): Forecast verification, 2nd edition, doi:10.1002/9781119960003,
    chapter 3 (hit rate).
    """
    return _detected(_events(product, reference, axis, wet=True))


@metric("Heidke skill for dry days", symbol="HSS_dry", unit="1", best=1.0, span=(-1, 1), needs_spread=True)
def heidke_dry(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Dry days told from others, beyond chance: HSS = 2(ad − bc) / ((a + c)(c + d) + (a + b)(b + d)).

    a days are dry in both, b in the product only, c in the reference only, d in neither; 0 by chance. NaN where a
    series is constant.

    References
    ----------
    Heidke, P. (1926): Berechnung des Erfolges und der Güte der Windstärkevorhersagen im Sturmwarnungsdienst. Geogr.
    Ann. 8, 301–349, doi:10.1080/20014422.1926.11881138; Jolliffe, I. T. and Stephenson, D. B. (2011): Forecast
    verification, 2nd edition, doi:10.1002/9781119960003, chapter 3.
    """
    return _heidke(_events(product, reference, axis, wet=False))


@metric("Heidke skill for wet days", symbol="HSS_wet", unit="1", best=1.0, span=(-1, 1), needs_spread=True)
def heidke_wet(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Floats:
    """Wet days told from others, beyond chance; as ``heidke_dry`` with the wettest fifths.

    References
    ----------
    Heidke, P. (1926): Geogr. Ann. 8, 301–349, doi:10.1080/20014422.1926.11881138.
    """
    return _heidke(_events(product, reference, axis, wet=True))


def _events(product: ArrayLike, reference: ArrayLike, axis: int, *, wet: bool) -> Table:
    """How many pairs are events in both, in the product only, in the reference only, in neither; NaN if constant."""
    x, y, both = pairs_of(product, reference, axis)
    if wet:
        x, y = -x, -y
    in_product, in_reference = _is_low(x, both), _is_low(y, both)
    undefined = np.where(is_constant(product, reference, axis=axis), np.nan, 0.0)
    cells = (
        in_product & in_reference,
        in_product & ~in_reference,
        ~in_product & in_reference,
        ~in_product & ~in_reference,
    )
    a, b, c, d = (np.asarray((cell & both).sum(axis=-1) + undefined) for cell in cells)
    return a, b, c, d


def _is_low(values: Floats, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a value is not above the 20th percentile of the valid ones along the last axis."""
    if not values.shape[-1]:
        return valid
    count = valid.sum(axis=-1, keepdims=True)
    ascending = np.sort(np.where(valid, values, np.inf), axis=-1)
    limit = np.take_along_axis(ascending, np.maximum(count - 1, 0) // 5, axis=-1)
    return valid & (values <= limit)


def _detected(table: Table) -> Floats:
    a, _, c, _ = table
    return ratio(a, a + c, a + c > 0)


def _heidke(table: Table) -> Floats:
    a, b, c, d = table
    below = (a + c) * (c + d) + (a + b) * (b + d)
    return ratio(2 * (a * d - b * c), below, below > 0)
