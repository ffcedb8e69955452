"""Differences and formulas of more cells than are read at once: means where both have them, else cells as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import catalogue, tiny_cube
from flagged import flagged

from app.files import saving
from app.map import combined_map, comparison
from app.map.combined_map import aligned, rectangle, sampled
from app.session import Session
from app.settings import Settings
from smcore.cubes import overviews
from smcore.cubes.store import open_store
from smcore.grids import ease
from smcore.maps import fitted

MINE = ease("M09").cut(slice(300, 364), slice(800, 896))
THEIRS = ease("M09").cut(slice(308, 380), slice(792, 880))  # 8 rows further south, 8 columns further west
ODD = ease("M09").cut(slice(303, 360), slice(801, 890))
COARSE = ease("M36").cut(slice(74, 92), slice(199, 225))
DAY = "2018-01-03"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product with gaps, others on cuts of its grid, one on a coarser grid, and one with flags."""
    data = {
        name: tiny_cube(grid, 4, seed=seed, gaps=0.3, title=name.title())
        for seed, (name, grid) in enumerate({"mine": MINE, "theirs": THEIRS, "odd": ODD, "coarse": COARSE}.items())
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overviews, "LONGEST", 8)  # so that small maps have overviews
        return catalogue(tmp_path_factory.mktemp("combined"), data | {"flagged": flagged(title="Flagged")})


@pytest.fixture
def tab(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Session]:
    monkeypatch.setattr(combined_map, "MOST_CELLS", 40)
    monkeypatch.setattr(combined_map, "BAND_CELLS", 300)
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, {"product": "mine", "t": DAY} | query)


@pytest.fixture(scope="module")
def values(file: Path) -> dict[str, Any]:
    return {
        name: open_store(file.parent / name).read_map("sm", 2).astype(float)
        for name in ("mine", "theirs", "odd", "coarse")
    }


def seen(session: Session, wide: int) -> tuple[np.ndarray, Any]:
    """What a map of so few pixels is painted of, and its gather."""
    store, entry = session.store, session.store.entry
    assert entry is not None
    gather = store.gather(entry, fitted(MINE.bbox, wide, wide))
    return store.on_map(entry, store.step(entry), gather), gather


def on_mine(values: dict[str, Any], name: str, grid: Any) -> np.ndarray:
    """A product on the cells of ``mine``, NaN outside."""
    out = np.full(MINE.shape, np.nan)
    for i in range(MINE.shape[0]):
        for j in range(MINE.shape[1]):
            row, column = MINE.row0 + i - grid.row0, MINE.col0 + j - grid.col0
            if 0 <= row < grid.shape[0] and 0 <= column < grid.shape[1]:
                out[i, j] = values[name][row, column]
    return out


def test_a_difference_of_means_is_of_blocks_that_both_have_and_that_are_half_there(
    tab: Callable[..., Session], values: dict[str, Any]
) -> None:
    session = tab(minus="theirs")
    shown, gather = seen(session, 24)
    side = 2**gather.level
    assert side in (4, 8)
    assert session.store.comparison.is_of_means(gather.level)
    first, second = values["mine"], on_mine(values, "theirs", THEIRS)
    expected = np.full(shown.shape, np.nan)
    for i in range(shown.shape[0]):
        for j in range(shown.shape[1]):
            top, left = (gather.rows.start + i) * side, (gather.columns.start + j) * side
            blocks = [one[top : top + side, left : left + side] for one in (first, second)]
            inside = top + side <= MINE.shape[0] and MINE.row0 + top >= THEIRS.row0 and left + side <= 80
            if inside and all(np.isfinite(b).mean() >= 0.5 for b in blocks):
                expected[i, j] = np.nanmean(blocks[0]) - np.nanmean(blocks[1])
    assert np.isfinite(expected).sum() > 20
    np.testing.assert_array_equal(np.isfinite(shown), np.isfinite(expected))
    np.testing.assert_allclose(shown, expected, atol=4e-4)  # means are packed to a ten-thousandth


