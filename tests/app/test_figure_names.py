"""Names of files that a browser asks for and no disk can have are of no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.figure_files import FILES, found_file


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "ö" * 200, "..", ".hidden", "a/b", "a\0b", ""])
def test_a_name_that_no_file_can_have_is_not_found(tmp_path: Path, name: str) -> None:
    figure = "0123456789ab"
    (tmp_path / figure / FILES).mkdir(parents=True)
    (tmp_path / figure / FILES / "a.png").write_bytes(b"x")
    assert found_file(tmp_path, figure, name) is None
    assert found_file(tmp_path, figure, "a.png") is not None
