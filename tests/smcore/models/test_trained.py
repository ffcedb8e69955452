"""What a model was trained on goes from the card into its product's attributes and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smcore.errors import ModelError, WeightsError
from smcore.grids import ease
from smcore.models.card import ModelCard
from smcore.models.trained import ATTRIBUTE, TrainedOn, cells_of_runs, coarse_cells, runs_text, spans_of


def card(**fields):
    return ModelCard("ridge", "Test", **fields)


def test_the_record_survives_the_attributes():
    record = TrainedOn.of(
        card(
            cells={"grid": "M36", "row": [82, 82, 82, 90], "col": [214, 215, 217, 3]},
            stations=["NET/A b/0-0.05/probe, new"],
            station_places={"lat": [34.0], "lon": [-105.0]},
            spans=[["2018-01-01", "2018-12-31"], ["2020-01-01", "2020-06-30"]],
            split={"kind": "year", "folds": 3},
            data=[{"id": "smap", "role": "target", "fingerprint": "f", "inputs": "smap", "synthetic": True}],
        )
    )
    attrs = record.to_attrs()
    assert json.loads(attrs[ATTRIBUTE])["cells"] == "82:214-215,217 90:3"
    again = TrainedOn.from_attrs(attrs)
    assert again is not None
    np.testing.assert_array_equal(again.cells, [[82, 214], [82, 215], [82, 217], [90, 3]])
    np.testing.assert_array_equal(again.station_cells, coarse_cells([34.0], [-105.0]))
    assert (again.stations, again.split) == (("NET/A b/0-0.05/probe, new",), "year")
    assert again.spans == (("2018-01-01", "2018-12-31"), ("2020-01-01", "2020-06-30"))
    assert again.data == ({"id": "smap", "role": "target", "fingerprint": "f", "inputs": "smap"},)


@pytest.mark.parametrize(("name", "factor"), [("M09", 4), ("M03", 12), ("M01", 36)])
def test_finer_cells_belong_to_the_coarse_cell_that_they_nest_in(name, factor):
    rng = np.random.default_rng(3)
    rows, columns = ease(name).shape
    row, column = rng.integers(0, rows, 50), rng.integers(0, columns, 50)
    cells = TrainedOn.of(card(cells={"grid": name, "row": row.tolist(), "col": column.tolist()})).cells
    assert {tuple(c) for c in cells.tolist()} == set(zip(row // factor, column // factor, strict=True))


def test_target_points_of_no_grid_are_put_on_the_coarse_grid():
    cells = TrainedOn.of(card(cells={"lat": [34.0, 34.01, -20.0], "lon": [-105.0, -105.0, 20.0]})).cells
    assert len(cells) == 2


def test_a_card_without_days_counts_as_trained_on_its_whole_period():
    assert TrainedOn.of(card(period=("2015-04-01", "2016-03-31"))).spans == (("2015-04-01", "2016-03-31"),)
    assert TrainedOn.of(card()).spans == ()


def test_short_gaps_do_not_end_a_stretch_and_a_held_out_year_does():
    days = np.datetime64("2018-01-01") + np.arange(1096)
    used = np.zeros(1096, bool)
    used[0:365:3] = True  # an overpass every third day
    used[730:1096] = True
    assert spans_of(days, used) == [["2018-01-01", "2018-12-30"], ["2020-01-01", "2020-12-31"]]
    assert spans_of(days, np.zeros(1096, bool)) == []


def test_runs_are_the_same_cells_again():
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, [406, 964], (3000, 2)), axis=0)
    np.testing.assert_array_equal(cells_of_runs(runs_text(cells)), cells)
    assert cells_of_runs("").shape == (0, 2)


@pytest.mark.parametrize(
    "change",
    [{"cells": "82:x"}, {"cells": "9999:1"}, {"days": [["never", "2018-01-01"]]}, {"days": 3}, {"data": [1]}],
)
def test_a_damaged_record_is_an_error_and_none_at_all_is_none(change):
    attrs = TrainedOn.of(card()).to_attrs()
    assert TrainedOn.from_attrs({"title": "x"}) is None
    broken = json.dumps(json.loads(attrs[ATTRIBUTE]) | change)
    for text in (broken, "no json"):
        with pytest.raises(ModelError, match="can't be read"):
            TrainedOn.from_attrs({ATTRIBUTE: text})


@pytest.mark.parametrize("fields", [{"cells": {"grid": "M36", "row": [9999], "col": [0]}}, {"spans": [["2018-01-01"]]}])
def test_a_card_with_impossible_cells_or_days_is_refused(fields):
    with pytest.raises(WeightsError, match="can't be read"):
        TrainedOn.of(card(**fields))
