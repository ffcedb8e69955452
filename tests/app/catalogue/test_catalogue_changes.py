"""A catalogue that changes under an open tab: what is gone is told of, and its picture passes for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from factories import catalogue, tiny_cube, tiny_stations

from app import session as session_module
from app.session import Session
from app.settings import Settings
from smcore.grids import ease

HERE = ease("M36").cut(slice(80, 92), slice(200, 216))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    data = {
        "kept": tiny_cube(HERE, 4, title="Kept"), "gone": tiny_cube(HERE, 4, seed=7, title="Gone"),
        "nets": tiny_stations(HERE, 4),
    }  # fmt: skip
    return catalogue(tmp_path, data)


@pytest.fixture
def tab(file: Path, tmp_path: Path) -> Callable[..., Session]:
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, query)


def remove_entry(file: Path, entry_id: str) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for part in ("entries", "aliases"):
        del document[part][entry_id]
    del document["data"][f"{entry_id}.data"]
    file.write_text(yaml.safe_dump(document), encoding="utf-8")


def picture(session: Session) -> np.ndarray:
    session.map.draw()
    return np.array(session.map.front.data["image"][0])


@pytest.mark.parametrize("chosen", [{"product": "gone"}, {"product": "kept", "minus": "gone"}])
def test_the_picture_goes_with_its_product(
    tab: Callable[..., Session], file: Path, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str]
) -> None:
    said: list[str] = []
    monkeypatch.setattr(session_module, "notify", lambda sentence, *_: said.append(sentence))
    session, expected = tab(**chosen), picture(tab(product="kept"))
    assert not np.array_equal(picture(session), expected)
    remove_entry(file, "gone")
    session.store.reload()
    assert np.array_equal(session.map.front.data["image"][0], expected), "of its own accord"
    assert (session.selection.product, session.selection.minus) == ("kept", "")
    assert said == ["No longer in the catalogue: gone."]
    session.store.reload()
    assert len(said) == 1


def test_the_last_product_and_the_stations_leave_an_empty_map(tab: Callable[..., Session], file: Path) -> None:
    session = tab(product="kept", at=f"{HERE.lat[3]},{HERE.lon[3]}")
    picture(session)
    session.map.mark_stations()
    assert session.map.cell.data["left"]
    for one in ("kept", "gone", "nets"):
        remove_entry(file, one)
    session.store.reload()
    assert session.map.front.data["image"][0].shape == (1, 1)
    assert not len(session.map.cell.data["left"])
    assert not len(session.map.stations.data["x"])
