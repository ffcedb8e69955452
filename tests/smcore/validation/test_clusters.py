"""Groups of stations, and the interval of a median over them."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.grids import EARTH_RADIUS_KM
from smcore.validation.matching.sphere import unit_vectors
from smcore.validation.uncertainty import clusters as module
from smcore.validation.uncertainty.clusters import MIN_CLUSTERS, clusters, median_bounds


def widest(lat: np.ndarray, lon: np.ndarray, group: np.ndarray) -> float:
    vectors = unit_vectors(lat, lon)
    return max(
        float(EARTH_RADIUS_KM * np.arccos(np.clip(vectors[group == g] @ vectors[group == g].T, -1, 1)).max())
        for g in np.unique(group)
    )


def test_no_two_stations_of_a_group_are_farther_apart_than_the_diameter() -> None:
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(25, 50, 300), rng.uniform(-120, -70, 300)
    group = clusters(lat, lon)
    assert widest(lat, lon, group) <= 400
    assert 20 < len(np.unique(group)) < 150


def test_a_chain_of_stations_is_not_one_group() -> None:
    lon = np.arange(0, 60, 1.5)  # 167 km from one to the next
    group = clusters(np.zeros(40), lon)
    assert len(np.unique(group)) >= 6670 / 400
    assert group[0] == 0
    assert len(np.unique(clusters(np.zeros(40), lon, diameter_km=20_100))) == 1


def test_stations_at_the_dateline_and_the_pole_are_near() -> None:
    assert clusters(np.array([0.0, 0.0]), np.array([179.9, -179.9])).tolist() == [0, 0]
    assert clusters(np.array([89.5, 89.5]), np.array([0.0, 180.0])).tolist() == [0, 0]


def test_one_cell_is_one_place_and_no_coordinates_a_group_of_ones_own() -> None:
    lat, lon = np.array([0.0, 0.1, np.nan, np.nan, 50.0]), np.array([0.0, 0.1, np.nan, 5.0, 50.0])
    assert clusters(lat, lon).tolist() == [0, 0, 1, 2, 3]
    assert clusters(lat, lon, cell=np.array([7, 7, 8, 9, 7])).tolist() == [0, 0, 1, 2, 0]


def test_many_places_are_grouped_by_a_grid_with_the_same_diameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_PLACES", 100)
    rng = np.random.default_rng(1)
    lat, lon = np.degrees(np.arcsin(rng.uniform(-1, 1, 3000))), rng.uniform(-180, 180, 3000)
    group = clusters(lat, lon)
    assert widest(lat, lon, group) <= 405  # a box on the sphere is a little wider than its flat diagonal
    assert len(np.unique(group)) > 1500


def test_the_interval_of_a_median_draws_whole_groups() -> None:
    # Ten groups of five equal values: as good as ten values, not as fifty.
    values = np.arange(10.0)
    groups = np.repeat(np.arange(10), 5)
    many = median_bounds(np.repeat(values, 5), groups, seed=1)
    few = median_bounds(values, np.arange(10), seed=1)
    assert (many.median, few.median) == (4.5, 4.5)
    assert (many.n, many.clusters) == (50, 10)
    assert (many.lower, many.upper) == (few.lower, few.upper)
    apart = median_bounds(np.repeat(values, 5), np.arange(50), seed=1)
    assert apart.upper - apart.lower < 0.6 * (many.upper - many.lower)


def test_drawn_medians_are_those_of_the_values_written_out() -> None:
    rng = np.random.default_rng(5)
    values, group = rng.standard_normal(23), rng.integers(0, 7, 23)
    drawn = module._drawn_medians(values, group, module._draws(7, 9, 50))
    counts = np.random.default_rng(9).multinomial(7, np.full(7, 1 / 7), size=50)
    written = [np.median(np.repeat(values, row[group])) for row in counts]
    np.testing.assert_allclose(drawn, written, rtol=1e-15)


def test_too_few_groups_or_no_values_give_no_interval() -> None:
    few = median_bounds(np.arange(20.0), np.arange(20) % (MIN_CLUSTERS - 1), seed=0)
    assert few.median == 9.5
    assert np.isnan([few.lower, few.upper]).all()
    none = median_bounds(np.full(3, np.nan), np.arange(3), seed=0)
    assert np.isnan(none.median)
    assert (none.n, none.clusters) == (0, 0)
    with pytest.raises(ValueError, match="do not fit"):
        median_bounds(np.arange(3.0), np.arange(2), seed=0)


def test_the_interval_of_a_median_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    for number in (8, 20):
        hits = 0
        for trial in range(300):
            groups = np.repeat(np.arange(number), rng.integers(1, 8, number))
            values = rng.standard_normal(number)[groups] + rng.standard_normal(len(groups))
            found = median_bounds(values, groups, seed=trial, draws=400)
            hits += found.lower <= 0 <= found.upper
        assert 0.90 <= hits / 300 <= 0.99
