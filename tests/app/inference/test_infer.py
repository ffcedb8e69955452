"""Infer without a server: the list of models, the data they are run on, days at hand, demonstrations, and refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from factories import catalogue, tiny_cube, tiny_stations
from tiny import make_systems

from app.inference.afterwards import judgement, observed_beside
from app.session import Session
from app.settings import Settings
from smcore.area_text import parse_area
from smcore.grids import ease

BOX = "-104,34,-102,36"


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A made-up world and the same as real data, each with weights that know the made-up one."""
    return {
        kind: make_systems(tmp_path_factory.mktemp(kind), synthetic=kind == "made-up") for kind in ("made-up", "real")
    }


@pytest.fixture
def tab(worlds: dict[str, Path], tmp_path: Path) -> Callable[..., Session]:
    def open_one(kind: str = "made-up", **query: str) -> Session:
        own = tmp_path / "own.yml"
        settings = Settings(catalogs=(worlds[kind],), writable_catalog=own, jobs=tmp_path / "jobs")
        return Session(settings, {"place": "infer", "product": "smap-36"} | query)

    return open_one


def asked(session: Session) -> dict[str, object]:
    """The request of the last question to the worker."""
    newest = session.infer.queue.recent(1)[0]
    assert (newest.kind, newest.state) == ("check", "queued")
    return newest.request


def test_the_list_names_the_five_systems_then_the_baselines(tab: Callable[..., Session]) -> None:
    html = tab().infer.picker.models.object
    names = re.findall(r'data-open="model:[^>]*><b>([^<]*)</b>', html)
    assert names[:5] == ["SMSNet", "DrcGAN", "PSCNet", "TsSMNet", "Multiscale LSTM"]
    assert "Natural cubic spline" in names[-1] or "spline" in " ".join(names[5:])
    assert html.index("Systems") < html.index("Baselines")
    assert html.count("Model card of") == len(names)


def test_the_chosen_model_says_what_it_needs_and_gives_and_where_it_comes_from(tab: Callable[..., Session]) -> None:
    session = tab(model="pscnet-demo")
    html = session.infer.picker.models.object
    assert "3-hourly swvl1 [m³ m⁻³], swvl2 [m³ m⁻³], skin temperature [K]" in html
    assert "on the grid of its inputs, 3-hourly, with a 90 % band" in html
    assert "smap-9, 2016-01-01 to 2018-12-31, synthetic" in html
    session.infer.picker.choose("smsnet-demo")
    assert "on 9 km (M09), daily" in session.infer.picker.models.object


