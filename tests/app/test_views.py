"""The views without a server: what they show, what they say when there is nothing, and that names are never markup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
import pytest
from bokeh.events import SelectionGeometry, Tap
from factories import catalogue, tiny_cube, tiny_stations
from tiny import Tiny

from app.page import boundary, slim
from app.page.controls import esc, table
from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.store import Store
from app.views.map.layers import ramp
from smcore import names
from smcore.errors import ExportError, SmcoreError
from smcore.grids import ease
from smcore.maps import latitude_of, longitude_of, mercator_x, mercator_y

SCRIPT = '<script>alert(1)</script><img src=x onerror="alert(2)">'


@pytest.fixture
def empty_settings(tmp_path: Path) -> Settings:
    own = tmp_path / "own.yml"
    return Settings(catalogs=(own,), writable_catalog=own, jobs=tmp_path / "jobs")


def markup(session: Session) -> Iterator[str]:
    """Every piece of HTML that the page of a session shows."""
    for view in (session.layers, session.time, session.series, session.cell, session.stations, session.infer):
        for pane in view.__panel__().select(slim.Text):
            yield pane.object


@pytest.mark.parametrize("place", ["explore", "infer", "stations"])
def test_an_empty_catalogue_opens_in_every_place_and_says_what_would_fill_it(
    empty_settings: Settings, place: str
) -> None:
    session = Session(empty_settings, {"place": place})
    assert session.template() is not None
    session.map.request()
    assert "loam demo" in session.layers.legend.object
    assert "no steps" in session.time.label.object
    assert "Click on the map" in session.series.message.object
    said = {"explore": session.cell.body, "infer": session.infer.cost, "stations": session.stations.about}[place]
    assert len(said.object) > 20
    assert 'class="empty"' in said.object


def test_an_empty_catalogue_survives_every_control(empty_settings: Settings, tmp_path: Path) -> None:
    session = Session(empty_settings, {})
    session.selection.param.update(point=(10.0, 20.0), time="2018-01-01", colour_map="viridis", theme="dark")
    session.selection.place = "stations"
    session.store.stations.move(1)
    session.selection.place = "infer"
    session.selection.box = (0.0, 0.0, 1.0, 1.0)
    session.time._move(1)
    assert session.selection.time == "2018-01-01"
    assert session.infer.run.disabled


def test_a_product_that_is_catalogued_later_shows_after_a_reload(empty_settings: Settings, tmp_path: Path) -> None:
    session = Session(empty_settings, {})
    made = catalogue(tmp_path, {"late": tiny_cube(title="Late")})
    made.rename(empty_settings.writable_catalog)
    session.store.reload()
    session.selection.product = "late"
    session.map.request()
    assert session.map.front.data["image"][0].any()
    assert "2018" in session.time.label.object


def hostile(folder: Path) -> Path:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    nets = tiny_stations(grid)
    nets = nets.assign_coords(
        station=("sensor", np.array([SCRIPT, SCRIPT + "2", SCRIPT + "3"])),
        network=("sensor", np.array([SCRIPT] * 3)),
        instrument=("sensor", np.array([SCRIPT] * 3)),
    )
    nets.attrs["title"] = SCRIPT
    return catalogue(
        folder, {"cube": tiny_cube(grid, title=SCRIPT), "nets": nets},
        citation=SCRIPT, doi=SCRIPT, version=SCRIPT,
    )  # fmt: skip


@pytest.mark.parametrize("place", ["explore", "infer", "stations"])
def test_text_from_data_is_never_markup(tmp_path: Path, place: str) -> None:
    file = hostile(tmp_path)
    text = file.read_text(encoding="utf-8").replace("units: m3 m-3", f"units: '{SCRIPT}'")
    file.write_text(text, encoding="utf-8")
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"place": place, "at": "37,-105", "product": "cube"})
    session.store.stations.move(1)
    shown = list(markup(session))
    assert not any("<script" in html or "<img" in html for html in shown)
    if place != "infer":
        assert any("&lt;script&gt;" in html for html in shown)


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What a session's user was told."""
    told: list[tuple[str, str]] = []

    class Area:
        def error(self, text: str, duration: int) -> None:
            told.append(("error", text))

        def info(self, text: str, duration: int) -> None:
            told.append(("info", text))

        warning = success = info

    monkeypatch.setattr(type(pn.state), "notifications", property(lambda _: Area()))
    return told


def test_a_notice_is_text_and_never_markup(notices: list[tuple[str, str]]) -> None:
    boundary.notify(f"There is no station {SCRIPT}")
    ((kind, text),) = notices
    assert kind == "error"
    assert "<" not in text
    assert "&lt;script&gt;" in text


