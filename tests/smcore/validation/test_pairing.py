"""Which records become pairs: nearest in time once each, and UTC days."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smcore.validation.matching.pairing import NO_TIME, Pairs, pair_daily, pair_nearest
from smcore.validation.matching.sides import Records
from smcore.validation.matching.times import DAY, HOUR, Support, microseconds, to_datetime

DAY0 = 18_000 * DAY


def records(times: list[list[float]], values: list[list[float]] | None = None, **known: object) -> Records:
    """Series of several locations; times in hours after DAY0, NaN in ``values`` where there is none."""
    time = np.round(np.array(times, float) * HOUR).astype(np.int64) + DAY0
    value = np.array(values if values is not None else np.arange(time.size).reshape(time.shape), float)
    overpass = known.get("overpass")
    return Records(
        value,
        time,
        known.get("stamp", time[0]),  # type: ignore[arg-type]
        None if overpass is None else np.array(overpass, np.int8),
        np.full(len(time), known.get("per_day", 24)),
        {},
        {name: np.array(label, np.int16) for name, label in known.get("labels", {}).items()},  # type: ignore[attr-defined]
    )


def listed(pairs: Pairs, row: int = 0) -> list[tuple[float, float]]:
    count = int(pairs.count[row])
    assert np.isnan(pairs.product[row, count:]).all()
    assert (pairs.product_time[row, count:] == NO_TIME).all()
    return list(zip(pairs.product[row, :count].tolist(), pairs.reference[row, :count].tolist(), strict=True))


def nearest_by_search(p: Records, r: Records, window: int, row: int) -> list[tuple[float, float]]:
    """The rule as it is written, record by record."""

    def usable(side: Records) -> list[tuple[int, int]]:
        kept = [i for i in range(side.values.shape[1]) if np.isfinite(side.values[row, i])]
        return sorted((int(side.time[row, i]), i) for i in kept)

    def closest(time: int, others: list[tuple[int, int]]) -> int:
        return min(range(len(others)), key=lambda k: (abs(others[k][0] - time), others[k][0], k))

    mine, other = usable(p), usable(r)
    found = []
    for place, (time, i) in enumerate(mine):
        if other:
            k = closest(time, other)
            if abs(other[k][0] - time) <= window and closest(other[k][0], mine) == place:
                found.append((float(p.values[row, i]), float(r.values[row, other[k][1]])))
    return found


def test_a_retrieval_takes_the_nearest_hourly_record() -> None:
    product = records([[6.4, 18.6]], [[0.1, 0.2]])
    reference = records([[5.0, 6.0, 7.0, 18.0, 19.0]], [[5, 6, 7, 18, 19]])
    assert listed(pair_nearest(product, reference, HOUR)) == [(0.1, 6), (0.2, 19)]


def test_a_missing_nearest_record_gives_way_to_the_next_within_the_window() -> None:
    product = records([[6.4]], [[0.1]])
    reference = records([[6.0, 7.0]], [[np.nan, 7]])
    assert listed(pair_nearest(product, reference, HOUR)) == [(0.1, 7)]
    assert listed(pair_nearest(product, reference, HOUR // 2)) == []


def test_the_window_includes_its_ends_and_counts_what_lies_beyond() -> None:
    product = records([[6.0, 9.0]], [[0.1, 0.2]])
    reference = records([[7.0]], [[7]])
    pairs = pair_nearest(product, reference, HOUR)
    assert listed(pairs) == [(0.1, 7)]
    assert pairs.dropped["no_record_in_window"].tolist() == [1]


def test_of_two_records_at_the_same_distance_the_earlier_is_taken() -> None:
    product = records([[6.5]], [[0.1]])
    reference = records([[6.0, 7.0]], [[6, 7]])
    assert listed(pair_nearest(product, reference, HOUR)) == [(0.1, 6)]


def test_a_reference_record_serves_only_the_retrieval_nearest_to_it() -> None:
    product = records([[5.8, 6.1]], [[0.1, 0.2]])
    reference = records([[6.0]], [[6]])
    pairs = pair_nearest(product, reference, HOUR)
    assert listed(pairs) == [(0.2, 6)]
    assert pairs.dropped["record_used_by_a_nearer_one"].tolist() == [1]


def test_of_records_at_one_time_the_first_is_taken() -> None:
    product = records([[6.0, 6.0]], [[0.1, 0.2]])
    reference = records([[6.2, 6.2]], [[6, 7]])
    assert listed(pair_nearest(product, reference, HOUR)) == [(0.1, 6)]


def test_unsorted_observation_times_are_paired_by_time() -> None:
    product = records([[18.0, 6.0]], [[0.2, 0.1]])
    reference = records([[6.0, 18.0]], [[6, 18]])
    assert listed(pair_nearest(product, reference, HOUR)) == [(0.1, 6), (0.2, 18)]


def test_locations_do_not_borrow_records_from_each_other() -> None:
    product = records([[6.0, 18.0], [6.0, 18.0]], [[0.1, np.nan], [np.nan, 0.2]])
    reference = records([[6.0, 18.0], [6.0, 18.0]], [[np.nan, 18], [6, np.nan]])
    pairs = pair_nearest(product, reference, HOUR)
    assert pairs.count.tolist() == [0, 0]
    assert pairs.product.shape == (2, 0)


MOMENTS = st.lists(st.integers(0, 48).map(lambda v: v / 4), min_size=1, max_size=12)


@given(MOMENTS, MOMENTS, st.integers(0, 8), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_pairs_are_those_of_the_written_rule_for_any_times(
    p: list[float], r: list[float], quarter_hours: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    product, reference = records([p, p[::-1]]), records([r, sorted(r)])
    for side in (product, reference):
        side.values[rng.random(side.values.shape) < 0.3] = np.nan
    window = quarter_hours * HOUR // 4
    pairs = pair_nearest(product, reference, window)
    for row in (0, 1):
        assert sorted(listed(pairs, row)) == sorted(nearest_by_search(product, reference, window, row))


@given(MOMENTS, MOMENTS)
@settings(max_examples=60, deadline=None)
def test_swapping_the_sides_swaps_the_pairs(p: list[float], r: list[float]) -> None:
    product, reference = records([sorted(set(p))]), records([sorted(set(r))])
    there, back = pair_nearest(product, reference, HOUR), pair_nearest(reference, product, HOUR)
    assert sorted(listed(there)) == sorted((a, b) for b, a in listed(back))


def test_daily_means_are_those_of_pandas_with_half_a_day_or_more() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(240.0)
    product, reference = rng.random(240), rng.random(240)
    product[rng.random(240) < 0.45] = np.nan
    product[48:61] = np.nan  # 11 records are left of this day: too few
    product[59] = 0.5
    pairs = pair_daily(records([time], [product]), records([time], [reference]))
    frame = pd.DataFrame({"p": product, "r": reference, "day": time // 24}).groupby("day")
    expected = frame.mean()[frame["p"].count() >= 12]
    np.testing.assert_allclose(listed(pairs), expected.to_numpy(), rtol=0, atol=1e-15)
    assert 0 < pairs.dropped["day_with_too_few_records"][0] == 10 - len(expected)


def test_the_minimum_goes_by_how_often_a_series_reports() -> None:
    three_hourly = records([[0.0, 3, 6, 9]], [[1, 2, 3, 4]], per_day=8)
    once = records([[12.0]], [[7]], per_day=1)
    assert listed(pair_daily(three_hourly, once)) == [(2.5, 7)]
    short = records([[0.0, 3, 6]], [[1, 2, 3]], per_day=8)
    assert listed(pair_daily(short, once)) == []


def test_morning_and_evening_retrievals_of_a_day_stay_apart() -> None:
    product = records([[6.0, 18.0]], [[0.1, 0.3]], overpass=[0, 1])
    reference = records([list(range(24))], [[0.25] * 24])
    pairs = pair_daily(product, reference)
    assert listed(pairs) == [(0.1, 0.25), (0.3, 0.25)]
    assert pairs.overpass.tolist() == [[0, 1]]
    assert listed(pair_daily(reference, product)) == [(0.25, 0.1), (0.25, 0.3)]


def test_the_day_of_a_retrieval_is_that_of_its_observation() -> None:
    late = records([[6.0]], [[0.1]], overpass=[0])
    late.time[0, 0] = DAY0 + 25 * HOUR
    reference = records([[12.0, 36.0]], [[5, 6]], per_day=1)
    assert listed(pair_daily(late, reference)) == [(0.1, 6)]


def test_two_sets_of_retrievals_are_paired_overpass_by_overpass() -> None:
    product = records([[6.0, 12.0, 18.0, 30.0]], [[1, 2, 3, 4]], overpass=[0, 2, 1, 0])
    reference = records([[6.0, 18.0, 42.0]], [[10, 30, 50]], overpass=[0, 1, 1])
    assert listed(pair_daily(product, reference)) == [(1, 10), (3, 30)]


def test_several_unknown_overpasses_of_a_date_are_paired_in_order() -> None:
    product = records([[12.0, 12.02, 36.0]], [[1, 2, 3]], overpass=[2, 2, 2])
    reference = records([[12.0, 12.02]], [[10, 20]], overpass=[2, 2])
    assert listed(pair_daily(product, reference)) == [(1, 10), (2, 20)]


def test_sides_without_any_value_give_no_pair() -> None:
    empty, some = records([[6.0, 7.0]], [[np.nan, np.nan]]), records([[6.0]], [[1]])
    for pairs in (pair_daily(empty, some), pair_daily(some, empty), pair_daily(empty, empty)):
        assert pairs.count.tolist() == [0]
    assert pair_nearest(empty, some, HOUR).count.tolist() == [0]
    assert pair_nearest(some, empty, HOUR).dropped["no_record_in_window"].tolist() == [1]


LABELS = {"source": [[1, 2, 1, 3]], "gap_age": [[0, 1, 0, 9]]}


def test_labels_of_the_product_go_with_its_values_and_padding_has_none() -> None:
    product = records([[5.0, 6.0, 18.0, 30.0]] * 2, [[1, np.nan, 3, 4], [np.nan, 2, np.nan, np.nan]])
    product.labels.update({name: np.array(label * 2, np.int8) for name, label in LABELS.items()})
    reference = records([[6.0, 18.0, 30.0]] * 2, labels={"source": [[7, 7, 7]] * 2})
    pairs = pair_nearest(product, reference, HOUR)
    assert pairs.labels["source"].tolist() == [[1, 1, 3], [2, -1, -1]]
    assert pairs.labels["gap_age"].tolist() == [[0, 0, 9], [1, -1, -1]]
    assert pair_nearest(records([[6.0]]), records([[6.0]]), HOUR).labels == {}


def test_a_mean_of_a_day_has_the_labels_of_its_last_value() -> None:
    product = records([[18.0, 0.0, 6.0, 30.0]], [[1, 2, 3, np.nan]], per_day=4, labels=LABELS)
    for reference in (records([[12.0]], per_day=1), records([[6.0]], overpass=[0])):
        pairs = pair_daily(product, reference)
        assert listed(pairs) == [(2, 0)]
        assert pairs.labels["source"].tolist() == [[1]]
    product.values[0, 0] = np.nan
    assert pair_daily(product, records([[12.0]], per_day=1)).labels["source"].tolist() == [[1]]
    assert pair_daily(product, records([[12.0]], per_day=1)).labels["gap_age"].tolist() == [[0]]


def test_retrievals_keep_their_own_labels() -> None:
    product = records([[6.0, 18.0, 30.0, 42.0]], [[1, 2, 3, 4]], overpass=[0, 1, 0, 1], labels=LABELS)
    by_day = pair_daily(product, records([[12.0, 36.0]], per_day=1))
    assert by_day.labels["source"].tolist() == LABELS["source"]
    by_overpass = pair_daily(product, records([[18.1, 30.1]], overpass=[1, 0]))
    assert listed(by_overpass) == [(2, 0), (3, 1)]
    assert by_overpass.labels["gap_age"].tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("text", "hours", "centre_hours"),
    [("instant", 0, 0), ("day-mean", 24, 12), ("mean:3:start", 3, 1.5), ("mean:24:end", 24, -12)],
)
def test_time_support_says_where_the_middle_of_a_record_lies(text: str, hours: float, centre_hours: float) -> None:
    support = Support.parse(text, "made up")
    assert support.hours == hours
    assert support.centre == centre_hours * HOUR
    assert support.is_daily == (hours >= 24)


def test_times_survive_the_way_to_microseconds_and_back() -> None:
    time = np.array(["1969-12-31T23:59:59.5", "2016-02-29T12:00:00", "NaT"], "datetime64[ns]")
    there = microseconds(time)
    assert there[2] == NO_TIME
    np.testing.assert_array_equal(to_datetime(there), time)
