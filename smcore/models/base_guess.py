"""The temporal-transfer guess B alone: the observations around a gap, moved along with the land-surface model.

B = Σ w (S + N − N'), w ∝ 1/(1 + age), over the last observation S before the day and the next one after it, with the
model N of the day and N' of the observation's day; within 0.02 and 0.6 m³ m⁻³. It is the part of DrcGAN (Jiang et al.
2025, doi:10.1016/j.jag.2025.104517) that its network corrects, and so the least that the network must beat. The paper
prints neither weights nor window: both are ours, and :mod:`smcore.models.series.gap_neighbours` says what stands in for
an observation where none is within 15 days.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smcore.models.arrays import Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.input_sets import baseline_spec
from smcore.models.restoring import weights_of
from smcore.models.series.gap_neighbours import LIMIT, Doubles, around, curves_of, guess, pooled_curves
from smcore.models.spec import WHOLE_RECORD, InputSpec

MODEL = "model_sm"

_SPEC = baseline_spec(
    "base_guess",
    "Observations around a gap, moved with the land-surface model",
    "Jiang, M. et al. (2025): Int. J. Appl. Earth Obs. Geoinf. 139, 104517; weights and window are our proposal",
    "drcgan",
    configs=("drcgan",),
    doi="10.1016/j.jag.2025.104517",
    history=WHOLE_RECORD,
    lookahead=LIMIT,
    sees_target=True,
)
SPEC = replace(_SPEC, inputs=tuple(i for i in _SPEC.inputs if i.role != "static"))


class BaseGuess:
    """Nothing to learn but the pooled seasonal curves."""

    def __init__(self) -> None:
        self.spec = SPEC
        self.used: tuple[InputSpec, ...] = SPEC.inputs
        self.pooled: Doubles = np.empty(0)

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Fit the pooled curves of observation and model on all training cells."""
        inputs = data.satellite.inputs
        self.used = inputs.specs
        model = data.satellite.aggregate(inputs.series(MODEL))
        self.pooled = pooled_curves(data.satellite.target, model, inputs.time)
        run.log({"stage": "fit", "samples": int(np.isfinite(data.satellite.target).sum())})

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Guess (T, N) [m3 m-3] from both sides of each step; NaN where the model has no value."""
        del device  # numpy only
        check_inputs(self, inputs)
        assert inputs.observed is not None
        assert self.pooled.size, "fit or load first"
        model = inputs.series(MODEL)
        found = around(inputs.observed, model, inputs.time, self.pooled, first=inputs.first)
        sm = np.full(model.shape, np.nan, np.float32)
        sm[inputs.first :] = guess(model[inputs.first :], found)
        return {"sm": sm}

    def save(self) -> ModelState:
        """The pooled curves."""
        return ModelState({}, {"pooled": self.pooled.tolist(), "inputs": [i.to_json() for i in self.used]})

    def load(self, state: ModelState) -> None:
        """Take pooled curves."""
        with weights_of(SPEC.id):
            self.pooled = curves_of(state.settings["pooled"])
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])


def build(config: str = "drcgan") -> SoilMoistureModel:
    """Make a new model (there is one configuration)."""
    del config
    return BaseGuess()
