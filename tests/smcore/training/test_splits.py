"""Splits keep what belongs together on one side, and hide what they say."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.errors import ModelError
from smcore.training.splits import SPLITS, Split, held_out, location_parts

LAT, LON = (a.ravel() for a in np.meshgrid(np.arange(49.9, 30, -0.4), np.arange(-119.9, -80, 0.4), indexing="ij"))
TIME = np.datetime64("2015-04-01", "ns") + np.arange(731) * np.timedelta64(1, "D")


def test_every_location_is_held_out_once():
    for kind in ("site", "block", "region"):
        parts = location_parts(Split(kind, 5), LAT, LON)
        assert set(parts) == set(range(5))
        hidden = [held_out(Split(kind, 5), fold, TIME, parts, (731, len(LAT))) for fold in range(5)]
        np.testing.assert_array_equal(np.sum(hidden, axis=0), 1)


def test_blocks_of_two_degrees_stay_together():
    parts = location_parts(Split("block", 5), LAT, LON)
    keys = np.floor(LAT / 2) * 1000 + np.floor(LON / 2)
    for key in np.unique(keys):
        assert len(set(parts[keys == key])) == 1


def test_sites_of_one_coarse_cell_stay_together():
    rng = np.random.default_rng(0)
    lat, lon = 40 + rng.uniform(0, 3, 300), -100 + rng.uniform(0, 3, 300)
    from smcore.grids import ease

    parts = location_parts(Split("site", 4), lat, lon)
    row, column = ease("M36").index(lat, lon)
    for cell in {*zip(row, column, strict=True)}:
        assert len(set(parts[(row == cell[0]) & (column == cell[1])])) == 1


def test_regions_are_contiguous():
    parts = location_parts(Split("region", 5), LAT, LON)
    middles = np.array([[LAT[parts == p].mean(), LON[parts == p].mean()] for p in range(5)])
    nearest = ((LAT[:, None] - middles[:, 0]) ** 2 + (0.77 * (LON[:, None] - middles[:, 1])) ** 2).argmin(1)
    assert (nearest == parts).mean() > 0.9


def test_without_folds_one_fifth_is_held_out():
    for kind in ("random", "site", "block"):
        split = Split(kind)
        parts = location_parts(split, LAT, LON) if split.by_location else np.zeros(len(LAT), int)
        share = held_out(split, 0, TIME[:50], parts, (50, len(LAT))).mean()
        assert 0.13 < share < 0.27


def test_random_folds_cover_every_value_once():
    split = Split("random", 3, seed=4)
    hidden = [held_out(split, fold, TIME, np.zeros(5, int), (731, 5)) for fold in range(3)]
    np.testing.assert_array_equal(np.sum(hidden, axis=0), 1)


def test_a_year_is_twelve_months_from_the_first_day():
    hidden = held_out(Split("year"), 0, TIME, np.zeros(2, int), (731, 2))
    days = TIME[hidden[:, 0]]
    assert str(days[0])[:10] == "2016-04-01"
    assert str(days[-1])[:10] == "2017-03-31"


def test_folds_by_year_take_each_year_in_turn():
    hidden = [held_out(Split("year", 2), fold, TIME, np.zeros(1, int), (731, 1))[:, 0] for fold in range(2)]
    assert not (hidden[0] & hidden[1]).any()
    assert (hidden[0] | hidden[1]).all()


@pytest.mark.parametrize("folds", [1, 3])
def test_too_short_a_period_for_years_is_said(folds):
    with pytest.raises(ModelError, match="periods of twelve months can't give"):
        held_out(Split("year", folds), 0, TIME[:200], np.zeros(1, int), (200, 1))


def test_too_few_groups_and_unknown_splits_are_said():
    with pytest.raises(ModelError, match="can't be cut into 5 parts"):
        location_parts(Split("block", 5), np.array([40.0, 40.1]), np.array([-100.0, -100.1]))
    with pytest.raises(ModelError, match=r"lie in 2 squares of 2°.*\(--split block.*a larger area"):
        location_parts(Split("block", 1), np.array([40.0, 40.1]), np.array([-100.0, -100.1]))
    with pytest.raises(ModelError, match="no split 'lucky'"):
        Split("lucky")
    with pytest.raises(ModelError, match="can't be made"):
        Split("site", 0)


def test_the_same_seed_gives_the_same_parts_and_another_seed_others():
    one, two = (location_parts(Split("site", 5, seed=7), LAT, LON) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (one != location_parts(Split("site", 5, seed=8), LAT, LON)).any()


def test_no_split_hides_nothing():
    assert "none" in SPLITS
    assert not held_out(Split("none"), 0, TIME, np.zeros(3, int), (731, 3)).any()
