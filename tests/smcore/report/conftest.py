"""A run whose stations, titles and notes hold what attacks and accidents write into names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from factories import catalogue, tiny_cube, tiny_stations

from smcore.catalog import load_catalog
from smcore.grids import ease
from smcore.validation.runs.output import write_run
from smcore.validation.runs.run import RunOptions, validate

GRID = ease("M36").cut(slice(80, 92), slice(200, 216))
HOSTILE = (
    "<script>alert(1)</script>",
    'a"b\' onmouseover="x',
    "$x^2$ & \\textbf{y}",
    "=cmd|' /C calc'!A0",
    "left \u202eright\u2066 mark",
    "soil 🌱 水分",
)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Catalogue and folder of a run of two products against six stations with such names."""
    folder = tmp_path_factory.mktemp("hostile")
    nets = tiny_stations(GRID, count=80, stations=len(HOSTILE))
    nets = nets.assign_coords(
        sensor=np.array([f"N/{name}/0.00-0.05/p" for name in HOSTILE]), station=("sensor", np.array(HOSTILE))
    )
    a = tiny_cube(GRID, count=80, gaps=0.3, kind="observed").assign_attrs(title="A <b>bold</b> product")
    data = {"a": a, "b": tiny_cube(GRID, count=80, seed=2), "nets": nets}
    file = catalogue(folder, data, citation="Ann <i>et al.</i> (2020)", doi="10.1234/abc")
    run = validate(["a", "b"], "nets", load_catalog([file]), RunOptions(triple=True))
    write_run(run, folder / "run")
    return file, folder / "run"
