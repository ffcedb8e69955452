"""The LSTM baseline: what it reads, how coarse targets reach it, and what it learns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smcore.errors import Cancelled, ModelError
from smcore.models.arrays import Task, TrainingData, member_mean
from smcore.models.base import FitRun
from smcore.models.images.windows import WindowFeatures
from smcore.models.lstm import CONFIGS, Config, Lstm, Network, _Labels, _loss, build
from tests.smcore.models.image_tasks import SPECS, Memory, coarse_data, coarse_task, make_inputs, wetness

SMALL = Config(hidden=12, epochs=2, most_steps=3, batch=16)


def small(**changes: object) -> Lstm:
    """An LSTM that trains in a moment."""
    return Lstm(dataclasses.replace(build("pscnet").spec, inputs=SPECS), dataclasses.replace(SMALL, **changes))


def test_it_has_two_layers_of_128_units():
    def layer(inputs: int) -> int:
        return 4 * 128 * (inputs + 128 + 2)

    network = Network(28, CONFIGS["pscnet"])
    assert sum(p.numel() for p in network.parameters()) == layer(28) + layer(128) + 129


@pytest.mark.parametrize(("config", "steps", "step"), [("pscnet", 8, "3h"), ("tssmnet", 30, "1D"),
                                                        ("multiscale_lstm_demo", 30, "1D")])  # fmt: skip
def test_it_reads_the_window_of_the_system_that_it_is_compared_with(config, steps, step):
    spec = build(config).spec
    assert spec.history + 1 == steps
    assert spec.step == step
    assert not spec.spatial


def test_a_batch_holds_the_window_of_every_cell_of_an_observation():
    task = coarse_task(make_inputs((8, 8), steps=12), side=4, hidden=0.0)
    features = WindowFeatures.fit(task)
    labels = _Labels(task, features, small().spec)
    number = 9 * task.locations + 2  # the third coarse cell at step 9
    x, group, value = labels.batch(np.array([number, 11 * task.locations]))
    cells = np.flatnonzero(task.members == 2)
    assert group.tolist() == [0] * 16 + [1] * 16
    scaled = features.dynamic(task.inputs.dynamic[2:10][:, cells])
    np.testing.assert_allclose(x[:, :16, : scaled.shape[-1]].numpy(), scaled, atol=1e-6)
    mean, std = np.mean(task.target), np.std(task.target)
    assert float(value[0]) == pytest.approx((task.target[9, 2] - mean) / std, abs=1e-4)


def test_cells_that_are_missing_or_in_no_coarse_cell_are_left_out_of_the_mean():
    inputs = make_inputs((8, 8), steps=8)
    dynamic = inputs.dynamic.copy()
    dynamic[:, 0] = np.nan
    task = coarse_task(dataclasses.replace(inputs, dynamic=dynamic), side=4, hidden=0.0)
    members, target = task.members.copy(), np.array(task.target)
    members[[1, 63]] = -1
    target[7] = [0.2, 0.3, 0.1, 0.25]
    task = Task(task.inputs, target, members)
    model = small()
    model.fit(TrainingData(task), FitRun(seed=0))
    labels = _Labels(task, model.features, model.spec)
    loss = _loss(model.network, labels.batch(7 * 4 + np.arange(4)), FitRun())
    found = member_mean(model.predict(task.inputs)["sm"], members, 4)[7]
    errors = (found - target[7]) / model.features.values.target.std[0]
    huber = np.where(np.abs(errors) < 1, errors**2 / 2, np.abs(errors) - 0.5)
    assert float(loss.detach()) == pytest.approx(huber.mean(), rel=1e-3)


def test_an_observation_none_of_whose_cells_is_there_adds_nothing():
    inputs = make_inputs((4, 4), steps=10)
    task = coarse_task(inputs, side=4, hidden=0.0)
    dynamic = inputs.dynamic.copy()
    dynamic[9] = np.nan
    gone = Task(dataclasses.replace(inputs, dynamic=dynamic), task.target, task.members)
    model = small()
    model.fit(TrainingData(task), FitRun())
    labels = _Labels(gone, model.features, model.spec)
    assert _loss(model.network, labels.batch(np.array([9])), FitRun()) is None


@pytest.mark.slow
def test_it_finds_the_fine_pattern_that_the_coarse_cells_hide():
    task = coarse_task(make_inputs((24, 24), steps=24, wavy=True))
    model = small(epochs=4, most_steps=30, rate=1e-2)
    model.fit(TrainingData(task), FitRun(seed=0))
    fresh = make_inputs((24, 24), steps=12, seed=9, wavy=True)
    truth, found = wetness(fresh)[7:], model.predict(fresh)["sm"][7:]
    copied = coarse_task(fresh, hidden=0.0).target[7:][:, task.members]
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.7 * np.sqrt(np.mean((copied - truth) ** 2))


def test_a_gap_in_time_is_like_the_beginning_of_a_record():
    inputs = make_inputs((6, 6), steps=20, seed=3)
    later = np.where(np.arange(20) < 8, np.timedelta64(0, "D"), np.timedelta64(300, "D"))
    model = small()
    model.fit(coarse_data(), FitRun(seed=1))
    gapped = dataclasses.replace(inputs, time=inputs.time + later, shape=None)
    after = gapped.during(slice(8, 20))
    np.testing.assert_allclose(model.predict(gapped)["sm"][8:], model.predict(after)["sm"], atol=2e-6)


def test_observations_without_a_whole_window_before_them_teach_nothing():
    task = coarse_task(make_inputs((24, 24), steps=20))
    target = np.array(task.target)
    target[7:] = np.nan
    with pytest.raises(ModelError, match="8 steps without a gap"):
        small().fit(TrainingData(Task(task.inputs, target, task.members)), FitRun())


@pytest.mark.slow
def test_a_resumed_training_ends_with_the_same_weights():
    whole, memory = small(epochs=3), Memory()
    whole.fit(coarse_data(), FitRun(seed=4))
    short = FitRun(seed=4, checkpoint=memory, cancelled=lambda: memory.kept is not None)
    with pytest.raises(Cancelled):
        small(epochs=3).fit(coarse_data(), short)
    assert memory.kept[1]["epochs"] == 1
    again = small(epochs=3)
    again.fit(coarse_data(), FitRun(seed=4, checkpoint=memory))
    for name, value in whole.save().arrays.items():
        np.testing.assert_array_equal(again.save().arrays[name], value, err_msg=name)
