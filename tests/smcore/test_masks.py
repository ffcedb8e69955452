"""Masks on maps and series: what they remove is what validation removes, counted as it is on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from factories import tiny_cube
from flagged import FROZEN, GRID, NOT_ADVISED, NOT_TRIED, flagged

from smcore import masks
from smcore.cubes.store import open_store, write
from smcore.errors import CubeError, MatchError, StoreError, UnitsError
from smcore.masks import Held, check_answered, count_removed, masked_map, masked_series, resolve
from smcore.validation.matching.mask_rules import named
from smcore.validation.matching.sides import Masks, side


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("masks") / "cube"
    write(flagged(), path)
    return open_store(path)


@pytest.fixture
def held(store: Any) -> Held:
    return Held.of(store, "cube")


def by_hand(store: Any, step: int, unwanted: int) -> np.ndarray:
    """Soil moisture of a step where a retrieval has none of the unwanted bits."""
    data = store.dataset().isel(time=step).load()
    bits = data["quality"].values
    return np.where((bits >= 0) & (bits & unwanted == 0), data["sm"].values, np.nan)


def test_a_product_offers_the_rules_that_it_can_answer(held: Held) -> None:
    assert held.quality_rules() == ("recommended", "attempted", "all")
    assert held.rules() == ("frozen_ground", "open_water", "odd")


def test_a_product_without_flags_offers_no_rule(tmp_path: Path) -> None:
    write(tiny_cube(GRID, 2), tmp_path / "bare")
    bare = Held.of(open_store(tmp_path / "bare"), "bare")
    assert bare.quality_rules() == ("all",)
    assert bare.rules() == ()
    mask = resolve(bare, "recommended", ("frozen_ground",))
    assert mask.is_empty
    assert mask.quality == "all"
    assert mask.unanswered == ("recommended", "frozen_ground")


@pytest.mark.parametrize(("rule", "unwanted"), [("recommended", NOT_ADVISED), ("attempted", NOT_TRIED)])
def test_a_quality_rule_leaves_what_the_product_recommends(store: Any, held: Held, rule: str, unwanted: int) -> None:
    for step in range(3):
        shown = masked_map(store, "sm", step, resolve(held, rule))
        np.testing.assert_array_equal(shown, by_hand(store, step, unwanted))


def test_all_retrievals_are_the_store_itself(store: Any, held: Held) -> None:
    mask = resolve(held)
    assert mask.is_empty
    np.testing.assert_array_equal(masked_map(store, "sm", 1, mask), store.read_map("sm", 1))


def test_rules_add_up(store: Any, held: Held) -> None:
    mask = resolve(held, "recommended", ("frozen_ground",))
    np.testing.assert_array_equal(masked_map(store, "sm", 2, mask), by_hand(store, 2, NOT_ADVISED | FROZEN))


@pytest.mark.parametrize("rules", [("frozen_ground",), ("open_water", "odd"), ()])
@pytest.mark.parametrize("quality", ["recommended", "all"])
def test_a_series_keeps_what_validation_keeps(store: Any, held: Held, quality: str, rules: tuple[str, ...]) -> None:
    data = store.dataset().load()
    one = side(data, "cube")
    masks_ = Masks(None, quality, rules=tuple(named(rule) for rule in rules))
    where = np.arange(GRID.shape[0] * GRID.shape[1])
    limits = (np.iinfo(np.int64).min // 4, np.iinfo(np.int64).max // 4)
    kept = one.read(where, slice(0, 6), masks_, limits).values
    mask = resolve(held, quality, rules)
    for row, column in ((0, 0), (4, 7), (10, 14)):
        ours = masked_series(store, "sm", mask, row, column)
        np.testing.assert_array_equal(ours, kept[row * GRID.shape[1] + column])


def test_a_map_and_a_series_agree(store: Any, held: Held) -> None:
    mask = resolve(held, "attempted", ("open_water",))
    maps = np.stack([masked_map(store, "sm", step, mask) for step in range(6)])
    np.testing.assert_array_equal(maps[:, 3, 5], masked_series(store, "sm", mask, 3, 5))


def test_a_threshold_stands_in_for_flags_that_a_product_lacks(tmp_path: Path) -> None:
    cube = flagged().drop_vars("quality")
    write(cube, tmp_path / "cold")
    cold = open_store(tmp_path / "cold")
    mask = resolve(Held.of(cold, "cold"), "all", ("frozen_ground", "open_water"))
    sm, kelvin, water = (cube[name].values for name in ("sm", "soil_temperature", "water_fraction"))
    expected = np.where((kelvin < np.float32(273.15)) | (water > 0.05), np.nan, sm)
    shown = np.stack([masked_map(cold, "sm", step, mask) for step in range(6)])
    np.testing.assert_allclose(shown, expected, atol=2e-5)
    np.testing.assert_allclose(masked_series(cold, "sm", mask, 2, 9), expected[:, 2, 9], atol=2e-5)


def test_a_threshold_in_another_unit_is_refused(tmp_path: Path) -> None:
    cube = flagged().drop_vars("quality")
    cube["soil_temperature"].attrs["units"] = "degC"
    write(cube, tmp_path / "celsius")
    with pytest.raises(UnitsError, match=r"frozen_ground is given in K, but soil_temperature is in degC"):
        resolve(Held.of(open_store(tmp_path / "celsius"), "celsius"), "all", ("frozen_ground",))


def test_an_overview_is_the_mean_of_the_cells_that_stay(store: Any, held: Held) -> None:
    mask = resolve(held, "recommended", ("frozen_ground",))
    cells = by_hand(store, 4, NOT_ADVISED | FROZEN)
    shown = masked_map(store, "sm", 4, mask, level=1, rows=slice(1, 6), cols=slice(2, 8))
    assert shown.shape == (5, 6)
    for i in range(5):
        for j in range(6):
            block = cells[2 * (i + 1) : 2 * (i + 2), 2 * (j + 2) : 2 * (j + 3)]
            stays = block[np.isfinite(block)]
            np.testing.assert_allclose(shown[i, j], stays.mean() if stays.size else np.nan, rtol=1e-6)


def test_more_cells_than_can_be_masked_at_once_are_refused(
    store: Any, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masks, "MOST_CELLS", 100)
    with pytest.raises(StoreError, match="zoom in"):
        masked_map(store, "sm", 0, resolve(held, "recommended"), level=1)


def test_the_share_counts_values_and_each_rule_by_itself(store: Any, held: Held) -> None:
    data = store.dataset().isel(time=[1, 3]).load()
    there, bits = np.isfinite(data["sm"].values), data["quality"].values
    found = count_removed(store, "sm", resolve(held, "recommended", ("frozen_ground",)), (1, 3))
    assert found.steps == 2
    assert found.present == there.sum()
    assert found.by_rule["quality"] == (there & (bits & NOT_ADVISED > 0)).sum()
    assert found.by_rule["frozen_ground"] == (there & (bits & FROZEN > 0)).sum()
    assert found.removed == (there & (bits & (NOT_ADVISED | FROZEN) > 0)).sum()
    assert found.share == pytest.approx(found.removed / there.sum())
    assert 0 < found.share < 1


def test_a_pixel_set_is_masked_like_a_cube(store: Any, tmp_path: Path) -> None:
    data = store.dataset().load()
    rows, columns = np.array([1, 4, 9]), np.array([2, 11, 5])
    pixels = data.isel(y=xr.DataArray(rows, dims="location"), x=xr.DataArray(columns, dims="location"))
    for name in ("sm", "quality", "soil_temperature"):
        pixels[name] = pixels[name].transpose("location", "time")
    pixels = pixels.assign_coords(
        location=np.arange(3), row=("location", rows + GRID.row0), col=("location", columns + GRID.col0)
    )
    write(pixels, tmp_path / "pixels")
    table = open_store(tmp_path / "pixels")
    mask = resolve(Held.of(table, "pixels"), "recommended", ("frozen_ground",))
    for number, (row, column) in enumerate(zip(rows, columns, strict=True)):
        expected = masked_series(store, "sm", mask, int(row), int(column))
        np.testing.assert_allclose(masked_series(table, "sm", mask, number), expected, atol=2e-5)
        own = masked_map(table, "sm", 3, mask)[row - rows.min(), column - columns.min()]
        np.testing.assert_allclose(own, expected[3], atol=2e-5)
    shown = masked_map(table, "sm", 3, mask)
    assert np.isfinite(shown).sum() <= 3


def test_a_quality_rule_that_there_is_not_is_refused(held: Held) -> None:
    with pytest.raises(CubeError, match="There is no quality rule 'best'"):
        resolve(held, "best")


def test_a_rule_that_nothing_can_answer_is_refused_with_those_there_are(tmp_path: Path, held: Held) -> None:
    write(tiny_cube(GRID, 2), tmp_path / "bare")
    write(tiny_cube(GRID, 2, kind="observed"), tmp_path / "unflagged")
    bare, unflagged = (Held.of(open_store(tmp_path / name), name) for name in ("bare", "unflagged"))
    with pytest.raises(MatchError, match=r"cube can't be masked by 'frozen_groud'.*frozen_ground, open_water, odd"):
        check_answered((held,), rules=("open_water", "frozen_groud"))
    with pytest.raises(MatchError, match="leave the mask out"):
        check_answered((bare,), rules=("frozen_ground",))
    with pytest.raises(MatchError, match="unflagged was observed but kept no quality flags"):
        check_answered((unflagged,), "recommended")
    with pytest.raises(CubeError, match="no quality rule 'good'"):
        check_answered((bare,), "good")
    check_answered((bare, held), "recommended", ("frozen_ground",))  # one of them tells it
    check_answered((bare,), "recommended")  # what was not observed has no retrievals to choose among
