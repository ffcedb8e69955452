"""Fine detail inside coarse cells."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.demo.nesting import Transfer, fit_to_coarse, mean_of_land, refine_rain
from smcore.demo.subdaily import fit_day
from smcore.grids import ease, regular

RNG = np.random.default_rng(0)


def test_fitted_detail_has_the_coarse_mean_and_stays_in_bounds() -> None:
    fine = RNG.uniform(0.0, 0.6, (16, 24)).astype(np.float32)
    coarse = RNG.uniform(0.06, 0.44, (4, 6)).astype(np.float32)
    land = RNG.random((16, 24)) > 0.3
    low, high = np.full(fine.shape, 0.05, np.float32), np.full(fine.shape, 0.45, np.float32)
    fitted = fit_to_coarse(np.where(land, fine, np.nan), coarse, land, low, high, 4)
    assert np.nanmax(np.abs(mean_of_land(fitted, land, 4) - coarse)) < 1e-6
    inside = fitted[land]
    assert inside.min() >= 0.05 - 1e-6
    assert inside.max() <= 0.45 + 1e-6


def test_the_fit_to_a_smooth_coarse_field_shows_no_edges() -> None:
    row, column = np.mgrid[:12, :12]
    coarse = (0.25 + 0.08 * np.sin(row / 2) * np.cos(column / 3)).astype(np.float32)
    fine = np.full((48, 48), 0.2, np.float32)
    bound = np.ones_like(fine)
    fitted = fit_to_coarse(fine, coarse, bound > 0, 0 * bound, bound, 4)[4:-4, 4:-4]
    steps = np.abs(np.diff(fitted, axis=0))
    assert steps[3::4].mean() < 1.6 * np.delete(steps, np.s_[3::4], axis=0).mean()


def test_blocks_without_a_coarse_value_are_not_set_to_any() -> None:
    fine = RNG.uniform(0.1, 0.4, (8, 8)).astype(np.float32)
    coarse = np.array([[0.2, np.nan], [np.nan, 0.3]], np.float32)
    land, bound = np.ones((8, 8), bool), np.ones((8, 8), np.float32)
    fitted = fit_to_coarse(fine, coarse, land, 0 * bound, bound, 4)
    assert np.isfinite(fitted).all()
    assert fitted[:4, :4].mean() == pytest.approx(0.2, abs=1e-6)


def test_refined_rain_keeps_the_coarse_amount_and_the_dry_cells_dry() -> None:
    coarse = RNG.exponential(2, (12, 14)).astype(np.float32)
    coarse[4:7, 5:8] = 0
    coarse[9, 9] = 40
    texture = np.exp(0.6 * RNG.normal(size=(40, 48))).astype(np.float32)
    fine = refine_rain(coarse, texture, 4)
    mean = mean_of_land(fine, np.ones(fine.shape, bool), 4)
    assert fine.shape == (24, 32)
    assert np.allclose(mean, coarse[3:-3, 3:-3], rtol=1e-4, atol=1e-6)
    assert fine.min() >= 0
    assert fine[4:16, 8:20].max() == 0


def test_refined_rain_shows_no_edges_of_coarse_cells() -> None:
    row, column = np.mgrid[:16, :16]
    coarse = (3 + 2.5 * np.sin(row / 1.7) * np.cos(column / 2.3)).astype(np.float32)
    fine = refine_rain(coarse, np.ones((56, 56), np.float32), 4)
    steps = np.abs(np.diff(fine, axis=0))
    assert steps[3::4].mean() < 1.6 * np.delete(steps, np.s_[3::4], axis=0).mean()


def test_transfer_keeps_a_constant_and_the_total_over_whole_cells() -> None:
    source = ease("M36").cut(slice(60, 80), slice(200, 220))
    west, _south, _east, north = source.bbox
    target = regular(np.floor(north) - 0.5, np.ceil(west) + 0.5, 1.0, 1.0, 4, 5)
    transfer = Transfer.between(source, target)
    assert np.allclose(transfer.apply(np.full(source.shape, 0.3, np.float32)), 0.3)
    gappy = np.full(source.shape, 0.3, np.float32)
    gappy[::2] = np.nan
    assert np.allclose(transfer.apply(gappy), 0.3)
    far = regular(-10.0, 10.0, 1.0, 1.0, 2, 2)
    assert np.isnan(Transfer.between(source, far).apply(gappy)).all()


def test_the_steps_of_a_day_are_fitted_to_its_mean_inside_the_bounds() -> None:
    steps = [RNG.uniform(0, 0.6, (5, 5)).astype(np.float32) for _ in range(8)]
    mean = RNG.uniform(0.1, 0.4, (5, 5)).astype(np.float32)
    fitted = np.stack(fit_day(steps, mean, np.float32(0.05), np.float32(0.45)))
    assert np.abs(fitted.mean(axis=0) - mean).max() < 1e-6
    assert fitted.min() >= 0.05 - 1e-6
    assert fitted.max() <= 0.45 + 1e-6
