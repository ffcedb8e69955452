"""Cubes on one axis of days give the pairs that matching one location after the other gives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smcore.cubes.store import open_store, write
from smcore.errors import StoreError
from smcore.grids import Grid, ease, regular
from smcore.validation.matching import aligned as module
from smcore.validation.matching.aligned import Aligned, aligned
from smcore.validation.matching.fetching import cube_fetch
from smcore.validation.matching.match import Match, MatchOptions, match
from smcore.validation.matching.sides import Masks, Side, side
from smcore.validation.matching.times import DAY

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 109), slice(200, 213))


def days(start: str, count: int, step_hours: int = 24) -> np.ndarray:
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(step_hours, "h")


def gappy(make_cube: Make, time: np.ndarray, seed: int, grid: Grid = GRID, **attrs: Any) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    values = rng.random((len(time), *grid.shape)).astype(np.float32).round(3)
    values[rng.random(values.shape) < 0.5] = np.nan
    values[:, 2, 3] = np.nan
    return make_cube(values, time, grid, **attrs)


def swaths(make_cube: Make, start: str, count: int, seed: int, *, seen: bool = False) -> xr.Dataset:
    """Two overpasses a day with quality flags, one of them missing now and then."""
    rng = np.random.default_rng(seed)
    kept = rng.random(2 * count) < 0.8
    time = days(start + "T06:00", 2 * count, 12)[kept]
    cube = gappy(make_cube, time, seed, kind="observed", time_is_nominal=1)
    quality = rng.integers(-1, 4, cube["sm"].shape).astype(np.int32)
    cube["quality"] = (("time", "y", "x"), quality, {"recommended_bits": 1, "attempted_bits": 2})
    if seen:
        late = rng.integers(-20, 20, cube["sm"].shape).astype("timedelta64[h]")
        stamps = np.where(rng.random(cube["sm"].shape) < 0.1, np.datetime64("NaT", "ns"), time[:, None, None] + late)
        cube["obs_time"] = (("time", "y", "x"), stamps)
    labels = np.where(np.arange(2 * count) % 2 == 0, "am", "pm")[kept]
    return cube.assign_coords(overpass=("time", labels))


def matched(product: xr.Dataset | Side, reference: xr.Dataset | Side, **options: Any) -> Match:
    masks = Masks(**{k: options.pop(k) for k in ("quality", "overpass", "start", "end") if k in options})
    sides = [s if isinstance(s, Side) else side(s, n) for s, n in ((product, "p"), (reference, "r"))]
    return match(sides[0], sides[1], MatchOptions(masks, **options))


def assert_same_pairs(found: Aligned, m: Match) -> None:
    """Location by location the same pairs as by :meth:`Match.block`, in any order of one day."""
    assert sorted(np.concatenate(found.rows()).tolist()) == list(range(len(m.places)))
    total = 0
    for block in found.blocks():
        assert block.errors == {}
        pairs = m.block(block.rows).pairs
        both = np.isfinite(block.product) & np.isfinite(block.reference)
        np.testing.assert_array_equal(both.sum(axis=0), pairs.count)
        for i in range(len(block.rows)):
            mine = sorted(zip(block.product[both[:, i], i], block.reference[both[:, i], i], strict=True))
            n = pairs.count[i]
            assert mine == sorted(zip(pairs.product[i, :n], pairs.reference[i, :n], strict=True))
        total += int(pairs.count.sum())
    assert total > 0
    assert (np.diff(found.day) >= 0).all()


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("daily", [False, True])
def test_two_daily_cubes_of_different_periods(make_cube: Make, swapped: bool, daily: bool) -> None:
    a = gappy(make_cube, days("2020-01-03", 50), 1)
    b = gappy(make_cube, np.delete(days("2020-01-01", 40), [4, 5, 20]), 2)
    m = matched(*((b, a) if swapped else (a, b)), daily=daily)
    found = aligned(m)
    assert found is not None
    assert len(found.day) == 35
    assert_same_pairs(found, m)


@pytest.mark.parametrize(
    "options", [{"start": "2020-01-10"}, {"end": "2020-01-20"}, {"start": "2020-01-10", "end": "2020-01-10"}]
)
def test_a_period_that_was_asked_for(make_cube: Make, options: dict[str, str]) -> None:
    m = matched(gappy(make_cube, days("2020-01-03", 50), 1), gappy(make_cube, days("2020-01-01", 40), 2), **options)
    found = aligned(m)
    assert found is not None
    assert_same_pairs(found, m)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("quality", ["all", "recommended", "attempted"])
@pytest.mark.parametrize("overpass", ["both", "am", "pm"])
def test_overpasses_against_days(make_cube: Make, overpass: str, quality: str, swapped: bool) -> None:
    swath, daily = (
        swaths(make_cube, "2020-01-02", 20, 3),
        gappy(make_cube, days("2020-01-01", 30), 4, time_support="day-mean"),
    )
    m = matched(*((daily, swath) if swapped else (swath, daily)), quality=quality, overpass=overpass)
    found = aligned(m)
    assert found is not None
    assert_same_pairs(found, m)
    assert set(found.overpass.tolist()) == {"both": {0, 1}, "am": {0}, "pm": {1}}[overpass]


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("start", [None, "2020-01-08"])
def test_overpasses_against_overpasses_also_with_observation_times(
    make_cube: Make, seen: bool, start: str | None
) -> None:
    a, b = swaths(make_cube, "2020-01-02", 20, 5, seen=seen), swaths(make_cube, "2020-01-05", 20, 6)
    m = matched(a, b, daily=True, quality="recommended", start=start, end="2020-01-20")
    found = aligned(m)
    assert found is not None
    assert_same_pairs(found, m)


def test_steps_of_some_hours_with_one_partner_each(make_cube: Make) -> None:
    m = matched(gappy(make_cube, days("2020-01-01", 40, 6), 1), gappy(make_cube, days("2020-01-01T00:30", 60, 3), 2))
    found = aligned(m)
    assert found is not None
    assert_same_pairs(found, m)


@pytest.mark.parametrize("swapped", [False, True])
def test_grids_that_meet_by_the_nearest_centre(make_cube: Make, swapped: bool) -> None:
    degrees = regular(28.0, 67.0, 0.1, 0.1, 9, 12)
    rows, columns = ease("M09").window(67.0, 27.2, 67.6, 28.05)
    a = gappy(make_cube, days("2020-01-01", 30), 1, ease("M09").cut(rows, columns))
    b = gappy(make_cube, days("2020-01-01", 30), 2, degrees)
    m = matched(*((b, a) if swapped else (a, b)))
    found = aligned(m)
    assert found is not None
    assert 0 < m.collocation.found.sum() < len(m.places)
    assert_same_pairs(found, m)


def test_what_depends_on_gaps_or_times_of_values_goes_the_general_way(make_cube: Make, make_stations: Make) -> None:
    daily, hourly = gappy(make_cube, days("2020-01-01", 30), 1), gappy(make_cube, days("2020-01-01", 99, 1), 2)
    assert aligned(matched(hourly, hourly)) is None  # a missing hour gives way to the next
    assert aligned(matched(hourly, daily, daily=True)) is None  # means of days
    assert aligned(matched(swaths(make_cube, "2020-01-02", 20, 3, seen=True), daily, daily=True)) is None
    station = make_stations(np.zeros(30), days("2020-01-01", 30), GRID.lat[0], GRID.lon[0])
    assert aligned(matched(daily, station)) is None
    fine = gappy(make_cube, days("2020-01-01", 30), 2, ease("M09").cut(slice(400, 436), slice(800, 852)))
    assert aligned(matched(daily, fine)) is None  # the mean of several cells
    assert aligned(matched(side(daily, "p", fetch=lambda name, where, steps: np.zeros((1, 1))), daily)) is None


@pytest.fixture
def stored(make_cube: Make, tmp_path: Path) -> Callable[..., Side]:
    def make(name: str, data: xr.Dataset) -> Side:
        write(data, tmp_path / name)
        cube = open_store(tmp_path / name)
        return side(cube.dataset(), name, fetch=cube_fetch(cube))

    return make


def test_prepared_cubes_are_read_tile_by_tile(
    make_cube: Make, stored: Callable[..., Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = ease("M36").cut(slice(100, 124), slice(200, 231))
    a, b = (gappy(make_cube, days(f"2020-01-0{i}", 40), i, grid) for i in (1, 3))
    m = matched(stored("a", a), stored("b", b))
    found = aligned(m)
    assert found is not None
    assert len(found.rows()) == 1
    monkeypatch.setattr(module, "_TILE_BYTES", 4 * 40 * 200)
    assert [len(rows) for rows in found.rows()] == [200, 200, 200, 20, 40, 40, 40, 4]  # whole chunks of 10 × 10
    assert_same_pairs(found, m)


def test_memory_does_not_grow_with_time(make_cube: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TILE_BYTES", 4 * 100 * 30)

    def largest(steps: int) -> int:
        found = aligned(matched(*(gappy(make_cube, days("2020-01-01", steps), i) for i in (1, 2))))
        assert found is not None
        return max(block.product.size for block in found.blocks())

    assert largest(400) <= largest(100) <= 100 * 30


def test_a_part_that_cannot_be_read_costs_no_other(make_cube: Make) -> None:
    a, b = (gappy(make_cube, days("2020-01-01", 30), i) for i in (1, 2))
    bad = {17, 18, 40}

    class Broken:
        def __init__(self, one: Side) -> None:
            self.fetch = one.fetch

        def __call__(self, variable: str, where: np.ndarray, steps: slice) -> np.ndarray:
            return self.fetch(variable, where, steps)

        def tile(self, variable: str) -> tuple[int, int]:
            return 2, 2

        def maps(self, variable: str, steps: slice, rows: slice, columns: slice) -> np.ndarray:
            touched = {
                r * GRID.shape[1] + c for r in range(rows.start, rows.stop) for c in range(columns.start, columns.stop)
            }
            if touched & bad:
                raise StoreError("A part of the store is damaged")
            return self.fetch.maps(variable, steps, rows, columns)  # type: ignore[attr-defined]

    whole = aligned(matched(a, b))
    found = aligned(matched(side(a, "p", fetch=Broken(side(a, "p"))), b))
    assert whole is not None
    assert found is not None
    errors: dict[int, str] = {}
    for block in found.blocks():
        errors |= block.errors
        product, reference, _ = whole.block(block.rows)
        good = ~np.isin(block.rows, list(bad))
        np.testing.assert_array_equal(block.product[:, good], product[:, good])
        np.testing.assert_array_equal(block.reference[:, good], reference[:, good])
        assert np.isnan(block.product[:, ~good]).all()
    assert set(errors) == bad
    assert set(errors.values()) == {"A part of the store is damaged"}


def test_the_next_tile_is_read_while_one_is_computed_and_stopping_leaves_no_thread(
    make_cube: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TILE_BYTES", 4 * 30 * 10)
    a, b = (gappy(make_cube, days("2020-01-01", 30), i) for i in (1, 2))
    found = aligned(matched(a, b))
    assert found is not None
    of_others = set(threading.enumerate())
    blocks = found.blocks()
    next(blocks)
    own = set(threading.enumerate()) - of_others
    assert any(thread.name.startswith("tiles") for thread in own)
    blocks.close()  # type: ignore[attr-defined]
    assert not any(thread.is_alive() for thread in own if thread.name.startswith("tiles"))


def test_reading_leaves_the_data_as_they_are(make_cube: Make) -> None:
    a, b = swaths(make_cube, "2020-01-02", 20, 3), gappy(make_cube, days("2020-01-01", 30), 4, time_support="day-mean")
    before = a["sm"].values.copy()
    found = aligned(matched(a, b, quality="recommended", start="2020-01-04"))
    assert found is not None
    assert len(list(found.blocks())) > 0
    np.testing.assert_array_equal(a["sm"].values, before)
    assert found.day.min() * DAY == np.datetime64("2020-01-04", "us").astype(np.int64)
