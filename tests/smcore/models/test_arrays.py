"""The containers refuse what does not fit together, and nobody can write into them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smcore.errors import ModelError
from smcore.models.arrays import Inputs, Task, TrainingData, member_mean
from smcore.models.spec import InputSpec

SPECS = (InputSpec("precipitation", "mm d-1", required=True), InputSpec("clay", "%", "static"))


def make(steps=4, count=3, **changes):
    values = {
        "time": np.datetime64("2020-01-01") + np.arange(steps),
        "dynamic": np.zeros((steps, count, 1)),
        "static": np.zeros((count, 1)),
        "lat": np.arange(count, 0, -1.0),
        "lon": np.arange(count),
        "specs": SPECS,
    }
    return Inputs(**(values | changes))


def test_shapes_that_do_not_fit_are_refused_with_both_shapes():
    with pytest.raises(ModelError, match=r"static is \(2, 1\), not \(3, 1\)"):
        make(static=np.zeros((2, 1)))
    with pytest.raises(ModelError, match="rectangle"):
        make(shape=(2, 2))
    with pytest.raises(ModelError, match="increasing"):
        make(time=np.array(["2020-01-01"] * 4, "datetime64[D]"))


def test_arrays_are_read_only_and_the_callers_stay_writable():
    mine = np.zeros((4, 3, 1), np.float32)
    inputs = make(dynamic=mine)
    with pytest.raises(ValueError, match="read-only"):
        inputs.dynamic[0] = 1
    mine[0] = 1


def test_choosing_and_cutting_keep_the_order():
    inputs = make(dynamic=np.arange(12.0).reshape(4, 3, 1))
    chosen = inputs.at(np.array([2, 0])).during(slice(1, 3))
    np.testing.assert_array_equal(chosen.dynamic[..., 0], [[5, 3], [8, 6]])
    np.testing.assert_array_equal(chosen.lat, [1, 3])


def test_a_task_cut_to_some_targets_keeps_only_their_members():
    task = Task(make(count=5), np.arange(12.0).reshape(4, 3), np.array([0, 0, 1, 2, 2]))
    part = task.at(np.array([2, 0]))
    np.testing.assert_array_equal(part.members, [1, 1, 0, 0])
    np.testing.assert_array_equal(part.target[0], [2, 0])


def test_a_task_needs_a_member_for_every_target():
    with pytest.raises(ModelError, match="at least one input"):
        Task(make(count=3), np.zeros((4, 3)), np.array([0, 0, 2]))


def test_member_means_leave_missing_members_out():
    values = np.array([[1, np.nan, 3, np.nan]], np.float32)
    np.testing.assert_array_equal(member_mean(values, np.array([0, 0, 0, 1]), 2), [[2, np.nan]])


def test_training_data_without_one_valid_target_are_refused():
    with pytest.raises(ModelError, match="no valid target"):
        TrainingData(Task(make(), np.full((4, 3), np.nan)))


def test_containers_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().shape = None
