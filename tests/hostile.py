"""A run whose stations and titles hold what attacks and accidents write into names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from factories import catalogue, tiny_cube, tiny_stations

from smcore.catalog import load_catalog
from smcore.grids import ease
from smcore.validation.estimates import EstimateOptions
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


def hostile_run(folder: Path) -> tuple[Path, Path]:
    """Catalogue and folder of a run of two products against six stations with such names."""
    nets = tiny_stations(GRID, count=60, stations=len(HOSTILE))
    nets = nets.assign_coords(
        sensor=np.array([f"N/{name}/0.00-0.05/p" for name in HOSTILE]), station=("sensor", np.array(HOSTILE))
    )
    a = tiny_cube(GRID, count=60, gaps=0.3, kind="observed").assign_attrs(title="A <b>bold</b> product")
    data = {"a": a, "b": tiny_cube(GRID, count=60, seed=2), "nets": nets}
    file = catalogue(folder, data, citation="Ann <i>et al.</i> (2020)", doi="10.1234/abc")
    run = validate(
        ["a", "b"],
        "nets",
        load_catalog([file]),
        RunOptions(estimates=EstimateOptions(draws=50), triple=True, strata=("season",)),
    )
    write_run(run, folder / "run")
    return file, folder / "run"
