"""What is known about a metric besides its number, and the table of all metrics."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.validation.moments import Moments

Floats = NDArray[np.float64]
MetricFunction = Callable[..., Floats]
MomentsFunction = Callable[[Moments], Floats]

OF_DATA: Final = "data"
"""Unit of a metric that has the unit of the compared quantities."""

OF_DATA_SQUARED: Final = "data²"
"""Unit of a metric that has the square of their unit."""


@dataclass(frozen=True)
class Metric:
    """What is known about a metric besides its number.

    Parameters
    ----------
    name
        Name of the function and of the column.
    label, symbol
        For tables and axes.
    unit
        ``1``, :data:`OF_DATA` or :data:`OF_DATA_SQUARED`.
    best
        Value of a perfect product; None where more is not better or worse.
    span
        Smallest and largest possible value.
    needs_same_unit
        Whether product and reference must be in one unit.
    needs_spread
        Whether a constant series leaves it undefined.
    compute
        The definition: a function of pairs.
    from_moments
        The same as a function of :class:`~smcore.validation.moments.Moments`; None where they do not suffice.
    """

    name: str
    label: str
    symbol: str
    unit: str
    best: float | None
    span: tuple[float, float]
    needs_same_unit: bool
    needs_spread: bool
    compute: MetricFunction
    from_moments: MomentsFunction | None = None

    def unit_for(self, data_unit: str) -> str:
        """Return the metric's unit for data in ``data_unit``."""
        if self.unit == OF_DATA_SQUARED:
            return "1" if data_unit == "1" else f"({data_unit})2"
        return data_unit if self.unit == OF_DATA else self.unit

    @property
    def definition(self) -> str:
        """The docstring of its function: meaning, formula and source."""
        return (self.compute.__doc__ or "").strip()


METRICS: dict[str, Metric] = {}
"""All metrics by name, in the order of tables."""


def metric(
    label: str,
    *,
    symbol: str,
    unit: str,
    best: float | None,
    span: tuple[float, float],
    needs_same_unit: bool | None = None,
    needs_spread: bool = False,
    from_moments: MomentsFunction | None = None,
) -> Callable[[MetricFunction], MetricFunction]:
    """Declare the function below as a metric; one with the unit of the data needs one unit on both sides."""
    same = unit in (OF_DATA, OF_DATA_SQUARED) if needs_same_unit is None else needs_same_unit

    def register(function: MetricFunction) -> MetricFunction:
        name = function.__name__
        METRICS[name] = Metric(name, label, symbol, unit, best, span, same, needs_spread, function, from_moments)
        return function

    return register


def gather(package: str, path: Sequence[str], families: Sequence[str]) -> None:
    """Import every file of ``package`` and put the metrics in order: by family as given, other files behind by name."""
    files = sorted(found.name for found in pkgutil.iter_modules(path))
    order = {f"{package}.{name}": i for i, name in enumerate(dict.fromkeys((*families, *files)))}
    for name in order:
        importlib.import_module(name)
    arranged = sorted(METRICS.items(), key=lambda item: order.get(item[1].compute.__module__, len(order)))
    METRICS.clear()
    METRICS.update(arranged)
