"""The compiled splines are scipy's natural ones."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from smcore.models.kernels.natural_spline import interpolate


def test_splines_through_any_knots_are_those_of_scipy():
    rng = np.random.default_rng(0)
    days = np.cumsum(rng.integers(1, 4, 200)).astype(float)
    values = rng.uniform(0.05, 0.5, (30, 200)).astype(np.float32)
    values[rng.random(values.shape) < rng.uniform(0.2, 0.97, (30, 1))] = np.nan
    values[0, :] = np.nan
    values[0, [40, 90]] = 0.2, 0.3
    found = interpolate(days, values)
    for row, own in enumerate(values):
        valid = np.isfinite(own)
        if valid.sum() < 2:
            continue
        knots = days[valid]
        spline = CubicSpline(knots, own[valid].astype(float), bc_type="natural")
        inside = np.clip(days, knots[0], knots[-1])
        np.testing.assert_allclose(found[row], spline(inside) + spline(inside, 1) * (days - inside), atol=1e-6)


def test_one_knot_makes_a_constant_and_none_makes_nothing():
    values = np.full((2, 5), np.nan, np.float32)
    values[0, 3] = 0.25
    found = interpolate(np.arange(5.0), values)
    np.testing.assert_array_equal(found[0], np.float32(0.25))
    assert np.isnan(found[1]).all()
