"""The coarse field as it is on a finer grid: what a downscaled product must beat to have added anything (ours)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smcore.models.arrays import Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.bicubic import FACTORS, coarse_means
from smcore.models.input_sets import OBSERVED
from smcore.models.spec import InputSpec, ModelSpec
from smcore.models.tiles.patches import rectangle

SPEC = ModelSpec(
    id="coarse_pixel",
    title="Coarse pixel repeated",
    inputs=(OBSERVED, InputSpec("water_fraction", "1", "static", required=True, published=False)),
    citation="trivial baseline (ours)",
    patch=4,
    needs_training=False,
    configs=tuple(FACTORS),
)


class CoarsePixel:
    """Nothing to learn."""

    def __init__(self, factor: int) -> None:
        self.spec = replace(SPEC, patch=factor)
        self.used: tuple[InputSpec, ...] = SPEC.inputs
        self.factor = factor

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Do nothing."""

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """The mean of the own coarse cell: (T, N) [m3 m-3], NaN where it has no value."""
        del device  # numpy only
        check_inputs(self, inputs)
        observed = rectangle(inputs).observed
        assert observed is not None
        rows, columns = (
            np.arange(start, start + count) // self.factor - start // self.factor
            for start, count in zip(inputs.origin, observed.shape[1:], strict=True)
        )
        sm = np.full(observed.shape, np.nan, np.float32)
        for day in range(inputs.first, len(observed)):
            sm[day] = coarse_means(observed[day], inputs.origin, self.factor)[np.ix_(rows, columns)]
        return {"sm": sm.reshape(len(sm), -1)}

    def save(self) -> ModelState:
        """Nothing is kept."""
        return ModelState({}, {})

    def load(self, state: ModelState) -> None:
        """Nothing is taken."""


def build(config: str = "by_4") -> SoilMoistureModel:
    """Make the model for one of the factors of :mod:`smcore.models.bicubic`."""
    return CoarsePixel(FACTORS[config])
