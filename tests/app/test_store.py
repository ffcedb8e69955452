"""The store: what follows from a selection is what the library gives, and one product's fault costs no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from factories import catalogue, tiny_cube, tiny_stations
from tiny import Tiny

from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.store import Store
from smcore import names
from smcore.catalog import add_entry
from smcore.cubes.store import open_store
from smcore.grids import ease
from smcore.maps import View, fitted, latitude_of, longitude_of, paint, plan
from smcore.validation.matching.match import match
from smcore.validation.matching.sides import side
from smcore.validation.score import score

ROWS, COLUMNS = 12, 16


def _pixels(folder: Path) -> Path:
    """A catalogued pixel set: five cells of the 36 km grid."""
    grid = ease("M36").cut(slice(80, 80 + ROWS), slice(200, 200 + COLUMNS))
    cube = tiny_cube(grid, title="Pixels", kind="observed")
    row, column = np.array([1, 1, 5, 7, 10]), np.array([2, 3, 8, 0, 15])
    at = {"y": xr.DataArray(row, dims="location"), "x": xr.DataArray(column, dims="location")}
    picked = cube.isel(at).drop_vars(["lat", "lon"])
    pixels = picked.transpose("location", "time").assign_coords(
        location=np.arange(5), lat=("location", grid.lat[row]), lon=("location", grid.lon[column]),
        row=("location", row + grid.row0), col=("location", column + grid.col0),
    )  # fmt: skip
    return catalogue(folder, {"pixels": pixels})


@pytest.mark.parametrize("step", [0, 17, 39])
@pytest.mark.parametrize("product", ["coarse", "fine"])
def test_a_frame_holds_the_codes_of_the_field_painted_directly(store: Store, product: str, step: int) -> None:
    entry = store.catalog.get(product)
    view = fitted(store.grid(entry).bbox, 300, 200)
    frame = store.frame(entry, step, view)
    field = open_store(entry.location).dataset()["sm"].isel(time=step).to_numpy()
    gather = plan(store.grid(entry), view)
    expected = paint(field[gather.rows, gather.columns], gather, *names.RANGE_M3M3)
    np.testing.assert_array_equal(frame.codes, expected)
    assert frame.view == view
    assert np.unique(frame.codes).size > 20


def test_a_frame_of_a_place_without_the_product_is_blank(store: Store) -> None:
    frame = store.frame(store.catalog.get("coarse"), 0, fitted((100.0, -40.0, 120.0, -20.0), 80, 60))
    assert frame.codes.shape == (60, 80)
    assert not frame.codes.any()


def test_a_pixel_of_the_map_shows_the_value_of_the_cell_beneath_it(store: Store) -> None:
    entry = store.catalog.get("coarse")
    grid, view = store.grid(entry), fitted(store.grid(entry).bbox, 211, 157)
    codes = store.frame(entry, 3, view).codes
    field = open_store(entry.location).dataset()["sm"].isel(time=3).to_numpy()
    rng = np.random.default_rng(0)
    for i, j in zip(rng.integers(0, 157, 60), rng.integers(0, 211, 60), strict=True):
        x = view.x0 + (j + 0.5) * (view.x1 - view.x0) / view.width
        y = view.y0 + (i + 0.5) * (view.y1 - view.y0) / view.height
        row, column = (int(k) for k in grid.index(latitude_of(y), longitude_of(x)))
        inside = row >= 0 and column >= 0 and np.isfinite(field[row, column])
        assert (codes[i, j] > 0) == inside


def test_another_colour_range_paints_another_frame_from_the_same_field(store: Store) -> None:
    entry = store.catalog.get("fine")
    view = View(*(fitted(store.grid(entry).bbox, 64, 48).__dict__.values()))
    before = store.frame(entry, 0, view).codes
    store.selection.colour_range = (0.0, 0.1)
    after = store.frame(entry, 0, view).codes
    assert (after == 255).mean() > (before == 255).mean()


def test_the_series_of_a_point_are_those_of_the_cells_it_lies_in(store: Store, tiny: Tiny) -> None:
    store.selection.point = tiny.place
    series = {s.entry_id: s for s in store.series()}
    assert set(series) == {"coarse", "fine"}
    for entry_id, grid in (("coarse", tiny.coarse), ("fine", tiny.fine)):
        row, column = (int(i) for i in grid.index(*tiny.place))
        dataset = open_store(store.catalog.get(entry_id).location).dataset()
        np.testing.assert_array_equal(series[entry_id].value, dataset["sm"][:, row, column].to_numpy())
        np.testing.assert_array_equal(series[entry_id].time, dataset["time"].to_numpy())
    assert series["coarse"].drawn == "points"
    assert series["fine"].drawn == "line"


def test_a_point_beside_every_product_has_no_cell_and_no_series(store: Store) -> None:
    store.selection.point = (-33.0, 151.0)
    assert store.cells() == []
    assert store.series() == []


def test_the_value_shown_is_that_of_the_step_nearest_to_the_chosen_time(store: Store, tiny: Tiny) -> None:
    store.selection.param.update(point=tiny.place, time="2018-01-08T14:00:00")
    fine = next(c for c in store.cells() if c.entry.id == "fine")
    row, column = (int(i) for i in tiny.fine.index(*tiny.place))
    dataset = open_store(store.catalog.get("fine").location).dataset()
    assert fine.time == "2018-01-08"  # the mean of that day, though the stamp of the next one is nearer
    assert fine.value == pytest.approx(float(dataset["sm"][7, row, column]))


@pytest.mark.parametrize("moment", ["1700-01-01", "2199-12-31T23:59:59"])
def test_a_time_far_outside_a_product_shows_its_nearest_end(store: Store, moment: str) -> None:
    store.selection.time = moment
    assert store.step(store.catalog.get("fine")) == (0 if moment < "2018" else 39)


def test_station_scores_are_those_of_the_library(store: Store) -> None:
    store.stations.choose(1)
    shown = {s.entry.id: s for s in store.stations.scores()}
    assert set(shown) == {"coarse", "fine"}
    sensor = open_store(store.catalog.get("nets").location).dataset().isel(sensor=[1]).load()
    for entry_id, one in shown.items():
        product = open_store(store.catalog.get(entry_id).location).dataset()
        result = score(match(side(product, entry_id), side(sensor, "nets")))
        for name, (value, status) in one.metrics.items():
            assert status == str(result.status[name][0]) == "ok"
            assert value == float(result.values[name][0])
        assert one.n == len(one.product) == len(one.reference) > 10
        assert one.metrics["bias"][0] == pytest.approx(np.mean(one.product - one.reference), abs=1e-6)


def test_stations_are_walked_round_in_both_directions(store: Store) -> None:
    sensors = store.stations.table()["sensor"].to_list()
    walked = []
    for _ in range(4):
        store.stations.move(1)
        walked.append(store.selection.sensor)
    store.stations.move(-1)
    assert walked == [*sensors, sensors[0]]
    assert store.selection.sensor == sensors[-1]
    assert store.selection.point == pytest.approx(tuple(store.stations.table().iloc[-1][["lat", "lon"]]))


def test_a_sensor_that_no_collection_has_is_no_sensor(store: Store) -> None:
    store.selection.sensor = "TEST/../Station 1"
    assert store.stations.chosen() is None
    assert store.stations.series() is None
    assert store.stations.scores() == []


def test_a_pixel_set_is_drawn_as_its_cells_and_read_only_where_it_has_some(tmp_path: Path) -> None:
    store = Store(Selection(product="pixels"), [_pixels(tmp_path)])
    entry = store.catalog.get("pixels")
    grid = store.grid(entry)
    codes = store.frame(entry, 0, fitted(grid.bbox, 160, 120)).codes
    assert 0 < (codes > 0).mean() < 0.2
    dataset = open_store(entry.location).dataset()
    store.selection.point = (float(dataset["lat"][2]), float(dataset["lon"][2]))
    (series,) = store.series()
    np.testing.assert_array_equal(series.value, dataset["sm"].sel(location=2).to_numpy())
    row, column = (int(i) for i in grid.index(float(dataset["lat"][2]), float(dataset["lon"][2])))
    store.selection.point = (float(grid.lat[row - 1]), float(grid.lon[column]))
    assert store.series() == []


def test_saturation_keeps_its_unit_its_range_and_gets_no_difference_in_cubic_metres(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 80 + ROWS), slice(200, 200 + COLUMNS))
    wet = tiny_cube(grid, title="Saturation")
    wet["sm"] = (wet["sm"] * 200).assign_attrs(wet["sm"].attrs | {"units": names.SATURATION})
    store = Store(Selection(collection="nets"), [catalogue(tmp_path, {"wet": wet, "nets": tiny_stations(grid)})])
    entry = store.catalog.get("wet")
    assert store.units(entry) == "%"
    assert store.colour_range(entry) == (0.0, 100.0)
    store.stations.choose(0)
    (one,) = store.stations.scores()
    assert one.metrics["pearson_r"][1] == "ok"
    assert one.metrics["bias"][1] == "unit_mismatch"
    assert np.isnan(one.metrics["bias"][0])
    assert one.sentence
    assert {s.units for s in store.series()} == {"%", names.VOLUMETRIC}


@pytest.fixture
def half_gone(tmp_path: Path) -> Settings:
    """Settings of a catalogue whose first product's store was deleted."""
    grid = ease("M36").cut(slice(80, 80 + ROWS), slice(200, 200 + COLUMNS))
    data = {"gone": tiny_cube(grid, title="Gone"), "here": tiny_cube(grid, title="Here"), "nets": tiny_stations(grid)}
    file = catalogue(tmp_path, data)
    shutil.rmtree(tmp_path / "gone")
    return Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")


