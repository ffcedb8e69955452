"""The compiled pairing gives what the same rules give when written with whole arrays of numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smcore.validation.matching.pairing import Pairs, pair_daily, pair_nearest
from smcore.validation.matching.sides import Records
from smcore.validation.matching.times import DAY, HOUR
from tests.smcore.validation import pairing_by_arrays as oracle

Pair = Callable[[Records, Records], Pairs]
DAY0 = 18_000 * DAY
KINDS = ("daily", "hourly", "irregular", "own times", "own unsorted times", "retrievals", "retrievals with own times")


def drawn(kind: str, locations: int, steps: int, seed: int, dtype: type = np.float64) -> Records:
    """Random records of one kind with gaps, equal times, an empty location, and labels."""
    rng = np.random.default_rng(seed)
    stamp = DAY0 + np.arange(steps) * (HOUR if kind == "hourly" else DAY if kind == "daily" else DAY // 2)
    if kind == "irregular":
        stamp = np.sort(DAY0 + rng.integers(0, 2 * steps, steps) * 3 * HOUR)
    time = np.broadcast_to(stamp, (locations, steps))
    if "own" in kind:
        late = rng.integers(-9, 9, (locations, steps)) * 4 * HOUR
        time = time + (late if "unsorted" in kind or "retrievals" in kind else np.sort(late, axis=1))
    values = rng.random((locations, steps)).astype(dtype)
    values[rng.random(values.shape) < rng.choice([0.0, 0.4, 0.9])] = np.nan
    values[0] = np.nan
    values[-1, rng.integers(0, steps)] = np.inf  # no value either
    overpass = rng.integers(0, 3, steps).astype(np.int8) if "retrievals" in kind else None
    per_day = rng.choice([1, 2, 3, 24] if kind == "hourly" else [1, 1, 1, 2], locations)
    labels = {
        "source": rng.integers(0, 4, values.shape).astype(np.int8),
        "gap_age": np.arange(values.size).astype("i2"),
    }
    labels["gap_age"] = labels["gap_age"].reshape(values.shape)
    return Records(values, time, stamp, overpass, per_day, {}, labels)


def by_arrays(records: Records) -> Records:
    """The same for the oracle, whose values are NaN where there are none."""
    values = np.where(np.isfinite(records.values), records.values, np.nan).astype(np.float64)
    return Records(values, records.time, records.stamp, records.overpass, records.per_day, {}, records.labels)


def assert_same(got: Pairs, expected: Pairs) -> None:
    for name in ("product", "reference", "product_time", "reference_time", "overpass"):
        mine, other = getattr(got, name), getattr(expected, name)
        assert mine.dtype == other.dtype
        assert mine.flags.c_contiguous
        np.testing.assert_array_equal(mine, other, err_msg=name)
    for mine, other in ((got.labels, expected.labels), (got.dropped, expected.dropped)):
        assert list(mine) == list(other)
        for name in other:
            np.testing.assert_array_equal(mine[name], other[name], err_msg=name)
            assert name in got.dropped or mine[name].dtype == other[name].dtype
    np.testing.assert_array_equal(got.count, expected.count)


@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.integers(1, 4), st.integers(1, 40), st.integers(1, 40),
       st.integers(0, 30), st.integers(0, 2**32 - 1))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_compiled_rules_pair_as_the_written_ones(
    p: str, r: str, locations: int, steps_p: int, steps_r: int, hours: int, seed: int
) -> None:
    product, reference = drawn(p, locations, steps_p, seed), drawn(r, locations, steps_r, seed + 1)
    mine, other = by_arrays(product), by_arrays(reference)
    assert_same(pair_nearest(product, reference, hours * HOUR), oracle.pair_nearest(mine, other, hours * HOUR))
    assert_same(pair_daily(product, reference), oracle.pair_daily(mine, other))


@pytest.mark.parametrize("p", KINDS)
@pytest.mark.parametrize("r", ["daily", "hourly", "own times", "retrievals with own times"])
def test_long_series_of_many_locations_are_paired_as_written(p: str, r: str) -> None:
    product, reference = drawn(p, 37, 400, 1, np.float32), drawn(r, 37, 300, 2, np.float32)
    mine, other = by_arrays(product), by_arrays(reference)
    assert_same(pair_nearest(product, reference, HOUR), oracle.pair_nearest(mine, other, HOUR))
    assert_same(pair_daily(product, reference), oracle.pair_daily(mine, other))


@pytest.mark.parametrize("pair", [pair_daily, lambda p, r: pair_nearest(p, r, 3 * HOUR)], ids=["days", "window"])
@pytest.mark.parametrize("kinds", [("daily", "own times"), ("hourly", "irregular"), ("hourly", "retrievals")])
def test_swapped_sides_give_swapped_pairs(pair: Pair, kinds: tuple[str, str]) -> None:
    product, reference = drawn(kinds[0], 5, 60, 3), drawn(kinds[1], 5, 50, 4)
    there, back = pair(product, reference), pair(reference, product)
    assert there.count.sum() > 0

    def listed(x: Any, y: Any) -> list[Any]:
        return [
            sorted(zip(a[:n].tolist(), b[:n].tolist(), strict=True)) for a, b, n in zip(x, y, there.count, strict=True)
        ]

    assert listed(there.product, there.reference) == listed(back.reference, back.product)


def test_sides_of_no_location_and_of_no_step_give_no_pair() -> None:
    none = Records(np.empty((0, 3)), np.empty((0, 3), np.int64), np.arange(3), None, np.empty(0, np.int64), {})
    assert pair_daily(none, none).product.shape == pair_nearest(none, none, 0).product.shape == (0, 0)
    empty, some = drawn("own times", 3, 1, 0), drawn("daily", 3, 9, 0)
    empty = Records(empty.values[:, :0], empty.time[:, :0], empty.stamp[:0], None, empty.per_day, {})
    for pairs in (pair_daily(empty, some), pair_daily(some, empty), pair_nearest(empty, some, DAY)):
        assert pairs.product.shape == (3, 0)


def test_no_result_depends_on_the_number_of_threads() -> None:
    numba = pytest.importorskip("numba")
    product, reference = drawn("hourly", 50, 300, 5), drawn("own unsorted times", 50, 60, 6)
    many = pair_nearest(product, reference, HOUR), pair_daily(product, reference)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = pair_nearest(product, reference, HOUR), pair_daily(product, reference)
    finally:
        numba.set_num_threads(threads)
    for a, b in zip(many, one, strict=True):
        assert_same(a, b)


def test_several_threads_may_pair_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    product, reference = drawn("hourly", 20, 200, 7), drawn("own times", 20, 90, 8)
    expected = pair_nearest(product, reference, HOUR)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: pair_nearest(product, reference, HOUR), range(16)):
            assert_same(got, expected)


def test_pairing_loads_no_compiler_before_it_pairs() -> None:
    import subprocess
    import sys

    code = "import sys, smcore.validation.matching.match, smcore.validation.runs.run; print('numba' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == "False"
