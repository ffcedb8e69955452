"""``loam ingest``: files in, a store and an entry out; and every kind of bad input told in one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from app import cli
from smcore.catalog import load_catalog
from smcore.cubes.prepared import PreparedCube
from smcore.cubes.store import open_store
from smcore.ingest import Request, describe, ingest, kinds

STEPS = pd.date_range("2020-01-01", periods=4, freq="h")
ROOT = Path(__file__).parents[2]


def era5(path: Path, first: int = 0, last: int = 4, *, west: float = 5.0) -> Path:
    """A small file in the form of the Climate Data Store (synthetic)."""
    rng = np.random.default_rng(1)
    values = rng.uniform(0.1, 0.4, (4, 3, 5)).astype("f4")[first:last]
    ds = xr.Dataset(
        {"swvl1": (("valid_time", "latitude", "longitude"), values, {"units": "m**3 m**-3", "long_name": "synthetic"})},
        {
            "valid_time": STEPS[first:last],
            "latitude": np.array([50.0, 49.75, 49.5]),
            "longitude": west + 0.25 * np.arange(5),
        },
    )
    ds.to_netcdf(path)
    return path


def loam(*arguments: object) -> int:
    return cli.main([str(a) for a in arguments])


def test_files_become_a_store_and_an_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, catalog = era5(tmp_path / "a.nc"), tmp_path / "cat.yml"
    status = loam("ingest", "era5", file, "--into", tmp_path / "s", "--id", "demo.era5", "--catalog", catalog, "--json")
    assert status == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["steps"], printed["cells"], printed["variables"]) == (4, 15, {"sm": "m3 m-3"})
    entry = load_catalog([catalog]).get("demo.era5")
    assert (entry.layout, entry.variable, entry.units) == ("cube", "sm", "m3 m-3")
    assert entry.period == ("2020-01-01", "2020-01-01")
    assert "product" in entry.roles
    assert entry.location == (tmp_path / "s").resolve()
    assert entry.extra["fingerprint"] == printed["fingerprint"]
    store = open_store(entry.location)
    assert isinstance(store, PreparedCube)
    with xr.open_dataset(file) as source:
        np.testing.assert_array_equal(store.read_map("sm", 2), source["swvl1"].values[2])
    assert store.sources == [{"name": "a.nc", "bytes": file.stat().st_size, "sha256": store.sources[0]["sha256"]}]


def test_the_same_command_with_more_files_appends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = era5(tmp_path / "a.nc", 0, 2), era5(tmp_path / "b.nc", 2, 4)
    whole = ingest(Request("era5", [first, second], tmp_path / "whole"))
    assert loam("ingest", "era5", first, "--into", tmp_path / "s") == 0
    assert loam("ingest", "era5", first, second, "--into", tmp_path / "s") == 0
    out = capsys.readouterr().out
    assert "4 steps (2 new, 2 there already), 15 cells" in out
    assert open_store(tmp_path / "s").fingerprint == whole.fingerprint
    assert [s["name"] for s in open_store(tmp_path / "s").sources] == ["a.nc", "b.nc"]


def test_a_title_of_ones_own_is_kept(tmp_path: Path) -> None:
    ingest(Request("era5", [era5(tmp_path / "a.nc")], tmp_path / "s", title="Mine {func(x)}"))
    entry = describe(tmp_path / "s", "x")
    assert entry.title == "Mine (func(x))"


def test_the_kind_can_be_guessed_and_is_said(tmp_path: Path) -> None:
    info = ingest(Request("auto", [era5(tmp_path / "era5_swvl1.nc")], tmp_path / "s"))
    assert info.notes[0].startswith("taken as era5")


def test_a_broken_file_costs_only_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = era5(tmp_path / "a.nc")
    cut_short = tmp_path / "b.nc"
    cut_short.write_bytes(good.read_bytes()[:3000])
    assert loam("ingest", "era5", good, cut_short, "--into", tmp_path / "s") == 0
    assert "skipped (truncated)" in capsys.readouterr().out


def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: object, words: str) -> None:
    """The command ends with status 2 and one sentence, and leaves the folder as it was."""
    before = sorted(tmp_path.rglob("*"))
    assert loam("ingest", *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = tmp_path / "gone.nc"
    refused(tmp_path, capsys, "era5", gone, "--into", tmp_path / "s", words=f"no such file, folder or match ({gone})")


def test_an_unknown_kind_is_refused_and_the_known_ones_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = era5(tmp_path / "a.nc")
    refused(tmp_path, capsys, "era6", file, "--into", tmp_path / "s", words="no kind 'era6'; choose one of:")
    assert {"era5", "smap-l3", "ismn", "uscrn"} <= kinds().keys()


def test_a_file_of_another_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = era5(tmp_path / "a.nc")
    refused(tmp_path, capsys, "gldas", file, "--into", tmp_path / "s", words="No file could be read as gldas")
    text = tmp_path / "b.nc"
    text.write_text("time,sm\n")
    refused(tmp_path, capsys, "era5", text, "--into", tmp_path / "s", words="not a NetCDF file")


def test_a_truncated_hdf5_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "SMAP_L3_SM_P_20200101_R18290_001.h5"
    with h5py.File(file, "w") as h5:
        h5["Soil_Moisture_Retrieval_Data_AM/soil_moisture"] = np.zeros((406, 964), "f4")
    file.write_bytes(file.read_bytes()[:50_000])
    refused(tmp_path, capsys, "smap-l3", file, "--into", tmp_path / "s", words="cut short or damaged")


@pytest.mark.parametrize("kind", ["era5", "ismn", "stations-csv"])
def test_a_zip_with_members_that_point_outside_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    archive = tmp_path / "in" / "a.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("../evil.nc", "x")
    refused(tmp_path, capsys, kind, archive, "--into", tmp_path / "s", words="points outside the archive")


def test_an_option_that_the_kind_does_not_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = era5(tmp_path / "a.nc")
    into = ("--into", tmp_path / "s")
    refused(tmp_path, capsys, "era5", file, *into, "--variable", "nonsense", words="no variable 'nonsense'")
    refused(tmp_path, capsys, "era5", file, *into, "--column", "a=b", words="has no columns to map")
    refused(tmp_path, capsys, "stations-csv", file, *into, "--column", "ab", words="is not role=heading")
    refused(tmp_path, capsys, "ismn", file, *into, "--variable", "sm", words="reads all its variables")


def test_a_bad_id_or_catalogue_is_found_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, catalog = era5(tmp_path / "a.nc"), tmp_path / "cat.yml"
    into = ("--into", tmp_path / "s")
    refused(tmp_path, capsys, "era5", file, *into, "--id", "a b", "--catalog", catalog, words="can't be an id")
    catalog.write_text("sources: {}\n")
    refused(tmp_path, capsys, "era5", file, *into, "--id", "a", "--catalog", catalog, words="intake 1 catalogue")


def test_a_place_that_is_taken_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = era5(tmp_path / "a.nc")
    (tmp_path / "s").mkdir()
    refused(tmp_path, capsys, "era5", file, "--into", tmp_path / "s", words="taken by something else")
    refused(tmp_path, capsys, "era5", file, "--into", file, words="taken by something else")


def test_another_grid_is_not_appended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = era5(tmp_path / "a.nc", 0, 2), era5(tmp_path / "b.nc", 2, 4, west=9.0)
    ingest(Request("era5", [first], tmp_path / "s"))
    refused(tmp_path, capsys, "era5", second, "--into", tmp_path / "s", words="another grid than the store")


def test_a_zarr_folder_with_a_foreign_codec_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "z"
    (folder / "a").mkdir(parents=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / "a" / ".zarray").write_text(
        json.dumps({"dtype": "<f4", "compressor": None, "filters": [{"id": "pickle"}], "shape": [1], "chunks": [1]})
    )
    refused(tmp_path, capsys, "era5", folder, "--into", tmp_path / "s", words="codec 'pickle'")


def test_the_installed_command_prints_its_sentence_and_status(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "ingest", "era5", str(tmp_path / "x.nc"), "--into", str(tmp_path / "s")],
        cwd=ROOT,
        env={**os.environ, "LOAM_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("loam: There is no such file")


def test_real_files_become_stores(realdata: Path, tmp_path: Path) -> None:
    """One cube, one pixel set and one station collection of real files."""
    gldas = ingest(Request("gldas", [realdata / "gldas_noah025_3h"], tmp_path / "gldas"))
    pixels = ingest(Request("pixels", [realdata / "hydrodl_conus" / "conusv4f1_pixels_A.nc"], tmp_path / "pixels"))
    ceop = ingest(Request("ismn", [realdata / "ismn_hawaii_ceop"], tmp_path / "ismn"))
    assert (gldas.layout, gldas.steps, gldas.cells) == ("cube", 3, 600 * 1440)
    assert (pixels.layout, pixels.cells, pixels.steps) == ("pixels", 275, 1096)
    assert (ceop.layout, ceop.cells) == ("stations", 7)
