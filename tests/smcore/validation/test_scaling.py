"""Scaling against plain computations, against pytesmo, and on data that allow none."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smcore import plugins
from smcore.errors import MatchError, Status
from smcore.validation.anomalies import anomaly
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.matching.sides import Masks, side
from smcore.validation.matching.times import DAY, to_datetime
from smcore.validation.scaling import METHODS, PERCENTILES, FitPeriod, fit_scaling, scale, scaling_note

PERIOD_START = int(np.datetime64("2015-01-01", "us").astype(np.int64))


def made_up(seed: int, locations: int = 6, count: int = 900) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.gamma(4.0, 0.05, (locations, count))
    product = 40 * truth + rng.normal(8, 2, truth.shape)
    reference = truth + rng.normal(0, 0.03, truth.shape)
    product[rng.random(truth.shape) < 0.3] = np.nan
    reference[rng.random(truth.shape) < 0.2] = np.nan
    return product, reference


def plain(x: np.ndarray, y: np.ndarray, fitted: np.ndarray, method: str) -> np.ndarray:
    """One series, by the definitions of the manual."""
    both = fitted & np.isfinite(x) & np.isfinite(y)
    a, b = x[both], y[both]
    if method == "mean_std":
        return (x - a.mean()) / a.std() * b.std() + b.mean()
    if method == "min_max":
        return (x - a.min()) / (a.max() - a.min()) * (b.max() - b.min()) + b.min()
    slope, intercept = np.polyfit(a, b, 1)
    return slope * x + intercept


def plain_cdf(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One series without ties, 400 pairs or more: percentiles, edges by regression, straight lines."""
    both = np.isfinite(x) & np.isfinite(y)
    a, b = np.sort(x[both]), np.sort(y[both])
    ranks = (np.arange(len(a)) + 0.5) / len(a) * 100
    at, to = np.interp(PERCENTILES, ranks, a), np.interp(PERCENTILES, ranks, b)
    tail = (a <= at[1]).sum()
    u, v = a[:tail] - at[1], b[:tail] - to[1]
    to[0] = to[1] + (u @ v) / (u @ u) * (at[0] - at[1])
    tail = (a >= at[-2]).sum()
    u, v = a[-tail:] - at[-2], b[-tail:] - to[-2]
    to[-1] = to[-2] + (u @ v) / (u @ u) * (at[-1] - at[-2])
    piece = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    slope = np.diff(to) / np.diff(at)
    return to[piece] + slope[piece] * (x - at[piece])


