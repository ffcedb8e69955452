"""Two products on one grid: the cells and steps they share, and how well they agree there."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.difference import Agreement, common_cells, matching_steps, share_a_turn
from smcore.errors import GridMismatch
from smcore.grids import ease, regular


def test_the_shared_cells_of_two_cuts_are_the_same_places_in_both() -> None:
    whole = ease("M09")
    one, other = whole.cut(slice(300, 340), slice(800, 830)), whole.cut(slice(310, 360), slice(790, 820))
    mine, theirs = common_cells(one, other)
    assert (mine, theirs) == ((slice(10, 40), slice(0, 20)), (slice(0, 30), slice(10, 30)))
    np.testing.assert_array_equal(one.lat[mine[0]], other.lat[theirs[0]])
    np.testing.assert_array_equal(one.lon[mine[1]], other.lon[theirs[1]])


def test_cuts_of_a_regular_grid_share_cells_by_their_centres() -> None:
    one, other = regular(40.0, -100.0, 0.1, 0.1, 20, 20), regular(39.0, -99.5, 0.1, 0.1, 5, 30)
    mine, theirs = common_cells(one, other)
    assert mine == (slice(10, 15), slice(5, 20))
    np.testing.assert_allclose(one.lon[mine[1]], other.lon[theirs[1]], atol=1e-9)


def test_other_grids_and_places_apart_are_refused_in_a_sentence() -> None:
    whole = ease("M09")
    with pytest.raises(GridMismatch, match="One is on the grid M09, the other on M36"):
        common_cells(whole.cut(slice(0, 8), slice(0, 8)), ease("M36").cut(slice(0, 2), slice(0, 2)))
    with pytest.raises(GridMismatch, match="share no cell"):
        common_cells(whole.cut(slice(0, 8), slice(0, 8)), whole.cut(slice(20, 28), slice(0, 8)))
    with pytest.raises(GridMismatch, match=r"0\.1°, the other on 0\.25°"):
        common_cells(regular(40.0, 0.0, 0.1, 0.1, 9, 9), regular(40.0, 0.0, 0.25, 0.25, 9, 9))


def test_steps_match_where_none_is_further_than_half_a_step() -> None:
    days = np.arange("2018-01-01", "2018-01-06", dtype="datetime64[D]").astype("datetime64[ns]")
    noon = days + np.timedelta64(12, "h")
    assert matching_steps(days, days[1:4]).tolist() == [-1, 0, 1, 2, -1]
    overpasses = np.sort(np.concatenate([days + np.timedelta64(6, "h"), days + np.timedelta64(18, "h")]))
    assert matching_steps(overpasses, noon).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    hours = np.arange("2018-01-01T00", "2018-01-02T00", 3, dtype="datetime64[h]")
    assert matching_steps(hours, hours + np.timedelta64(2, "h")).tolist() == [-1, 0, 1, 2, 3, 4, 5, 6]
    assert matching_steps(days, days[:0]).tolist() == [-1] * 5


def test_pairs_taken_in_by_parts_give_what_numpy_gives_of_all_of_them() -> None:
    rng = np.random.default_rng(3)
    product = rng.uniform(0.05, 0.5, (40, 6, 5))
    reference = product + rng.normal(0.02, 0.03, product.shape)
    product[rng.random(product.shape) < 0.3] = np.nan
    reference[rng.random(product.shape) < 0.2] = np.nan
    total = Agreement()
    for start in range(0, 40, 7):
        total.add(product[start : start + 7], reference[start : start + 7])
    both = np.isfinite(product) & np.isfinite(reference)
    x, y = product[both], reference[both]
    assert total.n == both.sum()
    assert total.bias == pytest.approx((x - y).mean(), abs=1e-12)
    assert total.rmsd == pytest.approx(np.sqrt(((x - y) ** 2).mean()), rel=1e-9)
    assert total.pearson_r == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-9)


def test_swapping_turns_the_sign_of_the_bias_alone() -> None:
    one, other = Agreement(), Agreement()
    x, y = np.array([0.1, 0.2, 0.4]), np.array([0.2, 0.2, 0.3])
    one.add(x, y)
    other.add(y, x)
    assert one.bias == -other.bias
    assert (one.rmsd, one.pearson_r) == (other.rmsd, other.pearson_r)


def test_what_does_not_vary_has_no_correlation_and_nothing_has_no_number() -> None:
    total = Agreement()
    assert np.isnan([total.bias, total.rmsd, total.pearson_r]).all()
    total.add(np.full(9, 0.3), np.linspace(0.1, 0.4, 9))
    assert np.isnan(total.pearson_r)
    assert total.bias == pytest.approx(0.05)


def test_a_cut_across_the_dateline_is_told_from_one_that_is_not() -> None:
    whole, cut = regular(10.0, -180.0, 0.25, 0.25, 8, 1440), regular(10.0, 170.0, 0.25, 0.25, 8, 80)
    assert not share_a_turn(whole, cut)
    with pytest.raises(GridMismatch, match="across the dateline"):
        common_cells(whole, cut)
    assert share_a_turn(whole, regular(10.0, 100.0, 0.25, 0.25, 8, 80))
    assert share_a_turn(cut, regular(10.0, 175.0, 0.25, 0.25, 8, 40))
