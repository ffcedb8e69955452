"""Confidence intervals of dependent pairs: degenerate input, hand-checked sizes, agreement with pytesmo's formulas."""

import warnings

import numpy as np
import pytest

from smcore.validation.anomalies import anomaly
from smcore.validation.matching.times import DAY, HOUR
from smcore.validation.metrics import METRICS
from smcore.validation.uncertainty import intervals

EVERY = tuple(METRICS)
DEFENDED = {"pearson_r", "spearman_r", "kendall_tau", "bias", "rmsd", "ubrmsd", "mae", "mse_bias", "mse_variance"}
DEFENDED |= {"mse_correlation", "nse", "kge", "slope"}


def _values(x, y):
    return {name: metric.compute(x, y) for name, metric in METRICS.items()}


def _noise(phi, shape, seed):
    rng = np.random.default_rng(seed)
    e = np.empty(shape)
    e[:, 0] = rng.standard_normal(shape[0])
    for t in range(1, shape[1]):
        e[:, t] = phi * e[:, t - 1] + np.sqrt(1 - phi**2) * rng.standard_normal(shape[0])
    return e


def _pairs(phi, shape, seed=1):
    """Noise of product and reference with a correlation of 0.7, about an annual cycle, on consecutive days."""
    a, b = _noise(phi, shape, seed), _noise(phi, shape, seed + 1000)
    days = np.arange(shape[1])
    cycle = 1.2 * np.cos(2 * np.pi * days / 365.25)
    x, y = 0.8 * (cycle + a), cycle + 0.7 * a + np.sqrt(1 - 0.49) * b
    return x, y, np.broadcast_to((16_000 + days) * DAY, shape).copy()


def _limits(x, y, time, **options):
    x, y, time = np.atleast_2d(x), np.atleast_2d(y), np.atleast_2d(time)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return intervals.bounds(x, y, time, _values(x, y), **options)


def test_limits_hold_the_value_and_are_finite_for_every_metric_that_has_them():
    x, y, time = _pairs(0.5, (4, 800))
    values, limits = _values(x, y), _limits(x, y, time)
    assert set(limits) == set(EVERY)
    for name, bounds in limits.items():
        if name not in DEFENDED:
            assert np.isnan(bounds.lower).all(), name
            continue
        assert (bounds.lower < values[name]).all(), name
        assert (values[name] < bounds.upper).all(), name
        assert (bounds.n_eff < 800).all(), name


@pytest.mark.parametrize(
    ("x", "y", "time"),
    [
        pytest.param(np.full(400, 0.2), np.linspace(0, 1, 400), np.arange(400) * DAY, id="constant product"),
        pytest.param(np.full(400, 0.2), np.full(400, 0.2), np.arange(400) * DAY, id="both constant"),
        pytest.param([0.1, 0.3], [0.2, 0.1], np.arange(2) * DAY, id="two pairs"),
        pytest.param([0.1, 0.3, 0.2], [0.2, 0.1, 0.3], np.arange(3) * DAY, id="three pairs"),
        pytest.param(np.full(400, np.nan), np.full(400, np.nan), np.arange(400) * DAY, id="nothing"),
        pytest.param(np.sin(np.arange(30.0)), np.cos(np.arange(30.0)), np.arange(30) * 365 * DAY, id="one pair a year"),
        pytest.param([], [], np.empty(0, np.int64), id="no column"),
    ],
)
def test_where_nothing_can_be_said_limits_of_r_are_nan_and_nothing_is_raised(x, y, time):
    limits = _limits(np.asarray(x, float), np.asarray(y, float), np.asarray(time))
    assert np.isnan(limits["pearson_r"].lower).all()
    assert np.isnan(limits["pearson_r"].n_eff).all()


def test_a_product_that_is_the_reference_has_no_limits():
    x, _, time = _pairs(0.5, (1, 500))
    limits = _limits(x, x.copy(), time)
    assert all(np.isnan(bounds.lower).all() for bounds in limits.values())


def test_several_pairs_at_one_time_and_a_random_walk_raise_nothing():
    x, y, time = _pairs(0.9, (1, 600))
    twice = np.repeat(time, 2, axis=1)[:, :600]
    assert np.isfinite(_limits(x, y, twice)["bias"].lower).all()
    walk = np.cumsum(np.random.default_rng(1).standard_normal((1, 600)), axis=1)
    assert _limits(walk, y, time)["bias"].n_eff[0] < 60
    assert _limits(walk, y, time)["bias"].short[0]


def test_one_bad_location_costs_no_other():
    x, y, time = _pairs(0.5, (3, 700))
    alone = _limits(x[:1], y[:1], time[:1])
    x[1], x[2, 5:] = 0.2, np.nan
    together = _limits(x, y, time)
    for name in EVERY:
        np.testing.assert_array_equal(together[name].lower[0], alone[name].lower[0])


