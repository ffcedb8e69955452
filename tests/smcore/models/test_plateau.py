"""The learning rate halves on a plateau, as PyTorch's own scheduler does, and an optimiser's state carries it."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from smcore.models.plateau import Plateau  # noqa: E402


def _optimiser(rate: float = 0.1) -> torch.optim.Adam:
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimiser = torch.optim.Adam([parameter], lr=rate)
    parameter.grad = torch.ones(2)
    optimiser.step()
    return optimiser


def _rates(optimiser: torch.optim.Optimizer, scores: list[float], patience: int) -> list[float]:
    plateau = Plateau(optimiser, 0.1, patience)
    rates = []
    for score in scores:
        plateau.begin()
        rates.append(optimiser.param_groups[0]["lr"])
        plateau.judge(score)
    return rates


def test_the_rates_are_those_of_the_scheduler_of_pytorch():
    scores = [1.0, 0.9, 0.9, 0.95, 0.9, 0.89, 0.91, 0.92, 0.93, 0.94, 0.95, 0.5, 0.49999]
    optimiser = _optimiser()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=2)
    expected = []
    for score in scores:
        expected.append(optimiser.param_groups[0]["lr"])
        scheduler.step(score)
    np.testing.assert_allclose(_rates(_optimiser(), scores, 2), expected)


def test_a_patience_of_zero_leaves_the_rate_alone():
    assert set(_rates(_optimiser(), [1.0] * 30, 0)) == {0.1}


def test_a_hardly_better_score_is_no_new_best():
    plateau = Plateau(_optimiser(), 0.1, least_gain=0.01)
    assert plateau.judge(0.5) == 0.5
    assert plateau.judge(0.495) == 0.5
    assert plateau.judge(0.25) == 0.25
    assert plateau.judge(0.75) == 0.75


def test_the_state_goes_on_in_another_optimiser():
    first = _optimiser()
    _rates(first, [1.0] * 5, 1)
    second = _optimiser()
    second.load_state_dict({"state": first.state_dict()["state"], "param_groups": second.state_dict()["param_groups"]})
    assert _rates(second, [1.0], 1) == pytest.approx([0.025])
