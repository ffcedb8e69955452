"""Rank correlations against scipy, one series at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from smcore.validation.metrics import average_ranks
from smcore.validation.ranks import kendall, spearman

KINDS = ["continuous", "steps of 0.01", "few values", "mixed signs and zeros", "many magnitudes", "nearly one value"]


def series(kind: str, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    truth = rng.normal(0.25, 0.05, shape)
    x, y = truth + rng.normal(0, 0.03, shape), truth + rng.normal(0, 0.03, shape)
    if kind == "steps of 0.01":
        x, y = np.round(x, 2), np.round(y, 2)
    elif kind == "few values":
        x, y = np.round(8 * x), np.round(4 * y)
    elif kind == "mixed signs and zeros":
        x, y = np.round(40 * (x - 0.25)) * rng.choice([-1.0, 1.0], shape), y - 0.25
    elif kind == "many magnitudes":
        x, y = x * 10.0 ** rng.integers(-30, 30, shape), y**5
    elif kind == "nearly one value":
        x, y = 1e5 + x, np.where(rng.random(shape) < 0.9, 0.3, y)
    return x, y


def by_scipy(x: np.ndarray, y: np.ndarray) -> tuple[list[float], list[float]]:
    """Spearman's rho and Kendall's tau of columns."""
    rho, tau = [], []
    for a, b in zip(x.T.astype(float), y.T.astype(float), strict=True):
        both = np.isfinite(a) & np.isfinite(b)
        constant = np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0
        rho.append(np.nan if constant else stats.spearmanr(a[both], b[both]).statistic)
        tau.append(stats.kendalltau(a[both], b[both]).statistic)
    return rho, tau


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_equal_scipy_with_gaps_and_ties_in_either_layout(kind: str, dtype: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for days in (4, 40, 700, 2500):
        x, y = (values.astype(dtype) for values in series(kind, rng, (days, 19)))
        if days > 4:
            x[rng.random(x.shape) < 0.3], y[rng.random(x.shape) < 0.3] = np.nan, np.inf
        rho, tau = by_scipy(x, y)
        for a, b, axis in ((x, y, 0), (x.T.copy(), y.T.copy(), -1)):
            np.testing.assert_allclose(spearman(a, b, axis=axis), rho, rtol=0, atol=1e-12)
            np.testing.assert_allclose(kendall(a, b, axis=axis), tau, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_signed_zeros_tie(dtype: str) -> None:
    x = np.array([-0.0, 0.0, 0.1, 0.2, -0.1], dtype)
    y = np.array([0.0, 0.1, 0.2, 0.3, 0.4], dtype)
    plain = x + np.array(0, dtype)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(plain, y).statistic, abs=1e-15)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(plain, y).statistic, abs=1e-15)


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-3, 3)), min_size=2, max_size=40))
@settings(max_examples=150, deadline=None)
def test_few_pairs_with_many_ties_equal_the_definitions(values: list[tuple[int, int]]) -> None:
    x, y = np.array(values, np.float64).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan(spearman(x, y))
        assert np.isnan(kendall(x, y))
        return
    every = np.ones(len(x), bool)
    rho = np.corrcoef(average_ranks(x, every), average_ranks(y, every))[0, 1]
    assert spearman(x, y) == pytest.approx(rho, abs=1e-12)
    sign_x, sign_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    tau = (sign_x * sign_y).sum() / np.sqrt((sign_x**2).sum() * (sign_y**2).sum())
    assert kendall(x, y) == pytest.approx(tau, abs=1e-12)


def test_a_perfect_order_is_exactly_one() -> None:
    x = np.random.default_rng(0).permutation(501).astype(float)
    for correlate in (spearman, kendall):
        assert correlate(x, np.exp(x / 100)) == 1
        assert correlate(x, -x) == -1


@pytest.mark.parametrize("correlate", [spearman, kendall])
def test_one_value_or_one_pair_or_none_has_no_order(correlate: object) -> None:
    rising = np.arange(6.0)
    dust = np.full(6, 0.2)
    dust[2] = np.nextafter(0.2, 1)
    assert callable(correlate)
    for x in (np.full(6, 0.2), dust, np.full(6, np.nan), np.where(rising == 2, 1.0, np.nan)):
        assert np.isnan(correlate(x, rising))
        assert np.isnan(correlate(rising, x))
    assert np.isnan(correlate(np.empty((3, 0)), np.empty((3, 0)))).all()
    assert correlate(np.empty((0, 3)), np.empty((0, 3)), axis=0).shape == (3,)
    assert correlate(rising[:2], rising[:2]) == 1


@pytest.mark.parametrize("correlate", [spearman, kendall])
def test_input_is_left_as_it_was_and_cubes_keep_their_shape(correlate: object) -> None:
    rng = np.random.default_rng(3)
    x, y = np.round(rng.normal(size=(50, 4, 5)), 1), rng.normal(size=(50, 4, 5))
    x[rng.random(x.shape) < 0.2] = np.nan
    x[0, 0, 0] = -0.0
    before = x.copy()
    assert callable(correlate)
    found = correlate(x, y, axis=0)
    assert found.shape == (4, 5)
    assert before.tobytes() == x.tobytes()
    np.testing.assert_array_equal(correlate(np.moveaxis(x, 0, 1), np.moveaxis(y, 0, 1), axis=1), found)
    np.testing.assert_array_equal(correlate(x[:, 2, 3], y[:, 2, 3]), found[2, 3])


def test_arrays_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="no pairs of one shape"):
        spearman(np.zeros((3, 4)), np.zeros((4, 3)))


def test_large_samples_lose_no_digit() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, 400_000)
    y = x + rng.normal(0, 1, 400_000)
    a, b = (2 * stats.rankdata(one).astype(np.int64) - 400_001 for one in (x, y))
    exact = int(a @ b) / (int(a @ a) * int(b @ b)) ** 0.5  # whole numbers of any size
    assert spearman(x, y)[()] == pytest.approx(exact, abs=2e-16)
