"""A model whose answer is known by hand: a mean of rain around a cell over the last days."""

from __future__ import annotations

import numpy as np
import torch

from smcore.models.arrays import Inputs
from smcore.models.base import ModelState
from smcore.models.spec import InputSpec, ModelSpec

RAIN = InputSpec("precipitation", "mm d-1", required=True)
WARMTH = InputSpec("air_temperature", "K")
CLAY = InputSpec("clay", "%", "static")


class Blur:
    """Mean of rain over a square of cells and the last three days: a finite receptive field with known halo."""

    def __init__(self, halo: int = 2, patch: int = 1, history: int = 2, lookahead: int = 0) -> None:
        self.spec = ModelSpec(
            "blur", "Blur", (RAIN, CLAY), history=history, halo=halo, patch=patch, lookahead=lookahead
        )
        self.used = self.spec.inputs

    def fit(self, data, run) -> None: ...

    def predict(self, inputs: Inputs, *, device: str = "cpu"):
        if self.spec.halo == 0 and self.spec.patch == 1:
            return {"sm": self._sum(np.nan_to_num(inputs.dynamic[..., 0] / 100), inputs)}
        assert inputs.shape is not None
        size = 2 * self.spec.halo + 1
        field = torch.from_numpy(np.nan_to_num(inputs.dynamic[..., 0] / 100).reshape(-1, 1, *inputs.shape))
        if self.spec.patch > 1 and self.spec.halo == 0:
            assert inputs.shape[0] % self.spec.patch == 0
            assert inputs.shape[1] % self.spec.patch == 0
            blurred = torch.nn.functional.avg_pool2d(field, self.spec.patch)
            blurred = blurred.repeat_interleave(self.spec.patch, -1).repeat_interleave(self.spec.patch, -2)
        else:
            blurred = torch.nn.functional.avg_pool2d(field, size, stride=1, padding=self.spec.halo)
        return {"sm": self._sum(blurred.reshape(len(inputs.time), -1).numpy(), inputs)}

    def _sum(self, blurred: np.ndarray, inputs: Inputs) -> np.ndarray:
        past = np.stack([np.roll(blurred, lag, axis=0) for lag in range(3)])
        for lag in range(3):
            past[lag, :lag] = 0
        return (past.sum(0) + inputs.static[:, 0] / 1000).astype(np.float32)

    def save(self) -> ModelState:
        return ModelState({}, {})

    def load(self, state) -> None: ...