def test_order_of_the_pairs_and_padding_change_nothing():
    x, y, time = _pairs(0.5, (2, 700))
    order = np.random.default_rng(2).permutation(700)
    padded = [np.concatenate([a[:, order], np.full((2, 9), fill)], axis=1) for a, fill in ((x, np.nan), (y, 1.0))]
    times = np.concatenate([time[:, order], np.full((2, 9), np.iinfo(np.int64).min)], axis=1)
    straight, jumbled = _limits(x, y, time), _limits(*padded, times)
    for name in EVERY:
        np.testing.assert_allclose(jumbled[name].upper, straight[name].upper, rtol=1e-9, equal_nan=True)


def test_swapping_the_sides_mirrors_the_bias_and_leaves_r_and_ubrmsd():
    x, y, time = _pairs(0.5, (2, 700))
    there, back = _limits(x, y, time), _limits(y, x, time)
    np.testing.assert_allclose(there["bias"].lower, -back["bias"].upper)
    for name in ("pearson_r", "ubrmsd", "rmsd", "mae", "mse_correlation"):
        np.testing.assert_allclose(there[name].lower, back[name].lower, rtol=1e-6)


def test_units_change_the_limits_as_they_change_the_metric():
    x, y, time = _pairs(0.5, (2, 700))
    volume, percent = _limits(x, y, time), _limits(100 * x + 7, 100 * y + 7, time)
    for name, factor in (("ubrmsd", 100), ("bias", 100), ("pearson_r", 1), ("slope", 1), ("mse_correlation", 10_000)):
        np.testing.assert_allclose(percent[name].upper, factor * volume[name].upper, rtol=1e-6)


def test_independent_days_are_worth_about_what_they_count():
    x, y, time = _pairs(0.0, (200, 1000))
    limits = _limits(x, y, time)
    for name in ("pearson_r", "bias", "ubrmsd"):
        assert np.median(limits[name].n_eff) == pytest.approx(1000, rel=0.05), name


@pytest.mark.parametrize("phi", [0.5, 0.8, 0.9])
def test_effective_size_of_full_days_is_that_of_the_textbook(phi):
    # Σ over all lags of an AR(1) process: n (1 − φ)/(1 + φ) for a mean, with φ² for squares.
    x, y, time = _pairs(phi, (200, 3000))
    limits = _limits(x, 0.8 * y, time)  # so that no cycle is left in the difference
    assert np.median(limits["bias"].n_eff) == pytest.approx(3000 * (1 - phi) / (1 + phi), rel=0.1)
    assert np.median(limits["ubrmsd"].n_eff) == pytest.approx(3000 * (1 - phi**2) / (1 + phi**2), rel=0.12)


def test_gaps_cost_less_than_their_share_where_days_depend():
    x, y, time = _pairs(0.9, (100, 2000))
    whole = _limits(x, y, time)
    gappy = x.copy()
    gappy[:, 1::2] = np.nan
    half = _limits(gappy, y, time)
    assert np.median(half["bias"].n_eff) > 0.9 * np.median(whole["bias"].n_eff)
    # every second day of φ = 0.9 is an AR(1) process with φ = 0.81
    assert np.median(half["bias"].n_eff) == pytest.approx(1000 * (1 - 0.81) / (1 + 0.81), rel=0.12)


def test_morning_and_evening_of_the_same_days_add_little():
    x, y, time = _pairs(0.9, (100, 1500))
    twice = [np.repeat(a, 2, axis=1) for a in (x, y)]
    times = np.repeat(time, 2, axis=1)
    times[:, 1::2] += 12 * HOUR
    once, both = _limits(x, y, time), _limits(*twice, times)
    assert np.median(both["bias"].n_eff) == pytest.approx(np.median(once["bias"].n_eff), rel=0.15)


def test_hourly_pairs_are_worth_as_much_as_the_days_they_fill():
    hours = 24 * 500
    phi = 0.9 ** (1 / 24)
    x, y = _noise(phi, (20, hours), 3), _noise(phi, (20, hours), 4)
    time = np.broadcast_to(np.arange(hours) * HOUR, x.shape)
    n_eff = np.median(_limits(x, y, time)["bias"].n_eff)
    assert n_eff == pytest.approx(hours * (1 - phi) / (1 + phi), rel=0.2)


def test_short_records_are_marked():
    x, y, time = _pairs(0.0, (1, 200))
    assert _limits(x, y, time)["bias"].short.all()
    x, y, time = _pairs(0.0, (1, 500))
    assert not _limits(x, y, time)["bias"].short.any()


