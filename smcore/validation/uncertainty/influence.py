"""Influence of each pair on a metric: what a metric is the mean of, to first order.

``value ≈ truth + mean(influence)``: the influence of a pair is the derivative of the metric with respect to the weight
of that pair, 0 on average (Hampel, F. R. (1974): The influence curve and its role in robust estimation. J. Am. Stat.
Assoc. 69, 383–393, doi:10.2307/2285666). With it the variance of any metric is that of a mean, and that of a
difference of two metrics on the same pairs too: the difference of the influences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Influence = tuple[Floats, Floats]
"""Value (location,) and influence (location, pair), 0 where there is no pair."""


@dataclass(frozen=True, eq=False)
class Centred:
    """Pairs (location, pair) and their moments (location, 1), divided by n; 0 where there is no pair."""

    product: Floats
    reference: Floats
    valid: NDArray[np.bool_]

    @cached_property
    def n(self) -> Floats:
        """Number of pairs, 1 where there is none: it only divides."""
        return np.asarray(np.maximum(self.valid.sum(axis=1, keepdims=True), 1), dtype=np.float64)

    def mean(self, values: Floats) -> Floats:
        """Mean over the pairs, (location, 1)."""
        return np.asarray(np.where(self.valid, values, 0.0).sum(axis=1, keepdims=True) / self.n)

    @cached_property
    def means(self) -> tuple[Floats, Floats]:
        """Means of product and reference."""
        return self.mean(self.product), self.mean(self.reference)

    @cached_property
    def x(self) -> Floats:
        """The product less its mean."""
        return np.where(self.valid, self.product - self.means[0], 0.0)

    @cached_property
    def y(self) -> Floats:
        """The reference less its mean."""
        return np.where(self.valid, self.reference - self.means[1], 0.0)

    @cached_property
    def deviations(self) -> tuple[Floats, Floats]:
        """Standard deviations of product and reference."""
        return np.sqrt(self.mean(self.x**2)), np.sqrt(self.mean(self.y**2))

    @cached_property
    def covariance(self) -> Floats:
        """Covariance of product and reference."""
        return self.mean(self.x * self.y)

    @cached_property
    def bias(self) -> Floats:
        """Mean difference, product minus reference."""
        return self.means[0] - self.means[1]


def influences(
    product: Floats, reference: Floats, metrics: Sequence[str], *, valid: NDArray[np.bool_] | None = None
) -> dict[str, Influence]:
    """Values and influences of ``metrics`` over the pairs of each location.

    Parameters
    ----------
    product, reference
        (location, pair), NaN where missing.
    metrics
        Names in :data:`INFLUENCES`.
    valid
        Pairs to use; those where both are finite by default.

    Returns
    -------
    dict
        NaN where the metric is not defined.
    """
    both = np.isfinite(product) & np.isfinite(reference)
    valid = both if valid is None else valid & both
    pairs = Centred(np.where(valid, product, 0.0), np.where(valid, reference, 0.0), valid)
    result = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for name in metrics:
            value, influence = INFLUENCES[name](pairs)
            value = np.where(valid.any(axis=1), value[:, 0], np.nan)
            result[name] = value, np.where(valid, influence, 0.0)
    return result


def _bias(pairs: Centred) -> Influence:
    return pairs.bias, pairs.x - pairs.y


def _mae(pairs: Centred) -> Influence:
    size = np.abs(pairs.product - pairs.reference)
    value = pairs.mean(size)
    return value, size - value


def _rmsd(pairs: Centred) -> Influence:
    square = (pairs.product - pairs.reference) ** 2
    value = np.sqrt(pairs.mean(square))
    return value, (square - value**2) / (2 * value)


def _ubrmsd(pairs: Centred) -> Influence:
    square = (pairs.x - pairs.y) ** 2
    value = np.sqrt(pairs.mean(square))
    return value, (square - value**2) / (2 * value)


def _spreads(pairs: Centred) -> tuple[Floats, Floats]:
    """Influence on the two standard deviations."""
    s_x, s_y = pairs.deviations
    return (pairs.x**2 - s_x**2) / (2 * s_x), (pairs.y**2 - s_y**2) / (2 * s_y)


def _pearson_r(pairs: Centred) -> Influence:
    s_x, s_y = pairs.deviations
    u, v = pairs.x / s_x, pairs.y / s_y
    value = pairs.covariance / (s_x * s_y)
    return value, u * v - value * (u**2 + v**2) / 2


def _mse_bias(pairs: Centred) -> Influence:
    return pairs.bias**2, 2 * pairs.bias * (pairs.x - pairs.y)


def _mse_variance(pairs: Centred) -> Influence:
    gap = pairs.deviations[0] - pairs.deviations[1]
    of_x, of_y = _spreads(pairs)
    return gap**2, 2 * gap * (of_x - of_y)


def _mse_correlation(pairs: Centred) -> Influence:
    s_x, s_y = pairs.deviations
    of_x, of_y = _spreads(pairs)
    value = 2 * (s_x * s_y - pairs.covariance)
    return value, 2 * (s_y * of_x + s_x * of_y - (pairs.x * pairs.y - pairs.covariance))


def _nse(pairs: Centred) -> Influence:
    square = (pairs.product - pairs.reference) ** 2
    error, variance = pairs.mean(square), pairs.deviations[1] ** 2
    return 1 - error / variance, -(square - error) / variance + error * (pairs.y**2 - variance) / variance**2


def _kge(pairs: Centred) -> Influence:
    (m_x, m_y), (s_x, s_y) = pairs.means, pairs.deviations
    of_x, of_y = _spreads(pairs)
    r, of_r = _pearson_r(pairs)
    parts = (
        (r, of_r),
        (s_x / s_y, (of_x - s_x / s_y * of_y) / s_y),
        (m_x / m_y, (pairs.x - m_x / m_y * pairs.y) / m_y),
    )
    far = np.sqrt(sum((value - 1) ** 2 for value, _ in parts))
    return 1 - far, -sum((value - 1) * influence for value, influence in parts) / far


def _slope(pairs: Centred) -> Influence:
    variance = pairs.deviations[1] ** 2
    value = pairs.covariance / variance
    return value, pairs.y * (pairs.x - value * pairs.y) / variance


INFLUENCES: Final[dict[str, Callable[[Centred], Influence]]] = {
    "pearson_r": _pearson_r,
    "bias": _bias,
    "rmsd": _rmsd,
    "ubrmsd": _ubrmsd,
    "mae": _mae,
    "mse_bias": _mse_bias,
    "mse_variance": _mse_variance,
    "mse_correlation": _mse_correlation,
    "nse": _nse,
    "kge": _kge,
    "slope": _slope,
}
"""Metrics with an influence; rank correlations have none that is cheap, event skill none at all."""
