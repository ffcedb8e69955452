"""Differences and formulas that a tab can't wait for: the same picture, made aside, told of, superseded, kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import catalogue, tiny_cube

from app.map import combined_frames, combined_map, comparison
from app.page.background import Latest
from app.page.cache import BoundedCache
from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.store import Store
from smcore.cubes import overviews
from smcore.errors import Cancelled
from smcore.grids import ease
from smcore.maps import fitted
from smcore.progress import never, quiet

MINE = ease("M09").cut(slice(300, 364), slice(800, 896))
ODD = ease("M09").cut(slice(303, 360), slice(801, 890))
COARSE = ease("M36").cut(slice(74, 92), slice(199, 225))
QUERIES = (
    {"minus": "odd"}, {"minus": "coarse"}, {"minus": "coarse", "onto": "finer"},
    {"expression": "where(odd > 0.2, a - odd)"},
)  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product with gaps, one on another cut of its grid, and one on a coarser grid."""
    data = {
        name: tiny_cube(grid, 4, seed=seed, gaps=0.3, title=name.title())
        for seed, (name, grid) in enumerate({"mine": MINE, "odd": ODD, "coarse": COARSE}.items())
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overviews, "LONGEST", 8)
        return catalogue(tmp_path_factory.mktemp("aside"), data)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tabs wait for fifty cells at most, and nothing is kept of other tests."""
    monkeypatch.setattr(combined_map, "MOST_CELLS", 1000)
    monkeypatch.setattr(combined_frames, "MOST_AT_ONCE", 50)
    monkeypatch.setattr(combined_frames, "BLOCK_CELLS", 300)
    monkeypatch.setattr(combined_frames, "_FOUND", BoundedCache(8))


@pytest.fixture
def chosen(file: Path) -> Callable[..., Store]:
    """The derived data of a tab."""
    return lambda **what: Store(Selection(product="mine", time="2018-01-03T12:00:00", **what), (file,))


@pytest.fixture
def tab(file: Path, tmp_path: Path) -> Callable[..., Session]:
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")

    def opened(**query: str) -> Session:
        view = ",".join(map(str, MINE.bbox))
        session = Session(settings, {"product": "mine", "t": "2018-01-03", "view": view} | query)
        session.map._sized("inner_width", 0, 24)
        session.map._sized("inner_height", 0, 24)
        return session

    return opened


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Work that is begun and not done yet: its result's receiver, its work, its listener."""
    found: list[Any] = []
    monkeypatch.setattr(Latest, "start", lambda _, work, done, **more: found.append((work, done, more["told"])))
    return found


def drawn(session: Session) -> np.ndarray:
    return np.asarray(session.map.front.data["image"][0])


def finish(one: Any) -> None:
    work, done, _ = one
    done(work(quiet, never))


@pytest.mark.parametrize("pixels", [24, 200])
@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_the_picture_that_is_made_aside_is_that_of_one_made_at_once(
    chosen: Callable[..., Store], monkeypatch: pytest.MonkeyPatch, query: dict[str, str], pixels: int
) -> None:
    store = chosen(**query)
    entry, view = store.entry, fitted(MINE.bbox, pixels, pixels)
    assert entry is not None
    assert combined_frames.is_costly(store, view)
    at_once = store.frame(entry, store.step(entry), view).codes
    assert len(np.unique(at_once)) > 1
    for cells in (900, 10**9):
        monkeypatch.setattr(combined_frames, "BLOCK_CELLS", cells)
        asked = combined_frames.picture(store, entry, view)
        found = asked.work(quiet, never)
        np.testing.assert_array_equal(combined_frames.frame(store, entry, asked, found).codes, at_once)
        assert found.size <= pixels**2  # of no more cells than there are pixels


def test_it_is_of_what_was_chosen_when_it_began_and_can_be_stopped(chosen: Callable[..., Store]) -> None:
    store = chosen(minus="odd")
    entry, view = store.entry, fitted(MINE.bbox, 24, 24)
    assert entry is not None
    asked = combined_frames.picture(store, entry, view)
    before = asked.work(quiet, never)
    store.selection.param.update(minus="", expression="a + odd")
    np.testing.assert_array_equal(asked.work(quiet, never), before)
    told: list[float] = []
    with pytest.raises(Cancelled):
        asked.work(lambda share, _: told.append(share), lambda: len(told) == 3)
    assert told == sorted(told)
    assert 0 < told[-1] < 1


