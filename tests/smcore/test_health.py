"""The health card's numbers: what values span, which share is missing, from when to when there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from factories import tiny_cube, tiny_stations
from flagged import GRID, flagged

from smcore import health as looking
from smcore.cubes.store import open_store, write
from smcore.errors import Cancelled, StoreError
from smcore.health import health


def gappy() -> np.ndarray:
    """Values (time, y, x) with gaps, sea in three columns, and nothing on the first two days and the last."""
    values = tiny_cube(GRID, 12, gaps=0.3)["sm"].values
    values[:2] = values[-1] = np.nan
    values[:, :, :3] = np.nan
    return values


@pytest.fixture
def store(tmp_path: Path) -> Path:
    cube = tiny_cube(GRID, 12)
    write(cube.assign(sm=(cube["sm"].dims, gappy(), cube["sm"].attrs)), tmp_path / "cube")
    return tmp_path / "cube"


def test_a_cube_is_described_as_one_counts_by_hand(store: Path) -> None:
    prepared, values = open_store(store), gappy()
    found = health(prepared, "sm")
    land = np.isfinite(values).any(axis=0)
    assert (found.low, found.high) == (float(np.nanmin(values)), float(np.nanmax(values)))
    assert found.missing == pytest.approx(1 - np.isfinite(values).sum() / (12 * land.sum()))
    assert (found.places, found.filled) == (land.size, land.sum())
    assert (str(found.first)[:10], str(found.last)[:10]) == ("2018-01-03", "2018-01-11")
    assert (found.steps, found.every, found.units) == (12, 1, "m3 m-3")
    assert found.fingerprint == prepared.fingerprint


def test_a_long_record_is_thinned_by_an_odd_number_and_says_so(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST_VALUES", 6 * GRID.shape[0] * GRID.shape[1])
    found, some = health(open_store(store), "sm"), gappy()[::3]
    assert found.every == 3
    land = np.isfinite(some).any(axis=0)
    assert found.missing == pytest.approx(1 - np.isfinite(some).sum() / (len(some) * land.sum()))
    assert found.high == float(np.nanmax(some))


def test_stations_are_described_sensor_by_sensor(tmp_path: Path) -> None:
    nets = tiny_stations(GRID, 5)
    values = nets["sm"].values
    values[1, :30] = np.nan
    values[2] = np.nan
    write(nets, tmp_path / "nets")
    found = health(open_store(tmp_path / "nets"), "sm")
    assert (found.places, found.filled) == (3, 2)
    assert found.missing == pytest.approx(30 / (2 * 120))
    assert found.low == float(np.nanmin(values))


def test_flags_and_maps_without_steps_are_described_too(tmp_path: Path) -> None:
    cube = flagged()
    write(cube, tmp_path / "flagged")
    prepared = open_store(tmp_path / "flagged")
    bits = cube["quality"].values
    found = health(prepared, "quality")
    assert (found.low, found.high) == (0.0, float(bits.max()))
    assert found.missing == pytest.approx((bits < 0).sum() / (bits.shape[0] * (bits >= 0).any(axis=0).sum()))
    water = health(prepared, "water_fraction")
    assert (water.low, water.high, water.missing) == (0.0, 0.5, 0.0)
    assert np.isnat(water.first)


def test_nothing_at_all_has_no_range_and_no_days(tmp_path: Path) -> None:
    cube = tiny_cube(GRID, 3)
    write(cube.assign(sm=cube["sm"] * np.nan), tmp_path / "empty")
    found = health(open_store(tmp_path / "empty"), "sm")
    assert np.isnan([found.low, found.high, found.missing]).all()
    assert found.filled == 0
    assert np.isnat(found.first)


def test_it_can_be_stopped_and_knows_its_variables(store: Path) -> None:
    with pytest.raises(Cancelled):
        health(open_store(store), "sm", cancelled=lambda: True)
    with pytest.raises(StoreError, match="There is no variable 'rain'"):
        health(open_store(store), "rain")
