"""Dry-downs and wetting events: found where they were made, fitted as others fit them, and matched with a product's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from smcore.review.station.drydowns import fit_drydown
from smcore.review.station.event_pairs import ALONE, MATCHED, MISSED, UNSEEN, pair_events
from smcore.review.station.events import Events, find_events

START = np.datetime64("2020-01-01", "D")


def falling(days: np.ndarray, tau: float, amplitude: float = 0.2, floor: float = 0.08) -> np.ndarray:
    return floor + amplitude * np.exp(-days / tau)


@pytest.mark.parametrize("tau", [0.8, 3.0, 9.0, 20.0])
def test_a_fit_is_that_of_scipy(tau: float) -> None:
    rng = np.random.default_rng(4)
    days = np.arange(0, 30.0)
    value = falling(days, tau) + rng.normal(0, 0.003, 30)
    found = fit_drydown(days, value)
    assert found is not None
    theirs, _ = curve_fit(lambda t, s, a, c: c + a * np.exp(-t / s), days, value, p0=(tau, 0.2, 0.08))
    assert (found.tau, found.amplitude, found.floor) == pytest.approx(tuple(theirs), rel=2e-3)
    rest = value - found.curve(days)
    assert found.rmse == pytest.approx(np.sqrt((rest**2).mean()), rel=1e-9)
    assert found.r2 == pytest.approx(1 - (rest**2).sum() / ((value - value.mean()) ** 2).sum(), rel=1e-9)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    days = np.arange(0, 16.0)
    fits = [fit_drydown(days, falling(days, 4.0) + rng.normal(0, 0.006, 16)) for _ in range(400)]
    held = np.mean([fit is not None and fit.lower <= 4.0 <= fit.upper for fit in fits])
    assert 0.92 <= held <= 0.98


def test_a_straight_fall_tells_no_time_scale() -> None:
    days = np.arange(0, 10.0)
    found = fit_drydown(days, 0.4 - 0.01 * days)
    assert found is not None
    assert not found.is_bounded
    assert found.upper == np.inf


@pytest.mark.parametrize(
    ("what", "value"),
    [("rises", [0.1, 0.15, 0.2, 0.25, 0.3]), ("constant", [0.2] * 6), ("few", [0.3, 0.2, 0.15]),
     ("missing", [0.3, np.nan, 0.2, np.nan, 0.15])],
)  # fmt: skip
def test_no_fit_where_nothing_falls_or_too_little_is_known(what: str, value: list[float]) -> None:
    assert fit_drydown(np.arange(len(value)), value) is None, what


def test_the_floor_is_not_below_zero() -> None:
    days = np.arange(0, 20.0)
    found = fit_drydown(days, falling(days, 30.0, 0.1, -0.04))
    assert found is not None
    assert found.floor >= 0


RAINS = (10, 40, 75)


def storms(length: int = 120, tau: float = 6.0) -> np.ndarray:
    """Daily values: 0.1, and after each storm 0.2 more, which falls with τ."""
    value = np.full(length, 0.1)
    for day in RAINS:
        value[day:] = np.maximum(value[day:], 0.1 + 0.2 * np.exp(-np.arange(length - day) / tau))
    return value


def hourly(daily: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return START.astype("datetime64[h]") + np.arange(24 * len(daily)), np.repeat(daily, 24)


def dates(events: Events) -> list[int]:
    return [int((np.datetime64(one.peak, "D") - START).astype(int)) for one in events.wettings]


def test_events_are_found_where_they_were_made() -> None:
    found = find_events(*hourly(storms()))
    assert dates(found) == list(RAINS)
    for one in found.wettings:
        assert one.before == pytest.approx(0.1, abs=0.003)
        assert one.amplitude == pytest.approx(0.2, abs=0.003)
        assert (np.datetime64(one.peak) - np.datetime64(one.start)).astype(int) == 1
        assert one.resolution == 1
    assert len(found.drydowns) == 3
    for fall in found.drydowns:
        assert fall.fit is not None
        assert fall.fit.tau == pytest.approx(6.0, rel=0.02)
        assert fall.fit.lower <= fall.fit.tau <= fall.fit.upper
    assert found.median_tau == pytest.approx(6.0, rel=0.02)
    assert found.drydowns[0].days == 29


def test_a_gap_ends_an_event_and_is_told() -> None:
    time, value = hourly(storms())
    value[24 * 45 : 24 * 60] = np.nan
    found = find_events(time, value)
    assert found.gaps == (("2020-02-15", "2020-02-29"),)
    second = found.drydowns[1]
    assert (second.start, second.end, second.n) == ("2020-02-10", "2020-02-14", 5) or second.start == "2020-03-16"
    assert all(not (one.start < "2020-02-15" and one.end > "2020-02-29") for one in found.drydowns)


def test_noise_is_no_event() -> None:
    rng = np.random.default_rng(6)
    assert find_events(*hourly(0.2 + rng.normal(0, 0.003, 300))).wettings == ()
    loud = find_events(*hourly(0.2 + rng.normal(0, 0.03, 300)))
    assert len(loud.wettings) <= 20  # of three hundred values: what noise may still pass for
    assert loud.least_rise > 0.06


@pytest.mark.parametrize("value", [[], [0.2], [0.2, 0.3], [np.nan] * 50])
def test_little_or_nothing_has_no_events(value: list[float]) -> None:
    found = find_events(START + np.arange(len(value)), value)
    assert (found.wettings, found.drydowns, found.gaps) == ((), (), ())
    assert np.isnan(found.median_tau)


def test_a_product_of_half_the_amplitude_a_day_late_is_told_as_such() -> None:
    daily = storms()
    station = find_events(*hourly(daily))
    late = np.roll(daily, 1)
    product = find_events(START + np.arange(120), 0.05 + 0.5 * late)
    pairs = pair_events(product, station)
    assert [one.outcome for one in pairs.wettings] == [MATCHED] * 3
    assert [one.lag for one in pairs.wettings] == [1, 1, 1]
    assert pairs.median_amplitude_ratio == pytest.approx(0.5, abs=0.02)
    assert pairs.median_tau_ratio == pytest.approx(1.0, abs=0.02)
    assert "3 of 3 wetting events" in pairs.sentence
    assert "+1.0 d" in pairs.sentence


def test_time_scales_are_compared_on_the_days_that_the_product_has() -> None:
    daily = storms()
    station = find_events(*hourly(daily))
    seen = np.arange(0, 120, 3)
    pairs = pair_events(find_events(START + seen, storms(tau=3.0)[seen]), station)
    told = [one for one in pairs.drydowns if np.isfinite(one.tau_ratio)]
    assert told
    for one in told:
        assert one.station_fit is not None
        assert one.product_fit is not None
        assert one.station_fit.n == one.product_fit.n
        assert one.tau_ratio == pytest.approx(0.5, abs=0.05)


def test_what_only_one_has_is_missed_unseen_or_alone() -> None:
    daily = storms()
    station = find_events(*hourly(daily))
    without = daily.copy()
    without[40:75] = 0.1  # the product does not see the second storm
    seen = np.setdiff1d(np.arange(120), np.arange(70, 90))  # and has no values about the third
    extra = without.copy()
    extra[100:] = np.maximum(extra[100:], 0.1 + 0.15 * np.exp(-np.arange(20) / 5))
    product = find_events(START + seen, extra[seen])
    pairs = pair_events(product, station)
    assert [one.outcome for one in pairs.wettings] == [MATCHED, MISSED, UNSEEN, ALONE]
    assert pairs.count(ALONE) == 1
    assert "1 of 2 wetting events that it could see" in pairs.sentence


def test_other_units_have_no_ratio_of_amplitudes() -> None:
    station = find_events(*hourly(storms()))
    product = find_events(START + np.arange(120), 100 * storms(), units="%")
    pairs = pair_events(product, station)
    assert pairs.count(MATCHED) == 3
    assert np.isnan(pairs.median_amplitude_ratio)
    assert pairs.median_tau_ratio == pytest.approx(1.0, abs=0.01)
