"""GeoTIFF series: made rasters on exact, rounded, regular and wrong grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import Affine

from smcore.cubes.readers import geotiff
from smcore.cubes.readers._dates import date_of
from smcore.errors import ReaderError
from smcore.grids import ease
from tests.smcore.cubes.readers.made_files import ease_transform, numbers, write_tif

ROUNDED = Affine(9000, 0, -17352000, 0, -9000, 7308000)  # as the published sample rasters of SMSNet have it


@pytest.mark.parametrize("name", ["M36", "M09", "M03", "M01"])
def test_exact_ease_rasters_are_told_by_their_georeference(tmp_path: Path, name: str) -> None:
    values = numbers(6, 9)
    files = [
        write_tif(tmp_path / f"sm_2020-01-0{day}.tif", values + day / 100, ease_transform(name, 11, 7))
        for day in (2, 1)
    ]
    reading = geotiff.read(files)
    cube = reading.dataset
    grid = ease(name).cut(slice(11, 17), slice(7, 16))
    assert (cube.attrs["grid_name"], cube.attrs["grid_row0"], cube.attrs["grid_col0"]) == (name, 11, 7)
    np.testing.assert_array_equal(cube["lat"].values, grid.lat)
    np.testing.assert_array_equal(cube["lon"].values, grid.lon)
    assert cube["time"].values.astype("datetime64[D]").astype(str).tolist() == ["2020-01-01", "2020-01-02"]
    np.testing.assert_array_equal(cube["sm"].values, np.stack([values + np.float32(0.01), values + np.float32(0.02)]))
    assert cube["sm"].chunks == ((1, 1), (6,), (9,))
    assert (cube["sm"].attrs["units"], cube.attrs["synthetic"]) == ("m3 m-3", 1)
    assert reading.notes == ("The files do not say what kind of product they are; taken as observed",)


def test_a_rounded_georeference_of_the_whole_grid_is_taken_by_rows_and_columns(tmp_path: Path) -> None:
    values = np.full((1624, 3856), np.nan, np.float32)
    values[3, 3855] = 0.31
    reading = geotiff.read([write_tif(tmp_path / "SMSNet_20160201.tif", values, ROUNDED)])
    cube = reading.dataset
    assert (cube.attrs["grid_name"], cube.attrs["grid_row0"], cube.attrs["grid_col0"]) == ("M09", 0, 0)
    np.testing.assert_array_equal(cube["lat"].values, ease("M09").lat)
    assert float(cube["sm"][0, 3, 3855]) == pytest.approx(0.31)
    # Its own corner is 15530 m and 6541 m off, so "up to 16 km".
    assert [note for note in reading.notes if "rounded" in note and "16 km" in note]


def test_a_rounded_georeference_of_a_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="not those of M36") as error:
        geotiff.read([write_tif(tmp_path / "x_20160201.tif", numbers(20, 30), ROUNDED)])
    assert error.value.code == "wrong_kind"
    assert "9008.055210146" in str(error.value)


@pytest.mark.parametrize(("west", "first"), [(350.0, -9.95), (-10.0, -9.95), (175.0, 175.05), (-185.0, 175.05)])
@pytest.mark.parametrize("upward", [False, True])
def test_regular_rasters_may_run_either_way_and_cross_any_meridian(
    tmp_path: Path, west: float, first: float, upward: bool
) -> None:
    values = numbers(20, 100)
    transform = Affine(0.1, 0, west, 0, 0.1 if upward else -0.1, 8.0 if upward else 10.0)
    stored = values[::-1] if upward else values
    cube = geotiff.read([write_tif(tmp_path / "a_2020032.tif", stored, transform, crs="EPSG:4326")]).dataset
    assert str(cube["time"].values[0].astype("datetime64[D]")) == "2020-02-01"
    np.testing.assert_allclose(cube["lon"].values, first + 0.1 * np.arange(100), atol=1e-6)
    np.testing.assert_allclose(cube["lat"].values, 9.95 - 0.1 * np.arange(20), atol=1e-6)
    np.testing.assert_array_equal(cube["sm"].values[0], values)


def test_large_rasters_are_read_in_stripes_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smcore.cubes.readers.geotiff._STRIPE_BYTES", 4 * 9 * 4)
    values = numbers(10, 9)
    for upward in (False, True):
        transform = Affine(0.5, 0, 0, 0, 0.5 if upward else -0.5, 0)
        path = write_tif(
            tmp_path / f"a{upward:d}_20200101.tif", values[::-1] if upward else values, transform, crs="EPSG:4326"
        )
        cube = geotiff.read([path]).dataset
        assert cube["sm"].chunks == ((1,), (4, 4, 2), (9,))
        np.testing.assert_array_equal(cube["sm"].values[0], values)
        np.testing.assert_array_equal(cube["sm"][0, 5:7].values, values[5:7])


def test_tags_describe_the_product(tmp_path: Path) -> None:
    tags = {"kind": "downscaled", "product": "GSM-like", "time_support": "mean:3:start", "title": "A title"}
    reading = geotiff.read([write_tif(tmp_path / "a_20200101.tif", numbers(3, 4), ease_transform("M01"), **tags)])
    assert tags.items() <= reading.dataset.attrs.items()
    assert reading.notes == ()


def test_packed_rasters_are_unpacked_and_their_packing_is_kept(tmp_path: Path) -> None:
    stored = np.array([[0, 250], [500, -1]], np.int16)
    path = write_tif(tmp_path / "a_20200101.tif", stored, ease_transform("M09"), nodata=-1, scale=0.001)
    sm = geotiff.read([path]).dataset["sm"]
    np.testing.assert_allclose(sm.values[0], [[0, 0.25], [0.5, np.nan]])
    assert (sm.encoding["dtype"], sm.encoding["scale_factor"], sm.encoding["_FillValue"]) == (np.int16, 0.001, -1)


def test_percent_of_saturation_keeps_its_unit_and_a_water_column_needs_its_layer(tmp_path: Path) -> None:
    transform = ease_transform("M36", 3, 4)
    percent = write_tif(tmp_path / "p_20200101.tif", numbers(3, 4) * 100, transform, units="%")
    column = write_tif(tmp_path / "c_20200101.tif", numbers(3, 4) * 100, transform, units="kg m-2", layer_m="0 0.1")
    assert geotiff.read([percent]).dataset["sm"].attrs["units"] == "%"
    cube = geotiff.read([column]).dataset
    np.testing.assert_allclose(cube["sm"].values[0], numbers(3, 4), rtol=1e-6)
    assert cube.attrs["layer_m"] == "0 0.1"
    mixed = geotiff.read([column, write_tif(tmp_path / "q_20200102.tif", numbers(3, 4), transform, units="%")])
    assert [one.code for one in mixed.skipped] == ["bad_values"]


def test_another_quantity_is_read_under_its_own_name(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "t_20200101.tif", numbers(3, 4) + 290, ease_transform("M36", 3, 4), units="K")
    cube = geotiff.read([path], variable="lst").dataset
    assert (cube["lst"].attrs["units"], cube.attrs["kind"]) == ("K", "forcing")
    with pytest.raises(ReaderError, match="not mm d-1"):
        geotiff.read([path], variable="precipitation")
    with pytest.raises(ReaderError, match="no_such_thing"):
        geotiff.read([path], variable="no_such_thing")


@pytest.mark.parametrize(
    ("name", "expected", "is_date"),
    [
        ("sm_20200131.tif", "2020-01-31T00:00", True),
        ("sm-2020-01-31.v2.tif", "2020-01-31T00:00", True),
        ("2020_01_31_sm.tif", "2020-01-31T00:00", True),
        ("sm_20200131T063015.tif", "2020-01-31T06:30:15", False),
        ("sm_202001310630_x.tif", "2020-01-31T06:30", False),
        ("GSM3.A2020060.tif", "2020-02-29T00:00", True),
        ("sm_2019_365.tif", "2019-12-31T00:00", True),
        ("h123456789_20200131.tif", "2020-01-31T00:00", True),
    ],
)
def test_dates_in_file_names_are_found(name: str, expected: str, is_date: bool) -> None:
    assert date_of(name) == (np.datetime64(expected, "ns"), is_date)


@pytest.mark.parametrize(
    "name", ["sm.tif", "sm_20201345.tif", "sm_20200231.tif", "sm_18200101.tif", "123456789012345.tif"]
)
def test_names_without_a_real_date_are_refused(name: str) -> None:
    with pytest.raises(ReaderError) as error:
        date_of(name)
    assert error.value.code == "wrong_kind"


def test_unusable_files_are_left_out_with_a_code_and_the_others_survive(tmp_path: Path) -> None:
    transform, values = ease_transform("M36", 3, 4), numbers(30, 40)
    good = write_tif(tmp_path / "good_20200101.tif", values, transform)
    whole = good.read_bytes()
    short, text = tmp_path / "short_20200101.tif", tmp_path / "text_20200101.tif"
    short.write_bytes(whole[: len(whole) // 2])
    text.write_text("not a picture")
    bad = {
        short: "truncated",
        text: "wrong_kind",
        tmp_path / "gone_20200101.tif": "not_found",
        write_tif(tmp_path / "undated.tif", values, transform): "wrong_kind",
        write_tif(tmp_path / "nounit_20200101.tif", values, transform, units=None): "bad_values",
        write_tif(tmp_path / "unit_20200101.tif", values, transform, units="pints"): "bad_values",
        write_tif(tmp_path / "bands_20200101.tif", values, transform, bands=2): "wrong_kind",
        write_tif(tmp_path / "mercator_20200101.tif", values, transform, crs="EPSG:3857"): "wrong_kind",
        write_tif(tmp_path / "nocrs_20200101.tif", values, transform, crs=None): "wrong_kind",
        write_tif(tmp_path / "turned_20200101.tif", values, transform @ Affine.rotation(20)): "wrong_kind",
        write_tif(tmp_path / "shifted_20200101.tif", values, transform @ Affine.translation(0.5, 0)): "wrong_kind",
        write_tif(tmp_path / "elsewhere_20200102.tif", values, ease_transform("M36", 9, 4)): "grid_mismatch",
    }
    reading = geotiff.read([good, *bad])
    assert {Path(one.path): one.code for one in reading.skipped} == bad
    assert all("\n" not in one.reason for one in reading.skipped)
    assert reading.sources == (good,)
    np.testing.assert_array_equal(reading.dataset["sm"].values[0], values)
