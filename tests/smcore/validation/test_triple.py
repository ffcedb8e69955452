"""Triple collocation against a plain computation, pytesmo and known errors; statuses, bounds, swapped members."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.errors import MatchError, Status
from smcore.validation.matching.times import DAY
from smcore.validation.triple.collocation import collocate, estimate
from smcore.validation.triple.comoments import comoments, merge, update, zero
from smcore.validation.triple.members import QUANTITIES, Collocated, sentences

GAINS = np.array([1.0, 0.7, 1.4])
ERRORS = np.array([0.03, 0.02, 0.05])


def autoregressive(rng: np.random.Generator, phi: float, shape: tuple[int, int]) -> np.ndarray:
    """AR(1) of variance 1 along the last axis."""
    noise = rng.normal(size=shape)
    series = np.empty(shape)
    series[:, 0] = noise[:, 0]
    for t in range(1, shape[1]):
        series[:, t] = phi * series[:, t - 1] + np.sqrt(1 - phi**2) * noise[:, t]
    return series


def simulated(locations: int = 5, steps: int = 600, *, phi: float = 0.0, missing: float = 0.3, seed: int = 1):
    """Three members with known gains and errors: (3, location, step), and a daily time axis."""
    rng = np.random.default_rng(seed)
    truth = 0.05 * autoregressive(rng, phi, (locations, steps)) + 0.05 * np.sin(np.arange(steps) * 2 * np.pi / 365.25)
    values = np.stack(
        [
            0.2 + gain * truth + error * autoregressive(rng, phi, (locations, steps))
            for gain, error in zip(GAINS, ERRORS, strict=True)
        ]
    )
    values[rng.random(values.shape) < missing] = np.nan
    return values, np.arange(steps) * DAY


def by_hand(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> dict[str, np.ndarray]:
    """The formulas of Gruber et al. (2016a) and McColl et al. (2014), for one location, by numpy's covariance."""
    together = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
    c = np.cov(np.stack([x, y, z])[:, together])
    signal = np.array([c[0, 1] * c[0, 2] / c[1, 2], c[0, 1] * c[1, 2] / c[0, 2], c[0, 2] * c[1, 2] / c[0, 1]])
    error = np.diag(c) - signal
    beta = np.array([1.0, c[0, 2] / c[1, 2], c[0, 1] / c[1, 2]])
    return {
        "err_std": np.sqrt(error),
        "err_std_scaled": np.sqrt(error) * beta,
        "snr_db": 10 * np.log10(signal / error),
        "r2": signal / np.diag(c),
        "r": np.sqrt(signal / np.diag(c)),
        "fmse": error / np.diag(c),
        "beta": beta,
    }


def test_all_numbers_are_those_of_a_plain_computation() -> None:
    values, _ = simulated()
    found = collocate(values)
    assert (found.status == Status.OK).all()
    assert found.n.tolist() == np.isfinite(values).all(axis=0).sum(axis=1).tolist()
    for place in range(values.shape[1]):
        wanted = by_hand(*values[:, place])
        for quantity in QUANTITIES:
            np.testing.assert_allclose(found.value(quantity)[:, place], wanted[quantity], rtol=1e-10)


def test_they_are_those_of_pytesmo() -> None:
    tcol = pytest.importorskip("pytesmo.metrics.tcol")
    values, _ = simulated(locations=20)
    found = collocate(values)
    for place in range(values.shape[1]):
        whole = values[:, place][:, np.isfinite(values[:, place]).all(axis=0)]
        snr, err_std, beta = tcol.tcol_metrics(*whole)
        np.testing.assert_allclose(found.snr_db[:, place], snr, rtol=1e-9)
        np.testing.assert_allclose(found.err_std_scaled[:, place], err_std, rtol=1e-9)
        np.testing.assert_allclose(found.beta[:, place], beta, rtol=1e-9)


def test_a_large_mean_costs_no_digits() -> None:
    values, _ = simulated(missing=0.0)
    high = collocate(values + 1e6)
    np.testing.assert_allclose(high.err_std, collocate(values).err_std, rtol=1e-7)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_series_stored_step_by_step_give_the_same(kind: type) -> None:
    values, time = simulated(locations=7, steps=403)
    values = values.astype(kind)
    rows = collocate(values, time, draws=50)
    columns = collocate([np.ascontiguousarray(member.T) for member in values], time, axis=0, draws=50)
    for quantity in QUANTITIES:
        np.testing.assert_allclose(columns.value(quantity), rows.value(quantity), rtol=1e-9)
        np.testing.assert_allclose(columns.bounds[quantity], rows.bounds[quantity], rtol=1e-9)


