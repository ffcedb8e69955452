"""What a run finds besides scores: the same however it is cut, right against plain computations, and bad input told."""

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
from smcore import ingest
from smcore.cubes import store
from smcore.grids import ease

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 103), slice(200, 204))
DAYS = 500


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, make_cube: Make, make_stations: Make) -> Path:
    """Two daily products and twelve sensors: ``sharp`` has half the noise of ``blunt``; three sensors are broken."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(3)
    time = np.datetime64("2018-01-01", "ns") + np.arange(DAYS) * np.timedelta64(1, "D")
    season = 0.05 * np.sin(2 * np.pi * np.arange(DAYS) / 365.25)
    truth = 0.25 + season[:, None, None] + rng.normal(0, 0.03, (DAYS, *GRID.shape))

    def seen(noise: float, share: float, **attrs: Any) -> xr.Dataset:
        values = truth + rng.normal(0, noise, truth.shape)
        values[rng.random(truth.shape) < share] = np.nan
        return make_cube(values, time, time_support="day-mean", grid=GRID, **attrs)

    lat, lon = np.repeat(GRID.lat, GRID.shape[1]), np.tile(GRID.lon, GRID.shape[0])
    ground = truth.reshape(DAYS, -1).T + rng.normal(0, 0.01, (12, DAYS))
    ground[0] = 0.2
    ground[1] = np.nan
    ground[2, 6:] = np.nan
    sensors = make_stations(ground, time, lat, lon, station=[f"S{i:02d}" for i in range(12)],
                            network=["north"] * 6 + ["south"] * 6, flag=np.ones(ground.shape, np.int32))  # fmt: skip
    blank = np.full(12, "")
    texts = dict.fromkeys(("instrument", "climate"), ("sensor", blank))
    cover = np.where(np.arange(12) % 2, "Grassland", "Tree cover, broadleaved")
    sensors["sm"].attrs["time_support"] = "day-mean"
    sensors = sensors.assign_coords(elevation=("sensor", np.zeros(12)), land_cover=("sensor", cover), **texts)
    data = {"sharp": seen(0.01, 0.3), "blunt": seen(0.03, 0.5), "third": seen(0.02, 0.2), "sensors": sensors}
    for name, one in data.items():
        store.write(one, folder / name)
        ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
    return folder / "catalog.yml"


def loam(*arguments: object) -> int:
    return cli.main(["validate", *map(str, arguments)])


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def whole(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything at once."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    wanted = ("--product", "sharp", "--product", "blunt", "--reference", "sensors")
    assert loam(*wanted, "--triple", "--stability", 100, "--out", out, "--catalog", catalog) == 0
    return out


def test_tables_do_not_depend_on_how_the_locations_are_cut_into_tiles(
    whole: Path, catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smcore.validation.matching.match._BLOCK_LOCATIONS", 5)
    wanted = ("--product", "sharp", "--product", "blunt", "--reference", "sensors")
    assert loam(*wanted, "--triple", "--stability", 100, "--out", tmp_path / "o", "--catalog", catalog) == 0
    for name in ("metrics.csv", "common.csv", "versus.csv", "triple.csv", "stability.csv", "strata.csv"):
        pd.testing.assert_frame_equal(table(tmp_path / "o", name), table(whole, name), rtol=1e-9, atol=1e-12)


def test_common_days_are_those_of_both_products_and_own_days_are_not(whole: Path) -> None:
    own, common = table(whole, "metrics.csv"), table(whole, "common.csv")
    n = {
        (sample, product): data.query("location == 'S05' and metric == 'bias' and product == @product")["n"].item()
        for sample, data in (("own", own), ("common", common))
        for product in ("sharp", "blunt")
    }
    assert n["common", "sharp"] == n["common", "blunt"] < n["own", "blunt"] < n["own", "sharp"]


def test_the_better_product_wins_at_every_sensor_that_can_be_judged(whole: Path) -> None:
    versus = table(whole, "versus.csv").query("metric == 'ubrmsd'").set_index("location")
    assert versus.loc[["S00", "S01", "S02"], "verdict"].tolist() == ["too_few"] * 3
    good = versus.drop(["S00", "S01", "S02"])
    assert set(good["verdict"]) == {"better"}
    np.testing.assert_allclose(good["gain"], good["value_b"] - good["value_a"], atol=1e-12)
    comparison = json.loads((whole / "run.json").read_text())["analyses"]["against"]["comparisons"][0]
    assert comparison["sentence"].startswith("sharp is better than blunt at 9 of 9 sensors, worse at 0, 3 not judged")
    assert comparison["metrics"]["ubrmsd"]["median_gain"] == pytest.approx(np.hypot(0.03, 0.01) - 0.0141, abs=0.003)


def test_triple_collocation_finds_the_noise_that_was_put_in(whole: Path) -> None:
    triple = table(whole, "triple.csv").query("metric == 'err_std' and status == 'ok'")
    medians = triple.groupby("member")["value"].median()
    assert medians["sharp"] == pytest.approx(0.01, abs=0.004)
    assert medians["blunt"] == pytest.approx(0.03, abs=0.004)
    assert set(triple["triplet"]) == {"sensors|sharp|blunt"}
    counted = table(whole, "triple.csv").query("location == 'S01'")
    assert (counted["status"] != "ok").all()


def test_four_data_sets_are_collocated_together_and_by_three(catalog: Path, tmp_path: Path) -> None:
    wanted = ("--product", "sharp", "blunt", "third", "--reference", "sensors", "--triple", "--stratum", "none")
    assert loam(*wanted, "--interval", "none", "--out", tmp_path / "o", "--catalog", catalog) == 0
    triple = table(tmp_path / "o", "triple.csv")
    assert set(triple["triplet"]) == {
        "sensors|sharp|blunt", "sensors|sharp|third", "sensors|blunt|third", "sharp|blunt|third", "extended",
    }  # fmt: skip
    ok = triple.query("triplet == 'extended' and metric == 'err_std' and status == 'ok'")
    assert ok.groupby("member")["value"].median()["third"] == pytest.approx(0.02, abs=0.004)
    assert not (tmp_path / "o" / "strata.csv").exists()


def test_strata_hold_each_level_on_own_and_common_days(whole: Path) -> None:
    strata = table(whole, "strata.csv")
    assert {"network", "depth", "land_cover", "forest", "season"} <= set(strata["stratum"])
    north = strata.query("stratum == 'network' and level == 'north' and location == '*median*' and product == 'sharp'")
    assert set(north["sample"]) == {"own", "common"}
    own = north.query("sample == 'own' and metric == 'ubrmsd'")
    metrics = table(whole, "metrics.csv").query("metric == 'ubrmsd' and product == 'sharp' and network == 'north'")
    assert own["value"].item() == pytest.approx(metrics["value"].median(), abs=1e-12)
    assert own["n"].item() == metrics["value"].notna().sum()
    assert "small sample" in own["note"].item()


def test_a_scaled_product_stands_beside_itself_and_is_scored_on_the_days_it_was_not_fitted_on(
    catalog: Path, tmp_path: Path
) -> None:
    wanted = ("--product", "blunt", "blunt@mean_std", "--reference", "sensors", "--stratum", "none")
    period = ("--scaling-period", "2018-01-01", "2018-12-31")
    assert loam(*wanted, *period, "--out", tmp_path / "o", "--catalog", catalog) == 0
    rows = table(tmp_path / "o", "metrics.csv").query("location == 'S07'").set_index(["product", "metric"])["value"]
    assert rows["blunt", "n"] == rows["blunt@mean_std", "n"] < DAYS - 365
    assert rows["blunt", "pearson_r"] == pytest.approx(rows["blunt@mean_std", "pearson_r"], abs=1e-12)
    assert rows["blunt@mean_std", "ubrmsd"] < rows["blunt", "ubrmsd"]


@pytest.mark.slow
def test_a_scaling_of_one_product_is_no_scaling_of_another_whichever_is_named_first(
    catalog: Path, tmp_path: Path
) -> None:
    wanted = ("--reference", "sensors", "--stratum", "season", "--out", tmp_path / "o", "--catalog", catalog)
    key = ["product", "metric"]
    found = {}
    for first, second in (("blunt@linear", "blunt"), ("blunt", "blunt@linear")):
        assert loam("--product", first, second, *wanted) == 0
        own, common = (table(tmp_path / "o", name) for name in ("metrics.csv", "common.csv"))
        own, common = (one.query("location == 'S07'").set_index(key)["value"] for one in (own, common))
        pd.testing.assert_series_equal(common.sort_index(), own.sort_index(), rtol=1e-12)
        strata = table(tmp_path / "o", "strata.csv").query("location == 'S07'")
        found[first] = strata.set_index(["level", "sample", *key])["value"].sort_index()
        versus = table(tmp_path / "o", "versus.csv").query("location == 'S07' and metric == 'ubrmsd'").iloc[0]
        assert versus["value_a"] == pytest.approx(own[first, "ubrmsd"], rel=1e-12)
        assert versus["value_b"] == pytest.approx(own[second, "ubrmsd"], rel=1e-12)
        assert abs(versus["gain"]) > 0.002
    pd.testing.assert_series_equal(found["blunt"], found["blunt@linear"], rtol=1e-12)


def test_means_of_days_and_records_of_hours_are_compared_by_days(
    make_cube: Make, make_stations: Make, tmp_path: Path
) -> None:
    hours = np.datetime64("2020-01-01", "ns") + np.arange(60 * 24) * np.timedelta64(1, "h")
    level = np.random.default_rng(5).normal(0.25, 0.02, 60)
    truth = level.repeat(24) + 0.05 * np.cos(2 * np.pi * np.arange(60 * 24) / 24)
    sensor = make_stations(truth, hours, GRID.lat[1], GRID.lon[1], flag=np.ones(truth.shape, np.int32))
    blank = dict.fromkeys(("instrument", "climate", "land_cover"), ("sensor", np.full(1, "")))
    sensor = sensor.assign_coords(elevation=("sensor", np.zeros(1)), **blank)
    days = make_cube(level + 0.01, hours[::24], time_support="day-mean", grid=GRID)
    for name, one in {"days": days, "hours": make_cube(truth, hours, grid=GRID), "sensor": sensor}.items():
        store.write(one, tmp_path / name)
        ingest.add_to_catalog(tmp_path / name, name, tmp_path / "catalog.yml")
    wanted = ("--reference", "sensor", "--stratum", "none", "--catalog", tmp_path / "catalog.yml")
    assert loam("--product", "days", "hours", *wanted, "--out", tmp_path / "o") == 0
    common = table(tmp_path / "o", "common.csv").query("location == 'S0'").set_index(["product", "metric"])["value"]
    assert common["hours", "n"] == common["days", "n"] == 60
    assert common["hours", "rmsd"] == pytest.approx(0, abs=1e-6)
    assert common["days", "rmsd"] == pytest.approx(0.01, abs=1e-6)
    record = json.loads((tmp_path / "o" / "run.json").read_text())
    assert record["analyses"]["common_days"]["notes"][0].startswith("products are compared by UTC days")
    assert [one["pairing"] for one in record["results"]] == ["daily", "nearest within 1 h"]


def test_anomalies_leave_the_season_out_and_say_so(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ("--product", "sharp", "--reference", "sensors", "--stratum", "none", "--anomaly", "35d")
    assert loam(*wanted, "--out", tmp_path / "o", "--catalog", catalog) == 0
    assert "anomalies of the mean over 35 days" in capsys.readouterr().out
    bias = table(tmp_path / "o", "metrics.csv").query("location == 'S07' and metric == 'bias'")["value"].item()
    assert abs(bias) < 1e-3


@pytest.mark.parametrize("kind", ["iid", "bootstrap", "none"])
def test_other_intervals_are_named_in_the_table(kind: str, catalog: Path, tmp_path: Path) -> None:
    wanted = ("--product", "sharp", "--reference", "sensors", "--stratum", "none", "--interval", kind)
    assert loam(*wanted, "--out", tmp_path / "o", "--catalog", catalog) == 0
    rows = table(tmp_path / "o", "metrics.csv").query("location == 'S07' and metric == 'pearson_r'").iloc[0]
    if kind == "none":
        assert np.isnan(rows["lower"])
        assert not isinstance(rows["interval"], str)
    else:
        assert rows["lower"] < rows["value"] < rows["upper"]
        assert rows["interval"] == kind


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--product", "sharp", "--triple"), "needs two products"),
        (("--product", "sharp", "--stability", "0"), "day"),
        (("--product", "sharp", "--upscale", "kriging"), "no upscaling"),
        (("--product", "sharp", "--stratum", "season,season"), "twice"),
        (("--product", "sharp@quantile"), "no scaling 'quantile'"),
        (("--product", "sharp", "--flags", "Q"), "Q"),
    ],
)
def test_what_can_not_be_analysed_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loam(*arguments, "--reference", "sensors", "--out", tmp_path / "o", "--catalog", catalog) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_numbers_without_a_unit_say_so(catalog: Path, tmp_path: Path) -> None:
    wanted = ("--product", "sharp", "blunt", "--reference", "sensors", "--stratum", "none", "--triple")
    assert loam(*wanted, "--out", tmp_path / "o", "--catalog", catalog) == 0
    units = table(tmp_path / "o", "triple.csv").groupby("metric")["units"].first()
    assert units[["err_std", "snr_db", "r2", "beta"]].tolist() == ["m3 m-3", "dB", "1", "1"]
    assert set(table(tmp_path / "o", "metrics.csv").query("metric == 'bias'")["units"]) == {"m3 m-3"}
