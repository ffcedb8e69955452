"""Aggregates over a range of days, against xarray, pandas and plain loops over whole arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore.aggregates import compute
from smcore.aggregates.climatology import MIN_VALUES, MIN_YEARS, WINDOW, calendar_day
from smcore.aggregates.compute import aggregate
from smcore.aggregates.request import Aggregate, Range
from smcore.errors import Cancelled, WindowError

ROWS, COLUMNS = 13, 9
FIRST, LAST = "2018-01-10", "2018-02-03"
DAYS = 25


def made(start: str, periods: int, step: str, *, gaps: float = 0.6, seed: int = 3) -> xr.DataArray:
    """Values with a season, gaps, a cell that is always missing and an infinite one."""
    rng = np.random.default_rng(seed)
    time = pd.date_range(start, periods=periods, freq=step)
    season = 0.1 * np.sin(2 * np.pi * time.day_of_year.to_numpy() / 365)[:, None, None]
    values = (0.25 + season + rng.normal(0, 0.03, (periods, ROWS, COLUMNS))).astype("f4")
    values[rng.random(values.shape) < gaps] = np.nan
    values[:, 2, 3] = np.nan
    values[5, 4, 4] = np.inf
    return xr.DataArray(values, dims=("time", "y", "x"), coords={"time": time})


def reader(data: xr.DataArray) -> Callable[[int, slice, slice], np.ndarray]:
    return lambda step, rows, columns: data.values[step, rows, columns]


def asked(data: xr.DataArray, what: Range, rows: slice = slice(0, ROWS), **more: Any) -> Aggregate:
    return aggregate(what, reader(data), data["time"].values, rows, slice(0, COLUMNS), **more)


def days_with_a_value(data: xr.DataArray) -> np.ndarray:
    """Days of the range with a value, by a table of days and cells."""
    part = data.sel(time=slice(FIRST, LAST)).values
    day = data.sel(time=slice(FIRST, LAST))["time"].dt.floor("D").values
    table = pd.DataFrame(np.isfinite(part.reshape(len(part), -1))).groupby(day).any()
    return table.sum().to_numpy().reshape(ROWS, COLUMNS)


@pytest.fixture(params=["D", "12h", "3h"])
def data(request: pytest.FixtureRequest) -> xr.DataArray:
    """Two months of one, two and eight steps a day."""
    per_day = {"D": 1, "12h": 2, "3h": 8}[request.param]
    return made("2018-01-01", 60 * per_day, request.param, gaps=1 - 0.4 / per_day)


@pytest.mark.parametrize("kind", ["mean", "min", "max"])
def test_mean_and_extremes_are_those_of_xarray_where_enough_days_are_valid(data: xr.DataArray, kind: str) -> None:
    found = asked(data, Range(kind, FIRST, LAST, least=0.4))
    part = data.where(np.isfinite(data)).sel(time=slice(FIRST, LAST)).astype("f8")
    expected = getattr(part, kind)("time", skipna=True).values
    days = days_with_a_value(data)
    np.testing.assert_allclose(found.value, np.where(days >= 10, expected, np.nan), rtol=1e-6)
    np.testing.assert_allclose(found.share, days / DAYS, rtol=1e-6)
    assert (days < 10).any()
    assert (days >= 10).any()
    assert (found.steps, found.days) == (part.sizes["time"], DAYS)


@pytest.mark.parametrize("percentile", [0.0, 10.0, 50.0, 87.5, 100.0])
def test_a_percentile_is_numpys_over_the_valid_values(data: xr.DataArray, percentile: float) -> None:
    found = asked(data, Range("percentile", FIRST, LAST, percentile, least=0.0))
    part = data.where(np.isfinite(data)).sel(time=slice(FIRST, LAST)).values.astype("f8")
    valid = np.isfinite(part).any(axis=0)
    expected = np.full((ROWS, COLUMNS), np.nan)
    expected[valid] = np.nanpercentile(part[:, valid], percentile, axis=0)
    np.testing.assert_allclose(found.value, expected, rtol=1e-6)


def test_the_share_of_valid_days_counts_days_and_not_steps(data: xr.DataArray) -> None:
    found = asked(data, Range("share", FIRST, LAST))
    np.testing.assert_allclose(found.value, days_with_a_value(data) / DAYS, rtol=1e-6)
    assert found.value[2, 3] == 0.0


def test_days_without_a_step_count_as_missing(data: xr.DataArray) -> None:
    found = asked(data, Range("share", "2018-02-20", "2018-03-11"))  # the data end on 1 March
    whole = asked(data, Range("share", "2018-02-20", "2018-03-01"))
    np.testing.assert_allclose(found.value * 20, whole.value * 10, rtol=1e-6)


def test_shares_of_overviews_are_averaged_and_the_fullest_step_of_a_day_counts() -> None:
    shares = np.array([0.25, 0.5, 0.0, 1.0, 0.75, 0.0], "f4")[:, None, None] * np.ones((1, 2, 2), "f4")
    time = pd.date_range("2018-01-01T06", periods=6, freq="12h").to_numpy()
    found = aggregate(
        Range("share", "2018-01-01", "2018-01-04"), lambda s, r, c: shares[s, r, c], time, slice(0, 2), slice(0, 2),
        of_shares=True,
    )  # fmt: skip
    np.testing.assert_allclose(found.value, (0.5 + 1.0 + 0.75) / 4)


def numbered(time: pd.DatetimeIndex) -> np.ndarray:
    """The day of a leap year that each has the name of."""
    return pd.DatetimeIndex([f"2000-{stamp:%m-%d}" for stamp in time]).day_of_year.to_numpy()


def climatologies(cell: pd.Series, calendar: np.ndarray) -> pd.Series:
    """For each day of the range the mean of a cell's values within the window of it in other years, by plain masks."""
    margin = pd.Timedelta(days=WINDOW)
    outside = (cell.index < pd.Timestamp(FIRST) - margin) | (cell.index > pd.Timestamp(LAST) + margin)
    winter = (cell.index + pd.Timedelta(days=160)).year  # a winter is of one year
    found = {}
    for day, here in pd.Series(calendar, cell.index)[FIRST:LAST].items():
        apart = np.abs(calendar - here)
        near = np.minimum(apart, 366 - apart) <= WINDOW
        kept = outside & near & np.isfinite(cell.to_numpy())
        enough = kept.sum() >= MIN_VALUES and winter[kept].nunique() >= MIN_YEARS
        found[day] = float(cell[kept].astype("f8").mean()) if enough else np.nan
    return pd.Series(found)


