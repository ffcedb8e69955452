"""Features of a series are what their definitions say, gaps or not, and never know the day that they are used for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal, stats

from smcore.models.arrays import Inputs
from smcore.models.series.features import (
    CATEGORIES,
    CYCLES,
    GROUPS,
    LEAST_DAYS,
    NAMES,
    Donors,
    climate_class,
    day_groups,
    describe,
    year_features,
)
from smcore.models.spec import InputSpec

WIDTH = 365


def series(gaps: float = 0.0, seed: int = 0, width: int = WIDTH) -> np.ndarray:
    """Soil moisture with a season, a memory, and days without observation."""
    rng = np.random.default_rng(seed)
    noise = signal.lfilter([1], [1, -0.9], rng.normal(0, 0.02, width))
    values = np.clip(0.25 + 0.06 * np.cos(2 * np.pi * (np.arange(width) - 40) / 365.25) + noise, 0.02, 0.6)
    values[rng.random(width) < gaps] = np.nan
    return values


def features(values: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, describe(values[None])[0, 0], strict=True))


@pytest.fixture(params=[0.0, 0.6], ids=["whole", "with gaps"], scope="module")
def case(request):
    values = series(request.param)
    days = np.flatnonzero(np.isfinite(values))
    return values, days, values[days], features(values)


def test_every_category_of_the_paper_has_features_with_names_of_their_own():
    assert len(CATEGORIES) == 8
    assert len(set(NAMES)) == len(NAMES) == 60


def test_centre_is_what_numpy_and_scipy_say(case):
    _, _, x, found = case
    wanted = {
        "mean": x.mean(),
        "median": np.median(x),
        "whm": stats.hmean(x),
        "wgm": stats.gmean(x),
        "wpm": stats.pmean(x, 2),
        "trimmed_mean": stats.trim_mean(x, 0.1),
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name
    counts, edges = np.histogram(x, 10)
    assert found["mode"] == pytest.approx(edges[counts.argmax()] + (edges[1] - edges[0]) / 2)


def test_weights_enter_the_three_weighted_means_as_the_paper_defines_them():
    x, w = np.array([0.1, 0.2, 0.4]), np.array([1.0, 0.5, 2.0])
    found = dict(zip(NAMES, describe(x[None], weights=w[None])[0, 0], strict=True))
    assert found["whm"] == pytest.approx(3.5 / (1 / 0.1 + 0.5 / 0.2 + 2 / 0.4))
    assert found["wgm"] == pytest.approx(math.exp((math.log(0.1) + 0.5 * math.log(0.2) + 2 * math.log(0.4)) / 3.5))
    assert found["wpm"] == pytest.approx(math.sqrt((0.01 + 0.5 * 0.04 + 2 * 0.16) / 3.5))
    assert found["mean"] == pytest.approx(0.7 / 3)


def test_dispersion_extremes_and_distribution_are_what_numpy_and_scipy_say(case):
    _, days, x, found = case
    wanted = {
        "std": x.std(),
        "variance": x.var(),
        "cv": x.std() / x.mean(),
        "range": np.ptp(x),
        "iqr": stats.iqr(x),
        "mean_abs_deviation": np.abs(x - x.mean()).mean(),
        "median_abs_deviation": stats.median_abs_deviation(x),
        "min": x.min(),
        "max": x.max(),
        **{f"q{q:02d}": np.quantile(x, q / 100) for q in (5, 10, 25, 75, 90, 95)},
        "first_max": days[x.argmax()] / WIDTH,
        "first_min": days[x.argmin()] / WIDTH,
        "skewness": stats.skew(x),
        "kurtosis": stats.kurtosis(x),
        "entropy": stats.entropy(np.histogram(x, 10)[0]),
        "beyond_1_sigma": (np.abs(x - x.mean()) > x.std()).mean(),
        "large_std": float(x.std() > 0.25 * np.ptp(x)),
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-10, abs=1e-14), name


def acf(values: np.ndarray, lag: int) -> float:
    """Plainly: products of all pairs that many days apart."""
    centred = values - np.nanmean(values)
    return float(np.nanmean(centred[lag:] * centred[: len(centred) - lag]) / np.nanvar(values))


def test_memory_counts_lags_in_days_of_the_calendar(case):
    values, _, _, found = case
    for lag in (1, 3, 7, 30):
        assert found[f"acf_{lag}"] == pytest.approx(acf(values, lag), rel=1e-10), lag
    below = [lag for lag in range(1, 91) if acf(values, lag) <= 1 / math.e]
    assert found["acf_crossing"] == below[0]


def test_an_autocorrelation_of_fewer_than_ten_pairs_is_not_given():
    values = np.full(100, np.nan)
    values[::2] = series(width=50)
    assert np.isnan(features(values)["acf_1"])
    assert np.isfinite(features(values)["acf_30"])


def test_changes_run_between_observations_and_are_per_day(case):
    _, days, x, found = case
    slope = np.diff(x) / np.diff(days)
    assert found["mean_change"] == pytest.approx((x[-1] - x[0]) / (days[-1] - days[0]))
    assert found["mean_abs_change"] == pytest.approx(np.abs(slope).mean())
    assert found["second_derivative"] == pytest.approx((np.diff(slope) / (days[2:] - days[:-2])).mean(), rel=1e-9)
    falls = (np.diff(x) < 0) & (np.diff(days) <= 7)
    assert found["dry_down"] == pytest.approx(-slope[falls].mean())
    line = stats.linregress(days, x)
    assert found["slope"] == pytest.approx(line.slope, rel=1e-9)
    assert found["slope_r2"] == pytest.approx(line.rvalue**2, rel=1e-9)
    assert found["asymmetry"] == pytest.approx(np.mean(x[2:] ** 2 * x[1:-1] - x[1:-1] * x[:-2] ** 2), rel=1e-8)


def test_the_annual_wave_is_a_least_squares_fit(case):
    _, days, x, found = case
    angle = 2 * np.pi * days / 365.25
    _, a, b = np.linalg.lstsq(np.stack([np.ones(len(x)), np.cos(angle), np.sin(angle)], 1), x, rcond=None)[0]
    assert found["annual_amplitude"] == pytest.approx(math.hypot(a, b))
    assert found["annual_cos"] == pytest.approx(a / math.hypot(a, b))
    assert found["annual_sin"] == pytest.approx(b / math.hypot(a, b))


def test_the_annual_wave_of_one_season_alone_is_not_given():
    values = np.full(WIDTH, np.nan)
    values[100:140] = series(width=40)
    assert np.isnan(features(values)["annual_amplitude"])


def test_the_spectral_centroid_is_that_of_scipys_lomb_scargle_power(case):
    _, days, x, found = case
    cycles = np.arange(1, CYCLES + 1)
    power = signal.lombscargle(days.astype(float), x - x.mean(), 2 * np.pi * cycles / 365.25)
    assert found["spectral_centroid"] == pytest.approx((cycles * power).sum() / power.sum(), rel=1e-6)


def test_magnitude_energy_and_counts_are_what_plain_loops_say(case):
    _, days, x, found = case
    above = x > x.mean()

    def longest(marks: np.ndarray) -> int:
        return max(len(run) for run in "".join("1" if mark else " " for mark in marks).split())

    peaks = [all(x[i] > x[i + k] and x[i] > x[i - k] for k in (1, 2, 3)) for i in range(3, len(x) - 3)]
    wanted = {
        "rms": math.sqrt((x**2).mean()),
        "abs_sum": x.sum(),
        "abs_max": x.max(),
        "energy": (x**2).sum(),
        **{f"energy_q{q + 1}": (x[4 * days // WIDTH == q] ** 2).sum() / (x**2).sum() for q in range(4)},
        "above_mean": above.sum(),
        "below_mean": (x < x.mean()).sum(),
        "strike_above": longest(above),
        "strike_below": longest(x < x.mean()),
        "peaks": sum(peaks),
        "crossings": (above[1:] != above[:-1]).sum(),
        "valid_share": len(x) / WIDTH,
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


def test_catch22_agrees_where_it_has_the_same_feature():
    catch22 = pytest.importorskip("pycatch22")
    values = series(width=1000)
    scaled = (values - values.mean()) / values.std()
    found = dict(zip(*catch22.catch22_all(list(scaled)).values(), strict=True))
    own = features(scaled)
    assert own["mode"] == pytest.approx(found["DN_HistogramMode_10"], abs=1e-3)  # its bins are a hair wider


def test_a_flat_series_has_a_mean_and_no_shape():
    found = features(np.full(60, 0.1))
    assert found["mean"] == 0.1
    assert found["std"] == found["entropy"] == found["crossings"] == 0
    for name in ("skewness", "kurtosis", "acf_1", "acf_crossing", "slope_r2", "spectral_centroid", "dry_down"):
        assert np.isnan(found[name]), name


def test_means_that_need_positive_values_are_not_given_for_others():
    found = features(np.array([0.0, 0.1, 0.2, 0.3]))
    assert np.isnan(found["whm"])
    assert np.isnan(found["wgm"])
    assert found["wpm"] == pytest.approx(math.sqrt(0.14 / 4))


def test_an_empty_series_and_one_with_too_few_days_have_no_features():
    few = np.full(WIDTH, np.nan)
    few[:29] = 0.2
    assert np.isnan(describe(few[None], least=30)).all()
    assert np.isnan(describe(np.full((1, 10), np.nan))).all()


def test_features_without_a_group_are_those_of_the_series_with_these_days_blanked():
    values, groups = series(0.5), np.arange(WIDTH) // 3 % GROUPS
    found = describe(values[None], groups=groups)[0]
    for group in range(GROUPS):
        blanked = np.where(groups == group, np.nan, values)
        alone = describe(blanked[None])[0, 0]
        alone[NAMES.index("valid_share")] *= WIDTH / (groups != group).sum()
        np.testing.assert_allclose(found[group], alone, rtol=1e-12, err_msg=str(group))


DAYS = np.datetime64("2017-03-05", "ns") + np.arange(800) * np.timedelta64(1, "D")


def observations(places: int = 4) -> np.ndarray:
    return np.stack([series(0.55, seed, len(DAYS)) for seed in range(places)], axis=1).astype(np.float32)


def inputs_of(observed: np.ndarray, temperature: tuple[float, ...] = (), lat: tuple[float, ...] = ()) -> Inputs:
    count = observed.shape[1]
    forcing = np.broadcast_to(np.array(temperature or (285.0,) * count), observed.shape)
    return Inputs(
        time=DAYS,
        dynamic=forcing[..., None].astype(np.float32),
        static=np.empty((count, 0)),
        lat=np.array(lat or range(count), float),
        lon=np.zeros(count),
        specs=(InputSpec("air_temperature", "K"), InputSpec("sm", "m3 m-3", "observed")),
        observed=observed,
    )


@pytest.mark.parametrize("change", [0.3, np.nan], ids=["another value", "no value"])
def test_an_observation_never_changes_the_features_used_on_its_own_day(change):
    observed = observations()
    before = year_features(observed, DAYS)
    place = np.arange(observed.shape[1])
    for step in range(0, len(DAYS), 41):
        changed = observed.copy()
        changed[step] = change
        after = year_features(changed, DAYS)
        at = np.full(len(place), step)
        np.testing.assert_array_equal(after.at(DAYS, at, place), before.at(DAYS, at, place))


def test_an_observation_does_change_the_features_of_other_days():
    observed = observations()
    changed = observed.copy()
    step = int(np.flatnonzero(np.isfinite(observed[:, 0]))[5])
    changed[step, 0] += 0.2
    other, place = np.array([step + 10]), np.array([0])
    before, after = (year_features(values, DAYS).at(DAYS, other, place)[0] for values in (observed, changed))
    assert after[0] > before[0]


def test_the_group_of_a_day_is_the_same_in_any_window():
    groups = day_groups(DAYS)
    np.testing.assert_array_equal(day_groups(DAYS[17:90]), groups[17:90])
    assert set(groups) == set(range(GROUPS))
    assert np.bincount(groups).min() > 70


def test_a_year_is_described_on_its_own_calendar():
    observed = observations(1)
    found = year_features(observed, DAYS)
    inside = DAYS.astype("datetime64[Y]") == np.datetime64("2018", "Y")
    group = day_groups(DAYS)
    left = observed[inside & (group != 4), 0]
    row = found.values[0, 1, 4]
    assert found.first_year == 2017
    assert row[0] == pytest.approx(np.nanmean(left.astype(float)), rel=1e-6)
    assert row[NAMES.index("above_mean")] == (left > np.nanmean(left.astype(float))).sum()


def test_a_year_with_too_few_days_takes_the_mean_of_the_locations_other_years():
    observed = observations(1)
    in_2019 = np.flatnonzero(DAYS.astype("datetime64[Y]") == np.datetime64("2019", "Y"))
    observed[in_2019[LEAST_DAYS - 2 :]] = np.nan
    values = year_features(observed, DAYS).values[0]
    np.testing.assert_allclose(values[2], values[:2].mean(axis=0), rtol=1e-5)


def test_a_location_without_features_borrows_from_the_nearest_of_its_climate():
    observed = observations(4)
    observed[:, 0] = np.nan
    inputs = inputs_of(observed, (285.0, 300.0, 285.0, 285.0), (0.0, 1.0, 3.0, 2.0))
    found = year_features(observed, DAYS)
    donors = Donors.of(found, inputs)
    assert len(donors.lat) == 3
    filled = donors.fill(found, inputs)
    np.testing.assert_allclose(filled.values[0, 0, 0], found.values[3].mean(axis=(0, 1)), rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(filled.values[1:], found.values[1:])


def test_a_location_never_borrows_from_itself():
    observed = observations(2)
    inputs = inputs_of(observed)
    donors = Donors.of(year_features(observed, DAYS), inputs)
    hidden = observed.copy()
    hidden[:, 0] = np.nan
    filled = donors.fill(year_features(hidden, DAYS), inputs_of(hidden))
    np.testing.assert_allclose(filled.values[0, 0, 0], donors.values[1], rtol=1e-6)


def test_climate_classes_part_cold_from_warm_and_missing_forcing_is_no_error():
    observed = observations(3)
    classes = climate_class(inputs_of(observed, (260.0, 280.0, 280.0)))
    assert classes[0] != classes[1] == classes[2]
    assert climate_class(inputs_of(observed, (np.nan,) * 3)).tolist() == [0, 0, 0]
