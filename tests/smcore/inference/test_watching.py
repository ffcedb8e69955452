"""Who watches a prediction sees its steps early, and what is kept does not depend on that."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.inference.computing import Engine
from smcore.inference.tiles import PredictedSteps, PredictedTile, Predictor
from smcore.inputs import handshake
from smcore.window import Window
from tests.smcore.inference.blurring import Blur

WINDOW = Window("2019-02-01", "2019-02-10")


@pytest.fixture
def predictor(small_world) -> Predictor:
    model = Blur(halo=2)
    plan = handshake(model.spec, model.used, small_world.sources("forcing", "static"), WINDOW)
    return Predictor(Engine(model, plan, call=3 * len(plan.places)), side=8)


def put_together(tiles: list[PredictedTile], shape: tuple[int, ...]) -> np.ndarray:
    field = np.full(shape, np.nan, np.float32)
    for tile in tiles:
        field[:, tile.rows, tile.columns] = tile.values["sm"]
    return field


def test_every_step_is_told_before_its_tile_is_whole_and_is_what_the_tile_has(predictor):
    shape = (10, *predictor.plan.places.kept_shape)
    early, told = np.full(shape, np.nan, np.float32), []

    def look(found: PredictedSteps) -> None:
        assert np.isnan(early[found.steps, found.rows, found.columns]).all()
        early[found.steps, found.rows, found.columns] = found.sm
        told.append((found.rows.start, found.columns.start, found.steps.start))

    tiles = []
    for tile in predictor.run(on_steps=look):
        np.testing.assert_array_equal(early[:, tile.rows, tile.columns], tile.values["sm"])
        tiles.append(tile)
    assert len(told) > len(tiles) > 1
    np.testing.assert_array_equal(early, put_together(tiles, shape))


def test_nothing_that_is_kept_depends_on_being_watched(predictor):
    shape = (10, *predictor.plan.places.kept_shape)
    alone = put_together(list(predictor.run()), shape)
    assert predictor.glimpse(1, 4) is not None
    np.testing.assert_array_equal(put_together(list(predictor.run(on_steps=lambda _: None)), shape), alone)
    assert np.isfinite(alone).any()


@pytest.mark.parametrize("step", [0, 4, 9])
def test_a_glimpse_is_one_step_of_its_tile(predictor, step):
    tile = list(predictor.run())[2]
    found = predictor.glimpse(2, step)
    assert (found.rows, found.columns, found.steps) == (tile.rows, tile.columns, slice(step, step + 1))
    np.testing.assert_allclose(found.sm[0], tile.values["sm"][step], atol=1e-6)


def test_a_model_that_goes_cell_by_cell_has_no_single_step_to_show(small_world):
    model = Blur(halo=0)
    plan = handshake(model.spec, model.used, small_world.sources("forcing", "static"), WINDOW)
    assert Predictor(Engine(model, plan), side=8).glimpse(0, 4) is None


def test_progress_goes_on_within_a_tile(predictor):
    shares: list[float] = []
    list(Predictor(predictor.engine, side=4096).run(progress=lambda share, _: shares.append(share)))
    assert shares == sorted(shares)
    assert len([share for share in shares if 0 < share < 1]) >= 2
