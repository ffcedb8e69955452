"""A run's stability table: windows and slopes by location, and the median of those that the model has not seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore.errors import MatchError
from smcore.models.card import ModelCard
from smcore.models.trained import TrainedOn
from smcore.validation.analyses.base import Findings
from smcore.validation.analyses.drift import COLUMNS, TABLE, Stability
from smcore.validation.estimates import EstimateOptions
from smcore.validation.leakage import seen
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.matching.sample import common_sample
from smcore.validation.matching.sides import side
from smcore.validation.matching.tiles import read_tile
from smcore.validation.score import MEDIAN, ScoreOptions, score

Make = Callable[..., xr.Dataset]
YEARS = 7
DAYS = np.datetime64("2010-01-01", "ns") + np.arange(365 * YEARS) * np.timedelta64(1, "D")
LAT, LON = [40.0, 42.0, 44.0], [10.0, 10.0, 10.0]
OPTIONS = ScoreOptions(EstimateOptions(interval="none", metrics=("bias",)))


@pytest.fixture
def world(make_pixels: Make, make_stations: Make) -> tuple[xr.Dataset, xr.Dataset]:
    """The product at the first station drifts by 0.01 a year; the others hold."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0.25, 0.05, (3, len(DAYS)))
    product = truth + rng.normal(0, 0.01, truth.shape)
    product[0] += 0.01 * np.arange(len(DAYS)) / 365.25
    stations = make_stations(truth, DAYS, LAT, LON, station=list("ABC"))
    return make_pixels(product, DAYS, LAT, LON, time_support="day-mean"), stations


def found(product: xr.Dataset, reference: xr.Dataset, *, size: int = 3, **options: Any) -> Findings:
    matched = match(side(product, "p", half_diagonal_km=20.0), side(reference, "net"), MatchOptions(daily=True))
    guard = seen(matched.places, product.attrs, name="p")
    analysis = Stability((matched,), (guard,), OPTIONS, **options)
    parts = []
    for start in range(0, len(matched.places), size):
        tile = read_tile([matched], np.arange(start, min(start + size, len(matched.places))))
        parts.append(analysis.part(tile, common_sample([block.pairs for block in tile.blocks])))
    return analysis.finish(parts, [score(matched, OPTIONS)])


def slope(table: pd.DataFrame, location: str, metric: str = "bias_slope") -> pd.Series:
    return table[(table["location"] == location) & (table["metric"] == metric)].iloc[0]


def test_a_drift_is_found_where_it_is(world: tuple[xr.Dataset, xr.Dataset]) -> None:
    table = found(*world).tables[TABLE]
    assert tuple(table.columns) == COLUMNS
    assert slope(table, "A")["value"] == pytest.approx(0.1, abs=0.005)
    assert slope(table, "A")["lower"] > 0.09
    assert slope(table, "B")["lower"] < 0 < slope(table, "B")["upper"]
    assert slope(table, "A")["units"] == "m3 m-3 decade-1"
    assert slope(table, "A", "pearson_r_slope")["units"] == "decade-1"
    first = table[(table["location"] == "B") & (table["metric"] == "bias")].iloc[0]
    assert (first["window_start"], first["window_end"], first["n"]) == ("2010-01-01", "2010-12-31", 365)
    difference = (world[0]["sm"].values.astype(float) - world[1]["sm"].values)[:, :365]
    assert first["value"] == pytest.approx(difference[1].mean(), abs=1e-7)
    middle = table[(table["location"] == MEDIAN) & (table["metric"] == "bias")].iloc[0]
    assert middle["value"] == pytest.approx(np.median(difference.mean(axis=1)), abs=1e-7)
    assert middle["n"] == 3


def test_tiles_of_any_size_give_the_same_table(world: tuple[xr.Dataset, xr.Dataset]) -> None:
    pd.testing.assert_frame_equal(found(*world).tables[TABLE], found(*world, size=1).tables[TABLE])


def test_locations_that_the_model_has_seen_are_not_in_the_median(world: tuple[xr.Dataset, xr.Dataset]) -> None:
    card = ModelCard("ridge", "Test", cells={"lat": LAT[1:], "lon": LON[1:]}, period=("2010-01-01", "2011-12-31"),
                     split={"kind": "block"})  # fmt: skip
    product = world[0].assign_attrs(kind="reconstructed", **TrainedOn.of(card).to_attrs())
    table = found(product, world[1]).tables[TABLE]
    assert slope(table, MEDIAN)["value"] == pytest.approx(slope(table, "A")["value"])
    assert slope(table, "B")["seen"] == "yes"
    by_year = TrainedOn.of(ModelCard("ridge", "T", cells=card.cells, period=card.period, split={"kind": "year"}))
    table = found(world[0].assign_attrs(kind="reconstructed", **by_year.to_attrs()), world[1]).tables[TABLE]
    starts = table[(table["location"] == "B") & (table["metric"] == "bias")]["window_start"]
    assert starts.min() > "2011-01-01"
    assert slope(table, "A")["n"] == 7


def test_cells_of_a_grid_and_short_records_are_told_in_a_note(
    world: tuple[xr.Dataset, xr.Dataset], make_cube: Make
) -> None:
    cube = make_cube(np.random.default_rng(0).random(40), DAYS[:40], time_support="day-mean")
    result = found(cube, cube, size=24)
    assert result.tables[TABLE].empty
    assert result.notes == ("stability of p is given at stations and pixels, not for the cells of a grid",)
    short = [one.isel(time=slice(0, 100)) for one in world]
    result = found(*short)
    assert result.notes == ("stability of p: the common period is shorter than 365 days",)
    assert set(result.tables[TABLE]["status"]) == {"too_few"}


def test_other_units_leave_what_needs_no_unit(world: tuple[xr.Dataset, xr.Dataset]) -> None:
    world[0]["sm"].attrs["units"] = "%"
    metrics = set(found(*world).tables[TABLE]["metric"])
    assert metrics == {"pearson_r", "pearson_r_slope"}


@pytest.mark.parametrize("wrong", [{"metrics": ("charm",)}, {"window_days": 0}, {"step_days": 0}])
def test_windows_and_metrics_that_there_are_not_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(MatchError):
        Stability((), (), OPTIONS, **wrong)
