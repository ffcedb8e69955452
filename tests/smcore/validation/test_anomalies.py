"""Anomalies against loops over the definitions, against pytesmo, and on awkward series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from smcore.errors import MatchError
from smcore.validation.anomalies import (
    METHODS,
    anomaly,
    anomaly_note,
    check_method,
    climatology,
    pair_anomalies,
    seasonal,
)
from smcore.validation.matching.times import DAY, HOUR

NO_TIME = np.iinfo(np.int64).min


def instant(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def irregular(seed: int, years: float = 5.3, share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """One series at irregular hours with gaps: times [µs] and values with a season."""
    rng = np.random.default_rng(seed)
    day = np.flatnonzero(rng.random(int(years * 365)) < share)
    time = instant("2011-11-20") + day * DAY + rng.choice([6, 18], len(day)) * HOUR
    angle = 2 * np.pi * (time / DAY) / 365.25
    return time.astype(np.int64), 0.25 + 0.1 * np.sin(angle) + rng.normal(0, 0.04, len(day))


def calendar_day(time: np.ndarray) -> np.ndarray:
    """1…366, counted in a leap year."""
    dates = pd.to_datetime(time, unit="us")
    return np.array([pd.Timestamp(2000, d.month, d.day).day_of_year for d in dates])


def plain_window(time: np.ndarray, values: np.ndarray, needed: int) -> np.ndarray:
    result = np.full(len(values), np.nan)
    for i in range(len(values)):
        near = (np.abs(time - time[i]) <= 17.5 * DAY) & np.isfinite(values)
        if np.isfinite(values[i]) and len(set(time[near] // DAY)) >= needed:
            result[i] = values[i] - values[near].mean()
    return result


def plain_climatology(time: np.ndarray, values: np.ndarray, needed: int, years: int) -> np.ndarray:
    """(366,) by the three steps, one calendar day after the other."""
    smooth = np.array([values[np.abs(time - t) <= 2.5 * DAY].mean() for t in time])
    doy, year = calendar_day(time), pd.to_datetime(time, unit="us").year.to_numpy()
    by_day = {d: smooth[doy == d].mean() for d in set(doy)}
    result = np.full(366, np.nan)
    for d in range(1, 367):
        around = [(d + k - 1) % 366 + 1 for k in range(-17, 18)]
        means = [by_day[a] for a in around if a in by_day]
        seasons = {
            y for y in range(year.min() - 1, year.max() + 2) if (np.abs(year * 366 + doy - (y * 366 + d)) <= 17).any()
        }
        if len(means) >= needed and len(seasons) >= years:
            result[d - 1] = np.mean(means)
    return result


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("needed", [1, 8])
def test_the_35_day_anomaly_is_the_value_less_the_mean_of_all_within_17_and_a_half_days(seed: int, needed: int) -> None:
    time, values = irregular(seed)
    got = anomaly(values[None], time, method="35d", min_days=needed)[0]
    np.testing.assert_allclose(got, plain_window(time, values, needed), atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("needed", "years"), [(1, 1), (8, 3), (12, 5)])
def test_the_climatology_is_that_of_its_three_steps(seed: int, needed: int, years: int) -> None:
    time, values = irregular(seed)
    expected = plain_climatology(time, values, needed, years)
    got, _ = climatology(values[None], time, min_days=needed, min_years=years)
    np.testing.assert_allclose(got[0], expected, atol=1e-12)
    departures = anomaly(values[None], time, method="climatology", min_days=needed, min_years=years)[0]
    np.testing.assert_allclose(departures, values - expected[calendar_day(time) - 1], atol=1e-12)


def test_the_standardised_anomaly_is_divided_by_the_rms_anomaly_of_the_35_calendar_days_around() -> None:
    time, values = irregular(3)
    departures = anomaly(values[None], time, method="climatology")[0]
    got = anomaly(values[None], time, method="standardised")[0]
    doy = calendar_day(time)
    for i in range(0, len(values), 17):
        apart = np.abs(doy - doy[i])
        near = np.minimum(apart, 366 - apart) <= 17
        assert got[i] == pytest.approx(departures[i] / np.sqrt(np.nanmean(departures[near] ** 2)), abs=1e-12)


@pytest.mark.parametrize("seed", [0, 4])
def test_both_kinds_equal_pytesmo_where_it_asks_for_as_much(seed: int) -> None:
    peer = pytest.importorskip("pytesmo.time_series.anomaly")
    time, values = irregular(seed)
    series = pd.Series(values, pd.to_datetime(time, unit="us"))
    got = anomaly(values[None], time, method="35d", min_days=1)[0]
    np.testing.assert_allclose(got, peer.calc_anomaly(series, window_size=35).to_numpy(), atol=1e-12)
    theirs = peer.calc_climatology(series)
    mean, _ = climatology(values[None], time, min_days=1, min_years=1)
    np.testing.assert_allclose(mean[0], theirs.to_numpy(), atol=1e-12)
    departures = anomaly(values[None], time, method="climatology", min_days=1, min_years=1)[0]
    expected = peer.calc_anomaly(series, climatology=theirs, respect_leap_years=False)
    np.testing.assert_allclose(departures, expected.to_numpy(), atol=1e-12)


def test_a_window_around_new_year_counts_winters_and_not_calendar_years() -> None:
    # Two winters, each with days in December and January, touch three calendar years and are two seasons all the same.
    winters = [instant(f"{year}-12-20") + np.arange(25) * DAY for year in (2014, 2015)]
    time = np.concatenate(winters)
    values = np.random.default_rng(0).normal(size=len(time))
    assert np.isnan(climatology(values[None], time, min_years=3)[0]).all()
    two, _ = climatology(values[None], time, min_years=2)
    assert np.isfinite(two[0, 0])
    assert np.isfinite(two[0, 365])


def test_leap_days_have_a_climatology_and_march_is_not_shifted_by_them() -> None:
    time = np.arange(instant("2012-01-01"), instant("2020-01-01"), DAY)
    values = calendar_day(time).astype(float)
    mean, _ = climatology(values[None], time)
    inner = np.arange(40, 320)
    # A ramp of calendar days; only the 5-day mean bends it, by half a day before 1 March in common years.
    np.testing.assert_allclose(mean[0, inner], inner + 1, atol=0.05)
    dates = pd.to_datetime(time, unit="us")
    departures = anomaly(values[None], time, method="climatology")[0]
    assert np.abs(departures[(dates.month == 2) & (dates.day == 29)]).max() < 0.05


def test_several_values_of_a_day_and_of_an_instant_count_one_each() -> None:
    # Eight days, three of them with two values: 11 values, mean 5.5 over their indices 0…10.
    day = np.array([0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7])
    time = instant("2015-03-01") + day * DAY
    time[4] += HOUR
    values = np.arange(11.0)
    np.testing.assert_allclose(anomaly(values[None], time)[0], values - 5.0)
    assert np.isnan(anomaly(values[None, :-1], time[:-1])).all()  # ten values, but seven days only


def test_gaps_padding_and_unsorted_times_change_nothing() -> None:
    time, values = irregular(6)
    rng = np.random.default_rng(0)
    for method in METHODS[1:]:
        expected = anomaly(values[None], time, method=method)[0]
        padded = np.concatenate([values, np.full(40, np.nan)])
        clock = np.concatenate([time, np.full(40, NO_TIME)])
        np.testing.assert_array_equal(anomaly(padded[None], clock[None], method=method)[0, : len(values)], expected)
        shuffled = rng.permutation(len(values))
        both = np.stack([values[shuffled], values[shuffled]])
        got = anomaly(both, time[shuffled], method=method)
        np.testing.assert_allclose(got[1], expected[shuffled], atol=1e-12)
    gappy = np.insert(values, 5, np.nan)
    clock = np.insert(time, 5, time[5])
    np.testing.assert_allclose(np.delete(anomaly(gappy[None], clock)[0], 5), anomaly(values[None], time)[0], atol=1e-15)


def test_a_location_is_alone_with_its_own_times() -> None:
    lines = [irregular(seed) for seed in (0, 1, 2)]
    size = max(len(time) for time, _ in lines)
    time, values = np.full((3, size), NO_TIME), np.full((3, size), np.nan)
    for row, (clock, series) in enumerate(lines):
        time[row, : len(clock)], values[row, : len(clock)] = clock, series
    for method in METHODS[1:]:
        got = anomaly(values, time, method=method)
        for row, (clock, series) in enumerate(lines):
            np.testing.assert_array_equal(got[row, : len(clock)], anomaly(series[None], clock, method=method)[0])


def test_times_before_1970_have_the_same_calendar() -> None:
    time, values = irregular(7)
    earlier = time - (instant("2012-01-01") - instant("1952-01-01"))  # both years are leap years, 60 years apart
    for method in METHODS[1:]:
        np.testing.assert_allclose(
            anomaly(values[None], earlier, method=method), anomaly(values[None], time, method=method), atol=1e-12
        )


def test_pairs_get_their_seasons_from_the_days_that_both_have() -> None:
    time, values = irregular(8)
    reference = values * 0.5 + 0.1
    product = values.copy()
    product[::3] = np.nan
    x, y, status = pair_anomalies(product[None], reference[None], time[None], time[None])
    assert list(status) == ["ok"]
    np.testing.assert_allclose(x * 0.5, y, atol=1e-12)
    assert np.isnan(y[0, ::3]).all()


def test_series_without_anomalies_say_why() -> None:
    time, values = irregular(9)
    product = np.stack([values, np.full(len(values), 0.2), np.full(len(values), np.nan), values, values])
    reference = np.stack([values, values, values, np.full(len(values), np.nan), values])
    reference[0, 4:] = np.nan
    clock = np.broadcast_to(time, product.shape)
    for method in METHODS[1:]:
        x, y, status = pair_anomalies(product, reference, clock, clock, method=method)
        assert list(status) == ["too_few", "constant_series", "no_overlap", "no_overlap", "ok"]
        assert np.isnan(x[0]).all()
        assert np.isnan(y[2:4]).all()


def test_one_pair_none_and_no_location_are_no_errors() -> None:
    for method in METHODS:
        assert anomaly(np.empty((0, 3)), np.zeros(3, np.int64), method=method).shape == (0, 3)
        assert anomaly(np.empty((2, 0)), np.empty((2, 0), np.int64), method=method).shape == (2, 0)
    for method in METHODS[1:]:
        assert np.isnan(anomaly(np.array([[0.3]]), np.array([0]), method=method)).all()


def test_a_constant_series_has_anomalies_of_exactly_nothing() -> None:
    time, _ = irregular(10)
    constant = np.full((1, len(time)), 0.3)
    assert np.nanmax(np.abs(anomaly(constant, time, method="35d"))) == 0
    assert np.nanmax(np.abs(anomaly(constant, time, method="climatology"))) == 0
    assert np.isnan(anomaly(constant, time, method="standardised")).all()


def test_a_climatology_of_two_years_is_refused_with_a_way_out() -> None:
    check_method("climatology", instant("2015-04-01"), instant("2018-04-01"))
    check_method("35d", instant("2015-04-01"), instant("2015-05-01"))
    with pytest.raises(MatchError, match=r"needs 3 years.*2015-04-01 to 2017-03-31.*--anomaly 35d"):
        check_method("climatology", instant("2015-04-01"), instant("2017-04-01"))
    with pytest.raises(MatchError, match=r"no anomalies 'monthly'.*none, 35d, climatology, standardised"):
        anomaly(np.zeros((1, 1)), np.zeros(1, np.int64), method="monthly")


def test_the_note_says_what_was_taken_away() -> None:
    assert anomaly_note("none") == ""
    assert "35 days" in anomaly_note("35d")
    assert "spread" in anomaly_note("standardised")


def test_the_season_of_each_value_is_its_calendar_days_also_where_the_value_is_missing() -> None:
    time, values = irregular(7)
    gaps = values.copy()
    gaps[::4] = np.nan
    known = np.isfinite(gaps)
    expected = plain_climatology(time[known], gaps[known], 8, 3)[calendar_day(time) - 1]
    found = seasonal(gaps[None], time[None])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.isfinite(found[~known]).any()
    left = anomaly(gaps[None], time[None], method="climatology")[0]
    np.testing.assert_allclose((found + left)[known], gaps[known], rtol=1e-12)
