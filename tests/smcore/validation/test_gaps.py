"""The gap test end to end: nothing hidden is seen, ages and scores are those of plain loops, masks are reusable."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from app import cli
from smcore.catalog import load_catalog
from smcore.errors import Cancelled, CatalogError, ExportError, MatchError, ModelError, WeightsError
from smcore.models.arrays import TrainingData
from smcore.models.base import FitRun
from smcore.models.weights import save_checkpoint
from smcore.roles import Source
from smcore.training.datasets import Choice, build
from smcore.training.run import TrainRequest, train
from smcore.training.splits import Split
from smcore.validation.gaps import scores as gap_scores
from smcore.validation.gaps.intervals import blocks_of, pooled_bounds
from smcore.validation.gaps.mask import read_mask
from smcore.validation.gaps.refill import KEPT_VALUES, Method, daily, methods_of
from smcore.validation.gaps.run import GapOptions, gap_test, run_gaps, write_gaps
from smcore.window import Window

OPTIONS = GapOptions(share=0.15, device="cpu")
SIMPLE = ("climatology", "persistence", "spline")


@pytest.fixture(scope="module")
def catalog(small_catalog):
    return load_catalog([small_catalog])


@pytest.fixture(scope="module")
def tested(catalog):
    """The small world refilled by all baselines."""
    return run_gaps("target", catalog, data=[("", "forcing"), ("", "static")], options=OPTIONS)


def target_of(world, values=None) -> Source:
    """The world's target as a source, perhaps with other values, under one fingerprint."""
    data = world.target if values is None else world.target.assign(sm=world.target["sm"].copy(data=values))
    return Source("target", frozenset({"target"}), data, "print-of-target")


def own(table: pd.DataFrame, method: str, stratum: str = "all", location: str = "*pooled*") -> pd.DataFrame:
    chosen = table[(table["method"] == method) & (table["sample"] == "own") & (table["stratum"] == stratum)]
    return chosen[chosen["location"] == location]


def value(table: pd.DataFrame, metric: str) -> float:
    return float(table.loc[table["metric"] == metric, "value"].iloc[0])


def test_hidden_values_replaced_by_poison_change_nothing_that_is_refilled(small_world):
    methods = methods_of([*SIMPLE, "ridge"], load_catalog([]))
    forcing = small_world.sources("forcing", "static")
    clean = gap_test(target_of(small_world), methods, forcing, OPTIONS)
    poisoned = small_world.target["sm"].values.copy()
    poisoned[clean.mask.hidden.reshape(poisoned.shape)] = 9.9
    methods = methods_of([*SIMPLE, "ridge"], load_catalog([]))
    again = gap_test(target_of(small_world, poisoned), methods, forcing, OPTIONS, clean.mask)
    np.testing.assert_array_equal(again.mask.hidden, clean.mask.hidden)
    for before, after in zip(clean.refilled, again.refilled, strict=True):
        assert np.isfinite(before.values).any(), before.method.name
        np.testing.assert_array_equal(after.values, before.values)


def test_every_refilled_value_is_compared_with_the_observation_that_was_hidden(tested, small_world):
    observed = small_world.target["sm"].values.reshape(150, -1).astype(float)
    truth = observed[tested.mask.hidden]
    for one in tested.refilled:
        table = own(tested.table, one.method.name)
        both = np.isfinite(one.values)
        difference = one.values[both] - truth[both]
        assert value(table, "bias") == pytest.approx(difference.mean(), abs=1e-12)
        assert value(table, "rmsd") == pytest.approx(np.sqrt((difference**2).mean()), rel=1e-12)
        assert value(table, "ubrmsd") == pytest.approx(difference.std(), rel=1e-12)
        assert value(table, "pearson_r") == pytest.approx(np.corrcoef(one.values[both], truth[both])[0, 1], rel=1e-9)
        assert (table["n"] == both.sum()).all()


