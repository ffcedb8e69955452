"""The rule of «better», and the intervals that it rests on."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.systems.bands import _interval
from benchmarks.systems.judging import LEAST_GAIN, Gain, _Sums, gain_of, metrics, sample_of, scores
from benchmarks.systems.results import Comparison

DAYS, CELLS = 120, 60


def made_up(seed: int = 0):
    """Truth, and errors of two methods, over a sheet of cells 1° apart."""
    draw = np.random.default_rng(seed)
    day, cell = (index.ravel() for index in np.indices((DAYS, CELLS)))
    lat, lon = 30.0 + np.arange(CELLS) // 10, -100.0 + np.arange(CELLS) % 10
    sample = sample_of(day, cell, lat, lon.astype(float))
    truth = 0.25 + 0.05 * draw.standard_normal(DAYS * CELLS)
    return sample, truth, 0.03 * draw.standard_normal(DAYS * CELLS), 0.04 * draw.standard_normal(DAYS * CELLS)


def test_a_method_with_three_quarters_of_the_error_gains_a_quarter_and_is_better():
    sample, truth, small, large = made_up()
    found = gain_of(truth + small, truth + large, truth, sample)
    assert found.gain == pytest.approx(0.25, abs=0.02)
    assert found.lower < found.gain < found.upper
    assert found.better
    assert not found.worse


def test_a_bias_costs_rmsd_and_not_ubrmsd():
    """Errors of 0.03 and 0.04 m³ m⁻³ that come and go, the smaller one with a bias of 0.05 beside."""
    sample, truth, small, large = made_up()
    found = gain_of(truth + small + 0.05, truth + large, truth, sample)
    assert found.gain == pytest.approx(1 - np.hypot(0.03, 0.05) / 0.04, abs=0.04)
    assert found.worse
    assert found.ub_gain == pytest.approx(0.25, abs=0.02)
    assert 0 < found.ub_lower < found.ub_gain < found.ub_upper


def test_the_gain_in_ubrmsd_is_that_of_each_cell_s_own_spread():
    sample, truth, small, large = made_up()
    a, b = (np.array([np.std(errors[sample.cell == cell]) for cell in range(CELLS)]) for errors in (small, large))
    found = gain_of(truth + small + 0.1, truth + large - 0.1, truth, sample)
    assert found.ub_gain == pytest.approx(float(np.median(1 - a / b)), abs=1e-5)


def test_a_cell_of_which_one_value_is_drawn_has_no_ubrmsd():
    count, errors = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.1, 0.1], [0.0, 0.3]])
    found = _Sums(count, (errors, 2 * errors), (errors**2, 4 * errors**2))
    assert np.isnan(found.by_ubrmsd(np.array([3.0, 0.0]))).all()  # the same value three times
    np.testing.assert_allclose(found.by_ubrmsd(np.array([1.0, 1.0])), [np.nan, 0.5])


def test_a_gain_under_two_per_cent_is_not_better_however_sure():
    sample, truth, _, large = made_up()
    found = gain_of(truth + 0.99 * large, truth + large, truth, sample)
    assert found.lower > 0
    assert found.gain < LEAST_GAIN
    assert not found.better


def test_the_same_method_gains_nothing_and_the_other_way_round_it_is_worse():
    sample, truth, small, large = made_up()
    assert gain_of(truth + small, truth + small, truth, sample).gain == 0
    assert gain_of(truth + large, truth + small, truth, sample).worse


def test_a_gain_that_rests_on_one_spell_of_weather_is_not_better():
    """All of the difference lies in two of twelve blocks of days."""
    sample, truth, _, large = made_up()
    spell = sample.block < 2
    found = gain_of(
        truth + np.where(spell, 0.2 * large, large), truth + np.where(spell, 1.5 * large, large), truth, sample
    )
    assert found.gain > LEAST_GAIN
    assert found.lower < 0
    assert not found.better


def test_only_values_that_both_give_count_and_too_few_of_them_give_no_gain():
    sample, truth, small, large = made_up()
    a = np.where(np.arange(len(truth)) % 2 == 0, truth + small, np.nan)
    assert gain_of(a, truth + large, truth, sample).values == len(truth) // 2
    assert gain_of(np.full_like(truth, np.nan), truth, truth, sample).gain is None


def test_fewer_than_six_blocks_of_days_give_no_interval_and_no_verdict():
    sample, truth, small, large = made_up()
    few = sample.block < 5
    found = gain_of((truth + small)[few], (truth + large)[few], truth[few], sample.pick(few))
    assert found.lower is None
    assert not found.better


def test_one_seed_that_fails_is_enough_to_say_no():
    good, bad = Gain(0.1, 0.05, 0.15, 10, 100), Gain(0.01, -0.02, 0.04, 10, 100)
    assert Comparison((good, good)).better
    assert not Comparison((good, bad)).better
    assert not Comparison(()).better


def test_metrics_by_cell_are_those_of_each_cell():
    sample, truth, small, _ = made_up()
    product = truth + small
    found = metrics(product, truth, sample.cell, CELLS)
    one = sample.cell == 7
    assert found["rmsd"][7] == pytest.approx(np.sqrt(np.mean(small[one] ** 2)))
    assert found["pearson_r"][7] == pytest.approx(np.corrcoef(product[one], truth[one])[0, 1])
    pooled = scores(product, truth, sample)["pooled"]
    assert pooled["bias"][0] == pytest.approx(small.mean(), abs=1e-5)
    assert pooled["rmsd"][1] < pooled["rmsd"][0] < pooled["rmsd"][2]


def test_the_interval_of_a_coverage_holds_it():
    sample, *_ = made_up()
    inside = np.random.default_rng(3).random(len(sample.block)) < 0.9
    lower, upper = _interval(inside, sample)
    assert lower < inside.mean() < upper