def test_a_model_whose_inputs_lack_is_listed_disabled_with_the_reason(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer", product="coarse", box=BOX)
    html = session.infer.picker.models.object
    button = re.search(r'<button class="pick" data-open="model:drcgan"[^>]*>', html)
    assert button is not None
    assert " disabled" in button[0]
    assert "No weights are at hand; make them with: loam train drcgan" in html
    session.selection.model = "drcgan"
    assert session.infer.run.disabled
    assert "No weights are at hand" in session.infer.cost.object
    session.infer.picker.choose("drcgan")
    assert session.infer.picker.choice is None


def test_other_inputs_can_be_chosen_and_the_link_keeps_them(tab: Callable[..., Session]) -> None:
    session = tab(model="smsnet-demo", box=BOX)
    inputs = session.infer.picker.data["forcing"]
    assert inputs.visible
    assert list(inputs.options.values()) == ["optical-9", "optical-1"]
    assert asked(session)["data"] == [["forcing", "optical-9"], ["static", "optical-9"]]
    inputs.value = "optical-1"
    assert session.selection.data == "forcing=optical-1"
    assert asked(session)["data"] == [["forcing", "optical-1"], ["static", "optical-1"]]
    assert "1 km (M01)" in session.infer.picker.models.object
    session.infer.picker.choose("drcgan-demo")
    assert session.selection.data == ""
    again = tab(model="smsnet-demo", box=BOX, data="forcing=optical-1")
    assert again.infer.picker.data["forcing"].value == "optical-1"


def test_days_are_proposed_where_all_inputs_have_them_and_chosen_ones_never_go_unsaid(
    tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("app.views.infer.inspector.notify", lambda sentence, _: said.append(sentence))
    session = tab(model="drcgan-demo", box=BOX)
    assert (session.selection.start, session.selection.end) == ("2018-01-01", "2018-02-09")
    session.selection.param.update(start="2018-02-01", end="2018-02-05")
    assert not said
    session.infer.picker.choose("pscnet-demo")
    assert [sentence[:42] for sentence in said] == ["The inputs have none of the chosen days; t"]
    assert (session.selection.start, session.selection.end) == ("2018-01-01", "2018-01-03")
    session.selection.param.update(start="2018-01-02", end="2018-01-02")
    session.infer.picker.choose("smsnet-demo")
    assert (session.selection.start, session.selection.end) == ("2018-01-02", "2018-01-02")


def test_synthetic_weights_run_on_real_data_only_after_the_tick(tab: Callable[..., Session]) -> None:
    session = tab("real", model="smsnet-demo", box=BOX)
    picker = session.infer.picker
    assert picker.demonstration.visible
    assert picker.warning.visible
    assert session.infer.run.disabled
    assert "only if you tick the box" in session.infer.cost.object
    assert session.infer.queue.recent(1) == []
    picker.demonstration.value = True
    assert asked(session)["demonstration"] is True
    picker.choose("spline")
    assert not picker.demonstration.visible
    assert picker.demonstration.value is False
    assert asked(session)["demonstration"] is False
    picker.choose("smsnet-demo")
    assert picker.demonstration.value is False, "each model asks anew"


def test_synthetic_weights_on_a_made_up_world_need_no_tick(tab: Callable[..., Session]) -> None:
    session = tab(model="smsnet-demo", box=BOX)
    assert not session.infer.picker.demonstration.visible
    assert asked(session)["demonstration"] is False


def test_what_a_model_sees_of_the_target_goes_by_the_targets_own_flags(tab: Callable[..., Session]) -> None:
    session = tab(model="drcgan-demo", box=BOX)
    assert asked(session)["quality"] == "all"
    assert ["target", "smap-36"] in asked(session)["data"]  # type: ignore[operator]


def test_names_in_a_card_are_never_markup(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    world = make_systems(tmp_path, title=hostile)
    own = tmp_path / "own.yml"
    session = Session(Settings(catalogs=(world,), writable_catalog=own, jobs=tmp_path / "jobs"), {"place": "infer"})
    assert "<script" not in session.infer.picker.models.object
    session.sheet.open("smsnet-demo")
    assert "<script" not in session.sheet.body.object
    assert "&lt;script&gt;" in session.sheet.body.object


def finished(session: Session, result: str, model: str, end: str = "2019-01-20") -> str:
    """A prediction that has ended, with a product of the catalogue as its result."""
    queue = session.infer.queue
    window = {"start": "2019-01-01", "end": end, "west": -104.0, "south": 34.0, "east": -102.0, "north": 36.0}
    job = queue.submit("predict", {"model": model, "window": window})
    while (claimed := queue.claim()) is not None and claimed.id != job:
        queue.end(claimed.id, "cancelled")
    done = {"id": result, "cells": 9, "steps": 20, "seconds": 1.0, "cached": False, "notes": []}
    queue.end(job, "done", result=done)
    return job


def test_a_finished_result_is_judged_at_stations_beside_the_observed_product(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer", product="coarse", box=BOX)
    assert not session.infer.after.visible
    session.selection.job = finished(session, "fine", "smsnet")
    session.infer.look()
    assert session.infer.after.visible
    assert not session.infer.compare.visible
    session.infer.judge.clicks += 1
    assert session.selection.place == "validate"
    asked_for = session.infer.queue.get(session.selection.run)
    assert asked_for is not None
    assert asked_for.kind == "validate"
    assert asked_for.request["products"] == ["fine", "coarse"]
    assert asked_for.request["reference"] == session.selection.collection
    assert (asked_for.request["start"], asked_for.request["end"]) == ("2019-01-01", "2019-01-20")
    assert session.store.catalog.get("fine").layer_m == (0.0, 0.05)
    assert (asked_for.request["depth_from"], asked_for.request["depth_to"]) == (0.0, 0.05)
    assert (session.validate.top.value, session.validate.bottom.value) == (0.0, 0.05)


def test_sensors_below_the_layer_leave_the_depth_open_and_none_in_the_window_is_said(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    deep = tiny_stations(grid)
    deep = deep.assign_coords(depth_from=deep["depth_from"] + 0.5, depth_to=deep["depth_to"] + 0.5)
    data = {
        "here": tiny_cube(grid, title="Here"),
        "beside": tiny_cube(ease("M36").cut(slice(80, 92), slice(230, 240)), kind="observed", title="Beside"),
        "other-grid": tiny_cube(
            ease("M09").cut(slice(320, 368), slice(800, 864)), kind="observed", title="Same sensors"
        ),
        "deep": deep,
    }
    settings = Settings(
        catalogs=(catalogue(tmp_path, data),), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs"
    )
    session = Session(settings, {"place": "infer", "product": "here", "stations": "deep", "box": BOX})
    job = session.infer.queue.get(finished(session, "here", "smsnet"))
    asked_for = judgement(session.store, job, settings)
    assert asked_for is not None
    assert asked_for.products == ("here", "other-grid"), "one with common sensors before one on the same grid"
    assert (asked_for.depth_from, asked_for.depth_to) == (None, None)
    away = session.infer.queue.get(finished(session, "beside", "smsnet"))
    assert judgement(session.store, away, settings) is None
    session.selection.job = away.id
    session.infer.look()
    assert not session.infer.judge.visible
    assert "No sensor of Test stations lies in the window of this result." in session.infer.why.object
    session.selection.collection = ""
    session.infer.look()
    assert "choose a station collection" in session.infer.why.object


def test_a_result_goes_on_the_map_though_the_catalogue_knew_it_first_and_only_once(
    open_tab: Callable[..., Session],
) -> None:
    session = open_tab(place="infer", product="coarse", box=BOX)
    job = session.infer.queue.submit("predict", {"model": "smsnet", "window": {}})
    session.selection.job = job
    session.infer.look()  # it waits
    while (claimed := session.infer.queue.claim()) is not None and claimed.id != job:
        session.infer.queue.end(claimed.id, "cancelled")
    done = {"id": "fine", "cells": 9, "steps": 20, "seconds": 1.0, "cached": False, "notes": []}
    session.infer.queue.end(job, "done", result=done)
    session.infer.look()
    assert session.selection.product == "fine"
    session.selection.product = "coarse"
    session.infer.look()
    assert session.selection.product == "coarse", "the user has chosen another since"


def test_another_models_result_on_the_same_window_is_one_click_away(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer", product="coarse", box=BOX)
    finished(session, "coarse", "climatology", end="2019-01-19")
    session.selection.job = finished(session, "fine", "smsnet")
    session.infer.look()
    assert not session.infer.compare.visible, "its window is another"
    finished(session, "coarse", "climatology")
    session.infer.look()
    assert session.infer.compare.visible
    session.infer.compare.clicks += 1
    assert (session.selection.product, session.selection.minus) == ("fine", "coarse")


def test_no_real_result_is_judged_beside_a_made_up_product(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer", product="coarse", box=BOX)
    made_up = session.store.catalog.get("fine")
    assert made_up.synthetic
    assert observed_beside(session.store, made_up) is not None
    assert observed_beside(session.store, replace(made_up, synthetic=False)) is None


def test_the_tiles_of_a_run_go_when_it_has_ended(open_tab: Callable[..., Session]) -> None:
    session = open_tab(place="infer", product="coarse", box=BOX)
    queue, seen = session.infer.queue, []
    session.map.show_running = lambda preview, *_: seen.append(preview is not None)
    job = queue.submit("predict", {"model": "smsnet", "window": {}})
    while (claimed := queue.claim()) is not None and claimed.id != job:
        queue.end(claimed.id, "cancelled")
    queue.report(job, 1.0, "last tile")  # all tiles are there, and the run has not ended
    session.selection.job = job
    session.infer.look()
    seen.clear()
    queue.end(
        job, "done", result={"id": "coarse", "cells": 1, "steps": 1, "seconds": 1.0, "cached": False, "notes": []}
    )
    session.infer.look()
    assert seen[-1:] == [False]


def test_days_that_the_data_do_not_have_are_named_and_the_short_inputs_come_first(tab: Callable[..., Session]) -> None:
    session = tab(model="smsnet-demo", box=BOX)
    card = session.infer.inputs
    assert card.found is not None
    end = str(card.found.time[-1].astype("datetime64[D]"))
    late = str(card.found.time[-1].astype("datetime64[D]") + 3)
    session.selection.param.update(start=end, end=late)
    found = card.found
    assert found is not None
    dynamic = [one for one in found.inputs if one.input.role == "dynamic"]
    assert [one.absent_steps for one in dynamic] == [3] * len(dynamic)
    assert found.complete.max() == pytest.approx(0.25)
    html = card.list.object
    assert f"nothing on 3 steps: {card.found.time[1]!s:.10} to {late}" in html
    assert html.index("25.0 %") < html.index("100 %")


def test_a_row_puts_its_share_on_the_map_and_takes_it_away_and_the_link_keeps_it(tab: Callable[..., Session]) -> None:
    session = tab(model="smsnet-demo", box=BOX)
    card = session.infer.inputs
    assert card.preview() is None
    card.choose("all")
    shown = card.preview()
    assert shown is not None
    assert shown.field.shape == (1, *shown.grid.shape)
    assert "inputs=all" in session.link()
    again = tab(model="smsnet-demo", box=BOX, inputs="all")
    assert again.infer.inputs.preview() is not None
    assert 'aria-pressed="true"' in again.infer.inputs.list.object
    card.choose("all")
    assert card.preview() is None
    assert tab(model="smsnet-demo", box=BOX, inputs="no_such_input").infer.inputs.preview() is None


def test_without_a_box_nothing_is_said_and_a_box_beside_the_data_has_a_sentence(tab: Callable[..., Session]) -> None:
    session = tab(model="smsnet-demo", box=BOX)
    session.selection.box = None
    assert session.infer.inputs.list.object == ""
    session.selection.box = (100.0, 10.0, 101.0, 11.0)
    assert "misses the data" in session.infer.inputs.list.object


def test_a_run_around_a_polygon_is_of_the_polygon_and_of_another_box_is_not(tab: Callable[..., Session]) -> None:
    session = tab(model="ridge", box=BOX)
    assert asked(session)["area"] == []
    session.infer._take(parse_area("-105 35.9, -103.5 36.2, -104.5 37.1"))
    assert asked(session)["area"] == [-105.0, 35.9, -103.5, 36.2, -104.5, 37.1]
    assert session.selection.box == (-105.0, 35.9, -103.5, 37.1)
    html = session.infer.inputs.list.object
    found = session.infer.inputs.found
    assert found is not None
    assert 0 < found.cells < found.complete.size
    assert f"mean over {found.cells} cells with the centre in the polygon" in html
    session.selection.polygon = (-105.0, 35.9, -103.5, 35.9, -103.5, 37.1)  # the same box around it
    assert asked(session)["area"] == list(session.selection.polygon)
    assert session.infer.inputs.found is not found
    session.selection.box = (-105.0, 35.9, -103.5, 37.2)
    assert asked(session)["area"] == []


def test_the_map_outlines_what_a_run_is_of_the_box_or_the_polygon(tab: Callable[..., Session]) -> None:
    session = tab(model="ridge", box="-105,35.9,-103.5,37.1", poly="-105,35.9,-103.5,36.2,-104.5,37.1")
    marks = session.areas
    assert len(marks.run.data["x"]) == 3
    session.selection.area = "polygon"  # the series are of the same polygon: one outline
    assert (len(marks.run.data["x"]), len(marks.outline.data["x"])) == (0, 3)
    session.selection.box = (-105.0, 35.9, -103.5, 37.2)
    assert (len(marks.run.data["x"]), len(marks.outline.data["x"])) == (4, 3)
    session.selection.place = "explore"
    assert len(marks.run.data["x"]) == 0
