"""The time bar: by steps, days and months, at the product's own step, at the pace of the browser, and read ahead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bokeh.models import ColumnDataSource
from factories import catalogue, tiny_cube

from app.map import prefetch
from app.map.playback import AHEAD, Pace
from app.map.time_axis import TimeAxis, ticks
from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.store import Store
from app.views.map.film import Film
from app.views.map.time_bar import strip
from smcore.availability import Availability
from smcore.maps import fitted


def three_hourly(count: int = 8 * 70) -> Any:
    cube = tiny_cube(count=count, title="Three-hourly", time_support="instant")
    time = pd.date_range("2018-01-01T00:00", periods=count, freq="3h").to_numpy().astype("datetime64[ns]")
    return cube.assign_coords(time=time)


@pytest.fixture
def sub_daily(tmp_path: Path) -> Session:
    own = tmp_path / "own.yml"
    file = catalogue(tmp_path, {"three": three_hourly()})
    settings = Settings(catalogs=(file, own), writable_catalog=own, jobs=tmp_path / "jobs")
    return Session(settings, {"t": "2018-01-20T06:00:00"})


def test_a_sub_daily_product_steps_by_its_own_step_and_by_days_and_months(sub_daily: Session) -> None:
    bar, chosen = sub_daily.time, sub_daily.selection
    assert bar.day_back.visible
    bar._move(1)
    assert chosen.time == "2018-01-20T09:00:00"
    assert "2018-01-20 09:00 UTC" in bar.label.object
    bar._move(days=1)
    assert chosen.time == "2018-01-21T09:00:00"
    bar.by_month(1)
    assert chosen.time == "2018-02-21T09:00:00"
    bar.date.value = date(2018, 2, 3)
    assert chosen.time == "2018-02-03T09:00:00"  # the hour stays
    bar.by_month(-1)
    bar.by_month(-1)
    assert chosen.time == "2018-01-01T00:00:00"  # and it ends where the product begins


def test_a_daily_product_has_no_buttons_for_a_day_and_says_utc(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine", t="2018-01-08")
    assert not session.time.day_back.visible
    assert ">2018-01-08<" in session.time.label.object
    assert "UTC · 8 of 40" in session.time.label.object  # whole at 1280 pixels; what it counts is its title
    assert 'title="step 8 of 40"' in session.time.label.object
    session.time.by_month(1)
    assert session.selection.time.startswith("2018-02-08")


def axis_of(folder: Path, days: list[str]) -> TimeAxis:
    cube = tiny_cube(count=len(days)).assign_coords(time=np.array(days, "datetime64[ns]"))
    return TimeAxis(Store(Selection(), [catalogue(folder, {"gappy": cube})]))


def test_the_calendar_names_the_days_of_a_product_that_leaves_days_out(tmp_path: Path) -> None:
    axis = axis_of(tmp_path, ["2018-01-01", "2018-01-02", "2018-01-09", "2018-03-09"])
    assert axis.days() == [date(2018, 1, 1), date(2018, 1, 2), date(2018, 1, 9), date(2018, 3, 9)]
    assert axis.on(date(2018, 1, 5), 0) == 2  # the next one that there is
    assert axis.moved(2, months=1) == 3  # never nowhere, however far the next step is
    assert axis.moved(3, months=1) == 3
    assert axis.moved(3, months=-1) == 2


def test_the_calendar_of_a_product_without_gaps_needs_no_list(store: Store) -> None:
    assert TimeAxis(store).days() is None


def test_dates_under_the_slider_are_round_and_few() -> None:
    for first, last in (("2018-01-01", "2018-01-07"), ("2019-01-01", "2019-12-31"), ("1978-11-01", "2024-12-31")):
        found = ticks(np.datetime64(first), np.datetime64(last))
        assert 1 < len(found) <= 11
        assert all(np.datetime64(first) <= one.to_datetime64() <= np.datetime64(last) for one, _ in found)
    assert [label for _, label in found] == [str(year) for year in range(1980, 2025, 5)]


def test_the_strip_has_a_bar_per_step_as_high_as_its_share() -> None:
    time = np.arange("2018-01-01", "2018-01-06", dtype="datetime64[D]").astype("datetime64[ns]")
    drawn = strip(time, Availability(np.arange(5), np.array([1.0, 0.25, 0.0, 0.5, np.nan]), 1))
    assert 'd="M0 1V0.000H0.5V1ZM0.5 1V0.750H1.5V1ZM2.5 1V0.500H3.5V1Z"' in drawn
    assert "being read" in strip(time, None)


def test_the_availability_of_a_product_is_read_once_and_kept(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse")
    known = session.time.axis.known()
    assert known is not None
    assert 0.5 < float(np.mean(known.share)) < 0.75  # four of ten values are missing
    assert "<path" in session.time.strip.object


# -- playing -----------------------------------------------------------------------------------------------------
def test_frames_of_a_fast_browser_come_at_the_chosen_pace_without_drift() -> None:
    pace, now, asked = Pace("fast"), 100.0, []
    for number in range(60):
        asked.append(now)
        pace.asked(now)
        pace.painted()
        now += pace.delay(now) + 0.002 * (number % 3)  # a timer is late by a little, never early
    assert asked[-1] - asked[0] == pytest.approx(59 / 12, abs=0.005)


def test_a_slow_browser_gets_fewer_frames_and_no_hurry_afterwards() -> None:
    pace = Pace("fast")
    for _ in range(AHEAD):
        assert pace.may_ask
        pace.asked(0.0)
    assert not pace.may_ask
    pace.painted()
    assert pace.may_ask
    pace.asked(5.0)
    assert pace.delay(5.0) == 0.0
    pace.painted()
    pace.painted()
    pace.asked(5.0)
    assert pace.delay(5.0) == pytest.approx(1 / 12)


class Clock:
    """Timers that ring when a test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, Callable[[], None]]] = []

    def later(self, ms: int, call: Callable[[], None]) -> None:
        self.calls.append((ms, call))

    def ring(self) -> None:
        calls, self.calls = self.calls, []
        for _, call in calls:
            call()


