"""Quantiles of many distributions at once, from tables: for many locations at the price of a few thousand quantiles."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_FREEDOM: Final = 0.5


def normal(level: float) -> float:
    """Two-sided quantile of the normal distribution."""
    from scipy import stats

    return float(stats.norm.ppf(0.5 + level / 2))


def student(level: float, freedom: Floats) -> Floats:
    """Two-sided quantile of Student's t, from a table in 1/ν; below one degree of freedom that of one."""
    inverse, quantile = _student_table(level)
    return np.where(np.isfinite(freedom), np.interp(1 / np.maximum(freedom, 1.0), inverse, quantile), np.nan)


def chi_square(probability: float, freedom: Floats) -> Floats:
    """Quantile of χ² over its degrees of freedom, from a table in 1/√ν; NaN below half a degree of freedom."""
    inverse, quantile = _chi_square_table(round(probability, 12))
    usable = np.isfinite(freedom) & (freedom >= _LEAST_FREEDOM)
    found = np.interp(1 / np.sqrt(np.where(usable, freedom, 1.0)), inverse, quantile)
    return np.where(usable, found, np.nan)


@cache
def _student_table(level: float) -> tuple[Floats, Floats]:
    from scipy import stats

    inverse = np.linspace(0, 1, 4001)
    return inverse, stats.t.ppf(0.5 + level / 2, 1 / np.maximum(inverse, 1e-12))


@cache
def _chi_square_table(probability: float) -> tuple[Floats, Floats]:
    from scipy import stats

    inverse = np.linspace(0, 1 / np.sqrt(_LEAST_FREEDOM), 4001)
    freedom = 1 / np.maximum(inverse, 1e-6) ** 2
    return inverse, stats.chi2.ppf(probability, freedom) / freedom