@pytest.mark.parametrize("method", ["mean_std", "min_max", "linear"])
@pytest.mark.parametrize("seed", [0, 1])
def test_line_scalings_equal_their_definitions_on_gappy_data_and_another_fit_period(method: str, seed: int) -> None:
    product, reference = made_up(seed)
    fitted = np.zeros(product.shape, bool)
    fitted[:, :400] = True
    got = scale(product, reference, method=method, fit=fitted)
    for i in range(len(product)):
        np.testing.assert_allclose(got[i], plain(product[i], reference[i], fitted[i], method), atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cdf_matching_equals_its_definition_written_out_for_one_series(seed: int) -> None:
    product, reference = made_up(seed)
    got = scale(product, reference, method="cdf")
    for i in range(len(product)):
        assert (np.isfinite(product[i]) & np.isfinite(reference[i])).sum() >= 400
        np.testing.assert_allclose(got[i], plain_cdf(product[i], reference[i]), atol=1e-12)


@pytest.mark.parametrize("count", [45, 150, 399, 400, 1500])
@pytest.mark.parametrize("step", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("method", ["mean_std", "min_max", "linear", "cdf"])
def test_every_scaling_equals_pytesmo_with_few_and_many_pairs_and_with_ties(
    method: str, step: float, count: int
) -> None:
    peer = pytest.importorskip("pytesmo.scaling")
    rng = np.random.default_rng(count)
    truth = rng.gamma(4.0, 0.05, (8, count))
    product, reference = truth * 1.7 + rng.normal(0.1, 0.05, truth.shape), truth + rng.normal(0, 0.03, truth.shape)
    if step:
        product, reference = np.round(product / step) * step, np.round(np.clip(reference, 0, 0.4) / step) * step
    got = scale(product, reference, method=method)
    theirs = {"mean_std": peer.mean_std, "min_max": peer.min_max, "linear": peer.linreg, "cdf": peer.cdf_match}[method]
    options = {"percentiles": list(PERCENTILES)} if method == "cdf" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(len(product)):
            np.testing.assert_allclose(got[i], theirs(product[i], reference[i], **options), atol=1e-10)


def test_ties_are_spread_towards_the_next_larger_percentile() -> None:
    # Six tenths of the product are 0.1, so that its percentiles 0…50 are one value, spread from 0.1 to the 70th.
    product = np.concatenate([np.full(600, 0.1), np.linspace(0.2, 0.4, 400)])[None]
    reference = np.linspace(0.0, 0.5, 1000)[None]
    fitted = fit_scaling(product, reference, method="cdf")
    step = (fitted.source[0, 5] - 0.1) / 70
    np.testing.assert_allclose(fitted.source[0, :5], 0.1 + step * np.array([0, 5, 10, 30, 50]), atol=1e-12)


def test_values_outside_the_fitted_range_continue_the_outermost_lines() -> None:
    product, reference = np.linspace(0.1, 0.3, 1000)[None], np.linspace(0.2, 0.6, 1000)[None]
    fitted = fit_scaling(product, reference, method="cdf")
    np.testing.assert_allclose(fitted.apply(np.array([[0.0, 0.05, 0.2, 0.4]])), [[0.0, 0.1, 0.4, 0.8]], atol=1e-9)


def test_the_scaled_product_has_the_statistics_that_the_method_promises() -> None:
    product, reference = made_up(5)
    reference = np.where(np.isfinite(product), reference, np.nan)
    product = np.where(np.isfinite(reference), product, np.nan)
    scaled = {method: scale(product, reference, method=method) for method in METHODS}
    np.testing.assert_array_equal(scaled["none"], product)
    np.testing.assert_allclose(np.nanmean(scaled["mean_std"], 1), np.nanmean(reference, 1))
    np.testing.assert_allclose(np.nanstd(scaled["mean_std"], 1), np.nanstd(reference, 1))
    np.testing.assert_allclose(np.nanmin(scaled["min_max"], 1), np.nanmin(reference, 1))
    np.testing.assert_allclose(np.nanmax(scaled["min_max"], 1), np.nanmax(reference, 1))
    np.testing.assert_allclose(np.nanmean(scaled["linear"], 1), np.nanmean(reference, 1))
    assert (np.nanstd(scaled["linear"], 1) < np.nanstd(reference, 1)).all()
    np.testing.assert_allclose(
        np.nanpercentile(scaled["cdf"], [10, 50, 90], axis=1),
        np.nanpercentile(reference, [10, 50, 90], axis=1),
        rtol=0.01,
    )


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_product_without_a_reference_on_a_day_is_scaled_all_the_same(method: str) -> None:
    product, reference = made_up(2)
    got = scale(product, reference, method=method)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(product))


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_series_that_allows_no_scaling_says_why_and_costs_no_other(method: str) -> None:
    product, reference = made_up(3, locations=7)
    product[0] = 0.2
    reference[1] = 0.3
    product[2] = np.nan
    reference[3, 5:] = np.nan
    product[4, ::2], reference[4, 1::2] = np.nan, np.nan
    product[5, 0] = np.inf
    fitted = fit_scaling(product, reference, method=method)
    assert list(fitted.status) == ["constant_series"] * 2 + ["no_overlap", "too_few", "no_overlap", "ok", "ok"]
    scaled = fitted.apply(product)
    assert np.isnan(scaled[:5]).all()
    assert np.isnan(scaled[5, 0])
    assert np.isfinite(scaled[5:]).any(axis=1).all()
    alone = scale(product[6:], reference[6:], method=method)
    np.testing.assert_array_equal(scaled[6:], alone)


def test_one_pair_or_no_location_at_all_is_no_error() -> None:
    for method in METHODS[1:]:
        assert list(fit_scaling(np.array([[0.1]]), np.array([[0.2]]), method=method).status) == [Status.TOO_FEW]
        assert scale(np.empty((0, 5)), np.empty((0, 5)), method=method).shape == (0, 5)
        assert scale(np.empty((2, 0)), np.empty((2, 0)), method=method).shape == (2, 0)


def test_a_falling_line_does_not_turn_the_product_upside_down() -> None:
    product = np.linspace(0, 1, 50)[None]
    fitted = fit_scaling(product, 1 - product, method="linear")
    assert list(fitted.status) == [Status.NEGATIVE_SLOPE]
    assert np.isnan(fitted.apply(product)).all()


def test_parameters_survive_being_stored() -> None:
    product, reference = made_up(4)
    for method in ("mean_std", "cdf"):
        fitted = fit_scaling(product, reference, method=method)
        stored = fitted.dataset()
        assert stored.attrs["method"] == method
        assert list(stored["status"].values) == ["ok"] * len(product)
        np.testing.assert_array_equal(stored["n"].values, (np.isfinite(product) & np.isfinite(reference)).sum(1))
        kept = ("source", "target") if method == "cdf" else ("slope", "intercept")
        for name in kept:
            np.testing.assert_array_equal(stored[name].values, getattr(fitted, name))


def test_days_of_the_fit_period_are_not_scored_and_padding_is_neither() -> None:
    period = FitPeriod.parse("2015-01-02", "2015-01-03")
    time = PERIOD_START + np.array([0, DAY, 3 * DAY - 1, 3 * DAY]) - np.array([1, 0, 0, 0])
    time = np.append(time, np.iinfo(np.int64).min)
    fitted, scored = period.masks(time)
    assert list(fitted) == [False, True, True, False, False]
    assert list(scored) == [True, False, False, True, False]


def test_a_fit_period_that_misses_the_data_or_leaves_none_is_refused_in_one_sentence() -> None:
    days = (PERIOD_START, PERIOD_START + 365 * DAY)
    FitPeriod.parse("2015-03-01", "2015-06-30").check(*days)
    with pytest.raises(MatchError, match=r"2012-01-01 to 2012-12-31 has no common day.*2015-01-01 to 2015-12-31"):
        FitPeriod.parse("2012-01-01", "2012-12-31").check(*days)
    with pytest.raises(MatchError, match=r"takes all common days and leaves none to score"):
        FitPeriod.parse("2014-01-01", "2016-12-31").check(*days)
    with pytest.raises(MatchError, match=r"is before the start.*--scaling-period"):
        FitPeriod.parse("2016-01-01", "2015-01-01")
    with pytest.raises(MatchError, match=r"is not a date.*--scaling-period"):
        FitPeriod.parse("next week", "2015-01-01")


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(MatchError, match=r"no scaling 'beta'.*none, mean_std, min_max, linear, cdf"):
        scale(np.zeros((1, 3)), np.zeros((1, 3)), method="beta")


def test_the_note_says_what_scaling_makes_of_the_bias() -> None:
    assert scaling_note("none", None) == ""
    assert "bias" in scaling_note("cdf", None)
    assert "2015-01-02 to 2015-01-03" in scaling_note("cdf", FitPeriod.parse("2015-01-02", "2015-01-03"))


def test_era5_at_oznet_is_matched_and_freed_of_its_season_as_by_pytesmo(realdata: Path) -> None:
    """Real probes have long runs of one value and stations of a few weeks; pairs are hourly."""
    peer = pytest.importorskip("pytesmo.scaling")
    calc_anomaly = pytest.importorskip("pytesmo.time_series.anomaly").calc_anomaly
    folder = realdata / "oznet_era5"
    era5 = plugins.load("smcore.cubes.readers", "era5").read([next(folder.glob("*.nc"))]).dataset
    oznet = plugins.load("smcore.stations.readers", "ismn").read([next(folder.glob("*.zip"))]).dataset
    matched = match(side(era5, "era5"), side(oznet, "oznet"), MatchOptions(Masks(), depth=(0.0, 0.1)))
    pairs = matched.block(np.arange(len(matched.places))).pairs
    product, reference, time = (np.array(a) for a in (pairs.product, pairs.reference, pairs.product_time))
    scaled = scale(product, reference, method="cdf")
    departures = anomaly(product, time, min_days=1)
    assert len(product) == 12
    for i in range(12):
        both = np.isfinite(product[i]) & np.isfinite(reference[i])
        x, y = (np.asarray(v[i][both], np.float64) for v in (product, reference))
        theirs = peer.cdf_match(x, y, percentiles=list(PERCENTILES))
        np.testing.assert_allclose(scaled[i][both], theirs, atol=1e-12)
        expected = calc_anomaly(pd.Series(x, to_datetime(time[i][both])), window_size=35)
        np.testing.assert_allclose(departures[i][both], expected.to_numpy(), atol=1e-12)
