"""The published network and scheme, against the numbers of its paper and code."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from smcore.errors import ModelError
from smcore.models.arrays import SITES, Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.learning.losses import masked_rmse, scatter_mean, weighted_sum
from smcore.models.learning.normalise import Normaliser
from smcore.models.multiscale_lstm import (
    CONFIGS,
    Config,
    DropConnectLstm,
    MultiscaleLstm,
    Network,
    _pool,
    steps_per_epoch,
)
from smcore.models.spec import InputSpec

SPECS = (InputSpec("precipitation", "mm d-1", required=True), InputSpec("clay", "%", "static"))


def make_task(coarse: int = 3, side: int = 4, days: int = 80, seed: int = 0, level: float = 0.25) -> Task:
    rng = np.random.default_rng(seed)
    fine = coarse * side
    rain = np.where(rng.random((days, fine, 1)) < 0.3, rng.gamma(1.0, 8.0, (days, fine, 1)), 0.0)
    inputs = Inputs(
        time=np.datetime64("2020-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D"),
        dynamic=rain,
        static=rng.uniform(5, 50, (fine, 1)),
        lat=np.zeros(fine),
        lon=np.zeros(fine),
        specs=SPECS,
    )
    wetness = np.zeros((days, fine))
    for day in range(1, days):
        wetness[day] = 0.9 * wetness[day - 1] + rain[day, :, 0] / 100
    task = Task(inputs, np.full((days, coarse), np.nan), np.repeat(np.arange(coarse), side))
    target = level + 0.3 * task.aggregate(wetness.astype(np.float32))
    target[rng.random(target.shape) < 0.5] = np.nan
    return dataclasses.replace(task, target=target)


def test_the_network_has_the_published_number_of_parameters_with_14_inputs():
    assert sum(p.numel() for p in Network(14, Config()).parameters()) == 530_433


def test_steps_per_epoch_are_those_of_the_published_log():
    assert steps_per_epoch(batch=100, window=30, locations=412, days=366) == 230


def test_more_samples_in_a_batch_than_there_are_is_one_step():
    assert steps_per_epoch(batch=50, window=30, locations=2, days=60) == 1


def test_scatter_mean_is_the_plain_mean_of_each_group():
    values = torch.arange(12.0).reshape(2, 6)
    members = torch.tensor([0, 0, 1, 2, 2, 2])
    expected = torch.tensor([[0.5, 2.0, 4.0], [6.5, 8.0, 10.0]])
    torch.testing.assert_close(scatter_mean(values, members, 3), expected)


def test_partial_coarse_cells_average_what_fine_cells_there_are():
    task = make_task()
    keep = np.arange(1, 12)  # the first coarse cell has lost a fine one
    part = Task(task.inputs.at(keep), task.target, task.members[keep])
    values = np.random.default_rng(0).random((80, 11)).astype(np.float32)
    np.testing.assert_allclose(part.aggregate(values)[:, 0], values[:, :3].mean(1), rtol=1e-6)
    np.testing.assert_allclose(part.aggregate(values)[:, 1], values[:, 3:7].mean(1), rtol=1e-6)


def test_the_loss_of_no_valid_target_is_left_out():
    nothing = torch.full((3, 2), torch.nan)
    assert masked_rmse(torch.zeros(3, 2), nothing) is None
    assert weighted_sum([(0.5, None), (0.5, None)]) is None
    assert weighted_sum([(0.5, None), (0.5, torch.tensor(2.0))]) == 1.0


def test_the_gradient_is_finite_when_the_prediction_is_perfect():
    x = torch.ones(4, requires_grad=True)
    loss = masked_rmse(x, torch.ones(4))
    assert loss is not None
    loss.backward()
    assert torch.isfinite(x.grad).all()


def test_entries_outside_the_limits_get_no_gradient():
    x = torch.tensor([-5.0, 0.0, 9.0], requires_grad=True)
    loss = masked_rmse(x.clamp(-2.2676, 5.13722), torch.tensor([0.0, 1.0, 0.0]))
    assert loss is not None
    loss.backward()
    assert x.grad[0] == 0
    assert x.grad[1] != 0
    assert x.grad[2] == 0


def test_dropped_weights_are_new_on_every_pass_and_the_same_at_every_step():
    torch.manual_seed(0)
    layer = DropConnectLstm(3, 8, 0.5)
    x = torch.randn(1, 1, 3)
    masks = torch.Generator().manual_seed(3)
    first, second = layer(x, masks), layer(x, masks)
    assert not torch.equal(first, second)
    again = torch.Generator().manual_seed(3)
    torch.testing.assert_close(layer(x, again), first)
    # A constant mask makes one long pass equal to the same pass in which later steps are cut off.
    long, short = torch.randn(6, 1, 3), 3
    m1, m2 = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    torch.testing.assert_close(layer(long, m1)[:short], layer(long[:short], m2))


def test_dropping_weights_leaves_the_generator_of_others_alone():
    layer = DropConnectLstm(3, 8, 0.5)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    layer(torch.randn(0, 1, 3).new_zeros(2, 1, 3), torch.Generator().manual_seed(1))
    torch.testing.assert_close(torch.rand(3), expected)


def test_half_of_the_weights_are_dropped_and_the_rest_doubled():
    layer = DropConnectLstm(64, 64, 0.5)
    seen = {}

    def spy(module, parameters, inputs):
        seen.update(parameters)
        return (inputs[0],)

    import smcore.models.multiscale_lstm as module

    original = module.functional_call
    module.functional_call = spy
    try:
        layer(torch.zeros(2, 1, 64), torch.Generator().manual_seed(0))
    finally:
        module.functional_call = original
    assert set(seen) == {"weight_ih_l0", "weight_hh_l0"}
    ratio = (seen["weight_hh_l0"] / layer.lstm.weight_hh_l0).detach()
    assert set(ratio.unique().tolist()) == {0.0, 2.0}
    assert 0.45 < (ratio == 0).float().mean() < 0.55


def test_a_drawn_batch_holds_all_fine_cells_of_each_drawn_coarse_cell():
    task = make_task()
    pool = _pool(task, Normaliser.fit(task, trimmed=True))
    x, segment, y = pool.draw(np.random.default_rng(0), batch=5, window=30)
    assert x.shape == (30, 20, 2)
    assert y.shape == (30, 5)
    assert np.bincount(segment).tolist() == [4] * 5


def test_the_last_window_can_be_drawn_too():
    task = make_task(days=31)
    pool = _pool(task, Normaliser.fit(task, trimmed=True))
    last_days = [pool.draw(np.random.default_rng(s), 1, 30)[0][-1, 0] for s in range(40)]
    assert any(torch.equal(day, pool.x[-1, column]) for day in last_days for column in range(12))


@pytest.mark.slow
def test_it_learns_from_coarse_cells_alone():
    model = MultiscaleLstm(Config(hidden=16, epochs=30, most_steps=6))
    task = make_task(coarse=8, days=200)
    model.fit(TrainingData(task), FitRun())
    estimate = task.aggregate(model.predict(task.inputs)["sm"])
    valid = np.isfinite(task.target)
    valid[:20] = False  # the state starts at zero
    assert np.corrcoef(estimate[valid], task.target[valid])[0, 1] > 0.6


@pytest.mark.slow
def test_site_predictions_come_back_in_volumetric_units_of_the_sites():
    model = MultiscaleLstm(Config(hidden=16, epochs=20, most_steps=6))
    cells, sites = make_task(coarse=6), make_task(coarse=6, side=1, seed=3, level=0.45)
    model.fit(TrainingData(cells, sites), FitRun())
    at_sites = model.predict(dataclasses.replace(sites.inputs, task=SITES))["sm"]
    at_cells = model.predict(sites.inputs)["sm"]
    assert at_sites.mean() == pytest.approx(np.nanmean(sites.target), abs=0.05)
    assert at_sites.mean() - at_cells.mean() > 0.1


def test_statistics_are_those_of_each_task_alone():
    model = MultiscaleLstm(Config(hidden=4, epochs=1, most_steps=1))
    cells, sites = make_task(), make_task(side=1, seed=3, level=0.45)
    model.fit(TrainingData(cells, sites), FitRun())
    alone = Normaliser.fit(sites, trimmed=True)
    assert model.statistics[SITES].target.mean == alone.target.mean
    assert model.statistics["satellite"].target.mean != alone.target.mean


@pytest.mark.parametrize(("source", "level"), [("satellite", 0.25), (SITES, 0.45)])
def test_a_network_of_one_source_learns_from_that_one_only(source, level):
    model = MultiscaleLstm(dataclasses.replace(CONFIGS[source], hidden=8, epochs=1, most_steps=2, batch=4))
    cells, sites = make_task(coarse=6), make_task(coarse=6, side=1, seed=3, level=0.45)
    model.fit(TrainingData(cells, sites), FitRun(seed=2))
    assert set(model.statistics) == {source}
    assert model.limits == ("multiscale, satellite only" if source == "satellite" else "single-scale, sites only",)
    assert f"source {source} instead of both" in model.departures
    assert model.predict(cells.inputs)["sm"].mean() == pytest.approx(level, abs=0.15)
    other = dataclasses.replace(sites, target=0.5 - sites.target) if source == "satellite" else None
    again = MultiscaleLstm(model.config)
    data = TrainingData(cells, other) if other else TrainingData(make_task(coarse=6, level=0.1), sites)
    again.fit(data, FitRun(seed=2))
    for name, array in model.save().arrays.items():
        np.testing.assert_array_equal(again.save().arrays[name], array)


def test_sites_alone_need_stations():
    with pytest.raises(ModelError, match="learns from stations"):
        MultiscaleLstm(CONFIGS[SITES]).fit(TrainingData(make_task()), FitRun())