def film(steps: list[int], ended: list[bool]) -> Film:
    return Film(ColumnDataSource(), lambda: steps.append(1), lambda: ended.append(True))


def test_a_film_waits_for_the_browser_and_stops_when_nothing_is_painted() -> None:
    steps, ended, clock = [], [], Clock()
    playing = film(steps, ended)
    playing.play("fast", clock.later)
    for _ in range(4):
        clock.ring()
    assert len(steps) == AHEAD  # nothing was painted yet
    assert not playing.is_on
    assert ended == [True]


def test_a_film_goes_on_when_the_browser_says_that_it_painted_and_leaves_one_timer() -> None:
    steps, ended, clock = [], [], Clock()
    playing = film(steps, ended)
    playing.play("fast", clock.later)
    clock.ring()
    clock.ring()
    for number in range(1, 20):
        playing._echo.data = {"painted": [number]}
        clock.ring()
        assert len(steps) == AHEAD + number
        assert len(clock.calls) <= 2
    playing.stop()
    clock.ring()
    assert len(steps) == AHEAD + 19
    assert ended == [True]


# -- reading ahead -----------------------------------------------------------------------------------------------
def test_the_neighbours_of_the_step_on_the_map_are_read_ahead(
    open_tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, read = open_tab(product="fine", t="2018-01-10T12:00:00"), []
    field = Store.on_map
    monkeypatch.setattr(Store, "on_map", lambda *a: read.append(a[2]) or field(*a))
    session.map.request()
    assert read == [9, 10, 8, 11, 12]
    entry = session.store.entry
    assert entry is not None
    at_start = prefetch.Prefetch(session.store, lambda: fitted(session.store.grid(entry).bbox, 100, 80))
    session.selection.time = "2018-01-01T12:00:00"
    read.clear()
    at_start.ask()
    assert read == [1, 2, 3]


def test_what_is_no_longer_wanted_is_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, read = store.catalog.get("fine"), []
    field = Store.on_map
    monkeypatch.setattr(Store, "on_map", lambda *a: read.append(a[2]) or field(*a))
    prefetch.read_ahead(store, entry, [1, 2, 3, 4], fitted(store.grid(entry).bbox, 100, 80), lambda: len(read) == 2)
    assert read == [1, 2]
