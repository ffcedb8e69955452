"""Metrics against hand arithmetic, against scipy and numpy, and against what must hold for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from smcore.validation.metrics import METRICS, average_ranks, bias, is_constant, n, pearson_r, rmsd, spearman_r, ubrmsd

VALUES = st.lists(st.integers(0, 60).map(lambda v: v / 100), min_size=3, max_size=40)


def pairs_with_gaps(seed: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.25, 0.08, shape)
    product, reference = truth + rng.normal(0.03, 0.03, shape), truth + rng.normal(0, 0.02, shape)
    product[rng.random(shape) < 0.4], reference[rng.random(shape) < 0.2] = np.nan, np.nan
    return product, reference


def test_the_four_pairs_computed_by_hand() -> None:
    # x = 1 2 3 6, y = 2 2 4 4: x̄ = y̅ = 3; differences −1 0 −1 2, their mean 0, mean square 6/4.
    # Σdx² = 4+1+0+9 = 14, Σdy² = 1+1+1+1 = 4, Σdxdy = 2+1+0+3 = 6: R = 6/√56.
    # ranks 1 2 3 4 and 1.5 1.5 3.5 3.5: Σ = (−1.5·−1)+(−.5·−1)+(.5·1)+(1.5·1) = 4, squares 5 and 4: ρ = 4/√20.
    x, y = np.array([1.0, 2, 3, 6]), np.array([2.0, 2, 4, 4])
    assert n(x, y) == 4
    assert bias(x, y) == 0
    assert rmsd(x, y) == pytest.approx(np.sqrt(1.5), abs=1e-15)
    assert ubrmsd(x, y) == pytest.approx(np.sqrt(1.5), abs=1e-15)
    assert pearson_r(x, y) == pytest.approx(6 / np.sqrt(56), abs=1e-15)
    assert spearman_r(x, y) == pytest.approx(4 / np.sqrt(20), abs=1e-15)


def test_a_gap_on_either_side_removes_the_pair_before_any_mean() -> None:
    # left are (0.2, 0.1), (0.4, 0.2), (0.3, 0.3): differences 0.1 0.2 0: mean 0.1, mean square 0.05/3
    x = np.array([0.2, 0.4, np.nan, 9.0, 0.3, np.inf])
    y = np.array([0.1, 0.2, 5.0, np.nan, 0.3, 0.1])
    assert n(x, y) == 3
    assert bias(x, y) == pytest.approx(0.1, abs=1e-15)
    assert rmsd(x, y) == pytest.approx(np.sqrt(0.05 / 3), abs=1e-15)
    assert ubrmsd(x, y) == pytest.approx(np.sqrt(0.05 / 3 - 0.01), abs=1e-15)
    assert pearson_r(x, y) == pytest.approx(0.5, abs=1e-14)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_metrics_equal_independent_computations_on_random_data_with_gaps(seed: int) -> None:
    product, reference = pairs_with_gaps(seed, (25, 300))
    product[3], reference[3] = np.round(product[3], 2), np.round(reference[3], 2)
    got = {name: metric.compute(product, reference) for name, metric in METRICS.items()}
    for i in range(25):
        both = ~np.isnan(product[i]) & ~np.isnan(reference[i])
        x, y = product[i][both], reference[i][both]
        assert got["n"][i] == both.sum()
        assert got["pearson_r"][i] == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
        assert got["spearman_r"][i] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
        assert got["bias"][i] == pytest.approx(np.mean(x - y), abs=1e-14)
        assert got["rmsd"][i] == pytest.approx(np.sqrt(np.mean((x - y) ** 2)), abs=1e-14)
        assert got["ubrmsd"][i] == pytest.approx(np.std(x - y), abs=1e-14)


def test_many_locations_at_once_equal_one_after_the_other_along_any_axis() -> None:
    product, reference = pairs_with_gaps(5, (7, 50))
    for metric in METRICS.values():
        together = metric.compute(product, reference)
        assert together.shape == (7,)
        alone = [metric.compute(p, r) for p, r in zip(product, reference, strict=True)]
        np.testing.assert_array_equal(together, alone)
        np.testing.assert_array_equal(metric.compute(product.T, reference.T, axis=0), together)


def test_sums_are_float64_for_float32_input() -> None:
    # Surface pressure in float32: one-pass float32 sums lose R altogether.
    rng = np.random.default_rng(0)
    x = (101_325 + rng.normal(0, 50, 3000)).astype(np.float32)
    y = (x + rng.normal(0, 30, 3000)).astype(np.float32)
    exact = stats.pearsonr(x.astype(float), y.astype(float)).statistic
    assert pearson_r(x, y) == pytest.approx(exact, abs=1e-12)
    assert pearson_r(x, y).dtype == np.float64


def test_a_large_bias_does_not_cancel_the_unbiased_difference() -> None:
    x = np.array([1e6 + 0.01, 1e6 - 0.01, 1e6 + 0.01, 1e6 - 0.01])
    assert ubrmsd(x, np.zeros(4)) == pytest.approx(0.01, rel=1e-6)


def test_signed_zeros_tie() -> None:
    x, y = np.array([-0.0, 0.0, 0.1, 0.2]), np.array([0.0, 0.1, 0.2, 0.3])
    assert spearman_r(x, y) == pytest.approx(stats.spearmanr([0.0, 0.0, 0.1, 0.2], y).statistic, abs=1e-15)
    np.testing.assert_array_equal(average_ranks(x, np.ones(4, bool)), [1.5, 1.5, 3, 4])


def test_ranks_of_tied_values_are_those_of_scipy() -> None:
    rng = np.random.default_rng(3)
    values = np.round(rng.normal(0.2, 0.05, (20, 200)), 2)
    np.testing.assert_array_equal(average_ranks(values, np.ones(values.shape, bool)), stats.rankdata(values, axis=1))


@pytest.mark.parametrize("constant", [0.1, 0.3, 1 / 3, 1e6 + 0.1])
def test_a_constant_series_has_no_correlation_but_has_a_bias(constant: float) -> None:
    flat, other = np.full(30, constant), np.linspace(0, 1, 30)
    for x, y in ((flat, other), (other, flat), (flat, flat)):
        assert np.isnan(pearson_r(x, y))
        assert np.isnan(spearman_r(x, y))
        assert is_constant(x, y)
        assert np.isfinite(bias(x, y))
    assert not is_constant(other, other)


def test_means_of_a_stuck_sensor_over_days_of_unequal_length_count_as_constant() -> None:
    stuck = np.array([np.full(k, 0.2).sum() / k for k in range(12, 25)])
    stuck[0] = np.nextafter(0.2, 1)
    assert len(np.unique(stuck)) > 1
    assert np.isnan(pearson_r(stuck, np.linspace(0, 1, 13)))


def test_no_pair_gives_nan_and_a_count_of_zero() -> None:
    x, y = np.array([np.nan, 0.2]), np.array([0.1, np.nan])
    assert n(x, y) == 0
    assert all(np.isnan(m.compute(x, y)) for name, m in METRICS.items() if name != "n")
    assert n(np.empty((3, 0)), np.empty((3, 0))).tolist() == [0, 0, 0]
    assert np.isnan(spearman_r(np.empty((3, 0)), np.empty((3, 0)))).all()


@pytest.mark.parametrize("name", list(METRICS))
def test_a_perfect_product_has_the_best_value(name: str) -> None:
    x = np.random.default_rng(1).normal(0.2, 0.05, 100)
    metric = METRICS[name]
    if metric.best is not None:
        assert metric.compute(x, x) == pytest.approx(metric.best, abs=1e-15)


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_says_what_it_is(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == metric.compute.__name__
    assert metric.label
    assert metric.symbol
    assert metric.span[0] < metric.span[1]
    assert "References" in metric.definition
    assert "doi:" in metric.definition
    assert metric.needs_same_unit == (metric.unit_for("m3 m-3") == "m3 m-3")


@given(VALUES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_swapping_the_sides_turns_the_sign_of_bias_and_nothing_else(values: list[float], random: object) -> None:
    x = np.array(values)
    y = np.array(random.sample(values, len(values)))  # type: ignore[attr-defined]
    assert bias(x, y) == pytest.approx(-bias(y, x), abs=1e-15)
    for metric in (n, rmsd, ubrmsd, pearson_r, spearman_r):
        np.testing.assert_allclose(metric(x, y), metric(y, x), rtol=0, atol=1e-12)


@given(VALUES, VALUES)
@settings(max_examples=60, deadline=None)
def test_the_square_of_ubrmsd_is_that_of_rmsd_less_that_of_bias(x: list[float], y: list[float]) -> None:
    size = min(len(x), len(y))
    a, b = np.array(x[:size]), np.array(y[:size])
    assert ubrmsd(a, b) ** 2 == pytest.approx(rmsd(a, b) ** 2 - bias(a, b) ** 2, abs=1e-14)


@given(VALUES, st.floats(-0.5, 0.5), st.floats(0.1, 3))
@settings(max_examples=60, deadline=None)
def test_a_shift_is_all_bias_and_a_positive_gain_leaves_correlations(
    values: list[float], shift: float, gain: float
) -> None:
    x = np.array(values)
    assert bias(x + shift, x) == pytest.approx(shift, abs=1e-12)
    assert ubrmsd(x + shift, x) == pytest.approx(0, abs=1e-12)
    if not is_constant(x, x):
        assert pearson_r(gain * x + shift, x) == pytest.approx(1, abs=1e-9)
        assert pearson_r(-gain * x + shift, x) == pytest.approx(-1, abs=1e-9)
