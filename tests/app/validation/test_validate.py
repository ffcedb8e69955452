"""Validate without a server: a request becomes a kept run, a run becomes tables and marks, faults become sentences."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bokeh.events import Tap
from factories import catalogue, tiny_cube, tiny_stations
from tiny import Tiny

from app.commands import worker
from app.jobs import CANCELLED, DONE, FAILED, Job, Queue
from app.page import slim
from app.selection import RESULTS
from app.session import Session
from app.settings import Settings
from app.validation import request as validation
from app.validation.metric_display import explained, plain, scale_of, written
from app.validation.request import Asked
from smcore.grids import ease
from smcore.maps import mercator_x, mercator_y
from smcore.validation.metrics import METRICS

SCRIPT = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def asked(tiny: Tiny, runs: Path, **changes: Any) -> dict[str, Any]:
    """Both tiny products against the tiny stations, as the app would ask for it."""
    chosen = Asked(("coarse", "fine"), "nets", catalogs=(str(tiny.file),), runs=str(runs))
    return chosen.to_json() | changes


def run_job(jobs: Path, kind: str, request: dict[str, Any]) -> Job:
    """Run one job here, as the worker would."""
    queue = Queue(jobs)
    job_id = queue.submit(kind, request)
    claimed = queue.claim()
    assert claimed is not None
    worker.run(queue, claimed)
    ended = queue.get(job_id)
    assert ended is not None
    return ended


@pytest.fixture(scope="module")
def kept(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of runs with one in it, and its id; tests read it and never write to it."""
    folder = tmp_path_factory.mktemp("kept")
    ended = run_job(folder / "jobs", "validate", asked(tiny, folder / "runs", triple=True, stability=30))
    assert (ended.state, ended.message) == (DONE, "")
    return folder / "runs", ended.id


@pytest.fixture
def settings(tiny: Tiny, tmp_path: Path, kept: tuple[Path, str]) -> Settings:
    """Settings of a server that keeps that run."""
    own = tmp_path / "own.yml"
    return Settings((tiny.file, own), own, jobs=tmp_path / "jobs", runs=kept[0])


@pytest.fixture
def tab(settings: Settings, kept: tuple[Path, str]) -> Callable[..., Session]:
    """Open a tab in Validate on that run."""
    return lambda **query: Session(settings, {"place": "validate", "run": kept[1]} | query)


def drawer(session: Session) -> Any:
    """The results of a session."""
    return session.result_view


def markup(session: Session) -> Iterator[str]:
    """Every piece of HTML of Validate."""
    for view in (session.validate, session.card, session.result_view):
        for pane in view.__panel__().select(slim.Text):
            yield pane.object


def test_the_check_says_how_many_locations_a_run_would_compare_and_reads_nothing(tiny: Tiny, tmp_path: Path) -> None:
    ended = run_job(tmp_path / "jobs", "check-validate", asked(tiny, tmp_path / "runs"))
    assert ended.state == DONE
    assert [one["reached"] for one in ended.result["matches"]] == [3, 3]
    assert ended.result["start"] == "2018-01-01"
    assert not (tmp_path / "runs").exists()


def test_a_run_is_kept_under_the_id_of_its_job_with_the_density_of_all_pairs(
    kept: tuple[Path, str], tab: Callable[..., Session]
) -> None:
    folder, run = kept
    assert [path.name for path in folder.iterdir()] == [run]
    results = tab().results.opened()
    assert results is not None
    assert results.products == ("coarse", "fine")
    for product in results.products:
        counted = results.density(product)
        assert counted is not None
        total = int(results.summary(product, "*pooled*")["n"].max())
        assert counted.pairs == counted.total == total
        assert 0.95 * total <= int(counted.count.sum()) <= total


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": "2030-01-01"}, ""),
        ({"start": "2018-01-05", "end": "2018-01-01"}, ""),
        ({"reference": "coarse"}, "both as a product and as the reference"),
        ({"reference": "nothing"}, "nothing"),
        ({"masks": ["no_such_rule"]}, "no_such_rule"),
        ({"flags": " "}, "No station flag"),
        ({"quality": "splendid"}, "splendid"),
        ({"scaling": "magic"}, "magic"),
        ({"products": ["fine"], "triple": True}, "two products"),
        ({"depth_from": 3.0, "depth_to": 4.0}, ""),
        ({"catalogs": ["/no/such/file.yml"]}, "no such catalogue"),
    ],
)
def test_what_can_not_be_validated_fails_with_one_sentence_and_leaves_nothing(
    tiny: Tiny, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    ended = run_job(tmp_path / "jobs", "validate", asked(tiny, tmp_path / "runs", **changes))
    assert ended.state == FAILED
    assert said in ended.message
    assert "unexpected" not in ended.message
    assert "\n" not in ended.message
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Asked(), "No product is chosen"),
        (Asked(("a",)), "No reference is chosen"),
        (Asked(("a",), "b", start="2018-02-01", end="2018-01-01"), "after the last"),
    ],
)
def test_what_is_still_to_be_chosen_is_said_before_anything_is_sent(choice: Asked, said: str) -> None:
    with pytest.raises(Exception, match=said):
        validation.check_asked(choice)


