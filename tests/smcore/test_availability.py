"""The share of valid cells by step, against a plain count over the whole cube."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import tiny_cube

from smcore.availability import BATCH, availability
from smcore.cubes import overviews
from smcore.cubes.store import open_store, write
from smcore.grids import ease


def stored(folder: Path, count: int, rows: int = 12, columns: int = 16) -> tuple[Any, np.ndarray]:
    """A cube whose western third is sea, with swaths and one empty step, and its values."""
    grid = ease("M36").cut(slice(80, 80 + rows), slice(200, 200 + columns))
    cube = tiny_cube(grid, count=count, gaps=0.3)
    values = cube["sm"].values
    values[:, :, : columns // 3] = np.nan
    values[3] = np.nan
    write(cube, folder / "cube")
    return open_store(folder / "cube"), values


@pytest.mark.parametrize("count", [5, BATCH + 7])
def test_the_share_is_that_of_the_cells_which_ever_have_a_value(tmp_path: Path, count: int) -> None:
    store, values = stored(tmp_path, count)
    valid = np.isfinite(values)
    *partial, whole = availability(store, "sm")
    np.testing.assert_allclose(whole.share, valid.sum((1, 2)) / valid.any(0).sum())
    assert whole.share[3] == 0.0
    assert whole.is_whole
    assert not any(one.is_whole for one in partial)


def test_of_a_long_product_each_kth_step_is_read_and_that_is_said(tmp_path: Path) -> None:
    store, values = stored(tmp_path, 50)
    *_, found = availability(store, "sm", most=20)
    assert found.every == 3
    np.testing.assert_array_equal(found.steps, np.arange(0, 50, 3))
    valid = np.isfinite(values[::3])
    np.testing.assert_allclose(found.share, valid.sum((1, 2)) / valid.any(0).sum())


def test_overviews_give_the_same_share_where_whole_cells_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overviews, "LONGEST", 4)
    grid = ease("M36").cut(slice(80, 93), slice(200, 217))  # odd sides: the last overview cells are narrower
    cube = tiny_cube(grid, count=6)
    values = cube["sm"].values
    values[1, :8] = np.nan
    values[4, :, 8:] = np.nan
    write(cube, tmp_path / "cube")
    store = open_store(tmp_path / "cube")
    assert len(store.levels) > 2
    *_, found = availability(store, "sm")
    np.testing.assert_allclose(found.share, np.isfinite(values).mean((1, 2)))
