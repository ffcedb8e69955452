"""hydroDL pixel sets: real files against numbers computed with plain netCDF4, and damaged copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore import names
from smcore.cubes.readers import pixels
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError
from smcore.grids import ease

# netCDF4, float64 over the valid values: count, mean, least, greatest (APCP_FORA times 24)
GOLDEN = {
    "sm": (83820, 0.2016590387, 0.02, 0.49998546),
    "precipitation": (301400, 2.0683645222, 0.0, 222.557739),
    "air_temperature": (301400, 286.8229112876, 236.123795, 314.734161),
    "shortwave_down": (301400, 198.8216519912, 15.5969457, 401.169128),
    "longwave_down": (301400, 308.4455404082, 123.327339, 469.481873),
    "specific_humidity": (301400, 0.0070918402, 0.000258744287, 0.0225946177),
    "wind_u": (301400, 0.6240005254, -10.5508013, 14.1459322),
    "wind_v": (301400, 0.6860917284, -12.7622156, 15.9312439),
    "clay": (274, 22.0780384314, 8.30646, 52.6),
    "bulk_density": (274, 1.3322574344, 0.737514, 1.493043),
    "land_cover": (275, 8.8945454545, 1.0, 16.0),
}
UNITS = {"sm": "m3 m-3", "precipitation": "mm d-1", "air_temperature": "K", "clay": "%", "land_cover": "1"}


@pytest.fixture(scope="module")
def folder(realdata: Path) -> Path:
    return realdata / "hydrodl_conus"


@pytest.fixture(scope="module")
def reading(folder: Path) -> Reading:
    return pixels.read(sorted(folder.glob("*.nc")))


@pytest.mark.parametrize("name", GOLDEN)
def test_values_agree_with_plain_netcdf4(reading: Reading, name: str) -> None:
    values = reading.dataset[name].values.astype(np.float64)
    count, mean, least, greatest = GOLDEN[name]
    assert np.isfinite(values).sum() == count
    assert np.nanmean(values) == pytest.approx(mean, rel=2e-7)
    assert np.nanmin(values) == pytest.approx(least, rel=1e-6)
    assert np.nanmax(values) == pytest.approx(greatest, rel=1e-6)
    if name in UNITS:
        assert reading.dataset[name].attrs["units"] == UNITS[name]


def test_the_two_time_axes_are_merged_and_soil_moisture_is_missing_beyond_its_own(reading: Reading) -> None:
    data = reading.dataset
    assert data.sizes == {"location": 275, "time": 1096}
    days = data["time"].values.astype("datetime64[D]")
    assert (str(days[0]), str(days[-1])) == ("2015-04-01", "2018-03-31")
    assert (np.diff(days) == np.timedelta64(1, "D")).all()
    last = np.flatnonzero(data["sm"].notnull().any("location").values)[-1]
    assert days[last] <= np.datetime64("2017-03-31")
    # netCDF4: SMAP_AM[:, 366:731] has 41407 values with mean 0.2001642
    year_2 = data["sm"].isel(time=slice(366, 731)).values.astype(np.float64)
    assert np.isfinite(year_2).sum() == 41407
    assert np.nanmean(year_2) == pytest.approx(0.20016420, abs=1e-8)


def test_pixels_sit_on_their_rows_and_columns_of_m36(reading: Reading, folder: Path) -> None:
    data = reading.dataset
    with xr.open_dataset(folder / "conusv4f1_pixels_A.nc") as source:
        np.testing.assert_array_equal(data["row"].values, source["ease2_row"].values)
        np.testing.assert_array_equal(data["col"].values, source["ease2_col"].values)
        np.testing.assert_array_equal(data["location"].values, source["pixel"].values)
    grid = ease("M36")
    assert np.abs(grid.lat[data["row"].values] - data["lat"].values).max() < 1e-4
    assert np.abs(grid.lon[data["col"].values] - data["lon"].values).max() < 1e-4
    assert data.attrs["grid_name"] == "M36"


def test_the_product_says_what_it_is(reading: Reading) -> None:
    attrs = reading.dataset.attrs
    assert (attrs["kind"], attrs["synthetic"], attrs["layer_m"], attrs["inputs"]) == ("observed", 0, "0 0.05", "smap")
    assert "Non-Commercial" in attrs["licence"]
    assert attrs["time_is_nominal"] == 1
    assert set(reading.dataset["overpass"].values) == {"am"}
    assert reading.dataset["precipitation"].attrs["time_support"] == names.DAY_MEAN


def test_with_both_products_at_hand_the_other_is_left_out_and_named(reading: Reading) -> None:
    assert [(Path(one.path).name, one.code) for one in reading.skipped] == [("lstm_ep100_A.nc", "wrong_kind")]
    assert "--variable lstm_sm" in reading.skipped[0].reason


def test_the_published_lstm_is_a_reconstructed_pixel_set_of_its_own(folder: Path) -> None:
    # netCDF4: lstm_sm has 275 × 365 values, mean 0.2020253854, range -0.03155102…0.55762202
    reading = pixels.read(sorted(folder.glob("*.nc")), variable="lstm_sm")
    data = reading.dataset
    assert (data.attrs["kind"], data.attrs["inputs"]) == ("reconstructed", "smap nldas")
    values = data["sm"].values.astype(np.float64)
    assert np.isfinite(values).sum() == 275 * 365
    assert values.mean() == pytest.approx(0.2020253854, abs=1e-9)
    assert (values.min(), values.max()) == pytest.approx((-0.03155102, 0.55762202), abs=1e-8)
    days = data["time"].values.astype("datetime64[D]")
    assert (str(days[0]), str(days[-1])) == ("2016-04-01", "2017-03-31")
    assert list(data.data_vars) == ["sm"]


def made(path: Path, first: int, **changes: object) -> Path:
    """A small synthetic file of the same form: two pixels, four days of forcing, two of soil moisture."""
    grid = ease("M36")
    sm = np.full((2, 2), 0.2 + first / 100, np.float32)
    source = xr.Dataset(
        {
            "SMAP_AM": (("pixel", "time_smap"), sm, {"units": "m3 m-3"}),
            "APCP_FORA": (("pixel", "time"), np.full((2, 4), 0.5, np.float32), {"units": "kg m-2 h-1"}),
            "const_Clay": ("pixel", np.float32([10, 20])),
        },
        {
            "pixel": [first, first + 1],
            "time": np.arange("2015-04-01", "2015-04-05", dtype="datetime64[D]").astype("datetime64[ns]"),
            "time_smap": np.arange("2015-04-01", "2015-04-03", dtype="datetime64[D]").astype("datetime64[ns]"),
            "lat": ("pixel", grid.lat[[50, 51]]),
            "lon": ("pixel", grid.lon[[200 + first, 200 + first]]),
        },
        {"synthetic": 1, **changes},
    )
    source.to_netcdf(path)
    return path


def test_files_with_other_pixels_are_put_together(tmp_path: Path) -> None:
    reading = pixels.read([made(tmp_path / "conusv4f1_pixels_A.nc", 0), made(tmp_path / "conusv4f1_pixels_B.nc", 7)])
    data = reading.dataset
    assert data["location"].values.tolist() == [0, 1, 7, 8]
    assert data.attrs["synthetic"] == 1
    np.testing.assert_allclose(data["sm"].values[:, 0], [0.2, 0.2, 0.27, 0.27], rtol=1e-6)
    assert np.isnan(data["sm"].values[:, 2:]).all()
    assert (data["precipitation"].values == 12).all()


def test_a_file_without_coordinates_is_left_out_and_the_other_survives(tmp_path: Path) -> None:
    good = made(tmp_path / "conusv4f1_pixels_A.nc", 0)
    bad = tmp_path / "conusv4f1_pixels_B.nc"
    with xr.open_dataset(good) as source:
        source.drop_vars("lat").to_netcdf(bad)
    reading = pixels.read([bad, good])
    assert [(Path(one.path).name, one.code) for one in reading.skipped] == [(bad.name, "missing_variable")]
    assert reading.dataset.sizes["location"] == 2


def test_a_forcing_in_another_unit_is_refused_not_converted_by_guess(tmp_path: Path) -> None:
    path = made(tmp_path / "conusv4f1_pixels_A.nc", 0)
    other = tmp_path / "conusv4f1_pixels_mm.nc"
    with xr.open_dataset(path) as source:
        source["APCP_FORA"].attrs["units"] = "mm d-1"
        source.to_netcdf(other)
    with pytest.raises(ReaderError, match="APCP_FORA is in 'mm d-1'"):
        pixels.read([other])