def test_a_deleted_store_costs_its_own_product_and_no_other(half_gone: Settings) -> None:
    session = Session(half_gone, {})
    grid = session.store.grid(session.store.catalog.get("here"))
    session.selection.point = (float(grid.lat[4]), float(grid.lon[4]))
    assert [s.label for s in session.store.series()] == ["Here"]
    assert "Here" in session.cell.body.object
    session.selection.place = "stations"
    session.store.stations.move(1)
    assert [s.entry.id for s in session.stations.scores] == ["here"]


def test_a_deleted_store_on_the_map_says_so_and_another_can_be_chosen(half_gone: Settings) -> None:
    session = Session(half_gone, {"product": "here"})
    session.map.request()
    assert session.map.front.data["image"][0].any()
    session.selection.product = "gone"
    assert "is gone" in session.layers.legend.object
    assert not session.map.front.data["image"][0].any()
    session.selection.product = "here"
    assert session.map.front.data["image"][0].any()
    assert "2018" in session.time.label.object
    assert "gone" not in session.layers.legend.object


def test_a_place_that_holds_no_store_is_said_where_its_colours_would_be(
    tmp_path: Path, open_tab: Callable[..., Session]
) -> None:
    session = open_tab()
    (tmp_path / "nothing").mkdir()
    entry = replace(session.store.catalog.get("coarse"), id="lied", location=tmp_path / "nothing")
    add_entry(session.settings.writable_catalog, entry)
    session.store.reload()
    session.selection.product = "lied"
    assert "not a prepared store" in session.layers.legend.object
    assert "no steps" in session.time.label.object


def test_what_lists_leave_out_opens_by_no_link(store: Store, settings: Settings) -> None:
    add_entry(settings.writable_catalog, replace(store.catalog.get("fine"), id="truth", extra={"hidden": True}))
    store.reload()
    assert "truth" in store.catalog
    store.selection.product = "truth"
    assert store.entry is not None
    assert store.entry.id == store.products[0].id


def test_products_keep_the_step_of_the_map_though_no_time_was_chosen(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 80 + ROWS), slice(200, 200 + COLUMNS))
    file = catalogue(tmp_path, {"short": tiny_cube(grid, count=20), "long": tiny_cube(grid, count=40, seed=3)})
    store = Store(Selection(product="short"), (file,))
    store.selection.point = (float(grid.lat[5]), float(grid.lon[5]))
    short, long = (store.catalog.get(one) for one in ("short", "long"))
    assert store.times(long)[store.step(long)] == store.times(short)[store.step(short)]
    assert [cell.note for cell in store.cells() if cell.entry.id == "long"] == [""]
