"""Skill against coverage: pairs, their share, and medians over the same locations under every mask."""

from __future__ import annotations

import numpy as np
import pytest
from factories import days, tiny_cube, tiny_stations
from flagged import GRID, QUALITY

from smcore import names
from smcore.errors import Cancelled
from smcore.validation.coverage import skill_against_coverage
from smcore.validation.matching.mask_rules import named
from smcore.validation.matching.sides import Masks, Side, side

COUNT = 40


@pytest.fixture
def sides() -> tuple[Side, Side, np.ndarray]:
    """A product that is off by much where it is not recommended, and stations."""
    cube = tiny_cube(GRID, COUNT, kind="observed", time_is_nominal=1)
    rng = np.random.default_rng(8)
    bits = rng.choice([0, 1, 4], cube["sm"].shape, p=[0.6, 0.3, 0.1]).astype("i4")
    wrong = np.where(bits == 1, rng.normal(0, 0.1, bits.shape), 0)
    cube = cube.assign(
        sm=(names.CUBE_DIMS, (cube["sm"].values + wrong).astype("f4"), cube["sm"].attrs),
        quality=(names.CUBE_DIMS, bits, QUALITY),
    )
    return side(cube, "product"), side(tiny_stations(GRID, COUNT), "nets"), bits


def test_points_are_those_that_one_works_out_by_hand(sides: tuple[Side, Side, np.ndarray]) -> None:
    product, nets, bits = sides
    asked = {
        "all": Masks(), "recommended": Masks(quality="recommended"),
        "and thawed": Masks(quality="recommended", rules=(named("frozen_ground"),)),
    }  # fmt: skip
    found = skill_against_coverage(product, nets, asked)
    assert [p.label for p in found] == list(asked)
    rows, columns = (np.linspace(1, n - 2, 3).astype(int) for n in GRID.shape)
    daily = nets.dataset["sm"].values.reshape(3, COUNT, 24).astype("f8").mean(axis=2)
    sm = product.dataset["sm"].values.astype("f8")
    assert len(days(COUNT)) == COUNT
    pairs = []
    for point, unwanted in zip(found, (0, 1, 5), strict=True):
        keep = [(bits[:, r, c] & unwanted) == 0 for r, c in zip(rows, columns, strict=True)]
        r = [np.corrcoef(sm[k, i, j], d[k])[0, 1] for k, d, i, j in zip(keep, daily, rows, columns, strict=True)]
        off = [sm[k, i, j] - d[k] for k, d, i, j in zip(keep, daily, rows, columns, strict=True)]
        pairs.append(sum(int(k.sum()) for k in keep))
        assert point.pairs == pairs[-1]
        assert point.share == pytest.approx(pairs[-1] / pairs[0])
        assert point.locations == 3
        assert point.pearson_r == pytest.approx(np.median(r), abs=1e-6)
        assert point.ubrmsd == pytest.approx(np.median([o.std() for o in off]), abs=1e-6)
    assert found[1].pearson_r > found[0].pearson_r


def test_a_location_without_enough_pairs_under_one_mask_counts_for_none(sides: tuple[Side, Side, np.ndarray]) -> None:
    product, nets, bits = sides
    rows, columns = (np.linspace(1, n - 2, 3).astype(int) for n in GRID.shape)
    bits[:, rows[1], columns[1]] = 1
    data = product.dataset.assign(quality=(names.CUBE_DIMS, bits, QUALITY))
    found = skill_against_coverage(
        side(data, "product"), nets, {"all": Masks(), "recommended": Masks(quality="recommended")}
    )
    assert [p.locations for p in found] == [2, 2]


def test_it_can_be_stopped(sides: tuple[Side, Side, np.ndarray]) -> None:
    with pytest.raises(Cancelled):
        skill_against_coverage(sides[0], sides[1], {"all": Masks()}, cancelled=lambda: True)
