"""Metrics as functions of mean moments, on the scale on which they are drawn, and the way back.

The scale makes the spread of a metric about normal and independent of its value: artanh for a correlation (Fisher, R.
A. (1921): On the probable error of a coefficient of correlation deduced from a small sample. Metron 1, 3–32), the
logarithm for what is a root-mean-square. A limit is taken there and brought back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Mean moments of arrays of one shape: of x, y, x², y² and x y, x and y less the location's means ``origin``."""

    x: Floats
    y: Floats
    xx: Floats
    yy: Floats
    xy: Floats
    origin_x: Floats
    origin_y: Floats

    @cached_property
    def var_x(self) -> Floats:
        """Variance of the product (n)."""
        return self.xx - self.x**2

    @cached_property
    def var_y(self) -> Floats:
        """Variance of the reference (n)."""
        return self.yy - self.y**2

    @cached_property
    def covariance(self) -> Floats:
        """Covariance (n)."""
        return self.xy - self.x * self.y

    @cached_property
    def bias(self) -> Floats:
        """Mean difference."""
        return self.x - self.y + (self.origin_x - self.origin_y)

    @cached_property
    def ub_square(self) -> Floats:
        """Mean square of the centred differences."""
        return self.var_x + self.var_y - 2 * self.covariance

    @cached_property
    def correlation(self) -> Floats:
        """Pearson's R."""
        return self.covariance / np.sqrt(self.var_x * self.var_y)


Back = Callable[[Floats, Floats], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Estimator:
    """``of_sums`` gives the metric on the drawn scale, ``back`` takes two limits from there.

    ``parameters`` is what estimating it costs, in independent pairs (by simulation; see
    :meth:`smcore.validation.uncertainty.longrun.LongRun.standard_error`).
    """

    of_sums: Callable[[Sums], Floats]
    back: Back
    parameters: float


def _same(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    return lower, upper


def _tanh(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    return np.tanh(lower), np.tanh(upper)


def _exp(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    return np.exp(lower), np.exp(upper)


def _one_less_exp(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    return 1 - np.exp(upper), 1 - np.exp(lower)


def _square(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """From limits of a signed root: 0 is the least square where they have different signs."""
    least = np.where(lower * upper <= 0, 0.0, np.minimum(lower**2, upper**2))
    return np.where(np.isnan(lower + upper), np.nan, least), np.maximum(lower**2, upper**2)


def _kge(sums: Sums) -> Floats:
    ratio = (sums.x + sums.origin_x) / (sums.y + sums.origin_y)
    far = (sums.correlation - 1) ** 2 + (np.sqrt(sums.var_x / sums.var_y) - 1) ** 2 + (ratio - 1) ** 2
    return np.asarray(0.5 * np.log(far))


def _mse(sums: Sums) -> Floats:
    return sums.ub_square + sums.bias**2


ESTIMATORS: Final[dict[str, Estimator]] = {
    "pearson_r": Estimator(lambda sums: np.arctanh(sums.correlation), _tanh, 5.0),
    "bias": Estimator(lambda sums: sums.bias, _same, 1.5),
    "rmsd": Estimator(lambda sums: 0.5 * np.log(_mse(sums)), _exp, 5.0),
    "ubrmsd": Estimator(lambda sums: 0.5 * np.log(sums.ub_square), _exp, 8.0),
    "mse_bias": Estimator(lambda sums: sums.bias, _square, 1.5),
    "mse_variance": Estimator(lambda sums: np.sqrt(sums.var_x) - np.sqrt(sums.var_y), _square, 5.0),
    "mse_correlation": Estimator(
        lambda sums: np.log(2 * (np.sqrt(sums.var_x * sums.var_y) - sums.covariance)), _exp, 8.0
    ),
    "nse": Estimator(lambda sums: np.log(_mse(sums) / sums.var_y), _one_less_exp, 5.0),
    "kge": Estimator(_kge, _one_less_exp, 8.0),
    "slope": Estimator(lambda sums: sums.covariance / sums.var_y, _same, 5.0),
}
"""What can be drawn: functions of moments. Ranks and events are not."""
