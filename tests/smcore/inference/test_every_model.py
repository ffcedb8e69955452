"""Tiles, windows and the dateline change nothing for any model that looks at neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from contracts.test_models import make_data, quick
from worlds import sources_for

from smcore.grids import ease, regular
from smcore.inference import stitch
from smcore.inference.computing import Engine
from smcore.inference.precision import FLOAT32
from smcore.inference.tiles import Predictor
from smcore.inputs import handshake
from smcore.models.base import FitRun, SoilMoistureModel
from smcore.models.card import ModelCard
from smcore.models.registry import build_model, model_ids, model_spec
from smcore.window import Window

pytestmark = pytest.mark.slow

STEPS = 16
SPATIAL = [name for name in model_ids() if model_spec(name).spatial]
CIRCLE = regular(55.0, -175.0, 10.0, 10.0, 10, 36)
"""Goes around the Earth in a number of columns that no patch divides."""


@pytest.fixture(params=SPATIAL, scope="module")
def model(request: pytest.FixtureRequest) -> SoilMoistureModel:
    """Trained for a moment, in its smallest configuration."""
    configs = model_spec(request.param).configs
    made = quick(build_model(request.param, next((c for c in configs if "demo" in c), configs[0])))
    made.fit(make_data(made.spec), FitRun(seed=1))
    return made


def product(model: SoilMoistureModel, sources, window: Window, side: int) -> xr.Dataset:
    """In float32: in bfloat16 how a product is cut shows in the last digits."""
    plan = handshake(model.spec, model.used, sources, window)
    tiles = Predictor(Engine(model, plan, wanted=FLOAT32), side).run()
    return stitch(tiles, plan, ModelCard(model.spec.id, "test", synthetic=True), window)


def differ(a: np.ndarray, b: np.ndarray) -> float:
    np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
    return float(np.nanmax(np.abs(a - b)))


def grids_of(model: SoilMoistureModel):
    """The grid of the inputs, and of the observations where they are coarser."""
    fine = ease("M09").cut(slice(300, 324), slice(700, 732))
    if model.spec.id in ("bicubic", "coarse_pixel"):
        return fine, ease("M36").cut(slice(75, 81), slice(175, 183))
    return fine, None


def test_tiles_equal_the_whole_and_a_part_equals_its_place_in_it(model):
    grid, coarse = grids_of(model)
    sources = sources_for(model.spec, grid, STEPS, target_grid=coarse)
    unit = model.spec.patch
    days = Window("2019-06-05", "2019-06-05") if model.spec.step == "1D" else Window("2019-06-02", "2019-06-02")
    untiled = product(model, sources, days, side=unit * 4096)["sm"].values
    assert np.isfinite(untiled).any()
    tiled = product(model, sources, days, side=max(unit, 16 // unit * unit))["sm"].values
    assert differ(tiled, untiled) <= 1e-5
    inset = 1e-3
    box = Window(
        days.start, days.end, grid.lon_edges[21] + inset, grid.lat_edges[18] + inset, grid.lon_edges[24] - inset,
        grid.lat_edges[13] - inset,
    )  # fmt: skip
    part = product(model, sources, box, side=unit * 4096)["sm"].values
    assert differ(part, untiled[:, 13:18, 21:24]) <= 1e-5


def test_a_window_across_the_dateline_equals_its_place_in_the_whole_circle(model):
    if model.spec.id in ("bicubic", "coarse_pixel"):
        pytest.skip("refines EASE grids only")
    sources = sources_for(model.spec, CIRCLE, STEPS)
    days = Window("2019-06-05", "2019-06-05") if model.spec.step == "1D" else Window("2019-06-02", "2019-06-02")
    whole = product(model, sources, days, side=model.spec.patch * 4096)
    assert whole["sm"].shape[1:] == CIRCLE.shape
    box = Window(days.start, days.end, 150.5, -30.0, -140.5, 40.0)
    across = product(model, sources, box, side=max(model.spec.patch, 8))
    assert across["lon"].values.tolist() == [155, 165, 175, 185, 195, 205, 215]
    columns = [33, 34, 35, 0, 1, 2, 3]
    rows = np.searchsorted(-CIRCLE.lat, -across["lat"].values)
    assert differ(across["sm"].values, whole["sm"].values[:, rows][:, :, columns]) <= 1e-5
