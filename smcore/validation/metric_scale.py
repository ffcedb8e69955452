"""How a metric is coloured: a range that is the same in every run where its values are known to lie in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smcore.names import VOLUMETRIC, unit_label
from smcore.validation.metrics import METRICS

_RANGES = {
    "pearson_r": (0.0, 1.0), "spearman_r": (0.0, 1.0), "kendall_tau": (0.0, 1.0), "nse": (-1.0, 1.0),
    "kge": (-0.5, 1.0), "slope": (0.0, 2.0),
}  # fmt: skip
_VOLUMETRIC = {
    "bias": (-0.1, 0.1), "rmsd": (0.0, 0.12), "ubrmsd": (0.0, 0.08), "mae": (0.0, 0.1),
    "mse_bias": (0.0, 0.005), "mse_variance": (0.0, 0.002), "mse_correlation": (0.0, 0.005),
}  # fmt: skip
_BOTH_WAYS = ("bias",)
_PERFECT_INSIDE = ("slope",)


@dataclass(frozen=True)
class Scale:
    """Range and colours of a metric; ``is_fixed`` where the range is the same in every run."""

    low: float
    high: float
    colours: str
    is_fixed: bool
    units: str


def scale_of(metric: str, units: str, values: Sequence[float]) -> Scale:
    """The range of a metric: fixed where its values are known to lie in one, else that of ``values``."""
    about = METRICS[metric]
    colours = "difference" if metric in (*_BOTH_WAYS, *_PERFECT_INSIDE) else "viridis"
    shown = pretty(about.unit_for(units))
    known = _RANGES.get(metric) or (_VOLUMETRIC.get(metric) if units == VOLUMETRIC else None)
    if known is None and all(math.isfinite(v) for v in about.span):
        known = (max(about.span[0], 0.0), about.span[1])
    if known is not None:
        return Scale(*known, colours, True, shown)
    if metric in _BOTH_WAYS:
        far = _rounded(max((abs(v) for v in values), default=1.0))
        return Scale(-far, far, colours, False, shown)
    low = 0.0 if about.span[0] == 0 else -_rounded(max(0.0, -min(values, default=0.0)))
    return Scale(low, max(_rounded(max(values, default=1.0)), low + 1e-9), colours, False, shown)


def _rounded(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 0.0
    ten = 10.0 ** math.floor(math.log10(value))
    return next(step * ten for step in (1, 2, 5, 10) if step * ten >= value * (1 - 1e-9))


def pretty(units: str) -> str:
    """A unit as it is printed; nothing for a number without one."""
    return "" if units == "1" else unit_label(units.replace("(m3 m-3)2", "m6 m-6"))