def test_a_cancelled_run_ends_at_once_in_the_middle_of_a_step_and_keeps_nothing(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import smcore.validation.runs.run

    queue, asked_at = Queue(tmp_path / "jobs"), []
    job_id = queue.submit("validate", asked(tiny, tmp_path / "runs"))

    def endless(*_: Any, **__: Any) -> None:
        """A step that no station's fault may end, and that asks nobody."""
        asked_at.append(time.monotonic())
        queue.cancel(job_id)
        while time.monotonic() - asked_at[0] < 60:
            with contextlib.suppress(Exception):
                threading.Event().wait(0.01)

    monkeypatch.setattr(smcore.validation.runs.run, "validate", endless)
    claimed = queue.claim()
    assert claimed is not None
    worker.run(queue, claimed)
    ended = queue.get(job_id)
    assert ended is not None
    assert (ended.state, ended.message) == (CANCELLED, "Stopped on request; nothing was kept.")
    assert time.monotonic() - asked_at[0] < 30
    assert not list((tmp_path / "runs").glob("*"))
    assert validation.LOOK_SECONDS + worker.CANCEL_SECONDS <= 0.5


def test_what_was_asked_comes_back_from_the_queue_and_from_the_record(kept: tuple[Path, str]) -> None:
    chosen = Asked(("a", "b"), "c", "2018-01-01", "2018-02-01", 0.0, 0.1, "G,U", "recommended", "am", ("rfi",))
    assert Asked.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen
    record = json.loads((kept[0] / kept[1] / "run.json").read_text())
    again = Asked.from_record(record)
    assert (again.products, again.reference, again.triple, again.stability) == (("coarse", "fine"), "nets", True, 30)
    assert again.options() == Asked(("coarse", "fine"), "nets", triple=True, stability=30).options()


def test_the_summary_shows_the_numbers_of_the_runs_table_with_interval_unit_and_definition(
    kept: tuple[Path, str], tab: Callable[..., Session]
) -> None:
    shown = drawer(tab(metric="ubrmsd")).page.object
    table = pd.read_csv(kept[0] / kept[1] / "metrics.csv", keep_default_na=False, na_values=[""])
    rows = table[(table["location"] == "*median*") & (table["metric"] == "pearson_r")]
    for _, row in rows.iterrows():
        assert f">{row['value']:.3f}".replace("-", "−") in shown
    common = pd.read_csv(kept[0] / kept[1] / "common.csv", keep_default_na=False, na_values=[""])
    row = common[(common["location"] == "*median*") & (common["metric"] == "ubrmsd")].iloc[0]
    assert plain("ubrmsd", float(row["value"]), "m3 m-3") in shown
    assert "common days" in shown
    assert "m³ m⁻³" in shown
    assert "doi:10.1029/2000JD900719" not in shown
    for name in table["metric"].unique():
        assert f'data-open="metric:{name}"' in shown or name == "n"
    assert "Pearson, K. (1895)" in shown


def test_every_tab_of_a_run_shows_something_and_an_empty_one_says_what_would_fill_it(
    tab: Callable[..., Session], tiny: Tiny, tmp_path: Path
) -> None:
    session = tab()
    for name in RESULTS:
        session.selection.result = name
        view = drawer(session)
        assert view.chart.visible or len(view.page.object) > 80
        assert view.chart.visible == (name in ("strata", "taylor", "scatter", "stability"))
    alone = run_job(tmp_path / "alone", "validate", asked(tiny, tmp_path / "runs", products=["fine"]))
    assert (alone.state, alone.message) == (DONE, "")
    own = Settings((tiny.file,), tmp_path / "own.yml", jobs=tmp_path / "jobs", runs=tmp_path / "runs")
    session = Session(own, {"place": "validate", "run": alone.id})
    for name, said in (("against", "tick another"), ("triple", "More options"), ("stability", "days of a window")):
        session.selection.result = name
        assert said in drawer(session).page.object
        assert 'class="empty"' in drawer(session).page.object


def test_the_map_has_one_mark_a_sensor_coloured_by_the_chosen_metric(tab: Callable[..., Session]) -> None:
    session = tab(metric="pearson_r")
    marks = session.scores.points.data
    assert len(marks["x"]) == 3
    assert set(marks["shape"]) == {"circle"}
    assert not session.map.station_marks.visible
    before = list(marks["fill"])
    session.selection.metric = "bias"
    assert session.scores.points.data["fill"] != before
    assert all(text.startswith("bias") for text in session.scores.points.data["text"])
    session.selection.scored = "fine"
    assert session.card.product.value == "fine"
    session.selection.place = "explore"
    assert session.map.station_marks.visible
    assert not session.scores.points.data["x"]


def test_a_location_without_a_number_keeps_its_mark_in_the_shape_of_its_status(tiny: Tiny, tmp_path: Path) -> None:
    ended = run_job(tmp_path / "jobs", "validate", asked(tiny, tmp_path / "runs", min_obs=30, products=["coarse"]))
    assert ended.state == DONE
    own = Settings((tiny.file,), tmp_path / "own.yml", jobs=tmp_path / "jobs", runs=tmp_path / "runs")
    session = Session(own, {"place": "validate", "run": ended.id, "metric": "pearson_r"})
    marks = session.scores.points.data
    assert "inverted_triangle" in marks["shape"]
    few = marks["shape"].index("inverted_triangle")
    assert marks["fill"][few] == "#00000000"
    assert "30 needed" in marks["text"][few]
    assert "too few" in session.card.shapes.object


def test_a_against_b_colours_the_map_by_who_wins(tab: Callable[..., Session]) -> None:
    session = tab(show="against")
    results = session.results.opened()
    assert results is not None
    sentence = results.comparisons[0]["sentence"]
    assert sentence.split(";")[0].split("(")[-1].split(",")[0] in drawer(session).page.object
    verdicts = results.verdicts("coarse", "fine", "ubrmsd")["verdict"]
    assert sorted(session.results.marks().kind) == sorted(verdicts)  # type: ignore[union-attr]
    session.selection.metric = "nse"
    assert session.results.compared_metric(results) == "ubrmsd"


def test_a_click_on_a_mark_or_on_a_name_of_the_table_opens_the_sensor_in_stations(tab: Callable[..., Session]) -> None:
    session = tab()
    results = session.results.opened()
    assert results is not None
    row = results.locations("coarse", "n").iloc[1]
    session.scores._tapped(Tap(session.map.figure, x=float(mercator_x(row["lon"])), y=float(mercator_y(row["lat"]))))
    assert (session.selection.place, session.selection.sensor) == ("stations", row["sensor"])
    assert session.store.stations.chosen() is not None
    session = tab(show="locations")
    assert 'data-open="location:2"' in drawer(session).page.object
    session.results.open_location(2)
    assert session.selection.sensor == results.locations("coarse", "n")["sensor"].iloc[2]
    session.results.open_location(99)


def test_the_controls_come_back_from_the_run_that_is_opened(tab: Callable[..., Session]) -> None:
    view = tab().validate
    assert view.products.value == ["coarse", "fine"]
    assert (view.reference.value, view.triple.value, view.window.value) == ("nets", True, 30)
    assert view.asked().options() == Asked(("coarse", "fine"), "nets", triple=True, stability=30).options()
    assert not view.run.disabled or "Pairing" in view.cost.object


@pytest.mark.parametrize("name", RESULTS)
def test_a_damaged_a_foreign_and_a_lost_run_are_said_in_a_sentence(
    kept: tuple[Path, str], tiny: Tiny, tmp_path: Path, name: str
) -> None:
    runs = tmp_path / "runs"
    good = kept[0] / kept[1]
    for folder in ("damaged", "foreign"):
        (runs / folder).mkdir(parents=True)
        for file in good.iterdir():
            (runs / folder / file.name).write_bytes(file.read_bytes())
    (runs / "damaged" / "metrics.csv").write_bytes(b"location,metric\n")
    (runs / "foreign" / "run.json").write_text('{"format": "something else"}')
    own = Settings((tiny.file,), tmp_path / "own.yml", jobs=tmp_path / "jobs", runs=runs)
    for folder, said in (
        ("damaged", "metrics.csv of the run is missing or was changed"),
        ("foreign", "no run of this"),
    ):
        session = Session(own, {"place": "validate", "run": folder, "show": name})
        assert said in drawer(session).page.object
        assert said in session.card.title.object
        assert not session.scores.points.data["x"]
    session = Session(own, {"place": "validate", "run": "lost", "show": name})
    assert "not kept here" in session.validate.state.object


def test_without_a_catalogue_the_page_says_what_would_fill_it(tmp_path: Path) -> None:
    own = Settings((tmp_path / "own.yml",), tmp_path / "own.yml", jobs=tmp_path / "jobs", runs=tmp_path / "runs")
    session = Session(own, {"place": "validate"})
    assert session.template() is not None
    assert "loam demo" in session.validate.cost.object
    assert "Nothing is validated yet" in session.card.title.object
    assert "A run fills this" in drawer(session).page.object
    assert session.validate.run.disabled


def test_a_session_watches_its_run_and_shows_it_when_it_is_done(settings: Settings, tiny: Tiny, tmp_path: Path) -> None:
    session = Session(settings.__class__((tiny.file,), tmp_path / "o.yml", jobs=tmp_path / "j", runs=tmp_path / "r"),
                      {"place": "validate", "product": "fine"})  # fmt: skip
    view, queue = session.validate, Queue(tmp_path / "j")
    assert view.products.value == ["fine"]
    assert view.reference.value == "nets", view.cost.object
    claimed = queue.claim()
    assert claimed is not None
    assert claimed.kind == "check-validate"
    worker.run(queue, claimed)
    view.look()
    assert "<b>3</b> of 3" in view.cost.object
    assert not view.run.disabled
    view._run()
    assert "progress" in view.state.object or "Waiting" in view.state.object
    claimed = queue.claim()
    assert claimed is not None
    worker.run(queue, claimed)
    view.look()
    assert session.selection.run == claimed.id
    assert "Done" in view.state.object
    assert "median of 3 sensors" in drawer(session).page.object
    assert len(session.scores.points.data["x"]) == 3
    assert claimed.id in view.earlier.options.values()


def test_a_run_over_the_cells_of_a_grid_is_a_raster_with_its_histogram(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    file = catalogue(tmp_path, {"a": tiny_cube(grid), "b": tiny_cube(grid, seed=2, title="Other")})
    request = Asked(("a",), "b", catalogs=(str(file),), runs=str(tmp_path / "runs")).to_json()
    ended = run_job(tmp_path / "jobs", "validate", request)
    assert (ended.state, ended.message) == (DONE, "")
    own = Settings((file,), tmp_path / "own.yml", jobs=tmp_path / "jobs", runs=tmp_path / "runs")
    session = Session(own, {"place": "validate", "run": ended.id, "metric": "bias"})
    results = session.results.opened()
    assert results is not None
    assert results.is_grid
    field = results.field("a", "bias")
    assert field is not None
    assert field.value.shape == grid.shape
    assert session.map.scores.data["image"][0].any()
    counts = session.card.chart.source.data["top"]
    assert int(np.sum(counts)) == int(np.isfinite(field.value).sum())
    session.selection.place = "explore"
    assert not session.map.scores.data["image"][0].any()
    for name in RESULTS:
        session.selection.param.update(place="validate", result=name)


def test_text_from_data_is_never_markup(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    nets = tiny_stations(grid)
    names = np.array([f"{SCRIPT}{i}" for i in range(3)])
    nets = nets.assign_coords(station=("sensor", names), network=("sensor", names), sensor=("sensor", names))
    nets.attrs["title"] = SCRIPT
    file = catalogue(tmp_path, {"cube": tiny_cube(grid, title=SCRIPT), "nets": nets}, citation=SCRIPT, version=SCRIPT)
    request = Asked(("cube",), "nets", catalogs=(str(file),), runs=str(tmp_path / "runs")).to_json()
    ended = run_job(tmp_path / "jobs", "validate", request)
    assert (ended.state, ended.message) == (DONE, "")
    own = Settings((file,), tmp_path / "own.yml", jobs=tmp_path / "jobs", runs=tmp_path / "runs")
    session = Session(own, {"place": "validate", "run": ended.id})
    for name in RESULTS:
        session.selection.result = name
        assert not any("<script" in html or "<img" in html for html in markup(session)), name
    session.selection.result = "locations"
    assert "&lt;script&gt;" in drawer(session).page.object


@pytest.mark.parametrize("metric", list(METRICS))
def test_every_metric_has_a_range_digits_and_an_explanation_with_its_source(metric: str) -> None:
    for units in ("m3 m-3", "1", "kg m-2"):
        scale = scale_of(metric, units, [0.1, 0.4, 12.0])
        assert scale.low < scale.high
        assert written(metric, 0.1234, units, (0.1, 0.2))
    assert "Source: " in explained(metric)
    assert plain(metric, float("nan"), "1") == "–"
