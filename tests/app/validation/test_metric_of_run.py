"""The metric map of a real run: its locations, numbers, range and colours are those of the run and of the dashboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import holoviews as hv
import numpy as np
import pytest
from tiny import Tiny, make_tiny

from app import cli
from app.files.python_code import metric_code
from app.selection import Selection
from app.store import Store
from app.validation.metric_display import scale_of
from app.validation.result_store import ResultStore
from smcore import notebook
from smcore.errors import ExportError, SmcoreError
from smcore.figures.elements import metric_map_element
from smcore.validation.runs.results import open_run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of the tiny products: ``first`` against the tiny stations, ``cells`` against each other."""
    folder = tmp_path_factory.mktemp("run")
    tiny: Tiny = make_tiny(folder)
    for run, products, reference in (("first", ["coarse", "fine"], "nets"), ("cells", ["coarse"], "fine")):
        out = ["--out", str(folder / "runs" / run), "--catalog", str(tiny.file)]
        assert cli.main(["validate", *products, "--reference", reference, *out]) == 0
    return folder


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run against stations, in the home that is set."""
    monkeypatch.setenv("LOAM_HOME", str(home))
    return home / "runs" / "first"


def test_a_metric_is_drawn_at_every_location_with_its_number(run: Path) -> None:
    table, style = notebook.read_metric(run, "fine", "bias")
    expected = open_run(run).locations("fine", "bias")
    there = metric_map_element(table, **style).values()[2]
    np.testing.assert_array_equal(there.dimension_values("value"), expected["value"])
    np.testing.assert_array_equal(there.dimension_values("lat"), expected["lat"])
    assert there.vdims[0].unit == "m³ m⁻³"
    scale = scale_of("bias", "m3 m-3", [])
    assert style["colour_range"] == (scale.low, scale.high) == (-0.1, 0.1)
    assert style["colour_map"] == scale.colours == "difference"
    assert "synthetic" in style["title"]
    assert isinstance(there, hv.Points)


def test_a_short_name_is_cut_at_no_comma_inside_brackets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles = {"coarse": "SMAP (L3, 36 km), descending", "fine": "SMAP (L3, 9 km), descending", "nets": "Stations"}
    kept = shown(home / "runs" / "first", run="first")
    monkeypatch.setattr(kept, "label", titles.__getitem__)
    assert [kept.short(one) for one in ("coarse", "fine")] == ["SMAP (L3, 36 km)", "SMAP (L3, 9 km)"]


def test_a_run_that_nobody_knows_is_said_and_one_that_is_queued_is_waited_for(home: Path) -> None:
    selection = Selection(run="nope")
    store = Store(selection, [home / "catalog.yml"])
    for is_queued, said in ((False, "There is no run «nope» here"), (True, "its results come here when it is done")):
        kept = ResultStore(selection, store, home / "runs", lambda _, found=is_queued: found)
        assert said in kept.waits()


def test_a_run_is_found_by_its_id_in_the_home(run: Path) -> None:
    table, style = notebook.read_metric("first")
    assert len(table) == 3
    assert style["label"]
    with pytest.raises(SmcoreError, match="has no nse2 of coarse; it has products coarse, fine"):
        notebook.read_metric("first", metric="nse2")
    with pytest.raises(SmcoreError, match="no such run"):
        notebook.read_metric("../../second")


def shown(folder: Path, **chosen: str) -> ResultStore:
    """What Validate shows of a run."""
    selection = Selection(place="validate", **chosen)
    return ResultStore(selection, Store(selection, [folder.parent.parent / "catalog.yml"]), folder.parent)


def drawn(code: str) -> Any:
    space: dict[str, Any] = {}
    exec(compile(code, "<copied>", "exec"), space)
    return space["picture"]


def test_the_code_of_a_metric_at_locations_draws_the_marks_of_the_map(run: Path) -> None:
    results = shown(run, run="first", scored="fine", metric="pearson_r")
    marks = results.marks()
    assert marks is not None
    points = drawn(metric_code(results)).values()[2]
    np.testing.assert_array_equal(points.dimension_values("value"), marks.value)
    np.testing.assert_array_equal(points.dimension_values("lon"), marks.lon)


def test_the_code_of_a_metric_over_cells_draws_the_raster_of_the_map(run: Path) -> None:
    results = shown(run, run="cells", metric="bias")
    field = results.field()
    assert field is not None
    cells = drawn(metric_code(results)).values()[0]
    np.testing.assert_array_equal(cells.dimension_values(2, flat=False), field.value[::-1])
    assert cells.vdims[0].unit == "m³ m⁻³"
    with pytest.raises(SmcoreError, match="over the cells of a grid"):
        notebook.read_metric("cells")
    with pytest.raises(SmcoreError, match="at locations"):
        notebook.read_metric_map("first")


def test_without_a_run_there_is_no_code(run: Path) -> None:
    with pytest.raises(ExportError, match="no run on the map"):
        metric_code(shown(run))
