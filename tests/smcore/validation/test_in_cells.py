"""Cells scored beside their sensors: which rows there are, and that nothing but the reference differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smcore.errors import MatchError, StoreError
from smcore.grids import ease
from smcore.validation.analyses.base import Findings
from smcore.validation.analyses.in_cells import TABLE, InCells
from smcore.validation.estimates import EstimateOptions
from smcore.validation.matching.match import Match, MatchOptions, match
from smcore.validation.matching.sample import common_sample
from smcore.validation.matching.sides import Side, side
from smcore.validation.matching.tiles import read_tile
from smcore.validation.score import MEDIAN, ScoreOptions, score

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 104), slice(200, 206))
DAYS = np.datetime64("2020-01-01", "ns") + np.arange(60) * np.timedelta64(1, "D")
OPTIONS = ScoreOptions(EstimateOptions(interval="none", metrics=("bias", "pearson_r")))
MATCHING = MatchOptions(daily=True)


@pytest.fixture
def sides(make_cube: Make, make_stations: Make) -> tuple[Side, Side]:
    """Two stations in one cell and one in another; the cube is what the first cell's mean is, plus 0.01."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0.25, 0.05, 60)
    noise = rng.normal(0, 0.03, 60)
    cube = side(make_cube(truth + 0.01, DAYS, time_support="day-mean"), "cube")
    lat, lon = [GRID.lat[1], GRID.lat[1] + 0.02, GRID.lat[3]], [GRID.lon[2], GRID.lon[2], GRID.lon[4]]
    values = np.stack([truth + noise, truth - noise, truth])
    return cube, side(make_stations(values, DAYS, lat, lon, station=["a", "b", "c"]), "net")


def found(matched: Match, *, size: int = 3, **known: Any) -> Findings:
    analysis = InCells((matched,), OPTIONS, MATCHING, known.pop("method", "mean"), **known)
    parts = []
    for start in range(0, len(matched.places), size):
        tile = read_tile([matched], np.arange(start, min(start + size, len(matched.places))))
        parts.append(analysis.part(tile, common_sample([block.pairs for block in tile.blocks])))
    return analysis.finish(parts, [score(matched, OPTIONS)])


@pytest.mark.parametrize("size", [1, 3])
def test_cells_have_rows_of_their_own_with_what_they_are_made_of(sides: tuple[Side, Side], size: int) -> None:
    result = found(match(*sides, MATCHING), size=size)
    table = result.tables[TABLE]
    cells = table[(table["metric"] == "pearson_r") & ~table["location"].str.startswith("*")].set_index("location")
    assert cells.index.tolist() == ["cell 101,202", "cell 103,204"]
    assert cells["value"].tolist() == pytest.approx([1, 1], abs=1e-6)  # the noise of the two stations cancels
    assert cells["stations"].tolist() == [2, 1]
    median = table[(table["metric"] == "bias") & (table["location"] == MEDIAN)].iloc[0]
    assert (median["n"], median["value"]) == (2, pytest.approx(0.01, abs=1e-6))
    (said,) = result.notes
    assert said.startswith(
        "cube: upscaled to 2 cells of cube from 3 sensors at 3 stations (1 of the cells hold several)"
    )
    assert said.endswith(": stations weighted alike, differences of level between sensors taken out")
    record = result.record["products"][0]
    assert (record["cells"], record["stations"], record["sensors"]) == (2, 3, 3)


def test_stations_may_be_the_product(sides: tuple[Side, Side]) -> None:
    table = found(match(sides[1], sides[0], MATCHING)).tables[TABLE]
    bias = table[(table["metric"] == "bias") & (table["location"] == "cell 101,202")]["value"].iloc[0]
    assert bias == pytest.approx(-0.01, abs=1e-6)


def test_what_can_not_be_read_is_a_note_and_leaves_the_sensors_alone(sides: tuple[Side, Side]) -> None:
    from dataclasses import replace

    matched = match(*sides, MATCHING)

    def broken(name: str, where: Any, steps: slice) -> Any:
        raise StoreError("The file is damaged")

    result = found(replace(matched, reference=replace(matched.reference, fetch=broken)))
    assert result.tables[TABLE].empty
    assert result.notes == ("cube could not be scored by cells: The file is damaged",)


def test_maps_against_maps_and_unknown_methods_are_refused(sides: tuple[Side, Side]) -> None:
    cube, _ = sides
    with pytest.raises(MatchError, match="Upscaling needs stations against cells"):
        InCells((match(cube, cube, MATCHING),), OPTIONS, MATCHING, "mean")
    for wrong in ("none", "median"):
        with pytest.raises(MatchError, match="There is no upscaling"):
            InCells((match(*sides, MATCHING),), OPTIONS, MATCHING, wrong)
