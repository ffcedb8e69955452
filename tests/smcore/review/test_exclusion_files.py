"""Exclusions from files: tables of one's own, logs and exported reviews; and ``loam validate --exclude``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from factories import catalogue, tiny_cube, tiny_stations

from app import cli
from smcore.errors import MatchError, SmcoreError
from smcore.review.exchange import save
from smcore.review.exclusion_files import read_exclusions
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.identity import run_identity

RUN = "0123456789abcdef"
SENSOR = "TEST/Station 1/0.00-0.05/probe"
STRANGE = ("=cmd|' /C calc'!A0", "'quoted'", "<script>alert(1)</script> \u202egnitics \U0001f4a7 $x$")


def test_a_table_of_ones_own_is_read_whatever_the_order_and_number_of_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    again = "2018-01-03,{}, a ,2018-01-04T06:00:00{}"
    lines = ["start,comment,subject,end", again.format("x", ""), ",,b,", ",,,", again.format("y", "Z")]
    file.write_text("\n".join(lines), encoding="utf-8-sig")
    expected = (Exclusion(" a ", "2018-01-03T00:00:00", "2018-01-04T06:00:00"), Exclusion("b"))
    assert read_exclusions(file).exclusions == expected
    assert read_exclusions(file).run == ""
    other = tmp_path / "mine.json"
    other.write_text(json.dumps([{"subject": "b", "start": None, "end": "", "reason": "snow", "who": 1}]))
    assert read_exclusions(other).exclusions == (Exclusion("b", reason="snow"),)


def test_names_that_a_spreadsheet_would_run_come_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    cells = [f"'{name}" if name[0] in "='" else name for name in STRANGE]
    file.write_text("subject,start,end\n" + "".join(f'"{cell}",,2018-01-01\n' for cell in cells), encoding="utf-8")
    assert {one.subject for one in read_exclusions(file).exclusions} == set(STRANGE)


@pytest.mark.parametrize("form", ["review.csv", "review.json", REVIEW_LOG, ""])
def test_of_a_review_the_standing_exclusions_are_taken(tmp_path: Path, form: str) -> None:
    log = ReviewLog(tmp_path / REVIEW_LOG, RUN)
    for subject in STRANGE:
        log.append("exclude", subject, "Ada", {"start": "2018-01-03T00:00:00", "end": "", "reason": "snow", "text": ""})
    undone = log.append("exclude", "x", "Ada", {"start": "", "end": "", "reason": "flat", "text": ""})
    log.append("restore", "x", "Ada", {"event": undone.id, "text": ""})
    if form.startswith("review.") and form != REVIEW_LOG:
        save(log.events(), RUN, tmp_path / form)
    found = read_exclusions(tmp_path / form)
    assert found.run == RUN
    assert {(one.subject, one.reason) for one in found.exclusions} == {(name, "snow") for name in STRANGE}


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.txt", "", r"read from \.csv, \.json or a review log"),
        ("a.csv", "", "no column subject.*needs the columns subject, start, end"),
        ("a.csv", "subject,strat,end\na,2018-01-01,\n", "no column start"),
        ("a.csv", "subject,start,end\n", "Nothing is excluded.*leave --exclude out"),
        ("a.csv", "subject,start,end\n,,\nb,2018-13-01,\n", r"'2018-13-01' is no time \(a.csv, exclusion 1\)"),
        ("a.csv", "subject,start,end\n,2018-01-01,\n", "names no subject"),
        ("a.csv", "subject,start,end\na,2018-01-02,2018-01-01\n", "before it starts"),
        ("a.csv", 'subject,start,end\n"a,,', "can't be read"),
        ("a.csv", "subject,start,end\na,\n", "row 1 has too few cells"),
        ("a.json", "[{]", "can't be read"),
        ("a.json", '{"a": 1}', "holds no list"),
        ("a.json", '[{"subject": "a"}]', "lacks subject, start or end"),
        ("a.json", '[{"subject": 1, "start": "", "end": ""}]', "subject of an exclusion is no text"),
        ("a.json", '{"form": "loam review 99", "run": "", "events": []}', "newer version"),
        ("a.sqlite", "no log", "review"),
    ],
)
def test_a_file_that_is_wrong_is_one_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SmcoreError, match=sentence) as error:
        read_exclusions(tmp_path / name)
    assert "\n" not in error.value.sentence


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MatchError, match="no such file"):
        read_exclusions(tmp_path / "none.csv")
    with pytest.raises(MatchError, match="no such file"):
        read_exclusions(tmp_path)  # a run that nobody has reviewed


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return catalogue(tmp_path_factory.mktemp("world"), {"cube": tiny_cube(), "net": tiny_stations()})


@pytest.fixture
def loam(world: Path, loam_home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        strata = () if "--run" in arguments else ("--stratum", "none")
        status = cli.main(["validate", *map(str, (*arguments, *strata)), "--catalog", str(world)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_a_run_is_made_with_exclusions_and_again_from_its_file(
    loam: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(f"subject,start,end,reason\n{SENSOR},2018-01-06,2018-01-15,snow\nnowhere,,,flat\n")
    given = ("--product", "cube", "--reference", "net", "--interval", "none", "--metric", "bias")
    status, out, _ = loam(*given, "--exclude", table, "--out", tmp_path / "a")
    assert status == 0
    assert "exclusions: 1 period of 1 sensor left out of net (snow 1): 240 usable records and 10 pairs fewer" in out
    assert "exclusions: 'nowhere' is not among the locations that are compared" in out
    record: dict[str, Any] = json.loads((tmp_path / "a/run.json").read_text())
    assert record["results"][0]["dropped"]["excluded"] == 10
    status, out, _ = loam("--run", tmp_path / "a", "--out", tmp_path / "b")
    assert (status, "The same bytes as" in out) == (0, True)
    loam(*given, "--out", tmp_path / "c")
    log = ReviewLog(tmp_path / "c" / REVIEW_LOG, run_identity(json.loads((tmp_path / "c/run.json").read_text())))
    period = {"start": "2018-01-06T00:00:00", "end": "2018-01-15T23:59:59"}
    log.append("exclude", SENSOR, "Ada", {**period, "reason": "snow", "text": ""})
    status, out, told = loam("--run", tmp_path / "c", "--exclude", tmp_path / "c", "--out", tmp_path / "d")
    assert (status, "another run" in told) == (0, False)
    assert (tmp_path / "d/metrics.csv").read_bytes() == (tmp_path / "a/metrics.csv").read_bytes()
    _, _, told = loam(*given, "--min-obs", 12, "--exclude", tmp_path / "c", "--out", tmp_path / "e")
    assert "The exclusions are those of a review of another run" in told


def test_several_files_of_exclusions_are_taken_together(
    loam: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    parts = {"a": ("2018-01-06", "2018-01-08"), "b": ("2018-01-12", "2018-01-13"), "c": ("2018-01-06", "2018-01-08")}
    for name, (start, end) in parts.items():
        (tmp_path / f"{name}.csv").write_text(f"subject,start,end,reason\n{SENSOR},{start},{end},snow\n")
    given = [word for name in parts for word in ("--exclude", tmp_path / f"{name}.csv")]
    more = ("--interval", "none", "--metric", "bias", "--out", tmp_path / "run")
    assert loam("--product", "cube", "--reference", "net", *given, *more)[0] == 0
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert [one["start"][:10] for one in record["options"]["exclusions"]] == ["2018-01-06", "2018-01-12"]
    assert record["results"][0]["dropped"]["excluded"] == 5  # days


def test_exclusions_that_fit_nothing_are_refused_on_the_command_line(
    loam: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("subject,start,end\nnowhere,,\n")
    status, _, told = loam("--product", "cube", "--reference", "net", "--exclude", table, "--out", tmp_path / "a")
    assert (status, told.count("\n")) == (2, 1)
    assert "No exclusion fits this run: 'nowhere' is not among the locations" in told
    assert not (tmp_path / "a").exists()
