"""Masks with names in whole runs, from the command line to the counts in the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from app import cli
from smcore import ingest
from smcore.cubes import store
from smcore.grids import ease

GRID = ease("M36").cut(slice(100, 104), slice(200, 206))
DAYS = np.datetime64("2020-01-01", "ns") + np.arange(40) * np.timedelta64(1, "D")
FLAGS = {"flag_masks": np.array([1, 2], np.int32), "flag_meanings": "frozen_ground precipitation"}


@pytest.fixture(scope="module")
def stores(
    tmp_path_factory: pytest.TempPathFactory,
    make_cube: Callable[..., xr.Dataset],
    make_pixels: Callable[..., xr.Dataset],
) -> Path:
    """Forty days: a satellite frozen on the first ten and wet on every fourth, a model, pixels, and temperatures."""
    folder = tmp_path_factory.mktemp("masked")
    truth = 0.3 + 0.1 * np.sin(np.arange(40))
    day = np.arange(40)
    bits = np.where(day < 10, 1, 0) | np.where(day % 4 == 0, 2, 0)
    satellite = make_cube(truth, DAYS, time_support="day-mean")
    field = np.broadcast_to(bits.astype(np.int32)[:, None, None], satellite["sm"].shape)
    satellite["surface_flag"] = (("time", "y", "x"), field.copy(), FLAGS)
    warm = make_cube(np.where(day < 25, 270.0, 280.0), DAYS, time_support="day-mean", units="K")
    data = {
        "satellite": satellite,
        "model": make_cube(truth + 0.01, DAYS, time_support="day-mean"),
        "pixels": make_pixels(truth, DAYS, GRID.lat[1], GRID.lon[1], time_support="day-mean"),
        "weather": warm.rename(sm="soil_temperature"),
    }
    for name, one in data.items():
        store.write(one, folder / name)
        ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
    return folder


@pytest.fixture
def run(
    stores: Path, tmp_path: Path, loam_home: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any], str]]:
    def run(*arguments: object) -> tuple[int, dict[str, Any], str]:
        out = tmp_path / "out"
        fixed = ("--reference", "pixels", "--out", out, "--catalog", stores / "catalog.yml")
        status = cli.main(["validate", "--product", "satellite", *map(str, (*arguments, *fixed))])
        record = json.loads((out / "run.json").read_text()) if status == 0 else {}
        return status, record, capsys.readouterr().err

    return run


def test_masks_remove_their_days_and_the_record_says_how_many(run: Callable[..., Any]) -> None:
    status, record, _ = run("--mask", "frozen_ground", "--mask", "precipitation")
    assert status == 0
    (result,) = record["results"]
    assert result["pairs"] == 40 - 10 - 7  # wet on ten days, three of them frozen
    counts = result["counts"]["product"]
    assert (counts["mask:frozen_ground"], counts["mask:precipitation"], counts["dropped_mask"]) == (10, 10, 17)
    assert counts["usable"] == 23
    assert result["counts"]["reference"]["dropped_mask"] == 0
    assert [rule["name"] for rule in record["options"]["masks"]] == ["frozen_ground", "precipitation"]
    assert any(
        "satellite where flagged frozen_ground in" in n or "flagged frozen_ground;" in n for n in result["notes"]
    )


def test_a_rule_of_a_file_looks_into_another_entry(run: Callable[..., Any], tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "masks: [{name: cold, variable: soil_temperature, operator: '<', value: 273.15, units: K, from: weather}]"
    )
    status, record, _ = run("--mask", "cold", "--mask-rules", rules)
    assert status == 0
    assert record["results"][0]["pairs"] == 15
    assert record["options"]["masks"][0]["entry"] == "weather"


def test_a_product_without_the_flag_is_kept_whole_beside_one_that_has_it(run: Callable[..., Any]) -> None:
    status, record, _ = run("--product", "model", "--mask", "frozen_ground")
    assert status == 0
    assert [one["pairs"] for one in record["results"]] == [30, 40]
    assert any("mask frozen_ground: model and pixels can't tell" in note for note in record["results"][1]["notes"])


def test_a_rule_that_no_data_set_answers_is_refused_in_one_sentence(run: Callable[..., Any], tmp_path: Path) -> None:
    status, _, said = run("--mask", "rfi")
    assert status != 0
    assert "No data set here has what the mask 'rfi' tests" in said
    assert "satellite has flags frozen_ground, precipitation" in said
    rules = tmp_path / "rules.yml"
    rules.write_text("masks: [{name: cold, variable: snow_depth, operator: '>', value: 0, from: weather}]")
    status, _, said = run("--mask", "cold", "--mask-rules", rules)
    assert status != 0
    assert "weather has nothing that the mask cold compares" in said
    assert "soil_temperature" in said
    rules.write_text("masks: [{name: cold, variable: snow_depth, operator: '>', value: 0, from: nowhere}]")
    assert "no entry 'nowhere'" in run("--mask", "cold", "--mask-rules", rules)[2]