def test_few_effective_pairs_give_no_limits_and_say_how_few():
    x, y, time = _pairs(0.99, (200, 60))
    limits = _limits(x, y, time)
    values = _values(x, y)
    for name in ("bias", "pearson_r", "ubrmsd"):
        few = limits[name].n_eff < intervals.MIN_EFFECTIVE
        assert few.any(), name
        assert np.isnan(limits[name].lower[few]).all(), name
        assert np.isnan(limits[name].upper[few]).all(), name
        assert not limits[name].short[few].any(), name
    given = np.isfinite(limits["ubrmsd"].upper)
    assert given.any()
    assert (limits["ubrmsd"].upper[given] < 8 * values["ubrmsd"][given]).all()


def test_independent_formulas_are_those_of_pytesmo():
    pairwise = pytest.importorskip("pytesmo.metrics.pairwise")
    x, y, time = _pairs(0.5, (1, 300))
    values, limits = _values(x, y), _limits(x, y, time, kind="iid")
    for name in ("pearson_r", "spearman_r", "bias", "ubrmsd"):
        lower, upper = getattr(pairwise, name + "_ci")(x[0], y[0], values[name][0])
        assert limits[name].lower[0] == pytest.approx(lower, rel=1e-6), name
        assert limits[name].upper[0] == pytest.approx(upper, rel=1e-6), name
        assert limits[name].n_eff[0] == 300
    assert np.isnan(limits["rmsd"].lower).all()


def test_half_the_trials_of_a_half_interval_miss():
    x, y, time = _pairs(0.5, (2000, 1000))
    limits = intervals.bounds(x - y, np.zeros_like(x), time, {"bias": (x - y).mean(axis=1)}, level=0.5)["bias"]
    truth = (-0.2 * 1.2 * np.cos(2 * np.pi * np.arange(1000) / 365.25)).mean()
    assert np.mean((limits.lower <= truth) & (truth <= limits.upper)) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("word", "options"), [("iidd", {"kind": "iidd"}), ("level", {"level": 95.0})])
def test_what_is_not_known_is_refused(word, options):
    x, y, time = _pairs(0.5, (1, 50))
    with pytest.raises(ValueError, match=word):
        _limits(x, y, time, **options)


def test_times_of_another_shape_are_refused():
    x, y, time = _pairs(0.5, (1, 50))
    with pytest.raises(ValueError, match="no pairs"):
        intervals.bounds(x, y, time[:, :40], _values(x, y))


def test_cubes_on_one_axis_of_days_give_what_lists_of_pairs_give():
    x, y, time = _pairs(0.7, (150, 900))
    seen = np.random.default_rng(3).random(x.shape) < 0.5
    x[~seen] = np.nan
    listed = _limits(x, y, time)
    cube = [np.ascontiguousarray(a.T) for a in (x, y)]
    aligned = intervals.bounds_aligned(*cube, time[0] // DAY, _values(x, y))
    for name in EVERY:
        np.testing.assert_allclose(aligned[name].lower, listed[name].lower, rtol=1e-9, equal_nan=True, err_msg=name)
        np.testing.assert_allclose(aligned[name].n_eff, listed[name].n_eff, rtol=1e-9, equal_nan=True)


def test_departures_from_a_moving_mean_are_worth_fewer_pairs_than_an_exponential_says():
    x, y, time = _pairs(0.5, (200, 1000))
    x[np.random.default_rng(4).random(x.shape) < 0.6] = np.nan
    y[np.isnan(x)] = np.nan
    x, y = anomaly(x, time, method="35d"), anomaly(y, time, method="35d")
    plain, told = _limits(x, y, time), _limits(x, y, time, window=35)
    assert np.median(told["pearson_r"].n_eff) < np.median(plain["pearson_r"].n_eff)


def test_coverage_is_nominal_with_dependence_a_cycle_and_gaps():
    trials, days = 1000, 500
    x, y, time = _pairs(0.5, (trials, days), seed=11)
    x[np.random.default_rng(5).random(x.shape) < 0.5] = np.nan
    seen = np.isfinite(x)
    turn = 2 * np.pi * np.arange(days) / 365.25
    cycle = np.where(seen, 1.2 * np.cos(turn), np.nan)
    spread = np.nanvar(cycle, axis=1)
    truth = {
        "pearson_r": (spread + 0.7) / (spread + 1),
        "bias": -0.2 * np.nanmean(cycle, axis=1),
        "ubrmsd": np.sqrt(0.04 * spread + 0.64 + 1 - 2 * 0.8 * 0.7),
    }
    limits = _limits(x, y, time)
    for name, value in truth.items():
        covered = np.mean((limits[name].lower <= value) & (value <= limits[name].upper))
        assert 0.92 <= covered <= 0.98, name
