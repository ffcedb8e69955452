"""The error band holds nine of ten observations, where errors differ too, and survives its card."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smcore.errors import ModelError, WeightsError
from smcore.models.arrays import Inputs
from smcore.models.learning.band import LEAST, OLDEST, Band, Traits, calibrate, gap_age, vegetation_input
from smcore.models.spec import InputSpec

START = np.datetime64("2018-01-01", "ns")
OBSERVED = InputSpec("sm", "m3 m-3", "observed")
GREEN = InputSpec("ndvi", "1", "static")


def world(seed, locations=200, days=300):
    """Residuals whose spread grows with moisture, gap age and vegetation, and differs between seasons."""
    rng = np.random.default_rng(seed)
    location = np.repeat(np.arange(locations), days)
    day = np.tile(np.arange(days), locations)
    sm = rng.uniform(0.05, 0.45, len(day))
    age = rng.integers(1, 15, len(day)).astype(float)
    green = np.repeat(rng.uniform(0, 1, locations), days)
    time = START + day * np.timedelta64(1, "D")
    spread = 0.01 * np.exp(2 * sm + 0.4 * np.log1p(age) + 0.8 * green + 0.4 * np.cos(2 * np.pi * day / 365.25))
    return rng.normal(0, spread), Traits(sm, time, age, green), location, spread


def test_nine_of_ten_new_values_lie_inside_overall_and_in_every_corner():
    residual, traits, location, _ = world(0)
    band = calibrate(residual, traits, location, vegetation="ndvi")
    new, seen, _, spread = world(1)
    inside = np.abs(new) <= band.half_widths(seen)
    assert 0.88 <= inside.mean() <= 0.92
    month = seen.time.astype("datetime64[M]").astype(int) % 12
    corners = [seen.sm < 0.15, seen.sm > 0.35, seen.age <= 2, seen.age > 10, seen.vegetation > 0.7, month == 0]
    assert all(0.86 <= inside[corner].mean() <= 0.94 for corner in corners)
    ideal = 1.6449 * spread  # the 95 % quantile of a normal
    assert np.abs(np.log(band.half_widths(seen) / ideal)).mean() < 0.06


def test_a_bias_and_heavy_tails_are_covered_too():
    rng = np.random.default_rng(3)
    _, traits, location, spread = world(0)
    _, seen, _, other = world(1)
    residual = 0.01 + spread * rng.standard_t(3, len(spread))
    band = calibrate(residual, traits, location)
    new = 0.01 + other * rng.standard_t(3, len(other))
    assert 0.88 <= (np.abs(new) <= band.half_widths(seen)).mean() <= 0.92


def test_the_quantile_has_the_correction_for_a_finite_sample():
    traits = Traits(np.full(2 * LEAST, 0.2), np.full(2 * LEAST, START))
    residual = np.random.default_rng(0).permutation(np.arange(1.0, 2 * LEAST + 1))
    band = calibrate(residual, traits, np.zeros(2 * LEAST, np.int64))
    half = float(band.half_widths(Traits(np.array([0.2]), np.array([START])))[0])
    first = np.random.default_rng([0, 1]).permutation(2 * LEAST) % 2 == 0
    rank = int(np.ceil((LEAST + 1) * 0.9))
    assert half == pytest.approx(np.sort(residual[~first])[rank - 1], rel=1e-6)


def test_a_band_over_inputs_is_the_band_of_its_values():
    residual, traits, location, _ = world(0)
    band = calibrate(residual, traits, location, vegetation="ndvi", causal=True)
    rng = np.random.default_rng(5)
    observed = rng.uniform(0.1, 0.3, (20, 3)).astype(np.float32)
    observed[3:9, 0] = np.nan
    observed[:, 2] = np.nan
    inputs = Inputs(START + np.arange(20) * np.timedelta64(1, "D"), np.empty((20, 3, 0)), [[0.1], [0.6], [np.nan]],
                    [40, 41, 42], [-100, -99, -98], (GREEN, OBSERVED), observed)  # fmt: skip
    sm = rng.uniform(0.1, 0.4, (20, 3)).astype(np.float32)
    sm[4, 1] = np.nan
    found = band.half_width(sm, inputs)
    assert np.isnan(found[4, 1])
    assert np.isfinite(found).sum() == 59
    by_hand = band.half_widths(Traits(sm[[5, 7], 0], inputs.time[[5, 7]], np.array([3.0, 5.0]), np.full(2, 0.1)))
    np.testing.assert_allclose(found[[5, 7], 0], by_hand, rtol=1e-6)
    never = band.half_widths(Traits(sm[:, 2], inputs.time, np.full(20, OLDEST), np.full(20, np.nan)))
    np.testing.assert_allclose(found[:, 2], never, rtol=1e-6)


def test_the_age_of_a_gap_counts_days_to_what_is_in_sight():
    kept = np.array([[0, 1, 0, 0, 0, 1, 0]], bool).T
    time = START + np.array([0, 1, 2, 3, 30, 31, 32]) * np.timedelta64(1, "D")
    assert gap_age(kept, time, causal=True)[:, 0].tolist() == [OLDEST, 0, 1, 2, 29, 0, 1]
    assert gap_age(kept, time, causal=False)[:, 0].tolist() == [1, 0, 1, 2, 1, 0, 1]


def test_an_observed_day_is_not_held_for_surer_than_the_youngest_gap():
    """Nothing was calibrated on days that are in sight, so the width says nothing more of them."""
    residual, traits, location, _ = world(0)
    assert traits.age.min() == 1
    band = calibrate(residual, traits, location)
    found = band.half_widths(Traits(np.full(3, 0.2), np.full(3, START), np.array([0.0, 1.0, 2.0])))
    assert found[0] == found[1] < found[2]


def test_a_band_survives_json_to_the_last_bit():
    residual, traits, location, _ = world(0, 50)
    band = calibrate(residual, traits, location, vegetation="ndvi", causal=False)
    again = Band.from_json(json.loads(json.dumps({**band.to_json(), "measured": []})))
    np.testing.assert_array_equal(again.half_widths(traits), band.half_widths(traits))
    assert (again.vegetation, again.causal) == ("ndvi", False)


@pytest.mark.parametrize("damage", [{"weights": [1.0]}, {"quantile": None}, {"mean": ["x"]}, {"std": [float("nan")]}])
def test_a_damaged_band_is_refused(damage):
    residual, traits, location, _ = world(0, 50)
    record = calibrate(residual, traits, location).to_json() | damage
    with pytest.raises(WeightsError):
        Band.from_json(record)


def test_too_few_values_make_no_band():
    traits = Traits(np.full(LEAST, 0.2), np.full(LEAST, START))
    residual = np.full(LEAST, 0.01)
    residual[0] = np.nan
    with pytest.raises(ModelError, match="too few"):
        calibrate(residual, traits, np.zeros(LEAST, np.int64))


def test_vegetation_is_told_by_a_static_input_first():
    dynamic = InputSpec("evi", "1")
    assert vegetation_input((dynamic, GREEN)) == "ndvi"
    assert vegetation_input((dynamic,)) == "evi"
    assert vegetation_input((OBSERVED,)) == ""
