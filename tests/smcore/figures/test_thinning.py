"""Points that a screen can show: the extremes of each column by a plain loop, gaps, and both ends."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.figures.thinning import thin

BEGIN = np.datetime64("2010-01-01", "ns")


def made(count: int, missing: float, digits: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    steps = np.sort(rng.choice(count * 4, count, replace=False))
    value = np.round(rng.random(count), digits)
    value[rng.random(count) < missing] = np.nan
    return BEGIN + steps * np.timedelta64(1, "h"), value


@pytest.mark.parametrize("columns", [7, 100])
@pytest.mark.parametrize(("missing", "digits"), [(0.0, 6), (0.3, 6), (0.6, 1)])
def test_lowest_and_highest_of_each_column_are_kept_by_a_loop_that_looks_at_each(
    columns: int, missing: float, digits: int
) -> None:
    time, value = made(3000, missing, digits)
    kept = set(thin(time, value, time[0], time[-1], columns).tolist())
    clock = (time - time[0]) / (time[-1] - time[0]) * columns
    column = np.minimum(clock.astype(int), columns - 1)
    for one in range(columns):
        inside = [i for i in range(len(time)) if column[i] == one and np.isfinite(value[i])]
        if inside:
            seen = value[[i for i in inside if i in kept]]
            assert seen.min() == value[inside].min()
            assert seen.max() == value[inside].max()
    gaps = [i for i in range(len(time)) if np.isnan(value[i]) and (i == 0 or np.isfinite(value[i - 1]))]
    assert kept >= {0, len(time) - 1, *gaps}
    assert len(kept) <= 2 * columns + len(gaps) + 2


def test_a_line_is_thinned_where_a_series_of_points_is_kept_whole() -> None:
    time, value = made(300, 0.0, 6)
    assert len(thin(time, value, time[0], time[-1], 100)) == 300
    assert len(thin(time, value, time[0], time[-1], 100, 2)) <= 202


def test_nothing_but_gaps_keeps_its_ends() -> None:
    time, value = made(3000, 0.0, 6)
    assert thin(time, np.full_like(value, np.nan), time[0], time[-1], 10).tolist() == [0, 2999]
