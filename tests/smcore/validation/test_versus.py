"""A against B: hand-made values, what must hold for any data, and how often chance is taken for a difference."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy import stats

from smcore.errors import MatchError
from smcore.validation.matching.times import DAY
from smcore.validation.metrics import METRICS
from smcore.validation.uncertainty.clusters import MedianBounds
from smcore.validation.versus import (
    BETTER,
    TOO_FEW,
    UNDECIDED,
    WORSE,
    Differences,
    _bounded,
    adjusted,
    compare,
    paired,
)

NAMES = ("ubrmsd", "pearson_r", "rmsd", "bias", "mae", "nse")


def noise(rng: np.random.Generator, shape: tuple[int, int], phi: float) -> np.ndarray:
    shocks = rng.standard_normal(shape)
    series = np.empty(shape)
    series[:, 0] = shocks[:, 0]
    for day in range(1, shape[1]):
        series[:, day] = phi * series[:, day - 1] + np.sqrt(1 - phi**2) * shocks[:, day]
    return series


def world(
    seed: int, places: int, days: int, phi: float, *, extra: float = 1.0, missing: float = 0.6
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A, B whose own errors are ``extra`` times those of A, reference and times; half of the error is shared."""
    rng = np.random.default_rng(seed)
    shape = (places, days)
    cycle = 0.05 * np.cos(2 * np.pi / 365.2425 * np.arange(days) + 6.28 * rng.random((places, 1)))
    truth = 0.25 + cycle + 0.05 * noise(rng, shape, phi)
    shared, own = 0.025 * noise(rng, shape, phi), [0.025 * noise(rng, shape, phi) for _ in range(2)]
    a, b = truth + shared + own[0] + 0.02, truth + (shared + own[1]) * extra + 0.02
    # every second day for some days, then none: swaths that come and go
    a[(np.arange(days) + rng.integers(0, 8, (places, 1))) % 8 >= 8 * (1 - missing)] = np.nan
    return a, b, truth + 0.025 * noise(rng, shape, phi), np.broadcast_to(np.arange(days) * DAY, shape).copy()


