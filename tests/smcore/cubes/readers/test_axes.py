"""Axes of files turned to ours: property tests on made axes, with the coordinates as values of the field."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smcore.cubes.readers._axes import FieldAxes, place
from smcore.errors import GridMismatch
from smcore.grids import ease, wrap_longitude

STEPS = st.sampled_from([5.0, 1.0, 0.25, 0.1, 1 / 112])


@settings(max_examples=60, deadline=None)
@given(
    step=STEPS,
    rows=st.integers(1, 7),
    columns=st.integers(2, 12),
    west=st.integers(-36000, 36000),
    north=st.integers(-40, 80),
    ascending=st.booleans(),
    turn=st.sampled_from(["-180…180", "0…360", "as it is"]),
    backwards=st.booleans(),
)
def test_every_value_lands_at_its_own_coordinates(
    step: float, rows: int, columns: int, west: int, north: int, ascending: bool, turn: str, backwards: bool
) -> None:
    lat = north - step * np.arange(rows)
    lon = west / 100 % 360 - 180 + step * np.arange(columns)
    lat = lat[::-1] if ascending else lat
    lon = lon[::-1] if backwards else lon
    stored_lon = {"0…360": lon % 360, "-180…180": wrap_longitude(lon), "as it is": lon}[turn]
    placement = place(lat, stored_lon)
    grid = placement.grid
    field = np.stack(np.meshgrid(lat, wrap_longitude(lon), indexing="ij"))
    placed_lat, placed_lon = placement(field)
    assert placed_lat.shape == grid.shape
    assert (np.diff(grid.lat) < 0).all()
    assert (np.diff(grid.lon) > 0).all()
    assert -180 <= grid.lon[0] < 180
    np.testing.assert_allclose(placed_lat, np.broadcast_to(grid.lat[:, None], grid.shape), atol=0.02 * step)
    apart = np.abs(wrap_longitude(placed_lon - grid.lon[None, :]))
    assert apart.max() <= 0.02 * step


@pytest.mark.parametrize("step", [5.0, 1.0, 0.25])
def test_a_global_axis_from_0_to_360_begins_at_minus_180(step: float) -> None:
    lon = np.arange(0, 360, step)
    placement = place(np.arange(90, -90 - step / 2, -step), lon)
    assert placement.grid.lon[0] == -180
    assert placement.grid.is_global
    np.testing.assert_array_equal(placement(wrap_longitude(lon)[None, :])[0], placement.grid.lon)


def test_a_column_given_at_both_0_and_360_counts_once() -> None:
    placement = place([1.0, 0.0], np.arange(0, 361, 1.0))
    assert placement.grid.shape == (2, 360)


@pytest.mark.parametrize("lon", [[359.9, 0.0, 0.1], [359.9, 0.0], [0.0, 359.9], [0.1, 0.0, 359.9]])
def test_a_narrow_region_across_greenwich_stays_in_one_piece(lon: list[float]) -> None:
    got = place([1.0, 0.9], lon).grid.lon
    np.testing.assert_allclose(got, np.arange(len(lon)) * 0.1 - 0.1, atol=1e-9)


def test_a_region_across_the_dateline_stays_in_one_piece() -> None:
    placement = place([1.0, 0.0], [178.0, 179.0, -180.0, -179.0])
    assert placement.grid.lon.tolist() == [178.0, 179.0, 180.0, 181.0]
    assert placement.columns is None


@pytest.mark.parametrize("name", ["M36", "M25", "M09", "M03"])
def test_rows_and_columns_of_an_ease_grid_are_told_from_their_centres(name: str) -> None:
    whole = ease(name)
    part = whole.cut(slice(10, 60), slice(5, 40))
    # float32 degrees, south to north, 0…360: as files in the wild have them
    placement = place(part.lat[::-1].astype(np.float32), (part.lon % 360).astype(np.float32))
    assert (placement.grid.name, placement.grid.row0, placement.grid.col0) == (name, 10, 5)
    assert placement.grid.same_as(part)
    assert placement.flipped


def test_the_step_of_a_1_112_degree_grid_is_made_exact() -> None:
    # as CGLS files have it: centres rounded to 8 decimals
    lat, lon = np.round(45 - (np.arange(448) + 0.5) / 112, 8), np.round(-1 + (np.arange(448) + 0.5) / 112, 8)
    grid = place(lat, lon).grid
    assert grid.step[0] == pytest.approx(1 / 112, rel=1e-12)
    assert grid.lat[0] == 45 - 0.5 / 112


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        ([3.0, 2.0, 0.0], [0.0, 1.0, 2.0]),
        ([2.0, 1.0], [0.0, 1.0, 3.0, 3.5]),
        ([95.0, 94.0], [0.0, 1.0]),
        ([2.0, np.nan], [0.0, 1.0]),
        ([[1.0, 2.0]], [0.0, 1.0]),
        ([1.0], [2.0]),
        ([], [0.0, 1.0]),
    ],
)
def test_axes_that_are_no_grid_are_refused(lat: list[float], lon: list[float]) -> None:
    with pytest.raises(GridMismatch):
        place(lat, lon)


def test_a_single_cell_takes_the_step_that_is_given() -> None:
    assert place([1.0], [200.0], step=0.1).grid.lon.tolist() == [-160.0]


@given(order=st.permutations(["time", "lat", "lon", "member"]))
def test_the_axes_of_a_field_may_come_in_any_order(order: list[str]) -> None:
    sizes = {"time": 4, "lat": 2, "lon": 3, "member": 1}
    field = np.arange(24).reshape(4, 2, 3)
    stored = field[..., np.newaxis].transpose([["time", "lat", "lon", "member"].index(dim) for dim in order])
    axes = FieldAxes.of(order, [sizes[dim] for dim in order], "time", "lat", "lon")
    np.testing.assert_array_equal(axes(stored[axes.index(slice(1, 3))]), field[1:3])


def test_a_field_with_a_long_further_axis_is_refused_by_its_name() -> None:
    with pytest.raises(GridMismatch, match="depth"):
        FieldAxes.of(["time", "depth", "lat", "lon"], [1, 4, 2, 2], "time", "lat", "lon")