def test_persistence_gives_the_last_kept_value(tested, small_world):
    observed = small_world.target["sm"].values.reshape(150, -1)
    kept = np.where(tested.mask.hidden, np.nan, observed)
    refilled = next(one for one in tested.refilled if one.method.name == "persistence")
    for index, (day, cell) in enumerate(zip(*np.nonzero(tested.mask.hidden), strict=True)):
        before = [kept[t, cell] for t in range(max(0, day - 10), day) if np.isfinite(kept[t, cell])]
        np.testing.assert_array_equal(refilled.values[index], before[-1] if before else np.nan)


def test_the_median_is_that_over_cells_with_enough_hidden_values(tested, small_world):
    observed = small_world.target["sm"].values.reshape(150, -1).astype(float)
    one = next(one for one in tested.refilled if one.method.name == "spline")
    filled = np.full(observed.shape, np.nan)
    filled[tested.mask.hidden] = one.values
    errors = []
    for cell in range(observed.shape[1]):
        both = tested.mask.hidden[:, cell] & np.isfinite(filled[:, cell])
        if both.sum() >= 10:
            errors.append((filled[both, cell] - observed[both, cell]).std())
    table = own(tested.table, "spline", location="*median*")
    assert value(table, "ubrmsd") == pytest.approx(np.median(errors), rel=1e-12)
    assert (table["locations"] == len(errors)).all()


def test_gap_ages_are_days_since_the_last_kept_value_and_to_the_nearest():
    kept = np.random.default_rng(8).random((70, 5)) < 0.15
    kept[:, 4] = False
    since, nearest = gap_scores.days_since_kept(kept), gap_scores.days_to_nearest_kept(kept)
    for cell in range(5):
        for day in range(70):
            before = [day - t for t in range(day + 1) if kept[t, cell]]
            either = [abs(day - t) for t in range(70) if kept[t, cell]]
            assert since[day, cell] == (before[-1] if before else -1)
            assert nearest[day, cell] == (min(either) if either else -1)


def test_ages_fall_into_the_stated_classes():
    days = np.array([1, 2, 3, 4, 7, 8, 15, 16, 35, 36, 400, -1])
    expected = [
        "1 d",
        "2–3 d",
        "2–3 d",
        "4–7 d",
        "4–7 d",
        "8–15 d",
        "8–15 d",
        "16–35 d",
        "16–35 d",
        ">35 d",
        ">35 d",
        "never",
    ]
    assert [gap_scores.AGES[code] for code in gap_scores.age_class(days)] == expected


def test_levels_of_a_stratum_add_up_to_all_hidden_values(tested):
    for stratum in ("gap_age", "nearest", "season"):
        table = own(tested.table, "climatology", stratum)
        assert table[table["metric"] == "bias"]["hidden"].sum() == tested.mask.hidden.sum()


def test_land_cover_is_a_stratum_where_the_data_have_classes(small_world):
    classes = np.repeat([[1.0], [10.0], [99.0], [np.nan]], 5, axis=1).astype("f4")  # forest, grass, and no class
    product = small_world.target.assign(land_cover=(("y", "x"), classes))
    source = Source("target", frozenset({"target"}), product, "p")
    run = gap_test(source, methods_of(["spline"], load_catalog([])), [], OPTIONS)
    table = own(run.table, "spline", "land_cover")
    hidden = table[table["metric"] == "bias"].set_index("level")["hidden"]
    cells = run.mask.hidden.sum(axis=0).reshape(4, 5).sum(axis=1)
    assert hidden.to_dict() == {"evergreen needleleaf forest": cells[0], "grassland": cells[1]}


def test_methods_say_whether_they_look_past_the_gap(tested):
    sides = dict(zip(tested.table["method"], tested.table["sides"], strict=True))
    assert sides == {"climatology": "two-sided", "persistence": "causal", "spline": "two-sided", "ridge": "causal"}