def test_the_old_picture_stays_until_that_of_the_next_step_is_there_and_the_map_says_so(
    tab: Callable[..., Session], begun: list[Any]
) -> None:
    session = tab(minus="odd")
    assert drawn(session).size == 1
    begun[-1][2](0.4, "")
    assert "computing …" in session.combined.note.object
    assert 'value="0.4"' in session.combined.note.object
    finish(begun[-1])
    first = drawn(session)
    assert session.combined.note.object == ""
    count = len(begun)
    session.selection.time = "2018-01-04T12:00:00"
    session.map.request()
    assert len(begun) == count + 1  # the same picture is not begun twice
    assert drawn(session) is first
    assert "computing 2018-01-04 …; the map still shows 2018-01-03" in session.combined.note.object
    finish(begun[-1])
    assert (drawn(session) != first).any()
    session.selection.time = "2018-01-03T12:00:00"
    np.testing.assert_array_equal(drawn(session), first)
    assert len(begun) == count + 1  # it was kept


@pytest.mark.parametrize(
    "change", [{"minus": "coarse"}, {"expression": "a - odd", "minus": ""}, {"colour_range": (0, 1)}], ids=str
)
def test_no_picture_of_something_else_stays(
    tab: Callable[..., Session], begun: list[Any], change: dict[str, Any]
) -> None:
    session = tab(minus="odd")
    finish(begun[-1])
    assert drawn(session).size > 1
    session.selection.time = "2018-01-04T12:00:00"
    assert drawn(session).size > 1
    session.selection.param.update(**change)
    assert drawn(session).size == 1
    session.selection.param.update(minus="", expression="")
    assert drawn(session).size > 1  # the product alone, at once
    assert session.combined.note.object == ""


def test_nothing_of_it_is_read_ahead_or_beneath(
    tab: Callable[..., Session], begun: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tab(minus="odd")
    finish(begun[-1])
    read: list[int] = []
    monkeypatch.setattr(Store, "on_map", lambda _, entry, step, gather: read.append(step))
    session.ahead.ask()
    session.map._draw_back(session.store.step(session.store.entry), session.map.view())
    assert not read


@pytest.mark.parametrize("query", QUERIES[:3], ids=str)
def test_agreement_is_the_same_however_few_cells_are_read_at_once(
    chosen: Callable[..., Store], monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    found = []
    for cells in (10**9, 700, 1):
        monkeypatch.setattr(comparison, "_AGREEMENTS", BoundedCache(8))
        monkeypatch.setattr(comparison, "BAND_CELLS", cells)
        found.append(chosen(**query).comparison.statistics())
    store = chosen(**query)
    assert store.entry is not None
    fields = np.stack([store.comparison.field(step) for step in range(4)]).astype(float)
    assert found[0].n == np.isfinite(fields).sum()
    assert found[0].bias == pytest.approx(np.nanmean(fields), abs=1e-7)
    assert found[0].rmsd == pytest.approx(np.sqrt(np.nanmean(fields**2)), abs=1e-7)
    for other in found[1:]:
        assert (other.n, other.steps, other.every) == (found[0].n, 4, 1)
        assert (other.pearson_r, other.bias) == pytest.approx((found[0].pearson_r, found[0].bias), abs=1e-9)


def test_agreement_says_how_far_it_is_until_it_is_there(
    tab: Callable[..., Session], begun: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_AGREEMENTS", BoundedCache(8))
    session = tab()
    session.selection.minus = "odd"
    work = next(one for one in begun if hasattr(one[1], "__self__") and one[1].__self__ is session.layers.agreement)
    said = session.layers.agreement.pane
    work[2](0.3, "")
    assert "computing …" in said.object
    assert 'value="0.3"' in said.object
    finish(work)
    assert f"{session.store.comparison.statistics().rmsd:.4f}" in said.object
