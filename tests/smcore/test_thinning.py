"""A thinned series looks like the whole one."""

import numpy as np

from smcore.figures.thinning import thin


def hourly(count):
    return np.datetime64("2010-01-01", "ns") + np.arange(count) * np.timedelta64(1, "h")


def test_a_short_series_is_kept_whole():
    time = hourly(400)
    assert thin(time, np.ones(400), time[0], time[-1], columns=100).tolist() == list(range(400))


def test_the_extremes_of_every_column_and_the_gaps_survive():
    time, rng = hourly(50_000), np.random.default_rng(1)
    value = rng.normal(0.2, 0.05, 50_000)
    value[777], value[31_234] = 0.99, -0.5
    value[20_000:20_500] = np.nan
    kept = thin(time, value, time[0], time[-1], columns=500)
    assert len(kept) < 1_100
    assert (np.diff(kept) > 0).all()
    assert {0, 777, 31_234, 20_000, 49_999} <= set(kept.tolist())
    column = np.minimum(np.arange(50_000) / 49_999 * 500, 499).astype(int)
    for c in (0, 123, 499):
        inside = value[column == c]
        shown = value[kept[column[kept] == c]]
        assert np.nanmax(inside) == np.nanmax(shown)
        assert np.nanmin(inside) == np.nanmin(shown)


def test_zooming_in_brings_the_points_back_with_one_beyond_each_end():
    time = hourly(50_000)
    kept = thin(time, np.ones(50_000), time[1000], time[1100], columns=500)
    assert kept.tolist() == list(range(999, 1102))


def test_an_all_missing_series_is_one_gap():
    time = hourly(10_000)
    assert thin(time, np.full(10_000, np.nan), time[0], time[-1], columns=100).tolist() == [0, 9_999]
