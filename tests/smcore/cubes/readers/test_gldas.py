"""GLDAS Noah: three real files against plain netCDF4, and made-up files for the forcing variables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore.cubes.readers import gldas
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError

NAME = "GLDAS_NOAH025_3H.A20160101.{:02d}00.021.nc4"


@pytest.fixture(scope="module")
def reading(realdata: Path) -> Reading:
    return gldas.read(sorted((realdata / "gldas_noah025_3h").glob("*.nc4")))


def test_the_real_files_have_their_counts(reading: Reading) -> None:
    # netCDF4: SoilMoi0_10cm_inst: 3 × 243883 valid, mean 25.55966322 kg m-2 (float64), range 2…47.6
    cube = reading.dataset
    assert cube["sm"].shape == (3, 600, 1440)
    values = cube["sm"].values
    assert np.isfinite(values).sum() == 3 * 243883
    assert np.nanmean(values, dtype=np.float64) == pytest.approx(0.2555966322, abs=1e-8)
    assert np.nanmin(values) == pytest.approx(0.02, abs=1e-6)
    assert np.nanmax(values) == pytest.approx(0.476, abs=1e-5)
    hours = cube["time"].values.astype("datetime64[h]").astype(str).tolist()
    assert hours == ["2016-01-01T03", "2016-01-01T09", "2016-01-01T15"]
    assert cube["sm"].attrs["units"] == "m3 m-3"
    assert cube.attrs["layer_m"] == "0 0.1"
    assert cube.attrs["time_support"] == "instant"


def test_rows_are_turned_north_to_south(reading: Reading) -> None:
    # netCDF4: row 363, column 857 of the first file is 30.875 N 34.375 E with 30.784 kg m-2
    cube = reading.dataset
    assert cube["lat"].values[0] == 89.875
    assert cube["lat"].values[-1] == -59.875
    assert cube["lon"].values[0] == -179.875
    assert cube["lat"].values[236] == 30.875
    assert cube["lon"].values[857] == 34.375
    assert float(cube["sm"][0, 236, 857]) == pytest.approx(0.30784, abs=1e-6)


def test_the_second_layer_is_divided_by_its_own_thickness(realdata: Path) -> None:
    # netCDF4: SoilMoi10_40cm_inst / 300: mean 0.2511692678; the cell above has 81.192924 kg m-2
    paths = sorted((realdata / "gldas_noah025_3h").glob("*.021.nc4"))
    cube = gldas.read(paths, variable="SoilMoi10_40cm_inst").dataset
    values = cube["sm"].values
    assert np.nanmean(values, dtype=np.float64) == pytest.approx(0.2511692678, abs=1e-8)
    assert values[0, 236, 857] == pytest.approx(81.192924 / 300, abs=1e-6)
    assert cube.attrs["layer_m"] == "0.1 0.4"


def test_the_land_mask_is_where_the_model_has_values(reading: Reading) -> None:
    # netCDF4: GLDAS_mask is 1 in 243883 cells, exactly where soil moisture is valid
    water = reading.dataset["water_fraction"]
    assert water.dims == ("y", "x")
    assert int((water == 0).sum()) == 243883
    assert np.array_equal(water.values == 0, np.isfinite(reading.dataset["sm"].values[0]))


def test_a_land_mask_alone_is_refused(realdata: Path) -> None:
    with pytest.raises(ReaderError, match="only a land mask"):
        gldas.read([realdata / "gldas_noah025_3h" / "GLDASp4_landmask_025d.nc4"])


def write(path: Path, hour: int, lat0: float = 10.125, **variables: np.ndarray) -> Path:
    """A SYNTHETIC GLDAS file of 2 × 3 cells."""
    data = {
        name: (("time", "lat", "lon"), values[np.newaxis].astype(np.float32), {"missing_value": np.float32(-9999)})
        for name, values in variables.items()
    }
    coords = {
        "time": ("time", [60.0 * hour], {"units": " minutes since 2016-01-01 00:00:00"}),
        "lat": ("lat", lat0 + 0.25 * np.arange(2, dtype=np.float32)),
        "lon": ("lon", 20.125 + 0.25 * np.arange(3, dtype=np.float32)),
    }
    xr.Dataset(data, coords, {"synthetic": 1}).to_netcdf(path)
    return path


def test_forcing_comes_in_our_units_and_says_what_it_is_a_mean_of(tmp_path: Path) -> None:
    ones = np.ones((2, 3))
    soil = np.array([[10.0, 20, 30], [40, -9999, 60]])
    path = write(
        tmp_path / NAME.format(3),
        3,
        SoilMoi0_10cm_inst=soil,
        Rainf_f_tavg=ones * 1e-4,
        Albedo_inst=ones * 25,
        Tair_f_inst=ones * 290,
    )
    cube = gldas.read([path]).dataset
    np.testing.assert_allclose(cube["sm"][0], [[0.4, np.nan, 0.6], [0.1, 0.2, 0.3]], rtol=1e-6)
    assert float(cube["precipitation"][0, 0, 0]) == pytest.approx(8.64)
    assert cube["precipitation"].attrs["time_support"] == "mean:3:end"
    assert float(cube["albedo"][0, 0, 0]) == pytest.approx(0.25)
    assert float(cube["air_temperature"][0, 0, 0]) == 290
    assert "time_support" not in cube["air_temperature"].attrs
    assert cube["time"].values[0] == np.datetime64("2016-01-01T03:00")


def test_a_variable_that_one_file_lacks_is_missing_there(tmp_path: Path) -> None:
    ones = np.ones((2, 3))
    paths = [
        write(tmp_path / NAME.format(3), 3, SoilMoi0_10cm_inst=ones, Tair_f_inst=ones),
        write(tmp_path / NAME.format(6), 6, SoilMoi0_10cm_inst=ones),
    ]
    cube = gldas.read(paths).dataset
    assert cube["air_temperature"].notnull().all(("y", "x")).values.tolist() == [True, False]


def test_faulty_files_cost_only_themselves(tmp_path: Path) -> None:
    ones = np.ones((2, 3))
    good = write(tmp_path / NAME.format(3), 3, SoilMoi0_10cm_inst=ones)
    bare = write(tmp_path / NAME.format(6), 6, Tair_f_inst=ones)
    foreign = write(tmp_path / NAME.format(9), 9, something=ones)
    shifted = write(tmp_path / NAME.format(12), 12, 11.125, SoilMoi0_10cm_inst=ones)
    reading = gldas.read([good, bare, foreign, shifted])
    assert [one.code for one in reading.skipped] == ["missing_variable", "wrong_kind", "grid_mismatch"]
    assert reading.dataset.sizes["time"] == 1


def test_an_unknown_layer_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="choose one of: SoilMoi0_10cm_inst"):
        gldas.read([tmp_path / "a.nc4"], variable="RootMoist_inst")
