"""Every format gives back, through other software, what the store holds."""

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from factories import catalogue, tiny_cube
from pyproj import Transformer

from smcore import plugins
from smcore.catalog import load_catalog
from smcore.cubes.open import open_entry
from smcore.export.request import FORMATS, Export, format_of, formats
from smcore.grids import ease, regular
from smcore.window import Window

BOX = (-108.0, 31.0, -101.0, 36.0)
WINDOW = Window("2018-01-02", "2018-01-04", *BOX)
OVER = Window(west=160, east=-160, south=-20, north=20)


def truth(shelf, variable="sm"):
    """The window cut by hand from the whole store: steps 2 to 7, cells that the box touches."""
    cube = open_entry(shelf.get("flagged"))
    values, grid = cube.read_block(variable), cube.grid
    west, south, east, north = BOX
    rows = (grid.lat_edges[:-1] > south) & (grid.lat_edges[1:] < north)
    columns = (grid.lon_edges[1:] > west) & (grid.lon_edges[:-1] < east)
    return values[2:8][:, rows][:, :, columns], grid.lat[rows], grid.lon[columns], cube.time[2:8]


def opened(path):
    return xr.open_zarr(path) if path.suffix == ".zarr" else xr.open_dataset(path)


@pytest.mark.parametrize("ending", [".nc", ".zarr"])
def test_xarray_reads_the_values_times_flags_and_places_of_a_grid(shelf, tmp_path, ending):
    out = tmp_path / f"part{ending}"
    written = Export(shelf.get("flagged"), ("sm", "quality", "obs_time", "clay"), WINDOW).write(out)
    values, lat, lon, time = truth(shelf)
    with opened(out) as file:
        assert np.array_equal(file["sm"].values, values, equal_nan=True)
        assert file["sm"].dtype == np.float32
        assert np.array_equal(file["time"].values, time)
        assert np.allclose(file["lat"], lat, rtol=0, atol=0)
        assert np.allclose(file["lon"], lon, rtol=0, atol=0)
        assert np.array_equal(np.isnan(file["quality"]), truth(shelf, "quality")[0] < 0)
        assert np.array_equal(file["obs_time"].values, truth(shelf, "obs_time")[0], equal_nan=True)
        assert file["clay"].dims == ("y", "x")
        assert file["sm"].attrs["units"] == "m3 m-3"
        assert file.attrs["licence"] == "CC0"
        assert file.attrs["references"] == "Loam (2026); doi:10.1/x"
        assert "SYNTHETIC" in file.attrs["comment"]
    counted = np.isfinite(values).sum() + (truth(shelf, "quality")[0] >= 0).sum()
    assert written.values == counted + (~np.isnat(truth(shelf, "obs_time")[0])).sum() + lat.size * lon.size


def test_projected_axes_of_an_ease_grid_are_those_of_its_epsg_code(shelf, tmp_path):
    out = tmp_path / "part.nc"
    Export(shelf.get("flagged"), (), WINDOW).write(out)
    with xr.open_dataset(out) as file:
        there = Transformer.from_crs("EPSG:4326", "EPSG:6933", always_xy=True)
        x, y = there.transform(file["lon"].values, np.zeros(file.sizes["x"]))[0], None
        y = there.transform(np.zeros(file.sizes["y"]), file["lat"].values)[1]
        assert np.allclose(file["x"], x, rtol=0, atol=0.05)  # metres
        assert np.allclose(file["y"], y, rtol=0, atol=0.05)
        assert "6933" in file["crs"].attrs["crs_wkt"]


def test_a_geotiff_has_each_value_where_its_place_lies(shelf, tmp_path):
    out = tmp_path / "part.tif"
    Export(shelf.get("flagged"), (), WINDOW).write(out)
    values, lat, lon, time = truth(shelf)
    there = Transformer.from_crs("EPSG:4326", "EPSG:6933", always_xy=True)
    with rasterio.open(out) as file:
        assert file.crs.to_epsg() == 6933
        assert file.count == 6
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        places = [there.transform(x, y) for y in lat for x in lon]
        found = np.array(list(file.sample(places))).T.reshape(values.shape)
        assert file.descriptions[0] == f"sm {time[0].astype('datetime64[s]')}Z"
        assert file.units[0] == "m3 m-3"
    assert np.array_equal(found, values, equal_nan=True)


def test_a_folder_gets_one_geotiff_per_step(shelf, tmp_path):
    out = tmp_path / "steps"
    Export(shelf.get("flagged"), (), WINDOW).write(out, "cog")
    names = sorted(path.name for path in out.iterdir())
    assert names[0] == "flagged_sm_20180102T060000Z.tif"
    assert len(names) == 6
    with rasterio.open(out / names[3]) as file:
        assert np.array_equal(file.read(1), truth(shelf)[0][3], equal_nan=True)


def test_a_table_of_a_grid_has_units_utc_and_every_digit(shelf, tmp_path):
    out = tmp_path / "part.csv"
    Export(shelf.get("flagged"), ("sm", "quality"), WINDOW).write(out)
    values, lat, _, time = truth(shelf)
    table = pd.read_csv(out, comment="#", dtype={"sm [m3 m-3]": "f4"})
    assert list(table) == [
        "time_utc", "latitude [degrees_north]", "longitude [degrees_east]", "row", "column", "sm [m3 m-3]", "quality",
    ]  # fmt: skip
    assert np.array_equal(table["sm [m3 m-3]"].to_numpy(), values[np.isfinite(values)])
    assert pd.Timestamp(table["time_utc"].iloc[0]) == pd.Timestamp(time[0])
    assert np.isclose(table["latitude [degrees_north]"].iloc[0], lat[0])
    assert out.read_text().startswith("# '=cmd() <b>µ</b>")


