"""What is hidden from models, and what is scored."""

from __future__ import annotations

import numpy as np

from benchmarks.systems import scenes
from benchmarks.systems.hiding import hidden, near_strip, trained
from benchmarks.systems.scenes import SCENES


def grid_of(scene, *, days=40):
    time = np.arange(np.datetime64(scene.train[1]) - days, np.datetime64(scene.test[0]) + days)
    lat, lon = (a.ravel() for a in np.meshgrid(np.linspace(30, 38, 9), np.linspace(-102.5, -91.5, 45), indexing="ij"))
    return time, lat, lon, np.random.default_rng(0).random((len(time), len(lat))).astype(np.float32)


def test_nothing_within_two_degrees_of_a_scored_cell_is_learnt_from_nor_any_day_of_the_test():
    scene = SCENES["predict-9"]
    time, lat, lon, observed = grid_of(scene)
    learnt = trained(scene, 0, time, lat, lon, observed)
    scored = np.flatnonzero(lon > scenes.STRIP)
    used = np.flatnonzero(learnt.any(axis=0))
    phi, theta = np.radians(lat), np.radians(lon)
    cosine = np.sin(phi[used])[:, None] * np.sin(phi[scored]) + np.cos(phi[used])[:, None] * np.cos(
        phi[scored]
    ) * np.cos(theta[used][:, None] - theta[scored])
    assert np.degrees(np.arccos(cosine)).min() > 0.99 * scenes.BUFFER_DEG
    assert not learnt[time >= np.datetime64(scene.test[0])].any()
    assert near_strip(lat, lon)[scored].all()


def test_fill_hides_parts_of_test_days_and_shows_the_rest():
    scene = SCENES["fill-9"]
    time, lat, lon, observed = grid_of(scene)
    observed[np.random.default_rng(1).random(len(time)) < 0.5, : len(lat) // 2] = np.nan
    gone = hidden(scene, 0, time, lat, lon, observed)
    test = time >= np.datetime64(scene.test[0])
    share = gone[test].sum() / np.isfinite(observed[test]).sum()
    assert 0.1 < share < 0.4
    assert not (gone & ~np.isfinite(observed)).any()
    assert not trained(scene, 0, time, lat, lon, observed)[test].any()


def test_a_random_split_hides_the_same_values_whoever_lists_the_places():
    """A model is given cells with all inputs only, the scores are of all cells: both must hide the same."""
    scene = SCENES["predict-9-random"]
    time, lat, lon, observed = grid_of(SCENES["predict-9"], days=60)
    gone = hidden(scene, 0, time, lat, lon, observed)
    some = np.flatnonzero(np.random.default_rng(4).random(len(lat)) < 0.7)[::-1]
    np.testing.assert_array_equal(hidden(scene, 0, time[7:], lat[some], lon[some], observed[7:, some]), gone[7:, some])
    assert abs(gone.mean() - scenes.VALUES_SHARE) < 0.01
    assert 0.1 < gone.mean(axis=0).min() < gone.mean(axis=0).max() < 0.4
    assert 0.1 < gone.mean(axis=1).min() < gone.mean(axis=1).max() < 0.3


def test_the_block_split_learns_from_the_scored_year_elsewhere_and_shares_its_weights_with_the_unseen_year():
    block, unseen = SCENES["predict-9-block"], SCENES["predict-9"]
    time, lat, lon, observed = grid_of(unseen, days=60)
    learnt = trained(block, 0, time, lat, lon, observed)
    np.testing.assert_array_equal(learnt, trained(unseen, 0, time, lat, lon, observed))
    assert learnt[time == np.datetime64(block.test[1])].any()
    assert not (learnt & near_strip(lat, lon)).any()


def test_what_the_band_is_calibrated_on_is_neither_learnt_nor_scored():
    scene = SCENES["fill-9"]
    assert scene.calibration is not None
    assert scene.calibration.test[1] < scene.test[0]
    assert SCENES["w-australia"].calibration is None


def test_each_pixel_is_held_out_in_one_fold():
    scene = SCENES["conus-pixels"]
    lat, lon = np.linspace(30, 45, 60), np.linspace(-120, -75, 60)
    time = np.arange(np.datetime64(scene.train[0]), np.datetime64(scene.train[0]) + 3)
    observed = np.ones((3, 60), np.float32)
    held = sum(hidden(scene, fold, time, lat, lon, observed)[0].astype(int) for fold in range(scene.folds))
    np.testing.assert_array_equal(held, np.ones(60))
