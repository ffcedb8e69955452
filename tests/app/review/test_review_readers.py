"""Several readers of a run on the desk: files taken in and given out, and where readers differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.files.names import plain
from app.review import exchange as review_exchange
from app.session import Session
from smcore.errors import ReviewError
from smcore.review.events import Conditions
from smcore.review.exchange import as_text
from smcore.review.log import ReviewLog

OPEN = Conditions(False, True, "as listed")


def of_colleague(tab: Session, folder: Path, verdict: int, *, run: str = "") -> bytes:
    """The file of a colleague who judged the first station, and excluded a week of the second, on a copy."""
    log = tab.room.review.log
    assert log is not None
    own = ReviewLog(folder / "copy.sqlite", run or log.run)
    first, second = list(tab.room.review.table().index)[:2]
    own.append("look", first, "Bob <b>", {}, OPEN)
    own.append("verdict", first, "Bob <b>", {"verdict": verdict, "reasons": ["flat"]}, OPEN)
    week = {"start": "2020-01-05T00:00:00", "end": "2020-01-11T23:59:59", "reason": "drift", "text": ""}
    own.append("exclude", second, "Bob <b>", week, OPEN)
    own.append("verdict", second, "Bob <b>", {"verdict": 2, "reasons": []}, OPEN)
    return as_text(own.events(), own.run, ".json").encode()


def given(tab: Session) -> None:
    """Ada judges the first two stations."""
    for subject in list(tab.room.review.table().index)[:2]:
        tab.room.review.choose(subject)
        tab.room.keys()["review-1"]()
        tab.room.keys()["review-s"]()


def test_a_colleagues_file_is_taken_in_and_each_difference_named_and_opened(
    desk: Callable[..., Session], tmp_path: Path
) -> None:
    tab = desk(reader="Ada", blind="off")
    given(tab)
    before = tab.room.review.log.events()
    readers = tab.room.list.readers
    readers.file.filename = "bob.json"
    readers.file.value = of_colleague(tab, tmp_path, 4)
    assert "4 decisions taken in; 0 were here already" in readers.said.object
    after = tab.room.review.log.events()
    assert [event.id for event in after][: len(before)] == [event.id for event in before]  # nothing is overwritten
    first, second = list(tab.room.review.table().index)[:2]
    assert tab.room.review.review.of(first).verdict_of("Ada").verdict == 1
    assert "3 differences" in readers.fold.head.label
    told = readers.list.object
    assert "Ada: 1, representative (20" in told
    assert "Bob &lt;b&gt;: 4, not representative (20" in told
    assert "<b>:" not in told
    assert "excluded by one alone" in told
    opened = set()
    for number in re.findall('data-open="difference:([^"]+)"', told):
        tab.room.links["difference"](number)
        opened.add(tab.room.review.subject)
    assert opened == {first, second}
    readers.file.value = b""
    log = tab.room.review.log
    readers.file.value = as_text(log.events(), log.run, ".json").encode()
    assert "0 decisions taken in; 10 were here already" in readers.said.object


def test_what_is_no_review_of_this_run_is_refused_in_a_sentence_and_changes_nothing(
    desk: Callable[..., Session], tmp_path: Path
) -> None:
    tab = desk(reader="Ada", blind="off")
    tab.room.move(1)
    tab.room.keys()["review-1"]()
    before = tab.room.review.log.events()
    readers = tab.room.list.readers
    others = of_colleague(tab, tmp_path, 4, run="0123456789abcdef")
    for name, content, said in (
        ("bob.json", others, "review of another run"),
        ("bob.json", b"{}", "damaged, or no review"),
        ("bob.csv", b"a,b\n1,2\n", "columns are not those of a review"),
        ("bob.txt", b"hello", "read from .csv or .json"),
        ("<i>.json", b"\xff\xfe", "is not UTF-8"),
    ):
        readers.file.filename = name
        readers.file.value = content
        assert said in readers.said.object, name
        assert "<i>" not in readers.said.object
    with pytest.raises(ReviewError, match="larger than 5 MB"):
        review_exchange.take_in(tab.room.review, "bob.json", b" " * 5_000_001)
    assert tab.room.review.log.events() == before


@pytest.mark.parametrize("suffix", [".csv", pytest.param(".json", marks=pytest.mark.slow)])
def test_the_file_of_a_review_gives_back_every_event(desk: Callable[..., Session], tmp_path: Path, suffix: str) -> None:
    tab = desk(reader="Ada", blind="off")
    given(tab)
    content = review_exchange.review_file(tab.room.review, suffix).getvalue()
    other = desk(reader="Cy", blind="off")
    assert review_exchange.read_bytes(content, f"a{suffix}").events == tuple(other.room.review.log.events())
    name = tab.room.list.readers.save[0]
    name.callback()
    assert name.filename == "review_first.csv"


def test_a_blind_reader_is_told_how_many_differ_and_who_only_after_his_own_verdict(
    desk: Callable[..., Session], tmp_path: Path
) -> None:
    tab = desk(reader="Ada", blind="off")
    given(tab)
    review_exchange.take_in(tab.room.review, "bob.json", of_colleague(tab, tmp_path, 4))
    blind = desk(reader="Cy", blind="on")
    readers = blind.room.list.readers
    assert "3 at stations that you have not judged yet" in readers.list.object
    assert "Ada" not in readers.list.object
    with pytest.raises(ReviewError, match="others have judged 2 stations that you have not"):
        review_exchange.review_file(blind.room.review, ".json")
    blind.room.review.choose(next(iter(blind.room.review.table().index)))
    blind.room.keys()["review-3"]()
    assert "Ada: 1, representative" in readers.list.object
    assert "Cy: 3, doubtful" in readers.list.object


def test_who_takes_over_a_tab_sees_no_verdict_that_the_one_before_was_shown(
    desk: Callable[..., Session], tmp_path: Path
) -> None:
    tab = desk(reader="Ada", blind="off")
    given(tab)
    review_exchange.take_in(tab.room.review, "bob.json", of_colleague(tab, tmp_path, 4))
    blind = desk(reader="Ada", blind="on")
    listed = blind.room.list.readers.list
    assert "Bob" in listed.object
    blind.selection.reviewer = "Cy"
    assert "3 at stations that you have not judged yet" in listed.object
    assert "Bob" not in listed.object


def test_names_of_files_are_plain_whatever_a_station_is_called() -> None:
    assert plain("series", "NET/S 1/0-0.05/=cmd", "2020-01-01") == "series_NET-S-1-0-0.05-cmd_2020-01-01"
    assert plain("../..", "\u202egnp.exe", "土壤") == "gnp.exe_土壤"
    assert plain("<>", "") == "file"
    assert len(plain("x" * 500)) == 100