def test_a_finer_forcing_gives_a_coarse_cell_the_mean_of_its_fine_ones(small_world):
    method = methods_of(["ridge"], load_catalog([]))[0]
    run = gap_test(target_of(small_world), [method], small_world.sources("forcing", "static"), OPTIONS)
    kept = np.where(run.mask.hidden, np.nan, small_world.target["sm"].values.reshape(150, -1)).astype(np.float32)
    source = daily(target_of(small_world), run.places, run.mask.days, kept)
    others = small_world.sources("forcing", "static")
    data = build(method.model.spec, [source, *others], Window("2019-01-01", "2019-05-30"), Choice())
    fitted = methods_of(["ridge"], load_catalog([]))[0].model
    fitted.fit(TrainingData(data.satellite), FitRun(seed=0))
    expected = data.satellite.aggregate(fitted.predict(data.satellite.inputs)["sm"])
    np.testing.assert_allclose(run.refilled[0].values, expected[run.mask.hidden], atol=1e-6)


def test_a_mask_file_hides_the_very_same_for_other_models(catalog, tested, tmp_path):
    write_gaps(tested, tmp_path / "first")
    again = run_gaps("target", catalog, models=["spline"], mask_file=tmp_path / "first" / "mask.nc")
    np.testing.assert_array_equal(again.mask.hidden, tested.mask.hidden)
    columns = ["value", "lower", "upper"]
    before, after = (own(t.table, "spline")[columns].to_numpy() for t in (tested, again))
    np.testing.assert_array_equal(before, after)
    write_gaps(again, tmp_path / "second")
    assert (tmp_path / "first" / "mask.nc").read_bytes() == (tmp_path / "second" / "mask.nc").read_bytes()


def test_a_mask_made_for_other_data_is_refused(tested, small_world, tmp_path):
    write_gaps(tested, tmp_path / "run")
    other = Source("other", frozenset({"target"}), small_world.target, "another-print")
    methods = methods_of(["spline"], load_catalog([]))
    with pytest.raises(MatchError, match="made for other data"):
        gap_test(other, methods, [], OPTIONS, read_mask(tmp_path / "run" / "mask.nc"))


def test_a_file_that_is_no_mask_is_refused(catalog, tmp_path):
    xr.Dataset({"gap": ("time", [1, 2])}).to_netcdf(tmp_path / "no.nc")
    (tmp_path / "text.nc").write_text("hello")
    for name, sentence in (("no.nc", "no mask"), ("text.nc", "no mask"), ("absent.nc", "no such mask")):
        with pytest.raises(MatchError, match=sentence):
            run_gaps("target", catalog, models=["spline"], mask_file=tmp_path / name)


