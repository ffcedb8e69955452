"""What is hidden, held back and put on disk: buffers, gaps to fill, values for the band, inputs beyond memory."""

from __future__ import annotations

import dataclasses
import json
import mmap

import numpy as np
import pytest
import xarray as xr

from smcore.errors import ModelError
from smcore.grids import distance_km
from smcore.models.climatology import SPEC as CLIMATOLOGY
from smcore.models.learning.band import Band
from smcore.models.ridge import SPEC as RIDGE
from smcore.models.weights import load_checkpoint
from smcore.roles import Source
from smcore.training.datasets import Choice, build
from smcore.training.folds import make_folds
from smcore.training.holdback import hold_places, hold_steps
from smcore.training.room import Room
from smcore.training.run import TrainRequest, fit_fold, predict_places, prepare, train
from smcore.training.splits import Split, near
from smcore.window import Window

ALL = ("target", "forcing", "static")
SPRING, MAY = Window("2019-01-01", "2019-04-30"), ("2019-05-01", "2019-05-30")
LAT, LON = (a.ravel() for a in np.meshgrid(np.arange(49.9, 30, -0.4), np.arange(-119.9, -80, 0.4), indexing="ij"))


@pytest.fixture(scope="module")
def observed(small_world):
    return build(CLIMATOLOGY, small_world.sources("target"), Window(), Choice())


def test_a_buffer_hides_what_is_near_a_held_out_location(small_world):
    data = build(RIDGE, small_world.sources(*ALL), Window(), Choice())
    fold = make_folds(data, Split("site", 5, 1, 0.5), SPRING, MAY)[2]
    held, seen = fold.samples["test"].any(axis=0), fold.train.any(axis=0)
    radius = np.radians(0.5) * 6371.0
    apart = distance_km(data.lat[held][:, None], data.lon[held][:, None], data.lat[seen], data.lon[seen])
    assert apart.min() >= radius - 0.1
    nearest = distance_km(data.lat[held][:, None], data.lon[held][:, None], data.lat, data.lon).min(axis=0)
    np.testing.assert_array_equal(seen, nearest >= radius)
    assert not (fold.samples["test_seen_locations"].any(axis=0) & ~seen).any()


def test_nearness_goes_round_the_globe():
    found = near(np.zeros(3), np.array([179.5, -179.5, 175.0]), np.array([True, False, False]), 1.5)
    assert found.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"kind": "year", "buffer_deg": 1.0}, "no buffer"), ({"kind": "site", "buffer_deg": -1.0}, "is none")],
)
def test_a_buffer_that_makes_no_sense_is_refused(changes, words):
    with pytest.raises(ModelError, match=words):
        Split(**changes)


def test_gaps_are_hidden_in_the_test_period_and_the_rest_stays_in_sight(observed):
    fold = make_folds(observed, Split("none"), SPRING, MAY)[0]
    valid, hidden = np.isfinite(observed.satellite.target), fold.samples["test"]
    may = observed.satellite.inputs.time >= np.datetime64(MAY[0])
    assert fold.fill
    assert not hidden[~may].any()
    assert (hidden & valid).sum() == pytest.approx(0.1 * valid[may].sum(), rel=0.25)
    np.testing.assert_array_equal(fold.visible, valid & ~hidden)
    assert len(fold.data.satellite.inputs.time) == np.flatnonzero(~may)[-1] + 1


def test_the_task_to_predict_shows_nothing_that_is_held_out(observed):
    fold = make_folds(observed, Split("site", 4), SPRING, MAY, task="predict")[0]
    assert not fold.fill
    np.testing.assert_array_equal(fold.visible, fold.train)
    held = fold.samples["test"].any(axis=0)
    assert not fold.visible[:, held].any()


def test_tasks_that_do_not_fit_are_refused(observed, small_world):
    blind = build(RIDGE, small_world.sources(*ALL), Window(), Choice())
    with pytest.raises(ModelError, match="does not read the target"):
        make_folds(blind, Split("site"), SPRING, MAY, task="fill")
    with pytest.raises(ModelError, match="no task 'guess'"):
        make_folds(observed, Split("site"), SPRING, MAY, task="guess")


@pytest.fixture(scope="module")
def record(small_world):
    """Observations of 600 days: those of the world again and again."""
    parts = [small_world.target.assign_coords(time=small_world.target.time + n * np.timedelta64(150, "D"))
             for n in range(4)]  # fmt: skip
    target = Source("target", frozenset({"target"}), xr.concat(parts, "time", data_vars="minimal"))
    return build(CLIMATOLOGY, [target], Window(), Choice())


def test_what_calibrates_the_band_is_neither_fitted_nor_scored(record):
    year, last = Window("2019-01-01", "2020-04-30"), ("2020-05-01", "2020-08-22")
    for split, test, task in [("none", last, ""), ("random", None, "predict"), ("none", last, "predict")]:
        fold = make_folds(record, Split(split), year, test, task=task, calibrate=True)[0]
        kept = fold.calibration
        assert kept is not None, (split, task)
        assert kept.values.sum() >= 50
        assert not (kept.values & fold.train).any()
        assert not (kept.values & kept.visible).any()
        assert not any((kept.values & sample).any() for sample in fold.samples.values())
        bare = make_folds(record, Split(split), year, test, task=task)[0]
        assert not (fold.train & ~bare.train).any()
        np.testing.assert_array_equal(fold.samples["test"], bare.samples["test"])


