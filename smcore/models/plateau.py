"""Halving the learning rate on a plateau, in a form that a checkpoint carries.

As ``ReduceLROnPlateau`` of PyTorch with its default threshold (a gain counts from 1e-4 of the best loss on). Its state
lies in the optimiser's, under the first parameter, so a run that is taken up again goes on at the same rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_KEY = "plateau"
_THRESHOLD = 1e-4


@dataclass(frozen=True)
class Plateau:
    """The rule.

    Parameters
    ----------
    optimiser
        Whose rate is set.
    rate
        At the start.
    patience
        Epochs without a gain that are let pass; 0: the rate stays.
    factor
        What the rate is multiplied by.
    least_gain
        A smaller gain does not count as a new best for an early stop.
    """

    optimiser: torch.optim.Optimizer
    rate: float
    patience: int = 10
    factor: float = 0.5
    least_gain: float = 0.0

    def begin(self) -> None:
        """Set the rate that the state asks for; at the start of every epoch."""
        cuts = int(self._state()[0])
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * self.factor**cuts

    def judge(self, score: float) -> float:
        """Take note of a validation loss, and give it back; one that is hardly better comes back as the best so far."""
        cuts, bad, best, stop = self._state().tolist()
        score = float(torch.tensor(score, dtype=torch.float32))  # what the state can hold, so resuming compares alike
        if score < best * (1 - _THRESHOLD):
            best, bad = score, 0.0
        else:
            bad += 1
        if self.patience and bad > self.patience:
            cuts, bad = cuts + 1, 0.0
        gained = score < stop - self.least_gain
        stop = score if gained else stop
        self.optimiser.state[self._parameter()][_KEY] = torch.tensor([cuts, bad, best, stop], dtype=torch.float32)
        return score if gained else max(score, stop)

    def _parameter(self) -> Tensor:
        parameter: Tensor = self.optimiser.param_groups[0]["params"][0]
        return parameter

    def _state(self) -> Tensor:
        kept: Tensor | None = self.optimiser.state.get(self._parameter(), {}).get(_KEY)
        return torch.tensor([0.0, 0.0, torch.inf, torch.inf]) if kept is None else kept.cpu()
