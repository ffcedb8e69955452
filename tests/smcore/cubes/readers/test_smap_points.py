"""SMAP 9 km points: the real files of Pakistan and Western Australia against plain netCDF4, and made-up edges."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from smcore.cubes.readers import smap_points
from smcore.cubes.readers._points import occurrence
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError
from smcore.grids import ease

NAME = "Somewhere_9km_smap_2020-01-0{}.nc"


@pytest.fixture(scope="module")
def pakistan(realdata: Path) -> Reading:
    return smap_points.read(sorted((realdata / "smap_9km_points" / "pakistan").glob("*.nc")))


def test_pakistan_has_the_counts_of_its_files(pakistan: Reading) -> None:
    # netCDF4: 18589 points in 7 files, mean (float64) 0.1526784901, range 0.02…0.45023632
    cube = pakistan.dataset.compute()
    assert int(cube["sm"].count()) == 18589
    assert float(cube["sm"].mean(dtype="float64")) == pytest.approx(0.1526784901, abs=1e-9)
    assert float(cube["sm"].min()) == np.float32(0.02)
    assert float(cube["sm"].max()) == np.float32(0.45023632)
    # by day: 4031 points of which 1151 are second values, 1947, 2416, 3899 with 1019, 456, 2960 with 80, 2880
    counts = cube["sm"].count(("y", "x")).values.tolist()
    assert counts == [4031 - 1151, 1151, 1947, 2416, 3899 - 1019, 1019, 456, 2960 - 80, 80, 2880]
    assert cube["time"].values[0] == np.datetime64("2020-01-01T12:00")
    assert cube["time"].values[1] == np.datetime64("2020-01-01T12:01")
    assert cube["time"].values[-1] == np.datetime64("2020-01-07T12:00")
    assert set(cube["overpass"].values) == {"unknown"}
    assert "2250 second observations of a cell on one day, kept as steps of overpass unknown" in pakistan.notes
    assert "obs_time" not in cube


def test_western_australia_has_the_counts_of_its_files(realdata: Path) -> None:
    # netCDF4: 71093 points in 20 files, mean 0.0891137337, maximum 0.51851314; 13647 second values, 20 above 0.5
    reading = smap_points.read(sorted((realdata / "smap_9km_points" / "western_australia").glob("*.nc")))
    sm = reading.dataset["sm"].values
    assert np.isfinite(sm).sum() == 71093
    assert np.nanmean(sm, dtype=np.float64) == pytest.approx(0.0891137337, abs=1e-9)
    assert np.nanmax(sm) == np.float32(0.51851314)
    assert reading.dataset.sizes["time"] == 28
    assert "13647 second observations of a cell on one day, kept as steps of overpass unknown" in reading.notes
    assert "soil_moisture: 20 values above the product's valid_max 0.5, kept" in reading.notes


def test_a_cell_that_occurs_twice_keeps_both_values(pakistan: Reading) -> None:
    # netCDF4: the point 25.023397 N 70.44087 E of 1 January is number 2507 (0.05203795) and number 4003 (0.05594975).
    # Projected by hand (Snyder 1987) it lies at M09 row 468.5, column 2682.5, a centre.
    cube = pakistan.dataset
    cell = cube["sm"][:2, 468 - cube.attrs["grid_row0"], 2682 - cube.attrs["grid_col0"]].values
    np.testing.assert_allclose(cell, [0.05203795, 0.05594975], rtol=0, atol=1e-8)


def test_every_point_lies_at_the_coordinates_of_its_file(realdata: Path) -> None:
    grid = ease("M09")
    for path in sorted((realdata / "smap_9km_points").glob("*/*.nc")):
        with netCDF4.Dataset(path) as file:
            lat, lon = file["latitude"][:].data, file["longitude"][:].data
        row, column = grid.index(lat, lon)
        assert np.abs(grid.lat[row] - lat).max() < 1e-5
        assert np.abs(grid.lon[column] - lon).max() < 1.5e-5


def test_the_cube_spans_the_points_of_all_files(realdata: Path, pakistan: Reading) -> None:
    both = smap_points.read(sorted((realdata / "smap_9km_points").glob("*/*.nc"))).dataset
    assert int(both["sm"].count()) == 18589 + 71093
    assert both.sizes["time"] == 29  # both regions share the days of the first week
    assert both.attrs["grid_row0"] == pakistan.dataset.attrs["grid_row0"]


def points(path: Path, lat: ArrayLike, lon: ArrayLike, **variables: list[float]) -> Path:
    """A SYNTHETIC point file."""
    place = {"latitude": lat, "longitude": lon}
    arrays = {name: ("index", np.array(value, np.float32)) for name, value in {**place, **variables}.items()}
    xr.Dataset(arrays, attrs={"synthetic": 1}).to_netcdf(path, engine="netcdf4")
    return path


def centre(row: int, column: int) -> tuple[float, float]:
    return float(ease("M09").lat[row]), float(ease("M09").lon[column])


def test_missing_values_take_no_step(tmp_path: Path) -> None:
    (lat, lon) = centre(500, 600)
    path = points(tmp_path / NAME.format(1), [lat] * 3, [lon] * 3, soil_moisture=[np.nan, -9999, 0.3])
    reading = smap_points.read([path])
    assert reading.dataset["sm"].shape == (1, 1, 1)
    assert float(reading.dataset["sm"][0, 0, 0]) == np.float32(0.3)
    assert len(reading.notes) == 1
    assert reading.dataset.attrs["synthetic"] == 1


def test_two_files_of_one_day_share_its_steps(tmp_path: Path) -> None:
    a, b = centre(500, 600), centre(501, 602)
    first = points(tmp_path / NAME.format(1), [a[0]], [a[1]], soil_moisture=[0.1])
    second = points(tmp_path / "Elsewhere_9km_smap_2020-01-01.nc", [b[0], a[0]], [b[1], a[1]], soil_moisture=[0.2, 0.3])
    values = smap_points.read([first, second]).dataset["sm"].values
    assert values.shape == (2, 2, 3)
    assert values[0, 0, 0] == np.float32(0.1)
    assert values[0, 1, 2] == np.float32(0.2)
    assert values[1, 0, 0] == np.float32(0.3)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.integers(0, 11), min_size=1, max_size=30))
def test_no_value_is_lost_or_changed_however_often_a_cell_occurs(tmp_path: Path, cells: list[int]) -> None:
    rows, columns = np.divmod(np.array(cells), 4)
    grid = ease("M09")
    values = np.linspace(0.02, 0.6, len(cells), dtype=np.float32)
    path = points(
        tmp_path / NAME.format(1), grid.lat[500 + rows], grid.lon[600 + columns], soil_moisture=values.tolist()
    )
    cube = smap_points.read([path]).dataset
    stored = cube["sm"].values
    assert cube.sizes["time"] == max(cells.count(cell) for cell in cells)
    assert sorted(stored[np.isfinite(stored)].tolist()) == sorted(values.tolist())
    for cell in set(cells):
        at = (cell // 4 - rows.min(), cell % 4 - columns.min())
        expected = values[np.array(cells) == cell]
        np.testing.assert_array_equal(stored[: len(expected), *at], expected)


def test_points_off_the_9_km_grid_are_refused(tmp_path: Path) -> None:
    path = points(tmp_path / NAME.format(1), [31.0], [70.0], soil_moisture=[0.1])
    with pytest.raises(ReaderError, match="not cell centres of M09") as error:
        smap_points.read([path])
    assert error.value.code == "wrong_kind"


def test_faulty_files_cost_only_themselves(tmp_path: Path) -> None:
    (lat, lon) = centre(500, 600)
    good = points(tmp_path / NAME.format(1), [lat], [lon], soil_moisture=[0.1])
    bare = points(tmp_path / NAME.format(2), [lat], [lon], soil_moisture_dca=[0.1])
    empty = points(tmp_path / NAME.format(3), [], [], soil_moisture=[])
    undated = points(tmp_path / "points.nc", [lat], [lon], soil_moisture=[0.1])
    reading = smap_points.read([good, bare, empty, undated])
    assert [one.code for one in reading.skipped] == ["missing_variable", "empty", "wrong_kind"]
    assert reading.sources == (good,)


def test_occurrences_count_valid_observations_of_a_cell_first() -> None:
    cells = np.array([3, 1, 3, 3, 2])
    valid = np.array([False, True, True, True, False])
    assert occurrence(cells, valid).tolist() == [2, 0, 0, 1, 0]
    assert occurrence(cells[:0], valid[:0]).tolist() == []
