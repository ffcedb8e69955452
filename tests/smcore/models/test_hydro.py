"""Our configuration: features obey simple physics, the loss ignores levels as it says, members are causal."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from smcore.models.hydro.features import SPIN, bucket, dynamic_features, memory, snow, static_features
from smcore.models.hydro.members import Causal, centred_loss, one_cycle


def forcing(days=400, count=3, seed=0):
    rng = np.random.default_rng(seed)
    shape = (days, count)
    season = np.sin(2 * np.pi * np.arange(days) / 365)[:, None]
    return {
        "precipitation": np.where(rng.random(shape) < 0.3, rng.gamma(1, 8, shape), 0).astype(np.float32),
        "air_temperature": (283 + 10 * season + rng.normal(0, 3, shape)).astype(np.float32),
        "longwave_down": rng.uniform(250, 400, shape).astype(np.float32),
        "shortwave_down": rng.uniform(50, 300, shape).astype(np.float32),
        "specific_humidity": rng.uniform(0.003, 0.012, shape).astype(np.float32),
    }


def test_snow_keeps_the_mass_of_what_falls():
    rng = np.random.default_rng(1)
    rain, celsius = rng.gamma(1, 5, (300, 4)), rng.normal(0, 5, (300, 4))
    pack, liquid = snow(rain, celsius)
    np.testing.assert_allclose(rain.sum(0), liquid.sum(0) + pack[-1], rtol=1e-10)
    assert (pack >= 0).all()


def test_warm_rain_is_liquid_at_once_and_frost_keeps_it():
    rain = np.full((5, 1), 4.0)
    np.testing.assert_array_equal(snow(rain, np.full((5, 1), 10.0))[1], rain)
    np.testing.assert_array_equal(snow(rain, np.full((5, 1), -10.0))[1], 0)


def test_a_bucket_stays_between_its_limits_dries_out_and_fills_up():
    dry = bucket(np.zeros((200, 1)), np.full((200, 1), 5.0), 40.0)
    assert (np.diff(dry[:, 0]) <= 1e-12).all()
    assert 0.02 <= dry[-1, 0] < 0.1
    wet = bucket(np.full((50, 1), 100.0), np.zeros((50, 1)), 40.0)
    assert wet[-1, 0] == pytest.approx(1.0)


def test_a_memory_is_a_running_mean_that_forgets():
    impulse = np.zeros((6, 1))
    impulse[2] = 1.0
    np.testing.assert_allclose(memory(impulse, 0.8)[:, 0], [0, 0, 0.2, 0.16, 0.128, 0.1024])
    np.testing.assert_allclose(memory(np.full((9, 2), 3.0), 0.9), 3.0)


def test_features_come_with_the_warm_up_in_front_and_are_finite():
    values, feature_names = dynamic_features(forcing(), 30)
    assert values.shape == (430, 3, len(feature_names))
    assert np.isfinite(values).all()
    short, _ = dynamic_features(forcing(days=10), 30)
    assert short.shape == (40, 3, len(feature_names))


def test_after_the_first_year_features_look_back_only():
    data = forcing(days=SPIN + 60)
    early = {name: values[: SPIN + 20] for name, values in data.items()}
    np.testing.assert_allclose(dynamic_features(early, 5)[0], dynamic_features(data, 5)[0][: SPIN + 25], rtol=1e-6)
    np.testing.assert_array_equal(static_features({}, early)[0], static_features({}, data)[0])


def test_a_location_without_forcing_gives_numbers_that_harm_nobody():
    data = forcing()
    for values in data.values():
        values[:, 0] = np.nan
    assert np.isfinite(dynamic_features(data, 5)[0]).all()
    assert np.isfinite(static_features({"land_cover": np.array([1, 10, 12.0])}, data)[0]).all()


def test_land_cover_becomes_groups():
    values, feature_names = static_features({"land_cover": np.array([4.0, 10.0, np.nan])}, forcing())
    groups = {name: values[:, i] for i, name in enumerate(feature_names)}
    assert groups["is_forest"].tolist() == [1, 0, 0]
    assert groups["is_grass"].tolist() == [0, 1, 0]


def test_the_centred_loss_ignores_a_level_except_for_its_own_term():
    target = torch.randn(50, 4)
    target[torch.rand(50, 4) < 0.3] = torch.nan
    prediction = torch.nan_to_num(target) + 2.0
    assert centred_loss(prediction, target, 0.0) == pytest.approx(1e-3, abs=1e-4)  # the root of its floor
    assert centred_loss(prediction, target, 0.3) == pytest.approx(1e-3 + 0.3 * 4.0, abs=1e-3)


def test_a_location_without_targets_adds_nothing_to_the_loss():
    target = torch.randn(50, 2)
    with_empty = torch.cat([target, torch.full((50, 1), torch.nan)], 1)
    prediction = torch.randn(50, 3, requires_grad=True)
    loss = centred_loss(prediction, with_empty, 0.3)
    torch.testing.assert_close(loss, centred_loss(prediction[:, :2], target, 0.3))
    loss.backward()
    assert (prediction.grad[:, 2] == 0).all()


def test_the_convolution_sees_four_days_back_and_none_ahead():
    layer = Causal(6).eval()
    x = torch.randn(20, 2, 6)
    changed = x.clone()
    changed[10] += 1.0
    difference = (layer(changed)[0] - layer(x)[0]).abs().amax((1, 2))
    assert (difference[:10] == 0).all()
    assert (difference[14:] == 0).all()
    assert difference[10] > 0


def test_the_learning_rate_rises_for_a_fifth_and_falls_to_almost_nothing():
    rates = [one_cycle(s)[0] for s in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[20] == pytest.approx(1.0)
    assert rates[-1] < 1e-5
    assert (np.diff(rates[:21]) > 0).all()
    assert (np.diff(rates[20:]) < 0).all()
