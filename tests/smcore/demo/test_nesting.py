"""Fine detail inside coarse cells."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.demo.nesting import Transfer, fit_to_coarse, keep_mean_of_positive, mean_of_land
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


def test_blocks_without_a_coarse_value_are_left_alone() -> None:
    fine = RNG.uniform(0.1, 0.4, (8, 8)).astype(np.float32)
    coarse = np.array([[0.2, np.nan], [np.nan, 0.3]], np.float32)
    land, bound = np.ones((8, 8), bool), np.ones((8, 8), np.float32)
    fitted = fit_to_coarse(fine, coarse, land, 0 * bound, bound, 4)
    assert np.array_equal(fitted[:4, 4:], fine[:4, 4:])
    assert fitted[:4, :4].mean() == pytest.approx(0.2, abs=1e-6)


def test_scaled_rain_keeps_the_coarse_amount_also_where_the_fine_field_is_dry() -> None:
    fine = RNG.exponential(2, (8, 8)).astype(np.float32)
    fine[:4, :4] = 0
    coarse = np.array([[3.0, 0.0], [1.0, 7.0]], np.float32)
    scaled = keep_mean_of_positive(fine, coarse, 4)
    assert np.allclose(mean_of_land(scaled, np.ones((8, 8), bool), 4), coarse, rtol=1e-5)
    assert scaled.min() >= 0


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
