"""Tiles, halos and windows change nothing; what is missing is said before anything is computed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smcore.cubes.store import open_store, write
from smcore.errors import Cancelled, GridMismatch, ModelError, SpecMismatch, WindowError
from smcore.grids import ease
from smcore.inference import devices, estimate, predict, stitch
from smcore.inference.geometry import pieces
from smcore.inference.tiles import predict_plan
from smcore.inputs import handshake
from smcore.models.card import ModelCard
from smcore.models.persistence import Persistence
from smcore.models.trained import TrainedOn
from smcore.window import Window
from tests.smcore.inference.blurring import Blur

CARD = ModelCard("blur", "A test model", synthetic=True)
TRAINED = dataclasses.replace(
    CARD, cells={"grid": "M36", "row": [91], "col": [202]}, stations=["NET/S1"], period=("2018-01-01", "2018-12-31")
)


WINDOW = Window("2019-02-01", "2019-02-10")


def whole(model, world, window=WINDOW, side=4096, card=CARD):
    plan = handshake(model.spec, model.used, world.sources("forcing", "static"), window)
    return stitch(predict_plan(model, plan, side=side), plan, card, window)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(side=st.integers(3, 23), halo=st.integers(0, 4))
def test_tiles_with_halo_equal_the_whole(small_world, side, halo):
    model = Blur(halo=halo)
    tiled, untiled = whole(model, small_world, side=side), whole(model, small_world)
    np.testing.assert_allclose(tiled["sm"].values, untiled["sm"].values, atol=1e-5)
    np.testing.assert_array_equal(tiled["source"].values, untiled["source"].values)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    top=st.integers(2, 8),
    left=st.integers(2, 10),
    high=st.integers(1, 5),
    wide=st.integers(1, 7),
    patch=st.sampled_from([1, 4]),
)
def test_a_smaller_window_gives_the_same_cells(small_world, top, left, high, wide, patch):
    model = Blur(halo=2 if patch == 1 else 0, patch=patch)
    grid = small_world.fine
    rows, columns = slice(top, top + high), slice(left, left + wide)
    inset = 1e-3
    box = Window(
        "2019-02-03",
        "2019-02-06",
        grid.lon_edges[columns.start] + inset,
        grid.lat_edges[rows.stop] + inset,
        grid.lon_edges[columns.stop] - inset,
        grid.lat_edges[rows.start] - inset,
    )
    part = whole(model, small_world, box)
    assert part["sm"].shape == (4, high, wide)
    np.testing.assert_array_equal(part["lat"], grid.lat[rows])
    expected = whole(model, small_world)["sm"].values[2:6, rows, columns]
    np.testing.assert_allclose(part["sm"].values, expected, atol=1e-5)


def test_cells_without_statics_are_counted_without_the_margin(small_world):
    fine = small_world.fine
    statics = small_world.sources("static")[0]
    data = statics.data.copy(deep=True)
    data["clay"].values[:] = 20.0
    data["clay"].values[5:8, 5:8] = np.nan  # one of these lies in the box, the others around it
    inset = 1e-3
    west, east = fine.lon_edges[7] + inset, fine.lon_edges[10] - inset
    south, north = fine.lat_edges[10] + inset, fine.lat_edges[7] - inset
    box = Window("2019-02-03", "2019-02-06", west, south, east, north)
    model = Blur(halo=2)
    sources = [*small_world.sources("forcing"), dataclasses.replace(statics, data=data)]
    plan = handshake(model.spec, model.used, sources, box)
    assert plan.places.kept_shape == (3, 3)
    assert any("clay: missing in 1 of 9 cells" in note for note in plan.notes), plan.notes


@pytest.mark.parametrize("side", [4, 8, 12])
def test_patches_lie_on_a_lattice_of_the_whole_grid(small_world, side):
    model = Blur(halo=0, patch=4)
    np.testing.assert_allclose(
        whole(model, small_world, side=side)["sm"].values, whole(model, small_world)["sm"].values, atol=1e-5
    )


def test_a_cell_without_forcing_is_not_predicted(small_world):
    result = whole(Blur(), small_world)
    assert np.isnan(result["sm"].values[:, 0, 0]).all()
    assert (result["source"].values[:, 0, 0] == 0).all()
    assert np.isfinite(result["sm"].values).sum() == result["sm"].size - 10
    assert (result["source"].values[:, 1:] == 3).all()


def test_the_result_says_how_it_was_made(small_world):
    attrs = whole(Blur(), small_world).attrs
    assert attrs["model_id"] == "blur"
    assert attrs["synthetic"] == 1
    assert attrs["title"].startswith("Synthetic: ")
    assert "print-of-forcing" in attrs["input_data"]
    assert attrs["model_inputs"] == "precipitation [mm d-1], clay [%]"
    assert "2019-02-01" in attrs["window"]
    assert attrs["history_steps"] == 2


def test_history_before_the_window_is_used_when_it_is_there(small_world):
    long = whole(Blur(history=2), small_world)["sm"].values
    short = whole(Blur(history=0), small_world)["sm"].values
    assert not np.allclose(long[0], short[0], equal_nan=True)
    np.testing.assert_allclose(long[2:], short[2:], atol=1e-6)


def test_any_period_gives_a_day_the_same_value(small_world):
    from smcore.models import multiscale_lstm
    from smcore.models.base import FitRun
    from smcore.training.datasets import Choice, build
    from smcore.training.folds import make_folds
    from smcore.training.splits import Split

    model = multiscale_lstm.MultiscaleLstm(multiscale_lstm.Config(hidden=8, epochs=2, most_steps=4))
    data = build(model.spec, small_world.sources("target", "forcing", "static"), Window(), Choice())
    model.fit(make_folds(data, Split("site"), Window(), None)[0].data, FitRun())
    long, short = (
        whole(model, small_world, Window(*days))
        for days in (("2019-02-01", "2019-03-10"), ("2019-03-05", "2019-03-06"))
    )
    np.testing.assert_allclose(short["sm"].values, long["sm"].sel(time=short["time"]).values, atol=1e-6)


def test_missing_inputs_and_units_are_named_before_computing(small_world):
    model = Blur()
    with pytest.raises(SpecMismatch, match=r"missing: clay \[%\]"):
        handshake(model.spec, model.used, small_world.sources("forcing"), WINDOW)
    forcing = small_world.forcing.copy()
    forcing["precipitation"] = forcing["precipitation"].assign_attrs(units="m")
    sources = [
        dataclasses.replace(s, data=forcing) if s.id == "forcing" else s
        for s in small_world.sources("forcing", "static")
    ]
    with pytest.raises(SpecMismatch, match="precipitation is in m, not mm d-1"):
        handshake(model.spec, model.used, sources, WINDOW)


def test_missing_days_are_named(small_world):
    model = Blur()
    with pytest.raises(SpecMismatch, match=r"on 2 of 4 steps: 2019-05-31, 2019-06-01"):
        handshake(model.spec, model.used, small_world.sources("forcing", "static"), Window("2019-05-29", "2019-06-01"))


def test_history_that_is_required_and_missing_is_said(small_world):
    model = Blur()
    model.spec = dataclasses.replace(model.spec, min_history=2)
    with pytest.raises(SpecMismatch, match="needs 2 steps before 2019-01-02, and 1 are there"):
        handshake(model.spec, model.used, small_world.sources("forcing", "static"), Window("2019-01-02", "2019-01-05"))


def test_history_counts_only_as_far_back_as_it_is_whole(small_world):
    model = Blur(history=5)
    holed = small_world.forcing.isel(time=[*range(29), *range(30, 60)])  # 30 January is missing
    sources = [
        dataclasses.replace(s, data=holed) if s.id == "forcing" else s for s in small_world.sources("forcing", "static")
    ]
    plan = handshake(model.spec, model.used, sources, WINDOW)
    assert str(plan.time[0])[:10] == "2019-01-31"
    assert plan.wanted.start == 1


def test_an_empty_overlap_is_a_window_error(small_world):
    model = Blur()
    with pytest.raises(WindowError, match="misses the data"):
        handshake(model.spec, model.used, small_world.sources("forcing", "static"), Window(None, None, 0, -10, 10, 0))


def test_coarser_nested_inputs_are_laid_on_finer_cells(small_world):
    model = Blur(halo=0)
    coarse = small_world.static.isel(y=slice(0, 16, 4), x=slice(0, 20, 4))
    grid = small_world.coarse
    coarse = coarse.assign_coords(lat=("y", grid.lat), lon=("x", grid.lon)).assign_attrs(grid.to_attrs())
    sources = [
        dataclasses.replace(s, data=coarse) if s.id == "static" else s for s in small_world.sources("forcing", "static")
    ]
    plan = handshake(model.spec, model.used, sources, WINDOW)
    result = stitch(predict_plan(model, plan), plan, CARD, WINDOW)["sm"]
    rain = small_world.forcing["precipitation"].sel(time=slice("2019-01-30", "2019-02-01")).sum("time") / 100
    expected = rain.values + np.repeat(np.repeat(coarse["clay"].values, 4, 0), 4, 1) / 1000
    np.testing.assert_allclose(result.values[0, 1:], expected[1:], rtol=1e-4)


def test_finer_or_foreign_grids_are_refused(small_world):
    model = Blur()
    coarse_forcing = small_world.forcing.isel(y=slice(0, 16, 4), x=slice(0, 20, 4))
    grid = small_world.coarse
    coarse_forcing = coarse_forcing.assign_coords(lat=("y", grid.lat), lon=("x", grid.lon)).assign_attrs(
        grid.to_attrs()
    )
    sources = [
        dataclasses.replace(s, data=coarse_forcing) if s.id == "forcing" else s
        for s in small_world.sources("forcing", "static")
    ]
    with pytest.raises(GridMismatch, match="clay is on the grid M09, the prediction on M36"):
        handshake(model.spec, model.used, sources, WINDOW)


def test_pixels_predict_pixels(small_world):
    model = Blur(halo=0)
    model.spec = dataclasses.replace(model.spec, patch=1)
    stacked = small_world.forcing.stack(location=("y", "x")).reset_index("location", drop=True)
    pixels = stacked.transpose("location", "time").assign_coords(location=np.arange(320))
    pixels = pixels.assign(clay=("location", small_world.static["clay"].values.ravel(), {"units": "%"}))
    lat, lon = np.meshgrid(small_world.fine.lat, small_world.fine.lon, indexing="ij")
    pixels = pixels.assign_coords(lat=("location", lat.ravel()), lon=("location", lon.ravel()))
    pixels.attrs = {"title": "p", "kind": "forcing", "synthetic": 1, "grid_name": "M09"}
    source = dataclasses.replace(small_world.sources("forcing")[0], data=pixels, roles=frozenset({"forcing", "static"}))
    plan = handshake(model.spec, model.used, [source], WINDOW)
    result = stitch(predict_plan(model, plan, side=7), plan, CARD, WINDOW)
    assert result["sm"].dims == ("location", "time")
    expected = whole(model, small_world)["sm"].values.reshape(10, -1).T
    np.testing.assert_allclose(result["sm"].values, expected, atol=1e-5)


def test_seen_observations_are_marked_observed_and_the_rest_filled(small_world):
    model = Persistence()
    plan, found = predict(model, small_world.sources("target"), Window("2019-03-01", "2019-03-31"), device="cpu")
    result = stitch(found, plan, CARD, Window())
    observed = np.isfinite(small_world.target["sm"].sel(time=slice("2019-03-01", "2019-03-31")).values)
    np.testing.assert_array_equal(result["source"].values == 1, observed)
    assert (result["source"].values == 2).any()


def test_a_cancel_stops_between_tiles_and_inside_reading(small_world):
    model = Blur()
    asked = {"stop": False}
    plan = handshake(model.spec, model.used, small_world.sources("forcing", "static"), WINDOW)
    found = predict_plan(model, plan, side=8, cancelled=lambda: asked["stop"])
    next(found)
    asked["stop"] = True
    with pytest.raises(Cancelled):
        next(found)


def test_the_handshake_comes_before_the_first_tile(small_world):
    with pytest.raises(SpecMismatch):
        predict(Blur(), small_world.sources("forcing"), WINDOW, device="cpu")


def test_progress_runs_from_nothing_to_all(small_world):
    shares = []
    _, found = predict(
        Blur(), small_world.sources("forcing", "static"), WINDOW, device="cpu", progress=lambda s, w: shares.append(s)
    )
    list(found)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


class Hungry(Blur):
    """Runs out of memory on more than ``most`` cells."""

    most = 60

    def predict(self, inputs, *, device="cpu"):
        if len(inputs.lat) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().predict(inputs, device=device)


@pytest.mark.parametrize("halo", [0, 1])
def test_out_of_memory_means_smaller_tiles_and_the_same_result(small_world, halo):
    result = whole(Hungry(halo=halo), small_world, side=16) if halo else None
    if halo == 0:
        model = Hungry(halo=0, patch=4)
        result = whole(model, small_world, side=16)
        expected = whole(Blur(halo=0, patch=4), small_world)
    else:
        expected = whole(Blur(halo=halo), small_world)
    np.testing.assert_allclose(result["sm"].values, expected["sm"].values, atol=1e-5)


def test_memory_that_never_lasts_is_a_sentence(small_world):
    model = Hungry(halo=1)
    model.most = 0
    with pytest.raises(ModelError, match="memory does not last"):
        whole(model, small_world)


def test_devices_that_are_not_there_are_refused(monkeypatch):
    with pytest.raises(ModelError, match="no device 'tpu'"):
        devices.choose_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose_device("auto") == "cpu"
    with pytest.raises(ModelError, match="no CUDA device"):
        devices.choose_device("cuda")


def test_tile_borders_do_not_depend_on_the_window(small_world):
    model = Blur(halo=0)
    plan = handshake(model.spec, model.used, small_world.sources("forcing", "static"), WINDOW)
    edges = {t.inner_rows.start + plan.places.grid.row0 for t in pieces(plan, 8)}
    assert all(edge % 8 == 0 or edge == plan.places.grid.row0 for edge in edges)


def test_the_cost_grows_with_cells_and_days(small_world):
    model = Blur(halo=0)
    sources = small_world.sources("forcing", "static")
    small = estimate(
        model, handshake(model.spec, model.used, sources, Window("2019-02-01", "2019-02-02")), device="cpu"
    )
    large = estimate(model, handshake(model.spec, model.used, sources, Window()), device="cpu")
    assert (small.cells, small.steps) == (320, 2)
    assert large.steps == 150
    assert large.memory > small.memory
    assert small.seconds >= 0


def test_a_window_of_sea_is_refused_with_the_reason(small_world):
    grid = small_world.fine
    sea = Window(
        "2019-02-01", "2019-02-02", grid.lon[0] - 0.01, grid.lat[0] - 0.01, grid.lon[0] + 0.01, grid.lat[0] + 0.01
    )
    with pytest.raises(SpecMismatch, match="No cell of the window has all inputs"):
        whole(Blur(halo=0), small_world, sea)


def test_one_cell_is_a_window_too(small_world):
    grid = small_world.fine
    box = Window(
        "2019-02-01", "2019-02-02", grid.lon[5] - 0.01, grid.lat[5] - 0.01, grid.lon[5] + 0.01, grid.lat[5] + 0.01
    )
    result = whole(Blur(halo=2), small_world, box)
    assert result["sm"].shape == (2, 1, 1)
    np.testing.assert_allclose(
        result["sm"].values[:, 0, 0], whole(Blur(halo=2), small_world)["sm"].values[:2, 5, 5], atol=1e-5
    )


def test_ease_cells_of_pixels_are_matched_by_their_cell_not_by_their_digits(small_world):
    from smcore.roles import cell_index

    pixel = small_world.forcing.isel(y=[3], x=[4]).stack(location=("y", "x")).reset_index("location", drop=True)
    lat, lon = ease("M09").lat[363] + 0.01, ease("M09").lon[804] - 0.01
    pixel = pixel.assign_coords(lat=("location", [lat]), lon=("location", [lon])).assign_attrs(grid_name="M09")
    source = dataclasses.replace(small_world.sources("forcing")[0], data=pixel)
    found = cell_index(source, np.array([small_world.fine.lat[3], small_world.fine.lat[4]]), np.full(2, lon))
    assert found[0].tolist() == [0, -1]


def test_a_product_says_what_its_model_was_trained_on_also_from_the_store(small_world, tmp_path):
    product = whole(Blur(), small_world, card=TRAINED)
    write(product, tmp_path / "product.zarr")
    record = TrainedOn.from_attrs(open_store(tmp_path / "product.zarr").dataset().attrs)
    assert record is not None
    assert record.cells.tolist() == [[91, 202]]
    assert record.stations == ("NET/S1",)
    assert record.spans == (("2018-01-01", "2018-12-31"),)
