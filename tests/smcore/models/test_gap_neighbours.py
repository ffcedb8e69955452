"""The observations on both sides of a gap, and the guess that is made of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.base_guess import BaseGuess
from smcore.models.series import gap_neighbours as gaps
from smcore.models.spec import InputSpec

SPECS = (InputSpec("model_sm", "m3 m-3", required=True), InputSpec("sm", "m3 m-3", "observed", required=True))


def days(count, start="2018-01-01"):
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(1, "D")


def random_pair(steps, cells, seed=0, share=0.3):
    rng = np.random.default_rng(seed)
    observed = rng.uniform(0.1, 0.4, (steps, cells)).astype(np.float32)
    observed[rng.random(observed.shape) > share] = np.nan
    model = rng.uniform(0.1, 0.4, (steps, cells)).astype(np.float32)
    model[rng.random(model.shape) < 0.05] = np.nan
    return observed, model


def nearest(observed, model, time, step, cell, sign):
    """The same by looking at every step of one location."""
    number = time.astype("datetime64[D]").astype(int)
    best = None
    for other in range(len(time)):
        age = sign * (number[other] - number[step])
        if 0 < age <= 15 and np.isfinite(observed[other, cell]) and np.isfinite(model[other, cell]):
            best = min(best, (age, other)) if best else (age, other)
    return best


def test_neighbours_are_the_nearest_pairs_within_fifteen_days_on_either_side_of_a_step():
    observed, model = random_pair(60, 4, share=0.12)
    time = np.delete(days(64), [10, 11, 30, 50])
    found = gaps.neighbours(observed, model, time)
    for side, sign in enumerate((-1, 1)):
        for step, cell in np.ndindex(60, 4):
            wanted = nearest(observed, model, time, step, cell, sign)
            got = (found.age[side, step, cell], found.sm[side, step, cell], found.model[side, step, cell])
            if wanted is None:
                assert got[0] == 15
                assert np.isnan(got[1:]).all()
            else:
                assert got == (wanted[0], observed[wanted[1], cell], model[wanted[1], cell])


def test_a_step_never_sees_its_own_observation():
    observed, model = random_pair(40, 3)
    changed = observed.copy()
    changed[20] = 0.9
    before, after = (gaps.neighbours(o, model, days(40)) for o in (observed, changed))
    np.testing.assert_array_equal(before.sm[:, 20], after.sm[:, 20])


def test_later_steps_alone_give_what_the_whole_record_gives_them():
    observed, model = random_pair(90, 5, share=0.05)
    pooled = gaps.pooled_curves(observed, model, days(90))
    whole, late = (gaps.around(observed, model, days(90), pooled, first=first) for first in (0, 47))
    for name in ("sm", "model", "age"):
        np.testing.assert_array_equal(getattr(late, name), getattr(whole, name)[:, 47:])


def test_a_causal_search_sees_nothing_later():
    observed, model = random_pair(90, 5, share=0.1)
    pooled = gaps.pooled_curves(observed, model, days(90))
    whole = gaps.around(observed, model, days(90), pooled, causal=True)
    early = gaps.around(observed[:50], model[:50], days(50), pooled, causal=True)
    np.testing.assert_array_equal(whole.sm[:, :50], early.sm)


def test_where_nothing_was_ever_observed_the_pooled_curves_stand_in_with_an_age_of_fifteen_days():
    observed, model = random_pair(30, 3)
    pooled = gaps.pooled_curves(observed, model, days(30))
    observed[:, 1] = np.nan
    found = gaps.around(observed, model, days(30), pooled)
    np.testing.assert_allclose(found.sm[:, :, 1], np.stack([gaps.basis(days(30)) @ pooled[0]] * 2), atol=1e-6)
    np.testing.assert_allclose(found.model[:, :, 1], np.stack([gaps.basis(days(30)) @ pooled[1]] * 2), atol=1e-6)
    assert (found.age[:, :, 1] == 15).all()


def test_a_location_s_own_curve_is_a_ridge_regression_on_what_was_seen_before_the_month():
    rng = np.random.default_rng(3)
    time = days(400)
    observed, model = rng.uniform(0.1, 0.4, (2, 400, 1)).astype(np.float32)
    observed[rng.random(observed.shape) < 0.5] = np.nan
    pooled = rng.normal(0.2, 0.05, (2, 5))
    hole = slice(335, 380)  # from 2 December on
    observed[hole] = np.nan
    found = gaps.around(observed, model, time, pooled)
    before = np.flatnonzero(np.isfinite(observed[:334, 0]))
    design = np.concatenate([gaps.basis(time[before]), np.sqrt(10) * np.eye(5)])
    for kind, values, got in ((0, observed, found.sm), (1, model, found.model)):
        right = np.concatenate([values[before, 0], np.sqrt(10) * pooled[kind]])
        curve = np.linalg.lstsq(design, right, rcond=None)[0]
        np.testing.assert_allclose(got[0, 351:365, 0], (gaps.basis(time) @ curve)[351:365], atol=1e-5)


def test_pooled_curves_return_the_curves_that_the_data_were_made_of():
    time = days(730)
    curves = np.array([[0.25, 0.05, 0.02, 0.01, 0.0], [0.3, -0.04, 0.03, 0.0, 0.01]])
    observed, model = (np.repeat((gaps.basis(time) @ c)[:, None], 4, axis=1).astype(np.float32) for c in curves)
    observed[::3] = np.nan
    np.testing.assert_allclose(gaps.pooled_curves(observed, model, time), curves, atol=1e-6)


def test_the_guess_weighs_both_sides_by_their_age_and_moves_them_with_the_model():
    found = gaps.Neighbours(*(np.array(v, np.float32)[:, None, None] for v in ((0.2, 0.3), (0.25, 0.3), (1, 3))))
    # 2/3 · (0.20 + 0.28 − 0.25) + 1/3 · (0.30 + 0.28 − 0.30), with weights 1/2 and 1/4
    assert gaps.guess(np.array([[0.28]], np.float32), found)[0, 0] == pytest.approx(0.246667, abs=1e-6)


def test_the_guess_stays_within_its_limits():
    found = gaps.Neighbours(*(np.full((2, 1, 1), v, np.float32) for v in (0.5, 0.1, 2)))
    assert gaps.guess(np.array([[0.4]], np.float32), found)[0, 0] == np.float32(0.6)
    found = gaps.Neighbours(*(np.full((2, 1, 1), v, np.float32) for v in (0.1, 0.4, 2)))
    assert gaps.guess(np.array([[0.1]], np.float32), found)[0, 0] == np.float32(0.02)


def record(observed, model, time):
    count = observed.shape[1]
    return Inputs(time=time, dynamic=model[..., None], static=np.empty((count, 0)), lat=np.zeros(count),
                  lon=np.zeros(count), specs=SPECS, observed=observed)  # fmt: skip


def test_the_guess_alone_finds_a_truth_that_differs_from_the_model_by_an_offset_of_each_place():
    rng = np.random.default_rng(1)
    truth = 0.25 + 0.1 * np.sin(np.cumsum(rng.normal(0, 0.3, (200, 6)), axis=0))
    model = truth + np.array([0.05, -0.05, 0.02, 0.0, -0.1, 0.1])
    observed = np.where(rng.random(truth.shape) < 0.5, truth, np.nan)
    inputs = record(observed, model, days(200))
    guess = BaseGuess()
    guess.fit(TrainingData(Task(inputs, observed)), FitRun())
    found = guess.predict(inputs)["sm"]
    np.testing.assert_allclose(found[20:-20], truth[20:-20], atol=1e-5)  # at the ends a curve stands in for one side


def test_where_the_model_has_no_value_there_is_no_guess():
    observed, model = random_pair(40, 3)
    inputs = record(observed, model, days(40))
    guess = BaseGuess()
    guess.fit(TrainingData(Task(inputs, observed)), FitRun())
    np.testing.assert_array_equal(np.isnan(guess.predict(inputs)["sm"]), np.isnan(model))
    late = guess.predict(dataclasses.replace(inputs, first=30))["sm"]
    assert np.isnan(late[:30]).all()
