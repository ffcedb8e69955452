"""The desk without a server: what is hidden and when, decisions in the log, the headline under exclusions, two tabs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from tiny import Tiny

from app.review import page as review_page
from app.session import Session
from app.views.review.chip import chip
from smcore.catalog import load_catalog
from smcore.errors import ExportError, ReviewError
from smcore.review.log import REVIEW_LOG
from smcore.review.station.cover_map import CoverMap
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.run import validate


def press(tab: Session, key: str) -> None:
    tab.room.keys()[f"review-{key}"]()


def drag(tab: Session, first: str, last: str) -> None:
    ends = {name: np.datetime64(moment, "ms").astype(float) for name, moment in (("x0", first), ("x1", last))}
    tab.series.chart.selected(SimpleNamespace(final=True, geometry={"type": "rect", **ends}))


def shown(tab: Session) -> str:
    """All markup of the desk's inspector and rail."""
    desk = tab.room.desk
    parts = (
        desk.about,
        desk.numbers,
        desk.seasons,
        desk.strips,
        desk.events,
        desk.headline.pane,
        tab.room.list.stations,
    )
    return " ".join(str(part.object) for part in (*parts, tab.room.list.stations, tab.series.legend))


@pytest.mark.slow
def test_without_a_run_stations_stays_what_it_was_and_says_how_to_begin(desk: Callable[..., Session]) -> None:
    tab = desk(run="")
    assert not tab.room.is_on
    assert tab.inspector[0] is tab.stations or list(tab._shown) == [tab.stations]
    assert "first" in tab.stations.begin.options.values()
    tab.stations.begin.value = "first"
    assert tab.room.is_on
    assert list(tab._shown) == [tab.room.desk]


