"""CF NetCDF and Zarr: made files in every direction and form, real files by their CF attributes, refused codecs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smcore import names
from smcore.cubes.readers import cf
from smcore.errors import ReaderError
from smcore.grids import EASE, ease, wrap_longitude
from tests.smcore.cubes.readers.made_files import DAYS, cf_dataset, numbers

LAT, LON = np.array([2.0, 1.0, 0.0]), np.array([5.0, 6.0, 7.0, 8.0])


def written(folder: Path, source: xr.Dataset, form: str, name: str = "made", **options: Any) -> Path:
    """Write as NetCDF or as Zarr v2 or v3."""
    if form == "netcdf":
        source.to_netcdf(folder / f"{name}.nc", **options)
        return folder / f"{name}.nc"
    version: Any = int(form[-1])
    source.to_zarr(folder / f"{name}.zarr", zarr_format=version, consolidated=version == 2, **options)
    return folder / f"{name}.zarr"


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(["time", "lat", "lon"]),
    ascending=st.booleans(),
    west=st.sampled_from([-180.0, -10.0, 0.0, 170.0]),
    columns=st.sampled_from([2, 20, 360]),
    east_positive=st.booleans(),
)
def test_any_order_and_direction_of_axes_gives_the_same_cube(
    tmp_path: Path, order: list[str], ascending: bool, west: float, columns: int, east_positive: bool
) -> None:
    lon = west + np.arange(columns)
    truth = cf_dataset(LAT, lon)
    stored_lon = lon % 360 if east_positive else wrap_longitude(lon)
    source = truth.assign_coords(lon=("lon", stored_lon, truth["lon"].attrs))
    source = (source.isel(lat=slice(None, None, -1)) if ascending else source).transpose(*order)
    cube = cf.read([written(tmp_path, source, "netcdf", mode="w")]).dataset
    expected = truth.assign_coords(lon=wrap_longitude(lon)).sortby("lon") if columns == 360 else truth
    np.testing.assert_array_equal(cube["sm"].values, expected["theta"].values)
    np.testing.assert_allclose(wrap_longitude(cube["lon"].values), wrap_longitude(expected["lon"].values), atol=1e-9)
    np.testing.assert_array_equal(cube["lat"].values, LAT)


@pytest.mark.parametrize("form", ["netcdf", "zarr2", "zarr3"])
def test_netcdf_and_both_zarr_forms_read_alike(tmp_path: Path, form: str) -> None:
    source = cf_dataset(LAT, LON)
    packed = {"dtype": "int16", "scale_factor": 1e-4, "_FillValue": -32767}
    reading = cf.read([written(tmp_path, source, form, encoding={"theta": packed})])
    cube = reading.dataset
    np.testing.assert_allclose(cube["sm"].values, source["theta"].values, atol=5e-5)
    assert np.isnan(cube["sm"].values[0, 0, 0])
    np.testing.assert_array_equal(cube["time"].values, DAYS)
    assert cube["sm"].encoding["dtype"] == np.int16
    assert cube["sm"].chunks is not None
    attrs = cube.attrs
    assert (attrs["title"], attrs["synthetic"], attrs["layer_m"]) == ("synthetic test field", 1, "0 0.05")


@pytest.mark.parametrize("form", ["netcdf", "zarr2", "zarr3"])
def test_a_group_is_found_or_named(tmp_path: Path, form: str) -> None:
    source = cf_dataset(LAT, LON)
    path = written(tmp_path, source, form, group="level/surface")
    for variable in (None, "level/surface/theta", "theta"):
        np.testing.assert_array_equal(cf.read([path], variable=variable).dataset["sm"].values, source["theta"].values)
    with pytest.raises(ReaderError, match="no group other"):
        cf.read([path], variable="other/theta")


def test_axes_that_only_the_root_has_serve_its_groups(tmp_path: Path) -> None:
    source = cf_dataset(LAT, LON)
    path = tmp_path / "a.nc"
    source.drop_vars("theta").to_netcdf(path)
    source[["theta"]].drop_vars(["lat", "lon", "time"]).to_netcdf(path, group="am", mode="a")
    cube = cf.read([path]).dataset
    np.testing.assert_array_equal(cube["sm"].values, source["theta"].values)
    assert cube.attrs["title"] == "synthetic test field"


@pytest.mark.parametrize("form", ["zarr2", "zarr3"])
def test_the_files_inside_a_zarr_store_mean_the_store(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, cf_dataset(LAT, LON), form)
    inside = sorted(one for one in path.rglob("*") if one.is_file())
    assert len(inside) > 5
    assert cf.read(inside).sources == (path,)


@pytest.mark.parametrize("name", ["M36", "M09"])
def test_ease_axes_are_told_from_degrees_and_from_metres(tmp_path: Path, name: str) -> None:
    grid = ease(name).cut(slice(100, 106), slice(20, 25))
    degrees = cf_dataset(grid.lat, grid.lon)
    columns, rows, cell = EASE[name]
    metres = xr.Dataset(
        {"sm": (("time", "y", "x"), degrees["theta"].values, {"units": "m3 m-3"})},
        {
            "time": DAYS,
            "y": ("y", (rows / 2 - np.arange(100, 106) - 0.5) * cell, {"standard_name": "projection_y_coordinate"}),
            "x": ("x", (np.arange(20, 25) + 0.5 - columns / 2) * cell, {"standard_name": "projection_x_coordinate"}),
        },
        {"synthetic": 1},
    )
    for number, source in enumerate((degrees, metres)):
        cube = cf.read([written(tmp_path, source, "netcdf", f"{name}{number}")]).dataset
        assert (cube.attrs["grid_name"], cube.attrs["grid_row0"], cube.attrs["grid_col0"]) == (name, 100, 20)
        np.testing.assert_array_equal(cube["sm"].values, degrees["theta"].values)


@pytest.mark.parametrize(
    ("units", "standard_name", "extra", "expected", "factor"),
    [
        ("m3 m-3", "", {}, "m3 m-3", 1),
        ("cm3/cm3", "soil_moisture_content", {}, "m3 m-3", 1),
        ("1", "volume_fraction_of_condensed_water_in_soil", {}, "m3 m-3", 1),
        ("%", "volume_fraction_of_condensed_water_in_soil", {}, "m3 m-3", 0.01),
        ("%", "", {}, "%", 1),
        ("percent", "surface_soil_moisture", {}, "%", 1),
        ("kg m-2", "mass_content_of_water_in_soil_layer", {"layer_m": "0 0.1"}, "m3 m-3", 0.01),
        ("m", "lwe_thickness_of_moisture_content_of_soil_layer", {"layer_m": "0 0.5"}, "m3 m-3", 2),
    ],
)
def test_units_of_soil_moisture_are_converted_once(
    tmp_path: Path, units: str, standard_name: str, extra: dict[str, str], expected: str, factor: float
) -> None:
    source = cf_dataset(LAT, LON, units=units, standard_name=standard_name, name="sm")
    source["sm"].attrs.update(extra)
    cube = cf.read([written(tmp_path, source, "netcdf")]).dataset
    assert cube["sm"].attrs["units"] == expected
    np.testing.assert_allclose(cube["sm"].values, source["sm"].values * factor, rtol=1e-6)


def test_the_layer_of_a_water_column_may_come_from_the_edges_of_its_depth(tmp_path: Path) -> None:
    source = cf_dataset(LAT, LON, units="kg m-2", standard_name="mass_content_of_water_in_soil_layer")
    del source.attrs["layer_m"]
    source = source.expand_dims(depth=[5.0]).assign(depth_bnds=(("depth", "bnds"), [[0.0, 10.0]]))
    source["depth"].attrs.update(standard_name="depth", units="cm", bounds="depth_bnds")
    cube = cf.read([written(tmp_path, source, "netcdf")]).dataset
    assert cube.attrs["layer_m"] == "0 0.1"
    np.testing.assert_allclose(cube["sm"].values, source["theta"].values[0] / 100, rtol=1e-6)


def test_forcings_statics_flags_and_times_come_along_in_our_units(tmp_path: Path) -> None:
    source = cf_dataset(LAT, LON)
    shape = source["theta"].shape
    dims = source["theta"].dims
    rain = np.full(shape, 1 / 86400, np.float32)
    clock = np.broadcast_to(DAYS[:, None, None], shape) + np.timedelta64(6, "h")
    source = source.assign(
        tas=(dims, np.full(shape, 20, np.float32), {"units": "degC", "standard_name": "air_temperature"}),
        pr=(dims, rain, {"units": "kg m-2 s-1", "standard_name": "precipitation_flux"}),
        ps=(dims, rain, {"units": "furlong", "standard_name": "surface_air_pressure"}),
        clay=(("lat", "lon"), np.full(shape[1:], 0.3, np.float32), {"units": "1"}),
        quality=(
            dims,
            np.full(shape, 3, np.int16),
            {"flag_masks": [1, 2], "flag_meanings": "a b", "recommended_bits": 1},
        ),
        obs_time=(dims, clock),
        crowd=(dims, rain),
    )
    reading = cf.read([written(tmp_path, source, "netcdf")])
    cube = reading.dataset
    assert set(cube.data_vars) == {"sm", "air_temperature", "precipitation", "clay", "quality", "obs_time"}
    np.testing.assert_allclose(cube["air_temperature"].values, 293.15)
    np.testing.assert_allclose(cube["precipitation"].values, 1, rtol=1e-6)
    assert cube["clay"].dims == (names.Y, names.X)
    np.testing.assert_allclose(cube["clay"].values, 30, rtol=1e-6)
    assert (cube["quality"].dtype, cube["quality"].attrs["recommended_bits"]) == (np.int32, 1)
    np.testing.assert_array_equal(cube["obs_time"].values, clock)
    assert any("ps is left out" in note for note in reading.notes)


def test_a_file_of_forcings_only_is_a_forcing(tmp_path: Path) -> None:
    source = cf_dataset(LAT, LON, units="K", standard_name="air_temperature")
    cube = cf.read([written(tmp_path, source, "netcdf")]).dataset
    assert (list(cube.data_vars), cube.attrs["kind"]) == (["air_temperature"], "forcing")


def test_steps_and_variables_may_be_spread_over_files_and_stores(tmp_path: Path) -> None:
    first, second = cf_dataset(LAT, LON), cf_dataset(LAT, LON, time=DAYS + np.timedelta64(5, "D"))
    warm = cf_dataset(LAT, LON, units="K", standard_name="air_temperature", name="t")
    paths = [
        written(tmp_path, second, "zarr3", "b"),
        written(tmp_path, first, "netcdf", "a"),
        written(tmp_path, warm, "netcdf", "w"),
    ]
    cube = cf.read(paths).dataset
    assert cube.sizes["time"] == 6
    np.testing.assert_array_equal(cube["sm"].values, np.concatenate([first["theta"].values, second["theta"].values]))
    assert np.isnan(cube["air_temperature"].values[3:]).all()


def test_daily_steps_at_midnight_are_day_means_unless_they_say_otherwise(tmp_path: Path) -> None:
    source = cf_dataset(LAT, LON)
    bare = cf.read([written(tmp_path, source, "netcdf", "a")])
    assert bare.dataset.attrs["time_support"] == names.DAY_MEAN
    assert any("taken for means of that UTC day" in note for note in bare.notes)
    source["theta"].attrs["cell_methods"] = "time: point"
    assert cf.read([written(tmp_path, source, "netcdf", "p")]).dataset.attrs["time_support"] == names.INSTANT
    source["theta"].attrs["cell_methods"] = "time: mean"
    assert not any("taken for means" in n for n in cf.read([written(tmp_path, source, "netcdf", "m")]).notes)
    assert cf.read([written(tmp_path, source, "netcdf", "b")]).dataset.attrs["time_support"] == names.DAY_MEAN
    late = source.assign_coords(time=DAYS + np.timedelta64(12, "h"))
    assert cf.read([written(tmp_path, late, "netcdf", "c")]).dataset.attrs["time_support"] == names.INSTANT


def test_values_above_valid_max_are_kept_and_said_and_declared_flags_are_not_values(tmp_path: Path) -> None:
    source = cf_dataset(LAT, LON)
    source["theta"].values[1, 1, 1] = 0.78
    source["theta"].values[2, 2, 2] = 7.0
    source["theta"].attrs.update(valid_max=np.float32(0.5), flag_values=np.float32([7.0]), flag_meanings="water")
    reading = cf.read([written(tmp_path, source, "netcdf")])
    assert float(reading.dataset["sm"][1, 1, 1]) == pytest.approx(0.78)
    assert np.isnan(reading.dataset["sm"].values[2, 2, 2])
    assert any("valid_max 0.5" in note for note in reading.notes)


def test_real_files_can_be_read_by_their_cf_attributes_alone(realdata: Path) -> None:
    # the counts and means of test_c3s_sm.py, test_era5.py and test_cgls_ssm.py (plain netCDF4)
    c3s = cf.read(sorted((realdata / "c3s_sm_daily").glob("*.nc"))).dataset["sm"].values
    assert np.isfinite(c3s).sum() == 70011
    era5 = cf.read(sorted((realdata / "oznet_era5").glob("*.nc"))).dataset["sm"]
    assert float(era5.astype("f8").mean()) == pytest.approx(0.2326844196, abs=1e-9)
    ssm = cf.read(sorted((realdata / "cgls_1km").glob("*SSM*.nc"))).dataset["sm"]
    assert ssm.attrs["units"] == "%"
    assert np.isfinite(ssm.values).sum((1, 2)).tolist() == [27563, 0, 4448]


def changed_zarr(store: Path, array: str, **changes: Any) -> Path:
    """Change the metadata of one array of a store as an attacker would."""
    path = next(store / array / name for name in (".zarray", "zarr.json") if (store / array / name).is_file())
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return store


EVIL_V2: list[dict[str, Any]] = [
    {"filters": [{"id": "pickle"}]},
    {"filters": [{"id": "delta", "dtype": "<i2"}, {"id": "pickle", "protocol": 4}]},
    {"compressor": {"id": "pickle"}},
    {"filters": [{"id": "json2"}]},
    {"dtype": "|O"},
]
SHARD = {"chunk_shape": [1, 3, 4], "codecs": [{"name": "bytes"}], "index_codecs": [{"name": "numcodecs.pickle"}]}
EVIL_V3: list[dict[str, Any]] = [
    {"codecs": [{"name": "bytes"}, {"name": "numcodecs.pickle", "configuration": {}}]},
    {"codecs": [{"name": "sharding_indexed", "configuration": SHARD}]},
    {"data_type": "object"},
]


@pytest.mark.parametrize("array", ["theta", "lat"])
@pytest.mark.parametrize(("form", "change"), [*(("zarr2", c) for c in EVIL_V2), *(("zarr3", c) for c in EVIL_V3)])
def test_stores_that_ask_for_foreign_code_are_refused_before_any_chunk_is_read(
    tmp_path: Path, form: str, change: dict[str, Any], array: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = changed_zarr(written(tmp_path, cf_dataset(LAT, LON), form, "bad"), array, **change)
    monkeypatch.setattr("pickle.loads", lambda *_args, **_kwargs: pytest.fail("a pickle of the store was read"))
    with pytest.raises(ReaderError) as error:
        cf.read([bad])
    assert error.value.code == "bad_archive"
    assert "bad.zarr" in str(error.value)


def test_consolidated_metadata_is_looked_at_too(tmp_path: Path) -> None:
    store = written(tmp_path, cf_dataset(LAT, LON), "zarr2")
    path = store / ".zmetadata"
    metadata = json.loads(path.read_text())
    metadata["metadata"]["theta/.zarray"]["filters"] = [{"id": "pickle"}]
    path.write_text(json.dumps(metadata))
    with pytest.raises(ReaderError, match="pickle"):
        cf.read([store])


def bad_file(folder: Path, change: str) -> Path:
    source = cf_dataset(LAT, LON)
    if change == "units":
        source["theta"].attrs["units"] = "buckets"
    elif change == "thickness":
        del source.attrs["layer_m"]
        source["theta"].attrs.update(units="kg m-2", standard_name="mass_content_of_water_in_soil_layer")
    elif change == "name":
        source = source.rename(theta="other")
        source["other"].attrs = {"units": "m3 m-3"}
    elif change == "axes":
        source = source.assign_coords(lat=("lat", [2.0, 1.0, -3.0], source["lat"].attrs))
    elif change == "curved":
        source = source.drop_vars(["lat", "lon"]).rename(lat="y", lon="x")
        source = source.assign_coords(lat=(("y", "x"), np.zeros((3, 4))), lon=(("y", "x"), np.zeros((3, 4))))
    elif change == "levels":
        source = xr.concat([source.expand_dims(level=[level]) for level in (1, 2)], "level", data_vars="all")
    elif change == "timeless":
        source = source.isel(time=0, drop=True)
    return written(folder, source, "netcdf", change)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("units", "bad_values", "buckets"),
        ("thickness", "bad_values", "layer_m"),
        ("name", "missing_variable", "--variable"),
        ("axes", "wrong_kind", "evenly"),
        ("curved", "missing_variable", "one-dimensional"),
        ("levels", "wrong_kind", "level"),
        ("timeless", "missing_variable", "time"),
    ],
)
def test_an_unusable_file_is_left_out_and_the_others_survive(tmp_path: Path, change: str, code: str, says: str) -> None:
    bad = bad_file(tmp_path, change)
    with pytest.raises(ReaderError, match=says) as error:
        cf.read([bad])
    assert error.value.code == code
    good = written(tmp_path, cf_dataset(LAT, LON), "netcdf", "good")
    reading = cf.read([bad, good])
    assert [(Path(one.path), one.code) for one in reading.skipped] == [(bad, code)]
    assert reading.sources == (good,)


def test_a_variable_without_a_usual_name_is_read_when_it_is_named(tmp_path: Path) -> None:
    path = bad_file(tmp_path, "name")
    np.testing.assert_array_equal(cf.read([path], variable="other").dataset["sm"].values, numbers(3, 3, 4))


def test_a_zarr_store_with_damaged_metadata_is_refused(tmp_path: Path) -> None:
    store = written(tmp_path, cf_dataset(LAT, LON), "zarr3")
    (store / "theta" / "zarr.json").write_text("{")
    with pytest.raises(ReaderError, match="damaged"):
        cf.read([store])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReaderError, match="no Zarr store"):
        cf.read([tmp_path / "empty"])
