"""Climatology: each location's own mean and two seasonal harmonics, from the observations that it may see.

A location with few observations is drawn towards the pooled curve of the training cells, and one with none gets it, so
that the baseline also answers where nothing was observed (our choice; harmonics as in the gap-filling literature).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smcore.errors import WeightsError
from smcore.models.arrays import Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.hydro.features import season
from smcore.models.spec import WHOLE_RECORD, InputSpec, ModelSpec
from smcore.names import SM, VOLUMETRIC

SPEC = ModelSpec(
    id="climatology",
    title="Seasonal climatology of the location itself",
    inputs=(InputSpec(SM, VOLUMETRIC, "observed", required=True),),
    citation="Our choice: mean and two harmonics of the day of year, drawn towards the pooled curve",
    history=WHOLE_RECORD,
    lookahead=WHOLE_RECORD,
)

_HARMONICS = 2
_PRIOR = 10.0  # observations that the pooled curve counts as


class Climatology:
    """Regularised least squares per location, in closed form."""

    def __init__(self) -> None:
        self.spec = SPEC
        self.used: tuple[InputSpec, ...] = SPEC.inputs
        self.pooled: NDArray[np.float64] = np.empty(0)

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Fit the pooled curve on all training cells."""
        target = data.satellite.target
        basis = _basis(data.satellite.inputs)
        valid = np.isfinite(target)
        gram = basis.T @ (basis * valid.sum(1)[:, None])
        moment = basis.T @ np.where(valid, target, 0.0).sum(1, dtype=np.float64)
        self.pooled = np.linalg.solve(gram + 1e-9 * len(target) * np.eye(len(gram)), moment)
        run.log({"stage": "fit", "samples": int(valid.sum())})

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Evaluate each location's curve: (T, N) [m3 m-3]."""
        del device  # numpy only
        check_inputs(self, inputs)
        assert inputs.observed is not None
        assert self.pooled.size, "fit or load first"
        basis = _basis(inputs)
        valid = np.isfinite(inputs.observed).astype(np.float64)
        departure = np.where(valid > 0, inputs.observed - (basis @ self.pooled)[:, None], 0.0)
        products = basis[:, :, None] * basis[:, None, :]
        gram = np.einsum("tij,tn->nij", products, valid) + _PRIOR * np.eye(basis.shape[1])
        moment = np.einsum("ti,tn->ni", basis, departure)
        own = np.linalg.solve(gram, moment[..., None])[..., 0]
        return {"sm": np.clip(basis @ (own + self.pooled).T, 0.0, 1.0).astype(np.float32)}

    def save(self) -> ModelState:
        """The pooled curve."""
        return ModelState({"pooled": self.pooled}, {})

    def load(self, state: ModelState) -> None:
        """Take a pooled curve."""
        pooled = state.arrays.get("pooled")
        if pooled is None or pooled.shape != (1 + 2 * _HARMONICS,):
            raise WeightsError(f"The weights are not of a {SPEC.id}")
        self.pooled = np.asarray(pooled, np.float64)


def _basis(inputs: Inputs) -> NDArray[np.float64]:
    return np.concatenate([np.ones((len(inputs.time), 1)), season(inputs.time, _HARMONICS)], axis=1)


def build(config: str = "default") -> SoilMoistureModel:
    """Make a new model (there is one configuration)."""
    del config
    return Climatology()
