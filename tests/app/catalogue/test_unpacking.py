"""Zips of the user's own: what they are unpacked to is gone when the work that needed it ends."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from factories import tiny_cube

from app.catalogue import adding
from app.catalogue.adding import Wish, ingest_job, look_job
from app.jobs import FAILED, Queue
from app.settings import Settings
from smcore.cubes.store import open_store
from smcore.errors import Cancelled, ReaderError
from smcore.grids import ease
from smcore.progress import never, quiet


@pytest.fixture
def own(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a folder for own data; temporary files go where they can be seen."""
    for name in ("data", "temp"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    return replace(settings, data_folders=(tmp_path / "data",))


def left(tmp_path: Path) -> list[Path]:
    return [path for name in ("temp", "job") for path in (tmp_path / name).rglob("*") if path.is_file()]


def test_nothing_stays_of_a_zip_that_was_looked_at_added_or_given_up(own: Settings, tmp_path: Path) -> None:
    tiny_cube(ease("M36").cut(slice(70, 76), slice(190, 198)), count=4).to_netcdf(tmp_path / "a.nc")
    with zipfile.ZipFile(tmp_path / "data" / "a.zip", "w") as made:
        made.write(tmp_path / "a.nc", "a.nc")
    wish = Wish.of(own, path=str(tmp_path / "data" / "a.zip"), id="mine").to_json()
    found = look_job(wish, tmp_path / "job", quiet, never)
    assert found["preview"]["steps"] == 4
    assert left(tmp_path) == []
    with pytest.raises(Cancelled):
        ingest_job(wish, tmp_path / "job", quiet, lambda: True)
    assert left(tmp_path) == []
    assert ingest_job(wish, tmp_path / "job", quiet, never)["steps"] == 4
    assert left(tmp_path) == []
    assert open_store(own.stores / "mine").dataset().sizes["time"] == 4


def test_a_refused_zip_is_named_as_the_user_knows_it_and_leaves_nothing(own: Settings, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data" / "a.zip", "w") as made:
        made.writestr("in/cut.nc", b"\x89HDF\r\n\x1a\n" + b"x" * 100)
    wish = Wish.of(own, path=str(tmp_path / "data" / "a.zip"), id="mine").to_json()
    said = str(look_job(wish, tmp_path / "job", quiet, never)["said"])
    assert "in/cut.nc" in said
    assert "unpacked" not in said
    with pytest.raises(ReaderError, match="cut short"):
        ingest_job(wish, tmp_path / "job", quiet, never)
    assert left(tmp_path) == []


def test_what_a_killed_worker_had_unpacked_is_removed(own: Settings) -> None:
    queue = Queue(own.jobs)
    killed = queue.submit(adding.LOOK, Wish.of(own, path="/x").to_json())
    unpacked = queue.path(killed) / "unpacked" / "tmp"
    unpacked.mkdir(parents=True)
    adding.sweep(queue)
    assert unpacked.is_dir()  # it may be at work
    queue.end(killed, FAILED)
    adding.sweep(queue)
    assert not unpacked.parent.exists()
