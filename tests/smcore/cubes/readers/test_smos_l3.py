"""SMOS L3: three real days over North Africa and Europe against plain netCDF4, and made-up files for the edges."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from smcore.cubes.readers import smos_l3
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError
from smcore.grids import ease

NAME = "SM_OPER_MIR_CLF31{}_201505{:02d}T000000_201505{:02d}T235959_300_002_7.DBL.nc"


@pytest.fixture(scope="module")
def reading(realdata: Path) -> Reading:
    return smos_l3.read(sorted((realdata / "smos_l3").glob("*.nc")))


def test_the_real_days_have_their_counts(reading: Reading) -> None:
    # netCDF4: 3563, 5254 and 4019 valid cells, mean over all 0.1541003772 (float64), range 0…1
    values = reading.dataset["sm"].values
    assert values.shape == (3, 101, 151)
    assert np.isfinite(values).sum((1, 2)).tolist() == [3563, 5254, 4019]
    assert np.nanmean(values, dtype=np.float64) == pytest.approx(0.1541003772, abs=1e-8)
    assert np.nanmin(values) == 0.0
    assert np.nanmax(values) == 1.0


def test_the_day_and_the_overpass_come_from_the_name(reading: Reading) -> None:
    cube = reading.dataset
    assert cube["overpass"].values.tolist() == ["am", "am", "am"]
    hours = cube["time"].values.astype("datetime64[h]").astype(str).tolist()
    assert hours == ["2015-05-06T06", "2015-05-07T06", "2015-05-08T06"]
    assert cube.attrs["time_is_nominal"] == 1


def test_the_grid_is_the_25_km_ease_grid(realdata: Path, reading: Reading) -> None:
    with netCDF4.Dataset(sorted((realdata / "smos_l3").glob("*.nc"))[0]) as file:
        lat, lon = file["lat"][:].data, file["lon"][:].data
    cube, whole = reading.dataset, ease("M25")
    assert cube.attrs["grid_name"] == "M25"
    assert np.abs(cube["lat"].values[::-1] - lat).max() < 1e-5
    assert np.abs(cube["lon"].values - lon).max() < 1e-5
    # the file's own origin of the whole grid: ease_origin_lat -83.517136, ease_origin_lon -179.87032
    assert whole.lat[-1] == pytest.approx(-83.517136, abs=1e-5)
    assert whole.lon[0] == pytest.approx(-179.87032, abs=1e-5)


def test_values_and_times_lie_in_their_cells(reading: Reading) -> None:
    # netCDF4: the first valid cell of 6 May is row 0 (the southernmost), column 83: 0.2792748802, 13363 s of the day
    cell = reading.dataset.isel(time=0, y=100, x=83)
    assert float(cell["lat"]) == pytest.approx(32.583973, abs=1e-5)
    assert float(cell["lon"]) == pytest.approx(22.95389, abs=1e-5)
    assert float(cell["sm"]) == pytest.approx(0.2792748802, abs=1e-7)
    assert cell["obs_time"].values == np.datetime64("2015-05-06T03:42:43")


def test_observation_times_span_those_of_the_valid_cells(reading: Reading) -> None:
    # netCDF4, seconds of the day where soil moisture is valid: 7647…13835, 5525…17483, 8778…20921
    times = reading.dataset["obs_time"].values
    seconds = (times - times.astype("datetime64[D]")) / np.timedelta64(1, "s")
    assert [(int(np.nanmin(s)), int(np.nanmax(s))) for s in seconds] == [(7647, 13835), (5525, 17483), (8778, 20921)]
    assert np.isfinite(seconds).sum((1, 2)).tolist() == [3563, 5254, 4019]


def test_the_packing_of_the_source_is_kept(reading: Reading) -> None:
    encoding = reading.dataset["sm"].encoding
    assert encoding["dtype"] == np.int16
    assert encoding["scale_factor"] == pytest.approx(3.05185094759971e-05)
    assert encoding["_FillValue"] == -32768


def write(path: Path, lat: np.ndarray, lon: np.ndarray, **variables: np.ndarray) -> Path:
    """A SYNTHETIC SMOS map."""
    data = {name: (("lat", "lon"), values.astype(np.float32)) for name, values in variables.items()}
    coords = {"lat": lat.astype(np.float32), "lon": lon.astype(np.float32)}
    xr.Dataset(data, coords, {"synthetic": 1}).to_netcdf(path, format="NETCDF3_CLASSIC")
    return path


def axes() -> tuple[np.ndarray, np.ndarray]:
    grid = ease("M25")
    return grid.lat[102:100:-1], grid.lon[300:303]


def test_descending_passes_are_of_the_evening_and_uncertainty_is_kept(tmp_path: Path) -> None:
    moisture = np.arange(6).reshape(2, 3) / 10
    paths = [
        write(tmp_path / NAME.format(way, 6, 6), *axes(), Soil_Moisture=moisture, Soil_Moisture_Dqx=moisture / 10)
        for way in "DA"
    ]
    reading = smos_l3.read(paths)
    cube = reading.dataset
    assert cube["overpass"].values.tolist() == ["am", "pm"]
    np.testing.assert_allclose(cube["sm"][0], moisture[::-1], rtol=1e-6)
    np.testing.assert_allclose(cube["sm_uncertainty"][1], moisture[::-1] / 10, rtol=1e-6)
    assert "obs_time" not in cube
    assert reading.notes == ("2 of 2 files hold no time of acquisition",)
    assert cube.attrs["synthetic"] == 1


def test_maps_of_several_days_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / NAME.format("A", 6, 8), *axes(), Soil_Moisture=np.ones((2, 3)))
    with pytest.raises(ReaderError, match="not of one day"):
        smos_l3.read([path])


def test_a_regular_grid_under_a_smos_name_is_refused(tmp_path: Path) -> None:
    lat, lon = np.arange(40.0, 42, 0.25), np.arange(5.0, 8, 0.25)
    path = write(tmp_path / NAME.format("A", 6, 6), lat, lon, Soil_Moisture=np.ones((8, 12)))
    with pytest.raises(ReaderError, match="not those of M25") as error:
        smos_l3.read([path])
    assert error.value.code == "wrong_kind"


def test_faulty_files_cost_only_themselves(tmp_path: Path) -> None:
    good = write(tmp_path / NAME.format("A", 6, 6), *axes(), Soil_Moisture=np.ones((2, 3)))
    bare = write(tmp_path / NAME.format("A", 7, 7), *axes(), Optical_Thickness=np.ones((2, 3)))
    renamed = write(tmp_path / "map.nc", *axes(), Soil_Moisture=np.ones((2, 3)))
    reading = smos_l3.read([good, bare, renamed])
    assert [one.code for one in reading.skipped] == ["missing_variable", "wrong_kind"]
