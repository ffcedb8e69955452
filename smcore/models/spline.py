"""Natural cubic spline in time through the valid observations of each location.

Straight beyond the first and last observation and never further than ten days from them; kept between 0.02 m³ m⁻³ and
the highest value seen. Limits are our choice; the spline is that of de Boor (1978, A Practical Guide to Splines).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats, Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.spec import InputSpec, ModelSpec
from smcore.names import SM, VOLUMETRIC

_MOST_DAYS = 10.0
_LOWEST = 0.02
_ROWS = 4096  # locations at once

SPEC = ModelSpec(
    id="spline",
    title="Natural cubic spline in time",
    inputs=(InputSpec(SM, VOLUMETRIC, "observed", required=True),),
    citation="de Boor, C. (1978): A Practical Guide to Splines; limits are our choice",
    history=60,
    lookahead=60,
    needs_training=False,
)


class Spline:
    """Nothing to learn."""

    def __init__(self) -> None:
        self.spec = SPEC
        self.used: tuple[InputSpec, ...] = SPEC.inputs

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Do nothing."""

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Interpolate: (T, N) [m3 m-3], NaN further than ten days outside the observations, or where there is none."""
        del device  # numpy only
        check_inputs(self, inputs)
        assert inputs.observed is not None
        days = np.asarray((inputs.time - inputs.time[0]) / np.timedelta64(1, "D"), np.float64)
        sm = np.full(inputs.observed.shape, np.nan, np.float32)
        seen = np.flatnonzero(np.isfinite(inputs.observed).any(axis=0))
        for start in range(0, len(seen), _ROWS):
            chosen = seen[start : start + _ROWS]
            sm[:, chosen] = _interpolate(days, inputs.observed[:, chosen]).T
        return {"sm": sm}

    def save(self) -> ModelState:
        """Nothing is kept."""
        return ModelState({}, {})

    def load(self, state: ModelState) -> None:
        """Nothing is taken."""


def _interpolate(days: NDArray[np.float64], observed: Floats) -> NDArray[np.float64]:
    """Splines (N, T) through the observations (T, N), of which every location has one at least."""
    from smcore.models.kernels.natural_spline import interpolate

    values = np.ascontiguousarray(observed.T)
    valid = np.isfinite(values)
    first, last = days[valid.argmax(axis=1)], days[len(days) - 1 - valid[:, ::-1].argmax(axis=1)]
    lowest, highest = (edge(values, axis=1)[:, None].astype(np.float64) for edge in (np.nanmin, np.nanmax))
    result = np.clip(interpolate(days, values), np.minimum(_LOWEST, lowest), highest)
    near = (days >= first[:, None] - _MOST_DAYS) & (days <= last[:, None] + _MOST_DAYS)
    return np.where(near, result, np.nan)


def build(config: str = "default") -> SoilMoistureModel:
    """Make a new model (there is one configuration)."""
    del config
    return Spline()
