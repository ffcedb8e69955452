"""A coarse field on a finer grid: by a cubic spline, and as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from smcore.models.arrays import Inputs
from smcore.models.bicubic import SPEC, coarse_means
from smcore.models.registry import build_model


def _inputs(coarse: np.ndarray, factor: int = 4) -> Inputs:
    """Coarse fields (T, h, w) repeated on the fine cells."""
    fine = coarse.repeat(factor, 1).repeat(factor, 2).astype(np.float32)
    steps, height, width = fine.shape
    count = height * width
    return Inputs(
        time=np.arange(steps).astype("datetime64[D]"),
        dynamic=np.empty((steps, count, 0)),
        static=np.zeros((count, 1)),
        lat=np.zeros(count),
        lon=np.zeros(count),
        specs=SPEC.inputs,
        observed=fine.reshape(steps, count),
        shape=(height, width),
    )


def _window(inputs: Inputs, rows: slice, columns: slice) -> Inputs:
    cells = np.arange(len(inputs.lat)).reshape(inputs.shape)[rows, columns]
    return replace(inputs.at(cells.ravel()), shape=cells.shape, origin=(rows.start, columns.start))


def _maps(inputs: Inputs, config: str = "by_4", model: str = "bicubic") -> np.ndarray:
    sm = build_model(model, config).predict(inputs)["sm"]
    return sm.reshape(len(sm), *inputs.shape)


def _smooth(shape: tuple[int, int] = (30, 30)) -> np.ndarray:
    rows, columns = np.indices(shape)
    return 0.25 + 0.1 * np.sin(rows / 3)[None] * np.cos(columns / 4)[None]


def test_a_field_that_is_the_same_along_rows_becomes_the_natural_spline_along_columns():
    profile = np.random.default_rng(0).uniform(0.1, 0.4, 12)
    fine = _maps(_inputs(np.broadcast_to(profile, (1, 5, 12))))
    centres = (np.arange(48) + 0.5) / 4 - 0.5
    inside = (centres >= 0) & (centres <= 11)
    expected = CubicSpline(np.arange(12), profile, bc_type="natural")(centres[inside])
    np.testing.assert_allclose(fine[0, 7, inside], expected, atol=1e-6)


@pytest.mark.parametrize("factor", [4, 9])
def test_a_plane_stays_a_plane_up_to_the_edges(factor):
    rows, columns = np.indices((6, 7))
    fine = _maps(_inputs((0.2 + 0.01 * rows + 0.02 * columns)[None], factor), f"by_{factor}")
    at = [(np.arange(n * factor) + 0.5) / factor - 0.5 for n in (6, 7)]
    np.testing.assert_allclose(fine[0], 0.2 + 0.01 * at[0][:, None] + 0.02 * at[1], atol=1e-6)


def test_the_spline_is_nearer_to_a_smooth_truth_than_the_coarse_pixel():
    rows, columns = np.indices((120, 120)) / 4
    truth = 0.25 + 0.1 * np.sin(rows / 3) * np.cos(columns / 4)
    coarse = truth.reshape(30, 4, 30, 4).mean(axis=(1, 3))[None]
    spline, pixel = (_maps(_inputs(coarse), model=m)[0] for m in ("bicubic", "coarse_pixel"))
    assert np.abs(spline - truth).mean() < 0.2 * np.abs(pixel - truth).mean()


def test_a_gap_stays_a_gap_and_pulls_nothing_towards_zero():
    coarse = np.full((1, 8, 8), 0.3)
    coarse[0, 3:5, 3:5] = np.nan
    fine = _maps(_inputs(coarse))[0]
    assert np.isnan(fine[12:20, 12:20]).all()
    assert np.isnan(fine).sum() == 64
    np.testing.assert_allclose(fine[np.isfinite(fine)], 0.3, atol=1e-6)


def test_a_single_coarse_cell_is_repeated_and_an_empty_day_stays_empty():
    coarse = np.full((2, 5, 5), np.nan)
    coarse[0, 2, 2] = 0.27
    fine = _maps(_inputs(coarse))
    np.testing.assert_allclose(fine[0, 8:12, 8:12], 0.27, atol=1e-6)
    assert np.isfinite(fine).sum() == 16


def test_no_value_is_negative():
    coarse = np.zeros((1, 8, 8))
    coarse[0, 4] = 0.5
    assert _maps(_inputs(coarse)).min() == 0


def test_a_window_with_its_margin_gives_the_same_values_as_the_whole():
    inputs = _inputs(_smooth())
    whole = _maps(inputs)
    part = _maps(_window(inputs, slice(12, 108), slice(20, 116)))
    np.testing.assert_allclose(part[:, 40:56, 40:56], whole[:, 52:68, 60:76], atol=1e-5)


def test_a_window_that_cuts_coarse_cells_knows_where_they_begin():
    values = np.arange(9.0).reshape(3, 3)
    fine = values.repeat(4, 0).repeat(4, 1).astype(np.float32)
    np.testing.assert_array_equal(coarse_means(fine[3:9, 2:12], (3, 2), 4), values)
    np.testing.assert_array_equal(coarse_means(fine[4:8, 8:12], (4, 8), 4), values[1:2, 2:3])


def test_the_mean_of_a_coarse_cell_leaves_missing_values_out():
    fine = np.array([[0.1, 0.3], [np.nan, np.nan]], np.float32)
    np.testing.assert_allclose(coarse_means(fine, (0, 0), 2), [[0.2]])
    assert np.isnan(coarse_means(fine[1:], (1, 0), 1)).all()


def test_the_coarse_pixel_is_the_field_itself():
    inputs = _inputs(_smooth((4, 5)), 9)
    np.testing.assert_array_equal(build_model("coarse_pixel", "by_9").predict(inputs)["sm"], inputs.observed)


def test_steps_before_the_first_wanted_one_are_left_out():
    inputs = replace(_inputs(np.full((3, 2, 2), 0.2)), first=2)
    for model in ("bicubic", "coarse_pixel"):
        np.testing.assert_array_equal(np.isfinite(_maps(inputs, model=model)).all(axis=(1, 2)), [False, False, True])
