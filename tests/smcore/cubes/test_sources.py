"""Source files: what a folder, a glob and an archive mean, and archives that nobody should unpack."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from smcore.cubes import sources
from smcore.cubes.sources import expand, unzip
from smcore.errors import ReaderError
from smcore.stations.archive import members


def archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def locked(path: Path) -> Path:
    """An archive whose headers say that a password is needed."""
    content = bytearray(archive(path, {"a.nc": "x"}).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(mark) + offset
        content[at : at + 2] = struct.pack("<H", 1)
    path.write_bytes(content)
    return path


def test_files_folders_globs_and_archives_give_their_files_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    for name in ("b.nc", "a.nc", ".hidden"):
        (folder / name).touch()
    zipped = archive(tmp_path / "z.zip", {"2/b.nc": "2", "1/a.nc": "1"})
    found = expand([tmp_path / "in", str(folder / "*.nc"), zipped], unpack_to=tmp_path / "out")
    assert [p.name for p in found] == ["a.nc", "b.nc"] * 3
    assert [p.read_text() for p in found[4:]] == ["1", "2"]


def test_a_folder_gives_nothing_hidden_but_may_lie_in_a_hidden_one(tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "in"
    for name in ("a.csv", "deep/b.csv", ".c.csv", ".keys/d.csv", "deep/.keys/more/e.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert expand([folder]) == [folder / "a.csv", folder / "deep" / "b.csv"]
    found, skipped = members([folder], tmp_path / "out", [".csv"])
    assert ([one.path for one in found], skipped) == (expand([folder]), [])


@pytest.mark.parametrize("name", ["../a.nc", "/etc/a.nc", "x/../../a.nc", "x\\..\\..\\a.nc", "C:\\a.nc", "C:/a.nc"])
def test_a_member_that_points_outside_is_refused_and_nothing_unpacked(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReaderError, match="points outside the archive"):
        unzip(archive(tmp_path / "z.zip", {"good.nc": "x", name: "x"}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_member_that_is_a_link_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as made:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        made.writestr(link, "/etc/passwd")
    with pytest.raises(ReaderError, match="points outside the archive"):
        unzip(tmp_path / "z.zip", tmp_path / "out")


def test_an_archive_that_swells_beyond_reason_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_UNPACKED", 1000)
    with pytest.raises(ReaderError, match="would unpack to"):
        unzip(archive(tmp_path / "z.zip", {"a.nc": "0" * 1001}), tmp_path / "out")


def test_an_archive_that_can_not_be_unpacked_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for made in (locked(tmp_path / "l.zip"), archive(tmp_path / "f.zip", {"a": "file", "a/b": "within"})):
        with pytest.raises(ReaderError, match="can't be unpacked") as error:
            unzip(made, tmp_path / made.stem)
        assert error.value.code == "bad_archive"
        assert "give the folder" in error.value.sentence


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="no such file, folder or match"):
        expand([tmp_path / "none*.nc"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReaderError, match="holds no file"):
        expand([tmp_path / "empty"])
