"""Persistence: the last valid observation, up to ten days old; the least that gap filling must beat."""

from __future__ import annotations

import numpy as np

from smcore.models.arrays import Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.spec import InputSpec, ModelSpec
from smcore.names import SM, VOLUMETRIC

_MOST_DAYS = 10

SPEC = ModelSpec(
    id="persistence",
    title="Last valid observation",
    inputs=(InputSpec(SM, VOLUMETRIC, "observed", required=True),),
    citation="Our choice: an observation is kept for at most 10 days",
    history=_MOST_DAYS,
    needs_training=False,
)


class Persistence:
    """Nothing to learn."""

    def __init__(self) -> None:
        self.spec = SPEC
        self.used: tuple[InputSpec, ...] = SPEC.inputs

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Do nothing."""

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Carry observations forward: (T, N) [m3 m-3]; a day with an observation keeps it, NaN when it grows old."""
        del device  # numpy only
        check_inputs(self, inputs)
        assert inputs.observed is not None
        steps = np.arange(len(inputs.time))[:, None]
        last = np.maximum.accumulate(np.where(np.isfinite(inputs.observed), steps, -1), axis=0)
        value = np.take_along_axis(inputs.observed, np.maximum(last, 0), axis=0)
        age = (inputs.time[:, None] - inputs.time[np.maximum(last, 0)]) / np.timedelta64(1, "D")
        return {"sm": np.where((last >= 0) & (age <= _MOST_DAYS), value, np.nan).astype(np.float32)}

    def save(self) -> ModelState:
        """Nothing is kept."""
        return ModelState({}, {})

    def load(self, state: ModelState) -> None:
        """Nothing is taken."""


def build(config: str = "default") -> SoilMoistureModel:
    """Make a new model (there is one configuration)."""
    del config
    return Persistence()
