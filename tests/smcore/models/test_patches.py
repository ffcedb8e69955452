"""Tiles: where they lie, what they hold, and that any window sees the same ones."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.errors import ModelError
from smcore.models.arrays import Inputs
from smcore.models.spec import InputSpec
from smcore.models.tiles.patches import Mosaic, cut, draw_crops, rectangle, steps_before, tiles_on_lattice

DAY = np.timedelta64(1, "D")


def _inputs(shape: tuple[int, int] | None) -> Inputs:
    count = 12
    return Inputs(
        time=np.arange("2019-01-01", "2019-01-04", dtype="datetime64[D]"),
        dynamic=np.arange(3 * count * 2).reshape(3, count, 2),
        static=np.arange(count)[:, None],
        lat=np.zeros(count),
        lon=np.arange(count),
        specs=(InputSpec("a", "1"), InputSpec("b", "1"), InputSpec("c", "1", "static")),
        shape=shape,
    )


def test_a_rectangle_is_a_view_row_by_row():
    inputs = _inputs((3, 4))
    maps = rectangle(inputs)
    assert maps.dynamic.shape == (3, 3, 4, 2)
    assert np.shares_memory(maps.dynamic, inputs.dynamic)
    assert maps.dynamic[1, 2, 1, 0] == inputs.dynamic[1, 2 * 4 + 1, 0]
    assert maps.lon[1, 0] == 4
    assert maps.observed is None


def test_loose_locations_are_no_rectangle():
    with pytest.raises(ModelError, match="rectangle"):
        rectangle(_inputs(None))


@pytest.mark.parametrize("offset", [(0, 0), (2, 2), (6, 3)])
@pytest.mark.parametrize("origin", [(0, 0), (5, 11), (16, 8)])
def test_tiles_begin_where_the_whole_grid_says_and_cover_every_cell_once(origin, offset):
    tiles = tiles_on_lattice((20, 26), (8, 8), origin=origin, offset=offset)
    assert ((tiles.rows + origin[0] - offset[0]) % 8 == 0).all()
    assert ((tiles.columns + origin[1] - offset[1]) % 8 == 0).all()
    cells, inside = tiles.cells()
    assert sorted(cells[inside]) == list(range(20 * 26))
    assert inside.any(axis=(1, 2)).all()


def test_two_windows_cut_the_same_tile():
    whole = np.random.default_rng(0).normal(size=(40, 40, 3))
    tiles = {}
    for row, column in ((3, 5), (9, 2)):
        part = whole[row : row + 28, column : column + 28]
        found = tiles_on_lattice(part.shape[:2], (8, 8), origin=(row, column), offset=(4, 4))
        corners = zip(found.rows + row, found.columns + column, strict=True)
        tiles[row] = dict(zip(corners, cut(part, found), strict=True))
    np.testing.assert_array_equal(tiles[3][20, 12], whole[20:28, 12:20])
    np.testing.assert_array_equal(tiles[9][20, 12], whole[20:28, 12:20])


def test_what_lies_outside_the_rectangle_is_missing():
    values = np.ones((6, 6, 1), np.float32)
    tiles = tiles_on_lattice((6, 6), (4, 4), offset=(2, 2))
    pieces = cut(values, tiles)
    corner = pieces[(tiles.rows == -2) & (tiles.columns == -2)][0, :, :, 0]
    np.testing.assert_array_equal(np.isfinite(corner), np.outer([0, 0, 1, 1], [0, 0, 1, 1]).astype(bool))
    np.testing.assert_array_equal(tiles.whole, (tiles.rows == 2) & (tiles.columns == 2))


def test_a_mask_is_false_outside_the_rectangle():
    tiles = tiles_on_lattice((3, 3), (2, 2))
    assert cut(np.ones((3, 3), bool), tiles).sum() == 9


def test_tiles_go_round_the_globe_where_the_rectangle_does():
    values = np.arange(8, dtype=np.float32)[None, :].repeat(4, 0)
    tiles = tiles_on_lattice((4, 8), (4, 4), offset=(0, 2), wraps=True)
    assert list(tiles.columns) == [2, 6]
    assert tiles.whole.all()
    np.testing.assert_array_equal(cut(values, tiles)[1, 0], [6, 7, 0, 1])


def test_each_tile_is_cut_at_its_own_steps_and_a_missing_step_is_missing():
    values = np.arange(3 * 4 * 4, dtype=np.float32).reshape(3, 4, 4)
    tiles = tiles_on_lattice((4, 4), (2, 2))
    pieces = cut(values, tiles, np.array([[2, 1], [2, 1], [0, -1], [1, 0]]))
    assert pieces.shape == (4, 2, 2, 2)
    np.testing.assert_array_equal(pieces[0, 0], values[2, :2, :2])
    np.testing.assert_array_equal(pieces[3, 1], values[0, 2:, 2:])
    assert np.isnan(pieces[2, 1]).all()
    np.testing.assert_array_equal(cut(values, tiles, np.array([2, 0, 0, 1]))[3], values[1, 2:, 2:])


def test_tiles_pasted_back_are_the_maps_they_were_cut_from():
    values = np.random.default_rng(1).normal(size=(2, 10, 13)).astype(np.float32)
    mosaic = Mosaic(2, (10, 13))
    for offset in ((0, 0), (2, 2), (4, 4), (6, 6)):
        tiles = tiles_on_lattice((10, 13), (8, 8), origin=(3, 1), offset=offset)
        for step in range(2):
            steps = np.full(len(tiles), step)
            mosaic.paste(tiles, cut(values, tiles, steps), steps)
    np.testing.assert_allclose(mosaic.mean(), values, atol=1e-6)


def test_overlapping_tiles_are_averaged_without_missing_values():
    mosaic = Mosaic(1, (1, 4))
    tiles = tiles_on_lattice((1, 4), (1, 2), stride=(1, 1)).pick(np.array([1, 2]))  # columns 0-1 and 1-2
    mosaic.paste(tiles, np.array([[[1.0, 3.0]], [[5.0, np.nan]]], np.float32), np.zeros(2, np.int64))
    np.testing.assert_array_equal(mosaic.mean()[0, 0], [1, 4, np.nan, np.nan])


def test_weights_count_in_the_mean():
    mosaic = Mosaic(1, (1, 3))
    tiles = tiles_on_lattice((1, 3), (1, 2), stride=(1, 1)).pick(np.array([1, 2]))
    values = np.array([[[1.0, 1.0]], [[4.0, 4.0]]], np.float32)
    mosaic.paste(tiles, values, np.zeros(2, np.int64), weight=np.array([[2.0, 1.0]], np.float32))
    np.testing.assert_allclose(mosaic.mean()[0, 0], [1, (1 + 2 * 4) / 3, 4])


def test_a_gap_in_time_is_no_step():
    time = np.array(["2019-01-01", "2019-01-02", "2019-01-05", "2019-01-06"], "datetime64[D]")
    np.testing.assert_array_equal(steps_before(time, 2, DAY), [[0, -1, -1], [1, 0, -1], [2, -1, -1], [3, 2, -1]])


def test_steps_of_three_hours_are_found_too():
    time = np.datetime64("2019-01-01T00", "ns") + np.arange(4) * np.timedelta64(3, "h")
    np.testing.assert_array_equal(steps_before(time, 1, np.timedelta64(3, "h"))[:, 1], [-1, 0, 1, 2])


def test_crops_hold_enough_valid_targets_and_come_again_with_the_seed():
    valid = np.zeros((5, 20, 20), bool)
    valid[2, :, :10] = True
    tiles, steps = draw_crops(valid, (8, 8), 12, np.random.default_rng(3), least=0.5)
    assert len(tiles) == 12
    assert set(steps) == {2}
    assert (cut(valid, tiles, steps).mean(axis=(1, 2)) >= 0.5).all()
    again, _ = draw_crops(valid, (8, 8), 12, np.random.default_rng(3), least=0.5)
    np.testing.assert_array_equal(again.columns, tiles.columns)


def test_thin_targets_give_the_fullest_crops_and_none_without_a_target():
    valid = np.zeros((1, 12, 12), bool)
    valid[0, 5, 5] = True
    tiles, steps = draw_crops(valid, (8, 8), 4, np.random.default_rng(0), least=0.9)
    assert len(tiles) == 4
    assert cut(valid, tiles, steps).any(axis=(1, 2)).all()


def test_crops_are_drawn_from_the_given_steps_only():
    tiles, steps = draw_crops(np.ones((9, 4, 4), bool), (8, 8), 6, np.random.default_rng(0), steps=np.array([4, 7]))
    assert set(steps) <= {4, 7}
    assert tiles.size == (4, 4)


def test_an_area_without_targets_is_refused():
    with pytest.raises(ModelError, match="valid target"):
        draw_crops(np.zeros((3, 8, 8), bool), (4, 4), 2, np.random.default_rng(0))


def test_maps_without_a_channel_are_cut_into_tiles_without_one():
    tiles = tiles_on_lattice((6, 6), (4, 4))
    assert cut(np.empty((6, 6, 0), np.float32), tiles).shape == (len(tiles), 4, 4, 0)
