"""Moments against sums in extended precision, and states against the moments of all pairs at once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smcore.validation.metrics import is_constant
from smcore.validation.moments import Moments, merge, moments, update, zero

NAMES = [field.name for field in fields(Moments)]
LEVELS = [(0.25, 0.08), (250.0, 10.0), (101_325.0, 50.0), (1e6, 0.5)]


def cube(seed: int, days: int, places: int, level: float, spread: float, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """A pair of cubes (time, location) with gaps in either."""
    rng = np.random.default_rng(seed)
    truth = level + rng.normal(0, spread, (days, places))
    x, y = truth.astype(dtype), (3 * level + truth + rng.normal(0, spread, truth.shape)).astype(dtype)
    x[rng.random(x.shape) < 0.4], y[rng.random(y.shape) < 0.3] = np.nan, np.nan
    return x, y


def two_pass(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The moments of columns by their definition, in extended precision."""
    found = []
    for a, b in zip(x.T.astype(np.longdouble), y.T.astype(np.longdouble), strict=True):
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both], b[both]
        if not len(a):
            found.append([0, np.nan, np.nan, 0, 0, 0])
            continue
        da, db = a - a.mean(), b - b.mean()
        found.append([len(a), a.mean(), b.mean(), (da * da).sum(), (db * db).sum(), (da * db).sum()])
    return dict(zip(NAMES, np.array(found, np.longdouble).T, strict=True))


def correlation(m: Moments | dict[str, np.ndarray]) -> np.ndarray:
    s = m if isinstance(m, dict) else vars(m)
    with np.errstate(invalid="ignore"):
        return np.asarray(s["s_pr"] / np.sqrt(s["s_pp"] * s["s_rr"]))


def assert_same(got: Moments, expected: Moments, rtol: float = 1e-9) -> None:
    np.testing.assert_array_equal(got.n, expected.n)
    for name in NAMES:
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), rtol=rtol, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("level", "spread"), LEVELS)
def test_moments_are_those_of_extended_precision_whatever_the_level(level: float, spread: float, dtype: str) -> None:
    x, y = cube(1, 1003, 40, level, spread, dtype)
    exact = two_pass(x, y)
    columns = moments(x, y, axis=0)
    rows = moments(np.ascontiguousarray(x.T), np.ascontiguousarray(y.T))
    for got in (columns, rows):
        np.testing.assert_array_equal(got.n, exact["n"].astype(float))
        np.testing.assert_allclose(got.mean_product, exact["mean_product"].astype(float), rtol=1e-15)
        for name in ("s_pp", "s_rr", "s_pr"):
            np.testing.assert_allclose(getattr(got, name), exact[name].astype(float), rtol=1e-12)
        np.testing.assert_allclose(correlation(got), correlation(exact).astype(float), rtol=0, atol=1e-13)


def test_a_first_pair_far_from_all_others_costs_no_accuracy() -> None:
    # The sums are of differences from the first pair, the worst choice here.
    x, y = cube(2, 3000, 5, 0.25, 0.05, "float64")
    x[0], y[0] = 1e6, -1e6
    np.testing.assert_allclose(correlation(moments(x, y, axis=0)), correlation(two_pass(x, y)).astype(float), atol=1e-9)


@pytest.mark.parametrize("days", [1, 3, 4, 5, 17, 64])
@pytest.mark.parametrize("places", [1, 63, 65, 4097])
def test_every_day_and_location_is_counted_once_at_the_edges_of_blocks(days: int, places: int) -> None:
    x, y = cube(3, days, places, 0.25, 0.08, "float32")
    both = np.isfinite(x) & np.isfinite(y)
    for got in (moments(x, y, axis=0), moments(x.T.copy(), y.T.copy())):
        np.testing.assert_array_equal(got.n, both.sum(axis=0))
        mean = np.where(both, x, 0.0).sum(axis=0, dtype=np.float64) / np.where(got.n > 0, got.n, np.nan)
        np.testing.assert_allclose(got.mean_product, mean, rtol=1e-12)


def test_locations_without_a_pair_have_no_mean_and_no_sum() -> None:
    x, y = cube(4, 50, 6, 0.25, 0.08, "float32")
    x[:, 2], y[:, 3] = np.nan, np.inf
    x[::2, 4], y[1::2, 4] = np.nan, np.nan
    for got in (moments(x, y, axis=0), moments(x.T.copy(), y.T.copy()), zero(6)):
        assert got.n[2:5].tolist() == [0, 0, 0]
        assert np.isnan(got.mean_product[2:5]).all()
        assert np.isnan(got.mean_reference[2:5]).all()
        assert [getattr(got, name)[2:5].tolist() for name in ("s_pp", "s_rr", "s_pr")] == [[0.0] * 3] * 3


def test_an_infinite_value_is_a_gap() -> None:
    x, y = np.array([1.0, np.inf, 3.0, 5.0]), np.array([2.0, 2.0, -np.inf, 4.0])
    got = moments(x, y)
    assert (float(got.n), float(got.mean_product), float(got.mean_reference)) == (2, 3, 3)
    assert (float(got.s_pp), float(got.s_rr), float(got.s_pr)) == (8, 2, 4)


