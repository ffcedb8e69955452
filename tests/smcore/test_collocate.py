"""Fields on another grid's cells: what lies there, or the mean of what lies inside, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.collocate import collocation, is_finer
from smcore.grids import ease, regular


def brute(source, target, field, rows, columns):
    """Cell by cell, by the centres alone."""
    result = np.full((rows.stop - rows.start, columns.stop - columns.start), np.nan)
    inside = {}
    for r, lat in enumerate(source.lat):
        for c, lon in enumerate(source.lon):
            row, column = (int(i) for i in target.index(lat, lon))
            if rows.start <= row < rows.stop and columns.start <= column < columns.stop:
                inside.setdefault((row - rows.start, column - columns.start), []).append(field[r, c])
    for cell, values in inside.items():
        good = [v for v in values if np.isfinite(v)]
        if good and 2 * len(good) >= len(values):
            result[cell] = np.mean(good)
    return result


def test_the_mean_of_nested_cells_is_that_of_their_block():
    fine = ease("M09").cut(slice(320, 340), slice(800, 824))
    coarse = ease("M36").cut(slice(80, 85), slice(200, 206))
    field = np.random.default_rng(0).random((20, 24)).astype(np.float32)
    found = collocation(fine, coarse, slice(0, 5), slice(0, 6))
    assert found.means
    assert found.cells == 480
    blocks = field.reshape(5, 4, 6, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(found.of(field[found.rows, found.columns]), blocks, rtol=1e-6)


def test_a_mean_needs_half_of_its_cells():
    fine = ease("M09").cut(slice(320, 324), slice(800, 808))
    coarse = ease("M36").cut(slice(80, 81), slice(200, 202))
    field = np.full((4, 8), 0.2, np.float32)
    field[:2, :4] = np.nan  # half of the first
    field[:, 4:] = np.nan
    field[0, 4:] = field[1, 4:7] = 0.4  # seven of sixteen of the second
    found = collocation(fine, coarse, slice(0, 1), slice(0, 2)).of(field)
    assert found[0, 0] == pytest.approx(0.2)
    assert np.isnan(found[0, 1])


@pytest.mark.parametrize("window", [(slice(0, 6), slice(0, 7)), (slice(2, 5), slice(3, 4))])
def test_grids_that_do_not_nest_go_by_centres(window):
    rng = np.random.default_rng(1)
    fine, coarse = regular(41.0, -101.0, 0.1, 0.1, 40, 45), ease("M36").cut(slice(70, 76), slice(212, 219))
    field = rng.random(fine.shape).astype(np.float32)
    field[rng.random(fine.shape) < 0.4] = np.nan
    found = collocation(fine, coarse, *window)
    result = found.of(field[found.rows, found.columns])
    np.testing.assert_allclose(result, brute(fine, coarse, field, *window), rtol=1e-6)
    assert np.isfinite(result).any()


def test_a_coarse_value_stands_in_every_finer_cell_whose_centre_it_holds():
    rng = np.random.default_rng(2)
    coarse, fine = ease("M36").cut(slice(70, 76), slice(212, 219)), regular(41.0, -101.0, 0.1, 0.1, 40, 45)
    field = rng.random(coarse.shape).astype(np.float32)
    rows, columns = slice(3, 30), slice(5, 45)
    found = collocation(coarse, fine, rows, columns)
    assert not found.means
    result = found.of(field[found.rows, found.columns])
    for r in range(27):
        for c in range(40):
            row, column = coarse.index(fine.lat[rows.start + r], fine.lon[columns.start + c])
            expected = field[row, column] if row >= 0 else np.nan
            np.testing.assert_equal(result[r, c], np.float32(expected))


def test_one_grid_gives_itself_shifted_to_the_window():
    whole = ease("M09")
    source, target = whole.cut(slice(300, 340), slice(800, 830)), whole.cut(slice(310, 360), slice(790, 820))
    field = np.random.default_rng(3).random(source.shape).astype(np.float32)
    found = collocation(source, target, slice(0, 50), slice(0, 30))
    result = found.of(field[found.rows, found.columns])
    np.testing.assert_array_equal(result[:30, 10:], field[10:, :20])
    assert np.isnan(result[30:]).all()
    assert np.isnan(result[:, :10]).all()


def test_longitudes_past_the_dateline_are_the_same_places():
    source = regular(10.0, 175.0, 1.0, 1.0, 4, 10)  # to 185° E
    target = regular(10.0, -180.0, 1.0, 1.0, 4, 360)
    field = np.arange(40, dtype=np.float32).reshape(4, 10)
    found = collocation(source, target, slice(0, 4), slice(0, 360))
    result = found.of(field[found.rows, found.columns])
    np.testing.assert_array_equal(result[:, 355:], field[:, :5])
    np.testing.assert_array_equal(result[:, :5], field[:, 5:])
    assert np.isnan(result[:, 5:355]).all()


def test_places_apart_share_nothing():
    found = collocation(
        regular(10.0, 0.0, 1.0, 1.0, 4, 4), regular(60.0, 0.0, 0.5, 0.5, 6, 6), slice(0, 6), slice(0, 6)
    )
    assert found.is_empty
    assert np.isnan(found.of(np.empty((0, 0), np.float32))).all()


def test_cells_of_one_grid_are_of_one_size_at_any_latitude():
    assert is_finer(ease("M09").cut(slice(0, 40), slice(0, 40)), ease("M36").cut(slice(100, 110), slice(0, 9)))
    assert not is_finer(ease("M09").cut(slice(0, 40), slice(0, 40)), ease("M09").cut(slice(700, 740), slice(0, 9)))


def test_a_cell_that_the_source_covers_by_less_than_half_gets_no_mean():
    coarse = ease("M36").cut(slice(80, 82), slice(200, 203))
    fine = ease("M09").cut(slice(320, 328), slice(803, 812))  # one of four columns of the first coarse one
    field = np.full(fine.shape, 0.3, np.float32)
    found = collocation(fine, coarse, slice(0, 2), slice(0, 3)).of(field)
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[:, 1:], 0.3, rtol=1e-6)
    half = ease("M09").cut(slice(320, 328), slice(802, 812))
    assert np.isfinite(collocation(half, coarse, slice(0, 2), slice(0, 3)).of(np.full(half.shape, 0.3, "f4"))).all()
