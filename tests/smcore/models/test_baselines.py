"""Ridge, climatology, persistence and spline do what their names say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.climatology import Climatology
from smcore.models.hydro.features import antecedent_mean
from smcore.models.learning.normalise import Statistics
from smcore.models.persistence import Persistence
from smcore.models.ridge import Config, Ridge
from smcore.models.spec import InputSpec
from smcore.models.spline import Spline

OBSERVED = (InputSpec("sm", "m3 m-3", "observed", required=True),)


def seen(observed, start="2020-01-01"):
    observed = np.asarray(observed, np.float32)
    steps, count = observed.shape
    return Inputs(
        time=np.datetime64(start, "ns") + np.arange(steps) * np.timedelta64(1, "D"),
        dynamic=np.empty((steps, count, 0)),
        static=np.empty((count, 0)),
        lat=np.zeros(count),
        lon=np.zeros(count),
        specs=OBSERVED,
        observed=observed,
    )


def column(*values):
    return np.array(values, np.float32)[:, None]


def test_persistence_keeps_the_last_observation_for_ten_days():
    observed = np.full((14, 1), np.nan)
    observed[1] = 0.3
    result = Persistence().predict(seen(observed))["sm"][:, 0]
    assert np.isnan(result[0])
    np.testing.assert_array_equal(result[1:12], np.float32(0.3))
    assert np.isnan(result[12:]).all()


def test_a_spline_passes_through_what_it_sees():
    observed = column(0.2, np.nan, 0.25, np.nan, np.nan, 0.22, 0.3)
    result = Spline().predict(seen(observed))["sm"]
    valid = np.isfinite(observed)
    np.testing.assert_allclose(result[valid], observed[valid], atol=1e-6)
    assert np.isfinite(result).all()


def test_a_natural_spline_of_a_line_is_the_line():
    line = 0.1 + 0.01 * np.arange(20.0)[:, None]
    observed = line.copy()
    observed[[3, 4, 9, 15]] = np.nan
    np.testing.assert_allclose(Spline().predict(seen(observed))["sm"], line, atol=1e-6)


def test_a_spline_agrees_with_hand_arithmetic_on_three_points():
    # Natural spline through (0, 0), (2, 1), (4, 0): s(1) = 11/16 in units of the middle value.
    observed = column(0.1, np.nan, 0.3, np.nan, 0.1)
    result = Spline().predict(seen(observed))["sm"][:, 0]
    assert result[1] == pytest.approx(0.1 + 0.2 * 11 / 16, abs=1e-6)


def test_a_spline_stops_ten_days_outside_and_stays_in_its_range():
    observed = np.full((40, 1), np.nan)
    observed[14], observed[16] = 0.1, 0.4
    result = Spline().predict(seen(observed))["sm"][:, 0]
    assert np.isnan(result[:4]).all()
    assert np.isnan(result[27:]).all()
    assert np.isfinite(result[4:27]).all()
    assert result[4:27].min() == pytest.approx(0.02)
    assert np.nanmax(result) == pytest.approx(0.4)


def test_no_observation_gives_no_spline_and_no_persistence():
    for model in (Spline(), Persistence()):
        assert np.isnan(model.predict(seen(np.full((5, 2), np.nan)))["sm"]).all()


def seasonal(days=730, level=0.25, amplitude=0.08):
    return level + amplitude * np.cos(2 * np.pi * np.arange(days) / 365.25)


def test_climatology_finds_the_season_of_each_location():
    truth = np.stack([seasonal(level=0.2), seasonal(level=0.35, amplitude=0.03)], 1)
    observed = truth + np.random.default_rng(0).normal(0, 0.02, truth.shape)
    observed[np.random.default_rng(1).random(truth.shape) < 0.6] = np.nan
    model = Climatology()
    model.fit(TrainingData(Task(seen(observed), observed)), FitRun())
    assert np.abs(model.predict(seen(observed))["sm"] - truth).max() < 0.02


def test_a_location_without_observations_gets_the_pooled_season():
    truth = np.stack([seasonal(level=0.2), seasonal(level=0.3)], 1)
    model = Climatology()
    model.fit(TrainingData(Task(seen(truth), truth)), FitRun())
    result = model.predict(seen(np.full((365, 1), np.nan)))["sm"][:, 0]
    np.testing.assert_allclose(result, seasonal(365, level=0.25), atol=2e-3)


FORCED = (InputSpec("precipitation", "mm d-1", required=True), InputSpec("air_temperature", "K", required=True))


def forced(days=300, count=6, seed=0):
    rng = np.random.default_rng(seed)
    rain = np.where(rng.random((days, count)) < 0.3, rng.gamma(1.0, 8.0, (days, count)), 0.0)
    warmth = 285 + rng.normal(0, 5, (days, count))
    return Inputs(
        time=np.datetime64("2020-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D"),
        dynamic=np.stack([rain, warmth], -1),
        static=np.empty((count, 0)),
        lat=np.zeros(count),
        lon=np.zeros(count),
        specs=FORCED,
    )


def test_ridge_recovers_a_linear_law():
    inputs = forced()
    target = 0.2 + 0.004 * antecedent_mean(inputs.series("precipitation"), 7)
    model = Ridge(Config(penalty=1e-9))
    model.fit(TrainingData(Task(inputs, target)), FitRun())
    np.testing.assert_allclose(model.predict(inputs)["sm"], target, atol=2e-4)


def test_ridge_on_fine_cells_agrees_with_ridge_on_their_mean():
    inputs = forced(count=8)
    members = np.repeat(np.arange(4), 2)
    fine = 0.2 + 0.004 * antecedent_mean(inputs.series("precipitation"), 3)
    empty = Task(inputs, np.full((300, 4), np.nan), members)
    task = dataclasses.replace(empty, target=empty.aggregate(fine))
    model = Ridge(Config(penalty=1e-9))
    model.fit(TrainingData(task), FitRun())
    np.testing.assert_allclose(task.aggregate(model.predict(inputs)["sm"]), task.target, atol=5e-4)


def test_past_means_use_what_there_is_and_never_the_future():
    values = np.array([1, 2, np.nan, 4, 8], np.float32)[:, None]
    expected = np.array([1, 1.5, 2, 4, 6], np.float32)[:, None]
    np.testing.assert_allclose(antecedent_mean(values, 2), expected)
    longer = antecedent_mean(values, 100)
    np.testing.assert_allclose(longer[-1], 15 / 4)


def test_trimmed_statistics_are_of_the_values_between_the_deciles():
    values = np.concatenate([np.arange(1, 100), [1e6]]).astype(np.float32)[:, None]
    fitted = Statistics.fit(("x",), values, trimmed=True)
    inside = values[(values >= np.quantile(values, 0.1)) & (values <= np.quantile(values, 0.9))]
    assert fitted.mean[0] == pytest.approx(inside.mean())
    assert fitted.std[0] == pytest.approx(inside.std(dtype=np.float64) + 1e-6, rel=1e-6)
    np.testing.assert_allclose(fitted.inverse(fitted.forward(values)), values, rtol=1e-5)


def test_an_empty_or_constant_channel_does_not_divide_by_zero():
    fitted = Statistics.fit(
        ("a", "b"), np.stack([np.full(9, np.nan), np.full(9, 3.0)], -1).astype(np.float32), trimmed=False
    )
    assert fitted.forward(np.array([[1.0, 3.0]], np.float32)).tolist() == [[1.0, 0.0]]
