"""Paths that are typed on the page: what keeps one from being looked up is told in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalogue import data_folders
from app.catalogue.data_folders import find
from smcore.errors import ReaderError


def test_a_path_that_the_system_refuses_is_told_in_a_sentence(tmp_path: Path) -> None:
    for name in ("a" * 300, f"{'a' * 300}/b.csv", f"{'a' * 300}/*.csv"):
        with pytest.raises(ReaderError, match=r"(can't be looked up|no such file)"):
            find(f"{tmp_path}/{name}", [tmp_path])
    with pytest.raises(ReaderError, match="can't be looked up: File name too long"):
        find(f"{tmp_path}/{'a' * 300}", [tmp_path])
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("", "loop", "loop/a.csv", "*"):
        with pytest.raises(ReaderError):
            find(f"{tmp_path}/{name}", [tmp_path])


def test_a_folder_without_permission_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(ReaderError, match="can't be looked up: Permission denied"):
        find(f"{tmp_path}/a.csv", [tmp_path])


def test_a_folder_with_more_in_it_than_is_checked_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in "abc":
        (data / f"{name}.csv").touch()
    monkeypatch.setattr(data_folders, "_MOST_LOOKED", 3)
    assert find(str(data), [data]) == [data]
    (data / "d.csv").symlink_to(tmp_path)
    with pytest.raises(ReaderError, match=r"(more than 3|outside)"):
        find(str(data), [data])
    (data / "d.csv").unlink()
    (data / "d.csv").touch()
    with pytest.raises(ReaderError, match="more than 3"):
        find(str(data), [data])
