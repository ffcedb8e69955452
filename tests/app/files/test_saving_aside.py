"""Files that take long are made aside: the same bytes, told of, stopped, on the disk where they are large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.files import kept, saving
from app.map import combined_frames
from app.page.background import Latest
from app.session import Session
from app.views import saving as save_bar
from smcore.errors import Cancelled, ExportError
from smcore.progress import Cancel, Progress, never, quiet

DIFFERENCE = {"product": "fine", "minus": "coarse"}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAM_HOME", str(tmp_path / "home"))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Work that is begun and not done yet."""
    found: list[Any] = []
    monkeypatch.setattr(Latest, "start", lambda _, work, done, **more: found.append((work, done, more)))
    return found


def press(session: Session, kind: str) -> Any:
    saver = next(one for one in session.layers.save if one.filename.endswith(kind))
    saver._clicks += 1
    return saver


@pytest.mark.parametrize(
    ("query", "kind"), [(DIFFERENCE, "csv"), (DIFFERENCE, "svg"), ({"product": "fine"}, "png"), ({}, "csv")]
)
def test_a_file_made_aside_in_blocks_is_the_file_made_at_once(
    open_tab: Callable[..., Session], begun: list[Any], query: dict[str, str], kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    session = open_tab(**query)
    begun.clear()
    monkeypatch.setattr(combined_frames, "BLOCK_CELLS", 10**9)
    monkeypatch.setattr(saving, "ROWS_AT_ONCE", 10**9)
    whole = saving.map_file(session.store, kind).getvalue()
    monkeypatch.setattr(combined_frames, "BLOCK_CELLS", 200)
    monkeypatch.setattr(saving, "ROWS_AT_ONCE", 30)
    saver = press(session, kind)
    ((work, done, _),) = begun
    session.selection.time = "2018-01-20T00:00:00"  # what is chosen meanwhile is not in the file
    shares: list[float] = []
    file = work(lambda share, _: shares.append(share), never)
    assert file.read_bytes() == whole
    assert shares == sorted(shares)
    assert "%" in session.layers.saving.note.object
    done(file)
    assert saver.data.startswith("data:")
    assert saver.filename == file.name
    assert query.get("product", "") in saver.filename
    assert not kept.folder().exists() or not list(kept.folder().iterdir())
    assert session.layers.saving.note.object == ""


def test_nothing_is_computed_while_the_server_waits(
    open_tab: Callable[..., Session], begun: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_tab(**DIFFERENCE)
    begun.clear()
    monkeypatch.setattr(saving, "map_parts", lambda *_: pytest.fail("on the server's thread"))
    press(session, "png")
    assert len(begun) == 1
    assert session.layers.saving.stop.visible


def test_a_stopped_file_leaves_nothing_and_a_second_kind_does_not_end_the_first(
    open_tab: Callable[..., Session], begun: list[Any]
) -> None:
    session = open_tab(**DIFFERENCE)
    begun.clear()
    press(session, "csv")
    press(session, "png")
    assert len({id(work) for work in session.layers.saving._works.values()}) == 3
    session.layers.saving.stop.clicks += 1
    assert not session.layers.saving.stop.visible
    with pytest.raises(Cancelled):
        begun[0][0](quiet, lambda: True)
    assert not list(kept.folder().iterdir())


def test_a_large_file_stays_on_the_disk_and_is_fetched_by_a_link(
    open_tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save_bar, "AT_ONCE_BYTES", 100)
    session = open_tab(**DIFFERENCE)
    press(session, "csv")
    (own,) = kept.folder().iterdir()
    (file,) = own.iterdir()
    assert f'href="saved/{own.name}/{file.name}"' in session.layers.saving.note.object
    assert kept.kept_file(own.name, file.name) == file
    for owner, name in ((own.name, "other.csv"), (own.name, "../x"), ("..", file.name), ("0" * 12, file.name)):
        assert kept.kept_file(owner, name) is None


def test_a_table_of_the_map_has_its_fault_said_and_the_buttons_again(
    open_tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(save_bar, "notify", said.append)
    monkeypatch.setenv("LOAM_EXPORT_QUOTA", "100")
    session = open_tab(**DIFFERENCE)
    press(session, "csv")
    assert "grew beyond the 100 B" in said[0]
    assert not list(kept.folder().iterdir())
    assert not session.layers.saving.stop.visible


def test_the_oldest_files_are_forgotten_and_one_that_fails_is_never_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 2)
    files = [kept.keep(f"{n}.csv", [b"a", b"b"], never) for n in range(4)]
    assert files[-1].read_bytes() == b"ab"
    assert len(list(kept.folder().iterdir())) == 2

    def failing(_: Progress = quiet, __: Cancel = never) -> Iterator[bytes]:
        yield b"a"
        raise OSError(28, "No space left on device")

    with pytest.raises(ExportError, match=r"disk is full|can't be written"):
        kept.keep("x.csv", failing(), never)
    assert len(list(kept.folder().iterdir())) == 2
