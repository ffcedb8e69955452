"""Seasons and months of times, north and south."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.errors import MatchError
from smcore.validation.strata.seasons import LABELS, season_of

NO_TIME = np.iinfo(np.int64).min


def instants(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[us]").astype(np.int64)


def names_of(codes: np.ndarray, kind: str) -> list[str]:
    return [LABELS[kind][code] if code >= 0 else "" for code in codes.ravel()]


def test_meteorological_seasons_change_on_the_first_of_march_june_september_and_december() -> None:
    time = instants(
        "2016-02-29T23:59:59", "2016-03-01", "2016-05-31", "2016-06-01", "2016-08-31", "2016-09-01", "2016-11-30",
        "2016-12-01", "2017-01-15", "1969-12-31T23:00",
    )  # fmt: skip
    expected = ["DJF", "MAM", "MAM", "JJA", "JJA", "SON", "SON", "DJF", "DJF", "DJF"]
    assert names_of(season_of(time), "season") == expected
    assert season_of(time).dtype == np.int8


def test_months_are_those_of_the_calendar() -> None:
    time = np.arange("2015-01", "2017-01", dtype="datetime64[M]").astype("datetime64[us]").astype(np.int64)
    assert names_of(season_of(time, kind="month"), "month") == list(LABELS["month"]) * 2


def test_winter_in_july_is_winter_in_the_south() -> None:
    time = np.broadcast_to(instants("2016-01-10", "2016-04-10", "2016-07-10", "2016-10-10"), (3, 4))
    codes = season_of(time, np.array([50.0, -35.0, np.nan]), kind="local_season")
    assert names_of(codes[0], "local_season") == ["winter", "spring", "summer", "autumn"]
    assert names_of(codes[1], "local_season") == ["summer", "autumn", "winter", "spring"]
    assert (codes[2] == -1).all()
    np.testing.assert_array_equal(season_of(time, np.array([50.0, -35.0, 0.0]))[1], [0, 1, 2, 3])


@pytest.mark.parametrize("kind", list(LABELS))
def test_padding_has_no_season(kind: str) -> None:
    time = np.array([[NO_TIME, instants("2016-01-10")[0]]])
    codes = season_of(time, np.array([10.0]), kind=kind)
    assert codes[0, 0] == -1
    assert codes[0, 1] == 0
    assert season_of(np.empty((2, 0), np.int64), np.zeros(2), kind=kind).shape == (2, 0)


def test_an_unknown_division_is_refused() -> None:
    with pytest.raises(MatchError, match=r"no seasons 'week'.*season, local_season, month"):
        season_of(instants("2016-01-10"), kind="week")