def test_pieces_of_time_merge_to_the_whole() -> None:
    values, _ = simulated(locations=4, steps=500)
    values[:, 2, :200] = np.nan
    state = zero(3, 4)
    for piece in np.array_split(values, 7, axis=2):
        state = update(state, piece)
    whole, merged = collocate(values), estimate(state)
    assert merged.n.tolist() == whole.n.tolist()
    for quantity in QUANTITIES:
        np.testing.assert_allclose(merged.value(quantity), whole.value(quantity), rtol=1e-10)
    one, other = comoments(values[:, :, :200]), comoments(values[:, :, 200:])
    np.testing.assert_allclose(merge(one, other).product, merge(other, one).product, rtol=1e-12)


def test_swapped_members_swap_their_numbers_and_nothing_else() -> None:
    values, time = simulated(missing=0.2)
    values[0] *= -1
    order = [2, 0, 1]
    found, swapped = collocate(values, time, draws=100), collocate(values[order], time, draws=100)
    for quantity in ("err_std", "snr_db", "r2", "r", "fmse"):
        np.testing.assert_allclose(swapped.value(quantity), found.value(quantity)[order], rtol=1e-10)
        for side in (0, 1):
            wanted = found.bounds[quantity][side][order]
            np.testing.assert_allclose(swapped.bounds[quantity][side], wanted, rtol=1e-9)


def test_a_member_that_opposes_the_others_has_a_negative_correlation_with_the_truth() -> None:
    values, time = simulated(missing=0.0)
    plain = collocate(values, time, draws=100)
    values[1] *= -1
    found = collocate(values, time, draws=100)
    assert (found.r[1] < 0).all()
    assert (found.r[[0, 2]] > 0).all()
    assert (found.beta[1] < 0).all()
    np.testing.assert_allclose(found.r2, plain.r2)
    np.testing.assert_allclose(found.err_std, plain.err_std)
    for quantity in ("r", "beta"):
        lower, upper = found.bounds[quantity]
        assert (lower[1] < found.value(quantity)[1]).all()
        assert (found.value(quantity)[1] < upper[1]).all()


def test_scaling_a_member_scales_its_error_alone() -> None:
    values, _ = simulated()
    scaled = collocate(values * np.array([1.0, 50.0, 1.0])[:, None, None])
    plain = collocate(values)
    np.testing.assert_allclose(scaled.err_std[1], 50 * plain.err_std[1])
    np.testing.assert_allclose(scaled.err_std_scaled[1], plain.err_std_scaled[1])
    np.testing.assert_allclose(scaled.r2, plain.r2)


def test_what_has_no_number_has_its_status_and_costs_the_others_nothing() -> None:
    values, time = simulated(locations=5, missing=0.0)
    alone = collocate(values[:, 4:], time, draws=200)
    values[:, 0] = np.nan
    values[0, 1, 50:] = np.nan
    values[1, 2] = 0.3
    values[2, 3, :] = np.inf
    found = collocate(values, time, draws=200)
    wanted = [Status.NO_OVERLAP, Status.TOO_FEW, Status.CONSTANT_SERIES, Status.NO_OVERLAP]
    for place, status in enumerate(wanted):
        assert (found.status[:, place] == status).all()
        assert np.isnan([found.value(quantity)[:, place] for quantity in QUANTITIES]).all()
        assert np.isnan([found.bounds[quantity] for quantity in QUANTITIES]).all(axis=(0, 1, 2))[place]
    for quantity in QUANTITIES:
        np.testing.assert_array_equal(found.value(quantity)[:, 4], alone.value(quantity)[:, 0])
        np.testing.assert_array_equal(found.bounds[quantity][0][:, 4], alone.bounds[quantity][0][:, 0])


def with_covariance(covariance: list[list[float]], count: int = 400) -> np.ndarray:
    """Three series (3, 1, step) with exactly this covariance."""
    rng = np.random.default_rng(3)
    white = rng.normal(size=(3, count))
    white -= white.mean(axis=1, keepdims=True)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(white)), white)
    return (np.linalg.cholesky(np.array(covariance)) @ white)[:, None]


def test_a_negative_error_variance_is_no_number_and_is_said() -> None:
    values = with_covariance([[1.0, 0.8, 0.8], [0.8, 1.0, 0.5], [0.8, 0.5, 1.0]])  # 1 − 0.8²/0.5 = −0.28
    found = collocate(values)
    assert found.status[:, 0].tolist() == [Status.NEGATIVE_VARIANCE, Status.OK, Status.OK]
    assert found.negative[:, 0].tolist() == [True, False, False]
    assert np.isnan([found.err_std[0, 0], found.snr_db[0, 0], found.r2[0, 0]]).all()
    np.testing.assert_allclose(found.err_std[1:, 0], np.sqrt(0.5))
    assert sentences(found, ["smap", "era5", "ascat"]) == [
        "negative variance at 1 of 1 locations (smap 1): no error is given there"
    ]


