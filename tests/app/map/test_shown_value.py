"""The inspector's number is that of the map at the clicked place, and a map of nothing says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from factories import catalogue, days, tiny_cube

from app.map.shown_value import shown_value
from app.session import Session
from app.settings import Settings
from smcore import names
from smcore.cubes.store import open_store
from smcore.grids import ease

COARSE = ease("M36").cut(slice(80, 88), slice(200, 210))
FINE = ease("M09").cut(slice(320, 352), slice(800, 840))  # sixteen cells in each coarse one
AWAY = ease("M36").cut(slice(120, 124), slice(300, 306))
ROW, COLUMN = 3, 4
PLACE = f"{COARSE.lat[ROW]:.4f},{COARSE.lon[COLUMN]:.4f}"
JANUARY = {"since": "2018-01-03", "until": "2018-01-18"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two products on one grid, a finer one, one of other years, one elsewhere."""
    later = tiny_cube(COARSE, 30, seed=5, title="Later")
    data = {
        "seen": tiny_cube(COARSE, 30, gaps=0.3, title="Seen"),
        "model": tiny_cube(COARSE, 30, seed=2, title="Model"),
        "fine": tiny_cube(FINE, 30, seed=3, title="Fine"),
        "later": later.assign_coords(time=days(30) + np.timedelta64(1000, "D")),
        "away": tiny_cube(AWAY, 30, seed=4, title="Away"),
    }
    return catalogue(tmp_path_factory.mktemp("shown"), data)


@pytest.fixture
def tab(world: Path, tmp_path: Path) -> Callable[..., Session]:
    own = tmp_path / "own.yml"
    settings = Settings(catalogs=(world, own), writable_catalog=own, jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, {"product": "seen", "t": "2018-01-10T12:00", "at": PLACE} | query)


def values(session: Session, product: str) -> np.ndarray:
    return open_store(session.store.catalog.get(product).location).dataset()["sm"].to_numpy()


def test_the_inspector_has_the_difference_of_the_map(tab: Callable[..., Session]) -> None:
    session = tab(minus="model", t="2018-01-08T12:00")
    expected = (values(session, "seen") - values(session, "model"))[7, ROW, COLUMN]
    shown = shown_value(session.store)
    assert shown is not None
    assert shown.value == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert "difference" in session.cell.body.object
    session.selection.minus = ""
    assert shown_value(session.store) is None
    assert "difference" not in session.cell.body.object


def test_on_two_grids_it_is_of_the_grid_that_the_difference_is_taken_on(tab: Callable[..., Session]) -> None:
    session = tab(minus="fine", product="model")
    inside = values(session, "fine")[9, 4 * ROW : 4 * ROW + 4, 4 * COLUMN : 4 * COLUMN + 4]
    shown = shown_value(session.store)
    assert shown is not None
    assert shown.value == pytest.approx(values(session, "model")[9, ROW, COLUMN] - inside.mean(), abs=1e-6)
    assert (shown.row, shown.column) == (ROW, COLUMN)
    session.selection.onto = "finer"
    shown = shown_value(session.store)
    assert shown is not None
    row, column = (int(i) for i in FINE.index(COARSE.lat[ROW], COARSE.lon[COLUMN]))
    there = values(session, "model")[9, ROW, COLUMN] - values(session, "fine")[9, row, column]
    assert shown.value == pytest.approx(there, abs=1e-6)
    assert f"row {row + FINE.row0}, column {column + FINE.col0} of" in session.cell.body.object


def test_of_a_range_of_days_it_is_the_range_of_the_difference_and_not_of_the_product(
    tab: Callable[..., Session],
) -> None:
    session = tab(minus="model", over="mean", **JANUARY)
    session.map.request()
    differences = (values(session, "seen") - values(session, "model"))[2:18, ROW, COLUMN]
    shown = shown_value(session.store)
    assert shown is not None
    assert shown.value == pytest.approx(np.nanmean(differences), abs=1e-6)
    assert (shown.valid_days, shown.days) == (int(np.isfinite(differences).sum()), 16)
    assert f"{shown.value:.3f}".replace("-", "−") in session.cell.body.object
    assert f"{shown.valid_days} of 16 days valid" in session.cell.body.object


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"minus": "later"}, "The two have no step in common: Later has 2020-09-27 to 2020-10-26."),
        ({"minus": "away"}, "No difference is shown: "),
        ({"formula": "a - nothing_such"}, "There is no layer"),
        ({"t": "2018-01-10T12:00"}, ""),
        ({"minus": "later", "place": "validate"}, ""),
    ],
)
def test_a_map_that_shows_nothing_in_common_says_why(
    tab: Callable[..., Session], query: dict[str, str], said: str
) -> None:
    session = tab(**query)
    session.map.request()
    note = session.map_note.note.object
    assert said in note if said else note == ""


def test_a_step_without_any_value_in_view_is_said(tmp_path: Path) -> None:
    cube = tiny_cube(COARSE, 3)
    cube["sm"] = cube["sm"].where(cube["time"] != cube["time"][1])
    file = catalogue(tmp_path, {"cube": cube})
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"product": "cube", "t": "2018-01-02T12:00"})
    session.map.request()
    assert "No cell in view has a value at this step." in session.map_note.note.object
    session.selection.time = "2018-01-03T12:00:00"
    assert session.map_note.note.object == ""


def test_of_a_range_of_a_variable_without_time_the_number_is_there_at_any_zoom(tmp_path: Path) -> None:
    cube = tiny_cube(COARSE, 20)
    height = np.arange(COARSE.lat.size * COARSE.lon.size, dtype="f4").reshape(COARSE.shape)
    file = catalogue(tmp_path, {"cube": cube.assign(elevation=(("y", "x"), height, names.attributes("elevation")))})
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"product": "cube", "shown": "elevation", "at": PLACE, "over": "mean", **JANUARY})
    assert f"<b>{height[ROW, COLUMN]:.1f}" in session.cell.body.object
    session.map._size = (2, 2)  # the whole product in a pixel or two: the map shows means of many cells
    session.map.request()
    assert f"<b>{height[ROW, COLUMN]:.1f}" in session.cell.body.object


def test_a_number_that_came_while_another_place_was_looked_at_is_there_on_return(tab: Callable[..., Session]) -> None:
    session = tab(minus="model", over="mean", **JANUARY)
    assert "being computed" in session.cell.body.object
    session.selection.place = "stations"
    session.map.request()
    session.selection.place = "explore"
    assert "being computed" not in session.cell.body.object
