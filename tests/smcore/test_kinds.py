from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from smcore import ingest, kinds
from smcore.errors import ReaderError

REAL = {
    "c3s_sm_daily": "c3s-sm",
    "cgls_1km": "cgls-ssm",
    "era5/era5_cds_raw_20100101_swvl1_lsm_5deg.nc": "era5",
    "era5/era5land_landmask_0.1.nc": "era5-land",
    "era5land_cds": "era5-land",
    "gldas_noah025_3h": "gldas",
    "gridded_ts_hawaii": "timeseries",
    "gridded_ts_hawaii/C3S_V202505": "timeseries",
    "gridded_ts_hawaii/ERA5": "timeseries",
    "gridded_ts_hawaii/ERA5_LAND": "timeseries",
    "gridded_ts_hawaii/GLDAS_NOAH025_3H": "timeseries",
    "gridded_ts_hawaii/SMAP_L3_V5_PM": "timeseries",
    "gridded_ts_hawaii/SMAP_L3_V9_AM_PM": "timeseries",
    "hydrodl_conus": "pixels",
    "ismn_hawaii_ceop": "ismn",
    "ismn_hawaii_header": "ismn",
    "ismn_multinetwork": "ismn",
    "ismn_small": "ismn",
    "ismn_small/ceop": "ismn",
    "ismn_small/format_ceop": "ismn",
    "ismn_small/format_ceop_sep": "ismn",
    "ismn_small/format_header_values": "ismn",
    "ismn_small/header": "ismn",
    "ismn_tahmo_ghana": "ismn",
    "lis_noahmp": "lis",
    "oznet_era5/Data_separate_files_header_20170101_20220101.zip": "ismn",
    "oznet_era5/ERA5_swvl1_0.25deg_SE_Australia_20180801_20200801.nc": "era5",
    "smap_9km_points/pakistan": "smap-points",
    "smap_9km_points/western_australia": "smap-points",
    "smap_l2_p36": "smap-l2",
    "smos_l3": "smos-l3",
    "uscrn": "uscrn",
    "uscrn/KS_Manhattan_6_SSW.csv": "uscrn",
    "uscrn/crn_2020.parquet": "uscrn",
    "uscrn/usa_soil_moisture_stations.csv": "uscrn",
}


@pytest.mark.parametrize("folder", REAL)
def test_every_real_folder_is_known(folder: str, realdata: Path) -> None:
    guess = kinds.guess([realdata / folder])
    assert guess.kind == REAL[folder]
    assert kinds.kind(guess.kind).title in guess.why


@pytest.mark.parametrize(
    ("folder", "both"),
    [("era5", "era5 .*era5-land "), ("oznet_era5", "era5 .*ismn "), (".", "c3s-sm .*cgls-ssm .*gldas .*ismn ")],
)
def test_files_of_several_kinds_are_refused_with_an_example_of_each(folder: str, both: str, realdata: Path) -> None:
    with pytest.raises(ReaderError, match=both) as caught:
        kinds.guess([realdata / folder])
    assert caught.value.code == "wrong_kind"


def test_several_paths_of_one_kind_are_one_guess(realdata: Path) -> None:
    folder = realdata / "gldas_noah025_3h"
    assert kinds.guess([folder / "*0300*.nc4", folder / "GLDASp4_landmask_025d.nc4"]).kind == "gldas"


@pytest.mark.parametrize("folder", ["naturalearth", "tools"])
def test_other_files_are_said_to_be_unknown_with_the_kinds_there_are(folder: str, realdata: Path) -> None:
    with pytest.raises(ReaderError, match=r"No file has a name that is known.*choose the kind yourself.*smap-l3e"):
        kinds.guess([realdata / folder])


def test_a_zip_is_judged_by_its_members(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("SCAN/A/SCAN_SCAN_A_sm_0.05_0.05_P_20200101_20200102.stm", "")
        archive.writestr("Readme.txt", "")
    assert kinds.guess([tmp_path / "mine.zip"]).kind == "ismn"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SMAP_L3_SM_P_20160101_R18290_001.h5", "smap-l3"),
        ("SMAP_L3_SM_P_E_20160101_R18290_001.h5", "smap-l3e"),
        ("SMAP_L4_SM_gph_20160101T013000_Vv7032_001.h5", "smap-l4"),
        ("SMAP_L2_SM_P_02801_A_20150811T013002_R18290_001.h5", "smap-l2"),
        ("gsm3_20160101.tif", "geotiff"),
        ("GSM3_20160101.TIF", "geotiff"),
        ("CRND0103-2020-KS_Manhattan_6_SSW.txt", "uscrn"),
    ],
)
def test_names_alone_tell_the_kind_where_they_can(name: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    assert kinds.guess([tmp_path]).kind == expected


def test_a_csv_of_ones_own_is_not_taken_for_uscrn(tmp_path: Path) -> None:
    (tmp_path / "KS_Farm_6_SSW.csv").write_text("time,lat,lon,depth,sm\n2020-01-01,1,2,0,0.1\n")
    assert kinds.guess([tmp_path]).kind == "stations-csv"


def test_a_broken_file_keeps_the_kind_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "ERA5_2020.nc").write_bytes(b"nothing of the kind")
    assert kinds.guess([tmp_path]).kind == "era5"


def test_a_missing_path_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ReaderError) as caught:
        kinds.guess([tmp_path / "nowhere"])
    assert caught.value.code == "not_found"


def test_every_reader_is_a_kind_with_patterns_and_a_layout() -> None:
    listed = kinds.kinds()
    assert {k.id: k.package for k in listed} == ingest.kinds()
    assert {k.layout for k in listed} == {"cube", "pixels", "stations"}
    assert all(k.patterns and k.title for k in listed)


def test_an_unknown_kind_is_named_with_the_known_ones() -> None:
    assert kinds.kind("smap_l3").id == "smap-l3"
    with pytest.raises(ReaderError, match=r"no kind 'smap9'.*smap-l3e"):
        kinds.kind("smap9")


def test_a_guess_reads_as_its_kind() -> None:
    assert str(kinds.Guess("ismn", "3 of 3 files")) == "ismn"
