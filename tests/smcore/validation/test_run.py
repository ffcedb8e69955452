"""Whole runs over prepared stores: what is written, twice the same, and nothing left behind by a failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from app import cli
from app.commands.validate import parse_window
from smcore import ingest
from smcore.cubes import store
from smcore.errors import ExportError, MatchError, StoreError
from smcore.grids import ease
from smcore.validation.estimates import EstimateOptions
from smcore.validation.matching.fetching import cube_fetch, dataset_fetch
from smcore.validation.matching.sides import Side
from smcore.validation.metrics import METRICS
from smcore.validation.runs import output
from smcore.validation.runs.output import check_out, write_csv, write_run
from smcore.validation.runs.run import RunOptions, validate

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 104), slice(200, 206))


def hours(start: str, count: int, step: int = 1) -> np.ndarray:
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(step, "h")


def collection(values: np.ndarray, time: np.ndarray, lat: Any, lon: Any, make: Make) -> xr.Dataset:
    """A station collection that a store takes: flags and texts included."""
    data = make(values, time, lat, lon, flag=np.ones(np.atleast_2d(values).shape, np.int32))
    blank = np.full(data.sizes["sensor"], "")
    texts = dict.fromkeys(("instrument", "land_cover", "climate"), ("sensor", blank))
    return data.assign_coords(elevation=("sensor", np.zeros(len(blank))), **texts)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, make_cube: Make, make_pixels: Make, make_stations: Make) -> Path:
    """A cube seen twice a day, a daily cube, a pixel set and two sensors, ingested and catalogued."""
    folder = tmp_path_factory.mktemp("stores")
    rng = np.random.default_rng(0)
    truth = np.cumsum(rng.normal(0, 0.01, 480)) + 0.3
    time = hours("2020-01-01", 480)
    swath = make_cube(
        truth[6::12][:, None, None] + rng.normal(0, 0.01, (40, *GRID.shape)), hours("2020-01-01T06:00", 40, 12),
        kind="observed", time_is_nominal=1,
    )  # fmt: skip
    seen = np.broadcast_to(swath["time"].values[:, None, None] + np.timedelta64(20, "m"), swath["sm"].shape)
    swath["obs_time"] = (("time", "y", "x"), seen.copy())
    bits = {
        "flag_masks": np.array([1, 2], np.int32),
        "flag_meanings": "poor failed",
        "recommended_bits": 1,
        "attempted_bits": 2,
    }
    swath["quality"] = (("time", "y", "x"), np.ones(swath["sm"].shape, np.int32), bits)
    swath = swath.assign_coords(overpass=("time", np.tile(["am", "pm"], 20)))
    daily = make_cube(truth.reshape(20, 24).mean(axis=1), hours("2020-01-01", 20, 24), time_support="day-mean")
    pixels = make_pixels(
        np.stack([truth, truth]), time, GRID.lat[:2], GRID.lon[:2], **ease("M36").to_attrs()
    ).assign_coords(row=("location", [100, 101]), col=("location", [200, 201]))
    stations = collection(np.stack([truth, 0.5 - truth]), time, GRID.lat[0] + 0.02, GRID.lon[0] - 0.02, make_stations)
    for name, data in {"swath": swath, "daily": daily, "pixels": pixels, "stations": stations}.items():
        store.write(data, folder / name)
        ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
    return folder


@pytest.fixture
def catalog(stores: Path, loam_home: Path) -> Path:
    return stores / "catalog.yml"


def loam(*arguments: object) -> int:
    return cli.main(["validate", *map(str, arguments)])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_writes_a_tidy_table_fields_and_its_own_record(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "run"
    status = loam("--product", "swath", "--reference", "stations", "--out", out, "--catalog", catalog, "--json")
    assert status == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed["files"]) == {"metrics.csv", "metrics.nc", "strata.csv", "run.json"} == set(files(out))
    table = pd.read_csv(out / "metrics.csv")
    assert table.columns[:14].tolist() == [
        "location", "sensor", "metric", "value", "lower", "upper", "n", "n_eff", "status",
        "product", "reference", "depth_from", "depth_to", "distance_km",
    ]  # fmt: skip
    first, second = (table[table["sensor"].str.endswith(f"probe{i}", na=False)].set_index("metric") for i in (0, 1))
    assert first.loc["n", "value"] == 40
    assert first.loc["pearson_r", "value"] == pytest.approx(-second.loc["pearson_r", "value"], abs=1e-6)
    assert first.loc["pearson_r", "value"] > 0.9
    assert table["location"].tolist()[-2 * len(METRICS) :] == ["*pooled*"] * len(METRICS) + ["*median*"] * len(METRICS)
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["time_window_hours"] is None
    assert record["results"][0]["pairing"] == "nearest within 1 h"
    assert record["results"][0]["pairs_by_overpass"] == {"am": 40, "pm": 40}
    assert "swath: 0 of 40 retrievals are recommended (0%)" in record["results"][0]["notes"]
    assert all(len(one["fingerprint"]) >= 32 for one in (*record["products"], record["reference"]))
    with xr.open_dataset(out / "metrics.nc") as fields:
        assert fields["pearson_r"].dims == ("location",)
        assert fields["sensor"].values.tolist() == table["sensor"].dropna().drop_duplicates().tolist()


def test_the_same_run_gives_the_same_bytes_wherever_it_is_written(catalog: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert loam("--product", "swath", "--product", "daily", "--reference", "pixels", "--daily", "--per-step",
                    "--out", tmp_path / name, "--catalog", catalog) == 0  # fmt: skip
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert set(files(tmp_path / "a")) == {
        "metrics.csv",
        "metrics.nc",
        "run.json",
        "steps.csv",
        "common.csv",
        "versus.csv",
        "strata.csv",
    }


def test_several_products_after_one_option_keep_their_own_days(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        loam("--product", "swath", "daily", "--reference", "stations", "--out", tmp_path / "o", "--catalog", catalog)
        == 0
    )
    table = pd.read_csv(tmp_path / "o" / "metrics.csv").query("metric == 'n' and location == 'S0'")
    assert table.set_index("product")["value"].to_dict() == {"swath": 40, "daily": 20}
    text = capsys.readouterr().out
    assert "swath against stations: 80 pairs, 2 locations" in text
    assert "daily against stations: 40 pairs" in text
    assert text.count("bias, RMSD and ubRMSD in m3 m-3") == 2
    assert "*median*" in text


def test_cells_of_a_grid_go_to_fields_with_latitude_and_longitude(catalog: Path, tmp_path: Path) -> None:
    assert loam("--product", "swath", "--reference", "daily", "--out", tmp_path / "o", "--catalog", catalog) == 0
    with xr.open_dataset(tmp_path / "o" / "metrics.nc") as fields:
        assert fields["pearson_r"].dims == ("y", "x")
        np.testing.assert_allclose(fields["lat"], GRID.lat, atol=1e-9)
        assert float(fields["n"].min()) == 40
        assert fields.attrs["Conventions"] == "CF-1.11"
        assert fields.attrs["synthetic"] == 1
    assert set(pd.read_csv(tmp_path / "o" / "metrics.csv")["location"]) == {"*pooled*", "*median*"}


def test_with_nothing_recommended_the_answer_is_a_sentence_and_no_number(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    assert loam("--product", "swath", "--reference", "stations", "--quality", "recommended", "--out", out,
                "--catalog", catalog) == 0  # fmt: skip
    assert "no data: 0 of 40 retrievals are recommended" in capsys.readouterr().out
    table = pd.read_csv(out / "metrics.csv")
    assert set(table["status"]) == {"none_recommended"}
    assert table.query("metric != 'n'")["value"].isna().all()


def test_days_over_space_are_a_table_of_their_own(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        loam("--product", "swath", "--reference", "daily", "--per-step", "--out", tmp_path / "o", "--catalog", catalog)
        == 0
    )
    steps = pd.read_csv(tmp_path / "o" / "steps.csv")
    assert steps["time"].iloc[0] == "2020-01-01"
    pooled = steps.query("time == '*pooled*'")
    assert pooled["metric"].is_unique
    assert steps.index[-len(pooled) :].equals(pooled.index)
    assert steps.query("time == '2020-01-01' and metric == 'n'")["value"].item() == 48
    # the daily cube has one value everywhere: no correlation over space, and it says so
    assert steps.query("time == '2020-01-01' and metric == 'pearson_r'")["status"].item() == "constant_series"
    assert "over space, day by day" in capsys.readouterr().out


SWATH = ["--product", "swath", "--reference", "stations"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--product", "swath", "--reference", "nobody"], "nobody"),
        (["--product", "swath", "--reference", "swath"], "both as a product and as the reference"),
        (["--product", "daily", "--reference", "stations", "--time-window", "1h"], "whole days"),
        ([*SWATH, "--time-window", "soon"], "no time span"),
        ([*SWATH, "--time-window", "3"], "no time span"),
        ([*SWATH, "--time-window", "-1h"], "no time span"),
        ([*SWATH, "--time-window", "48h"], "between 0 and 24 h"),
        ([*SWATH, "--daily", "--time-window", "1h"], "exclude each other"),
        ([*SWATH, "--start", "2021-01-01"], "do not overlap in time"),
        ([*SWATH, "--start", "2020-01-09", "--end", "2020-01-02"], "before the start"),
        ([*SWATH, "--depth", "0.5", "1"], "no sensor within"),
        ([*SWATH, "--flags", "D01"], "left out 480 by flag"),
        ([*SWATH, "--flags", ","], "names no flag"),
        ([*SWATH, "--overpass", "noon"], "choose am, pm or both"),
        ([*SWATH, "--quality", "best"], "recommended, attempted, all"),
        ([*SWATH, "--max-distance", "-3"], "no distance"),
        ([*SWATH, "--max-distance", "0.1"], "within reach"),
        ([*SWATH, "--min-obs", "1"], "too few"),
        ([*SWATH, "--scaling", "quantile"], "choose none, mean_std"),
        ([*SWATH, "--anomaly", "weekly"], "choose none, 35d"),
        ([*SWATH, "--anomaly", "climatology"], "3 years"),
        ([*SWATH, "--scaling-period", "2020-01-01", "2020-01-05"], "needs a scaling"),
        ([*SWATH, "--interval", "exact"], "choose analytic"),
        ([*SWATH, "--level", "95"], "no level"),
        ([*SWATH, "--metric", "r2"], "choose from n, pearson_r"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    before = sorted(tmp_path.iterdir())
    assert loam(*arguments, "--out", tmp_path / "o", "--catalog", catalog) == 2
    error = capsys.readouterr().err.strip()
    assert sentence in error
    assert error.startswith("loam: ")
    assert "\n" not in error
    assert sorted(tmp_path.iterdir()) == before


def test_where_every_location_fails_the_first_reason_is_told(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise StoreError("A chunk is damaged", where="c/0/0")

    monkeypatch.setattr(Side, "read", damaged)
    assert loam(*SWATH, "--out", tmp_path / "o", "--catalog", catalog) == 2
    assert "no pair: A chunk is damaged (c/0/0)" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_an_earlier_run_is_replaced_and_a_folder_of_somebody_else_is_not(catalog: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    arguments = ("--product", "swath", "--reference", "daily", "--out", out, "--catalog", catalog)
    assert loam(*arguments, "--per-step") == 0
    (out / "note.txt").write_text("mine")
    assert loam(*arguments) == 0
    assert set(files(out)) == {"metrics.csv", "metrics.nc", "strata.csv", "run.json", "note.txt"}
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    with pytest.raises(ExportError, match="something else"):
        check_out(other)
    assert loam("--product", "swath", "--reference", "daily", "--out", other, "--catalog", catalog) == 2
    assert set(files(other)) == {"thesis.tex"}
    (tmp_path / "plain").write_text("a file")
    with pytest.raises(ExportError, match="is a file"):
        check_out(tmp_path / "plain")


def test_a_failure_while_writing_leaves_no_folder(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = validate(["swath"], "stations", cli.load_catalog([catalog]), RunOptions())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output, "combined_fields", full)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ExportError, match="No space left"):
        write_run(run, tmp_path / "o")
    assert sorted(tmp_path.iterdir()) == before


def test_text_that_a_spreadsheet_would_run_is_written_as_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"location": ["=HYPERLINK()", "+1", "@x", "-2", "plain"], "value": [-1.5, 2, 3, 4, 5]})
    write_csv(table, tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[1:] == ["'=HYPERLINK(),-1.5", "'+1,2.0", "'@x,3.0", "'-2,4.0", "plain,5.0"]


def test_a_prepared_cube_is_read_the_same_whether_cells_lie_together_or_apart(stores: Path) -> None:
    cube = store.open_store(stores / "swath")
    quick, slow = cube_fetch(cube), dataset_fetch(cube.dataset(), "cube")
    for where in ([0, 1, 6, 7], [0, 23], [5], list(range(24))):
        for name in ("sm", "quality", "obs_time"):
            at = np.array(where)
            np.testing.assert_array_equal(quick(name, at, slice(3, 30)), slow(name, at, slice(3, 30)))


@pytest.mark.parametrize(("text", "minutes"), [("1h", 60), ("30min", 30), ("0.5h", 30), ("0h", 0), ("1h30min", 90)])
def test_time_spans_are_read_with_their_unit(text: str, minutes: int) -> None:
    assert parse_window(text) == minutes * 60_000_000


def test_min_obs_of_one_is_refused() -> None:
    with pytest.raises(MatchError, match="two pairs"):
        EstimateOptions(min_obs=1)