def test_stations_are_a_cf_time_series_with_depths_and_names(shelf, tmp_path):
    out = tmp_path / "nets.nc"
    Export(shelf.get("nets"), (), Window("2018-01-02", "2018-01-02")).write(out)
    store = open_entry(shelf.get("nets"))
    with xr.open_dataset(out) as file:
        assert file.attrs["featureType"] == "timeSeries"
        assert np.array_equal(file["sm"].values, store.read_values("sm")[:, 24:48])
        assert list(file["station"].values) == ["Station 1", "Station 2", "Station 3"]
        assert file["sensor"].attrs["cf_role"] == "timeseries_id"
        assert file["depth_bnds"].values.tolist() == [[0.0, 0.05]] * 3
        assert set(np.unique(file["flag"])) == {1}


def test_stations_and_pixels_as_tables_are_what_pandas_reads_of_the_store(shelf, tmp_path):
    Export(shelf.get("nets"), (), Window("2018-01-02", "2018-01-02")).write(tmp_path / "nets.csv")
    table = pd.read_csv(tmp_path / "nets.csv", comment="#", dtype={"sm [m3 m-3]": "f4"})
    assert np.array_equal(
        table["sm [m3 m-3]"].to_numpy(), open_entry(shelf.get("nets")).read_values("sm")[:, 24:48].ravel()
    )
    assert table["depth_to [m]"].eq(0.05).all()
    Export(shelf.get("pixels")).write(tmp_path / "pixels.csv")
    pixels = pd.read_csv(tmp_path / "pixels.csv", comment="#")
    assert len(pixels) == 14  # one of the fifteen is missing
    assert set(pixels["location"]) == {7, 8, 9}


def test_a_box_over_the_dateline_is_one_piece_whose_longitudes_go_on(shelf, tmp_path):
    out = tmp_path / "over.nc"
    Export(shelf.get("globe"), (), Window(west=160, east=-160, south=-20, north=20)).write(out)
    values = open_entry(shelf.get("globe")).read_block("sm")
    with xr.open_dataset(out) as file:
        assert file["lon"].values.tolist() == [165, 175, 185, 195]
        assert np.array_equal(file["sm"].values, values[:, 7:11][:, :, [34, 35, 0, 1]])


@pytest.mark.parametrize(("name", "rows"), [("latlon", slice(0, 18)), ("M36", slice(200, 204))])
def test_places_of_a_table_over_the_dateline_are_those_of_the_whole_grid(name, rows, tmp_path):
    whole = regular(85, -175, 10, 10, 18, 36) if name == "latlon" else ease(name)
    cube = tiny_cube(whole.cut(rows, slice(0, whole.shape[1])), 2)
    Export(load_catalog([catalogue(tmp_path, {"belt": cube})]).get("belt"), (), OVER).write(tmp_path / "over.csv")
    table = pd.read_csv(tmp_path / "over.csv", comment="#")
    lat, lon = table["latitude [degrees_north]"], table["longitude [degrees_east]"]
    np.testing.assert_allclose(lon, whole.lon[table["column"]], atol=1e-6)
    np.testing.assert_allclose(lat, whole.lat[table["row"]], atol=1e-6)
    near = (whole.lon_edges[1:] > 160) | (whole.lon_edges[:-1] < -160)
    assert set(table["column"]) == set(np.flatnonzero(near))
    step = table.groupby(["row", "column"]).cumcount()
    wanted = cube["sm"].values[step, table["row"] - rows.start, table["column"]]
    np.testing.assert_allclose(table["sm [m3 m-3]"], wanted, rtol=1e-6)


def test_the_head_of_a_table_says_where_its_cells_are_without_quoting_numbers(shelf, tmp_path):
    Export(shelf.get("globe"), (), OVER).write(tmp_path / "over.csv")
    told = [line for line in (tmp_path / "over.csv").read_text().splitlines() if line.startswith("# cells")]
    assert told == [
        "# cells from 160.0000 to -160.0000 degrees east over the dateline and from -20.0000 to 20.0000 degrees north"
    ]


@pytest.mark.parametrize("nominal", [0, 1])
def test_a_table_says_of_nominal_stamps_that_they_are_no_times(nominal, tmp_path):
    cube = tiny_cube(ease("M36").cut(slice(80, 84), slice(200, 204)), 4, time_is_nominal=nominal)
    shelf = load_catalog([catalogue(tmp_path, {"seen": cube})])
    Export(shelf.get("seen")).write(tmp_path / "seen.csv")
    head = [line for line in (tmp_path / "seen.csv").read_text().splitlines() if line.startswith("#")]
    assert sum("not when a cell was seen" in line for line in head) == nominal


def test_what_is_written_can_be_ingested_again(shelf, tmp_path):
    from smcore.cubes.readers import cf

    out = tmp_path / "part.nc"
    Export(shelf.get("flagged"), (), WINDOW).write(out)
    again = cf.read([out]).dataset
    assert np.array_equal(again["sm"].values, truth(shelf)[0], equal_nan=True)
    assert again.attrs["grid_name"] == "M36"
    assert (
        again.attrs["grid_row0"]
        == 80 + np.flatnonzero(open_entry(shelf.get("flagged")).grid.lat == again["lat"].values[0])[0]
    )


@pytest.mark.parametrize("name", formats())
def test_a_format_says_what_it_is_and_its_ending_names_it(name, tmp_path):
    module = plugins.load(FORMATS, name, ("TITLE", "ENDING", "LAYOUTS"))
    assert module.TITLE
    assert format_of(tmp_path / f"file{module.ENDING}") == name
