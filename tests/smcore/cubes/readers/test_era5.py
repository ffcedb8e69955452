"""ERA5 and ERA5-Land: real files of both forms against plain netCDF4, and made files for what those lack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore.cubes.readers import era5, era5_land
from smcore.cubes.readers._ecmwf_fields import FIELDS, same_unit, short_name
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError
from tests.smcore.cubes.readers.made_files import write_cds

LAT, LON = np.array([10.0, 9.9]), np.array([20.0, 20.1, 20.2])
HOUR = np.timedelta64(1, "h")


def hours(first: str, count: int, step: int = 1) -> np.ndarray:
    return np.datetime64(first, "ns") + np.arange(count) * step * HOUR


def field(time: np.ndarray, per_step: np.ndarray | float, columns: int = 3) -> np.ndarray:
    values = np.broadcast_to(np.asarray(per_step, np.float32), (len(time),))
    return np.broadcast_to(values[:, None, None], (len(time), 2, columns)).astype(np.float32)


def test_era5_land_in_the_new_form_agrees_with_plain_netcdf4(realdata: Path) -> None:
    # netCDF4: swvl1 168 × 36 × 61, all valid, mean 0.0621321442, range 0.01130676…0.40005493;
    # [0, 2, 3] at 28.3 N 67.3 E = 0.03416443, [-1, 1, 7] = 0.26605225
    reading = era5_land.read([realdata / "era5land_cds" / "ERA5_Pakistan_20200101_20200107.nc"])
    cube = reading.dataset
    assert cube["sm"].shape == (168, 36, 61)
    values = cube["sm"].values.astype(np.float64)
    assert np.isfinite(values).all()
    assert values.mean() == pytest.approx(0.0621321442, abs=1e-9)
    assert (values.min(), values.max()) == pytest.approx((0.01130676, 0.40005493), abs=1e-8)
    assert (values[0, 2, 3], values[-1, 1, 7]) == pytest.approx((0.03416443, 0.26605225), abs=1e-8)
    assert (cube["lat"].values[2], cube["lon"].values[3]) == pytest.approx((28.3, 67.3))
    stamps = cube["time"].values.astype("datetime64[h]").astype(str)
    assert (stamps[0], stamps[-1]) == ("2020-01-01T00", "2020-01-07T23")
    assert cube["sm"].attrs["units"] == "m3 m-3"
    attrs = cube.attrs
    assert (attrs["layer_m"], attrs["time_support"], attrs["product"]) == ("0 0.07", "instant", "ERA5-Land")
    assert (attrs["kind"], attrs["inputs"], attrs["synthetic"]) == ("modelled", "era5-land era5", 0)
    assert (reading.skipped, reading.notes) == ((), ())


def test_another_area_needs_a_store_of_its_own(realdata: Path) -> None:
    # netCDF4: Western Australia: 744 × 51 × 61 valid, mean 0.0681381511
    files = sorted((realdata / "era5land_cds").glob("*.nc"))
    assert [one.code for one in era5_land.read(files).skipped] == ["grid_mismatch"]
    cube = era5_land.read(files[1:]).dataset
    assert cube["sm"].shape == (744, 51, 61)
    assert float(cube["sm"].astype("f8").mean()) == pytest.approx(0.0681381511, abs=1e-9)


def test_gaps_between_the_blocks_of_era5_stay_gaps(realdata: Path) -> None:
    # netCDF4: oznet_era5: 7344 × 4 × 8 valid, mean 0.2326844196, range 0.12301385…0.43866980; 102 steps over an hour
    reading = era5.read(sorted((realdata / "oznet_era5").glob("*.nc")))
    cube = reading.dataset
    values = cube["sm"].values.astype(np.float64)
    assert values.shape == (7344, 4, 8)
    assert np.isfinite(values).all()
    assert values.mean() == pytest.approx(0.2326844196, abs=1e-9)
    assert (values.min(), values.max()) == pytest.approx((0.12301385, 0.43866980), abs=1e-8)
    assert int((np.diff(cube["time"].values) > HOUR).sum()) == 102
    assert any("102 gaps" in note for note in reading.notes)
    stamps = cube["time"].values.astype("datetime64[h]").astype(str)
    assert (stamps[0], stamps[-1]) == ("2018-08-01T00", "2020-07-29T23")
    assert cube["lat"].values.tolist() == [-34.65, -34.9, -35.15, -35.4]
    np.testing.assert_allclose(cube["lon"].values[[0, -1]], [145.8, 147.55])


def test_the_old_form_is_unpacked_and_turned_from_0_360(realdata: Path) -> None:
    # netCDF4: swvl1 4 × 37 × 72, mean 0.0818977482, range -0.00326519…0.74737357;
    # at 40 N 285 E (75 W): 0.37975724 0.39177287 0.38811893 0.38991726
    reading = era5.read([realdata / "era5" / "era5_cds_raw_20100101_swvl1_lsm_5deg.nc"])
    cube = reading.dataset
    values = cube["sm"].values.astype(np.float64)
    assert values.shape == (4, 37, 72)
    assert values.mean() == pytest.approx(0.0818977482, abs=1e-7)
    assert (values.min(), values.max()) == pytest.approx((-0.00326519, 0.74737357), abs=1e-6)
    assert cube["lon"].values[0] == -180
    place = cube["sm"].isel(y=int(np.flatnonzero(cube["lat"] == 40)[0]), x=int(np.flatnonzero(cube["lon"] == -75)[0]))
    np.testing.assert_allclose(place.values, [0.37975724, 0.39177287, 0.38811893, 0.38991726], atol=1e-7)
    assert cube["time"].values.astype("datetime64[h]").astype(str).tolist() == [
        f"2010-01-01T{hour:02d}" for hour in (0, 6, 12, 18)
    ]
    assert cube["sm"].encoding["dtype"] == np.int16
    assert cube["sm"].encoding["scale_factor"] == pytest.approx(1.145436283188871e-05)


def test_files_that_are_no_era5_are_left_out_with_a_reason(realdata: Path) -> None:
    folder = realdata / "era5"
    reading = era5.read([*sorted(folder.glob("*.nc")), folder / "era5-land_lut.csv"])
    codes = {Path(one.path).name: one.code for one in reading.skipped}
    assert codes == {"era5land_landmask_0.1.nc": "missing_variable", "era5-land_lut.csv": "not_netcdf"}


def test_the_name_table_of_the_download_knows_all_our_fields(realdata: Path) -> None:
    table = (realdata / "era5" / "era5-land_lut.csv").read_text().splitlines()[1:]
    published = {row.split(",")[2]: row.split(",")[0] for row in table}
    for short, known in FIELDS.items():
        assert published[short] == known.request, short
        assert short_name(known.request) == short


@pytest.mark.parametrize("old", [False, True])
def test_every_known_field_comes_in_our_unit(tmp_path: Path, old: bool) -> None:
    time = hours("2020-01-01T01", 4)
    lat, lon = LAT, np.array([359.9, 0.0, 0.1])
    source = {short: (known.units, field(time, np.linspace(1, 2, 4))) for short, known in FIELDS.items()}
    path = write_cds(tmp_path / "ERA5_made.nc", source, time, lat, lon, old=old)
    cube = era5_land.read([path]).dataset
    assert cube.attrs["synthetic"] == 1
    ours = {known.name: known for known in FIELDS.values() if known.layer_m in (None, (0.0, 0.07))}
    assert set(cube.data_vars) == set(ours)
    np.testing.assert_allclose(cube["lon"].values, [-0.1, 0.0, 0.1], atol=1e-9)
    for name, known in ours.items():
        if not known.accumulated:
            np.testing.assert_allclose(cube[name].values[:, 0, 0], np.linspace(1, 2, 4) * known.factor, rtol=2e-5)
            assert "time_support" not in cube[name].attrs
        else:
            assert cube[name].attrs["time_support"] == "mean:1:end"
    assert cube["precipitation"].attrs["units"] == "mm d-1"
    assert cube["net_longwave"].attrs["units"] == "W m-2"


def test_hourly_totals_since_midnight_become_rates_across_midnight_and_files(tmp_path: Path) -> None:
    rain = np.random.default_rng(1).uniform(0, 2, 48)  # mm in the hour that ends at 01, 02, … 00, 01, …
    total = np.concatenate([np.cumsum(rain[:24]), np.cumsum(rain[24:])]) / 1000  # m since 00 UTC
    time = hours("2020-01-01T01", 48)
    cut = 30
    files = [
        write_cds(tmp_path / f"land_{n}.nc", {"tp": ("m", field(time[s], total[s]))}, time[s], LAT, LON)
        for n, s in enumerate((slice(0, cut), slice(cut, 48)))
    ]
    reading = era5_land.read(list(reversed(files)))
    cube = reading.dataset
    assert cube.attrs["kind"] == "forcing"
    assert len(cube["precipitation"].chunksizes["time"]) == 2
    np.testing.assert_allclose(cube["precipitation"].values[:, 1, 2], rain * 24, rtol=1e-3, atol=1e-3)
    assert any("tp" in note for note in reading.notes)


def test_a_stamp_without_the_one_before_has_no_rate_unless_it_is_the_first_of_the_day(tmp_path: Path) -> None:
    time = hours("2020-01-01T00", 30)
    kept = np.delete(np.arange(30), [5, 6])
    # 1 mm each hour; the stamp 00 has the total of the day before it
    total = np.where(np.arange(30) % 24 == 0, 24, np.arange(30) % 24) / 1000
    path = write_cds(tmp_path / "land.nc", {"tp": ("m", field(time[kept], total[kept]))}, time[kept], LAT, LON)
    cube = era5_land.read([path]).dataset
    rate = cube["precipitation"].values[:, 0, 0]
    missing = cube["time"].values[np.isnan(rate)].astype("datetime64[h]").astype(str).tolist()
    assert missing == ["2020-01-01T00", "2020-01-01T07"]
    np.testing.assert_allclose(rate[np.isfinite(rate)], 24, rtol=1e-3)


@pytest.mark.parametrize(("step", "per_day"), [(3, 8), (6, 4), (24, 1)])
def test_coarser_steps_give_means_of_their_own_length(tmp_path: Path, step: int, per_day: int) -> None:
    time = hours("2020-01-01T00", 3 * per_day, step)
    since = (np.arange(3 * per_day) * step) % 24
    total = np.where(since == 0, 24, since) * 3600.0 * 100.0  # 100 W m-2 all the time, as J m-2
    path = write_cds(tmp_path / "land.nc", {"ssrd": ("J m**-2", field(time, total))}, time, LAT, LON)
    cube = era5_land.read([path]).dataset
    rate = cube["shortwave_down"].values[:, 0, 0]
    np.testing.assert_allclose(rate[1:], 100, rtol=1e-4)
    assert np.isnan(rate[0]) == (step != 24)
    assert cube["shortwave_down"].attrs["time_support"] == f"mean:{step}:end"


def test_era5_accumulates_over_the_hour_before_only(tmp_path: Path) -> None:
    time = hours("2020-01-01T00", 4)
    lon = np.array([20.0, 20.25, 20.5])
    source = {
        "tp": ("m", field(time, [0.001, 0.002, 0.0, -1e-9])),
        "e": ("m of water equivalent", field(time, -0.001)),
    }
    cube = era5.read([write_cds(tmp_path / "era5.nc", source, time, [10.0, 9.75], lon)]).dataset
    np.testing.assert_allclose(cube["precipitation"].values[:, 0, 0], [24, 48, 0, 0], atol=1e-5)
    np.testing.assert_allclose(cube["evaporation"].values, 24, rtol=1e-6)


def test_a_final_value_takes_the_place_of_a_preliminary_one(tmp_path: Path) -> None:
    time = hours("2020-01-01T00", 4)
    early = write_cds(
        tmp_path / "a.nc", {"swvl1": ("m**3 m**-3", field(time, 0.1))}, time, LAT, LON, expver=["0001"] + ["0005"] * 3
    )
    final = write_cds(tmp_path / "b.nc", {"swvl1": ("m**3 m**-3", field(time[:3], 0.2))}, time[:3], LAT, LON)
    reading = era5_land.read([early, final])
    np.testing.assert_allclose(reading.dataset["sm"].values[:, 0, 0], [0.1, 0.2, 0.2, 0.1], rtol=1e-6)
    assert any("preliminary" in note for note in reading.notes)


def test_the_old_mix_of_final_and_preliminary_side_by_side_is_merged(tmp_path: Path) -> None:
    time = hours("2020-01-01T00", 3)
    values = np.full((3, 2, 2, 3), np.nan, np.float32)
    values[:2, 0], values[2, 1] = 0.2, 0.3
    source = xr.Dataset(
        {"swvl1": (("time", "expver", "latitude", "longitude"), values, {"units": "m**3 m**-3"})},
        {"time": time, "expver": [1, 5], "latitude": LAT, "longitude": LON},
        {"synthetic": 1},
    )
    source.to_netcdf(tmp_path / "mix.nc")
    cube = era5_land.read([tmp_path / "mix.nc"]).dataset
    np.testing.assert_allclose(cube["sm"].values[:, 1, 2], [0.2, 0.2, 0.3], rtol=1e-6)


def test_fields_of_one_request_in_several_files_share_one_time_axis(tmp_path: Path) -> None:
    time = hours("2020-01-01T00", 6)
    soil = write_cds(tmp_path / "a.nc", {"swvl1": ("m**3 m**-3", field(time, 0.3))}, time, LAT, LON)
    warmth = write_cds(tmp_path / "b.nc", {"t2m": ("K", field(time[3:], 290))}, time[3:], LAT, LON)
    cube = era5_land.read([soil, warmth]).dataset
    assert cube.sizes["time"] == 6
    assert cube.chunks["time"] == (3, 3)
    assert np.isnan(cube["air_temperature"].values[:3]).all()
    assert (cube["air_temperature"].values[3:] == 290).all()


def test_a_chosen_layer_becomes_the_soil_moisture(tmp_path: Path) -> None:
    time = hours("2020-01-01T00", 2)
    source = {short: ("m**3 m**-3", field(time, n / 10)) for n, short in enumerate(("swvl1", "swvl2", "swvl3"))}
    path = write_cds(tmp_path / "a.nc", source, time, LAT, LON)
    for name in ("swvl3", "volumetric_soil_water_layer_3"):
        cube = era5_land.read([path], variable=name).dataset
        assert cube.attrs["layer_m"] == "0.28 1"
        np.testing.assert_allclose(cube["sm"].values, 0.2, rtol=1e-6)
    with pytest.raises(ReaderError, match="swvl4"):
        era5_land.read([path], variable="swvl4")


def test_long_months_are_cut_into_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smcore.cubes.readers._plan._BLOCK_BYTES", 2 * 3 * 4 * 5)
    time = hours("2020-01-01T01", 12)
    total = np.arange(1, 13) / 1000
    source = {"swvl1": ("m**3 m**-3", field(time, 0.3)), "tp": ("m", field(time, total))}
    cube = era5_land.read([write_cds(tmp_path / "a.nc", source, time, LAT, LON)]).dataset
    assert cube.chunks["time"] == (5, 5, 2)
    np.testing.assert_allclose(cube["precipitation"].values, 24, rtol=1e-3)


def made(path: Path, change: str) -> Path:
    time = hours("2020-01-01T00", 2)
    units = "kg m-2" if change == "unit" else "m**3 m**-3"
    step = 0.25 if change == "spacing" else 0.1
    lat = [10.0, 9.5] if change == "uneven" else [10.0, 10 - step]
    lon = [20.0, 20.1, 20.9] if change == "uneven" else 20 + step * np.arange(3)
    name = "sd" if change == "field" else "swvl1"
    return write_cds(path, {name: (units, field(time, 0.3))}, time, lat, lon)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("unit", "bad_values", "kg m-2"),
        ("spacing", "wrong_kind", "read it as era5"),
        ("uneven", "wrong_kind", "evenly"),
        ("field", "missing_variable", "no known forcing"),
    ],
)
def test_an_unusable_file_is_left_out_and_the_others_survive(tmp_path: Path, change: str, code: str, says: str) -> None:
    bad = made(tmp_path / "bad.nc", change)
    with pytest.raises(ReaderError, match=says) as error:
        era5_land.read([bad])
    assert error.value.code == code
    reading: Reading = era5_land.read([bad, made(tmp_path / "good.nc", "")])
    assert [one.code for one in reading.skipped] == [code]
    assert reading.dataset["sm"].shape == (2, 2, 3)


def test_era5_refuses_era5_land_for_it_accumulates_otherwise(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="read it as era5-land"):
        era5.read([made(tmp_path / "land.nc", "")])


def test_spellings_of_units_are_understood() -> None:
    assert same_unit("J m**-2", "J m-2")
    assert same_unit("(0 - 1)", "dimensionless")
    assert same_unit("m of water equivalent", "m")
    assert not same_unit("mm", "m")
