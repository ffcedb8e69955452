"""The epoch loop: what a killed fit takes up again, learning rates and precision included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from smcore.models.base import FitRun
from smcore.models.learning.fitting import Schedule, precision, torch_generator, train_epochs
from smcore.training.checkpoint import FileCheckpoint

SCHEDULES = {
    "cosine": lambda optimiser: CosineAnnealingLR(optimiser, T_max=6),
    "plateau": lambda optimiser: ReduceLROnPlateau(optimiser, factor=0.5, patience=0),
}


class StoppedError(Exception):
    pass


class Stopping(FileCheckpoint):
    """Falls over after it has kept a number of epochs."""

    def __init__(self, path, after):
        super().__init__(path)
        self.after = after

    def save(self, arrays, notes):
        super().save(arrays, notes)
        if notes["epochs"] == self.after:
            raise StoppedError


def fit(checkpoint, kind):
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    records = []

    def epoch(number, tick):
        x = torch.randn(32, 3, generator=torch_generator(7, number))
        loss = (network(x)[:, 0] - x.sum(1) - torch.randn(32, generator=torch_generator(8, number))).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    run = FitRun(seed=1, log=records.append, checkpoint=checkpoint)
    train_epochs(network, optimiser, Schedule(6), run, epoch, rates=SCHEDULES[kind](optimiser))
    return network.weight.detach().numpy().copy(), records


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_learning_rate_schedule_goes_on_where_it_was_killed(tmp_path, kind):
    straight, records = fit(FileCheckpoint(tmp_path / "a"), kind)
    with pytest.raises(StoppedError):
        fit(Stopping(tmp_path / "b", 3), kind)
    resumed, rest = fit(FileCheckpoint(tmp_path / "b"), kind)
    np.testing.assert_array_equal(resumed, straight)
    assert [r["rate"] for r in rest] == [r["rate"] for r in records[3:]]
    assert records[-1]["rate"] < records[0]["rate"] == 0.1


def test_a_resumed_fit_tells_of_all_of_itself(tmp_path):
    log = []
    keeper = FileCheckpoint(tmp_path / "a", log)
    keeper._before = 100.0  # seconds of an even earlier process
    log.append({"epoch": 1})
    keeper.save({"w": np.zeros(2)}, {"epochs": 1})
    later_log = []
    later = FileCheckpoint(tmp_path / "a", later_log)
    assert later.load()[1] == {"epochs": 1}
    assert later_log == [{"epoch": 1}]
    assert 100 <= later.seconds < 200
    later_log.append({"epoch": 2})
    later.save({"w": np.ones(2)}, {"epochs": 2})
    later.load()  # as the next member of an ensemble does
    assert later_log == [{"epoch": 1}, {"epoch": 2}]


def test_bfloat16_is_for_cuda_only_and_only_on_request():
    x = torch.randn(4, 4)
    with precision(FitRun(mixed=True, device="cpu")):
        assert (x @ x).dtype == torch.float32
    with precision(FitRun(mixed=False, device="cuda")):
        assert not torch.is_autocast_enabled("cuda")
    if torch.cuda.is_available():
        with precision(FitRun(mixed=True, device="cuda")):
            assert (x.cuda() @ x.cuda()).dtype == torch.bfloat16
