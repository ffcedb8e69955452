"""Metrics against hand arithmetic, against scipy and numpy, and against what must hold for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from smcore.validation.metrics import (
    METRICS,
    average_ranks,
    bias,
    heidke_dry,
    heidke_wet,
    is_constant,
    kendall_tau,
    kge,
    mae,
    mse_bias,
    mse_correlation,
    mse_variance,
    n,
    nse,
    pearson_r,
    pod_dry,
    pod_wet,
    rmsd,
    slope,
    spearman_r,
    ubrmsd,
)
from smcore.validation.moments import moments

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
    # Of six couples two are tied in y, none in x; the other four are in one order.
    assert kendall_tau(x, y) == pytest.approx(4 / np.sqrt(6 * 4), abs=1e-15)
    # Variances 14/4 and 4/4, covariance 6/4; |differences| 1 0 1 2.
    assert mae(x, y) == 1
    assert mse_bias(x, y) == 0
    assert mse_variance(x, y) == pytest.approx((np.sqrt(3.5) - 1) ** 2, abs=1e-15)
    assert mse_correlation(x, y) == pytest.approx(2 * (np.sqrt(3.5) - 1.5), abs=1e-15)
    assert nse(x, y) == pytest.approx(1 - 6 / 4, abs=1e-15)
    assert kge(x, y) == pytest.approx(1 - np.hypot(6 / np.sqrt(56) - 1, np.sqrt(3.5) - 1), abs=1e-15)
    assert slope(x, y) == pytest.approx(6 / 4, abs=1e-15)


def test_ten_days_of_events_counted_by_hand() -> None:
    # Of ten days the two driest and the two wettest are events (rank 1 + 9//5 = 2). The product has one dry day of
    # two, and none of the wet days: table 1 1 1 7 gives 2(7 − 1)/(2·8 + 2·8), table 0 2 2 6 gives 2(0 − 4)/(2·8 + 2·8).
    reference = np.arange(10.0)
    product = np.array([0, 5, 1, 3, 9, 4, 8, 7, 6, 2], float)
    assert pod_dry(product, reference) == 0.5
    assert heidke_dry(product, reference) == pytest.approx(12 / 32, abs=1e-15)
    assert pod_wet(product, reference) == 0
    assert heidke_wet(product, reference) == pytest.approx(-8 / 32, abs=1e-15)
    np.testing.assert_allclose(heidke_wet(-product, -reference), heidke_dry(product, reference), rtol=1e-15)


def test_values_tied_with_the_percentile_are_all_events() -> None:
    reference = np.array([0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    product = np.array([0.1, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert pod_dry(product, reference) == 2 / 4


def test_the_mean_of_the_reference_as_product_has_no_skill() -> None:
    reference = np.array([0.1, 0.3, 0.2, 0.4])
    assert nse(np.full(4, 0.25), reference) == pytest.approx(0, abs=1e-15)
    assert slope(np.full(4, 0.25), reference) == pytest.approx(0, abs=1e-15)
    assert np.isnan(kge(np.full(4, 0.25), reference))


def test_level_has_no_ratio_where_the_mean_of_the_reference_is_nothing() -> None:
    reference = np.array([0.1, -0.3, 0.3, -0.1, 0.2, -0.2])
    assert np.isnan(kge(reference + 0.1, reference))
    assert np.isnan(METRICS["kge"].from_moments(moments(reference + 0.1, reference)))  # type: ignore[misc]


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
        assert got["kendall_tau"][i] == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
        assert got["bias"][i] == pytest.approx(np.mean(x - y), abs=1e-14)
        assert got["rmsd"][i] == pytest.approx(np.sqrt(np.mean((x - y) ** 2)), abs=1e-14)
        assert got["ubrmsd"][i] == pytest.approx(np.std(x - y), abs=1e-14)
        assert got["mae"][i] == pytest.approx(np.abs(x - y).mean(), abs=1e-14)
        assert got["mse_bias"][i] == pytest.approx((x.mean() - y.mean()) ** 2, abs=1e-14)
        assert got["mse_variance"][i] == pytest.approx((x.std() - y.std()) ** 2, abs=1e-14)
        r = np.corrcoef(x, y)[0, 1]
        assert got["mse_correlation"][i] == pytest.approx(2 * x.std() * y.std() * (1 - r), abs=1e-14)
        assert got["nse"][i] == pytest.approx(1 - ((x - y) ** 2).sum() / ((y - y.mean()) ** 2).sum(), abs=1e-12)
        parts = [r - 1, x.std() / y.std() - 1, x.mean() / y.mean() - 1]
        assert got["kge"][i] == pytest.approx(1 - np.linalg.norm(parts), abs=1e-12)
        assert got["slope"][i] == pytest.approx(stats.linregress(y, x).slope, abs=1e-12)
        for name, sign in (("dry", 1), ("wet", -1)):
            # Percentiles may round to either side of the value they fall on.
            low, seen = (v <= np.percentile(v, 20) + 1e-12 for v in (sign * x, sign * y))
            assert got[f"pod_{name}"][i] == pytest.approx(low[seen].mean(), abs=1e-14)
            agreed, chance = (low == seen).mean(), low.mean() * seen.mean() + (1 - low.mean()) * (1 - seen.mean())
            assert got[f"heidke_{name}"][i] == pytest.approx((agreed - chance) / (1 - chance), abs=1e-12)


MOMENT_METRICS = [name for name, metric in METRICS.items() if metric.from_moments is not None]


def in_moments(name: str, product: np.ndarray, reference: np.ndarray, axis: int = -1) -> np.ndarray:
    form = METRICS[name].from_moments
    assert form is not None
    return form(moments(product, reference, axis=axis))


@pytest.mark.parametrize("name", MOMENT_METRICS)
@pytest.mark.parametrize(("level", "spread"), [(0.25, 0.08), (0.0, 1.0), (280.0, 10.0), (101_325.0, 50.0)])
def test_arrays_and_moments_give_one_number(name: str, level: float, spread: float) -> None:
    rng = np.random.default_rng(11)
    truth = rng.normal(level, spread, (40, 500))
    product = 1.3 * truth + rng.normal(0.1 * level + spread, spread, truth.shape)
    reference = truth + rng.normal(0, spread, truth.shape)
    product[rng.random(truth.shape) < 0.4], reference[rng.random(truth.shape) < 0.2] = np.nan, np.nan
    product[3], reference[4], product[5] = np.nan, level, level + spread
    by_arrays = METRICS[name].compute(product, reference)
    # Where levels cancel, rounding is that of the level: a bias of 1 between pressures of 1e5 has 5 digits less.
    scale = np.nanmax(np.abs(by_arrays)) + (level if name == "bias" else 0)
    for axis, x, y in ((-1, product, reference), (0, product.T.copy(), reference.T.copy())):
        by_moments = in_moments(name, x, y, axis)
        np.testing.assert_array_equal(np.isnan(by_moments), np.isnan(by_arrays))
        np.testing.assert_allclose(by_moments, by_arrays, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("name", MOMENT_METRICS)
def test_moments_of_a_perfect_product_have_the_best_value(name: str) -> None:
    x = np.random.default_rng(1).normal(0.2, 0.05, 100)
    best = METRICS[name].best
    if best is not None:
        assert in_moments(name, x, x) == pytest.approx(best, abs=1e-9)


def test_the_parts_of_the_mean_square_difference_add_up() -> None:
    product, reference = pairs_with_gaps(9, (20, 200))
    parts = sum(part(product, reference) for part in (mse_bias, mse_variance, mse_correlation))
    np.testing.assert_allclose(parts, rmsd(product, reference) ** 2, rtol=1e-12)


def test_tables_list_the_sample_first_and_skill_last() -> None:
    assert list(METRICS) == [
        *("n", "pearson_r", "spearman_r", "kendall_tau", "bias", "rmsd", "ubrmsd", "mae"),
        *("mse_bias", "mse_variance", "mse_correlation", "nse", "kge", "slope"),
        *("pod_dry", "pod_wet", "heidke_dry", "heidke_wet"),
    ]


@pytest.mark.parametrize(("data", "squared"), [("m3 m-3", "(m3 m-3)2"), ("1", "1"), ("K", "(K)2")])
def test_units_follow_the_data(data: str, squared: str) -> None:
    assert METRICS["mse_bias"].unit_for(data) == squared
    assert METRICS["mae"].unit_for(data) == data
    assert METRICS["kge"].unit_for(data) == "1"


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
        assert np.isnan(kendall_tau(x, y))
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
    assert metric.needs_same_unit or metric.unit == "1"


@given(VALUES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_swapping_the_sides_turns_the_sign_of_bias_and_nothing_else(values: list[float], random: object) -> None:
    x = np.array(values)
    y = np.array(random.sample(values, len(values)))  # type: ignore[attr-defined]
    assert bias(x, y) == pytest.approx(-bias(y, x), abs=1e-15)
    for metric in (n, rmsd, ubrmsd, mae, mse_bias, mse_variance, mse_correlation, pearson_r, spearman_r, kendall_tau):
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
