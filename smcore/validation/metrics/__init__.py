"""Metrics of a product against a reference: pure functions over arrays, one function each.

Every function takes ``(product, reference, *, axis=-1)``: arrays of one shape, NaN where a value is missing, and
reduces ``axis`` (the pairs of one location), so that one call scores many locations. A pair counts only where both
values are finite; the mask is taken before any mean. Sums are float64. Variances and covariances divide by n
(``ddof = 0``), as in pytesmo, so that ``ubrmsd² = rmsd² − bias²`` holds exactly; Pearson's R does not depend on it.
Where a metric is not defined (no pair, a constant series) the result is NaN, never 0 or ±1.

Metrics that are functions of counts, means and centred sums have a second form, ``Metric.from_moments``, for data that
are read once and never held: :mod:`smcore.validation.moments`. The function over arrays is the definition of both.

A function becomes a metric by the line above it, which says what a table, a colour bar and a page of the manual need;
a file of this package needs no other mention.
"""

from __future__ import annotations

from smcore.validation.metrics.correlation import average_ranks, kendall_tau, pearson_r, spearman_r
from smcore.validation.metrics.decomposition import mse_bias, mse_correlation, mse_variance
from smcore.validation.metrics.difference import bias, mae, rmsd, ubrmsd
from smcore.validation.metrics.efficiency import kge, nse, slope
from smcore.validation.metrics.events import heidke_dry, heidke_wet, pod_dry, pod_wet
from smcore.validation.metrics.pairs import is_constant
from smcore.validation.metrics.registry import METRICS, OF_DATA, OF_DATA_SQUARED, Metric, gather, metric
from smcore.validation.metrics.size import n

__all__ = [
    "METRICS",
    "OF_DATA",
    "OF_DATA_SQUARED",
    "Metric",
    "average_ranks",
    "bias",
    "heidke_dry",
    "heidke_wet",
    "is_constant",
    "kendall_tau",
    "kge",
    "mae",
    "metric",
    "mse_bias",
    "mse_correlation",
    "mse_variance",
    "n",
    "nse",
    "pearson_r",
    "pod_dry",
    "pod_wet",
    "rmsd",
    "slope",
    "spearman_r",
    "ubrmsd",
]

gather(__name__, __path__, ("size", "correlation", "difference", "decomposition", "efficiency", "events"))