@pytest.mark.parametrize("gaps", [0.3, 0.93])
def test_an_anomaly_is_the_mean_departure_from_the_same_days_of_other_years(gaps: float) -> None:
    data = made("2014-06-01", 365 * 7, "D", gaps=gaps)[:, :5, :5]
    calendar = numbered(pd.DatetimeIndex(data["time"].values))
    what = Range("anomaly", FIRST, LAST, least=0.1)
    found = aggregate(what, reader(data), data["time"].values, slice(0, 5), slice(0, 5))
    some_missing = 0
    for row in range(5):
        for column in range(5):
            cell = data[:, row, column].to_series()
            departures = (cell[FIRST:LAST] - climatologies(cell, calendar)).to_numpy()
            valid = np.isfinite(departures)
            assert found.share[row, column] == pytest.approx(valid.sum() / DAYS)
            expected = departures[valid].mean() if valid.sum() >= 0.1 * DAYS else np.nan
            some_missing += np.isnan(expected)
            assert found.value[row, column] == pytest.approx(expected, abs=1e-7, nan_ok=True)
    assert some_missing >= 1


def test_an_anomaly_of_too_few_years_is_refused_in_words() -> None:
    data = made("2016-06-01", 365 * 3, "D")
    with pytest.raises(WindowError, match="3 other years at least; this product has 2"):
        asked(data, Range("anomaly", FIRST, LAST))


def test_calendar_days_have_one_number_in_common_and_leap_years() -> None:
    days = np.array(["2019-01-01", "2019-02-28", "2020-02-29", "2019-03-01", "2020-03-01", "2020-12-31"], "M8[D]")
    np.testing.assert_array_equal(calendar_day(days), [0, 58, 59, 60, 60, 365])


@pytest.mark.parametrize("kind", ["mean", "percentile", "share"])
def test_blocks_and_pieces_give_what_the_whole_gives(
    data: xr.DataArray, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = Range(kind, FIRST, LAST, 30.0)
    whole = asked(data, what)
    monkeypatch.setattr(compute, "_TILE", 4)
    monkeypatch.setattr(compute, "MEMORY", 5000)
    seen: list[float] = []
    piece = asked(data, what, slice(3, 11), progress=lambda share, _: seen.append(share))
    np.testing.assert_array_equal(piece.value, whole.value[3:11])
    np.testing.assert_array_equal(piece.share, whole.share[3:11])
    assert seen == sorted(seen)
    assert len(set(seen)) > 20


def test_a_range_is_stopped_between_two_steps(data: xr.DataArray) -> None:
    read = []

    def counted(step: int, rows: slice, columns: slice) -> np.ndarray:
        read.append(step)
        return data.values[step, rows, columns]

    with pytest.raises(Cancelled):
        aggregate(
            Range("mean", FIRST, LAST), counted, data["time"].values, slice(0, 3), slice(0, 3),
            cancelled=lambda: len(read) == 4,
        )  # fmt: skip
    assert len(read) == 4


def test_a_range_that_makes_no_sense_is_refused_in_words(data: xr.DataArray) -> None:
    with pytest.raises(WindowError, match="begins on 2018-02-03 and ends before it"):
        Range("mean", LAST, FIRST)
    with pytest.raises(WindowError, match="no aggregate 'sum'"):
        Range("sum", FIRST, LAST)
    with pytest.raises(WindowError, match="0…100"):
        Range("percentile", FIRST, LAST, 101.0)
    with pytest.raises(WindowError, match="no step from 2030-01-01"):
        asked(data, Range("mean", "2030-01-01", "2030-02-01"))
