"""A run folder opened again: its tables as they were written, and what charts take from them, checked by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from factories import catalogue, tiny_cube, tiny_stations

from smcore.catalog import load_catalog
from smcore.errors import StoreError
from smcore.grids import ease
from smcore.validation.runs.output import write_run
from smcore.validation.runs.pair_sample import pair_sample
from smcore.validation.runs.pictured import ALL, FEW_LOCATIONS, boxes, histogram, taylor, triple_summary
from smcore.validation.runs.results import RunResults, list_runs, open_run
from smcore.validation.runs.run import Run, RunOptions, validate
from smcore.validation.transforms import Transform

GRID = ease("M36").cut(slice(80, 92), slice(200, 216))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run, RunResults]:
    """A run of two products against six stations, with triple collocation: its folder, itself, and opened again."""
    folder = tmp_path_factory.mktemp("made")
    data = {
        "a": tiny_cube(GRID, count=80, gaps=0.3, kind="observed"),
        "b": tiny_cube(GRID, count=80, seed=2),
        "nets": tiny_stations(GRID, count=80, stations=6),
    }
    catalog = load_catalog([catalogue(folder, data)])
    run = validate(["a", "b"], "nets", catalog, RunOptions(triple=True))
    write_run(run, folder / "runs" / "one")
    return folder / "runs" / "one", run, open_run(folder / "runs" / "one")


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, RunResults]:
    """A run of a cube against another on its grid."""
    folder = tmp_path_factory.mktemp("raster")
    data = {"a": tiny_cube(GRID, gaps=0.2), "b": tiny_cube(GRID, seed=2)}
    run = validate(["a"], "b", load_catalog([catalogue(folder, data)]))
    write_run(run, folder / "run")
    return run, open_run(folder / "run")


def test_tables_come_back_as_they_were_scored(made: tuple[Path, Run, RunResults]) -> None:
    _, run, results = made
    assert (results.products, results.reference, results.noun) == (("a", "b"), "nets", "sensors")
    assert not results.is_grid
    for score in run.scores:
        name = score.matched.product.name
        for metric in ("n", "pearson_r", "bias"):
            found = results.locations(name, metric)
            np.testing.assert_array_equal(found["value"], score.values[metric])
            np.testing.assert_array_equal(found["lower"], score.estimates.lower[metric])
            assert results.summary(name).loc[metric, "value"] == score.median[metric].value
            assert results.summary(name, "*pooled*").loc[metric, "value"] == score.pooled[metric].value
    assert set(results.common["product"]) == {"a", "b"}
    assert results.comparisons[0]["sentence"]
    assert len(results.verdicts("a", "b", "ubrmsd")) == 6


def test_a_histogram_counts_every_location_once(made: tuple[Path, Run, RunResults]) -> None:
    results = made[2]
    values = results.locations("a", "pearson_r")["value"].to_numpy(float)
    middle = float(np.median(values))
    found = histogram(results, "a", "pearson_r", middle, 1.0, bins=7)
    assert found.below == int((values < middle).sum())
    assert found.below + int(found.count.sum()) + found.above == len(values) == 6
    assert found.median == middle


def test_boxes_are_the_quantiles_of_the_locations_of_each_level(made: tuple[Path, Run, RunResults]) -> None:
    results = made[2]
    values = results.locations("b", "bias")["value"].to_numpy(float)
    whole = next(box for box in boxes(results, "bias", ALL) if box.product == "b")
    np.testing.assert_allclose(whole.quantiles, np.percentile(values, [5, 25, 50, 75, 95]), rtol=1e-12)
    assert (whole.locations, whole.is_small) == (6, False)
    assert whole.pairs == int(results.locations("b", "n")["value"].sum())
    by_network = boxes(results, "bias", "network")
    assert {(box.product, box.level) for box in by_network} == {("a", "TEST"), ("b", "TEST")}
    strata = results.strata
    for level in strata[strata["stratum"] == "season"]["level"].unique():
        rows = strata[(strata["stratum"] == "season") & (strata["level"] == level) & (strata["sample"] == "own")]
        rows = rows[(rows["metric"] == "bias") & (rows["product"] == "a") & ~rows["location"].str.startswith("*")]
        box = next(b for b in boxes(results, "bias", "season") if (b.product, b.level) == ("a", level))
        assert box.locations == int(rows["value"].notna().sum())
        assert box.is_small == (box.locations < FEW_LOCATIONS or box.pairs < 30)


def test_a_taylor_diagram_has_amplitude_and_centred_difference_of_the_pairs(made: tuple[Path, Run, RunResults]) -> None:
    _, run, results = made
    found = taylor(results, "a")
    assert found is not None
    pairs = run.scores[0].matched.block(np.arange(6)).pairs
    for i in range(6):
        both = np.isfinite(pairs.product[i]) & np.isfinite(pairs.reference[i])
        x, y = pairs.product[i][both], pairs.reference[i][both]
        centred = np.sqrt(np.mean(((x - x.mean()) - (y - y.mean())) ** 2)) / y.std()
        assert found.ratio[i] == pytest.approx(x.std() / y.std(), rel=1e-9)
        assert found.correlation[i] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-9)
        assert found.centred[i] == pytest.approx(centred, rel=1e-8)
    ratio, r, distance = found.median
    assert (ratio, r) == (np.median(found.ratio), np.median(found.correlation))
    assert distance == pytest.approx(np.sqrt(1 + ratio**2 - 2 * ratio * r))


def test_triple_collocation_is_summed_up_over_the_locations_where_it_is_defined(
    made: tuple[Path, Run, RunResults],
) -> None:
    results = made[2]
    ((members, rows),) = triple_summary(results, ("err_std", "snr_db")).items()
    assert set(members) == {"nets", "a", "b"}
    table = results.triple
    for row in rows:
        mine = table[(table["member"] == row.member) & (table["metric"] == "err_std") & (table["status"] == "ok")]
        assert row.count["err_std"] == len(mine)
        assert row.locations == 6
        if len(mine):
            assert row.values["err_std"] == np.median(mine["value"])


def test_the_sampled_pairs_are_those_that_were_scored(made: tuple[Path, Run, RunResults]) -> None:
    run = made[1]
    every = pair_sample(run.scores[1], Transform(), most=10**6)
    assert len(every.product) == every.total == run.scores[1].pooled["n"].n
    assert np.mean(every.product - every.reference) == pytest.approx(run.scores[1].pooled["bias"].value, rel=1e-12)
    some = pair_sample(run.scores[1], Transform(), most=every.total // 3)
    assert some.stride == 3
    assert 0 < len(some.product) < every.total
    scaled = pair_sample(run.scores[1], Transform("mean_std"), most=10**6)
    assert np.mean(scaled.product - scaled.reference) == pytest.approx(0.0, abs=1e-12)


def test_the_fields_of_a_grid_come_back_with_their_statuses(raster: tuple[Run, RunResults]) -> None:
    run, results = raster
    assert results.is_grid
    assert results.noun == "cells"
    field = results.field("a", "bias")
    assert field is not None
    np.testing.assert_array_equal(field.value.ravel(), run.scores[0].values["bias"])
    np.testing.assert_array_equal(field.status.ravel(), run.scores[0].status["bias"].astype(str))
    np.testing.assert_allclose(field.grid.lat, GRID.lat)
    assert results.field("a", "kendall_tau") is None
    assert len(results.locations("a", "bias")) == 0
    box = boxes(results, "bias", ALL)[0]
    assert box.locations == int(np.isfinite(field.value).sum())


def test_runs_are_listed_newest_first_and_a_damaged_one_is_left_out(
    made: tuple[Path, Run, RunResults], tmp_path: Path
) -> None:
    for name in ("one", "two", ".draft"):
        shutil.copytree(made[0], tmp_path / name)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text("{")
    assert {(one.run, one.products, one.reference) for one in list_runs(tmp_path)} == {
        ("one", ("a", "b"), "nets"),
        ("two", ("a", "b"), "nets"),
    }
    assert list_runs(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: (f / "run.json").unlink(), "no such run"),
        (lambda f: (f / "run.json").write_text("not json"), "can't be read"),
        (lambda f: (f / "run.json").write_text("[]"), "no run of this version"),
        (lambda f: (f / "run.json").write_text('{"format": "loam gaps run 1"}'), "no run of this version"),
        (lambda f: (f / "metrics.csv").unlink(), "metrics.csv of the run is missing or was changed"),
        (lambda f: (f / "strata.csv").write_text("stratum\n"), "strata.csv of the run is missing or was changed"),
    ],
)
def test_a_foreign_or_damaged_folder_is_refused_in_one_sentence(
    made: tuple[Path, Run, RunResults], tmp_path: Path, harm: object, said: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(made[0], folder)
    harm(folder)  # type: ignore[operator]
    with pytest.raises(StoreError, match=said) as caught:
        open_run(folder)
    assert "\n" not in caught.value.sentence
    assert str(tmp_path) not in caught.value.sentence


def test_a_record_that_lacks_a_part_is_refused(made: tuple[Path, Run, RunResults], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(made[0], folder)
    record = json.loads((folder / "run.json").read_text())
    del record["results"]
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(StoreError, match="results is missing"):
        open_run(folder)
    assert open_run(made[0]).density("a") is None


def test_a_scaled_twin_is_a_product_of_its_own(made: tuple[Path, Run, RunResults], tmp_path: Path) -> None:
    record = made[2].record
    twin = {**record["products"][0], "name": f"{record['products'][0]['id']}@cdf"}
    both = RunResults(tmp_path, {**record, "products": [record["products"][0], twin]})
    assert both.products == ("a", "a@cdf")
    assert both.title("a@cdf") == f"{both.title('a')}, scaled by cdf"
