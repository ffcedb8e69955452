"""What a model was trained on is no test of it: seen places and days, inputs and targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smcore.grids import ease
from smcore.inference import predict, stitch
from smcore.models.card import ModelCard
from smcore.models.trained import ATTRIBUTE, TrainedOn
from smcore.models.weights import load_checkpoint
from smcore.training.run import TrainRequest, train
from smcore.training.splits import Split
from smcore.validation.leakage import (
    HELD_OUT,
    INDEPENDENT,
    NOT_INDEPENDENT,
    UNKNOWN,
    independence,
    seen,
    without_seen,
)
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.matching.pairing import NO_TIME, Pairs
from smcore.validation.matching.places import Places
from smcore.validation.matching.sides import side
from smcore.validation.matching.times import DAY
from smcore.validation.score import score
from smcore.window import Window

GRID = ease("M36")
ROW, COLUMN = 90, 200
SMAP = {"id": "smap", "role": "target", "fingerprint": "print-of-smap", "inputs": "smap"}
RAIN = {"id": "rain", "role": "forcing", "fingerprint": "print-of-rain", "inputs": "nldas"}
ISMN = {"id": "ismn", "role": "stations", "fingerprint": "print-of-ismn", "inputs": "ismn"}


def product(split: str = "random", **fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "cells": {"grid": "M36", "row": [ROW], "col": [COLUMN]},
        "period": ("2018-01-01", "2018-12-31"),
        "data": [SMAP, RAIN],
        "split": {"kind": split},
    }
    card = ModelCard("ridge", "Test", **(known | fields))
    inputs = {"inputs": "nldas smap", "input_data": json.dumps([{"id": "rain", "fingerprint": "print-of-rain"}])}
    return {"kind": "reconstructed"} | inputs | TrainedOn.of(card).to_attrs()


def places(lat: list[float], lon: list[float], sensor: list[str] | None = None) -> Places:
    count = len(lat)
    nothing = np.full(count, np.nan)
    ids = np.array(sensor or [f"NET/S{i}/0-0.05/probe" for i in range(count)])
    return Places(np.array(lat), np.array(lon), nothing, nothing, nothing, ids, ids, np.full(count, "NET"))


def days(first: str, count: int) -> np.ndarray:
    start = np.datetime64(first, "us").astype(np.int64)
    return start + np.arange(count, dtype=np.int64) * DAY


def corner(row: int, column: int, at: float) -> tuple[float, float]:
    """A point inside a cell, `at` of the way from its north-west to its south-east corner."""
    north, south = GRID.lat_edges[row : row + 2]
    west, east = GRID.lon_edges[column : column + 2]
    return float(north + at * (south - north)), float(west + at * (east - west))


def test_every_place_within_the_trained_cell_is_seen_and_its_neighbours_are_not():
    inside = [corner(ROW, COLUMN, at) for at in (0.01, 0.5, 0.99)]
    outside = [corner(ROW, COLUMN + 1, 0.01), corner(ROW - 1, COLUMN, 0.99)]
    lat, lon = zip(*inside, *outside, strict=True)
    guard = seen(places(list(lat), list(lon)), product(), name="lstm")
    assert guard.location.tolist() == [True, True, True, False, False]
    assert guard.reason[0] == f"its 36 km cell (M36 {ROW},{COLUMN}) was trained on"
    assert guard.reason[3] == ""
    assert guard.sentence.startswith("lstm was trained on 1 cells of M36, 2018-01-01 to 2018-12-31: 3 of 5 locations")


def test_a_station_in_the_cell_of_a_training_station_is_seen_although_its_own_name_is_new():
    near, far = corner(10, 300, 0.2), corner(11, 300, 0.2)
    attrs = product(
        cells={}, stations=["A/old/0-0.05/x"],
        station_places={"lat": [corner(10, 300, 0.9)[0]], "lon": [corner(10, 300, 0.9)[1]]},
    )  # fmt: skip
    guard = seen(places([near[0], far[0]], [near[1], far[1]], ["B/new/0-0.05/y", "B/other/0-0.05/y"]), attrs)
    assert guard.location.tolist() == [True, False]
    assert guard.reason[0] == "a station of its 36 km cell (M36 10,300) was trained on"


def test_a_card_without_places_of_its_stations_finds_them_in_the_reference():
    here, beside, far = corner(10, 300, 0.2), corner(10, 300, 0.8), corner(20, 300, 0.8)
    lat, lon = zip(here, beside, far, strict=True)
    attrs = product(cells={}, stations=["A/one/0-0.05/x"])
    guard = seen(places(list(lat), list(lon), ["A/one/0-0.05/x", "A/two/0-0.05/x", "A/three/0-0.05/x"]), attrs)
    assert guard.location.tolist() == [True, True, False]
    assert guard.reason[0] == "it was trained on"


@pytest.mark.parametrize(
    ("split", "expected"),
    [("year", 366), ("random", 366), ("none", 366), ("block", 731), ("site", 731), ("region", 731)],
)
def test_held_out_years_are_a_test_but_other_years_of_a_seen_place_are_none_where_places_were_held_out(split, expected):
    time = days("2018-12-31", 367)[None].repeat(2, axis=0)  # one trained day, then 366 others
    lat, lon = corner(ROW, COLUMN, 0.5)
    guard = seen(places([lat, 10.0], [lon, 10.0]), product(split))
    mask = guard.of_pairs(np.array([0, 1]), time)
    assert not mask[1].any()
    assert mask[0].sum() == (1 if expected == 366 else 367)
    values = np.full(time.shape, 0.2)
    pairs = Pairs(
        values, values, time, time, np.full(time.shape, -1, np.int8), {}, {"source": np.ones(time.shape, np.int8)}
    )
    kept, left_out = without_seen(pairs, np.array([0, 1]), guard)
    assert left_out.tolist() == [mask[0].sum(), 0]
    assert kept.count.tolist() == [367 - mask[0].sum(), 367]
    assert guard.column(pairs.count, kept.count).tolist() == ["partly" if expected == 366 else "yes", "no"]
    if expected == 366:
        np.testing.assert_array_equal(kept.product_time[0, :366], time[0, 1:])
        assert kept.product_time[0, 366] == NO_TIME
        assert np.isnan(kept.product[0, 366])
        assert kept.labels["source"][0, 366] == -1


def test_without_anything_seen_the_pairs_stay_the_same_object():
    time = days("2018-01-01", 3)[None]
    pairs = Pairs(np.ones((1, 3)), np.ones((1, 3)), time, time, np.full((1, 3), -1, np.int8), {})
    kept, left_out = without_seen(pairs, np.array([0]), seen(places([0.0], [0.0]), product()))
    assert kept is pairs
    assert left_out.tolist() == [0]


@pytest.mark.parametrize("kind", ["observed", "modelled", "reference"])
def test_products_that_learnt_nothing_have_seen_nothing(kind):
    guard = seen(places([0.0], [0.0]), {"kind": kind})
    assert guard.is_known
    assert (guard.sentence, guard.location.any()) == ("", False)
    baseline = TrainedOn.of(ModelCard("spline", "Spline")).to_attrs()
    assert seen(places([0.0], [0.0]), {"kind": "reconstructed"} | baseline).is_known


@pytest.mark.parametrize("attrs", [{"kind": "reconstructed"}, {"kind": "downscaled", ATTRIBUTE: "{}"}])
def test_a_product_that_does_not_say_or_says_nonsense_is_unknown_and_is_no_error(attrs):
    guard = seen(places([0.0], [0.0]), attrs, name="lstm")
    assert not guard.is_known
    assert guard.sentence.startswith("lstm")
    assert guard.column(np.array([5]), np.array([5])).tolist() == ["unknown"]
    assert not guard.location.any()


def test_places_without_coordinates_or_off_the_grid_are_unseen():
    guard = seen(places([np.nan, 89.9], [0.0, 0.0]), product())
    assert guard.location.tolist() == [False, False]


def test_the_training_target_is_a_test_only_where_it_was_hidden_or_not_trained_on():
    smap = {"kind": "observed", "inputs": "smap"}
    plain = independence(product(), smap, product_id="lstm", reference_id="smap")
    assert plain.status == NOT_INDEPENDENT
    assert plain.sentence == "not independent: lstm and smap (it is its training target); hide cells to test it"
    assert independence(product(), smap, reference_id="smap", hidden=True).status == HELD_OUT
    assert independence(product(), smap, reference_id="smap", unseen=True).status == HELD_OUT
    renamed = independence(product(), smap, reference_id="copy", fingerprint="print-of-smap")
    assert renamed.links == ("it is its training target",)


def test_an_input_stays_dependent_on_unseen_pairs_too():
    rain = {"kind": "forcing", "inputs": "nldas"}
    assert independence(product(), rain, reference_id="rain", unseen=True).status == NOT_INDEPENDENT
    assert independence(product(), rain, reference_id="rain", hidden=True).status == HELD_OUT
    filled = {"kind": "reconstructed", "inputs": "smap", "input_data": json.dumps([{"id": "smap", "fingerprint": ""}])}
    spline = filled | TrainedOn.of(ModelCard("spline", "Spline")).to_attrs()
    assert independence(spline, {"inputs": "smap"}, reference_id="smap", unseen=True).status == NOT_INDEPENDENT


def test_a_shared_family_ties_two_products_and_a_target_family_only_its_seen_pairs():
    other = {"kind": "modelled", "inputs": "nldas gldas"}
    tied = independence(product(), other, product_id="lstm", reference_id="noah")
    assert (tied.status, tied.links) == (NOT_INDEPENDENT, ("both rest on nldas",))
    finer = {"kind": "observed", "inputs": "smap"}
    assert independence(product(), finer, reference_id="smap-9").status == NOT_INDEPENDENT
    assert independence(product(), finer, reference_id="smap-9", unseen=True).status == HELD_OUT
    assert independence(product(), {"inputs": "era5"}).status == INDEPENDENT


def test_stations_that_were_learnt_from_are_a_test_at_the_others():
    attrs = product(data=[SMAP, RAIN, ISMN]) | {"inputs": "nldas smap ismn"}
    told = independence(attrs, {"kind": "stations", "inputs": "ismn"}, product_id="lstm", reference_id="ismn")
    assert told.status == HELD_OUT
    assert told.sentence == "lstm and ismn (some of its stations were trained on): the locations it has seen are marked"
    other = independence(attrs, {"kind": "stations", "inputs": "ismn"}, reference_id="another-download")
    assert other.status == HELD_OUT


def test_silence_is_not_independence():
    told = independence({"kind": "modelled"}, {"inputs": "smap"}, product_id="mine", reference_id="smap")
    assert (told.status, told.sentence) == (UNKNOWN, "nothing says what went into mine")
    damaged = {"inputs": "smap", "input_data": "not json", ATTRIBUTE: "neither"}
    assert independence(damaged, {"inputs": "smap"}).status == NOT_INDEPENDENT


def test_from_training_to_the_table_a_station_in_a_held_out_cell_is_the_only_fair_one(
    small_world: Any, tmp_path: Path
) -> None:
    """Train on four fifths of the cells, predict everywhere, score at the stations."""
    train(
        TrainRequest("ridge", split=Split("site"), device="cpu"),
        small_world.sources("target", "forcing", "static"),
        tmp_path / "model",
    )
    model, card = load_checkpoint(tmp_path / "model")
    plan, tiles = predict(model, small_world.sources("forcing", "static"), Window(), device="cpu")
    predicted = side(stitch(tiles, plan, card, Window()), "ridge")
    found = score(match(predicted, side(small_world.stations, "net"), MatchOptions(daily=True)))
    trained = set(zip(card.cells["row"], card.cells["col"], strict=True))
    places = found.matched.places
    cells = zip(*(index.tolist() for index in GRID.index(places.lat, places.lon)), strict=True)
    expected = ["yes" if cell in trained else "no" for cell in cells]
    assert found.seen.tolist() == expected
    assert {"yes", "no"} == set(expected)
    fair = np.array(expected) == "no"
    assert found.pooled["n"].value == found.n[fair].sum()
    assert found.median["bias"].n == fair.sum()
    assert found.with_seen is not None
    assert found.with_seen[0]["n"].value == found.n.sum()
    told = independence(predicted.dataset.attrs, small_world.target.attrs, reference_id="target")
    assert told.status == NOT_INDEPENDENT
