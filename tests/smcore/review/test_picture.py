import numpy as np
import pytest
from scipy import stats

from smcore.review.picture import BINS, in_seasons, limits_of, line_through, raster_of

RNG = np.random.default_rng(6)


def test_the_line_is_that_of_least_squares():
    x = RNG.uniform(0.1, 0.4, 200)
    y = 0.05 + 0.7 * x + RNG.normal(0, 0.02, 200)
    wanted = stats.linregress(x, y)
    assert line_through(x, y) == pytest.approx((wanted.slope, wanted.intercept))
    assert line_through(np.append(x, np.nan), np.append(y, 1.0)) == pytest.approx(line_through(x, y))


def test_there_is_no_line_through_a_constant_reference_or_a_few_pairs():
    assert line_through(np.full(50, 0.2), RNG.normal(size=50)) is None
    assert line_through(np.arange(5.0), np.arange(5.0)) is None


def test_a_raster_counts_every_pair_once_at_its_place():
    raster = raster_of(np.array([0.1, 0.1, 0.4]), np.array([0.3, 0.3, 0.1]), (0.0, 0.5))
    assert raster.count.sum() == 3
    assert raster.count[int(0.3 / 0.5 * BINS), int(0.1 / 0.5 * BINS)] == 2
    assert raster.count[int(0.1 / 0.5 * BINS), int(0.4 / 0.5 * BINS)] == 1


def test_limits_hold_all_values():
    assert limits_of([np.array([0.1, np.nan]), np.array([0.5])]) == pytest.approx((0.08, 0.52))
    assert limits_of([]) == (0.0, 0.5)


def test_seasons_are_those_of_the_hemisphere_and_their_numbers_those_of_their_pairs():
    days = np.arange("2019-01-01", "2020-01-01", dtype="datetime64[D]")
    time = days.astype("datetime64[us]").astype(np.int64)
    reference = RNG.uniform(0.1, 0.4, len(days))
    product = reference + RNG.normal(0, 0.03, len(days))
    months = days.astype("datetime64[M]").astype(int) % 12 + 1
    summer = np.isin(months, (6, 7, 8))
    north = {one.name: one for one in in_seasons(reference, product, time, 40.0)}
    south = {one.name: one for one in in_seasons(reference, product, time, -35.0)}
    assert list(north) == ["winter", "spring", "summer", "autumn"]
    assert north["summer"].n == south["winter"].n == 92
    assert north["summer"].values["pearson_r"] == pytest.approx(np.corrcoef(reference[summer], product[summer])[0, 1])
    assert south["winter"].values["bias"] == pytest.approx((product - reference)[summer].mean())


def test_a_season_with_few_pairs_has_its_count_and_no_number():
    time = np.arange("2019-07-01", "2019-07-06", dtype="datetime64[D]").astype("datetime64[us]").astype(np.int64)
    (one,) = in_seasons(np.arange(5.0), np.arange(5.0), time, 40.0)
    assert (one.name, one.n) == ("summer", 5)
    assert np.isnan(list(one.values.values())).all()


def test_differences_of_other_units_are_not_told():
    time = np.arange("2019-06-01", "2019-07-01", dtype="datetime64[D]").astype("datetime64[us]").astype(np.int64)
    (one,) = in_seasons(RNG.uniform(size=30), RNG.uniform(size=30), time, 40.0, same_units=False)
    assert np.isnan([one.values["bias"], one.values["ubrmsd"]]).all()
    assert np.isfinite(one.values["pearson_r"])
