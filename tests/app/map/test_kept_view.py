"""The view of the map in the link: it is there before the map was moved, and what the selection names is shown."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from bokeh.events import RangesUpdate

from app.page import saved_view
from app.session import Session


def sized(session: Session, width: int = 700, height: int = 500) -> Session:
    """The tab once its browser has told how large the map is."""
    for listener in (session.map, session.kept_view):
        listener._sized("inner_width", 0, width)
        listener._sized("inner_height", 0, height)
    return session


def sides(session: Session) -> list[float]:
    view = session.map.view()
    return [view.x0, view.x1, view.y0, view.y1]


def keys(link: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(link.removeprefix("?")).items()}


def test_a_link_copied_at_once_opens_the_same_view_and_step_and_costs_no_step_back(
    open_tab: Callable[..., Session],
) -> None:
    first = sized(open_tab(product="coarse"))
    link = keys(first.link())
    step = first.store.times(first.store.entry)[first.store.step(first.store.entry)]
    assert link["t"].startswith(str(step)[:10])
    again = sized(open_tab(**link))
    assert sides(again) == pytest.approx(sides(first), rel=1e-4)
    assert again.selection.view == pytest.approx(first.map.extent(), abs=1e-3)
    assert first.selection.view is None  # what was not chosen is no choice: a later product opens on its own last step
    assert not first.history.can_undo
    file = saved_view.load(saved_view.dump(first.link()))
    assert file["view"] == again.selection.view


def test_before_the_size_is_known_the_link_names_no_view(open_tab: Callable[..., Session]) -> None:
    assert "view" not in keys(open_tab(product="coarse").link())


def test_an_undone_pan_moves_the_map_back_and_a_pan_of_the_users_own_moves_nothing_else(
    open_tab: Callable[..., Session],
) -> None:
    session = sized(open_tab(product="coarse"))
    home, before, plot = session.map.view(), sides(session), session.map.figure
    width = home.x1 - home.x0
    plot.x_range.update(start=home.x0 + width / 3, end=home.x1 + width / 3)
    panned = sides(session)
    plot._trigger_event(RangesUpdate(plot))
    assert sides(session) == panned
    assert keys(session.link())["view"] == ",".join(f"{v:.6g}" for v in session.map.extent())
    session.history.undo()
    assert sides(session) == pytest.approx(before, rel=1e-4)
    session.history.redo()
    assert sides(session) == pytest.approx(panned, rel=1e-4)


def test_zooming_to_a_product_shows_all_of_it_and_is_one_step_back(open_tab: Callable[..., Session]) -> None:
    session = sized(open_tab(product="coarse", view="-60,-30,-40,-10"))
    before = sides(session)
    assert 'data-open="zoom:coarse"' in session.layers.badge.object
    session._zoom("fine")
    assert session.selection.product == "fine"
    west, south, east, north = session.store.grid(session.store.entry).bbox
    shown = session.map.extent()
    assert shown[0] < west < east < shown[2]
    assert shown[1] < south < north < shown[3]
    assert (east - west) / (shown[2] - shown[0]) > 0.5 or (north - south) / (shown[3] - shown[1]) > 0.5
    session.history.undo()
    session.history.undo()  # without a server each change is a step of its own
    assert session.selection.product == "coarse"
    assert sides(session) == pytest.approx(before, rel=1e-4)
