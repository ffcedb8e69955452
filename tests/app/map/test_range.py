"""A range of days on the map: its numbers, its words, its link, its file, and that nothing else passes for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import catalogue, field, tiny_cube
from tiny import Tiny

from app.files import saving
from app.map import range_store
from app.page.background import Latest
from app.selection import AGGREGATES
from app.session import Session
from app.settings import Settings
from smcore.aggregates.request import KINDS
from smcore.cubes import overviews
from smcore.cubes.store import open_store
from smcore.errors import ExportError
from smcore.grids import ease
from smcore.maps import paint, plan

JANUARY = {"since": "2018-01-05", "until": "2018-01-20"}


def values_of(session: Session) -> np.ndarray:
    """The product's days 5 to 20 January."""
    entry = session.store.entry
    assert entry is not None
    return np.asarray(open_store(entry.location).dataset()["sm"].to_numpy()[4:20], np.float64)


def drawn(session: Session) -> np.ndarray:
    return np.asarray(session.map.front.data["image"][0])


def expected(session: Session, values: np.ndarray, low: float, high: float) -> np.ndarray:
    gather = plan(session.store.grid(session.store.entry), session.map.view())
    return np.asarray(paint(values[gather.rows, gather.columns], gather, low, high))


def test_the_kinds_of_the_library_are_those_that_a_tab_offers() -> None:
    assert set(AGGREGATES) == set(range_store.LABELS) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "reduce"),
    [
        ("mean", np.nanmean),
        ("min", np.nanmin),
        ("max", np.nanmax),
        ("percentile", lambda values, axis: np.nanpercentile(values, 90, axis)),
    ],
)
def test_the_map_shows_the_aggregate_of_the_days(
    open_tab: Callable[..., Session], kind: str, reduce: Callable[..., Any]
) -> None:
    session = open_tab(product="coarse", over=kind, pct="90", **JANUARY)
    session.map.request()
    values = values_of(session)
    np.testing.assert_array_equal(drawn(session), expected(session, reduce(values, axis=0), 0.0, 0.5))
    assert "2018-01-05 … 2018-01-20 UTC" in session.range.note.object
    assert session.store.units(session.store.entry) == "m3 m-3"


def test_cells_of_too_few_days_are_missing_and_the_map_says_so(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse", over="mean", days="65", **JANUARY)
    session.map.request()
    values = values_of(session)
    kept = np.where(np.isfinite(values).sum(axis=0) >= 0.65 * 16, np.nanmean(values, axis=0), np.nan)
    assert np.isnan(kept).any()
    np.testing.assert_array_equal(drawn(session), expected(session, kept, 0.0, 0.5))
    assert "at least 65 % of the days are valid" in session.range.note.object


def test_the_share_of_valid_days_is_in_percent_with_a_range_of_its_own(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="coarse", over="share", **JANUARY)
    session.map.request()
    share = 100.0 * np.isfinite(values_of(session)).mean(axis=0)
    np.testing.assert_array_equal(drawn(session), expected(session, share, 0.0, 100.0))
    assert session.map.scale.data["units"] == ["%"]
    assert "100 %" in session.layers.legend.object


def test_an_anomaly_of_a_product_of_one_year_is_refused_in_words_and_nothing_is_drawn(
    open_tab: Callable[..., Session],
) -> None:
    session = open_tab(product="coarse", over="mean", **JANUARY)
    session.map.request()
    assert drawn(session).size > 1
    session.selection.aggregate = "anomaly"
    assert drawn(session).size == 1
    assert "needs the same days of 3 other years at least; this product has 0" in session.range.note.object
    session.selection.aggregate = ""
    assert drawn(session).size > 1
    assert session.range.note.object == ""


def test_an_anomaly_names_its_climatology_and_has_a_symmetric_range(tmp_path: Path) -> None:
    cube = tiny_cube(count=365 * 5)
    file = catalogue(tmp_path, {"long": cube})
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"over": "anomaly", "since": "2020-02-01", "until": "2020-02-10"})
    session.map.request()
    assert "same days of year ± 17 in other years (at least 8 values of 3 years)" in session.range.note.object
    assert session.map.scale.data["low"] == [-0.1]
    assert session.store.colours == "difference"
    assert drawn(session).size > 1


def test_the_clicked_cell_tells_its_aggregate_and_the_days_it_rests_on(
    open_tab: Callable[..., Session], tiny: Tiny
) -> None:
    lat, lon = tiny.place
    session = open_tab(product="coarse", over="mean", at=f"{lat},{lon}", **JANUARY)
    row, column = (int(i) for i in tiny.coarse.index(lat, lon))
    series = values_of(session)[:, row, column]
    found = session.store.ranges.at(session.store.entry, row, column)
    assert found is not None
    assert found.value == pytest.approx(np.nanmean(series), rel=1e-6)
    assert (found.valid_days, found.days) == (int(np.isfinite(series).sum()), 16)
    assert f"{found.valid_days} of 16 days" in session.cell.body.object
    assert f"{found.value:.3f}" in session.cell.body.object