def test_a_users_mistake_is_told_and_a_fault_of_ours_is_told_without_its_details(
    notices: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    def mistake() -> None:
        raise SmcoreError("The box is empty", hint="draw one")

    def fault() -> None:
        raise RuntimeError("secret detail")

    boundary.guarded(mistake)()
    boundary.guarded(fault)()
    assert [text for _, text in notices] == [
        "The box is empty; draw one",
        "Something unexpected went wrong; it is in the server's log. Your selection is kept.",
    ]
    assert "secret detail" in caplog.text


def test_saving_what_is_not_there_tells_the_user_why(
    open_tab: Callable[..., Session], notices: list[tuple[str, str]]
) -> None:
    session = open_tab()
    (button,) = [b for b in session.series.save if b.label == "PNG"]
    with pytest.raises(ExportError):
        button.callback()
    assert "no series to save" in notices[0][1]


def test_a_long_name_stands_over_its_numbers_and_is_escaped_there_too():
    made = table(("Product", "n"), [(SCRIPT, 3)], numeric=(1,), named=True)
    assert f"<tr class=name><td colspan=2>{esc(SCRIPT)}</td></tr><tr><td></td><td class=number>3</td></tr>" in made
    assert SCRIPT not in made


def test_tables_escape_cells_and_headers() -> None:
    made = table((SCRIPT, "n"), [(SCRIPT, 3)], numeric=(1,))
    assert "<script" not in made
    assert made.count(esc(SCRIPT)) == 2


def test_a_click_chooses_the_place_and_neither_moves_nor_resizes_the_map(
    open_tab: Callable[..., Session], tiny: Tiny
) -> None:
    session = open_tab(product="fine")
    session.map._sized("inner_width", 0, 700)
    session.map._sized("inner_height", 0, 500)
    before = session.map.view()
    lat, lon = tiny.place
    x, y = float(mercator_x(lon)), float(mercator_y(lat))
    session.map.tapped(Tap(session.map.figure, x=x, y=y))
    assert session.selection.point == pytest.approx((lat, lon))
    assert session.map.view() == before
    assert session.series.pane.visible
    left, right = session.map.cell.data["left"][0], session.map.cell.data["right"][0]
    assert left <= x <= right
    assert "Model 9 km" in session.cell.body.object


def test_a_click_on_a_station_chooses_its_shallowest_sensor(open_tab: Callable[..., Session]) -> None:
    session = open_tab(stations="nets")
    session.map.mark_stations()
    marks = session.map.stations.data
    session.map.tapped(Tap(session.map.figure, x=float(marks["x"][2]), y=float(marks["y"][2])))
    assert session.selection.sensor == marks["sensor"][2]


def test_a_dragged_box_is_the_box_to_predict_and_the_next_drag_pans(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer")
    session.map.draw_box(True)
    assert session.map.figure.toolbar.active_drag is session.map.box_tool
    corners = {"x0": mercator_x(-100.0), "x1": mercator_x(-102.0), "y0": mercator_y(35.0), "y1": mercator_y(33.0)}
    geometry = {"type": "rect"} | {k: float(v) for k, v in corners.items()}
    session.map._boxed(SelectionGeometry(session.map.figure, geometry=geometry, final=False))
    assert session.selection.box is None
    session.map._boxed(SelectionGeometry(session.map.figure, geometry=geometry, final=True))
    assert session.selection.box == (-102.0, 33.0, -100.0, 35.0)
    assert [side.value for side in session.infer.sides] == [-102.0, 33.0, -100.0, 35.0]
    assert session.map.figure.toolbar.active_drag is not session.map.box_tool


def test_a_typed_box_is_the_box_to_predict_and_a_half_typed_one_is_not(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer")
    for side, value in zip(session.infer.sides, (-102.0, 33.0, -100.0, None), strict=True):
        side.value = value
    assert session.selection.box is None
    session.infer.sides[3].value = 30.0
    assert session.selection.box is None
    session.infer.sides[3].value = 35.0
    assert session.selection.box == (-102.0, 33.0, -100.0, 35.0)


def test_a_box_asks_the_worker_what_a_run_would_need(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer", product="coarse", model="spline", box="-103,33,-101,35")
    asked, *earlier = session.infer.queue.recent()
    assert {job.state for job in earlier} <= {"cancelled"}
    assert (asked.kind, asked.request["model"], asked.request["data"]) == ("check", "spline", [["target", "coarse"]])
    session.selection.box = (-103.0, 33.0, -100.5, 35.0)
    newer, older = session.infer.queue.recent(2)
    assert older.state == "cancelled"
    assert newer.request["window"]["east"] == -100.5


def test_the_time_bar_steps_and_stops_at_the_ends(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine", t="2018-01-02")
    session.time._move(-1)
    assert session.selection.time == "2018-01-01T12:00:00"
    session.time._move(-1)
    assert session.selection.time == "2018-01-01T12:00:00"
    session.time.slider.value = 39
    assert session.selection.time == "2018-02-09T12:00:00"
    assert "step 40 of 40" in session.time.label.object
    session.time._move(1)
    assert session.time.slider.value == 39


def test_another_product_keeps_the_moment_and_takes_its_own_colour_range(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine", t="2018-01-20", range="0.1,0.2")
    assert (session.layers.colours.low.value, session.layers.colours.high.value) == (0.1, 0.2)
    session.layers.choice.value = "coarse"
    assert session.selection.product == "coarse"
    assert session.selection.time == "2018-01-20"
    assert session.selection.colour_range is None
    assert (session.layers.colours.low.value, session.layers.colours.high.value) == names.RANGE_M3M3


def test_an_empty_colour_range_is_not_taken(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine")
    session.layers.colours.low.value = 0.9
    assert session.selection.colour_range is None
    session.layers.colours.low.value = 0.1
    assert session.selection.colour_range == (0.1, names.RANGE_M3M3[1])


def test_products_of_one_title_can_all_be_chosen(tmp_path: Path) -> None:
    file = catalogue(tmp_path, {"one": tiny_cube(title="Same"), "two": tiny_cube(title="Same", seed=4)})
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"product": "two"})
    assert sorted(session.layers.choice.options.values()) == ["one", "two"]
    assert session.layers.choice.value == "two"


def test_a_sensor_without_a_single_value_is_shown_as_such(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    nets = tiny_stations(grid)
    nets["sm"] = nets["sm"].where(nets["sensor"] != nets["sensor"][0])
    file = catalogue(tmp_path, {"cube": tiny_cube(grid), "nets": nets})
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"place": "stations"})
    session.store.stations.choose(0)
    assert session.series.pane.visible
    assert session.stations.scores[0].n == 0
    assert "No product has pairs with this sensor" in session.stations.metrics.object
    session.store.stations.choose(1)
    assert session.stations.scores[0].n > 10


def test_synthetic_data_say_so_in_every_panel(open_tab: Callable[..., Session], tiny: Tiny) -> None:
    session = open_tab(product="coarse", place="stations", at=f"{tiny.place[0]},{tiny.place[1]}")
    session.store.stations.move(1)
    assert "synthetic" in session.layers.badge.object
    assert "synthetic" in session.series.legend.object
    assert "synthetic" in session.stations.about.object
    assert all("synthetic" in label for label in session.layers.choice.options)


def test_the_frame_beneath_shows_nothing_where_the_visible_frame_has_a_gap(
    open_tab: Callable[..., Session],
) -> None:
    session = open_tab(product="coarse")
    view = session.map.view()
    session.map.request()
    session.map._draw_back(session.store.step(session.store.entry), view)
    back = session.map.back.data["image"][0]
    height, width = back.shape
    inside = back[-(-height // 4) : height - -(-height // 4), -(-width // 4) : width - -(-width // 4)]
    assert not inside.any()
    session.selection.time = "2018-01-03"
    assert session.map.back.data["image"][0].size == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_reaches_every_figure(open_tab: Callable[..., Session], theme: str) -> None:
    session = open_tab(theme=theme)
    dark = session.map.figure.background_fill_color == "#1d2125"
    assert dark == (theme == "dark")


def test_two_tabs_share_no_state(open_tab: Callable[..., Session], tiny: Tiny) -> None:
    one, other = open_tab(), open_tab()
    before = {name: getattr(other.selection, name) for name in Selection.param if name != "name"}
    link = other.map.figure.x_range.start
    one.selection.param.update(point=tiny.place, time="2018-01-03", theme="dark", colour_map="grey", place="stations")
    one.store.stations.move(1)
    one.map.figure.x_range.start = 0.0
    assert {name: getattr(other.selection, name) for name in Selection.param if name != "name"} == before
    assert other.map.figure.x_range.start == link
    assert not other.series.pane.visible
    assert other.map.front is not one.map.front


def test_no_module_of_the_app_holds_a_widget_a_pane_or_a_dataset() -> None:
    import importlib
    import pkgutil

    import xarray as xr
    from bokeh.model import Model

    import app

    found: list[str] = []
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if module.name == "app.__main__":  # it is the command, not a part
            continue
        loaded: Any = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            if isinstance(value, (pn.viewable.Viewable, Model, xr.Dataset, Selection, Store)):
                found.append(f"{module.name}.{name}")
    assert found == []


def test_a_colour_bar_escapes_its_unit() -> None:
    assert "<img" not in ramp("viridis", 0.0, 1.0, SCRIPT)


def test_the_browser_is_told_which_cell_each_screen_row_and_column_is(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine")
    session.map.draw()
    view, grid = session.map.view(), session.store.grid(session.store.entry)
    data = session.map.cells.data
    assert data["grid"] == ["M09"]
    across, down = int(view.width * 0.5), int(view.height * 0.4)
    x = view.x0 + (across + 0.5) * (view.x1 - view.x0) / view.width
    y = view.y0 + (down + 0.5) * (view.y1 - view.y0) / view.height
    row, column = grid.index(latitude_of(y), longitude_of(x))
    assert (data["row"][0][down], data["column"][0][across]) == (row + grid.row0, column + grid.col0)
    outside = np.flatnonzero(data["row"][0] < 0)
    assert len(outside), "the view is wider than the product"


def test_a_link_to_what_is_gone_says_so_and_opens_what_is_there(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="run-deadbeef", minus="run-0")
    assert session.lost == "What the link names is not here: run-deadbeef and run-0."
    assert session.selection.product == "coarse"
    assert session.selection.minus == ""
    assert open_tab(product="fine").lost == ""