def test_covariances_whose_signs_fit_no_truth_are_no_numbers() -> None:
    found = collocate(with_covariance([[1.0, 0.5, 0.5], [0.5, 1.0, -0.3], [0.5, -0.3, 1.0]]))
    assert (found.status == Status.NEGATIVE_VARIANCE).all()
    assert np.isnan([found.value(quantity) for quantity in QUANTITIES]).all()


def test_a_weak_common_signal_has_draws_without_variance_and_no_interval() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(3, 4, 400)) + 0.05 * rng.normal(size=(4, 400))
    found = collocate(values, np.arange(400) * DAY, draws=300)
    assert found.undefined_draws is not None
    assert (found.undefined_draws > 0.05 * 300).all()
    assert np.isnan(found.bounds["err_std"]).all()
    assert any("no interval at" in sentence for sentence in sentences(found, ["a", "b", "c"]))


def test_few_triplets_are_said() -> None:
    values, _ = simulated(locations=2, steps=200, missing=0.0)
    assert sentences(collocate(values), ["a", "b", "c"]) == [
        "fewer than 300 common values at 2 of 2 locations: their numbers are uncertain"
    ]


def test_a_short_record_has_numbers_but_no_interval() -> None:
    values, time = simulated(steps=130, missing=0.0)
    found = collocate(values, time, draws=50)
    assert np.isfinite(found.err_std).all()
    assert np.isnan(found.bounds["err_std"]).all()


def test_bounds_do_not_depend_on_the_tile_nor_on_the_order_of_times() -> None:
    values, time = simulated(locations=40, steps=500)
    whole = collocate(values, time, draws=100, seed=4)
    some = collocate(values[:, 30:], time, draws=100, seed=4)
    shuffled = np.random.default_rng(0).permutation(500)
    mixed = collocate(values[:, :, shuffled], time[shuffled], draws=100, seed=4)
    for quantity in QUANTITIES:
        np.testing.assert_array_equal(some.bounds[quantity][0], whole.bounds[quantity][0][:, 30:])
        np.testing.assert_allclose(mixed.bounds[quantity], whole.bounds[quantity], rtol=1e-9)


def test_draws_are_those_of_resampled_blocks() -> None:
    """The matrix product gives what copying the days of the drawn blocks and starting over gives."""
    from smcore.validation.uncertainty import block_draws

    values, time = simulated(locations=1, steps=330, missing=0.1)
    seen = []

    def spy(covariance: np.ndarray) -> np.ndarray:
        seen.append(covariance)
        return covariance[0, 1][None]

    state = comoments(values)
    times = np.broadcast_to(time, values.shape[1:]).copy()
    block_draws.spread(list(values), times, state.mean, spy, draws=5, seed=9, block_days=30)
    drawn = next(one for one in seen if one.shape[-1] == 5)
    series = values[:, 0][:, np.isfinite(values[:, 0]).all(axis=0)]
    days = np.flatnonzero(np.isfinite(values[:, 0]).all(axis=0))
    block = (days - days[0]) // 30
    picks = np.random.default_rng([9, 11]).integers(11, size=(5, 11))
    for draw, pick in enumerate(picks):
        copied = np.concatenate([series[:, block == one] for one in pick], axis=1)
        np.testing.assert_allclose(drawn[:, :, 0, draw], np.cov(copied), rtol=1e-9)


def covered(found: Collocated, quantity: str, truth: np.ndarray) -> np.ndarray:
    lower, upper = found.bounds[quantity]
    return ((lower <= truth[:, None]) & (truth[:, None] <= upper)).mean(axis=1)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_intervals_cover_the_known_errors_and_gains(phi: float) -> None:
    """Nominal 95 %; 300 trials know it to 2.5 points (two standard errors), and few are beyond 90…99."""
    values, time = simulated(locations=300, steps=1000, phi=phi, missing=0.2, seed=11)
    found = collocate(values, time, draws=200)
    share = np.concatenate([covered(found, "err_std", ERRORS), covered(found, "beta", GAINS[0] / GAINS)[1:]])
    assert (share > 0.90).all()
    assert share.mean() < 0.98


def test_three_members_of_one_shape_are_asked_for_in_one_sentence() -> None:
    values, time = simulated()
    with pytest.raises(MatchError, match="Triple collocation takes three data sets, not 2"):
        collocate(values[:2])
    with pytest.raises(MatchError, match="differ in shape"):
        collocate([values[0], values[1], values[2][:, :-1]])
    with pytest.raises(MatchError, match="Times and values differ in shape"):
        collocate(values, time[:-1])
    with pytest.raises(MatchError, match="level lies between 0 and 1"):
        collocate(values, time, level=95)
