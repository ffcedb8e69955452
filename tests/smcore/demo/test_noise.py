"""Counter-based random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.demo.noise import Field, normal, octaves, uniform
from smcore.grids import ease

GRID = ease("M36").cut(slice(80, 110), slice(200, 240))


def test_a_part_of_a_field_holds_the_same_bits_as_the_whole() -> None:
    field = octaves(7, "any", (3.0, 0.7, 0.1), (1.0, 0.5, 0.3), days=2.0, east=8.0)
    whole = field.at(GRID.lat, GRID.lon, 17_000.3)
    assert np.array_equal(field.at(GRID.lat[5:9], GRID.lon[11:30], 17_000.3), whole[5:9, 11:30])


def test_fields_have_mean_0_and_variance_1_everywhere() -> None:
    field = Field(1, "variance", 0.5, 0.5, 1.0)
    sample = np.stack([field.at(GRID.lat, GRID.lon, day) for day in np.arange(0, 400, 2.5)])
    assert abs(sample.mean()) < 0.02
    assert sample.var() == pytest.approx(1.0, abs=0.03)


def test_another_seed_name_or_day_gives_other_numbers() -> None:
    first = normal(1, "a", np.arange(1000))
    for other in (normal(2, "a", np.arange(1000)), normal(1, "b", np.arange(1000)), normal(1, "a", np.arange(1000), 0)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.12


def test_smooth_fields_stand_on_the_same_numbers_as_the_single_ones() -> None:
    field = Field(3, "nodes", 1.0, 1.0)
    nodes = normal(3, "nodes", np.arange(-2, 3)[:, None], np.arange(-2, 3)[None, :])
    weights = np.array([0.125, 0.75, 0.125])
    expected = weights @ nodes[1:4, 1:4] @ weights / (weights**2).sum()
    assert field.at(np.array([0.0]), np.array([0.0]))[0, 0] == pytest.approx(expected, rel=1e-5)


def test_a_drifting_field_is_carried_east() -> None:
    field = Field(5, "drift", 2.0, 2.0, 1000.0, east=4.0)
    lon = np.arange(-100.0, -60.0, 0.5)
    now, later = field.at(GRID.lat, lon, 10.0), field.at(GRID.lat, lon, 11.0)
    assert np.corrcoef(now[:, :-8].ravel(), later[:, 8:].ravel())[0, 1] > 0.99


def test_uniform_numbers_fill_the_interval_evenly() -> None:
    sample = uniform(1, "u", np.arange(20_000))
    counts, _ = np.histogram(sample, bins=10, range=(0, 1))
    assert counts.min() > 1800
