"""What QA4SM calls data sets, metrics and reasons, and what each is with us; see :mod:`.qa4sm`."""

from __future__ import annotations

import re
from typing import Final

from smcore.errors import Status

FILE: Final = "qa4sm.nc"
BULK: Final = "bulk"
LOC, WINDOW = "loc", "tsw"

PAIRED: Final = {
    "R": "pearson_r",
    "rho": "spearman_r",
    "tau": "kendall_tau",
    "BIAS": "bias",
    "RMSD": "rmsd",
    "urmsd": "ubrmsd",
    "mse_bias": "mse_bias",
    "mse_var": "mse_variance",
    "mse_corr": "mse_correlation",
}
"""Metrics of QA4SM and ours; ``mse`` and ``RSS`` follow from ``RMSD``."""

TRIPLE: Final = {"snr": "snr_db", "err_std": "err_std_scaled", "beta": "beta"}
"""Metrics of triple collocation: QA4SM gives errors in the reference's unit."""

STATUS_CODES: Final = {
    Status.OK: 0,
    Status.TOO_FEW: 1,
    Status.NONE_RECOMMENDED: 1,
    Status.CONSTANT_SERIES: 2,
    Status.NEGATIVE_VARIANCE: 2,
    Status.NO_OVERLAP: 4,
    Status.NEGATIVE_SLOPE: 5,
    Status.FAILED: 6,
    Status.OUT_OF_GRID: 7,
    Status.UNIT_MISMATCH: 0,
}
"""Codes of QA4SM (those of pytesmo) for each of ours; there is none for two units, which cost differences only."""


def short_name(name: str) -> str:
    """What a data set is called in variable names: letters, digits, dots and hyphens, nothing that separates names."""
    plain = re.sub(r"[^A-Za-z0-9.\-]+", "_", name).strip("_") or "data"
    return re.sub(r"_(?=(and|between|ci)_)", "-", plain)
