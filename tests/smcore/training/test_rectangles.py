"""Training sets of models that look at neighbours, of 3-hourly steps, and of seasons with a gap between them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from smcore import names
from smcore.errors import GridMismatch, ModelError, SpecMismatch
from smcore.grids import ease, regular
from smcore.inputs import available
from smcore.models.input_sets import OBSERVED
from smcore.models.spec import InputSpec, ModelSpec
from smcore.roles import Source
from smcore.training import predicting
from smcore.training.datasets import Choice, build
from smcore.training.folds import make_folds
from smcore.training.predicting import evaluate, predict_places
from smcore.training.splits import Split
from smcore.window import Window

RAIN = InputSpec("precipitation", "mm d-1", required=True)
CLAY = InputSpec("clay", "%", "static")
SPATIAL = ModelSpec("blur", "Test", (RAIN, CLAY), patch=4, halo=2)
HOURLY = ModelSpec("hourly", "Test", (RAIN,), step="3h", history=7)
ALL = ("target", "forcing", "static")


class Blur:
    """The mean of rain over the 5 × 5 cells around each, as far as the rectangle reaches."""

    def __init__(self, spec=SPATIAL):
        self.spec = spec
        self.shapes = []

    def predict(self, inputs, *, device="cpu"):
        self.shapes.append(inputs.shape)
        maps = np.nan_to_num(inputs.dynamic[..., 0].reshape(-1, *inputs.shape))
        padded = np.pad(maps, ((0, 0), (2, 2), (2, 2)))
        height, width = inputs.shape
        total = sum(padded[:, r : r + height, c : c + width] for r in range(5) for c in range(5))
        return {"sm": (total / 25).reshape(len(maps), -1).astype(np.float32)}


def fine_target(world):
    """The truth on the fine grid, as observations with gaps."""
    gaps = np.random.default_rng(1).random(world.truth.shape) < 0.3
    data = world.forcing[["precipitation"]].rename({"precipitation": "sm"}).copy(deep=True)
    data["sm"].values[:] = np.where(gaps, np.nan, world.truth)
    data["sm"].attrs = dict(world.target["sm"].attrs)
    return Source("target", frozenset({"target"}), data)


def test_coarse_targets_lie_under_a_whole_rectangle_of_cells(small_world):
    data = build(SPATIAL, small_world.sources(*ALL), Window(), Choice())
    inputs = data.satellite.inputs
    assert inputs.shape == (16, 20)
    assert inputs.origin == (small_world.fine.row0, small_world.fine.col0)
    assert np.bincount(data.satellite.members).tolist() == [16] * 20  # the cell of sea is still there
    np.testing.assert_array_equal(inputs.series("precipitation").reshape(-1, 16, 20), small_world.forcing.precipitation)
    assert data.cells["row"][0] == 90


def test_targets_on_the_same_grid_are_one_to_one_and_sea_is_missing(small_world):
    target = fine_target(small_world)
    data = build(SPATIAL, [target, *small_world.sources("forcing", "static")], Window(), Choice())
    assert data.satellite.members is None
    np.testing.assert_array_equal(data.satellite.target.reshape(-1, 16, 20), target.data["sm"].values)


def test_nothing_is_learnt_from_the_margin_around_the_window(small_world):
    fine = small_world.fine
    box = Window(None, None, float(fine.lon[6]), float(fine.lat[10]), float(fine.lon[9]), float(fine.lat[5]))
    sources = [fine_target(small_world), *small_world.sources("forcing", "static")]
    data = build(SPATIAL, sources, box, Choice())
    height, width = data.satellite.inputs.shape
    assert height > 6
    assert width > 4
    seen = np.isfinite(data.satellite.target).any(axis=0).reshape(height, width)
    assert seen.sum() == 6 * 4


def test_folds_keep_the_rectangle_and_hide_values(small_world):
    data = build(SPATIAL, small_world.sources(*ALL), Window(), Choice())
    fold = make_folds(data, Split("site", 4), Window(), None)[0]
    given = fold.data.satellite
    assert given.inputs.shape == (16, 20)
    assert np.shares_memory(given.inputs.dynamic, data.satellite.inputs.dynamic)
    hidden = fold.samples["test"].any(axis=0)
    assert hidden.sum() == 5
    assert np.isnan(given.target[:, hidden]).all()
    assert np.isfinite(given.target[:, ~hidden]).any(axis=0).all()


def test_tiles_with_a_halo_give_what_the_whole_rectangle_gives(small_world, monkeypatch):
    data = build(SPATIAL, small_world.sources(*ALL), Window(), Choice())
    fold = make_folds(data, Split("site", 4), Window(), None)[0]
    whole = predict_places(Blur(), data, fold, wanted=np.isfinite(data.satellite.target))
    assert whole.shape == (150, 320)
    monkeypatch.setattr(predicting, "_TILE_BYTES", 1)
    model = Blur()
    tiled = predict_places(model, data, fold, wanted=np.isfinite(data.satellite.target))
    assert max(model.shapes) <= (8, 8)
    np.testing.assert_allclose(tiled, whole, rtol=1e-6)
    found, _ = evaluate(model, data, fold, "cpu", lambda: False)
    hidden = np.flatnonzero(fold.samples["test"].any(axis=0))
    member = data.satellite.members == hidden[0]
    np.testing.assert_allclose(found["test"][:, hidden[0]], whole[:, member].mean(axis=1), rtol=1e-5)


def test_only_steps_near_wanted_ones_are_computed(small_world):
    data = build(SPATIAL, small_world.sources(*ALL), Window(), Choice())
    fold = make_folds(data, Split("site", 4), Window(), None)[0]
    wanted = np.zeros(data.satellite.target.shape, bool)
    wanted[[10, 13, 90], 0] = True
    whole = predict_places(Blur(), data, fold, wanted=np.isfinite(data.satellite.target))

    class OfThreeDays(Blur):
        def __init__(self):
            super().__init__(dataclasses.replace(SPATIAL, history=2))
            self.steps = []

        def predict(self, inputs, *, device="cpu"):
            self.steps.append((len(inputs.time), inputs.first))
            return super().predict(inputs, device=device)

    model = OfThreeDays()
    said = predict_places(model, data, fold, wanted=wanted)
    assert model.steps == [(6, 2), (3, 2)]  # from 8 to 13, and from 88 to 90
    assert np.flatnonzero(np.isfinite(said).any(axis=1)).tolist() == [10, 11, 12, 13, 90]
    member = data.satellite.members == 0
    np.testing.assert_array_equal(said[np.ix_([10, 13, 90], member)], whole[np.ix_([10, 13, 90], member)])


def test_a_long_period_is_cut_in_time_before_it_is_cut_in_tiles(small_world, monkeypatch):
    data = build(SPATIAL, small_world.sources(*ALL), Window(), Choice())
    fold = make_folds(data, Split("site", 4), Window(), None)[0]
    wanted = np.isfinite(data.satellite.target)
    whole = predict_places(Blur(), data, fold, wanted=wanted)
    monkeypatch.setattr(predicting, "_TILE_BYTES", 4 * 2 * 320 * 40)  # 40 steps of the two channels and 320 cells
    model = Blur()
    np.testing.assert_array_equal(predict_places(model, data, fold, wanted=wanted), whole)
    assert set(model.shapes) == {(16, 20)}
    assert len(model.shapes) == 4


def test_loose_pixels_are_no_rectangle(small_world):
    pixels = small_world.forcing.isel(y=3).swap_dims({"x": "location"}).drop_vars(["lat", "lon"])
    pixels = pixels.assign_coords(
        lat=("location", np.full(20, small_world.fine.lat[3])), lon=("location", small_world.fine.lon)
    )
    pixels = pixels.assign_attrs({"grid_name": "M09", "kind": "forcing"})
    sources = [*small_world.sources("target"), Source("p", frozenset({"forcing"}), pixels)]
    with pytest.raises(GridMismatch):
        build(SPATIAL, sources, Window(), Choice())


def cube(grid, time, fields, **attrs):
    variables = {n: (names.CUBE_DIMS, v, {"units": "mm d-1" if n == "precipitation" else "m3 m-3"})
                 for n, v in fields.items()}  # fmt: skip
    coords = {"time": time, "lat": ("y", grid.lat), "lon": ("x", grid.lon)}
    return xr.Dataset(variables, coords, {"time_support": "instant", "kind": "observed"} | grid.to_attrs() | attrs)


@pytest.fixture(scope="module")
def subdaily():
    """Two seasons of ten days of 3-hourly rain on 0.1°, and am and pm maps of 36 km cells with times of their own."""
    grid = regular(40.0, -100.0, 0.1, 0.1, 12, 12)
    hours = np.arange(0, 240, 3) * np.timedelta64(1, "h")
    time = np.concatenate([np.datetime64(f"{year}-06-01", "ns") + hours for year in (2018, 2019)])
    rain = np.random.default_rng(0).random((len(time), 12, 12)).astype(np.float32)
    coarse = ease("M36")
    rows, columns, _, _ = *coarse.index([39.9, 38.9], [-99.9, -98.8]), 0, 0
    cells = coarse.cut(slice(int(rows[0]), int(rows[1]) + 1), slice(int(columns[0]), int(columns[1]) + 1))
    days = np.unique(time.astype("datetime64[D]")).astype("datetime64[ns]")
    stamps = (days[:, None] + np.array([6, 18]) * np.timedelta64(1, "h")).ravel()
    sm = np.random.default_rng(1).uniform(0.1, 0.4, (len(stamps), *cells.shape)).astype(np.float32)
    target = cube(cells, stamps, {"sm": sm})
    delay = np.timedelta64(7 * 60 + 20, "m")  # 13:20 and, on the next day, 01:20 UTC
    target["obs_time"] = (names.CUBE_DIMS, np.broadcast_to((stamps + delay)[:, None, None], sm.shape))
    target = target.assign_coords(overpass=("time", np.tile(["am", "pm"], len(days))))
    forcing = cube(grid, time, {"precipitation": rain})
    return [Source("t", frozenset({"target"}), target), Source("f", frozenset({"forcing"}), forcing)], cells


def test_a_target_takes_the_3_hourly_step_nearest_to_its_observation(subdaily):
    sources, cells = subdaily
    data = build(HOURLY, sources, Window(), Choice(overpass="both"))
    inputs, target = data.satellite.inputs, data.satellite.target
    hour = (inputs.time - inputs.time.astype("datetime64[D]")) / np.timedelta64(1, "h")
    seen = np.isfinite(target).any(axis=1)
    assert set(hour[seen]) == {0.0, 12.0}  # 13:20 lies nearest to 12:00, 01:20 to 00:00
    row, column = cells.index(data.lat, data.lon)
    noon = np.flatnonzero(inputs.time == np.datetime64("2018-06-03T12:00"))[0]
    stamp = np.flatnonzero(sources[0].time == np.datetime64("2018-06-03T06:00"))[0]
    np.testing.assert_array_equal(target[noon], sources[0].data["sm"].values[stamp, row, column])
    assert data.evening is not None
    assert set(hour[(data.evening & np.isfinite(target)).any(axis=1)]) == {0.0}


def test_cells_of_a_grid_that_does_not_nest_belong_to_the_one_that_holds_their_centre(subdaily):
    sources, cells = subdaily
    data = build(HOURLY, sources, Window(), Choice(overpass="both"))
    inputs = data.satellite.inputs
    row, column = cells.index(inputs.lat, inputs.lon)
    own_row, own_column = cells.index(data.lat, data.lon)
    np.testing.assert_array_equal(own_row[data.satellite.members], row)
    np.testing.assert_array_equal(own_column[data.satellite.members], column)


def test_the_time_axis_leaves_out_what_the_forcing_lacks(subdaily):
    sources, _ = subdaily
    data = build(HOURLY, sources, Window("2018-06-01", "2019-06-10"), Choice())
    np.testing.assert_array_equal(data.satellite.inputs.time, sources[1].time)
    fold = make_folds(data, Split("none"), Window("2018-06-01", "2018-06-10"), ("2019-06-01", "2019-06-10"))[0]
    assert str(fold.data.satellite.inputs.time[-1])[:10] == "2018-06-10"
    assert fold.samples["test"].any(axis=1).sum() == 80
    with pytest.raises(SpecMismatch, match="steps"):
        build(dataclasses.replace(HOURLY, history=1_000_000), sources, Window("2018-06-01", "2019-06-10"), Choice())


def test_overpass_hours_hold_out_what_the_evening_saw(subdaily):
    sources, _ = subdaily
    data = build(HOURLY, sources, Window(), Choice(overpass="both"))
    fold = make_folds(data, Split("overpass-hours"), Window(), None)[0]
    hour = data.satellite.inputs.time.astype("datetime64[h]").astype(int) % 24
    assert set(hour[fold.train.any(axis=1)]) == {12}
    scored = fold.samples["test"] & np.isfinite(data.satellite.target)
    assert set(hour[scored.any(axis=1)]) == {0}
    assert not (fold.train & fold.samples["test"]).any()


def test_overpass_hours_need_3_hourly_steps(small_world):
    data = build(dataclasses.replace(SPATIAL, patch=1, halo=0), small_world.sources(*ALL), Window(), Choice())
    with pytest.raises(ModelError, match="3-hourly"):
        make_folds(data, Split("overpass-hours"), Window(), None)


def test_a_dynamic_input_takes_a_variable_with_steps_and_a_static_one_without(small_world):
    both = small_world.forcing.assign(ndvi=small_world.static["clay"])
    series = small_world.forcing[["precipitation"]].rename({"precipitation": "ndvi"})
    series["ndvi"].attrs["units"] = "1"
    one = Source("one", frozenset({"forcing", "static"}), both)
    other = Source("other", frozenset({"forcing", "static"}), series)
    dynamic, static = InputSpec("ndvi", "1"), InputSpec("ndvi", "%", "static")
    assert available([one], [dynamic]) == {}
    assert available([one, other], [dynamic]) == {"ndvi": "1"}
    assert available([one, other], [static]) == {"ndvi": "%"}
    spec = ModelSpec("m", "Test", (RAIN, dynamic))
    data = build(spec, [*small_world.sources("target"), one, other], Window(), Choice())
    inputs = data.satellite.inputs
    np.testing.assert_array_equal(inputs.series("ndvi"), inputs.series("precipitation"))


def test_observations_are_in_sight_of_a_spatial_model_on_its_rectangle(small_world):
    spec = dataclasses.replace(SPATIAL, inputs=(RAIN, OBSERVED))
    data = build(spec, [fine_target(small_world), *small_world.sources("forcing")], Window(), Choice())
    inputs = data.satellite.inputs
    np.testing.assert_array_equal(inputs.observed, data.satellite.target)
    fold = make_folds(data, Split("random"), Window(), None)[0]
    assert fold.data.satellite.inputs.observed is not None
    np.testing.assert_array_equal(fold.data.satellite.inputs.observed, fold.data.satellite.target)
    assert not np.isfinite(fold.data.satellite.target[fold.samples["test"]]).any()