@pytest.mark.parametrize(
    "query",
    [
        {"minus": "odd"},
        {"formula": "a - odd"},
        {"formula": "where(odd > 0.2, a - odd)"},
        {"minus": "coarse", "onto": "finer"},
    ],
    ids=str,
)
def test_else_it_is_that_of_one_cell_of_each_block_as_it_is(
    tab: Callable[..., Session], values: dict[str, Any], query: dict[str, str]
) -> None:
    session = tab(**query)
    shown, gather = seen(session, 24)
    side = 2**gather.level
    assert side > 1
    if "coarse" in query.values():
        rows, columns = (
            np.searchsorted(-COARSE.lat_edges, -MINE.lat) - 1,
            np.searchsorted(COARSE.lon_edges, MINE.lon) - 1,
        )
        other = values["coarse"][np.ix_(rows, columns)]
    else:
        other = on_mine(values, "odd", ODD)
    full = values["mine"] - other
    full = np.where(other > 0.2, full, np.nan) if "where" in query.get("formula", "") else full
    for i in range(shown.shape[0]):
        for j in range(shown.shape[1]):
            row = min((gather.rows.start + i) * side + side // 2, MINE.shape[0] - 1)
            column = min((gather.columns.start + j) * side + side // 2, MINE.shape[1] - 1)
            np.testing.assert_allclose(shown[i, j], full[row, column], atol=1e-6)
    assert np.isfinite(shown).sum() > 5


def test_the_map_says_of_what_it_is_painted(tab: Callable[..., Session]) -> None:
    said = {"theirs": "A difference of means of 2 × 2 cells", "odd": "One cell in 2 × 2 is shown", "": ""}
    for minus, sentence in said.items():
        session = tab(minus=minus, view=",".join(map(str, MINE.bbox)))
        for side in ("inner_width", "inner_height"):
            session.map._sized(side, 0, 24)
        session.map.draw()
        assert sentence in session.map_note.note.object
        assert bool(sentence) == bool(session.map_note.note.object)


def test_a_difference_says_that_a_label_decides_which_hour_of_the_other_is_taken(tmp_path: Path) -> None:
    small, day = ease("M36").cut(slice(80, 84), slice(200, 204)), np.datetime64("2018-01-01", "ns")
    hourly = tiny_cube(small, 24, seed=2, time_support="instant", title="Model")
    hourly = hourly.assign_coords(time=day + np.arange(24) * np.timedelta64(1, "h"))
    labelled = tiny_cube(small, 2, time_support="instant", time_is_nominal=1, title="Seen")
    labelled = labelled.assign_coords(time=day + np.array([6, 18]) * np.timedelta64(1, "h"))
    daily = tiny_cube(small, 2, seed=3, title="Daily")
    data = {"labelled": labelled, "hourly": hourly, "daily": daily}
    settings = Settings(catalogs=(catalogue(tmp_path, data),))

    def said(one: str, two: str) -> tuple[str, str]:
        session = Session(settings, {"product": one, "minus": two, "t": "2018-01-01T06:00"})
        return session.store.comparison.timing(), saving.map_file(session.store, "csv").getvalue().decode()

    for one, two in (("labelled", "hourly"), ("hourly", "labelled")):
        told, file = said(one, two)
        assert told.startswith("Model is taken at the nominal hour of each step")
        assert f"# {told}\n" in file
    assert said("labelled", "daily")[0] == said("hourly", "daily")[0] == ""


def test_a_formula_over_flags_is_never_one_over_means(tab: Callable[..., Session], file: Path) -> None:
    session = tab(product="flagged", formula="where(quality == 0, a)", t="2018-01-05")
    store, entry = session.store, session.store.entry
    assert entry is not None
    gather = store.gather(entry, fitted(store.grid(entry).bbox, 4, 4))
    assert gather.level > 0
    step = store.step(entry)
    prepared = open_store(file.parent / "flagged")
    exact = np.where(prepared.read_map("quality", step) == 0, prepared.read_map("sm", step), np.nan)
    found = store.on_map(entry, step, gather)
    kept = set(np.round(exact[np.isfinite(exact)], 6).tolist())
    assert {round(float(v), 6) for v in found[np.isfinite(found)]} <= kept


def test_cells_of_a_finer_product_are_read_in_parts_and_none_is_refused(
    tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tab(minus="coarse")
    shown, gather = seen(session, 400)
    assert gather.level == 0
    monkeypatch.setattr(comparison, "MOST_CELLS", 100)
    parts, _ = seen(session, 400)
    np.testing.assert_array_equal(parts, shown)
    assert np.isfinite(shown).any()


def test_blocks_are_the_same_cells_of_both_or_there_are_none() -> None:
    assert aligned(slice(8, 64), slice(0, 56), 4, (64, 72)) == (slice(2, 16), -2)
    assert aligned(slice(0, 61), slice(0, 61), 4, (61, 61)) == (slice(0, 16), 0)
    assert aligned(slice(0, 61), slice(0, 61), 4, (61, 64)) == (slice(0, 15), 0)
    assert aligned(slice(3, 64), slice(0, 61), 4, (64, 72)) is None


def test_a_sample_takes_the_middle_of_blocks_whatever_the_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    field = np.arange(70 * 50, dtype=float).reshape(70, 50)

    def exact(part: Any) -> np.ndarray:
        return field[part.rows, part.columns]

    expected = field[np.minimum(np.arange(1, 9) * 8 + 4, 69)][:, np.minimum(np.arange(0, 7) * 8 + 4, 49)]
    for cells in (1, 1000, 10**9):
        monkeypatch.setattr(combined_map, "BAND_CELLS", cells)
        np.testing.assert_array_equal(sampled(exact, rectangle(1, 9, 0, 7, level=3), field.shape), expected)
