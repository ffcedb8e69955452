"""Sums of dependence: by plain loops, on a lattice of days and off it, whole and in pieces."""

import itertools

import numpy as np
import pytest

from smcore.validation.matching.times import DAY, HOUR
from smcore.validation.uncertainty import dependence

kernel = pytest.importorskip("smcore.validation.kernels.dependence")


def _pairs(places=3, length=300, seed=1):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0.3, 0.1, (places, length)), rng.normal(0.25, 0.1, (places, length))
    x[rng.random(x.shape) < 0.4] = np.nan
    time = np.broadcast_to((15_000 + np.arange(length)) * DAY, x.shape).copy()
    return x, y, time


def _by_loops(x, y, time):
    """One location: sums of lags and of scales over all pairs of pairs."""
    valid = np.isfinite(x) & np.isfinite(y)
    x, y, days = x[valid], y[valid], time[valid] / DAY
    lags, scales = np.zeros((6, 5)), np.zeros(len(kernel.SCALES))
    for j in range(len(x)):
        for i in range(j):
            apart = days[j] - days[i]
            scales += np.exp(-apart / kernel.SCALES)
            for k, lag in enumerate((0, 1, 2, 3, 5, 8)):
                if k and abs(apart - lag) < 1e-9:
                    dx, dy = x[j] - x[i], y[j] - y[i]
                    lags[k] += [1, apart, dx * dx, dy * dy, dx * dy]
    return lags, scales


def test_lags_and_scales_are_those_of_plain_loops_over_pairs_of_pairs():
    x, y, time = _pairs()
    sums = dependence.row_sums(x, y, time)
    for row, line in enumerate(sums):
        lags, scales = _by_loops(x[row], y[row], time[row])
        np.testing.assert_allclose(line[kernel.LAG_SUMS : kernel.SCALE_SUMS].reshape(6, 5), lags, rtol=1e-12)
        np.testing.assert_allclose(line[kernel.SCALE_SUMS : kernel.FIRST_TIME], scales, rtol=1e-11)


def test_powers_are_kept_by_part_of_the_year():
    x, y, time = _pairs(1, 800)
    powers = dependence.row_sums(x, y, time)[0, : kernel.LAG_SUMS].reshape(kernel.PARTS, kernel.POWERS)
    valid = np.isfinite(x[0])
    u, v, day = x[0, valid], y[0, valid], time[0, valid] / DAY + 0.5
    part = np.floor(kernel.PARTS * ((day / 365.25) % 1)).astype(int)
    for k, (i, j) in enumerate([(a - b, b) for a in range(5) for b in range(a + 1)]):
        expected = np.bincount(part, weights=u**i * v**j, minlength=kernel.PARTS)
        np.testing.assert_allclose(powers[:, k], expected, rtol=1e-12)


def test_pairs_off_the_lattice_of_days_give_the_same_sums():
    x, y, time = _pairs()
    alone = dependence.row_sums(x, y, time)
    # a second pair within the first day takes the whole location off the lattice
    first = np.array([[time[0, 0]]])
    off = [np.concatenate([np.full((3, 1), value), a], axis=1) for a, value in ((x, 0.3), (y, 0.2))]
    times = np.concatenate([np.repeat(first - 400 * DAY, 3, axis=0) + HOUR, time], axis=1)
    twice = [np.concatenate([a[:, :1], a], axis=1) for a in off]
    both = dependence.row_sums(*twice, np.concatenate([times[:, :1] - HOUR, times], axis=1))
    lags = slice(kernel.LAG_SUMS + 5, kernel.SCALE_SUMS)
    np.testing.assert_allclose(both[:, lags], alone[:, lags], rtol=1e-12)
    assert (both[:, kernel.LAG_SUMS] == 1).all()
    np.testing.assert_allclose(both[:, kernel.LAG_SUMS + 1], 1 / 24)


def test_overpasses_at_their_own_times_stay_on_the_lattice():
    x, y, time = _pairs()
    shaken = time + np.random.default_rng(2).integers(-HOUR, HOUR, time.shape)
    np.testing.assert_allclose(
        dependence.row_sums(x, y, shaken)[:, kernel.LAG_SUMS : kernel.SCALE_SUMS],
        dependence.row_sums(x, y, time)[:, kernel.LAG_SUMS : kernel.SCALE_SUMS],
        rtol=1e-12,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cuts", [(150,), (3, 5, 140, 290), (8, 16, 24), (256,)])
def test_pieces_of_time_joined_are_the_whole(cuts, dtype):
    x, y, time = _pairs(130, 400)
    cube, day = [np.ascontiguousarray(a.T).astype(dtype) for a in (x, y)], time[0] // DAY
    day = np.where(np.arange(400) < 200, day, day + 40)  # a season without rows
    whole = dependence.finish(dependence.update(dependence.zero(130), *cube, day))
    edges = [0, *cuts, 400]
    pieces = [slice(a, b) for a, b in itertools.pairwise(edges)]
    later = dependence.zero(130)
    states = [dependence.update(dependence.zero(130), *(a[p] for a in cube), day[p]) for p in pieces]
    for piece in pieces:
        later = dependence.update(later, *(a[piece] for a in cube), day[piece])
    right = states[-1]
    for state in states[-2::-1]:
        right = dependence.merge(state, right)
    np.testing.assert_allclose(later.lines, whole, rtol=1e-9)
    np.testing.assert_allclose(dependence.finish(right), whole, rtol=1e-9)


def test_a_cube_gives_the_sums_of_its_lists_of_pairs():
    x, y, time = _pairs(70, 500)
    cube = [np.ascontiguousarray(a.T) for a in (x, y)]
    state = dependence.update(dependence.zero(70), *cube, time[0] // DAY)
    np.testing.assert_allclose(dependence.finish(state), dependence.row_sums(x, y, time), rtol=1e-11)


def test_the_number_of_threads_changes_nothing():
    import numba

    x, y, time = _pairs(300, 200)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        single = dependence.row_sums(x, y, time)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(dependence.row_sums(x, y, time), single)


def test_days_that_overlap_or_do_not_ascend_are_refused():
    x, y, time = _pairs(2, 20)
    cube, day = [np.ascontiguousarray(a.T) for a in (x, y)], time[0] // DAY
    state = dependence.update(dependence.zero(2), *cube, day)
    with pytest.raises(ValueError, match="no later"):
        dependence.update(state, *cube, day + 10)
    with pytest.raises(ValueError, match="ascend"):
        dependence.update(state, *cube, day[::-1])
    with pytest.raises(ValueError, match="locations"):
        dependence.merge(state, dependence.zero(3))
