"""Windows cut what they say, over the dateline too, and tiles cover an array exactly once."""

import numpy as np
import pytest
from factories import tiny_cube
from hypothesis import given
from hypothesis import strategies as st

from smcore.errors import GridMismatch, WindowError
from smcore.grids import Grid, ease, regular
from smcore.window import Window, cut, tiles


def test_a_cut_holds_the_cells_that_the_box_touches():
    cube = tiny_cube()
    west, east = float(cube["lon"][4]), float(cube["lon"][7])
    south, north = float(cube["lat"][6]), float(cube["lat"][2])
    part = cut(cube, Window("2018-01-05", "2018-01-09", west, south, east, north))
    assert dict(part.sizes) == {"time": 5, "y": 5, "x": 4}
    np.testing.assert_array_equal(part["sm"].values, cube["sm"].values[4:9, 2:7, 4:8])
    assert part.attrs["grid_col0"] == cube.attrs["grid_col0"] + 4


def test_the_last_day_is_whole():
    time = np.array(["2018-01-01T03", "2018-01-01T21", "2018-01-02T00"], "datetime64[ns]")
    assert Window(None, "2018-01-01").times(time) == slice(0, 2)


def test_a_box_over_the_dateline_takes_both_sides_in_order():
    grid = regular(9.5, -179.5, 1.0, 1.0, 20, 360)
    rows, columns = Window(west=178, south=0, east=-178, north=5).cells(grid)
    assert (rows.start, rows.stop) == (5, 10)
    assert columns.tolist() == [358, 359, 0, 1]
    cube = tiny_cube(grid, 2)
    part = cut(cube, Window(west=178, south=0, east=-178, north=5))
    assert (np.diff(part["lon"].values) > 0).all()
    with pytest.raises(GridMismatch, match="incomplete"):  # its attributes must not describe another grid
        Grid.from_attrs(part.attrs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"south": 5, "north": 5},
        {"west": -200},
        {"north": float("nan")},
        {"start": "yesterday"},
        {"start": "2018-02-01", "end": "2018-01-01"},
        {"west": 3.0, "east": 3.0},
    ],
)
def test_a_malformed_window_is_refused_in_a_sentence(wrong):
    with pytest.raises(WindowError):
        Window(**wrong)


def test_a_window_beside_the_data_says_where_the_data_are():
    with pytest.raises(WindowError, match="data cover"):
        cut(tiny_cube(), Window(west=10, south=-50, east=20, north=-40))
    with pytest.raises(WindowError, match="2018-01-01 to 2018-02-09"):
        cut(tiny_cube(), Window("1999-01-01", "1999-02-01"))


@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    size=st.integers(1, 33),
    halo=st.integers(0, 5),
    anchor=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_tiles_cover_every_cell_once_and_their_halo_stays_inside(shape, size, halo, anchor):
    seen = np.zeros(shape, int)
    for tile in tiles(shape, size, halo=halo, anchor=anchor):
        seen[tile.inner_rows, tile.inner_columns] += 1
        part = np.arange(np.prod(shape)).reshape(shape)
        np.testing.assert_array_equal(
            part[tile.rows, tile.columns][tile.crop], part[tile.inner_rows, tile.inner_columns]
        )
        assert tile.rows.start >= 0
        assert tile.columns.stop <= shape[1]
    assert (seen == 1).all()


def test_tiles_of_any_window_lie_on_the_same_lattice():
    whole = {(t.inner_rows.start, t.inner_columns.start) for t in tiles((64, 64), 16)}
    part = {(t.inner_rows.stop + 5, t.inner_columns.stop + 7) for t in tiles((30, 30), 16, anchor=(5, 7))}
    assert all((r % 16 == 0 or r == 35) and (c % 16 == 0 or c == 37) for r, c in part)
    assert (16, 16) in whole


def test_one_cell_can_be_cut():
    grid = ease("M36")
    rows, columns = Window(west=10.0, south=45.0, east=10.001, north=45.001).cells(grid)
    assert (rows.stop - rows.start, len(columns)) == (1, 1)
