"""Files that a user asks for are whole or not there, and never take the place of something else by a slip."""

from __future__ import annotations

import errno
import json
import signal
from pathlib import Path

import pytest

from app import cli
from smcore.errors import ExportError
from smcore.out_file import check_place, drafted


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with the record of a run and two files, of which the record lists one."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"files": {"metrics.csv": "00"}}))
    (folder / "metrics.csv").write_text("numbers")
    (folder / "mine.csv").write_text("mine")
    return folder


def test_what_is_there_is_replaced_only_where_that_is_asked_for(run: Path) -> None:
    with pytest.raises(ExportError, match=r"Something is there already \(.*give another name, or --overwrite"):
        check_place(run / "mine.csv")
    with drafted(run / "mine.csv", overwrite=True) as draft:
        draft.write_text("new")
    assert (run / "mine.csv").read_text() == "new"
    assert sorted(one.name for one in run.iterdir()) == ["metrics.csv", "mine.csv", "run.json"]


@pytest.mark.parametrize("name", ["metrics.csv", "run.json", "METRICS.csv"])
def test_what_a_run_lists_is_never_replaced(run: Path, name: str) -> None:
    if name.isupper() or name[0].isupper():
        (run / name).touch()  # the same file, where the file system says so
    with pytest.raises(ExportError, match=r"part of a result, as its run\.json says"):
        check_place(run / name, overwrite=True)


def test_what_a_bundle_lists_two_folders_up_is_never_replaced(tmp_path: Path) -> None:
    figure = tmp_path / "bundle" / "figures" / "boxes" / "figure.png"
    figure.parent.mkdir(parents=True)
    figure.touch()
    (tmp_path / "bundle" / "hashes.json").write_text(json.dumps({"files": {"figures/boxes/figure.png": {}}}))
    (tmp_path / "way").symlink_to(figure.parent)
    for place in (figure, tmp_path / "way" / "figure.png", figure.parent / ".." / "boxes" / "figure.png"):
        with pytest.raises(ExportError, match=r"as its hashes\.json says"):
            check_place(place, overwrite=True)


def test_where_the_list_can_not_be_read_nothing_beside_it_is_replaced(run: Path) -> None:
    for damaged in ("{", "[]", '{"files": 3}', "\ufeff{}"):
        (run / "run.json").write_text(damaged)
        with pytest.raises(ExportError, match="part of a result"):
            check_place(run / "mine.csv", overwrite=True)


def test_links_and_folders_are_no_plain_files(run: Path) -> None:
    (run / "link.csv").symlink_to(run / "metrics.csv")
    (run / "lost.csv").symlink_to(run / "nothing")
    (run / "folder.csv").mkdir()
    for name in ("link.csv", "lost.csv", "folder.csv"):
        with pytest.raises(ExportError, match="no plain file"):
            check_place(run / name, overwrite=True)


def test_a_file_needs_its_folder_and_its_ending(run: Path) -> None:
    with pytest.raises(ExportError, match="There is no such folder"):
        check_place(run / "none" / "x.csv")
    with pytest.raises(ExportError, match=r"to end in \.html or \.pdf \(x\.csv\)"):
        check_place(run / "x.csv", endings=(".html", ".pdf"))
    check_place(run / "x.PDF", endings=(".html", ".pdf"))


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError, SystemExit])
def test_after_any_fault_what_was_there_is_there_and_no_draft(run: Path, fault: type[BaseException]) -> None:
    def write() -> None:
        with drafted(run / "mine.csv", overwrite=True) as draft:
            draft.write_text("half")
            raise fault

    with pytest.raises(fault):
        write()
    assert (run / "mine.csv").read_text() == "mine"
    assert sorted(one.name for one in run.iterdir()) == ["metrics.csv", "mine.csv", "run.json"]


def test_two_drafts_of_one_file_are_two_and_the_slower_one_gives_way(tmp_path: Path) -> None:
    out = tmp_path / "x.csv"

    def race() -> None:
        with drafted(out) as slow:
            slow.write_text("slow")
            with drafted(out) as fast:
                fast.write_text("fast")

    with pytest.raises(ExportError, match="Something is there already"):
        race()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("x.csv", "fast")]


@pytest.mark.usefixtures("loam_home")
@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        ("report", "metrics.csv", "to end in .html or .pdf"),
        ("report", "page.html", "Something is there already"),
        ("report", "none/page.html", "There is no such folder"),
        ("compare", "run.json", "to end in .csv"),
        ("compare", "metrics.csv", "part of a result, as its run.json says"),
        ("compare", "mine.csv", "Something is there already"),
    ],
)
def test_a_report_and_a_comparison_refuse_before_they_begin(
    run: Path, capsys: pytest.CaptureFixture[str], command: str, name: str, said: str
) -> None:
    (run / "page.html").touch()
    before = {one.name: one.read_bytes() for one in run.iterdir()}
    given = [run, run] if command == "compare" else [run]
    assert cli.main([command, *map(str, given), "--out", str(run / name)]) == 2
    assert said in capsys.readouterr().err
    assert {one.name: one.read_bytes() for one in run.iterdir()} == before


def test_a_read_only_disk_is_said_of_the_file_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a disk refuses to remove even what is not there."""

    def refusing(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refusing)
    with pytest.raises(ExportError) as caught, drafted(tmp_path / "x.csv"):
        refusing()
    assert caught.value.sentence.startswith("The file can't be written: Read-only file system")
    assert "partial" not in caught.value.sentence


def test_a_kill_that_can_be_heard_ends_an_export_as_the_keyboard_does(tmp_path: Path) -> None:
    def killed() -> None:
        with cli.tidied(), drafted(tmp_path / "x.csv") as draft:
            draft.write_text("half")
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        killed()
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before