def test_the_same_test_gives_the_same_bytes(catalog, tmp_path):
    for name in ("a", "b"):
        run = run_gaps("target", catalog, models=["climatology", "spline"], options=OPTIONS)
        write_gaps(run, tmp_path / name)
    for file in ("gaps.csv", "mask.nc", "run.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_a_pixel_set_is_tested_like_the_cube_that_it_was_taken_from(small_world):
    cube = small_world.target
    lat, lon = (axis.ravel() for axis in np.meshgrid(cube["lat"], cube["lon"], indexing="ij"))
    values = cube["sm"].values.reshape(150, -1).T
    attrs = {k: v for k, v in cube.attrs.items() if not k.startswith("grid")} | {"grid_name": "M36"}
    coords = {"time": cube["time"], "lat": ("location", lat), "lon": ("location", lon)}
    pixels = xr.Dataset({"sm": (("location", "time"), values, cube["sm"].attrs)}, coords, attrs)
    product = Source("target", frozenset({"target"}), pixels, "print-of-target")
    both = [
        gap_test(one, methods_of([*SIMPLE, "ridge"], load_catalog([])), small_world.sources("forcing"), OPTIONS)
        for one in (target_of(small_world), product)
    ]
    np.testing.assert_array_equal(both[0].mask.hidden, both[1].mask.hidden)
    for first, second in zip(both[0].refilled, both[1].refilled, strict=True):
        np.testing.assert_allclose(first.values, second.values, atol=1e-6)


def test_what_all_methods_filled_is_scored_beside(tested):
    common = tested.table[(tested.table["sample"] == "common") & (tested.table["stratum"] == "all")]
    numbers = common[common["location"] == "*pooled*"].groupby("method")["n"].first()
    filled = np.all([np.isfinite(one.values) for one in tested.refilled], axis=0)
    assert set(numbers) == {int(filled.sum())}
    assert len(numbers) == 4


def test_a_checkpoint_that_saw_the_hidden_days_is_marked_and_scored_without_them(small_world, tmp_path):
    sources = small_world.sources("target", "forcing", "static")
    window = Window("2019-01-01", "2019-03-15")
    train(TrainRequest("ridge", split=Split("none"), window=window, device="cpu"), sources, tmp_path / "ridge")
    methods = methods_of([str(tmp_path / "ridge")], load_catalog([]))
    run = gap_test(target_of(small_world), methods, sources[1:], OPTIONS)
    day, _ = np.nonzero(run.mask.hidden)
    early = run.mask.days[day] <= np.datetime64("2019-03-15")
    np.testing.assert_array_equal(run.refilled[0].seen, early)
    assert set(run.table["seen"]) == {"partly", "no"}
    unseen = run.table[(run.table["sample"] == "unseen") & (run.table["stratum"] == "all")]
    assert set(unseen["hidden"]) == {int((~early).sum())}
    assert "trained" in " ".join(run.refilled[0].notes)


def test_a_checkpoint_of_a_made_up_world_has_seen_no_real_day(small_world, tmp_path):
    sources = small_world.sources("target", "forcing", "static")
    train(TrainRequest("ridge", split=Split("none"), device="cpu"), sources, tmp_path / "ridge")
    methods = methods_of([str(tmp_path / "ridge")], load_catalog([]))
    real = small_world.target.assign_attrs(synthetic=0)
    run = gap_test(Source("target", frozenset({"target"}), real, "p"), methods, sources[1:], OPTIONS)
    assert not run.refilled[0].seen.any()
    assert "trained on synthetic data" in " ".join(run.refilled[0].notes)


def test_a_model_without_its_inputs_is_left_out_with_a_reason(catalog):
    run = run_gaps("target", catalog, models=["ridge", "spline"], options=OPTIONS)
    assert {one.method.name for one in run.refilled} == {"spline"}
    assert any("ridge left out" in note and "precipitation" in note for note in run.record["notes"])


def test_no_model_that_fits_is_refused(catalog):
    with pytest.raises(ModelError, match="No model fits these data"):
        run_gaps("target", catalog, models=["ridge"], options=OPTIONS)


def test_a_model_that_does_not_exist_is_refused(catalog):
    with pytest.raises(WeightsError, match="no model"):
        run_gaps("target", catalog, models=["oracle"], options=OPTIONS)


def test_the_product_may_not_come_back_as_model_soil_moisture(catalog):
    with pytest.raises(CatalogError, match="would show what is hidden"):
        run_gaps("target", catalog, models=["spline"], data=[("model_sm", "target")], options=OPTIONS)


def test_stations_are_no_product_of_a_gap_test(catalog):
    with pytest.raises(MatchError, match="cube or a pixel set"):
        run_gaps("stations", catalog, models=["spline"], options=OPTIONS)


def test_a_test_stops_when_asked(catalog):
    with pytest.raises(Cancelled):
        run_gaps("target", catalog, models=["spline"], options=OPTIONS, cancelled=lambda: True)


def test_progress_runs_from_nothing_to_all_without_going_back(catalog):
    shares: list[float] = []
    run_gaps("target", catalog, models=list(SIMPLE), options=OPTIONS, progress=lambda share, _: shares.append(share))
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert (np.diff(shares) >= -1e-9).all()


def test_a_folder_of_somebody_else_is_left_alone(tested, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(ExportError, match="something else"):
        write_gaps(tested, tmp_path / "run")
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_intervals_of_independent_values_are_about_as_wide_as_theory_says():
    # 60 blocks of days and one area: the mean of n independent differences has the error σ/√n.
    rng = np.random.default_rng(3)
    truth = rng.normal(0.2, 0.05, 6000)
    product = truth + rng.normal(0.01, 0.02, 6000)
    day = np.repeat(np.arange(60), 100)
    estimates = {"bias": float((product - truth).mean()), "pearson_r": 0.9, "rmsd": 0.02, "ubrmsd": 0.02}
    lower, upper = pooled_bounds(product, truth, day, np.zeros(6000, int), estimates, seed=0, level=0.95)["bias"]
    assert (upper - lower) / 2 == pytest.approx(2.0 * 0.02 / np.sqrt(6000), rel=0.25)


def test_a_common_error_of_a_day_widens_the_interval():
    rng = np.random.default_rng(3)
    truth = rng.normal(0.2, 0.05, 6000)
    day = np.repeat(np.arange(60), 100)
    product = truth + rng.normal(0, 0.02, 6000) + np.repeat(rng.normal(0, 0.02, 60), 100)
    estimates = {"bias": float((product - truth).mean()), "pearson_r": 0.9, "rmsd": 0.03, "ubrmsd": 0.03}
    lower, upper = pooled_bounds(product, truth, day, np.zeros(6000, int), estimates, seed=0, level=0.95)["bias"]
    assert (upper - lower) / 2 == pytest.approx(2.0 * 0.02 / np.sqrt(60), rel=0.25)


def test_too_few_blocks_of_days_give_no_interval():
    values = np.random.default_rng(0).normal(size=500)
    estimates = dict.fromkeys(("pearson_r", "bias", "rmsd", "ubrmsd"), 0.5)
    bounds = pooled_bounds(values, values[::-1], np.arange(500) // 100, np.arange(500), estimates, seed=0, level=0.95)
    assert np.isnan(list(bounds.values())).all()


def test_areas_hold_cells_within_a_few_hundred_kilometres():
    blocks = blocks_of(365, np.array([40.0, 40.3, 48.0]), np.array([-100.0, -99.8, -100.0]))
    assert blocks.area[0] == blocks.area[1] != blocks.area[2]
    assert blocks.length == 30


def run_cli(capsys, *arguments: str) -> tuple[int, str, str]:
    status = cli.main(["gaps", *arguments])
    return status, *capsys.readouterr()


def test_the_command_prints_a_table_and_writes_its_files(small_catalog, tmp_path, capsys):
    out = tmp_path / "run"
    common = ["--catalog", str(small_catalog), "--product", "target", "--out", str(out)]
    status, text, _ = run_cli(capsys, *common, "--model", "spline", "persistence", "--share", "0.2", "--seed", "7")
    assert status == 0
    assert "spline" in text
    assert "two-sided" in text
    assert "SYNTHETIC" in text
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["seed"] == 7
    assert record["product"]["fingerprint"]
    assert set(record["files"]) == {"gaps.csv", "mask.nc"}
    assert tuple(pd.read_csv(out / "gaps.csv").columns) == gap_scores.COLUMNS


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--share", "0"], "can't be hidden"),
        (["--share", "1"], "can't be hidden"),
        (["--pattern", "clouds"], "There is no pattern"),
        (["--pattern", "frozen"], "Nothing says where the ground is frozen"),
        (["--start", "2030-01-01"], "No step between"),
        (["--mask-file", "x.nc", "--seed", "1"], "brings its own --seed"),
        (["--overpass", "dawn"], "There is no overpass"),
        (["--quality", "best"], "There is no quality"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(arguments, sentence, small_catalog, tmp_path, capsys):
    common = ["--catalog", str(small_catalog), "--product", "target", "--out", str(tmp_path / "run")]
    status, _, said = run_cli(capsys, *common, "--model", "spline", *arguments)
    assert status == 2
    assert sentence in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_methods_fitted_here_are_told_apart_from_checkpoints(tmp_path, small_world):
    sources = small_world.sources("target", "forcing", "static")
    data = build(methods_of(["ridge"], load_catalog([]))[0].model.spec, sources, Window(), Choice())
    fitted = methods_of(["ridge"], load_catalog([]))[0]
    fitted.model.fit(TrainingData(data.satellite), FitRun())
    folder = tmp_path / "ridge"
    Path(folder).mkdir()
    save_checkpoint(folder, fitted.model, fitted.card)
    both: list[Method] = methods_of(["ridge", str(folder)], load_catalog([]))
    assert [method.learnt_from for method in both] == [KEPT_VALUES, "checkpoint"]
    assert [method.name for method in both] == ["ridge", "ridge-2"]
