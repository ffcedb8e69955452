"""The metric map of a real run: its locations, numbers, range and colours are those of the run and of the dashboard."""

from __future__ import annotations

from pathlib import Path

import holoviews as hv
import numpy as np
import pytest
from tiny import Tiny, make_tiny

from app import cli
from app.metric_display import scale_of
from smcore import notebook
from smcore.errors import SmcoreError
from smcore.figures.elements import metric_map_element
from smcore.validation.runs.results import open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of both tiny products against the tiny stations."""
    folder = tmp_path_factory.mktemp("run")
    tiny: Tiny = make_tiny(folder)
    out = folder / "runs" / "first"
    arguments = ["validate", "coarse", "fine", "--reference", "nets", "--out", str(out), "--catalog", str(tiny.file)]
    assert cli.main(arguments) == 0
    return out


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


def test_a_run_is_found_by_its_id_in_the_home(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAM_HOME", str(run.parent.parent))
    table, style = notebook.read_metric("first")
    assert len(table) == 3
    assert style["label"]
    with pytest.raises(SmcoreError, match="has no nse2 of coarse; it has products coarse, fine"):
        notebook.read_metric("first", metric="nse2")
    with pytest.raises(SmcoreError, match="no such run"):
        notebook.read_metric("../../second")