def places_of(number: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(25, 50, number), rng.uniform(-120, -70, number)


def test_twelve_days_by_hand() -> None:
    # Differences of A ±1, of B ±3 around a reference: ubRMSD 1 and 3, so A gains 2; bias 0.5 and −1 gains 0.5.
    reference = np.array([[0.0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]])
    sign = np.tile([1.0, -1.0], 6)
    time = np.arange(12)[None] * DAY
    found = paired(
        reference + sign + 0.5, reference + 3 * sign - 1, reference, time, metrics=("ubrmsd", "bias", "rmsd")
    )
    assert found.n.tolist() == [12]
    ub, offset, rmsd = (found.metrics[name] for name in ("ubrmsd", "bias", "rmsd"))
    assert (ub.value_a[0], ub.value_b[0], ub.gain[0]) == pytest.approx((1, 3, 2))
    assert (offset.value_a[0], offset.value_b[0], offset.gain[0]) == pytest.approx((0.5, -1, 0.5))
    assert rmsd.gain[0] == pytest.approx(np.sqrt(10) - np.sqrt(1.25))
    variance = np.mean((reference - 2.5) ** 2)
    assert found.amplitude_a[0] == pytest.approx(np.std(reference + sign) / np.sqrt(variance))


def test_values_are_those_of_the_metrics_on_the_days_that_all_three_have() -> None:
    a, b, reference, time = world(1, 6, 400, 0.5)
    b[:, 100:140], reference[:, 300:310] = np.nan, np.nan
    found = paired(a, b, reference, time, metrics=NAMES)
    common = np.isfinite(a + b + reference)
    assert found.n.tolist() == common.sum(axis=1).tolist()
    for name in NAMES:
        for product, values in ((a, found.metrics[name].value_a), (b, found.metrics[name].value_b)):
            expected = METRICS[name].compute(np.where(common, product, np.nan), reference)
            np.testing.assert_allclose(values, expected, rtol=1e-10)


def test_swapping_a_and_b_flips_gain_and_verdict_and_nothing_else() -> None:
    a, b, reference, time = world(2, 40, 700, 0.8, extra=1.4)
    lat, lon = places_of(40)
    forth, back = paired(a, b, reference, time, metrics=NAMES), paired(b, a, reference, time, metrics=NAMES)
    for name in NAMES:
        one, other = forth.metrics[name], back.metrics[name]
        np.testing.assert_allclose(one.gain, -other.gain, rtol=1e-12)
        np.testing.assert_allclose(one.lower, -other.upper, rtol=1e-9)
        np.testing.assert_allclose(one.p, other.p, rtol=1e-9)
    first, second = compare(forth, lat, lon, seed=3), compare(back, lat, lon, seed=3)
    for name in NAMES:
        x, y = first.judged[name], second.judged[name]
        assert (x.better, x.worse, x.undecided) == (y.worse, y.better, y.undecided)
        assert x.median.median == pytest.approx(-y.median.median)


def test_neither_threads_nor_neighbours_nor_order_change_a_number() -> None:
    a, b, reference, time = world(3, 9, 600, 0.9)
    whole = paired(a, b, reference, time)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        single = paired(a, b, reference, time)
    finally:
        numba.set_num_threads(before)
    alone = paired(a[4:5], b[4:5], reference[4:5], time[4:5])
    order = np.random.default_rng(1).permutation(600)
    shuffled = paired(a[:, order], b[:, order], reference[:, order], time[:, order])
    for name, difference in whole.metrics.items():
        np.testing.assert_array_equal(difference.p, single.metrics[name].p)
        np.testing.assert_allclose(difference.p[4:5], alone.metrics[name].p, rtol=1e-9)
        np.testing.assert_allclose(difference.p, shuffled.metrics[name].p, rtol=1e-6)


@pytest.mark.parametrize("phi", [0.0, 0.9])
def test_chance_is_taken_for_a_difference_no_more_often_than_allowed(phi: float) -> None:
    # 600 trials: 5 % are met within ± 1.7 (two standard errors), so 7.5 is far too many and 9 independent-day tests'.
    found = paired(*world(4, 600, 700, phi), metrics=("ubrmsd", "pearson_r", "rmsd", "bias"))
    for name, difference in found.metrics.items():
        assert np.mean(difference.p < 0.05) <= 0.07, name


def test_a_real_difference_is_found_and_signed() -> None:
    found = paired(*world(5, 100, 1000, 0.9, extra=1.5))
    judged = compare(found, *places_of(100), seed=0).judged["ubrmsd"]
    assert judged.better > 60
    assert judged.worse == 0
    assert judged.median.lower > 0


def test_the_false_discovery_rate_is_that_of_scipy() -> None:
    rng = np.random.default_rng(6)
    for p in (rng.random(50), rng.random(7) ** 3, np.array([0.01, 0.01, 0.04, 1.0]), np.array([0.2])):
        np.testing.assert_allclose(adjusted(p), stats.false_discovery_control(p), rtol=1e-14)
    # Benjamini and Hochberg (1995), section 3.2: the four smallest of fifteen count at 5 %.
    smallest = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    published = np.array([*smallest, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000])
    assert (adjusted(published) <= 0.05).sum() == 4
    with_gap = np.insert(published, 3, np.nan)
    assert np.isnan(adjusted(with_gap)[3])
    np.testing.assert_array_equal(np.delete(adjusted(with_gap), 3), adjusted(published))


def test_locations_that_cannot_be_judged_cost_the_others_nothing() -> None:
    a, b, reference, time = world(7, 6, 500, 0.5, extra=1.6)
    whole = paired(a, b, reference, time)
    a[0], b[1, :] = np.nan, 0.3  # no data; a stuck product
    reference[2, 40:] = np.nan  # next to no common days
    a[3] = b[3]
    found = paired(a, b, reference, time)
    difference = found.metrics["ubrmsd"]
    assert np.isnan(difference.p[[0, 1]]).all()
    assert found.n[0] == 0
    assert (difference.gain[3], difference.lower[3], difference.upper[3], difference.p[3]) == (0, 0, 0, 1)
    np.testing.assert_array_equal(difference.p[4:], whole.metrics["ubrmsd"].p[4:])
    few = paired(a, b, reference, time, min_pairs=30)
    result = compare(few, *places_of(6), seed=0).judged["ubrmsd"]
    assert result.verdict[:4].tolist() == [TOO_FEW, TOO_FEW, TOO_FEW, UNDECIDED]
    assert set(result.verdict[4:]) <= {BETTER, WORSE, UNDECIDED}
    assert (result.better + result.worse + result.undecided, result.too_few) == (3, 3)


def test_a_perfect_product_is_no_error() -> None:
    _, b, reference, time = world(8, 3, 300, 0.5)
    found = paired(reference.copy(), b, reference, time)
    assert np.isnan(found.metrics["ubrmsd"].p).all()
    assert (found.metrics["ubrmsd"].value_a == 0).all()


def with_numbers(gain: float, gain_r: float, amplitude: float) -> Differences:
    """Twelve far stations with those differences, surely."""
    rng = np.random.default_rng(9)
    a, b, reference, time = world(9, 12, 800, 0.3, extra=1.8)
    found = paired(a, b, reference, time)
    for name, value in (("ubrmsd", gain), ("pearson_r", gain_r)):
        difference = found.metrics[name]
        difference.gain[:] = value + 0.0005 * rng.standard_normal(12)
        difference.p[:] = 0.001 if value else 0.6
    found.amplitude_a[:], found.amplitude_b[:], found.n[:] = amplitude, 1.1, 1517
    return found


def test_the_sentence_says_who_wins_where_and_by_how_much() -> None:
    lat, lon = np.linspace(-50, 60, 12), np.linspace(-120, 150, 12)
    result = compare(with_numbers(0.006, 0.02, 0.9), lat, lon, names=("Reconstructed", "SMAP"), seed=1)
    assert result.sentence.startswith(
        "Reconstructed is better than SMAP at 12 of 12 stations, worse at 0 (FDR 5 %, ubRMSD, same 18 204 days); "
        "median gain 0.006"
    )
    assert "m³ m⁻³ [0.005" in result.sentence
    assert "; ΔR 0.0" in result.sentence
    assert result.sentence.endswith("; standard deviation 0.90 of the reference's against 1.10")
    assert result.days == 18_204


@pytest.mark.parametrize(
    ("median", "lower", "upper", "said"),
    [
        (-0.00762, -0.01421, -0.00113, "−0.008 [−0.014, −0.001]"),  # not −0.01 [−0.01, −0.00]
        (0.006, 0.004, 0.008, "0.006 [0.004, 0.008]"),
        (-0.0011, -0.00153, -0.00071, "−0.0011 [−0.0015, −0.0007]"),
        (0.0312, -0.0471, 0.1123, "0.03 [−0.05, 0.11]"),
    ],
)
def test_a_median_is_written_with_the_digits_that_its_interval_bears(
    median: float, lower: float, upper: float, said: str
) -> None:
    assert _bounded(MedianBounds(median, lower, upper, 12, 12), "1", "stations") == said


def test_a_damped_product_is_said_to_hold_no_more_information() -> None:
    lat, lon = np.linspace(-50, 60, 12), np.linspace(-120, 150, 12)
    damped = compare(with_numbers(0.006, 0.0, 0.8), lat, lon, seed=1).sentence
    assert damped.endswith("0.80 of the reference's against 1.10: smaller amplitude, no more information")
    assert "no more information" not in compare(with_numbers(0.006, 0.02, 0.8), lat, lon, seed=1).sentence
    assert "no more information" not in compare(with_numbers(0.006, 0.0, 1.2), lat, lon, seed=1).sentence
    assert "no more information" not in compare(with_numbers(-0.006, 0.0, 0.8), lat, lon, seed=1).sentence
    assert "median gain −0.006" in compare(with_numbers(-0.006, 0.0, 0.8), lat, lon, seed=1).sentence


def test_shrinking_a_product_towards_its_mean_is_recognised() -> None:
    _, b, reference, time = world(10, 30, 900, 0.5, extra=1.8)
    shrunk = np.nanmean(b, axis=1, keepdims=True) + 0.8 * (b - np.nanmean(b, axis=1, keepdims=True))
    result = compare(paired(shrunk, b, reference, time), *places_of(30), seed=2)
    assert result.judged["ubrmsd"].better > 15
    assert result.judged["pearson_r"].better == 0
    assert result.sentence.endswith("smaller amplitude, no more information")


def test_one_station_none_and_near_ones_are_said_to_give_no_interval() -> None:
    a, b, reference, time = world(11, 1, 500, 0.5)
    alone = compare(paired(a, b, reference, time), np.zeros(1), np.zeros(1), seed=0)
    assert "(no interval: 1 group of stations)" in alone.sentence
    assert "of 1 stations" in alone.sentence
    none = compare(paired(a * np.nan, b, reference, time), np.zeros(1), np.zeros(1), seed=0, names=("X", "Y"))
    assert none.sentence == "X and Y can't be compared: none of 1 stations has enough common pairs"
    a, b, reference, time = world(12, 20, 500, 0.5)
    near = compare(paired(a, b, reference, time), np.linspace(0, 1, 20), np.zeros(20), seed=0)
    assert "(no interval: 1 group of stations)" in near.sentence
    assert np.isnan(near.judged["ubrmsd"].median.lower)


def test_mistakes_are_told() -> None:
    a, b, reference, time = world(13, 2, 50, 0.5)
    with pytest.raises(MatchError, match="shapes"):
        paired(a, b[:, 1:], reference, time)
    with pytest.raises(MatchError, match="spearman_r can't be compared"):
        paired(a, b, reference, time, metrics=("spearman_r",))
    with pytest.raises(MatchError, match="level"):
        paired(a, b, reference, time, level=95)
    found = paired(a, b, reference, time, metrics=("rmsd",))
    with pytest.raises(MatchError, match="ubrmsd was not compared; choose one of rmsd"):
        compare(found, np.zeros(2), np.zeros(2))
    with pytest.raises(MatchError, match="3 latitudes"):
        compare(found, np.zeros(3), np.zeros(2), metric="rmsd")
