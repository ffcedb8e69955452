from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smcore.cubes.sources import Reading
from smcore.stations import flags, quality
from smcore.stations.select import select

START = np.datetime64("2020-01-01", "ns")
NAN = float("nan")


def hours(*at: int) -> np.ndarray:
    return START + np.array(at) * np.timedelta64(1, "h")


def test_a_flat_run_is_marked_from_its_first_to_its_last_record() -> None:
    value = np.concatenate([[0.1], np.full(26, 0.2), [0.3]])
    mask = quality.flat(value, hours(*range(28)))
    assert mask.tolist() == [False] + [True] * 26 + [False]
    assert not quality.flat(value, hours(*range(28)), least_h=26).any()


def test_a_flat_run_steps_over_missing_values_and_ends_at_a_gap() -> None:
    value = np.full(30, 0.2)
    value[10] = NAN
    assert quality.flat(value, hours(*range(30))).sum() == 29
    gap = hours(*range(15), *range(40, 55))
    assert not quality.flat(np.full(30, 0.2), gap).any()


def test_daily_series_need_a_wider_gap() -> None:
    days = hours(*range(0, 240, 24))
    assert not quality.flat(np.full(10, 0.2), days).any()
    assert quality.flat(np.full(10, 0.2), days, most_gap_h=24).all()


def test_values_beyond_nothing_and_everything_are_impossible_and_nan_is_not() -> None:
    assert quality.impossible([-0.01, 0.0, 0.6, 1.0, 1.01, NAN]).tolist() == [True, False, False, False, True, False]


def test_freezing_counts_as_frozen_and_unknown_temperature_does_not() -> None:
    assert quality.frozen([273.14, 273.15, 273.16, NAN]).tolist() == [True, True, False, False]


def test_one_record_away_from_both_neighbours_is_a_spike() -> None:
    time = hours(*range(5))
    assert quality.spikes([0.2, 0.2, 0.3, 0.2, 0.2], time).tolist() == [False, False, True, False, False]
    assert quality.spikes([0.2, 0.2, 0.1, 0.21, 0.2], time).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize(
    "value",
    [
        [0.2, 0.2, 0.3, 0.29, 0.28],  # rain: it stays wet
        [0.2, 0.2, 0.22, 0.2, 0.2],  # too small
        [0.02, 0.02, 0.03, 0.02, 0.02],  # half as much again, but one digit of dry soil
        [0.2, 0.2, NAN, 0.2, 0.2],
        [0.1, 0.2, 0.3, 0.2, NAN][:2],  # too short
    ],
)
def test_other_changes_are_no_spikes(value: list[float]) -> None:
    assert not quality.spikes(value, hours(*range(len(value)))).any()


def test_far_neighbours_say_nothing_about_a_spike() -> None:
    assert not quality.spikes([0.2, 0.5, 0.2], hours(0, 24, 48)).any()


@given(st.lists(st.floats(-1, 2) | st.just(NAN), max_size=60))
def test_masks_have_the_length_of_the_series_and_never_mark_missing_values(value: list[float]) -> None:
    time = hours(*range(len(value)))
    for mask in (quality.flat(value, time, least_h=2), quality.spikes(value, time), quality.impossible(value)):
        assert mask.shape == (len(value),)
        assert not mask[np.isnan(np.array(value, dtype=float))].any()


def test_the_empty_series_has_empty_masks() -> None:
    assert quality.flat([], hours()).shape == quality.spikes([], hours()).shape == (0,)


def test_real_oznet_runs_flagged_as_constant_are_found_flat(reading_of: Callable[[str], Reading]) -> None:
    """Nearly all records that the archive flags D09 (constant for 12 h) and C01 (negative) are found apart from it."""
    springs = select(reading_of("oznet_era5").dataset, stations=["Silver-Springs"])
    masks = quality.sanity(springs)
    negative = springs["flag"].values & flags.MASKS["C01"] > 0
    assert (masks["impossible"].values == negative).all()
    assert (masks["flat"].values & negative).sum() > 0.95 * negative.sum()


def test_sanity_masks_of_real_stations_leave_most_of_the_series_alone(reading_of: Callable[[str], Reading]) -> None:
    data = reading_of("ismn_hawaii_ceop").dataset
    masks = quality.sanity(data)
    assert set(masks.data_vars) == {"flat", "impossible", "spike", "frozen"}
    assert not masks["frozen"].any()  # by plain Python no soil temperature is below 10.5 °C
    assert not masks["impossible"].any()
    assert int(masks["spike"].sum()) < 0.001 * masks["spike"].size
