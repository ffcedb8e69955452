"""Hovmöller diagrams, against plain weighted means and cells looked up one by one."""

from __future__ import annotations

import numpy as np
import pytest
from factories import days, field

from smcore.cubes.overviews import overviews
from smcore.errors import Cancelled, WindowError
from smcore.grids import Grid, distance_km, ease, regular
from smcore.hovmoller import LEAST_SHARE, MOST_BANDS, Hovmoller, along_line, by_latitude, great_circle, raster

EASE = ease("M36").cut(slice(80, 92), slice(200, 216))
REGULAR = regular(60.0, -80.0, 0.5, 0.5, 15, 16)


def cube(grid: Grid, count: int = 12) -> np.ndarray:
    """Values with gaps, a sea in the west, and a last row with few values."""
    values = field(grid, days(count), 4)
    rng = np.random.default_rng(7)
    values[rng.random(values.shape) < 0.35] = np.nan
    values[:, :, :5] = np.nan
    values[1:, -1, 6:] = np.nan
    values[3] = np.nan
    return values


@pytest.mark.parametrize("grid", [EASE, REGULAR], ids=["ease", "regular"])
def test_by_latitude_it_is_the_area_weighted_mean_of_the_valid_cells(grid: Grid) -> None:
    values, time = cube(grid), days(12)
    found = by_latitude(lambda s: values[s], time, np.arange(12), grid.lat_edges, grid.cell_area_km2()[:, None])
    np.testing.assert_allclose(found.edges[[0, -1]], grid.lat_edges[[-1, 0]])
    area = grid.cell_area_km2()[:, None] * np.ones(grid.shape)
    usual = np.isfinite(values).any(axis=0)
    for step in range(12):
        for band in range(len(found.edges) - 1):
            rows = (grid.lat > found.edges[band]) & (grid.lat < found.edges[band + 1])
            if not rows.any():
                continue
            here, weight = values[step][rows], area[rows]
            valid = np.isfinite(here)
            share = (weight * valid).sum() / (weight * usual[rows]).sum()
            assert found.share[step, band] == pytest.approx(share, abs=1e-6)
            if share < LEAST_SHARE or not valid.any():
                assert np.isnan(found.value[step, band])
            else:
                expected = np.average(here[valid].astype("f8"), weights=weight[valid])
                assert found.value[step, band] == pytest.approx(expected, rel=1e-6)
    assert np.isnan(found.value[3]).all()
    assert np.isfinite(found.value).mean() > 0.6


def test_bands_are_bounded_and_every_row_is_in_one() -> None:
    tall = regular(75.0, 10.0, 0.25, 0.25, 600, 4)
    values = np.linspace(0, 1, 600)[None, :, None] * np.ones((1, 600, 4))
    found = by_latitude(lambda s: values[s], days(1), np.array([0]), tall.lat_edges, np.ones((600, 1)))
    assert found.value.shape == (1, MOST_BANDS)
    assert np.isfinite(found.value).all()
    assert (np.diff(found.value[0]) < 0).all()  # the values fall northwards, and the bands go north


def test_high_latitudes_leave_no_empty_band() -> None:
    polar = ease("M36").cut(slice(0, 60), slice(0, 4))  # rows are wide near the pole
    found = by_latitude(lambda s: np.ones((60, 4)), days(1), np.array([0]), polar.lat_edges, np.ones((60, 1)))
    np.testing.assert_array_equal(found.value, 1.0)


def test_overviews_weighted_by_their_valid_share_give_the_mean_of_the_cells() -> None:
    values = np.where(np.random.default_rng(1).random((6, 16, 16)) < 0.4, np.nan, 0.25)
    values = values + np.random.default_rng(2).normal(0, 0.05, values.shape)
    levels = [overviews(step, 1)[0] for step in values]
    found = by_latitude(
        lambda s: levels[s][0], days(6), np.arange(6), np.linspace(60.0, 52.0, 9), np.ones((8, 1)),
        read_share=lambda s: levels[s][1] / 255.0,
    )  # fmt: skip
    expected = np.nanmean(values.reshape(6, 8, 32), axis=2)[:, ::-1]
    np.testing.assert_allclose(found.value, expected, rtol=2e-3)  # shares are kept in steps of 1/255


