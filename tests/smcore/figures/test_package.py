"""The folder of a figure: an earlier one is replaced only where it is as it was written, and only by a whole one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import catalogue, tiny_cube

from smcore.catalog import load_catalog
from smcore.errors import SmcoreError
from smcore.figures.drawing import Prepared, prepare
from smcore.figures.package import write_package
from smcore.figures.recipe import FORMAT, VERSION, recipe_of
from smcore.figures.sources import Places
from smcore.grids import regular


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A map of a single cell."""
    folder = tmp_path_factory.mktemp("world")
    file = catalogue(folder, {"one": tiny_cube(regular(40.0, 10.0, 0.25, 0.25, 1, 1), count=2)})
    data = {"source": "catalogue", "products": ["one"], "time": "2018-01-01"}
    made = recipe_of({"format": FORMAT, "version": VERSION, "kind": "map", "data": data})
    return prepare(made, Places(load_catalog([file]), folder, folder, anywhere=True))


def test_a_package_does_not_replace_what_is_something_else(prepared: Prepared, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(SmcoreError, match="something else already"):
        write_package(prepared, tmp_path / "mine")
    first = write_package(prepared, tmp_path / "new", forms=())
    with pytest.raises(SmcoreError, match="A package is there already"):
        write_package(prepared, tmp_path / "new", forms=())
    assert write_package(prepared, tmp_path / "new", forms=(), overwrite=True) == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "new"]


def _with_a_letter(folder: Path) -> None:
    (folder / "letter.txt").write_text("x")


def _with_a_folder(folder: Path) -> None:
    (folder / "chapter").mkdir()


def _with_another_caption(folder: Path) -> None:
    (folder / "caption.txt").write_text("My own words.")


def _without_its_list(folder: Path) -> None:
    (folder / "files.json").unlink()


def _with_a_list_of_a_file_elsewhere(folder: Path) -> None:
    listed = json.loads((folder / "files.json").read_text())
    (folder / "files.json").write_text(json.dumps(listed | {"files": listed["files"] | {"../thesis.tex": ""}}))


@pytest.mark.parametrize(
    "change",
    [_with_a_letter, _with_a_folder, _with_another_caption, _without_its_list, _with_a_list_of_a_file_elsewhere],
)
def test_a_package_in_which_somebody_worked_is_never_replaced(
    prepared: Prepared, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    write_package(prepared, tmp_path / "all", forms=())
    change(tmp_path / "all")
    before = {one: one.is_file() and one.read_bytes() for one in tmp_path.rglob("*")}
    with pytest.raises(SmcoreError, match="something else already"):
        write_package(prepared, tmp_path / "all", forms=(), overwrite=True)
    assert {one: one.is_file() and one.read_bytes() for one in tmp_path.rglob("*")} == before


def test_a_package_never_takes_the_place_of_the_folder_that_one_works_in(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_package(prepared, tmp_path / "all", forms=())
    (tmp_path / "link").symlink_to(tmp_path / "all")
    monkeypatch.chdir(tmp_path / "all")
    before = sorted(one.name for one in Path().iterdir())
    for place in (Path(), tmp_path / "all", tmp_path, tmp_path / "link"):
        with pytest.raises(SmcoreError, match=r"that you work in|it is no folder"):
            write_package(prepared, place, forms=(), overwrite=True)
    assert sorted(one.name for one in Path().iterdir()) == before


@pytest.mark.parametrize("fault", [OSError("refused"), KeyboardInterrupt()])
def test_an_earlier_package_is_back_when_the_new_one_can_t_take_its_place(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    names = write_package(prepared, tmp_path / "all", forms=())
    rename = Path.rename

    def refusing(self: Path, target: Path) -> Path:
        if target.name == "all" and not self.name.endswith(".old"):
            raise fault
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises((SmcoreError, KeyboardInterrupt)):
        write_package(prepared, tmp_path / "all", forms=(), overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["all"]
    assert sorted(one.name for one in (tmp_path / "all").iterdir()) == names
