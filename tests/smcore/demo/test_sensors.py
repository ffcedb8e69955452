"""Broken sensors of the demo world, and what automatic control notices of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from smcore.demo import simulation
from smcore.demo.simulation import Domain
from smcore.demo.sites import FAULTS
from smcore.demo.station_book import StationBook, join
from smcore.demo.world import DEFAULT, LOCAL, SEED, Period
from smcore.stations import flags


@pytest.fixture(scope="module")
def stations() -> xr.Dataset:
    """The dense network of the default cut, from late winter to the end of summer."""
    span = Period("2019-02-01", "2019-09-05")
    domain = Domain.make(SEED, LOCAL.grid("M09"))
    book = StationBook(SEED, replace(DEFAULT, period=span, stations=(14, 0, 0)), {"M09": domain})
    book.begin()
    for (scene,) in simulation.year(SEED, (domain,), int(span.days[-1])):
        book.note({"M09": scene})
    book.close(span)
    return join([book])


def _of(stations: xr.Dataset, fault: str, depth: float = 0.05) -> xr.Dataset:
    return stations.sel(sensor=(stations["synthetic_fault"] == fault) & (stations["depth_from"] == depth)).isel(
        sensor=0
    )


def _flagged(one: xr.Dataset, code: str) -> np.ndarray:
    return (one["flag"].values & flags.MASKS[code]) > 0


def test_every_sort_of_fault_hangs_in_the_dense_network(stations: xr.Dataset) -> None:
    assert set(stations["synthetic_fault"].values) == {"", *FAULTS}


def test_a_drifting_sensor_leaves_its_neighbours_and_no_flag_tells(stations: xr.Dataset) -> None:
    one = _of(stations, "drift")
    below = stations.sel(sensor=(stations["station"] == one["station"]) & (stations["depth_from"] > 0.1)).isel(sensor=0)
    gap = (one["sm"] - below["sm"]).values
    month = 30 * 24
    assert np.nanmean(gap[-month:]) - np.nanmean(gap[:month]) > 0.06
    assert not any(_flagged(one, code).any() for code in ("D06", "D09", "D10"))


def test_a_stuck_sensor_is_constant_for_weeks_and_flagged_after_half_a_day(stations: xr.Dataset) -> None:
    one = _of(stations, "stuck")
    held = _flagged(one, "D10")
    assert held.sum() > 20 * 24
    assert np.nanstd(one["sm"].values[held]) == pytest.approx(0, abs=1e-6)


def test_exchanged_sensors_make_the_deep_one_quicker_than_the_shallow_one(stations: xr.Dataset) -> None:
    shallow, deep = _of(stations, "swapped"), _of(stations, "swapped", 0.20)

    def jumps(one: xr.Dataset) -> float:
        return float(np.nanmax(np.abs(np.diff(one["sm"].values[::6]))))

    assert jumps(deep) > 2 * jumps(shallow)


def test_two_sensors_at_one_depth_can_disagree_in_sign(stations: xr.Dataset) -> None:
    odd = _of(stations, "disagrees")
    here = stations.sel(sensor=(stations["station"] == odd["station"]) & (stations["depth_from"] == 0.05))
    assert here.sizes["sensor"] == 2
    both = np.isfinite(here["sm"].values).all(axis=0)
    assert np.corrcoef(here["sm"].values[:, both])[0, 1] < -0.5


def test_a_short_record_ends_and_its_missing_hours_are_flagged(stations: xr.Dataset) -> None:
    one = _of(stations, "short")
    there = np.isfinite(one["sm"].values)
    days = one["time"].values[there].astype("datetime64[D]")
    assert days.min() >= np.datetime64("2019-05-15")
    assert days.max() <= np.datetime64("2019-08-31")
    assert (one["flag"].values[~there] == flags.MASKS["M"]).all()


def test_spikes_are_flagged_and_only_in_the_sensor_that_has_them(stations: xr.Dataset) -> None:
    one = _of(stations, "spikes")
    spike = _flagged(one, "D06")
    assert spike.sum() > 5
    values = one["sm"].values
    assert np.nanmedian(values[spike]) - np.nanmedian(values[~spike]) > 0.15
    sound = stations.sel(sensor=stations["synthetic_fault"] == "")
    assert not (sound["flag"].values & flags.MASKS["D06"]).any()


def test_frost_lowers_the_reading_and_is_flagged(stations: xr.Dataset) -> None:
    frozen = (stations["flag"].values & flags.MASKS["D01"]) > 0
    cold = stations["soil_temperature"].values < 273.0
    assert frozen[cold & np.isfinite(stations["sm"].values)].all()


def test_sound_sensors_are_good_most_of_the_time_and_lie_in_their_range(stations: xr.Dataset) -> None:
    sound = stations.sel(sensor=stations["synthetic_fault"] == "")
    assert (sound["flag"].values == flags.MASKS["G"]).mean() > 0.8
    values = sound["sm"].values
    assert np.nanmin(values) >= 0
    assert np.nanmax(values) < 0.6