def test_names_and_numbers_are_hidden_until_the_verdict_is_signed(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada")
    tab.room.move(1)
    for name in ("Observed-like", "Model 9 km", "36 km"):
        assert name not in shown(tab)
    assert "Product A" in str(tab.series.legend.object)
    press(tab, "2")
    assert "Observed-like" not in shown(tab)
    press(tab, "s")
    assert "Observed-like" in shown(tab)
    assert tab.room.review.current.state == "signed"
    tab.room.move(1)
    assert "Observed-like" not in shown(tab)


@pytest.mark.slow
def test_unnamed_curves_are_all_drawn_alike(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada")
    tab.room.move(1)
    products = [one for one in tab.store.curves.everything() if not one.is_station]
    assert [one.label for one in products] == ["Product A", "Product B"]
    assert {one.drawn for one in products} == {"line"}
    assert all(one.source is None and one.half_width is None and one.recommended is None for one in products)
    assert all(np.isfinite(one.value).all() for one in products)
    assert not {one.entry_id for one in products} & {"coarse", "fine"}


@pytest.mark.slow
def test_letters_are_stable_at_a_station_and_not_the_same_at_all(desk: Callable[..., Session]) -> None:
    tab, again = desk(reader="Ada"), desk(reader="Ada")
    stations = list(tab.room.review.table().index)
    letters = {one: tuple(tab.room.review.labels(one)) for one in stations}
    assert letters == {one: tuple(again.room.review.labels(one)) for one in stations}
    assert len({tab.room.review.shuffled(f"station {n}")[0] for n in range(40)}) == 2


@pytest.mark.slow
def test_every_decision_says_what_its_reviewer_saw(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada")
    tab.room.move(1)
    press(tab, "3")
    tab.room.review.switch(headline="on")
    press(tab, "4")
    tab.room.review.switch(blind="off")
    events = tab.room.review.log.events()
    assert [e.action for e in events] == ["look", "verdict", "mode", "verdict", "mode"]
    assert [(e.conditions.blind, e.conditions.headline) for e in events] == [
        (True, False), (True, False), (True, True), (True, True), (False, True),
    ]  # fmt: skip
    assert [e.conditions.order for e in events][::4] == ["random", "ubrmsd_difference"]


@pytest.mark.slow
def test_nothing_is_decided_without_a_name(desk: Callable[..., Session]) -> None:
    tab = desk()
    tab.room.move(1)
    with pytest.raises(ReviewError, match="needs a name"):
        tab.room.desk.decision.give(1)
    assert not (tab.results.path("first") / REVIEW_LOG).exists()


def test_a_dragged_period_moves_the_headline_to_the_numbers_of_a_run_with_that_exclusion(
    desk: Callable[..., Session], tiny: Tiny
) -> None:
    tab = desk(reader="Ada", blind="off")
    tab.room.move(1)
    subject = tab.room.review.subject
    pair = tab.room.review.live.pairs(subject)["coarse"]
    middle = np.array(np.sort(pair.product_time)[len(pair.product_time) // 2], "datetime64[us]").astype("datetime64[s]")
    drag(tab, str(middle), str(middle + np.timedelta64(20, "D")))
    assert "and as marked" in tab.room.desk.headline.pane.object
    with pytest.raises(ReviewError, match="needs a reason"):
        tab.room.desk.decision.do_exclude()
    press(tab, "x")
    assert "needs a reason" in tab.room.desk.decision.told.object
    assert tab.room.review.exclusions() == ()
    tab.room.desk.decision.why.value = "flat"
    press(tab, "x")
    (standing,) = tab.room.review.exclusions()
    assert (standing.subject, standing.reason) == (subject, "flat")
    assert (standing.start[10:], standing.end[10:]) == ("T00:00:00", "T23:59:59")
    assert standing.start[:10] == str(middle)[:10]
    options = RunOptions(strata=("none",), exclusions=(standing,))
    again = validate(("coarse", "fine"), "nets", load_catalog([tiny.file]), options)
    wanted = again.scores[0].median["ubrmsd"]
    found = tab.room.review.live.headline([standing]).of("coarse")
    assert found.median["ubrmsd"].value == wanted.value
    assert found.excluded > 0
    page = review_page.page(tab.room.review, subject)
    assert {panel.name: int(panel.out.sum()) for panel in page.panels}["coarse"] == found.excluded


@pytest.mark.slow
def test_a_verdict_excludes_nothing_and_a_whole_record_is_an_exclusion_of_its_own(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada", blind="off")
    tab.room.move(1)
    press(tab, "5")
    assert tab.room.review.exclusions() == ()
    tab.room.desk.decision.why.value = "flat"
    tab.room.desk.decision.mark_whole()
    assert tab.room.review.exclusions() == (Exclusion(tab.room.review.subject, "", "", "flat"),)
    press(tab, "u")
    assert tab.room.review.exclusions() == ()


def test_another_tab_sees_what_was_decided_and_may_accept_it(desk: Callable[..., Session]) -> None:
    ada, bob = desk(reader="Ada"), desk(reader="Bob")
    ada.room.move(1)
    bob.room.review.choose(ada.room.review.subject)
    press(ada, "1")
    press(ada, "s")
    assert bob.room.review.current.state == "looked"
    bob.room.look()
    assert bob.room.review.current.state == "signed"
    press(bob, "2")
    assert bob.room.desk.decision.accept.visible
    press(bob, "a")
    ada.room.look()
    assert ada.room.review.current.state == "accepted"
    assert not ada.room.desk.decision.accept.visible


@pytest.mark.slow
def test_the_first_reader_cannot_accept_himself(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada")
    tab.room.move(1)
    press(tab, "1")
    press(tab, "s")
    with pytest.raises(ReviewError, match="another person"):
        tab.room.desk.decision.do_accept()


def test_keys_of_the_desk_are_dead_where_there_is_no_desk(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada")
    tab.room.move(1)
    tab.selection.place = "explore"
    press(tab, "1")
    assert [event.action for event in tab.room.review.log.events()] == ["look"]


@pytest.mark.slow
def test_filters_and_criteria_order_the_queue(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada", blind="off", first="r")
    found = tab.room.review.results
    rows = found.metrics[(found.metrics["metric"] == "pearson_r") & ~found.metrics["location"].str.startswith("*")]
    lowest = rows.groupby("sensor")["value"].min().sort_values(kind="stable")
    order = tab.room.queue.order()
    finite = [one for one in order if np.isfinite(lowest.get(one, np.nan))]
    assert lowest[finite].is_monotonic_increasing
    tab.room.move(1)
    press(tab, "2")
    press(tab, "s")
    tab.room.queue.keep("state", "signed")
    assert tab.room.queue.order() == [order[0]]
    assert "only=state=signed" in tab.link().replace("%3D", "=")


def test_text_of_a_note_and_a_name_stays_text(desk: Callable[..., Session]) -> None:
    hostile = "<script>alert(1)</script>"
    tab = desk(reader="Ada <b>")
    tab.room.move(1)
    tab.room.desk.decision.note.value = hostile
    tab.room.desk.decision.note.param.trigger("enter_pressed")
    assert hostile not in str(tab.room.desk.decision.said.object) + str(tab.room.desk.decisions.object)
    assert "&lt;script&gt;" in str(tab.room.desk.decision.said.object)
    assert "Ada &lt;b&gt;" in str(tab.room.desk.decisions.object)


@pytest.mark.slow
def test_the_link_that_is_copied_carries_nobodys_name(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada")
    assert "reader=Ada" in tab.link()
    assert "reader" not in tab.shared_link()


def test_the_log_of_another_run_is_told_and_left_alone(desk: Callable[..., Session], tmp_path: Path) -> None:
    tab = desk(reader="Ada")
    tab.room.move(1)
    other: Any = desk(reader="Ada")
    record = other.room.review.results.record
    assert (tmp_path / "runs" / "first" / REVIEW_LOG).exists()
    other.room.review.results.record["options"]["level"] = 0.5
    try:
        other.room.review._log = None
        other.room.list.refresh()
        assert "belongs to another run" in other.room.list.about.object
    finally:
        record["options"]["level"] = 0.95


def painted(tab: Session) -> bool:
    tab.map.draw()
    return tab.map.front.data["image"][0].size > 1


def test_the_map_of_a_blind_review_shows_no_product_until_the_verdict_is_signed(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada", product="fine", time="2020-01-05T12:00:00", compare="swipe")
    tab.room.move(1)
    assert not painted(tab)
    assert "until signed" in tab.map_note.note.object
    assert "hidden until signed" in tab.time.label.object
    moves = (tab.time.back, tab.time.month_forward, tab.time.play, tab.time.date)
    assert all(widget.disabled for widget in moves)
    assert tab.time.slider.disabled
    assert tab.cell.store.entry is None
    assert not {"product", "time", "compare"} & set(parse_qs(tab.link()[1:]))
    press(tab, "2")
    assert not painted(tab)
    press(tab, "s")
    assert painted(tab)
    assert tab.map_note.note.object == ""
    assert "step" in tab.time.label.object
    assert not any(widget.disabled for widget in moves)
    assert "product=" in tab.link()
    tab.room.move(1)
    assert not painted(tab)
    tab.room.review.switch(blind="off")
    assert painted(tab)


def test_a_run_that_is_opened_brings_its_stations_its_product_and_the_chosen_place(
    desk: Callable[..., Session],
) -> None:
    subject = desk().room.review.table().index[0]
    tab = desk(product="elsewhere", sensor=str(subject), blind="off")
    assert tab.selection.product == "coarse"
    assert tab.room.review.subject == subject
    one = tab.room.review.table().loc[subject]
    assert tab.selection.point == (one["lat"], one["lon"])
    west, south, east, north = tab.selection.view
    table = tab.room.review.table()
    assert (table["lat"].between(south, north) & table["lon"].between(west, east)).all()
    assert [s.label for s in tab.store.curves.everything() if not s.is_station]
    assert desk(view="0,0,10,10", blind="off").selection.view == (0.0, 0.0, 10.0, 10.0)
    later = desk(run="", view="0,0,1,1", blind="off")
    later.selection.run = "first"
    assert later.selection.view == tab.selection.view


def test_a_second_blind_reader_sees_the_first_verdict_only_after_his_own(desk: Callable[..., Session]) -> None:
    ada, bob = desk(reader="Ada"), desk(reader="Bob")
    ada.room.move(1)
    ada.room.links["reason"]("flat")
    press(ada, "5")
    ada.room.desk.decision.note.value = "surely broken"
    ada.room.desk.decision.note.param.trigger("enter_pressed")
    press(ada, "s")
    bob.room.review.choose(ada.room.review.subject)
    desk_ = bob.room.desk

    def told() -> str:
        parts = (desk_.decision.said, desk_.decisions, bob.room.list.stations, desk_.about)
        return " ".join(str(part.object) for part in parts)

    assert "you see what, once you have given your own verdict" in told()
    assert not [word for word in ("Signed by Ada", ": 5", "> 5 ", "</b> 5", "flat", "surely broken") if word in told()]
    assert not desk_.decision.accept.visible
    with pytest.raises(ReviewError, match="your own verdict comes first"):
        desk_.decision.do_accept()
    press(bob, "2")
    assert "Signed by Ada: 5" in told()
    assert "surely broken" in told()
    assert desk_.decision.dispute.visible


def test_a_headline_shown_blind_has_no_counts_that_name_a_product(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada", headline="on")
    tab.room.move(1)
    shown_blind = str(tab.room.desk.headline.pane.object)
    assert "Product no. 1" in shown_blind
    assert "pairs" not in shown_blind.replace("the pairs", "")
    assert "the log has that you saw them" in shown_blind
    tab.room.review.switch(blind="off")
    assert "pairs" in str(tab.room.desk.headline.pane.object)


def test_heading_counter_list_and_map_tell_one_state_after_each_event(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada")
    tab.room.move(1)
    at = tab.room.layer.points.data["subject"].index(tab.room.review.subject)
    for key, state in ((None, "looked"), ("2", "looked"), ("s", "signed")):
        if key:
            press(tab, key)
        assert state in tab.room.desk.about.object
        assert f"1 {state}" in tab.room.list.progress.object
        assert f": {state}" in tab.room.list.stations.object
        assert tab.room.layer.points.data["said"][at] == state


def test_without_a_name_the_desk_says_that_nothing_is_recorded(desk: Callable[..., Session]) -> None:
    tab = desk()
    assert "Nothing is recorded" in tab.room.list.about.object
    tab.room.list.name.value = "   "
    assert tab.room.list.name.value == ""
    tab.room.list.name.value = "Ada"
    assert "Nothing is recorded" not in tab.room.list.about.object
    tab.room.list.name.value = " "
    assert tab.selection.reviewer == ""


def test_the_browser_is_told_run_and_station_and_no_product_where_it_is_hidden(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada")
    tab.room.move(1)
    assert tab.title() == f"Loam · review of first · {tab.room.queue.name(tab.room.review.subject)}"
    tab.selection.place = "explore"
    assert tab.title().startswith("Loam · Explore · ")
    tab.selection.place = "validate"
    assert tab.title() == "Loam · Validate · first"


def test_the_scatter_is_of_the_pairs_that_its_numbers_are_of(
    tiny: Tiny, tmp_path: Path, desk: Callable[..., Session]
) -> None:
    options = RunOptions(strata=("none",))
    write_run(
        validate(("fine", "fine@mean_std"), "nets", load_catalog([tiny.file]), options), tmp_path / "runs" / "both"
    )
    tab = desk(run="both", reader="Ada", blind="off")
    tab.room.review.load()()
    tab.room.move(1)
    page = review_page.page(tab.room.review, tab.room.review.subject)
    assert page is not None
    plain, scaled = page.panels
    assert not np.allclose(plain.product, scaled.product)
    for panel in page.panels:
        kept = ~panel.out
        assert kept.sum() == panel.numbers["n"].n
        bias = float(np.mean(panel.product[kept] - panel.reference[kept]))
        assert bias == pytest.approx(panel.numbers["bias"].value, abs=1e-7)
    assert plain.done == ()
    assert "mean_std" in scaled.done[0]
    assert "scaled to the reference by mean_std" in str(tab.room.desk.scatter.without.object)


def test_reasons_are_turned_on_and_off_and_come_with_the_verdict(desk: Callable[..., Session]) -> None:
    tab = desk(reader="Ada", blind="off")
    tab.room.move(1)
    decision = tab.room.desk.decision
    for code in ("flat", "snow", "flat", "no such reason"):
        tab.room.links["reason"](code)
    desk().room.review.log.append("note", tab.room.review.subject, "Bob", {"text": "seen"})
    tab.room.look()
    assert decision.reasons.value == ["snow"]  # what others do takes nothing from a draft
    press(tab, "3")
    tab.room.links["reason"]("drift")
    own = tab.room.review.current.verdict_of("Ada")
    assert (own.verdict, own.reasons) == (3, ("snow", "drift"))
    assert decision.reasons.all.object.count('aria-pressed="true"') == 2
    tab.room.move(1)
    assert decision.reasons.value == []
    for code in ("flat", "spike", "step", "drift", "noise", "snow", "soil", "urban", "coast"):
        tab.room.links["reason"](code)
    assert len(decision.reasons.value) == 8
    assert "8 reasons at most" in str(decision.told.object)


def test_the_chip_shows_the_classes_under_the_cells_and_nothing_where_there_is_no_map() -> None:
    cells = np.array([[10, 10, 12], [10, -1, 12]], np.int16)
    cover = CoverMap(cells, np.array([36.4, 36.0, 35.6]), np.array([-98.5, -98.2, -97.8, -97.5]), "<b>map", "land", 6)
    facts = review_page.Facts((), {}, None, None, {}, {}, {}, cover)
    shown = chip(36.0, -98.0, [], facts)
    assert shown.count("<path") == 3  # two classes, and the station
    assert "grassland" in shown
    assert "cropland" in shown
    assert "&lt;b&gt;map" in shown
    assert shown.index("<path") < shown.index("<polygon")  # the outlines lie on top
    bare = chip(36.0, -98.0, [], None)
    assert bare.count("<path") == 1
    assert "land cover" not in bare


def test_a_scatter_of_the_desk_becomes_a_panel_with_its_pairs_numbers_and_exclusions_but_not_while_blind(
    desk: Callable[..., Session],
) -> None:
    tab = desk(reader="Ada")
    tab.room.review.load()()
    tab.room.move(1)
    whole = review_page.page(tab.room.review, tab.room.review.subject)
    assert whole is not None
    time = next(panel.time for panel in whole.panels if len(panel.time) > 10).astype("datetime64[us]")
    first, last = (str(time[i].astype("datetime64[D]")) for i in (3, 8))
    tab.selection.marked = f"{first}T00:00:00,{last}T23:59:59"
    tab.room.desk.decision.why.value = "drift"
    press(tab, "x")
    assert "figure:pairs" not in str(tab.room.desk.to_figure.object)
    with pytest.raises(ExportError, match="blind"):
        tab.figure_room.add("pairs:0")
    press(tab, "2")
    press(tab, "s")
    page = review_page.page(tab.room.review, tab.room.review.subject)
    assert page is not None
    place = next(i for i, panel in enumerate(page.panels) if panel.out.any() and not panel.out.all())
    assert f"figure:pairs:{place}" in str(tab.room.desk.to_figure.object)
    shown = tab.room.picture(place)
    panel = page.panels[place]
    np.testing.assert_array_equal(shown.data.table["product"], panel.product[~panel.out])
    assert shown.data.drawn["metrics"]["bias"][0] == panel.numbers["bias"].value
    assert shown.data.told.n == panel.numbers["n"].n < len(panel.product)
    assert f"{first}T00:00:00 to {last}T23:59:59, drift" in shown.data.told.exclusions[0]
    tab.figure_room.add(f"pairs:{place}")
    assert [one.kind for one in tab.figure_room.figures.panels] == ["scatter"]
    with pytest.raises(ExportError, match="no pairs"):
        tab.figure_room.add("pairs:9")
