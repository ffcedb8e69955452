"""Data in their roles: what an option means, which values count, and means of several steps a day."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from smcore import names
from smcore.errors import CatalogError
from smcore.grids import ease
from smcore.roles import Source, as_seen, fitting, mean_of_steps, observations, parse, read_series


def test_a_role_stands_before_the_equals_sign_and_may_be_left_out():
    assert parse(["target=a", "b"]) == [("target", "a"), ("", "b")]
    with pytest.raises(CatalogError, match="no role 'goal'"):
        parse(["goal=a"])
    with pytest.raises(CatalogError, match="No data set is named"):
        parse(["target="])


def test_roles_follow_from_variables_and_kind(small_world):
    found = {s.id: fitting(s) for s in small_world.sources("target", "forcing", "static", "stations")}
    assert found == {
        "target": {"target"},
        "forcing": {"forcing"},
        "static": {"static"},
        "stations": {"stations"},
    }
    model = small_world.target.assign_attrs(kind="modelled")
    assert fitting(Source("noah", frozenset(), model)) == {"model_sm"}


def two_passes(world):
    """The target with a morning and an evening step a day, and quality flags."""
    data = world.target.isel(time=slice(0, 10))
    hours = np.array([6, 18], "timedelta64[h]")
    time = (data["time"].values[:, None] + hours).ravel()
    sm = np.repeat(data["sm"].values, 2, axis=0)
    sm[1::2] += 0.1
    quality = np.where(np.isfinite(sm), 0, -1).astype(np.int32)
    quality[2, 0, 0] = 1
    coords = {names.TIME: time, names.OVERPASS: (names.TIME, ["am", "pm"] * 10)}
    return Source(
        "passes",
        frozenset({"target"}),
        xr.Dataset(
            {
                "sm": (names.CUBE_DIMS, sm, {"units": "m3 m-3"}),
                "quality": (names.CUBE_DIMS, quality, {"recommended_bits": 1, "attempted_bits": 2}),
            },
            coords | {k: data[k] for k in ("lat", "lon")},
            data.attrs | {"time_support": names.INSTANT},
        ),
    )


def test_only_the_overpass_and_the_quality_asked_for_count(small_world):
    source = two_passes(small_world)
    morning = observations(source, quality="all", overpass="am")
    assert len(morning.time) == 10
    usable = observations(source, quality="recommended", overpass="am").data["sm"].values
    everything = morning.data["sm"].values
    assert np.isnan(usable[1, 0, 0])
    usable[1, 0, 0] = everything[1, 0, 0]
    np.testing.assert_array_equal(usable, everything)


def test_a_model_sees_a_target_by_the_rules_and_its_other_roles_as_they_are(small_world):
    passes = two_passes(small_world)
    both = dataclasses.replace(passes, roles=frozenset({"target", "model_sm"}))
    forcing = small_world.sources("forcing")[0]
    target, other, last = as_seen([both, forcing], quality="recommended", overpass="am")
    assert (target.roles, other.roles) == ({"target"}, {"model_sm"})
    kept = observations(passes, quality="recommended", overpass="am").data
    assert target.data.identical(kept)
    assert other.data is both.data
    assert last is forcing


def test_a_day_with_two_steps_is_their_mean_over_valid_ones(small_world):
    source = two_passes(small_world)
    lat, lon = small_world.coarse.lat[[1, 2]], small_world.coarse.lon[[3, 4]]
    days = small_world.target["time"].values[:10]
    both = read_series(source, "sm", lat, lon, days)
    one = small_world.target["sm"].values[:10][:, [1, 2], [3, 4]]
    np.testing.assert_allclose(both, one + 0.05, rtol=1e-5)


def test_days_outside_the_data_and_points_beside_the_grid_are_missing(small_world):
    source = small_world.sources("forcing")[0]
    days = np.array(["2018-12-31", "2019-01-01"], "datetime64[ns]")
    values = read_series(
        source, "precipitation", np.array([small_world.fine.lat[3], 0.0]), np.array([small_world.fine.lon[3]] * 2), days
    )
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1, 0])
    assert np.isnan(values[1, 1])


def test_sub_daily_models_take_the_very_stamp():
    time = np.datetime64("2019-01-01", "ns") + np.arange(8) * np.timedelta64(3, "h")
    values = np.arange(8, dtype=np.float32)[:, None]
    wanted = time[[2, 5]]
    np.testing.assert_array_equal(mean_of_steps(values, time, wanted, "3h")[:, 0], [2, 5])
    np.testing.assert_array_equal(mean_of_steps(values, time, wanted[:1], "1D")[:, 0], [3.5])


def test_a_source_says_what_a_card_needs_once_for_each_role(small_world):
    source = dataclasses.replace(small_world.sources("forcing")[0], roles=frozenset({"static", "forcing"}))
    records = source.records()
    assert [r["role"] for r in records] == ["forcing", "static"]
    assert all(r["synthetic"] and r["fingerprint"] == "print-of-forcing" for r in records)


def hourly(hours: int, values: np.ndarray, **attrs: object) -> Source:
    """One cell with a value every ``hours`` hours from 2020-01-01 00:00."""
    time = np.datetime64("2020-01-01", "ns") + np.arange(len(values)) * np.timedelta64(hours, "h")
    grid = ease("M36").cut(slice(100, 101), slice(200, 201))
    about = {"title": "steps", "kind": "forcing", "synthetic": 1, **grid.to_attrs()} | attrs
    data = xr.Dataset(
        {"precipitation": (("time", "y", "x"), values.reshape(-1, 1, 1).astype("f4"), {"units": "mm d-1"})},
        {"time": time, "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        about,
    )
    return Source("steps", frozenset({"forcing"}), data)


def daily(source: Source, days: int) -> list[float]:
    wanted = np.datetime64("2020-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")
    lat, lon = source.data["lat"].values, source.data["lon"].values
    return read_series(source, "precipitation", lat, lon, wanted)[:, 0].tolist()


def test_a_mean_stamped_at_its_end_belongs_to_the_day_that_it_covers() -> None:
    values = np.zeros(17)
    values[8] = 80.0  # 21 to 24 h of the first day, stamped 00:00 of the second
    assert daily(hourly(3, values, time_support="mean:3:end"), 2) == [10.0, 0.0]
    assert daily(hourly(3, values, time_support="mean:3:start"), 2) == [0.0, 10.0]


def test_a_day_with_fewer_than_half_of_its_steps_has_no_mean() -> None:
    values = np.ones(48)
    values[24:37] = np.nan
    assert daily(hourly(1, values), 1) == [1.0]
    assert np.isnan(daily(hourly(1, values), 2)[1])
    values[36] = 1.0
    assert daily(hourly(1, values), 2) == [1.0, 1.0]
