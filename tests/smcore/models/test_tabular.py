"""Rows of feature vectors: what is in them, from which day, over gaps in time, and averaged over fine cells."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smcore.errors import ModelError
from smcore.models.arrays import Inputs, Task
from smcore.models.series.features import NAMES, year_features
from smcore.models.spec import WHOLE_RECORD, InputSpec
from smcore.models.vectors import samples
from smcore.models.vectors.tabular import LAYOUTS, Table, baseline

SPECS = (
    InputSpec("precipitation", "mm d-1"),
    InputSpec("air_temperature", "K"),
    InputSpec("sand", "%", "static"),
    InputSpec("land_cover", "1", "static"),
    InputSpec("sm", "m3 m-3", "observed"),
)
STEPS, PLACES = 80, 5


def make(seed: int = 0, steps: int = STEPS, places: int = PLACES) -> Inputs:
    rng = np.random.default_rng(seed)
    observed = rng.uniform(0.1, 0.4, (steps, places))
    observed[rng.random(observed.shape) < 0.4] = np.nan
    return Inputs(
        time=np.datetime64("2019-02-01", "ns") + np.arange(steps) * np.timedelta64(1, "D"),
        dynamic=np.stack([rng.gamma(0.5, 8, (steps, places)), rng.uniform(270, 300, (steps, places))], axis=-1),
        static=np.stack([rng.uniform(0, 100, places), [1.0, 10.0, 12.0, np.nan, 16.0][:places]], axis=-1),
        lat=np.linspace(30, 45, places),
        lon=np.linspace(-120, -80, places),
        specs=SPECS,
        observed=observed,
    )


def row(table: Table, inputs: Inputs, step: int, place: int, **more: object) -> dict[str, float]:
    found = table.rows(inputs, np.array([step]), np.array([place]), **more)
    assert found.shape == (1, len(table.names))
    return dict(zip(table.names, found[0], strict=True))


def test_a_row_holds_the_day_its_past_the_season_statics_and_the_place():
    inputs = make()
    found = row(Table(LAYOUTS["multiscale_lstm"], SPECS), inputs, 40, 1)
    rain = inputs.series("precipitation")[:, 1].astype(float)
    assert found["precipitation"] == pytest.approx(rain[40])
    for days in (3, 7, 30):
        assert found[f"precipitation_{days}d"] == pytest.approx(rain[41 - days : 41].mean(), rel=1e-6)
    day_of_year = 31 + 40
    assert found["season_sin"] == pytest.approx(np.sin(2 * np.pi * day_of_year / 365.25))
    assert found["season_cos"] == pytest.approx(np.cos(2 * np.pi * day_of_year / 365.25))
    assert found["sand"] == inputs.static[1, 0]
    assert (found["is_grass"], found["is_forest"], found["is_barren"]) == (1, 0, 0)
    assert (found["latitude"], found["longitude"]) == (33.75, -110)


def test_missing_land_cover_is_missing_in_every_group():
    found = row(Table(LAYOUTS["multiscale_lstm"], SPECS), make(), 3, 3)
    assert all(np.isnan(value) for name, value in found.items() if name.startswith("is_"))


def test_past_means_count_days_of_the_calendar_and_leave_missing_ones_out():
    whole = make()
    kept = np.delete(np.arange(STEPS), np.arange(35, 39))
    rain = whole.dynamic.copy()
    rain[41, 1, 0] = np.nan
    inputs = dataclasses.replace(whole, time=whole.time[kept], dynamic=rain[kept], observed=None, specs=SPECS[:-1])
    table = Table(LAYOUTS["multiscale_lstm"], SPECS[:-1])
    found = row(table, inputs, 42 - 4, 1)
    wet = rain[:, 1, 0].astype(float)
    assert found["precipitation_3d"] == pytest.approx(np.mean([wet[40], wet[42]]), rel=1e-6)
    assert found["precipitation_7d"] == pytest.approx(np.mean([wet[39], wet[40], wet[42]]), rel=1e-6)


def test_lags_are_days_before_and_missing_where_the_record_has_no_such_day():
    table = Table(LAYOUTS["smsnet_history"], SPECS[:-1])
    inputs = dataclasses.replace(make(), observed=None, specs=SPECS[:-1])
    found = row(table, inputs, 10, 2)
    assert found["air_temperature_4d_ago"] == inputs.series("air_temperature")[6, 2]
    assert found["land_cover"] == 12
    early = row(table, inputs, 2, 2)
    assert np.isnan(early["precipitation_3d_ago"])
    assert early["precipitation_2d_ago"] == inputs.series("precipitation")[0, 2]


def test_the_eighteen_variables_of_smsnet_are_eighteen():
    spec = baseline("random_forest", "t", "c", "smsnet", configs=("smsnet",))
    assert len(Table(LAYOUTS["smsnet"], spec.inputs).names) == 18
    assert spec.history == 0
    assert not spec.sees_target


def test_a_three_hourly_row_knows_the_hour():
    spec = baseline("random_forest", "t", "c", "pscnet", configs=("pscnet",))
    assert spec.step == "3h"
    table = Table(LAYOUTS["pscnet"], SPECS[:-1])
    inputs = dataclasses.replace(
        make(steps=8),
        time=np.datetime64("2019-02-01", "ns") + np.arange(8) * np.timedelta64(3, "h"),
        observed=None,
        specs=SPECS[:-1],
    )
    found = row(table, inputs, 2, 0)
    assert found["hour_sin"] == pytest.approx(1)
    assert found["hour_cos"] == pytest.approx(0, abs=1e-7)


def test_only_a_layout_with_series_features_sees_the_target_and_both_sides_of_a_day():
    with_series, without = (
        baseline("random_forest", "t", "c", name, configs=(name,)) for name in ("tssmnet", "tssmnet_no_series")
    )
    assert with_series.sees_target
    assert with_series.lookahead == with_series.history == WHOLE_RECORD
    assert not without.sees_target
    assert (without.history, without.lookahead) == (29, 0)
    with pytest.raises(ModelError, match="no layout"):
        baseline("random_forest", "t", "c", "nonsense", configs=())


def test_series_features_come_last_and_are_those_without_the_day():
    inputs = make(steps=120)
    table = Table(LAYOUTS["tssmnet"], SPECS)
    described = year_features(inputs.observed, inputs.time)
    found = row(table, inputs, 77, 2, series=described)
    assert table.names[-len(NAMES) :] == NAMES
    np.testing.assert_array_equal(
        [found[name] for name in NAMES], described.at(inputs.time, np.array([77]), np.array([2]))[0]
    )


def test_every_sample_is_a_valid_target_drawn_once():
    inputs = dataclasses.replace(make(places=4), observed=None, specs=SPECS[:-1])
    target = np.arange(STEPS * 4, dtype=float).reshape(STEPS, 4)
    target[::3] = np.nan
    drawn, donors = samples.draw(
        Table(LAYOUTS["multiscale_lstm"], SPECS[:-1]), Task(inputs, target), 100, np.random.default_rng(0)
    )
    assert donors is None
    assert len(drawn.y) == len(set(drawn.y)) == 100
    assert np.isfinite(drawn.y).all()
    temperature = inputs.series("air_temperature").reshape(-1)[drawn.y.astype(int)]
    np.testing.assert_array_equal(drawn.x[:, 1], temperature)


def test_a_coarse_target_gets_the_mean_of_its_cells_and_cells_of_none_are_left_out(monkeypatch):
    monkeypatch.setattr(samples, "_BLOCK", 1)  # one target a block
    inputs = dataclasses.replace(make(), observed=None, specs=SPECS[:-1])
    members = np.array([1, 0, -1, 1, 1])
    target = np.random.default_rng(1).uniform(0.1, 0.4, (STEPS, 2))
    table = Table(LAYOUTS["multiscale_lstm"], SPECS[:-1])
    drawn, _ = samples.draw(table, Task(inputs, target, members), 10_000, np.random.default_rng(0))
    assert len(drawn.y) == 2 * STEPS
    step, place = np.nonzero(target.astype(np.float32) == drawn.y[-1])
    cells = np.flatnonzero(members == place[0])
    every = table.rows(inputs, np.repeat(step, len(cells)), cells)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(drawn.x[-1], np.nanmean(every.astype(float), axis=0), rtol=1e-5)


def test_what_is_kept_back_are_whole_blocks_or_with_the_series_whole_periods():
    rng = np.random.default_rng(0)
    time = np.datetime64("2019-01-01", "ns") + rng.integers(0, 300, 5000) * np.timedelta64(1, "D")
    lat, lon = rng.uniform(30, 45, 5000), rng.uniform(-120, -80, 5000)
    by_place = samples._held(time, lat, lon, rng, by_time=False)
    by_time = samples._held(time, lat, lon, rng, by_time=True)
    assert 0.1 < by_place.mean() < 0.2
    assert 0.1 < by_time.mean() < 0.2
    blocks = [f"{a} {b}" for a, b in zip(lat // 2, lon // 2, strict=True)]
    periods = time.astype("datetime64[D]").astype(int) // 10
    for held, keys in ((by_place, blocks), (by_time, periods)):
        assert not set(np.array(keys)[held]) & set(np.array(keys)[~held])


@pytest.mark.parametrize("layout", ["multiscale_lstm", "tssmnet"])
def test_blocks_of_a_prediction_are_the_rows_of_the_whole(monkeypatch, layout):
    inputs = dataclasses.replace(make(), first=20)
    table = Table(LAYOUTS[layout], SPECS)
    whole = {tuple(places): rows for places, rows in samples.prediction_blocks(table, inputs, None)}
    assert list(whole) == [tuple(range(PLACES))]
    monkeypatch.setattr(samples, "_ROWS", 2 * (STEPS - 20))
    rows = whole[tuple(range(PLACES))].reshape(STEPS - 20, PLACES, -1)
    for places, part in samples.prediction_blocks(table, inputs, None):
        assert len(places) <= 2
        np.testing.assert_array_equal(part.reshape(STEPS - 20, len(places), -1), rows[:, places])
