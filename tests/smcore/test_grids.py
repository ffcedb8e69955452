"""Cells lie where NSIDC says they lie, grids nest exactly, and points find their cell."""

import netCDF4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smcore.errors import GridMismatch
from smcore.grids import (
    EASE,
    Grid,
    distance_km,
    ease,
    ease_xy,
    parent,
    ratio,
    regular,
    regular_from_axes,
    wrap_longitude,
)

NESTED = [("M09", "M36", 4), ("M01", "M09", 9), ("M03", "M09", 3), ("M01", "M36", 36)]


def test_every_m36_cell_centre_equals_the_published_array(realdata):
    with netCDF4.Dataset(realdata / "smap_l3_p36_grid/NSIDC0772_LatLon_EASE2_M36km_v1.0.nc") as file:
        lat, lon = file["latitude"][:].filled(np.nan), file["longitude"][:].filled(np.nan)
    grid = ease("M36")
    assert lat.shape == grid.shape
    np.testing.assert_allclose(np.broadcast_to(grid.lat[:, None], lat.shape), lat, atol=1e-9, rtol=0)
    np.testing.assert_allclose(np.broadcast_to(grid.lon, lon.shape), lon, atol=1e-9, rtol=0)


@pytest.mark.parametrize("group", ["Soil_Moisture_Retrieval_Data_AM", "Soil_Moisture_Retrieval_Data_PM"])
def test_the_coordinates_of_a_real_smap_granule_lie_in_the_centres_of_their_cells(realdata, group):
    with netCDF4.Dataset(realdata / "smap_l3_p36_grid/SC_SPL3SMP_009_prefetch.nc4") as file:
        suffix = "_pm" if group.endswith("PM") else ""
        lat, lon = (np.ma.filled(file[group][n + suffix][:], np.nan) for n in ("latitude", "longitude"))
    there = (lat > -9000) & (lon > -9000)
    row, column = np.nonzero(there)
    grid = ease("M36")
    found_row, found_column = grid.index(lat[there], lon[there])
    np.testing.assert_array_equal(found_row, row)
    np.testing.assert_array_equal(found_column, column)
    np.testing.assert_allclose(lat[there], grid.lat[row], atol=2e-4)
    np.testing.assert_allclose(lon[there], grid.lon[column], atol=2e-4)


@pytest.mark.parametrize("name", EASE)
def test_centres_agree_with_proj(name):
    pyproj = pytest.importorskip("pyproj")
    columns, rows, cell = EASE[name]
    grid = ease(name)
    x, y = pyproj.Transformer.from_crs(4326, 6933, always_xy=True).transform(np.full(rows, grid.lon[3]), grid.lat)
    np.testing.assert_allclose(y, (rows / 2 - 0.5 - np.arange(rows)) * cell, atol=1e-4)
    np.testing.assert_allclose(x, (3.5 - columns / 2) * cell, atol=1e-4)
    np.testing.assert_allclose(ease_xy(grid.lat, np.full(rows, grid.lon[3]))[1], y, atol=1e-6)


def test_the_corner_is_the_published_one():
    x, y = ease_xy(ease("M36").lat_edges[0], -180.0)
    assert x == pytest.approx(-17367530.445, abs=0.01)
    assert y == pytest.approx(7314540.831, abs=0.01)


@pytest.mark.parametrize(("fine", "coarse", "side"), NESTED)
def test_fine_cells_nest_exactly(fine, coarse, side):
    assert ratio(fine, coarse) == side
    small, large = ease(fine), ease(coarse)
    np.testing.assert_allclose(small.lat_edges[::side], large.lat_edges, atol=1e-9)
    np.testing.assert_allclose(small.lon_edges[::side], large.lon_edges, atol=1e-9)
    rows = np.arange(0, small.shape[0], 97)
    assert (parent(rows, rows, fine, coarse)[0] == large.index(small.lat[rows], np.zeros(len(rows)))[0]).all()


def test_a_grid_that_does_not_nest_is_refused():
    with pytest.raises(GridMismatch, match="does not nest"):
        ratio("M25", "M36")


@given(lat=st.floats(-85, 85), lon=st.floats(-180, 179.999), name=st.sampled_from(["M36", "M25", "M09"]))
def test_a_point_lies_between_the_edges_of_its_cell(lat, lon, name):
    grid = ease(name)
    row, column = (int(i) for i in grid.index(lat, lon))
    if row >= 0:
        assert grid.lat_edges[row + 1] - 1e-12 <= lat <= grid.lat_edges[row] + 1e-12
        assert grid.lon_edges[column] - 1e-12 <= lon <= grid.lon_edges[column + 1] + 1e-12
    else:
        assert abs(lat) > grid.lat_edges[0]