def test_pieces_of_time_added_or_joined_are_all_pairs_at_once() -> None:
    x, y = cube(5, 400, 30, 101_325.0, 50.0, "float32")
    x[:100, 3], x[100:, 4], x[:, 5] = np.nan, np.nan, np.nan
    at_once = moments(x, y, axis=0)
    added, joined = zero(30), zero(30)
    for piece in np.split(np.arange(400), [7, 100, 101, 290]):
        added = update(added, x[piece], y[piece], axis=0)
        joined = merge(joined, moments(x[piece].T, y[piece].T))
    for got in (added, joined):
        assert_same(got, at_once)
        np.testing.assert_allclose(correlation(got)[:3], correlation(at_once)[:3], rtol=0, atol=1e-12)


def test_adding_leaves_the_state_as_it_was() -> None:
    x, y = cube(6, 20, 4, 0.25, 0.08, "float64")
    state = moments(x, y, axis=0)
    before = state.s_pp.copy()
    update(state, x, y, axis=0)
    np.testing.assert_array_equal(state.s_pp, before)


@given(st.integers(0, 2**31), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=30, deadline=None)
def test_joining_does_not_depend_on_the_order(seed: int, first: int, second: int) -> None:
    x, y = cube(seed, 60, 3, 0.25, 0.08, "float64")
    low, high = sorted((first, second))
    a, b, c = (moments(x[part], y[part], axis=0) for part in (slice(low), slice(low, high), slice(high, None)))
    assert_same(merge(merge(a, b), c), merge(a, merge(c, b)))
    assert_same(merge(merge(a, b), c), moments(x, y, axis=0))


def test_memory_layout_byte_order_and_integers_change_nothing() -> None:
    x, y = cube(7, 60, 10, 0.25, 0.08, "float32")
    expected = moments(x, y, axis=0)
    for a, b in (
        (np.asfortranarray(x), np.asfortranarray(y)),
        (np.asfortranarray(x), y),
        (np.repeat(x, 2, axis=1)[:, ::2], y),
        (x.astype(">f4"), y.astype(np.float64)),
    ):
        assert_same(moments(a, b, axis=0), expected, 1e-12)
    cubes = moments(x.reshape(60, 2, 5), y.reshape(60, 2, 5), axis=0)
    assert cubes.shape == (2, 5)
    np.testing.assert_array_equal(cubes.s_pr, expected.s_pr.reshape(2, 5))
    between = moments(x.reshape(60, 2, 5).transpose(1, 0, 2), y.reshape(60, 2, 5).transpose(1, 0, 2), axis=1)
    np.testing.assert_allclose(between.s_pr, cubes.s_pr, rtol=1e-12)
    assert float(moments([1, 2, 3], [1, 2, 6]).mean_reference) == 3


def test_one_thread_and_many_give_the_same_bits() -> None:
    import numba

    x, y = cube(8, 100, 9000, 0.25, 0.08, "float32")
    threads = numba.get_num_threads()
    many = moments(x, y, axis=0)
    try:
        numba.set_num_threads(1)
        one = moments(x, y, axis=0)
    finally:
        numba.set_num_threads(threads)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -0.3, 101_325.7])
def test_a_constant_series_has_a_sum_of_exactly_zero_also_in_pieces(value: float, dtype: str) -> None:
    x, y = cube(9, 300, 4, 0.25, 0.08, dtype)
    x[:, :2] = np.where(np.isnan(x[:, :2]), np.nan, np.array(value, dtype))
    whole = moments(x, y, axis=0)
    pieces = merge(moments(x[:130].T.copy(), y[:130].T.copy()), moments(x[130:], y[130:], axis=0))
    for got in (whole, pieces):
        assert got.s_pp[:2].tolist() == [0.0, 0.0]
        assert got.is_constant.tolist() == [True, True, False, False]


def test_constant_by_moments_is_constant_by_the_range() -> None:
    steps = np.arange(0, 40) * 0.05
    flat = np.full((len(steps), 25), 0.2)
    flat[:, 3] += 10.0 ** (-18 + steps * 10)  # ranges of 1e-18 to 0.3 on 0.2
    other = np.broadcast_to(np.linspace(0, 1, 25), flat.shape)
    by_range, by_moments = is_constant(flat, other), moments(flat, other).is_constant
    assert (by_moments | ~by_range).all()
    relative = np.ptp(flat, axis=1) / 0.2
    assert not by_moments[relative > 1e-12 * np.sqrt(2 * 25)].any()
    single = flat.astype(np.float32)
    np.testing.assert_array_equal(moments(single, other).is_constant, is_constant(single, other))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_the_smallest_step_of_float32_is_no_constant(step: int) -> None:
    x = np.full(3000, 0.3, np.float32)
    for _ in range(step):
        x[17] = np.nextafter(x[17], np.float32(1))
    assert not moments(x, np.arange(3000.0)).is_constant


def test_arrays_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="no pairs of one shape"):
        moments(np.zeros((3, 4)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="do not continue moments"):
        update(zero(3), np.zeros((5, 4)), np.zeros((5, 4)), axis=0)
    with pytest.raises(ValueError, match="not of the same locations"):
        merge(zero(3), zero(4))
    with pytest.raises(ValueError, match="no axis 2"):
        moments(np.zeros((3, 4)), np.zeros((3, 4)), axis=2)


def test_no_pairs_at_all_are_moments_too() -> None:
    assert moments(np.empty((3, 0)), np.empty((3, 0))).n.tolist() == [0, 0, 0]
    assert moments(np.empty((0, 3)), np.empty((0, 3)), axis=0).n.tolist() == [0, 0, 0]
    assert zero((2, 3)).shape == (2, 3)


def test_importing_the_module_loads_no_compiler() -> None:
    code = "import sys, smcore.validation.moments, smcore.validation.runs.run; print('numba' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
