"""C3S daily images: a real day against plain netCDF4, and made days for what it lacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore.cubes.quality import usable
from smcore.cubes.readers import c3s_sm
from smcore.cubes.readers._families import c3s_inputs
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError


@pytest.fixture(scope="module")
def reading(realdata: Path) -> Reading:
    return c3s_sm.read(sorted((realdata / "c3s_sm_daily").glob("*.nc")))


def test_the_real_day_agrees_with_plain_netcdf4(reading: Reading) -> None:
    # netCDF4: sm 70011 valid, mean 0.2103524771, range 0.02…0.47597998; sm_uncertainty 63450, mean 0.0259820005
    cube = reading.dataset
    assert cube["sm"].shape == (1, 720, 1440)
    values = cube["sm"].values.astype(np.float64)
    assert np.isfinite(values).sum() == 70011
    assert np.nanmean(values) == pytest.approx(0.2103524771, abs=1e-9)
    assert (np.nanmin(values), np.nanmax(values)) == pytest.approx((0.02, 0.47597998), abs=1e-8)
    uncertainty = cube["sm_uncertainty"].values.astype(np.float64)
    assert np.isfinite(uncertainty).sum() == 63450
    assert np.nanmean(uncertainty) == pytest.approx(0.0259820005, abs=1e-9)
    assert cube["time"].values.astype("datetime64[h]").astype(str).tolist() == ["2014-01-01T00"]
    assert cube["sm"].attrs["units"] == cube["sm_uncertainty"].attrs["units"] == "m3 m-3"


def test_a_value_keeps_its_place_and_its_time(reading: Reading) -> None:
    # netCDF4: row 271, column 920 is 22.125 N 50.125 E: 0.07435153, t0 16070.937007980421 (2013-12-31T22:29:17.490)
    cell = reading.dataset.isel(y=271, x=920)
    assert (float(cell["lat"]), float(cell["lon"])) == (22.125, 50.125)
    assert float(cell["sm"][0]) == pytest.approx(0.07435153, abs=1e-8)
    assert cell["obs_time"].values[0] == np.datetime64("2013-12-31T22:29:17.490")
    times = reading.dataset["obs_time"].values
    assert np.isfinite(times.astype("f8")[~np.isnat(times)]).sum() == 70011
    assert times[~np.isnat(times)].min() >= np.datetime64("2013-12-31T12:00")
    assert times[~np.isnat(times)].max() <= np.datetime64("2014-01-01T12:00")


def test_flags_are_kept_and_say_why_there_is_no_retrieval(reading: Reading) -> None:
    # netCDF4, np.unique(flag): 0: 77473, 1: 68896, 2: 2752, 3: 1217, 4: 17021, 16: 7702, 32: 25283, 127: 834244
    flags = reading.dataset["surface_flag"].values
    assert {bit: int((flags == bit).sum()) for bit in (0, 1, 2, 3, 4, 16, 32, -1)} == {
        0: 77473, 1: 68896, 2: 2752, 3: 1217, 4: 17021, 16: 7702, 32: 25283, -1: 834244,
    }  # fmt: skip
    quality = reading.dataset["quality"]
    assert np.unique(quality.values).tolist() == [-1, 0]
    assert (quality.values == 0).sum() == 70011
    assert "snow_coverage" in quality.attrs["flag_meanings"]


def test_the_product_says_what_it_is(reading: Reading) -> None:
    attrs = reading.dataset.attrs
    assert attrs["product"] == "C3S SM combined v201801.0"
    assert (attrs["kind"], attrs["layer_m"]) == ("observed", "0 0.05")
    assert attrs["inputs"] == "c3s ascat amsr2 smos gldas"  # its attribute sensor lists no SMAP yet
    assert (attrs["time_support"], attrs["time_is_nominal"]) == ("instant", 1)
    assert "Copernicus" in attrs["licence"]


def made(path: Path, day: str, *, title: str = "C3S COMBINED", units: str = "m3 m-3", lat_first: float = 1.125) -> Path:
    """A synthetic image of 3 × 4 cells."""
    lat = lat_first - 0.25 * np.arange(3)
    source = xr.Dataset(
        {
            "sm": (("time", "lat", "lon"), np.full((1, 3, 4), 0.2, np.float32), {"units": units}),
            "flag": (("time", "lat", "lon"), np.full((1, 3, 4), 64, np.int8)),
        },
        {"time": [np.datetime64(day, "ns")], "lat": lat, "lon": 0.125 + 0.25 * np.arange(4)},
        {"synthetic": 1, "title": title, "product_version": "v1"},
    )
    source.to_netcdf(path)
    return path


def test_days_come_in_order_and_a_day_given_twice_counts_once(tmp_path: Path) -> None:
    files = [made(tmp_path / f"{n}.nc", day) for n, day in enumerate(("2014-01-03", "2014-01-01", "2014-01-03"))]
    reading = c3s_sm.read(files)
    assert reading.dataset["time"].values.astype("datetime64[D]").astype(str).tolist() == ["2014-01-01", "2014-01-03"]
    assert [one.code for one in reading.skipped] == ["superseded"]
    assert reading.dataset.attrs["synthetic"] == 1
    assert "obs_time" not in reading.dataset


def test_the_active_product_keeps_its_percent_of_saturation(tmp_path: Path) -> None:
    cube = c3s_sm.read([made(tmp_path / "a.nc", "2014-01-01", title="ESA CCI ACTIVE", units="percent")]).dataset
    assert cube["sm"].attrs["units"] == "%"
    assert cube.attrs["product"] == "ESA CCI SM active v1"


def test_advice_on_barren_ground_is_no_reason_against_a_retrieval(tmp_path: Path) -> None:
    cube = c3s_sm.read([made(tmp_path / "a.nc", "2014-01-01")]).dataset
    assert (cube["quality"] == 64).all()
    assert usable(cube["quality"], "recommended").all()


def test_unusable_days_are_left_out_and_the_others_survive(tmp_path: Path) -> None:
    good = made(tmp_path / "good.nc", "2014-01-01")
    wrong_unit = made(tmp_path / "unit.nc", "2014-01-02", units="inches")
    elsewhere = made(tmp_path / "elsewhere.nc", "2014-01-03", lat_first=21.125)
    without = tmp_path / "without.nc"
    with xr.open_dataset(good) as source:
        source.drop_vars("sm").to_netcdf(without)
    reading = c3s_sm.read([good, wrong_unit, elsewhere, without])
    assert {Path(one.path).name: one.code for one in reading.skipped} == {
        "unit.nc": "bad_values",
        "elsewhere.nc": "grid_mismatch",
        "without.nc": "missing_variable",
    }
    assert reading.sources == (good,)
    with pytest.raises(ReaderError, match="choose sm"):
        c3s_sm.read([good], variable="flag")


@pytest.mark.parametrize(
    ("product", "version", "sensors", "families"),
    [
        ("combined", "v202505", "", "c3s ascat amsr2 smos smap gldas"),
        ("COMBINED", "v201801.0", "", "c3s ascat amsr2 smos gldas"),
        ("active", "v202505", "", "c3s ascat"),
        ("passive", "v202212.0.0", "", "c3s amsr2 smos smap"),
        ("passive", "v202212.0.0", "AMSR2, MIRAS", "c3s amsr2 smos"),
    ],
)
def test_what_was_merged_is_named_so_that_products_that_share_it_can_be_told(
    product: str, version: str, sensors: str, families: str
) -> None:
    assert c3s_inputs(product, version, sensors) == families