def test_held_back_locations_are_whole_groups_or_those_in_the_buffer():
    split, free, nothing = Split("block", seed=3), LON < -90, np.zeros(len(LAT), bool)
    held = hold_places(split, LAT, LON, free, nothing, 0)
    keys = np.floor(LAT / 2) * 1000 + np.floor(LON / 2)
    assert held is not None
    assert not (held & ~free).any()
    assert set(keys[held & free]).isdisjoint(keys[free & ~held])
    assert held.sum() == pytest.approx(0.1 * free.sum(), rel=0.2)
    buffer = (LON >= -90) & (LON < -88)
    np.testing.assert_array_equal(hold_places(split, LAT, LON, free, buffer, 0), buffer)
    assert hold_places(split, LAT, LON, free & (LAT > 48), nothing, 0) is None


def test_held_back_days_are_a_tenth_and_of_all_seasons():
    time = np.datetime64("2016-01-01", "ns") + np.arange(1096) * np.timedelta64(1, "D")
    held = hold_steps(time, np.ones(1096, bool))
    assert held is not None
    assert held.mean() == pytest.approx(0.1, abs=0.01)
    assert len({str(t)[5:7] for t in time[held]}) >= 9
    runs = np.diff(np.flatnonzero(np.diff(np.r_[0, held.astype(int), 0])))[::2]
    assert set(runs[:-1]) == {10}
    assert hold_steps(time[:15], np.ones(15, bool)) is None


def request(**changes):
    return TrainRequest(**({"model": "ridge", "split": Split("site"), "device": "cpu"} | changes))


def test_inputs_on_disk_give_the_same_weights_and_leave_no_file(small_world, tmp_path):
    hashes = []
    for name, memory in (("memory", None), ("disk", 0)):
        train(request(), small_world.sources(*ALL), tmp_path / name, memory=memory)
        hashes.append(load_checkpoint(tmp_path / name)[1].weights_sha256)
    assert hashes[0] == hashes[1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["disk", "memory"]


def is_on_disk(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def test_folds_of_inputs_on_disk_are_views_or_files(small_world, tmp_path):
    room = Room(tmp_path / "inputs", 0)
    asked = request(split=Split("none"), band=False)
    prepared = prepare(asked, small_world.sources(*ALL), room=room)
    whole, given = prepared.data.satellite.inputs.dynamic, prepared.folds[0].data.satellite.inputs.dynamic
    assert is_on_disk(whole)
    assert np.shares_memory(whole, given)
    assert np.shares_memory(prepared.data.satellite.at(np.arange(5, 12)).target, prepared.data.satellite.target)
    cut = prepare(request(), small_world.sources(*ALL), room=room).folds[0].data.satellite.inputs.dynamic
    assert is_on_disk(cut)


def test_a_room_keeps_to_its_budget(tmp_path):
    room = Room(tmp_path / "r", 1000)
    assert not isinstance(room.array(10, 10), np.memmap)
    assert not isinstance(room.array(10, 15), np.memmap)
    assert isinstance(room.array(1), np.memmap)
    assert [p.stat().st_size for p in (tmp_path / "r").iterdir()] == [4]


def test_a_fold_is_fitted_and_asked_for_its_places_in_process(small_world):
    asked = request()
    prepared = prepare(asked, small_world.sources(*ALL))
    fold = prepared.folds[0]
    model = fit_fold(asked, fold)
    said = predict_places(model, prepared.data, fold)
    members = prepared.data.satellite.members
    wanted = fold.samples["test"].any(axis=0)[members]
    assert said.shape == (150, 319)
    assert np.isfinite(said[:, wanted]).all()
    assert np.isnan(said[:, ~wanted]).all()


def test_a_model_that_learns_nothing_gets_a_checkpoint_with_a_band(small_world, tmp_path):
    result = train(request(model="spline", split=Split("site")), small_world.sources("target"), tmp_path / "m")
    model, card = load_checkpoint(tmp_path / "m")
    assert model.spec.id == "spline"
    band = Band.from_json(card.uncertainty)
    assert "gap_age" in band.names
    assert not band.causal
    overall = [r for r in card.uncertainty["measured"] if r["stratum"] == "all"]
    assert overall
    assert all(0.75 <= row["coverage"] <= 1 for row in overall)
    assert card.uncertainty["climatology"]["mean_width"] > 0
    assert result["bands"] == [json.loads(json.dumps(card.uncertainty))]


def test_scores_in_gaps_are_told_by_the_age_of_the_gap(small_world, tmp_path):
    winter, spring = Window("2019-01-01", "2019-02-15"), ("2019-02-16", "2019-05-30")
    asked = request(model="persistence", split=Split("none"), window=winter, test=spring)
    result = train(asked, small_world.sources("target"), tmp_path / "m")
    rows = {(r["sample"], r["metric"]): r for r in result["scores"]}
    assert rows["test", "pooled_rmsd"]["pairs"] >= rows["test:gap 1 d", "pooled_rmsd"]["pairs"] >= 10
    assert rows["test", "pooled_rmsd"]["value"] > 0
    assert load_checkpoint(tmp_path / "m")[1].split["task"] == "fill"


def test_the_card_says_on_what_and_with_what_it_was_trained(small_world, tmp_path):
    asked = request(split=Split("site", buffer_deg=0.1), window=SPRING, test=MAY, seed=4)
    train(asked, small_world.sources(*ALL), tmp_path / "m")
    card = load_checkpoint(tmp_path / "m")[1]
    assert card.training["processor"]
    assert {"python", "numpy"} <= set(card.training["versions"])
    assert card.training["device"] == "cpu"
    assert card.training["mixed"] is False
    assert card.training["seed"] == 4
    assert card.training["locations"] == len(card.cells["row"])
    assert card.split["buffer_deg"] == 0.1
    assert card.split["test_period"] == list(MAY)
    assert card.split["task"] == "predict"


def test_mixed_precision_on_a_cpu_is_refused():
    with pytest.raises(ModelError, match="CUDA"):
        dataclasses.replace(request(), mixed=True)
