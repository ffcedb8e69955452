"""The Hovmöller diagram: its numbers are those of the store, its words say what it shows, and its line is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from bokeh.events import DoubleTap, PressUp, Tap
from factories import catalogue, tiny_cube
from flagged import GRID, flagged
from PIL import Image
from tiny import Tiny

from app.files import hovmoller_saving
from app.map import hovmoller_store
from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.store import Store
from smcore.cubes.store import open_store
from smcore.errors import ExportError
from smcore.grids import regular
from smcore.maps import fitted, mercator_x, mercator_y


def values(session: Session) -> np.ndarray:
    entry = session.store.entry
    assert entry is not None
    return np.asarray(open_store(entry.location).dataset()["sm"].to_numpy(), np.float64)


def shown(session: Session) -> np.ndarray:
    """Values of the picture (positions, steps)."""
    return np.asarray(session.hovmoller.source.data["value"][0])


def saved(session: Session, kind: str) -> Any:
    """The file of one of the diagram's buttons."""
    return next(one for one in session.hovmoller.save if one.filename.endswith(kind)).callback()


def test_a_tab_that_never_looks_makes_no_figure(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine")
    assert session.hovmoller.figure is None
    assert not len(session.hovmoller.pane)


def test_by_latitude_of_the_view_it_is_the_mean_of_each_row_over_the_whole_record(
    open_tab: Callable[..., Session],
) -> None:
    session = open_tab(product="fine", hovmoller="view")
    rows = np.asarray(session.store.grid(session.store.entry).lat)
    expected = np.nanmean(values(session), axis=2)  # cells of an equal-area grid weigh the same
    _, found = session.hovmoller._shown
    assert found.value.shape == (40, len(rows))
    for band in range(len(rows)):
        inside = (rows > found.edges[band]) & (rows < found.edges[band + 1])
        if inside.sum() == 1:
            np.testing.assert_allclose(found.value[:, band], expected[:, inside][:, 0], rtol=1e-6)
    assert "zonal mean over the view" in session.hovmoller.note.object
    assert "m³ m⁻³" in session.hovmoller.note.object
    assert session.hovmoller.figure.yaxis[0].axis_label == "latitude [°]"
    assert session.hovmoller.figure.xaxis[0].axis_label == "time [UTC]"


def test_over_the_box_only_its_cells_count_and_without_a_box_it_says_so(
    open_tab: Callable[..., Session], tiny: Tiny
) -> None:
    session = open_tab(product="fine", hovmoller="box")
    assert "There is no box yet" in session.hovmoller.note.object
    grid = tiny.fine
    west, east = float(grid.lon[5]), float(grid.lon[9])
    south, north = float(grid.lat[20]), float(grid.lat[20]) + 1e-4
    session.selection.box = (west, south, east, north)
    _, found = session.hovmoller._shown
    expected = values(session)[:, 20, 5:10].mean(axis=1)
    np.testing.assert_allclose(found.value[:, 0], expected, rtol=1e-6)
    session.selection.time = "2018-01-03T12:00:00"
    assert session.hovmoller.now.location == np.datetime64("2018-01-03T12:00:00", "ms").astype(float)


def test_two_clicks_draw_the_line_and_the_cells_beneath_it_are_shown(
    open_tab: Callable[..., Session], tiny: Tiny
) -> None:
    session = open_tab(product="fine", hovmoller="line")
    assert "There is no line yet" in session.hovmoller.note.object
    grid, card = tiny.fine, session.hovmoller_card
    card.begin()
    for row, column in ((10, 12), (10, 20)):
        x, y = float(mercator_x(grid.lon[column])), float(mercator_y(grid.lat[row]))
        tap(session, x, y)
    assert session.selection.point is None  # the clicks were for the line
    lat1, lon1, lat2, lon2 = session.selection.line
    assert (lat1, lat2) == pytest.approx((grid.lat[10], grid.lat[10]), abs=1e-3)
    assert (lon1, lon2) == pytest.approx((grid.lon[12], grid.lon[20]), abs=1e-3)
    assert len(card.path.data["x"]) == 65
    _, found = session.hovmoller._shown
    assert found.edges[-1] == pytest.approx(8 * 9, rel=0.2)  # [km], eight cells of the 9 km grid
    series = {tuple(values(session)[:, r, c].astype("f4")) for r in (9, 10) for c in range(12, 21)}
    assert all(tuple(found.value[:, position]) in series for position in range(found.value.shape[1]))
    assert session.hovmoller.figure.yaxis[0].axis_label == "distance from its start [km]"
    card.along.value = ""
    assert not len(card.path.data["x"])
    assert session.selection.hovmoller == ""


def tap(session: Session, x: float, y: float) -> None:
    """Click on the map, as the browser would tell it."""
    for callback in session.map.figure._event_callbacks["tap"]:
        callback(Tap(session.map.figure, x=x, y=y))


def test_the_ends_of_the_line_can_be_typed(open_tab: Callable[..., Session], tiny: Tiny) -> None:
    session, grid = open_tab(product="fine", hovmoller="line"), tiny.fine
    ends = (grid.lat[5], grid.lon[5], grid.lat[25], grid.lon[25])
    for widget, value in zip(session.hovmoller_card.ends, ends, strict=True):
        widget.value = round(float(value), 2)
    assert session.selection.line == pytest.approx(ends, abs=0.006)
    assert session.hovmoller._shown is not None


def test_the_link_holds_section_and_line_and_nonsense_is_ignored(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine", hovmoller="line", line="33,-103,35,-101")
    assert session.selection.line == (33.0, -103.0, 35.0, -101.0)
    other = open_tab(product="fine", hovmoller="sideways", line="33,-103,95,-101")
    assert (other.selection.hovmoller, other.selection.line) == ("", None)


def test_a_line_beside_the_product_is_a_sentence(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine", hovmoller="line", line="-33,20,-35,25")
    assert "The line misses the product" in session.hovmoller.note.object
    assert shown(session).size == 1


def test_of_a_long_record_each_kth_step_is_read_and_that_is_said(
    open_tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hovmoller_store, "MOST_STEPS", 10)
    session = open_tab(product="fine", hovmoller="view")
    assert "one step in 4" in session.hovmoller.note.object
    assert session.hovmoller._shown[1].value.shape[0] == 10


def test_its_file_holds_every_value_with_unit_and_credits(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine", hovmoller="view")
    lines = saved(session, "csv").getvalue().decode().splitlines()
    assert any("SYNTHETIC" in line for line in lines)
    head = next(i for i, line in enumerate(lines) if line.startswith("time_utc"))
    assert lines[head] == "time_utc,latitude [°],sm [m3 m-3],valid_share"
    assert len(lines) - head - 1 == int(np.isfinite(session.hovmoller._shown[1].value).sum())


@pytest.mark.parametrize("width", [24, 400])
def test_a_view_over_the_dateline_counts_its_own_longitudes_only(tmp_path: Path, width: int) -> None:
    grid = regular(87.5, -177.5, 5.0, 5.0, 36, 72)
    cube = tiny_cube(grid, count=3, title="Globe")
    file = catalogue(tmp_path, {"globe": cube})
    view = fitted((150.0, -20.0, 210.0, 20.0), width, width, 0.0)  # few pixels skip cells, many repeat them
    store = Store(Selection(product="globe", hovmoller="view"), [file])
    entry = store.entry
    assert entry is not None
    found = store.hovmoller.section(entry, view).work(lambda *_: None, lambda: False)
    rows = [int(np.abs(grid.lat - (edges[0] + edges[1]) / 2).argmin()) for edges in pairwise(found.edges)]
    longitude = grid.lon % 360.0
    across = cube["sm"].to_numpy()[:, :, (longitude > 150.0) & (longitude < 210.0)]
    np.testing.assert_allclose(found.value, across.mean(axis=2)[:, rows], rtol=1e-5)


def test_a_view_of_several_worlds_counts_every_cell_once(tmp_path: Path) -> None:
    grid = regular(87.5, -177.5, 5.0, 5.0, 36, 72)
    store = Store(Selection(product="globe"), [catalogue(tmp_path, {"globe": tiny_cube(grid, count=3)})])
    entry = store.entry
    assert entry is not None
    assert store.hovmoller.cells(entry, fitted((-400.0, -20.0, 300.0, 20.0), 500, 300, 0.0))[1] == [slice(0, 72)]


def test_a_day_mean_is_drawn_over_its_day_and_filed_under_its_stamp(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine", hovmoller="view")
    start, end = (session.hovmoller.source.data[name][0] for name in ("x", "dw"))
    assert start == np.datetime64("2018-01-01T00:00", "ms").astype(float)  # the record's first day begins here
    assert start + end == np.datetime64("2018-02-10T00:00", "ms").astype(float)
    first = next(x for x in saved(session, "csv").getvalue().decode().splitlines() if x.startswith("2018"))
    assert first.startswith("2018-01-01,")


def test_a_difference_and_a_formula_are_called_so_in_caption_and_file(tmp_path: Path) -> None:
    data = {"seen": flagged(title="Seen"), "model": tiny_cube(GRID, 6, seed=4, title="Model", synthetic=0)}
    settings = Settings(catalogs=(catalogue(tmp_path, data),))
    session = Session(settings, {"product": "seen", "minus": "model", "quality": "recommended", "hovmoller": "view"})
    assert "Seen (synthetic) minus Model · zonal mean" in session.hovmoller.note.object
    assert session.hovmoller.note.object.count("recommended retrievals") == 1
    lines = saved(session, "csv").getvalue().decode().splitlines()
    assert "time_utc,latitude [°],difference [m3 m-3],valid_share" in lines
    assert "minus Model" in lines[0]
    assert "recommended retrievals" in lines[0]
    session.selection.param.update(minus="", expression="a / model")
    assert "Seen (synthetic), Model, a / model · zonal mean" in session.hovmoller.note.object
    lines = saved(session, "csv").getvalue().decode().splitlines()
    assert "time_utc,latitude [°],a / model [1],valid_share" in lines


def test_a_picture_says_what_the_drawer_says(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse", hovmoller="view", quality="all")
    root = ET.fromstring(saved(session, "svg").getvalue())
    text = " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))
    for said in ("Observed-like 36 km (synthetic)", "zonal mean over the view", "latitude [°]", "time [UTC]", "m³ m⁻³"):
        assert said in text
    assert f"n = {np.isfinite(shown(session)).sum()}" in text.replace(" ", " ")
    picture = np.asarray(Image.open(saved(session, "png")).convert("L"))
    assert 0.02 < (picture < 250).mean() < 0.98
    session.selection.hovmoller = "line"
    with pytest.raises(ExportError, match="no Hovmöller diagram to save yet"):
        saved(session, "png")


def test_a_picture_of_a_long_record_counts_the_values_and_not_its_columns(
    open_tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hovmoller_saving, "COLUMNS", 7)
    session = open_tab(product="coarse", hovmoller="view", quality="all")
    assert session.hovmoller._shown is not None
    count = int(np.isfinite(session.hovmoller._shown[1].value).sum())
    root = ET.fromstring(saved(session, "svg").getvalue())
    text = " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))
    said = re.search(r"n = (\d+)", re.sub(r"(?<=\d)[\s,](?=\d{3})", "", text))
    assert said is not None
    assert int(said[1]) == count


def test_choosing_a_line_begins_to_draw_it_and_no_click_is_lost(open_tab: Callable[..., Session], tiny: Tiny) -> None:
    session, grid = open_tab(product="fine"), tiny.fine
    card, plot = session.hovmoller_card, session.map.figure
    card.along.value = "line"
    assert "Click where the line begins." in card.hint.object
    place = {"x": float(mercator_x(grid.lon[12])), "y": float(mercator_y(grid.lat[10]))}
    plot._trigger_event(PressUp(plot, **place))  # the browser was busy, or the button held
    assert "Click where it ends." in card.hint.object
    plot._trigger_event(DoubleTap(plot, **place))  # twice in quick turn at one place is one end
    assert session.selection.line is None
    plot._trigger_event(DoubleTap(plot, x=float(mercator_x(grid.lon[20])), y=place["y"]))  # in quick turn elsewhere
    assert session.selection.line[3] == pytest.approx(grid.lon[20], abs=1e-3)
    assert session.selection.point is None
    card.along.value = ""
    card.along.value = "line"
    assert card.hint.object == "", "there is a line already"


def test_with_a_range_of_days_only_its_days_are_shown(open_tab: Callable[..., Session]) -> None:
    query: dict[str, Any] = {"over": "share", "since": "2018-01-05", "until": "2018-01-14"}
    session = open_tab(product="coarse", hovmoller="view", **query)
    _, found = session.hovmoller._shown
    assert (str(found.time[0])[:10], str(found.time[-1])[:10]) == ("2018-01-05", "2018-01-14")
    assert "0 to 0.5 m³ m⁻³" in session.hovmoller.note.object  # soil moisture, though the map shows shares
