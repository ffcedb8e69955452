"""The variance of a mean that remembers, against double sums written out and against the theory of AR(1)."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.validation.matching.times import DAY
from smcore.validation.uncertainty.longrun import LAGS, TAIL, LongRun, long_run


def autoregressive(seed: int, shape: tuple[int, int], phi: float) -> np.ndarray:
    shocks = np.random.default_rng(seed).standard_normal(shape)
    series = np.empty(shape)
    series[:, 0] = shocks[:, 0]
    for day in range(1, shape[1]):
        series[:, day] = phi * series[:, day - 1] + np.sqrt(1 - phi**2) * shocks[:, day]
    return series


def days(shape: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(np.arange(shape[1]) * DAY, shape).copy()


def of(series: np.ndarray, time: np.ndarray, valid: np.ndarray | None = None) -> LongRun:
    return long_run(series[None], time, np.ones(time.shape, bool) if valid is None else valid)


def test_the_variance_is_the_fitted_double_sum_over_all_pairs_of_pairs() -> None:
    rng = np.random.default_rng(3)
    day = np.sort(rng.integers(0, 700, 260))  # gaps, and several pairs on some days
    series = autoregressive(1, (1, 700), 0.8)[:, day] + 0.3 * rng.standard_normal((1, 260))
    found = of(series, (day * DAY)[None])
    angle = 2 * np.pi / 365.2425 * (day - day[0])
    design = np.stack([np.ones(260), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=1)
    left = series[0] - design @ np.linalg.lstsq(design, series[0], rcond=None)[0]
    apart = np.abs(day[:, None] - day[None, :])
    rho = found.share[0, 0] * found.memory[0, 0] ** apart
    np.fill_diagonal(rho, 1.0)
    inflation = rho.sum() / 260
    lost = 5 * inflation / 260
    over, number = 0.0, 0
    for lag in TAIL:
        i, j = np.nonzero(np.triu(apart == lag))
        seen = np.mean(left[i] * left[j]) / np.mean(left**2)
        over += 2 * len(i) / 260 * (seen * (1 - lost) + lost - found.share[0, 0] * found.memory[0, 0] ** lag)
        number += len(i)
    beyond = max(over, 0) ** 3 / (over**2 + 4 * number * inflation / 260**2)
    assert found.n_eff[0, 0] == pytest.approx(260 / (inflation + beyond), rel=1e-9)
    plain = np.mean(left**2) / 260 * (inflation + beyond)
    assert found.variance[0, 0] == pytest.approx(plain / (1 - lost), rel=1e-9)


def test_memory_that_comes_again_after_a_fortnight_is_seen() -> None:
    shape = (80, 2000)
    shocks = np.random.default_rng(10).standard_normal((80, 2014))
    again = shocks[:, 14:] + shocks[:, :2000]  # correlation 0.5 at a lag of 14 days, none elsewhere
    assert np.median(of(again, days(shape)).n_eff) == pytest.approx(1000, rel=0.1)


def test_independent_values_count_in_full_and_remembering_ones_by_the_theory_of_ar1() -> None:
    shape = (60, 3000)
    white = of(autoregressive(1, shape, 0.0), days(shape))
    assert np.median(white.n_eff) > 2800
    for phi in (0.5, 0.9):
        red = of(autoregressive(2, shape, phi), days(shape))
        assert np.median(red.n_eff) == pytest.approx(3000 * (1 - phi) / (1 + phi), rel=0.06)


def test_gaps_thin_the_dependence_out() -> None:
    shape = (60, 3000)
    series, every_eighth = autoregressive(4, shape, 0.9), np.zeros(shape, bool)
    every_eighth[:, ::8] = True
    sparse = of(series, days(shape), every_eighth)
    rho = 0.9**8
    assert np.median(sparse.n_eff) == pytest.approx(375 * (1 - rho) / (1 + rho), rel=0.15)


def test_the_seasonal_cycle_is_no_memory() -> None:
    shape = (5, 1500)
    series = autoregressive(5, shape, 0.5)
    cycle = 3 * np.sin(2 * np.pi / 365.2425 * np.arange(1500) + 0.4) + 2 * np.cos(
        4 * np.pi / 365.2425 * np.arange(1500)
    )
    np.testing.assert_allclose(of(series + cycle, days(shape)).variance, of(series, days(shape)).variance, rtol=1e-7)


def test_neither_order_nor_padding_nor_neighbours_matter() -> None:
    shape = (4, 800)
    series, time = autoregressive(6, shape, 0.7), days(shape)
    valid = np.random.default_rng(7).random(shape) < 0.5
    whole = of(series, time, valid)
    order = np.random.default_rng(8).permutation(800)
    shuffled = of(series[:, order], time[:, order], valid[:, order])
    np.testing.assert_allclose(shuffled.variance, whole.variance, rtol=1e-10)
    alone = of(series[2:3], time[2:3], valid[2:3])
    assert alone.variance[0, 0] == whole.variance[0, 2]
    front = np.argsort(~valid, axis=1, kind="stable")
    packed = (np.take_along_axis(array, front, axis=1) for array in (series, time, valid))
    np.testing.assert_array_equal(of(*packed).variance, whole.variance)


def test_hourly_pairs_are_hardly_more_than_their_days() -> None:
    daily = autoregressive(9, (20, 700), 0.6)
    hourly = np.repeat(daily, 24, axis=1) + 0.01 * np.random.default_rng(1).standard_normal((20, 700 * 24))
    time = np.broadcast_to(np.arange(700 * 24) * (DAY // 24), hourly.shape).copy()
    assert np.median(of(hourly, time).n_eff) == pytest.approx(np.median(of(daily, days((20, 700))).n_eff), rel=0.05)


def test_too_few_or_equal_values_have_no_variance_or_none_above_zero() -> None:
    time = days((3, 6))
    valid = np.zeros((3, 6), bool)
    valid[1, :2] = valid[2, :] = True
    found = of(np.ones((3, 6)), time, valid)
    assert np.isnan(found.variance[0, :2]).all()
    assert found.variance[0, 2] == pytest.approx(0, abs=1e-25)
    assert 8 in LAGS
    with pytest.raises(ValueError, match="do not fit"):
        long_run(np.ones((3, 6)), time, valid)


def test_the_correction_for_few_pairs_is_never_more_than_threefold() -> None:
    numbers = LongRun(np.array([9]), np.array([[4.0]]), np.array([[6.0]]), np.array([[0.5]]), np.array([[1.0]]))
    assert numbers.standard_error(0)[0, 0] == 2
    assert numbers.standard_error(3)[0, 0] == 4
    assert numbers.standard_error(5.9)[0, 0] == 6
    assert numbers.degrees[0, 0] == 2