def test_choosing_a_range_begins_with_the_month_on_the_map_and_moves_by_its_own_length(
    open_tab: Callable[..., Session],
) -> None:
    session = open_tab(product="fine", t="2018-01-10T12:00:00")
    bar, chosen = session.time.range, session.selection
    bar.kind.value = "mean"
    assert (chosen.since, chosen.until) == ("2018-01-01", "2018-01-31")
    session.time.by_step(1)
    assert (chosen.since, chosen.until) == ("2018-02-01", "2018-02-28")  # a month stays a month
    chosen.param.update(since="2018-01-05", until="2018-01-14")
    session.time.by_step(-1)
    assert (chosen.since, chosen.until) == ("2017-12-26", "2018-01-04")
    session.time.by_month(1)
    assert (chosen.since, chosen.until) == ("2018-01-26", "2018-02-04")
    session.time.toggle()
    assert not session.time.film.is_on  # a range does not play
    assert session.time.slider.disabled
    bar.kind.value = ""
    assert not session.time.slider.disabled


def test_days_without_data_or_in_the_wrong_order_are_a_sentence(open_tab: Callable[..., Session]) -> None:
    session = open_tab(product="fine", over="mean", since="2030-01-01", until="2030-01-31")
    session.map.request()
    assert "There is no step from 2030-01-01 to 2030-01-31" in session.range.note.object
    assert drawn(session).size == 1
    session.selection.until = "2029-01-01"
    assert "ends before it" in session.range.note.object


def test_the_file_of_a_range_holds_the_aggregate_and_its_rule(
    open_tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_tab(product="coarse", over="mean", **JANUARY)
    text = saving.map_file(session.store, "csv").getvalue().decode()
    assert "2018-01-05 … 2018-01-20 UTC" in text
    assert "at least 20 % of the days are valid" in text
    last = text.strip().splitlines()[-1].split(",")
    row, column = int(last[2]), int(last[3])
    grid = session.store.grid(session.store.entry)
    value = np.nanmean(values_of(session), axis=0)[row - grid.row0, column - grid.col0]
    assert float(last[4]) == pytest.approx(value, rel=1e-5)
    monkeypatch.setattr(range_store, "MOST_SAVED", 100)
    with pytest.raises(ExportError, match="choose fewer days"):
        saving.map_file(session.store, "csv")


def test_zoomed_out_the_range_is_that_of_the_overviews_and_shares_stay_those_of_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overviews, "LONGEST", 64)
    grid = ease("M36").cut(slice(60, 188), slice(200, 328))
    cube = tiny_cube(grid, count=10)
    cube["sm"].values[:, ::2] = np.nan  # every second row is missing
    file = catalogue(tmp_path, {"wide": cube})
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"over": "share", "since": "2018-01-01", "until": "2018-01-20"})
    session.map.figure.x_range.update(start=-9e7, end=9e7)
    session.map.figure.y_range.update(start=-6e7, end=6e7)
    session.map.request()
    assert "of the means of 2 × 2 cells" in session.range.note.object
    gather = session.store.gather(session.store.entry, session.map.view())
    assert gather.level == 1
    shown = drawn(session)
    assert set(np.unique(shown)) == {0, 2 + round(0.25 * 252)}  # half of the cells on half of the days
    session.selection.aggregate = "mean"
    values = field(grid, cube["time"].values, 1)[:, 1::2].astype("f8").mean(axis=0)
    means = values.reshape(64, 64, 2).mean(axis=2).astype("f4")
    np.testing.assert_array_equal(drawn(session), paint(means[gather.rows, gather.columns], gather, 0.0, 0.5))


def test_a_range_that_is_computed_can_be_stopped_and_begun_again_and_no_other_picture_passes_for_it(
    open_tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_tab(product="coarse", since="2018-01-07", until="2018-01-22")  # nobody has asked for these yet
    session.map.request()
    assert drawn(session).size > 1
    begun: list[Any] = []
    monkeypatch.setattr(Latest, "start", lambda _, work, done, **more: begun.append((done, more["told"])))
    session.selection.aggregate = "max"
    assert drawn(session).size == 1  # the step's picture is gone at once
    begun[0][1](0.4, "step 7 of 16")
    assert "computing, step 7 of 16" in session.range.note.object
    assert 'value="0.4"' in session.range.note.object
    session.map.request()
    assert len(begun) == 1  # the same request is not begun twice
    session.range._stop()
    assert "stopped" in session.range.note.object
    session.map.request()
    assert len(begun) == 1
    assert session.range.stop.label == "Compute"
    session.range._stop()
    assert len(begun) == 2
    session.selection.percentile = 10.0
    session.selection.aggregate = "percentile"
    assert len(begun) == 3
    assert "10th percentile" in session.range.note.object
