"""Files as QA4SM writes them: names and attributes, signs, and the way back; opened by QA4SM's own reader too."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from app import cli
from smcore import ingest
from smcore.catalog import Catalog
from smcore.cubes import store
from smcore.errors import ExportError, ReaderError, Status
from smcore.grids import ease
from smcore.validation.runs import qa4sm
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.qa4sm_names import PAIRED, STATUS_CODES, short_name
from smcore.validation.runs.run import Run, validate

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 104), slice(200, 206))
PAIRS = ("0-net_and_1-satellite", "0-net_and_2-model")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, make_cube: Make, make_stations: Make) -> Path:
    """Two daily products and four sensors, one of them constant and one without a day in common."""
    folder = tmp_path_factory.mktemp("qa4sm")
    rng = np.random.default_rng(5)
    days = np.datetime64("2020-01-01", "ns") + np.arange(300) * np.timedelta64(1, "D")
    truth = 0.3 + 0.1 * np.sin(np.arange(300) / 9)
    noisy = truth[:, None, None] + rng.normal(0.02, 0.02, (300, *GRID.shape))
    values = np.stack([truth, truth + rng.normal(0, 0.02, 300), np.full(300, 0.25), np.full(300, np.nan)])
    net = make_stations(values, days, GRID.lat[0] + 0.02, GRID.lon[:4] - 0.02, flag=np.ones(values.shape, np.int32))
    climate = ("sensor", ["Cfa", "", "warm", "BSk"])
    blank = ("sensor", [""] * 4)
    net = net.assign_coords(climate=climate, instrument=blank, land_cover=blank, elevation=("sensor", np.arange(4.0)))
    data = {
        "satellite": make_cube(np.where(rng.random(noisy.shape) < 0.4, np.nan, noisy), days, time_support="day-mean"),
        "model": make_cube(truth[:, None, None] + rng.normal(0, 0.03, noisy.shape), days, time_support="day-mean"),
        "net": net,
    }
    for name, one in data.items():
        store.write(one, folder / name)
        ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
    return folder


@pytest.fixture(scope="module")
def catalog(stores: Path) -> Catalog:
    return cli.load_catalog([stores / "catalog.yml"])


@pytest.fixture(scope="module")
def run(catalog: Catalog) -> Run:
    return validate(["satellite", "model"], "net", catalog, RunOptions(triple=True, strata=("none",)))


def test_a_file_has_the_names_and_attributes_that_the_reader_of_qa4sm_looks_for(run: Run) -> None:
    data = qa4sm.dataset_of(run)
    assert data.sizes == {"loc": 4, "tsw": 1}
    assert data["tsw"].values.tolist() == ["bulk"]
    for name in ("lat", "lon", "gpi", "network", "station", "instrument_depthfrom", "instrument_depthto", "climate_KG"):
        assert data[name].dims == ("loc",)
    assert data["n_obs"].dims == ("loc", "tsw")
    for pair in PAIRS:
        for metric in (*PAIRED, "mse", "RSS", "status"):
            assert data[f"{metric}_between_{pair}"].dims == ("loc", "tsw")
        for metric in ("R", "BIAS", "urmsd", "RMSD"):
            lower, value, upper = (
                data[f"{metric}{what}_between_{pair}"].values[:2, 0] for what in ("_ci_lower", "", "_ci_upper")
            )
            assert (lower < value).all()
            assert (value < upper).all()
    triple = "between_0-net_and_1-satellite_and_2-model"
    for metric in ("snr", "err_std", "beta"):
        for label in ("0-net", "1-satellite", "2-model"):
            assert np.isfinite(data[f"{metric}_{label}_{triple}"].values[1, 0])
    assert f"status_{triple}" in data
    assert data[f"err_std_1-satellite_{triple}"].attrs["units"] == "m3 m-3"
    expected = {
        "val_ref": "val_dc_dataset0",
        "val_dc_dataset0": "net",
        "val_dc_dataset1": "satellite",
        "val_dc_dataset2": "model",
        "val_dc_variable1": "sm",
        "val_dc_unit0": "m³/m³",
        "val_is_scattered_data": "True",
        "val_interval_from": "2020-01-01",
        "val_interval_to": "2020-10-26",
    }
    assert {name: data.attrs[name] for name in expected} == expected
    for number in range(3):
        for name in ("version", "dataset_pretty_name", "version_pretty_name", "variable_pretty_name"):
            assert data.attrs[f"val_dc_{name}{number}"]
    assert "val_scaling_ref" not in data.attrs


def test_bias_is_reference_minus_product_and_squares_follow_from_rmsd(run: Run) -> None:
    data, score = qa4sm.dataset_of(run), run.scores[0]
    pair = PAIRS[0]
    np.testing.assert_array_equal(data[f"BIAS_between_{pair}"].values[:, 0], -score.values["bias"])
    np.testing.assert_array_equal(data[f"BIAS_ci_lower_between_{pair}"].values[:, 0], -score.estimates.upper["bias"])
    np.testing.assert_allclose(data[f"mse_between_{pair}"].values[:2, 0], score.values["rmsd"][:2] ** 2)
    np.testing.assert_allclose(
        data[f"RSS_between_{pair}"].values[:2, 0], score.values["rmsd"][:2] ** 2 * score.n[:2]
    )  # fmt: skip
    assert data[f"status_between_{pair}"].values[:, 0].tolist() == [0, 0, 2, 4]
    np.testing.assert_array_equal(data["n_obs"].values[:, 0], np.minimum(score.n, run.scores[1].n))
    assert data["climate_KG"].values.tolist() == ["Cfa", "unknown", "unknown", "BSk"]


def test_bias_has_the_sign_that_pytesmo_gives_it(run: Run) -> None:
    metrics = pytest.importorskip("pytesmo.metrics")
    reference, product = np.full(5, 0.3), np.full(5, 0.2)
    assert metrics.bias(reference, product) == pytest.approx(0.1)  # its first argument is data set 0, the reference


def test_what_is_written_is_read_back_as_the_table_of_the_run(run: Run, tmp_path: Path) -> None:
    write_run(run, tmp_path / "out", for_qa4sm=True)
    results = qa4sm.read(tmp_path / "out" / "qa4sm.nc")
    assert (results.reference, results.products) == ("net", ("satellite", "model"))
    ours = pd.read_csv(tmp_path / "out" / "metrics.csv", keep_default_na=False, na_values=[""])
    ours = ours[~ours["location"].str.startswith("*") & ours["metric"].isin(["n", *PAIRED.values()])]
    assert results.table.columns.tolist() == ours.columns.tolist()
    keys = ["product", "sensor", "metric"]
    theirs, ours = (table.sort_values(keys).reset_index(drop=True) for table in (results.table, ours))
    for column in ("location", "network", "reference", *keys):
        assert theirs[column].tolist() == ours[column].tolist()
    for column in ("value", "lower", "upper", "n", "lat", "lon", "depth_from", "depth_to"):
        np.testing.assert_allclose(theirs[column], ours[column], rtol=1e-12, atol=1e-300)
    same = theirs["status"] == ours["status"]
    assert set(ours.loc[~same, "status"]) <= {"constant_series"}  # QA4SM has one code for all that failed
    write_run(run, tmp_path / "again", for_qa4sm=True)
    assert (tmp_path / "out" / "qa4sm.nc").read_bytes() == (tmp_path / "again" / "qa4sm.nc").read_bytes()
    write_run(run, tmp_path / "again")
    assert not (tmp_path / "again" / "qa4sm.nc").exists()


def test_every_status_of_ours_has_a_code() -> None:
    assert set(STATUS_CODES) == set(Status)
    assert set(STATUS_CODES.values()) <= set(range(-1, 9))


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("demo-smap-36", "demo-smap-36"),
        ("ESA_CCI_SM_combined", "ESA_CCI_SM_combined"),
        ("era5@cdf", "era5_cdf"),
        ("sand_and_clay", "sand-and_clay"),
        ("a_between_b", "a-between_b"),
        ("7/0 x", "7_0_x"),
        ("é", "data"),
    ],
)
def test_names_in_variables_hold_nothing_that_separates_names(name: str, short: str) -> None:
    assert short_name(name) == short


def test_a_file_of_an_older_qa4sm_is_read_with_its_own_names(tmp_path: Path) -> None:
    pair = "0-ISMN_and_1-SMAP_L3"
    loc = ("loc",)
    data = xr.Dataset(
        {
            "lat": (loc, [50.0, 51.0, 52.0]), "lon": (loc, [10.0, 11.0, 12.0]), "gpi": (loc, [3, 5, 9]),
            "network": (loc, np.array(["A", "A", "B"], object)), "station": (loc, np.array(["x", "y", "z"], object)),
            "n_obs": (loc, np.array([100, 3, 50], np.float32)),
            f"R_between_{pair}": (loc, np.array([0.5, np.nan, np.nan], np.float32)),
            f"R_ci_lower_between_{pair}": (loc, np.array([0.4, np.nan, np.nan], np.float32)),
            f"R_ci_upper_between_{pair}": (loc, np.array([0.6, np.nan, np.nan], np.float32)),
            f"BIAS_between_{pair}": (loc, np.array([0.02, np.nan, 0.01], np.float32)),
            f"BIAS_ci_lower_between_{pair}": (loc, np.array([0.01, np.nan, np.nan], np.float32)),
            f"BIAS_ci_upper_between_{pair}": (loc, np.array([0.05, np.nan, np.nan], np.float32)),
            f"p_R_between_{pair}": (loc, np.zeros(3, np.float32)),
            f"status_between_{pair}": (loc, np.array([0, 1, 0], np.int32)),
            "R_between_0-ISMN_and_2-ERA5_LAND": (loc, np.array([0.7, 0.8, 0.9], np.float32)),
            "snr_1-SMAP_L3_between_0-ISMN_and_1-SMAP_L3_and_2-ERA5_LAND": (loc, np.ones(3, np.float32)),
        },
        attrs={"val_ref": "val_dc_dataset0", "val_dc_dataset0": "ISMN", "val_dc_dataset1": "SMAP_L3"},
    )  # fmt: skip
    data.to_netcdf(tmp_path / "theirs.nc")
    results = qa4sm.read(tmp_path / "theirs.nc")
    assert (results.reference, results.products) == ("ISMN", ("SMAP_L3", "ERA5_LAND"))
    table = results.table[results.table["product"] == "SMAP_L3"].set_index(["location", "metric"])
    first = table.loc[("x", "bias")]
    assert first[["value", "lower", "upper"]].tolist() == pytest.approx([-0.02, -0.05, -0.01])
    assert table.loc[("x", "pearson_r"), ["value", "lower", "upper"]].tolist() == pytest.approx([0.5, 0.4, 0.6])
    assert table.loc[("y", "pearson_r"), "status"] == "too_few"
    assert table.loc[("z", "pearson_r"), "status"] == "failed"
    assert table.loc[("z", "bias"), "status"] == "ok"
    assert table.loc[("y", "n"), "value"] == 3
    other = results.table[results.table["product"] == "ERA5_LAND"].query("metric == 'pearson_r'")
    assert other["value"].tolist() == pytest.approx([0.7, 0.8, 0.9])
    assert other["status"].tolist() == ["ok"] * 3


def test_what_is_no_result_of_qa4sm_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.nc").write_text("no file of this kind")
    with pytest.raises(ReaderError, match="can't be opened") as error:
        qa4sm.read(tmp_path / "text.nc")
    assert error.value.code == "not_netcdf"
    with pytest.raises(ReaderError, match="can't be opened") as error:
        qa4sm.read(tmp_path / "none.nc")
    assert error.value.code == "not_found"
    places = {"lat": ("loc", [1.0]), "lon": ("loc", [1.0])}
    xr.Dataset(places).to_netcdf(tmp_path / "empty.nc")
    with pytest.raises(ReaderError, match="compares no two data sets"):
        qa4sm.read(tmp_path / "empty.nc")
    xr.Dataset({"lat": places["lat"]}).to_netcdf(tmp_path / "half.nc")
    with pytest.raises(ReaderError, match="no lon by location"):
        qa4sm.read(tmp_path / "half.nc")
    qa4sm.write(run, tmp_path / "ours.nc")
    with pytest.raises(ReaderError, match=r"no window 'S1'.*choose bulk"):
        qa4sm.read(tmp_path / "ours.nc", window="S1")


def test_cells_of_a_grid_are_locations_one_by_one(catalog: Catalog, tmp_path: Path) -> None:
    run = validate(["satellite"], "model", catalog, RunOptions(strata=("none",)))
    qa4sm.write(run, tmp_path / "grid.nc")
    with xr.open_dataset(tmp_path / "grid.nc") as data:
        assert data.sizes["loc"] == 24
        assert data.attrs["val_is_scattered_data"] == "False"
        assert data.attrs["val_resolution"] == pytest.approx(36, abs=2)
        np.testing.assert_allclose(np.unique(data["lat"]), np.sort(GRID.lat))
    assert len(qa4sm.read(tmp_path / "grid.nc").table.query("metric == 'pearson_r'")) == 24


def test_products_at_different_locations_are_refused_before_anything_is_computed(
    stores: Path, tmp_path: Path, loam_home: Path, capsys: pytest.CaptureFixture[str], catalog: Catalog, run: Run
) -> None:
    assert cli.main(["validate", "--product", "net", "model", "--reference", "satellite", "--qa4sm",
                     "--out", str(tmp_path / "o"), "--catalog", str(stores / "catalog.yml")]) == 2  # fmt: skip
    assert "one set of locations" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    twice = [run.scores[0].matched, run.scores[0].matched]
    with pytest.raises(ExportError, match="both be called satellite"):
        qa4sm.check(twice)


def test_a_run_with_such_a_file_is_replayed_with_it(stores: Path, tmp_path: Path, loam_home: Path) -> None:
    catalog = ["--catalog", str(stores / "catalog.yml")]
    first, again = tmp_path / "first", tmp_path / "again"
    assert (
        cli.main(["validate", "--product", "model", "--reference", "net", "--qa4sm", "--out", str(first), *catalog])
        == 0
    )
    assert cli.main(["validate", "--run", str(first), "--out", str(again), *catalog]) == 0
    assert (first / "qa4sm.nc").read_bytes() == (again / "qa4sm.nc").read_bytes()
    assert (first / "run.json").read_bytes() == (again / "run.json").read_bytes()


READ = """
import json, sys, warnings
warnings.simplefilter("ignore")
from qa4sm_reader.img import QA4SMImg
image = QA4SMImg(sys.argv[1])
frame = image.metric_df("R")
bias = next(image._iter_vars(type="metric", filter_parms={"metric": "BIAS"}))
names = [name for name in frame if name.startswith("R_between")]
print(json.dumps({
    "metrics": sorted(image.metrics), "common": sorted(image.common), "double": sorted(image.double),
    "triple": sorted(image.triple), "intervals": image.has_CIs, "n": image.datasets.n_datasets(),
    "reference": image.datasets.ref["short_name"], "others": [one["short_name"] for one in image.datasets.others],
    "R": {name: frame[name].dropna().tolist() for name in names}, "metadata": sorted(image.metadata),
    "bounds of bias": sorted(one.columns[0] for one in image.get_cis(bias)),
    "bias": bias.values[bias.varname].dropna().tolist(), "of": bias.metric_ds[1]["short_name"],
}))
"""


def reader_python() -> str | None:
    """An interpreter that has qa4sm-reader: the one that is named, else this one if it has."""
    named = os.environ.get("LOAM_QA4SM_PYTHON")
    return named or (sys.executable if importlib.util.find_spec("qa4sm_reader") else None)


@pytest.mark.slow
def test_the_reader_of_qa4sm_opens_our_file(run: Run, tmp_path: Path) -> None:
    python = reader_python()
    if python is None:
        pytest.skip("qa4sm-reader is not installed here, and LOAM_QA4SM_PYTHON names no interpreter that has it")
    qa4sm.write(run, tmp_path / "ours.nc")
    (tmp_path / "read.py").write_text(READ)
    home = {"HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [python, str(tmp_path / "read.py"), str(tmp_path / "ours.nc")],
        env={**os.environ, **home}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert set(seen["metrics"]) == {*PAIRED, "mse", "RSS", "n_obs", "status", "snr", "err_std", "beta"}
    assert seen["common"] == ["n_obs"]
    assert {*PAIRED, "mse", "RSS"} <= set(seen["double"])
    assert {"snr", "err_std", "beta"} <= set(seen["triple"])
    assert seen["intervals"] is True
    assert (seen["n"], seen["reference"], seen["others"]) == (3, "net", ["satellite", "model"])
    assert {"network", "station", "climate_KG", "instrument_depth"} <= set(seen["metadata"])
    for score, pair in zip(run.scores, PAIRS, strict=True):
        values = score.values["pearson_r"]
        np.testing.assert_allclose(seen["R"][f"R_between_{pair}"], values[np.isfinite(values)], rtol=1e-6)
    assert seen["bounds of bias"] == ["lower", "upper"]
    bias = run.scores[0].values["bias"]
    np.testing.assert_allclose(seen["bias"], -bias[np.isfinite(bias)], rtol=1e-6)
    assert seen["of"] == "satellite"