@given(lat=st.floats(-89, 89), lon=st.floats(-180, 180))
def test_the_nearest_centre_is_the_nearest_of_all(lat, lon):
    grid = regular(88.0, -178.0, 4.0, 4.0, 45, 90)
    row, column, km = grid.nearest(lat, lon)
    all_km = distance_km(lat, lon, grid.lat[:, None], grid.lon[None])
    assert km[0] == pytest.approx(all_km.min(), abs=1e-6)
    assert km[0] == pytest.approx(float(distance_km(lat, lon, grid.lat[row[0]], grid.lon[column[0]])), abs=1e-9)


def test_longitudes_beyond_the_dateline_find_the_same_cell():
    grid = ease("M36")
    assert grid.index(10.0, 190.0)[1] == grid.index(10.0, -170.0)[1]
    assert grid.index(10.0, 180.0)[1] in (0, 963)
    assert grid.index(10.0, -180.0)[1] == 0


def test_points_outside_a_cut_and_missing_points_have_no_cell():
    grid = ease("M36").cut(slice(100, 110), slice(200, 210))
    lat, lon = [80.0, np.nan, grid.lat[3]], [0.0, 0.0, grid.lon[4]]
    row, column = grid.index(lat, lon)
    assert row.tolist() == [-1, -1, 3]
    assert column.tolist() == [-1, -1, 4]
    assert (grid.row0, grid.col0) == (100, 200)


def test_areas_of_equal_area_cells_are_equal_and_cover_the_band():
    area = ease("M36").cell_area_km2()
    np.testing.assert_allclose(area, (36032.220840584 / 1000) ** 2, rtol=1e-6)
    globe = regular(89.5, -179.5, 1.0, 1.0, 180, 360).cell_area_km2()
    assert globe.sum() * 360 == pytest.approx(510_065_600, rel=1e-4)  # surface of the WGS 84 ellipsoid [km2]


@pytest.mark.parametrize(
    "grid", [ease("M36"), ease("M09").cut(slice(5, 9), slice(7, 30)), regular(49.95, -10, 0.1, 0.1, 30, 40)]
)
def test_attributes_make_the_same_grid_again(grid):
    again = Grid.from_attrs(grid.to_attrs())
    assert again.same_as(grid)
    assert (again.name, again.row0, again.col0, again.shape) == (grid.name, grid.row0, grid.col0, grid.shape)


def test_axes_stored_as_float32_become_exact():
    lat = np.arange(40, 30, -0.1).astype("f4")
    lon = np.arange(-179.95, -150, 0.1).astype("f4")
    grid = regular_from_axes(lat, lon)
    np.testing.assert_allclose(grid.step, (0.1, 0.1), rtol=1e-9)
    assert grid.lon[-1] == pytest.approx(-150.05, abs=1e-6)


def test_a_step_that_is_no_short_decimal_is_left_alone():
    lon = -1.0 + np.arange(448) / 112
    assert regular_from_axes(50 - np.arange(448) / 112, lon).step[1] == pytest.approx(1 / 112, rel=1e-9)


@pytest.mark.parametrize(
    ("lat", "lon", "said"),
    [([1, 2, 3], [1, 2, 3], "wrong way"), ([3, 2, 0.5], [1, 2, 3], "not evenly"), ([1], [1], "two values")],
)
def test_axes_that_are_no_regular_grid_are_refused(lat, lon, said):
    with pytest.raises(GridMismatch, match=said):
        regular_from_axes(lat, lon)


def test_distances_match_known_ones():
    assert distance_km(0, 0, 0, 1) == pytest.approx(111.195, abs=0.001)  # 6371.0088 km × π / 180
    assert distance_km(0, 179.5, 0, -179.5) == pytest.approx(111.195, abs=0.001)
    assert distance_km(90, 0, -90, 37) == pytest.approx(np.pi * 6371.0088)


def test_longitudes_wrap_into_the_half_open_range():
    assert wrap_longitude([0, 180, 190, 359.5, -180]).tolist() == [0, -180, -170, -0.5, -180]


def test_half_diagonal_reaches_the_corners():
    grid = ease("M36")
    km = grid.half_diagonal_km(200)
    assert 24 < km < 27  # half of 36.03 × √2, bent by latitude