def test_a_line_shows_the_cells_beneath_it_in_order_and_in_kilometres() -> None:
    values = cube(EASE)
    start, end = (float(EASE.lat[1]), float(EASE.lon[6])), (float(EASE.lat[9]), float(EASE.lon[15]))
    found = along_line(lambda r, c: values[:, r, c], days(12), np.arange(0, 12, 2), EASE, start, end)
    length = float(distance_km(*start, *end))
    assert found.edges[0] == 0.0
    assert found.edges[-1] == pytest.approx(length, rel=1e-9)
    lat, lon, _ = great_circle(start, end, 1001)
    for position in range(found.value.shape[1]):
        middle = (found.edges[position] + found.edges[position + 1]) / 2 / length
        row, column = (int(i) for i in EASE.index(lat[round(1000 * middle)], lon[round(1000 * middle)]))
        near = values[::2, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].reshape(6, -1)
        for step in range(6):
            value = found.value[step, position]
            assert np.isnan(value) or value in near[step]
    np.testing.assert_array_equal(found.value[:, 0], values[::2, 1, 6])
    assert found.time[1] == days(12)[2]


def test_points_on_a_great_circle_are_equally_far_apart_over_the_dateline_too() -> None:
    lat, lon, length = great_circle((10.0, 170.0), (-20.0, -160.0), 11)
    apart = distance_km(lat[:-1], lon[:-1], lat[1:], lon[1:])
    np.testing.assert_allclose(apart, length / 10, rtol=1e-9)
    assert np.isfinite(lon).all()
    assert np.abs(lon).min() > 155


@pytest.mark.parametrize("end", [(10.0, 20.0), (-10.0, -160.0)])
def test_a_line_of_no_length_or_direction_is_refused(end: tuple[float, float]) -> None:
    with pytest.raises(WindowError, match="no length"):
        great_circle((10.0, 20.0), end, 5)


def test_a_line_beside_the_product_is_refused() -> None:
    with pytest.raises(WindowError, match="misses the product"):
        along_line(lambda *_: np.zeros(3), days(3), np.arange(3), EASE, (-30.0, 10.0), (-40.0, 20.0))


def test_it_is_stopped_between_two_steps() -> None:
    read = []
    with pytest.raises(Cancelled):
        by_latitude(
            lambda s: read.append(s) or np.zeros(EASE.shape), days(9), np.arange(9), EASE.lat_edges, np.ones((12, 1)),
            cancelled=lambda: len(read) == 3,
        )  # fmt: skip
    assert read == [0, 1, 2]


def test_gaps_in_time_stay_gaps_on_the_even_axis() -> None:
    time = np.array(["2018-01-01", "2018-01-02", "2018-01-03", "2018-01-07"], "datetime64[ns]")
    value = np.arange(8, dtype="f4").reshape(4, 2)
    values, share, first, last = raster(Hovmoller(time, np.arange(3.0), value, np.ones((4, 2), "f4")))
    np.testing.assert_array_equal(values, [[0, 2, 4, np.nan, np.nan, np.nan, 6], [1, 3, 5, np.nan, np.nan, np.nan, 7]])
    np.testing.assert_array_equal(share[0], [1, 1, 1, 0, 0, 0, 1])
    assert (first, last) == (np.datetime64("2017-12-31T12:00:00"), np.datetime64("2018-01-07T12:00:00"))


def test_a_long_record_is_averaged_into_the_columns_there_are() -> None:
    time = days(100)
    value = np.arange(100, dtype="f4")[:, None]
    values, *_ = raster(Hovmoller(time, np.arange(2.0), value, np.ones((100, 1), "f4")), most=10)
    np.testing.assert_allclose(values[0], np.arange(4.5, 100, 10))
