"""DCT-PLS: the penalised least squares that it says it solves, blocks on a lattice, and what it makes of gaps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.dct_pls import LADDER, SPEC, DctPls, _spans, smooth


def record(observed, shape=None, start="2018-01-10", origin=(0, 0)):
    steps, count = observed.shape
    return Inputs(
        time=np.datetime64(start, "ns") + np.arange(steps) * np.timedelta64(1, "D"),
        dynamic=np.empty((steps, count, 0)),
        static=np.empty((count, 0)),
        lat=np.zeros(count),
        lon=np.zeros(count),
        specs=SPEC.inputs,
        observed=observed,
        shape=shape,
        origin=origin,
    )


def second_differences(count):
    """The matrix D of Garcia (2010, eq. 3) with reflecting ends."""
    matrix = -2 * np.eye(count) + np.eye(count, k=1) + np.eye(count, k=-1)
    matrix[0, 0] = matrix[-1, -1] = -1
    return matrix


@pytest.mark.parametrize("penalty", [0.3, 10.0])
def test_a_series_is_the_minimiser_of_the_penalised_squares(penalty):
    rng = np.random.default_rng(0)
    values = (0.25 + 0.1 * np.sin(np.arange(80) / 6) + rng.normal(0, 0.02, 80)).astype(np.float32)
    values[1:-1][rng.random(78) < 0.5] = np.nan  # beyond the last observation the iteration is not at its end yet
    weights = np.diag(np.isfinite(values).astype(float))
    rough = second_differences(80)
    wanted = np.linalg.solve(weights + penalty * rough.T @ rough, weights @ np.nan_to_num(values))
    np.testing.assert_allclose(smooth(values[None], penalty, (1,))[0], wanted, atol=2e-3)


def test_a_map_is_the_minimiser_of_the_penalised_squares():
    rng = np.random.default_rng(1)
    values = rng.uniform(0.1, 0.4, (6, 7, 8)).astype(np.float32)
    values[rng.random(values.shape) < 0.6] = np.nan
    laplace = sum(
        np.kron(np.kron(*(second_differences(n) if a == k else np.eye(n) for a, n in enumerate((6, 7)))),
                second_differences(8) if k == 2 else np.eye(8))
        for k in range(3)
    )  # fmt: skip
    weights = np.diag(np.isfinite(values).ravel().astype(float))
    wanted = np.linalg.solve(weights + laplace.T @ laplace, weights @ np.nan_to_num(values).ravel())
    np.testing.assert_allclose(smooth(values, 1.0, (0, 1, 2)).ravel(), wanted, atol=2e-3)


def test_without_gaps_and_penalty_nothing_changes():
    values = np.random.default_rng(2).uniform(0.1, 0.4, (3, 40)).astype(np.float32)
    np.testing.assert_allclose(smooth(values, 1e-9, (1,)), values, atol=1e-5)


def wave(steps=90, height=20, width=20, seed=0, noise=0.02):
    """A smooth truth, and what a noisy satellite with gaps sees of it."""
    rng = np.random.default_rng(seed)
    t, y, x = np.meshgrid(np.arange(steps), np.arange(height), np.arange(width), indexing="ij")
    truth = 0.25 + 0.08 * np.sin(t / 9 + x / 6) + 0.05 * np.cos(y / 5)
    observed = truth + rng.normal(0, noise, truth.shape)
    observed[(x // 4 + t) % 3 > 0] = np.nan
    return truth.reshape(steps, -1), observed.reshape(steps, -1).astype(np.float32)


def fitted(config, observed, shape=(20, 20)):
    made = DctPls(config)
    inputs = record(observed, shape)
    made.fit(TrainingData(Task(inputs, observed)), FitRun())
    return made, inputs


def test_space_tells_more_than_time_alone():
    truth, observed = wave()
    found = {}
    for config in ("space_time", "time"):
        made, inputs = fitted(config, observed)
        found[config] = float(np.sqrt(np.mean((made.predict(inputs)["sm"] - truth) ** 2)))
    assert found["space_time"] < 0.6 * found["time"]
    assert found["time"] < 0.02


def test_noisy_observations_are_smoothed_more_than_exact_ones():
    noisy, exact = (fitted("time", wave(noise=n)[1])[0].penalty for n in (0.05, 0.0))
    assert noisy > exact
    assert {noisy, exact} <= set(LADDER)


@pytest.mark.parametrize("config", ["space_time", "time"])
def test_a_location_without_any_observation_stays_empty(config):
    _, observed = wave(60)
    observed[:, 37] = np.nan
    made, inputs = fitted(config, observed)
    sm = made.predict(inputs)["sm"]
    assert np.isnan(sm[:, 37]).all()
    assert np.isfinite(np.delete(sm, 37, axis=1)).all()


def test_blocks_lie_on_a_lattice_of_the_whole_grid():
    spans = list(_spans(70, 25, 32, 8))  # cells 25 … 94: cuts at 32 and 64, thus at 7 and 39 of the window
    assert [core for _, core, _ in spans] == [slice(0, 7), slice(7, 39), slice(39, 70)]
    assert [wide for wide, _, _ in spans] == [slice(0, 15), slice(0, 47), slice(31, 70)]
    assert [inner for _, _, inner in spans] == [slice(0, 7), slice(7, 39), slice(8, 39)]


def test_a_window_with_its_halo_gives_the_cells_what_the_whole_rectangle_gives_them():
    _, observed = wave(40, 60, 70)
    made = DctPls("space_time")
    made.penalty = 1.0
    whole = made.predict(record(observed, (60, 70)))["sm"].reshape(-1, 60, 70)
    rows, columns = np.meshgrid(np.arange(0, 40), np.arange(24, 70), indexing="ij")
    part = record(observed[:, (rows * 70 + columns).ravel()], rows.shape, origin=(0, 24))
    found = made.predict(part)["sm"].reshape(-1, 40, 46)
    np.testing.assert_allclose(found[:, :32, 8:], whole[:, :32, 32:], atol=1e-6)


def test_later_steps_alone_give_what_the_whole_record_gives_them():
    _, observed = wave(300, 4, 4)
    made = DctPls("space_time")
    made.penalty = 1.0
    inputs = record(observed, (4, 4))
    whole, first = made.predict(inputs)["sm"], 200
    begin = first - made.spec.history
    end = 210 + made.spec.lookahead
    part = dataclasses.replace(inputs.during(slice(begin, end)), first=made.spec.history)
    found = made.predict(part)["sm"]
    np.testing.assert_allclose(found[first - begin : 210 - begin], whole[first:210], atol=1e-6)


def test_days_that_are_not_there_are_gaps():
    _, observed = wave(60, 4, 4)
    made = DctPls("time")
    made.penalty = 1.0
    kept = np.r_[0:20, 25:60]
    holed = observed.copy()
    holed[20:25] = np.nan
    inputs = record(observed, (4, 4))
    short = dataclasses.replace(inputs, time=inputs.time[kept], dynamic=inputs.dynamic[kept], observed=observed[kept])
    np.testing.assert_allclose(made.predict(short)["sm"], made.predict(record(holed, (4, 4)))["sm"][kept], atol=1e-6)
