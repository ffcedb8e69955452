"""What lands on the screen is the cell that lies there."""

import numpy as np
import pytest

from smcore.grids import ease, regular
from smcore.maps import (
    ABOVE,
    BELOW,
    MISSING,
    View,
    fitted,
    latitude_of,
    longitude_of,
    mercator_x,
    mercator_y,
    paint,
    plan,
    value_of,
)

GRIDS = {
    "M36": ease("M36"),
    "M09": ease("M09"),
    "latlon": regular(89.875, -179.875, 0.25, 0.25, 720, 1440),
    "cut": ease("M36").cut(slice(50, 90), slice(100, 180)),
}


def pixel_centres(view):
    x = view.x0 + (np.arange(view.width) + 0.5) * (view.x1 - view.x0) / view.width
    y = view.y0 + (np.arange(view.height) + 0.5) * (view.y1 - view.y0) / view.height
    return latitude_of(y), longitude_of(x)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("bbox", [(-180, -85, 180, 85), (-120, 30, -100, 45), (-100.2, 40.1, -100.1, 40.15)])
def test_every_pixel_shows_the_cell_that_its_centre_lies_in(name, bbox):
    grid, view = GRIDS[name], fitted(bbox, 97, 61)
    gather = plan(grid, view)
    lat, lon = pixel_centres(view)
    row, column = grid.index(lat[:, None], np.zeros_like(lon)[None] + grid.lon[0])[0][:, 0], None
    _, column = grid.index(np.full(lon.shape, grid.lat[0]), lon)
    np.testing.assert_array_equal(np.where(gather.row < 0, -1, gather.row + gather.rows.start), row)
    np.testing.assert_array_equal(np.where(gather.column < 0, -1, gather.column + gather.columns.start), column)


def test_a_view_over_the_dateline_shows_both_sides():
    grid = ease("M36")
    x = float(mercator_x(180.0))
    gather = plan(grid, View(x - 2e5, x + 2e5, -2e5, 2e5, 20, 20))
    columns = gather.column + gather.columns.start
    assert columns[0] > 950
    assert columns[-1] < 10
    assert (gather.column >= 0).all()


def test_zooming_inside_one_cell_fills_the_screen_with_it():
    grid = ease("M36")
    x, y = float(mercator_x(grid.lon[500])), float(mercator_y(grid.lat[200]))
    gather = plan(grid, View(x - 100, x + 100, y - 100, y + 100, 40, 30))
    assert (gather.rows, gather.columns) == (slice(200, 201), slice(500, 501))
    frame = paint(np.array([[0.25]]), gather, 0.0, 0.5)
    assert frame.shape == (30, 40)
    assert np.unique(frame).size == 1
    assert value_of(frame[0, 0], 0.0, 0.5) == pytest.approx(0.25, abs=0.5 / 252)


def test_north_is_at_the_top_of_the_drawn_image():
    grid = regular(9.5, 0.5, 1.0, 1.0, 10, 10)
    field = np.repeat(np.arange(10.0)[:, None], 10, axis=1)  # 0 in the north
    frame = paint(field, plan(grid, fitted(grid.bbox, 50, 50, margin=0)), 0.0, 9.0)
    assert frame[-1, 25] < frame[0, 25]  # the last row of a bokeh image is its upper edge


def test_codes_tell_missing_below_and_above_apart():
    grid = regular(0.5, 0.5, 1.0, 1.0, 1, 4)
    view = fitted(grid.bbox, 4, 1, margin=0)
    frame = paint(np.array([[np.nan, -0.1, 0.3, 0.9]]), plan(grid, view), 0.0, 0.5)
    assert frame[0].tolist() == [MISSING, BELOW, 2 + round(0.3 / 0.5 * 252), ABOVE]


def test_codes_return_the_value_within_half_a_shade():
    grid = regular(0.5, 0.5, 1.0, 1.0, 1, 200)
    values = np.linspace(0.02, 0.48, 200, dtype="f4")[None]
    frame = paint(values, plan(grid, View(0, float(mercator_x(200)), 0, 1e5, 200, 1)), 0.0, 0.5)
    assert np.abs(value_of(frame[0], 0.0, 0.5) - values[0]).max() <= 0.5 / 252 / 2 + 1e-6


def test_a_view_beside_the_grid_is_empty_not_an_error():
    gather = plan(regular(50, 0, 1, 1, 10, 10), fitted((100, -40, 120, -20), 30, 20))
    assert gather.is_empty
    assert (paint(np.empty((0, 0)), gather, 0, 1) == MISSING).all()


def test_a_wide_view_reads_an_overview_level():
    grid, view = ease("M09"), fitted((-180, -85, 180, 85), 400, 300)
    gather = plan(grid, view, levels=5)
    assert gather.level == 3
    rows, columns = -(-1624 // 8), 3856 // 8
    assert gather.rows.stop <= rows
    assert gather.columns.stop <= columns


def test_an_empty_colour_range_is_refused():
    with pytest.raises(ValueError, match="empty"):
        paint(np.zeros((1, 1)), plan(ease("M36"), fitted((0, 0, 1, 1), 2, 2)), 0.5, 0.5)
