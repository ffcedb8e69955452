"""The block bootstrap as a matrix product, against resampling written out, and how often its intervals hold."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from smcore.errors import MatchError
from smcore.validation.matching.times import DAY
from smcore.validation.metrics import METRICS
from smcore.validation.uncertainty.bootstrap import KINDS, MIN_BLOCKS, block_bounds, block_days, draw_counts
from smcore.validation.uncertainty.estimators import ESTIMATORS
from smcore.validation.uncertainty.longrun import LongRun

NAMES = ("pearson_r", "bias", "rmsd", "ubrmsd", "mse_bias", "mse_variance", "mse_correlation", "nse", "kge", "slope")


def noise(rng: np.random.Generator, shape: tuple[int, int], phi: float) -> np.ndarray:
    shocks = rng.standard_normal(shape)
    series = np.empty(shape)
    series[:, 0] = shocks[:, 0]
    for day in range(1, shape[1]):
        series[:, day] = phi * series[:, day - 1] + np.sqrt(1 - phi**2) * shocks[:, day]
    return series


def pairs(seed: int, places: int, days: int, phi: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = (places, days)
    a, b = noise(rng, shape, phi), noise(rng, shape, phi)
    cycle = np.cos(2 * np.pi / 365.2425 * np.arange(days))
    product = 0.3 + 0.05 * (cycle + a)
    product[(np.arange(days) + rng.integers(0, 8, (places, 1))) % 8 >= 4] = np.nan
    return product, 0.28 + 0.05 * (cycle + 0.7 * a + 0.71 * b), np.broadcast_to(np.arange(days) * DAY, shape).copy()


def test_the_matrix_product_is_resampling_of_blocks_written_out() -> None:
    product, reference, time = pairs(1, 1, 600, 0.5)
    found = block_bounds(product, reference, time, metrics=NAMES, seed=5, draws=400, block=20, kind="percentile")
    kept = np.isfinite(product[0])
    x, y, day = product[0][kept], reference[0][kept], np.arange(600)[kept]
    day = day - day[0]
    angle = 2 * np.pi / 365.2425 * day
    design = np.stack([np.ones(len(day)), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=1)
    u, v = x - x.mean(), y - y.mean()
    moments = []
    for series in (u, v, u * u, v * v, u * v):
        fit = design @ np.linalg.lstsq(design, series, rcond=None)[0]
        moments.append(series - fit + series.mean())
    block, blocks = day // 20, 30
    drawn = draw_counts(32, 400, 5)  # two empty blocks fill thirty up to a multiple of eight
    values: dict[str, list[float]] = {"pearson_r": [], "bias": [], "ubrmsd": []}
    for counts in drawn.T:
        rows = np.concatenate([np.flatnonzero(block == b) for b in range(blocks) for _ in range(int(counts[b]))])
        mu, mv, uu, vv, uv = (series[rows].mean() for series in moments)
        vx, vy, c = uu - mu**2, vv - mv**2, uv - mu * mv
        values["pearson_r"].append(c / np.sqrt(vx * vy))
        values["bias"].append(mu - mv + x.mean() - y.mean())
        values["ubrmsd"].append(np.sqrt(vx + vy - 2 * c))
    for name, list_of_values in values.items():
        ordered = np.sort(list_of_values)
        assert found[name].lower[0] == pytest.approx(ordered[9], rel=1e-9)
        assert found[name].upper[0] == pytest.approx(ordered[-10], rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_limits_enclose_the_value_and_stay_in_its_span(kind: str) -> None:
    product, reference, time = pairs(2, 20, 800, 0.6)
    found = block_bounds(product, reference, time, metrics=NAMES, seed=1, kind=kind)  # type: ignore[arg-type]
    for name in NAMES:
        value, limits = METRICS[name].compute(product, reference), found[name]
        assert (limits.lower <= value + 1e-12).all(), name
        assert (value <= limits.upper + 1e-12).all(), name
        assert (limits.lower >= METRICS[name].span[0]).all(), name
        assert (limits.upper <= METRICS[name].span[1]).all(), name
        assert (limits.n_eff > 5).all(), name
        assert not limits.short.any(), name


@pytest.mark.parametrize("kind", ["studentised", "calibrated"])
def test_intervals_hold_the_truth_about_as_often_as_they_say(kind: str) -> None:
    # 400 trials at φ = 0.9: 95 % is met within ± 2.2 (two standard errors); 30-day percentiles hold it 73 to 87 times.
    product, reference, time = pairs(3, 400, 700, 0.9)
    found = block_bounds(product, reference, time, metrics=("pearson_r", "bias", "ubrmsd"), seed=1, kind=kind)  # type: ignore[arg-type]
    cycle = np.where(np.isfinite(product), np.cos(2 * np.pi / 365.2425 * np.arange(700)), np.nan)
    spread = np.nanvar(cycle, axis=1)
    covariance, variances = spread + 0.7, (spread + 1) * (spread + 0.49 + 0.71**2)
    truth = {
        "pearson_r": covariance / np.sqrt(variances),
        "bias": np.full(400, 0.02),
        "ubrmsd": np.full(400, 0.05 * np.sqrt(0.3**2 + 0.71**2)),
    }
    for name, true in truth.items():
        held = (found[name].lower <= true) & (true <= found[name].upper)
        assert 0.92 <= held.mean() <= 0.985, name
        assert np.isfinite(found[name].upper).all(), name
    plain = block_bounds(product, reference, time, metrics=("bias",), seed=1, block=30, kind="percentile")["bias"]
    assert ((plain.lower <= 0.02) & (plain.upper >= 0.02)).mean() < 0.9


def test_the_seed_alone_decides_neither_threads_nor_neighbours_nor_order() -> None:
    product, reference, time = pairs(4, 150, 500, 0.7)
    whole = block_bounds(product, reference, time, metrics=NAMES, seed=(1, 7))
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        single = block_bounds(product, reference, time, metrics=NAMES, seed=(1, 7))
    finally:
        numba.set_num_threads(before)
    some = block_bounds(product[140:143], reference[140:143], time[140:143], metrics=NAMES, seed=(1, 7))
    order = np.random.default_rng(1).permutation(500)
    shuffled = block_bounds(product[:, order], reference[:, order], time[:, order], metrics=NAMES, seed=(1, 7))
    other = block_bounds(product, reference, time, metrics=NAMES, seed=(1, 8))
    for name in NAMES:
        np.testing.assert_array_equal(single[name].lower, whole[name].lower)
        np.testing.assert_allclose(some[name].lower, whole[name].lower[140:143], rtol=1e-8)
        np.testing.assert_allclose(shuffled[name].lower, whole[name].lower, rtol=1e-5, atol=1e-9)
        assert (other[name].lower != whole[name].lower).any()
    assert draw_counts(16, 50, 3).sum(axis=0).tolist() == [16] * 50


def test_blocks_are_as_long_as_the_series_remembers() -> None:
    n, span = np.array([1000, 1000, 300, 1000]), np.array([1000, 1000, 300, 1000])
    n_eff = np.array([[1000.0, 1000 / 19, 300 / 19, np.nan]])
    spread = LongRun(n, n_eff, n_eff, n_eff, n_eff)
    # 5 + 2·0, at least 1000/60; 5 + 2·18 = 41; the same, at most 300/8; unknown counts as no memory
    assert block_days(spread, span).tolist() == [14, 40, 28, 14]


def test_constant_short_and_empty_series_have_no_limits_and_cost_the_others_nothing() -> None:
    product, reference, time = pairs(5, 5, 500, 0.3)
    whole = block_bounds(product, reference, time, metrics=("pearson_r", "bias"), seed=1)
    product[0], reference[1] = np.nan, 0.3
    product[2, 20:] = np.nan
    found = block_bounds(product, reference, time, metrics=("pearson_r", "bias", "spearman_r"), seed=1)
    assert set(found) == {"pearson_r", "bias"}
    assert np.isnan(found["pearson_r"].lower[:3]).all()
    assert np.isnan(found["bias"].lower[[0, 2]]).all()
    assert np.isfinite(found["bias"].lower[1])
    assert found["bias"].short[[0, 2]].all()
    np.testing.assert_array_equal(found["bias"].upper[3:], whole["bias"].upper[3:])
    assert block_bounds(product[:0], reference[:0], time[:0], metrics=("bias",), seed=1)["bias"].lower.shape == (0,)
    assert MIN_BLOCKS > 3


def test_a_level_offset_of_the_data_changes_the_bias_only() -> None:
    product, reference, time = pairs(6, 4, 600, 0.5)
    names = ("pearson_r", "ubrmsd", "slope", "bias")
    plain = block_bounds(product, reference, time, metrics=names, seed=1)
    shifted = block_bounds(product + 1000, reference + 990, time, metrics=names, seed=1)
    for name in names:
        np.testing.assert_allclose(shifted[name].lower - plain[name].lower, 10 if name == "bias" else 0, atol=1e-6)


def test_what_is_drawn_is_the_metric_on_another_scale() -> None:
    product, reference, time = pairs(7, 3, 700, 0.2)
    found = block_bounds(product, reference, time, metrics=NAMES, seed=1, kind="calibrated", level=0.5, draws=4001)
    for name in ESTIMATORS:
        middle = (found[name].lower + found[name].upper) / 2
        width = found[name].upper - found[name].lower
        assert (np.abs(middle - METRICS[name].compute(product, reference)) < width).all(), name


def test_mistakes_are_told() -> None:
    product, reference, time = pairs(8, 2, 50, 0.2)
    with pytest.raises(MatchError, match="shapes"):
        block_bounds(product, reference[:, 1:], time, metrics=("bias",), seed=1)
    with pytest.raises(MatchError, match="no bootstrap 'bca'; choose studentised"):
        block_bounds(product, reference, time, metrics=("bias",), seed=1, kind="bca")  # type: ignore[arg-type]
    with pytest.raises(MatchError, match="100 draws are too few"):
        block_bounds(product, reference, time, metrics=("bias",), seed=1, draws=100)
    with pytest.raises(MatchError, match="block of 0 days"):
        block_bounds(product, reference, time, metrics=("bias",), seed=1, block=0)
    with pytest.raises(MatchError, match="level"):
        block_bounds(product, reference, time, metrics=("bias",), seed=1, level=95)
